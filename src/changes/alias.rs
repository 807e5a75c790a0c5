//! Services of markers → services of the logs, where both say one name in two ways.
//!
//! A pipeline deploys `auth`, and the logs say `auth-service`, `auth.example.com` or `prod/auth`. Taken
//! literally the change would be out of sight, and of no place. Only what leaves no choice is joined: a name
//! that is in no log, one service of the logs that is called alike, and no marker that names that itself.

use super::Change;

/// Words that say nothing of which service it is.
const SILENT: [&str; 10] = [
    "service",
    "svc",
    "srv",
    "microservice",
    "app",
    "application",
    "server",
    "deployment",
    "prod",
    "production",
];

/// Gives changes whose service occurs in no log the name that the logs have for it, if there is one.
pub fn as_logged(changes: &mut [Change], logged: &[Vec<u8>]) {
    let is = |name: &str, service: &[u8]| service.eq_ignore_ascii_case(name.as_bytes());
    let named: Vec<String> = changes.iter().filter_map(|c| c.service.clone()).collect();
    let free: Vec<(&str, String)> = logged
        .iter()
        .filter(|service| !named.iter().any(|name| is(name, service)))
        .filter_map(|service| std::str::from_utf8(service).ok())
        .map(|service| (service, stem(service)))
        .collect();
    for change in changes {
        let Some(name) = &change.service else {
            continue;
        };
        if logged.iter().any(|service| is(name, service)) {
            continue;
        }
        let wanted = stem(name);
        let mut alike = free.iter().filter(|(_, stem)| *stem == wanted);
        if let (Some((service, _)), None) = (alike.next(), alike.next()) {
            change.called = change.service.replace((*service).to_owned());
        }
    }
}

/// A name without what says nothing: the first label of a host's name, behind the last slash of a path,
/// without [`SILENT`] words; in lower case.
fn stem(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let host = name.strip_prefix("www.").unwrap_or(&name);
    let label = match host.split_once('.') {
        Some((first, domain)) if is_domain(domain) => first,
        _ => host,
    };
    let words = label.split(['-', '_', '.', ' ']);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let telling: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| !SILENT.contains(word))
        .collect();
    match telling.is_empty() {
        true => words.join("-"),
        false => telling.join("-"),
    }
}

/// Whether a text may follow the first label of a host's name: `example.com`, `prod.svc.cluster.local`.
fn is_domain(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    last.len() >= 2
        && last != "log"
        && last.bytes().all(|b| b.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the markers' services become, in logs with these.
    fn told(markers: &[&str], logged: &[&str]) -> Vec<String> {
        let deploy = |service: &&str| Change {
            service: Some((*service).to_owned()),
            ..Change::at(0)
        };
        let mut changes: Vec<Change> = markers.iter().map(deploy).collect();
        let logged: Vec<Vec<u8>> = logged.iter().map(|s| s.as_bytes().to_vec()).collect();
        as_logged(&mut changes, &logged);
        let name = |c: Change| c.service.unwrap_or_default();
        changes.into_iter().map(name).collect()
    }

    #[test]
    fn one_name_said_in_two_ways_is_one_service() {
        for (marker, logged) in [
            ("auth", "auth-service"),
            ("auth-svc", "auth"),
            ("Auth Service", "auth_app"),
            ("fraud", "fraud.example.net"),
            ("shop", "www.shop.example"),
            ("cart", "cart.prod.svc.cluster.local"),
            ("payments/ledger", "ledger"),
            ("prod-search", "search"),
        ] {
            assert_eq!(told(&[marker], &[logged, "mail"]), [logged], "{marker}");
        }
    }

    #[test]
    fn where_there_is_a_choice_or_another_name_nothing_is_joined() {
        // In the logs as it is; two that are called alike; another word; one that a marker names itself.
        assert_eq!(told(&["auth"], &["AUTH", "auth-service"]), ["auth"]);
        assert_eq!(
            told(&["auth"], &["auth-service", "auth.example.com"]),
            ["auth"]
        );
        assert_eq!(told(&["auth"], &["auth-worker", "oauth"]), ["auth"]);
        assert_eq!(
            told(&["auth", "auth-service"], &["auth-service"]),
            ["auth", "auth-service"]
        );
        assert_eq!(told(&["access"], &["access.log"]), ["access"]);
        assert_eq!(told(&["app"], &["web"]), ["app"]);
    }

    #[test]
    fn the_name_that_the_marker_says_is_kept() {
        let mut changes = [Change {
            service: Some("auth".to_owned()),
            ..Change::at(0)
        }];
        as_logged(&mut changes, &[b"auth-service".to_vec()]);
        assert_eq!(changes[0].service.as_deref(), Some("auth-service"));
        assert_eq!(changes[0].called.as_deref(), Some("auth"));
    }
}
