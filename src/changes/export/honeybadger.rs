//! Honeybadger: deploys. <https://docs.honeybadger.io/api/deploys/>

use super::super::entry::{Entry, Reader, last_step};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /v2/projects/{id}/deploys`.
pub(super) const DEPLOYS: Export = Export {
    name: "Honeybadger deploys",
    lies_at: &["", "/results"],
    is: |v| {
        has(
            v,
            &["/created_at", "/local_username", "/repository", "/revision"],
        )
    },
    read: Read::Each(deploy),
};

fn deploy(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    // Honeybadger is told of a deploy by its last step.
    let mut change = reader.change(entry, &[], &["/created_at"])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.service = entry
        .text(&["/repository"])
        .and_then(|repository| last_step(&repository));
    change.version = entry.text(&["/revision"]);
    change.author = entry.text(&["/local_username"]);
    change.environment = entry.text(&["/environment"]);
    change.url = entry.text(&["/url"]);
    entry.keep(&mut change, &["/project_id", "/repository"]);
    Ok(change)
}
