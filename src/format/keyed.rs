//! The shortest way along a line of keys and values: where it goes a way known from lines before it, and its counted
//! parts are as plain as most are.
//!
//! What `glance` is for access logs. The places of the values come from `track`; what is made of them is what `counted`
//! makes of the same values, or nothing is said about the line (a test compares them). The parts stay where they are on
//! the line, and what is the same as on the line before is not read again.

use crate::lanes::{Inside, Lanes};
use crate::record::Status;
use crate::timestamp::Clock;

use super::counted::{SLOTS, plain_latency, plain_request};
use super::fields::{Slot, is_small_number, is_target, without_port};
use super::glance::{Glance, Glancing, is_upper};
use super::track::{ABSENT, Found, NOT_FOUND};
use super::{Format, LONGEST_LINE, Scratch};

/// Reads lines of one format; remembers the last time.
#[derive(Debug)]
pub struct KeyedGlances<'f> {
    format: &'f Format,
    /// Whether anybody asks how long requests took.
    has_latency: bool,
    /// The text of the last time, how long it is, and what it means.
    time: [u8; 32],
    time_len: usize,
    time_us: i64,
}

impl<'f> KeyedGlances<'f> {
    pub(super) fn new(format: &'f Format) -> KeyedGlances<'f> {
        KeyedGlances {
            format,
            has_latency: true,
            time: [0; 32],
            time_len: 0,
            time_us: 0,
        }
    }

    /// When a request was.
    #[inline(never)]
    fn read_time(&mut self, text: &[u8], clock: &mut Clock) -> Option<i64> {
        if is_small_number(text) {
            return None;
        }
        let time_us = clock.clf(text)?;
        if let Some(place) = self.time.get_mut(..text.len()) {
            place.copy_from_slice(text);
            (self.time_len, self.time_us) = (text.len(), time_us);
        }
        Some(time_us)
    }
}

impl Glancing for KeyedGlances<'_> {
    fn without_latency(self) -> Self {
        KeyedGlances {
            has_latency: false,
            ..self
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    unsafe fn read<'t, const PASS: u8>(
        &mut self,
        text: &'t [u8],
        begin: usize,
        end: usize,
        clock: &mut Clock,
        scratch: &mut Scratch,
    ) -> Option<Glance<'t>> {
        let inside = Inside::of(text, begin, end)?;
        let line = inside.text();
        // Other readers take off the white space around a line; none begins with it that goes a known way.
        if !line.last()?.is_ascii_graphic()
            || line.len() > LONGEST_LINE
            || !self.format.is_marked(line)
        {
            return None;
        }
        let mut parts = [NOT_FOUND; SLOTS];
        let (mut has_choice, mut has_escapes) = (false, false);
        for found in self.format.counted(inside, scratch)? {
            let place = parts.get_mut(found.part.slot as usize)?;
            has_choice |= place.part.rank != ABSENT;
            has_escapes |= found.part.escaped;
            if found.part.rank < place.part.rank {
                *place = *found;
            }
        }
        if has_escapes || parts[Slot::Side as usize].part.rank != ABSENT {
            return None;
        }
        let status = Status::parse(part(line, &parts, Slot::Status)?)?;
        let (method, method_at, target, target_at) = match part(line, &parts, Slot::Target) {
            Some(target) => {
                let method = part(line, &parts, Slot::Method)?;
                let at = |slot: Slot| parts[slot as usize].text.0 as usize;
                (method, at(Slot::Method), target, at(Slot::Target))
            }
            None => {
                let (method, target) = plain_request(part(line, &parts, Slot::Request)?)?;
                let at = parts[Slot::Request as usize].text.0 as usize;
                (method, at, target, at + method.len() + 1)
            }
        };
        let word = u64::from_le_bytes(*text.get(begin + method_at..)?.first_chunk()?);
        let word = match method.len() {
            0 | 8.. => return None,
            len => word & (u64::MAX >> (64 - 8 * len)),
        };
        let is_target = target.first() == Some(&b'/') || is_target(target);
        if status.0 < 100 || !is_upper(word, method.len()) || !is_target {
            return None;
        }
        let time = part(line, &parts, Slot::Time)?;
        let Found {
            text: (at, _),
            part: of_time,
        } = parts[Slot::Time as usize];
        if of_time.unit.is_some() {
            return None;
        }
        let same = match text
            .get(begin + at as usize..)
            .and_then(<[u8]>::first_chunk)
        {
            Some(around) => Lanes::same_at_begin(around, &self.time),
            None => 0,
        };
        let time_us = match same >= time.len() && time.len() == self.time_len {
            true => self.time_us,
            false => self.read_time(time, clock)?,
        };
        let latency = part(line, &parts, Slot::Latency).filter(|_| self.has_latency);
        let latency_unit = parts[Slot::Latency as usize].part.unit;
        let service = match part(line, &parts, Slot::Service) {
            Some([] | [b'-' | b'_']) if has_choice => return None,
            None | Some([] | [b'-' | b'_']) => None,
            Some(name) => Some(without_port(name)),
        };
        Some(Glance {
            time_us,
            method: word,
            method_len: method.len(),
            target: begin + target_at,
            target_len: target.len(),
            status,
            latency_us: plain_latency(latency, latency_unit, has_choice)?,
            service,
        })
    }
}

/// The text of a part, if it is there.
#[inline(always)]
fn part<'t>(line: &'t [u8], parts: &[Found; SLOTS], slot: Slot) -> Option<&'t [u8]> {
    let Found { text, part } = parts[slot as usize];
    match part.rank {
        ABSENT => None,
        _ => line.get(text.0 as usize..text.1 as usize),
    }
}
