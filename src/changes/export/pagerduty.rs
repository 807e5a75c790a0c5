//! PagerDuty: change events. What they are about is in free-form details, read as native keys are.
//! <https://developer.pagerduty.com/api-reference/> (Change Events)

use serde_json::Value;

use super::super::entry::{Entry, Reader, text};
use super::super::{native, words};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /change_events`, `GET /incidents/{id}/related_change_events`.
pub(super) const CHANGE_EVENTS: Export = Export {
    name: "PagerDuty change events",
    lies_at: &["/change_events", "/change_event", ""],
    is: |v| {
        let is_change = v
            .pointer("/type")
            .is_some_and(|kind| kind == "change_event");
        is_change && has(v, &["/summary", "/timestamp"])
    },
    read: Read::Each(change_event),
};

fn change_event(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/timestamp"], &[])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.description = entry.text(&["/summary"]);
    if let Some(kind) = change
        .description
        .as_deref()
        .and_then(words::kind_from_description)
    {
        change.kind = kind;
    }
    // A reference without a summary is an id of PagerDuty's, which no log knows.
    let services = entry.list("/services").iter();
    let mut names = services.filter_map(|service| service.pointer("/summary").and_then(text));
    change.service = names.next();
    change.url = entry.text(&["/links/0/href"]);
    if let Some(Value::Object(details)) = entry.get("/custom_details") {
        native::complete(&mut change, details);
        let state = entry.text(&["/custom_details/build_state"]);
        change.status = change.status.or_else(|| words::status(&state?));
    }
    entry.keep(&mut change, &["/source"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Status;
    use super::super::story::{AT, extra, only, some};
    use super::*;

    #[test]
    fn the_details_say_what_changed() {
        let change = only(
            "PagerDuty change events",
            r#"{"change_events":[{"id":"C1","type":"change_event","summary":"Deployed api",
             "timestamp":"2024-04-10T15:58:30Z","source":"ci-7","services":[{"id":"P1"}],
             "links":[{"href":"https://ci.example/1"}],"custom_details":{"version":"2.4.0",
             "Environment":"prod","service":"api","build_state":"failed","id":"ignored"}}],
             "more":false}"#,
        );
        let expected = Change {
            id: "C1".to_owned(),
            service: some("api"),
            version: some("2.4.0"),
            description: some("Deployed api"),
            environment: some("prod"),
            url: some("https://ci.example/1"),
            status: Some(Status::Failed),
            extra: extra(json!({"source": "ci-7", "id": "ignored"})),
            ..Change::at(AT)
        };
        assert_eq!(change, expected);
    }
}
