//! The whole way, from what the user named to the report: each room in its turn, and what one room
//! hands to the next. Decides nothing itself.

mod flows;
mod formats;

pub use formats::explain as explain_formats;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::tz::TimeZone;

use crate::blame::{self, Context, EndpointFact, Load, Minute, Slowness};
use crate::changes::{Change, Markers, as_logged};
use crate::confirm::{self, Blip, Incident};
use crate::detect::{self, Detection, Recurrence, Slowdown};
use crate::error::{Error, Result};
use crate::format::{Format, Registry};
use crate::input::{Found, Io};
use crate::query::{LookBack, PAST_US, Query};
use crate::reading::{Begins, Places, Reading, Sought, origins};
use crate::record::Reject;
use crate::report::{self, Finding, Report, Shown};
use crate::scan::{Scan, scan};
use crate::series::{EndpointId, LatencySeries, MINUTE_US, MinuteCell, SeriesSet};
use crate::sketch::Latencies;
use crate::zoom::{self, Cells, Detail, LineFilter, Look, Slow, Span, Tally, Times, Wanted, Watch};

const HOUR_US: i64 = 60 * MINUTE_US;
/// How far a candidate's surroundings are looked at: three hours before for what is usual, one hour
/// after for whether it ended.
const BEFORE_US: i64 = 3 * HOUR_US + 10 * MINUTE_US;
const AFTER_US: i64 = HOUR_US;
/// A calm time shorter than this, before a fault, doesn't tell who usually asks.
const LEAST_CALM_US: i64 = 10 * MINUTE_US;
/// The baseline of latencies and of load: the hour before the onset, but for its last ten minutes.
const RECENT_US: i64 = 70 * MINUTE_US;
const GUARD_US: i64 = 10 * MINUTE_US;
/// The last minutes before the onset, in which a surge would already show.
const EVE_US: i64 = 5 * MINUTE_US;
/// A rollout whose end no marker tells is taken to last so long when a blip is laid to it.
const ROLLOUT_US: i64 = 5 * MINUTE_US;
/// Clock difference between markers and logs that a blip may have.
const SKEW_US: i64 = MINUTE_US / 2;

/// An endpoint with so many errors, and so often, both in the asked time and in the past of a near look
/// back may have begun to fail before: detection takes no fewer errors, and no smaller rise, for a fault.
const LEAST_ERRORS: u64 = 3;
const LEAST_RATE: f64 = 0.01;

/// A point in time as the user gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// µs since the epoch.
    At(i64),
    /// Seconds since midnight, on the last day of the log in the log's own zone.
    TimeOfDay {
        /// 0 to 86,399.
        seconds: i64,
    },
}

/// How to analyze.
pub struct Options<'a> {
    /// What is asked; its times come from `since` and `until`.
    pub query: Query,
    /// Only requests from then on.
    pub since: Option<Moment>,
    /// Only requests before then.
    pub until: Option<Moment>,
    /// Whether files may be out of order of time: then they are read whole, whatever time is asked for.
    pub unsorted: bool,
    /// Length of the windows shown, in seconds: a multiple of 60.
    pub window_s: u32,
    /// The zone of times that name none.
    pub zone: Option<TimeZone>,
    /// The formats to choose from.
    pub registry: &'a Registry,
    /// The format of all files, where the user named one.
    pub log_format: Option<Arc<Format>>,
    /// Threads that read.
    pub threads: usize,
    /// How files are read.
    pub io: Io,
    /// The time now, µs since the epoch: tells files at rest from files being written.
    pub now_us: i64,
    /// Counts the bytes on disk that are done.
    pub progress: &'a AtomicU64,
}

/// Reads the logs and says what broke and which change did it.
///
/// # Errors
/// No file could be read, or no line in them is a request.
pub fn analyze(found: &Found, markers: &Markers, options: &Options<'_>) -> Result<Report> {
    analyzed(found, markers, options, |_, analysis| Ok(analysis.report))
}

/// Which lines to show.
#[derive(Debug, Clone)]
pub struct LinesOf<'a> {
    /// The incident's id, as the report has it: `i1`.
    pub incident: &'a str,
    /// What the lines must have besides, all of it.
    pub filters: &'a [LineFilter],
    /// Whether to show successes too.
    pub successes: bool,
    /// At most so many lines; the earliest are shown.
    pub limit: usize,
}

