//! Where the log itself is missing: a service, or everything, falls silent beyond chance.
//!
//! Comes in: the counts of a service minute by minute. Goes out: spans of minutes. The test is the
//! lower tail of a negative binomial count around the rate of the hour before. One endpoint that
//! falls silent while its siblings live is no gap but a drop of traffic, and nobody's business here.

use rayon::prelude::*;

use crate::series::{EndpointId, SeriesSet, ServiceId, Totals};
use crate::stats;

/// A service (or `None` for all) and the minutes `from..to` in which its log is missing.
type Gap = (Option<ServiceId>, usize, usize);

/// Lengths of the windows tested, in minutes.
const WINDOWS_MIN: [usize; 6] = [1, 2, 5, 10, 20, 60];
/// Probability below which so few lines are no chance.
const LN_TOO_FEW: f64 = -13.815_510_557_964_274; // ln 1e-6
/// More than this share of the expected lines is traffic that fell, not a log that is missing.
const REST: f64 = 0.1;
/// The rate is taken from so many minutes before, and needs at least so many.
const PAST_MIN: usize = 60;
const LEAST_PAST_MIN: usize = 30;
/// Endpoints whose lines a thread adds up at a time.
const ENDPOINTS_AT_ONCE: usize = 64;
/// Counts never vary less than this by themselves (relative variance).
const C2_MIN: f64 = 1e-3;

/// Finds where the log of a service, or of all services, is missing.
pub fn gaps(set: &SeriesSet) -> Vec<Gap> {
    let whole: Vec<(usize, usize)> = silences(&lines_per_minute(set, None));
    let mut found: Vec<Gap> = whole.iter().map(|&(from, to)| (None, from, to)).collect();
    if set.catalog.services.len() > 1 {
        for id in (0..set.catalog.services.len()).map(|i| ServiceId(i as u32)) {
            for silence in silences(&lines_per_minute(set, Some(id))) {
                found.extend(outside(silence, &whole).map(|(from, to)| (Some(id), from, to)));
            }
        }
    }
    found
}

fn lines_per_minute(set: &SeriesSet, service: Option<ServiceId>) -> Totals {
    let of_service = |id: &EndpointId| service.is_none() || set.service_of(*id) == service;
    let endpoints: Vec<EndpointId> = set.endpoints().filter(of_service).collect();
    let lines = |share: &[EndpointId]| {
        let mut minutes = vec![0_u64; set.minutes];
        for cell in share.iter().flat_map(|id| &set.cells[id.0 as usize]) {
            let slot = i64::from(cell.minute).wrapping_sub(set.start_min) as usize;
            if let Some(sum) = minutes.get_mut(slot) {
                *sum += u64::from(cell.requests);
            }
        }
        minutes
    };
    let shares = endpoints.par_chunks(ENDPOINTS_AT_ONCE).map(lines);
    let add = |mut sums: Vec<u64>, more: Vec<u64>| {
        sums.iter_mut().zip(more).for_each(|(sum, n)| *sum += n);
        sums
    };
    let minutes = shares.reduce(|| vec![0; set.minutes], add);
    Totals::new(minutes.into_iter().map(|n| (n, 0)))
}

/// The silences of one log. The second look measures how counts vary without those of the first.
fn silences(lines: &Totals) -> Vec<(usize, usize)> {
    let first = scan(lines, &[]);
    if first.is_empty() {
        first
    } else {
        scan(lines, &first)
    }
}

fn scan(lines: &Totals, known: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let c2 = WINDOWS_MIN.map(|w| relative_variance(lines, known, w));
    let mut found: Vec<(usize, usize)> = Vec::new();
    for to in 1..=lines.slots() {
        let silent = WINDOWS_MIN.iter().zip(c2).rev().find_map(|(w, c2)| {
            // The last minute of a log is seldom a whole one.
            if *w == 1 && to == lines.slots() {
                return None;
            }
            let from = to.checked_sub(*w)?;
            let begin = found
                .last()
                .filter(|(_, end)| from <= *end)
                .map_or(from, |(begin, _)| from.min(*begin));
            let mean = rate_before(lines, begin, &found)? * *w as f64;
            let (n, _) = lines.between(from, to);
            if n as f64 > REST * mean {
                return None;
            }
            (stats::negative_binomial_cdf(n, mean, 1.0 / c2).ln() < LN_TOO_FEW)
                .then_some((begin, to))
        });
        if let Some(silence) = silent {
            while found.pop_if(|(_, end)| *end >= silence.0).is_some() {}
            found.push(silence);
        }
    }
    let trimmed = found.iter().enumerate().filter_map(|(i, &(from, to))| {
        let rate = rate_before(lines, from, &found[..i])?;
        emptiest(lines, from, to, rate)
    });
    trimmed.collect()
}

/// Lines per minute in the hour before, without known silences.
fn rate_before(lines: &Totals, at: usize, silences: &[(usize, usize)]) -> Option<f64> {
    let mut since = at.saturating_sub(PAST_MIN);
    if let Some((_, end)) = silences.iter().rfind(|(_, end)| *end <= at) {
        since = since.max(*end);
    }
    let minutes = at - since;
    (minutes >= LEAST_PAST_MIN).then(|| lines.between(since, at).0 as f64 / minutes as f64)
}

/// How much counts vary around the rate of the hour before, relative to it and beyond Poisson.
fn relative_variance(lines: &Totals, known: &[(usize, usize)], length: usize) -> f64 {
    let (mut excess, mut scale) = (0.0, 0.0);
    for from in (0..lines.slots()).step_by(length) {
        let to = from + length;
        let touched = known.iter().any(|&(begin, end)| begin < to && from < end);
        let Some(rate) = rate_before(lines, from, known).filter(|_| !touched) else {
            continue;
        };
        let mean = rate * length as f64;
        let n = lines.between(from, to).0 as f64;
        excess += (n - mean) * (n - mean) - mean;
        scale += mean * mean;
    }
    if scale > 0.0 {
        (excess / scale).max(C2_MIN)
    } else {
        C2_MIN
    }
}

/// The part of a silence that is silent: the largest sum of ln Poisson(rate / 20) − ln Poisson(rate).
fn emptiest(lines: &Totals, from: usize, to: usize, rate: f64) -> Option<(usize, usize)> {
    let (mut best, mut best_sum) = (None, 0.0);
    let (mut begin, mut sum) = (from, 0.0);
    for minute in from..to {
        if sum <= 0.0 {
            (begin, sum) = (minute, 0.0);
        }
        sum += 0.95 * rate - 20.0_f64.ln() * lines.between(minute, minute + 1).0 as f64;
        if sum > best_sum {
            (best, best_sum) = (Some((begin, minute + 1)), sum);
        }
    }
    best
}

/// What of a span lies outside of the others, which are in order.
fn outside(
    span: (usize, usize),
    others: &[(usize, usize)],
) -> impl Iterator<Item = (usize, usize)> {
    let ends = others.iter().map(|o| o.0).chain([span.1]);
    let begins = [span.0].into_iter().chain(others.iter().map(|o| o.1));
    let parts: Vec<(usize, usize)> = begins
        .zip(ends)
        .map(|(from, to)| (from.max(span.0), to.min(span.1)))
        .filter(|(from, to)| from < to)
        .collect();
    parts.into_iter()
}
