//! What carries log lines puts something around them: a container runtime its time and stream, Docker
//! a JSON object, Compose the container's name, syslog a header. Taken off here, so that every format
//! can be read inside of any of them; the wrapper's time and host stand in where the line has none.

use std::sync::LazyLock;

use crate::record::Depth;

use super::fields::{Fields, Slot, is_ip, split_once};
use super::json;
use super::keys::{Keys, Memo};
use super::{mixed, prose};

/// One kind of wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Envelope {
    /// The log format of Kubernetes' container runtimes: `<time> stdout F <line>`.
    Cri,
    /// A JSON object with the line under `log` (Docker's json-file), `message` or `MESSAGE` (journald).
    Json,
    /// `docker compose logs`: `name-1  | <line>`.
    Compose,
    /// `kubectl logs --prefix`: `[pod/name/container] <line>`; kubetail: `[name] <line>`.
    Kubectl,
    /// stern: `name container <line>`, with the namespace in front where there are several.
    Stern,
    /// logcli: `<time> {label="value", …} <line>`.
    Logcli,
    /// Fly.io: `<time> app[<machine>] <region> [<level>]<line>`.
    Fly,
    /// logfmt with the line in `msg="…"`, as Grafana's servers have it.
    Logfmt,
    /// A time in front, as of `docker logs -t` and `kubectl logs --timestamps`.
    Stamped,
    /// RFC 3164 as written in practice: `[<pri>]<time> [host] tag[pid]: <line>`, the time RFC 3339 or
    /// without a year. Heroku's drains print so too.
    Syslog,
    /// RFC 5424: `<pri>1 <time> host app pid id [data] <line>`.
    Rfc5424,
    /// Prose that begins with a time and ends in an object, as zap, Monolog and many a logger print it:
    /// `<time> INFO handled {"status": 500}`. The object is the line.
    Lead,
    /// Ruby's logger: `I, [<time> #pid]  INFO -- : <line>`.
    Ruby,
    /// klog and glog: `I0410 09:00:00.123456  1 file.go:42] <line>`.
    Klog,
}

/// The wrappings that are looked for, outermost first; what is listed earlier wins if a later one
/// gives no more.
pub(super) const CHAINS: [&[Envelope]; 24] = [
    &[Envelope::Cri],
    &[Envelope::Json],
    &[Envelope::Compose],
    &[Envelope::Kubectl],
    &[Envelope::Stern],
    &[Envelope::Logcli],
    &[Envelope::Fly],
    &[Envelope::Syslog],
    &[Envelope::Rfc5424],
    &[Envelope::Stamped],
    &[Envelope::Ruby],
    &[Envelope::Logfmt],
    &[Envelope::Cri, Envelope::Logfmt],
    &[Envelope::Compose, Envelope::Stamped],
    &[Envelope::Kubectl, Envelope::Stamped],
    &[Envelope::Stern, Envelope::Stamped],
    &[Envelope::Syslog, Envelope::Ruby],
    &[Envelope::Lead],
    &[Envelope::Compose, Envelope::Lead],
    &[Envelope::Kubectl, Envelope::Lead],
    &[Envelope::Stern, Envelope::Lead],
    &[Envelope::Logcli, Envelope::Lead],
    &[Envelope::Klog],
    &[Envelope::Cri, Envelope::Klog],
];

/// Whether a line that has this around it can't be one that is whole without: text in front of it,
/// which a head of free words (CLF's client, identity, user) would take for its own. A JSON object
/// may well tell of a request and have a message in it.
pub(super) fn is_prefix(chain: &[Envelope]) -> bool {
    !matches!(chain, [] | [Envelope::Json])
}

/// What they are called, from the outside in.
pub(super) fn names(chain: &[Envelope]) -> Vec<&'static str> {
    chain.iter().map(|envelope| envelope.name()).collect()
}

/// What was around a line, and the line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Inner<'a> {
    pub line: &'a [u8],
    pub time: Option<&'a [u8]>,
    pub host: Option<&'a [u8]>,
    pub service: Option<&'a [u8]>,
}

impl<'a> Inner<'a> {
    fn timed(line: &'a [u8], time: &'a [u8]) -> Inner<'a> {
        Inner {
            line,
            time: Some(time),
            ..Inner::default()
        }
    }

    /// What the wrapper says of the request.
    pub(super) fn tell(&self, fields: &mut Fields<'a>) {
        fields.set_outer(Slot::Time, self.time);
        fields.set_outer(Slot::Host, self.host);
        fields.set_outer(Slot::Service, self.service);
    }
}

