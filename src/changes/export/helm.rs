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

fn revision(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
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
