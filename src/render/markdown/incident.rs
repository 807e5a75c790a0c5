//! One incident's sections, in the order in which a postmortem is read.

use super::timeline::{self, named};
use super::writer::{Document, Line, code, own, said};
use super::{View, endpoint_name, statuses};
use crate::render::human::{
    count, count_of, duration, latency, percent, percent_number, probability, times,
};
use crate::render::listing::Listing;
use crate::render::sanitize::visible;
use crate::render::terminal::chart;
use crate::render::when::seconds_between;
use crate::render::words;
use crate::report::{
    Disposition, Evidence, HitEndpoint, Incident, NotAssessed, RuledOut, Sample, ScopeLabel,
    Signature,
};

/// Suspects below this probability get no table of evidence, but for the first.
const WORTH_EVIDENCE: f64 = 0.10;
/// Endpoints listed; the rest is counted.
const ENDPOINTS_SHOWN: usize = 30;
/// Columns of the chart: what a code block shows without scrolling.
const CHART_COLUMNS: usize = 96;
/// From this share of unread lines on, they are an open question.
const MANY_REJECTED: f64 = 0.01;

/// An incident's part of the document.
pub fn write(page: &mut Document, view: &View, incident: &Incident) {
    let listing = Listing::new(view.report, incident, false);
    let title = own("Incident ")
        .said(&incident.id)
        .own(": ")
        .said(words::subject(incident));
    page.heading(2, &title);
    at_a_glance(page, view, incident);
    page.heading(3, &own("Summary"));
    summary(page, view, incident);
    page.heading(3, &own("Impact"));
    impact(page, incident);
    page.heading(3, &own("Timeline"));
    if let Some(lines) = chart(view.report, incident, CHART_COLUMNS) {
        page.fence("text", lines.lines());
    }
    timeline::write(page, view, incident, &listing);
    page.heading(3, &own("Root cause"));
    root_cause(page, view, incident);
    page.heading(3, &own("What was ruled out, and misleading leads"));
    ruled_out(page, view, incident, &listing);
    page.heading(3, &own("Recovery"));
    recovery(page, view, incident);
    page.heading(3, &own("Open questions and follow-ups"));
    page.list("[ ] ", &follow_ups(view, incident));
    page.heading(3, &own("How to check"));
    how_to_check(page, view, incident);
}

fn at_a_glance(page: &mut Document, view: &View, incident: &Incident) {
    let rows = [
        [
            own("**State** by the end of the log"),
            said(&incident.state),
        ],
        [own("**Severity**"), own("_to be filled in_")],
        [
            own("**Since**"),
            said(words::since_in_full(view.report, &view.clock, incident)),
        ],
        [
            own("**Cause**"),
            said(words::headline(view.report, incident)),
        ],
        [
            own("**Owner of this postmortem**"),
            own("_to be filled in_"),
        ],
    ];
    page.table(["", ""], &rows);
}

fn summary(page: &mut Document, view: &View, incident: &Incident) {
    let (cost, slow) = (&incident.impact, words::is_slow(incident));
    let text = said(format!(
        "From {}, {} of {} to {} {} ({}, normally {}). ",
        words::when_in_full(view.report, &view.clock, incident),
        count(cost.errors),
        count_of(cost.requests, "request"),
        count_of(incident.endpoints.len() as u64, "endpoint"),
        if slow { "were slow" } else { "failed" },
        percent(cost.error_rate),
        percent(cost.baseline_error_rate),
    ))
    .said(&incident.summary);
    page.paragraph(&text);
    page.paragraph(&own(
        "_to be filled in: what users saw, in a sentence or two_",
    ));
}

