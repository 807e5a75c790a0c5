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
    /// Its length, less than [`WIDTH`].
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
    time: [u8; WIDTH],
    time_us: Option<i64>,
}

impl<'f> Glances<'f> {
    pub(super) fn new(layout: &'f Layout) -> Glances<'f> {
        Glances {
            layout,
            way: layout.way_to_latency(),
            time: [0; WIDTH],
            time_us: None,
        }
    }

    /// The line `text[begin..end]`, if it is plain and not near the end of the text.
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
        let names = word(text, client)?;
        if names << 16 != u64::from_le_bytes(*b"\0\0 - - [") {
            return None;
        }
        let time = client + 6;
        let request = time + TIME + BEHIND_TIME;
        let around_time = Lanes::load(text.get(time..)?.first_chunk()?);
        let same = around_time.same(Lanes::load(&self.time));
        let time_us = if same.trailing_ones() as usize >= TIME + BEHIND_TIME {
            self.time_us?
        } else {
            self.read_time(text.get(time..request)?, clock)?
        };
        let method = word(text, request)?;
        let method_len = spaces(method).trailing_zeros() as usize / 8;
        if method_len == 0 || method_len > 7 {
            return None;
        }
        let method = method & ((1 << (8 * method_len)) - 1);
        if !is_upper(method, method_len) {
            return None;
        }
        let target = request + method_len + 1;
        let bytes = text.get(target..)?.first_chunk::<WIDTH>()?;
        let quoted = Lanes::load(bytes).equal(b'"').trailing_zeros() as usize;
        // `/ HTTP/1.1` at least, and the status behind it on the same line.
        if bytes[0] != b'/' || !(10..WIDTH).contains(&quoted) || target + quoted + 6 > end {
            return None;
        }
        let protocol = word(bytes, quoted - 8)?;
        let target_len = if is_protocol(protocol) && bytes[quoted - 9] == b' ' {
            quoted - 9
        } else if protocol >> 16 == u64::from_le_bytes(*b"HTTP/2\0\0") && bytes[quoted - 7] == b' '
        {
            quoted - 7
        } else {
            return None;
        };
        if !bytes[target_len - 1].is_ascii_graphic() {
            return None;
        }
        let status = target + quoted;
        let [b'"', b' ', a, b, c, b' '] = *text.get(status..)?.first_chunk()? else {
            return None;
        };
        let status_code = Status::parse(&[a, b, c]).filter(|status| status.0 >= 100)?;
        let latency_us = match self.way {
            Way::Nowhere => None,
            Way::Back => {
                // The word right behind the status is the size, never a latency.
                let behind = text.get(status + 6..end)?;
                last_millis(behind).or_else(|| latency_at_end(behind))
            }
            Way::On => self.layout.latency_behind(text.get(status + 5..end)?),
        };
        Some(Glance {
            time_us,
            method,
            method_len,
            target,
            target_len,
            status: status_code,
            latency_us,
        })
    }

    #[cold]
    #[inline(never)]
    fn read_time(&mut self, text: &[u8], clock: &mut Clock) -> Option<i64> {
        let (time, behind) = text.split_at(TIME);
        if behind != b"] \"" {
            return None;
        }
        let time_us = clock.clf(time)?;
        self.time[..text.len()].copy_from_slice(text);
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

/// `HTTP/1.1` with any two digits.
#[inline]
fn is_protocol(word: u64) -> bool {
    let [h, t, u, p, slash, major, point, minor] = word.to_le_bytes();
    [h, t, u, p, slash, point] == *b"HTTP/." && major.is_ascii_digit() && minor.is_ascii_digit()
}
