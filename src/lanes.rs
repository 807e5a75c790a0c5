//! Sixty-four bytes, or thirty-two, compared at once, by the vector instructions of x86-64 processors since 2013 (AVX2).
//!
//! Bytes in; out comes a bit for each byte, the first one in the lowest bit. Whoever uses it asks
//! [`are_here`] once, at run time, and has another way for processors that lack them. Knows no line.

use std::hint::cold_path;

use std::arch::x86_64::{
    __m256i, _mm_cmpeq_epi8, _mm_crc32_u64, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8,
    _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_cvtsi256_si32, _mm256_loadu_si256, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_set1_epi64x,
    _mm256_setr_epi64x, _mm256_shuffle_epi8, _mm256_storeu_si256, _mm256_sub_epi8,
};

/// Bytes in [`Lanes`].
pub const WIDTH: usize = 64;

/// Whether this processor has what the rest of this module needs.
pub fn are_here() -> bool {
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
        && is_x86_feature_detected!("sse4.2")
}

/// Sixty-four bytes in registers.
#[derive(Clone, Copy)]
pub struct Lanes([__m256i; 2]);

impl Lanes {
    /// These bytes.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    pub fn load(bytes: &[u8; WIDTH]) -> Lanes {
        // SAFETY: an array of 64 bytes is one of two arrays of 32.
        let [low, high] = unsafe { &*std::ptr::from_ref(bytes).cast::<[[u8; 32]; 2]>() };
        Lanes([half(low), half(high)])
    }

    /// Puts them there.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    pub fn store(self, bytes: &mut [u8; WIDTH]) {
        let (low, high) = bytes.split_at_mut(32);
        // SAFETY: each half of the array has the 32 bytes that are written; nothing is asked of its alignment.
        unsafe {
            _mm256_storeu_si256(low.as_mut_ptr().cast(), self.0[0]);
            _mm256_storeu_si256(high.as_mut_ptr().cast(), self.0[1]);
        }
    }

    /// Which of them are this byte.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn equal(self, byte: u8) -> u64 {
        let byte = _mm256_set1_epi8(byte.cast_signed());
        bits(
            _mm256_cmpeq_epi8(self.0[0], byte),
            _mm256_cmpeq_epi8(self.0[1], byte),
        )
    }

    /// Which of them are one of these bytes.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn any_of(self, bytes: [u8; 3]) -> u64 {
        let [one, two, three] = [
            _mm256_set1_epi8(bytes[0].cast_signed()),
            _mm256_set1_epi8(bytes[1].cast_signed()),
            _mm256_set1_epi8(bytes[2].cast_signed()),
        ];
        let [low, high] = self.0;
        bits(
            _mm256_or_si256(
                _mm256_cmpeq_epi8(low, one),
                _mm256_or_si256(_mm256_cmpeq_epi8(low, two), _mm256_cmpeq_epi8(low, three)),
            ),
            _mm256_or_si256(
                _mm256_cmpeq_epi8(high, one),
                _mm256_or_si256(_mm256_cmpeq_epi8(high, two), _mm256_cmpeq_epi8(high, three)),
            ),
        )
    }

    /// Whether all of them are the same as the others.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn are(self, others: Lanes) -> bool {
        let both = _mm256_and_si256(
            _mm256_cmpeq_epi8(self.0[0], others.0[0]),
            _mm256_cmpeq_epi8(self.0[1], others.0[1]),
        );
        _mm256_movemask_epi8(both) == -1
    }

    /// How many of the first 32 are the same as the others, up to the first that differs.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn same_at_begin(bytes: &[u8; 32], others: &[u8; 32]) -> usize {
        let same = _mm256_cmpeq_epi8(half(bytes), half(others));
        _mm256_movemask_epi8(same).trailing_ones() as usize
    }

    /// Which of them lie in a range of so many bytes from this one on.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn within(self, first: u8, count: u8) -> u64 {
        let [low, high] = self.0;
        let first = _mm256_set1_epi8(first.cast_signed());
        let last = _mm256_set1_epi8((count - 1).cast_signed());
        let (low, high) = (_mm256_sub_epi8(low, first), _mm256_sub_epi8(high, first));
        bits(
            _mm256_cmpeq_epi8(_mm256_min_epu8(low, last), low),
            _mm256_cmpeq_epi8(_mm256_min_epu8(high, last), high),
        )
    }

    /// The same with zeros where the mask has none.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn only(self, mask: u64) -> Lanes {
        let [low, high] = self.0;
        Lanes([
            _mm256_and_si256(low, spread(mask as u32)),
            _mm256_and_si256(high, spread((mask >> 32) as u32)),
        ])
    }
}

