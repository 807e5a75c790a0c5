//! New Relic: deployments of the REST API, version 2. The application is named by number only.
//! <https://docs.newrelic.com/docs/apm/apm-ui-pages/events/record-deployments/>

use super::super::entry::{Entry, Reader};
use super::super::words;
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /v2/applications/{id}/deployments.json`.
pub(super) const DEPLOYMENTS: Export = Export {
    name: "New Relic deployments",
    lies_at: &["/deployments", "/deployment"],
    is: |v| has(v, &["/revision", "/timestamp", "/links/application"]),
    read: Read::Each(deployment),
};

fn deployment(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/timestamp"], &[])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.version = entry.text(&["/revision"]);
    change.author = entry.text(&["/user"]);
    change.description = entry.text(&["/description", "/changelog"]);
    if let Some(kind) = change
        .description
        .as_deref()
        .and_then(words::kind_from_description)
    {
        change.kind = kind;
    }
    entry.keep(&mut change, &["/changelog", "/links/application"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::story::{AT, extra, only, some};
    use super::*;

    #[test]
    fn a_deployment_of_an_application_without_a_name() {
        let change = only(
            "New Relic deployments",
            r#"{"deployments":[{"id":3,"revision":"2.4.0","changelog":"login","description":"",
             "user":"dana","timestamp":"2024-04-10T15:58:30+00:00","links":{"application":12}}]}"#,
        );
        let expected = Change {
            id: "3".to_owned(),
            version: some("2.4.0"),
            author: some("dana"),
            description: some("login"),
            extra: extra(json!({"changelog": "login", "application": 12})),
            ..Change::at(AT)
        };
        assert_eq!(change, expected);
    }
}
