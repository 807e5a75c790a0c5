//! What the stories of all exports are told with.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::super::{Change, Markers, read};

/// 2024-04-10T15:58:30Z in µs, by `date -u -d 2024-04-10T15:58:30Z +%s`.
pub(super) const AT: i64 = 1_712_764_710_000_000;

/// A minute after [`AT`]: 15:59:30.
pub(super) const DONE: i64 = AT + 60_000_000;

/// Reads an export, which must be recognised as `form`.
pub(super) fn told(form: &str, text: &str) -> Markers {
    let markers = read(text.as_bytes(), Path::new("export"), None).unwrap();
    assert_eq!(markers.source, form);
    markers
}

/// The one change of an export.
pub(super) fn only(form: &str, text: &str) -> Change {
    let changes = told(form, text).changes;
    assert_eq!(changes.len(), 1, "{changes:#?}");
    changes.into_iter().next().unwrap()
}

pub(super) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The extra keys, written as a JSON object.
pub(super) fn extra(object: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(object).unwrap()
}

/// The least that each form is recognised by, with times that can be read: one for each row of the
/// table of readers, in its order.
pub(in super::super) const EXAMPLES: &[&str] = &[
    r#"{"commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","date":1712764710,"author":"d",
        "subject":"Revert x","body":"This reverts commit b","files":["a"]}"#,
    r#"[{"id":1,"sha":"a","ref":"v1.0","task":"deploy","statuses_url":"u","created_at":1712764710,
         "repository_url":"https://h/repos/a/b"}]"#,
    r#"[{"deployment_url":"https://h/repos/a/b/deployments/1","state":"success",
         "created_at":1712764710}]"#,
    r#"{"deployment":{"sha":"a","statuses_url":"u","created_at":1712764710,"id":1},
        "deployment_status":{"created_at":1712764770,"state":"error"},"repository":{}}"#,
    r#"[{"tag_name":"v1","published_at":1712764710,"draft":false,"html_url":"https://h/a/b"}]"#,
    r#"[{"iid":1,"sha":"a","ref":"v1","environment":{"name":"p"},"created_at":1712764710,
         "deployable":{"tag":true,"finished_at":1712764770,"web_url":"https://h/a/-/jobs/1"}}]"#,
    r#"{"object_kind":"deployment","status_changed_at":1712764710,"deployment_id":1,
        "project":{"name":"a"},"status":"running"}"#,
    r#"{"metadata":{"name":"a"},"spec":{"destination":{}},"status":{"history":[
        {"revision":"a","deployedAt":1712764710,"id":1,"initiatedBy":{"automated":true}}],
        "operationState":{"phase":"Failed","startedAt":1712764710,"syncResult":{"revision":"b"}}}}"#,
    r#"{"items":[{"kind":"ReplicaSet","metadata":{"name":"a","creationTimestamp":1712764710,
        "annotations":{"deployment.kubernetes.io/revision":"3",
        "deployment.kubernetes.io/revision-history":"1,2"}},"spec":{"template":{"spec":
        {"containers":[{"image":"r:5/a:1@sha256:f","name":"a"}]}}}},
        {"kind":"Deployment","metadata":{"name":"a","creationTimestamp":1712764710,"annotations":
        {"deployment.kubernetes.io/revision":"3"}},"spec":{"template":{}},"status":{"conditions":
        [{"type":"Progressing","lastUpdateTime":1712764770,"reason":"RolloutAborted"}]}}]}"#,
    r#"{"kind":"Event","involvedObject":{"kind":"Deployment","name":"a"},"reason":"ScalingReplicaSet",
        "message":"Scaled up replica set a-1 to 1","metadata":{"namespace":"p"},
        "firstTimestamp":1712764710}"#,
    r#"{"kind":"HelmRelease","status":{"history":[{"name":"a","lastDeployed":1712764710,
        "version":1,"appVersion":"1","action":"upgrade","status":"deployed"}]}}"#,
    r#"{"involvedObject":{"kind":"Kustomization","name":"a"},"reportingController":"k",
        "reason":"UpgradeFailed","timestamp":1712764710,"metadata":{"x/revision":"main@sha1:f"}}"#,
    r#"[{"revision":1,"updated":1712764710,"status":"deployed","chart":"a-1.0"}]"#,
    r#"[{"application":"a","buildTime":1712764710000,"stages":[{"type":"deploy"},{"type":"wait"}],
         "trigger":{"artifacts":[{"type":"docker/image","version":"1"}]},"status":"SUCCEEDED"}]"#,
    r#"[{"version":"a@1","dateCreated":1712764710,"dateReleased":null,"projects":[{"slug":"a"},
         {"slug":"b"}],"lastDeploy":{"dateFinished":1712764770}}]"#,
    r#"[{"environment":"p","dateStarted":1712764710,"dateFinished":1712764770,"id":"1"}]"#,
    r#"[{"time":1712764710000,"timeEnd":1712764770000,"text":"x","tags":["service:a","deploy"],
         "dashboardId":1}]"#,
    r#"{"what":"x","when":1712764710,"tags":"deploy prod"}"#,
    r#"{"data":{"attributes":{"started_at":1712764710,"service":"a","git":{"commit_sha":"a"}}}}"#,
    r#"{"event":{"date_happened":1712764710,"title":"x","tags":["a:b"]}}"#,
    r#"{"data":[{"attributes":{"timestamp":1712764710,"attributes":{"title":"x",
        "changed_resource":{"type":"feature_flag"}}}}]}"#,
    r#"{"deployments":[{"revision":"1","timestamp":1712764710,"links":{"application":1}}]}"#,
    r#"[{"start_time":1712764710,"created_at":1712764710,"updated_at":1712764710,"type":"deploy"}]"#,
    r#"{"change_events":[{"type":"change_event","summary":"x","timestamp":1712764710,
        "custom_details":{"version":"1"},"services":[{"summary":"a"}]}]}"#,
    r#"{"items":[{"_id":"1","_accountId":"1","kind":"flag","titleVerb":"x","date":1712764710000,
        "accesses":[{"resource":"proj/a:env/b:flag/c"}],"_links":{"site":{"href":"/a/b/c"}}}]}"#,
    r#"[{"version":1,"slug":null,"user":{"email":"e"},"created_at":1712764710,
         "description":"Deploy a"}]"#,
    r#"{"deploymentInfo":{"deploymentId":"d-1","createTime":1712764710.5,
        "revision":{"s3Location":{"eTag":"\"a\""}}}}"#,
    r#"{"deployments":["d-1"]}"#,
    r#"{"serviceDeployments":[{"serviceDeploymentArn":"a/b","serviceArn":"a/c",
        "startedAt":1712764710,"rollback":{"startedAt":1712764770}}]}"#,
    r#"{"services":[{"serviceArn":"a/b","deployments":[{"id":"x/1","createdAt":1712764710,
        "updatedAt":1712764770,"rolloutState":"COMPLETED"}]}]}"#,
    r#"{"number":1,"timestamp":1712764710000,"result":"SUCCESS","duration":60000,"actions":[
        {"parameters":[{"name":"version","value":"1"}]}],"changeSet":{"items":[{"commitId":"a",
        "affectedPaths":["a"]}]},"url":"https://h/job/a/1/"}"#,
    r#"{"context":{"type":"dev.cdevents.service.deployed.0.1.0","timestamp":1712764710},
        "subject":{"id":"a","content":{"artifactId":"pkg:oci/a@sha256%3Af?tag=1"}}}"#,
    r#"{"created_at":1712764710,"local_username":"d","repository":"a/b","revision":"1"}"#,
];

#[test]
fn every_form_is_recognised_by_its_row_and_by_no_other() {
    assert_eq!(EXAMPLES.len(), super::EXPORTS.len());
    for (example, export) in EXAMPLES.iter().zip(super::EXPORTS) {
        let value: Value = serde_json::from_str(example).unwrap();
        let values = if let Value::Array(list) = value {
            list
        } else {
            vec![value]
        };
        let rows = super::EXPORTS
            .iter()
            .filter(|row| super::entries_of(row, &values[0]).is_some());
        let names: Vec<&str> = rows.map(|row| row.name).collect();
        assert_eq!(names, [export.name], "{example}");
    }
}
