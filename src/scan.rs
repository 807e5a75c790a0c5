//! Pass 1: every line, counts only.
//!
//! Reads all blocks, counts each line once (as a request, as rejected for a reason, or as filtered)
//! and adds requests and errors up by endpoint and minute. Keeps for each block the smallest and
//! largest time in it, so that pass 2 need visit only the blocks that matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::aggregate::{
    Aggregate, ChunkAggregate, ChunkCounts, LocalEndpoint, LocalService, MINUTE_US,
};
#[cfg(target_arch = "x86_64")]
use crate::endpoint::Shape;
use crate::endpoint::append_template;
use crate::format::{Aside, Format, Joiner, Mixture, Piece, ReadBy, Scratch};
#[cfg(target_arch = "x86_64")]
use crate::format::{Glance, Glancing};
#[cfg(target_arch = "x86_64")]
use crate::input::LineEnds;
use crate::input::{Block, Lines, Place, Salvage};
use crate::query::{Query, Side};
use crate::reading::{Begun, Reading, Sought, Told};
use crate::record::{Depth, Record, Reject, Status};
use crate::timestamp::Clock;

/// What pass 1 counted.
#[derive(Debug, Default)]
pub struct Scan {
    /// Requests in the asked time, by endpoint and minute.
    pub inside: Aggregate,
    /// Requests before it, which serve as a baseline.
    pub before: Aggregate,
    /// What each block holds.
    pub blocks: Vec<BlockFacts>,
    /// What each file turned out to be, by index.
    pub files: Vec<FileFacts>,
    /// Bytes of text read.
    pub bytes: u64,
    /// Lines read: requests + rejected + filtered.
    pub lines: u64,
    /// Requests asked for.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Requests not asked for.
    pub filtered: u64,
    /// Rejected lines by reason.
    pub rejected: [u64; Reject::ALL.len()],
    /// The first line rejected for each reason, by file and line.
    pub examples: [Option<Example>; Reject::ALL.len()],
    /// Times of the first and the last request asked for, µs.
    pub span_us: Option<(i64, i64)>,
    /// Smallest and largest offset from UTC that the lines' times had, in seconds.
    pub offsets: Option<(i32, i32)>,
    /// Whether times without a zone were taken as UTC because none was given.
    pub assumed_utc: bool,
    /// Whether times without a year were given the latest that their files allow.
    pub assumed_year: bool,
    /// What could be read only in part.
    pub salvaged: Vec<Salvage>,
    /// Bytes that were not read because they hold nothing of the asked time.
    pub skipped: u64,
    /// What is known of them.
    pub told: Told,
}

/// A block, for pass 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFacts {
    /// Index of its file.
    pub file: usize,
    /// Its number in the file.
    pub number: u32,
    /// Number of its first line in the file, from 1; `None` where lines before it were not read.
    pub first_line: Option<u64>,
    /// Times of its earliest and latest request, asked for or not; `None` without any.
    pub span_us: Option<(i64, i64)>,
}

/// A file, after it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Name of its format.
    pub format: String,
    /// Blocks of it that were read.
    pub blocks: u32,
    /// Lines in them.
    pub lines: u64,
    /// Lines that other formats read, by name.
    pub others: BTreeMap<String, u64>,
    /// Requests in it, asked for or not.
    pub requests: u64,
}

/// A line worth showing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// Index of its file.
    pub file: usize,
    /// Offset of its first byte in the file's text.
    pub byte: u64,
    /// Its number in the file, from 1; `None` where lines before it were not read.
    pub line: Option<u64>,
    /// Its text, cut at [`EXAMPLE_LEN`].
    pub text: Vec<u8>,
}

impl Example {
    /// A line of a block whose first line has this number.
    pub fn of(
        block: &Block<'_, Begun>,
        first_line: Option<u64>,
        at: Place,
        line: &[u8],
    ) -> Example {
        Example {
            file: block.file,
            byte: block.offset + at.begin as u64,
            line: first_line.map(|first| first + at.number),
            text: line[..line.len().min(EXAMPLE_LEN)].to_vec(),
        }
    }
}

/// Bytes of a line that are kept for showing.
pub const EXAMPLE_LEN: usize = 2_000;

/// Reads once what may hold something of the asked time.
pub fn scan(reading: &Reading<'_>, sought: Sought) -> Scan {
    let mut scan = Scan {
        files: vec![FileFacts::default(); reading.files.len()],
        skipped: sought.skipped,
        offsets: sought.told.offsets,
        assumed_utc: sought.told.assumed_utc,
        assumed_year: sought.told.assumed_year,
        told: sought.told,
        ..Scan::default()
    };
    let salvaged = reading.each_block(
        sought.selection,
        || Worker {
            query: reading.query,
            admits_all: reading.query.admits_all(),
            clock: reading.clock(),
            scratch: Scratch::default(),
            aside: Aside::default(),
            inside: ChunkCounts::default(),
            before: ChunkCounts::default(),
            admitted: Vec::new(),
        },
        Worker::read,
        |part| scan.merge(part),
    );
    scan.salvaged = salvaged;
    scan
}

