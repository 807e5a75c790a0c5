//! One log: where its bytes are, how they are packed, and reading them as bytes or as text.
//!
//! A log is a file, a stretch of an archive, or a stretch of a copy that was made of standard
//! input or of a packed archive. All three are read at their position, so that any number of
//! threads can read the same handle.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::form::Form;
use super::unpack::Unpack;

/// Bytes of a file's begin that tell its format.
pub(super) const BEGIN: usize = 64 << 10;

/// How a log's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    Plain,
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames, skippable ones among them.
    Zstd,
    /// bzip2, any number of streams.
    Bzip2,
    /// xz, any number of streams.
    Xz,
}

/// A log to read.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Its name, for display too: `-` is standard input, `logs.tar.gz/api.log` a member.
    pub path: PathBuf,
    /// Its length when it was first seen: nothing beyond that is read.
    pub len: u64,
    /// How its bytes are packed.
    pub codec: Codec,
    /// How its text is laid out.
    pub form: Form,
    /// When it was last written, in µs since the epoch.
    pub modified_us: i64,
    /// Device and inode, so that a file that takes its name later is told apart.
    pub identity: (u64, u64),
    /// Where its bytes are.
    pub(super) place: Place,
    /// Offset of its first byte there.
    pub(super) begin: u64,
}

/// Where a log's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In the file at its path.
    Path,
    /// In the archive at this path.
    Archive(Arc<Path>),
    /// In a temporary file without a name: standard input, or the members of packed archives.
    Spool(Arc<File>),
}

impl LogFile {
    /// The file at `path`, its codec still unknown.
    pub(super) fn at(path: &Path) -> io::Result<(LogFile, Arc<File>)> {
        // Asked before opening: to open a named pipe waits for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file; pipe it in with `-`"));
        }
        let handle = File::open(path)?;
        let facts = handle.metadata()?;
        let modified = facts
            .modified()
            .ok()
            .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        let file = LogFile {
            path: path.to_path_buf(),
            len: facts.len(),
            codec: Codec::Plain,
            form: Form::Lines,
            modified_us: modified.map_or(i64::MIN, |d| d.as_micros() as i64),
            identity: identity(&facts),
            place: Place::Path,
            begin: 0,
        };
        Ok((file, Arc::new(handle)))
    }

    /// Opens it and makes sure that it is the one first seen.
    pub(super) fn open(&self) -> io::Result<Arc<File>> {
        let path = match &self.place {
            Place::Spool(file) => return Ok(Arc::clone(file)),
            Place::Archive(path) => path,
            Place::Path => self.path.as_path(),
        };
        let handle = File::open(path)?;
        if identity(&handle.metadata()?) != self.identity {
            return Err(io::Error::other(
                "another file took its name while we were reading (log rotation?)",
            ));
        }
        Ok(Arc::new(handle))
    }

    /// Its bytes as they are stored, out of an open handle.
    pub(super) fn stored(&self, handle: Arc<File>) -> Stretch {
        Stretch {
            file: handle,
            begin: self.begin,
            at: 0,
            len: self.len,
        }
    }

    /// Its first bytes, unpacked: those that tell its format. Where its packing is broken, what comes
    /// before the break.
    pub fn begin(&self) -> io::Result<Vec<u8>> {
        let mut text = vec![0; BEGIN];
        let (len, error) = fill(&mut self.text(self.open()?, BEGIN), &mut text);
        text.truncate(len);
        match error {
            Some(error) if text.is_empty() => Err(error),
            _ => Ok(text),
        }
    }

    /// Whether its bytes are its lines as they stand.
    pub(super) fn is_plain(&self) -> bool {
        self.codec == Codec::Plain && self.form == Form::Lines
    }

    /// Its text in lines, out of an open handle; packed bytes are read `step` at a time.
    pub(super) fn text(&self, handle: Arc<File>, step: usize) -> Box<dyn Read + Send> {
        let stored = self.stored(handle);
        self.form.lines(match self.codec {
            Codec::Plain => Box::new(stored),
            codec => Box::new(Unpack::new(codec, BufReader::with_capacity(step, stored))),
        })
    }
}

/// Device and inode.
pub(super) fn identity(facts: &fs::Metadata) -> (u64, u64) {
    (facts.dev(), facts.ino())
}

/// A stretch of a file that others read too.
pub(super) struct Stretch {
    file: Arc<File>,
    begin: u64,
    at: u64,
    len: u64,
}

impl Read for Stretch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let n = self
            .file
            .read_at(&mut buffer[..wanted], self.begin + self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Stretch {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Reads until `buffer` is full or the text ends; says how much there was, and what broke it.
pub(super) fn fill(text: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match text.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return (filled, Some(e)),
        }
    }
    (filled, None)
}
