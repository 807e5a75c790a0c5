//! The shortest way along a line of an access log: where it is as plain as nearly all are, its counted
//! parts stand at places that a few compares of many bytes at once find.
//!
//! Like `access`, which it takes the work from where the processor has the instructions, it reads a line
//! just as the layout's own walk would, or says nothing about it; a test compares them.

use crate::lanes::{Lanes, WIDTH};
use crate::record::Status;
use crate::timestamp::Clock;

use super::LONGEST_LINE;
use super::access::last_millis;
use super::delimited::{Layout, Way, latency_at_end};

/// Length of `17/May/2015:10:05:03 +0000`, and of the `] "` behind it.
const TIME: usize = 26;
const BEHIND_TIME: usize = 3;

/// What pass 1 reads of a plain line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// As in a record.
    pub time_us: i64,
    /// The method, its first byte lowest: at most seven.
    pub method: u64,
    /// How many these are.
    pub method_len: usize,
    /// Where the target begins in the text; there are [`WIDTH`] bytes from here on.
    pub target: usize,
    /// Its length.
    pub target_len: usize,
    /// As in a record.
    pub status: Status,
    /// As in a record.
    pub latency_us: Option<u64>,
}

/// Reads lines of one format; remembers the last time.
#[derive(Debug)]
pub struct Glances<'f> {
    layout: &'f Layout,
    way: Way,
    /// The text of the last time with what must stand behind it, and what it means.
    time: [u8; 32],
    time_us: Option<i64>,
}

impl<'f> Glances<'f> {
    pub(super) fn new(layout: &'f Layout) -> Glances<'f> {
        Glances {
            layout,
            way: layout.way_to_latency(),
            time: [0; 32],
            time_us: None,
        }
    }

    /// The line `text[begin..end]`, if it is plain and not near the end of the text.
    // No closures here: what takes them has not these features, so they would be called each time.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    pub fn read(
        &mut self,
        text: &[u8],
        begin: usize,
        end: usize,
        clock: &mut Clock,
    ) -> Option<Glance> {
        let head = text.get(begin..)?.first_chunk::<WIDTH>()?;
        if !head[0].is_ascii_alphanumeric() || end - begin > LONGEST_LINE {
            return None;
        }
        let client = begin + Lanes::load(head).equal(b' ').trailing_zeros() as usize;
        if word(text, client)? << 16 != u64::from_le_bytes(*b"\0\0 - - [") {
            return None;
        }
        let time = client + 6;
        let request = time + TIME + BEHIND_TIME;
        let around_time = text.get(time..)?.first_chunk()?;
        let time_us = match Lanes::same_at_begin(around_time, &self.time) >= TIME + BEHIND_TIME {
            true => self.time_us?,
            false => self.read_time(around_time, clock)?,
        };
        let word_and_more = word(text, request)?;
        let method_len = spaces(word_and_more).trailing_zeros() as usize / 8;
        if method_len == 0 || method_len > 7 {
            return None;
        }
        let method = word_and_more & ((1 << (8 * method_len)) - 1);
        if !is_upper(method, method_len) {
            return None;
        }
        let target = request + method_len + 1;
        let bytes = text.get(target..)?.first_chunk::<WIDTH>()?;
        let quote = match Lanes::load(bytes).equal(b'"') {
            0 => far_quote(text, target + WIDTH, end)?,
            quotes => target + quotes.trailing_zeros() as usize,
        };
        // The status and the spaces around it follow on the same line; `/ HTTP/1.1` is the shortest request.
        if bytes[0] != b'/' || quote < target + 10 || quote + 6 > end {
            return None;
        }
        let target_end = before_protocol(text, quote)?;
        if !text[target_end - 1].is_ascii_graphic() {
            return None;
        }
        let status = status(word(text, quote)?)?;
        let latency_us = match self.way {
            Way::Nowhere => None,
            Way::Back => latency_at(text, quote + 6, end),
            Way::On => self.layout.latency_behind(text.get(quote + 5..end)?),
        };
        Some(Glance {
            time_us,
            method,
            method_len,
            target,
            target_len: target_end - target,
            status,
            latency_us,
        })
    }