/// One thread's memory.
struct Worker<'q> {
    query: &'q Query,
    /// Whether that asks for all endpoints.
    admits_all: bool,
    clock: Clock,
    scratch: Scratch,
    aside: Aside,
    inside: ChunkCounts,
    before: ChunkCounts,
    /// Whether each endpoint of `inside` is asked for, where that was decided.
    admitted: Vec<Option<bool>>,
}

/// A block at work.
struct Lot<'b> {
    mixture: &'b Mixture,
    /// The format of the lines from here on.
    format: Arc<Format>,
    /// The service of lines that name none, inside the asked time and before it.
    services: [LocalService; 2],
    scratch: Scratch,
    aside: Aside,
    counts: Counts,
}

/// What one block holds.
struct Part {
    file: usize,
    number: u32,
    offset: u64,
    format: String,
    others: Vec<(String, u64)>,
    bytes: u64,
    inside: ChunkAggregate,
    before: ChunkAggregate,
    counts: Counts,
    offsets: Option<(i32, i32)>,
    assumed_utc: bool,
    assumed_year: bool,
}

#[derive(Default)]
struct Counts {
    lines: u64,
    /// Where in the block the line at hand begins.
    begin: usize,
    requests: u64,
    errors: u64,
    filtered: u64,
    rejected: [u64; Reject::ALL.len()],
    /// Lines that each other format of the file's mixture read.
    others: Vec<u64>,
    /// Place in the block and text.
    examples: [Option<(Place, Vec<u8>)>; Reject::ALL.len()],
    span_us: Option<(i64, i64)>,
    span_inside_us: Option<(i64, i64)>,
    /// The last time in it: most requests share theirs with the one before.
    last_inside_us: Option<i64>,
}

