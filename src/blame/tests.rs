//! Incidents as they happen, and whom they should be blamed on.

use super::verdict::Cause;
use super::*;
use crate::confirm::State;
use crate::zoom::{Group, tally};

mod accused;
mod any;
mod spared;

/// Midnight of 2024-10-04, UTC.
const MIDNIGHT_US: i64 = 1_728_000_000_000_000;

/// A time of that day, µs.
fn clock(hour: i64, minute: i64, second: i64) -> i64 {
    MIDNIGHT_US + ((hour * 60 + minute) * 60 + second) * 1_000_000
}

/// A deploy that says nothing but when.
pub(super) fn change(id: &str, at_us: i64) -> Change {
    Change {
        id: id.to_owned(),
        ..Change::at(at_us)
    }
}

/// A deploy of a service.
fn deploy(id: &str, service: &str, at_us: i64) -> Change {
    Change {
        service: Some(service.to_owned()),
        ..change(id, at_us)
    }
}

/// A spared endpoint with 20,000 requests, of which 60 failed as expected.
pub(super) fn endpoint(service: &str, template: &str, group: u32) -> EndpointFact {
    EndpointFact {
        service: service.to_owned(),
        method: "GET".to_owned(),
        template: template.to_owned(),
        group,
        affected: false,
        slowed: false,
        powered: true,
        requests: 20_000,
        errors: 60,
        baseline_rate: 0.003,
    }
}

/// A hit endpoint: 3,000 of 20,000 requests failed.
pub(super) fn hit(service: &str, template: &str, group: u32) -> EndpointFact {
    EndpointFact {
        affected: true,
        errors: 3_000,
        ..endpoint(service, template, group)
    }
}

/// `api` is hit; three other services, which could have shown it, are not.
fn one_of_four_services() -> Vec<EndpointFact> {
    let spared = ["web", "cart", "mail"].map(|service| endpoint(service, "/x", 0));
    std::iter::once(hit("api", "/api/a", 0))
        .chain(spared)
        .collect()
}

/// A log from 06:00 to 12:00 with no endpoint in it.
pub(super) fn context() -> Context {
    Context {
        log_from_us: clock(6, 0, 0),
        log_to_us: clock(12, 0, 0),
        zone_offset_s: 0,
        endpoints: Vec::new(),
        error_statuses: Vec::new(),
        minutes: Vec::new(),
        dispersion: 1e-4,
        load: None,
        failing_latency_us: None,
        success_latency_us: None,
        slow: None,
        labels: Tally::default(),
        words: Arc::default(),
        relays: Relays::default(),
    }
}

/// A moment known to ten seconds.
fn estimate(median_us: i64) -> Estimate {
    let step_us = 10_000_000;
    Estimate {
        median_us,
        low_us: median_us - step_us,
        high_us: median_us + step_us,
        posterior: vec![
            (median_us - step_us, 0.25),
            (median_us, 0.5),
            (median_us + step_us, 0.25),
        ],
    }
}

/// What is asked of a change at minute 0, when one endpoint is hit from then on and requests have
/// these labels.
pub(super) fn with_labels<T>(
    change: &Change,
    groups: &[Group<'_>],
    ask: impl FnOnce(&Case<'_>) -> T,
) -> T {
    let incident = incident(0, None);
    let context = Context {
        endpoints: vec![hit("api", "/", 0)],
        labels: tally(groups),
        ..context()
    };
    ask(&Case {
        incident: &incident,
        changes: std::slice::from_ref(change),
        context: &context,
        moments: Moments::of(&incident, &incident.onset, &incident.end),
        undoes: Undoes::new(std::slice::from_ref(change)),
        releases: vec![0],
    })
}

pub(super) fn incident(onset_us: i64, end_us: Option<i64>) -> Incident {
    Incident {
        endpoints: Vec::new(),
        slow_too: Vec::new(),
        onset: Some(estimate(onset_us)),
        end: end_us.map(estimate),
        state: if end_us.is_some() {
            State::Recovered
        } else {
            State::Ongoing
        },
        first_failure_us: onset_us,
        last_failure_us: end_us.unwrap_or(clock(12, 0, 0)),
        single_client: false,
        recurs: None,
    }
}

/// The minutes from 09:00 to 12:00, 1,000 requests each: `errors` per minute within the span, else 3.
fn minutes(from_us: i64, to_us: i64, errors: u64) -> Vec<Minute> {
    let minute = |m: i64| {
        let start_us = clock(9, m, 0);
        let errors = if (from_us..to_us).contains(&start_us) {
            errors
        } else {
            3
        };
        Minute {
            start_us,
            requests: 1_000,
            errors,
        }
    };
    (0..180).map(minute).collect()
}

fn probability(verdict: &Verdict, change: usize) -> f64 {
    verdict
        .suspects
        .iter()
        .find(|s| s.change == change)
        .map_or(0.0, |s| s.probability)
}

fn status(verdict: &Verdict, change: usize) -> DispositionStatus {
    verdict.dispositions[change].status
}

/// What must hold of every verdict.
fn check(verdict: &Verdict, changes: &[Change]) {
    let suspects: f64 = verdict.suspects.iter().map(|s| s.probability).sum();
    assert!((suspects + verdict.unexplained_probability - 1.0).abs() < 1e-12);
    let alternatives: f64 = verdict.alternatives.iter().map(|a| a.probability).sum();
    assert!((alternatives - verdict.unexplained_probability).abs() < 1e-12);
    let order: Vec<usize> = verdict.dispositions.iter().map(|d| d.change).collect();
    assert_eq!(
        order,
        (0..changes.len()).collect::<Vec<_>>(),
        "each change has its disposition"
    );
    assert!(verdict.dispositions.iter().all(|d| !d.why.is_empty()));
}
