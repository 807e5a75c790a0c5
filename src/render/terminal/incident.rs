//! One incident: its headline, the answers (why, since when, for whom, how bad), its chart,
//! and then what is known of the changes.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{self, Listing};
use super::{NAME_ROOM, View};
use crate::render::human::{count, count_of, duration, latency, percent, percent_number, times};
use crate::render::page::{Page, Span, Tone};
use crate::render::sanitize::{short, visible};
use crate::render::spark::{Axis, Bin, bars, gap_sign};
use crate::render::when::{epoch_s, seconds_between};
use crate::report::{HitEndpoint, Incident, ScopeLabel};

/// Columns of the labels before the answers.
const LABEL: usize = 10;
/// Endpoints named in the answer to "what"; the rest is counted.
const ENDPOINTS_NAMED: usize = 3;
/// Labels named in the answer to "what do they share".
const LABELS_NAMED: usize = 3;
/// Error messages shown.
const MESSAGES_NAMED: usize = 3;
/// Columns for a failing line: two or three lines of the page.
const SAMPLE_ROOM: usize = 240;
/// Lines of the chart: three show 24 heights.
const CHART_LINES: usize = 3;

/// An incident's part of the table.
pub fn write(page: &mut Page, view: &View, incident: &Incident) {
    let listing = Listing::new(view, incident);
    page.rule();
    headline(page, incident);
    let pointer = page.sign("▶ ", "> ");
    page.paragraph(
        &[Tone::Strong.span(format!("{pointer}cause"))],
        LABEL,
        &changes::cause(view, incident),
    );
    answer(page, "since", vec![Tone::Plain.span(since(view, incident))]);
    if incident.endpoints.len() > 1 || incident.signal == "latency" {
        answer(page, "what", vec![Tone::Plain.span(what(incident))]);
    }
    answer(page, "users", vec![Tone::Plain.span(users(incident))]);
    answer(page, "errors", errors(incident));
    if !incident.scope.is_empty() {
        answer(
            page,
            "shared",
            vec![Tone::Plain.span(shared(&incident.scope))],
        );
    }
    if let Some(chart) = Chart::of(incident, view, page.width()) {
        page.blank();
        chart.write(page, view, incident, &listing);
    }
    changes::write(page, view, incident, &listing);
    messages(page, view, incident);
    sample_lines(page, view, incident);
}

fn answer(page: &mut Page, label: &str, words: Vec<Span>) {
    page.paragraph(&[Tone::Faint.span(format!("  {label}"))], LABEL, &words);
}

fn headline(page: &mut Page, incident: &Incident) {
    let (glyph, tone) = match incident.state.as_str() {
        "ongoing" => (page.sign("●", "*"), Tone::Bad),
        "improving" => (page.sign("◐", "~"), Tone::Warn),
        "recovered" => (page.sign("○", "o"), Tone::Good),
        _ => ("?", Tone::Warn),
    };
    let words = [
        Tone::Strong.span(format!("INCIDENT\u{a0}{}\u{a0}· ", incident.id)),
        tone.span(incident.state.to_uppercase()),
        Tone::Strong.span(format!("\u{a0}· {}", subject(incident))),
    ];
    page.paragraph(&[tone.span(glyph)], 2, &words);
}

/// `4 endpoints of api fail`.
fn subject(incident: &Incident) -> String {
    let services: BTreeSet<_> = incident.endpoints.iter().map(|hit| &hit.service).collect();
    let (fails, fail) = if incident.signal == "latency" {
        ("is slow", "are slow")
    } else {
        ("fails", "fail")
    };
    match (incident.endpoints.as_slice(), services.first()) {
        ([only], Some(service)) => format!("{} of {} {fails}", name(only), visible(service)),
        (many, Some(service)) if services.len() == 1 => {
            format!("{} endpoints of {} {fail}", many.len(), visible(service))
        }
        (many, _) => format!(
            "{} endpoints of {} services {fail}",
            many.len(),
            services.len()
        ),
    }
}

fn name(hit: &HitEndpoint) -> String {
    short(
        &format!("{}\u{a0}{}", visible(&hit.method), visible(&hit.endpoint)),
        NAME_ROOM,
    )
}

fn since(view: &View, incident: &Incident) -> String {
    let show = |at: &str| view.clock.show(at);
    let last = incident.end.as_deref().or(view.report.scan.to.as_deref());
    let lasted = match (incident.onset.as_deref(), last) {
        (Some(onset), Some(last)) => seconds_between(onset, last).map(duration),
        _ => None,
    };
    let begin = match incident.onset.as_deref() {
        Some(onset) => show(onset),
        None => "before the log begins".to_owned(),
    };
    let mut text = match (&incident.end, lasted) {
        (Some(end), Some(lasted)) => format!("{begin} until {} ({lasted})", show(end)),
        (Some(end), None) => format!("{begin}, until {}", show(end)),
        (None, _) if incident.state == "unknown" => {
            format!("{begin}, its end is not known: the log has a gap")
        }
        (None, Some(lasted)) => format!("{begin}, for {lasted} by the end of the log"),
        (None, None) => begin,
    };
    if let (Some(low), Some(high)) = (&incident.onset_low, &incident.onset_high)
        && show(low) != show(high)
    {
        text += &format!("\u{a0}· onset {}–{} (95\u{a0}%)", show(low), show(high));
    }
    if let Some(recurring) = &incident.recurring {
        let every = duration(recurring.every_s as f64);
        text += &format!(
            "\u{a0}· returns every {every}, seen {}",
            count_of(recurring.times, "time")
        );
    }
    text
}

