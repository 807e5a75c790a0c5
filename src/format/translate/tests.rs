//! Strings as they stand in servers' configurations, with the layout or keys that they must become
//! (by hand) and lines as those servers write them.

use super::*;
use crate::format::tests::{Owned, builtin, read};
use crate::record::{Depth, Reject, Status};

fn format_of(text: &str) -> std::sync::Arc<Format> {
    builtin()
        .user(text, |_| unreachable!("no file is named"))
        .unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The layout's text, or the regular expression's.
fn becomes(text: &str, apache: bool) -> String {
    let keys = &builtin().synonyms;
    let pieces = if apache {
        apache::pieces(text, keys)
    } else {
        nginx::pieces(text, keys)
    };
    layout(&best_parts(joined(pieces.unwrap()))).unwrap_or_else(|| "a pattern".to_owned())
}

fn request(format: &Format, line: &str) -> Owned {
    read(format, line.as_bytes(), Depth::Full).unwrap_or_else(|e| panic!("{line}: {e:?}"))
}

/// `(method, target, status, latency in µs, client, service)` of a line.
type Told<'t> = (
    &'t str,
    &'t str,
    u16,
    Option<u64>,
    Option<&'t str>,
    Option<&'t str>,
);

fn assert_told(format: &Format, line: &str, expected: Told) {
    let (method, target, status, latency_us, client, service) = expected;
    let told = request(format, line);
    let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
    assert_eq!(told.time_us, 1_712_739_600_000_000, "{line}");
    assert_eq!(
        (told.method, told.target, told.status, told.latency_us),
        (method.into(), target.into(), Status(status), latency_us),
        "{line}"
    );
    let [own_service, own_client, ..] = told.rest;
    assert_eq!(
        (own_client, own_service),
        (bytes(client), bytes(service)),
        "{line}"
    );
}

/// The `main` format of the nginx package's own nginx.conf, pasted as it stands there.
const NGINX_MAIN: &str = r#"log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';"#;

#[test]
fn nginx_strings_become_layouts() {
    for (text, expected) in [
        (
            NGINX_MAIN,
            r#"{client:1} - {user} [{time}] "{request}" {status} {} "{}" "{agent}" "{client}""#,
        ),
        (
            r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $request_time "$upstream_addr""#,
            r#"{client} - {user} [{time}] "{request}" {status} {} {latency:s} "{host}""#,
        ),
        // Both requests' parts and the request line: the line is exact.
        (
            r#"$msec|$request_method|"$request"|$status|$uri"#,
            r#"{time:s}|{}|"{request}"|{status}|{}"#,
        ),
        (
            "log_format x escape=none \"$time_iso8601\\t$status\\t${request_method} $scheme://$host$request_uri\";",
            "{time}\t{status}\t{method} {target}",
        ),
        (
            "$time_iso8601 $status $request_method $uri$is_args$args",
            "{time} {status} {method} {target}",
        ),
        (
            "'{$host} $msec $status $request_method $request_uri'",
            "{{{service}}} {time:s} {status} {method} {target}",
        ),
    ] {
        assert_eq!(becomes(text, false), expected, "{text}");
    }
}

#[test]
fn apache_strings_become_layouts() {
    for (text, expected) in [
        (
            r#"LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined"#,
            r#"{client} {} {user} [{time}] "{request}" {status} {} "{}" "{agent}""#,
        ),
        (
            r#"%v:%p %h %l %u %t \"%r\" %>s %b %D"#,
            r#"{service}:{} {client} {} {user} [{time}] "{request}" {status} {} {latency:us}"#,
        ),
        (
            r#""%r" %s %{sec}t %{ms}T"#,
            r#""{request}" {status} {time:s} {latency:ms}"#,
        ),
        (
            r"%{X-Forwarded-For}i\t%h\t%{%F}t %{%T}t.%{usec_frac}t\t%m %U%q\t%>s\t%{X}e",
            "{client}\t{client:1}\t{time}\t{method} {target}\t{status}\t{}",
        ),
    ] {
        assert_eq!(becomes(text, true), expected, "{text}");
    }
}

#[test]
fn what_can_be_mistaken_becomes_a_pattern() {
    for text in [
        // Side by side; a user agent between spaces; an IPv6 address before a colon; local time
        // before a space.
        "$msec $status $request_method $host$request_uri",
        "$msec $http_user_agent $status $request_method $request_uri",
        "$remote_addr:$remote_port $msec $status $request_method $request_uri",
        "$time_local $status $request_method $request_uri",
        "$msec $upstream_response_time $status $request",
    ] {
        assert_eq!(becomes(text, false), "a pattern", "{text}");
        assert_eq!(format_of(text).shape(), "pattern");
    }
}

