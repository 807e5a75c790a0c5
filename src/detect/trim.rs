//! Flagged windows → candidates: cut down to the minutes in which the excess lies.
//!
//! A window of an hour that holds a fault of five minutes gives a candidate of five minutes: the
//! segment with the largest sum of per-minute log likelihood ratios, rate p₁ against rate m. What
//! lies beside it is a further candidate if it is significant by itself; pieces less than 15
//! minutes apart are one, as nothing counts as recovered that was not quiet for so long.

use super::baseline::Expected;
use super::windows::{Flag, exceeds};
use super::{Baseline, Candidate, Context, MIN_ERRORS, Signal, real};
use crate::series::Totals;

/// Pieces closer than this belong together.
const QUIET_BETWEEN_MIN: usize = 15;
/// Candidates that begin later than this into the log began within it.
const AT_ONCE_MIN: usize = 10;
/// Nats by which a quiet run inside a segment must speak for the expected rate to part it.
const PARTED_NATS: f64 = 12.0;
/// Rounds of fitting p₁ to the segment and the segment to p₁.
const FITS: usize = 8;

/// Turns an endpoint's flags into candidates.
pub(super) fn candidates<'a>(
    context: &'a Context,
    flags: &'a [Flag],
) -> impl Iterator<Item = Candidate> + use<'a> {
    flags.iter().filter(|flag| flag.news).flat_map(move |flag| {
        spans_of_excess(context, flag)
            .into_iter()
            .map(|(from, to)| {
                let mut found = candidate(context, from, to, flag.expected);
                found.p_value = found.p_value.min(flag.ln_p.exp());
                found
            })
    })
}

/// The candidate of a span with its exact tail probability.
pub(super) fn candidate(
    context: &Context,
    from: usize,
    to: usize,
    expected: Expected,
) -> Candidate {
    let (requests, errors) = context.totals.between(from, to);
    let m = expected.rate;
    let (requests_before, _) = context.totals.between(0, from);
    let minute = |offset: usize| context.set.start_min.saturating_add(offset as i64);
    Candidate {
        endpoint: context.endpoint,
        from_min: minute(from),
        to_min: minute(to),
        requests,
        errors,
        baseline: Baseline {
            signal: Signal::Errors,
            rate: m,
            rho: context.noise.rho(context.endpoint, 1, m),
            requests: expected.requests,
            from_min: minute(expected.from),
            to_min: minute(expected.to),
        },
        p_value: context.p_value(errors, requests, &expected, to - from),
        // Nothing before it that would have shown a lower rate: fewer than 3 errors expected.
        began_before_log: from < AT_ONCE_MIN
            && requests_before as f64 * rate(requests, errors) < 3.0,
        recurs: None,
    }
}

/// The spans of excess in a flag, in order of time.
fn spans_of_excess(context: &Context, flag: &Flag) -> Vec<(usize, usize)> {
    let densest = |from, to| densest(context.totals, from, to, flag.expected.rate);
    let holds = |low, high, is_first| {
        let (n, x) = context.totals.between(low, high);
        x >= MIN_ERRORS
            && (is_first || exceeds(context, x, n, &flag.expected, high - low).is_some())
    };
    let part = |(low, high)| {
        let mut parts = parted(context.totals, low, high, flag.expected.rate);
        parts.retain(|(low, high)| holds(*low, *high, false));
        if parts.is_empty() {
            parts.push((low, high));
        }
        parts
    };
    pieces((flag.from, flag.to), densest, holds)
        .into_iter()
        .flat_map(part)
        .collect()
}

/// A segment, without the quiet that lies in it: two faults an hour apart are not one of three hours.
fn parted(totals: &Totals, from: usize, to: usize, m: f64) -> Vec<(usize, usize)> {
    let (mut whole, mut open) = (Vec::new(), vec![(from, to)]);
    while let Some((from, to)) = open.pop() {
        let (n, x) = totals.between(from, to);
        let calm = ln_ratio(totals, m, rate(n, x));
        let quiet = largest_sum(from, to, &calm).filter(|(low, high)| {
            from < *low
                && *high < to
                && high - low >= QUIET_BETWEEN_MIN
                && (*low..*high).map(&calm).sum::<f64>() >= PARTED_NATS
        });
        match quiet {
            Some((low, high)) => open.extend([(high, to), (from, low)]),
            None => whole.push((from, to)),
        }
    }
    whole.sort_unstable();
    whole
}