impl Worker<'_> {
    fn read(&mut self, block: Block<'_, Begun>) -> Part {
        let keep = [self.inside.clear(), self.before.clear()];
        if keep.contains(&false) {
            self.admitted.clear();
        }
        self.clock.set_not_after(block.begun.latest_us);
        let mixture = &block.begun.mixture;
        let service = &block.begun.service;
        let mut lot = Lot {
            mixture,
            format: block.begun.format_below(block.above.as_deref()),
            services: [self.inside.service(service), self.before.service(service)],
            scratch: std::mem::take(&mut self.scratch),
            aside: std::mem::take(&mut self.aside),
            counts: Counts {
                others: vec![0; mixture.len()],
                ..Counts::default()
            },
        };
        let joins = lot.format.joins();
        if joins.any() {
            self.read_joined(&block, Joiner::new(joins, block.before), &mut lot);
        } else if !self.read_by_glances(block.bytes, &mut lot) {
            for (at, line) in Lines::new(block.bytes).placed() {
                lot.counts.begin = at.begin;
                self.read_line(line, &mut lot);
            }
        }
        let counts = lot.counts;
        (self.scratch, self.aside) = (lot.scratch, lot.aside);
        let others = counts.others.iter().enumerate();
        Part {
            others: others
                .filter(|(_, lines)| **lines > 0)
                .map(|(index, lines)| (mixture.name(index).to_owned(), *lines))
                .collect(),
            file: block.file,
            number: block.number,
            offset: block.offset,
            format: block.begun.format.name().to_owned(),
            bytes: block.bytes.len() as u64,
            inside: self.inside.finish(),
            before: self.before.finish(),
            counts,
            offsets: self.clock.offsets(),
            assumed_utc: self.clock.assumed_utc(),
            assumed_year: self.clock.assumed_year(),
        }
    }

    /// Reads a block of which some lines have to be put together first.
    fn read_joined(&mut self, block: &Block<'_, Begun>, mut joiner: Joiner, lot: &mut Lot<'_>) {
        for (at, line) in Lines::new(block.bytes).placed() {
            lot.counts.begin = at.begin;
            match joiner.take(line) {
                Piece::Whole => self.read_line(line, lot),
                Piece::Joined(text) => self.read_line(text, lot),
                Piece::Begins => {
                    lot.counts.reject(Reject::Piece, line);
                    lot.counts.lines += 1;
                }
            }
        }
    }

    /// Reads one line as its format has it, or as another does that the file has.
    fn read_line(&mut self, line: &[u8], lot: &mut Lot<'_>) {
        let Lot {
            mixture,
            format,
            services,
            scratch,
            aside,
            counts,
        } = lot;
        match format.parse(line, &mut self.clock, scratch, Depth::Counts) {
            Ok(record) => self.count(&record, *services, counts),
            Err(reason) => {
                let depth = Depth::Counts;
                match mixture.read(format, line, reason, &mut self.clock, aside, depth) {
                    Ok((by, record)) => {
                        self.count(&record, *services, counts);
                        counts.read_by(by);
                    }
                    Err(reason) => counts.reject(reason, line),
                }
                if reason == Reject::Comment
                    && let Some(below) = format.header(line)
                {
                    *format = below;
                }
            }
        }
        counts.lines += 1;
    }

    #[inline]
    fn count(&mut self, record: &Record<'_>, services: [LocalService; 2], counts: &mut Counts) {
        let at = self.moment(record.time_us, counts);
        let (target, service) = match at.side {
            Side::Inside => (&mut self.inside, services[0]),
            Side::Before => (&mut self.before, services[1]),
            Side::Outside => {
                counts.filtered += 1;
                return;
            }
        };
        let service = record.service.map_or(service, |name| target.service(name));
        let endpoint = match self.query.routes.find(record.target) {
            Some(route) => {
                target.endpoint(service, record.method, |key| key.push(route.as_bytes()))
            }
            None => target.endpoint_of(service, record.method, record.target),
        };
        self.count_at(at, endpoint, record.status, record.latency_us, counts);
    }

    /// What there is to know of a time at which there was a request; notes that there was one.
    #[inline]
    fn moment(&self, time_us: i64, counts: &mut Counts) -> Moment {
        widen(&mut counts.span_us, time_us);
        Moment {
            time_us,
            side: self.query.side(time_us),
            minute: time_us.div_euclid(MINUTE_US) as i32,
        }
    }

    /// Counts a request of the asked time or before it.
    #[inline(always)]
    fn count_at(
        &mut self,
        at: Moment,
        endpoint: LocalEndpoint,
        status: Status,
        latency_us: Option<u64>,
        counts: &mut Counts,
    ) {
        let target = match at.side {
            Side::Before => &mut self.before,
            _ => &mut self.inside,
        };
        if !self.admits_all && !admitted(self.query, &mut self.admitted, target, endpoint, at.side)
        {
            counts.filtered += 1;
            return;
        }
        let error = match self.query.errors.contains(status) {
            true => Some(status.0),
            false => None,
        };
        let took_us = match status.is_refusal() {
            true => None,
            false => latency_us,
        };
        target.count(endpoint, at.minute, error, took_us);
        if at.side == Side::Inside {
            counts.requests += 1;
            counts.errors += u64::from(error.is_some());
            if counts.last_inside_us != Some(at.time_us) {
                counts.last_inside_us = Some(at.time_us);
                widen(&mut counts.span_inside_us, at.time_us);
            }
        } else {
            counts.filtered += 1;
        }
    }

    /// Reads all lines, the plain ones at a glance; `false` where that can't be.
    #[cfg(target_arch = "x86_64")]
    fn read_by_glances(&mut self, text: &[u8], lot: &mut Lot<'_>) -> bool {
        // What a route of the user's says depends on more of a path than its shape.
        if !self.query.routes.is_empty() {
            return false;
        }
        let format = Arc::clone(&lot.format);
        #[allow(unsafe_code)]
        // SAFETY: there are glances only where the processor has these features.
        unsafe {
            match (format.glances(), format.keyed_glances()) {
                (Some(glances), _) => self.glance_over(text, glances, lot),
                (_, Some(glances)) => self.glance_over(text, glances, lot),
                _ => return false,
            }
        }
        true
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn read_by_glances(&mut self, _: &[u8], _: &mut Lot<'_>) -> bool {
        false
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn glance_over(&mut self, text: &[u8], mut glances: impl Glancing, lot: &mut Lot<'_>) {
        let mut ends = LineEnds::new(text);
        let mut begin = 0;
        // No line has this time, so the first one's is looked at.
        let mut now = Moment {
            time_us: i64::MIN,
            side: Side::Outside,
            minute: 0,
        };
        while begin < text.len() {
            let newline = ends.next();
            let is_crlf = newline > begin && text[newline - 1] == b'\r';
            let end = newline - usize::from(is_crlf);
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let glance =
                unsafe { glances.read::<1>(text, begin, end, &mut self.clock, &mut lot.scratch) };
            match glance {
                Some(glance) => {
                    if glance.time_us != now.time_us {
                        now = self.moment(glance.time_us, &mut lot.counts);
                    }
                    self.count_glance(text, &glance, now, lot);
                    lot.counts.lines += 1;
                }
                None => {
                    lot.counts.begin = begin;
                    self.read_line(&text[begin..end], lot);
                }
            }
            begin = newline + 1;
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    fn count_glance(&mut self, text: &[u8], glance: &Glance<'_>, at: Moment, lot: &mut Lot<'_>) {
        let counts = &mut lot.counts;
        let (target, service) = match at.side {
            Side::Inside => (&mut self.inside, lot.services[0]),
            Side::Before => (&mut self.before, lot.services[1]),
            Side::Outside => {
                counts.filtered += 1;
                return;
            }
        };
        let service = match glance.service {
            Some(name) => target.service(name),
            None => service,
        };
        let path = &text[glance.target..];
        let shape = match path.first_chunk() {
            Some(path) => Shape::of::<1>(path, glance.target_len, glance.method, service.number()),
            None => None,
        };
        let remembered = match &shape {
            Some(shape) => target.remembered(shape),
            None => None,
        };
        let endpoint = match remembered {
            Some(endpoint) => endpoint,
            None => {
                let method = &glance.method.to_le_bytes()[..glance.method_len];
                let path = &path[..glance.target_len];
                match shape {
                    Some(shape) => {
                        let endpoint =
                            target.endpoint(service, method, |key| append_template(path, key));
                        target.remember(&shape, endpoint);
                        endpoint
                    }
                    // A long path, an absolute URL, the end of the text.
                    None => target.endpoint_of(service, method, path),
                }
            }
        };
        self.count_at(at, endpoint, glance.status, glance.latency_us, counts);
    }
}

/// When a request was, as far as counting goes.
#[derive(Debug, Clone, Copy)]
struct Moment {
    time_us: i64,
    side: Side,
    minute: i32,
}

/// Whether an endpoint is asked for: decided once per endpoint and block.
fn admitted(
    query: &Query,
    decided: &mut Vec<Option<bool>>,
    counts: &ChunkCounts,
    endpoint: LocalEndpoint,
    side: Side,
) -> bool {
    // Two endpoints, one on each side, have places of their own.
    let place = 2 * endpoint.index() + usize::from(side == Side::Before);
    if decided.len() <= place {
        decided.resize(place + 1, None);
    }
    *decided[place].get_or_insert_with(|| {
        let key = counts.name(endpoint);
        query.admits(&key.service, &key.method, &key.template)
    })
}

impl Counts {
    fn read_by(&mut self, by: ReadBy) {
        if let ReadBy::Other(index) = by
            && let Some(lines) = self.others.get_mut(index)
        {
            *lines += 1;
        }
    }

    #[cold]
    fn reject(&mut self, reason: Reject, line: &[u8]) {
        self.rejected[reason.index()] += 1;
        let at = Place {
            number: self.lines,
            begin: self.begin,
        };
        self.examples[reason.index()]
            .get_or_insert_with(|| (at, line[..line.len().min(EXAMPLE_LEN)].to_vec()));
    }
}

impl Scan {
    fn merge(&mut self, part: Part) {
        let counts = part.counts;
        let file = &mut self.files[part.file];
        let first_line = (file.blocks == part.number).then_some(file.lines + 1);
        file.blocks += 1;
        file.lines += counts.lines;
        let rejected: u64 = counts.rejected.iter().sum();
        file.requests += counts.lines - rejected;
        file.format = part.format;
        for (name, lines) in part.others {
            *file.others.entry(name).or_default() += lines;
        }
        self.blocks.push(BlockFacts {
            file: part.file,
            number: part.number,
            first_line,
            span_us: counts.span_us,
        });
        self.bytes += part.bytes;
        self.lines += counts.lines;
        self.requests += counts.requests;
        self.errors += counts.errors;
        self.filtered += counts.filtered;
        for (sum, n) in self.rejected.iter_mut().zip(counts.rejected) {
            *sum += n;
        }
        for (kept, example) in self.examples.iter_mut().zip(counts.examples) {
            let example = example.map(|(at, text)| Example {
                file: part.file,
                byte: part.offset + at.begin as u64,
                line: first_line.map(|first| first + at.number),
                text,
            });
            *kept = match (kept.take(), example) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        for time in counts.span_inside_us.into_iter().flat_map(|(a, b)| [a, b]) {
            widen(&mut self.span_us, time);
        }
        for offset in part.offsets.into_iter().flat_map(|(a, b)| [a, b]) {
            widen(&mut self.offsets, offset);
        }
        self.assumed_utc |= part.assumed_utc;
        self.assumed_year |= part.assumed_year;
        self.inside.merge(&part.inside);
        self.before.merge(&part.before);
    }
}

#[inline]
fn widen<T: Copy + Ord>(span: &mut Option<(T, T)>, value: T) {
    *span = Some(match *span {
        Some((low, high)) => (low.min(value), high.max(value)),
        None => (value, value),
    });
}
