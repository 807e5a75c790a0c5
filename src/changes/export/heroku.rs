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

fn release(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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
