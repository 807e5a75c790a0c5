//! Labeled tab-separated values: `time:… <tab> host:… <tab> req:GET / HTTP/1.1`, a label, a colon and
//! a value, parted by tabs. A value ends at the next tab, whatever else it has in it.
//! <http://ltsv.org/>

use crate::record::Reject;

use super::fields::Fields;
use super::keys::{Keys, Meaning};
use super::track::{Notation, State, Tracks, Value};
#[cfg(target_arch = "x86_64")]
use crate::lanes::Half;

/// `12:30 at the office` is no log line.
const FEWEST_LABELS: usize = 3;

/// Takes the parts of a request that a line's labels give.
pub(super) fn parse<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
    tracks: &mut Tracks,
) -> Result<(), Reject> {
    if tracks.follow::<Ltsv>(keys, line, fields) {
        return Ok(());
    }
    let mut lesson = tracks.lesson();
    let (mut labels, mut at) = (0, 0);
    for field in line.split(|&b| b == b'\t') {
        let Some((label, value)) = labeled(field) else {
            return Err(Reject::Unrecognized);
        };
        labels += 1;
        let meaning = keys.find_name(label);
        at += field.len();
        if let Some(lesson) = &mut lesson {
            lesson.value(at - value.len(), at, meaning, State::TOP);
        }
        if let Some(Meaning::Part { slot, rank, unit }) = meaning {
            fields.offer(slot, rank, unit, unquoted(value), false);
        }
        at += 1;
    }
    if labels < FEWEST_LABELS {
        return Err(Reject::Unrecognized);
    }
    if let Some(lesson) = lesson {
        tracks.learn::<Ltsv>(line, lesson);
    }
    Ok(())
}

/// Its notation.
pub(super) struct Ltsv;

impl Notation for Ltsv {
    const MARK: u8 = b':';
    const FEWEST: usize = FEWEST_LABELS;

    /// They may stand around a value, but do not end it.
    const HAS_QUOTES: bool = false;

    #[inline]
    fn value_at(line: &[u8], at: usize) -> Option<Value> {
        let rest = line.get(at..)?;
        let end = memchr::memchr(b'\t', rest).unwrap_or(rest.len());
        Some(inside(line, at, at + end))
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    unsafe fn bare_by_lanes(begin: usize, here: Half) -> usize {
        // A tab, or whatever is behind the line.
        let ends = here.within(0, b' ');
        match ends == 0 || here.first() == b'"' {
            true => 0,
            false => begin + ends.trailing_zeros() as usize,
        }
    }
}

/// The value that stands there, perhaps in quotes.
#[inline]
fn inside(line: &[u8], start: usize, end: usize) -> Value {
    let value = line.get(start..end).unwrap_or_default();
    match unquoted(value).len() == value.len() {
        true => Value::new(start, end),
        false => Value::new(start + 1, end - 1).closed(end),
    }
}

fn labeled(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_label = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let len = field.iter().take_while(|b| is_label(b)).count();
    match field.split_at_checked(len)? {
        (label, [b':', value @ ..]) if len > 0 => Some((label, value)),
        _ => None,
    }
}

/// Some write the values of headers in quotes, as in a combined log.
fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inside @ .., b'"'] => inside,
        _ => value,
    }
}
