//! Where in an object the text stands: how deep, inside of a string or not, and on the way to which
//! of the lists that are known. Takes a text in any pieces; holds a name and a few numbers, whatever
//! the text.

use super::batch::{Batch, EACH, batches};

/// The longest way and the object above it.
const LEVELS: usize = 8;
/// No name in a way is longer.
const LONGEST_NAME: usize = 32;

/// What a piece of text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A part of a string or of a scalar, or blanks.
    Text,
    /// The end of a line, outside of a string.
    Break,
    Comma,
    /// An object or a list begins.
    Open,
    /// One ends.
    Close,
}

#[derive(Debug)]
pub(super) struct Walk {
    /// Objects and lists that are open.
    depth: usize,
    /// The upper ones, from 1.
    levels: [Level; LEVELS],
    /// The ways that the last thing opened is on, with those that end there.
    reached: u32,
    /// How deep the outermost open thing is that no way goes on from; 0 if there is none.
    off: usize,
    quoted: bool,
    escaped: bool,
    /// The last string on a level with ways; before a value it is the value's name.
    name: [u8; LONGEST_NAME],
    /// Its length, longer than the room for it if it is too long.
    name_len: usize,
    /// Strings of the outermost object so far.
    strings: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// The ways that lead here and on, a bit each.
    ways: u32,
    is_list: bool,
}

/// Bytes that a run of plain text ends at.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut list: &[u8] = b"\"{}[],\n\r";
    while let [b, rest @ ..] = list {
        stops[*b as usize] = true;
        list = rest;
    }
    stops
};

impl Walk {
    /// Before the brace of an object, in which these ways are looked for.
    pub(super) fn new(ways: u32) -> Walk {
        let mut levels = [Level::default(); LEVELS];
        levels[0].ways = ways;
        Walk {
            depth: 0,
            levels,
            reached: ways,
            off: 0,
            quoted: false,
            escaped: false,
            name: [0; LONGEST_NAME],
            name_len: 0,
            strings: 0,
        }
    }

    /// Takes a piece off the front of a text that isn't empty: how long it is, and what.
    pub(super) fn step(&mut self, text: &[u8]) -> (usize, Event) {
        if self.quoted {
            return (self.string(text), Event::Text);
        }
        if self.off > 0 {
            let n = self.inside(text);
            if n > 0 {
                return (n, Event::Text);
            }
        }
        let Some(&first) = text.first() else {
            return (0, Event::Text);
        };
        match first {
            b'"' => {
                self.quoted = true;
                self.name_len = 0;
                self.strings += usize::from(self.depth == 1);
                (1 + self.string(&text[1..]), Event::Text)
            }
            b'{' | b'[' => {
                self.open(first == b'[');
                (1, Event::Open)
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.off = 0;
                (1, Event::Close)
            }
            b',' => (1, Event::Comma),
            b'\n' | b'\r' => (1, Event::Break),
            _ => {
                let run = text.iter().take_while(|&&b| !STOPS[usize::from(b)]);
                (run.count(), Event::Text)
            }
        }
    }

    /// Off all ways: how much of the text is neither the end of that nor of a line.
    fn inside(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        while let Some(&b) = text.get(at) {
            match b {
                b'"' => {
                    self.quoted = true;
                    at += self.string(&text[at + 1..]);
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == self.off => break,
                b'}' | b']' => self.depth -= 1,
                b'\n' | b'\r' => break,
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Inside of a string: how much of the text is of it.
    fn string(&mut self, text: &[u8]) -> usize {
        let mut at = 0;
        while at < text.len() {
            if self.escaped {
                self.escaped = false;
                self.name_len = LONGEST_NAME + 1;
                at += 1;
                continue;
            }
            let rest = &text[at..];
            let len = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
            self.note(&rest[..len]);
            at += len;
            match text.get(at) {
                Some(b'"') => {
                    self.quoted = false;
                    return at + 1;
                }
                Some(_) => {
                    self.escaped = true;
                    at += 1;
                }
                None => {}
            }
        }
        at
    }

    /// Adds to the name.
    fn note(&mut self, part: &[u8]) {
        let end = self.name_len + part.len();
        if let Some(room) = self.name.get_mut(self.name_len..end) {
            room.copy_from_slice(part);
        }
        self.name_len = end;
    }

    fn open(&mut self, is_list: bool) {
        let here = self.level(self.depth);
        let mut ways = here.ways;
        if self.depth > 0 && ways != 0 {
            let name = match here.is_list {
                true => EACH.as_bytes(),
                false => self.name(),
            };
            let steps = self.depth - 1;
            for (i, batch) in batches(here.ways) {
                // What is no record is a list where its elements are meant.
                let fits = match batch.way.get(steps + 1) {
                    Some(next) => is_list == next.is_empty(),
                    None => true,
                };
                let step = batch.way.get(steps).map(|step| step.as_bytes());
                if !(fits && step == Some(name)) {
                    ways &= !(1 << i);
                }
            }
        }
        self.reached = ways;
        let steps = self.depth;
        let is_on = |(i, batch): (usize, &Batch)| u32::from(batch.way.len() > steps) << i;
        let ways = batches(ways).map(is_on).fold(0, |all, way| all | way);
        self.depth += 1;
        if ways == 0 {
            self.off = self.depth;
        }
        if let Some(level) = self.levels.get_mut(self.depth) {
            *level = Level { ways, is_list };
        }
    }

    /// The last string on a level with ways.
    pub(super) fn name(&self) -> &[u8] {
        self.name.get(..self.name_len).unwrap_or_default()
    }

    fn level(&self, depth: usize) -> Level {
        if self.off > 0 && depth >= self.off {
            return Level::default();
        }
        self.levels.get(depth).copied().unwrap_or_default()
    }

    /// Objects and lists that are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The ways that the last thing opened is on, with those that end there.
    pub(super) fn reached(&self) -> u32 {
        self.reached
    }

    /// The ways that lead to what is open here, and on.
    pub(super) fn ways(&self) -> u32 {
        self.level(self.depth).ways
    }

    /// Whether the outermost object had only one string so far: its first member's name.
    pub(super) fn is_first_member(&self) -> bool {
        self.strings == 1
    }
}
