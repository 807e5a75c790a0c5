//! Where in a file the requests of the asked time stand, told by few of its lines.
//!
//! Logs are written in order of time, so the place of a time is found by halving. That a file is in
//! order is not believed but looked at, at up to [`PLACES`] places of it; lines may still be late by
//! [`LATE_US`]. What can't be told so (no times, no order, packed) is read whole. Times are read as the
//! passes read them: the file's own format, zone and year. Counts nothing.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Begun, Reading};
use crate::format::{Aside, Format, Scratch};
use crate::input::{BLOCK, Lines, LogFile, Peek, Selection};
use crate::record::Depth;
use crate::timestamp::Clock;

/// How much older than a line before it a line may be: servers write when a request ends, through
/// buffers and several processes. In logs seen nearly all were late by seconds, some by 16 minutes.
const LATE_US: i64 = 20 * 60_000_000;
/// Places that are looked at to see whether a file is in order: of a file of 16 GiB one each 64 MiB.
const PLACES: u64 = 256;
/// Of a file with fewer blocks than this, as many parts.
const LEAST_PLACES: u64 = 4;
/// Shorter files are read: to look costs as much.
const LEAST_LEN: u64 = 256 << 10;
/// Lines with a time that are looked at in one place: the time in their middle is not misled by a date
/// that somebody asked for.
const LINES: usize = 9;
/// Bytes in which they are sought, and once more where there were none.
const WINDOW: usize = 16 << 10;
const WIDE_WINDOW: usize = 256 << 10;

/// The order of all files.
pub struct Places<'r> {
    reading: &'r Reading<'r>,
    files: Vec<Option<Ordered>>,
}

/// What is to be read, and what is known of the rest.
#[derive(Debug, Default)]
pub struct Sought {
    /// The blocks.
    pub selection: Option<Selection>,
    /// Bytes in the others.
    pub skipped: u64,
    /// What a look into the files told.
    pub told: Told,
}

/// What was learned of times on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// The earliest and the latest.
    pub span_us: Option<(i64, i64)>,
    /// Smallest and largest offset from UTC, in seconds.
    pub offsets: Option<(i32, i32)>,
    /// Whether times without a zone were taken as UTC.
    pub assumed_utc: bool,
    /// Whether times without a year were given one.
    pub assumed_year: bool,
}

/// A file that is in order, as far as was seen.
struct Ordered {
    peek: Peek,
    begun: Begun,
    /// What was seen from each offset on, in order; the first is 0.
    seen: Vec<(u64, Seen)>,
    /// Of the last lines.
    end: Seen,
    told: Told,
}

/// Times of a few lines that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    earliest_us: i64,
    middle_us: i64,
    latest_us: i64,
}

impl<'r> Places<'r> {
    /// Looks at all files.
    pub fn of(reading: &'r Reading<'r>) -> Places<'r> {
        let look = |(index, file): (usize, &LogFile)| ordered(reading, index, file);
        let files = reading.pool.install(|| {
            let files = reading.files.par_iter().enumerate();
            files.map(look).collect()
        });
        Places { reading, files }
    }

    /// A time that the last lines of a file in order have; no file that is in order has one that is
    /// later by more than [`LATE_US`].
    pub fn last_us(&self) -> Option<i64> {
        let files = self.files.iter().flatten();
        files.map(|file| file.end.middle_us).max()
    }

    /// What may hold lines from one time on (or from the begin), before another.
    pub fn hold(&self, from_us: Option<i64>, to_us: Option<i64>) -> Sought {
        let from_us = from_us.unwrap_or(i64::MIN);
        let to_us = to_us.unwrap_or(i64::MAX);
        let mut sought = Sought::default();
        let mut selection: Selection = vec![None; self.files.len()];
        for (file, wanted) in self.files.iter().zip(&mut selection) {
            let Some(file) = file else { continue };
            sought.told.add(&file.told);
            let blocks = file.hold(self.reading, from_us, to_us);
            let all: u64 = (0..file.peek.blocks())
                .map(|n| file.peek.block_len(n))
                .sum();
            let kept: u64 = blocks.clone().map(|n| file.peek.block_len(n)).sum();
            if kept < all {
                sought.skipped += all - kept;
                *wanted = Some(blocks.collect());
            }
        }
        if selection.iter().any(Option::is_some) {
            sought.selection = Some(selection);
        }
        sought
    }
}