/// What reading a wrapping needs from line to line.
#[derive(Debug, Default)]
pub(super) struct Memory {
    text: Vec<u8>,
    bytes: Vec<u8>,
    memo: Memo,
}

/// Takes a chain of wrappings off; `None` if one of them isn't there. What was unescaped is in
/// `memory`.
pub(super) fn unwrap<'a>(
    chain: &[Envelope],
    line: &'a [u8],
    memory: &'a mut Memory,
) -> Option<Inner<'a>> {
    if let [Envelope::Json] = chain {
        return json_inner(line, memory);
    }
    let mut inner = Inner {
        line,
        ..Inner::default()
    };
    for envelope in chain {
        let found = envelope.strip(inner.line)?;
        inner = Inner {
            line: found.line,
            time: found.time.or(inner.time),
            host: found.host.or(inner.host),
            service: found.service.or(inner.service),
        };
    }
    Some(inner)
}

/// The keys of a JSON wrapping: the line stands where a whole request would.
static JSON_KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let table = toml::toml! {
        wrappers = ["_source", "result", "content", "fields", "jsonPayload"]
        request = ["log", "message", "MESSAGE", "textPayload", "msg", "event.original", "line", "event", "_raw", "raw", "@message"]
        time = ["time", "@timestamp", "timestamp", "_SOURCE_REALTIME_TIMESTAMP:us", "__REALTIME_TIMESTAMP:us", "ts", "date", "datetime"]
        host = ["kubernetes.pod_name", "kubernetes.pod.name", "labels.pod", "_HOSTNAME", "container.hostname", "hostname", "host.name", "host"]
        service = ["kubernetes.labels.app", "labels.app", "container.service", "kubernetes.container_name", "container_name", "resource.labels.container_name", "service.name", "_SYSTEMD_UNIT"]
    };
    Keys::new(&table).expect("these names are known")
});

fn json_inner<'a>(line: &'a [u8], memory: &'a mut Memory) -> Option<Inner<'a>> {
    let mut fields = Fields::new(Depth::Full);
    json::parse(
        &JSON_KEYS,
        line,
        &mut fields,
        &mut memory.text,
        &mut memory.memo,
    )
    .ok()?;
    fields.unescape(&mut memory.text);
    let text = |slot| fields.value(slot);
    // journald writes a line that isn't UTF-8, or has colours in it, as a list of its bytes.
    let line = match text(Slot::Request) {
        Some(line) if !line.iter().all(u8::is_ascii_digit) => line,
        _ => byte_list(line, &mut memory.bytes)?,
    };
    let unit = |name: &'a [u8]| name.strip_suffix(b".service").unwrap_or(name);
    Some(Inner {
        line,
        time: text(Slot::Time),
        host: text(Slot::Host),
        service: text(Slot::Service).map(unit),
    })
}

/// The text of `"MESSAGE":[71,69,…]`.
fn byte_list<'a>(line: &[u8], out: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    const BEGIN: &[u8] = b"\"MESSAGE\":[";
    let list = line.get(memchr::memmem::find(line, BEGIN)? + BEGIN.len()..)?;
    let (list, _) = split_once(list, b']')?;
    out.clear();
    for number in list.split(|&b| b == b',') {
        out.push(
            std::str::from_utf8(number.trim_ascii())
                .ok()?
                .parse()
                .ok()?,
        );
    }
    // Colours are no part of the line, and nobody looks for them inside.
    let mut plain = Vec::new();
    mixed::uncolour(out, &mut plain);
    *out = plain;
    Some(out)
}

impl Envelope {
    fn name(self) -> &'static str {
        match self {
            Envelope::Cri => "Kubernetes CRI",
            Envelope::Json => "JSON (Docker's json-file, journald)",
            Envelope::Compose => "docker compose",
            Envelope::Kubectl => "kubectl --prefix",
            Envelope::Stern => "stern",
            Envelope::Logcli => "logcli",
            Envelope::Fly => "Fly.io",
            Envelope::Logfmt => "a message in logfmt",
            Envelope::Stamped => "a time in front",
            Envelope::Syslog => "syslog (RFC 3164)",
            Envelope::Rfc5424 => "syslog (RFC 5424)",
            Envelope::Lead => "prose with a time before an object",
            Envelope::Ruby => "Ruby's logger",
            Envelope::Klog => "klog",
        }
    }

    fn strip(self, line: &[u8]) -> Option<Inner<'_>> {
        match self {
            Envelope::Cri => {
                let (time, rest) = stamp(line)?;
                let rest = rest
                    .strip_prefix(b"stdout ")
                    .or_else(|| rest.strip_prefix(b"stderr "))?;
                let rest = rest
                    .strip_prefix(b"F ")
                    .or_else(|| rest.strip_prefix(b"P "))?;
                Some(Inner::timed(rest, time))
            }
            Envelope::Json => None,
            Envelope::Compose => compose(line),
            Envelope::Kubectl => kubectl(line),
            Envelope::Stern => stern(line),
            Envelope::Logcli => logcli(line),
            Envelope::Fly => fly(line),
            Envelope::Logfmt => message(line),
            Envelope::Stamped => stamp(line).map(|(time, rest)| Inner::timed(rest, time)),
            Envelope::Syslog => syslog(line),
            Envelope::Rfc5424 => rfc5424(line),
            Envelope::Lead => lead(line),
            Envelope::Klog => klog(line),
            Envelope::Ruby => {
                let (_, rest) = split_once(line, b'[')?;
                let (time, rest) = split_once(rest, b' ')?;
                let at = memchr::memmem::find(rest, b" -- ")?;
                let (_program, rest) = split_once(&rest[at + 4..], b':')?;
                Some(Inner::timed(rest.trim_ascii_start(), time))
            }
        }
    }
}

