//! What failing requests have in common: labels, and what the applications wrote about them.

use super::View;
use super::incident::header;
use crate::render::human::{count, times};
use crate::render::markup::Markup;
use crate::render::sanitize::visible;
use crate::render::words;
use crate::report::{Incident, ScopeLabel};

/// The labels, each alone and together with those before it.
pub fn scope(m: &mut Markup, view: &View, key: &str, labels: &[ScopeLabel]) {
    m.element("table", &[], |m| {
        m.leaf("caption", &[], "What the failing requests share");
        m.element("thead", &[], |m| {
            m.element("tr", &[], |m| {
                header(m, "Label", false);
                header(m, "Of the errors", true);
                header(m, "Rate, against elsewhere", true);
                header(m, "With those above", true);
                header(m, "Rate, against elsewhere", true);
            });
        });
        m.element("tbody", &[], |m| {
            for (k, label) in labels.iter().enumerate() {
                let key = format!("{key}/scope/{k}");
                m.element("tr", &[], |m| row(m, view, &key, label));
            }
        });
    });
}

fn row(m: &mut Markup, view: &View, key: &str, label: &ScopeLabel) {
    m.element("th", &[("scope", "row")], |m| {
        let name = format!("{}={}", label.label, visible(&label.value));
        m.leaf("code", &[], &name);
    });
    let share = |m: &mut Markup, name: &str, share: f64| {
        m.element("td", &[("class", "n")], |m| {
            view.percent(m, &format!("{key}/{name}"), share);
        });
    };
    let lift = |m: &mut Markup, name: &str, lift: Option<f64>| {
        m.element("td", &[("class", "n")], |m| {
            if let Some(lift) = lift {
                m.figure(&format!("{key}/{name}"), lift, &times(lift));
            }
        });
    };
    share(m, "coverage", label.coverage);
    lift(m, "lift", label.lift);
    share(m, "joint_coverage", label.joint_coverage);
    lift(m, "joint_lift", label.joint_lift);
}

/// Error messages of the applications, those that came up with the incident first.
pub fn messages(m: &mut Markup, view: &View, key: &str, incident: &Incident) {
    if incident.signatures.is_empty() {
        return;
    }
    m.leaf("h3", &[], "Error messages");
    m.element("table", &[], |m| {
        m.element("thead", &[], |m| {
            m.element("tr", &[], |m| {
                header(m, "Before", true);
                header(m, "Since", true);
                header(m, "First", false);
                header(m, "Message", false);
            });
        });
        m.element("tbody", &[], |m| {
            for (k, message) in incident.signatures.iter().enumerate() {
                let key = format!("{key}/signatures/{k}");
                m.element("tr", &[], |m| {
                    let number = &[("class", "n")];
                    let (before, after) = (message.count_before, message.count_after);
                    m.element("td", number, |m| {
                        view.count(m, &format!("{key}/count_before"), before)
                    });
                    m.element("td", number, |m| {
                        view.count(m, &format!("{key}/count_after"), after)
                    });
                    m.element("td", &[], |m| {
                        view.time(m, &format!("{key}/first"), &message.first)
                    });
                    m.element("th", &[("scope", "row")], |m| {
                        if message.novel {
                            m.leaf("b", &[("class", "state")], "new ");
                        }
                        m.leaf("code", &[], &message.template);
                        let example = &message.example;
                        let line = match example.line {
                            Some(line) => format!(":{}", count(line)),
                            None => words::in_file(None, example.byte),
                        };
                        let (service, file) = (visible(&message.service), visible(&example.file));
                        let place = format!("{service} · {file}{line}");
                        m.leaf("span", &[("class", "small")], &place);
                    });
                });
            }
        });
    });
}
