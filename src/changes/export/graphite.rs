//! Graphite: events. <https://graphite.readthedocs.io/en/latest/events.html>

use super::super::entry::{Entry, Reader};
use super::super::words;
use super::tags;
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /events/get_data`.
pub(super) const EVENTS: Export = Export {
    name: "Graphite events",
    lies_at: &[""],
    is: |v| has(v, &["/what", "/when", "/tags"]),
    read: Read::Each(event),
};

fn event(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/when"], &[])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.description = entry.text(&["/what"]);
    let text = change.description.as_deref().unwrap_or_default();
    if let Some(kind) = words::kind_from_description(text) {
        change.kind = kind;
    }
    if let Some(listed) = entry.get("/tags") {
        tags::add(&mut change, listed);
    }
    entry.keep(&mut change, &["/data"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Kind;
    use super::super::story::{AT, extra, only, some};
    use super::*;

    #[test]
    fn an_event_with_its_tags_in_one_text() {
        let change = only(
            "Graphite events",
            r#"[{"id":4,"what":"Rolled back api","when":1712764710,"tags":"deploy staging","data":"x"}]"#,
        );
        let expected = Change {
            id: "4".to_owned(),
            kind: Kind::Deploy,
            description: some("Rolled back api"),
            environment: some("staging"),
            extra: extra(json!({"tags": "deploy staging", "data": "x"})),
            ..Change::at(AT)
        };
        assert_eq!(
            change,
            Change {
                kind: Kind::Rollback,
                ..expected
            }
        );
    }
}
