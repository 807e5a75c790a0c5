//! The short way along a line of an access log, as far as pass 1 reads it: up to the status, and from
//! the line's end back to a latency that stands there.
//!
//! Most of the world's access logs begin alike: client, identity, user, time, request line, status. Where
//! a line is as plain as most are, its counted parts stand at places that a few compares find; any
//! other line is left to the layout's own walk, which reads it at its leisure. Whoever is read here is
//! read just as the walk would: a test compares the two on every sample and on mutations of them.

use crate::record::{Record, Status};
use crate::timestamp::Clock;

use super::LONGEST_LINE;
use super::text::find_near;

/// Length of `17/May/2015:10:05:03 +0000`.
const TIME: usize = 26;

/// The request on a plain line that begins with `client ident user [time] "request" status `, but for
/// its latency and what pass 1 leaves alone, and what follows the status. `None` says nothing about
/// the line but that it isn't plain.
#[inline]
pub(super) fn read<'a>(line: &'a [u8], clock: &mut Clock) -> Option<(Record<'a>, &'a [u8])> {
    if line.len() > LONGEST_LINE || !line.first()?.is_ascii_alphanumeric() {
        return None;
    }
    let client = find_near(line, b' ')?;
    let names = &line[client..];
    let time = match names.first_chunk()? {
        b" - - [" => &names[6..],
        // The identity is never used; only an address may be followed by one.
        [b' ', b'-', b' ', ..] => named(&names[3..])?,
        _ => return None,
    };
    let (time, rest) = time.split_first_chunk::<TIME>()?;
    let request = rest.strip_prefix(b"] \"")?;
    let method = find_near(request.get(..10)?, b' ')?;
    let (method, target) = (&request[..method], &request[method + 1..]);
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    if !is_method || target.first() != Some(&b'/') {
        return None;
    }
    let quote = memchr::memchr(b'"', target)?;
    let (target, rest) = target.split_at(quote);
    let target = without_protocol(target)?;
    let [b'"', b' ', a, b, c, b' ', ..] = *rest else {
        return None;
    };
    let status = Status::parse(&[a, b, c]).filter(|status| status.0 >= 100)?;
    let record = Record {
        time_us: clock.clf(time)?,
        method,
        target,
        status,
        latency_us: None,
        service: None,
        client: None,
        user: None,
        agent: None,
        host: None,
        version: None,
        region: None,
        api_version: None,
    };
    Some((record, &rest[5..]))
}

/// The latency in µs that a line's last word tells in seconds with three decimals, as nginx's
/// `$request_time` does. `None` says nothing but that the word isn't so plain.
#[inline]
pub(super) fn last_millis(line: &[u8]) -> Option<u64> {
    let (whole, &[b'.', a, b, c]) = line.split_last_chunk()? else {
        return None;
    };
    let digit = |byte: u8| Some(u64::from(byte.wrapping_sub(b'0'))).filter(|&d| d < 10);
    let millis = 100 * digit(a)? + 10 * digit(b)? + digit(c)?;
    // Nearly all answers take less than ten seconds.
    if let [.., b' ', second] = *whole {
        return Some(1_000_000 * digit(second)? + 1_000 * millis);
    }
    let (mut seconds, mut place) = (0, 1);
    for &byte in whole.iter().rev().take(6) {
        if byte == b' ' {
            return (place > 1).then_some(1_000_000 * seconds + 1_000 * millis);
        }
        seconds += place * digit(byte)?;
        place *= 10;
    }
    None
}

/// What follows the ` [` behind a user's name.
#[cold]
fn named(user: &[u8]) -> Option<&[u8]> {
    let open = memchr::memchr(b'[', user)?;
    (user[..open].last() == Some(&b' ')).then_some(&user[open + 1..])
}

/// The target of `target HTTP/1.1` or `target HTTP/2`, where nothing about it is odd.
#[inline]
pub(super) fn without_protocol(text: &[u8]) -> Option<&[u8]> {
    let target = match text {
        [
            target @ ..,
            b' ',
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'0'..=b'9',
            b'.',
            b'0'..=b'9',
        ] => target,
        [target @ .., b' ', b'H', b'T', b'T', b'P', b'/', b'0'..=b'9'] => target,
        _ => return None,
    };
    target.last()?.is_ascii_graphic().then_some(target)
}