/// An RFC 3339 time and what follows the space behind it.
pub(super) fn stamp(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (time, rest) = split_once(line, b' ')?;
    let looks_so =
        time.len() >= 20 && time[0].is_ascii_digit() && time[4] == b'-' && time[10] == b'T';
    looks_so.then_some((time, rest))
}

/// `name-1  | <line>`, the name coloured on a terminal; the service's name is without the number.
fn compose(line: &[u8]) -> Option<Inner<'_>> {
    let (name, rest) = split_once(line, b'|')?;
    let name = behind_colours(name).trim_ascii_end();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    // A table may have bars, too, and an address in its first column.
    if name.is_empty() || !name.iter().all(is_name) || is_ip(name) {
        return None;
    }
    let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let service = match &name[..name.len() - digits] {
        [service @ .., b'-' | b'_'] if digits > 0 && !service.is_empty() => service,
        _ => name,
    };
    // Old versions colour the bar, too.
    let line = behind_colours(rest.trim_ascii_start()).trim_ascii_start();
    Some(Inner {
        line,
        time: None,
        host: Some(name),
        service: Some(service),
    })
}

/// `[pod/name/container] <line>`, or kubetail's `[name] <line>` and `[name container] <line>`.
fn kubectl(line: &[u8]) -> Option<Inner<'_>> {
    let (source, rest) = split_once(line.strip_prefix(b"[")?, b']')?;
    let line = rest.strip_prefix(b" ")?;
    let (pod, container) = match source.strip_prefix(b"pod/") {
        Some(source) => split_once(source, b'/').map(|(pod, name)| (pod, Some(name)))?,
        None => match split_once(source, b' ') {
            Some((pod, name)) => (pod, Some(name)),
            None => (source, None),
        },
    };
    let named = source.starts_with(b"pod/") || is_pod(pod);
    named.then_some(Inner {
        line,
        host: Some(pod),
        service: container,
        time: None,
    })
}

/// `name container <line>`, or `namespace name container <line>`.
fn stern(line: &[u8]) -> Option<Inner<'_>> {
    let (first, rest) = split_once(line, b' ')?;
    let (pod, rest) = match is_pod(first) {
        true => (first, rest),
        false if is_label(first) => split_once(rest, b' ')?,
        false => return None,
    };
    let (container, line) = split_once(rest, b' ')?;
    (is_pod(pod) && is_label(container)).then_some(Inner {
        line,
        host: Some(pod),
        service: Some(container),
        time: None,
    })
}

/// A name in Kubernetes (RFC 1123's label).
fn is_label(name: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    name.first().is_some_and(u8::is_ascii_lowercase) && name.iter().all(allowed)
}

/// A pod's name ends in five letters and digits that were drawn (`shop-7d9f8b6c5-x2x9k`), or in its
/// number (`db-0`).
fn is_pod(name: &[u8]) -> bool {
    let Some(at) = memchr::memrchr(b'-', name) else {
        return false;
    };
    let last = name.get(at + 1..).unwrap_or_default();
    let is_number = !last.is_empty() && last.iter().all(u8::is_ascii_digit);
    is_label(name) && (last.len() == 5 || is_number)
}

