//! GitHub: deployments, their statuses, the webhooks of both, and releases.
//!
//! The list of deployments says when each began and not how it went; the list of statuses says how
//! it went. Given both, they are joined. A webhook's delivery carries both at once.
//! <https://docs.github.com/en/rest/deployments>

use serde_json::Value;

use super::super::entry::{Entry, Reader, last_step, set_status};
use super::super::{Status, words};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /repos/{owner}/{repo}/deployments`.
pub(super) const DEPLOYMENTS: Export = Export {
    name: "GitHub deployments",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &["/sha", "/ref", "/task", "/statuses_url", "/created_at"],
        )
    },
    read: Read::All(|entries, reader| {
        entries
            .iter()
            .map(|entry| deployment(*entry, reader))
            .collect()
    }),
};

/// The name of [`STATUSES`]: what it reads is added to the deployments of other files.
pub(in super::super) const STATUSES_NAME: &str = "GitHub deployment statuses";

/// `GET /repos/{owner}/{repo}/deployments/{id}/statuses`.
pub(super) const STATUSES: Export = Export {
    name: STATUSES_NAME,
    lies_at: &[""],
    is: |v| has(v, &["/deployment_url", "/state", "/created_at"]),
    read: Read::All(|entries, reader| {
        let statuses: Result<Vec<Change>> =
            entries.iter().map(|entry| status(*entry, reader)).collect();
        Ok(united(statuses?))
    }),
};

/// Deliveries of the `deployment` and `deployment_status` webhooks.
pub(super) const WEBHOOKS: Export = Export {
    name: "GitHub webhooks",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &["/deployment/sha", "/deployment/statuses_url", "/repository"],
        )
    },
    read: Read::All(|entries, reader| {
        let mut changes = Vec::new();
        for entry in entries {
            changes.extend(
                entry
                    .get("/deployment")
                    .map(|d| deployment(entry.part(d), reader)),
            );
            let told = entry
                .get("/deployment_status")
                .map(|s| status(entry.part(s), reader));
            changes.extend(told);
        }
        Ok(united(changes.into_iter().collect::<Result<_>>()?))
    }),
};

/// `GET /repos/{owner}/{repo}/releases`, or `gh release list --json …`.
pub(super) const RELEASES: Export = Export {
    name: "GitHub releases",
    lies_at: &["", "/release"],
    is: |v| {
        has(v, &["/tag_name", "/published_at", "/draft"]) || has(v, &["/tagName", "/publishedAt"])
    },
    read: Read::All(|entries, reader| {
        let is_draft = |entry: &&Entry<'_>| {
            ["/draft", "/isDraft"]
                .iter()
                .any(|p| entry.get(p) == Some(&Value::Bool(true)))
        };
        reader.left_out(entries.iter().filter(is_draft).count(), "draft release");
        let published = entries.iter().filter(|entry| !is_draft(entry));
        published.map(|entry| release(*entry, reader)).collect()
    }),
};

fn deployment(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let mut change = reader.change(entry, &["/created_at"], &[])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.service = entry
        .text(&["/repository_url", "/url"])
        .and_then(|url| repository(&url));
    change.commit = entry.text(&["/sha"]);
    let tag = entry.text(&["/ref"]).filter(|name| is_version(name));
    change.version = tag.or_else(|| change.commit.clone());
    change.author = entry.text(&["/creator/login"]);
    change.environment = entry.text(&["/environment", "/original_environment"]);
    change.description = entry.text(&["/description"]);
    change.url = entry.text(&["/url"]);
    if let Some(kind) = entry.text(&["/task"]).and_then(|task| words::kind(&task)) {
        change.kind = kind;
    }
    entry.keep(&mut change, &["/ref", "/task", "/payload"]);
    Ok(change)
}

/// What one status says of its deployment, as a change of the deployment's id.
fn status(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let mut change = reader.change(entry, &["/created_at"], &[])?;
    change.id = entry
        .text(&["/deployment_url"])
        .and_then(|url| last_step(&url))
        .unwrap_or_default();
    let url = entry.text(&["/repository_url", "/deployment_url"]);
    change.service = url.and_then(|url| repository(&url));
    change.author = entry.text(&["/creator/login"]);
    change.environment = entry.text(&["/environment"]);
    change.description = entry.text(&["/description"]);
    change.url = entry.text(&["/log_url", "/target_url", "/environment_url"]);
    set_status(&mut change, entry.text(&["/state"]));
    if change.status != Some(Status::InProgress) {
        change.at_is_end = true;
        change.finished_us = Some(change.at_us);
    }
    Ok(change)
}

/// One change for each deployment, of all that is said of it.
fn united(mut told: Vec<Change>) -> Vec<Change> {
    told.sort_by_key(|change| change.at_us);
    let mut changes: Vec<Change> = Vec::new();
    for one in told {
        match changes.iter_mut().find(|change| change.id == one.id) {
            Some(change) => add_outcome(change, &one),
            None => changes.push(one),
        }
    }
    changes
}

/// Adds to a deployment what a status, not earlier than those before it, says of it. The first
/// end counts: GitHub later marks the deployments that were replaced as `inactive`.
pub(in super::super) fn add_outcome(deployment: &mut Change, outcome: &Change) {
    if deployment.finished_us.is_none() {
        deployment.status = outcome.status.or(deployment.status);
        deployment.finished_us = outcome.finished_us.filter(|end| *end >= deployment.at_us);
    }
    if deployment.description.is_none() {
        deployment.description.clone_from(&outcome.description);
    }
    if outcome.url.is_some() {
        deployment.url.clone_from(&outcome.url);
    }
    for (key, value) in &outcome.extra {
        deployment
            .extra
            .entry(key.clone())
            .or_insert_with(|| value.clone());
    }
}

fn release(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let published = ["/published_at", "/publishedAt"];
    let mut change = reader.change(entry, &published, &[])?;
    change.version = entry.text(&["/tag_name", "/tagName"]);
    change.id = entry.text(&["/id"]).unwrap_or_default();
    let url = entry.text(&["/html_url", "/url"]);
    change.service = url.as_deref().and_then(repository);
    change.url = url;
    change.author = entry.text(&["/author/login"]);
    change.description = entry.text(&["/name"]);
    entry.keep(&mut change, &["/target_commitish", "/prerelease"]);
    Ok(change)
}

/// The name of the repository in a URL of GitHub's API or site.
fn repository(url: &str) -> Option<String> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut steps = path
        .split('/')
        .skip(1)
        .filter(|step| *step != "api" && *step != "v3");
    match steps.next() {
        Some("repos") => steps.nth(1),
        Some(_) => steps.next(),
        None => None,
    }
    .filter(|name| !name.is_empty())
    .map(str::to_owned)
}

/// Whether a ref is a version rather than a branch: a number with a dot, perhaps after a `v`.
fn is_version(name: &str) -> bool {
    let number = name.strip_prefix("refs/tags/").unwrap_or(name);
    let number = number.strip_prefix(['v', 'V']).unwrap_or(number);
    number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.')
}
