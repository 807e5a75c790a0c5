//! AWS CodeDeploy: deployments.
//! <https://docs.aws.amazon.com/codedeploy/latest/APIReference/API_DeploymentInfo.html>

use super::super::Kind;
use super::super::entry::{Entry, Reader, set_status};
use super::{Change, Export, Read, has};
use crate::error::{Error, Result};

/// `aws deploy get-deployment`, `aws deploy batch-get-deployments`.
pub(super) const DEPLOYMENTS: Export = Export {
    name: "CodeDeploy deployments",
    lies_at: &["/deploymentInfo", "/deploymentsInfo"],
    is: |v| has(v, &["/deploymentId", "/createTime"]),
    read: Read::Each(deployment),
};

/// `aws deploy list-deployments`: ids, and nothing else.
pub(super) const IDS: Export = Export {
    name: "CodeDeploy deployment ids",
    lies_at: &["/deployments"],
    is: |v| v.as_str().is_some_and(|id| id.starts_with("d-")),
    read: Read::All(|entries, _| {
        let ids: Vec<&str> = entries
            .iter()
            .filter_map(|e| e.value.as_str())
            .take(25)
            .collect();
        Err(
            Error::data("a list of CodeDeploy deployments has ids, but no times").hint(format!(
                "export them with `aws deploy batch-get-deployments --deployment-ids {}`",
                ids.join(" ")
            )),
        )
    }),
};

fn deployment(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let begins = ["/startTime", "/createTime"];
    let mut change = reader.change(entry, &begins, &["/completeTime"])?;
    change.id = entry.text(&["/deploymentId"]).unwrap_or_default();
    change.service = entry.text(&["/applicationName"]);
    change.commit = entry.text(&["/revision/gitHubLocation/commitId"]);
    let version = ["/revision/s3Location/version", "/revision/s3Location/eTag"];
    // An ETag is quoted inside its text (RFC 9110 §8.8.3).
    let version = entry
        .text(&version)
        .map(|tag| tag.trim_matches('"').to_owned());
    change.version = version.or_else(|| change.commit.clone());
    change.environment = entry.text(&["/deploymentGroupName"]);
    change.description = entry.text(&["/description", "/errorInformation/message"]);
    let undone = ["/rollbackInfo/rollbackTriggeringDeploymentId"];
    change.rollback_of = entry.text(&undone);
    change.kind = match entry.text(&["/creator"]).as_deref() {
        Some("codeDeployRollback") => Kind::Rollback,
        Some("autoscaling" | "codeDeployAutoUpdate") => Kind::Infra,
        _ if change.rollback_of.is_some() => Kind::Rollback,
        _ => Kind::Deploy,
    };
    set_status(&mut change, entry.text(&["/status"]));
    entry.keep(
        &mut change,
        &[
            "/creator",
            "/deploymentConfigName",
            "/errorInformation/code",
        ],
    );
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Status;
    use super::super::story::{AT, DONE, extra, only, some, told};
    use super::*;

    #[test]
    fn a_deployment_that_failed_and_its_automatic_rollback() {
        let markers = told(
            "CodeDeploy deployments",
            r#"{"deploymentsInfo":[{"deploymentId":"d-2","applicationName":"api","status":"Succeeded",
              "deploymentGroupName":"prod","creator":"codeDeployRollback","createTime":1712764770.25,
              "rollbackInfo":{"rollbackTriggeringDeploymentId":"d-1"},
              "revision":{"gitHubLocation":{"repository":"acme/api","commitId":"77aa"}}},
             {"deploymentId":"d-1","applicationName":"api","deploymentGroupName":"prod",
              "status":"Failed","creator":"user","createTime":"2024-04-10T15:58:30.000Z",
              "completeTime":"2024-04-10T15:59:30Z","revision":{"s3Location":{"key":"api.zip",
              "eTag":"\"9f3c\""}},"errorInformation":{"code":"HEALTH","message":"no hosts"}}]}"#,
        );
        let failed = Change {
            id: "d-1".to_owned(),
            service: some("api"),
            version: some("9f3c"),
            finished_us: Some(DONE),
            description: some("no hosts"),
            environment: some("prod"),
            status: Some(Status::Failed),
            extra: extra(json!({"creator": "user", "code": "HEALTH"})),
            ..Change::at(AT)
        };
        let rollback = Change {
            id: "d-2".to_owned(),
            kind: Kind::Rollback,
            service: some("api"),
            version: some("77aa"),
            commit: some("77aa"),
            rollback_of: some("d-1"),
            environment: some("prod"),
            status: Some(Status::Succeeded),
            extra: extra(json!({"creator": "codeDeployRollback"})),
            ..Change::at(DONE + 250_000)
        };
        assert_eq!(markers.changes, [failed, rollback]);
        let one = r#"{"deploymentInfo":{"deploymentId":"d-3","createTime":1712764710,
                      "creator":"autoscaling","status":"Stopped"}}"#;
        let one = only("CodeDeploy deployments", one);
        assert_eq!(
            (one.kind, one.status),
            (Kind::Infra, Some(Status::Cancelled))
        );
    }

    #[test]
    fn ids_alone_are_refused_with_the_command_that_helps() {
        let list = br#"{"deployments":["d-1","d-2"]}"#;
        let path = std::path::Path::new("list.json");
        let error = super::super::super::read(list, path, None).unwrap_err();
        assert_eq!(
            error.hint_text(),
            Some("export them with `aws deploy batch-get-deployments --deployment-ids d-1 d-2`")
        );
    }
}
