//! The shortest way along a line of an access log: where it is as plain as nearly all are, its counted
//! parts stand at places that a few compares of many bytes at once find.
//!
//! Like `access`, which it takes the work from where the processor has the instructions, it reads a line
//! just as the layout's own walk would, or says nothing about it; a test compares them.

use crate::lanes::{Lanes, WIDTH};
use crate::record::Status;
use crate::timestamp::Clock;

use super::access::last_millis;
use super::delimited::{Layout, Way, latency_at_end};
use super::{LONGEST_LINE, Scratch};

/// Length of `17/May/2015:10:05:03 +0000`, and of the `] "` behind it.
const TIME: usize = 26;
const BEHIND_TIME: usize = 3;

/// How far a line is looked at from its begin. A client of at most 63 bytes, its time and a method leave
/// room for [`WIDTH`] bytes of the target.
const NEAR: usize = 256;

/// What pass 1 reads of a plain line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance<'t> {
    /// As in a record.
    pub time_us: i64,
    /// The method, its first byte lowest: at most seven.
    pub method: u64,
    /// How many these are.
    pub method_len: usize,
    /// Where the target begins in the text.
    pub target: usize,
    /// Its length.
    pub target_len: usize,
    /// As in a record.
    pub status: Status,
    /// As in a record.
    pub latency_us: Option<u64>,
    /// As in a record.
    pub service: Option<&'t [u8]>,
}

/// Who reads lines of one format at a glance.
pub trait Glancing: Sized {
    /// The same, but for how long requests took: to find that may cost more than all else.
    fn without_latency(self) -> Self;

    /// The line `text[begin..end]`, if it is plain and not near the end of the text. Each pass has
    /// its own, so that it is part of its loop.
    ///
    /// # Safety
    /// The processor must have what [`crate::lanes`] needs.
    #[allow(unsafe_code)]
    unsafe fn read<'t, const PASS: u8>(
        &mut self,
        text: &'t [u8],
        begin: usize,
        end: usize,
        clock: &mut Clock,
        scratch: &mut Scratch,
    ) -> Option<Glance<'t>>;
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

impl Glancing for Glances<'_> {
    fn without_latency(self) -> Self {
        Glances {
            way: Way::Nowhere,
            ..self
        }
    }

    // No closures here: what takes them has not these features, so they would be called each time.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    unsafe fn read<'t, const PASS: u8>(
        &mut self,
        text: &'t [u8],
        begin: usize,
        end: usize,
        clock: &mut Clock,
        _: &mut Scratch,
    ) -> Option<Glance<'t>> {
        // All places from here on are less than 256 by their sizes.
        let near = text.get(begin..)?.first_chunk::<NEAR>()?;
        if !near[0].is_ascii_alphanumeric() || end - begin > LONGEST_LINE {
            return None;
        }
        let spaces = Lanes::load(near.first_chunk()?).equal(b' ');
        if spaces == 0 {
            return None;
        }
        let client = spaces.trailing_zeros() as usize;
        if word(near, client) << 16 != u64::from_le_bytes(*b"\0\0 - - [") {
            return None;
        }
        let time = client + 6;
        let around_time = near[time..].first_chunk()?;
        let time_us = match Lanes::same_at_begin(around_time, &self.time) >= TIME + BEHIND_TIME {
            true => self.time_us?,
            false => self.read_time(around_time, clock)?,
        };
        let request = time + TIME + BEHIND_TIME;
        let method_and_more = word(near, request);
        let space = first_space(method_and_more);
        if space == 0 {
            return None;
        }
        let method_len = space.trailing_zeros() as usize / 8;
        // The bits below the space's byte.
        let method = method_and_more & ((space >> 7) - 1);
        if !is_upper(method, method_len) {
            return None;
        }
        let target = request + method_len + 1;
        let bytes = near[target..].first_chunk::<WIDTH>()?;
        let quotes = Lanes::load(bytes).equal(b'"');
        let target_at = begin + target;
        let quote = match quotes {
            0 => far_quote(text, target_at + WIDTH, end)?,
            _ => target_at + quotes.trailing_zeros() as usize,
        };
        // The status and the spaces around it follow on the same line; `/ HTTP/1.1` is the shortest request.
        if bytes[0] != b'/' || quote < target_at + 10 || quote + 6 > end {
            return None;
        }
        let [before, behind] = text.get(quote - 8..quote + 8)?.as_chunks().0 else {
            return None;
        };
        let target_end = quote - protocol(u64::from_le_bytes(*before))?;
        let status = status(u64::from_le_bytes(*behind))?;
        // ` HTTP/1.1` may have more spaces before it, or what is no text.
        if !text[target_end - 1].is_ascii_graphic() || text[target_end] != b' ' {
            return None;
        }
        let latency_us = match self.way {
            Way::Nowhere => None,
            Way::Back => latency_at(text, quote + 6, end),
            Way::On => self.layout.latency_behind(text.get(quote + 5..end)?),
        };
        Some(Glance {
            time_us,
            method,
            method_len,
            target: target_at,
            target_len: target_end - target_at,
            status,
            latency_us,
            service: None,
        })
    }
}

