//! A batch → its records, one a line, as its text streams by.
//!
//! What the records of a stream or a resource share is written into each of them, in front:
//! `{"stream":{…},"timestamp":"…","line":"…"}`, `{"resource":{…},"body":…}`. A list of a time and a
//! line becomes an object of `timestamp`, `line` and `metadata`; a list of fields and values an object
//! of these. What can't be made so stays as it is.

use serde_json::value::RawValue;

use super::batch::{Batch, Records};
use super::walk::{Event, Walk};
use super::{LONGEST, put_line};

/// What is shared is left out if it is longer than this,
const LONGEST_SHARED: usize = 64 << 10;
/// and where all copies of it would make more than this many bytes of each byte that was read: an
/// attacker may share much among records of three bytes.
const COPIES: usize = 64;

/// A batch that is being read.
#[derive(Debug)]
pub(super) struct Give {
    batch: &'static Batch,
    /// How deep the object is that has what is shared.
    sharing: usize,
    walk: Walk,
    /// What is being taken, and how deep what it stands in is.
    taking: Option<(Part, usize)>,
    part: Vec<u8>,
    /// What the records here share, if that was seen yet.
    shared: Option<Vec<u8>>,
    /// The records that wait for it.
    waiting: Vec<u8>,
    /// Bytes that copies of what is shared may still have.
    credit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Record,
    Shared,
    /// In a record's place, a number, a word or a text.
    Scalar,
}

impl Give {
    /// Before the brace of its object.
    pub(super) fn new(index: usize, batch: &'static Batch) -> Give {
        Give {
            batch,
            sharing: batch.shared_in + 1,
            walk: Walk::new(1 << index),
            taking: None,
            part: Vec::new(),
            shared: None,
            waiting: Vec::new(),
            credit: LONGEST,
        }
    }

    /// The object has ended.
    pub(super) fn is_over(&self) -> bool {
        self.walk.depth() == 0
    }

    /// Takes a piece off the front of a text: how long it is.
    pub(super) fn step(&mut self, text: &[u8], out: &mut Vec<u8>) -> usize {
        let depth = self.walk.depth();
        let is_scalar = matches!(self.taking, Some((Part::Scalar, _)));
        // Asked before the step: behind it the name is another one.
        let may_share = self.taking.is_none() && self.is_shared(depth);
        let (n, event) = self.walk.step(text);
        self.credit = self.credit.saturating_add(n * COPIES).min(LONGEST);
        let piece = &text[..n];
        match event {
            Event::Break => return n,
            Event::Comma | Event::Close if is_scalar => self.finish(out),
            Event::Open if self.taking.is_none() => self.open(may_share, depth),
            Event::Text if self.is_scalar(piece, depth) => {
                self.taking = Some((Part::Scalar, depth));
            }
            _ => {}
        }
        let Some((_, above)) = self.taking else {
            if event == Event::Close && self.walk.depth() + 1 == self.sharing {
                self.flush(out);
            }
            return n;
        };
        let room = LONGEST - self.part.len();
        self.part.extend_from_slice(&piece[..n.min(room)]);
        if event == Event::Close && self.walk.depth() == above {
            self.finish(out);
        }
        n
    }

