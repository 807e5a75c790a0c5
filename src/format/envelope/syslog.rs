//! Syslog's two headers, as programs write them: time and host in front, a tag that names the program.
//! Knows nothing of what follows them.

use super::super::fields::split_once;
use super::super::plain::is_level;
use super::{Inner, stamp};

/// Without `<190>` in front, nor the count of octets that syslog over TCP puts before that (RFC 6587).
fn without_priority(line: &[u8]) -> &[u8] {
    let digits = line.iter().take_while(|b| b.is_ascii_digit()).count();
    let line = match line.split_at_checked(digits) {
        Some((_, [b' ', rest @ ..])) if digits > 0 && rest.first() == Some(&b'<') => rest,
        _ => line,
    };
    match line
        .strip_prefix(b"<")
        .and_then(|rest| split_once(rest, b'>'))
    {
        Some((priority, rest)) if priority.len() <= 3 => rest,
        _ => line,
    }
}

pub(super) fn syslog(line: &[u8]) -> Option<Inner<'_>> {
    let line = without_priority(line);
    let (time, rest) = match stamp(line) {
        Some(found) => found,
        None => {
            // `Feb 25 16:19:38 `: fixed columns.
            let (time, rest) = line.split_at_checked(15)?;
            let is_time = time[0].is_ascii_uppercase()
                && time[3] == b' '
                && time[9] == b':'
                && time[12] == b':';
            is_time.then_some((time, rest.strip_prefix(b" ")?))?
        }
    };
    let (first, after) = split_once(rest, b' ')?;
    // `<time> info: …`, `<time> [shop] info: …`: a logger's line, not syslog's.
    let is_loggers = |word: &[u8]| word.starts_with(b"[") || is_level(word);
    if let Some(tag) = first.strip_suffix(b":") {
        if is_loggers(tag) {
            return None;
        }
        return Some(Inner {
            service: program(tag),
            ..Inner::timed(after, time)
        });
    }
    let (tag, after) = split_once(after, b' ')?;
    let tag = tag.strip_suffix(b":")?;
    if is_loggers(first) || is_level(tag) {
        return None;
    }
    Some(Inner {
        host: Some(first),
        service: program(tag),
        ..Inner::timed(after, time)
    })
}

/// Programs that serve for others: their names don't tell what was served.
const SERVERS: [&[u8]; 23] = [
    b"-",
    b"access",
    b"apache",
    b"apache2",
    b"app",
    b"caddy",
    b"containerd",
    b"docker",
    b"dockerd",
    b"envoy",
    b"gunicorn",
    b"haproxy",
    b"heroku",
    b"httpd",
    b"lighttpd",
    b"nginx",
    b"nginx-ingress",
    b"squid",
    b"tomcat",
    b"traefik",
    b"uwsgi",
    b"uvicorn",
    b"varnishncsa",
];

/// The service that a syslog tag names: `shop-api[123]`, but not `nginx[123]`, nor the id of a container.
fn program(tag: &[u8]) -> Option<&[u8]> {
    let name = split_once(tag, b'[').map_or(tag, |(name, _)| name);
    let name = name.strip_suffix(b".log").unwrap_or(name);
    let is_id = name.len() >= 12 && name.iter().all(u8::is_ascii_hexdigit);
    let is_word = name.iter().all(u8::is_ascii_graphic) && !name.contains(&b'/');
    let says = !name.is_empty() && is_word && !is_id && !SERVERS.contains(&name);
    says.then_some(name)
}

/// How long the elements are that begin here, `[id name="value"]…`: a value may have brackets in it.
fn structured_data(text: &[u8]) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.iter()
        .enumerate()
        .position(|(at, &b)| {
            let is_end = b == b']' && !is_quoted && text.get(at + 1) != Some(&b'[');
            is_quoted ^= b == b'"' && !is_escaped;
            is_escaped = b == b'\\' && !is_escaped;
            is_end
        })
        .map(|at| at + 1)
}

pub(super) fn rfc5424(line: &[u8]) -> Option<Inner<'_>> {
    let rest = without_priority(line).strip_prefix(b"1 ")?;
    let (time, rest) = split_once(rest, b' ')?;
    let (host, rest) = split_once(rest, b' ')?;
    let (app, rest) = split_once(rest, b' ')?;
    let (_process, rest) = split_once(rest, b' ')?;
    let (_id, rest) = split_once(rest, b' ')?;
    let rest = match rest {
        [b'-', b' ', rest @ ..] => rest,
        [b'[', ..] => rest.get(structured_data(rest)?..)?.strip_prefix(b" ")?,
        _ => return None,
    };
    let rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
    Some(Inner {
        host: Some(host),
        service: program(app),
        ..Inner::timed(rest, time)
    })
}
