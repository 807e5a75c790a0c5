//! All times of a pattern that comes back → one incident.
//!
//! Comes in: the traces of its times on all its endpoints. Goes out: one incident, from the first
//! time to the last, or nothing where its failures are none to anybody. Between the times nothing is
//! wrong: whoever counts asks [`Recurrence::holds`].

use super::gates::{self, Ruling};
use super::recovery::silent;
use super::trace::{Trace, minute_us};
use super::{Estimate, Incident, State, endpoints, incident};
use crate::detect::Recurrence;
use crate::series::{MINUTE_US, SeriesSet};

/// Failures that a time must lead to expect before its absence tells that it is over.
const LEAST_DUE: f64 = 3.0;
/// Points by which a stretch of equally probable moments is told.
const POINTS: i64 = 128;

/// The incident of a pattern's traces.
pub(super) fn of_times(
    recurrence: Recurrence,
    traces: &[&Trace],
    set: &SeriesSet,
) -> Option<Incident> {
    let at = |minute: i64| -> Vec<&Trace> {
        let near = |t: &&&Trace| (t.candidate.from_min - minute).abs() < recurrence.every_min / 2;
        traces.iter().filter(near).copied().collect()
    };
    // Blips that come back are worth a report if they are many.
    let failures = gates::excess_failures(traces);
    let ruling = gates::rule(traces, &failures);
    let lasts = |time: i64| {
        let traces = at(recurrence.first_min + time * recurrence.every_min);
        gates::rule(&traces, &gates::excess_failures(&traces)) != Ruling::Blip
    };
    let matters = gates::matter(traces, &failures) || (0..recurrence.times).any(lasts);
    if ruling == Ruling::Blip || !matters {
        return None;
    }
    let single_client = ruling == Ruling::SingleClient;
    let first = incident(&at(recurrence.first_min), single_client, set);
    let last = incident(&at(recurrence.last_min()), single_client, set);
    // It may have come at its time before the log, too.
    let seen_before = recurrence.first_min - recurrence.every_min >= set.start_min;
    let state = state(recurrence, traces, set);
    Some(Incident {
        endpoints: endpoints(traces),
        onset: first.onset.filter(|_| seen_before),
        last_failure_us: last.last_failure_us,
        end: last.end.filter(|_| state == State::Recovered),
        state,
        recurs: Some(recurrence),
        ..first
    })
}

/// Whether it has come each time that it was due.
fn state(recurrence: Recurrence, traces: &[&Trace], set: &SeriesSet) -> State {
    let due_min = recurrence.last_min() + recurrence.every_min;
    let due = due_min..due_min + recurrence.lasts_min;
    let log_end = set.start_min.saturating_add(set.minutes as i64);
    if log_end < due.end {
        return State::Ongoing;
    }
    if silent(traces, set, minute_us(due.start), minute_us(due.end)) {
        return State::Unknown;
    }
    let mut asked: Vec<&&Trace> = traces.iter().collect();
    asked.sort_by_key(|t| t.candidate.endpoint);
    asked.dedup_by_key(|t| t.candidate.endpoint);
    let expected: f64 = asked
        .into_iter()
        .map(|t| {
            let cells = set.cells_within(t.candidate.endpoint, due.clone());
            t.raised * cells.iter().map(|c| f64::from(c.requests)).sum::<f64>()
        })
        .sum();
    match expected >= LEAST_DUE {
        true => State::Recovered,
        false => State::Ongoing,
    }
}

impl Incident {
    /// When what made it may have come about. What comes back at its time shows at the first time
    /// after its cause, which may lie anywhere in the period before; else this is the onset.
    pub fn caused(&self) -> Option<Estimate> {
        let onset = self.onset.as_ref()?;
        Some(match self.recurs {
            Some(r) => even(
                onset,
                onset.median_us - r.every_min * MINUTE_US,
                onset.median_us,
            ),
            None => onset.clone(),
        })
    }

    /// When what ended it may have come about: as [`Incident::caused`], before the time at which it
    /// did not come back.
    pub fn undone(&self) -> Option<Estimate> {
        let end = self.end.as_ref()?;
        Some(match self.recurs {
            Some(r) => even(end, end.median_us, end.median_us + r.every_min * MINUTE_US),
            None => end.clone(),
        })
    }
}

/// An estimate that only says from when to when.
fn even(seen: &Estimate, from_us: i64, to_us: i64) -> Estimate {
    let step_us = (to_us - from_us) / POINTS;
    let point = |i: i64| (from_us + i * step_us + step_us / 2, 1.0 / POINTS as f64);
    Estimate {
        median_us: seen.median_us,
        low_us: from_us.min(seen.low_us),
        high_us: to_us.max(seen.high_us),
        posterior: (0..POINTS).map(point).collect(),
    }
}
