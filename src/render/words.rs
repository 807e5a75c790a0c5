//! What all forms of the report for people say in the same words: what fails, since when, which
//! change, how its fate is called.
//!
//! In come parts of the report; out come short texts, not cleaned and not escaped: names in them
//! are as the logs and markers have them, and whatever writes them down makes them harmless.

use std::collections::{BTreeMap, BTreeSet};

use super::human::{count, count_of, duration, percent, probability};
use super::page::Tone;
use super::sanitize::{short, visible};
use super::shell::shell_word;
use super::when::{Clock, seconds_between};
use crate::report::{
    Change, Disposition, Endpoint, HitEndpoint, Incident, Report, Signature, Suspect, Text,
};

/// Columns for one name from a log in a sentence: a line has room for it at every width.
pub const NAME_ROOM: usize = 48;

/// A message of fewer lines, of which nobody knows whether it is new, is none to begin with.
const LEAST_LINES: u64 = 3;

/// Where in a file a line stands, as it follows the file's name: `:12`, or ` at byte 4096` where lines
/// before it were not read.
pub fn in_file(line: Option<u64>, byte: Option<u64>) -> String {
    match (line, byte) {
        (Some(line), _) => format!(":{line}"),
        (None, Some(byte)) => format!(" at byte {byte}"),
        (None, None) => String::new(),
    }
}

/// Whether an error message may have to do with its incident: it came up with it, or grew, or came as often with
/// nothing like it before, in a log that may not have been there before either.
pub fn is_lead(message: &Signature) -> bool {
    message.surging || message.count_before == 0 && message.count_after >= LEAST_LINES
}

/// How often a message came before its incident.
pub fn before(message: &Signature) -> String {
    match (message.novel, message.count_before) {
        (true, _) => "never before".to_owned(),
        (false, 0) => "none before in its log".to_owned(),
        (false, lines) => format!("{} before", count(lines)),
    }
}

/// The command that shows the line at a byte of a file, as words of a shell.
pub fn line_at(file: &Text, byte: u64) -> Option<Vec<String>> {
    let Text::Utf8(file) = file else {
        return None;
    };
    let prefix = if file.starts_with('-') { "./" } else { "" };
    let file = shell_word(format!("{prefix}{file}").as_bytes());
    let from = format!("+{}", byte.saturating_add(1));
    let words = ["tail", "-c", &from, &file, "|", "head", "-n", "1"];
    Some(words.map(str::to_owned).to_vec())
}

/// A command that shows what a claim was counted from.
pub struct Check {
    /// It, as words of a shell.
    pub words: Vec<String>,
    /// What it shows.
    pub shows: String,
}

impl Check {
    /// The command in a line.
    pub fn command(&self) -> String {
        self.words.join(" ")
    }
}

/// Endpoints whose counts get a command of their own; the others' differ in the name alone.
const ENDPOINTS_CHECKED: usize = 3;
/// Values longer than this make no command that anybody copies.
const LONGEST_VALUE: usize = 200;

/// Commands that show what an incident's numbers were counted from: its lines, its counts, and those
/// of its worst endpoints and of what failing requests share. `again` are the paths and options of
/// the run that made the report, as words of a shell.
pub fn checks(incident: &Incident, again: &[String]) -> Vec<Check> {
    let line = if is_slow(incident) {
        "slow line"
    } else {
        "failing line"
    };
    let check = |options: &[&str], filters: &[(&str, &Text)], shows: String| {
        let mut words = vec!["triage".to_owned(), "show".to_owned()];
        words.push(shell_word(incident.id.as_bytes()));
        words.extend(again.iter().cloned());
        words.extend(options.iter().map(|&option| option.to_owned()));
        for (key, value) in filters {
            let Text::Utf8(value) = value else {
                return None; // an option takes text alone
            };
            if value.len() > LONGEST_VALUE {
                return None;
            }
            words.push("--where".to_owned());
            words.push(shell_word(format!("{key}={value}").as_bytes()));
        }
        Some(Check { words, shows })
    };
    let lines = count_of(incident.impact.errors, line);
    let bad = if is_slow(incident) {
        "slow ones"
    } else {
        "errors"
    };
    let mut checks = vec![
        check(&[], &[], format!("the {lines}")),
        check(&["--count"], &[], format!("requests and {bad} by window")),
    ];
    for hit in incident.endpoints.iter().take(ENDPOINTS_CHECKED) {
        if let (Text::Utf8(method), Text::Utf8(template)) = (&hit.method, &hit.endpoint) {
            let name = Text::Utf8(format!("{method} {template}"));
            let shows = format!("those of {}", hit_name(hit));
            let filters = [("service", &hit.service), ("endpoint", &name)];
            checks.push(check(&["--count"], &filters, shows));
        }
    }
    if !incident.scope.is_empty() {
        let shared: Vec<(&str, &Text)> = incident
            .scope
            .iter()
            .map(|shared| (shared.label.as_str(), &shared.value))
            .collect();
        let shows = "those of what failing requests share".to_owned();
        checks.push(check(&["--count"], &shared, shows));
    }
    checks.push(first_line(incident, line));
    checks.into_iter().flatten().collect()
}