fn impact(page: &mut Document, incident: &Incident) {
    let cost = &incident.impact;
    let mut lines = vec![said(format!(
        "{}: {} of {} ({}, normally {}), {} more than usual",
        if words::is_slow(incident) {
            "Slow requests"
        } else {
            "Errors"
        },
        count(cost.errors),
        count_of(cost.requests, "request"),
        percent(cost.error_rate),
        percent(cost.baseline_error_rate),
        count(cost.excess_errors.round().max(0.0) as u64),
    ))];
    lines.push(match &cost.users {
        Some(users) => {
            let text = format!(
                "Users with {}: {} of {} ({}, 95 % interval {}–{})",
                if words::is_slow(incident) {
                    "a slow request"
                } else {
                    "an error"
                },
                count(users.affected),
                count(users.active),
                percent(users.share),
                percent_number(users.share_low),
                percent(users.share_high),
            );
            let proxy = users.proxy.iter().map(|p| own(", told apart by ").code(p));
            proxy.fold(said(text), Line::then)
        }
        None => own("Users with an error: _to be filled in; the logs tell no users apart_"),
    });
    lines.extend(shared(&incident.scope));
    lines.push(own(
        "Cost to the business, support tickets, objectives missed: _to be filled in_",
    ));
    page.list("", &lines);
    let slow = incident.signal == "latency";
    let row = |hit: &HitEndpoint| {
        let p95 = |s: Option<f64>| said(s.map(latency).unwrap_or_default());
        [
            code(endpoint_name(&hit.method, &hit.endpoint)),
            code(visible(&hit.service)),
            said(count(hit.requests)),
            said(count(hit.errors)),
            said(percent(hit.error_rate)),
            said(percent(hit.baseline_error_rate)),
            if slow {
                p95(hit.latency_p95_s)
            } else {
                statuses(&hit.statuses)
            },
            if slow {
                p95(hit.baseline_latency_p95_s)
            } else {
                own("")
            },
        ]
    };
    let shown = incident.endpoints.iter().take(ENDPOINTS_SHOWN);
    if slow {
        let titles = [
            "Endpoint",
            "Service",
            "Requests:",
            "Slow:",
            "Share:",
            "Normally:",
            "p95:",
            "Normally:",
        ];
        page.table(titles, &shown.map(row).collect::<Vec<_>>());
    } else {
        let rows = shown
            .map(row)
            .map(|[a, b, c, d, e, f, g, _]| [a, b, c, d, e, f, g]);
        let titles = [
            "Endpoint",
            "Service",
            "Requests:",
            "Errors:",
            "Error rate:",
            "Normally:",
            "Status",
        ];
        page.table(titles, &rows.collect::<Vec<_>>());
    }
    if let Some(more @ 1..) = incident.endpoints.len().checked_sub(ENDPOINTS_SHOWN) {
        page.paragraph(&said(format!("{more} more are in the JSON report.")));
    }
}

/// The set of labels that nearly all failing requests have.
fn shared(scope: &[ScopeLabel]) -> Option<Line> {
    let last = scope.last()?;
    let mut line = own("Shared by the failing requests: ");
    for (i, label) in scope.iter().enumerate() {
        let name = format!("{}={}", label.label, visible(&label.value));
        line = line.own(if i == 0 { "" } else { " and " }).code(name);
    }
    let line = line.said(format!(
        " in {} of the errors",
        percent(last.joint_coverage)
    ));
    Some(match last.joint_lift {
        Some(lift) => line.said(format!(", {} the rate elsewhere", times(lift))),
        None => line,
    })
}

fn root_cause(page: &mut Document, view: &View, incident: &Incident) {
    page.paragraph(&said(&incident.summary));
    let mut rows: Vec<[Line; 3]> = incident
        .suspects
        .iter()
        .take(5)
        .map(|suspect| {
            [
                said(probability(suspect.probability)),
                named(view, &suspect.change),
                said(words::lag(suspect).unwrap_or_default()),
            ]
        })
        .collect();
    let kinds = incident
        .alternatives
        .iter()
        .map(|a| format!("{} {}", a.kind, probability(a.probability)));
    rows.push([
        said(probability(incident.unexplained_probability)),
        own("no listed change"),
        said(kinds.collect::<Vec<_>>().join(", ")),
    ]);
    page.table(["Probability:", "Cause", ""], &rows);
    for suspect in &incident.suspects {
        if suspect.rank == 1 || suspect.probability >= WORTH_EVIDENCE {
            let title = own("Evidence for (+) and against (−) ").then(named(view, &suspect.change));
            evidence(page, title, &suspect.evidence);
        }
    }
    for other in &incident.alternatives {
        if other.probability >= WORTH_EVIDENCE {
            let title = own("Evidence for (+) and against (−) another cause, ").said(&other.kind);
            evidence(page, title, &other.evidence);
        }
    }
    messages(page, view, incident);
    page.list(
        "",
        &if incident.verdict == "change" {
            [
                own("What in this change broke, and why: _to be filled in_"),
                own("Why review, tests and rollout let it pass: _to be filled in_"),
            ]
        } else {
            [
                own("What broke, and why: _to be filled in_"),
                own("Why nothing stopped it earlier: _to be filled in_"),
            ]
        },
    );
}

