//! How both passes read: each file's format and service, and all blocks in parallel.
//!
//! The workers make something of each block; what they made is merged in the order of the blocks,
//! so the same input gives the same result for any number of threads. What is made and merged is
//! the passes' business.

mod origins;
mod places;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};

use jiff::tz::TimeZone;
use rayon::ThreadPool;

use crate::format::{Format, Mixture, REACH, Registry};
use crate::input::{Block, Buffer, Feed, Io, LogFile, Peek, Salvage, Selection};
use crate::query::Query;
use crate::timestamp::Clock;

pub use origins::{Origin, origins};
pub use places::{Places, Sought, Told};

/// What a time without a year may be ahead of now.
pub const DAY_US: i64 = 86_400_000_000;

/// Everything that reading depends on.
#[derive(Clone)]
pub struct Reading<'a> {
    /// The files, sorted by path.
    pub files: &'a [LogFile],
    /// How they are read.
    pub io: Io,
    /// What "at rest" is measured against, µs since the epoch.
    pub now_us: i64,
    /// The threads.
    pub pool: &'a ThreadPool,
    /// The formats to choose from.
    pub registry: &'a Registry,
    /// The format that the user named, for all files.
    pub format: Option<Arc<Format>>,
    /// The zone of times that name none.
    pub zone: Option<TimeZone>,
    /// What is asked.
    pub query: &'a Query,
    /// Bytes on disk that are done, for a progress display.
    pub progress: &'a AtomicU64,
    /// What is known of each file's begin.
    pub begins: &'a Begins,
    /// What each file's name tells.
    pub origins: &'a [Origin],
}

/// What the files' first lines told, for all passes.
pub struct Begins(Vec<OnceLock<Begun>>);

impl Begins {
    /// Of so many files, none of which was looked at yet.
    pub fn of(files: usize) -> Begins {
        Begins((0..files).map(|_| OnceLock::new()).collect())
    }
}

/// What is known of a file from its name and its first lines.
#[derive(Debug, Clone)]
pub struct Begun {
    /// How its first lines are read.
    pub format: Arc<Format>,
    /// How lines are read that it refuses.
    pub mixture: Mixture,
    /// The latest instant at which a line of it can have been written, µs: tells the year of times
    /// without one.
    pub latest_us: i64,
    /// The service of lines that name none.
    pub service: Vec<u8>,
}

impl Begun {
    /// The format at the begin of a block below this header line of the file.
    pub fn format_below(&self, header: Option<&[u8]>) -> Arc<Format> {
        let below = header.and_then(|header| self.format.header(header));
        below.unwrap_or_else(|| Arc::clone(&self.format))
    }
}

impl Reading<'_> {
    /// A clock for one worker. A time without a year is of the last year in which it is not more
    /// than a day or two ahead of now, or of the time at which its file was last written.
    pub fn clock(&self) -> Clock {
        Clock::new(self.zone.clone()).not_after(self.now_us.saturating_add(DAY_US))
    }

    /// When the last line of a file can have been written. What was unpacked has no such time.
    fn latest_us(&self, file: &LogFile) -> i64 {
        let written_us = Some(file.modified_us).filter(|&us| us > 0);
        written_us
            .map_or(self.now_us, |us| us.min(self.now_us))
            .saturating_add(DAY_US)
    }

    /// What a file's name and first bytes tell.
    fn begun(&self, index: usize, file: &LogFile, head: &[u8]) -> Begun {
        let look = || {
            let latest_us = self.latest_us(file);
            let clock = self.clock().not_after(latest_us);
            let (format, mixture) = match &self.format {
                Some(format) => (Registry::learn(format, head, &clock), Mixture::default()),
                None => {
                    let later = Peek::excerpts(file);
                    let later: Vec<&[u8]> = later.iter().map(|place| &*place.text).collect();
                    let detected = self.registry.detect(head, &later, &clock);
                    (detected.format, detected.mixture)
                }
            };
            Begun {
                format,
                mixture,
                latest_us,
                service: self.origins[index].service.clone(),
            }
        };
        match self.begins.0.get(index) {
            Some(known) => known.get_or_init(look).clone(),
            None => look(),
        }
    }

    /// Lets `work` make something of each block (a pure function of the block but for the
    /// worker's own memory) and `merge` take it, in the order of the blocks.
    pub fn each_block<W, R: Send>(
        &self,
        selection: Option<Selection>,
        worker: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, Block<'_, Begun>) -> R + Sync,
        merge: impl FnMut(R) + Send,
    ) -> Vec<Salvage> {
        let begin = |index: usize, file: &LogFile, head: &[u8]| self.begun(index, file, head);
        let mut feed = Feed::new(self.files, self.io, self.now_us, self.progress, begin)
            .headed(|begun| begun.format.header_begins())
            .reaching(|begun| if begun.format.joins().any() { REACH } else { 0 });
        if let Some(selection) = selection {
            feed = feed.select(selection);
        }
        let merger = Mutex::new(InOrder {
            next: 0,
            waiting: BTreeMap::new(),
            merge,
        });
        self.pool.broadcast(|_| {
            let mut worker = worker();
            let mut buffer = Buffer::default();
            while let Some((seq, result)) =
                feed.next(&mut buffer, |block| (block.seq, work(&mut worker, block)))
            {
                merger
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .add(seq, result);
            }
        });
        feed.salvaged()
    }
}

/// Passes results on in the order of their numbers.
struct InOrder<R, M> {
    next: u64,
    waiting: BTreeMap<u64, R>,
    merge: M,
}

impl<R, M: FnMut(R)> InOrder<R, M> {
    fn add(&mut self, seq: u64, result: R) {
        self.waiting.insert(seq, result);
        while let Some(result) = self.waiting.remove(&self.next) {
            (self.merge)(result);
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_merged_in_order_whatever_comes_first() {
        let mut merged = Vec::new();
        let mut order = InOrder {
            next: 0,
            waiting: BTreeMap::new(),
            merge: |r| merged.push(r),
        };
        for seq in [2, 0, 3, 1, 4] {
            order.add(seq, seq * 10);
        }
        drop(order);
        assert_eq!(merged, [0, 10, 20, 30, 40]);
    }
}