fn what(incident: &Incident) -> String {
    let one_service = incident
        .endpoints
        .windows(2)
        .all(|pair| pair[0].service == pair[1].service);
    let named = incident.endpoints.iter().take(ENDPOINTS_NAMED).map(|hit| {
        let service = if one_service {
            String::new()
        } else {
            format!("{} ", visible(&hit.service))
        };
        format!("{service}{}\u{a0}{}", name(hit), symptom(incident, hit))
    });
    let mut text = named.collect::<Vec<_>>().join("\u{a0}· ");
    if let Some(more @ 1..) = incident.endpoints.len().checked_sub(ENDPOINTS_NAMED) {
        text += &format!("\u{a0}· {more} more");
    }
    text
}

fn symptom(incident: &Incident, hit: &HitEndpoint) -> String {
    if incident.signal != "latency" {
        return percent(hit.error_rate);
    }
    match (hit.latency_p95_s, hit.baseline_latency_p95_s) {
        (Some(p95), Some(before)) => {
            format!("p95\u{a0}{} (normally {})", latency(p95), latency(before))
        }
        (Some(p95), None) => format!("p95\u{a0}{}", latency(p95)),
        _ => String::new(),
    }
}

fn users(incident: &Incident) -> String {
    let Some(users) = &incident.impact.users else {
        return "not known: the logs tell no users apart".to_owned();
    };
    let mut text = format!(
        "{} of {} ({}, 95\u{a0}% interval {}–{})",
        count(users.affected),
        count(users.active),
        percent(users.share),
        percent_number(users.share_low),
        percent(users.share_high),
    );
    if let Some(proxy) = &users.proxy {
        text += &format!(", told apart by {proxy}");
    }
    text
}

fn errors(incident: &Incident) -> Vec<Span> {
    let impact = &incident.impact;
    let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
    for (status, errors) in incident.endpoints.iter().flat_map(|hit| &hit.statuses) {
        let sum = by_status.entry(status).or_default();
        *sum = sum.saturating_add(*errors);
    }
    let mut by_status: Vec<_> = by_status.into_iter().collect();
    by_status.sort_by_key(|&(status, errors)| (std::cmp::Reverse(errors), status));
    let statuses = by_status.iter().take(3).map(|(status, errors)| {
        format!(
            "\u{a0}· {}\u{a0}×\u{a0}status\u{a0}{status}",
            count(*errors)
        )
    });
    let rate = if incident.signal == "latency" {
        Tone::Plain
    } else {
        Tone::Bad
    };
    vec![
        rate.span(percent(impact.error_rate)),
        Tone::Plain.span(format!(
            " (normally {}): {} of {}{}",
            percent(impact.baseline_error_rate),
            count(impact.errors),
            count_of(impact.requests, "request"),
            statuses.collect::<String>(),
        )),
    ]
}

/// The labels that failing requests share: the whole set with its share and lift.
fn shared(scope: &[ScopeLabel]) -> String {
    let names: Vec<String> = scope
        .iter()
        .take(LABELS_NAMED)
        .map(|label| {
            let name = format!("{}={}", label.label, visible(&label.value));
            short(&name, NAME_ROOM)
        })
        .collect();
    let Some(last) = scope.iter().take(LABELS_NAMED).last() else {
        return String::new();
    };
    let lift = match last.joint_lift {
        Some(lift) => format!(", {} the rate elsewhere", times(lift)),
        None => String::new(),
    };
    format!(
        "{} in {} of the errors{lift}",
        names.join(" and "),
        percent(last.joint_coverage)
    )
}

/// The error messages that came up with the incident, or come far more often since.
fn messages(page: &mut Page, view: &View, incident: &Incident) {
    let telling = incident.signatures.iter().filter(|s| s.surging);
    let most = if view.style.explain {
        usize::MAX
    } else {
        MESSAGES_NAMED
    };
    for (i, signature) in telling.take(most).enumerate() {
        if i == 0 {
            page.blank();
            page.line(&[Tone::Strong.span("  ERROR MESSAGES")]);
        }
        let before = if signature.novel {
            "never before".to_owned()
        } else {
            format!("{} before", count(signature.count_before))
        };
        let place = format!(
            "{}:{}",
            short(&visible(&signature.example.file), NAME_ROOM),
            signature.example.line
        );
        page.paragraph(
            &[Tone::Plain.span("  ")],
            4,
            &[
                Tone::Strong.span(short(&signature.template, SAMPLE_ROOM)),
                Tone::Plain.span(format!(
                    " · {} of {} since {}, {before} · ",
                    count_of(signature.count_after, "line"),
                    visible(&signature.service),
                    view.clock.show(&signature.first),
                )),
                Tone::Faint.span(place),
            ],
        );
    }
}

