//! Hands out the blocks of all files to any number of threads, always cut and numbered the same.
//!
//! Files are read in [`LANES`] lanes that take turns, so that several packed files are decoded at
//! a time, and a lane takes the next file when its own is done. Each turn has a sequence
//! number; which block it gets depends on the files only. A plain file's blocks are handed out by
//! arithmetic; a packed file's next block is decoded by whoever takes the turn, while
//! others parse the blocks before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::decode::Decoder;
use super::logfile::{BEGIN, LogFile};
use super::source::Source;
use super::{BLOCK, Io};

/// Files in work at a time.
const LANES: usize = 8;

/// A header line of a file, if there is one above.
pub type Header = Option<Box<[u8]>>;

/// Whole lines of one file.
#[derive(Debug)]
pub struct Block<'b, T> {
    /// Place in the order of all blocks: 0, 1, 2, … without a gap.
    pub seq: u64,
    /// Index of the file.
    pub file: usize,
    /// Number of the block in its file, from 0.
    pub number: u32,
    /// The lines, the last one perhaps without its newline.
    pub bytes: &'b [u8],
    /// Where in the file's text they begin.
    pub offset: u64,
    /// The last header line above them in the file's blocks before; see [`Feed::headed`].
    pub above: Header,
    /// The end of the block before this one, from the begin of a line on; see [`Feed::reaching`].
    pub before: &'b [u8],
    /// What was made of the file's begin.
    pub begun: &'b T,
}

/// A file that could be read only in part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Salvage {
    /// Index of the file.
    pub file: usize,
    /// Bytes of its text that were read.
    pub offset: u64,
    /// What happened.
    pub why: String,
}

/// A thread's own memory for blocks that can't be mapped.
#[derive(Debug, Default)]
pub struct Buffer {
    block: Vec<u8>,
    head: Vec<u8>,
    before: Vec<u8>,
}

/// The blocks wanted of each file: all, or those with these numbers in ascending order.
pub type Selection = Vec<Option<Vec<u32>>>;

/// The blocks of all files, for any number of threads.
pub struct Feed<'a, T, B> {
    files: &'a [LogFile],
    io: Io,
    now_us: i64,
    begin: B,
    headed: fn(&T) -> Option<&'static [u8]>,
    reach: fn(&T) -> usize,
    selection: Option<Selection>,
    schedule: Mutex<Schedule<T>>,
    salvaged: Mutex<Vec<Salvage>>,
    done: &'a AtomicU64,
}

struct Schedule<T> {
    lanes: Vec<Lane<T>>,
    turn: usize,
    next_file: usize,
    seq: u64,
}

struct Lane<T> {
    /// Place in the file's list of wanted blocks.
    next: u32,
    file: Arc<Open<T>>,
}

/// A file in work.
struct Open<T> {
    index: usize,
    begun: OnceLock<T>,
    source: OnceLock<Option<Source>>,
    /// The last header line in each block of a plain file, where somebody asked.
    headers: OnceLock<Vec<OnceLock<Header>>>,
    decoder: Mutex<Option<Decoder>>,
}

/// A turn: which block to read, and for packed files the right to decode it.
enum Turn<'o> {
    Plain {
        number: u32,
    },
    Packed {
        number: u32,
        decoder: MutexGuard<'o, Option<Decoder>>,
    },
}

