//! One incident: the verdict, what it cost, its chart, whom it hit.

use super::{View, anchor, changes, common};
use crate::render::human::{
    count, count_of, duration, latency, percent, percent_number, probability,
};
use crate::render::listing::Listing;
use crate::render::markup::Markup;
use crate::render::sanitize::visible;
use crate::render::spark::Series;
use crate::render::svg::{Chart, Mark, Size};
use crate::render::when::epoch_s;
use crate::render::words;
use crate::report::{HitEndpoint, Incident, Users};

/// Endpoints listed at once; the others are folded.
const ENDPOINTS_OPEN: usize = 12;
/// Endpoints listed at all; the JSON report has the others.
const ENDPOINTS_SHOWN: usize = 200;

/// An incident's part of the page.
pub fn write(m: &mut Markup, view: &View, i: usize, incident: &Incident) {
    let (id, heading) = (anchor(i), format!("{}-verdict", anchor(i)));
    let class = match incident.verdict.as_str() {
        "change" => "incident change",
        "ambiguous" => "incident ambiguous",
        _ => "incident unexplained",
    };
    let attributes = [("class", class), ("id", &id), ("aria-labelledby", &heading)];
    let key = format!("/incidents/{i}");
    let listing = Listing::new(view.report, incident, false);
    m.element("section", &attributes, |m| {
        m.element("div", &[("class", "verdict")], |m| {
            state(m, view, incident);
            m.element("h2", &[("id", &heading)], |m| {
                changes::verdict(m, view, &key, incident)
            });
            changes::guilty(m, view, &key, incident);
            // A named change is the heading already; what speaks against naming one takes a sentence.
            if incident.verdict != "change" {
                m.element("p", &[("class", "summary")], |m| {
                    m.sentence(&incident.summary)
                });
            }
            facts(m, view, &key, incident);
        });
        chart(m, view, incident, &listing);
        changes::suspects(m, view, &key, incident, &listing);
        affected(m, view, &key, incident);
        common::messages(m, view, &key, incident);
        changes::others(m, view, &key, incident, &listing);
        changes::leads(m, incident);
        check(m, view, incident);
    });
}

fn state(m: &mut Markup, view: &View, incident: &Incident) {
    let (sign, class) = match incident.state.as_str() {
        "ongoing" => ("●", "state bad"),
        "improving" => ("◐", "state warn"),
        "recovered" => ("○", "state good"),
        _ => ("?", "state warn"),
    };
    m.element("p", &[("class", "eyebrow")], |m| {
        m.leaf(
            "b",
            &[("class", class)],
            &format!("{sign} {}", incident.state.to_uppercase()),
        );
        m.text(&format!(" Incident {}", incident.id));
        // A single incident's subject is the page's title.
        if view.report.incidents.len() > 1 {
            m.text(&format!(" · {}", words::subject(incident)));
        }
    });
}

fn facts(m: &mut Markup, view: &View, key: &str, incident: &Incident) {
    m.element("dl", &[("class", "facts")], |m| {
        fact(m, "Since", |m| since(m, view, key, incident));
        let slow = words::is_slow(incident);
        let (failed, saw) = if slow {
            ("Requests that were slow", "Users who waited")
        } else {
            ("Requests that failed", "Users who saw an error")
        };
        fact(m, failed, |m| errors(m, view, key, incident));
        fact(m, saw, |m| match &incident.impact.users {
            Some(told) => users(m, view, &format!("{key}/impact/users"), told),
            None => m.leaf(
                "span",
                &[("class", "small")],
                "not known: the logs tell no users apart",
            ),
        });
    });
}

fn fact(m: &mut Markup, name: &'static str, inside: impl FnOnce(&mut Markup)) {
    m.element("div", &[], |m| {
        m.leaf("dt", &[], name);
        m.element("dd", &[], inside);
    });
}

