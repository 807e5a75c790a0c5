//! Argo CD: the history of applications, and the sync under way or failed, which is not in it.
//! <https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml>

use super::super::entry::{Entry, Reader, set_status};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `argocd app get -o json`, `kubectl get applications -o json`.
pub(super) const APPLICATIONS: Export = Export {
    name: "Argo CD applications",
    lies_at: &["", "/items"],
    is: |v| {
        has(
            v,
            &["/metadata/name", "/spec/destination", "/status/history"],
        )
    },
    read: Read::All(|entries, reader| {
        let mut changes = Vec::new();
        for application in entries {
            for sync in application.list("/status/history") {
                changes.push(synced(*application, application.part(sync), reader)?);
            }
            changes.extend(unfinished(*application, reader)?);
        }
        Ok(changes)
    }),
};

fn synced(application: Entry<'_>, sync: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(sync, &["/deployStartedAt"], &["/deployedAt"])?;
    describe(&mut change, application);
    let name = change.service.clone().unwrap_or_default();
    change.id = format!("{name}#{}", sync.text(&["/id"]).unwrap_or_default());
    brought(&mut change, sync);
    let by_itself = sync
        .get("/initiatedBy/automated")
        .is_some_and(|v| v == true);
    let automated = by_itself.then(|| "automated".to_owned());
    change.author = sync.text(&["/initiatedBy/username"]).or(automated);
    set_status(&mut change, Some("succeeded".to_owned()));
    sync.keep(
        &mut change,
        &["/source/repoURL", "/source/path", "/source/targetRevision"],
    );
    Ok(change)
}

/// The last sync, unless it succeeded: then it is in the history.
fn unfinished(application: Entry<'_>, reader: &mut Reader) -> Result<Option<Change>> {
    let Some(state) = application.get("/status/operationState") else {
        return Ok(None);
    };
    let state = application.part(state);
    let phase = state.text(&["/phase"]).unwrap_or_default();
    if !matches!(
        phase.as_str(),
        "Running" | "Failed" | "Error" | "Terminating"
    ) {
        return Ok(None);
    }
    let mut change = reader.change(state, &["/startedAt"], &["/finishedAt"])?;
    describe(&mut change, application);
    brought(
        &mut change,
        state
            .get("/syncResult")
            .map_or(state, |result| state.part(result)),
    );
    change.author = state.text(&["/operation/initiatedBy/username"]);
    change.description = state.text(&["/message"]);
    set_status(&mut change, Some(phase));
    Ok(Some(change))
}

fn describe(change: &mut Change, application: Entry<'_>) {
    change.service = application.text(&["/metadata/name"]);
    change.environment = application.text(&["/spec/destination/namespace"]);
}

/// A chart's revision is its version; that of a Git source is a commit.
fn brought(change: &mut Change, sync: Entry<'_>) {
    change.version = sync.text(&["/revision", "/revisions/0"]);
    let is_chart = sync
        .get("/source/chart")
        .or_else(|| sync.get("/sources/0/chart"))
        .is_some();
    if !is_chart {
        change.commit.clone_from(&change.version);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Status;
    use super::super::story::{AT, DONE, extra, some, told};
    use super::*;

    #[test]
    fn the_history_of_an_application_and_the_sync_that_failed_since() {
        let markers = told(
            "Argo CD applications",
            r#"{"metadata":{"name":"api"},"spec":{"destination":{"namespace":"shop"}},"status":{
             "history":[{"revision":"9f3c","deployStartedAt":"2024-04-10T15:58:30Z",
              "deployedAt":"2024-04-10T15:59:30Z","id":4,"initiatedBy":{"username":"dana"},
              "source":{"repoURL":"https://git.example/acme/infra","path":"api"}},
              {"revision":"1.2.3","deployedAt":"2024-04-10T15:59:30Z","id":5,
              "source":{"chart":"api"},"initiatedBy":{"automated":true}}],
             "operationState":{"phase":"Failed","startedAt":"2024-04-10T16:00:00Z",
              "finishedAt":"2024-04-10T16:00:05Z","message":"one or more objects failed to apply",
              "syncResult":{"revision":"77aa"}}}}"#,
        );
        let [git, chart, failed] = markers.changes.as_slice() else {
            panic!("{markers:?}")
        };
        let expected = Change {
            id: "api#4".to_owned(),
            service: some("api"),
            version: some("9f3c"),
            commit: some("9f3c"),
            finished_us: Some(DONE),
            author: some("dana"),
            environment: some("shop"),
            status: Some(Status::Succeeded),
            extra: extra(json!({"repoURL": "https://git.example/acme/infra", "path": "api"})),
            ..Change::at(AT)
        };
        assert_eq!(*git, expected);
        assert_eq!((chart.at_us, chart.at_is_end), (DONE, true));
        assert_eq!((&chart.version, &chart.commit), (&some("1.2.3"), &None));
        assert_eq!(chart.author, some("automated"));
        assert_eq!(
            (failed.status, &failed.version),
            (Some(Status::Failed), &some("77aa"))
        );
        assert_eq!(
            failed.description,
            some("one or more objects failed to apply")
        );
    }
}
