//! The report as a table for the terminal: what an engineer on call reads at 3 a.m.
//!
//! In comes a report and a [`Style`], out comes text of at most the style's width: what was read,
//! then each incident (what, since when, for whom, which change), then the endpoints with most
//! errors, blips, and notes. The order is that of the questions asked, so that the first screen
//! answers them. Glyphs and colours repeat what words say; neither is needed to understand it.

mod changes;
mod chart;
mod endpoints;
mod incident;
mod notes;

use super::Style;
use super::human::count_of;
use super::listing::Listing;
use super::page::{Page, Tone};
use super::when::Clock;
use super::words;
use crate::report::{Incident, Report};
use chart::Chart;

/// The report as lines of text; `again` are the paths and options of its run, as words of a shell.
pub fn table(report: &Report, style: &Style, again: &[String]) -> String {
    let scan = &report.scan;
    let view = View {
        report,
        style,
        again,
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
    let mut text = page.finish();
    if style
        .height
        .is_some_and(|rows| text.lines().count() >= rows)
    {
        let mut page = Page::new(style);
        incident::in_short(&mut page, &view);
        text += &page.finish();
    }
    text
}

/// What all parts of the table look at.
struct View<'a> {
    report: &'a Report,
    style: &'a Style,
    again: &'a [String],
    clock: Clock,
}

/// An incident's chart alone, in plain text; `None` without a time or an error to show.
pub fn chart(report: &Report, incident: &Incident, width: usize) -> Option<String> {
    let style = Style {
        width,
        height: None,
        color: false,
        unicode: true,
        top: 0,
        explain: false,
    };
    let view = View {
        report,
        style: &style,
        again: &[],
        clock: Clock::new(report.scan.from.as_deref(), report.scan.to.as_deref()),
    };
    let mut page = Page::new(&style);
    let listing = Listing::new(report, incident, false);
    Chart::of(incident, &view, page.width())?.write(&mut page, &view, incident, &listing);
    Some(page.finish())
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
    let looked_at = format!(" {}", words::nothing_stands_out(view.report));
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
