//! Changes → releases: several markers may tell of one.
//!
//! A pipeline that deploys to one host, region or share of the traffic after another writes a marker for
//! each step, or one when it begins and one when it is done. Whoever asks which change did it wants the
//! release named, and not to choose between its markers.

use super::{Change, Kind};

/// A step follows the one before it within this time.
const NEXT_STEP_US: i64 = 15 * 60 * 1_000_000;
/// Names that stand for something new each time.
pub(super) const MOVING: [&str; 8] = [
    "latest", "main", "master", "head", "stable", "edge", "nightly", "develop",
];

/// For each change the index of the first one of its release: its own where it is the first or the only
/// one.
pub fn releases(changes: &[Change]) -> Vec<usize> {
    let mut by_time: Vec<usize> = (0..changes.len()).collect();
    by_time.sort_by_key(|i| changes[*i].at_us);
    let mut first: Vec<usize> = (0..changes.len()).collect();
    for (n, &i) in by_time.iter().enumerate() {
        let change = &changes[i];
        let since_us = change.at_us.saturating_sub(NEXT_STEP_US);
        let recent = by_time[..n]
            .iter()
            .rev()
            .take_while(|e| changes[**e].at_us >= since_us);
        // What came between at the same place ended the earlier release.
        let mut at_its_place = recent.filter(|e| replaces(change, &changes[**e]));
        if let Some(&earlier) = at_its_place.next()
            && is_same_release(&changes[earlier], change)
            && !MOVING.contains(&change.version.as_deref().unwrap_or_default())
        {
            first[i] = first[earlier];
        }
    }
    first
}

fn is_release(change: &Change) -> bool {
    matches!(change.kind, Kind::Deploy | Kind::Rollback)
}

/// Whether one release takes the place of another.
fn replaces(change: &Change, earlier: &Change) -> bool {
    is_release(change) && is_release(earlier) && same(&change.service, &earlier.service)
}

fn same(a: &Option<String>, b: &Option<String>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

/// Whether two changes bring the same version, or commit, to one service.
pub(super) fn is_same_release(a: &Change, b: &Change) -> bool {
    // `9f3c51a` is short for the whole commit.
    let same_commit = |x: &Option<String>, y: &Option<String>| match (x, y) {
        (Some(x), Some(y)) => {
            x.len().min(y.len()) >= 7 && (x.starts_with(y.as_str()) || y.starts_with(x.as_str()))
        }
        _ => false,
    };
    let brought = same(&a.version, &b.version)
        || same_commit(&a.commit, &b.commit)
        || same_commit(&a.version, &b.commit)
        || same_commit(&a.commit, &b.version);
    is_release(a) && a.kind == b.kind && same(&a.service, &b.service) && brought
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_US: i64 = 60_000_000;

    fn deploy(minute: i64, service: &str, version: &str) -> Change {
        Change {
            service: Some(service.to_owned()),
            version: Some(version.to_owned()),
            ..Change::at(minute * MINUTE_US)
        }
    }

    #[test]
    fn steps_of_one_version_are_one_release_however_many_there_are() {
        let changes = [
            deploy(0, "cart", "2.0.0"),
            deploy(10, "cart", "2.0.0"),
            deploy(11, "stock", "2.0.0"),
            deploy(24, "Cart", "2.0.0"),
            deploy(40, "cart", "2.0.0"),
        ];
        // The last comes 16 minutes after the step before it.
        assert_eq!(releases(&changes), [0, 0, 2, 0, 4]);
    }

    #[test]
    fn a_version_that_comes_again_after_another_is_a_release_of_its_own() {
        let changes = [
            deploy(0, "cart", "2.0.0"),
            deploy(3, "cart", "1.9.0"),
            deploy(6, "cart", "2.0.0"),
        ];
        assert_eq!(releases(&changes), [0, 1, 2]);
    }

    #[test]
    fn what_names_no_version_or_a_moving_one_is_always_another() {
        let latest = [deploy(0, "cart", "latest"), deploy(1, "cart", "latest")];
        assert_eq!(releases(&latest), [0, 1]);
        let nameless = [Change::at(0), Change::at(0)];
        assert_eq!(releases(&nameless), [0, 1]);
        let flag = |minute| Change {
            kind: Kind::Flag,
            ..deploy(minute, "cart", "2.0.0")
        };
        assert_eq!(releases(&[flag(0), flag(1)]), [0, 1]);
    }

    #[test]
    fn a_short_commit_is_the_long_one() {
        let commit = |minute, commit: &str| Change {
            version: None,
            commit: Some(commit.to_owned()),
            ..deploy(minute, "cart", "")
        };
        let changes = [
            commit(5, "9f3c51a0b7de"),
            commit(0, "9f3c51a"),
            commit(6, "9f3c"),
        ];
        assert_eq!(releases(&changes), [1, 1, 2]);
    }
}
