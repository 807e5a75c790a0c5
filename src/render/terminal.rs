//! The report as a table for the terminal: what an engineer on call reads at 3 a.m.
//!
//! In comes a report and a [`Style`], out comes text of at most the style's width: what was read,
//! then each incident (what, since when, for whom, which change), then the endpoints with most
//! errors, blips, and notes. The order is that of the questions asked, so that the first screen
//! answers them. Glyphs and colours repeat what words say; neither is needed to understand it.

mod changes;
mod endpoints;
mod incident;
mod notes;

use super::Style;
use super::human::{count_of, duration, percent};
use super::page::{Page, Tone};
use super::when::{Clock, seconds_between};
use crate::report::{Change, Report};

/// Columns for one name from a log in a sentence: a line has room for it at every width.
const NAME_ROOM: usize = 48;

/// The report as lines of text.
pub fn table(report: &Report, style: &Style) -> String {
    let scan = &report.scan;
    let view = View {
        report,
        style,
        clock: Clock::new(scan.from.as_deref(), scan.to.as_deref()),
    };
    let mut page = Page::new(style);
    what_was_read(&mut page, &view);
    if report.incidents.is_empty() {
        page.blank();
        no_incident(&mut page, &view);
    }
    for incident in &report.incidents {
        page.blank();
        incident::write(&mut page, &view, incident);
    }
    endpoints::write(&mut page, &view);
    notes::write(&mut page, &view);
    page.finish()
}

/// What all parts of the table look at.
struct View<'a> {
    report: &'a Report,
    style: &'a Style,
    clock: Clock,
}

impl View<'_> {
    fn change(&self, id: &str) -> Option<&Change> {
        self.report.changes.iter().find(|change| change.id == id)
    }
}

fn what_was_read(page: &mut Page, view: &View) {
    let scan = &view.report.scan;
    let mut parts = vec![
        count_of(scan.files, "file"),
        count_of(scan.lines, "line"),
        count_of(scan.requests, "request"),
        count_of(scan.errors, "error"),
    ];
    parts.extend(view.clock.span());
    page.paragraph(
        &[Tone::Strong.span("triage")],
        8,
        &[Tone::Plain.span(parts.join("\u{a0}· "))],
    );
}

fn no_incident(page: &mut Page, view: &View) {
    let scan = &view.report.scan;
    if scan.requests == 0 {
        let lead = [Tone::Warn.span("?")];
        return page.paragraph(
            &lead,
            2,
            &[Tone::Warn.span("Nothing to judge: no requests were read.")],
        );
    }
    let over = match (&scan.from, &scan.to) {
        (Some(from), Some(to)) => {
            seconds_between(from, to).map(|s| format!(" over {}", duration(s)))
        }
        _ => None,
    };
    let share = scan.errors as f64 / scan.requests as f64;
    let looked_at = format!(
        " Nothing stands out in {} to {}{}, with {}; {} ({}).",
        count_of(scan.requests, "request"),
        count_of(scan.services.len() as u64, "service"),
        over.unwrap_or_default(),
        count_of(view.report.changes.len() as u64, "change"),
        count_of(scan.errors, "error"),
        percent(share),
    );
    let lead = [Tone::Good.span(page.sign("✔", "+"))];
    page.paragraph(
        &lead,
        2,
        &[
            Tone::Good.span("No incident found."),
            Tone::Plain.span(looked_at),
        ],
    );
}

#[cfg(test)]
mod tests;