fn since(m: &mut Markup, view: &View, key: &str, incident: &Incident) {
    m.element("span", &[("class", "big")], |m| {
        match &incident.onset {
            Some(onset) => view.time(m, &format!("{key}/onset"), onset),
            None => m.text("before the log"),
        }
        if let Some(end) = &incident.end {
            m.text(" – ");
            let onset = incident.onset.as_deref().unwrap_or_default();
            m.time(
                &format!("{key}/end"),
                end,
                &view.clock.show_after(onset, end),
            );
        }
    });
    m.element("span", &[("class", "small")], |m| {
        // The card is looked at, and pasted, without the line above it.
        let day = incident.onset.as_deref().or(incident.end.as_deref());
        if let Some(day) = day.and_then(|at| view.clock.day(at)) {
            m.text(&format!("{day} · "));
        }
        let lasted = words::lasted_s(view.report, incident).map(duration);
        match (lasted, &incident.end) {
            (Some(lasted), Some(_)) => m.text(&lasted),
            (Some(lasted), None) => m.text(&format!("{lasted} by the end of the log")),
            (None, _) => m.text("its begin is not in the log"),
        }
        if let (Some(low), Some(high)) = (&incident.onset_low, &incident.onset_high) {
            m.text(" · onset ");
            view.time(m, &format!("{key}/onset_low"), low);
            m.text("–");
            let shown = view.clock.show_after(low, high);
            m.time(&format!("{key}/onset_high"), high, &shown);
            m.text(" (95\u{a0}%)");
        }
        if let Some(recurring) = &incident.recurring {
            m.text(&format!(
                " · comes back every {} for up to {}, ",
                duration(recurring.every_s as f64),
                duration(recurring.lasts_s as f64),
            ));
            view.count(m, &format!("{key}/recurring/times"), recurring.times);
            m.text(" times");
        }
    });
}

fn errors(m: &mut Markup, view: &View, key: &str, incident: &Incident) {
    let cost = &incident.impact;
    let key = format!("{key}/impact");
    let share = |m: &mut Markup, name: &str, share: f64| {
        view.percent(m, &format!("{key}/{name}"), share);
    };
    m.element("span", &[("class", "big")], |m| {
        share(m, "error_rate", cost.error_rate)
    });
    m.element("span", &[("class", "small")], |m| {
        m.text("normally ");
        share(m, "baseline_error_rate", cost.baseline_error_rate);
        m.text(" · ");
        view.count(m, &format!("{key}/errors"), cost.errors);
        m.text(" of ");
        view.count(m, &format!("{key}/requests"), cost.requests);
        for (status, errors) in words::by_status(incident).into_iter().take(3) {
            m.text(&format!(" · {}\u{a0}×\u{a0}{status}", count(errors)));
        }
    });
}

fn users(m: &mut Markup, view: &View, key: &str, users: &Users) {
    m.element("span", &[("class", "big")], |m| {
        view.count(m, &format!("{key}/affected"), users.affected);
        m.text(" of ");
        view.count(m, &format!("{key}/active"), users.active);
    });
    m.element("span", &[("class", "small")], |m| {
        view.percent(m, &format!("{key}/share"), users.share);
        m.text(", 95\u{a0}% interval ");
        m.figure(
            &format!("{key}/share_low"),
            users.share_low,
            &percent_number(users.share_low),
        );
        m.text("–");
        view.percent(m, &format!("{key}/share_high"), users.share_high);
        if let Some(proxy) = &users.proxy {
            m.text(&format!(" · told apart by {proxy}"));
        }
    });
}

