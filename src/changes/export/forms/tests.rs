//! A story for each row, and for systems that need none: one entry of the shape that the vendor
//! documents, and what a person reads in it.

use super::super::super::{Change, Kind, Status};
use super::super::story::{AT, DONE, some, told};

/// What is expected of an entry: the rest is free.
struct Expected {
    form: &'static str,
    kind: Kind,
    service: Option<&'static str>,
    version: Option<&'static str>,
    commit: Option<&'static str>,
    author: Option<&'static str>,
    description: Option<&'static str>,
    environment: Option<&'static str>,
    status: Option<Status>,
    finished: bool,
}

const NOTHING: Expected = Expected {
    form: "JSON",
    kind: Kind::Deploy,
    service: None,
    version: None,
    commit: None,
    author: None,
    description: None,
    environment: None,
    status: None,
    finished: false,
};

const DONE_WELL: Expected = Expected {
    status: Some(Status::Succeeded),
    finished: true,
    ..NOTHING
};

/// Each begins at 15:58:30Z and, where it ends, ends at 15:59:30Z.
fn stories() -> Vec<(&'static str, Expected)> {
    vec![
        (
            r#"{"count":1,"value":[{"id":12,"release":{"id":5,"name":"Release-18"},
             "releaseDefinition":{"id":1,"name":"api"},"releaseEnvironment":{"name":"Production"},
             "deploymentStatus":"succeeded","operationStatus":"Approved","reason":"manual",
             "requestedBy":{"displayName":"Dana","uniqueName":"dana@example.com"},
             "queuedOn":"2024-04-10T15:57:00.123Z","startedOn":"2024-04-10T15:58:30Z",
             "completedOn":"2024-04-10T15:59:30Z"}]}"#,
            Expected {
                form: "Azure DevOps deployments",
                service: Some("api"),
                version: Some("Release-18"),
                author: Some("Dana"),
                environment: Some("Production"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"values":[{"type":"deployment","uuid":"{d}","key":"k","environment":{"name":"Production"},
             "state":{"type":"deployment_state_completed","name":"COMPLETED",
             "status":{"name":"FAILED"},"started_on":"2024-04-10T15:58:30Z",
             "completed_on":"2024-04-10T15:59:30Z"},"deployable":{"name":"x"},
             "release":{"name":"42","commit":{"hash":"9f3c51ad"}},
             "last_update_time":"2024-04-10T15:59:31Z"}]}"#,
            Expected {
                form: "Bitbucket deployments",
                version: Some("42"),
                commit: Some("9f3c51ad"),
                environment: Some("Production"),
                status: Some(Status::Failed),
                ..DONE_WELL
            },
        ),
        (
            r#"{"items":[{"pipeline_id":"p","id":"w","name":"deploy-prod","project_slug":"gh/acme/api",
             "status":"success","created_at":"2024-04-10T15:58:30Z",
             "stopped_at":"2024-04-10T15:59:30Z"},{"pipeline_id":"p","id":"x","name":"unit-tests",
             "project_slug":"gh/acme/api","status":"success","created_at":"2024-04-10T15:50:30Z",
             "stopped_at":"2024-04-10T15:55:30Z"}],"next_page_token":null}"#,
            Expected {
                form: "CircleCI workflows",
                service: Some("api"),
                description: Some("deploy-prod"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"workflow_runs":[{"id":1,"name":"Deploy","head_sha":"9f3c51ad","run_number":5,
             "display_title":"New login","status":"completed","conclusion":"failure",
             "workflow_id":9,"created_at":"2024-04-10T15:58:00Z",
             "run_started_at":"2024-04-10T15:58:30Z","updated_at":"2024-04-10T15:59:30Z",
             "actor":{"login":"dana"},"repository":{"name":"api"}},{"id":2,"name":"CI","head_sha":"b",
             "run_number":6,"workflow_id":8,"status":"completed","conclusion":"success",
             "created_at":"2024-04-10T15:58:00Z"}],"total_count":2}"#,
            Expected {
                form: "GitHub Actions runs",
                service: Some("api"),
                commit: Some("9f3c51ad"),
                author: Some("dana"),
                description: Some("New login"),
                status: Some(Status::Failed),
                ..DONE_WELL
            },
        ),
        (
            r#"[{"id":"b1","number":7,"state":"passed","message":"Deploy 2.4.0","commit":"9f3c51ad",
             "author":{"name":"Dana"},"created_at":"2024-04-10T15:57:30Z",
             "scheduled_at":"2024-04-10T15:57:31Z","started_at":"2024-04-10T15:58:30Z",
             "finished_at":"2024-04-10T15:59:30Z","pipeline":{"name":"The API","slug":"api"},
             "jobs":[{"started_at":"2024-04-10T15:58:31Z"}]}]"#,
            Expected {
                form: "Buildkite builds",
                service: Some("api"),
                commit: Some("9f3c51ad"),
                author: Some("Dana"),
                description: Some("Deploy 2.4.0"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"Items":[{"Id":"Deployments-7","ProjectId":"Projects-1","EnvironmentId":"Environments-1",
             "ReleaseVersion":"1.0.1","Created":"2024-04-10T15:58:00Z",
             "StartTime":"2024-04-10T15:58:30+00:00","CompletedTime":"2024-04-10T15:59:30Z",
             "State":"Success"}]}"#,
            Expected {
                form: "Octopus deployments",
                service: Some("Projects-1"),
                version: Some("1.0.1"),
                environment: Some("Environments-1"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"status":"SUCCESS","data":{"content":[{"pipelineIdentifier":"deploy_api",
             "planExecutionId":"x","name":"Deploy api","status":"Failed","startTs":1712764710000,
             "endTs":1712764770000,"moduleInfo":{"cd":{"serviceIdentifiers":["api"],
             "envIdentifiers":["prod"]}},"executionTriggerInfo":{"triggeredBy":
             {"identifier":"dana"}}}]}}"#,
            Expected {
                form: "Harness executions",
                service: Some("api"),
                author: Some("dana"),
                description: Some("Deploy api"),
                environment: Some("prod"),
                status: Some(Status::Failed),
                ..DONE_WELL
            },
        ),
        (
            r#"{"deployments":[{"uid":"dpl_1","name":"web","url":"web.example","created":1712764710000,
             "state":"READY","type":"LAMBDAS","creator":{"username":"dana"},"target":"production",
             "meta":{"githubCommitSha":"9f3c51ad","githubCommitMessage":"New login"},
             "ready":1712764770000}],"pagination":{"count":1}}"#,
            Expected {
                form: "Vercel deployments",
                service: Some("web"),
                commit: Some("9f3c51ad"),
                author: Some("dana"),
                description: Some("New login"),
                environment: Some("production"),
                ..DONE_WELL
            },
        ),
        (
            r#"[{"id":"n1","site_id":"s","state":"ready","name":"web","deploy_url":"u",
             "created_at":"2024-04-10T15:57:30Z","published_at":"2024-04-10T15:58:30Z",
             "commit_ref":"9f3c51ad","title":"New login","context":"production",
             "committer":"dana"}]"#,
            Expected {
                form: "Netlify deploys",
                service: Some("web"),
                commit: Some("9f3c51ad"),
                author: Some("dana"),
                description: Some("New login"),
                environment: Some("production"),
                finished: false,
                ..DONE_WELL
            },
        ),
        (
            r#"[{"deploy":{"id":"dep-1","commit":{"id":"9f3c51ad","message":"New login",
             "createdAt":"2024-04-10T10:00:00Z"},"status":"live","createdAt":"2024-04-10T15:58:30Z",
             "finishedAt":"2024-04-10T15:59:30Z"},"cursor":"abc"}]"#,
            Expected {
                form: "Render deploys",
                commit: Some("9f3c51ad"),
                description: Some("New login"),
                ..DONE_WELL
            },
        ),
        (
            r#"[{"ID":"f1","Version":12,"Description":"Deploy image","Status":"succeeded",
             "User":{"Name":"Dana"},"CreatedAt":"2024-04-10T15:58:30Z",
             "ImageRef":"registry.fly.io/api:deployment-01H"}]"#,
            Expected {
                form: "Fly.io releases",
                service: Some("api"),
                version: Some("12"),
                author: Some("Dana"),
                description: Some("Deploy image"),
                finished: false,
                ..DONE_WELL
            },
        ),
        (
            r#"[{"apiVersion":"serving.knative.dev/v1","kind":"Revision","metadata":{"name":"api-00012",
             "creationTimestamp":"2024-04-10T15:58:30Z","labels":{"serving.knative.dev/service":"api"},
             "annotations":{"serving.knative.dev/creator":"dana@example.com"}}}]"#,
            Expected {
                form: "Cloud Run revisions",
                service: Some("api"),
                version: Some("api-00012"),
                author: Some("dana@example.com"),
                ..NOTHING
            },
        ),
        (
            r#"[{"id":"20240410t155830","service":"web","version":{"createTime":"2024-04-10T15:58:30Z",
             "createdBy":"dana@example.com","servingStatus":"SERVING"},"traffic_split":1.0}]"#,
            Expected {
                form: "App Engine versions",
                service: Some("web"),
                version: Some("20240410t155830"),
                author: Some("dana@example.com"),
                finished: false,
                ..DONE_WELL
            },
        ),
        (
            r#"{"Versions":[{"FunctionName":"api","FunctionArn":"arn:aws:lambda:x","Version":"12",
             "LastModified":"2024-04-10T15:58:30.000+0000","Description":"new login"}]}"#,
            Expected {
                service: Some("api"),
                version: Some("12"),
                description: Some("new login"),
                ..NOTHING
            },
        ),
        (
            r#"{"pipelineExecutionSummaries":[{"pipelineExecutionId":"e1","status":"Succeeded",
             "startTime":"2024-04-10T08:58:30-07:00","lastUpdateTime":"2024-04-10T08:59:30-07:00",
             "sourceRevisions":[{"actionName":"Source","revisionId":"9f3c51ad",
             "revisionSummary":"New login"}]}]}"#,
            Expected {
                commit: Some("9f3c51ad"),
                description: Some("New login"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"data":[{"id":"run-1","type":"runs","attributes":{"created-at":"2024-04-10T15:50:00Z",
             "status":"applied","status-timestamps":{"planned-at":"2024-04-10T15:51:00+00:00",
             "applying-at":"2024-04-10T15:58:30+00:00","applied-at":"2024-04-10T15:59:30+00:00"},
             "message":"bigger nodes","has-changes":true}}]}"#,
            Expected {
                form: "Terraform runs",
                kind: Kind::Infra,
                description: Some("bigger nodes"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"Records":[{"eventVersion":"1.08","eventTime":"2024-04-10T15:58:30Z","readOnly":false,
             "eventSource":"ecs.amazonaws.com","eventName":"UpdateService","awsRegion":"eu-west-1",
             "userIdentity":{"type":"IAMUser","userName":"dana"},
             "requestParameters":{"cluster":"prod","service":"api","taskDefinition":"api:42"}}]}"#,
            Expected {
                form: "CloudTrail events",
                service: Some("api"),
                version: Some("api:42"),
                author: Some("dana"),
                description: Some("UpdateService"),
                environment: Some("prod"),
                ..NOTHING
            },
        ),
        (
            r#"{"Type":"container","Action":"start","from":"acme/api:2.4.0","Actor":{"ID":"a",
             "Attributes":{"image":"acme/api:2.4.0","name":"api"}},"time":1712764710}"#,
            Expected {
                form: "Docker events",
                service: Some("api"),
                version: Some("2.4.0"),
                ..NOTHING
            },
        ),
        (
            r#"{"events":[{"id":1,"type":"feature-environment-enabled","createdBy":"dana",
             "createdAt":"2024-04-10T15:58:30.000Z","featureName":"new-login","project":"default",
             "environment":"production"}]}"#,
            Expected {
                form: "Unleash events",
                kind: Kind::Flag,
                author: Some("dana"),
                description: Some("new-login"),
                environment: Some("production"),
                ..NOTHING
            },
        ),
        (
            r#"[{"auditLogId":5,"auditLogDateTime":"2024-04-10T15:58:30Z","userName":"Dana",
             "auditLogType":"settingValueChanged","details":"newLogin: false -> true"}]"#,
            Expected {
                form: "ConfigCat audit log",
                kind: Kind::Flag,
                author: Some("Dana"),
                description: Some("newLogin: false -> true"),
                ..NOTHING
            },
        ),
        (
            r#"{"data":[{"id":"s","timestamp":1712764710000,"objectType":"SPLIT","objectName":"new-login",
             "environmentName":"Prod","title":"new-login was killed","editor":{"name":"Dana"}}]}"#,
            Expected {
                form: "Split audit log",
                kind: Kind::Flag,
                author: Some("Dana"),
                description: Some("new-login was killed"),
                environment: Some("Prod"),
                ..NOTHING
            },
        ),
        (
            r#"{"results":[{"id":3,"created_date":"2024-04-10T15:58:30.000Z","log":"new-login is on",
             "author":{"id":1,"email":"dana@example.com"},"environment":{"id":1,"name":"Production"},
             "related_object_type":"FEATURE_STATE"}]}"#,
            Expected {
                form: "Flagsmith audit log",
                kind: Kind::Flag,
                author: Some("dana@example.com"),
                description: Some("new-login is on"),
                environment: Some("Production"),
                ..NOTHING
            },
        ),
        (
            r#"{"scheduled_maintenances":[{"id":"m1","name":"DB upgrade","status":"completed",
             "created_at":"2024-04-01T00:00:00Z","scheduled_for":"2024-04-10T15:58:30Z",
             "scheduled_until":"2024-04-10T15:59:30Z","impact":"maintenance","incident_updates":[]}]}"#,
            Expected {
                form: "Statuspage incidents",
                kind: Kind::Infra,
                description: Some("DB upgrade"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"migrations":[{"category":"Versioned","version":"2","description":"orders index",
             "type":"SQL","installedOnUTC":"2024-04-10 15:58:30","state":"Success",
             "installedBy":"dana","executionTime":44}],"flywayVersion":"9.0"}"#,
            Expected {
                kind: Kind::Migration,
                version: Some("2"),
                author: Some("dana"),
                description: Some("orders index"),
                finished: false,
                ..DONE_WELL
            },
        ),
        (
            "ID,AUTHOR,FILENAME,DATEEXECUTED,EXECTYPE,DESCRIPTION\n\
             42,dana,db/changelog.xml,2024-04-10 15:58:30,EXECUTED,addColumn tableName=orders\n",
            Expected {
                form: "CSV",
                kind: Kind::Migration,
                author: Some("dana"),
                description: Some("addColumn tableName=orders"),
                finished: false,
                ..DONE_WELL
            },
        ),
        (
            r#"{"err":0,"result":{"page":1,"deploys":[{"id":1,"environment":"production",
             "revision":"9f3c51ad","local_username":"dana","comment":"New login","status":"succeeded",
             "start_time":1712764710,"finish_time":1712764770}]}}"#,
            Expected {
                commit: Some("9f3c51ad"),
                author: Some("dana"),
                description: Some("New login"),
                environment: Some("production"),
                ..DONE_WELL
            },
        ),
        (
            r#"[{"id":"r1","release_time":"2024-04-10T15:58:30.000Z","app_version":"2.4.0",
             "release_stage":{"name":"production"},"source_control":{"service":"github",
             "revision":"9f3c51ad"},"builder_name":"dana"}]"#,
            Expected {
                version: Some("2.4.0"),
                commit: Some("9f3c51ad"),
                author: Some("dana"),
                environment: Some("production"),
                ..NOTHING
            },
        ),
        (
            r#"[{"id":"g1","status":"SUCCESS","createTime":"2024-04-10T15:58:00Z",
             "startTime":"2024-04-10T15:58:30Z","finishTime":"2024-04-10T15:59:30Z",
             "substitutions":{"REPO_NAME":"api","COMMIT_SHA":"9f3c51ad","TAG_NAME":"v2.4.0"}}]"#,
            Expected {
                service: Some("api"),
                version: Some("v2.4.0"),
                commit: Some("9f3c51ad"),
                ..DONE_WELL
            },
        ),
        (
            r#"{"result":[{"id":"c1","project_name":"web","environment":"production",
             "created_on":"2024-04-10T15:58:00Z","latest_stage":{"name":"deploy","status":"success",
             "started_on":"2024-04-10T15:58:30Z","ended_on":"2024-04-10T15:59:30Z"},
             "deployment_trigger":{"type":"push","metadata":{"commit_hash":"9f3c51ad",
             "commit_message":"New login"}}}],"success":true,"errors":[],"messages":[]}"#,
            Expected {
                service: Some("web"),
                commit: Some("9f3c51ad"),
                description: Some("New login"),
                environment: Some("production"),
                ..DONE_WELL
            },
        ),
        (
            "\"number\",\"short_description\",\"type\",\"state\",\"category\",\"cmdb_ci\",\"assigned_to\",\
             \"start_date\",\"end_date\",\"sys_created_on\"\n\
             \"CHG1\",\"New certs\",\"normal\",\"Closed\",\"Network\",\"edge\",\"Dana\",\
             \"2024-04-10 15:58:30\",\"2024-04-10 15:59:30\",\"2024-04-01 09:00:00\"\n",
            Expected {
                form: "CSV",
                kind: Kind::Infra,
                service: Some("edge"),
                author: Some("Dana"),
                description: Some("New certs"),
                ..DONE_WELL
            },
        ),
        (
            "date;time;app;env;sha;tag;user;message\n\
             2024-04-10;15:58:30;api;prod;9f3c51ad;v2.4.0;dana;New login, and more; really\n",
            Expected {
                form: "CSV",
                service: Some("api"),
                version: Some("v2.4.0"),
                commit: Some("9f3c51ad"),
                author: Some("dana"),
                description: Some("New login, and more; really"),
                environment: Some("prod"),
                ..NOTHING
            },
        ),
    ]
}