/// Looks whether a file is in order.
fn ordered(reading: &Reading<'_>, index: usize, file: &LogFile) -> Option<Ordered> {
    let peek = Peek::open(file).filter(|peek| peek.len() >= LEAST_LEN)?;
    let begun = reading.begun(index, file, &peek.head()?);
    let blocks = u64::from(peek.blocks());
    let offset = |place: u64| match blocks {
        0..LEAST_PLACES => peek.len() * place / LEAST_PLACES,
        _ => place * blocks / blocks.min(PLACES) * BLOCK as u64,
    };
    let places = blocks.clamp(LEAST_PLACES, PLACES);
    let seen: Vec<Option<(u64, Seen, Told)>> = (0..=places)
        .into_par_iter()
        .map_init(
            || Eye::new(reading, &begun, &peek),
            |eye, place| {
                let seen = match place == places {
                    true => eye.last()?,
                    false => eye.at(offset(place))?,
                };
                Some((offset(place), seen, eye.told(seen)))
            },
        )
        .collect();
    // Without its begin and end nothing is known of a file; of the rest some may have no times.
    seen.first()?.as_ref()?;
    let (_, end, _) = *seen.last()?.as_ref()?;
    let (mut latest_us, mut told) = (i64::MIN, Told::default());
    let mut known = Vec::with_capacity(seen.len());
    for (offset, seen, of_place) in seen.iter().flatten() {
        latest_us = latest_us.max(seen.middle_us);
        (seen.middle_us >= latest_us.saturating_sub(LATE_US)).then_some(())?;
        told.add(of_place);
        known.push((*offset, *seen));
    }
    (2 * known.len() > seen.len()).then_some(())?;
    known.pop();
    Some(Ordered {
        begun,
        seen: known,
        end,
        told,
        peek,
    })
}

impl Ordered {
    /// The blocks that may hold lines of these times.
    fn hold(&self, reading: &Reading<'_>, from_us: i64, to_us: i64) -> std::ops::Range<u32> {
        // Before a line that is too early for a late one to be in time, all are too early; behind one
        // that is as much too late, all are too late.
        let is_early = |seen: Seen| seen.middle_us < from_us.saturating_sub(LATE_US);
        let is_late = |seen: Seen| seen.middle_us >= to_us.saturating_add(LATE_US);
        let all_early = is_early(self.end) && self.end.latest_us < from_us;
        let begin = self.seen.first().map(|(_, seen)| *seen);
        let all_late = begin.is_some_and(|begin| is_late(begin) && begin.earliest_us >= to_us);
        if all_early || all_late {
            return 0..0;
        }
        let block = |offset: u64| u32::try_from(offset / BLOCK as u64).unwrap_or(u32::MAX);
        let blocks = self.peek.blocks();
        let mut eye = Eye::new(reading, &self.begun, &self.peek);
        // Halves until two blocks follow each other, the second of which is `high`.
        let mut between = |mut low: u32, mut high: u32, is_low: &dyn Fn(Option<Seen>) -> bool| {
            while high.saturating_sub(low) > 1 {
                let middle = low + (high - low) / 2;
                match is_low(eye.at(u64::from(middle) * BLOCK as u64)) {
                    true => low = middle,
                    false => high = middle,
                }
            }
            (low, high)
        };
        let last_early = self.seen.iter().rposition(|(_, seen)| is_early(*seen));
        let first = last_early.map_or(0, |k| {
            let high = self.seen.get(k + 1).map_or(blocks, |next| block(next.0));
            let is_low = |seen: Option<Seen>| seen.is_some_and(is_early);
            between(block(self.seen[k].0), high, &is_low).0
        });
        let first_late = self.seen.iter().position(|(_, seen)| is_late(*seen));
        let end = first_late.map_or(blocks, |k| {
            let low = k.checked_sub(1).map_or(0, |k| block(self.seen[k].0));
            let is_low = |seen: Option<Seen>| !seen.is_some_and(is_late);
            let (_, late) = between(low, block(self.seen[k].0), &is_low);
            // Its first lines may be in time yet, and those looked at may lie in the next block.
            late.saturating_add(2).min(blocks)
        });
        first..end.max(first)
    }
}

