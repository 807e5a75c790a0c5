//! Whose address stands for many: a load balancer's, or a gateway's.
//!
//! Where all requests reach a service through one address, that address is nobody: its failures are
//! those of many, and none of them repeats another. It is told by the requests that succeed before
//! anything is wrong, of which it makes half or more: a scanner makes none, and a client that asks
//! again and again for what fails few.

use super::Failure;

/// Users are counted by so many remainders of their hash: sums that blocks can add in any order. Of a
/// user it is an upper bound, 1/64 of the others' requests too high.
const BUCKETS: usize = 64;
/// A client with this share of all successful requests stands for many …
const MANY: f64 = 0.5;
/// … of so many at least.
const LEAST_REQUESTS: u64 = 50;

/// Successful requests by user.
#[derive(Debug, Clone)]
pub(super) struct Crowd([u64; BUCKETS]);

impl Default for Crowd {
    fn default() -> Crowd {
        Crowd([0; BUCKETS])
    }
}

impl Crowd {
    /// Counts a user's request; 0 is an unknown user.
    pub(super) fn add(&mut self, user: u64) {
        self.0[user as usize % BUCKETS] += 1;
    }

    pub(super) fn merge(&mut self, other: &Crowd) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    /// Makes those unknown who make most of the requests that succeed.
    pub(super) fn unmask(&self, failures: &mut [Failure]) {
        let all: u64 = self.0.iter().sum();
        if all < LEAST_REQUESTS {
            return;
        }
        let is_many = |user: u64| self.0[user as usize % BUCKETS] as f64 >= MANY * all as f64;
        for failure in failures.iter_mut().filter(|f| is_many(f.user)) {
            (failure.user, failure.request) = (0, 0);
        }
    }
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
    fn too_few_requests_tell_nothing() {
        let mut crowd = Crowd::default();
        (0..49).for_each(|_| crowd.add(5));
        let mut failures = [failure(5)];
        crowd.unmask(&mut failures);
        assert_eq!(failures[0].user, 5);
    }
}
