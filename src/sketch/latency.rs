//! Latencies on a logarithmic scale: fixed bounds, integers only.
//!
//! [`Latencies`] is a log-linear histogram: each octave of microseconds is cut into 16 equal buckets
//! (below 32 µs each microsecond has its own), so a quantile is off by at most 3.2 %. The bounds never
//! move. [`log_bucket`] is the coarser scale on which a scan adds latencies up.

/// Equal parts of an octave that [`log_bucket`] tells apart.
const BUCKETS_PER_OCTAVE: u32 = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 3;
/// log₂ of the shortest latency that [`log_bucket`] tells, in µs. Nobody waits for less than a
/// millisecond, and a server that logs milliseconds logs 0 for it.
const SHORTEST: u32 = 10;

/// The logarithm of a latency in eighths of an octave above 1.024 ms, where all shorter ones lie.
/// Within an octave it is linear, and so off by at most 0.7.
#[inline]
pub fn log_bucket(latency_us: u64) -> u32 {
    let us = latency_us.max(1 << SHORTEST);
    let octave = us.ilog2();
    let eighth = (us >> (octave - BUCKET_BITS)) as u32 & (BUCKETS_PER_OCTAVE - 1);
    (octave - SHORTEST) * BUCKETS_PER_OCTAVE + eighth
}

const SUB_BITS: u32 = 5;
const SUB: u64 = 1 << SUB_BITS;

/// How often latencies were in each bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies {
    buckets: Vec<u32>,
    count: u64,
}

impl Latencies {
    /// Adds one latency in µs.
    pub fn add(&mut self, latency_us: u64) {
        let bucket = bucket(latency_us);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
        self.count += 1;
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Latencies) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        self.count += other.count;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many are longer than a latency: those in later buckets than its own.
    pub fn longer_than(&self, latency_us: u64) -> u64 {
        let later = self.buckets.iter().skip(bucket(latency_us) + 1);
        later.map(|&n| u64::from(n)).sum()
    }

    /// The latency in µs below which a share `q` of them lies: the middle of its bucket. `None`
    /// without any.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        self.bucket_of(q).map(middle)
    }

    /// The longest latency that these buckets don't tell from the `q` quantile: what
    /// [`Latencies::longer_than`] counts beyond it is exact.
    pub fn upper_quantile(&self, q: f64) -> Option<u64> {
        let (low, width) = bounds(self.bucket_of(q)?);
        Some(low + (width - 1))
    }

    fn bucket_of(&self, q: f64) -> Option<usize> {
        if self.count == 0 {
            return None;
        }
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        self.buckets.iter().position(|&n| {
            seen += u64::from(n);
            seen >= rank
        })
    }
}

fn bucket(value: u64) -> usize {
    let exponent = (value | (SUB - 1)).ilog2();
    let shift = exponent + 1 - SUB_BITS;
    if shift == 0 {
        value as usize
    } else {
        (u64::from(shift) * SUB / 2 + (value >> shift)) as usize
    }
}

fn middle(bucket: usize) -> u64 {
    let (low, width) = bounds(bucket);
    low + width / 2
}

/// The smallest value of a bucket, and how many it has.
fn bounds(bucket: usize) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < SUB {
        return (bucket, 1);
    }
    let shift = (bucket - SUB / 2) / (SUB / 2);
    ((bucket - shift * SUB / 2) << shift, 1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_their_middle_is_close() {
        let mut last = 0;
        for value in (0..100_000u64)
            .chain((17..63).map(|e| 1 << e))
            .chain([u64::MAX])
        {
            let bucket = bucket(value);
            assert!(bucket >= last, "{value}");
            last = bucket;
            let error = (middle(bucket) as f64 - value as f64).abs();
            assert!(
                error <= 0.0325 * value as f64,
                "{value}: {}",
                middle(bucket)
            );
        }
    }

    #[test]
    fn a_log_bucket_is_an_eighth_of_an_octave_above_a_millisecond() {
        // 1.024 ms · 2^(b/8), to the next eighth of the octave's length.
        for (us, bucket) in [
            (0, 0),
            (1_023, 0),
            (1_024, 0),
            (1_152, 1),
            (2_047, 7),
            (2_048, 8),
            (100_000, 52), // 65.536 ms · 1.526
            (1 << 40, 240),
            (u64::MAX, 431),
        ] {
            assert_eq!(log_bucket(us), bucket, "{us}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values_and_merging_changes_nothing() {
        let values: Vec<u64> = (0..10_000u64).map(|i| i * i * 37 % 900_001).collect();
        let mut whole = Latencies::default();
        let mut parts = [Latencies::default(), Latencies::default()];
        for (i, &value) in values.iter().enumerate() {
            whole.add(value);
            parts[i % 3 % 2].add(value);
        }
        let mut sorted = values;
        sorted.sort_unstable();
        for q in [0.05, 0.5, 0.95, 0.999, 1.0] {
            let exact = sorted[(q * 10_000.0) as usize - 1] as f64;
            let sketched = whole.quantile(q).unwrap() as f64;
            assert!(
                (sketched - exact).abs() <= 0.035 * exact,
                "{q}: {sketched} for {exact}"
            );
        }
        let [mut merged, second] = parts;
        merged.merge(&second);
        assert_eq!(merged, whole);
        assert_eq!(Latencies::default().quantile(0.5), None);
    }
}
