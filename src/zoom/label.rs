//! The labels by which requests are told apart, and the value that one request has of each.
//!
//! Version, region and host stand in the line (or the host in the file's folder); the version of
//! the interface in a header or the path; the client's family is read from its user agent by a
//! table. Values are few by nature: an app's patch level or a browser's version is dropped.

use crate::record::Record;

/// What tells requests apart. In order of how telling they are: of two that fit equally well the
/// first is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// The version of the software that answered.
    Version,
    /// The region or zone that answered.
    Region,
    /// The version of the interface that was asked for: `v2` of `/v2/orders`, or a header's.
    ApiVersion,
    /// The family of the client, by its user agent.
    Client,
    /// The host, pod or instance that answered.
    Host,
}

/// Number of labels.
pub const LABELS: usize = Label::ALL.len();

impl Label {
    /// Every label.
    pub const ALL: [Label; 5] = [
        Label::Version,
        Label::Region,
        Label::ApiVersion,
        Label::Client,
        Label::Host,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Label::Version => "version",
            Label::Region => "region",
            Label::ApiVersion => "api_version",
            Label::Client => "client",
            Label::Host => "host",
        }
    }

    /// The request's value; empty where nothing tells.
    pub(super) fn of<'a>(self, record: &Record<'a>, file_host: &'a [u8]) -> &'a [u8] {
        let value = match self {
            Label::Version => record.version,
            Label::Region => record.region,
            Label::ApiVersion => record.api_version.or_else(|| api_version(record.target)),
            Label::Client => record.agent.map(client_family),
            Label::Host => record.host.or(Some(file_host)),
        };
        let value = value.unwrap_or_default();
        &value[..value.len().min(LONGEST)]
    }
}

/// Longer values are cut.
const LONGEST: usize = 80;
/// A path names its version early: `/api/v2/…`, `/shop/eu/v2/…`.
const VERSION_WITHIN: usize = 4;

/// The segment of a path that is a version: `v2`, `v1.1`, `v1beta2`.
fn api_version(target: &[u8]) -> Option<&[u8]> {
    let path = target.split(|b| matches!(b, b'?' | b'#')).next()?;
    let path = match path.first() {
        Some(b'/') => path,
        // An absolute URL: what follows its host.
        _ => path.splitn(4, |b| *b == b'/').nth(3).unwrap_or_default(),
    };
    path.split(|b| *b == b'/')
        .filter(|segment| !segment.is_empty())
        .take(VERSION_WITHIN)
        .find(|segment| is_version(segment))
}

fn is_version(segment: &[u8]) -> bool {
    let [b'v' | b'V', rest @ ..] = segment else {
        return false;
    };
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let major = digits(rest);
    if !(1..=3).contains(&major) {
        return false;
    }
    match &rest[major..] {
        [] => true,
        [b'.', minor @ ..] => (1..=3).contains(&minor.len()) && digits(minor) == minor.len(),
        tail => [&b"alpha"[..], b"beta", b"rc"].iter().any(|word| {
            tail.strip_prefix(*word)
                .is_some_and(|n| n.len() <= 2 && digits(n) == n.len())
        }),
    }
}

/// What a user agent has somewhere in it → the family. The first row that fits counts: bots and
/// tools name browsers too, Edge names Chrome, Chrome names Safari.
const FAMILIES: &[(&[u8], &[u8])] = &[
    (b"bot", b"bot"),
    (b"Bot", b"bot"),
    (b"crawl", b"bot"),
    (b"spider", b"bot"),
    (b"Slurp", b"bot"),
    (b"kube-probe", b"probe"),
    (b"HealthCheck", b"probe"),
    (b"Prometheus", b"probe"),
    (b"UptimeRobot", b"probe"),
    (b"Pingdom", b"probe"),
    (b"curl/", b"curl"),
    (b"Wget", b"wget"),
    (b"okhttp/", b"okhttp"),
    (b"python-", b"python"),
    (b"aiohttp", b"python"),
    (b"Go-http-client", b"go"),
    (b"axios", b"node"),
    (b"node", b"node"),
    (b"Apache-HttpClient", b"java"),
    (b"Java/", b"java"),
    (b"Edg", b"edge"),
    (b"OPR/", b"opera"),
    (b"Firefox/", b"firefox"),
    (b"FxiOS/", b"firefox"),
    (b"CriOS/", b"chrome"),
    (b"Chrome/", b"chrome"),
    (b"Safari/", b"safari"),
    (b"MSIE ", b"internet explorer"),
    (b"Trident/", b"internet explorer"),
];

/// The family of a client: by the table, else its own name with major and minor version, as apps
/// give it (`Shop/5.11.0 (iOS 16.7)` → `Shop/5.11`).
fn client_family(agent: &[u8]) -> &[u8] {
    let known = FAMILIES
        .iter()
        .find(|(mark, _)| memchr::memmem::find(agent, mark).is_some());
    if let Some((_, family)) = known {
        return family;
    }
    let product = agent.split(|b| *b == b' ').next().unwrap_or_default();
    let name = product.iter().take_while(|b| **b != b'/').count();
    let version = product[name..]
        .iter()
        .scan(0, |dots, b| {
            *dots += usize::from(*b == b'.');
            (*dots < 2).then_some(())
        })
        .count();
    &product[..name + version]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_an_interface_is_an_early_segment_of_the_path() {
        for (target, version) in [
            ("/v2/orders/17", Some("v2")),
            ("/api/v1.1/me?to=/v3/", Some("v1.1")),
            ("/shop/eu/x/v1beta2/items", Some("v1beta2")),
            ("https://api.example/v3/x", Some("v3")),
            ("/a/b/c/d/v2", None),
            ("/video/v", None),
            ("/v1234/x", None),
            ("/v2x/x", None),
            ("/", None),
        ] {
            assert_eq!(
                api_version(target.as_bytes()),
                version.map(str::as_bytes),
                "{target}"
            );
        }
    }

    #[test]
    fn clients_come_in_families() {
        for (agent, family) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
                "firefox",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/123.0.0.0 Safari/537.36 Edg/123.0",
                "edge",
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/99",
                "bot",
            ),
            ("curl/8.5.0", "curl"),
            ("kube-probe/1.29", "probe"),
            ("Larder/5.11.0 (iOS 16.7)", "Larder/5.11"),
            ("Larder/5", "Larder/5"),
            ("legacy-sdk", "legacy-sdk"),
            ("", ""),
        ] {
            assert_eq!(
                client_family(agent.as_bytes()),
                family.as_bytes(),
                "{agent}"
            );
        }
    }
}