    #[cold]
    #[inline(never)]
    fn read_time(&mut self, text: &[u8; 32], clock: &mut Clock) -> Option<i64> {
        let (time, behind) = text.split_at(TIME);
        if !behind.starts_with(b"] \"") {
            return None;
        }
        let time_us = clock.clf(time)?;
        self.time = *text;
        self.time_us = Some(time_us);
        Some(time_us)
    }
}

#[inline]
fn word(text: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*text.get(at..)?.first_chunk()?))
}

/// The high bit of each byte that is a space; exact up to the first one.
#[inline]
fn spaces(word: u64) -> u64 {
    let differs = word ^ u64::from_le_bytes([b' '; 8]);
    differs.wrapping_sub(u64::from_le_bytes([1; 8])) & !differs & u64::from_le_bytes([0x80; 8])
}

/// Whether the first `len` bytes are all of A to Z; the others are 0.
#[inline]
fn is_upper(word: u64, len: usize) -> bool {
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let at_least_a = word.wrapping_add(u64::from_le_bytes([0x80 - b'A'; 8]));
    let beyond_z = word.wrapping_add(u64::from_le_bytes([0x80 - b'Z' - 1; 8]));
    let wanted = HIGH >> (64 - 8 * len);
    word & HIGH == 0 && at_least_a & !beyond_z & HIGH == wanted
}

/// The next quote of a line whose request is long.
#[inline(never)]
fn far_quote(text: &[u8], from: usize, end: usize) -> Option<usize> {
    memchr::memchr(b'"', text.get(from..end)?).map(|place| from + place)
}

/// Where the target ends that ` HTTP/1.1` or ` HTTP/2` follows, up to the quote at this place.
#[inline]
fn before_protocol(text: &[u8], quote: usize) -> Option<usize> {
    let behind = word(text, quote - 8)?;
    // Two digits stand where these have zeros; adding six to a larger one carries into the other half.
    let digits = behind ^ u64::from_le_bytes(*b"HTTP/0.0");
    const DIGITS: u64 = 0x0f00_0f00_0000_0000;
    let is_digits =
        digits & !DIGITS == 0 && digits.wrapping_add(0x0600_0600_0000_0000) & !DIGITS == 0;
    if is_digits && text[quote - 9] == b' ' {
        return Some(quote - 9);
    }
    let is_short = behind >> 8 == u64::from_le_bytes(*b" HTTP/2\0");
    is_short.then_some(quote - 7)
}

/// The status between `" ` and ` ` at the begin of these bytes.
#[inline]
fn status(word: u64) -> Option<Status> {
    let [b'"', b' ', a, b, c, b' ', ..] = word.to_le_bytes() else {
        return None;
    };
    match Status::parse(&[a, b, c]) {
        Some(status) if status.0 >= 100 => Some(status),
        _ => None,
    }
}

/// The latency in the last word of `text[from..end]`.
#[inline]
fn latency_at(text: &[u8], from: usize, end: usize) -> Option<u64> {
    // Nearly all answers take less than ten seconds: ` 0.123`.
    if from + 8 <= end
        && let Some(word) = word(text, end - 8)
    {
        const DIGITS: u64 = 0x0f0f_0f00_0f00_0000;
        let digits = (word & !0xffff) ^ u64::from_le_bytes(*b"\0\0 0.000");
        if digits & !DIGITS == 0 && digits.wrapping_add(0x0606_0600_0600_0000) & !DIGITS == 0 {
            let [_, _, _, s, _, a, b, c] = digits.to_le_bytes().map(u64::from);
            return Some(1_000_000 * s + 100_000 * a + 10_000 * b + 1_000 * c);
        }
    }
    let behind = text.get(from..end)?;
    last_millis(behind).or_else(|| latency_at_end(behind))
}
