//! The report as Markdown: the draft of a postmortem, for GitHub or a wiki.
//!
//! In comes a report, out comes a document with the sections that postmortems usually have. What
//! the logs and markers tell is filled in; what they can't know (who was paged, why the tests let
//! it pass) is a field to fill in, marked so. Nothing is guessed in between. Without an incident
//! the document says so and shows what was counted.

mod incident;
mod timeline;
mod writer;

use std::collections::BTreeMap;

use super::human::{count, count_of, percent};
use super::sanitize::visible;
use super::when::Clock;
use super::words;
use crate::report::{Endpoint, Report, Text};
use writer::{Document, Line, code, own, said};

/// Endpoints listed where there is no incident.
const ENDPOINTS_SHOWN: usize = 10;

/// What all parts of the document look at.
struct View<'a> {
    report: &'a Report,
    again: &'a [String],
    clock: Clock,
}

/// The report as a postmortem draft; `again` are the paths and options of its run, as words of a shell.
pub fn markdown(report: &Report, again: &[String]) -> String {
    let view = View {
        report,
        again,
        clock: Clock::new(report.scan.from.as_deref(), report.scan.to.as_deref()),
    };
    let mut page = Document::default();
    match report.incidents.as_slice() {
        [] => no_incident(&mut page, &view),
        incidents => {
            page.heading(1, &own("Postmortem draft"));
            page.paragraph(&what_was_read(&view));
            if incidents.len() > 1 {
                let subject = |incident| {
                    said(words::subject(incident))
                        .own(": ")
                        .said(words::headline(report, incident))
                };
                page.list("", &incidents.iter().map(subject).collect::<Vec<_>>());
            }
            for incident in incidents {
                incident::write(&mut page, &view, incident);
            }
        }
    }
    page.finish()
}

fn what_was_read(view: &View) -> Line {
    let scan = &view.report.scan;
    let parts = [
        count_of(scan.files, "file"),
        count_of(scan.lines, "line"),
        count_of(scan.requests, "request"),
        count_of(scan.errors, "error"),
    ];
    let mut text = parts.join(", ");
    if let Some(span) = view.clock.span() {
        text += &format!(", {span}");
    }
    own("Drafted from ").said(text).own(
        ". Times and numbers come from the logs and change markers; \
         what these can't know is _to be filled in_.",
    )
}

fn no_incident(page: &mut Document, view: &View) {
    let report = view.report;
    if report.scan.requests == 0 {
        page.heading(1, &own("Nothing to judge"));
        page.paragraph(&own("No requests were read."));
        return;
    }
    page.heading(1, &own("No incident found"));
    page.paragraph(&said(words::nothing_stands_out(report)));
    if let Some(span) = view.clock.span() {
        page.paragraph(&own("Looked at: ").said(span).own("."));
    }
    let shown: Vec<&Endpoint> = report
        .endpoints
        .iter()
        .filter(|e| e.errors > 0)
        .take(ENDPOINTS_SHOWN)
        .collect();
    if !shown.is_empty() {
        page.heading(2, &own("Endpoints with most errors"));
    }
    let row = |e: &&Endpoint| {
        [
            code(endpoint_name(&e.method, &e.endpoint)),
            code(visible(&e.service)),
            said(count(e.requests)),
            said(count(e.errors)),
            said(percent(e.error_rate)),
            statuses(&e.statuses),
        ]
    };
    page.table(
        [
            "Endpoint",
            "Service",
            "Requests:",
            "Errors:",
            "Error rate:",
            "Status",
        ],
        &shown.iter().map(row).collect::<Vec<_>>(),
    );
    notes(page, view);
}

/// Remarks on the input, under a heading of their own.
fn notes(page: &mut Document, view: &View) {
    if view.report.notes.is_empty() {
        return;
    }
    page.heading(2, &own("Notes on the data"));
    page.list("", &view.report.notes.iter().map(said).collect::<Vec<_>>());
}

fn endpoint_name(method: &Text, endpoint: &Text) -> String {
    format!("{} {}", visible(method), visible(endpoint))
}

/// `1,125 × 500, 2 × 503`.
fn statuses(statuses: &BTreeMap<String, u64>) -> Line {
    let mut sorted: Vec<_> = statuses.iter().collect();
    sorted.sort_by_key(|&(status, errors)| (std::cmp::Reverse(*errors), status));
    let each = sorted
        .iter()
        .map(|(status, errors)| format!("{} × {status}", count(**errors)));
    said(each.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
