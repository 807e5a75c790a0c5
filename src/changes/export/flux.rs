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

fn release_of(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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

fn event(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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
