//! The heat map: the endpoints with most errors, each with its errors over time; the others below.

use super::View;
use super::incident::header;
use crate::render::human::{count, count_of, duration, percent};
use crate::render::markup::Markup;
use crate::render::sanitize::visible;
use crate::render::spark::Bin;
use crate::render::svg::Heat;
use crate::render::when::epoch_s;
use crate::render::words;
use crate::report::{Endpoint, Window};

/// Longer maps have days at their ends, shorter ones minutes.
const DAY_S: i64 = 86_400;
/// Rows of the heat map.
const ROWS: usize = 50;
/// Endpoints listed at all: more make a page slow; the JSON report has them.
const LISTED: usize = 500;

/// The endpoints' part of the page.
pub fn write(m: &mut Markup, view: &View) {
    let all = &view.report.endpoints;
    let failing = all.iter().take(ROWS).take_while(|e| e.errors > 0).count();
    if failing > 0 {
        m.leaf("h2", &[], "Errors by endpoint over time");
        map(m, view, &all[..failing]);
    }
    let rest = all.len() - failing;
    if rest == 0 {
        return;
    }
    m.element("details", &[], |m| {
        let with = if failing == ROWS { "fewer or no" } else { "no" };
        m.leaf(
            "summary",
            &[],
            &format!("{} with {with} errors", count_of(rest as u64, "endpoint")),
        );
        list(m, view, failing);
        if let Some(more @ 1..) = all.len().checked_sub(LISTED) {
            m.leaf(
                "p",
                &[],
                &format!(
                    "{} are in the JSON report.",
                    count_of(more as u64, "more endpoint")
                ),
            );
        }
    });
}

fn bins(endpoint: &Endpoint) -> Vec<Bin> {
    let bin = |w: &Window| {
        Some(Bin {
            start: epoch_s(&w.0)?,
            requests: w.1,
            errors: w.2,
        })
    };
    endpoint.windows.iter().filter_map(bin).collect()
}

fn map(m: &mut Markup, view: &View, shown: &[Endpoint]) {
    let scan = &view.report.scan;
    let window_s = i64::try_from(scan.window_s).unwrap_or(i64::MAX).max(1);
    let edge = |at: &Option<String>| {
        at.as_deref()
            .and_then(epoch_s)
            .map(|at| at.div_euclid(window_s).saturating_mul(window_s))
    };
    let (from, to) = (edge(&scan.from).unwrap_or(0), edge(&scan.to).unwrap_or(0));
    let rows: Vec<Vec<Bin>> = shown.iter().map(bins).collect();
    let incidents = view.report.incidents.iter();
    let lines: Vec<i64> = incidents
        .flat_map(|i| [&i.onset, &i.end])
        .filter_map(|at| epoch_s(at.as_deref()?))
        .collect();
    let heat = Heat::new(&rows, window_s, from, to.saturating_add(window_s), lines);
    m.element("p", &[("class", "legend")], |m| {
        m.text(&format!(
            "Errors per {}: ",
            duration(heat.column_s() as f64)
        ));
        for (class, label) in heat.legend() {
            m.leaf("span", &[("class", &format!("key {class}"))], &label);
            m.text(" ");
        }
        if !view.report.incidents.is_empty() {
            m.text("Lines mark onset and end of the incidents.");
        }
    });
    m.element("table", &[("class", "map")], |m| {
        m.element("thead", &[], |m| {
            m.element("tr", &[], |m| {
                header(m, "Errors", true);
                header(m, "Rate", true);
                header(m, "Endpoint", false);
                m.element("th", &[("scope", "col"), ("class", "over-time")], |m| {
                    scale(m, view, from, to)
                });
            });
        });
        m.element("tbody", &[], |m| {
            for (k, (endpoint, bins)) in shown.iter().zip(&rows).enumerate() {
                m.element("tr", &[], |m| {
                    row(m, view, k, endpoint);
                    let name = match heat.peak(bins) {
                        Some((at, errors)) => format!(
                            "most: {} from {}",
                            count_of(errors, "error"),
                            moment(view, at)
                        ),
                        None => "no errors".to_owned(),
                    };
                    m.element("td", &[("class", "over-time")], |m| {
                        heat.row(m, bins, &name)
                    });
                });
            }
        });
    });
}

/// A time that is a number, in the log's zone.
fn moment(view: &View, at: i64) -> String {
    let day = view.clock.tick(at, DAY_S).unwrap_or_default();
    format!("{day} {}", view.clock.minute(at).unwrap_or_default())
}

/// Begin and end of the time shown, as text that stays readable at any width.
fn scale(m: &mut Markup, view: &View, from: i64, to: i64) {
    m.leaf("span", &[("class", "hidden")], "Errors over time, ");
    m.element("span", &[("class", "scale-ends")], |m| {
        for at in [from, to] {
            let label = if to.saturating_sub(from) > DAY_S {
                view.clock.tick(at, DAY_S)
            } else {
                view.clock.minute(at)
            };
            m.leaf("span", &[], &label.unwrap_or_default());
        }
    });
}

fn row(m: &mut Markup, view: &View, k: usize, endpoint: &Endpoint) {
    let key = format!("/endpoints/{k}");
    m.element("td", &[("class", "n")], |m| {
        view.count(m, &format!("{key}/errors"), endpoint.errors);
        m.element("span", &[("class", "small")], |m| {
            m.text("of ");
            view.count(m, &format!("{key}/requests"), endpoint.requests);
        });
    });
    m.element("td", &[("class", "n")], |m| {
        view.percent(m, &format!("{key}/error_rate"), endpoint.error_rate);
    });
    m.element("th", &[("scope", "row")], |m| {
        m.leaf(
            "code",
            &[],
            &format!(
                "{} {}",
                visible(&endpoint.method),
                visible(&endpoint.endpoint)
            ),
        );
        let hit: Vec<&str> = words::hit_by(view.report, endpoint)
            .iter()
            .map(|i| i.id.as_str())
            .collect();
        let hit = if hit.is_empty() {
            String::new()
        } else {
            format!(" · in {}", hit.join(" "))
        };
        m.leaf(
            "span",
            &[("class", "small")],
            &format!("{}{hit}", visible(&endpoint.service)),
        );
    });
}

/// The endpoints that are not in the map, as plain counts.
fn list(m: &mut Markup, view: &View, from: usize) {
    m.element("table", &[], |m| {
        m.element("thead", &[], |m| {
            m.element("tr", &[], |m| {
                header(m, "Errors", true);
                header(m, "Rate", true);
                header(m, "Requests", true);
                header(m, "Endpoint", false);
                header(m, "Service", false);
            });
        });
        m.element("tbody", &[], |m| {
            for e in view.report.endpoints.iter().take(LISTED).skip(from) {
                m.element("tr", &[], |m| {
                    m.leaf("td", &[("class", "n")], &count(e.errors));
                    m.leaf("td", &[("class", "n")], &percent(e.error_rate));
                    m.leaf("td", &[("class", "n")], &count(e.requests));
                    m.element("th", &[("scope", "row")], |m| {
                        m.leaf(
                            "code",
                            &[],
                            &format!("{} {}", visible(&e.method), visible(&e.endpoint)),
                        );
                    });
                    m.leaf("td", &[], &visible(&e.service));
                });
            }
        });
    });
}
