//! Pools: route groups, services and the whole log, tested as if each were one endpoint.
//!
//! An endpoint with a request now and then, or one of ten that fail a little, shows nothing by
//! itself; together they do. Comes in: the series. Goes out: candidates of the endpoints that carry
//! a pool's excess, where none of its endpoints was found by itself. A pool is never reported.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::baseline::{Parents, Past};
use super::dispersion::Dispersion;
use super::windows::Flag;
use super::{Candidate, Context, FALSE_DISCOVERY_RATE, flag, flags_of, is_large, offset, trim};
use crate::series::{Catalog, EndpointId, MinuteCell, SeriesSet};
use crate::stats;

/// The pools of a log as a log of their own, and each pool's endpoints.
pub(super) struct Pools {
    set: SeriesSet,
    members: Vec<Vec<EndpointId>>,
}

impl Pools {
    /// Every route group, service, and all, that has several endpoints and is not the same as a
    /// smaller pool.
    pub(super) fn new(set: &SeriesSet) -> Pools {
        let mut by_key: BTreeMap<(Option<u32>, Option<u32>), Vec<EndpointId>> = BTreeMap::new();
        for (e, id) in set.catalog.endpoints.iter().zip(set.endpoints()) {
            let service = Some(e.service.0);
            for key in [(None, None), (service, None), (service, Some(e.group))] {
                by_key.entry(key).or_default().push(id);
            }
        }
        // From the smallest up; the same endpoints are one pool.
        let mut members: Vec<Vec<EndpointId>> = Vec::new();
        for ids in by_key.into_values().rev() {
            let fails = ids
                .iter()
                .filter(|id| set.ever_failed(**id))
                .nth(1)
                .is_some();
            if fails && !members.contains(&ids) {
                members.push(ids);
            }
        }
        let first = |ids: &[EndpointId]| set.catalog.endpoints[ids[0].0 as usize].clone();
        Pools {
            set: SeriesSet {
                catalog: Catalog {
                    services: set.catalog.services.clone(),
                    endpoints: members.iter().map(|ids| first(ids)).collect(),
                },
                cells: members.par_iter().map(|ids| sum(set, ids)).collect(),
                latencies: Vec::new(),
                start_min: set.start_min,
                minutes: set.minutes,
                gaps: set.gaps.clone(),
            },
            members,
        }
    }

    /// Number of pools.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Adds the endpoints that carry the excess of pools in which none was found.
    pub(super) fn join(
        &self,
        ln_alpha: f64,
        of_endpoints: (&SeriesSet, &Parents, &Dispersion),
        flagged: &[(EndpointId, Vec<Flag>)],
        found: &mut Vec<Candidate>,
    ) {
        let mut noise = Dispersion::new(self.len());
        let parents = Parents::new(&self.set);
        for (pool, flags) in flag(&self.set, &parents, &mut noise, ln_alpha) {
            let totals = self.set.totals(pool);
            let context = Context {
                set: &self.set,
                totals: &totals,
                noise: &noise,
                endpoint: pool,
                ln_alpha,
            };
            let members = &self.members[pool.0 as usize];
            for span in trim::candidates(&context, &flags) {
                let known = found.iter().any(|c| {
                    members.binary_search(&c.endpoint).is_ok()
                        && c.from_min < span.to_min
                        && span.from_min < c.to_min
                });
                if !known {
                    found.extend(carriers(&span, members, of_endpoints, flagged));
                }
            }
        }
    }
}

/// The minutes of several endpoints together.
fn sum(set: &SeriesSet, ids: &[EndpointId]) -> Vec<MinuteCell> {
    let mut minutes = vec![(0_u32, 0_u32); set.minutes];
    for id in ids {
        for (slot, cell) in set.seen(*id) {
            let sum = &mut minutes[slot];
            sum.0 = sum.0.saturating_add(cell.requests);
            sum.1 = sum.1.saturating_add(cell.errors);
        }
    }
    minutes
        .into_iter()
        .zip(set.start_min..)
        .filter(|((requests, _), _)| *requests > 0)
        .map(|((requests, errors), minute)| MinuteCell {
            minute,
            requests,
            errors,
        })
        .collect()
}

/// The endpoints that fail more than their own past in a pool's span: those that are certain among
/// so many asked (Benjamini–Hochberg). Where none is, nobody can be told what fails.
fn carriers(
    span: &Candidate,
    members: &[EndpointId],
    (set, parents, noise): (&SeriesSet, &Parents, &Dispersion),
    flagged: &[(EndpointId, Vec<Flag>)],
) -> Vec<Candidate> {
    let (from, to) = (offset(set, span.from_min), offset(set, span.to_min));
    let mut asked: Vec<(f64, bool, Candidate)> = Vec::new();
    for id in members {
        let totals = set.totals(*id);
        let (n, x) = totals.between(from, to);
        let flags = flags_of(flagged, *id);
        let expected = Past::new(&totals, parents, *id).expected(from, to, flags);
        let Some(expected) = expected.filter(|_| n > 0) else {
            continue;
        };
        let context = Context {
            set,
            totals: &totals,
            noise,
            endpoint: *id,
            ln_alpha: 0.0,
        };
        let p_value = context.p_value(x, n, &expected, to - from);
        let large = is_large(x, n, expected.rate);
        let mut candidate = trim::candidate(&context, from, to, expected);
        candidate.p_value = span.p_value;
        candidate.began_before_log = span.began_before_log;
        asked.push((p_value, large, candidate));
    }
    let p_values: Vec<f64> = asked.iter().map(|(p, ..)| *p).collect();
    let certain = stats::benjamini_hochberg(&p_values, FALSE_DISCOVERY_RATE);
    certain
        .into_iter()
        .zip(asked)
        .filter(|(certain, (_, large, _))| *certain && *large)
        .map(|(_, (.., candidate))| candidate)
        .collect()
}
