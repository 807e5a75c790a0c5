//! How both passes read: each file's format and service, and all blocks in parallel.
//!
//! The workers make something of each block; what they made is merged in the order of the blocks,
//! so the same input gives the same result for any number of threads. What is made and merged is
//! the passes' business.

mod places;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};

use jiff::tz::TimeZone;
use rayon::ThreadPool;

use crate::format::{Format, Mixture, REACH, Registry};
use crate::input::{Block, Buffer, Feed, Io, LogFile, Salvage, Selection};
use crate::query::Query;
use crate::timestamp::Clock;

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
                    let detected = self.registry.detect(head, &clock);
                    (detected.format, detected.mixture)
                }
            };
            Begun {
                format,
                mixture,
                latest_us,
                service: service_of(&file.path),
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

/// The service that a file's name tells: `logs/api.access.log.2.gz` → `api`; where the name says
/// nothing, the folder's (`api/access.log` → `api`).
pub fn service_of(path: &Path) -> Vec<u8> {
    let names = path.iter().rev().map(|name| name.as_encoded_bytes());
    let told = names
        .clone()
        .take(3)
        .map(name_of_service)
        .find(|name| !name.is_empty());
    told.unwrap_or_else(|| names.take(1).flatten().copied().collect())
}

/// The host that a file's folder tells, where there is one folder per host: its name, unless it is
/// a date, a number or a usual one.
pub fn host_of(path: &Path) -> &[u8] {
    let folder = path.parent().and_then(Path::file_name);
    let name = folder.map_or(&b""[..], |name| name.as_encoded_bytes());
    if says_nothing(name) { b"" } else { name }
}

/// Words in file names that name no service: suffixes, kinds of log, usual folders.
const NO_SERVICE: &[&[u8]] = &[
    b"log",
    b"logs",
    b"txt",
    b"json",
    b"jsonl",
    b"ndjson",
    b"out",
    b"gz",
    b"zst",
    b"bz2",
    b"xz",
    b"tar",
    b"tgz",
    b"access",
    b"error",
    b"errors",
    b"request",
    b"requests",
    b"ssl",
    b"current",
    b"old",
    b"var",
    b"tmp",
    b"data",
    b"home",
    b"opt",
    b"mnt",
];
/// Words that name no service beside another word.
const WEAK: &[&[u8]] = &[
    b"app",
    b"application",
    b"server",
    b"http",
    b"https",
    b"prod",
    b"production",
];

/// A file or folder name without its date, rotation and kind.
fn name_of_service(name: &[u8]) -> Vec<u8> {
    let is_separator = |b: &u8| matches!(b, b'.' | b'-' | b'_');
    let words: Vec<&[u8]> = name
        .split(is_separator)
        .filter(|w| !w.is_empty() && !says_nothing(w))
        .collect();
    let strong = words.iter().any(|w| !WEAK.contains(w));
    let kept: Vec<&[u8]> = words
        .into_iter()
        .filter(|w| !strong || !WEAK.contains(w))
        .collect();
    kept.join(&b'-')
}

fn says_nothing(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    let digits = word.iter().filter(|b| b.is_ascii_digit()).count();
    let date = digits >= 6 && digits + 4 >= word.len();
    let hash = digits >= 2 && word.len() >= 8 && word.iter().all(u8::is_ascii_hexdigit);
    digits == word.len() || date || hash || lower == b"u" || NO_SERVICE.contains(&lower.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_by_the_file_or_its_folder() {
        for (path, service) in [
            ("logs/api.access.log.2.gz", "api"),
            ("logs/api-access-2024-04-10.log", "api"),
            ("api/access.log", "api"),
            ("logs/api-1/api.access.log", "api"),
            ("logs/api-1/access.log", "api"),
            ("logs/user-service.access.log", "user-service"),
            ("logs/orders-db_error.log", "orders-db"),
            ("localhost_access_log.2024-04-10.txt", "localhost"),
            ("W3SVC1/u_ex240410.log", "W3SVC1"),
            ("api.app.log", "api"),
            ("app.log", "app"),
            ("billing/current", "billing"),
            ("/var/log/access.log", "access.log"),
            ("logs.tar.gz/var/log/api.access.log.1", "api"),
            ("billing-2024-04-10.tgz/access.log", "billing"),
            ("E2K4XAMPLE.2024-04-10-09.1a2b3c4d.gz", "E2K4XAMPLE"),
            ("-", "-"),
        ] {
            assert_eq!(
                String::from_utf8(service_of(Path::new(path))).unwrap(),
                service,
                "{path}"
            );
        }
    }

    #[test]
    fn a_host_is_told_by_a_folder_that_is_no_date() {
        for (path, host) in [
            ("logs/api-1/api.access.log", "api-1"),
            ("logs/ip-10-0-3-7/access.log", "ip-10-0-3-7"),
            ("logs/2024-04-10/access.log", ""),
            ("var/log/access.log", ""),
            ("access.log", ""),
        ] {
            assert_eq!(host_of(Path::new(path)), host.as_bytes(), "{path}");
        }
    }

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
