//! Looks for a list of records in an object that is not known to be a batch: which of the lists that
//! are known it has, how long they are, and whether what is in them are records.

use super::batch::{ALL, BATCHES, Batch, Known, batches, begins};
use super::walk::{Event, Walk};

/// What was seen of an object so far.
#[derive(Debug)]
pub(super) struct Look {
    walk: Walk,
    /// Bytes of it, but for the ends of its lines.
    len: usize,
    found: Vec<Found>,
}

/// A list of a way.
#[derive(Debug)]
struct Found {
    batch: usize,
    /// Where the outer list begins and ends, as far as was seen.
    begin: usize,
    end: Option<usize>,
    records: usize,
    /// Something in it is no record.
    is_spoiled: bool,
    /// It is the object's first member.
    is_first: bool,
}

impl Look {
    pub(super) fn new() -> Look {
        Look {
            walk: Walk::new(ALL),
            len: 0,
            found: Vec::new(),
        }
    }

    /// Takes a piece off the front of a text: how long it is, and what.
    pub(super) fn step(&mut self, text: &[u8]) -> (usize, Event) {
        let above = self.walk.ways();
        let (n, event) = self.walk.step(text);
        if event == Event::Break {
            return (n, event);
        }
        match event {
            Event::Open if self.walk.reached() != 0 => self.opened(text[0]),
            Event::Text if above != 0 && !text[..n].trim_ascii().is_empty() => self.scalar(),
            Event::Close => self.closed(),
            _ => {}
        }
        self.len += n;
        (n, event)
    }

    /// The object has ended.
    pub(super) fn is_over(&self) -> bool {
        self.walk.depth() == 0
    }

    fn opened(&mut self, kind: u8) {
        let (ways, steps) = (self.walk.reached(), self.walk.depth() - 1);
        for (i, batch) in batches(ways) {
            if batch.outer() == steps && steps > 0 && !self.found.iter().any(|f| f.batch == i) {
                self.found.push(Found {
                    batch: i,
                    begin: self.len,
                    end: None,
                    records: 0,
                    is_spoiled: false,
                    is_first: self.walk.is_first_member(),
                });
            }
            if batch.way.len() == steps
                && let Some(found) = self.found.iter_mut().find(|f| f.batch == i)
            {
                found.records += 1;
                found.is_spoiled |= !batch.may_begin(kind);
            }
        }
    }

    /// A list of records has a scalar.
    fn scalar(&mut self) {
        let (ways, depth) = (self.walk.ways(), self.walk.depth());
        for found in &mut self.found {
            let batch = &BATCHES[found.batch];
            let is_inside = ways >> found.batch & 1 == 1;
            found.is_spoiled |= is_inside && batch.way.len() == depth;
        }
    }

    fn closed(&mut self) {
        let depth = self.walk.depth();
        for found in &mut self.found {
            if BATCHES[found.batch].outer() == depth && found.end.is_none() {
                found.end = Some(self.len + 1);
            }
        }
    }

    /// The batch that the object is, as far as it was seen; its text begins so.
    pub(super) fn batch(&self, object: &[u8]) -> Option<(usize, &'static Batch)> {
        let mut found: Vec<_> = self.found.iter().collect();
        found.sort_by_key(|found| found.batch);
        let found = found.into_iter().find(|found| {
            let batch = &BATCHES[found.batch];
            let len = found.end.unwrap_or(self.len) - found.begin;
            let is_sure = || batch.is_sure(object, found.begin) || len > self.len / 2;
            match batch.known {
                Known::Always => true,
                _ => found.records > 0 && !found.is_spoiled && is_sure(),
            }
        })?;
        Some((found.batch, &BATCHES[found.batch]))
    }

    /// Whether the head of an object looks like that of a batch.
    pub(super) fn is_likely(&self, head: &[u8]) -> bool {
        self.found.iter().any(|found| {
            let list = head.get(found.begin..).unwrap_or_default();
            let is_sure = BATCHES[found.batch].is_sure(head, found.begin);
            is_sure || found.is_first && begins(list, b"[{")
        })
    }
}
