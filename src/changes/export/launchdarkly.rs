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

fn audit_entry(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::story::{AT, extra, only, some};
    use super::*;

    const ENTRY: &str = r#"{"_id":"f1","_accountId":"a","date":1712764710000,"kind":"flag",
        "name":"new-login","titleVerb":"turned on the flag","title":"Dana turned on new-login",
        "member":{"email":"dana@example.com"},"_links":{"site":{"href":"/shop/~/features/new-login"}},
        "accesses":[{"action":"updateOn","resource":"proj/shop:env/production:flag/new-login"}]}"#;

    #[test]
    fn a_flag_turned_on_in_one_environment() {
        let expected = Change {
            id: "f1".to_owned(),
            kind: Kind::Flag,
            author: some("dana@example.com"),
            description: some("Dana turned on new-login"),
            environment: some("production"),
            url: some("https://app.launchdarkly.com/shop/~/features/new-login"),
            extra: extra(json!({"name": "new-login", "kind": "flag"})),
            ..Change::at(AT)
        };
        let log = format!(r#"{{"items":[{ENTRY}],"totalCount":1}}"#);
        assert_eq!(only("LaunchDarkly audit log", &log), expected);
    }

    #[test]
    fn a_flag_touched_everywhere_has_no_environment_and_a_webhook_has_its_page() {
        let everywhere = ENTRY.replace(
            r#""accesses":["#,
            r#""accesses":[{"resource":"proj/shop:env/test:flag/new-login"},"#,
        );
        assert_eq!(
            only("LaunchDarkly audit log", &everywhere).environment,
            None
        );
        let webhook = ENTRY
            .replace(
                r#""date":1712764710000"#,
                r#""timestamp":{"milliseconds":1712764710000}"#,
            )
            .replace("/shop/~/", "/shop/staging/")
            .replace("accesses", "nothing");
        let webhook = only("LaunchDarkly audit log", &webhook);
        assert_eq!((webhook.at_us, webhook.environment), (AT, some("staging")));
    }
}
