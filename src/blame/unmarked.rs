//! Changes that no marker lists but the logs show: a version that was not at work before.
//!
//! Comes in: the versions seen around the incidents, and the markers. Goes out: a change for each
//! new version that no marker accounts for, dated by its first request; and, where markers of
//! several new versions lie off by the same quarters of an hour, a proposal to shift them.

use std::collections::BTreeMap;

use super::constants::{
    REACH_US, SHIFT_LEAST_MARKERS, SHIFT_STEP_US, SHIFT_TOLERANCE_US, UNMARKED_LEAST_REQUESTS,
    UNMARKED_MARKER_AFTER_US, UNMARKED_MARKER_BEFORE_US, UNMARKED_MOST_VERSIONS, UNMARKED_PAST,
    UNMARKED_PAST_US,
};
use super::phrase;
use crate::changes::{Change, Kind, Source};
use crate::zoom::Sighting;

/// A version that came up while its service was being watched.
struct Newcomer {
    service: String,
    version: String,
    /// The version that had most requests before it.
    previous: Option<String>,
    first_us: i64,
}

/// The versions that were not at work before, by service and time.
fn newcomers(sightings: &[Sighting]) -> Vec<Newcomer> {
    let mut services: BTreeMap<&[u8], Vec<&Sighting>> = BTreeMap::new();
    for sighting in sightings {
        services
            .entry(&sighting.service)
            .or_default()
            .push(sighting);
    }
    let mut found = Vec::new();
    for (service, mut versions) in services {
        // A "version" of which there are dozens within hours is none: a build or request id.
        if versions.len() > UNMARKED_MOST_VERSIONS {
            continue;
        }
        versions.sort_by_key(|v| (v.first_us, &v.version));
        let Some(begin_us) = versions.first().map(|v| v.first_us) else {
            continue;
        };
        for (place, version) in versions.iter().enumerate() {
            let earlier = &versions[..place];
            let requests: u64 = earlier.iter().map(|v| v.requests).sum();
            let is_new = version.first_us.saturating_sub(begin_us) >= UNMARKED_PAST_US
                && requests >= UNMARKED_PAST
                && version.requests >= UNMARKED_LEAST_REQUESTS;
            if is_new {
                let before = earlier
                    .iter()
                    .max_by_key(|v| (v.last_us.min(version.first_us), v.requests));
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                found.push(Newcomer {
                    service: text(service),
                    version: text(&version.version),
                    previous: before.map(|v| text(&v.version)),
                    first_us: version.first_us,
                });
            }
        }
    }
    found
}

/// Changes of which only the logs tell, in order of time.
pub fn unmarked(sightings: &[Sighting], markers: &[Change]) -> Vec<Change> {
    let mut found: Vec<Change> = newcomers(sightings)
        .into_iter()
        .filter(|new| {
            !markers
                .iter()
                .any(|marker| accounts_for(marker, new, sightings))
        })
        .map(|new| Change {
            id: format!("unmarked:{}@{}", new.service, new.version),
            kind: Kind::Deploy,
            service: Some(new.service),
            version: Some(new.version),
            previous_version: new.previous,
            source: Source::Logs,
            ..Change::at(new.first_us)
        })
        .collect();
    found.sort_by(|a, b| (a.at_us, &a.id).cmp(&(b.at_us, &b.id)));
    found
}

/// Whether a marker tells of this version: by its name within a day, else shortly before it by its
/// service (or the lack of one) where it names no version, or one that never came up. A marker of a
/// service that the log calls otherwise (`monorepo`) tells of it by its version shortly before.
fn accounts_for(marker: &Change, new: &Newcomer, sightings: &[Sighting]) -> bool {
    let late_us = new.first_us.saturating_sub(marker.at_us);
    let shortly_before = (-UNMARKED_MARKER_AFTER_US..=UNMARKED_MARKER_BEFORE_US).contains(&late_us);
    let is_of = |s: &&Sighting| {
        marker
            .service
            .as_ref()
            .is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(&s.service))
    };
    if marker.brings(&new.version) {
        let in_sight = sightings.iter().any(|s| is_of(&s));
        return (late_us.abs() <= REACH_US && may_be_of(marker, new))
            || (shortly_before && !in_sight);
    }
    let brings = |s: &Sighting| marker.brings(&String::from_utf8_lossy(&s.version));
    let never_came_up = || marker.service.is_some() && !sightings.iter().filter(is_of).any(brings);
    (marker.version.is_none() || never_came_up())
        && matches!(marker.kind, Kind::Deploy | Kind::Rollback)
        && shortly_before
        && may_be_of(marker, new)
}

fn may_be_of(marker: &Change, new: &Newcomer) -> bool {
    marker
        .service
        .as_ref()
        .is_none_or(|name| name.eq_ignore_ascii_case(&new.service))
}

