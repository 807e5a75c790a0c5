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

fn service_deployment(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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
fn rollback(entry: Entry<'_>, failed: &Change, reader: &mut Reader<'_>) -> Result<Option<Change>> {
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

fn deployment_of(
    service: Entry<'_>,
    deployment: Entry<'_>,
    reader: &mut Reader<'_>,
) -> Result<Change> {
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
