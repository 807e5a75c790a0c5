//! Heroku: releases. A release is made of a deploy, a rollback, or new config vars or add-ons;
//! only its description says which.
//! <https://devcenter.heroku.com/articles/platform-api-reference#release>

use super::super::entry::{Entry, Reader, set_status};
use super::super::{Kind, words};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /apps/{app}/releases`, `heroku releases --json`.
pub(super) const RELEASES: Export = Export {
    name: "Heroku releases",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &[
                "/version",
                "/slug",
                "/user/email",
                "/created_at",
                "/description",
            ],
        )
    },
    read: Read::Each(release),
};

fn release(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/created_at"], &[])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.service = entry.text(&["/app/name"]);
    change.version = entry.text(&["/version"]).map(|number| format!("v{number}"));
    change.author = entry.text(&["/user/email"]);
    let description = entry.text(&["/description"]).unwrap_or_default();
    change.kind = kind(&description);
    change.commit = description.strip_prefix("Deploy ").map(str::to_owned);
    change.description = Some(description).filter(|text| !text.is_empty());
    set_status(&mut change, entry.text(&["/status"]));
    entry.keep(&mut change, &["/current"]);
    Ok(change)
}

fn kind(description: &str) -> Kind {
    let first = description.split(' ').next().unwrap_or("");
    match first {
        _ if description.ends_with("config vars") => Kind::Config,
        "Attach" | "Detach" | "Update" | "Enable" | "Disable" | "Upgrade" => Kind::Infra,
        _ => words::kind_from_description(description).unwrap_or(Kind::Deploy),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::{Status, merge};
    use super::super::story::{AT, extra, some, told};
    use super::*;

    #[test]
    fn the_description_says_what_a_release_is() {
        let release = |version: u32, description: &str, time: &str, status: &str| {
            format!(
                r#"{{"id":"r{version}","version":{version},"description":"{description}","slug":null,
                "created_at":"{time}","status":"{status}","current":false,"app":{{"name":"api"}},
                "user":{{"email":"dana@example.com"}}}}"#
            )
        };
        let list = [
            release(43, "Rollback to v41", "2024-04-10T16:02:00Z", "succeeded"),
            release(42, "Deploy 77aa01", "2024-04-10T16:01:00Z", "failed"),
            release(
                41,
                "Set LOGIN_URL config vars",
                "2024-04-10T16:00:00Z",
                "succeeded",
            ),
            release(40, "Deploy 9f3c22", "2024-04-10T15:58:30Z", "succeeded"),
        ];
        let joined = merge(vec![told(
            "Heroku releases",
            &format!("[{}]", list.join(",")),
        )]);
        let expected = Change {
            id: "r40".to_owned(),
            service: some("api"),
            version: some("v40"),
            author: some("dana@example.com"),
            description: some("Deploy 9f3c22"),
            commit: some("9f3c22"),
            status: Some(Status::Succeeded),
            extra: extra(json!({"current": false})),
            ..Change::at(AT)
        };
        let [deploy, config, failed, rollback] = joined.changes.as_slice() else {
            panic!()
        };
        assert_eq!(*deploy, expected);
        assert_eq!(
            (config.kind, &config.previous_version),
            (Kind::Config, &some("v40"))
        );
        assert_eq!(
            (failed.kind, failed.status),
            (Kind::Deploy, Some(Status::Failed))
        );
        assert_eq!(
            (rollback.kind, &rollback.rollback_of),
            (Kind::Rollback, &some("r42"))
        );
    }
}
