//! One plain log: mapped or read at a position, always to the length first seen.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use memmap2::Mmap;

use super::fault::Watch;
use super::logfile::LogFile;
use super::{BLOCK, Io, MAX_LINE};

/// A file must have been at rest for so long to be mapped, in µs.
const AT_REST_US: i64 = 10_000_000;
/// Smaller files are read: a mapping costs more than the copy.
const MAP_FROM: u64 = 1 << 20;
/// Bytes read at a time in search of the end of a block's last line.
const STEP: usize = 64 << 10;

/// The lines of a block that was read.
pub struct Cut<'b> {
    /// Where in the file they begin.
    pub offset: u64,
    /// They themselves.
    pub lines: &'b [u8],
    /// Where the file ended, if that was too early.
    pub short: Option<u64>,
}

/// An open plain file.
pub struct Source {
    /// Dropped before the mapping that it watches.
    watch: Option<Watch>,
    map: Option<Mmap>,
    file: Arc<File>,
    /// Offset of the first byte: not 0 in an archive.
    begin: u64,
    len: u64,
}

impl Source {
    /// Opens a file as `io` says; `now_us` tells whether it is at rest.
    pub fn open(file: &LogFile, io: Io, now_us: i64) -> io::Result<Source> {
        let handle = file.open()?;
        let at_rest = file.modified_us <= now_us.saturating_sub(AT_REST_US);
        let wanted = match io {
            Io::Auto => at_rest && file.len >= MAP_FROM,
            Io::Mmap => file.len > 0,
            Io::Read => false,
        };
        let map = if wanted {
            map(&handle, file.begin, file.len)
        } else {
            None
        };
        let watch = map.as_deref().and_then(Watch::new);
        let map = map.filter(|_| watch.is_some());
        Ok(Source {
            watch,
            map,
            file: handle,
            begin: file.begin,
            len: file.len,
        })
    }

    /// The lines that start in block `number`, if they can be had without a copy, and the offset at which
    /// they begin.
    pub fn mapped(&self, number: u32) -> Option<(u64, &[u8])> {
        if self.faulted() {
            return None;
        }
        let map = self.map.as_ref()?;
        let from = number as usize * BLOCK;
        let to = (from + BLOCK).min(map.len());
        // All its pages in one call instead of a fault for every few of them. Only advice: systems that
        // don't know it map the pages one by one.
        #[cfg(target_os = "linux")]
        let _ = map.advise_range(memmap2::Advice::PopulateRead, from, to.saturating_sub(from));
        // Read, not looked up: that would map up to 2 MiB of the block before, which somebody gave up.
        let mut before = [b'\n'];
        if let Some(at) = from.checked_sub(1) {
            let at = self.begin + at as u64;
            self.file.read_exact_at(&mut before, at).ok()?;
        }
        let (begin, lines) = lines(map, before[0], from, to, 0);
        Some((begin as u64, lines))
    }