/// The log lines behind an incident, and their counts by window.
///
/// # Errors
/// As [`analyze`]; or there is no such incident.
pub fn show(
    found: &Found,
    markers: &Markers,
    options: &Options<'_>,
    of: &LinesOf<'_>,
) -> Result<Shown> {
    analyzed(found, markers, options, |reading, analysis| {
        let incidents = &analysis.report.incidents;
        let Some(index) = incidents.iter().position(|i| i.id == of.incident) else {
            let ids: Vec<&str> = incidents.iter().map(|i| i.id.as_str()).collect();
            let hint = match ids.as_slice() {
                [] => "these logs, read with these options, show no incident".to_owned(),
                ids => format!("there is {}", ids.join(", ")),
            };
            return Err(Error::config(format!("no incident {}", of.incident)).hint(hint));
        };
        let incident = &analysis.findings[index].incident;
        let endpoints = incident
            .endpoints
            .iter()
            .map(|(e, b)| (*e, b.signal))
            .collect();
        let wanted = Wanted {
            endpoints: &endpoints,
            times: times_of(incident, log_end_us(analysis.scan, analysis.series)),
            filters: of.filters,
            successes: of.successes,
            limit: of.limit,
            window_us: i64::from(options.window_s) * 1_000_000,
        };
        let (catalog, blocks) = (&analysis.series.catalog, &analysis.scan.blocks);
        let lines = zoom::lines(reading, catalog, blocks, &wanted);
        let asked = if of.successes {
            lines.requests
        } else {
            lines.errors
        };
        Ok(report::shown(
            &incidents[index],
            found,
            analysis.scan,
            wanted.times.span,
            lines,
            asked,
        ))
    })
}

/// What was found, and what it was found in.
struct Analysis<'a> {
    scan: &'a Scan,
    series: &'a SeriesSet,
    findings: &'a [Finding],
    report: Report,
}

/// Analyzes, and makes something of it while the logs are at hand.
fn analyzed<R>(
    found: &Found,
    markers: &Markers,
    options: &Options<'_>,
    then: impl FnOnce(&Reading<'_>, Analysis<'_>) -> Result<R>,
) -> Result<R> {
    refuse_nothing(found)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
        .map_err(|e| Error::io("the threads can't be started", std::io::Error::other(e)))?;
    let everything = Query::default();
    let begins = Begins::of(found.files.len());
    let named = markers.changes.iter().filter_map(|c| c.service.as_deref());
    let named = named.map(str::as_bytes).collect();
    let origins = origins(found.files.iter().map(|file| file.path.as_path()), &named);
    let whole = Reading {
        files: &found.files,
        io: options.io,
        now_us: options.now_us,
        pool: &pool,
        registry: options.registry,
        format: options.log_format.clone(),
        zone: options.zone.clone(),
        query: &everything,
        progress: options.progress,
        begins: &begins,
        origins: &origins,
    };
    let bounded = options.since.is_some() || options.until.is_some();
    let places = (bounded && !options.unsorted).then(|| Places::of(&whole));
    let query = resolved(options, &whole, places.as_ref());
    let near = Reading {
        query: &query,
        ..whole.clone()
    };
    let first = first_look(&near, places.as_ref(), found)?;
    let far_query = Query {
        look_back: LookBack::Far,
        ..query.clone()
    };
    let is_older = query.look_back == LookBack::Near && began_before(&first, &query);
    let (reading, first) = match is_older {
        false => (near, first),
        true => {
            let reading = Reading {
                query: &far_query,
                ..near
            };
            let first = first_look(&reading, places.as_ref(), found)?;
            (reading, first)
        }
    };
    let FirstLook {
        scan,
        mut series,
        left_out,
        detection,
    } = first;
    let asked: Vec<Slow> = detection.slowdowns.iter().map(both_times).collect();
    let latencies = zoom::latencies(&reading, &series.catalog, &scan.blocks, &asked);
    let mut candidates = detection.candidates;
    candidates.extend(confirm::slow(&detection.slowdowns, &latencies));
    let watched = watched(&candidates, &series);
    let (cells, sightings) = zoom::cells(&reading, &series.catalog, &scan.blocks, &watched);
    let confirmed = pool.install(|| confirm::incidents(&candidates, &cells, &series));
    let asked = |last_us: i64| query.since_us.is_none_or(|since| last_us >= since);
    let (mut incidents, mut blips) = (confirmed.incidents, confirmed.blips);
    incidents.retain(|incident| asked(incident.last_failure_us));
    blips.retain(|blip| asked(blip.last_us));
    let mut changes = markers.changes.clone();
    as_logged(&mut changes, &series.catalog.services);
    let unmarked = blame::unmarked(&sightings, &changes);
    let clock_shift = blame::clock_shift(&sightings, &changes);
    changes.extend(unmarked);
    let findings = look_closely(&reading, &scan, &series, incidents, &cells, &changes);
    // Of a week with hundreds of endpoints they are many, and the report doesn't ask for them.
    let latencies = std::mem::take(&mut series.latencies);
    let material = report::Material {
        found,
        scan: &scan,
        series: &series,
        left_out,
        markers,
        changes: &changes,
        clock_shift,
        findings: &findings,
        chronic: &detection.chronic,
        blips: &blips,
        blip_changes: &blips
            .iter()
            .map(|b| rollout_of(b, &series, &changes))
            .collect::<Vec<_>>(),
        window_s: options.window_s,
    };
    let convert = || report::convert(&material);
    let ((), report) = pool.install(|| rayon::join(|| drop(latencies), convert));
    let analysis = Analysis {
        scan: &scan,
        series: &series,
        findings: &findings,
        report,
    };
    then(&reading, analysis)
}

