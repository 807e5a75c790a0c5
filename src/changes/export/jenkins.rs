//! Jenkins: builds. Whether a build deploys, and what, only its parameters say, which are read as
//! native keys are. <https://www.jenkins.io/doc/book/using/remote-access-api/>

use serde_json::{Map, Value};

use super::super::entry::{Entry, Reader, set_status, text};
use super::super::{native, words};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /job/{job}/{number}/api/json`, `GET /job/{job}/api/json?tree=builds[…]`.
pub(super) const BUILDS: Export = Export {
    name: "Jenkins builds",
    lies_at: &["", "/builds", "/allBuilds"],
    is: |v| has(v, &["/number", "/timestamp", "/result"]),
    read: Read::Each(build),
};

fn build(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/timestamp"], &[])?;
    let duration_ms = entry
        .get("/duration")
        .and_then(Value::as_i64)
        .filter(|ms| *ms > 0);
    let duration_us = duration_ms.and_then(|ms| ms.checked_mul(1_000));
    change.finished_us = duration_us.and_then(|us| change.at_us.checked_add(us));
    change.url = entry.text(&["/url"]);
    let number = entry.text(&["/number"]).unwrap_or_default();
    let job = entry
        .text(&["/fullDisplayName"])
        .as_deref()
        .and_then(job_of_title);
    let job = job.or_else(|| job_of_page(change.url.as_deref()?));
    change.id = job
        .as_deref()
        .map_or_else(String::new, |job| format!("{job}#{number}"));
    change.description = entry.text(&["/description", "/displayName"]);

    let mut parameters = Map::new();
    for action in entry.list("/actions") {
        let action = entry.part(action);
        let user = action
            .text(&["/causes/0/userName"])
            .filter(|name| name != "anonymous");
        change.author = change.author.or(user);
        let commit = action.text(&["/lastBuiltRevision/SHA1"]);
        change.commit = change.commit.or(commit);
        for parameter in action.list("/parameters") {
            let parameter = entry.part(parameter);
            if let (Some(name), Some(value)) = (parameter.text(&["/name"]), parameter.get("/value"))
            {
                parameters.insert(name, value.clone());
            }
        }
    }
    for commit in commits(entry) {
        let commit = entry.part(commit);
        change.commit = commit.text(&["/commitId"]).or(change.commit);
        let paths = commit.list("/affectedPaths").iter().filter_map(text);
        change.files.extend(paths);
    }
    change.files.sort_unstable();
    change.files.dedup();
    let told = change
        .description
        .as_deref()
        .and_then(words::kind_from_description);
    change.kind = told.unwrap_or(change.kind);
    native::complete(&mut change, &parameters);
    change.service = change.service.or(job);
    set_status(&mut change, entry.text(&["/result"]));
    Ok(change)
}

/// The commits of a build; a pipeline has a list of change sets, or one under the plural.
fn commits<'a>(entry: Entry<'a>) -> impl Iterator<Item = &'a Value> {
    let sets = entry.list("/changeSets").iter();
    let in_sets = sets
        .filter_map(|set| set.pointer("/items")?.as_array())
        .flatten();
    entry
        .list("/changeSet/items")
        .iter()
        .chain(entry.list("/changeSets/items"))
        .chain(in_sets)
}

/// `folder » api #17` → `api`.
fn job_of_title(title: &str) -> Option<String> {
    let job = title.rsplit_once(" #").map_or(title, |(job, _)| job);
    job.rsplit(" » ")
        .next()
        .map(|job| job.trim().to_owned())
        .filter(|job| !job.is_empty())
}

/// `https://ci.example/job/folder/job/api/17/` → `api`.
fn job_of_page(page: &str) -> Option<String> {
    let (_, job) = page.rsplit_once("/job/")?;
    job.split('/')
        .next()
        .filter(|job| !job.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Status;
    use super::super::story::{AT, DONE, extra, only, some};
    use super::*;

    #[test]
    fn a_build_says_by_parameters_what_it_deployed() {
        let change = only(
            "Jenkins builds",
            r#"{"builds":[{"number":17,"timestamp":1712764710000,"duration":60000,"result":"ABORTED",
             "fullDisplayName":"shop » deploy-api #17","url":"https://ci.example/job/shop/job/x/17/",
             "actions":[{"causes":[{"userName":"Dana Doe"}],"parameters":[{"name":"SERVICE",
             "value":"api"},{"name":"VERSION","value":"2.4.0"},{"name":"ENV","value":"prod"},
             {"name":"DRY","value":false}]},{}],"changeSets":[{"items":[{"commitId":"9f3c",
             "affectedPaths":["b.rs","a.rs","b.rs"]}]}]}]}"#,
        );
        let expected = Change {
            id: "deploy-api#17".to_owned(),
            service: some("api"),
            version: some("2.4.0"),
            finished_us: Some(DONE),
            author: some("Dana Doe"),
            commit: some("9f3c"),
            environment: some("prod"),
            url: some("https://ci.example/job/shop/job/x/17/"),
            status: Some(Status::Cancelled),
            files: vec!["a.rs".to_owned(), "b.rs".to_owned()],
            extra: extra(json!({"DRY": false})),
            ..Change::at(AT)
        };
        assert_eq!(change, expected);
        let bare = r#"{"number":3,"timestamp":1712764710000,"result":null,"duration":0,
                       "url":"https://ci.example/job/shop/job/api/3/"}"#;
        let bare = only("Jenkins builds", bare);
        assert_eq!((bare.id.as_str(), bare.service), ("api#3", some("api")));
        assert_eq!((bare.finished_us, bare.status), (None, None));
    }
}
