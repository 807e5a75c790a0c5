//! Where the cells of a table's line end, found sixty-four bytes at a time, or sixteen.
//!
//! Nearly all lines of tables are plain: no quotes, fewer cells than [`MOST`], not very long. What has quotes
//! (inside of which a separator is none), or is longer, is left to the tables' own walks. Knows no column.

use super::text::of_sixteen;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Readable;

/// Separators that are counted.
pub(super) const MOST: usize = 64;
/// Longer lines are not looked at; their places are counted in two bytes.
const LONGEST: usize = 1 << 13;

/// Bytes that are compared at once on any processor.
const WIDTH: usize = 16;

/// Whether the processor has what finds them faster.
pub(super) fn has_lanes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return crate::lanes::are_here();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// The separators of a plain line.
pub(super) struct Cells {
    places: [u16; MOST],
    count: usize,
    len: usize,
    /// Whether two of them stand side by side.
    pub has_empty: bool,
}

impl Cells {
    /// Those of a line; `None` where it has a quote, or is out of the ordinary. `has_lanes` is what
    /// [`has_lanes`] says.
    #[inline]
    pub(super) fn of(line: &[u8], separator: u8, has_lanes: bool) -> Option<Cells> {
        if !(WIDTH..=LONGEST).contains(&line.len()) {
            return None;
        }
        let mut cells = Cells {
            places: [0; MOST],
            count: 0,
            len: line.len(),
            has_empty: false,
        };
        #[cfg(target_arch = "x86_64")]
        if has_lanes && let Some(line) = Readable::new(line) {
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            unsafe { cells.find_by_lanes(&line, separator) }?;
            return Some(cells);
        }
        let _ = has_lanes;
        cells.find(line, separator)?;
        Some(cells)
    }

    fn find(&mut self, line: &[u8], separator: u8) -> Option<()> {
        // The last sixteen bytes overlap those before, of which nothing is taken twice.
        let last = line.last_chunk::<WIDTH>()?;
        let (chunks, rest) = line.as_chunks::<WIDTH>();
        let mut last_bit = 0;
        for (index, chunk) in chunks.iter().enumerate() {
            let [separators, quotes] = of_sixteen(chunk, [separator, b'"']);
            if quotes != 0 {
                return None;
            }
            let before = u64::from(separators) << 1 | last_bit;
            last_bit = u64::from(separators) >> (WIDTH - 1);
            self.add(u64::from(separators), before, index * WIDTH)?;
        }
        if !rest.is_empty() {
            let [separators, quotes] = of_sixteen(last, [separator, b'"']);
            if quotes != 0 {
                return None;
            }
            let seen = WIDTH - rest.len();
            let separators = u64::from(separators) >> seen;
            self.add(
                separators,
                separators << 1 | last_bit,
                line.len() - rest.len(),
            )?;
        }
        Some(())
    }

    /// The same, sixty-four bytes at a time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn find_by_lanes(&mut self, line: &Readable<'_>, separator: u8) -> Option<()> {
        let (mut at, mut last_bit) = (0, 0);
        while at < self.len {
            let (low, high) = (line.half(at), line.half(at + 32));
            if low.equal(b'"') | high.equal(b'"') != 0 {
                return None;
            }
            let separators =
                u64::from(low.equal(separator)) | u64::from(high.equal(separator)) << 32;
            self.add(separators, separators << 1 | last_bit, at)?;
            last_bit = separators >> 63;
            at += 64;
        }
        Some(())
    }

    /// Adds those of some bytes; `before` has a bit for each byte that follows one.
    #[inline]
    fn add(&mut self, separators: u64, before: u64, offset: usize) -> Option<()> {
        self.has_empty |= separators & before != 0;
        let count = self.count + separators.count_ones() as usize;
        let places = self.places.get_mut(self.count..count)?;
        let mut left = separators;
        for place in places {
            *place = (offset + left.trailing_zeros() as usize) as u16;
            left &= left - 1;
        }
        self.count = count;
        Some(())
    }

    /// How many separators there are.
    pub(super) fn separators(&self) -> usize {
        self.count
    }

    /// Whether the line ends with a separator.
    pub(super) fn ends_with_one(&self) -> bool {
        self.count > 0 && usize::from(self.places[self.count - 1]) + 1 == self.len
    }

    /// Where the cell of this index stands, from 0 to the number of separators.
    #[inline]
    pub(super) fn place(&self, index: usize) -> std::ops::Range<usize> {
        let place = |index: usize| self.places.get(index).copied().map(usize::from);
        let start = index.checked_sub(1).and_then(place).map_or(0, |at| at + 1);
        let end = match index < self.count {
            true => place(index).unwrap_or(self.len),
            false => self.len,
        };
        start..end
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cells_are_what_a_split_gives(
            line in prop::collection::vec(prop::sample::select(b",,; ab\"".to_vec()), 0..300),
            separator in prop::sample::select(b",; ".to_vec()),
        ) {
            let parts: Vec<&[u8]> = line.split(|&b| b == separator).collect();
            let is_plain = line.len() >= WIDTH && !line.contains(&b'"') && parts.len() <= MOST + 1;
            for has_lanes in [false, super::has_lanes()] {
                let cells = Cells::of(&line, separator, has_lanes);
                prop_assert_eq!(cells.is_some(), is_plain);
                let Some(cells) = cells else { continue };
                let found: Vec<&[u8]> = (0..=cells.separators()).map(|i| &line[cells.place(i)]).collect();
                prop_assert_eq!(&found, &parts);
                let inner = &parts[1..parts.len().max(2) - 1];
                prop_assert_eq!(cells.has_empty, inner.iter().any(|part| part.is_empty()));
                prop_assert_eq!(cells.ends_with_one(), line.last() == Some(&separator));
            }
        }
    }
}
