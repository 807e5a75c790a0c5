//! JSON documents → one record a line, as the text streams by.
//!
//! What a cloud's console exports is one JSON array or object, often over many lines; collectors write
//! batches of many records on one line. An object with one of the lists that are known ([`batch`]) is
//! its records; any other object is a record itself; what is no JSON between them stays as it is. A
//! document may be longer than memory: only one record is held, and as much of a document as tells
//! what it is. Knows where a record begins and ends, and no name in it.

mod batch;
mod give;
mod look;
#[cfg(test)]
mod tests;
mod walk;

use batch::begins;
use give::{Give, is_cell, row};
use look::Look;
use walk::Event;

use super::form::Convert;

/// A record longer than this is cut, as a line would be; a batch may have many.
const LONGEST: usize = 64 << 20;
/// An object longer than this is asked whether it is a batch before its end, and again after as much:
/// as a record it could not be read.
const ASKED: usize = 1 << 20;

/// Whether a text begins with a list of rows, as Logs Insights has them: lists of fields and values.
pub(super) fn begins_with_rows(head: &[u8]) -> bool {
    CELLS
        .iter()
        .any(|cell| begins(head, &[b"[[", *cell].concat()))
}

/// How a cell of such a row begins.
const CELLS: [&[u8]; 2] = [b"{\"field\":", b"{\"value\":"];

/// Whether a text that begins with an object has a list of records as its first member, or one that
/// nothing else has.
pub(super) fn begins_with_batch(head: &[u8]) -> bool {
    let (mut look, mut at) = (Look::new(), 0);
    let mut seen = Vec::new();
    while at < head.len() && !(at > 0 && look.is_over()) {
        let (n, event) = look.step(&head[at..]);
        if event != Event::Break {
            seen.extend_from_slice(&head[at..at + n]);
        }
        at += n;
    }
    look.is_likely(&seen)
}

/// Documents → one record a line.
#[derive(Debug, Default)]
pub(super) struct Split {
    state: State,
    /// The object that is looked at, or the line of something else.
    record: Vec<u8>,
    /// Bytes of it, with those beyond the longest.
    len: usize,
    /// The cells of a row so far, outside of any batch.
    row: Vec<u8>,
    /// Bytes of the mark at the text's begin.
    mark: usize,
}

#[derive(Debug, Default)]
enum State {
    /// Between objects.
    #[default]
    Between,
    /// In a line of something else.
    Other,
    /// In an object that may be a batch.
    Object(Look),
    Batch(Box<Give>),
}

/// UTF-8's byte order mark.
const MARK: [u8; 3] = *b"\xef\xbb\xbf";

impl Convert for Split {
    fn take(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut text = text;
        while !text.is_empty() {
            let n = match &mut self.state {
                State::Between => self.begin(text, out),
                State::Other => self.other(text, out),
                State::Object(_) => self.object(text, out),
                State::Batch(give) => {
                    let n = give.step(text, out);
                    if give.is_over() {
                        self.state = State::Between;
                    }
                    n
                }
            };
            text = &text[n..];
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.unpack(out);
        match &mut self.state {
            State::Batch(give) => give.end(out),
            _ if self.record.is_empty() => {}
            _ => self.finish(out),
        }
        self.end_row(out);
    }
}

impl Split {
    /// Between objects.
    fn begin(&mut self, text: &[u8], out: &mut Vec<u8>) -> usize {
        let Some(&b) = text.first() else {
            return 0;
        };
        if MARK.get(self.mark) == Some(&b) {
            self.mark += 1;
            return 1;
        }
        self.mark = MARK.len();
        match b {
            b'{' => {
                self.state = State::Object(Look::new());
                0
            }
            b']' => {
                self.end_row(out);
                1
            }
            b'[' | b',' | b' ' | b'\t' | b'\r' | b'\n' => 1,
            _ => {
                self.end_row(out);
                self.state = State::Other;
                0
            }
        }
    }

    fn other(&mut self, text: &[u8], out: &mut Vec<u8>) -> usize {
        let end = memchr::memchr(b'\n', text);
        self.push(&text[..end.unwrap_or(text.len())]);
        match end {
            Some(end) => {
                self.finish(out);
                end + 1
            }
            None => text.len(),
        }
    }

    fn object(&mut self, text: &[u8], out: &mut Vec<u8>) -> usize {
        let State::Object(look) = &mut self.state else {
            return 0;
        };
        let to_ask = ASKED - self.len % ASKED;
        let (n, event) = look.step(&text[..to_ask.min(text.len())]);
        let is_over = look.is_over();
        if event == Event::Break {
            return n;
        }
        self.push(&text[..n]);
        let is_asked = self.len.is_multiple_of(ASKED) && self.len <= LONGEST;
        if (is_over || is_asked) && self.unpack(out) {
            return n;
        }
        if is_over && !self.add_cell() {
            self.finish(out);
        }
        n
    }

    /// Adds the object to the row, if it is a cell of one.
    fn add_cell(&mut self) -> bool {
        let begins_so = CELLS.iter().any(|cell| begins(&self.record, cell));
        if !(begins_so && is_cell(&self.record)) || self.row.len() + self.record.len() > LONGEST {
            return false;
        }
        self.row.push(if self.row.is_empty() { b'[' } else { b',' });
        self.row.extend_from_slice(&self.record);
        self.clear(State::Between);
        true
    }

    fn end_row(&mut self, out: &mut Vec<u8>) {
        if !self.row.is_empty() {
            self.row.push(b']');
            put_line(row(&self.row).as_deref().unwrap_or(&self.row), out);
            self.row.clear();
        }
    }

    fn push(&mut self, text: &[u8]) {
        let room = LONGEST - self.record.len();
        self.record.extend_from_slice(&text[..room.min(text.len())]);
        self.len += text.len();
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.end_row(out);
        put_line(&self.record, out);
        self.clear(State::Between);
    }

    fn clear(&mut self, state: State) {
        (self.state, self.len) = (state, 0);
        self.record.clear();
    }

    /// If the object, as far as it was seen, is a batch, its records are put out, and those to come will
    /// be.
    fn unpack(&mut self, out: &mut Vec<u8>) -> bool {
        let State::Object(look) = &self.state else {
            return false;
        };
        let Some((index, batch)) = look.batch(&self.record) else {
            return false;
        };
        self.end_row(out);
        let mut give = Box::new(Give::new(index, batch));
        let mut at = 0;
        while at < self.record.len() {
            at += give.step(&self.record[at..], out);
        }
        self.clear(match give.is_over() {
            true => State::Between,
            false => State::Batch(give),
        });
        true
    }
}

/// Writes a record as a line.
fn put_line(record: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(record);
    for b in &mut out[begin..] {
        if *b == b'\n' {
            *b = b' ';
        }
    }
    out.push(b'\n');
}
