//! What the rooms found → the report. Conversion only: nothing is counted or judged here that was
//! not counted or judged before.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::Offset;
use rayon::prelude::*;

use super::notes;
use super::{
    Alternative, Blip, Change, Disposition, Endpoint, Evidence, FormatCount, Gap, HitEndpoint,
    Impact, Incident, NotAssessed, Recurring, RejectCount, Report, RuledOut, SCHEMA, Salvaged,
    Sample, Scan, ScopeLabel, Signature, Suspect, Text, Users, Window,
};
use crate::blame::{Condition, Context, Contribution, Verdict};
use crate::changes::{self, Markers};
use crate::confirm;
use crate::detect;
use crate::input::Found;
use crate::record::Reject;
use crate::scan::{self, Example, FileFacts};
use crate::series::{EndpointId, MINUTE_US, SeriesSet};
use crate::sketch::Latencies;
use crate::stats::wilson;
use crate::zoom::Detail;

/// Two-sided 95 % of the normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// Error messages listed of an incident.
const MESSAGES: usize = 10;

/// Requests and errors minute by minute, some hours at a time as pass 1 has them, by their first minute.
type Hours = BTreeMap<i32, [(u64, u64); 256]>;

/// An incident with all that is known of it.
pub(crate) struct Finding {
    /// What it is.
    pub incident: confirm::Incident,
    /// Its counts.
    pub detail: Detail,
    /// What was counted around it.
    pub context: Context,
    /// Who is to blame.
    pub verdict: Verdict,
}

/// Everything that a report is made from.
pub(crate) struct Material<'a> {
    /// The files.
    pub found: &'a Found,
    /// Pass 1.
    pub scan: &'a scan::Scan,
    /// Its counts in order.
    pub series: &'a SeriesSet,
    /// Requests too far in time from the bulk of the log to be looked at.
    pub left_out: u64,
    /// The change markers.
    pub markers: &'a Markers,
    /// All changes: those of the markers, then those that only the logs show.
    pub changes: &'a [changes::Change],
    /// A shift of the markers' times that the logs suggest.
    pub clock_shift: Option<String>,
    /// The incidents.
    pub findings: &'a [Finding],
    /// Endpoints that fail all the time.
    pub chronic: &'a [detect::Chronic],
    /// The blips.
    pub blips: &'a [confirm::Blip],
    /// For each blip the change during whose rollout it happened, by index.
    pub blip_changes: &'a [Option<usize>],
    /// Length of the windows shown, in seconds.
    pub window_s: u32,
}

/// Makes the report.
pub(crate) fn convert(material: &Material<'_>) -> Report {
    Converter {
        m: material,
        offset_s: log_offset_s(material.scan.offsets),
    }
    .report()
}

/// The offset in which times are shown: the logs' own where they share one, else 0 (UTC).
pub(crate) fn log_offset_s(offsets: Option<(i32, i32)>) -> i32 {
    match offsets {
        Some((low, high)) if low == high => low,
        _ => 0,
    }
}

/// A time as the report has it.
pub(super) fn time(us: i64, offset_s: i32) -> String {
    let us = us.clamp(
        Timestamp::MIN.as_microsecond() + 86_400_000_000,
        Timestamp::MAX.as_microsecond() - 86_400_000_000,
    );
    match (
        Timestamp::from_microsecond(us),
        Offset::from_seconds(offset_s),
    ) {
        (Ok(time), Ok(offset)) if offset_s != 0 => time.display_with_offset(offset).to_string(),
        (Ok(time), _) => time.to_string(),
        (Err(_), _) => us.to_string(),
    }
}

/// The name of a file as the report has it.
pub(super) fn file(found: &Found, index: usize) -> Text {
    text(found.files[index].path.as_os_str().as_encoded_bytes())
}

/// Where a line begins, if its number is unknown.
pub(super) fn offset(line: &Example) -> Option<u64> {
    line.line.is_none().then_some(line.byte)
}

