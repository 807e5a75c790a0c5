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
