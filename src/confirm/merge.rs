//! Which candidates are one incident: those that one common moment of onset suits.
//!
//! Candidates are taken strongest first; each joins the group in which a common onset costs it least,
//! if that is less than 3 nats against an onset of its own. So a dependency that fails everywhere
//! is one incident across services, and two faults that overlap stay two.

use rayon::prelude::*;

use super::edge::{Side, Surface};
use super::trace::Trace;
use crate::stats::log_sum_exp;

/// What a common onset may cost.
const COMMON_ONSET_NATS: f64 = 3.0;
/// An onset of its own could lie in any of so many cells: two hours.
const OWN_ONSET_CELLS: f64 = 720.0;

/// Groups of indices into the traces: each in the order of strength.
pub(super) fn groups(traces: &[Trace]) -> Vec<Vec<usize>> {
    let sides: Vec<Side> = traces.iter().map(Trace::onset_side).collect();
    let mut order: Vec<usize> = (0..traces.len()).collect();
    order.sort_by(|a, b| {
        let strength = |i: &usize| traces[*i].excess_errors();
        strength(b).total_cmp(&strength(a)).then(a.cmp(b))
    });
    let mut groups: Vec<(Vec<usize>, Profile)> = Vec::new();
    let profiles: Vec<Profile> = order
        .par_iter()
        .map(|i| Profile::new(&Surface::new(&sides[*i])))
        .collect();
    for (i, own) in order.into_iter().zip(profiles) {
        let cheapest = groups
            .iter()
            .enumerate()
            .filter_map(|(g, (_, profile))| Some((profile.cost(&own)?, g)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match cheapest {
            Some((cost, g)) if cost < COMMON_ONSET_NATS => {
                groups[g].0.push(i);
                groups[g].1 = groups[g].1.plus(&own);
            }
            _ => groups.push((vec![i], own)),
        }
    }
    absorb_relapses(
        traces,
        groups.into_iter().map(|(members, _)| members).collect(),
    )
}

/// Those among the sides that share their moment with the first, which is the first of the result.
pub(super) fn sharing_with_first(surfaces: Vec<Surface>) -> Vec<Surface> {
    let mut shared: Vec<Surface> = Vec::new();
    let mut common: Option<Profile> = None;
    for surface in surfaces {
        let own = Profile::new(&surface);
        let joined = match &common {
            None => own,
            Some(c) if c.cost(&own).is_some_and(|cost| cost < COMMON_ONSET_NATS) => c.plus(&own),
            Some(_) => continue,
        };
        common = Some(joined);
        shared.push(surface);
    }
    shared
}

/// A lull on one endpoint doesn't end what goes on at the others: what flares up again on endpoints
/// of an incident, while it lasts, is part of it.
fn absorb_relapses(traces: &[Trace], groups: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let span = |group: &[usize]| {
        let from = group.iter().map(|i| traces[*i].candidate.from_min).min();
        let to = group.iter().map(|i| traces[*i].candidate.to_min).max();
        (from, to)
    };
    let mut kept: Vec<Vec<usize>> = Vec::new();
    let mut by_begin = groups;
    by_begin.sort_by_key(|group| (span(group).0, group.first().copied()));
    for group in by_begin {
        let (from, _) = span(&group);
        let known = |host: &[usize], i: &usize| {
            host.iter()
                .any(|h| traces[*h].candidate.endpoint == traces[*i].candidate.endpoint)
        };
        let host = kept
            .iter_mut()
            .find(|host| from < span(host).1 && group.iter().all(|i| known(host, i)));
        match host {
            Some(host) => host.extend(group),
            None => kept.push(group),
        }
    }
    kept
}

/// ln L of a common onset, by cell.
struct Profile {
    first: i64,
    logs: Vec<f64>,
}

impl Profile {
    fn new(surface: &Surface) -> Profile {
        let (first, last) = surface.range();
        Profile {
            first,
            logs: (first..=last).map(|cell| surface.profile(cell)).collect(),
        }
    }

    fn last(&self) -> i64 {
        self.first + self.logs.len() as i64 - 1
    }

    fn at(&self, cell: i64) -> f64 {
        let index = (cell.clamp(self.first, self.last()) - self.first) as usize;
        self.logs.get(index).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// Nats that a common onset costs: ln of the marginal likelihood with two moments, each from
    /// two hours, against that with one. (Two maxima against one would always favour two: the wait
    /// for an endpoint's first failure alone costs 3 nats in one of twenty cases.) `None` where the
    /// two know nothing of each other's time.
    fn cost(&self, other: &Profile) -> Option<f64> {
        if self.last() < other.first || other.last() < self.first {
            return None;
        }
        let separate = log_sum_exp(&self.logs) + log_sum_exp(&other.logs);
        Some(separate - OWN_ONSET_CELLS.ln() - log_sum_exp(&self.plus(other).logs))
    }

    fn plus(&self, other: &Profile) -> Profile {
        let first = self.first.min(other.first);
        let last = self.last().max(other.last());
        let logs = (first..=last)
            .map(|cell| self.at(cell) + other.at(cell))
            .collect();
        Profile { first, logs }
    }
}