/// What was asked, with its times known.
fn resolved(options: &Options<'_>, whole: &Reading<'_>, places: Option<&Places<'_>>) -> Query {
    let of_day = |m: Option<Moment>| matches!(m, Some(Moment::TimeOfDay { .. }));
    let last = (of_day(options.since) || of_day(options.until)).then(|| {
        let sought = places.map(|places| places.hold(places.last_us(), None));
        last_time(&scan(whole, sought.unwrap_or_default()))
    });
    let resolve = |m: Option<Moment>| m.and_then(|m| m.resolve(last.flatten()));
    let mut query = Query {
        since_us: resolve(options.since),
        until_us: resolve(options.until),
        ..options.query.clone()
    };
    if query.is_short() {
        query.look_back = LookBack::Near;
    }
    query
}

/// Pass 1, and what it led to suspect.
struct FirstLook {
    scan: Scan,
    series: SeriesSet,
    left_out: u64,
    detection: Detection,
}

fn first_look(
    reading: &Reading<'_>,
    places: Option<&Places<'_>>,
    found: &Found,
) -> Result<FirstLook> {
    let (from_us, to_us) = reading.query.span_us();
    let sought = places.map_or_else(Sought::default, |places| places.hold(from_us, to_us));
    let mut scan = scan(reading, sought);
    refuse_unread(&scan, found)?;
    let set = || {
        let (mut series, left_out) = SeriesSet::new(&mut scan.inside, &mut scan.before);
        series.gaps = detect::gaps(&series);
        (series, left_out)
    };
    let (series, left_out) = reading.pool.install(set);
    let detection = reading.pool.install(|| detect::candidates(&series));
    Ok(FirstLook {
        scan,
        series,
        left_out,
        detection,
    })
}

