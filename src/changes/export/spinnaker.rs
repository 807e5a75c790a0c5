//! Spinnaker: executions of pipelines.
//! <https://spinnaker.io/docs/reference/api/docs.html>

use serde_json::Value;

use super::super::Kind;
use super::super::entry::{Entry, Reader, set_status, text};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /applications/{application}/pipelines`.
pub(super) const EXECUTIONS: Export = Export {
    name: "Spinnaker executions",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &[
                "/application",
                "/buildTime",
                "/stages",
                "/trigger",
                "/status",
            ],
        )
    },
    read: Read::All(|entries, reader| {
        let changes = entries.iter().filter(|entry| !only_prepares(entry));
        let changes: Result<Vec<Change>> = changes.map(|e| execution(*e, reader)).collect();
        let idle = entries.iter().filter(|entry| only_prepares(entry)).count();
        reader.left_out(idle, "execution without a deploying stage");
        changes
    }),
};

/// Beginnings of the types of stages that change nothing that runs.
const PREPARING: [&str; 9] = [
    "wait",
    "bake",
    "findImage",
    "findArtifact",
    "bindArtifact",
    "manualJudgment",
    "checkPreconditions",
    "evaluateVariables",
    "monitorCanary",
];

fn stage_types<'a>(entry: &Entry<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    entry
        .list("/stages")
        .iter()
        .filter_map(|stage| stage.pointer("/type")?.as_str())
}

fn only_prepares(entry: &Entry<'_>) -> bool {
    let prepares = |stage: &str| PREPARING.iter().any(|prefix| stage.starts_with(prefix));
    stage_types(entry).next().is_some() && stage_types(entry).all(prepares)
}

fn execution(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/startTime", "/buildTime"], &["/endTime"])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.service = entry.text(&["/application"]);
    let named = entry.text(&["/trigger/tag", "/trigger/parameters/version"]);
    change.version = named.or_else(|| image_of(entry));
    let users = ["/trigger/user", "/authentication/user"]
        .iter()
        .filter_map(|p| entry.text(&[p]));
    change.author = users.into_iter().find(|user| !user.contains("anonymous"));
    change.description = entry.text(&["/name"]);
    change.commit = entry.text(&["/trigger/hash", "/trigger/buildInfo/scm/0/sha1"]);
    change.environment = entry.list("/stages").iter().find_map(|stage| {
        ["/context/account", "/context/credentials"]
            .iter()
            .find_map(|p| text(stage.pointer(p)?))
    });
    if stage_types(&entry).any(|stage| stage.starts_with("rollback") || stage.starts_with("undo")) {
        change.kind = Kind::Rollback;
    }
    set_status(&mut change, entry.text(&["/status"]));
    Ok(change)
}

/// The version of the image that triggered the execution.
fn image_of(entry: Entry<'_>) -> Option<String> {
    let is_image = |artifact: &&Value| {
        artifact
            .pointer("/type")
            .is_some_and(|t| t == "docker/image")
    };
    let image = entry.list("/trigger/artifacts").iter().find(is_image)?;
    text(image.pointer("/version")?)
}

#[cfg(test)]
mod tests {
    use super::super::super::Status;
    use super::super::story::{AT, DONE, some, told};
    use super::*;

    #[test]
    fn an_execution_that_deploys_and_one_that_only_bakes() {
        let execution = |id: &str, stage: &str, status: &str| {
            format!(
                r#"{{"id":"{id}","application":"api","name":"to prod","buildTime":1712764700000,
                "startTime":1712764710000,"endTime":1712764770000,"status":"{status}",
                "authentication":{{"user":"dana"}},"stages":[{{"type":"wait"}},{{"type":"{stage}",
                "context":{{"account":"prod"}}}}],"trigger":{{"user":"[anonymous]","artifacts":
                [{{"type":"docker/image","version":"2.4.0"}}]}}}}"#
            )
        };
        let list = [
            execution("E1", "deployManifest", "TERMINAL"),
            execution("E2", "bakeManifest", "SUCCEEDED"),
            execution("E3", "rollbackCluster", "CANCELED"),
        ];
        let markers = told("Spinnaker executions", &format!("[{}]", list.join(",")));
        let failed = Change {
            id: "E1".to_owned(),
            service: some("api"),
            version: some("2.4.0"),
            finished_us: Some(DONE),
            author: some("dana"),
            description: some("to prod"),
            environment: some("prod"),
            status: Some(Status::Failed),
            ..Change::at(AT)
        };
        let cancelled = Change {
            id: "E3".to_owned(),
            kind: Kind::Rollback,
            status: Some(Status::Cancelled),
            ..failed.clone()
        };
        assert_eq!(markers.changes, [failed, cancelled]);
        assert_eq!(
            markers.notes,
            ["1 execution without a deploying stage is left out"]
        );
    }
}
