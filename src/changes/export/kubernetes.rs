//! Kubernetes: the ReplicaSets of Deployments and Argo Rollouts, and those two themselves.
//!
//! A ReplicaSet is made when its version is first rolled out, so its creation dates that rollout.
//! A rollback makes none: it takes an old one again, gives it a new revision and remembers the old
//! ones in an annotation; when that happened, nothing says. The Deployment or Rollout, if it is in
//! the file, dates the end of its latest revision, be it a rollback or not.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-back-a-deployment>

use serde_json::Value;

use super::super::entry::{Entry, Reader};
use super::super::{Kind, Status};
use super::{Change, Export, Read, has, image_version};
use crate::error::Result;

/// `kubectl get replicasets,deployments -o json` and the like.
pub(super) const WORKLOADS: Export = Export {
    name: "Kubernetes workloads",
    lies_at: &["", "/items"],
    is: |v| {
        let kind = v.pointer("/kind").and_then(Value::as_str);
        matches!(kind, Some("ReplicaSet" | "Deployment" | "Rollout"))
            && has(
                v,
                &[
                    "/metadata/name",
                    "/metadata/creationTimestamp",
                    "/spec/template",
                ],
            )
    },
    read: Read::All(read),
};

fn read(entries: &[Entry<'_>], reader: &mut Reader<'_>) -> Result<Vec<Change>> {
    let is_set = |entry: &Entry<'_>| {
        entry
            .value
            .pointer("/kind")
            .is_some_and(|k| k == "ReplicaSet")
    };
    let (sets, owners): (Vec<Entry<'_>>, Vec<Entry<'_>>) = entries.iter().partition(|e| is_set(e));
    let mut changes = Vec::new();
    let mut reuses = Vec::new();
    for set in sets {
        changes.push(first_rollout(set, reader)?);
        reuses.extend(reuse(set));
    }
    for owner in owners {
        let latest = latest_rollout(owner, reader)?;
        let same = |change: &&mut Change| {
            change.id == latest.id && change.environment == latest.environment
        };
        match changes.iter_mut().find(same) {
            Some(first) => {
                first.status = latest.status;
                first.finished_us = latest.finished_us.filter(|end| *end >= first.at_us);
            }
            None => changes.push(latest),
        }
    }
    for (id, set) in reuses {
        match changes.iter_mut().find(|change| change.id == id) {
            Some(dated) => dated.kind = Kind::Rollback,
            None => reader.note(format!(
                "ReplicaSet {set} was taken again as {id} (a rollback); Kubernetes doesn't record \
                 when: add a marker for it"
            )),
        }
    }
    Ok(changes)
}

/// The rollout that a ReplicaSet was made for.
fn first_rollout(set: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let mut change = reader.change(set, &["/metadata/creationTimestamp"], &[])?;
    describe(&mut change, set);
    let former = annotation(set, "revision-history");
    let first = former
        .as_deref()
        .and_then(|all| all.split(',').next())
        .map(str::to_owned);
    change.id = id(&change, first.or_else(|| annotation(set, "revision")));
    set.keep(&mut change, &["/metadata/name"]);
    Ok(change)
}

/// The id of the rollout for which a ReplicaSet was taken again, and the set's name.
fn reuse(set: Entry<'_>) -> Option<(String, String)> {
    annotation(set, "revision-history").filter(|former| !former.is_empty())?;
    let owner = service(set)?;
    Some((
        format!("{owner}#{}", annotation(set, "revision")?),
        set.text(&["/metadata/name"])?,
    ))
}

/// The latest revision of a Deployment or Rollout, dated by its last progress.
fn latest_rollout(owner: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let progress = owner.list("/status/conditions").iter().find(|condition| {
        condition
            .pointer("/type")
            .is_some_and(|kind| kind == "Progressing")
    });
    let progress = progress.map(|condition| owner.part(condition));
    let mut change = match progress {
        Some(condition) => {
            let dates = ["/lastUpdateTime", "/lastTransitionTime"];
            let mut change = reader.change(condition, &dates, &[])?;
            change.at_is_end = true;
            change
        }
        None => reader.change(owner, &["/metadata/creationTimestamp"], &[])?,
    };
    describe(&mut change, owner);
    change.id = id(&change, annotation(owner, "revision"));
    let reason = progress.and_then(|condition| condition.text(&["/reason"]));
    change.status = match reason.as_deref() {
        Some("ProgressDeadlineExceeded" | "RolloutAborted") => Some(Status::Failed),
        Some("NewReplicaSetAvailable" | "RolloutCompleted") => Some(Status::Succeeded),
        Some(_) => Some(Status::InProgress),
        None => None,
    };
    if change.at_is_end && change.status != Some(Status::InProgress) {
        change.finished_us = Some(change.at_us);
    }
    if let Some(message) = progress.and_then(|condition| condition.text(&["/message"])) {
        change.description.get_or_insert(message);
    }
    Ok(change)
}

fn describe(change: &mut Change, workload: Entry<'_>) {
    change.service = service(workload);
    change.environment = workload.text(&["/metadata/namespace"]);
    change.description = workload.text(&["/metadata/annotations/kubernetes.io~1change-cause"]);
    let containers = workload.list("/spec/template/spec/containers");
    let of_service = containers.iter().find(|container| {
        container.pointer("/name").and_then(Value::as_str) == change.service.as_deref()
    });
    if let Some(container) = of_service.or(containers.first()) {
        let container = workload.part(container);
        change.version = container
            .text(&["/image"])
            .and_then(|image| image_version(&image));
        container.keep(change, &["/image"]);
    }
}

/// The Deployment or Rollout that a set belongs to, else what it calls itself.
fn service(workload: Entry<'_>) -> Option<String> {
    let is_set = workload
        .get("/kind")
        .is_some_and(|kind| kind == "ReplicaSet");
    let labels = [
        "/metadata/ownerReferences/0/name",
        "/metadata/labels/app.kubernetes.io~1name",
        "/metadata/labels/app",
    ];
    let owner = workload.text(&labels).filter(|_| is_set);
    owner.or_else(|| workload.text(&["/metadata/name"]))
}

fn id(change: &Change, revision: Option<String>) -> String {
    let service = change.service.as_deref().unwrap_or_default();
    revision.map_or_else(String::new, |revision| format!("{service}#{revision}"))
}

fn annotation(workload: Entry<'_>, name: &str) -> Option<String> {
    ["deployment.kubernetes.io", "rollout.argoproj.io"]
        .iter()
        .find_map(|system| workload.text(&[&format!("/metadata/annotations/{system}~1{name}")]))
}