impl<'a, T, B> Feed<'a, T, B>
where
    T: Send + Sync,
    B: Fn(usize, &LogFile, &[u8]) -> T + Sync,
{
    /// The blocks of `files`; `begin` is called once for each file with its first bytes. `done`
    /// counts the bytes on disk that are done.
    pub fn new(files: &'a [LogFile], io: Io, now_us: i64, done: &'a AtomicU64, begin: B) -> Self {
        let schedule = Schedule {
            lanes: Vec::new(),
            turn: 0,
            next_file: 0,
            seq: 0,
        };
        Feed {
            files,
            io,
            now_us,
            begin,
            headed: |_| None,
            reach: |_| 0,
            selection: None,
            schedule: Mutex::new(schedule),
            salvaged: Mutex::default(),
            done,
        }
    }

    /// The same with only some blocks of each file.
    pub fn select(mut self, selection: Selection) -> Self {
        self.selection = Some(selection);
        self
    }

    /// The same for files in which some lines say what those below them mean: `headed` tells, from
    /// what was made of a file's begin, what such lines begin with. Each block comes with the last
    /// one above it.
    pub fn headed(mut self, headed: fn(&T) -> Option<&'static [u8]>) -> Self {
        self.headed = headed;
        self
    }

    /// The same for files in which a line may say what an earlier one began: each block comes with so
    /// many bytes of the one before at most, as `reach` tells from what was made of a file's begin.
    pub fn reaching(mut self, reach: fn(&T) -> usize) -> Self {
        self.reach = reach;
        self
    }

    /// Gives the next block to `work`, which must be a pure function of it: where the file is
    /// truncated under the reader, its result is thrown away and it is called again with what is
    /// left. `None` at the end of all files.
    pub fn next<R>(
        &self,
        buffer: &mut Buffer,
        mut work: impl FnMut(Block<'_, T>) -> R,
    ) -> Option<R> {
        loop {
            let mut schedule = lock(&self.schedule);
            let lane = self.fill_lanes(&mut schedule)?;
            let file = Arc::clone(&schedule.lanes[lane].file);
            let Some(turn) = self.take_turn(&mut schedule, lane, &file) else {
                continue;
            };
            let seq = schedule.seq;
            schedule.seq += 1;
            drop(schedule);
            return Some(match turn {
                Turn::Plain { number } => self.read_plain(&file, seq, number, buffer, &mut work),
                Turn::Packed { number, decoder } => {
                    self.decode(&file, seq, number, decoder, buffer, &mut work)
                }
            });
        }
    }

    /// What could be read only in part, in order of files.
    pub fn salvaged(self) -> Vec<Salvage> {
        let mut all = self
            .salvaged
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        all.sort();
        all.dedup_by_key(|s| s.file);
        all
    }

    /// Gives empty lanes a file; returns the lane whose turn it is.
    fn fill_lanes(&self, schedule: &mut Schedule<T>) -> Option<usize> {
        while schedule.lanes.len() < LANES && schedule.next_file < self.files.len() {
            let index = schedule.next_file;
            schedule.next_file += 1;
            if self.wanted(index).is_some_and(|blocks| blocks.is_empty()) {
                continue;
            }
            let file = Open {
                index,
                begun: OnceLock::new(),
                source: OnceLock::new(),
                headers: OnceLock::new(),
                decoder: Mutex::new(None),
            };
            schedule.lanes.push(Lane {
                next: 0,
                file: Arc::new(file),
            });
        }
        if schedule.lanes.is_empty() {
            return None;
        }
        schedule.turn %= schedule.lanes.len();
        Some(schedule.turn)
    }

    /// Takes the lane's turn; `None` where its file turned out to be done.
    fn take_turn<'o>(
        &self,
        schedule: &mut Schedule<T>,
        lane: usize,
        file: &'o Open<T>,
    ) -> Option<Turn<'o>> {
        let wanted = self.wanted(file.index);
        let next = schedule.lanes[lane].next;
        let facts = &self.files[file.index];
        if facts.is_plain() {
            let number = wanted.map_or(next, |blocks| blocks[next as usize]);
            let count = wanted.map_or(blocks_of(facts.len), |blocks| blocks.len() as u32);
            schedule.advance(lane, next + 1 == count);
            return Some(Turn::Plain { number });
        }
        // Waits while another thread decodes the block before this one.
        let decoder = lock(&file.decoder);
        let ended = decoder.as_ref().is_some_and(|d| d.ended);
        let enough = wanted.is_some_and(|blocks| blocks.last().is_some_and(|&last| next > last));
        if ended || enough {
            schedule.lanes.remove(lane);
            return None;
        }
        schedule.advance(lane, false);
        Some(Turn::Packed {
            number: next,
            decoder,
        })
    }

    fn wanted(&self, file: usize) -> Option<&[u32]> {
        self.selection.as_ref()?.get(file)?.as_deref()
    }

    fn read_plain<R>(
        &self,
        file: &Open<T>,
        seq: u64,
        number: u32,
        buffer: &mut Buffer,
        work: &mut impl FnMut(Block<'_, T>) -> R,
    ) -> R {
        let facts = &self.files[file.index];
        let source = file
            .source
            .get_or_init(|| match Source::open(facts, self.io, self.now_us) {
                Ok(source) => Some(source),
                Err(e) => {
                    self.salvage(file.index, 0, e.to_string());
                    None
                }
            });
        let begun = file.begun.get_or_init(|| {
            let head = source
                .as_ref()
                .and_then(|s| s.head(BEGIN, &mut buffer.head).ok());
            (self.begin)(file.index, facts, head.unwrap_or_default())
        });
        let size = facts
            .len
            .saturating_sub(u64::from(number) * BLOCK as u64)
            .min(BLOCK as u64);
        self.done.fetch_add(size, Ordering::Relaxed);
        let above = source
            .as_ref()
            .and_then(|source| self.above(file, source, begun, number));
        let reach = (self.reach)(begun);
        buffer.before.clear();
        if let (Some(source), Some(before @ 0..), 1..) = (source, number.checked_sub(1), reach) {
            let bytes = match source.mapped(before) {
                Some((_, bytes)) => bytes,
                None => source
                    .read(before, &mut buffer.block)
                    .map_or(&[][..], |cut| cut.lines),
            };
            buffer.before.extend_from_slice(last_lines(bytes, reach));
        }
        let before = &buffer.before[..];
        let block = |offset, bytes| Block {
            seq,
            file: file.index,
            number,
            bytes,
            offset,
            above: above.clone(),
            before,
            begun,
        };
        let Some(source) = source else {
            return work(block(0, &[]));
        };
        if let Some((offset, bytes)) = source.mapped(number) {
            let result = work(block(offset, bytes));
            if !source.faulted() {
                source.release(number);
                return result;
            }
        }
        match source.read(number, &mut buffer.block) {
            Ok(cut) => {
                if let Some(offset) = cut.short {
                    self.salvage(file.index, offset, "truncated while it was read".into());
                }
                work(block(cut.offset, cut.lines))
            }
            Err(e) => {
                let offset = u64::from(number) * BLOCK as u64;
                self.salvage(file.index, offset, e.to_string());
                work(block(offset, &[]))
            }
        }
    }

    /// The last header line above a block of a plain file.
    ///
    /// Its own block is searched first, as whoever reads it has it at hand, and the next one asks for it:
    /// no block is read for its header alone but those that nobody else wants.
    fn above(&self, file: &Open<T>, source: &Source, begun: &T, number: u32) -> Header {
        let begins = (self.headed)(begun)?;
        let headers = file.headers.get_or_init(|| {
            let blocks = blocks_of(self.files[file.index].len);
            (0..blocks).map(|_| OnceLock::new()).collect()
        });
        let mut buffer = Vec::new();
        let mut search = |number: u32| {
            let bytes = match source.mapped(number) {
                Some((_, bytes)) => bytes,
                None => source.read(number, &mut buffer).ok()?.lines,
            };
            last_line(bytes, begins)
        };
        let mut last_in = |number: u32| {
            let header = headers.get(number as usize)?;
            header.get_or_init(|| search(number)).clone()
        };
        last_in(number);
        (0..number).rev().find_map(last_in)
    }

    fn decode<R>(
        &self,
        file: &Open<T>,
        seq: u64,
        number: u32,
        mut decoder: MutexGuard<'_, Option<Decoder>>,
        buffer: &mut Buffer,
        work: &mut impl FnMut(Block<'_, T>) -> R,
    ) -> R {
        let facts = &self.files[file.index];
        buffer.block.clear();
        if decoder.is_none() {
            match Decoder::open(facts) {
                Ok(opened) => *decoder = Some(opened),
                Err(e) => self.salvage(file.index, 0, e.to_string()),
            }
        }
        buffer.before.clear();
        let offset = decoder.as_ref().map_or(0, |decoder| decoder.offset);
        let (begun, above) = match decoder.as_mut() {
            Some(decoder) => {
                let error = decoder.next(&mut buffer.block);
                if let Some(e) = error {
                    self.salvage(file.index, decoder.offset, e.to_string());
                }
                if decoder.ended {
                    self.done.fetch_add(facts.len, Ordering::Relaxed);
                }
                let head = &buffer.block[..buffer.block.len().min(BEGIN)];
                let begun = file
                    .begun
                    .get_or_init(|| (self.begin)(file.index, facts, head));
                let above = decoder.header.clone();
                let reach = (self.reach)(begun);
                if reach > 0 {
                    let end = last_lines(&buffer.block, reach).to_vec();
                    buffer.before = std::mem::replace(&mut decoder.end, end);
                }
                if let Some(begins) = (self.headed)(begun) {
                    decoder.header = last_line(&buffer.block, begins).or(decoder.header.take());
                }
                (begun, above)
            }
            None => {
                *decoder = Some(Decoder::nothing());
                let begun = file
                    .begun
                    .get_or_init(|| (self.begin)(file.index, facts, &[]));
                (begun, None)
            }
        };
        drop(decoder);
        let unwanted = self
            .wanted(file.index)
            .is_some_and(|blocks| blocks.binary_search(&number).is_err());
        let bytes = if unwanted { &[][..] } else { &buffer.block };
        work(Block {
            seq,
            file: file.index,
            number,
            bytes,
            offset,
            above,
            before: &buffer.before,
            begun,
        })
    }

    fn salvage(&self, file: usize, offset: u64, why: String) {
        lock(&self.salvaged).push(Salvage { file, offset, why });
    }
}

impl<T> Schedule<T> {
    /// Passes the turn on; a lane whose file is done takes another.
    fn advance(&mut self, lane: usize, done: bool) {
        self.lanes[lane].next += 1;
        if done {
            self.lanes.remove(lane);
        } else {
            self.turn = lane + 1;
        }
    }
}

/// The last line that begins so.
fn last_line(text: &[u8], begins: &[u8]) -> Header {
    // By its first byte, which hardly any other line has: that is found as fast as memory is read.
    let first = *begins.first()?;
    let is_begin = |at: usize| {
        text[at..].starts_with(begins)
            && (matches!(text[..at].last(), None | Some(b'\n')) || text[..at] == *b"\xef\xbb\xbf")
    };
    let at = memchr::memrchr_iter(first, text).find(|&at| is_begin(at))?;
    let line = &text[at..];
    let len = memchr::memchr(b'\n', line).unwrap_or(line.len());
    Some(line[..len].into())
}

/// The last lines of a text, of so many bytes at most.
fn last_lines(text: &[u8], most: usize) -> &[u8] {
    let Some(cut) = text.len().checked_sub(most).filter(|&cut| cut > 0) else {
        return text;
    };
    match memchr::memchr(b'\n', &text[cut - 1..]) {
        Some(end) => &text[cut + end..],
        None => &[],
    }
}

/// Blocks of a plain file: one even for an empty file, so that each file is begun.
pub fn blocks_of(len: u64) -> u32 {
    len.div_ceil(BLOCK as u64).clamp(1, u64::from(u32::MAX)) as u32
}

/// A panic elsewhere ends the run with its own message; the data here is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
