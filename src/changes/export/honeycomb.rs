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

fn marker(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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
