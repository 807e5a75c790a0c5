//! Sentry: releases, and the deploys of one release.
//! <https://docs.sentry.io/api/releases/>

use super::super::entry::{Entry, Reader, text};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /organizations/{organization}/releases/`.
pub(super) const RELEASES: Export = Export {
    name: "Sentry releases",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &["/version", "/dateCreated", "/dateReleased", "/projects"],
        )
    },
    read: Read::All(|entries, reader| {
        let unreleased = |e: &&Entry<'_>| !DATES.iter().any(|date| e.get(date).is_some());
        let count = entries.iter().filter(unreleased).count();
        if count > 0 {
            reader.note(format!(
                "{count} of {} Sentry releases have no date of release or deploy: they are dated \
                 by their creation",
                entries.len()
            ));
        }
        let mut changes = Vec::new();
        for entry in entries {
            changes.extend(release(*entry, reader)?);
        }
        Ok(changes)
    }),
};

/// `GET /organizations/{organization}/releases/{version}/deploys/`.
pub(super) const DEPLOYS: Export = Export {
    name: "Sentry deploys",
    lies_at: &[""],
    is: |v| has(v, &["/environment", "/dateStarted", "/dateFinished", "/id"]),
    read: Read::Each(deploy),
};

/// What dates a release, the best first.
const DATES: [&str; 3] = [
    "/lastDeploy/dateStarted",
    "/dateReleased",
    "/lastDeploy/dateFinished",
];

/// One change for each project of a release.
fn release(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Vec<Change>> {
    let begins = [DATES.as_slice(), &["/dateCreated"]].concat();
    let mut change = reader.change(entry, &begins, &["/lastDeploy/dateFinished"])?;
    let whole = entry.text(&["/version"]).unwrap_or_default();
    let bare = whole
        .rsplit_once('@')
        .map_or(whole.as_str(), |(_, version)| version);
    change.version = entry
        .text(&["/versionInfo/version/raw"])
        .or_else(|| Some(bare.to_owned()));
    change.author = entry.text(&["/authors/0/name", "/authors/0/email"]);
    change.commit = entry.text(&["/lastCommit/id"]);
    change.environment = entry.text(&["/lastDeploy/environment"]);
    change.url = entry.text(&["/url"]);
    let projects = entry.list("/projects");
    let one_each = projects.iter().map(|project| {
        let slug = project.pointer("/slug").and_then(text);
        let id = match (projects, &slug) {
            ([_, _, ..], Some(slug)) => format!("{whole}/{slug}"),
            _ => whole.clone(),
        };
        Change {
            id,
            service: slug,
            ..change.clone()
        }
    });
    let changes: Vec<Change> = one_each.collect();
    Ok(if changes.is_empty() {
        vec![Change {
            id: whole,
            ..change
        }]
    } else {
        changes
    })
}

fn deploy(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let mut change = reader.change(entry, &["/dateStarted"], &["/dateFinished"])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.environment = entry.text(&["/environment"]);
    change.description = entry.text(&["/name"]);
    change.version = entry.text(&["/version", "/release"]);
    change.url = entry.text(&["/url"]);
    Ok(change)
}