/// The command that shows an incident's first line where it stands, if no number tells where.
fn first_line(incident: &Incident, line: &str) -> Option<Check> {
    let sample = incident.samples.first()?;
    Some(Check {
        words: line_at(&sample.file, sample.byte?)?,
        shows: format!("its first {line} where it stands"),
    })
}

/// What each fate of a change is called, in the order in which they matter to the reader.
pub const FATES: [(&str, &str, Tone); 4] = [
    ("fix", "fix", Tone::Good),
    ("attempted_fix", "tried fix", Tone::Warn),
    ("cleared", "cleared", Tone::Good),
    ("after", "after", Tone::Faint),
];

/// What became of a change, in a word or two.
pub fn fate(disposition: &Disposition) -> (&str, Tone) {
    match FATES.iter().find(|fate| fate.0 == disposition.status) {
        Some(&(_, fate, tone)) => (fate, tone),
        None => (disposition.status.as_str(), Tone::Plain),
    }
}

/// The change with an id.
pub fn change<'a>(report: &'a Report, id: &str) -> Option<&'a Change> {
    report.changes.iter().find(|change| change.id == id)
}

/// `4 endpoints of api fail`.
pub fn subject(incident: &Incident) -> String {
    let services: BTreeSet<_> = incident.endpoints.iter().map(|hit| &hit.service).collect();
    let (fails, fail) = if is_slow(incident) {
        ("is slow", "are slow")
    } else {
        ("fails", "fail")
    };
    match (incident.endpoints.as_slice(), services.first()) {
        ([only], Some(service)) => format!("{} of {} {fails}", hit_name(only), visible(service)),
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

/// Whether slow requests stand where others have errors.
pub fn is_slow(incident: &Incident) -> bool {
    incident.signal == "latency"
}

/// What its bad requests are: `failing` or `slow`.
pub fn failing(incident: &Incident) -> &'static str {
    if is_slow(incident) { "slow" } else { "failing" }
}

/// What their share is labelled: `errors` or `slow`.
pub fn errors(incident: &Incident) -> &'static str {
    if is_slow(incident) { "slow" } else { "errors" }
}

/// `POST /login`, cut where it is long.
pub fn hit_name(hit: &HitEndpoint) -> String {
    short(
        &format!("{}\u{a0}{}", visible(&hit.method), visible(&hit.endpoint)),
        NAME_ROOM,
    )
}

/// Seconds from onset to end, or to the end of the log; `None` where the onset is not known.
pub fn lasted_s(report: &Report, incident: &Incident) -> Option<f64> {
    let last = incident.end.as_deref().or(report.scan.to.as_deref());
    seconds_between(incident.onset.as_deref()?, last?)
}

/// `09:00:03 until 11:01:56 (2 h 2 min)`.
pub fn when(report: &Report, clock: &Clock, incident: &Incident) -> String {
    let (onset, end) = (incident.onset.as_deref(), incident.end.as_deref());
    let span = match (onset, end) {
        (Some(onset), Some(end)) => {
            let until = clock.show_after(onset, end);
            format!("{} until {until}", clock.show(onset))
        }
        (Some(onset), None) => clock.show(onset),
        (None, Some(end)) => format!("{}, until {}", before_log(incident), clock.show(end)),
        (None, None) => before_log(incident).to_owned(),
    };
    lasting(report, incident, span)
}

/// Since when, where that is not in the log. What comes back may have begun with the log.
fn before_log(incident: &Incident) -> &'static str {
    match incident.recurring {
        Some(_) => "the log's begin, or before it",
        None => "before the log begins",
    }
}

/// [`when`] with day and zone: `2024-04-10 09:00:03 until 11:01:56 -07:00 (2 h 2 min)`.
pub fn when_in_full(report: &Report, clock: &Clock, incident: &Incident) -> String {
    let span = match (incident.onset.as_deref(), incident.end.as_deref()) {
        (Some(onset), end) => clock.in_full(onset, end),
        (None, Some(end)) => {
            let until = clock.in_full(end, None);
            format!("{}, until {until}", before_log(incident))
        }
        (None, None) => before_log(incident).to_owned(),
    };
    lasting(report, incident, span)
}

/// A span, and how long it is or what is not known of its end.
fn lasting(report: &Report, incident: &Incident, span: String) -> String {
    match (&incident.end, lasted_s(report, incident).map(duration)) {
        (Some(_), Some(lasted)) => format!("{span} ({lasted})"),
        (Some(_), None) => span,
        (None, _) if incident.state == "unknown" => {
            format!("{span}, its end is not known: no request came after it")
        }
        (None, Some(lasted)) => format!("{span}, for {lasted} by the end of the log"),
        (None, None) => span,
    }
}

/// `09:00:03 until 11:01:56 (2 h 2 min) · onset 08:58:48–09:00:34 (95 %)`.
pub fn since(report: &Report, clock: &Clock, incident: &Incident) -> String {
    when(report, clock, incident) + &sureness(clock, incident)
}

