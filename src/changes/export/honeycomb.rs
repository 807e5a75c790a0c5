//! Honeycomb: markers. <https://api-docs.honeycomb.io/api/markers>

use super::super::entry::{Entry, Reader};
use super::super::words;
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /1/markers/{dataset}`.
pub(super) const MARKERS: Export = Export {
    name: "Honeycomb markers",
    lies_at: &[""],
    is: |v| has(v, &["/start_time", "/created_at", "/updated_at", "/type"]),
    read: Read::Each(marker),
};

fn marker(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/start_time", "/created_at"], &["/end_time"])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.description = entry.text(&["/message"]);
    change.url = entry.text(&["/url"]);
    let kind = entry.text(&["/type"]);
    let told = change
        .description
        .as_deref()
        .and_then(words::kind_from_description);
    if let Some(kind) = told.or_else(|| kind.and_then(|word| words::kind(&word))) {
        change.kind = kind;
    }
    entry.keep(&mut change, &["/type", "/color"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Kind;
    use super::super::story::{AT, DONE, extra, only, some};
    use super::*;

    #[test]
    fn a_marker_with_begin_and_end() {
        let change = only(
            "Honeycomb markers",
            r##"[{"id":"k1","created_at":"2024-04-10T16:30:00Z","updated_at":"2024-04-10T16:30:00Z",
             "start_time":1712764710,"end_time":1712764770,"message":"orders v2","type":"migration",
             "url":"https://ci.example/1","color":"#f00"}]"##,
        );
        let expected = Change {
            id: "k1".to_owned(),
            kind: Kind::Migration,
            finished_us: Some(DONE),
            description: some("orders v2"),
            url: some("https://ci.example/1"),
            extra: extra(json!({"type": "migration", "color": "#f00"})),
            ..Change::at(AT)
        };
        assert_eq!(change, expected);
    }
}
