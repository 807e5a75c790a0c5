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

fn event(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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