/// Reads the times at places of one file.
struct Eye<'p> {
    peek: &'p Peek,
    begun: &'p Begun,
    /// The format of its lines, whose columns a header tells in some files.
    format: Arc<Format>,
    clock: Clock,
    scratch: Scratch,
    aside: Aside,
    buffer: Vec<u8>,
}

impl<'p> Eye<'p> {
    fn new(reading: &Reading<'_>, begun: &'p Begun, peek: &'p Peek) -> Eye<'p> {
        let mut format = Arc::clone(&begun.format);
        if format.header_begins().is_some() {
            let head = peek.head().unwrap_or_default();
            let below = Lines::new(&head).find_map(|line| format.header(line));
            format = below.unwrap_or(format);
        }
        Eye {
            peek,
            begun,
            format,
            clock: reading.clock().not_after(begun.latest_us),
            scratch: Scratch::default(),
            aside: Aside::default(),
            buffer: Vec::new(),
        }
    }

    /// The first times from an offset on.
    fn at(&mut self, offset: u64) -> Option<Seen> {
        self.in_either(
            |_| offset,
            |eye, text| Seen::of(Lines::new(text).filter_map(|line| eye.time(line))),
        )
    }

    /// The last times of the file.
    fn last(&mut self) -> Option<Seen> {
        let len = self.peek.len();
        self.in_either(
            |window| len.saturating_sub(window as u64),
            |eye, text| {
                Seen::of(
                    text.rsplit(|&b| b == b'\n')
                        .filter_map(|line| eye.time(line)),
                )
            },
        )
    }

    /// What is seen in a window, or in a wide one.
    fn in_either(
        &mut self,
        offset: impl Fn(usize) -> u64,
        mut see: impl FnMut(&mut Self, &[u8]) -> Option<Seen>,
    ) -> Option<Seen> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let seen = [WINDOW, WIDE_WINDOW].into_iter().find_map(|window| {
            let text = self.peek.lines(offset(window), window, &mut buffer)?;
            see(self, text)
        });
        self.buffer = buffer;
        seen
    }

    /// The time of a line, whether it tells of a request or not.
    fn time(&mut self, line: &[u8]) -> Option<i64> {
        let (clock, depth) = (&mut self.clock, Depth::Counts);
        match self.format.parse(line, clock, &mut self.scratch, depth) {
            Ok(record) => return Some(record.time_us),
            Err(reason) => {
                let mixture = &self.begun.mixture;
                let aside = &mut self.aside;
                if let Ok((_, record)) =
                    mixture.read(&self.format, line, reason, clock, aside, depth)
                {
                    return Some(record.time_us);
                }
            }
        }
        self.format.remark(line, clock, &mut self.scratch)?.time_us
    }

    fn told(&self, seen: Seen) -> Told {
        Told {
            span_us: Some((seen.earliest_us, seen.latest_us)),
            offsets: self.clock.offsets(),
            assumed_utc: self.clock.assumed_utc(),
            assumed_year: self.clock.assumed_year(),
        }
    }
}

impl Seen {
    /// The first of these times.
    fn of(times: impl Iterator<Item = i64>) -> Option<Seen> {
        let mut times: Vec<i64> = times.take(LINES).collect();
        times.sort_unstable();
        Some(Seen {
            earliest_us: *times.first()?,
            middle_us: *times.get(times.len() / 2)?,
            latest_us: *times.last()?,
        })
    }
}

impl Told {
    /// Adds what was learned elsewhere.
    pub fn add(&mut self, other: &Told) {
        self.span_us = wider(self.span_us, other.span_us);
        self.offsets = wider(self.offsets, other.offsets);
        self.assumed_utc |= other.assumed_utc;
        self.assumed_year |= other.assumed_year;
    }
}

