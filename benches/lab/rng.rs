//! SplitMix64 and what is drawn with it: the only source of chance in the generators.
//!
//! Integers only. A draw that decides a byte of the output never passes through a float, so a seed
//! gives the same files on every machine. Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", OOPSLA 2014; the constants are those of its reference code.

/// One part in a million, the unit of every probability here.
pub const MILLION: u64 = 1_000_000;

/// A stream of pseudorandom numbers.
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next 64 bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..n`; 0 for an empty range. The high half of a 64 × 64 bit product: its bias
    /// of n / 2⁶⁴ does not matter here.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True in `parts` of a million draws.
    #[inline]
    pub fn chance(&mut self, parts: u64) -> bool {
        self.below(MILLION) < parts
    }
}

/// The finaliser of SplitMix64: 64 bits that depend on every bit of `x`.
#[inline]
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