#[test]
fn nginx_lines_are_read_by_their_string() {
    let main = format_of(NGINX_MAIN);
    assert_eq!((main.name(), main.shape()), ("log_format", "delimited"));
    let line = |forwarded: &str| {
        format!(
            r#"10.0.0.9 - - [10/Apr/2024:09:00:00 +0000] "GET /cart?id=1 HTTP/1.1" 502 157 "-" "curl/8" "{forwarded}""#
        )
    };
    let told = |client| ("GET", "/cart?id=1", 502, None, Some(client), None);
    assert_told(&main, &line("203.0.113.7, 10.0.0.1"), told("203.0.113.7"));
    // Nobody forwarded it: the client is who asked.
    assert_told(&main, &line("-"), told("10.0.0.9"));

    let spaced = format_of(
        "$time_local $http_user_agent $status $upstream_response_time $host$request_uri $request_method",
    );
    assert_told(
        &spaced,
        "10/Apr/2024:09:00:00 +0000 Mozilla/5.0 (X11) 200 OK 503 0.100, 0.020 shop.example/a?b=1 POST",
        (
            "POST",
            "/a?b=1",
            503,
            Some(120_000),
            None,
            Some("shop.example"),
        ),
    );
    let ports = format_of(
        "$remote_addr:$remote_port $msec $status $request_method $request_uri $request_time",
    );
    assert_told(
        &ports,
        "2001:db8::7:51000 1712739600.000 200 GET / 0.004",
        ("GET", "/", 200, Some(4_000), Some("2001:db8::7"), None),
    );
    // A request that was never read.
    let line = r#"10.0.0.9 - - [10/Apr/2024:09:00:00 +0000] "" 400 0 "-" "-" "-""#;
    assert_eq!(
        read(&main, line.as_bytes(), Depth::Full),
        Err(Reject::EmptyRequest)
    );
    assert!(read(&ports, b"2001:db8::7:51000 \xff 200 GET /", Depth::Full).is_err());
    // Bytes that are no UTF-8 stand in for nothing else.
    let line = b"10/Apr/2024:09:00:00 +0000 \xff\xfe 503 - shop.example/\xff POST";
    assert_eq!(read(&spaced, line, Depth::Full).unwrap().target, b"/\xff");
}

#[test]
fn apache_lines_are_read_by_their_string() {
    let forwarded = format_of(
        r#"LogFormat "%{X-Forwarded-For}i %h %v %{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t \"%r\" %s->%>s %D" proxied"#,
    );
    assert_told(
        &forwarded,
        r#"203.0.113.7, 10.0.0.1 10.0.0.9 shop.example 10/Apr/2024:09:00:00.000 +0000 "GET /a HTTP/1.1" 200->503 1500"#,
        (
            "GET",
            "/a",
            503,
            Some(1_500),
            Some("203.0.113.7"),
            Some("shop.example"),
        ),
    );
    let pathed = format_of("%t %m %U%q %>s %T %a");
    assert_told(
        &pathed,
        "[10/Apr/2024:11:00:00 +0200] POST /a?b=1 404 2 203.0.113.7",
        (
            "POST",
            "/a?b=1",
            404,
            Some(2_000_000),
            Some("203.0.113.7"),
            None,
        ),
    );
    // The time that is written in parts has the parts' precision.
    let parts = format_of(r#"%{%F}t %{%T}t.%{usec_frac}t %>s "%r""#);
    let told = request(&parts, r#"2024-04-10 09:00:00.123456 200 "GET / HTTP/1.0""#);
    assert_eq!(told.time_us, 1_712_739_600_123_456);
}

#[test]
fn strings_that_write_json_become_keys() {
    let nginx = format_of(
        r#"log_format json escape=json '{'
            '"at":"$time_iso8601","who":{"ip":"$remote_addr"},'
            '"what":"$request_method $request_uri $server_protocol",'
            '"st":$status,"took":$request_time,"site":"$server_name"'
        '}';"#,
    );
    assert_eq!(nginx.shape(), "json");
    assert_told(
        &nginx,
        r#"{"at":"2024-04-10T09:00:00+00:00","who":{"ip":"203.0.113.7"},"what":"GET /a HTTP/1.1","st":503,"took":0.250,"site":"shop.example"}"#,
        (
            "GET",
            "/a",
            503,
            Some(250_000),
            Some("203.0.113.7"),
            Some("shop.example"),
        ),
    );
    let apache = format_of(
        r#"LogFormat "{ \"t\":\"%t\", \"m\":\"%m\", \"p\":\"%U%q\", \"s\":%>s, \"us\":%D, \"x\":\"%{Referer}i\" }" json"#,
    );
    assert_told(
        &apache,
        r#"{ "t":"[10/Apr/2024:09:00:00 +0000]", "m":"GET", "p":"/a?b", "s":200, "us":12, "x":"-" }"#,
        ("GET", "/a?b", 200, Some(12), None, None),
    );
}

#[test]
fn a_string_that_names_too_little_is_refused_with_what_to_add() {
    for (text, message, hint) in [
        (
            "$time_local \"$request\"",
            "the log_format string names no status",
            "$status",
        ),
        (
            "$status $request",
            "the log_format string names no time",
            "$time_local",
        ),
        (
            "$status $msec $args",
            "the log_format string names no request",
            "$request",
        ),
        ("%h %t %>s", "the LogFormat string names no request", "%r"),
        (
            "%t \"%r\" %b",
            "the LogFormat string names no status",
            "%>s",
        ),
        (
            "%{msec_frac}t \"%r\" %>s",
            "the LogFormat string names no time",
            "%t",
        ),
        (
            "%t %Z",
            "the LogFormat string has `%Z`, which is no directive",
            "%%",
        ),
        (
            "%h %{Refererx",
            "the LogFormat string has `%{Refererx`, which is no directive",
            "%%",
        ),
        (
            "log_format main '$status",
            "the log_format string has a quote that isn't closed",
            "semicolon",
        ),
        (
            "log_format main",
            "the log_format has a name and no string",
            "semicolon",
        ),
        (
            "$status ${time_local",
            "the log_format string has a `${` that isn't closed",
            "$name",
        ),
    ] {
        let error = builtin()
            .user(text, |_| unreachable!("no file is named"))
            .unwrap_err();
        assert!(error.is_config());
        assert_eq!(error.to_string(), message, "{text}");
        assert!(error.hint_text().unwrap().contains(hint), "{text}");
    }
}