struct Converter<'a> {
    m: &'a Material<'a>,
    offset_s: i32,
}

impl Converter<'_> {
    fn report(&self) -> Report {
        let mut incidents: Vec<Incident> =
            self.m.findings.iter().map(|f| self.incident(f)).collect();
        for (i, incident) in incidents.iter_mut().enumerate() {
            incident.id = format!("i{}", i + 1);
            for suspect in &mut incident.suspects {
                suspect.next = format!("triage show {}", incident.id);
            }
        }
        let (timeline, endpoints) = rayon::join(|| self.timeline(), || self.endpoints());
        Report {
            schema: SCHEMA.into(),
            triage_version: env!("CARGO_PKG_VERSION").into(),
            scan: self.scan(),
            changes: self.m.changes.iter().map(|c| self.change(c)).collect(),
            timeline,
            incidents,
            endpoints,
            blips: self
                .m
                .blips
                .iter()
                .zip(self.m.blip_changes)
                .map(|(b, c)| self.blip(b, *c))
                .collect(),
            notes: notes::notes(self.m),
        }
    }

    /// RFC 3339 in the logs' zone; times beyond jiff's range are cut to it.
    fn time(&self, us: i64) -> String {
        time(us, self.offset_s)
    }

    fn window(&self, start_s: i64, requests: u64, errors: u64) -> Window {
        Window(
            self.time(start_s.saturating_mul(1_000_000)),
            requests,
            errors,
        )
    }

    fn file(&self, index: usize) -> Text {
        file(self.m.found, index)
    }

    fn example(&self, example: &Example) -> Sample {
        Sample {
            file: self.file(example.file),
            line: example.line,
            byte: offset(example),
            text: text(&example.text),
        }
    }

    fn scan(&self) -> Scan {
        let scan = self.m.scan;
        let mut formats: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        let is_read = |file: &&FileFacts| file.blocks > 0;
        for file in scan.files.iter().filter(is_read) {
            let by_others: u64 = file.others.values().sum();
            let own = (file.format.as_str(), file.lines - by_others);
            let others = file.others.iter().map(|(name, lines)| (&**name, *lines));
            // Two formats may share a name, in different wrappings.
            let names = BTreeMap::from_iter(
                others
                    .clone()
                    .map(|(name, _)| (name, 0))
                    .chain([(own.0, 0)]),
            );
            for name in names.into_keys() {
                formats.entry(name).or_default().0 += 1;
            }
            for (name, lines) in others.chain([own]) {
                formats.entry(name).or_default().1 += lines;
            }
        }
        let mut formats: Vec<FormatCount> = formats
            .into_iter()
            .map(|(format, (files, lines))| FormatCount {
                format: format.into(),
                files,
                lines,
            })
            .collect();
        formats.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.format.cmp(&b.format)));
        let mut rejects: Vec<RejectCount> = Reject::ALL
            .into_iter()
            .filter_map(|reason| {
                let example = scan.examples[reason.index()].as_ref()?;
                let lines = scan.rejected[reason.index()];
                Some(RejectCount {
                    reason: reason.name().into(),
                    lines,
                    example: self.example(example),
                })
            })
            .collect();
        rejects.sort_by_key(|r| std::cmp::Reverse(r.lines));
        let minute =
            |offset: usize| self.time((self.m.series.start_min + offset as i64) * MINUTE_US);
        Scan {
            files: scan.files.iter().filter(is_read).count() as u64,
            bytes: scan.bytes,
            lines: scan.lines,
            requests: scan.requests,
            errors: scan.errors,
            rejected_lines: scan.rejected.iter().sum(),
            filtered_lines: scan.filtered,
            bytes_skipped: scan.skipped,
            rejects,
            from: scan.span_us.map(|(from, _)| self.time(from)),
            to: scan.span_us.map(|(_, to)| self.time(to)),
            window_s: u64::from(self.m.window_s),
            formats,
            services: self
                .m
                .series
                .catalog
                .services
                .iter()
                .map(|s| text(s))
                .collect(),
            gaps: self
                .m
                .series
                .gaps
                .iter()
                .map(|&(service, from, to)| Gap {
                    service: service.map(|s| text(&self.m.series.catalog.services[s.0 as usize])),
                    from: minute(from),
                    to: minute(to),
                })
                .collect(),
            salvaged: scan
                .salvaged
                .iter()
                .map(|s| Salvaged {
                    file: self.file(s.file),
                    offset: s.offset,
                    why: s.why.clone(),
                })
                .collect(),
        }
    }

    fn timeline(&self) -> Vec<Window> {
        let inside = &self.m.scan.inside;
        let add = |sum: &mut (u64, u64), (requests, errors): (u64, u64)| {
            *sum = (sum.0 + requests, sum.1 + errors);
        };
        let of_share = |mut hours: Hours, id: usize| {
            for block in inside.blocks(id) {
                let sums = hours.entry(block.first_min).or_insert([(0, 0); 256]);
                for (&minute, &(requests, errors)) in block.minutes.iter().zip(block.counts) {
                    let counts = (u64::from(requests), u64::from(errors));
                    add(&mut sums[usize::from(minute)], counts);
                }
            }
            hours
        };
        let together = |mut hours: Hours, more: Hours| {
            for (first, sums) in more {
                let all = hours.entry(first).or_insert([(0, 0); 256]);
                all.iter_mut()
                    .zip(sums)
                    .for_each(|(sum, counts)| add(sum, counts));
            }
            hours
        };
        let endpoints = inside.endpoints().into_par_iter().map(|(id, _)| id);
        let shares = endpoints.fold(Hours::new, of_share);
        let hours = shares.reduce(Hours::new, together);
        let minutes = hours.into_iter().flat_map(|(first, sums)| {
            let minutes = sums.into_iter().zip(i64::from(first)..);
            minutes.map(|(sum, minute)| (minute, sum))
        });
        let busy = minutes.filter(|(_, (requests, _))| *requests > 0);
        self.windows(busy)
            .into_iter()
            .map(|(start, (requests, errors))| self.window(start, requests, errors))
            .collect()
    }

    /// Requests and errors by window: its start in seconds, in order of time as the minutes are.
    fn windows(&self, minutes: impl Iterator<Item = (i64, (u64, u64))>) -> Vec<(i64, (u64, u64))> {
        let length = i64::from(self.m.window_s);
        let mut windows: Vec<(i64, (u64, u64))> = Vec::new();
        minutes.for_each(|(minute, counts)| match windows.last_mut() {
            Some((start, sum)) if (0..length).contains(&(minute * 60 - *start)) => {
                *sum = (sum.0 + counts.0, sum.1 + counts.1);
            }
            _ => windows.push((self.window_of(minute), counts)),
        });
        windows
    }

    /// Start of the window that a minute lies in, in seconds since the epoch.
    fn window_of(&self, minute: i64) -> i64 {
        let length = i64::from(self.m.window_s);
        (minute * 60).div_euclid(length) * length
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let inside = &self.m.scan.inside;
        // Windows without an error aren't shown, and then no minutes either.
        let by_minute = self.m.window_s == 60;
        let mut endpoints: Vec<Endpoint> = inside
            .endpoints()
            .into_par_iter()
            .filter_map(|(id, key)| {
                let counts = inside.blocks(id).flat_map(|block| {
                    let cells = block.minutes.iter().zip(block.counts);
                    cells.map(move |(&minute, &(requests, errors))| {
                        let minute = i64::from(block.first_min) + i64::from(minute);
                        (minute, (u64::from(requests), u64::from(errors)))
                    })
                });
                let (requests, errors) = inside.total(id);
                (requests > 0).then(|| Endpoint {
                    service: text(&key.service),
                    method: text(&key.method),
                    endpoint: text(&key.template),
                    requests,
                    errors,
                    error_rate: share(errors, requests),
                    statuses: inside
                        .statuses(id)
                        .into_iter()
                        .map(|(s, n)| (s.to_string(), n))
                        .collect(),
                    windows: self
                        .windows(counts.filter(|(_, (_, x))| errors > 0 && (*x > 0 || !by_minute)))
                        .into_iter()
                        .filter(|(_, (_, errors))| *errors > 0)
                        .map(|(start, (requests, errors))| self.window(start, requests, errors))
                        .collect(),
                })
            })
            .collect();
        // The aggregate's order, by name, breaks the last ties.
        endpoints.sort_by_key(|e| std::cmp::Reverse((e.errors, e.requests)));
        endpoints
    }

    fn change(&self, change: &changes::Change) -> Change {
        let services = &self.m.series.catalog.services;
        let in_sight = change.service.as_ref().is_none_or(|name| {
            services
                .iter()
                .any(|s| s.eq_ignore_ascii_case(name.as_bytes()))
        });
        Change {
            id: change.id.clone(),
            kind: change.kind.name().into(),
            service: change.called.clone().or_else(|| change.service.clone()),
            version: change.version.clone(),
            previous_version: change.previous_version.clone(),
            at: self.time(change.at_us),
            finished_at: change.finished_us.map(|us| self.time(us)),
            rollback_of: change.rollback_of.clone(),
            author: change.author.clone(),
            description: change.description.clone(),
            commit: change.commit.clone(),
            environment: change.environment.clone(),
            url: change.url.clone(),
            status: change.status.map(|s| s.name().into()),
            endpoints: change.endpoints.clone(),
            hosts: change.hosts.clone(),
            files: change.files.clone(),
            extra: change.extra.clone(),
            source: change.source.name().into(),
            in_sight,
            note: match &change.service {
                Some(service) if !in_sight => {
                    Some(format!("its service `{service}` occurs in no log"))
                }
                Some(service) if change.called.is_some() => {
                    Some(format!("taken for `{service}`, as the logs call it"))
                }
                _ if change.source == changes::Source::Logs => Some(
                    "no marker lists it; it is dated by the version's first request".to_owned(),
                ),
                _ => None,
            },
        }
    }

    fn incident(&self, finding: &Finding) -> Incident {
        let Finding {
            incident,
            detail,
            verdict,
            ..
        } = finding;
        let ids = self.m.changes;
        let bound = |estimate: &Option<confirm::Estimate>, pick: fn(&confirm::Estimate) -> i64| {
            estimate.as_ref().map(|e| self.time(pick(e)))
        };
        let impact = impact(finding);
        Incident {
            id: String::new(),
            signal: if incident.is_latency() {
                "latency".into()
            } else {
                "errors".into()
            },
            state: incident.state.name().into(),
            onset: bound(&incident.onset, |e| e.median_us),
            onset_low: bound(&incident.onset, |e| e.low_us),
            onset_high: bound(&incident.onset, |e| e.high_us),
            end: bound(&incident.end, |e| e.median_us),
            first_failure: Some(self.time(incident.first_failure_us)),
            last_failure: Some(self.time(incident.last_failure_us)),
            recurring: incident.recurs.map(|r| Recurring {
                every_s: r.every_min as u64 * 60,
                lasts_s: r.lasts_min as u64 * 60,
                times: r.times as u64,
            }),
            endpoints: self.hit_endpoints(finding),
            not_assessed: self.not_assessed(finding, impact.users.is_some()),
            impact,
            scope: verdict.in_common.iter().map(scope_label).collect(),
            verdict: verdict.kind.name().into(),
            summary: verdict.summary.clone(),
            suspects: verdict
                .suspects
                .iter()
                .enumerate()
                .map(|(i, suspect)| Suspect {
                    rank: i as u64 + 1,
                    change: ids[suspect.change].id.clone(),
                    probability: suspect.probability,
                    lag_s: suspect.lag_s,
                    evidence: evidence(&suspect.contributions),
                    next: String::new(),
                    diff: difference(&ids[suspect.change]),
                })
                .collect(),
            unexplained_probability: verdict.unexplained_probability,
            unexplained_nats: verdict.unexplained_nats,
            alternatives: verdict
                .alternatives
                .iter()
                .map(|a| Alternative {
                    kind: a.cause.name().into(),
                    probability: a.probability,
                    evidence: evidence(&a.contributions),
                })
                .collect(),
            changes: verdict
                .dispositions
                .iter()
                .map(|d| Disposition {
                    change: ids[d.change].id.clone(),
                    status: d.status.name().into(),
                    why: d.why.clone(),
                    evidence: evidence(&d.contributions),
                })
                .collect(),
            series: self.incident_series(finding),
            ruled_out: verdict
                .ruled_out
                .iter()
                .map(|r| RuledOut {
                    lead: r.lead.into(),
                    finding: r.finding.clone(),
                })
                .collect(),
            signatures: self.signatures(finding),
            samples: detail
                .samples
                .iter()
                .map(|s| self.example(&s.line))
                .collect(),
        }
    }

    fn signatures(&self, finding: &Finding) -> Vec<Signature> {
        let all = &finding.context.words.signatures;
        let shown = finding.verdict.messages.iter().take(MESSAGES);
        shown
            .map(|message| {
                let signature = &all[message.index];
                Signature {
                    service: text(&signature.service),
                    template: signature.template.clone(),
                    first: self.time(signature.first_us),
                    count_before: message.before,
                    count_after: message.during,
                    novel: message.novel,
                    surging: message.surging,
                    example: self.example(&signature.example),
                }
            })
            .collect()
    }

    fn hit_endpoints(&self, finding: &Finding) -> Vec<HitEndpoint> {
        let mut hit: Vec<(f64, HitEndpoint)> = finding
            .incident
            .endpoints
            .iter()
            .zip(&finding.detail.endpoints)
            .map(|((id, baseline), counted)| {
                let endpoint = self.m.series.catalog.endpoint(*id);
                let mut answers = counted.successes.clone();
                answers.merge(&counted.failures);
                let excess = counted.errors as f64 - baseline.rate * counted.requests as f64;
                let hit = HitEndpoint {
                    service: self.service(*id),
                    method: text(&endpoint.method),
                    endpoint: text(&endpoint.template),
                    requests: counted.requests,
                    errors: counted.errors,
                    error_rate: share(counted.errors, counted.requests),
                    baseline_error_rate: baseline.rate,
                    statuses: counted
                        .statuses
                        .iter()
                        .map(|(s, n)| (s.to_string(), *n))
                        .collect(),
                    latency_p50_s: seconds(&answers, 0.5),
                    latency_p95_s: seconds(&answers, 0.95),
                    baseline_latency_p95_s: seconds(&counted.baseline, 0.95),
                };
                (excess, hit)
            })
            .collect();
        hit.sort_by(|a, b| b.0.total_cmp(&a.0));
        hit.into_iter().map(|(_, hit)| hit).collect()
    }

    fn service(&self, endpoint: EndpointId) -> Text {
        text(self.m.series.catalog.service_of(endpoint))
    }

    fn incident_series(&self, finding: &Finding) -> Vec<Window> {
        let mut windows: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for minute in &finding.context.minutes {
            let sum = windows
                .entry(self.window_of(minute.start_us.div_euclid(MINUTE_US)))
                .or_default();
            *sum = (sum.0 + minute.requests, sum.1 + minute.errors);
        }
        windows
            .into_iter()
            .map(|(start, (requests, errors))| self.window(start, requests, errors))
            .collect()
    }

    fn not_assessed(&self, finding: &Finding, has_users: bool) -> Vec<NotAssessed> {
        let missing = |lead: &str, needs: &str| NotAssessed {
            lead: lead.into(),
            needs: needs.into(),
        };
        let mut all: Vec<NotAssessed> = finding
            .verdict
            .not_assessed
            .iter()
            .map(|n| missing(n.lead, n.needs))
            .collect();
        if !has_users {
            all.push(missing(
                "affected users",
                "a user id or a client address in the log lines",
            ));
        }
        all
    }

    fn blip(&self, blip: &confirm::Blip, change: Option<usize>) -> Blip {
        Blip {
            service: self.service(blip.endpoint),
            at: self.time(blip.first_us),
            duration_s: (blip.last_us - blip.first_us) as f64 / 1e6,
            errors: blip.errors,
            during_change: change.map(|i| self.m.changes[i].id.clone()),
        }
    }
}

