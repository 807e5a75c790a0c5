//! Sentry: releases, and the deploys of one release.
//! <https://docs.sentry.io/api/releases/>

use super::super::entry::{Entry, Reader, text};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /organizations/{organization}/releases/`.
pub(super) const RELEASES: Export = Export {
    name: "Sentry releases",
    lies_at: &[""],
    is: |v| {
        has(
            v,
            &["/version", "/dateCreated", "/dateReleased", "/projects"],
        )
    },
    read: Read::All(|entries, reader| {
        let unreleased = |e: &&Entry<'_>| !DATES.iter().any(|date| e.get(date).is_some());
        let count = entries.iter().filter(unreleased).count();
        if count > 0 {
            reader.note(format!(
                "{count} of {} Sentry releases have no date of release or deploy: they are dated \
                 by their creation",
                entries.len()
            ));
        }
        let mut changes = Vec::new();
        for entry in entries {
            changes.extend(release(*entry, reader)?);
        }
        Ok(changes)
    }),
};

/// `GET /organizations/{organization}/releases/{version}/deploys/`.
pub(super) const DEPLOYS: Export = Export {
    name: "Sentry deploys",
    lies_at: &[""],
    is: |v| has(v, &["/environment", "/dateStarted", "/dateFinished", "/id"]),
    read: Read::Each(deploy),
};

/// What dates a release, the best first.
const DATES: [&str; 3] = [
    "/lastDeploy/dateStarted",
    "/dateReleased",
    "/lastDeploy/dateFinished",
];

/// One change for each project of a release.
fn release(entry: Entry<'_>, reader: &mut Reader) -> Result<Vec<Change>> {
    let begins = [DATES.as_slice(), &["/dateCreated"]].concat();
    let mut change = reader.change(entry, &begins, &["/lastDeploy/dateFinished"])?;
    let whole = entry.text(&["/version"]).unwrap_or_default();
    let bare = whole
        .rsplit_once('@')
        .map_or(whole.as_str(), |(_, version)| version);
    change.version = entry
        .text(&["/versionInfo/version/raw"])
        .or_else(|| Some(bare.to_owned()));
    change.author = entry.text(&["/authors/0/name", "/authors/0/email"]);
    change.commit = entry.text(&["/lastCommit/id"]);
    change.environment = entry.text(&["/lastDeploy/environment"]);
    change.url = entry.text(&["/url"]);
    let projects = entry.list("/projects");
    let one_each = projects.iter().map(|project| {
        let slug = project.pointer("/slug").and_then(text);
        let id = match (projects, &slug) {
            ([_, _, ..], Some(slug)) => format!("{whole}/{slug}"),
            _ => whole.clone(),
        };
        Change {
            id,
            service: slug,
            ..change.clone()
        }
    });
    let changes: Vec<Change> = one_each.collect();
    Ok(if changes.is_empty() {
        vec![Change {
            id: whole,
            ..change
        }]
    } else {
        changes
    })
}

fn deploy(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/dateStarted"], &["/dateFinished"])?;
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.environment = entry.text(&["/environment"]);
    change.description = entry.text(&["/name"]);
    change.version = entry.text(&["/version", "/release"]);
    change.url = entry.text(&["/url"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::super::story::{AT, DONE, only, some, told};
    use super::*;

    #[test]
    fn a_release_of_two_projects_is_two_changes() {
        let markers = told(
            "Sentry releases",
            r#"[{"id":1,"version":"shop@2.4.0","dateCreated":"2024-04-01T00:00:00Z",
             "dateReleased":"2024-04-10T15:58:30Z","authors":[{"name":"Dana Doe"}],"url":null,
             "versionInfo":{"version":{"raw":"2.4.0"}},"lastDeploy":null,"lastCommit":{"id":"9f3c"},
             "projects":[{"slug":"api"},{"slug":"web"}]}]"#,
        );
        let of = |project: &str| Change {
            id: format!("shop@2.4.0/{project}"),
            service: some(project),
            version: some("2.4.0"),
            author: some("Dana Doe"),
            commit: some("9f3c"),
            ..Change::at(AT)
        };
        assert_eq!(markers.changes, [of("api"), of("web")]);
        assert_eq!(markers.notes, [""; 0]);
    }

    #[test]
    fn a_release_without_a_date_is_dated_by_its_creation_and_it_is_said() {
        let markers = told(
            "Sentry releases",
            r#"[{"version":"web@7","dateCreated":"2024-04-10T15:58:30Z","dateReleased":null,
             "projects":[{"slug":"web"}]}]"#,
        );
        assert_eq!(markers.changes[0].at_us, AT);
        assert_eq!(markers.changes[0].version, some("7"));
        assert_eq!(markers.notes.len(), 1);
    }

    #[test]
    fn a_deploy_may_date_only_its_end() {
        let whole = r#"[{"id":"6","environment":"prod","dateStarted":"2024-04-10T15:58:30Z",
                         "dateFinished":"2024-04-10T15:59:30Z","name":"spring","url":null}]"#;
        let expected = Change {
            id: "6".to_owned(),
            finished_us: Some(DONE),
            description: some("spring"),
            environment: some("prod"),
            ..Change::at(AT)
        };
        assert_eq!(only("Sentry deploys", whole), expected);
        let end = only(
            "Sentry deploys",
            &whole.replace("\"2024-04-10T15:58:30Z\"", "null"),
        );
        assert_eq!((end.at_us, end.at_is_end), (DONE, true));
    }
}