fn wider<T: Ord>(a: Option<(T, T)>, b: Option<(T, T)>) -> Option<(T, T)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::format::Registry;
    use crate::input::{Io, find};
    use crate::query::Query;
    use crate::reading::{Begins, origins};

    const START_S: i64 = 1_712_707_200;
    /// Two days.
    const SECONDS: i64 = 172_800;

    /// A number that looks drawn, the same for the same one.
    fn drawn(n: i64) -> i64 {
        (n.wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) as u64
            >> 33) as i64
    }

    /// A request a second, each line with the second of its request, in the order in which they were
    /// written: one in `late_ones` later, by up to `late_s`.
    fn log(late_ones: i64, late_s: i64) -> Vec<(i64, String)> {
        let mut lines: Vec<(i64, i64)> = (START_S..START_S + SECONDS)
            .map(|at| {
                let n = drawn(at);
                let late = if n % late_ones == 0 {
                    n / late_ones % late_s
                } else {
                    0
                };
                (at + late, at)
            })
            .collect();
        lines.sort_unstable();
        let line = |(_, at): (i64, i64)| {
            let time = jiff::Timestamp::from_second(at).unwrap();
            let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
            let line = format!(
                "192.0.2.{} - - [{time}] \"GET /?since=2019-01-01T00:00:00Z&page={at} HTTP/1.1\" 200 5 \"-\" \"curl/8.5.0\"\n",
                at % 200
            );
            (at, line)
        };
        lines.into_iter().map(line).collect()
    }

    /// What the search says of a log to `ask`.
    fn searched<R>(lines: &[(i64, String)], ask: impl FnOnce(&Places<'_>) -> R) -> R {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let mut text = String::new();
        lines
            .iter()
            .for_each(|(_, line)| text.write_str(line).unwrap());
        std::fs::write(&path, text).unwrap();
        let found = find(&[path], &[]).unwrap();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(2)
            .build()
            .unwrap();
        let names = found.files.iter().map(|file| file.path.as_path());
        ask(&Places::of(&Reading {
            files: &found.files,
            io: Io::Auto,
            now_us: (START_S + SECONDS) * 1_000_000,
            pool: &pool,
            registry: &Registry::builtin(),
            format: None,
            zone: None,
            query: &Query::default(),
            progress: &AtomicU64::new(0),
            begins: &Begins::of(1),
            origins: &origins(names, &BTreeSet::new()),
        }))
    }

    #[test]
    fn no_line_of_the_asked_time_is_left_out_however_late_it_is() {
        let lines = log(3, LATE_US / 1_000_000);
        let mut offset = 0;
        let placed: Vec<(i64, u32)> = lines
            .iter()
            .map(|(at, line)| {
                let block = (offset / BLOCK) as u32;
                offset += line.len();
                (*at, block)
            })
            .collect();
        let all = placed.last().unwrap().1 + 1;
        assert!(all > 4, "{all} blocks");
        let smallest = searched(&lines, |places| {
            let kept = (0..300).map(|n| {
                let from = START_S + drawn(n) % SECONDS;
                let to = from + drawn(n + 1_000) % 7_200;
                let sought = places.hold(Some(from * 1_000_000), Some(to * 1_000_000));
                let blocks: Vec<u32> = match sought.selection.map(|mut files| files.remove(0)) {
                    Some(Some(blocks)) => blocks,
                    _ => (0..all).collect(),
                };
                for (at, block) in &placed {
                    let is_asked = (from..to).contains(at);
                    assert!(!is_asked || blocks.contains(block), "{from}..{to}: {at}");
                }
                blocks.len()
            });
            kept.min().unwrap()
        });
        assert!(smallest <= 3, "of {all} blocks {smallest} at least");
    }

    #[test]
    fn what_is_out_of_order_or_has_no_times_is_kept_whole() {
        let is_kept = |lines: &[(i64, String)]| {
            let hour = Some((START_S + 3_600) * 1_000_000);
            searched(lines, |places| places.hold(None, hour).skipped == 0)
        };
        let lines = log(3, 600);
        assert!(!is_kept(&lines));
        let swapped = [&lines[90_000..], &lines[..90_000]].concat();
        assert!(is_kept(&swapped));
        let untimed: Vec<(i64, String)> = (0..400_000)
            .map(|n| (n, format!("worker {n} is at work on what it was given\n")))
            .collect();
        assert!(is_kept(&untimed));
    }
}
