//! What carries log lines puts something around them: a container runtime its time and stream, Docker
//! a JSON object, Compose the container's name, syslog a header. Taken off here, so that every format
//! can be read inside of any of them; the wrapper's time and host stand in where the line has none.

mod syslog;
mod tools;

use std::sync::LazyLock;

use crate::record::Depth;

use super::fields::{Fields, Slot, split_once};
use super::json;
use super::keys::{Keys, Memo};
use super::track::Tracks;
use super::{mixed, prose};
use syslog::{rfc5424, syslog};
use tools::{compose, fly, kubectl, logcli, stern};

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
    tracks: Tracks,
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
        wrappers = ["_source", "result", "content", "fields", "jsonPayload", "resource.attributes", "attributes"]
        request = ["log", "message", "MESSAGE", "textPayload", "msg", "event.original", "line", "event", "_raw", "raw", "@message", "body.stringValue", "body"]
        time = ["time", "@timestamp", "timestamp", "_time", "_SOURCE_REALTIME_TIMESTAMP:us", "__REALTIME_TIMESTAMP:us", "ts", "date", "datetime", "timeUnixNano:ns", "observedTimeUnixNano:ns", "observed_timestamp"]
        host = ["kubernetes.pod_name", "kubernetes.pod.name", "labels.pod", "stream.pod", "stream.pod_name", "stream.instance", "stream.host", "stream.hostname", "_HOSTNAME", "container.hostname", "hostname", "k8s.pod.name", "host.name", "host"]
        service = ["kubernetes.labels.app", "labels.app", "stream.app", "stream.service_name", "stream.service", "stream.job", "stream.container", "container.service", "kubernetes.container_name", "container_name", "resource.labels.container_name", "service.name", "service", "_SYSTEMD_UNIT"]
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
        &mut memory.tracks,
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
