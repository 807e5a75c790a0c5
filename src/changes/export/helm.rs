//! Helm: `helm history` and `helm list`, as JSON, YAML or the table on the terminal.
//!
//! A history doesn't name its release, so its changes have no service; a list does. A revision is
//! dated before it is applied. <https://helm.sh/docs/helm/helm_history/>

use super::super::entry::{Entry, Reader, set_status};
use super::super::{Kind, words};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `helm history RELEASE -o json`, `helm list -o json`.
pub(super) const HISTORY: Export = Export {
    name: "Helm history",
    lies_at: &[""],
    is: |v| has(v, &["/revision", "/updated", "/status", "/chart"]),
    read: Read::Each(revision),
};

fn revision(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let mut change = reader.change(entry, &["/updated"], &[])?;
    change.service = entry.text(&["/name"]);
    let chart = entry.text(&["/chart"]).unwrap_or_default();
    let (chart_name, chart_version) = split_chart(&chart);
    let owner = change.service.as_deref().unwrap_or(chart_name);
    change.id = format!("{owner}#{}", entry.text(&["/revision"]).unwrap_or_default());
    let app_version = entry.text(&["/app_version"]);
    change.version = app_version.or_else(|| chart_version.map(str::to_owned));
    change.environment = entry.text(&["/namespace"]);
    change.description = entry.text(&["/description"]);
    let rolls_back = change
        .description
        .as_deref()
        .and_then(words::kind_from_description);
    if rolls_back.is_some() || entry.get("/rollback_revision").is_some() {
        change.kind = Kind::Rollback;
    }
    set_status(&mut change, entry.text(&["/status"]));
    entry.keep(&mut change, &["/chart", "/rollback_revision"]);
    Ok(change)
}

/// `web-app-1.2.0-beta.1` is the chart `web-app` in version `1.2.0-beta.1`: the version begins at
/// the first dash before a digit.
fn split_chart(chart: &str) -> (&str, Option<&str>) {
    let dash = chart.match_indices('-').map(|(i, _)| i).find(|i| {
        chart
            .get(i + 1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    match dash.and_then(|i| chart.split_at_checked(i)) {
        Some((name, version)) => (name, version.strip_prefix('-')),
        None => (chart, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::{Status, merge};
    use super::super::story::{AT, extra, only, some, told};
    use super::*;

    #[test]
    fn a_history_names_its_rollback_and_no_release() {
        let history = told(
            "Helm history",
            r#"[{"revision":4,"updated":"2024-04-10T15:58:30Z","status":"failed",
              "chart":"web-app-0.9.0-rc.1","app_version":"2.4.0","description":"Upgrade failed"},
             {"revision":5,"updated":"2024-04-10T15:59:30Z","status":"deployed",
              "chart":"web-app-0.9.0-rc.1","app_version":"","description":"Rollback to 3"}]"#,
        );
        let joined = merge(vec![history]);
        let failed = Change {
            id: "web-app#4".to_owned(),
            version: some("2.4.0"),
            description: some("Upgrade failed"),
            status: Some(Status::Failed),
            extra: extra(json!({"chart": "web-app-0.9.0-rc.1"})),
            ..Change::at(AT)
        };
        let rollback = Change {
            id: "web-app#5".to_owned(),
            kind: Kind::Rollback,
            version: some("0.9.0-rc.1"),
            previous_version: some("2.4.0"),
            rollback_of: some("web-app#4"),
            description: some("Rollback to 3"),
            status: Some(Status::Succeeded),
            extra: extra(json!({"chart": "web-app-0.9.0-rc.1"})),
            ..Change::at(AT + 60_000_000)
        };
        assert_eq!(joined.changes, [failed, rollback]);
    }

    #[test]
    fn the_table_has_local_times_and_a_list_names_the_release() {
        let table = "REVISION\tUPDATED                 \tSTATUS    \tCHART    \tAPP VERSION\tDESCRIPTION\n\
                     12      \tWed Apr 10 15:58:30 2024\tsuperseded\tapi-0.9.0\t2.4.0      \tUpgrade complete\n";
        let markers = told("Helm history", table);
        assert!(markers.assumed_utc);
        assert_eq!(markers.changes[0].at_us, AT);
        assert_eq!(markers.changes[0].version, some("2.4.0"));

        let list = r#"[{"name":"shop-api","namespace":"shop","revision":"12","status":"deployed",
            "updated":"2024-04-10 08:58:30.25 -0700 PDT","chart":"api-0.9.0","app_version":"2.4.0"}]"#;
        let change = only("Helm history", list);
        assert_eq!(
            (change.id.as_str(), change.at_us),
            ("shop-api#12", AT + 250_000)
        );
        assert_eq!(
            (change.service, change.environment),
            (some("shop-api"), some("shop"))
        );
    }
}
