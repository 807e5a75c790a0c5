//! logfmt: `key=value key="quoted value" flag`, as Go services, Heroku and Grafana's tools write it.
//!
//! The notation has no standard; read here is what `github.com/kr/logfmt` and its writers agree on:
//! pairs separated by spaces, values in double quotes with Go's escapes, keys without a value allowed.
//! Rust's `tracing` puts pairs in braces (`request{method=GET uri=/}: … latency=12 ms`) and a unit behind
//! its number.

use crate::record::Reject;

use super::fields::Fields;
use super::keys::{Keys, Meaning};
use super::track::{Notation, State, Tracks, Value};
#[cfg(target_arch = "x86_64")]
use crate::lanes::Half;

const FEWEST_PAIRS: usize = 2;

/// Takes the parts of a request that a line's pairs give, and says whether it looks like logfmt at
/// all: it begins with a pair and has another. Prose with an `=` in it does not.
pub(super) fn parse<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
    tracks: &mut Tracks,
) -> Result<bool, Reject> {
    // Lines are learned from that begin with a pair.
    if tracks.follow::<Logfmt>(keys, line, fields) {
        return Ok(true);
    }
    let Some(mut lesson) = tracks.lesson() else {
        return walk(keys, line, fields, |_, _, _| {});
    };
    let is_logfmt = walk(keys, line, fields, |begin, end, meaning| {
        lesson.value(begin, end, meaning, State::TOP);
        // Behind a number it would be part of the value.
        if unit_apart(b"0", line.get(end..).unwrap_or_default()) > 0 {
            lesson.spoil();
        }
    })?;
    if is_logfmt {
        tracks.learn::<Logfmt>(line, lesson);
    }
    Ok(is_logfmt)
}

/// The same without a memory of other lines; tells where each value begins and ends, and what it means.
pub(super) fn walk<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
    mut tell: impl FnMut(usize, usize, Option<Meaning>),
) -> Result<bool, Reject> {
    let (mut rest, mut pairs, mut begins_with_pair) = (next(line), 0, true);
    while !rest.is_empty() {
        let Some((key, from_value)) = key(rest) else {
            begins_with_pair &= pairs > 0;
            let end = memchr::memchr2(b' ', b'{', rest).unwrap_or(rest.len());
            let brace = usize::from(rest.get(end) == Some(&b'{'));
            rest = next(&rest[end + brace..]);
            continue;
        };
        let (value, escaped, after) = value(from_value)?;
        pairs += 1;
        let meaning = keys.find_name(key);
        tell(
            line.len() - from_value.len(),
            line.len() - after.len(),
            meaning,
        );
        if let Some(Meaning::Part { slot, rank, unit }) = meaning {
            fields.offer(slot, rank, unit, value, escaped);
        }
        rest = next(after);
    }
    Ok(begins_with_pair && pairs >= FEWEST_PAIRS)
}

/// Its notation.
pub(super) struct Logfmt;

impl Notation for Logfmt {
    const MARK: u8 = b'=';
    const FEWEST: usize = FEWEST_PAIRS;

    const HAS_QUOTES: bool = true;

    #[inline]
    fn value_at(line: &[u8], at: usize) -> Option<Value> {
        let from_value = line.get(at..)?;
        let (text, escaped, after) = value(from_value).ok()?;
        let start = at + usize::from(from_value.first() == Some(&b'"'));
        Some(Value {
            escaped,
            ..Value::new(start, start + text.len()).closed(line.len() - after.len())
        })
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    unsafe fn bare_by_lanes(begin: usize, here: Half) -> usize {
        let blanks = here.within(0, b' ' + 1);
        // What it begins with may open a text, what it ends with may close what is open. A unit of time behind it
        // is nothing that a gap begins with.
        let odd = here.equal(b'}') | here.equal(b'"');
        let up_to_blank = blanks ^ blanks.wrapping_sub(1);
        match blanks == 0 || odd & up_to_blank != 0 {
            true => 0,
            false => begin + blanks.trailing_zeros() as usize,
        }
    }
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
