//! Where the cells of a table's line end, found sixteen bytes at a time.
//!
//! Nearly all lines of tables are plain: no quotes, fewer cells than [`MOST`], not very long. What has quotes
//! (inside of which a separator is none), or is longer, is left to the tables' own walks. Knows no column.

/// Separators that are counted.
pub(super) const MOST: usize = 64;
/// Longer lines are not looked at; their places are counted in two bytes.
const LONGEST: usize = 1 << 13;

/// Bytes that are compared at once.
const WIDTH: usize = 16;

/// The separators of a plain line.
pub(super) struct Cells {
    places: [u16; MOST],
    count: usize,
    len: usize,
    /// Whether two of them stand side by side.
    pub has_empty: bool,
}

impl Cells {
    /// Those of a line; `None` where it has a quote, or is out of the ordinary.
    #[inline]
    pub(super) fn of(line: &[u8], separator: u8) -> Option<Cells> {
        if line.len() > LONGEST {
            return None;
        }
        let mut cells = Cells {
            places: [0; MOST],
            count: 0,
            len: line.len(),
            has_empty: false,
        };
        // The last sixteen bytes overlap those before, of which nothing is taken twice.
        let last = line.last_chunk::<WIDTH>()?;
        let (chunks, rest) = line.as_chunks::<WIDTH>();
        let mut behind = WIDTH;
        for (index, chunk) in chunks.iter().enumerate() {
            let (separators, quotes) = marks(chunk, separator);
            if quotes != 0 {
                return None;
            }
            cells.add(separators, index * WIDTH, &mut behind)?;
        }
        if !rest.is_empty() {
            let (separators, quotes) = marks(last, separator);
            if quotes != 0 {
                return None;
            }
            let seen = u32::MAX << (WIDTH - rest.len());
            cells.add(separators & seen, line.len() - WIDTH, &mut behind)?;
        }
        Some(cells)
    }

    #[inline]
    fn add(&mut self, separators: u32, offset: usize, behind: &mut usize) -> Option<()> {
        let mut left = separators;
        while left != 0 {
            let place = offset + left.trailing_zeros() as usize;
            *self.places.get_mut(self.count)? = place as u16;
            self.has_empty |= place == *behind && self.count > 0;
            *behind = place + 1;
            self.count += 1;
            left &= left - 1;
        }
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

/// Which of these bytes are the separator, and which are double quotes; a bit for each, the first one lowest.
#[cfg(target_arch = "x86_64")]
#[inline]
fn marks(bytes: &[u8; WIDTH], separator: u8) -> (u32, u32) {
    crate::lanes::of_sixteen(bytes, [separator, b'"']).into()
}

/// The same, byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn marks_by_bytes(bytes: &[u8; WIDTH], separator: u8) -> (u32, u32) {
    let mask = |wanted: u8| {
        let bits = bytes.iter().map(|&byte| u32::from(byte == wanted));
        bits.enumerate().fold(0, |mask, (i, bit)| mask | bit << i)
    };
    (mask(separator), mask(b'"'))
}

#[cfg(not(target_arch = "x86_64"))]
use marks_by_bytes as marks;

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
            let cells = Cells::of(&line, separator);
            let is_plain = line.len() >= WIDTH && !line.contains(&b'"') && parts.len() <= MOST + 1;
            prop_assert_eq!(cells.is_some(), is_plain);
            if let Some(cells) = cells {
                let found: Vec<&[u8]> = (0..=cells.separators()).map(|i| &line[cells.place(i)]).collect();
                prop_assert_eq!(&found, &parts);
                let inner = &parts[1..parts.len().max(2) - 1];
                prop_assert_eq!(cells.has_empty, inner.iter().any(|part| part.is_empty()));
                prop_assert_eq!(cells.ends_with_one(), line.last() == Some(&separator));
            }
        }

        #[test]
        fn bytes_are_marked_as_a_loop_marks_them(
            bytes in prop::array::uniform16(prop_oneof![Just(b','), Just(b'"'), any::<u8>()]),
        ) {
            prop_assert_eq!(marks(&bytes, b','), marks_by_bytes(&bytes, b','));
        }
    }
}
