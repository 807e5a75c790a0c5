//! The parts of a plain request that pass 1 counts, without a thought for what might be odd about it.
//!
//! A parser hands its values to a [`Sink`]: to [`Fields`], which weigh every case, or to [`Counted`], which keep
//! the best-ranked text of each part and at the end make a record of them if each is as plain as nearly all are: a
//! method in capitals, a path that begins with a slash, three digits, a time. Then the record is the one that the fields
//! would have made (tests hold them against each other on every format); of anything else nothing is said, and the fields
//! are asked. Takes a third of the time.

use crate::record::{Depth, Record, Status};
use crate::timestamp::{Clock, Unit};

use super::access::without_protocol;
use super::fields::{Fields, Slot, Times, is_small_number, is_target, without_port};
use super::text::{find_near, latency_us};

/// Who asks for parts of a line: each also for what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// [`Counted`]: what pass 1 counts.
    ToCount,
    /// [`Fields`] in pass 1, which are told besides by what else a line has that it is a request.
    ToWeigh,
    /// [`Fields`] of whole records.
    InFull,
}

impl Asked {
    pub(super) const ALL: [Asked; 3] = [Asked::ToCount, Asked::ToWeigh, Asked::InFull];

    /// Who at least has a use for this part.
    pub(super) fn for_slot(slot: Slot) -> Asked {
        match slot {
            slot if slot.is_counted() => Asked::ToCount,
            Slot::Client | Slot::Agent => Asked::ToWeigh,
            _ => Asked::InFull,
        }
    }
}

/// Who takes the values on a line.
pub(super) trait Sink<'a> {
    /// What stands where the format has this part: taken as it is.
    fn set(&mut self, slot: Slot, text: &'a [u8], unit: Option<Unit>);

    /// What stands under a key that may mean this part, the best ranks being the lowest.
    fn offer(&mut self, slot: Slot, rank: u8, unit: Option<Unit>, text: &'a [u8], escaped: bool);

    /// How the format writes its times, where that is not to be seen.
    fn set_times(&mut self, times: Times);

    fn depth(&self) -> Depth;

    /// Which parts it has a use for.
    fn asks(&self) -> Asked;

    /// Whether the line must have the whole shape of its format, down to its end.
    fn is_strict(&self) -> bool;
}

impl<'a> Sink<'a> for Fields<'a> {
    #[inline]
    fn set(&mut self, slot: Slot, text: &'a [u8], unit: Option<Unit>) {
        Fields::set(self, slot, text, unit);
    }

    #[inline]
    fn offer(&mut self, slot: Slot, rank: u8, unit: Option<Unit>, text: &'a [u8], escaped: bool) {
        Fields::offer(self, slot, rank, unit, text, escaped);
    }

    fn set_times(&mut self, times: Times) {
        Fields::set_times(self, times);
    }

    #[inline]
    fn depth(&self) -> Depth {
        Fields::depth(self)
    }

    #[inline]
    fn asks(&self) -> Asked {
        match Fields::depth(self) {
            Depth::Counts => Asked::ToWeigh,
            Depth::Full => Asked::InFull,
        }
    }

    #[inline]
    fn is_strict(&self) -> bool {
        Fields::is_strict(self)
    }
}

/// Number of slots that pass 1 counts.
pub(super) const SLOTS: usize = Slot::Latency as usize + 1;

/// The best text of each part.
pub(super) struct Counted<'a> {
    texts: [&'a [u8]; SLOTS],
    ranks: [u8; SLOTS],
    units: [Option<Unit>; SLOTS],
    /// Whether one had several, of which a worse one may be better than none.
    has_choice: bool,
    /// Whether one has escapes.
    has_escapes: bool,
    times: Times,
}

/// The rank of what is not there.
const ABSENT: u8 = u8::MAX;

impl Default for Counted<'_> {
    #[inline]
    fn default() -> Self {
        Counted {
            texts: [b""; SLOTS],
            ranks: [ABSENT; SLOTS],
            units: [None; SLOTS],
            has_choice: false,
            has_escapes: false,
            times: Times::AsTheyLook,
        }
    }
}

