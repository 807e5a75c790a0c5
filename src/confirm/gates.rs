//! Is it an incident? Persistence, retries, users, and whether one client alone makes it.

use std::collections::BTreeMap;

use super::trace::Trace;
use crate::stats;
use crate::zoom::Failure;

/// Failures of one request within this time are retries of one logical failure.
const RETRY_US: i64 = 30_000_000;
const MIN_LOGICAL: usize = 3;
const MIN_USERS: usize = 2;
/// From its first to its last failure an incident spans at least this …
const PERSISTENT_US: i64 = 60_000_000;
/// … or it is large: so many excess failures, or users hit.
const LARGE_EXCESS: f64 = 50.0;
const LARGE_USERS: usize = 20;
/// Without its top client an excess must still be less probable than this. It was searched for
/// before; here one question is asked of it.
const WITHOUT_TOP_CLIENT: f64 = 1e-3;
/// One client makes an excess alone only if it makes at least this share of it. In a restless log a
/// weak excess may fail the test above with any of its clients left out.
const TOP_CLIENT_SHARE: f64 = 0.5;

/// What the gates say of candidates that share their onset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ruling {
    /// An incident.
    Incident,
    /// It lasts or is large, but one client makes it: a retry storm.
    SingleClient,
    /// Too short and too small.
    Blip,
}

/// The failures in the traces' densest parts, in order of time.
pub(super) fn excess_failures(traces: &[&Trace]) -> Vec<Failure> {
    let mut failures: Vec<Failure> = traces
        .iter()
        .flat_map(|t| t.failures_in(t.excess.from_us, t.excess.to_us))
        .copied()
        .collect();
    failures.sort_unstable();
    failures
}

/// Rules on candidates that share their onset.
pub(super) fn rule(traces: &[&Trace], failures: &[Failure]) -> Ruling {
    let excess = excess(traces);
    let logical = logical_by_user(failures);
    let count: usize = logical.values().sum();
    let users = known(&logical);
    let span_us = match failures {
        [first, .., last] => last.time_us.saturating_sub(first.time_us),
        _ => 0,
    };
    let (large, lasts) = (is_large(excess, users), span_us >= PERSISTENT_US);
    if !lasts && !large {
        return Ruling::Blip;
    }
    // However much one client asks for within a minute, it is nobody's incident.
    let by_one = if lasts {
        Ruling::SingleClient
    } else {
        Ruling::Blip
    };
    let nobody_known = users == 0;
    if count < MIN_LOGICAL || (users < MIN_USERS && !nobody_known) {
        return if large { by_one } else { Ruling::Blip };
    }
    if top_client(failures) < TOP_CLIENT_SHARE * excess
        || holds_without_top(traces, &logical, count)
    {
        Ruling::Incident
    } else {
        by_one
    }
}

/// Whether so many failures matter however short they are.
pub(super) fn matter(traces: &[&Trace], failures: &[Failure]) -> bool {
    is_large(excess(traces), known(&logical_by_user(failures)))
}

fn is_large(excess: f64, users: usize) -> bool {
    excess >= LARGE_EXCESS || users >= LARGE_USERS
}

fn excess(traces: &[&Trace]) -> f64 {
    traces.iter().map(|t| t.excess_errors()).sum()
}

/// Users who are known.
fn known(logical: &BTreeMap<u64, usize>) -> usize {
    logical.keys().filter(|user| **user != 0).count()
}

/// Logical failures by user; 0 stands for all that are unknown.
fn logical_by_user(failures: &[Failure]) -> BTreeMap<u64, usize> {
    let mut last_seen: BTreeMap<u64, i64> = BTreeMap::new();
    let mut by_user = BTreeMap::new();
    for failure in failures {
        let before = last_seen.insert(failure.request, failure.time_us);
        // Nobody knows whether an unknown user repeats another's request.
        let retry = failure.user != 0
            && before.is_some_and(|t| failure.time_us.saturating_sub(t) <= RETRY_US);
        if !retry {
            *by_user.entry(failure.user).or_insert(0) += 1;
        }
    }
    by_user
}

/// Failures of the user with the most, retries included; 0 where no user is known.
fn top_client(failures: &[Failure]) -> f64 {
    let mut by_user: BTreeMap<u64, usize> = BTreeMap::new();
    for failure in failures.iter().filter(|f| f.user != 0) {
        *by_user.entry(failure.user).or_insert(0) += 1;
    }
    by_user.into_values().max().unwrap_or(0) as f64
}

/// Whether the excess remains when the user with the most failures is left out.
fn holds_without_top(traces: &[&Trace], logical: &BTreeMap<u64, usize>, count: usize) -> bool {
    let known = logical.iter().filter(|(user, _)| **user != 0);
    let Some(top) = known.map(|(_, failures)| *failures).max() else {
        return true;
    };
    let rest = count - top;
    let requests: u64 = traces.iter().map(|t| t.excess.requests).sum();
    let expected: f64 = traces
        .iter()
        .map(|t| t.excess.requests as f64 * t.calm)
        .sum();
    let m = (expected / (requests as f64).max(1.0)).clamp(1e-6, 1.0 - 1e-6);
    let rho = traces
        .iter()
        .map(|t| t.candidate.baseline.rho)
        .fold(1e-6, f64::max);
    let kappa = 1.0 / rho - 1.0;
    let ln_p = stats::ln_beta_binomial_tail(rest as u64, requests, m * kappa, (1.0 - m) * kappa);
    rest >= MIN_LOGICAL && ln_p < WITHOUT_TOP_CLIENT.ln()
}
