//! Flux: the history of HelmReleases, and the events of its notification controller.
//! <https://fluxcd.io/flux/components/helm/helmreleases/#history>,
//! <https://fluxcd.io/flux/components/notification/events/>

use super::super::entry::{Entry, Reader, set_status};
use super::super::{Status, words};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `kubectl get helmreleases -o json`.
pub(super) const HELM_RELEASES: Export = Export {
    name: "Flux HelmReleases",
    lies_at: &["", "/items"],
    is: |v| {
        v.pointer("/kind").is_some_and(|kind| kind == "HelmRelease") && has(v, &["/status/history"])
    },
    read: Read::All(|entries, reader| {
        let mut changes = Vec::new();
        for object in entries {
            for release in object.list("/status/history") {
                changes.push(release_of(object.part(release), reader)?);
            }
        }
        Ok(changes)
    }),
};

/// What the notification controller posts to a webhook.
pub(super) const EVENTS: Export = Export {
    name: "Flux events",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &[
                "/involvedObject/kind",
                "/reportingController",
                "/reason",
                "/timestamp",
            ],
        )
    },
    read: Read::All(|entries, reader| {
        // Sources only fetch; it is these two that change the cluster.
        let applies = |entry: &&Entry<'_>| {
            let kind = entry.text(&["/involvedObject/kind"]);
            matches!(kind.as_deref(), Some("Kustomization" | "HelmRelease"))
        };
        reader.left_out(
            entries.len() - entries.iter().filter(applies).count(),
            "source event",
        );
        entries
            .iter()
            .filter(applies)
            .map(|entry| event(*entry, reader))
            .collect()
    }),
};

fn release_of(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    // Helm dates a release before it applies it.
    let mut change = reader.change(entry, &["/lastDeployed"], &[])?;
    change.service = entry.text(&["/name"]);
    let name = change.service.clone().unwrap_or_default();
    change.id = format!("{name}#{}", entry.text(&["/version"]).unwrap_or_default());
    change.version = entry.text(&["/appVersion", "/chartVersion"]);
    change.environment = entry.text(&["/namespace"]);
    if let Some(kind) = entry
        .text(&["/action"])
        .and_then(|action| words::kind(&action))
    {
        change.kind = kind;
    }
    set_status(&mut change, entry.text(&["/status"]));
    entry.keep(
        &mut change,
        &["/action", "/chartName", "/chartVersion", "/configDigest"],
    );
    Ok(change)
}

fn event(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/timestamp"], &[])?;
    change.service = entry.text(&["/involvedObject/name"]);
    change.environment = entry.text(&["/involvedObject/namespace"]);
    change.description = entry.text(&["/message"]);
    let reason = entry.text(&["/reason"]).unwrap_or_default();
    let is_error = entry
        .get("/severity")
        .is_some_and(|severity| severity == "error");
    change.status = match words::status(&reason) {
        _ if is_error => Some(Status::Failed),
        status => status,
    };
    if change.status != Some(Status::InProgress) {
        change.at_is_end = true;
        change.finished_us = Some(change.at_us);
    }
    if let Some(kind) = words::kind(&reason) {
        change.kind = kind;
    }
    let metadata = entry
        .get("/metadata")
        .and_then(serde_json::Value::as_object);
    let mut revisions = metadata
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.ends_with("revision"));
    let revision = revisions.find_map(|(_, value)| value.as_str());
    // `main@sha1:731f…`, before Flux 2.0 `main/731f…`; of a chart, its version.
    let hash = revision.and_then(|revision| revision.rsplit(['/', ':']).next());
    change.version = hash.map(str::to_owned);
    if hash != revision {
        change.commit.clone_from(&change.version);
    }
    entry.keep(&mut change, &["/reason"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Kind;
    use super::super::story::{AT, extra, some, told};
    use super::*;

    #[test]
    fn the_history_of_a_helm_release() {
        let markers = told(
            "Flux HelmReleases",
            r#"{"kind":"HelmRelease","metadata":{"name":"x"},"status":{"history":[
             {"name":"api","namespace":"shop","version":7,"appVersion":"2.4.0","chartVersion":"0.9",
              "chartName":"web","status":"failed","action":"rollback",
              "firstDeployed":"2024-01-01T00:00:00Z","lastDeployed":"2024-04-10T15:58:30Z"}]}}"#,
        );
        let expected = Change {
            id: "api#7".to_owned(),
            kind: Kind::Rollback,
            service: some("api"),
            version: some("2.4.0"),
            environment: some("shop"),
            status: Some(Status::Failed),
            extra: extra(json!({"action": "rollback", "chartName": "web", "chartVersion": "0.9"})),
            ..Change::at(AT)
        };
        assert_eq!(markers.changes, [expected]);
    }

    #[test]
    fn an_event_dates_the_end_and_a_source_changes_nothing() {
        let event = |kind: &str| {
            format!(
                r#"{{"involvedObject":{{"kind":"{kind}","name":"api","namespace":"shop"}},"metadata":
                {{"kustomize.toolkit.fluxcd.io/revision":"main@sha1:9f3c"}},"severity":"info",
                "reason":"ReconciliationSucceeded","message":"done","reportingController":"k",
                "timestamp":"2024-04-10T15:58:30Z"}}"#
            )
        };
        let lines = format!("{}\n{}", event("Kustomization"), event("GitRepository"));
        let mut markers = told("Flux events", &lines);
        markers.changes[0].id.clear();
        let expected = Change {
            service: some("api"),
            version: some("9f3c"),
            commit: some("9f3c"),
            finished_us: Some(AT),
            at_is_end: true,
            description: some("done"),
            environment: some("shop"),
            status: Some(Status::Succeeded),
            extra: extra(json!({"reason": "ReconciliationSucceeded"})),
            ..Change::at(AT)
        };
        assert_eq!(markers.changes, [expected]);
        assert_eq!(markers.notes, ["1 source event is left out"]);
    }
}
