//! Draws in real numbers over the generators' stream of bits.
//!
//! The lab's truth is statistical, so floats are allowed here; the same seed gives the same
//! incidents on every machine whose `ln` and `exp` round alike.

use crate::rng::{Rng, mix};

/// A stream of draws.
pub struct Chance(Rng);

impl Chance {
    /// The stream of incident `index` of the family `name`: another family or another incident
    /// never shares its draws.
    pub fn of(seed: u64, name: &str, index: usize) -> Chance {
        let named = name
            .bytes()
            .fold(mix(seed), |h, b| mix(h ^ u64::from(b)).wrapping_add(1));
        Chance(Rng::new(mix(named ^ index as u64)))
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.0.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn yes(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// An integer in `from..=to`.
    pub fn int(&mut self, from: usize, to: usize) -> usize {
        from + self.0.below((to - from + 1) as u64) as usize
    }

    /// Uniform in [from, to).
    pub fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// Log-uniform in [from, to): every factor is as likely as any other.
    pub fn log_between(&mut self, from: f64, to: f64) -> f64 {
        from * (to / from).powf(self.unit())
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normal with this median.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Poisson: exact by waits up to 60, beyond that the rounded normal law (its skew is < 0.13).
    pub fn poisson(&mut self, mean: f64) -> usize {
        if mean > 60.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as usize;
        }
        let mut left = mean;
        let mut count = 0;
        loop {
            left += (1.0 - self.unit()).ln();
            if left < 0.0 {
                return count;
            }
            count += 1;
        }
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.0.below(of.len() as u64) as usize]
    }

    /// `count` different indices below `of`, in order.
    pub fn some(&mut self, count: usize, of: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..of).collect();
        for i in 0..count.min(of) {
            let j = self.int(i, of - 1);
            all.swap(i, j);
        }
        all.truncate(count);
        all.sort_unstable();
        all
    }
}

/// Whether a user belongs to the cohort `salt` of this share: fixed, as a hash decides.
pub fn in_cohort(user: u32, salt: u64, share: f64) -> bool {
    (mix(u64::from(user) ^ mix(salt)) >> 11) as f64 / (1u64 << 53) as f64 <= share
}