/// Whether something that goes on in the asked time began so early that the near look back has too little
/// past of it, or went on through all of that past and may have begun before.
fn began_before(first: &FirstLook, query: &Query) -> bool {
    let Some(since_us) = query.since_us else {
        return false;
    };
    let since_min = since_us.div_euclid(MINUTE_US);
    let (begin_us, _) = query.span_us();
    let past_min = (begin_us.unwrap_or(since_us) + PAST_US).div_euclid(MINUTE_US);
    let candidates = first.detection.candidates.iter();
    let spans = candidates.map(|c| (c.from_min, c.to_min));
    let slowdowns = first.detection.slowdowns.iter();
    let mut spans = spans.chain(slowdowns.map(|s| (s.from_min, s.to_min)));
    let is_early = |(from, to): (i64, i64)| to > since_min && from < past_min;
    let fails_all_along = |endpoint: EndpointId| {
        let fails = |asked: &dyn Fn(i64) -> bool| {
            let cells = first.series.cells[endpoint.0 as usize].iter();
            let (requests, errors) = cells
                .filter(|cell| asked(i64::from(cell.minute)))
                .fold((0, 0), |(n, x), cell| {
                    (n + u64::from(cell.requests), x + u64::from(cell.errors))
                });
            errors >= LEAST_ERRORS && errors as f64 >= LEAST_RATE * requests as f64
        };
        fails(&|minute| minute >= since_min) && fails(&|minute| minute < past_min)
    };
    spans.any(is_early) || first.series.endpoints().any(fails_all_along)
}

impl Moment {
    /// The point in time, given the last time of the log and its offset from UTC in seconds.
    fn resolve(self, last: Option<(i64, i32)>) -> Option<i64> {
        match self {
            Moment::At(us) => Some(us),
            Moment::TimeOfDay { seconds } => last.map(|(last_us, offset_s)| {
                let offset_us = i64::from(offset_s) * 1_000_000;
                let day_us = 24 * HOUR_US;
                let midnight = (last_us + offset_us).div_euclid(day_us) * day_us - offset_us;
                midnight + seconds * 1_000_000
            }),
        }
    }
}

/// The last time of a log, and the offset of its zone.
fn last_time(scan: &Scan) -> Option<(i64, i32)> {
    Some((scan.span_us?.1, report::log_offset_s(scan.offsets)))
}

fn refuse_nothing(found: &Found) -> Result<()> {
    if !found.files.is_empty() {
        return Ok(());
    }
    if let Some(error) = found.unreadable.first() {
        let refused = Error::io(format!("no log can be read; {error}"), None);
        return Err(refused.hint(
            error
                .hint_text()
                .unwrap_or("name the folder or the files that hold the access logs"),
        ));
    }
    let error = match found.passed_over.first() {
        Some((path, why)) => Error::data(format!(
            "no log here; the first file passed over is {} ({why})",
            path.display()
        )),
        None => Error::data("no log here: the folder is empty"),
    };
    Err(error.hint("name the folder or the files that hold the access logs"))
}

fn refuse_unread(scan: &Scan, found: &Found) -> Result<()> {
    if scan.requests > 0 || scan.filtered > 0 || scan.skipped > 0 {
        return Ok(());
    }
    if scan.lines == 0 {
        let path = found
            .files
            .first()
            .map(|f| f.path.clone())
            .unwrap_or_default();
        return match scan.salvaged.first() {
            Some(s) => Err(Error::data(format!("nothing could be read: {}", s.why))
                .at(&found.files[s.file].path)
                .hint("fetch the file again, or look at it with `gzip -t`")),
            None => Err(Error::data("empty: not a single line")
                .at(path)
                .hint("name the folder or the files that hold the access logs")),
        };
    }
    let (reason, example) = Reject::ALL
        .into_iter()
        .filter_map(|r| Some((r, scan.examples[r.index()].as_ref()?)))
        .max_by_key(|(r, _)| (scan.rejected[r.index()], std::cmp::Reverse(r.index())))
        .ok_or_else(|| Error::data("no line could be read"))?;
    let text: String = String::from_utf8_lossy(&example.text)
        .chars()
        .take(160)
        .flat_map(char::escape_debug)
        .collect();
    let file = &found.files[example.file].path;
    Err(Error::data(format!("none of {} lines tells of an HTTP request ({}); line {}: {text}", scan.lines, reason.name(), example.line.unwrap_or_default()))
        .at(file)
        .hint(match reason {
            Reject::BadTime => "a request needs a time: have it logged, or read the lines with one in front (`docker logs -t`, `kubectl logs --timestamps`, `journalctl -o short-iso`)",
            Reject::NoStatus => "a request needs its status on the same line, or an id that both lines have (Rails: `config.log_tags = [:request_id]`, or lograge); `triage formats --explain FILE` shows what each format makes of the lines",
            _ => "`triage formats --explain FILE` shows what each format makes of its lines and what to do; --log-format names one",
        }))
}

