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
    read: Read::All(|entries, reader| {
        let read = entries.iter().map(|entry| deployment(*entry, reader));
        let mut changes: Vec<Change> = read.collect::<Result<_>>()?;
        // The list is of one project, but only the deployments by a job say which.
        let project = changes.iter().find_map(|change| change.service.clone());
        for change in &mut changes {
            change.service = change.service.take().or_else(|| project.clone());
        }
        Ok(changes)
    }),
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

fn deployment(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
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

fn delivery(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::story::{AT, DONE, extra, only, some, told};
    use super::*;

    #[test]
    fn a_deployment_has_the_times_of_its_job() {
        let markers = told(
            "GitLab deployments",
            r#"[{"id":41,"iid":3,"ref":"v2.4.0","sha":"9f3c","created_at":"2024-04-10T15:00:00Z",
             "updated_at":"2024-04-10T16:30:00Z","status":"failed","user":{"username":"dana"},
             "environment":{"id":1,"name":"production"},"deployable":{"tag":true,
             "started_at":"2024-04-10T15:58:30.000Z","finished_at":"2024-04-10T15:59:30Z",
             "commit":{"title":"New login"},"web_url":"https://gitlab.example/acme/api/-/jobs/7"}},
             {"id":40,"iid":2,"ref":"main","sha":"77aa","created_at":"2024-04-10T15:00:00Z",
             "updated_at":"2024-04-10T15:01:00Z","status":"running","user":{"username":"dana"},
             "environment":{"id":1,"name":"production"},"deployable":null}]"#,
        );
        let [running, failed] = markers.changes.as_slice() else {
            panic!("{markers:?}")
        };
        let expected = Change {
            id: "41".to_owned(),
            service: some("api"),
            version: some("v2.4.0"),
            finished_us: Some(DONE),
            author: some("dana"),
            description: some("New login"),
            commit: some("9f3c"),
            environment: some("production"),
            url: some("https://gitlab.example/acme/api/-/jobs/7"),
            status: Some(Status::Failed),
            extra: extra(json!({"ref": "v2.4.0", "iid": 3})),
            ..Change::at(AT)
        };
        assert_eq!(*failed, expected);
        assert_eq!(
            (running.status, running.finished_us),
            (Some(Status::InProgress), None)
        );
        assert_eq!(
            (&running.version, &running.service),
            (&some("77aa"), &some("api"))
        );
    }

    #[test]
    fn a_webhook_dates_the_end_once_there_is_one() {
        let change = only(
            "GitLab webhooks",
            r#"{"object_kind":"deployment","status":"success","deployment_id":15,"environment":"prod",
             "status_changed_at":"2024-04-10 08:58:30 -0700","project":{"name":"api"},
             "short_sha":"9f3c","user":{"username":"dana"},"ref":"main","commit_title":"New login"}"#,
        );
        assert_eq!((change.at_us, change.at_is_end), (AT, true));
        assert_eq!(
            (change.service, change.status),
            (some("api"), Some(Status::Succeeded))
        );
    }
}
