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

/// Places that are written at once, of which the last may be none.
const AT_ONCE: usize = 8;

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
    places: [u16; MOST + AT_ONCE],
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
        Cells::without(b'"', line, separator, has_lanes)
    }

    /// The same; `None` where it has this byte, too.
    #[inline]
    pub(super) fn without(odd: u8, line: &[u8], separator: u8, has_lanes: bool) -> Option<Cells> {
        if !(WIDTH..=LONGEST).contains(&line.len()) {
            return None;
        }
        let mut cells = Cells {
            places: [0; MOST + AT_ONCE],
            count: 0,
            len: line.len(),
            has_empty: false,
        };
        #[cfg(target_arch = "x86_64")]
        if has_lanes && let Some(line) = Readable::new(line) {
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            unsafe { cells.find_by_lanes(&line, separator, odd) }?;
            return Some(cells);
        }
        let _ = has_lanes;
        cells.find(line, separator, odd)?;
        Some(cells)
    }

    fn find(&mut self, line: &[u8], separator: u8, odd: u8) -> Option<()> {
        // The last sixteen bytes overlap those before, of which nothing is taken twice.
        let last = line.last_chunk::<WIDTH>()?;
        let (chunks, rest) = line.as_chunks::<WIDTH>();
        let mut last_bit = 0;
        for (index, chunk) in chunks.iter().enumerate() {
            let [separators, quotes] = of_sixteen(chunk, [separator, b'"']);
            let [odd, _] = of_sixteen(chunk, [odd; 2]);
            if quotes | odd != 0 {
                return None;
            }
            let before = u64::from(separators) << 1 | last_bit;
            last_bit = u64::from(separators) >> (WIDTH - 1);
            self.add(u64::from(separators), before, index * WIDTH)?;
        }
        if !rest.is_empty() {
            let [separators, quotes] = of_sixteen(last, [separator, b'"']);
            let [odd, _] = of_sixteen(last, [odd; 2]);
            if quotes | odd != 0 {
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
    fn find_by_lanes(&mut self, line: &Readable<'_>, separator: u8, odd: u8) -> Option<()> {
        let (mut at, mut last_bit) = (0, 0);
        while at < self.len {
            let (low, high) = (line.half(at), line.half(at + 32));
            let quotes = low.equal(b'"') | high.equal(b'"');
            if quotes | low.equal(odd) | high.equal(odd) != 0 {
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
        if count > MOST {
            return None;
        }
        let mut left = separators;
        // Eight at a time, without a branch for each; what is beyond the last is written over.
        for places in self.places.get_mut(self.count..)?.chunks_exact_mut(AT_ONCE) {
            if left == 0 {
                break;
            }
            for place in places {
                *place = (offset + left.trailing_zeros() as usize) as u16;
                left &= left.wrapping_sub(1);
            }
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
            line in prop::collection::vec(prop::sample::select(b",,; ab".to_vec()), 0..300),
            odd_at in prop::option::of((0..300usize, prop::sample::select(b"\"\t".to_vec()))),
            separator in prop::sample::select(b",; ".to_vec()),
            odd in prop::sample::select(b"\"\t".to_vec()),
        ) {
            let mut line = line;
            if let Some((at, byte)) = odd_at && let Some(place) = line.get_mut(at) {
                *place = byte;
            }
            let parts: Vec<&[u8]> = line.split(|&b| b == separator).collect();
            let is_odd = line.contains(&b'"') || line.contains(&odd);
            let is_plain = line.len() >= WIDTH && !is_odd && parts.len() <= MOST + 1;
            for has_lanes in [false, super::has_lanes()] {
                let cells = Cells::without(odd, &line, separator, has_lanes);
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