/// [`since`] with day and zone.
pub fn since_in_full(report: &Report, clock: &Clock, incident: &Incident) -> String {
    when_in_full(report, clock, incident) + &sureness(clock, incident)
}

/// How sure the onset is, and whether it returns.
fn sureness(clock: &Clock, incident: &Incident) -> String {
    let show = |at: &str| clock.show(at);
    let mut text = String::new();
    if let (Some(low), Some(high)) = (&incident.onset_low, &incident.onset_high)
        && show(low) != show(high)
    {
        let high = clock.show_after(low, high);
        text += &format!("\u{a0}· onset {}–{high} (95\u{a0}%)", show(low));
    }
    if let Some(recurring) = &incident.recurring {
        let every = duration(recurring.every_s as f64);
        let lasts = duration(recurring.lasts_s as f64);
        text += &format!(
            "\u{a0}· comes back every {every} for up to {lasts}, {}",
            count_of(recurring.times, "time")
        );
        // Without an onset nothing else says at what time of the hour or day it comes.
        if let (None, Some(first)) = (&incident.onset, &incident.first_failure) {
            text += &format!(", first {}", show(first));
        }
    }
    text
}

/// `deploy d-1042 of api`.
pub fn brief(report: &Report, id: &str) -> String {
    let Some(change) = change(report, id) else {
        return format!("change {id}");
    };
    let unlisted = if change.source == "logs" {
        "unlisted "
    } else {
        ""
    };
    match &change.service {
        Some(service) => format!("{unlisted}{} {id} of {service}", change.kind),
        None => format!("{unlisted}{} {id}", change.kind),
    }
}

/// `2.3.9 → 2.4.0`.
pub fn versions(change: Option<&Change>) -> Option<String> {
    let change = change?;
    match (&change.previous_version, &change.version) {
        (Some(old), Some(new)) => Some(format!("{old}\u{a0}→\u{a0}{new}")),
        (None, Some(new)) => Some(new.clone()),
        (Some(old), None) => Some(format!("was {old}")),
        (None, None) => None,
    }
}

/// `42 s before onset`.
pub fn lag(suspect: &Suspect) -> Option<String> {
    let lag = suspect.lag_s?;
    let side = if lag < 0.0 { "after" } else { "before" };
    Some(format!("{} {side} onset", duration(lag)))
}

/// An incident's errors by status, most first.
pub fn by_status(incident: &Incident) -> Vec<(&str, u64)> {
    if is_slow(incident) {
        return Vec::new(); // slow requests succeeded
    }
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (status, errors) in incident.endpoints.iter().flat_map(|hit| &hit.statuses) {
        let sum = sums.entry(status).or_default();
        *sum = sum.saturating_add(*errors);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|&(status, errors)| (std::cmp::Reverse(errors), status));
    sums
}

/// The incidents that hit an endpoint.
pub fn hit_by<'a>(report: &'a Report, endpoint: &Endpoint) -> Vec<&'a Incident> {
    let same = |hit: &HitEndpoint| {
        hit.service == endpoint.service
            && hit.method == endpoint.method
            && hit.endpoint == endpoint.endpoint
    };
    let hits = |incident: &&Incident| incident.endpoints.iter().any(same);
    report.incidents.iter().filter(hits).collect()
}

/// The verdict in a few words: the change and its probability, or what stands against naming one.
pub fn headline(report: &Report, incident: &Incident) -> String {
    let first = incident.suspects.first();
    match (incident.verdict.as_str(), first) {
        ("change", Some(guilty)) => {
            let versions = versions(change(report, &guilty.change));
            let versions = versions.map(|v| format!(", {v}")).unwrap_or_default();
            format!(
                "{}{versions} ({})",
                brief(report, &guilty.change),
                probability(guilty.probability)
            )
        }
        ("ambiguous", Some(first)) => format!(
            "not certain; most probable is {} ({})",
            brief(report, &first.change),
            probability(first.probability)
        ),
        _ => format!(
            "no listed change explains it ({})",
            probability(incident.unexplained_probability)
        ),
    }
}

/// What was looked at where there is no incident.
pub fn nothing_stands_out(report: &Report) -> String {
    let scan = &report.scan;
    let over = match (&scan.from, &scan.to) {
        (Some(from), Some(to)) => {
            seconds_between(from, to).map(|s| format!(" over {}", duration(s)))
        }
        _ => None,
    };
    let share = scan.errors as f64 / scan.requests.max(1) as f64;
    format!(
        "Nothing stands out in {} to {}{}, with {}; {} ({}).",
        count_of(scan.requests, "request"),
        count_of(scan.services.len() as u64, "service"),
        over.unwrap_or_default(),
        count_of(report.changes.len() as u64, "change"),
        count_of(scan.errors, "error"),
        percent(share),
    )
}

/// `+4.10`, `−0.30`.
pub fn signed(nats: f64) -> String {
    let sign = if nats < 0.0 { '−' } else { '+' };
    format!("{sign}{:.2}", nats.abs())
}