/// Thirty-two bytes in a register.
#[derive(Clone, Copy)]
pub struct Half(__m256i);

impl Half {
    /// These bytes.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn load(bytes: &[u8; WIDTH / 2]) -> Half {
        Half(half(bytes))
    }

    /// The first of them.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn first(self) -> u8 {
        _mm256_cvtsi256_si32(self.0) as u8
    }

    /// Which of them are the same as the others.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn same(self, others: Half) -> u32 {
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.0, others.0)).cast_unsigned()
    }

    /// Which of them are this byte.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn equal(self, byte: u8) -> u32 {
        self.same(Half(_mm256_set1_epi8(byte.cast_signed())))
    }

    /// Which of them lie in a range of so many bytes from this one on.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn within(self, first: u8, count: u8) -> u32 {
        let value = _mm256_sub_epi8(self.0, _mm256_set1_epi8(first.cast_signed()));
        let small = _mm256_min_epu8(value, _mm256_set1_epi8((count - 1).cast_signed()));
        Half(small).same(Half(value))
    }
}

/// What a text may begin with.
#[derive(Debug, Clone, Copy)]
pub struct Prefix {
    /// Its first bytes, and a bit for each of these that isn't its own.
    head: [u8; WIDTH / 2],
    beyond: u32,
}

impl Prefix {
    /// The first thirty-two bytes of this.
    pub fn of(text: &[u8]) -> Prefix {
        let mut head = [0; WIDTH / 2];
        let len = text.len().min(head.len());
        head[..len].copy_from_slice(&text[..len]);
        let beyond = u32::MAX.checked_shl(len as u32).unwrap_or(0);
        Prefix { head, beyond }
    }

    /// Whether these bytes begin with it.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn is_at(&self, bytes: Half) -> bool {
        self.differs(bytes) == 0
    }

    /// Which of these bytes are not as it has them.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub fn differs(&self, bytes: Half) -> u32 {
        !(bytes.same(Half::load(&self.head)) | self.beyond)
    }
}

/// A text of at least thirty-two bytes, of which as many can be loaded anywhere: behind its end are zeros.
pub struct Readable<'a> {
    text: &'a [u8],
    /// The last place from which all of them are its own.
    last: usize,
    /// Its last bytes, and zeros.
    tail: [u8; WIDTH],
}

impl<'a> Readable<'a> {
    /// This text; `None` if it is shorter.
    #[inline]
    pub fn new(text: &'a [u8]) -> Option<Readable<'a>> {
        let end = text.last_chunk::<{ WIDTH / 2 }>()?;
        let mut tail = [0; WIDTH];
        tail[..WIDTH / 2].copy_from_slice(end);
        let last = text.len() - WIDTH / 2;
        Some(Readable { text, last, tail })
    }

    /// All of it.
    #[inline]
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The bytes from there on; none but zeros from its end on.
    // One compare and no more, as it is asked twice for each value of a line.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    pub fn half(&self, at: usize) -> Half {
        if at > self.last {
            cold_path();
            let beyond = (at - self.last).min(WIDTH / 2);
            // SAFETY: the tail has 32 bytes behind its first 32; the load asks for no alignment.
            return Half(unsafe { _mm256_loadu_si256(self.tail.as_ptr().add(beyond).cast()) });
        }
        // SAFETY: `last` is 32 bytes before the end of the text, so that as many follow any place up to it; the load
        // asks for no alignment.
        Half(unsafe { _mm256_loadu_si256(self.text.as_ptr().add(at).cast()) })
    }
}

/// A text that something else follows, so that thirty-two bytes can be loaded anywhere in it.
#[derive(Clone, Copy)]
pub struct Inside<'a> {
    text: &'a [u8],
    /// The same, and what follows it.
    bytes: &'a [u8],
}

