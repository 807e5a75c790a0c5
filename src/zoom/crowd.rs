//! Whose address stands for many: a load balancer's, or a gateway's.
//!
//! Where all requests reach a service through one address, that address is nobody: its failures are
//! those of many, and none of them repeats another. It is told by the requests that succeed before
//! anything is wrong, of which it makes half or more: a scanner makes none, and a client that asks
//! again and again for what fails few.

use super::Failure;

/// Users are counted by parts of their hash, each part in a row of its own: sums that blocks can add in any order. The least
/// of a user's sums is an upper bound (a count–min sketch; Cormode & Muthukrishnan 2005): that another user with
/// half of all requests shares all of its parts has a probability of 64⁻⁴.
const ROWS: usize = 4;
const BUCKETS: usize = 64;
/// A client with this share of all successful requests stands for many …
const MANY: f64 = 0.5;
/// … of so many at least.
const LEAST_REQUESTS: u64 = 50;

/// Successful requests by user.
#[derive(Debug, Clone)]
pub(super) struct Crowd([[u64; BUCKETS]; ROWS]);

impl Default for Crowd {
    fn default() -> Crowd {
        Crowd([[0; BUCKETS]; ROWS])
    }
}

impl Crowd {
    /// Counts a user's request; 0 is an unknown user.
    pub(super) fn add(&mut self, user: u64) {
        for (row, bucket) in self.0.iter_mut().zip(buckets(user)) {
            row[bucket] += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Crowd) {
        let counts = other.0.iter().flatten();
        for (sum, count) in self.0.iter_mut().flatten().zip(counts) {
            *sum += count;
        }
    }

    /// Makes those unknown who make most of the requests that succeed.
    pub(super) fn unmask(&self, failures: &mut [Failure]) {
        let all: u64 = self.0[0].iter().sum();
        if all < LEAST_REQUESTS {
            return;
        }
        let is_many = |user: u64| {
            let mut counts = self.0.iter().zip(buckets(user));
            counts.all(|(row, bucket)| row[bucket] as f64 >= MANY * all as f64)
        };
        for failure in failures.iter_mut().filter(|f| is_many(f.user)) {
            (failure.user, failure.request) = (0, 0);
        }
    }
}

/// Where a user is counted in each row.
fn buckets(user: u64) -> [usize; ROWS] {
    std::array::from_fn(|row| (user >> (16 * row)) as usize % BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(user: u64) -> Failure {
        Failure {
            time_us: 0,
            status: 500,
            request: 7,
            user,
        }
    }

    #[test]
    fn an_address_with_most_of_the_successes_is_nobody_and_a_storm_of_failures_is_somebody() {
        let mut crowd = Crowd::default();
        (0..60).for_each(|_| crowd.add(5));
        (0..50).for_each(|user| crowd.add(1000 + user));
        let mut failures = [failure(5), failure(6), failure(1001)];
        crowd.unmask(&mut failures);
        let told: Vec<(u64, u64)> = failures.iter().map(|f| (f.user, f.request)).collect();
        assert_eq!(told, [(0, 0), (6, 7), (1001, 7)]);
    }

    #[test]
    fn a_storm_isn_t_taken_for_the_many_whose_hash_ends_like_its_own() {
        let mut crowd = Crowd::default();
        (0..60).for_each(|_| crowd.add(0x0001_0002_0003_0005));
        let mut failures = [
            failure(0x0001_0002_0004_0005),
            failure(0x0001_0002_0003_0005),
        ];
        crowd.unmask(&mut failures);
        assert_eq!(failures.map(|f| f.user), [0x0001_0002_0004_0005, 0]);
    }

    #[test]
    fn too_few_requests_tell_nothing() {
        let mut crowd = Crowd::default();
        (0..49).for_each(|_| crowd.add(5));
        let mut failures = [failure(5)];
        crowd.unmask(&mut failures);
        assert_eq!(failures[0].user, 5);
    }
}
