//! How many users there were and how many of them met an error: exact up to [`LIMIT`] users, beyond
//! that from the users with the smallest hashes (a bottom-k sample, Cohen and Kaplan 2007).

use std::hash::Hasher;

use hashbrown::HashMap;

/// Users told apart exactly.
const LIMIT: usize = 1 << 20;

/// A hash of what tells a user apart; never 0. SipHash-1-3 with a fixed key: the same
/// in each run, so that the same input gives the same report.
pub fn user_hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    for part in parts {
        hasher.write(part);
        hasher.write_u8(0xff);
    }
    hasher.finish().max(1)
}

/// One user's requests and errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserCounts {
    /// Requests.
    pub requests: u32,
    /// Errors among them.
    pub errors: u32,
}

/// The users of some endpoints in some time.
#[derive(Debug, Clone, Default)]
pub struct Users {
    users: HashMap<u64, UserCounts>,
    /// Only hashes below this are kept; `None` while all are.
    below: Option<u64>,
}

impl Users {
    /// Counts one request of a user.
    pub fn add(&mut self, user: u64, error: bool) {
        self.add_counts(
            user,
            UserCounts {
                requests: 1,
                errors: u32::from(error),
            },
        );
    }

    fn add_counts(&mut self, user: u64, counts: UserCounts) {
        if self.below.is_some_and(|below| user >= below) {
            return;
        }
        let mine = self.users.entry(user).or_default();
        mine.requests = mine.requests.saturating_add(counts.requests);
        mine.errors = mine.errors.saturating_add(counts.errors);
        if self.users.len() > 2 * LIMIT {
            self.shrink();
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: Users) {
        if let Some(theirs) = other.below {
            let below = self.below.map_or(theirs, |mine| mine.min(theirs));
            self.below = Some(below);
            self.users.retain(|&user, _| user < below);
        }
        for (user, counts) in other.users {
            self.add_counts(user, counts);
        }
    }

    /// Keeps the [`LIMIT`] smallest hashes.
    fn shrink(&mut self) {
        if self.users.len() <= LIMIT {
            return;
        }
        let mut hashes: Vec<u64> = self.users.keys().copied().collect();
        let below = *hashes.select_nth_unstable(LIMIT).1;
        self.below = Some(below);
        self.users.retain(|&user, _| user < below);
    }

    /// (users with an error, all users) among those kept, and how many users each stands for.
    pub fn counts(mut self) -> (u64, u64, f64) {
        self.shrink();
        let affected = self.users.values().filter(|u| u.errors > 0).count() as u64;
        let weight = self
            .below
            .map_or(1.0, |below| u64::MAX as f64 / below as f64);
        (affected, self.users.len() as u64, weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_users_are_counted_exactly_in_any_order() {
        let mut a = Users::default();
        let mut b = Users::default();
        for i in 0..3_000u32 {
            let user = user_hash(&[&i.to_le_bytes()]);
            a.add(user, false);
            if i % 20 < 3 {
                b.add(user, true);
            }
        }
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(a);
        assert_eq!(ab.counts(), (450, 3_000, 1.0));
        assert_eq!(ba.counts(), (450, 3_000, 1.0));
    }

    #[test]
    fn many_users_are_estimated_from_the_smallest_hashes() {
        let mut users = Users::default();
        let all = 5 * LIMIT as u32;
        for i in 0..all {
            users.add(user_hash(&[&i.to_le_bytes()]), i % 4 == 0);
        }
        let (affected, kept, weight) = users.counts();
        assert_eq!(kept, LIMIT as u64);
        assert!((kept as f64 * weight / f64::from(all) - 1.0).abs() < 0.01);
        assert!((affected as f64 / kept as f64 - 0.25).abs() < 0.005);
    }

    #[test]
    fn parts_of_a_user_do_not_run_together() {
        assert_ne!(user_hash(&[b"ab", b"c"]), user_hash(&[b"a", b"bc"]));
    }
}