/// The labels tell the pod and what it belongs to.
fn logcli(line: &[u8]) -> Option<Inner<'_>> {
    let (time, rest) = stamp(line)?;
    let mut labels = rest.strip_prefix(b"{")?;
    let (mut host, mut service) = (None, None);
    while !labels.starts_with(b"}") {
        let (name, quoted) = split_once(labels, b'=')?;
        let quoted = quoted.strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', quoted)?;
        let value = quoted.get(..end)?;
        match name {
            b"pod" | b"pod_name" | b"instance" | b"host" => host = host.or(Some(value)),
            b"service_name" | b"app" | b"container" | b"job" => service = service.or(Some(value)),
            _ => {}
        }
        let after = quoted.get(end + 1..)?;
        labels = after.strip_prefix(b",").unwrap_or(after).trim_ascii_start();
    }
    let line = labels.strip_prefix(b"}")?.strip_prefix(b" ")?;
    Some(Inner {
        line: line.trim_ascii_start(),
        time: Some(time),
        host,
        service,
    })
}

fn fly(line: &[u8]) -> Option<Inner<'_>> {
    let (time, rest) = split_once(line, b' ')?;
    let (machine, rest) = split_once(rest.strip_prefix(b"app[")?, b']')?;
    let (_region, rest) = split_once(rest.strip_prefix(b" ")?, b' ')?;
    let (_level, line) = split_once(rest.strip_prefix(b"[")?, b']')?;
    Some(Inner {
        host: Some(machine),
        ..Inner::timed(line.trim_ascii_start(), time)
    })
}

/// The text in `msg="…"`, without escapes, and the time in front.
fn message(line: &[u8]) -> Option<Inner<'_>> {
    const KEYS: [&[u8]; 2] = [b" msg=\"", b" message=\""];
    let begins = |key: &&[u8]| memchr::memmem::find(line, key).map(|at| at + key.len());
    let text = line.get(KEYS.iter().find_map(begins)?..)?;
    let (text, _) = split_once(text, b'"')?;
    if text.contains(&b'\\') {
        return None;
    }
    let value = |key: &[u8]| {
        let at = match line.starts_with(key) {
            true => 0,
            false => memchr::memmem::find(line, &[b" ", key].concat())? + 1,
        };
        let value = line.get(at + key.len()..)?.trim_ascii_start();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let end = memchr::memchr2(b' ', b'"', value).unwrap_or(value.len());
        value.get(..end)
    };
    let time = [&b"ts="[..], b"time=", b"t="].into_iter().find_map(value)?;
    Some(Inner::timed(text, time))
}

/// A text without the colours that it begins with.
fn behind_colours(mut text: &[u8]) -> &[u8] {
    while let [0x1b, b'[', sequence @ ..] = text {
        let end = sequence.iter().position(u8::is_ascii_alphabetic);
        text = end.map_or(&[][..], |end| &sequence[end + 1..]);
    }
    text
}

/// Kubernetes' components: `E0410 09:00:00.123456       1 server.go:42] <line>`, month and day in
/// front.
fn klog(line: &[u8]) -> Option<Inner<'_>> {
    let ([b'I' | b'W' | b'E' | b'F'], rest) = line.split_first_chunk::<1>()? else {
        return None;
    };
    let (time, rest) = rest.split_at_checked("0410 09:00:00.123456".len())?;
    let is_time = time[..4].iter().all(u8::is_ascii_digit)
        && (time[4], time[7], time[10], time[13]) == (b' ', b':', b':', b'.');
    let (source, line) = split_once(rest, b']')?;
    let is_source = source.first() == Some(&b' ') && source.contains(&b':');
    let line = line.strip_prefix(b" ")?;
    (is_time && is_source).then_some(Inner::timed(line, time))
}

fn lead(line: &[u8]) -> Option<Inner<'_>> {
    // Monolog writes what it has no context for as an empty list.
    let line = line.strip_suffix(b" []").unwrap_or(line);
    let time = prose::time(line)?;
    if line.get(..time.start)?.contains(&b'{') {
        return None;
    }
    let open = time.end + memchr::memchr(b'{', line.get(time.end..)?)?;
    let object = line.get(open..).filter(|object| object.ends_with(b"}"))?;
    Some(Inner::timed(object, line.get(time)?))
}

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

fn syslog(line: &[u8]) -> Option<Inner<'_>> {
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
    if let Some(tag) = first.strip_suffix(b":") {
        return Some(Inner {
            service: program(tag),
            ..Inner::timed(after, time)
        });
    }
    let (tag, after) = split_once(after, b' ')?;
    Some(Inner {
        host: Some(first),
        service: program(tag.strip_suffix(b":")?),
        ..Inner::timed(after, time)
    })
}

/// Programs that serve for others: their names don't tell what was served.
const SERVERS: [&[u8]; 22] = [
    b"-",
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

fn rfc5424(line: &[u8]) -> Option<Inner<'_>> {
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
