//! Pools: route groups, services and the whole log, tested as if each were one endpoint.
//!
//! An endpoint with a request now and then, or one of ten that fail a little, shows nothing by
//! itself; together they do. Comes in: the series. Goes out: candidates of the endpoints that carry
//! a pool's excess, where none of its endpoints was found by itself. A pool is never reported.

use std::collections::BTreeMap;

use super::baseline::{Parents, Past};
use super::dispersion::Dispersion;
use super::sums::{self, Adder, Place};
use super::windows::Flag;
use super::{Candidate, Context, FALSE_DISCOVERY_RATE, flag, flags_of, is_large, offset, trim};
use crate::series::{Catalog, EndpointId, SeriesSet};
use crate::stats;

/// The pools of a log as a log of their own, and each pool's endpoints.
pub(super) struct Pools {
    set: SeriesSet,
    members: Vec<Vec<EndpointId>>,
}

impl Pools {
    /// Every route group, service, and all, that has several endpoints and is not the same as a
    /// smaller pool; and, of the same sums, the parents of the log's endpoints.
    pub(super) fn new(set: &SeriesSet) -> (Pools, Parents) {
        let by_place = sums::members(set);
        // From the smallest up; the same endpoints are one pool.
        let mut pools: Vec<(Place, &Vec<EndpointId>)> = Vec::new();
        for (place, ids) in by_place.iter().rev() {
            let fails = ids
                .iter()
                .filter(|id| set.ever_failed(**id))
                .nth(1)
                .is_some();
            if fails && !pools.iter().any(|(_, known)| *known == ids) {
                pools.push((*place, ids));
            }
        }
        let wanted: Vec<Place> = pools.iter().map(|(place, _)| *place).collect();
        let adder = Adder {
            set,
            members: &by_place,
            slot_min: Parents::slot_min(set),
            wanted: &wanted,
        };
        let (mut cells, mut totals) = (BTreeMap::new(), Vec::new());
        for sum in adder.sums() {
            cells.extend(sum.cells.map(|cells| (sum.place, cells)));
            totals.push((sum.place, sum.totals));
        }
        let parents = Parents::of(set, adder.slot_min, totals.into_iter());
        let first =
            |ids: &[EndpointId]| set.catalog.endpoints.get(ids.first()?.0 as usize).cloned();
        let pools = Pools {
            set: SeriesSet {
                catalog: Catalog {
                    services: set.catalog.services.clone(),
                    endpoints: pools.iter().filter_map(|(_, ids)| first(ids)).collect(),
                    ..Catalog::default()
                },
                cells: wanted
                    .iter()
                    .filter_map(|place| cells.remove(place))
                    .collect(),
                latencies: Vec::new(),
                start_min: set.start_min,
                minutes: set.minutes,
                gaps: set.gaps.clone(),
            },
            members: pools.into_iter().map(|(_, ids)| ids.clone()).collect(),
        };
        (pools, parents)
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
