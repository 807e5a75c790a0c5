//! What applications wrote about their errors, around the incidents: templates with their minutes.
//!
//! Lines that tell of no request, and what failing requests' lines say was thrown. Each block's
//! messages are masked and counted by minute; the blocks' are then mined in order, so that the
//! templates are the same for any number of threads. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::Span;
use crate::aggregate::MINUTE_US;
use crate::format::{Format, Scratch};
use crate::reading::Reading;
use crate::scan::Example;
use crate::signature::{Miner, mask};
use crate::timestamp::Clock;

/// Messages told apart in a block; what comes later there is not counted.
const MOST_MESSAGES: usize = 2048;
/// Services whose messages are mined.
const MOST_SERVICES: usize = 64;
/// Lines at a block's begin and end of which one must have a time.
const PROBED: usize = 32;

/// A kind of error message of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The service.
    pub service: Vec<u8>,
    /// The message, `<*>` for what varies.
    pub template: String,
    /// Its first line in the time looked at, µs.
    pub first_us: i64,
    /// How many lines in each minute since the epoch.
    pub minutes: BTreeMap<i64, u64>,
    /// Its first line.
    pub example: Example,
}

impl Signature {
    /// Lines from one time to another, in whole minutes.
    pub fn between(&self, from_us: i64, to_us: i64) -> u64 {
        let (from, to) = (from_us.div_euclid(MINUTE_US), to_us.div_euclid(MINUTE_US));
        if from >= to {
            return 0;
        }
        self.minutes.range(from..to).map(|(_, lines)| lines).sum()
    }
}

/// What applications wrote.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// By service, then in order of their first line.
    pub signatures: Vec<Signature>,
    /// Of each service the time of its first line of any level.
    pub since_us: BTreeMap<Vec<u8>, i64>,
    /// Of each service that speaks among requests the first one that was read of such a file: it could have spoken
    /// since.
    pub among_us: BTreeMap<Vec<u8>, i64>,
    /// How long before each incident they were listened to, µs.
    pub past_us: i64,
}

/// One thread's memory for reading such lines.
pub(super) struct Listener<'w> {
    clock: Clock,
    scratch: Scratch,
    windows: &'w [Span],
}

impl<'w> Listener<'w> {
    /// One that listens in these times.
    pub(super) fn new(reading: &Reading<'_>, windows: &'w [Span]) -> Listener<'w> {
        Listener {
            clock: reading.clock(),
            scratch: Scratch::default(),
            windows,
        }
    }

    /// Whether a block without requests may have lines in these times, by the first and the last of
    /// its times: applications write in order.
    pub(super) fn is_near(&mut self, format: &Format, bytes: &[u8]) -> bool {
        let mut time = |line: &[u8]| {
            let remark = format.remark(line, &mut self.clock, &mut self.scratch)?;
            remark.time_us
        };
        let mut lines = bytes.split(|b| *b == b'\n').take(PROBED);
        let Some(first) = lines.find_map(&mut time) else {
            return false;
        };
        let mut lines = bytes.rsplit(|b| *b == b'\n').take(PROBED);
        let last = lines.find_map(&mut time).unwrap_or(first);
        let times = (first.min(last), last.max(first));
        self.windows.iter().any(|window| window.touches(times))
    }

    /// Takes a line that tells of no request, or of a failed one and when that was: of that only what was thrown.
    /// A line without a time was written when the one before it was.
    pub(super) fn hear(
        &mut self,
        format: &Format,
        line: &[u8],
        example: impl FnOnce() -> Example,
        service: &[u8],
        request_us: Option<i64>,
        part: &mut WordsPart,
    ) {
        let is_heard = |time_us: i64| self.windows.iter().any(|w| w.contains(time_us));
        let is_request = request_us.is_some();
        if let Some(request_us) = request_us {
            part.last_us = is_heard(request_us).then_some(request_us);
        }
        if is_request && !matches!(line.first(), Some(b'{')) && !line.contains(&b'=') {
            return;
        }
        let Some(remark) = format.remark(line, &mut self.clock, &mut self.scratch) else {
            return;
        };
        let service = remark.service.unwrap_or(service);
        let Some(time_us) = remark.time_us.or(part.last_us) else {
            return;
        };
        if !is_heard(time_us) {
            part.last_us = None;
            return;
        }
        part.last_us = Some(time_us);
        let message = if is_request { b"" } else { remark.message };
        if !is_request {
            let since = part.since_us.entry_ref(service).or_insert(time_us);
            *since = time_us.min(*since);
        }
        if !is_request && !remark.is_error || message.is_empty() && remark.exception.is_empty() {
            return;
        }
        let masked = mask(message, remark.exception);
        let heard = (service.to_vec(), masked);
        if part.heard.len() >= MOST_MESSAGES && !part.heard.contains_key(&heard) {
            return;
        }
        let heard = part.heard.entry(heard).or_insert_with(|| Heard {
            first_us: time_us,
            minutes: BTreeMap::new(),
            example: example(),
        });
        heard.first_us = heard.first_us.min(time_us);
        *heard
            .minutes
            .entry(time_us.div_euclid(MINUTE_US))
            .or_insert(0) += 1;
    }
}