fn impact(finding: &Finding) -> Impact {
    let counted = &finding.detail.endpoints;
    let requests: u64 = counted.iter().map(|d| d.requests).sum();
    let errors: u64 = counted.iter().map(|d| d.errors).sum();
    let expected: f64 = finding
        .incident
        .endpoints
        .iter()
        .zip(counted)
        .map(|((_, b), d)| b.rate * d.requests as f64)
        .sum();
    Impact {
        requests,
        errors,
        excess_errors: errors as f64 - expected,
        error_rate: share(errors, requests),
        baseline_error_rate: if requests == 0 {
            0.0
        } else {
            expected / requests as f64
        },
        users: users(&finding.detail),
    }
}

/// The users, by their id where the lines have one, else by client and agent.
fn users(detail: &Detail) -> Option<Users> {
    let proxy = Some("client+agent".to_owned());
    let named = detail.users.clone().counts();
    let stood_for = detail.proxies.clone().counts();
    // Ids that only a few lines have tell nothing of the many.
    let ((affected, active, weight), proxy) = if named.1 * 2 >= stood_for.1 && named.1 > 0 {
        (named, None)
    } else {
        (stood_for, proxy)
    };
    // One address for all requests, a load balancer's, tells no user from another.
    if active == 0 || (proxy.is_some() && active == 1) {
        return None;
    }
    let (low, high) = wilson(affected, active, Z_95);
    let whole = |n: u64| (n as f64 * weight).round() as u64;
    Some(Users {
        affected: whole(affected),
        active: whole(active),
        share: share(affected, active),
        share_low: low,
        share_high: high,
        proxy,
    })
}