#[inline(always)]
fn word(near: &[u8; NEAR], at: usize) -> u64 {
    match near[at..].first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    }
}

/// The high bit of the first byte that is a space, and perhaps of some behind it.
#[inline(always)]
fn first_space(word: u64) -> u64 {
    let differs = word ^ u64::from_le_bytes([b' '; 8]);
    let spaces = differs.wrapping_sub(u64::from_le_bytes([1; 8])) & !differs & HIGH;
    spaces & spaces.wrapping_neg()
}

const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// Whether the first `len` bytes, one to seven, are all of A to Z; the others are 0.
#[inline(always)]
pub(super) fn is_upper(word: u64, len: usize) -> bool {
    let at_least_a = word.wrapping_add(u64::from_le_bytes([0x80 - b'A'; 8]));
    let beyond_z = word.wrapping_add(u64::from_le_bytes([0x80 - b'Z' - 1; 8]));
    len > 0 && word & HIGH == 0 && at_least_a & !beyond_z & HIGH == HIGH >> (64 - 8 * len)
}

/// The next quote of a line whose request is long.
#[inline(never)]
fn far_quote(text: &[u8], from: usize, end: usize) -> Option<usize> {
    memchr::memchr(b'"', text.get(from..end)?).map(|place| from + place)
}

/// Whether these bytes differ from others in nothing but decimal digits at some places, where the
/// others have `0`; `differs` is one xor the other.
#[inline(always)]
fn are_digits(differs: u64, places: u64) -> bool {
    // Six more than a larger digit carry into the other half of its byte.
    let carried = differs.wrapping_add(places & u64::from_le_bytes([6; 8]));
    (differs | carried) & !places == 0
}

/// How long the protocol is that these bytes end with, and the space before it: ` HTTP/1.1`, ` HTTP/2`.
#[inline(always)]
fn protocol(bytes: u64) -> Option<usize> {
    let long = bytes ^ u64::from_le_bytes(*b"HTTP/0.0");
    if are_digits(long, 0x0f00_0f00_0000_0000) {
        return Some(9);
    }
    match bytes >> 8 == u64::from_le_bytes(*b" HTTP/2\0") {
        true => Some(7),
        false => None,
    }
}

/// The status between `" ` and ` ` at the begin of these bytes.
#[inline(always)]
fn status(bytes: u64) -> Option<Status> {
    let digits = bytes << 16 ^ u64::from_le_bytes(*b"\0\0\" 000 ");
    if !are_digits(digits, 0x000f_0f0f_0000_0000) {
        return None;
    }
    let [.., a, b, c, _] = digits.to_le_bytes();
    let status = 100 * u16::from(a) + 10 * u16::from(b) + u16::from(c);
    match status >= 100 {
        true => Some(Status(status)),
        false => None,
    }
}

/// The latency in the last word of `text[from..end]`.
#[inline(always)]
fn latency_at(text: &[u8], from: usize, end: usize) -> Option<u64> {
    // Nearly all answers take less than ten seconds: ` 0.123`.
    let last = end.wrapping_sub(8);
    if last >= from
        && let Some(bytes) = text.get(last..end)
        && let Some(bytes) = bytes.first_chunk()
    {
        let differs = u64::from_le_bytes(*bytes) >> 16 ^ u64::from_le_bytes(*b" 0.000\0\0");
        if are_digits(differs, 0x0f0f_0f00_0f00) {
            let [_, s, _, a, b, c, _, _] = differs.to_le_bytes();
            let millis = 100 * u32::from(a) + 10 * u32::from(b) + u32::from(c);
            return Some(1_000 * u64::from(1_000 * u32::from(s) + millis));
        }
    }
    any_latency_at(text, from, end)
}

#[cold]
#[inline(never)]
fn any_latency_at(text: &[u8], from: usize, end: usize) -> Option<u64> {
    let behind = text.get(from..end)?;
    last_millis(behind).or_else(|| latency_at_end(behind))
}
