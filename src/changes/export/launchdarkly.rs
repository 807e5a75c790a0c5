//! LaunchDarkly: the audit log, and the webhook with the same entries.
//! <https://launchdarkly.com/docs/api/audit-log>

use serde_json::Value;

use super::super::Kind;
use super::super::entry::{Entry, Reader};
use super::{Change, Export, Read, has};
use crate::error::Result;

/// `GET /api/v2/auditlog`.
pub(super) const AUDIT_LOG: Export = Export {
    name: "LaunchDarkly audit log",
    lies_at: &["/items", ""],
    is: |v| has(v, &["/_id", "/_accountId", "/kind", "/titleVerb"]),
    read: Read::Each(audit_entry),
};

fn audit_entry(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let mut change = reader.change(entry, &["/date", "/timestamp/milliseconds"], &[])?;
    change.id = entry.text(&["/_id"]).unwrap_or_default();
    change.kind = match entry.text(&["/kind"]).as_deref() {
        Some("flag" | "segment") => Kind::Flag,
        _ => Kind::Config,
    };
    change.author = entry.text(&["/member/email"]);
    change.description = entry.text(&["/title", "/description"]);
    let site = entry.text(&["/_links/site/href"]);
    change.environment = environment(entry, site.as_deref());
    change.url = site.map(|path| format!("https://app.launchdarkly.com{path}"));
    entry.keep(&mut change, &["/name", "/kind", "/comment"]);
    Ok(change)
}

/// The one environment of the resources (`proj/default:env/production:flag/new-login`), or that of
/// the page (`/default/production/features/new-login`); none where it is several or all (`~`).
fn environment(entry: Entry<'_>, site: Option<&str>) -> Option<String> {
    let accesses = entry
        .list("/accesses")
        .iter()
        .filter_map(|access| access.pointer("/resource"));
    let targets = entry.list("/target/resources").iter();
    let resources = accesses.chain(targets).filter_map(Value::as_str);
    let mut named: Vec<&str> = resources
        .filter_map(|resource| resource.split(':').find_map(|p| p.strip_prefix("env/")))
        .collect();
    named.sort_unstable();
    named.dedup();
    let of_page = || {
        site.and_then(|path| path.split('/').nth(2))
            .filter(|env| *env != "~")
    };
    match named.as_slice() {
        [] => of_page().map(str::to_owned),
        [one] if *one != "*" => Some((*one).to_owned()),
        _ => None,
    }
}
