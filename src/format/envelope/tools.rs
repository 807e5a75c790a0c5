//! What the tools put before each line that show the logs of many containers at once: Compose, kubectl,
//! kubetail, stern, logcli, flyctl. Where they say which container it was, its name is the service and
//! that of its pod or machine the host.

use super::super::fields::{is_ip, split_once};
use super::{Inner, stamp};

/// `name-1  | <line>`, the name coloured on a terminal; the service's name is without the number.
pub(super) fn compose(line: &[u8]) -> Option<Inner<'_>> {
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

/// A text without the colours that it begins with.
fn behind_colours(mut text: &[u8]) -> &[u8] {
    while let [0x1b, b'[', sequence @ ..] = text {
        let end = sequence.iter().position(u8::is_ascii_alphabetic);
        text = end.map_or(&[][..], |end| &sequence[end + 1..]);
    }
    text
}

/// `[pod/name/container] <line>`, or kubetail's `[name] <line>` and `[name container] <line>`.
pub(super) fn kubectl(line: &[u8]) -> Option<Inner<'_>> {
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
pub(super) fn stern(line: &[u8]) -> Option<Inner<'_>> {
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
pub(super) fn logcli(line: &[u8]) -> Option<Inner<'_>> {
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

pub(super) fn fly(line: &[u8]) -> Option<Inner<'_>> {
    let (time, rest) = split_once(line, b' ')?;
    let (machine, rest) = split_once(rest.strip_prefix(b"app[")?, b']')?;
    let (_region, rest) = split_once(rest.strip_prefix(b" ")?, b' ')?;
    let (_level, line) = split_once(rest.strip_prefix(b"[")?, b']')?;
    Some(Inner {
        host: Some(machine),
        ..Inner::timed(line.trim_ascii_start(), time)
    })
}
