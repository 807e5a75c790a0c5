//! Honeybadger: deploys. <https://docs.honeybadger.io/api/deploys/>

use super::super::entry::{Entry, Reader, last_step};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /v2/projects/{id}/deploys`.
pub(super) const DEPLOYS: Export = Export {
    name: "Honeybadger deploys",
    lies_at: &["", "/results"],
    is: |v| {
        has(
            v,
            &["/created_at", "/local_username", "/repository", "/revision"],
        )
    },
    read: Read::Each(deploy),
};

fn deploy(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    // Honeybadger is told of a deploy by its last step.
    let mut change = reader.change(entry, &[], &["/created_at"])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.service = entry
        .text(&["/repository"])
        .and_then(|repository| last_step(&repository));
    change.version = entry.text(&["/revision"]);
    change.author = entry.text(&["/local_username"]);
    change.environment = entry.text(&["/environment"]);
    change.url = entry.text(&["/url"]);
    entry.keep(&mut change, &["/project_id", "/repository"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::story::{AT, extra, only, some};
    use super::*;

    #[test]
    fn a_deploy_is_dated_by_its_end() {
        let change = only(
            "Honeybadger deploys",
            r#"{"results":[{"id":5,"created_at":"2024-04-10T15:58:30Z","environment":"prod",
             "local_username":"dana","project_id":7,"repository":"git@git.example:acme/api.git",
             "revision":"9f3c","url":"https://hb.example/5"}]}"#,
        );
        let expected = Change {
            id: "5".to_owned(),
            service: some("api"),
            version: some("9f3c"),
            finished_us: Some(AT),
            at_is_end: true,
            author: some("dana"),
            environment: some("prod"),
            url: some("https://hb.example/5"),
            extra: extra(json!({"project_id": 7, "repository": "git@git.example:acme/api.git"})),
            ..Change::at(AT)
        };
        assert_eq!(change, expected);
    }
}
