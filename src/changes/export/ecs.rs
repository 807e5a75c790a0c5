//! AWS ECS: service deployments, and the deployments inside described services.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>

use super::super::entry::{Entry, Reader, last_step, set_status};
use super::super::{Kind, Status};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `aws ecs describe-service-deployments`.
pub(super) const SERVICE_DEPLOYMENTS: Export = Export {
    name: "ECS service deployments",
    lies_at: &["/serviceDeployments"],
    is: |v| has(v, &["/serviceDeploymentArn", "/serviceArn"]),
    read: Read::All(|entries, reader| {
        let mut changes = Vec::new();
        for entry in entries {
            let change = service_deployment(*entry, reader)?;
            let undo = rollback(*entry, &change, reader)?;
            changes.push(change);
            changes.extend(undo);
        }
        Ok(changes)
    }),
};

/// `aws ecs describe-services`.
pub(super) const SERVICES: Export = Export {
    name: "ECS services",
    lies_at: &["/services"],
    is: |v| has(v, &["/serviceArn", "/deployments"]),
    read: Read::All(|entries, reader| {
        let mut changes = Vec::new();
        for service in entries {
            for deployment in service.list("/deployments") {
                changes.push(deployment_of(*service, service.part(deployment), reader)?);
            }
        }
        Ok(changes)
    }),
};

fn step(entry: Entry<'_>, pointer: &str) -> Option<String> {
    entry.text(&[pointer]).and_then(|arn| last_step(&arn))
}

fn service_deployment(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let begins = ["/startedAt", "/createdAt"];
    let mut change = reader.change(entry, &begins, &["/finishedAt", "/stoppedAt"])?;
    change.id = step(entry, "/serviceDeploymentArn").unwrap_or_default();
    change.service = step(entry, "/serviceArn");
    let whole = step(entry, "/targetServiceRevision/arn");
    change.version = whole.or_else(|| step(entry, "/targetServiceRevisionArn"));
    change.previous_version = step(entry, "/sourceServiceRevisions/0/arn");
    change.environment = step(entry, "/clusterArn");
    change.description = entry.text(&["/statusReason"]);
    let status = entry.text(&["/status"]).unwrap_or_default();
    if status.starts_with("ROLLBACK") {
        change.status = Some(Status::Failed);
    } else {
        set_status(&mut change, Some(status));
    }
    Ok(change)
}

/// The rollback of a deployment that ECS gave up.
fn rollback(entry: Entry<'_>, failed: &Change, reader: &mut Reader) -> Result<Option<Change>> {
    let Some(at) = reader.first_time(entry, &["/rollback/startedAt"])? else {
        return Ok(None);
    };
    let mut change = Change::at(at);
    change.id = format!("{}/rollback", failed.id);
    change.kind = Kind::Rollback;
    change.rollback_of = Some(failed.id.clone());
    change.service.clone_from(&failed.service);
    change.environment.clone_from(&failed.environment);
    change.version = step(entry, "/rollback/serviceRevisionArn");
    change.previous_version.clone_from(&failed.version);
    change.description = entry.text(&["/rollback/reason"]);
    change.finished_us = failed.finished_us.filter(|end| *end >= at);
    Ok(Some(change))
}

fn deployment_of(service: Entry<'_>, deployment: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(deployment, &["/createdAt"], &[])?;
    let id = deployment.text(&["/id"]);
    change.id = id.and_then(|id| last_step(&id)).unwrap_or_default();
    change.service = service
        .text(&["/serviceName"])
        .or_else(|| step(service, "/serviceArn"));
    change.version = step(deployment, "/taskDefinition");
    change.environment = step(service, "/clusterArn");
    change.description = deployment.text(&["/rolloutStateReason"]);
    set_status(&mut change, deployment.text(&["/rolloutState"]));
    if change.status == Some(Status::Succeeded) {
        let end = reader.first_time(deployment, &["/updatedAt"])?;
        change.finished_us = end.filter(|end| *end >= change.at_us);
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::super::story::{AT, DONE, only, some, told};
    use super::*;

    #[test]
    fn a_deployment_that_the_circuit_breaker_rolled_back_is_two_changes() {
        let markers = told(
            "ECS service deployments",
            r#"{"serviceDeployments":[{"status":"ROLLBACK_SUCCESSFUL",
             "serviceDeploymentArn":"arn:aws:ecs:eu-west-1:1:service-deployment/prod/api/D1",
             "serviceArn":"arn:aws:ecs:eu-west-1:1:service/prod/api",
             "clusterArn":"arn:aws:ecs:eu-west-1:1:cluster/prod",
             "createdAt":"2024-04-10T15:58:00Z","startedAt":"2024-04-10T08:58:30.000000-07:00",
             "finishedAt":"2024-04-10T15:59:30Z","sourceServiceRevisions":[{"arn":"arn:x/prod/api/7"}],
             "targetServiceRevision":{"arn":"arn:x/prod/api/8"},
             "rollback":{"reason":"tasks failed","startedAt":"2024-04-10T15:59:00Z",
             "serviceRevisionArn":"arn:x/prod/api/7"}}],"failures":[]}"#,
        );
        let deploy = Change {
            id: "D1".to_owned(),
            service: some("api"),
            version: some("8"),
            previous_version: some("7"),
            finished_us: Some(DONE),
            environment: some("prod"),
            status: Some(Status::Failed),
            ..Change::at(AT)
        };
        let rollback = Change {
            id: "D1/rollback".to_owned(),
            kind: Kind::Rollback,
            version: some("7"),
            previous_version: some("8"),
            rollback_of: some("D1"),
            description: some("tasks failed"),
            status: None,
            at_us: AT + 30_000_000,
            ..deploy.clone()
        };
        assert_eq!(markers.changes, [deploy, rollback]);
    }

    #[test]
    fn the_deployments_inside_a_described_service() {
        let change = only(
            "ECS services",
            r#"{"services":[{"serviceName":"api","serviceArn":"arn:aws:ecs:x:1:service/api",
             "clusterArn":"arn:aws:ecs:x:1:cluster/prod","deployments":[{"id":"ecs-svc/42",
             "status":"PRIMARY","taskDefinition":"arn:aws:ecs:x:1:task-definition/api:17",
             "createdAt":1712764710.0,"updatedAt":1712764770.0,"rolloutState":"COMPLETED"}]}]}"#,
        );
        let expected = Change {
            id: "42".to_owned(),
            service: some("api"),
            version: some("api:17"),
            finished_us: Some(DONE),
            environment: some("prod"),
            status: Some(Status::Succeeded),
            ..Change::at(AT)
        };
        assert_eq!(change, expected);
    }
}
