//! The report as one HTML file: to look at, to share, to print.
//!
//! In comes a report, out comes a document that needs nothing else: no network, no script, no
//! font, no image. Its policy (CSP) forbids all of these and any style but its own, by the hash of
//! the sheet. The first screen answers what broke and which change did it; what is read later is
//! folded. Every number and time of the report stands in a `data` or `time` element that names
//! where the JSON report has it (`data-key`, RFC 6901), so that the two can be compared.

mod changes;
mod common;
mod endpoints;
mod incident;
mod notes;

use super::human::{count, count_of, percent, probability};
use super::markup::Markup;
use super::when::Clock;
use super::words;
use crate::report::{Incident, Report};

/// The page's only style sheet.
const STYLE: &str = include_str!("html/style.css");

/// What a browser may do with the page: nothing but apply the sheet with this SHA-256.
/// A test compares it with the sheet and says what it is to be.
const POLICY: &str = "default-src 'none'; style-src 'sha256-a9J5r1QJ0Kgac1FMbYBNnutzjE43yPebTdbCeWXmhIk='; base-uri 'none'; form-action 'none'";

/// What all parts of the page look at.
struct View<'a> {
    report: &'a Report,
    again: &'a [String],
    clock: Clock,
}

impl View<'_> {
    /// A number of the report.
    fn count(&self, m: &mut Markup, key: &str, n: u64) {
        m.figure(key, n, &count(n));
    }

    /// A rate or a share of the report.
    fn percent(&self, m: &mut Markup, key: &str, share: f64) {
        m.figure(key, share, &percent(share));
    }

    /// A probability of the report.
    fn probability(&self, m: &mut Markup, key: &str, p: f64) {
        m.figure(key, p, &probability(p));
    }

    /// A time of the report.
    fn time(&self, m: &mut Markup, key: &str, at: &str) {
        m.time(key, at, &self.clock.show(at));
    }
}

/// The report as a page; `again` are the paths and options of its run, as words of a shell.
pub fn html(report: &Report, again: &[String]) -> String {
    let view = View {
        report,
        again,
        clock: Clock::new(report.scan.from.as_deref(), report.scan.to.as_deref()),
    };
    let mut m = Markup::document();
    m.element("html", &[("lang", "en")], |m| {
        m.element("head", &[], |m| head(m, &view));
        m.element("body", &[], |m| {
            m.element("header", &[], |m| what_was_read(m, &view));
            m.element("main", &[], |m| body(m, &view));
            m.element("footer", &[], |m| footer(m, &view));
        });
    });
    m.finish()
}

fn head(m: &mut Markup, view: &View) {
    m.empty("meta", &[("charset", "utf-8")]);
    m.empty(
        "meta",
        &[
            ("http-equiv", "Content-Security-Policy"),
            ("content", POLICY),
        ],
    );
    m.empty(
        "meta",
        &[
            ("name", "viewport"),
            ("content", "width=device-width, initial-scale=1"),
        ],
    );
    m.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    m.empty(
        "meta",
        &[("name", "color-scheme"), ("content", "light dark")],
    );
    m.leaf("title", &[], &format!("{} · triage", title(view)));
    m.style(STYLE);
}

/// The page in a few words.
fn title(view: &View) -> String {
    let report = view.report;
    match report.incidents.as_slice() {
        [] if report.scan.requests == 0 => "Nothing to judge".to_owned(),
        [] => "No incident found".to_owned(),
        [only] => format!("1 incident: {}", words::subject(only)),
        many => count_of(many.len() as u64, "incident"),
    }
}

fn what_was_read(m: &mut Markup, view: &View) {
    let scan = &view.report.scan;
    m.element("p", &[("class", "read")], |m| {
        m.leaf("b", &[], "triage");
        let counts = [
            ("files", scan.files, "file"),
            ("lines", scan.lines, "line"),
            ("requests", scan.requests, "request"),
            ("errors", scan.errors, "error"),
        ];
        for (i, (key, n, noun)) in counts.into_iter().enumerate() {
            m.text(if i == 0 { " " } else { " · " });
            view.count(m, &format!("/scan/{key}"), n);
            m.text(&format!("\u{a0}{noun}{}", if n == 1 { "" } else { "s" }));
        }
        if let Some(span) = view.clock.span() {
            m.text(&format!(" · {span}"));
        }
    });
}

fn body(m: &mut Markup, view: &View) {
    let report = view.report;
    let class = match report.incidents.len() {
        0 => "well",
        1 => "one",
        _ => "many",
    };
    m.leaf("h1", &[("class", class)], &title(view));
    if report.incidents.is_empty() {
        let sentence = if report.scan.requests == 0 {
            "No requests were read.".to_owned()
        } else {
            words::nothing_stands_out(report)
        };
        m.leaf("p", &[("class", "summary")], &sentence);
    }
    if report.incidents.len() > 1 {
        m.element("nav", &[("aria-label", "Incidents")], |m| contents(m, view));
    }
    for (i, incident) in report.incidents.iter().enumerate() {
        incident::write(m, view, i, incident);
    }
    endpoints::write(m, view);
    notes::write(m, view);
}

/// The incidents as a list of links into the page.
fn contents(m: &mut Markup, view: &View) {
    m.element("ol", &[], |m| {
        for (i, incident) in view.report.incidents.iter().enumerate() {
            m.element("li", &[], |m| {
                m.leaf(
                    "a",
                    &[("href", &format!("#{}", anchor(i)))],
                    &words::subject(incident),
                );
                m.text(&format!(
                    " · {} · {}",
                    words::when(view.report, &view.clock, incident),
                    verdict(view, incident),
                ));
            });
        }
    });
}

/// An incident's place in the page. Not its id: that is text of the report.
fn anchor(i: usize) -> String {
    format!("incident-{}", i + 1)
}

/// The verdict in a few words.
fn verdict(view: &View, incident: &Incident) -> String {
    words::headline(view.report, incident)
}

fn footer(m: &mut Markup, view: &View) {
    m.element("p", &[], |m| {
        m.text(&format!(
            "triage {} · {}. ",
            view.report.triage_version, view.report.schema
        ));
        m.text("Everything here can be checked: ");
        m.leaf("code", &[], "--format json");
        m.text(" has all the numbers, ");
        m.leaf("code", &[], "--explain");
        m.text(" all the evidence.");
    });
}

#[cfg(test)]
mod tests;
