//! CDEvents: what happened to services and environments. Builds, merges, tests and incidents
//! change nothing that runs. <https://cdevents.dev/docs/>

use super::super::Kind;
use super::super::entry::{Entry, Reader};
use super::{Change, Export, Read, image_version};
use crate::error::Result;

/// Events, alone or as the data of a CloudEvent.
pub(super) const EVENTS: Export = Export {
    name: "CDEvents",
    lies_at: &["", "/data"],
    is: |v| {
        let kind = v
            .pointer("/context/type")
            .and_then(serde_json::Value::as_str);
        kind.is_some_and(|kind| kind.starts_with("dev.cdevents."))
    },
    read: Read::All(|entries, reader| {
        let mut changes = Vec::new();
        for entry in entries {
            if let Some(kind) = kind(*entry) {
                changes.push(event(*entry, kind, reader)?);
            }
        }
        reader.left_out(
            entries.len() - changes.len(),
            "event that changes nothing that runs",
        );
        Ok(changes)
    }),
};

/// The kind of change that an event type (`dev.cdevents.service.deployed.0.3.0`) tells of.
fn kind(entry: Entry<'_>) -> Option<Kind> {
    let name = entry.text(&["/context/type"])?;
    let mut parts = name.split('.').skip(2);
    match (parts.next()?, parts.next()?) {
        ("service", "deployed" | "upgraded") => Some(Kind::Deploy),
        ("service", "rolledback") => Some(Kind::Rollback),
        ("service", "removed" | "published") => Some(Kind::Infra),
        ("environment", "created" | "modified" | "deleted") => Some(Kind::Infra),
        _ => None,
    }
}

fn event(entry: Entry<'_>, kind: Kind, reader: &mut Reader<'_>) -> Result<Change> {
    // An event is sent when what it tells of is done.
    let mut change = reader.change(entry, &[], &["/context/timestamp"])?;
    change.kind = kind;
    change.id = entry.text(&["/context/id"]).unwrap_or_default();
    let subject = entry.text(&["/subject/id"]);
    let is_environment = entry
        .text(&["/context/type"])
        .is_some_and(|t| t.contains(".environment."));
    if is_environment {
        change.environment = entry.text(&["/subject/content/name"]).or(subject);
    } else {
        change.service = subject;
        change.environment = entry.text(&["/subject/content/environment/id"]);
    }
    let artifact = entry.text(&["/subject/content/artifactId"]);
    change.version = artifact.as_deref().and_then(version_of_purl);
    change.url = entry.text(&["/subject/content/uri"]);
    entry.keep(
        &mut change,
        &[
            "/context/type",
            "/subject/content/artifactId",
            "/customData",
        ],
    );
    Ok(change)
}

/// The version in a package URL: its `tag` qualifier, else what stands after the `@`.
/// <https://github.com/package-url/purl-spec>
fn version_of_purl(purl: &str) -> Option<String> {
    let (path, qualifiers) = purl.split_once('?').unwrap_or((purl, ""));
    let tag = qualifiers
        .split('&')
        .find_map(|qualifier| qualifier.strip_prefix("tag="));
    let version = path
        .split_once('@')
        .map(|(_, version)| version.replace("%3A", ":"));
    tag.map(str::to_owned)
        .or(version)
        .or_else(|| image_version(path))
}