/// The minutes of a slowdown, and those of the past that it is held against.
fn both_times(slowdown: &Slowdown) -> Slow {
    let span = |from_min: i64, to_min: i64| Span {
        from_us: from_min * MINUTE_US,
        to_us: to_min * MINUTE_US,
    };
    Slow {
        endpoint: slowdown.endpoint,
        during: span(slowdown.from_min, slowdown.to_min),
        usually: span(slowdown.past_from_min, slowdown.past_to_min),
    }
}

/// What the first look must cover: around all candidates of an endpoint that count the same.
fn watched(candidates: &[detect::Candidate], series: &SeriesSet) -> Vec<Watch> {
    let log = Span {
        from_us: series.start_min * MINUTE_US,
        to_us: (series.start_min + series.minutes as i64) * MINUTE_US,
    };
    let mut watched: Vec<Watch> = Vec::new();
    for candidate in candidates {
        let (endpoint, signal) = (candidate.endpoint, candidate.baseline.signal);
        let from_us = candidate.from_min * MINUTE_US;
        let span = Span {
            from_us: (from_us - BEFORE_US).max(log.from_us),
            to_us: (candidate.to_min * MINUTE_US + AFTER_US).min(log.to_us),
        };
        let calm = Span {
            to_us: from_us,
            ..span
        };
        match watched
            .iter_mut()
            .find(|w| (w.endpoint, w.signal) == (endpoint, signal))
        {
            Some(Watch {
                span: all, calm, ..
            }) => {
                all.from_us = all.from_us.min(span.from_us);
                all.to_us = all.to_us.max(span.to_us);
                calm.from_us = all.from_us;
                calm.to_us = calm.to_us.min(from_us);
            }
            None => watched.push(Watch {
                endpoint,
                signal,
                span,
                calm,
            }),
        }
    }
    // A fault that is there from the first line leaves no calm: then all tell.
    for watch in &mut watched {
        if watch.calm.to_us - watch.calm.from_us < LEAST_CALM_US {
            watch.calm = watch.span;
        }
    }
    watched
}

/// The second look at each incident, and the verdict on it.
fn look_closely(
    reading: &Reading<'_>,
    scan: &Scan,
    series: &SeriesSet,
    incidents: Vec<Incident>,
    cells: &[Cells],
    changes: &[Change],
) -> Vec<Finding> {
    let log_end_us = log_end_us(scan, series);
    let spans: Vec<Times> = incidents.iter().map(|i| times_of(i, log_end_us)).collect();
    let looks: Vec<Look> = incidents
        .iter()
        .zip(&spans)
        .map(|(incident, &times)| Look {
            endpoints: incident.endpoints.iter().map(|(e, _)| *e).collect(),
            signals: incident.endpoints.iter().map(|(_, b)| b.signal).collect(),
            times,
            baseline: Span {
                from_us: times.span.from_us - RECENT_US,
                to_us: times.span.from_us - GUARD_US,
            },
        })
        .collect();
    let (details, words) = if looks.is_empty() {
        Default::default()
    } else {
        zoom::details(reading, &series.catalog, &scan.blocks, &looks, BEFORE_US)
    };
    let words = Arc::new(words);
    let judge = |((incident, times), mut detail): ((Incident, Times), Detail)| {
        let labels = std::mem::take(&mut detail.labels);
        let context = Context {
            labels,
            words: Arc::clone(&words),
            ..context(&incident, times, &detail, scan, series, cells)
        };
        let verdict = blame::judge(&incident, changes, &context);
        Finding {
            incident,
            detail,
            context,
            verdict,
        }
    };
    incidents
        .into_iter()
        .zip(spans)
        .zip(details)
        .map(judge)
        .collect()
}

/// What comes right after the last request of those that are looked at: one with a time of another century doesn't
/// make an incident last until then.
fn log_end_us(scan: &Scan, series: &SeriesSet) -> i64 {
    let end_us = scan.span_us.map_or(0, |(_, last)| last.saturating_add(1));
    series.end_us_before(end_us)
}

