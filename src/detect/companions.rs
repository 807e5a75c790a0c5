//! Who else failed at the same time: endpoints too quiet to be flagged alone become candidates
//! beside one that was.
//!
//! In the span of each candidate all endpoints are tested together (Benjamini–Hochberg); the gate on
//! the size of the rise stays. Fewer questions are asked than by the scan, so less is needed.

use rayon::prelude::*;

use super::baseline::{Parents, Past};
use super::dispersion::Dispersion;
use super::windows::Flag;
use super::{
    Candidate, Context, FALSE_DISCOVERY_RATE, MIN_ERRORS, flags_of, is_large, offset, trim,
};
use crate::series::{EndpointId, SeriesSet};
use crate::stats;

/// Adds the companions of the candidates to them.
pub(super) fn join(
    set: &SeriesSet,
    parents: &Parents,
    noise: &Dispersion,
    flagged: &[(EndpointId, Vec<Flag>)],
    found: &mut Vec<Candidate>,
) {
    let mut spans: Vec<(usize, usize)> = found
        .iter()
        .map(|c| (offset(set, c.from_min), offset(set, c.to_min)))
        .collect();
    spans.sort_unstable();
    spans.dedup();
    let mut p_values = vec![Vec::new(); spans.len()];
    let mut beside: Vec<Vec<Candidate>> = vec![Vec::new(); spans.len()];
    let asked: Vec<EndpointId> = set.endpoints().filter(|_| !spans.is_empty()).collect();
    let answers: Vec<Vec<Answer>> = asked
        .par_iter()
        .map(|endpoint| ask(*endpoint, &spans, (set, parents, noise), flagged))
        .collect();
    for (i, p_value, candidate) in answers.into_iter().flatten() {
        p_values[i].push(p_value);
        beside[i].extend(candidate);
    }
    let mut joined: Vec<Candidate> = Vec::new();
    for (p_values, beside) in p_values.iter().zip(beside) {
        let rejected = stats::benjamini_hochberg(p_values, FALSE_DISCOVERY_RATE);
        let line = p_values
            .iter()
            .zip(rejected)
            .filter(|(_, r)| *r)
            .map(|(p, _)| *p);
        let line = line.fold(f64::NEG_INFINITY, f64::max);
        joined.extend(beside.into_iter().filter(|c| c.p_value <= line));
    }
    joined.sort_by(|a, b| {
        a.p_value
            .total_cmp(&b.p_value)
            .then(order(a).cmp(&order(b)))
    });
    for companion in joined {
        if !found.iter().any(|c| overlap(c, &companion)) {
            found.push(companion);
        }
    }
}

/// Of a span, by its place, how likely the errors of one endpoint are there by chance, and what they
/// make of it if they are none.
type Answer = (usize, f64, Option<Candidate>);

/// Asks one endpoint about each span in which it had requests.
fn ask(
    endpoint: EndpointId,
    spans: &[(usize, usize)],
    (set, parents, noise): (&SeriesSet, &Parents, &Dispersion),
    flagged: &[(EndpointId, Vec<Flag>)],
) -> Vec<Answer> {
    let places = spans.iter().enumerate();
    if !set.ever_failed(endpoint) {
        // No error is no surprise: it counts among the tests, and that is all.
        let busy = places.filter(|(_, (from, to))| set.is_busy(endpoint, *from, *to));
        return busy.map(|(i, _)| (i, 1.0, None)).collect();
    }
    let totals = set.totals(endpoint);
    let mut past = Past::new(&totals, parents, endpoint);
    let flags = flags_of(flagged, endpoint);
    let context = Context {
        set,
        totals: &totals,
        noise,
        endpoint,
        ln_alpha: 0.0,
    };
    let mut answer = |(i, &(from, to)): (usize, &(usize, usize))| {
        let (n, x) = totals.between(from, to);
        if n == 0 {
            return None;
        }
        let expected = past.expected(from, to, flags)?;
        let p_value = context.p_value(x, n, &expected, to - from);
        if x < MIN_ERRORS || !is_large(x, n, expected.rate) {
            return Some((i, p_value, None));
        }
        let (low, high) = trim::densest(&totals, from, to, expected.rate).unwrap_or((from, to));
        let mut candidate = trim::candidate(&context, low, high, expected);
        candidate.p_value = p_value;
        Some((i, p_value, Some(candidate)))
    };
    places.filter_map(&mut answer).collect()
}

fn order(c: &Candidate) -> (EndpointId, i64, i64) {
    (c.endpoint, c.from_min, c.to_min)
}

fn overlap(a: &Candidate, b: &Candidate) -> bool {
    a.endpoint == b.endpoint && a.from_min < b.to_min && b.from_min < a.to_min
}