    /// The text has ended.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if self.taking.is_some() {
            self.finish(out);
            self.flush(out);
        } else if !self.is_over() {
            self.flush(out);
            // So that an interrupted download is told of: a line that is cut.
            put_line(b"{", out);
        }
    }

    /// Whether the next value is what records share.
    fn is_shared(&self, depth: usize) -> bool {
        depth == self.sharing
            && self.walk.ways() != 0
            && !self.batch.shared.is_empty()
            && self.walk.name() == self.batch.shared.as_bytes()
    }

    /// Whether a piece is of the list of records, and no blanks.
    fn is_scalar(&self, piece: &[u8], depth: usize) -> bool {
        self.taking.is_none()
            && self.walk.ways() != 0
            && self.batch.way.len() == depth
            && !piece.trim_ascii().is_empty()
    }

    fn open(&mut self, may_share: bool, above: usize) {
        if self.walk.reached() != 0 && self.batch.way.len() == above {
            self.taking = Some((Part::Record, above));
        } else if may_share {
            self.taking = Some((Part::Shared, above));
        }
    }

    /// A part has ended, or the text.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let mut part = std::mem::take(&mut self.part);
        match self.taking.take() {
            Some((Part::Record, _)) => self.record(&part, out),
            Some((Part::Shared, _)) => {
                // A longer one is none.
                let fits = part.len() <= LONGEST_SHARED;
                self.shared = Some(if fits { part.clone() } else { Vec::new() });
                self.let_go(out);
            }
            _ => put_line(&part, out),
        }
        part.clear();
        self.part = part;
    }

    fn record(&mut self, record: &[u8], out: &mut Vec<u8>) {
        let made = match self.batch.records {
            Records::Objects => None,
            Records::Rows => row(record),
            Records::Lines => line(record),
        };
        let record = made.as_deref().unwrap_or(record);
        if self.batch.shared.is_empty() {
            return put_line(record, out);
        }
        match self.shared.take() {
            Some(shared) => {
                self.put(record, &shared, out);
                self.shared = Some(shared);
            }
            None => put_line(record, &mut self.waiting),
        }
        if self.waiting.len() > LONGEST {
            self.shared = Some(Vec::new());
            self.let_go(out);
        }
    }

    /// Puts a record out with what it shares.
    fn put(&mut self, record: &[u8], shared: &[u8], out: &mut Vec<u8>) {
        let Some(inside) = record.strip_prefix(b"{") else {
            return put_line(record, out);
        };
        let may_copy = shared.len() <= self.credit && !shared.is_empty();
        let shared = if may_copy { shared } else { b"{}" };
        self.credit = self.credit.saturating_sub(shared.len());
        let inside = inside.trim_ascii_start();
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(self.batch.shared.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(shared);
        if !inside.starts_with(b"}") {
            out.push(b',');
        }
        put_line(inside, out);
    }

    /// What waited for what is shared waits no more.
    fn let_go(&mut self, out: &mut Vec<u8>) {
        let waiting = std::mem::take(&mut self.waiting);
        let shared = self.shared.take().unwrap_or_default();
        for record in waiting.split_inclusive(|&b| b == b'\n') {
            self.put(record.trim_ascii_end(), &shared, out);
        }
        self.shared = Some(shared);
    }

    /// What has something to share has ended.
    fn flush(&mut self, out: &mut Vec<u8>) {
        self.let_go(out);
        self.shared = None;
    }
}

/// A field of a row, and its value.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell<'a> {
    #[serde(borrow)]
    field: &'a RawValue,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

pub(super) fn is_cell(object: &[u8]) -> bool {
    serde_json::from_slice::<Cell<'_>>(object).is_ok()
}

/// `[{"field": "a", "value": "b"}, …]` → `{"a":"b",…}`.
pub(super) fn row(cells: &[u8]) -> Option<Vec<u8>> {
    let cells: Vec<Cell<'_>> = serde_json::from_slice(cells).ok()?;
    let mut object = Vec::new();
    for cell in cells {
        let name = cell.field.get();
        name.starts_with('"').then_some(())?;
        object.push(if object.is_empty() { b'{' } else { b',' });
        object.extend_from_slice(name.as_bytes());
        object.push(b':');
        let value = cell.value.map_or("null", RawValue::get);
        object.extend_from_slice(value.as_bytes());
    }
    (!object.is_empty()).then_some(())?;
    object.push(b'}');
    Some(object)
}

/// `["1712739600000000000", "a line", {…}]` → an object of them.
fn line(list: &[u8]) -> Option<Vec<u8>> {
    const NAMES: [&str; 3] = ["timestamp", "line", "metadata"];
    let values: Vec<&RawValue> = serde_json::from_slice(list).ok()?;
    if !(2..=NAMES.len()).contains(&values.len()) {
        return None;
    }
    let mut object = Vec::with_capacity(list.len() + 40);
    for (name, value) in NAMES.iter().zip(&values) {
        object.extend_from_slice(if object.is_empty() { b"{\"" } else { b",\"" });
        object.extend_from_slice(name.as_bytes());
        object.extend_from_slice(b"\":");
        object.extend_from_slice(value.get().as_bytes());
    }
    object.push(b'}');
    Some(object)
}