/// From onset to end: what is counted of an incident. Where it has no onset, from the first failure
/// that belongs to it; where it has no end, to the end of the log.
fn times_of(incident: &Incident, log_end_us: i64) -> Times {
    let onset = incident.onset.as_ref().map_or(i64::MAX, |e| e.median_us);
    let end = incident.end.as_ref().map_or(log_end_us, |e| e.median_us);
    Times {
        span: Span {
            from_us: onset.min(incident.first_failure_us),
            to_us: end.max(incident.last_failure_us.saturating_add(1)),
        },
        recurs: incident.recurs,
    }
}

fn context(
    incident: &Incident,
    times: Times,
    detail: &Detail,
    scan: &Scan,
    series: &SeriesSet,
    cells: &[Cells],
) -> Context {
    let span = times.span;
    let (log_from_us, log_to_us) = scan.span_us.unwrap_or_default();
    let hit = |endpoint: EndpointId| incident.endpoints.iter().find(|(e, _)| *e == endpoint);
    let rho = incident
        .endpoints
        .iter()
        .map(|(_, baseline)| baseline.rho)
        .fold(0.0, f64::max);
    let (requests, errors): (u64, u64) = detail
        .endpoints
        .iter()
        .fold((0, 0), |(r, e), d| (r + d.requests, e + d.errors));
    let expected: f64 = incident
        .endpoints
        .iter()
        .zip(&detail.endpoints)
        .map(|((_, b), d)| b.rate * d.requests as f64)
        .sum();
    let excess = (errors as f64 - expected).max(0.0) / (requests as f64).max(1.0);
    let endpoints = series
        .catalog
        .endpoints
        .iter()
        .enumerate()
        .map(|(index, endpoint)| {
            let id = EndpointId(index as u32);
            let (requests, errors, baseline_rate) = match hit(id) {
                _ if incident.is_latency() => slow_fact(incident, detail, series, id, span),
                Some((_, baseline)) => {
                    let (requests, errors) = count(series, id, times);
                    (requests, errors, baseline.rate)
                }
                None => {
                    let (requests, errors) = count(series, id, times);
                    (requests, errors, usual_rate(series, id, times))
                }
            };
            // What only became slow with it is neither hit by failures nor spared.
            let is_clear = !incident.slow_too.contains(&id);
            EndpointFact {
                service: String::from_utf8_lossy(series.catalog.service_of(id)).into_owned(),
                method: String::from_utf8_lossy(&endpoint.method).into_owned(),
                template: String::from_utf8_lossy(&endpoint.template).into_owned(),
                group: endpoint.group,
                affected: hit(id).is_some(),
                slowed: incident.slow_too.contains(&id),
                powered: is_clear && blame::could_show(requests, baseline_rate, rho, excess),
                requests,
                errors,
                baseline_rate,
            }
        })
        .collect();
    let mut error_statuses: Vec<(u16, u64)> = Vec::new();
    for (&status, &n) in detail.endpoints.iter().flat_map(|d| &d.statuses) {
        match error_statuses.iter_mut().find(|(s, _)| *s == status) {
            Some((_, sum)) => *sum += n,
            None => error_statuses.push((status, n)),
        }
    }
    error_statuses.sort_unstable();
    let all = |pick: fn(&zoom::EndpointDetail) -> &Latencies| {
        let mut all = Latencies::default();
        detail.endpoints.iter().for_each(|d| all.merge(pick(d)));
        all
    };
    let (successes, failures) = (all(|d| &d.successes), all(|d| &d.failures));
    let median = |all: &Latencies| all.quantile(0.5).map(|us| us as f64);
    if incident.is_latency() {
        error_statuses.clear();
    }
    Context {
        log_from_us,
        log_to_us,
        zone_offset_s: i64::from(report::log_offset_s(scan.offsets)),
        endpoints,
        error_statuses,
        dispersion: rho,
        load: load(incident, times, requests, log_from_us, cells),
        failing_latency_us: median(&failures),
        success_latency_us: median(&successes),
        slow: incident.is_latency().then(|| Slowness {
            p95_us: successes.quantile(0.95),
            usual_p95_us: all(|d| &d.baseline).quantile(0.95),
        }),
        minutes: if incident.is_latency() {
            slow_minutes(incident, cells, span)
        } else {
            minutes(incident, series, span)
        },
        labels: Tally::default(),
        words: Arc::default(),
        relays: flows::relays(incident, times, detail, series, cells),
    }
}

