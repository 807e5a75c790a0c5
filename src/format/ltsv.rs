//! Labeled tab-separated values: `time:… <tab> host:… <tab> req:GET / HTTP/1.1`, a label, a colon and
//! a value, parted by tabs. A value ends at the next tab, whatever else it has in it.
//! <http://ltsv.org/>

use crate::record::Reject;

use super::counted::Sink;
use super::fields::Fields;
use super::keys::{Keys, Meaning};
#[cfg(target_arch = "x86_64")]
use super::track::{HEAD, Plain};
use super::track::{Notation, State, Tracks, Value};
#[cfg(target_arch = "x86_64")]
use crate::lanes::{Half, Readable};

/// `12:30 at the office` is no log line.
const FEWEST_LABELS: usize = 3;

/// Takes the parts of a request that a line's labels give.
pub(super) fn parse<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut Fields<'a>,
    tracks: &mut Tracks,
) -> Result<(), Reject> {
    tracks.serve(keys, b':');
    if tracks.follow::<Ltsv>(line, fields, FEWEST_LABELS) {
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
        tracks.learn(line, lesson);
    }
    Ok(())
}

/// The same of a line that goes a way known from others; nothing is taken of any other.
#[inline]
pub(super) fn parse_plain<'a>(
    keys: &Keys,
    line: &'a [u8],
    fields: &mut impl Sink<'a>,
    tracks: &mut Tracks,
) -> bool {
    tracks.serve(keys, b':');
    tracks.follow_first::<Ltsv>(line, fields, FEWEST_LABELS)
}

struct Ltsv;

impl Notation for Ltsv {
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
    unsafe fn plain_by_lanes(line: &Readable<'_>, at: usize, here: Half) -> Plain {
        let tabs = here.equal(b'\t');
        let end = match tabs {
            // Nothing but zeros follows the line.
            0 if at + HEAD > line.text().len() => line.text().len(),
            0 => return Plain::NONE,
            _ => at + tabs.trailing_zeros() as usize,
        };
        match here.first() {
            b'"' => Plain::NONE,
            _ => Plain::new(at, end),
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
