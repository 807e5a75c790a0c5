//! A block → its lines.

#[cfg(target_arch = "x86_64")]
use crate::lanes::{Lanes, WIDTH};

/// The lines of a block, without their newline and carriage return.
#[derive(Debug, Clone)]
pub struct Lines<'b>(&'b [u8]);

impl<'b> Lines<'b> {
    /// The lines of `block`; what follows the last newline is a line too.
    pub fn new(block: &'b [u8]) -> Lines<'b> {
        Lines(block)
    }
}

/// Where in its block a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 0.
    pub number: u64,
    /// The offset of its first byte.
    pub begin: usize,
}

impl<'b> Lines<'b> {
    /// The same lines, each with its place.
    pub fn placed(mut self) -> impl Iterator<Item = (Place, &'b [u8])> {
        let len = self.0.len();
        let mut number = 0;
        std::iter::from_fn(move || {
            let begin = len - self.0.len();
            let line = self.next()?;
            number += 1;
            let number = number - 1;
            Some((Place { number, begin }, line))
        })
    }
}

impl<'b> Iterator for Lines<'b> {
    type Item = &'b [u8];

    #[inline]
    fn next(&mut self) -> Option<&'b [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = match memchr::memchr(b'\n', self.0) {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

/// Where the lines of a block end, found 64 bytes at a time.
#[cfg(target_arch = "x86_64")]
#[derive(Debug)]
pub struct LineEnds<'b> {
    whole: &'b [[u8; WIDTH]],
    /// Fewer than that, behind.
    rest: &'b [u8],
    /// Place among them of the bytes whose newlines are in `newlines`.
    at: usize,
    newlines: u64,
}

#[cfg(target_arch = "x86_64")]
impl<'b> LineEnds<'b> {
    /// Those of this block.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn new(text: &'b [u8]) -> LineEnds<'b> {
        let (whole, rest) = text.as_chunks();
        let mut ends = LineEnds {
            whole,
            rest,
            at: 0,
            newlines: 0,
        };
        ends.newlines = match whole.first() {
            Some(bytes) => Lanes::load(bytes).equal(b'\n'),
            None => ends.in_rest(),
        };
        ends
    }

    /// The place of the next newline; the end of the block after the last one.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn next(&mut self) -> usize {
        while self.newlines == 0 {
            self.at += 1;
            self.newlines = match self.whole.get(self.at) {
                Some(bytes) => Lanes::load(bytes).equal(b'\n'),
                None if self.at == self.whole.len() => self.in_rest(),
                None => return self.whole.len() * WIDTH + self.rest.len(),
            };
        }
        let place = self.at * WIDTH + self.newlines.trailing_zeros() as usize;
        self.newlines &= self.newlines - 1;
        place
    }

    #[cold]
    fn in_rest(&self) -> u64 {
        let is_newline = self.rest.iter().map(|&b| u64::from(b == b'\n'));
        is_newline
            .enumerate()
            .fold(0, |all, (i, bit)| all | bit << i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_newlines_and_the_last_one_may_lack_it() {
        let all = |text: &'static [u8]| Lines::new(text).collect::<Vec<_>>();
        assert_eq!(all(b"a\n\nb\r\nc"), [&b"a"[..], b"", b"b", b"c"]);
        assert_eq!(all(b"a\n"), [b"a"]);
        assert_eq!(all(b""), [] as [&[u8]; 0]);
    }

    #[test]
    fn a_line_has_its_place() {
        let places = Lines::new(b"a\n\nb\r\nc").placed();
        let places: Vec<_> = places
            .map(|(at, line)| (at.number, at.begin, line))
            .collect();
        assert_eq!(
            places,
            [(0, 0, &b"a"[..]), (1, 2, b""), (2, 3, b"b"), (3, 6, b"c")]
        );
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn by_their_ends(text: &[u8]) -> Vec<&[u8]> {
        let (mut lines, mut begin, mut ends) = (Vec::new(), 0, LineEnds::new(text));
        while begin < text.len() {
            let end = ends.next();
            let line = &text[begin..end];
            lines.push(line.strip_suffix(b"\r").unwrap_or(line));
            begin = end + 1;
        }
        lines
    }

    #[cfg(target_arch = "x86_64")]
    proptest::proptest! {
        #[test]
        fn both_ways_see_the_same_lines(
            text in proptest::collection::vec(proptest::prop_oneof![
                1 => proptest::prelude::Just(b'\n'),
                1 => proptest::prelude::Just(b'\r'),
                20 => proptest::prelude::any::<u8>(),
            ], 0..400)
        ) {
            if crate::lanes::are_here() {
                #[allow(unsafe_code)]
                // SAFETY: the processor has the features.
                let lines = unsafe { by_their_ends(&text) };
                proptest::prop_assert_eq!(lines, Lines::new(&text).collect::<Vec<_>>());
            }
        }
    }
}