fn scope_label(condition: &Condition) -> ScopeLabel {
    ScopeLabel {
        label: condition.label.name().into(),
        value: text(&condition.value),
        coverage: condition.coverage,
        lift: Some(condition.lift),
        joint_coverage: condition.joint_coverage,
        joint_lift: Some(condition.joint_lift),
    }
}

fn evidence(contributions: &[Contribution]) -> Vec<Evidence> {
    contributions
        .iter()
        .map(|c| Evidence {
            kind: c.kind.name().into(),
            nats: c.nats,
            text: c.text.clone(),
        })
        .collect()
}

/// A command that shows what the change changed. Only of plain words: markers are text from elsewhere.
/// The command of git that shows what a change changed, where its marker says enough for one.
fn difference(change: &changes::Change) -> Option<String> {
    let plain = |text: &&String| {
        !text.starts_with('-')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-'))
    };
    if let Some(commit) = change.commit.as_ref().filter(plain) {
        return Some(format!("git show {commit}"));
    }
    let from = change.previous_version.as_ref().filter(plain)?;
    let to = change.version.as_ref().filter(plain)?;
    Some(format!("git log {from}..{to}"))
}

fn seconds(latencies: &Latencies, q: f64) -> Option<f64> {
    latencies.quantile(q).map(|us| us as f64 / 1e6)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

pub(super) fn text(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) => Text::Utf8(text.to_owned()),
        Err(_) => Text::Bytes {
            bytes: STANDARD.encode(bytes),
        },
    }
}