impl<'a> Inside<'a> {
    /// The text from `begin` to `end` of a longer one; `None` if fewer than thirty-two bytes follow, or anything but
    /// a blank or a zero.
    #[inline]
    pub fn of(whole: &'a [u8], begin: usize, end: usize) -> Option<Inside<'a>> {
        let behind = whole.get(end..)?.first_chunk::<{ WIDTH / 2 }>()?;
        match behind[0] <= b' ' {
            true => Some(Inside {
                text: whole.get(begin..end)?,
                bytes: whole.get(begin..)?,
            }),
            false => None,
        }
    }

    /// All of it.
    #[inline]
    pub fn text(self) -> &'a [u8] {
        self.text
    }

    /// The bytes from there on, be they behind its end; from beyond its end on, those that follow it.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    #[allow(unsafe_code)]
    pub fn half(self, at: usize) -> Half {
        let at = at.min(self.text.len());
        // SAFETY: 32 bytes follow the text in the same slice, and so any place in it; the load asks for no alignment.
        Half(unsafe { _mm256_loadu_si256(self.bytes.as_ptr().add(at).cast()) })
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
#[allow(unsafe_code)]
fn half(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the array has the 32 bytes that are read; the load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Which of sixteen bytes are each of two; on any processor of this kind.
#[inline]
#[allow(unsafe_code)]
pub fn of_sixteen(bytes: &[u8; 16], wanted: [u8; 2]) -> [u32; 2] {
    #[target_feature(enable = "sse2")]
    #[inline]
    fn compare(bytes: &[u8; 16], wanted: [u8; 2]) -> [u32; 2] {
        let word = u128::from_le_bytes(*bytes);
        let bytes = _mm_set_epi64x((word >> 64) as i64, word as i64);
        wanted.map(|byte| {
            let same = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()));
            _mm_movemask_epi8(same).cast_unsigned()
        })
    }
    // SAFETY: SSE2 is part of x86-64; nothing is read but the sixteen bytes of the argument.
    unsafe { compare(bytes, wanted) }
}

/// A check sum of these words, different for most that differ. Whoever wants to can find some that share
/// one.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
pub fn check_sum(words: &[u64; 8], more: [u64; 3]) -> u64 {
    // Two chains, as each step waits for the one before.
    let mut one = _mm_crc32_u64(more[0], words[0]);
    let mut two = _mm_crc32_u64(more[1], words[1]);
    one = _mm_crc32_u64(one, words[2]);
    two = _mm_crc32_u64(two, words[3]);
    one = _mm_crc32_u64(one, words[4]);
    two = _mm_crc32_u64(two, words[5]);
    one = _mm_crc32_u64(one, words[6]);
    two = _mm_crc32_u64(two, words[7]);
    // Only half a word of each is a sum.
    _mm_crc32_u64(one, two ^ more[2] << 32)
}

/// The highest bit of each byte of both.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
fn bits(low: __m256i, high: __m256i) -> u64 {
    let low = _mm256_movemask_epi8(low).cast_unsigned();
    let high = _mm256_movemask_epi8(high).cast_unsigned();
    u64::from(low) | u64::from(high) << 32
}

/// A byte of ones for each bit that is set.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
#[inline]
fn spread(mask: u32) -> __m256i {
    // To each byte the byte of the mask that has its bit, then that bit alone.
    let bytes = _mm256_shuffle_epi8(
        _mm256_set1_epi32(mask.cast_signed()),
        _mm256_setr_epi64x(
            0,
            0x0101_0101_0101_0101,
            0x0202_0202_0202_0202,
            0x0303_0303_0303_0303,
        ),
    );
    let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(holds: impl Fn(usize) -> bool) -> u64 {
        (0..WIDTH).fold(0, |mask, i| mask | u64::from(holds(i)) << i)
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn all(
        bytes: &[u8; WIDTH],
        others: &[u8; WIDTH],
        only: u64,
    ) -> ([u64; 3], [bool; 2], usize, [u8; WIDTH], [u32; 3]) {
        let lanes = Lanes::load(bytes);
        let mut kept = [0xaa; WIDTH];
        lanes.only(only).store(&mut kept);
        let (head, other_head) = (bytes.first_chunk().unwrap(), others.first_chunk().unwrap());
        let half = Half::load(head);
        (
            [
                lanes.equal(b'/'),
                lanes.within(b'0', 10),
                lanes.any_of(*b"/0?"),
            ],
            [lanes.are(Lanes::load(others)), lanes.are(lanes)],
            Lanes::same_at_begin(head, other_head),
            kept,
            [
                half.equal(b'/'),
                half.within(b'0', 10),
                half.same(Half::load(other_head)),
            ],
        )
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn halves(text: &[u8]) -> Vec<(u8, u32)> {
        let Some(readable) = Readable::new(text) else {
            return Vec::new();
        };
        assert_eq!(readable.text(), text);
        let mut all = Vec::new();
        for at in (0..=text.len() + 40).chain([usize::MAX]) {
            let half = readable.half(at);
            let rest = text.get(at..).unwrap_or_default();
            assert!(Prefix::of(rest).is_at(half));
            assert!(!Prefix::of(&[rest, &[0xff]].concat()).is_at(half) || rest.len() >= 32);
            all.push((half.first(), half.within(0, 1)));
        }
        all
    }

    #[test]
    fn what_is_behind_the_end_of_a_text_reads_as_zeros() {
        if !are_here() {
            return;
        }
        // Each text is an allocation of its own, so that whatever checks memory sees a read beyond it.
        for len in 0..=100usize {
            let text: Box<[u8]> = (0..len).map(|i| i as u8 + 1).collect();
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let found = unsafe { halves(&text) };
            if len < 32 {
                assert!(found.is_empty());
                continue;
            }
            let places = (0..=len + 40).chain([usize::MAX]);
            for (at, (first, zeros)) in places.zip(found) {
                assert_eq!(first, text.get(at).copied().unwrap_or(0));
                let left = len.saturating_sub(at);
                assert_eq!(zeros.trailing_zeros() as usize, left.min(32));
                assert_eq!(zeros.count_ones() as usize, 32 - left.min(32));
            }
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn halves_inside(text: Inside<'_>) -> Vec<(u8, u32)> {
        let places = (0..=text.text().len() + 40).chain([usize::MAX]);
        let mut all = Vec::new();
        for at in places {
            let half = text.half(at);
            all.push((half.first(), half.equal(b' ')));
        }
        all
    }

    #[test]
    fn what_follows_a_text_is_read_and_nothing_behind_that() {
        if !are_here() {
            return;
        }
        for len in 0..=70usize {
            // An allocation of its own, so that whatever checks memory sees a read beyond it.
            let whole: Box<[u8]> = (0..len as u8).map(|i| i + 33).chain([b' '; 32]).collect();
            assert!(Inside::of(&whole, 0, len + 1).is_none());
            assert!(Inside::of(&whole, len + 1, len).is_none());
            assert!(len < 40 || Inside::of(&whole, 0, len - 1).is_none());
            let text = Inside::of(&whole, 0, len).unwrap();
            assert_eq!(text.text(), &whole[..len]);
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let found = unsafe { halves_inside(text) };
            let places = (0..=len + 40).chain([usize::MAX]);
            for (at, (first, blanks)) in places.zip(found) {
                assert_eq!(first, whole[at.min(len)]);
                assert_eq!(
                    blanks.count_ones() as usize,
                    32 - len.saturating_sub(at).min(32)
                );
            }
        }
    }

    proptest! {
        #[test]
        fn each_byte_is_compared_as_a_loop_compares_it(
            bytes in proptest::array::uniform32(prop_oneof![Just(b'/'), Just(b'0'), Just(b'9'), any::<u8>()]),
            more in proptest::array::uniform32(any::<u8>()),
            only in any::<u64>(),
            differs in any::<prop::sample::Index>(),
        ) {
            if !are_here() {
                return Ok(());
            }
            let mut whole = [0; WIDTH];
            whole[..32].copy_from_slice(&bytes);
            whole[32..].copy_from_slice(&more);
            let mut others = whole;
            others[differs.index(WIDTH)] ^= 1;
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let ([slash, digit, some], are, same, kept, half) = unsafe { all(&whole, &others, only) };
            prop_assert_eq!(slash, mask(|i| whole[i] == b'/'));
            prop_assert_eq!(digit, mask(|i| whole[i].is_ascii_digit()));
            prop_assert_eq!(some, mask(|i| b"/0?".contains(&whole[i])));
            prop_assert_eq!(are, [false, true]);
            prop_assert_eq!(same, differs.index(WIDTH).min(32));
            let first = |mask: u64| mask as u32;
            prop_assert_eq!(half, [first(slash), first(digit), first(mask(|i| whole[i] == others[i]))]);
            for i in 0..WIDTH {
                prop_assert_eq!(kept[i], if only >> i & 1 == 1 { whole[i] } else { 0 });
            }
        }
    }
}
