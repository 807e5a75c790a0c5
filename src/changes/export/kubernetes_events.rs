//! Kubernetes: the events of Deployments, of which the scaling up of a new ReplicaSet is a rollout.
//! Events live for an hour by default, and say neither version nor author.
//! <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>

use std::collections::BTreeMap;

use super::super::entry::{Entry, Reader};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `kubectl get events -o json`.
pub(super) const EVENTS: Export = Export {
    name: "Kubernetes events",
    lies_at: &["", "/items"],
    is: |v| {
        v.pointer("/kind").is_some_and(|kind| kind == "Event")
            && has(
                v,
                &["/involvedObject/kind", "/reason", "/metadata/namespace"],
            )
    },
    read: Read::All(read),
};

const TIMES: [&str; 4] = [
    "/firstTimestamp",
    "/eventTime",
    "/lastTimestamp",
    "/metadata/creationTimestamp",
];

/// A rollout is told by several events: the first dates its begin, the last its end.
fn read(entries: &[Entry<'_>], reader: &mut Reader) -> Result<Vec<Change>> {
    let mut rollouts: BTreeMap<(String, String), Change> = BTreeMap::new();
    let mut others = 0;
    for entry in entries {
        let Some((deployment, set)) = scaled_up(*entry) else {
            others += 1;
            continue;
        };
        let told = reader.change(*entry, &TIMES, &["/lastTimestamp"])?;
        let namespace = entry.text(&["/metadata/namespace"]);
        let rollout = rollouts
            .entry((namespace.clone().unwrap_or_default(), set.clone()))
            .or_insert_with(|| Change::at(told.at_us));
        rollout.at_us = rollout.at_us.min(told.at_us);
        let end = told.finished_us.unwrap_or(told.at_us);
        rollout.finished_us = rollout.finished_us.max(Some(end));
        rollout.version = set
            .strip_prefix(&deployment)
            .map(|hash| hash.trim_start_matches('-').to_owned());
        rollout.id = format!("{}/{set}", namespace.as_deref().unwrap_or("default"));
        rollout.description = entry.text(&["/message"]);
        rollout.service = Some(deployment);
        rollout.environment = namespace;
    }
    reader.left_out(others, "other event");
    let mut changes: Vec<Change> = rollouts.into_values().collect();
    for change in &mut changes {
        change.finished_us = change.finished_us.filter(|end| *end > change.at_us);
    }
    Ok(changes)
}

/// The Deployment and its ReplicaSet of an event like `Scaled up replica set api-7c9f to 3`.
fn scaled_up(entry: Entry<'_>) -> Option<(String, String)> {
    let is_deployment = entry.text(&["/involvedObject/kind"])? == "Deployment";
    let message = entry.text(&["/message"])?;
    let set = message
        .strip_prefix("Scaled up replica set ")?
        .split(' ')
        .next()?;
    let deployment = entry
        .text(&["/involvedObject/name"])
        .filter(|_| is_deployment)?;
    Some((deployment, set.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::story::{AT, DONE, some, told};
    use super::*;

    #[test]
    fn the_scaling_up_of_a_set_is_one_rollout_and_the_rest_is_none() {
        let event = |reason: &str, message: &str, time: &str| {
            format!(
                r#"{{"kind":"Event","metadata":{{"name":"x","namespace":"shop","creationTimestamp":"{time}"}},
                "involvedObject":{{"kind":"Deployment","name":"api"}},"reason":"{reason}","message":"{message}",
                "firstTimestamp":"{time}","lastTimestamp":"{time}","count":1,"type":"Normal"}}"#
            )
        };
        let list = [
            event(
                "ScalingReplicaSet",
                "Scaled up replica set api-7c9f to 1 from 0",
                "2024-04-10T15:58:30Z",
            ),
            event(
                "ScalingReplicaSet",
                "Scaled down replica set api-55aa to 2 from 3",
                "2024-04-10T15:59:00Z",
            ),
            event(
                "ScalingReplicaSet",
                "Scaled up replica set api-7c9f to 3 from 1",
                "2024-04-10T15:59:30Z",
            ),
            event(
                "BackOff",
                "Back-off restarting failed container",
                "2024-04-10T16:10:00Z",
            ),
        ];
        let markers = told(
            "Kubernetes events",
            &format!(r#"{{"kind":"List","items":[{}]}}"#, list.join(",")),
        );
        let expected = Change {
            id: "shop/api-7c9f".to_owned(),
            service: some("api"),
            version: some("7c9f"),
            finished_us: Some(DONE),
            description: some("Scaled up replica set api-7c9f to 3 from 1"),
            environment: some("shop"),
            ..Change::at(AT)
        };
        assert_eq!(markers.changes, [expected]);
        assert_eq!(markers.notes, ["2 other events are left out"]);
    }
}
