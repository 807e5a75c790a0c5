//! Sixty-four bytes compared at once, by the vector instructions of x86-64 processors since 2013 (AVX2).
//!
//! Bytes in; out comes a bit for each byte, the first one in the lowest bit. Whoever uses it asks
//! [`are_here`] once, at run time, and has another way for processors that lack them. Knows no line.

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_set1_epi64x,
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
}

/// Sixty-four bytes in registers.
#[derive(Clone, Copy)]
pub struct Lanes([__m256i; 2]);

impl Lanes {
    /// These bytes.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    #[allow(unsafe_code)]
    pub fn load(bytes: &[u8; WIDTH]) -> Lanes {
        // SAFETY: an array of 64 bytes is one of two arrays of 32.
        let [low, high] = unsafe { &*std::ptr::from_ref(bytes).cast::<[[u8; 32]; 2]>() };
        Lanes([half(low), half(high)])
    }

    /// Puts them there.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
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
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    pub fn equal(self, byte: u8) -> u64 {
        let byte = _mm256_set1_epi8(byte.cast_signed());
        bits(
            _mm256_cmpeq_epi8(self.0[0], byte),
            _mm256_cmpeq_epi8(self.0[1], byte),
        )
    }

    /// Which of them are the same as the others.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    pub fn same(self, others: Lanes) -> u64 {
        bits(
            _mm256_cmpeq_epi8(self.0[0], others.0[0]),
            _mm256_cmpeq_epi8(self.0[1], others.0[1]),
        )
    }

    /// How many of the first 32 are the same as the others, up to the first that differs.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    pub fn same_at_begin(bytes: &[u8; 32], others: &[u8; 32]) -> usize {
        let same = _mm256_cmpeq_epi8(half(bytes), half(others));
        _mm256_movemask_epi8(same).trailing_ones() as usize
    }

    /// Which of them lie in a range of so many bytes from this one on.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
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
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    #[inline]
    pub fn only(self, mask: u64) -> Lanes {
        let [low, high] = self.0;
        Lanes([
            _mm256_and_si256(low, spread(mask as u32)),
            _mm256_and_si256(high, spread((mask >> 32) as u32)),
        ])
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
#[inline]
#[allow(unsafe_code)]
fn half(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the array has the 32 bytes that are read; the load asks for no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// The highest bit of each byte of both.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
#[inline]
fn bits(low: __m256i, high: __m256i) -> u64 {
    let low = _mm256_movemask_epi8(low).cast_unsigned();
    let high = _mm256_movemask_epi8(high).cast_unsigned();
    u64::from(low) | u64::from(high) << 32
}

/// A byte of ones for each bit that is set.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
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

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn all(bytes: &[u8; WIDTH], others: &[u8; WIDTH], only: u64) -> (u64, u64, u64, [u8; WIDTH]) {
        let lanes = Lanes::load(bytes);
        let mut kept = [0xaa; WIDTH];
        lanes.only(only).store(&mut kept);
        let same = lanes.same(Lanes::load(others));
        (lanes.equal(b'/'), same, lanes.within(b'0', 10), kept)
    }

    proptest! {
        #[test]
        fn each_byte_is_compared_as_a_loop_compares_it(
            bytes in proptest::array::uniform32(prop_oneof![Just(b'/'), Just(b'0'), Just(b'9'), any::<u8>()]),
            more in proptest::array::uniform32(any::<u8>()),
            only in any::<u64>(),
        ) {
            if !are_here() {
                return Ok(());
            }
            let mut whole = [0; WIDTH];
            whole[..32].copy_from_slice(&bytes);
            whole[32..].copy_from_slice(&more);
            let mut others = whole;
            others.rotate_left(1);
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            let (slash, same, digit, kept) = unsafe { all(&whole, &others, only) };
            prop_assert_eq!(slash, mask(|i| whole[i] == b'/'));
            prop_assert_eq!(same, mask(|i| whole[i] == others[i]));
            prop_assert_eq!(digit, mask(|i| whole[i].is_ascii_digit()));
            for i in 0..WIDTH {
                prop_assert_eq!(kept[i], if only >> i & 1 == 1 { whole[i] } else { 0 });
            }
        }
    }
}
