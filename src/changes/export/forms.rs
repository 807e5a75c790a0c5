//! Systems whose keys nearly speak for themselves: a row each, with what the keys alone would not
//! tell. The rest of an entry is read as that of any unknown export is, by `keys`.

use serde_json::Value;

use super::super::native::{Form, PLAIN};
use super::super::words;
use super::{Export, Kind, Read, has};

/// A row whose entries lie at the top, or in whatever list wraps them.
const fn row(name: &'static str, is: fn(&Value) -> bool, form: &'static Form) -> Export {
    Export {
        name,
        lies_at: &[""],
        is,
        read: Read::Keys(form),
    }
}

/// The rows, in the order in which they are tried.
pub(super) const ALL: [&Export; 23] = [
    // https://learn.microsoft.com/en-us/rest/api/azure/devops/release/deployments/list
    &row(
        "Azure DevOps deployments",
        |v| has(v, &["/deploymentStatus", "/releaseEnvironment", "/release"]),
        &Form {
            version: &["/release/name"],
            status: &["/deploymentStatus"],
            is_none: |v| {
                (v.pointer("/deploymentStatus")? == "notDeployed").then_some("unbegun deployment")
            },
            ..PLAIN
        },
    ),
    // https://learn.microsoft.com/en-us/rest/api/azure/devops/build/builds/list
    &row(
        "Azure DevOps builds",
        |v| has(v, &["/buildNumber", "/queueTime", "/definition"]),
        &PLAIN,
    ),
    // https://developer.atlassian.com/cloud/bitbucket/rest/api-group-deployments/
    &row(
        "Bitbucket deployments",
        |v| has(v, &["/state/type", "/environment", "/release"]) && has(v, &["/deployable"]),
        &Form {
            begins: &[
                "/state/started_on",
                "/state/start_date",
                "/last_update_time",
            ],
            ends: &["/state/completed_on", "/state/completion_date"],
            status: &["/state/status/name", "/state/name"],
            version: &["/release/name"],
            commit: &["/release/commit/hash", "/deployable/commit/hash"],
            author: &["/state/deployer/display_name"],
            ..PLAIN
        },
    ),
    // https://circleci.com/docs/api/v2/
    &row(
        "CircleCI workflows",
        |v| has(v, &["/pipeline_id", "/project_slug", "/stopped_at"]),
        &CI,
    ),
    &row(
        "CircleCI pipelines",
        |v| has(v, &["/project_slug", "/trigger", "/vcs"]),
        &PLAIN,
    ),
    // https://docs.github.com/en/rest/actions/workflow-runs
    &row(
        "GitHub Actions runs",
        |v| {
            has(v, &["/head_sha", "/run_number", "/workflow_id"])
                || (has(v, &["/headSha", "/createdAt"])
                    && (has(v, &["/workflowName"]) || has(v, &["/displayTitle"])))
        },
        &Form {
            begins: &["/run_started_at", "/startedAt"],
            ends: &["/updated_at", "/updatedAt"],
            ..CI
        },
    ),
    // https://buildkite.com/docs/apis/rest-api/builds
    &row(
        "Buildkite builds",
        |v| has(v, &["/number", "/state", "/pipeline", "/scheduled_at"]),
        &PLAIN,
    ),
    // https://octopus.com/docs/octopus-rest-api
    &row(
        "Octopus deployments",
        |v| {
            has(v, &["/EnvironmentId", "/ProjectId", "/Created"])
                || has(v, &["/EnvironmentName", "/ProjectName", "/ReleaseVersion"])
        },
        &Form {
            service: &["/ProjectName", "/ProjectId"],
            version: &["/ReleaseVersion", "/ReleaseId"],
            environment: &["/EnvironmentName", "/EnvironmentId"],
            ..PLAIN
        },
    ),
    // https://apidocs.harness.io/tag/Pipeline-Execution-Details
    &row(
        "Harness executions",
        |v| has(v, &["/pipelineIdentifier", "/planExecutionId", "/startTs"]),
        &PLAIN,
    ),
    // https://vercel.com/docs/rest-api/endpoints/deployments
    &row(
        "Vercel deployments",
        |v| {
            has(v, &["/uid", "/name", "/created"])
                && (has(v, &["/state"]) || has(v, &["/readyState"]))
        },
        &Form {
            begins: &["/buildingAt", "/createdAt", "/created"],
            ends: &["/ready"],
            service: &["/name"],
            commit: &["/meta/githubCommitSha", "/meta/gitlabCommitSha"],
            ..PLAIN
        },
    ),
    // https://open-api.netlify.com/#tag/deploy
    &row(
        "Netlify deploys",
        |v| has(v, &["/site_id", "/deploy_url", "/state"]),
        &Form {
            service: &["/name"],
            ..PLAIN
        },
    ),
    // https://api-docs.render.com/reference/list-deploys
    &row(
        "Render deploys",
        |v| has(v, &["/deploy/status", "/deploy/commit"]),
        &PLAIN,
    ),
    // https://fly.io/docs/flyctl/releases/
    &row(
        "Fly.io releases",
        |v| {
            has(v, &["/ImageRef", "/Version", "/CreatedAt"])
                || has(v, &["/imageRef", "/version", "/createdAt"])
        },
        &PLAIN,
    ),
    // https://cloud.google.com/run/docs/reference/rest/v1/namespaces.revisions
    &row(
        "Cloud Run revisions",
        |v| {
            v.pointer("/metadata/labels/serving.knative.dev~1service")
                .is_some()
        },
        &Form {
            begins: &["/metadata/creationTimestamp"],
            service: &["/metadata/labels/serving.knative.dev~1service"],
            version: &["/metadata/name"],
            author: &["/metadata/annotations/serving.knative.dev~1creator"],
            ..PLAIN
        },
    ),
    // https://cloud.google.com/sdk/gcloud/reference/app/versions/list
    &row(
        "App Engine versions",
        |v| {
            has(v, &["/id", "/service"])
                && (has(v, &["/version/createTime"]) || has(v, &["/last_deployed_time"]))
        },
        &Form {
            begins: &[
                "/version/createTime",
                "/last_deployed_time/datetime",
                "/last_deployed_time",
            ],
            version: &["/id"],
            author: &["/version/createdBy"],
            environment: &["/project"],
            status: &["/version/servingStatus"],
            ..PLAIN
        },
    ),
    // https://developer.hashicorp.com/terraform/cloud-docs/api-docs/run
    &row(
        "Terraform runs",
        |v| has(v, &["/attributes/status-timestamps", "/attributes/status"]),
        &Form {
            kind: Some(Kind::Infra),
            begins: &[
                "/attributes/status-timestamps/applying-at",
                "/attributes/status-timestamps/applied-at",
                "/attributes/created-at",
            ],
            ends: &[
                "/attributes/status-timestamps/applied-at",
                "/attributes/status-timestamps/errored-at",
            ],
            is_none: |v| {
                let is_empty = v.pointer("/attributes/has-changes") == Some(&Value::Bool(false));
                let is_plan = v.pointer("/attributes/status")? == "planned_and_finished";
                (is_empty || is_plan).then_some("empty run")
            },
            ..PLAIN
        },
    ),
    // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    &row(
        "CloudTrail events",
        |v| has(v, &["/eventName", "/eventSource", "/eventTime"]),
        &Form {
            begins: &["/eventTime"],
            service: &[
                "/requestParameters/service",
                "/requestParameters/functionName",
                "/requestParameters/applicationName",
                "/requestParameters/stackName",
                "/requestParameters/dBInstanceIdentifier",
                "/requestParameters/autoScalingGroupName",
            ],
            version: &["/requestParameters/taskDefinition"],
            author: &["/userIdentity/userName", "/userIdentity/arn"],
            description: &["/eventName"],
            environment: &["/requestParameters/cluster"],
            status: &["/errorCode"],
            is_none: |v| {
                let reads = v.pointer("/readOnly").is_some_and(|read| {
                    read.as_bool() == Some(true) || read.as_str() == Some("true")
                });
                reads.then_some("event that only reads")
            },
            ..PLAIN
        },
    ),
    // https://docs.docker.com/reference/cli/docker/system/events/
    &row(
        "Docker events",
        |v| has(v, &["/Type", "/Action", "/Actor/Attributes"]),
        &Form {
            begins: &["/timeNano", "/time"],
            version: &["/Actor/Attributes/image"],
            service: &[
                "/Actor/Attributes/com.docker.swarm.service.name",
                "/Actor/Attributes/com.docker.compose.service",
                "/Actor/Attributes/name",
            ],
            is_none: |v| {
                let starts = v.pointer("/Type")? == "container" && v.pointer("/Action")? == "start";
                (!starts).then_some("other event")
            },
            ..PLAIN
        },
    ),
    // https://docs.getunleash.io/reference/api/unleash/get-events
    &row(
        "Unleash events",
        |v| has(v, &["/type", "/createdAt", "/featureName", "/createdBy"]),
        &FLAG,
    ),
    // https://configcat.com/docs/api/reference/get-auditlogs/
    &row(
        "ConfigCat audit log",
        |v| has(v, &["/auditLogId", "/auditLogDateTime"]),
        &FLAG,
    ),
    // https://docs.split.io/reference/audit-logs-overview
    &row(
        "Split audit log",
        |v| has(v, &["/objectType", "/objectName", "/title"]),
        &Form {
            author: &["/editor/name", "/editor/email"],
            ..FLAG
        },
    ),
    // https://docs.flagsmith.com/system-administration/audit-logs
    &row(
        "Flagsmith audit log",
        |v| has(v, &["/log", "/created_date", "/related_object_type"]),
        &Form {
            author: &["/author/email"],
            ..FLAG
        },
    ),
    // https://developer.statuspage.io/#tag/incidents
    &row(
        "Statuspage incidents",
        |v| has(v, &["/incident_updates", "/impact"]),
        &Form {
            kind: Some(Kind::Infra),
            begins: &["/scheduled_for", "/started_at"],
            ends: &["/scheduled_until", "/resolved_at"],
            is_none: |v| {
                v.pointer("/scheduled_for")
                    .filter(|t| !t.is_null())
                    .is_none()
                    .then_some("incident")
            },
            description: &["/name"],
            ..PLAIN
        },
    ),
];

const FLAG: Form = Form {
    kind: Some(Kind::Flag),
    ..PLAIN
};

/// Runs of a CI system: those that only test change nothing.
const CI: Form = Form {
    description: &["/display_title", "/displayTitle"],
    is_none: |v| {
        let named = ["/name", "/workflowName", "/path"]
            .iter()
            .filter_map(|p| v.pointer(p)?.as_str());
        let tests_only = named
            .clone()
            .any(|name| words::tests(name) && words::kind(name).is_none());
        tests_only.then_some("test run")
    },
    ..PLAIN
};

#[cfg(test)]
mod tests;
