//! logfmt: `key=value key="quoted value" flag`, as Go services, Heroku and Grafana's tools write it.
//!
//! The notation has no standard; read here is what `github.com/kr/logfmt` and its writers agree on:
//! pairs separated by spaces, values in double quotes with Go's escapes, keys without a value allowed.
//! Rust's `tracing` puts pairs in braces (`request{method=GET uri=/}: … latency=12 ms`) and a unit behind
//! its number.

use crate::record::Reject;

use super::fields::Fields;
use super::keys::{Keys, Meaning};

/// Takes the parts of a request that a line's pairs give, and says whether it looks like logfmt at
/// all: it begins with a pair and has another. Prose with an `=` in it does not.
pub(super) fn parse<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
) -> Result<bool, Reject> {
    let (mut rest, mut pairs, mut begins_with_pair) = (next(line), 0, true);
    while !rest.is_empty() {
        let Some((key, after)) = key(rest) else {
            begins_with_pair &= pairs > 0;
            let end = memchr::memchr2(b' ', b'{', rest).unwrap_or(rest.len());
            let brace = usize::from(rest.get(end) == Some(&b'{'));
            rest = next(&rest[end + brace..]);
            continue;
        };
        let (value, escaped, after) = value(after)?;
        pairs += 1;
        if let Some(Meaning::Part { slot, rank, unit }) = keys.find_name(key) {
            fields.offer(slot, rank, unit, value, escaped);
        }
        rest = next(after);
    }
    Ok(begins_with_pair && pairs >= 2)
}

/// What follows the spaces.
#[inline]
fn next(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&b| b == b' ').count();
    &text[spaces..]
}

/// A key and what follows its `=`, if a pair begins here.
#[inline]
fn key(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_key =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@' | b'/');
    let len = text.iter().take_while(|b| is_key(b)).count();
    match &text[len..] {
        [b'=', after @ ..] if len > 0 => Some((&text[..len], after)),
        _ => None,
    }
}

/// A value, whether it has escapes, and what follows it.
#[inline]
fn value(text: &[u8]) -> Result<(&[u8], bool, &[u8]), Reject> {
    let [b'"', quoted @ ..] = text else {
        let end = memchr::memchr(b' ', text).unwrap_or(text.len());
        let end = end + unit_apart(&text[..end], &text[end..]);
        let value = &text[..end];
        let closed = match value {
            [inside @ .., b'}', b':'] | [inside @ .., b'}'] if !inside.contains(&b'{') => inside,
            _ => value,
        };
        return Ok((closed, false, &text[end..]));
    };
    let (mut at, mut escaped) = (0, false);
    loop {
        let found = quoted
            .get(at..)
            .and_then(|rest| memchr::memchr2(b'"', b'\\', rest));
        let end = at + found.ok_or(Reject::Truncated)?;
        if quoted[end] == b'"' {
            return Ok((&quoted[..end], escaped, &quoted[end + 1..]));
        }
        escaped = true;
        at = end + 2;
    }
}

/// How long the unit of time is that stands apart behind a number, with its space.
#[inline]
fn unit_apart(number: &[u8], after: &[u8]) -> usize {
    let is_number = number.last().is_some_and(u8::is_ascii_digit);
    let units = [&b" ns"[..], b" us", b" \xc2\xb5s", b" ms", b" s"];
    let ends = |rest: &[u8]| matches!(rest.first(), None | Some(b' '));
    let unit = units
        .iter()
        .find(|unit| is_number && after.strip_prefix(**unit).is_some_and(ends));
    unit.map_or(0, |unit| unit.len())
}
