//! What is known of the changes: the verdict, the suspects with their evidence as bars, what became
//! of the others, and the leads that are no change.

use super::View;
use super::incident::header;
use crate::render::human::duration;
use crate::render::listing::Listing;
use crate::render::markup::Markup;
use crate::render::page::Tone;
use crate::render::svg;
use crate::render::words;
use crate::report::{Change, Disposition, Evidence, Incident, Suspect};

/// Suspects from this probability on have their evidence unfolded, and the first has.
const WORTH_OPENING: f64 = 0.10;
/// Files, endpoints and hosts of a change that are named.
const NAMED: usize = 5;

/// The verdict as a heading.
pub fn verdict(m: &mut Markup, view: &View, key: &str, incident: &Incident) {
    let p = |m: &mut Markup, key: &str, p: f64| {
        m.text(" ");
        m.element("span", &[("class", "chip")], |m| {
            view.probability(m, key, p)
        });
    };
    match (incident.verdict.as_str(), incident.suspects.first()) {
        ("change", Some(guilty)) => {
            m.text("Cause: ");
            m.leaf("strong", &[], &words::brief(view.report, &guilty.change));
            p(
                m,
                &format!("{key}/suspects/0/probability"),
                guilty.probability,
            );
        }
        ("ambiguous", Some(first)) => {
            m.text("Not certain; most probable: ");
            m.leaf("strong", &[], &words::brief(view.report, &first.change));
            p(
                m,
                &format!("{key}/suspects/0/probability"),
                first.probability,
            );
        }
        _ => {
            m.leaf("strong", &[], "No listed change");
            m.text(" explains this");
            p(
                m,
                &format!("{key}/unexplained_probability"),
                incident.unexplained_probability,
            );
        }
    }
}

/// What is known of the change that the verdict names: what it was, when, by whom, where to look.
pub fn guilty(m: &mut Markup, view: &View, key: &str, incident: &Incident) {
    if let (true, Some(guilty)) = (incident.verdict != "unexplained", incident.suspects.first()) {
        let change = indexed(view, &guilty.change);
        m.element("p", &[("class", "guilty")], |m| {
            let mut parts = Parts(m, true);
            what_and_when(
                &mut parts,
                view,
                &format!("{key}/suspects/0"),
                guilty,
                change,
            );
            where_to_look(&mut parts, change.map(|(_, change)| change));
        });
    }
}

/// A change with its place in the report.
fn indexed<'a>(view: &View<'a>, id: &str) -> Option<(usize, &'a Change)> {
    let changes = view.report.changes.iter().enumerate();
    changes.into_iter().find(|(_, change)| change.id == id)
}

/// Facts in a line, with dots between them; and whether the next is the first.
struct Parts<'a>(&'a mut Markup, bool);

impl Parts<'_> {
    fn add(&mut self, inside: impl FnOnce(&mut Markup)) {
        if !std::mem::take(&mut self.1) {
            self.0.text(" · ");
        }
        inside(self.0);
    }
}

fn what_and_when(
    parts: &mut Parts,
    view: &View,
    key: &str,
    suspect: &Suspect,
    change: Option<(usize, &Change)>,
) {
    if let Some(versions) = words::versions(change.map(|(_, change)| change)) {
        parts.add(|m| m.leaf("b", &[], &versions));
    }
    if let Some((k, change)) = change {
        parts.add(|m| view.time(m, &format!("/changes/{k}/at"), &change.at));
    }
    if let Some(lag) = suspect.lag_s {
        let side = if lag < 0.0 { "after" } else { "before" };
        parts.add(|m| {
            m.figure(&format!("{key}/lag_s"), lag, &duration(lag));
            m.text(&format!(" {side} the onset"));
        });
    }
    let Some((_, change)) = change else {
        return;
    };
    if let Some(description) = &change.description {
        parts.add(|m| m.text(&format!("“{description}”")));
    }
    if let Some(author) = &change.author {
        parts.add(|m| m.text(&format!("by {author}")));
    }
}

fn where_to_look(parts: &mut Parts, change: Option<&Change>) {
    let Some(change) = change else {
        return;
    };
    if let Some(commit) = &change.commit {
        parts.add(|m| {
            m.text("commit ");
            m.leaf("code", &[], commit);
        });
    }
    if let Some(url) = &change.url {
        parts.add(|m| m.web(url));
    }
}

fn touched(parts: &mut Parts, change: &Change) {
    for (what, all) in [
        ("files", &change.files),
        ("endpoints", &change.endpoints),
        ("hosts", &change.hosts),
    ] {
        if all.is_empty() {
            continue;
        }
        parts.add(|m| {
            m.text(&format!("{what} "));
            for name in all.iter().take(NAMED) {
                m.leaf("code", &[], name);
                m.text(" ");
            }
            if let Some(more @ 1..) = all.len().checked_sub(NAMED) {
                m.text(&format!("and {more} more"));
            }
        });
    }
    if let Some(note) = &change.note {
        parts.add(|m| m.sentence(note));
    }
}