impl<'a> Sink<'a> for Counted<'a> {
    #[inline]
    fn set(&mut self, slot: Slot, text: &'a [u8], unit: Option<Unit>) {
        let index = slot as usize;
        if index < SLOTS {
            self.texts[index] = text;
            self.ranks[index] = 0;
            self.units[index] = unit;
        }
    }

    #[inline]
    fn offer(&mut self, slot: Slot, rank: u8, unit: Option<Unit>, text: &'a [u8], escaped: bool) {
        let index = slot as usize;
        if index >= SLOTS {
            return;
        }
        self.has_choice |= self.ranks[index] != ABSENT;
        self.has_escapes |= escaped;
        if rank < self.ranks[index] {
            self.texts[index] = text;
            self.ranks[index] = rank;
            self.units[index] = unit;
        }
    }

    fn set_times(&mut self, times: Times) {
        self.times = times;
    }

    #[inline]
    fn depth(&self) -> Depth {
        Depth::Counts
    }

    #[inline]
    fn asks(&self) -> Asked {
        Asked::ToCount
    }

    #[inline]
    fn is_strict(&self) -> bool {
        false
    }
}

impl<'a> Counted<'a> {
    #[inline]
    fn get(&self, slot: Slot) -> Option<&'a [u8]> {
        let index = slot as usize;
        (self.ranks[index] != ABSENT).then_some(self.texts[index])
    }

    /// The request, if all about it is plain; `outer` knows what stands around the line, if anything does.
    #[inline]
    pub(super) fn record(
        &self,
        clock: &mut Clock,
        outer: Option<&Fields<'a>>,
    ) -> Option<Record<'a>> {
        if self.has_escapes || self.get(Slot::Side).is_some() {
            return None;
        }
        let status = Status::parse(self.get(Slot::Status)?).filter(|status| status.0 >= 100)?;
        let (method, target) = match self.get(Slot::Target) {
            Some(target) => (self.get(Slot::Method)?, target),
            None => plain_request(self.get(Slot::Request)?)?,
        };
        let is_method = method.len() < 8 && method.iter().all(u8::is_ascii_uppercase);
        let is_target = target.first() == Some(&b'/') || is_target(target);
        if !is_method || method.is_empty() || !is_target {
            return None;
        }
        Some(Record {
            time_us: self.time_us(clock, outer)?,
            method,
            target,
            status,
            latency_us: plain_latency(
                self.get(Slot::Latency),
                self.units[Slot::Latency as usize],
                self.has_choice,
            )?,
            service: self.service(outer)?,
            client: None,
            user: None,
            agent: None,
            host: None,
            version: None,
            region: None,
            api_version: None,
        })
    }

    #[inline]
    fn time_us(&self, clock: &mut Clock, outer: Option<&Fields<'a>>) -> Option<i64> {
        let Some(text) = self.get(Slot::Time) else {
            return outer?.time_us(clock);
        };
        if is_small_number(text) {
            return None;
        }
        match (self.units[Slot::Time as usize], self.times) {
            (None, Times::AsTheyLook) => clock.clf(text),
            (None, Times::Utc) => clock.read_utc(text),
            _ => None,
        }
    }

    /// The service, if one is told; `None` if it isn't plain.
    #[inline]
    fn service(&self, outer: Option<&Fields<'a>>) -> Option<Option<&'a [u8]>> {
        let around = || outer.and_then(Fields::service);
        match self.get(Slot::Service) {
            None => Some(around()),
            Some([] | [b'-' | b'_']) => {
                let is_told = self.has_choice || around().is_some();
                (!is_told).then_some(None)
            }
            Some(text) => Some(Some(without_port(text))),
        }
    }
}

/// How long the answer took, if that is told; `None` if it isn't plain.
#[inline]
pub(super) fn plain_latency(
    text: Option<&[u8]>,
    unit: Option<Unit>,
    has_choice: bool,
) -> Option<Option<u64>> {
    let Some(text) = text else {
        return Some(None);
    };
    if matches!(*text, [] | [b'-']) {
        return (!has_choice).then_some(None);
    }
    let is_duration = unit.is_some() || !text.last().is_some_and(u8::is_ascii_digit);
    if !is_duration || text.get(4) == Some(&b'-') {
        return None;
    }
    Some(latency_us(text, unit))
}

/// Method and target of `GET /orders HTTP/1.1`, where nothing about it is odd.
#[inline]
pub(super) fn plain_request(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = find_near(line.get(..16).unwrap_or(line), b' ')?;
    let (method, rest) = (line.get(..space)?, line.get(space + 1..)?);
    without_protocol(rest)
        // Without a protocol it must be one word.
        .or_else(|| memchr::memchr(b' ', rest).is_none().then_some(rest))
        .filter(|target| target.last().is_some_and(u8::is_ascii_graphic))
        .map(|target| (method, target))
}
