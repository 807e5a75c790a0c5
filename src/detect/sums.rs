//! What endpoints belong to, added up: route groups, services and the whole log, minute by minute.
//!
//! Comes in: the series. Goes out: of each of them the counts in slots, for `baseline`, and minute by
//! minute, for `pooled`. Every cell is looked at once: a service is the sum of its groups, and the log
//! that of its services. Sums of integers, so it doesn't matter in which order threads make them.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::series::{EndpointId, MinuteCell, SeriesSet, Totals};

/// What endpoints belong to, by service and group: a route group, a service, or everything.
pub(super) type Place = (Option<u32>, Option<u32>);

/// The endpoints of each place.
pub(super) type Members = BTreeMap<Place, Vec<EndpointId>>;

/// Requests and errors of each minute.
type Minutes = Vec<(u64, u64)>;

/// From so many places on they are shared out among the threads.
const MANY: usize = 16;
/// Shares of each thread: some places are larger than others.
const SHARES: usize = 4;

/// The endpoints of everything, of each service and of each route group.
pub(super) fn members(set: &SeriesSet) -> Members {
    let mut members = Members::new();
    for id in set.endpoints() {
        members.entry((None, None)).or_default().push(id);
        if let Some(e) = set.catalog.endpoints.get(id.0 as usize) {
            let (service, group) = (Some(e.service.0), Some(e.group));
            members.entry((service, None)).or_default().push(id);
            members.entry((service, group)).or_default().push(id);
        }
    }
    members
}

/// The counts of a place.
pub(super) struct Sum {
    /// Which.
    pub place: Place,
    /// In slots.
    pub totals: Totals,
    /// Minute by minute, where that was wanted.
    pub cells: Option<Vec<MinuteCell>>,
}

/// Adds up everything, each service and each route group that has several endpoints.
pub(super) struct Adder<'a> {
    pub set: &'a SeriesSet,
    pub members: &'a Members,
    /// Minutes in a slot.
    pub slot_min: usize,
    /// The places whose minutes are wanted.
    pub wanted: &'a [Place],
}

impl Adder<'_> {
    /// All counts.
    pub(super) fn sums(&self) -> Vec<Sum> {
        let mut services: Vec<u32> = self.members.keys().filter_map(|(s, _)| *s).collect();
        services.dedup();
        let (mut sums, mut minutes) = self.in_shares(&services, |service, minutes| {
            self.service(*service, minutes)
        });
        let without_a_service = self.set.endpoints().skip(self.set.catalog.endpoints.len());
        without_a_service.for_each(|id| self.add(&mut minutes, id));
        sums.push(self.sum((None, None), &minutes));
        sums
    }

    /// A service and its groups, added to what is above.
    fn service(&self, service: u32, above: &mut Minutes) -> Vec<Sum> {
        let first = (Some(service), Some(0));
        let of_service = self.members.range(first..=(Some(service), Some(u32::MAX)));
        let groups: Vec<_> = of_service.collect();
        let (mut sums, minutes) = self.in_shares(&groups, |(group, ids), minutes| {
            self.group(**group, ids, minutes)
        });
        sums.push(self.sum((Some(service), None), &minutes));
        put(above, &minutes);
        sums
    }

    /// A route group, added to what is above. One with a single endpoint is nobody's parent, nor a pool.
    fn group(&self, group: Place, ids: &[EndpointId], above: &mut Minutes) -> Vec<Sum> {
        if let [id] = ids {
            self.add(above, *id);
            return Vec::new();
        }
        let mut minutes = self.none();
        ids.iter().for_each(|id| self.add(&mut minutes, *id));
        put(above, &minutes);
        vec![self.sum(group, &minutes)]
    }

    /// What comes of each, and their minutes together.
    fn in_shares<T: Sync>(
        &self,
        all: &[T],
        each: impl Fn(&T, &mut Minutes) -> Vec<Sum> + Sync,
    ) -> (Vec<Sum>, Minutes) {
        let shares = match all.len() >= MANY {
            true => SHARES * rayon::current_num_threads(),
            false => 1,
        };
        let share = |part: &[T]| {
            let mut minutes = self.none();
            let sums = part.iter().map(|one| each(one, &mut minutes));
            (sums.collect::<Vec<_>>(), minutes)
        };
        let parts = all.par_chunks(all.len().div_ceil(shares).max(1));
        let parts: Vec<(Vec<Vec<Sum>>, Minutes)> = parts.map(share).collect();
        let (mut sums, mut minutes) = (Vec::new(), self.none());
        for (of_part, minutes_of_part) in parts {
            sums.extend(of_part.into_iter().flatten());
            put(&mut minutes, &minutes_of_part);
        }
        (sums, minutes)
    }

    fn none(&self) -> Minutes {
        vec![(0, 0); self.set.minutes]
    }

    fn add(&self, minutes: &mut Minutes, id: EndpointId) {
        self.set.seen(id).for_each(|(slot, cell)| {
            let sum = &mut minutes[slot];
            sum.0 += u64::from(cell.requests);
            sum.1 += u64::from(cell.errors);
        });
    }

    fn sum(&self, place: Place, minutes: &Minutes) -> Sum {
        let slots = minutes.chunks(self.slot_min);
        let of_slot = |slot: &[(u64, u64)]| {
            let add = |sum: (u64, u64), (n, x): &(u64, u64)| (sum.0 + n, sum.1 + x);
            slot.iter().fold((0, 0), add)
        };
        Sum {
            place,
            totals: Totals::new(slots.map(of_slot)),
            cells: self.wanted.contains(&place).then(|| self.cells(minutes)),
        }
    }

    fn cells(&self, minutes: &Minutes) -> Vec<MinuteCell> {
        let bounded = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let busy = minutes.iter().zip(self.set.start_min..);
        busy.filter(|((requests, _), _)| *requests > 0)
            .map(|(&(requests, errors), minute)| MinuteCell {
                // Those of the series are i32.
                minute: minute as i32,
                requests: bounded(requests),
                errors: bounded(errors),
            })
            .collect()
    }
}

/// Adds minutes to others.
fn put(minutes: &mut Minutes, more: &Minutes) {
    for (sum, (n, x)) in minutes.iter_mut().zip(more) {
        *sum = (sum.0 + n, sum.1 + x);
    }
}
