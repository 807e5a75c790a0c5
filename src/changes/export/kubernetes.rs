//! Kubernetes: the ReplicaSets of Deployments and Argo Rollouts, and those two themselves.
//!
//! A ReplicaSet is made when its version is first rolled out, so its creation dates that rollout.
//! A rollback makes none: it takes an old one again, gives it a new revision and remembers the old
//! ones in an annotation; when that happened, nothing says. The Deployment or Rollout, if it is in
//! the file, dates the end of its latest revision, be it a rollback or not.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-back-a-deployment>

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::entry::{Entry, Reader, listed};
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

/// The namespace and the id of a rollout: ids repeat in other namespaces.
type Place = (Option<String>, String);

fn read(entries: &[Entry<'_>], reader: &mut Reader) -> Result<Vec<Change>> {
    let is_set = |entry: &Entry<'_>| {
        entry
            .value
            .pointer("/kind")
            .is_some_and(|k| k == "ReplicaSet")
    };
    let (sets, owners): (Vec<Entry<'_>>, Vec<Entry<'_>>) = entries.iter().partition(|e| is_set(e));
    let mut changes = Vec::new();
    let mut reuses = Vec::new();
    let mut versions: BTreeMap<Place, Option<String>> = BTreeMap::new();
    for set in sets {
        let change = first_rollout(set, reader)?;
        for revision in revisions(set) {
            let place = (
                change.environment.clone(),
                id(&change, Some(revision.to_string())),
            );
            versions.insert(place, change.version.clone());
        }
        reuses.extend(reuse(set).map(|id| (change.environment.clone(), id)));
        changes.push(change);
    }
    // A rollback without a date still is what the next revision replaced.
    for change in &mut changes {
        let before = previous_revision(&change.id)
            .and_then(|id| versions.get(&(change.environment.clone(), id)));
        change.previous_version = before.cloned().flatten();
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
    let mut undated = Vec::new();
    for (environment, id) in reuses {
        let same = |change: &&mut Change| change.id == id && change.environment == environment;
        match changes.iter_mut().find(same) {
            Some(dated) => dated.kind = Kind::Rollback,
            None => undated.push(id),
        }
    }
    if !undated.is_empty() {
        reader.note(format!(
            "rollbacks of which Kubernetes doesn't record the time are left out: {}",
            listed(&undated)
        ));
    }
    Ok(changes)
}

/// The rollout that a ReplicaSet was made for.
fn first_rollout(set: Entry<'_>, reader: &mut Reader) -> Result<Change> {
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

/// All revisions that a ReplicaSet was.
fn revisions(set: Entry<'_>) -> impl Iterator<Item = u64> {
    let all = ["revision-history", "revision"].map(|name| annotation(set, name));
    let all: Vec<String> = all.into_iter().flatten().collect();
    let numbers = all.join(",");
    let numbers: Vec<u64> = numbers
        .split(',')
        .filter_map(|n| n.trim().parse().ok())
        .collect();
    numbers.into_iter()
}

/// `api#4` for `api#5`.
fn previous_revision(id: &str) -> Option<String> {
    let (service, revision) = id.rsplit_once('#')?;
    let before = revision.parse::<u64>().ok()?.checked_sub(1)?;
    Some(format!("{service}#{before}"))
}

/// The id of the rollback for which a ReplicaSet was taken again.
fn reuse(set: Entry<'_>) -> Option<String> {
    annotation(set, "revision-history")?;
    Some(format!(
        "{}#{}",
        service(set)?,
        annotation(set, "revision")?
    ))
}

/// The latest revision of a Deployment or Rollout, dated by its last progress.
fn latest_rollout(owner: Entry<'_>, reader: &mut Reader) -> Result<Change> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::story::{AT, DONE, extra, some, told};
    use super::*;

    fn set(hash: &str, created: &str, annotations: &str, image: &str) -> String {
        format!(
            r#"{{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{{"annotations":{{{annotations}}},
            "creationTimestamp":"{created}","name":"api-{hash}","namespace":"shop","ownerReferences":
            [{{"kind":"Deployment","name":"api"}}]}},"spec":{{"replicas":0,"template":{{"spec":
            {{"containers":[{{"name":"proxy","image":"envoy:1"}},{{"name":"api","image":"{image}"}}]}}}}}}}}"#
        )
    }

    /// Version 1, version 2, and 1 again as revision 5.
    fn sets() -> String {
        let again = r#""deployment.kubernetes.io/revision":"5",
                       "deployment.kubernetes.io/revision-history":"3""#;
        let second =
            r#""deployment.kubernetes.io/revision":"4","kubernetes.io/change-cause":"why""#;
        let one = set(
            "1a",
            "2024-04-10T15:58:30Z",
            again,
            "registry.example:5000/acme/api:1.0",
        );
        let two = set("2b", "2024-04-10T15:59:30Z", second, "acme/api@sha256:77aa");
        format!("{one},{two}")
    }

    #[test]
    fn a_set_dates_its_first_rollout_and_a_rollback_leaves_no_date() {
        let third = r#""deployment.kubernetes.io/revision":"6""#;
        let third = set("3c", "2024-04-10T17:00:00Z", third, "acme/api:3.0");
        let list = format!(
            r#"{{"kind":"List","items":[{third},{},{{"kind":"Pod"}}]}}"#,
            sets()
        );
        let markers = told("Kubernetes workloads", &list);
        let [one, two, three] = markers.changes.as_slice() else {
            panic!("{markers:?}")
        };
        let expected = Change {
            id: "api#3".to_owned(),
            service: some("api"),
            version: some("1.0"),
            environment: some("shop"),
            extra: extra(json!({"image": "registry.example:5000/acme/api:1.0", "name": "api-1a"})),
            ..Change::at(AT)
        };
        assert_eq!(*one, expected);
        assert_eq!(two.previous_version, some("1.0"));
        // Revision 5, the rollback to 1.0, has no date; but it is what revision 6 replaced.
        assert_eq!(
            (three.id.as_str(), &three.previous_version),
            ("api#6", &some("1.0"))
        );
        assert_eq!((two.id.as_str(), two.at_us), ("api#4", DONE));
        assert_eq!(
            (&two.version, &two.description),
            (&some("sha256:77aa"), &some("why"))
        );
        assert_eq!(
            markers.notes,
            [
                "rollbacks of which Kubernetes doesn't record the time are left out: api#5",
                "1 entry of another kind is left out"
            ]
        );
    }

    #[test]
    fn the_deployment_beside_its_sets_dates_the_rollback() {
        let deployment = r#"{"kind":"Deployment","metadata":{"annotations":
            {"deployment.kubernetes.io/revision":"5"},"creationTimestamp":"2024-01-01T00:00:00Z",
            "name":"api","namespace":"shop"},"spec":{"template":{"spec":{"containers":[{"name":"api",
            "image":"acme/api:1.0"}]}}},"status":{"conditions":[{"type":"Progressing","status":"True",
            "reason":"NewReplicaSetAvailable","lastUpdateTime":"2024-04-10T16:10:00Z"}]}}"#;
        let markers = told(
            "Kubernetes workloads",
            &format!("[{},{deployment}]", sets()),
        );
        let rollback = markers.changes.last().unwrap();
        assert_eq!(
            (rollback.id.as_str(), rollback.kind),
            ("api#5", Kind::Rollback)
        );
        // 16:10:00 is 11 min 30 s after 15:58:30.
        assert_eq!(
            (rollback.at_us, rollback.at_is_end),
            (AT + 690_000_000, true)
        );
        assert_eq!(rollback.status, Some(Status::Succeeded));
        assert_eq!(markers.notes, [""; 0]);
    }

    #[test]
    fn a_rollout_in_yaml_that_got_stuck() {
        let text = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata:\n  annotations:\n    \
            rollout.argoproj.io/revision: \"31\"\n  creationTimestamp: \"2024-01-01T00:00:00Z\"\n  \
            name: web\nspec:\n  template:\n    spec:\n      containers:\n      - image: acme/web:7\n\
            status:\n  conditions:\n  - type: Progressing\n    reason: ProgressDeadlineExceeded\n    \
            lastUpdateTime: \"2024-04-10T15:58:30Z\"\n    message: timed out\n";
        let markers = told("Kubernetes workloads", text);
        let expected = Change {
            id: "web#31".to_owned(),
            service: some("web"),
            version: some("7"),
            finished_us: Some(AT),
            at_is_end: true,
            description: some("timed out"),
            status: Some(Status::Failed),
            extra: extra(json!({"image": "acme/web:7"})),
            ..Change::at(AT)
        };
        assert_eq!(markers.changes, [expected]);
    }
}