    /// Gives up the memory of block `number`, which nobody will read soon: each thread that of its own
    /// blocks, instead of one thread all of it at the end.
    #[cfg(target_os = "linux")]
    pub fn release(&self, number: u32) {
        let Some(map) = &self.map else { return };
        let from = number as usize * BLOCK;
        let len = map.len().saturating_sub(from).min(BLOCK);
        // SAFETY: the mapping is of a file, shared and read-only: whoever reads these pages again gets the
        // file's bytes again.
        #[allow(unsafe_code)]
        unsafe {
            let _ = map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, from, len);
        }
    }

    /// Elsewhere the mapping goes as a whole.
    #[cfg(not(target_os = "linux"))]
    pub fn release(&self, _: u32) {}

    /// Whether what was read through the mapping is garbage.
    pub fn faulted(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::faulted)
    }

    /// Reads the lines that start in block `number`; with them the offset at which they begin, and at
    /// which one the file turned out to end too early.
    pub fn read<'b>(&self, number: u32, buffer: &'b mut Vec<u8>) -> io::Result<Cut<'b>> {
        let from = number as usize * BLOCK;
        let to = (from as u64 + BLOCK as u64).min(self.len);
        // One byte before the block tells whether a line starts at its first byte.
        let begin = from.saturating_sub(1) as u64;
        buffer.clear();
        let mut end = self.fill(buffer, begin, to)?;
        let short = (end < to).then_some(end);
        let limit = (to + MAX_LINE as u64 + 1).min(self.len);
        let mut searched = buffer.len().saturating_sub(1);
        while short.is_none() && end < limit && memchr::memchr(b'\n', &buffer[searched..]).is_none()
        {
            searched = buffer.len();
            let next = (end + STEP as u64).min(limit);
            end = self.fill(buffer, end, next)?;
            if end < next {
                break;
            }
        }
        let (before, base) = match from {
            0 => (b'\n', 0),
            _ => (buffer.first().copied().unwrap_or_default(), begin as usize),
        };
        let (offset, lines) = lines(buffer, before, from, to as usize, base);
        Ok(Cut {
            offset: offset as u64,
            lines,
            short,
        })
    }

    /// The first bytes of the file, at most `len`.
    pub fn head<'b>(&self, len: usize, buffer: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
        buffer.clear();
        self.fill(buffer, 0, self.len.min(len as u64))?;
        Ok(buffer)
    }

    /// Appends the bytes `[from, to)`; returns where they really ended.
    fn fill(&self, buffer: &mut Vec<u8>, from: u64, to: u64) -> io::Result<u64> {
        let mut done = buffer.len();
        buffer.resize(done + (to - from) as usize, 0);
        let mut at = from;
        while at < to {
            match self.file.read_at(&mut buffer[done..], self.begin + at) {
                Ok(0) => break,
                Ok(n) => (done, at) = (done + n, at + n as u64),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        buffer.truncate(done);
        Ok(at)
    }
}

/// Maps `len` bytes from `begin`; `None` where the file or the system does not allow it.
fn map(file: &File, begin: u64, len: u64) -> Option<Mmap> {
    let len = usize::try_from(len).ok()?;
    // SAFETY: the mapping is read-only. Other processes may still change the file: changed bytes
    // are read as whatever they are at the moment (lines are parsed as hostile bytes anyway, and
    // nothing is assumed to read the same twice), and a truncation raises SIGBUS, which
    // `fault` turns into a marked, discarded result.
    #[allow(unsafe_code)]
    unsafe {
        memmap2::MmapOptions::new()
            .offset(begin)
            .len(len)
            .map(file)
            .ok()
    }
}

/// Of `bytes`, which begin at offset `base` of a file, the lines that start in `[from, to)`, and the
/// offset of the first; the last of them cut at [`MAX_LINE`] + 1 bytes beyond `to`. The byte `before`
/// `from` tells whether a line starts there.
fn lines(bytes: &[u8], before: u8, from: usize, to: usize, base: usize) -> (usize, &[u8]) {
    let none = (from, &[][..]);
    let to = to.min(base + bytes.len());
    if from >= to {
        return none;
    }
    let begin = if before == b'\n' {
        from - base
    } else {
        match memchr::memchr(b'\n', &bytes[from - base..to - base]) {
            Some(at) => from - base + at + 1,
            None => return none,
        }
    };
    if begin == to - base {
        return none;
    }
    let limit = (to - base + MAX_LINE + 1).min(bytes.len());
    let end = match memchr::memchr(b'\n', &bytes[to - base - 1..limit]) {
        Some(at) => to - base + at,
        None => limit,
    };
    (base + begin, &bytes[begin..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_belongs_to_the_block_in_which_it_starts() {
        let text = b"ab\ncd\n\nefgh\nlast";
        for size in 1..=text.len() {
            let mut all = Vec::new();
            for from in (0..text.len()).step_by(size) {
                let to = (from + size).min(text.len());
                let before = from.checked_sub(1).map_or(b'\n', |at| text[at]);
                let (begin, whole) = lines(text, before, from, to, 0);
                assert_eq!(text[begin..][..whole.len()], *whole);
                // What a reader sees that begins one byte before the block.
                let base = from.saturating_sub(1);
                assert_eq!(lines(&text[base..], before, from, to, base), (begin, whole));
                assert!(
                    whole.is_empty() || from == 0 || text[..from + whole.len()].contains(&b'\n')
                );
                all.extend_from_slice(whole);
            }
            assert_eq!(all, text, "blocks of {size}");
        }
    }
}
