//! One compressed file: its text in blocks that end at a newline.
//!
//! Whoever asks for the next block decodes it; the cuts depend on the text alone.

use std::io::{self, Read};

use super::feed::Header;
use super::logfile::LogFile;
use super::{BLOCK, MAX_LINE};

/// Bytes of a packed file read at a time.
const READ: usize = 256 << 10;
/// Bytes of text decoded at a time. The room for them is zeroed first, which for the small files of
/// a folder must not cost more than decoding them.
const STEP: usize = 128 << 10;

/// A packed file being unpacked.
pub struct Decoder {
    text: Box<dyn Read + Send>,
    /// Begin of a line whose end is not decoded yet.
    carry: Vec<u8>,
    /// Whether the rest of an over-long line is being dropped.
    dropping: bool,
    /// Text bytes handed out.
    pub offset: u64,
    /// The last header line in the blocks that were handed out, of a file that has such.
    pub header: Header,
    /// The end of the block that was handed out last, of a file in which lines reach back.
    pub end: Vec<u8>,
    /// Set at the end of the text, or where it broke.
    pub ended: bool,
}

impl Decoder {
    /// Opens a packed file, to the length first seen.
    pub fn open(file: &LogFile) -> io::Result<Decoder> {
        let text = file.text(file.open()?, READ);
        Ok(Decoder {
            text,
            carry: Vec::new(),
            dropping: false,
            offset: 0,
            header: None,
            end: Vec::new(),
            ended: false,
        })
    }

    /// A decoder of no text, for a file that can't be opened.
    pub fn nothing() -> Decoder {
        Decoder {
            text: Box::new(io::empty()),
            carry: Vec::new(),
            dropping: false,
            offset: 0,
            header: None,
            end: Vec::new(),
            ended: true,
        }
    }

    /// Decodes the next block into `buffer`. Where the text breaks, all complete lines before the
    /// break are there, with the error.
    pub fn next(&mut self, buffer: &mut Vec<u8>) -> Option<io::Error> {
        buffer.clear();
        buffer.append(&mut self.carry);
        let mut error = None;
        while buffer.len() < BLOCK && !self.ended {
            let filled = buffer.len();
            buffer.resize((filled + STEP).min(BLOCK), 0);
            let read = self.text.read(&mut buffer[filled..]);
            buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => self.ended = true,
                Ok(_) => self.drop_rest_of_line(buffer),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => (self.ended, error) = (true, Some(e)),
            }
        }
        if !self.ended || error.is_some() {
            self.cut(buffer, error.is_some());
        }
        self.offset += buffer.len() as u64;
        error
    }

    /// Keeps the begin of the last line for the next block, or drops it where the text broke.
    fn cut(&mut self, buffer: &mut Vec<u8>, broken: bool) {
        match memchr::memrchr(b'\n', buffer) {
            Some(end) => {
                if !broken {
                    self.carry.extend_from_slice(&buffer[end + 1..]);
                }
                buffer.truncate(end + 1);
            }
            None if broken => buffer.clear(),
            None => {
                buffer.truncate(MAX_LINE + 1);
                self.dropping = true;
            }
        }
    }

    fn drop_rest_of_line(&mut self, buffer: &mut Vec<u8>) {
        if !self.dropping {
            return;
        }
        match memchr::memchr(b'\n', buffer) {
            Some(end) => {
                buffer.drain(..=end);
                self.dropping = false;
            }
            None => buffer.clear(),
        }
    }
}