/// Of an incident of slowness: the successful requests of an endpoint that tell how long they took, the
/// slow ones among them, and the share of these to be expected. Of one that isn't hit nobody has said
/// what slow is; it has its share, and is only asked whether it could have shown more.
fn slow_fact(
    incident: &Incident,
    detail: &Detail,
    series: &SeriesSet,
    endpoint: EndpointId,
    span: Span,
) -> (u64, u64, f64) {
    let hit = incident.endpoints.iter().zip(&detail.endpoints);
    for ((id, baseline), counted) in hit.clone() {
        if *id == endpoint {
            return (counted.requests, counted.errors, baseline.rate);
        }
    }
    let shares = incident.endpoints.iter().map(|(_, baseline)| baseline.rate);
    let share = shares.sum::<f64>() / incident.endpoints.len().max(1) as f64;
    let minutes = span.from_us.div_euclid(MINUTE_US)..=(span.to_us - 1).div_euclid(MINUTE_US);
    let told = series.latencies.get(endpoint.0 as usize).into_iter();
    let told: u64 = told
        .flat_map(LatencySeries::iter)
        .filter(|cell| minutes.contains(&i64::from(cell.minute)))
        .map(|cell| u64::from(cell.latency.told))
        .sum();
    (told, (share * told as f64).round() as u64, share)
}

/// The same as [`minutes`] of an incident of slowness: successes, and the slow ones among them.
fn slow_minutes(incident: &Incident, cells: &[Cells], span: Span) -> Vec<Minute> {
    let from = (span.from_us - HOUR_US).div_euclid(MINUTE_US);
    let to = (span.to_us + HOUR_US).div_euclid(MINUTE_US);
    let mut minutes = std::collections::BTreeMap::<i64, (u64, u64)>::new();
    for cells in counted_of(incident, cells) {
        for (i, &(requests, slow)) in cells.counts.iter().enumerate() {
            let at_us = cells.start_us + i as i64 * zoom::CELL_US;
            let minute = at_us.div_euclid(MINUTE_US);
            if requests > 0 && (from..=to).contains(&minute) {
                let sum = minutes.entry(minute).or_default();
                sum.0 += u64::from(requests);
                sum.1 += u64::from(slow);
            }
        }
    }
    of_minutes(minutes)
}

/// The cells that count what the incident is made of.
fn counted_of<'c>(incident: &Incident, cells: &'c [Cells]) -> impl Iterator<Item = &'c Cells> {
    cells.iter().filter(|cells| {
        let counts = |(endpoint, baseline): &(EndpointId, detect::Baseline)| {
            (*endpoint, baseline.signal) == (cells.endpoint, cells.signal)
        };
        incident.endpoints.iter().any(counts)
    })
}

/// Requests and errors of an endpoint in the minutes that an incident's times touch.
fn count(series: &SeriesSet, endpoint: EndpointId, times: Times) -> (u64, u64) {
    let from = times.span.from_us.div_euclid(MINUTE_US);
    let to = (times.span.to_us - 1).div_euclid(MINUTE_US);
    let cells = series.cells_within(endpoint, from..to + 1);
    let add = |(n, x): (u64, u64), cell: &MinuteCell| {
        (n + u64::from(cell.requests), x + u64::from(cell.errors))
    };
    match times.recurs {
        None => cells.iter().fold((0, 0), add),
        Some(r) => {
            let holds = |cell: &&MinuteCell| r.holds(i64::from(cell.minute) * MINUTE_US);
            cells.iter().filter(holds).fold((0, 0), add)
        }
    }
}

/// The error rate of an endpoint at other times: (errors + ½) / (requests + 1).
fn usual_rate(series: &SeriesSet, endpoint: EndpointId, times: Times) -> f64 {
    let always = Times {
        span: Span {
            from_us: i64::MIN / 2,
            to_us: i64::MAX / 2,
        },
        recurs: None,
    };
    let (all, inside) = (
        count(series, endpoint, always),
        count(series, endpoint, times),
    );
    ((all.1 - inside.1) as f64 + 0.5) / ((all.0 - inside.0) as f64 + 1.0)
}

