//! A look into a plain file at any place, without reading what stands before it.
//!
//! Only files that lie on disk as lines can be looked into so: a packed one has to be unpacked from
//! its begin, standard input and the members of archives are read whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::BLOCK;
use super::feed::blocks_of;
use super::logfile::{BEGIN, LogFile, Place};

/// Bytes of an excerpt: as many lines as tell a format.
const EXCERPT: usize = 32 << 10;

/// Whole lines from anywhere in a file.
pub struct Excerpt {
    /// The lines.
    pub text: Vec<u8>,
    /// The first of them is the first that begins here or behind.
    begin: u64,
}

/// An open file to look into.
pub struct Peek {
    file: Arc<File>,
    len: u64,
}

impl Peek {
    /// Opens a file; `None` where it can't be looked into, or is another one by now.
    pub fn open(file: &LogFile) -> Option<Peek> {
        let is_own = matches!(file.place, Place::Path);
        (is_own && file.is_plain()).then_some(())?;
        Some(Peek {
            file: file.open().ok()?,
            len: file.len,
        })
    }

    /// Its length when it was first seen.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Its blocks.
    pub fn blocks(&self) -> u32 {
        blocks_of(self.len)
    }

    /// Bytes of text in a block, but for the line at its end.
    pub fn block_len(&self, number: u32) -> u64 {
        let begin = u64::from(number) * BLOCK as u64;
        self.len.saturating_sub(begin).min(BLOCK as u64)
    }

    /// The bytes that tell its format: the same that reading it begins with.
    pub fn head(&self) -> Option<Vec<u8>> {
        let mut head = vec![0; self.len.min(BEGIN as u64) as usize];
        self.read(&mut head, 0).ok()?;
        Some(head)
    }

    /// Lines of other places in the file that may tell what its begin doesn't, and where these stand: from its
    /// middle, and its last. None where all of it is its begin.
    pub fn excerpts(file: &LogFile) -> Vec<Excerpt> {
        let Some(peek) = Peek::open(file).filter(|peek| peek.len > BEGIN as u64) else {
            return Vec::new();
        };
        let excerpt = |begin: u64| {
            let mut buffer = Vec::new();
            let text = peek.lines(begin, EXCERPT, &mut buffer)?.to_vec();
            Some(Excerpt { text, begin })
        };
        let places = [peek.len / 2, peek.len - EXCERPT as u64];
        places.into_iter().filter_map(excerpt).collect()
    }

    /// The number of an excerpt's first line, from 1. All that stands before it is read.
    pub fn number_of(&self, excerpt: &Excerpt) -> io::Result<usize> {
        // It begins behind the first line end that isn't before this.
        let end = excerpt.begin.saturating_sub(1);
        let (mut buffer, mut at, mut ended) = (vec![0; BLOCK], 0, 0);
        while at < end {
            let part = buffer.get_mut(..(end - at).min(BLOCK as u64) as usize);
            let part = part.unwrap_or_default();
            self.read(part, at)?;
            ended += memchr::memchr_iter(b'\n', part).count();
            at += part.len() as u64;
        }
        Ok(ended + 2)
    }

    /// The lines that start in the `len` bytes from an offset on; one that goes on behind these is left
    /// out. `None` where the file has become shorter.
    pub fn lines<'b>(&self, offset: u64, len: usize, buffer: &'b mut Vec<u8>) -> Option<&'b [u8]> {
        // One byte before tells whether a line starts right there.
        let begin = offset.saturating_sub(1);
        let end = offset.saturating_add(len as u64).min(self.len);
        let wanted = usize::try_from(end.checked_sub(begin)?).ok()?;
        buffer.resize(wanted, 0);
        self.read(buffer, begin).ok()?;
        let from = match offset {
            0 => 0,
            _ => memchr::memchr(b'\n', buffer).map_or(wanted, |at| at + 1),
        };
        let to = match end == self.len {
            true => wanted,
            false => memchr::memrchr(b'\n', buffer).map_or(0, |at| at + 1),
        };
        Some(buffer.get(from..to).unwrap_or_default())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_of_a_file_are_lines_with_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let lines =
            |count: usize| -> String { (1..=count).map(|n| format!("line {n}\n")).collect() };
        std::fs::write(&path, lines(5_000)).unwrap();
        let (file, _) = LogFile::at(&path).unwrap();
        assert!(Peek::excerpts(&file).is_empty());
        std::fs::write(&path, lines(50_000)).unwrap();
        let (file, _) = LogFile::at(&path).unwrap();
        let excerpts = Peek::excerpts(&file);
        assert_eq!(excerpts.len(), 2);
        for excerpt in excerpts {
            let number = Peek::open(&file).unwrap().number_of(&excerpt).unwrap();
            assert!(number > 20_000);
            let first = excerpt.text.split(|&b| b == b'\n').next().unwrap();
            assert_eq!(first, format!("line {number}").as_bytes());
        }
    }

    #[test]
    fn only_whole_lines_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        std::fs::write(&path, "ab\ncd\n\nefgh\nlast").unwrap();
        let (file, _) = LogFile::at(&path).unwrap();
        let peek = Peek::open(&file).unwrap();
        let mut buffer = Vec::new();
        let mut seen = |offset, len| peek.lines(offset, len, &mut buffer).map(<[u8]>::to_vec);
        assert_eq!(seen(0, 7).unwrap(), b"ab\ncd\n\n");
        assert_eq!(seen(3, 4).unwrap(), b"cd\n\n");
        assert_eq!(seen(4, 9).unwrap(), b"\nefgh\n");
        assert_eq!(seen(8, 100).unwrap(), b"last");
        assert_eq!(seen(8, 2).unwrap(), b"");
        assert_eq!(seen(99, 2), None);
        // It was cut meanwhile.
        std::fs::write(&path, "ab\n").unwrap();
        assert_eq!(seen(3, 4), None);
    }
}