fn evidence(page: &mut Document, title: Line, evidence: &[Evidence]) {
    if evidence.is_empty() {
        return;
    }
    page.paragraph(&title.own(", in nats (one multiplies the odds by 2.7):"));
    let row = |e: &Evidence| {
        [
            said(words::signed(e.nats)),
            said(e.kind.replace('_', " ")),
            said(&e.text),
        ]
    };
    page.table(
        ["Nats:", "Evidence", "Finding"],
        &evidence.iter().map(row).collect::<Vec<_>>(),
    );
}

fn ruled_out(page: &mut Document, view: &View, incident: &Incident, listing: &Listing) {
    let change = |other: &&Disposition| {
        [
            named(view, &other.change),
            said(words::fate(other).0),
            said(&other.why),
        ]
    };
    let not_a_fix = |other: &&Disposition| other.status != "fix";
    let others = listing
        .others
        .iter()
        .map(|(_, other)| *other)
        .filter(not_a_fix);
    let mut rows: Vec<[Line; 3]> = others.map(|other| change(&other)).collect();
    let lead = |l: &RuledOut| [said(&l.lead), own("ruled out"), said(&l.finding)];
    rows.extend(incident.ruled_out.iter().map(lead));
    if rows.is_empty() {
        page.paragraph(&own("The logs and markers rule nothing out."));
    }
    page.table(["Lead", "Verdict", "Finding"], &rows);
    page.paragraph(&own(
        "Leads that were followed meanwhile, and what they cost: _to be filled in_",
    ));
}

fn recovery(page: &mut Document, view: &View, incident: &Incident) {
    page.paragraph(&match (incident.state.as_str(), &incident.end) {
        ("recovered", Some(end)) => said(format!(
            "{} were as rare as before from {} on.",
            if words::is_slow(incident) {
                "Slow requests"
            } else {
                "Failures"
            },
            view.clock.show(end)
        )),
        ("recovered", None) => own("It was over by the end of the log."),
        ("improving", _) => own("It grew better; the log ends too soon to call it recovered."),
        ("ongoing", _) => own("It was not over at the end of the log."),
        _ => own("The log has a gap, so it is not known when it ended."),
    });
    let of = |status: &'static str| incident.changes.iter().filter(move |c| c.status == status);
    let line = |other: &Disposition| named(view, &other.change).own(": ").said(&other.why);
    let lines = of("fix").map(|o| own("Fix: ").then(line(o)));
    let tried = of("attempted_fix").map(|o| own("Tried: ").then(line(o)));
    page.list("", &lines.chain(tried).collect::<Vec<_>>());
    page.paragraph(&own(
        "_to be filled in: who decided what, and what was done that no marker tells_",
    ));
}

/// Error messages of the applications that came up or grew with the incident.
fn messages(page: &mut Document, view: &View, incident: &Incident) {
    let telling: Vec<_> = incident
        .signatures
        .iter()
        .filter(|s| words::is_lead(s))
        .collect();
    if telling.is_empty() {
        return;
    }
    page.paragraph(&own("Error messages that came up or grew with it:"));
    let row = |s: &&Signature| {
        [
            code(&s.template),
            code(visible(&s.service)),
            said(view.clock.show(&s.first)),
            said(count(s.count_before)),
            said(count(s.count_after)),
        ]
    };
    let rows: Vec<[Line; 5]> = telling.iter().map(row).collect();
    page.table(["Message", "Service", "First", "Before:", "Since:"], &rows);
}

