//! GitLab: the list of deployments, and the deployment webhook.
//! <https://docs.gitlab.com/api/deployments/>

use super::super::Status;
use super::super::entry::{Entry, Reader, set_status};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /projects/:id/deployments`.
pub(super) const DEPLOYMENTS: Export = Export {
    name: "GitLab deployments",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &[
                "/iid",
                "/sha",
                "/ref",
                "/environment/name",
                "/created_at",
                "/deployable",
            ],
        )
    },
    read: Read::Each(deployment),
};

/// Deliveries of the deployment webhook.
pub(super) const WEBHOOKS: Export = Export {
    name: "GitLab webhooks",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &[
                "/object_kind",
                "/status_changed_at",
                "/deployment_id",
                "/project",
            ],
        )
    },
    read: Read::Each(delivery),
};

fn deployment(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    // The job's times are those of the rollout; `updated_at` is the end only where there is no job.
    let begins = ["/deployable/started_at", "/created_at"];
    let ends = match entry.get("/deployable") {
        Some(_) => "/deployable/finished_at",
        None => "/updated_at",
    };
    let mut change = reader.change(entry, &begins, &[ends])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.commit = entry.text(&["/sha"]);
    let is_tag = entry.get("/deployable/tag").is_some_and(|tag| tag == true);
    let tag = entry.text(&["/ref"]).filter(|_| is_tag);
    change.version = tag.or_else(|| change.commit.clone());
    let page = entry.text(&["/deployable/web_url", "/deployable/pipeline/web_url"]);
    change.service = page.as_deref().and_then(project);
    change.url = page;
    change.author = entry.text(&["/user/username", "/deployable/user/username"]);
    change.environment = entry.text(&["/environment/name"]);
    change.description = entry.text(&["/deployable/commit/title"]);
    set_status(&mut change, entry.text(&["/status"]));
    if change.status == Some(Status::InProgress) {
        change.finished_us = None;
    }
    entry.keep(&mut change, &["/ref", "/iid"]);
    Ok(change)
}

fn delivery(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let mut change = reader.change(entry, &["/status_changed_at"], &[])?;
    set_status(&mut change, entry.text(&["/status"]));
    if change.status != Some(Status::InProgress) {
        change.at_is_end = true;
        change.finished_us = Some(change.at_us);
    }
    change.id = entry.text(&["/deployment_id"]).unwrap_or_default();
    change.service = entry.text(&["/project/name"]);
    change.commit = entry.text(&["/short_sha"]);
    change.version = change.commit.clone();
    change.author = entry.text(&["/user/username"]);
    change.environment = entry.text(&["/environment"]);
    change.description = entry.text(&["/commit_title"]);
    change.url = entry.text(&["/deployable_url"]);
    entry.keep(&mut change, &["/ref"]);
    Ok(change)
}

/// The project in the address of one of its pages.
fn project(page: &str) -> Option<String> {
    let project = page.split("/-/").next()?.split("/pipelines/").next()?;
    super::super::entry::last_step(project)
}