fn chart(m: &mut Markup, view: &View, incident: &Incident, listing: &Listing) {
    let flag = |at: &Option<String>, what: &str| {
        let at = at.as_deref()?;
        Some((epoch_s(at)?, format!("{what} {}", view.clock.show(at))))
    };
    let epoch = |at: &Option<String>| at.as_deref().and_then(epoch_s);
    let Some(series) = Series::new(&incident.series, view.report.scan.window_s) else {
        return;
    };
    let edges = [&incident.onset, &incident.end].map(epoch);
    let series = edges.into_iter().flatten().fold(series, Series::reaching);
    let guilty = (incident.verdict == "change")
        .then(|| incident.suspects.first())
        .flatten();
    let mark = |(mark, id): (char, &str)| {
        Some(Mark {
            mark,
            at: epoch_s(&words::change(view.report, id)?.at)?,
            label: words::brief(view.report, id),
            guilty: guilty.is_some_and(|guilty| guilty.change == id),
        })
    };
    let marks: Vec<Mark> = listing.ids().filter_map(mark).collect();
    let (onset, end) = (flag(&incident.onset, "onset"), flag(&incident.end, "end"));
    let slow = words::is_slow(incident);
    let description = format!(
        "{} and requests of the endpoints hit. It lasted {}: {} of {}; normally {}. {} marked.",
        if slow {
            "Share of slow requests"
        } else {
            "Error rate"
        },
        words::when(view.report, &view.clock, incident),
        percent(incident.impact.error_rate),
        count_of(incident.impact.requests, "request"),
        percent(incident.impact.baseline_error_rate),
        count_of(marks.len() as u64, "change"),
    );
    let chart = Chart {
        series: &series,
        baseline: incident.impact.baseline_error_rate,
        onset_interval: epoch(&incident.onset_low).zip(epoch(&incident.onset_high)),
        onset,
        end,
        marks,
        clock: &view.clock,
        rate: if slow { "share slow" } else { "error rate" },
        title: format!("{} over time", words::subject(incident)),
        description,
    };
    m.element("figure", &[], |m| {
        chart.draw(m, Size::Wide);
        chart.draw(m, Size::Narrow);
        let zone = view.clock.zone().map(|zone| format!(" Times: {zone}."));
        m.leaf(
            "figcaption",
            &[],
            &format!(
                "Shaded: from onset to end; darker: the onset’s 95 % interval. Dashed: the {} to be \
                 expected. Digits mark suspects, letters other changes.{}",
                if slow { "share" } else { "error rate" },
                zone.unwrap_or_default()
            ),
        );
    });
}

fn affected(m: &mut Markup, view: &View, key: &str, incident: &Incident) {
    m.leaf("h3", &[], "What and who is hit");
    if !incident.scope.is_empty() {
        common::scope(m, view, key, &incident.scope);
    }
    let (rate, errors) = if words::is_slow(incident) {
        ("Share slow", "Slow")
    } else {
        ("Error rate", "Errors")
    };
    let slow = words::is_slow(incident)
        || incident
            .endpoints
            .iter()
            .any(|hit| hit.latency_p95_s.is_some());
    let table = |m: &mut Markup, from: usize, to: usize| {
        let shown = incident.endpoints.iter().enumerate().take(to).skip(from);
        m.element(
            "div",
            &[
                ("class", "hit wide-table"),
                ("tabindex", "0"),
                ("role", "region"),
                ("aria-label", "Endpoints hit"),
            ],
            |m| {
                m.element("table", &[], |m| {
                    m.element("thead", &[], |m| {
                        m.element("tr", &[], |m| {
                            header(m, "Endpoint", false);
                            header(m, rate, true);
                            header(m, "Normally", true);
                            header(m, errors, true);
                            header(m, "Requests", true);
                            if slow {
                                header(m, "p95 (normally)", true);
                            }
                            header(m, "Status", false);
                        })
                    });
                    m.element("tbody", &[], |m| {
                        for (k, hit) in shown {
                            m.element("tr", &[], |m| {
                                row(
                                    m,
                                    view,
                                    &format!("{key}/endpoints/{k}"),
                                    hit,
                                    (rate, errors),
                                    slow,
                                )
                            });
                        }
                    });
                });
            },
        );
    };
    table(m, 0, ENDPOINTS_OPEN);
    let all = incident.endpoints.len();
    if all > ENDPOINTS_OPEN {
        m.element("details", &[], |m| {
            m.leaf("summary", &[], &format!("{} more", all - ENDPOINTS_OPEN));
            table(m, ENDPOINTS_OPEN, ENDPOINTS_SHOWN);
            if all > ENDPOINTS_SHOWN {
                m.leaf(
                    "p",
                    &[],
                    &format!("{} more are in the JSON report.", all - ENDPOINTS_SHOWN),
                );
            }
        });
    }
}

