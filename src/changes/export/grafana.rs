//! Grafana: annotations. Those that an alert made are no changes.
//! <https://grafana.com/docs/grafana/latest/developers/http_api/annotations/>

use super::super::entry::{Entry, Reader};
use super::super::words;
use super::tags;
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /api/annotations`.
pub(super) const ANNOTATIONS: Export = Export {
    name: "Grafana annotations",
    lies_at: &[""],
    is: |v| {
        has(v, &["/time", "/text", "/tags"]) && (has(v, &["/dashboardId"]) || has(v, &["/userId"]))
    },
    read: Read::All(|entries, reader| {
        let by_alert = |entry: &&Entry<'_>| {
            entry.text(&["/newState"]).is_some() || entry.get("/alertId").is_some_and(|id| id != 0)
        };
        reader.left_out(
            entries.iter().filter(by_alert).count(),
            "annotation by an alert",
        );
        let by_people = entries.iter().filter(|entry| !by_alert(entry));
        by_people.map(|entry| annotation(*entry, reader)).collect()
    }),
};

fn annotation(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/time"], &["/timeEnd"])?;
    // A point in time has the same end as begin.
    change.finished_us = change.finished_us.filter(|end| *end > change.at_us);
    change.id = entry.text(&["/id"]).unwrap_or_default();
    change.author = entry.text(&["/userName", "/login", "/email"]);
    change.description = entry.text(&["/text"]);
    let text = change.description.as_deref().unwrap_or_default();
    if let Some(kind) = words::kind_from_description(text) {
        change.kind = kind;
    }
    if let Some(listed) = entry.get("/tags") {
        tags::add(&mut change, listed);
    }
    entry.keep(&mut change, &["/dashboardUID"]);
    Ok(change)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::Kind;
    use super::super::story::{AT, DONE, extra, some, told};
    use super::*;

    #[test]
    fn tags_say_what_an_annotation_is_about_and_alerts_are_no_changes() {
        let markers = told(
            "Grafana annotations",
            r#"[{"id":9,"alertId":0,"dashboardId":1,"userId":2,"userName":"dana","newState":"",
              "time":1712764710000,"timeEnd":1712764770000,"text":"new login",
              "tags":["service:api","version=2.4.0","feature-flag","Production","blue"]},
             {"id":8,"alertId":3,"dashboardId":1,"userId":0,"newState":"alerting",
              "time":1712764710000,"text":"too slow","tags":[]}]"#,
        );
        let tags = json!([
            "service:api",
            "version=2.4.0",
            "feature-flag",
            "Production",
            "blue"
        ]);
        let expected = Change {
            id: "9".to_owned(),
            kind: Kind::Flag,
            service: some("api"),
            version: some("2.4.0"),
            finished_us: Some(DONE),
            author: some("dana"),
            description: some("new login"),
            environment: some("Production"),
            extra: extra(json!({"tags": tags})),
            ..Change::at(AT)
        };
        assert_eq!(markers.changes, [expected]);
        assert_eq!(markers.notes, ["1 annotation by an alert is left out"]);
    }
}
