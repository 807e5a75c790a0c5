//! Datadog: DORA deployments (as posted and as read back) and events of both API versions.
//! <https://docs.datadoghq.com/api/latest/dora-metrics/>,
//! <https://docs.datadoghq.com/api/latest/events/>

use serde_json::Value;

use super::super::entry::{Entry, Reader, last_step};
use super::super::words;
use super::tags;
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `POST /api/v2/dora/deployment`, `POST /api/v2/dora/deployments`.
pub(super) const DORA: Export = Export {
    name: "Datadog DORA deployments",
    lies_at: &["/data"],
    is: |v| {
        let is_deployment = v
            .pointer("/type")
            .is_none_or(|kind| kind == "dora_deployment");
        is_deployment && has(v, &["/attributes/started_at", "/attributes/service"])
    },
    read: Read::Each(deployment),
};

/// `GET /api/v1/events`.
pub(super) const EVENTS_V1: Export = Export {
    name: "Datadog events",
    lies_at: &["/event", "/events", ""],
    is: |v| has(v, &["/date_happened", "/title"]),
    read: Read::Each(|entry, reader| {
        let mut change = reader.change(entry, &["/date_happened"], &[])?;
        // The number is larger than a JSON reader's doubles can hold, so it comes as text, too.
        change.id = entry.text(&["/id_str", "/id"]).unwrap_or_default();
        change.url = entry.text(&["/url"]);
        change.hosts = entry.text(&["/host"]).into_iter().collect();
        describe(&mut change, entry.text(&["/title"]), entry.get("/tags"));
        entry.keep(&mut change, &["/text"]);
        Ok(change)
    }),
};

/// `GET /api/v2/events`, `POST /api/v2/events/search`.
pub(super) const EVENTS_V2: Export = Export {
    name: "Datadog events",
    lies_at: &["/data"],
    is: |v| has(v, &["/attributes/timestamp", "/attributes/attributes"]),
    read: Read::Each(|entry, reader| {
        let times = ["/attributes/attributes/timestamp", "/attributes/timestamp"];
        let mut change = reader.change(entry, &times, &[])?;
        change.id = entry
            .text(&["/attributes/attributes/evt/id", "/id"])
            .unwrap_or_default();
        // Datadog writes "undefined" for an event that names no service.
        let service = entry.text(&["/attributes/attributes/service"]);
        change.service = service.filter(|name| name != "undefined");
        change.author = entry.text(&["/attributes/attributes/author/name"]);
        let title = entry.text(&["/attributes/attributes/title", "/attributes/message"]);
        describe(&mut change, title, entry.get("/attributes/tags"));
        let resource = entry.text(&["/attributes/attributes/changed_resource/type"]);
        if let Some(kind) = resource.and_then(|word| words::kind(&word)) {
            change.kind = kind;
        }
        entry.keep(&mut change, &["/attributes/message"]);
        Ok(change)
    }),
};

fn deployment(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let ends = ["/attributes/finished_at"];
    let mut change = reader.change(entry, &["/attributes/started_at"], &ends)?;
    change.id = entry.text(&["/id", "/attributes/id"]).unwrap_or_default();
    change.service = entry.text(&["/attributes/service"]);
    change.version = entry.text(&["/attributes/version"]);
    change.commit = entry.text(&["/attributes/git/commit_sha"]);
    change.environment = entry.text(&["/attributes/env"]);
    entry.keep(
        &mut change,
        &["/attributes/team", "/attributes/git/repository_url"],
    );
    if change.service.is_none() {
        let repository = entry.text(&["/attributes/git/repository_url"]);
        change.service = repository.and_then(|url| last_step(&url));
    }
    Ok(change)
}

fn describe(change: &mut Change, title: Option<String>, listed: Option<&Value>) {
    if let Some(kind) = title.as_deref().and_then(words::kind_from_description) {
        change.kind = kind;
    }
    change.description = title;
    if let Some(listed) = listed {
        tags::add(change, listed);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Kind;
    use super::super::story::{AT, DONE, extra, only, some};
    use super::*;

    #[test]
    fn a_deployment_as_posted_in_ns_and_as_read_back() {
        let posted = r#"{"data":{"attributes":{"started_at":1712764710000000000,
            "finished_at":1712764770000000000,"git":{"commit_sha":"9f3c",
            "repository_url":"https://git.example/acme/api"},"service":"api","version":"2.4.0",
            "id":"d1","env":"prod"}}}"#;
        let read_back = r#"{"data":[{"id":"d1","type":"dora_deployment","attributes":{
            "service":"api","started_at":"2024-04-10T15:58:30Z","finished_at":"2024-04-10T15:59:30Z",
            "env":"prod","team":"shop","version":"2.4.0"}}]}"#;
        let expected = Change {
            id: "d1".to_owned(),
            service: some("api"),
            version: some("2.4.0"),
            finished_us: Some(DONE),
            environment: some("prod"),
            extra: extra(json!({"team": "shop"})),
            ..Change::at(AT)
        };
        assert_eq!(only("Datadog DORA deployments", read_back), expected);
        let expected = Change {
            commit: some("9f3c"),
            extra: extra(json!({"repository_url": "https://git.example/acme/api"})),
            ..expected
        };
        assert_eq!(only("Datadog DORA deployments", posted), expected);
    }

    #[test]
    fn events_of_both_versions() {
        let v1 = r#"{"events":[{"id":9007199254740993,"id_str":"9007199254740993","title":"deploy",
            "text":"new login","date_happened":1712764710,"host":"api-1",
            "tags":["service:api","env:prod"],"url":"https://dd.example/1"}]}"#;
        let tags = json!(["service:api", "env:prod"]);
        let expected = Change {
            id: "9007199254740993".to_owned(),
            service: some("api"),
            environment: some("prod"),
            description: some("deploy"),
            url: some("https://dd.example/1"),
            hosts: vec!["api-1".to_owned()],
            extra: extra(json!({"tags": tags, "text": "new login"})),
            ..Change::at(AT)
        };
        assert_eq!(only("Datadog events", v1), expected);

        let v2 = r#"{"data":[{"id":"long","type":"event","attributes":{"message":"m",
            "timestamp":"2024-04-10T15:58:31Z","tags":["env:prod"],"attributes":{"title":"fallback",
            "service":"undefined","timestamp":1712764710000,"author":{"name":"dana"},
            "evt":{"id":"77"},"changed_resource":{"name":"new-login","type":"feature_flag"}}}}]}"#;
        let expected = Change {
            id: "77".to_owned(),
            kind: Kind::Flag,
            author: some("dana"),
            environment: some("prod"),
            description: some("fallback"),
            extra: extra(json!({"tags": ["env:prod"], "message": "m"})),
            ..Change::at(AT)
        };
        assert_eq!(only("Datadog events", v2), expected);
    }
}
