//! Release: several markers of one stand as one suspect.
//!
//! Each marker alone would have its part of the probability, and the release that did it would be
//! "ambiguous" with itself. The one that the evidence suits best stands for all, the first of those that
//! it suits about as well: of a release of k markers the onset follows any of them alike,
//! f = Σ f(τ − tⱼ)/k. Markers of the same moment so count as one, and steps that are spread over an hour
//! have more chances to be near by chance.

use std::collections::BTreeMap;

use super::{Candidate, EvidenceKind};
use crate::stats::log_sum_exp;

/// Nats by which a later marker must be better than the first to stand for their release. *Judgement.*
const AS_GOOD: f64 = 0.5;

/// Chooses of each release the candidate that stands for it.
pub(super) fn join(candidates: &mut [Candidate<'_>], releases: &[usize]) {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, candidate) in candidates.iter().enumerate() {
        members
            .entry(releases[candidate.index])
            .or_default()
            .push(i);
    }
    for together in members.into_values().filter(|m| m.len() > 1) {
        let score = |i: &usize| candidates[*i].score();
        let best = together.iter().map(score).fold(f64::NEG_INFINITY, f64::max);
        let as_good = |i: &&usize| score(i) >= best - AS_GOOD;
        let Some(&lead) = together.iter().find(as_good) else {
            continue;
        };
        let lags: Vec<f64> = together
            .iter()
            .filter_map(|i| lag(&candidates[*i]))
            .collect();
        let mean = log_sum_exp(&lags) - (lags.len() as f64).ln();
        let stands = candidates[lead].index;
        for &i in together.iter().filter(|i| **i != lead) {
            candidates[i].counted_with = Some(stands);
        }
        let its_lag = candidates[lead].contributions.iter_mut();
        for contribution in its_lag.filter(|c| c.kind == EvidenceKind::Lag) {
            contribution.nats = mean;
        }
    }
}

fn lag(candidate: &Candidate<'_>) -> Option<f64> {
    let lag = |c: &&super::Contribution| c.kind == EvidenceKind::Lag;
    candidate.contributions.iter().find(lag).map(|c| c.nats)
}
