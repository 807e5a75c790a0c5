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

fn deployment(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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