fn sample_lines(page: &mut Page, view: &View, incident: &Incident) {
    let shown = if view.style.explain {
        incident.samples.len()
    } else {
        1
    };
    for (i, sample) in incident.samples.iter().take(shown).enumerate() {
        if i == 0 {
            page.blank();
            page.line(&[Tone::Strong.span("  FAILING LINES")]);
        }
        let place = format!(
            "{}:{} ",
            short(&visible(&sample.file), NAME_ROOM),
            sample.line
        );
        let text = short(&visible(&sample.text), SAMPLE_ROOM);
        page.paragraph(
            &[Tone::Plain.span("  ")],
            4,
            &[Tone::Faint.span(place), Tone::Plain.span(text)],
        );
    }
}

/// The error rate over time, with what is needed to write under it.
struct Chart {
    axis: Axis,
    rates: Vec<Option<f64>>,
    from: i64,
    to: i64,
}

impl Chart {
    fn of(incident: &Incident, view: &View, width: usize) -> Option<Chart> {
        let mut bins: Vec<Bin> = Vec::with_capacity(incident.series.len());
        for window in &incident.series {
            bins.push(Bin {
                start: epoch_s(&window.0)?,
                requests: window.1,
                errors: window.2,
            });
        }
        bins.sort_by_key(|bin| bin.start);
        let (first, last) = (bins.first()?.start, bins.last()?.start);
        if bins.iter().all(|bin| bin.errors == 0) {
            return None;
        }
        let steps = bins
            .windows(2)
            .filter_map(|pair| pair[1].start.checked_sub(pair[0].start));
        let asked = i64::try_from(view.report.scan.window_s).unwrap_or(i64::MAX);
        let window_s = steps.filter(|&step| step > 0).min().unwrap_or(asked).max(1);
        let to = last.saturating_add(window_s);
        let axis = Axis::new(first, to, window_s, width.saturating_sub(LABEL + 1));
        let rates = axis.rates(&bins, window_s);
        Some(Chart {
            axis,
            rates,
            from: first,
            to,
        })
    }

    fn write(&self, page: &mut Page, view: &View, incident: &Incident, listing: &Listing) {
        let full = self.rates.iter().flatten().copied().fold(0.0, f64::max);
        let edge = page.sign("┤", "|");
        let unicode = view.style.unicode;
        let bad = self.columns_of(incident);
        for (i, bar) in bars(&self.rates, full, CHART_LINES, unicode)
            .iter()
            .enumerate()
        {
            let label = match i {
                0 => percent(full),
                _ if i + 1 == CHART_LINES => percent(0.0),
                _ => "errors".to_owned(),
            };
            let mut line = vec![Tone::Faint.span(format!("{label:>9}{edge}"))];
            for (column, block) in bar.chars().enumerate() {
                let tone = if bad.contains(&column) {
                    Tone::Bad
                } else {
                    Tone::Plain
                };
                line.push(tone.span(block));
            }
            page.line(&line);
        }
        for (i, marks) in self.axis.marks(&listing.marks(view)).iter().enumerate() {
            let label = if i == 0 { "changes" } else { "" };
            page.line(&[
                Tone::Faint.span(format!("{label:>9} ")),
                Tone::Mark.span(marks),
            ]);
        }
        page.line(&[
            Tone::Faint.span(" ".repeat(LABEL)),
            Tone::Faint.span(self.times(view, incident)),
        ]);
        if self.rates.contains(&None) {
            let sign = gap_sign(unicode);
            page.line(&[Tone::Faint.span(format!("{}{sign} no requests", " ".repeat(LABEL)))]);
        }
    }

    /// The columns in which the incident lasts.
    fn columns_of(&self, incident: &Incident) -> std::ops::Range<usize> {
        let column = |at: &Option<String>| {
            at.as_deref()
                .and_then(epoch_s)
                .and_then(|at| self.axis.column(at))
        };
        let first = column(&incident.onset).unwrap_or(0);
        let last = column(&incident.end).unwrap_or(self.axis.columns());
        first..last.max(first + 1)
    }

    fn times(&self, view: &View, incident: &Incident) -> String {
        let mut labels = Vec::new();
        for (at, what) in [(&incident.onset, " onset"), (&incident.end, " end")] {
            if let Some(at) = at
                && let Some(epoch) = epoch_s(at)
            {
                let shown = view.clock.show(at);
                labels.push((vec![format!("{shown}{what}"), shown], epoch));
            }
        }
        let series = &incident.series;
        let edges = [(series.first(), self.from), (series.last(), self.to - 1)];
        for (window, at) in edges {
            labels.extend(window.map(|window| (vec![view.clock.show(&window.0)], at)));
        }
        self.axis.labels(&labels, view.style.unicode)
    }
}
