//! The report as a stream of events, one JSON object per line, each with its `type`.
//!
//! In comes a report, out come, in this order: one `scan`, then each `change`, then each
//! `incident` followed by its `suspect`s, then each `endpoint`, `blip` and `note`. The keys of an
//! event are those of the JSON report, under the same schema; a `suspect` also names its
//! `incident`. What an incident says of its suspects is only in their own lines, and the
//! `timeline` is a part of `scan`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::json::line;
use crate::report::{Report, Scan, Suspect, Window};

#[derive(Serialize)]
struct Event<'a, T: Serialize> {
    r#type: &'a str,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct ScanEvent<'a> {
    schema: &'a str,
    triage_version: &'a str,
    #[serde(flatten)]
    scan: &'a Scan,
    timeline: &'a [Window],
}

#[derive(Serialize)]
struct SuspectEvent<'a> {
    incident: &'a str,
    #[serde(flatten)]
    suspect: &'a Suspect,
}

#[derive(Serialize)]
struct NoteEvent<'a> {
    text: &'a str,
}

/// The report as one event per line.
pub fn ndjson(report: &Report) -> String {
    let mut out = event(
        "scan",
        ScanEvent {
            schema: &report.schema,
            triage_version: &report.triage_version,
            scan: &report.scan,
            timeline: &report.timeline,
        },
    );
    out.extend(report.changes.iter().map(|change| event("change", change)));
    for incident in &report.incidents {
        out += &event("incident", without_suspects(incident));
        let suspects = incident.suspects.iter();
        out.extend(suspects.map(|suspect| {
            event(
                "suspect",
                SuspectEvent {
                    incident: &incident.id,
                    suspect,
                },
            )
        }));
    }
    out.extend(
        report
            .endpoints
            .iter()
            .map(|endpoint| event("endpoint", endpoint)),
    );
    out.extend(report.blips.iter().map(|blip| event("blip", blip)));
    out.extend(
        report
            .notes
            .iter()
            .map(|text| event("note", NoteEvent { text })),
    );
    out
}

fn event(kind: &str, body: impl Serialize) -> String {
    line(&Event { r#type: kind, body })
}

fn without_suspects(incident: &impl Serialize) -> Map<String, Value> {
    let Ok(Value::Object(mut body)) = serde_json::to_value(incident) else {
        return Map::new();
    };
    body.remove("suspects");
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixtures;

    fn events(report: &Report) -> Vec<Value> {
        ndjson(report)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn every_line_says_what_it_is() {
        let report = fixtures::guilty_deploy();
        let types: Vec<String> = events(&report)
            .iter()
            .map(|e| e["type"].as_str().unwrap().to_owned())
            .collect();
        let mut expected = vec!["scan"];
        expected.extend(report.changes.iter().map(|_| "change"));
        expected.push("incident");
        expected.extend(report.incidents[0].suspects.iter().map(|_| "suspect"));
        expected.extend(report.endpoints.iter().map(|_| "endpoint"));
        expected.extend(report.blips.iter().map(|_| "blip"));
        expected.extend(report.notes.iter().map(|_| "note"));
        assert_eq!(types, expected);
    }

    #[test]
    fn the_events_hold_all_that_the_report_holds() {
        let report = fixtures::guilty_deploy();
        let whole = serde_json::to_value(&report).unwrap();
        let events = events(&report);
        let of = |kind: &str| -> Vec<Value> {
            let mine = events.iter().filter(|e| e["type"] == kind).cloned();
            mine.map(|mut e| {
                e.as_object_mut().unwrap().remove("type");
                e
            })
            .collect()
        };
        assert_eq!(Value::Array(of("change")), whole["changes"]);
        assert_eq!(Value::Array(of("endpoint")), whole["endpoints"]);
        assert_eq!(Value::Array(of("blip")), whole["blips"]);
        assert_eq!(of("note")[0]["text"], whole["notes"][0]);

        let scan = &of("scan")[0];
        assert_eq!(scan["schema"], "triage.report/1");
        assert_eq!(scan["lines"], whole["scan"]["lines"]);
        assert_eq!(scan["timeline"], whole["timeline"]);

        let mut incident = of("incident").remove(0);
        let mut suspects = of("suspect");
        assert!(
            suspects
                .iter()
                .all(|suspect| suspect["incident"] == incident["id"])
        );
        for suspect in &mut suspects {
            suspect.as_object_mut().unwrap().remove("incident");
        }
        incident["suspects"] = Value::Array(suspects);
        assert_eq!(incident, whole["incidents"][0]);
    }

    #[test]
    fn a_text_with_a_line_break_stays_on_its_line() {
        let mut report = fixtures::all_well();
        report.notes = vec!["one\ntwo\u{2028}three".to_owned()];
        let events = events(&report);
        assert_eq!(events.last().unwrap()["text"], "one\ntwo\u{2028}three");
    }
}
