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

fn event(entry: Entry<'_>, kind: Kind, reader: &mut Reader) -> Result<Change> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::story::{AT, extra, some, told};
    use super::*;

    fn event(id: &str, kind: &str, content: &str) -> String {
        format!(
            r#"{{"context":{{"specversion":"0.5.0","id":"{id}","source":"/ci",
            "type":"dev.cdevents.{kind}.0.2.0","timestamp":"2024-04-10T15:58:30.000Z"}},
            "subject":{{"id":"api","content":{content}}}}}"#
        )
    }

    #[test]
    fn services_and_environments_change_and_builds_do_not() {
        let content = r#"{"environment":{"id":"prod"},
                          "artifactId":"pkg:oci/api@sha256%3A9f3c?repository_url=x&tag=2.4.0"}"#;
        let lines = [
            event("1", "service.upgraded", content),
            event(
                "2",
                "service.rolledback",
                r#"{"artifactId":"pkg:oci/api@sha256%3A77aa"}"#,
            ),
            format!(
                r#"{{"specversion":"1.0","data":{}}}"#,
                event("3", "environment.modified", "{}")
            ),
            event("4", "build.finished", "{}"),
        ];
        let markers = told("CDEvents", &lines.join("\n"));
        let [deploy, rollback, environment] = markers.changes.as_slice() else {
            panic!()
        };
        let expected = Change {
            id: "1".to_owned(),
            service: some("api"),
            version: some("2.4.0"),
            finished_us: Some(AT),
            at_is_end: true,
            environment: some("prod"),
            extra: extra(json!({"type": "dev.cdevents.service.upgraded.0.2.0",
                "artifactId": "pkg:oci/api@sha256%3A9f3c?repository_url=x&tag=2.4.0"})),
            ..Change::at(AT)
        };
        assert_eq!(*deploy, expected);
        assert_eq!(
            (rollback.kind, &rollback.version),
            (Kind::Rollback, &some("sha256:77aa"))
        );
        assert_eq!(
            (environment.kind, &environment.service),
            (Kind::Infra, &None)
        );
        assert_eq!(environment.environment, some("api"));
        assert_eq!(
            markers.notes,
            ["1 event that changes nothing that runs is left out"]
        );
    }
}