/// What the data leave open. Each is a thing to do or to answer.
fn follow_ups(view: &View, incident: &Incident) -> Vec<Line> {
    let report = view.report;
    let mut lines = Vec::new();
    match (incident.verdict.as_str(), incident.suspects.first()) {
        ("change", Some(first)) => lines.push(
            own("Find what in ").then(named(view, &first.change)).own(" broke these endpoints and no others."),
        ),
        ("ambiguous", Some(first)) => lines.push(
            own("The logs can't separate ").then(named(view, &first.change))
                .own(" from the other causes above: compare them by hand."),
        ),
        _ => lines.push(own(
            "No listed change explains it: look for one that has no marker, and at what the endpoints depend on.",
        )),
    }
    let at = |id: &str| Some(words::change(report, id)?.at.as_str());
    for fix in incident.changes.iter().filter(|c| c.status == "fix") {
        let passed = incident.onset.as_deref().zip(at(&fix.change));
        if let Some(s) = passed.and_then(|(onset, fixed)| seconds_between(onset, fixed)) {
            lines.push(
                said(format!("{} passed from the onset to ", duration(s)))
                    .then(named(view, &fix.change))
                    .own(": when was it noticed, and what would have made it shorter?"),
            );
        }
    }
    for tried in incident
        .changes
        .iter()
        .filter(|c| c.status == "attempted_fix")
    {
        lines.push(
            named(view, &tried.change).own(" did not help: what made it look like the cause?"),
        );
    }
    if incident.state != "recovered" {
        lines.push(own(
            "Run triage again on later logs: by the end of these it was not over.",
        ));
    }
    for change in report.changes.iter().filter(|c| c.source == "logs") {
        lines.push(
            own("No marker tells of ")
                .then(timeline::name(change))
                .own(": have it recorded."),
        );
    }
    for change in report.changes.iter().filter(|c| c.note.is_some()) {
        let note = change.note.clone().unwrap_or_default();
        lines.push(timeline::name(change).own(": ").said(note).own("."));
    }
    let missing = |n: &NotAssessed| {
        own("Not assessed: ")
            .said(&n.lead)
            .own(". It needs ")
            .said(&n.needs)
            .own(".")
    };
    lines.extend(incident.not_assessed.iter().map(missing));
    let scan = &report.scan;
    for gap in &scan.gaps {
        let whose = gap
            .service
            .as_ref()
            .map_or(own("all services"), |s| code(visible(s)));
        let span = format!(
            " from {} to {} is missing.",
            view.clock.show(&gap.from),
            view.clock.show(&gap.to)
        );
        lines.push(own("The log of ").then(whose).said(span));
    }
    for file in &scan.salvaged {
        lines.push(
            code(visible(&file.file))
                .own(" was read only in part: ")
                .said(&file.why)
                .own("."),
        );
    }
    if scan.rejected_lines as f64 >= MANY_REJECTED * scan.lines.max(1) as f64
        && scan.rejected_lines > 0
    {
        lines.push(said(format!(
            "{} ({}) told of no readable request: should some of them have? \
             `triage formats --explain FILE` shows how a file is read.",
            count_of(scan.rejected_lines, "line"),
            percent(scan.rejected_lines as f64 / scan.lines.max(1) as f64),
        )));
    }
    lines.extend(report.notes.iter().map(said));
    lines
}

fn how_to_check(page: &mut Document, view: &View, incident: &Incident) {
    let with_difference = incident.suspects.iter().filter_map(|s| {
        let whose = words::brief(view.report, &s.change);
        Some([
            format!("# {whose} ({})", probability(s.probability)),
            s.diff.clone()?,
        ])
    });
    let differences: Vec<String> = with_difference.take(3).flatten().collect();
    if !differences.is_empty() {
        page.paragraph(&own("What the changes in question changed:"));
        page.fence("sh", differences.iter().map(String::as_str));
    }
    page.paragraph(&own(if view.again.is_empty() {
        "The lines behind the numbers, and their counts (with the paths and options of the run that made this draft):"
    } else {
        "The lines behind the numbers, and their counts:"
    }));
    let checks = words::checks(incident, view.again).into_iter();
    let commands: Vec<String> = checks
        .flat_map(|check| [format!("# {}", check.shows), check.command()])
        .collect();
    page.fence("sh", commands.iter().map(String::as_str));
    page.paragraph(&own(
        "All numbers: the command that made this draft, with `--format json`; all evidence for each change: with `--explain`.",
    ));
    if incident.samples.is_empty() {
        return;
    }
    page.paragraph(&own(if words::is_slow(incident) {
        "Slow lines, each after its file and line:"
    } else {
        "Failing lines, each after its file and line:"
    }));
    let line = |s: &Sample| {
        let place = words::in_file(s.line, s.byte);
        format!("{}{place} {}", visible(&s.file), visible(&s.text))
    };
    let lines: Vec<String> = incident.samples.iter().map(line).collect();
    page.fence("text", lines.iter().map(String::as_str));
}