/// The minutes of an incident's endpoints, from an hour before to an hour after.
fn minutes(incident: &Incident, series: &SeriesSet, span: Span) -> Vec<Minute> {
    let from = (span.from_us - HOUR_US).div_euclid(MINUTE_US);
    let to = (span.to_us + HOUR_US).div_euclid(MINUTE_US);
    let mut minutes = std::collections::BTreeMap::<i64, (u64, u64)>::new();
    for (endpoint, _) in &incident.endpoints {
        for cell in series.cells_within(*endpoint, from..to + 1) {
            let sum = minutes.entry(i64::from(cell.minute)).or_default();
            sum.0 += u64::from(cell.requests);
            sum.1 += u64::from(cell.errors);
        }
    }
    of_minutes(minutes)
}

fn of_minutes(minutes: std::collections::BTreeMap<i64, (u64, u64)>) -> Vec<Minute> {
    minutes
        .into_iter()
        .map(|(minute, (requests, errors))| Minute {
            start_us: minute * MINUTE_US,
            requests,
            errors,
        })
        .collect()
}

/// Requests against those of the hour before; `None` where the log has less than ten minutes of it.
fn load(
    incident: &Incident,
    times: Times,
    requests: u64,
    log_from_us: i64,
    cells: &[Cells],
) -> Option<Load> {
    incident.onset.as_ref()?;
    let span = times.span;
    let recent = Span {
        from_us: (span.from_us - RECENT_US).max(log_from_us),
        to_us: span.from_us - GUARD_US,
    };
    if recent.to_us - recent.from_us < GUARD_US {
        return None;
    }
    // Requests, and those of them that were answered well.
    let within = |asked: Span| -> (f64, f64) {
        let counted = counted_of(incident, cells).flat_map(|c| {
            let counts = c.counts.iter().enumerate();
            counts.map(|(i, n)| (c.start_us + i as i64 * zoom::CELL_US, n))
        });
        counted
            .filter(|(at, _)| (asked.from_us..asked.to_us).contains(at))
            .fold((0.0, 0.0), |(n, well), (_, &(requests, bad))| {
                (n + f64::from(requests), well + f64::from(requests - bad))
            })
    };
    let rate = within(recent).0 / (recent.to_us - recent.from_us) as f64;
    let eve = Span {
        from_us: span.from_us - EVE_US,
        to_us: span.from_us,
    };
    let after = Span {
        from_us: span.from_us,
        to_us: span.to_us.min(span.from_us + EVE_US),
    };
    Some(Load {
        requests,
        expected: rate * lasts_us(times) as f64,
        requests_before: within(eve).0 as u64,
        expected_before: rate * EVE_US as f64,
        answered_after: within(after).1 as u64,
        expected_after: rate * (after.to_us - after.from_us) as f64,
        rate_follows_load: None,
    })
}

/// How long it lasts, all its times together.
fn lasts_us(times: Times) -> i64 {
    let Span { from_us, to_us } = times.span;
    let of_times = |r: Recurrence| r.times * r.lasts_min * MINUTE_US;
    times.recurs.map_or(to_us - from_us, of_times)
}

/// The change during whose rollout a blip began: the latest that fits its service.
fn rollout_of(blip: &Blip, series: &SeriesSet, changes: &[Change]) -> Option<usize> {
    let service = String::from_utf8_lossy(series.catalog.service_of(blip.endpoint));
    changes.iter().enumerate().rev().find_map(|(i, change)| {
        let to_us = change
            .finished_us
            .unwrap_or(change.at_us.saturating_add(ROLLOUT_US))
            .saturating_add(SKEW_US);
        let of_service = change
            .service
            .as_ref()
            .is_none_or(|s| s.eq_ignore_ascii_case(&service));
        (of_service && (change.at_us.saturating_sub(SKEW_US)..=to_us).contains(&blip.first_us))
            .then_some(i)
    })
}