/// The suspects, and "no listed change" at its place among them.
pub fn suspects(m: &mut Markup, view: &View, key: &str, incident: &Incident, listing: &Listing) {
    m.leaf("h3", &[], "Suspects");
    let none_first = incident
        .suspects
        .first()
        .is_none_or(|first| first.probability < incident.unexplained_probability);
    let all = incident.suspects.iter().flat_map(|s| &s.evidence);
    let others = incident.alternatives.iter().flat_map(|a| &a.evidence);
    let full = all.chain(others).map(|e| e.nats.abs()).fold(0.0, f64::max);
    if none_first {
        no_listed_change(m, view, key, incident, full);
    }
    for (mark, suspect) in &listing.suspects {
        let Some(k) = incident
            .suspects
            .iter()
            .position(|s| s.change == suspect.change)
        else {
            continue;
        };
        let named = suspect.rank == 1 && incident.verdict == "change";
        let class = if named { "suspect named" } else { "suspect" };
        let key = format!("{key}/suspects/{k}");
        m.element("div", &[("class", class)], |m| {
            m.element("p", &[("class", "who")], |m| {
                m.leaf("span", &[("class", "mark")], &mark.to_string());
                m.text(" ");
                m.element("b", &[("class", "p")], |m| {
                    view.probability(m, &format!("{key}/probability"), suspect.probability);
                });
                m.text(" ");
                m.leaf("b", &[], &words::brief(view.report, &suspect.change));
            });
            let change = indexed(view, &suspect.change);
            m.element("p", &[], |m| {
                let mut parts = Parts(m, true);
                if !(suspect.rank == 1 && incident.verdict != "unexplained") {
                    what_and_when(&mut parts, view, &key, suspect, change);
                    where_to_look(&mut parts, change.map(|(_, change)| change));
                }
                if let Some((_, change)) = change {
                    touched(&mut parts, change);
                }
            });
            weigh(
                m,
                &Weighed {
                    key: &format!("{key}/evidence"),
                    cause: &suspect.change,
                    evidence: &suspect.evidence,
                    full,
                    open: suspect.rank == 1 || suspect.probability >= WORTH_OPENING,
                },
            );
        });
    }
    if !none_first {
        no_listed_change(m, view, key, incident, full);
    }
}

fn no_listed_change(m: &mut Markup, view: &View, key: &str, incident: &Incident, full: f64) {
    m.element("div", &[("class", "suspect")], |m| {
        m.element("p", &[("class", "who")], |m| {
            let p = incident.unexplained_probability;
            m.leaf(
                "span",
                &[("class", "mark none"), ("aria-hidden", "true")],
                "–",
            );
            m.text(" ");
            m.element("b", &[("class", "p")], |m| {
                view.probability(m, &format!("{key}/unexplained_probability"), p);
            });
            m.text(" ");
            m.leaf("b", &[], "no listed change");
        });
        if !incident.alternatives.is_empty() {
            m.element("p", &[], |m| {
                for (k, other) in incident.alternatives.iter().enumerate() {
                    m.text(&format!(
                        "{}{} ",
                        if k == 0 { "" } else { ", " },
                        other.kind
                    ));
                    let p = other.probability;
                    view.probability(m, &format!("{key}/alternatives/{k}/probability"), p);
                }
            });
        }
        for (k, other) in incident.alternatives.iter().enumerate() {
            weigh(
                m,
                &Weighed {
                    key: &format!("{key}/alternatives/{k}/evidence"),
                    cause: &other.kind,
                    evidence: &other.evidence,
                    full,
                    open: other.probability >= WORTH_OPENING,
                },
            );
        }
    });
}

/// Evidence for and against one cause.
struct Weighed<'a> {
    /// Where the report has it.
    key: &'a str,
    /// The cause.
    cause: &'a str,
    evidence: &'a [Evidence],
    /// The nats that fill a bar.
    full: f64,
    /// Whether it is unfolded.
    open: bool,
}

/// Each piece of evidence with its weight, as number and as bar.
fn weigh(m: &mut Markup, weighed: &Weighed) {
    let Weighed {
        key,
        cause,
        evidence,
        full,
        open,
    } = *weighed;
    if evidence.is_empty() {
        return;
    }
    let attributes: &[_] = if open { &[("open", "")] } else { &[] };
    m.element("details", attributes, |m| {
        let score: f64 = evidence.iter().map(|e| e.nats).sum();
        let nats = words::signed(score);
        m.leaf("summary", &[], &format!("Evidence on {cause}: {nats} nats"));
        m.element("table", &[("class", "evidence")], |m| {
            m.element("thead", &[], |m| {
                m.element("tr", &[], |m| {
                    header(m, "Nats", true);
                    header(m, "against | for", false);
                    header(m, "Finding", false);
                })
            });
            m.element("tbody", &[], |m| {
                for (j, e) in evidence.iter().enumerate() {
                    m.element("tr", &[], |m| {
                        m.element("td", &[("class", "n")], |m| {
                            m.figure(&format!("{key}/{j}/nats"), e.nats, &words::signed(e.nats));
                        });
                        m.element("td", &[("class", "bar")], |m| svg::nats(m, e.nats, full));
                        m.element("td", &[], |m| {
                            m.leaf("b", &[], &e.kind.replace('_', " "));
                            m.text(": ");
                            m.sentence(&e.text);
                        });
                    });
                }
            });
        });
    });
}

