//! Which of a path's first bytes are what: a bit for each byte, found sixteen bytes at a time.
//!
//! The vector instructions are those that every x86-64 processor has; elsewhere, and for paths that
//! are longer, `None` leaves the path to the loop over its bytes.

/// Bytes that are looked at.
pub(super) const SPAN: usize = 64;

/// What the bytes of a path are, the first one in the lowest bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// `/`
    pub slash: u64,
    /// `?`, `#` and `;`
    pub stop: u64,
    /// `0` to `9`
    pub digit: u64,
    /// `@`
    pub at: u64,
}

/// The marks of the first [`SPAN`] bytes of `path`.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn marks(path: &[u8]) -> Option<Marks> {
    let path = path.get(..SPAN).unwrap_or(path);
    if path.len() < 16 {
        let mut padded = [0; 16];
        padded
            .iter_mut()
            .zip(path)
            .for_each(|(to, from)| *to = *from);
        return Some(at(&padded, 0));
    }
    // The last sixteen bytes overlap those before; what both see is the same.
    let mut marks = at(path.last_chunk()?, path.len() - 16);
    for (i, bytes) in path[..path.len() - 1].as_chunks().0.iter().enumerate() {
        let more = at(bytes, 16 * i);
        marks.slash |= more.slash;
        marks.stop |= more.stop;
        marks.digit |= more.digit;
        marks.at |= more.at;
    }
    Some(marks)
}

/// The marks of sixteen bytes that begin at this place.
#[cfg(target_arch = "x86_64")]
#[inline]
#[allow(unsafe_code)]
fn at(bytes: &[u8; 16], place: usize) -> Marks {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8, _mm_sub_epi8,
    };

    #[target_feature(enable = "sse2")]
    #[inline]
    fn compare(bytes: &[u8; 16]) -> [__m128i; 4] {
        let word = u128::from_le_bytes(*bytes);
        let bytes = _mm_set_epi64x((word >> 64) as i64, word as i64);
        let same = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8));
        let stop = _mm_or_si128(_mm_or_si128(same(b'?'), same(b'#')), same(b';'));
        let above_zero = _mm_sub_epi8(bytes, _mm_set1_epi8(b'0' as i8));
        let digit = _mm_cmpeq_epi8(_mm_min_epu8(above_zero, _mm_set1_epi8(9)), above_zero);
        [same(b'/'), stop, digit, same(b'@')]
    }
    #[target_feature(enable = "sse2")]
    #[inline]
    fn bits(answer: __m128i) -> u64 {
        u64::from(_mm_movemask_epi8(answer) as u16)
    }
    // SAFETY: SSE2 is part of x86-64; nothing is read but the sixteen bytes of the argument.
    let [slash, stop, digit, at] = unsafe { compare(bytes).map(|answer| bits(answer) << place) };
    Marks {
        slash,
        stop,
        digit,
        at,
    }
}

/// Other processors go the long way.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(super) fn marks(_: &[u8]) -> Option<Marks> {
    None
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_byte_is_marked_as_a_loop_marks_it(path in proptest::collection::vec(
            prop_oneof![Just(b'/'), Just(b'?'), Just(b'9'), Just(b'0'), Just(b'@'), any::<u8>()], 0..90)
        ) {
            let mut expected = Marks::default();
            for (i, b) in path.iter().take(SPAN).enumerate() {
                expected.slash |= u64::from(*b == b'/') << i;
                expected.stop |= u64::from(b"?#;".contains(b)) << i;
                expected.digit |= u64::from(b.is_ascii_digit()) << i;
                expected.at |= u64::from(*b == b'@') << i;
            }
            prop_assert_eq!(marks(&path), Some(expected));
        }
    }
}