/// One block's messages.
#[derive(Debug)]
pub(super) struct WordsPart {
    file: usize,
    /// Its first request.
    request_us: Option<i64>,
    heard: HashMap<(Vec<u8>, String), Heard>,
    since_us: HashMap<Vec<u8>, i64>,
    /// Time of the line before.
    last_us: Option<i64>,
}

impl WordsPart {
    /// Of a block of that file with that first request, if it has one.
    pub(super) fn new(file: usize, request_us: Option<i64>) -> WordsPart {
        WordsPart {
            file,
            request_us,
            heard: HashMap::new(),
            since_us: HashMap::new(),
            last_us: None,
        }
    }
}

#[derive(Debug)]
struct Heard {
    first_us: i64,
    minutes: BTreeMap<i64, u64>,
    example: Example,
}

/// All blocks' messages.
#[derive(Debug, Default)]
pub(super) struct AllWords {
    services: BTreeMap<Vec<u8>, (Miner, Vec<Heard>)>,
    since_us: BTreeMap<Vec<u8>, i64>,
    /// The first request of each file, and which services spoke in it.
    files: BTreeMap<usize, (Option<i64>, BTreeSet<Vec<u8>>)>,
}

impl AllWords {
    /// Adds a block's; blocks come in their order.
    pub(super) fn merge(&mut self, part: WordsPart) {
        let (request_us, speakers) = self.files.entry(part.file).or_default();
        *request_us = part.request_us.into_iter().chain(*request_us).min();
        let heard = part.heard.keys().map(|(service, _)| service);
        for service in part.since_us.keys().chain(heard) {
            if !speakers.contains(service) {
                speakers.insert(service.clone());
            }
        }
        for (service, first_us) in part.since_us {
            let since = self.since_us.entry(service).or_insert(first_us);
            *since = first_us.min(*since);
        }
        let mut heard: Vec<((Vec<u8>, String), Heard)> = part.heard.into_iter().collect();
        heard.sort_by(|(a, x), (b, y)| (x.example.byte, a).cmp(&(y.example.byte, b)));
        for ((service, masked), heard) in heard {
            if self.services.len() >= MOST_SERVICES && !self.services.contains_key(&service) {
                continue;
            }
            let (miner, kinds) = self.services.entry(service).or_default();
            let Some(number) = miner.add(&masked) else {
                continue;
            };
            match kinds.get_mut(number) {
                Some(known) => known.merge(heard),
                None => kinds.push(heard),
            }
        }
    }

    pub(super) fn finish(self, past_us: i64) -> Words {
        let mut among_us = BTreeMap::new();
        for (request_us, speakers) in self.files.into_values() {
            let Some(request_us) = request_us else {
                continue;
            };
            for service in speakers {
                let among = among_us.entry(service).or_insert(request_us);
                *among = request_us.min(*among);
            }
        }
        let mut signatures = Vec::new();
        for (service, (miner, kinds)) in self.services {
            let mut of_service: Vec<Signature> = kinds
                .into_iter()
                .enumerate()
                .map(|(number, heard)| Signature {
                    service: service.clone(),
                    template: miner.text(number),
                    first_us: heard.first_us,
                    minutes: heard.minutes,
                    example: heard.example,
                })
                .collect();
            of_service.sort_by(|a, b| (a.first_us, &a.template).cmp(&(b.first_us, &b.template)));
            signatures.extend(of_service);
        }
        Words {
            signatures,
            since_us: self.since_us,
            among_us,
            past_us,
        }
    }
}

impl Heard {
    fn merge(&mut self, other: Heard) {
        if (other.first_us, &other.example) < (self.first_us, &self.example) {
            self.first_us = other.first_us;
            self.example = other.example;
        }
        for (minute, lines) in other.minutes {
            *self.minutes.entry(minute).or_insert(0) += lines;
        }
    }
}
