//! Which candidates are one incident: those that one common moment of onset suits.
//!
//! Candidates are taken strongest first; each joins the group in which a common onset costs it least,
//! if that is less than 3 nats against an onset of its own. So a dependency that fails everywhere
//! is one incident across services, and two faults that overlap stay two. What flares up while an
//! incident lasts, and could have been a part of it from the start, is one.

use rayon::prelude::*;

use super::edge::{Side, Surface};
use super::trace::Trace;
use crate::series::SeriesSet;
use crate::stats::{ln_beta, log_sum_exp};

/// What a common onset may cost.
const COMMON_ONSET_NATS: f64 = 3.0;
/// An onset of its own could lie in any of so many cells: two hours.
const OWN_ONSET_CELLS: f64 = 720.0;
/// Minutes by which a part of an incident may outlast it: ends are cut where the excess is.
const OUTLASTS_MIN: i64 = 10;

/// Groups of indices into the traces: each in the order of strength.
pub(super) fn groups(traces: &[Trace], set: &SeriesSet) -> Vec<Vec<usize>> {
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
    let groups = groups.into_iter().map(|(members, _)| members).collect();
    absorb(traces, groups, set)
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

/// Adds what flares up while an incident lasts to it, where it is a relapse or was a part all along.
fn absorb(traces: &[Trace], groups: Vec<Vec<usize>>, set: &SeriesSet) -> Vec<Vec<usize>> {
    let of = |group: &[usize]| -> Vec<&Trace> { group.iter().map(|i| &traces[*i]).collect() };
    let mut by_begin = groups;
    by_begin.sort_by_key(|group| (span(&of(group)).0, group.first().copied()));
    let mut kept: Vec<Vec<usize>> = Vec::new();
    for group in by_begin {
        let flare = of(&group);
        let host = kept.iter_mut().find(|host| {
            let host = of(host);
            span(&flare).0 < span(&host).1
                && (is_relapse(&host, &flare) || all_along(&host, &flare, set))
        });
        match host {
            Some(host) => host.extend(group),
            None => kept.push(group),
        }
    }
    kept
}

/// First minute of the traces' candidates, and the first after the last.
fn span(traces: &[&Trace]) -> (i64, i64) {
    let from = traces.iter().map(|t| t.candidate.from_min).min();
    let to = traces.iter().map(|t| t.candidate.to_min).max();
    from.zip(to).unwrap_or_default()
}

/// A lull on one endpoint doesn't end what goes on at the others.
fn is_relapse(host: &[&Trace], flare: &[&Trace]) -> bool {
    let known = |t: &&Trace| {
        host.iter()
            .any(|h| h.candidate.endpoint == t.candidate.endpoint)
    };
    flare.iter().all(known)
}

/// Whether endpoints of an incident's services may have failed since its onset, and were asked too
/// seldom to show it: one rate from then on, against one between two moments of their own and the
/// usual rate else. Of either rate nothing is known (uniform); the moments may be any minutes of it.
fn all_along(host: &[&Trace], flare: &[&Trace], set: &SeriesSet) -> bool {
    let is_slow = |t: &&Trace| t.candidate.baseline.signal.is_latency();
    let service = |t: &Trace| set.service_of(t.candidate.endpoint);
    let at_home = |t: &&Trace| host.iter().any(|h| service(h) == service(t));
    let (since, until) = span(host);
    if flare.iter().any(is_slow)
        || host.iter().all(is_slow)
        || !flare.iter().all(at_home)
        || span(flare).1 > until + OUTLASTS_MIN
    {
        return false;
    }
    let ln_rate_unknown = |(n, x): (f64, f64)| ln_beta(x + 1.0, n - x + 1.0);
    let own_times = |t: &&Trace| {
        let c = t.candidate;
        let cells = set.cells_within(c.endpoint, since..until.max(c.to_min));
        let (n, x) = cells.iter().fold((0.0, 0.0), |(n, x), cell| {
            (n + f64::from(cell.requests), x + f64::from(cell.errors))
        });
        let during = (c.requests as f64, c.errors as f64);
        let (spared, stray) = ((n - during.0).max(0.0), (x - during.1).max(0.0));
        let calm = stray * c.baseline.rate.ln() + (spared - stray) * (-c.baseline.rate).ln_1p();
        calm + ln_rate_unknown(during) - ln_rate_unknown((n, x))
    };
    let nats: f64 = flare.iter().map(own_times).sum();
    // One begin for all, and an end for each.
    let moments = 1.0 + flare.len() as f64;
    nats - moments * ((until - since) as f64).ln() < COMMON_ONSET_NATS
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