/// A sentence that proposes to shift the markers, where several versions came up at their markers'
/// times plus or minus the same quarters of an hour. Nothing is shifted.
pub fn clock_shift(sightings: &[Sighting], markers: &[Change]) -> Option<String> {
    let mut by_shift: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for new in newcomers(sightings) {
        let named = markers
            .iter()
            .filter(|marker| marker.brings(&new.version) && may_be_of(marker, &new));
        for marker in named {
            let late_us = new.first_us.saturating_sub(marker.at_us);
            let steps = late_us
                .saturating_add(SHIFT_STEP_US / 2)
                .div_euclid(SHIFT_STEP_US);
            let off_us = late_us.saturating_sub(steps.saturating_mul(SHIFT_STEP_US));
            if off_us.abs() <= SHIFT_TOLERANCE_US && late_us.abs() <= REACH_US {
                by_shift.entry(steps).or_default().push(&marker.id);
            }
        }
    }
    // A version that came up on time says that the clocks agree.
    if by_shift.contains_key(&0) {
        return None;
    }
    let (steps, ids) = by_shift
        .into_iter()
        .max_by_key(|(steps, ids)| (ids.len(), std::cmp::Reverse(steps.abs())))?;
    if ids.len() < SHIFT_LEAST_MARKERS {
        return None;
    }
    let shift = phrase::duration(steps.saturating_mul(SHIFT_STEP_US));
    let (side, remedy) = if steps > 0 {
        ("after", "later")
    } else {
        ("before", "earlier")
    };
    Some(format!(
        "the versions of {} came up {shift} {side} their markers: the markers' clock or zone is probably off; \
         --tz says in which zone times are that name none, or shift the markers to {shift} {remedy}. Nothing was shifted",
        phrase::names(ids)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_US: i64 = 60_000_000;

    /// A version of `api` from one minute to another.
    fn seen(version: &str, from_min: i64, to_min: i64, requests: u64) -> Sighting {
        Sighting {
            service: b"api".to_vec(),
            version: version.as_bytes().to_vec(),
            first_us: from_min * MINUTE_US,
            last_us: to_min * MINUTE_US,
            requests,
        }
    }

    fn marker(id: &str, version: Option<&str>, at_min: i64) -> Change {
        Change {
            id: id.to_owned(),
            version: version.map(str::to_owned),
            ..Change::at(at_min * MINUTE_US)
        }
    }

    fn ids(sightings: &[Sighting], markers: &[Change]) -> Vec<String> {
        let found = unmarked(sightings, markers);
        found.into_iter().map(|c| c.id).collect()
    }

    #[test]
    fn a_version_that_no_marker_lists_is_a_change() {
        let log = [seen("2.3", 0, 130, 900), seen("2.4", 120, 300, 2_000)];
        let found = unmarked(&log, &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "unmarked:api@2.4");
        assert_eq!(found[0].at_us, 120 * MINUTE_US);
        assert_eq!(found[0].previous_version.as_deref(), Some("2.3"));
        assert_eq!(found[0].source, Source::Logs);
    }

    #[test]
    fn a_marker_accounts_for_its_version_and_a_bare_one_for_what_follows() {
        let log = [seen("2.3", 0, 130, 900), seen("2.4", 120, 300, 2_000)];
        assert_eq!(ids(&log, &[marker("d", Some("v2.4"), 500)]), [""; 0]);
        assert_eq!(ids(&log, &[marker("d", None, 100)]), [""; 0]);
        // Another version's marker, or one of hours ago, does not.
        assert_eq!(ids(&log, &[marker("d", Some("2.5"), 119)]).len(), 1);
        assert_eq!(ids(&log, &[marker("d", None, 0)]).len(), 1);
        let of = |service: &str, change: Change| Change {
            service: Some(service.to_owned()),
            ..change
        };
        assert_eq!(ids(&log, &[of("billing", marker("d", None, 119))]).len(), 1);
        // A marker of the service itself, whose version never came up, has it wrong or calls it otherwise.
        let other_name = of("API", marker("d", Some("chart-77"), 119));
        assert_eq!(ids(&log, &[other_name]), [""; 0]);
        // Its version came up, only earlier.
        let both = [log.to_vec(), vec![seen("chart-77", 60, 90, 50)]].concat();
        let other = of("api", marker("d", Some("chart-77"), 119));
        assert_eq!(ids(&both, &[other]), ["unmarked:api@2.4"]);
        // The log calls the service otherwise: then its version tells, but only at its time.
        let repository = |at_min| of("monorepo", marker("d", Some("2.4"), at_min));
        assert_eq!(ids(&log, &[repository(119)]), [""; 0]);
        assert_eq!(ids(&log, &[repository(0)]).len(), 1);
    }

    #[test]
    fn what_was_there_from_the_begin_or_changes_all_the_time_is_no_new_version() {
        assert_eq!(
            ids(&[seen("2.3", 0, 300, 900), seen("2.4", 5, 300, 900)], &[]),
            [""; 0]
        );
        assert_eq!(
            ids(&[seen("2.3", 0, 300, 900), seen("2.4", 50, 300, 2)], &[]),
            [""; 0]
        );
        let builds: Vec<Sighting> = (0..40)
            .map(|i| seen(&format!("b{i}"), i * 10, i * 10 + 9, 90))
            .collect();
        assert_eq!(ids(&builds, &[]), [""; 0]);
    }

    #[test]
    fn two_markers_that_are_off_by_the_same_hours_are_told() {
        let log = [
            seen("2.3", 0, 130, 900),
            seen("2.4", 120, 300, 2_000),
            seen("2.5", 301, 400, 2_000),
        ];
        let markers = [
            marker("d-1", Some("2.4"), 120 - 420),
            marker("d-2", Some("2.5"), 300 - 420),
        ];
        let note = clock_shift(&log, &markers).unwrap();
        assert!(note.starts_with("the versions of `d-1`, `d-2` came up 7 h after their markers"));
        assert_eq!(clock_shift(&log, &markers[..1]), None);
        let mixed = [markers[0].clone(), marker("d-2", Some("2.5"), 300)];
        assert_eq!(clock_shift(&log, &mixed), None);
    }
}
