//! What became of an incident: when it ended, and whether the rate is back where it was.

use rayon::prelude::*;

use super::edge::{Side, Surface, estimate};
use super::merge::sharing_with_first;
use super::trace::{Trace, minute_us, resolution_us};
use super::{Estimate, MOST_TELLING, State};
use crate::series::{MINUTE_US, SeriesSet};
use crate::stats;

/// The rate must be back for so long …
const KEPT_US: i64 = 15 * MINUTE_US;
/// … and is looked at for so long.
const LOOK_US: i64 = 60 * MINUTE_US;
/// Probability with which the rate must be back.
const SURE: f64 = 0.95;
/// So many requests were to be expected where none came: nobody asks any more.
const LEAST_EXPECTED: f64 = 10.0;
/// Nats in favour of the old rate that show the fault to be over, where it is not shown that all is
/// as before.
const OVER_NATS: f64 = 3.0;

/// When the incident ended (`None`: it has not), and how it stands.
pub(super) fn end(traces: &[&Trace], set: &SeriesSet) -> (Option<Estimate>, State) {
    let resolution_us = resolution_us(traces);
    let mut left: Vec<&Trace> = traces.to_vec();
    left.sort_by(|a, b| b.excess_errors().total_cmp(&a.excess_errors()));
    let mut end = None;
    // The strongest and those that ended with it tell when; whoever failed on much longer, later.
    while !left.is_empty() {
        let sides: Vec<Side> = left
            .iter()
            .take(MOST_TELLING)
            .map(|t| t.end_side())
            .collect();
        let shared = sharing_with_first(sides.par_iter().map(Surface::new).collect());
        let ended = estimate(&shared).map(|e| e.mirrored().of_times_cut_to(resolution_us));
        let later_us = ended
            .as_ref()
            .map_or(i64::MAX, |e| e.high_us.saturating_add(KEPT_US));
        left.retain(|t| minute_us(t.candidate.to_min) > later_us);
        end = ended;
    }
    let Some(end) = end else {
        return (None, State::Ongoing);
    };
    let state = state(traces, set, &end);
    (
        Some(end).filter(|_| matches!(state, State::Recovered | State::Improving)),
        state,
    )
}

fn state(traces: &[&Trace], set: &SeriesSet, end: &Estimate) -> State {
    let log_end = minute_us(set.start_min.saturating_add(set.minutes as i64));
    let until = end.high_us.saturating_add(LOOK_US).min(log_end);
    let (mut requests, mut errors, mut bound, mut nats) = (0, 0, 0.0, 0.0);
    for trace in traces {
        let (n, x) = trace.counts_in(end.high_us, until);
        let (calm, raised) = (trace.calm, trace.raised);
        let rise = raised - calm;
        bound += n as f64 * (calm + (0.1 * rise).max(0.5 * calm).max(0.001));
        nats += (x as f64 * (calm / raised).ln()
            + (n - x) as f64 * ((1.0 - calm) / (1.0 - raised)).ln())
            / trace.phi;
        requests += n;
        errors += x;
    }
    if requests == 0 {
        let expected: f64 = traces.iter().map(|t| t.asked_in(end.high_us, until)).sum();
        return if silent(traces, set, end.median_us, until) || expected >= LEAST_EXPECTED {
            State::Unknown
        } else {
            State::Ongoing
        };
    }
    let bound = bound / requests as f64;
    let ok = requests - errors;
    let back = stats::beta_cdf(bound, errors as f64 + 0.5, ok as f64 + 0.5) >= SURE;
    if back && log_end.saturating_sub(end.median_us) >= KEPT_US {
        State::Recovered
    } else if back || nats >= OVER_NATS {
        State::Improving
    } else {
        State::Ongoing
    }
}

/// Whether the log of one of the services is missing in that time.
pub(super) fn silent(traces: &[&Trace], set: &SeriesSet, from_us: i64, to_us: i64) -> bool {
    let at = |minute: usize| minute_us(set.start_min.saturating_add(minute as i64));
    set.gaps.iter().any(|(service, from, to)| {
        let theirs =
            |t: &&Trace| service.is_none() || set.service_of(t.candidate.endpoint) == *service;
        at(*from) < to_us && from_us < at(*to) && traces.iter().any(theirs)
    })
}