/// The densest part of a span, and beside it those that hold by themselves, in order of time.
pub(super) fn pieces(
    span: (usize, usize),
    densest: impl Fn(usize, usize) -> Option<(usize, usize)>,
    holds: impl Fn(usize, usize, bool) -> bool,
) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut open = vec![span];
    while let Some((from, to)) = open.pop() {
        let Some((low, high)) = densest(from, to) else {
            continue;
        };
        if holds(low, high, found.is_empty()) {
            found.push((low, high));
            open.extend([(high, to), (from, low)]);
        }
    }
    found.sort_unstable();
    found.dedup_by(|next, last| {
        let near = next.0 < last.1 + QUIET_BETWEEN_MIN;
        if near {
            last.1 = next.1;
        }
        near
    });
    found
}

/// The segment of `from..to` that speaks loudest for a raised rate; `None` without an excess.
pub(crate) fn densest(totals: &Totals, from: usize, to: usize, m: f64) -> Option<(usize, usize)> {
    let mut segment = (from, to);
    for _ in 0..FITS {
        let (n, x) = totals.between(segment.0, segment.1);
        let raised = rate(n, x);
        if raised <= m {
            return None;
        }
        let next = most_excess(totals, from, to, (raised, m))?;
        if next == segment {
            break;
        }
        segment = next;
    }
    Some(segment)
}

/// Of each minute ln L(one rate) − ln L(another).
fn ln_ratio(totals: &Totals, one: f64, another: f64) -> impl Fn(usize) -> f64 {
    let of_counts = ln_ratio_of_counts(one, another);
    move |minute| of_counts(totals.between(minute, minute + 1))
}

/// Of so many requests and errors ln L(one rate) − ln L(another).
fn ln_ratio_of_counts(one: f64, another: f64) -> impl Fn((u64, u64)) -> f64 {
    let per_error = (one / another).ln();
    let per_success = ((1.0 - one) / (1.0 - another)).ln();
    move |(n, x)| real(x) * per_error + real(n.saturating_sub(x)) * per_success
}

/// [`largest_sum`] of [`ln_ratio`] for a raised rate against a lower one.
fn most_excess(
    totals: &Totals,
    from: usize,
    to: usize,
    (raised, m): (f64, f64),
) -> Option<(usize, usize)> {
    let value = ln_ratio_of_counts(raised, m);
    let (mut best, mut best_sum) = (None, 0.0);
    let (mut begin, mut sum) = (from, 0.0);
    for ((n, x), minute) in totals.blocks(from, to, 1).zip(from..) {
        if sum <= 0.0 {
            // No segment begins with a minute that speaks against the raised rate.
            if x == 0 {
                continue;
            }
            (begin, sum) = (minute, 0.0);
        }
        sum += value((n, x));
        if sum > best_sum {
            (best, best_sum) = (Some((begin, minute + 1)), sum);
        }
    }
    best
}

/// The segment with the largest sum of its minutes' values, if that is positive (Kadane's algorithm).
pub(super) fn largest_sum(
    from: usize,
    to: usize,
    value: impl Fn(usize) -> f64,
) -> Option<(usize, usize)> {
    let (mut best, mut best_sum) = (None, 0.0);
    let (mut begin, mut sum) = (from, 0.0);
    for minute in from..to {
        if sum <= 0.0 {
            (begin, sum) = (minute, 0.0);
        }
        sum += value(minute);
        if sum > best_sum {
            (best, best_sum) = (Some((begin, minute + 1)), sum);
        }
    }
    best
}

/// Jeffreys' estimate of an error rate: below 1 even where all requests failed.
fn rate(n: u64, x: u64) -> f64 {
    (x as f64 + 0.5) / (n as f64 + 1.0)
}