#[test]
fn each_system_is_read_as_a_person_reads_it() {
    for (export, expected) in stories() {
        let markers = told(expected.form, export);
        let [change] = markers.changes.as_slice() else {
            panic!("{:?} of {export}", markers.changes)
        };
        let said = |text: Option<&str>| text.and_then(some);
        let told = Change {
            id: String::new(),
            rollback_of: None,
            url: None,
            previous_version: None,
            extra: std::collections::BTreeMap::new(),
            ..change.clone()
        };
        let wanted = Change {
            kind: expected.kind,
            service: said(expected.service),
            version: said(expected.version),
            commit: said(expected.commit),
            author: said(expected.author),
            description: said(expected.description),
            environment: said(expected.environment),
            status: expected.status,
            finished_us: expected.finished.then_some(DONE),
            ..Change::at(AT)
        };
        assert_eq!(told, wanted, "{export}");
    }
}

#[test]
fn every_row_has_its_story() {
    let told: Vec<&str> = stories()
        .iter()
        .map(|(_, expected)| expected.form)
        .collect();
    let untold: Vec<&str> = super::ALL
        .iter()
        .map(|row| row.name)
        .filter(|name| !told.contains(name))
        .collect();
    // Their entries are those of an unknown export in all but the name.
    assert_eq!(untold, ["Azure DevOps builds", "CircleCI pipelines"]);
}

#[test]
fn an_unknown_export_says_how_it_was_read_and_one_without_times_which_keys_it_has() {
    let export = r#"{"page":1,"rolls":[{"rolledOutAt":"2024-04-10T15:58:30Z","artifactVersion":"7",
                     "microservice":"api","mood":"good"}]}"#;
    let markers = told("JSON", export);
    assert_eq!(
        markers.notes,
        [
            "no known export: read by its keys (rolledOutAt → at, microservice → service, \
          artifactVersion → version)"
        ]
    );
    assert_eq!(markers.changes[0].extra["mood"], "good");
    let untimed = r#"[{"artifactVersion":"7","microservice":"api"}]"#;
    let error = super::super::super::read(untimed.as_bytes(), std::path::Path::new("x"), None);
    assert_eq!(
        error.unwrap_err().to_string(),
        "x: marker 1 has no time: its keys are artifactVersion, microservice"
    );
}
