//! Text that isn't lines → lines: UTF-16, JSON documents, and tables of lines.
//!
//! Which of them a text is, is told by its first bytes. It is turned into lines as it streams by,
//! because everything behind knows lines only: UTF-16, which PowerShell's `>` writes, into UTF-8;
//! documents and tables into one record a line, by [`documents`] and [`table`].

use std::io::{self, Read};

use super::documents::{self, Split};
use super::table::{self, Rows};

/// How a log's text is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In lines.
    Lines,
    /// In UTF-16, the high byte first or last.
    Utf16 {
        /// Whether the high byte comes first.
        big: bool,
        /// Whether it has JSON documents.
        documents: bool,
    },
    /// In JSON documents that are no lines.
    Documents,
    /// In rows of cells, one of which is the line.
    Table {
        /// What stands between two cells.
        delimiter: u8,
    },
}

/// Bytes taken at a time.
const STEP: usize = 64 << 10;

impl Form {
    /// Told by the first bytes of a text.
    pub fn of(head: &[u8]) -> Form {
        let big = match head {
            [0xff, 0xfe, ..] => false,
            [0xfe, 0xff, ..] => true,
            _ if are_documents(head) => return Form::Documents,
            _ => {
                let table = table::delimiter(head).map(|delimiter| Form::Table { delimiter });
                return table.unwrap_or(Form::Lines);
            }
        };
        let mut text = Vec::new();
        Utf16::new(big).take(head, &mut text);
        Form::Utf16 {
            big,
            documents: are_documents(&text),
        }
    }

    /// The lines of a text of this form.
    pub fn lines(self, text: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match self {
            Form::Lines => text,
            Form::Utf16 { big, documents } => {
                let text = Box::new(Converted::new(text, Utf16::new(big)));
                match documents {
                    true => Form::Documents.lines(text),
                    false => text,
                }
            }
            Form::Documents => Box::new(Converted::new(text, Split::default())),
            Form::Table { delimiter } => Box::new(Converted::new(text, Rows::new(delimiter))),
        }
    }
}

/// Whether a text begins as a JSON document does that is no line.
fn are_documents(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = text.trim_ascii_start();
    match text {
        [b'[', rest @ ..] => {
            rest.trim_ascii_start().starts_with(b"{") || documents::begins_with_rows(text)
        }
        [b'{', rest @ ..] => {
            let inside = rest.trim_ascii_start();
            let spaces = &rest[..rest.len() - inside.len()];
            spaces.contains(&b'\n') && inside.first() == Some(&b'"')
                || documents::begins_with_batch(text)
        }
        _ => false,
    }
}

/// Turns a stretch of text into lines.
pub(super) trait Convert {
    fn take(&mut self, text: &[u8], out: &mut Vec<u8>);
    /// The text has ended.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// A text, converted as it is read.
struct Converted<C> {
    text: Box<dyn Read + Send>,
    convert: C,
    taken: Vec<u8>,
    ready: Vec<u8>,
    /// How much of `ready` was handed out.
    given: usize,
    /// What comes after what is ready: nothing more, or what broke the text.
    ended: Option<Option<io::Error>>,
}

impl<C: Convert> Converted<C> {
    fn new(text: Box<dyn Read + Send>, convert: C) -> Converted<C> {
        Converted {
            text,
            convert,
            taken: vec![0; STEP],
            ready: Vec::new(),
            given: 0,
            ended: None,
        }
    }
}

impl<C: Convert> Read for Converted<C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            if let Some(broken) = &mut self.ended {
                return broken.take().map_or(Ok(0), Err);
            }
            match self.text.read(&mut self.taken) {
                Ok(0) => {
                    self.convert.end(&mut self.ready);
                    self.ended = Some(None);
                }
                Ok(n) => self.convert.take(&self.taken[..n], &mut self.ready),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.convert.end(&mut self.ready);
                    self.ended = Some(Some(e));
                }
            }
        }
        let ready = &self.ready[self.given..];
        let n = ready.len().min(buffer.len());
        buffer[..n].copy_from_slice(&ready[..n]);
        self.given += n;
        Ok(n)
    }
}

/// UTF-16 → UTF-8.
struct Utf16 {
    big: bool,
    /// The first byte of a unit that was cut.
    odd: Option<u8>,
    /// The first unit of a pair.
    high: Option<u16>,
}

impl Utf16 {
    fn new(big: bool) -> Utf16 {
        Utf16 {
            big,
            odd: None,
            high: None,
        }
    }
}

impl Convert for Utf16 {
    fn take(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut put = |c: char| out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        for &byte in text {
            let Some(first) = self.odd.take() else {
                self.odd = Some(byte);
                continue;
            };
            let unit = match self.big {
                true => u16::from_be_bytes([first, byte]),
                false => u16::from_le_bytes([first, byte]),
            };
            let units = self.high.take().into_iter().chain([unit]);
            for c in char::decode_utf16(units) {
                match c {
                    // The byte order mark, in front or where files were put together.
                    Ok('\u{feff}') => {}
                    Ok(c) => put(c),
                    Err(e)
                        if e.unpaired_surrogate() == unit && (0xd800..0xdc00).contains(&unit) =>
                    {
                        self.high = Some(unit);
                    }
                    Err(_) => put(char::REPLACEMENT_CHARACTER),
                }
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.odd.take().is_some() || self.high.take().is_some() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
pub(in crate::input) mod tests {
    use super::*;

    /// The lines of a text, read in pieces of some size.
    pub(in crate::input) fn lines_of(text: &[u8], piece: usize) -> String {
        struct Pieces(Vec<u8>, usize);
        impl Read for Pieces {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let n = self.1.min(self.0.len()).min(buffer.len());
                buffer[..n].copy_from_slice(&self.0[..n]);
                self.0.drain(..n);
                Ok(n)
            }
        }
        let mut lines = String::new();
        let pieces = Box::new(Pieces(text.to_vec(), piece));
        Form::of(text)
            .lines(pieces)
            .read_to_string(&mut lines)
            .unwrap();
        lines
    }

    pub(in crate::input) fn same_in_any_pieces(text: &[u8], expected: &str) {
        for piece in [1, 2, 3, 7, 64, 4096] {
            assert_eq!(lines_of(text, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn utf16_is_read_with_either_byte_first() {
        let text = "GET /caf\u{e9} \u{1f600}\r\nx\n";
        for big in [false, true] {
            let bytes: Vec<u8> = "\u{feff}"
                .encode_utf16()
                .chain(text.encode_utf16())
                .flat_map(|unit| {
                    if big {
                        unit.to_be_bytes()
                    } else {
                        unit.to_le_bytes()
                    }
                })
                .collect();
            same_in_any_pieces(&bytes, text);
        }
        same_in_any_pieces(b"\xff\xfea\0\0\xd8b\0c", "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn lines_are_left_alone() {
        for text in [
            "[10/Apr/2024] a\n",
            "{\"a\": 1}\n{\"a\": 2}\n",
            "[{a\n",
            "{\"events\": 3}\n",
            "[error] x\n",
            "",
        ] {
            assert_eq!(
                Form::of(text.as_bytes()) == Form::Lines,
                !text.starts_with("[{"),
                "{text}"
            );
        }
    }
}