/// A column's title.
pub fn header(m: &mut Markup, title: &'static str, number: bool) {
    let class: &[_] = if number {
        &[("scope", "col"), ("class", "n")]
    } else {
        &[("scope", "col")]
    };
    m.leaf("th", class, title);
}

/// `titles` are those of the columns of rate and errors: on a phone each number has its own.
fn row(
    m: &mut Markup,
    view: &View,
    key: &str,
    hit: &HitEndpoint,
    titles: (&'static str, &'static str),
    slow: bool,
) {
    m.element("th", &[("scope", "row")], |m| {
        m.leaf(
            "code",
            &[],
            &format!("{} {}", visible(&hit.method), visible(&hit.endpoint)),
        );
        m.leaf(
            "span",
            &[("class", "small")],
            &format!(" {}", visible(&hit.service)),
        );
    });
    let (rate, errors) = titles;
    let cell = |title| [("class", "n"), ("data-title", title)];
    m.element("td", &[("class", "n strong"), ("data-title", rate)], |m| {
        view.percent(m, &format!("{key}/error_rate"), hit.error_rate);
    });
    m.element("td", &cell("Normally"), |m| {
        let rate = hit.baseline_error_rate;
        view.percent(m, &format!("{key}/baseline_error_rate"), rate);
    });
    m.element("td", &cell(errors), |m| {
        view.count(m, &format!("{key}/errors"), hit.errors)
    });
    m.element("td", &cell("Requests"), |m| {
        view.count(m, &format!("{key}/requests"), hit.requests)
    });
    if slow {
        m.element("td", &cell("p95 (normally)"), |m| {
            if let Some(p95) = hit.latency_p95_s {
                m.figure(&format!("{key}/latency_p95_s"), p95, &latency(p95));
            }
            if let Some(before) = hit.baseline_latency_p95_s {
                m.text(" (");
                m.figure(
                    &format!("{key}/baseline_latency_p95_s"),
                    before,
                    &latency(before),
                );
                m.text(")");
            }
        });
    }
    m.element("td", &[("data-title", "Status")], |m| {
        for (status, errors) in &hit.statuses {
            m.leaf(
                "span",
                &[("class", "status")],
                &format!("{} × {status}", count(*errors)),
            );
        }
    });
}

/// Commands and lines by which the claims can be checked.
fn check(m: &mut Markup, view: &View, incident: &Incident) {
    let differences = incident
        .suspects
        .iter()
        .filter_map(|s| Some((s, s.diff.as_deref()?)));
    m.leaf("h3", &[], "How to check");
    m.element("ul", &[("class", "plain")], |m| {
        for check in words::checks(incident, view.again) {
            m.element("li", &[], |m| {
                m.leaf("kbd", &[], &check.command());
                m.text(&format!(" shows {}", check.shows));
            });
        }
        for (suspect, command) in differences.take(3) {
            m.element("li", &[], |m| {
                m.leaf("kbd", &[], command);
                m.text(" shows what ");
                m.leaf("code", &[], &suspect.change);
                m.text(&format!(" changed ({})", probability(suspect.probability)));
            });
        }
    });
    if view.again.is_empty() {
        m.leaf(
            "p",
            &[("class", "small")],
            "triage show takes the same paths and options as the run that made this report.",
        );
    }
    if incident.samples.is_empty() {
        return;
    }
    m.element("details", &[], |m| {
        m.leaf(
            "summary",
            &[],
            &format!(
                "Its first {} lines ({})",
                words::failing(incident),
                incident.samples.len()
            ),
        );
        for sample in &incident.samples {
            m.element("p", &[("class", "sample")], |m| {
                m.leaf(
                    "span",
                    &[("class", "small")],
                    &format!(
                        "{}{} ",
                        visible(&sample.file),
                        words::in_file(sample.line, sample.byte)
                    ),
                );
                m.leaf("code", &[], &visible(&sample.text));
            });
        }
    });
}
