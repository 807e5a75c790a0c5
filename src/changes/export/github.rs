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

fn deployment(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/created_at"], &[])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.service = entry
        .text(&["/repository_url", "/url"])
        .and_then(|url| repository(&url));
    change.commit = entry.text(&["/sha"]);
    let tag = entry.text(&["/ref"]).filter(|name| words::is_version(name));
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
fn status(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
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

fn release(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
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

/// The name of the repository in a URL of GitHub's API (`…/repos/acme/api/…`) or site
/// (`https://github.com/acme/api/…`).
fn repository(url: &str) -> Option<String> {
    let of_site = || {
        url.split_once("://")?
            .1
            .split_once('/')
            .map(|(_host, path)| path)
    };
    let path = url
        .split_once("/repos/")
        .map(|(_, path)| path)
        .or_else(of_site)?;
    path.split('/')
        .nth(1)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::{Kind, merge};
    use super::super::story::{AT, DONE, extra, only, some, told};
    use super::*;

    const DEPLOYMENT: &str = r#"{"url":"https://api.github.com/repos/acme/api/deployments/71",
        "id":71,"sha":"9f3c","ref":"v2.4.0","task":"deploy","payload":{},"environment":"production",
        "description":null,"creator":{"login":"dana","id":5},"created_at":"2024-04-10T15:58:30Z",
        "updated_at":"2024-04-10T15:59:30Z",
        "statuses_url":"https://api.github.com/repos/acme/api/deployments/71/statuses",
        "repository_url":"https://api.github.com/repos/acme/api"}"#;

    fn status_of(id: u32, state: &str, time: &str) -> String {
        format!(
            r#"{{"url":"https://api.github.com/repos/acme/api/deployments/{id}/statuses/9","id":9,
            "state":"{state}","creator":{{"login":"bot"}},"description":"","environment":"production",
            "target_url":"","log_url":"https://ci.example/{id}","created_at":"{time}",
            "deployment_url":"https://api.github.com/repos/acme/api/deployments/{id}",
            "repository_url":"https://api.github.com/repos/acme/api"}}"#
        )
    }

    fn expected() -> Change {
        Change {
            id: "71".to_owned(),
            service: some("api"),
            version: some("v2.4.0"),
            author: some("dana"),
            commit: some("9f3c"),
            environment: some("production"),
            url: some("https://api.github.com/repos/acme/api/deployments/71"),
            extra: extra(json!({"ref": "v2.4.0", "task": "deploy"})),
            ..Change::at(AT)
        }
    }

    #[test]
    fn a_deployment_says_when_it_began() {
        assert_eq!(
            only("GitHub deployments", &format!("[{DEPLOYMENT}]")),
            expected()
        );
        let branch = DEPLOYMENT
            .replace("v2.4.0", "main")
            .replace("\"deploy\"", "\"rollback\"");
        let branch = only("GitHub deployments", &branch);
        assert_eq!(
            (branch.version, branch.kind),
            (some("9f3c"), Kind::Rollback)
        );
    }

    #[test]
    fn statuses_of_one_deployment_are_one_change() {
        // GitHub lists the latest first.
        let statuses = [
            status_of(71, "inactive", "2024-04-10T18:00:00Z"),
            status_of(71, "success", "2024-04-10T15:59:30Z"),
            status_of(71, "in_progress", "2024-04-10T15:58:30Z"),
            status_of(72, "failure", "2024-04-10T15:59:30Z"),
        ];
        let markers = told(
            "GitHub deployment statuses",
            &format!("[{}]", statuses.join(",")),
        );
        let [whole, end] = markers.changes.as_slice() else {
            panic!("{markers:?}")
        };
        assert_eq!(
            (whole.id.as_str(), whole.at_us, whole.at_is_end),
            ("71", AT, false)
        );
        assert_eq!(
            (whole.finished_us, whole.status),
            (Some(DONE), Some(Status::Succeeded))
        );
        assert_eq!(
            (end.id.as_str(), end.at_us, end.at_is_end),
            ("72", DONE, true)
        );
        assert_eq!(
            (end.finished_us, end.status),
            (Some(DONE), Some(Status::Failed))
        );
    }

    #[test]
    fn deployments_and_statuses_of_two_files_are_joined() {
        let began = told("GitHub deployments", &format!("[{DEPLOYMENT}]"));
        let status = status_of(71, "failure", "2024-04-10T15:59:30Z");
        let ended = told("GitHub deployment statuses", &format!("[{status}]"));
        let joined = merge(vec![ended, began]);
        let expected = Change {
            finished_us: Some(DONE),
            status: Some(Status::Failed),
            url: some("https://ci.example/71"),
            ..expected()
        };
        assert_eq!(joined.changes, [expected]);
    }

    #[test]
    fn a_webhook_tells_both_at_once_however_often_it_is_delivered() {
        let delivery = |state: &str, time: &str| {
            let status = status_of(71, state, time);
            format!(
                r#"{{"action":"created","deployment_status":{status},"deployment":{DEPLOYMENT},
                "repository":{{"name":"api"}},"sender":{{"login":"dana"}}}}"#
            )
        };
        let begun = delivery("in_progress", "2024-04-10T15:58:40Z");
        let done = delivery("success", "2024-04-10T15:59:30Z");
        let change = only("GitHub webhooks", &format!("{begun}\n{done}"));
        assert_eq!((change.at_us, change.finished_us), (AT, Some(DONE)));
        assert_eq!(
            (change.status, change.version),
            (Some(Status::Succeeded), some("v2.4.0"))
        );
    }

    #[test]
    fn a_release_is_dated_by_its_publication_and_a_draft_is_none() {
        let releases = r#"[{"html_url":"https://github.com/acme/api/releases/tag/v2.4.0","id":8,
            "url":"https://api.github.com/repos/acme/api/releases/8","tag_name":"v2.4.0",
            "target_commitish":"main","name":"Spring","draft":false,"prerelease":true,
            "author":{"login":"dana"},"created_at":"2024-04-01T00:00:00Z",
            "published_at":"2024-04-10T15:58:30Z"},
            {"tag_name":"v3","draft":true,"published_at":null,"id":9}]"#;
        let markers = told("GitHub releases", releases);
        let expected = Change {
            id: "8".to_owned(),
            service: some("api"),
            version: some("v2.4.0"),
            author: some("dana"),
            description: some("Spring"),
            url: some("https://github.com/acme/api/releases/tag/v2.4.0"),
            extra: extra(json!({"target_commitish": "main", "prerelease": true})),
            ..Change::at(AT)
        };
        assert_eq!(markers.changes, [expected]);
        assert_eq!(markers.notes, ["1 draft release is left out"]);
    }
}