/// What became of the changes that are no suspects.
pub fn others(m: &mut Markup, view: &View, key: &str, incident: &Incident, listing: &Listing) {
    let shown: Vec<&str> = listing.ids().map(|(_, id)| id).collect();
    let rest: Vec<(Option<char>, &Disposition)> = incident
        .changes
        .iter()
        .filter(|other| !shown.contains(&other.change.as_str()))
        .map(|other| (None, other))
        .collect();
    if listing.others.is_empty() && rest.is_empty() {
        return;
    }
    m.leaf("h3", &[], "Other changes");
    let marked: Vec<(Option<char>, &Disposition)> = listing
        .others
        .iter()
        .map(|(mark, other)| (Some(*mark), *other))
        .collect();
    fates(m, view, key, incident, &marked);
    if !rest.is_empty() {
        m.element("details", &[], |m| {
            m.leaf("summary", &[], &format!("{} more", rest.len()));
            fates(m, view, key, incident, &rest);
        });
    }
}

fn fates(
    m: &mut Markup,
    view: &View,
    key: &str,
    incident: &Incident,
    others: &[(Option<char>, &Disposition)],
) {
    if others.is_empty() {
        return;
    }
    m.element("table", &[("class", "fates")], |m| {
        m.element("thead", &[], |m| {
            m.element("tr", &[], |m| {
                m.element("th", &[("scope", "col")], |m| {
                    m.leaf("span", &[("class", "hidden")], "Mark in the chart");
                });
                header(m, "Time", false);
                header(m, "Change", false);
                header(m, "Verdict", false);
                header(m, "Why", false);
            })
        });
        m.element("tbody", &[], |m| {
            for (mark, other) in others {
                m.element("tr", &[], |m| fate(m, view, key, incident, *mark, other));
            }
        });
    });
}

fn fate(
    m: &mut Markup,
    view: &View,
    key: &str,
    incident: &Incident,
    mark: Option<char>,
    other: &Disposition,
) {
    let (fate, tone) = words::fate(other);
    let class = match tone {
        Tone::Good => "good",
        Tone::Warn => "warn",
        _ => "faint",
    };
    m.element("td", &[], |m| {
        if let Some(mark) = mark {
            m.leaf("span", &[("class", "mark")], &mark.to_string());
        }
    });
    let change = indexed(view, &other.change);
    m.element("td", &[], |m| {
        if let Some((k, change)) = change {
            view.time(m, &format!("/changes/{k}/at"), &change.at);
        }
    });
    m.element("th", &[("scope", "row")], |m| {
        m.text(&words::brief(view.report, &other.change));
        if let Some(url) = change.and_then(|(_, change)| change.url.as_ref()) {
            m.element("span", &[("class", "small")], |m| m.web(url));
        }
    });
    m.leaf("td", &[("class", class)], fate);
    m.element("td", &[], |m| {
        m.sentence(&other.why);
        let place = incident
            .changes
            .iter()
            .position(|c| c.change == other.change);
        if let Some(k) = place {
            let nats = other.evidence.iter().map(|e| e.nats.abs());
            weigh(
                m,
                &Weighed {
                    key: &format!("{key}/changes/{k}/evidence"),
                    cause: &other.change,
                    evidence: &other.evidence,
                    full: nats.fold(0.0, f64::max),
                    open: false,
                },
            );
        }
    });
}

/// Leads that are no change: what the logs rule out, and what they can't tell.
pub fn leads(m: &mut Markup, incident: &Incident) {
    if incident.ruled_out.is_empty() && incident.not_assessed.is_empty() {
        return;
    }
    m.leaf("h3", &[], "Other leads");
    if !incident.ruled_out.is_empty() {
        m.element("ul", &[("class", "plain")], |m| {
            for lead in &incident.ruled_out {
                m.element("li", &[], |m| {
                    m.leaf("b", &[("class", "good")], "ruled out: ");
                    m.leaf("b", &[], &lead.lead);
                    m.text(": ");
                    m.sentence(&lead.finding);
                });
            }
        });
    }
    if incident.not_assessed.is_empty() {
        return;
    }
    m.element("details", &[], |m| {
        m.leaf(
            "summary",
            &[],
            &format!(
                "Not assessed ({}), and what it would need",
                incident.not_assessed.len()
            ),
        );
        m.element("ul", &[], |m| {
            for lead in &incident.not_assessed {
                m.element("li", &[], |m| {
                    m.leaf("b", &[], &lead.lead);
                    m.text(": needs ");
                    m.sentence(&lead.needs);
                });
            }
        });
    });
}
