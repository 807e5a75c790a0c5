//! Cells → series over time, per endpoint and for what endpoints belong to: route group, service, all.
//!
//! Counts come in and are put in order: endpoints get their final numbers here, sorted by name, so
//! that nothing later depends on threads or file order. Judges nothing. Gaps are explicit.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use crate::aggregate::{Aggregate, Crowds, Key, LatencyBlock};

pub use crate::aggregate::{LatencySum, MINUTE_US};

/// Longest time that is looked at, in minutes: 400 days. One line dated 1970 must not make
/// the series of a week 50 years long.
const MAX_MINUTES: i64 = 400 * 24 * 60;

/// Index of an endpoint in [`Catalog::endpoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub u32);

/// Index of a service in [`Catalog::services`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// All endpoints and services of a run, sorted, so that ids don't depend on threads or file order.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The services, sorted by name.
    pub services: Vec<Vec<u8>>,
    /// The endpoints, sorted by service, template, method.
    pub endpoints: Vec<Endpoint>,
    /// The names that are counted together.
    pub crowds: Crowds,
}

/// A service's method and path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its service.
    pub service: ServiceId,
    /// `GET`.
    pub method: Vec<u8>,
    /// `/orders/{id}`.
    pub template: Vec<u8>,
    /// Its route group: index shared by the endpoints of a service with the same first two literal
    /// segments, `/api/v1` and the like apart.
    pub group: u32,
}

/// Everything `detect` looks at.
#[derive(Debug, Clone, Default)]
pub struct SeriesSet {
    /// What the ids mean.
    pub catalog: Catalog,
    /// One series per endpoint, in the catalog's order; sparse: only minutes with requests.
    pub cells: Vec<Vec<MinuteCell>>,
    /// The latencies of each endpoint, in the catalog's order; sparse: only minutes in which a
    /// successful request told its own.
    pub latencies: Vec<LatencySeries>,
    /// First minute of the log.
    pub start_min: i64,
    /// Number of minutes from the first to the last, both included.
    pub minutes: usize,
    /// Minutes (offsets from `start_min`) for which a service's log is missing: `(service, from, to)`, half open; `None` is all services.
    pub gaps: Vec<(Option<ServiceId>, usize, usize)>,
}

/// One endpoint's minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteCell {
    /// Minutes since the epoch.
    pub minute: i32,
    /// Requests in it.
    pub requests: u32,
    /// Errors in it.
    pub errors: u32,
}

/// How long the successful requests of one endpoint's minute took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteLatency {
    /// Minutes since the epoch.
    pub minute: i32,
    /// Their latencies.
    pub latency: LatencySum,
}

/// One endpoint's latencies, minute by minute: a week of hundreds of endpoints has many, so they stay where
/// pass 1 counted them.
#[derive(Debug, Clone, Default)]
pub struct LatencySeries(Vec<LatencyBlock>);

impl LatencySeries {
    /// The minutes in which a successful request told its latency, in order of time.
    pub fn iter(&self) -> impl Iterator<Item = MinuteLatency> {
        self.0.iter().flat_map(|block| {
            let told = block.minutes.iter().zip(&block.latencies);
            let told = told.filter(|(_, latency)| !latency.is_empty());
            told.map(|(&minute, &latency)| MinuteLatency {
                minute: block.first_min + i32::from(minute),
                latency,
            })
        })
    }
}

impl FromIterator<MinuteLatency> for LatencySeries {
    /// Of minutes in order of time.
    fn from_iter<I: IntoIterator<Item = MinuteLatency>>(cells: I) -> LatencySeries {
        let mut blocks: Vec<LatencyBlock> = Vec::new();
        for cell in cells {
            let first_min = cell.minute & !0xff;
            if blocks.last().is_none_or(|last| last.first_min != first_min) {
                blocks.push(LatencyBlock {
                    first_min,
                    ..LatencyBlock::default()
                });
            }
            if let Some(block) = blocks.last_mut() {
                block.minutes.push((cell.minute & 0xff) as u8);
                block.latencies.push(cell.latency);
            }
        }
        LatencySeries(blocks)
    }
}

impl SeriesSet {
    /// Puts the counts of the asked time and of the time before it in order, names of crowds together, and takes
    /// their latencies away.
    /// The second value is the number of requests left out because they lie too far from the bulk of the log.
    pub fn new(inside: &mut Aggregate, before: &mut Aggregate) -> (SeriesSet, u64) {
        let crowds = inside.gather(before);
        let mut taken = [&mut *before, &mut *inside].map(Aggregate::take_latencies);
        let mut by_key: BTreeMap<SortKey<'_>, Vec<(&Aggregate, usize)>> = BTreeMap::new();
        let mut told: BTreeMap<SortKey<'_>, Vec<LatencySeries>> = BTreeMap::new();
        for (aggregate, taken) in [&*before, &*inside].into_iter().zip(&mut taken) {
            for (id, key) in aggregate.endpoints() {
                let key = SortKey::of(key);
                by_key.entry(key).or_default().push((aggregate, id));
                let blocks = taken.get_mut(id).map(std::mem::take).unwrap_or_default();
                told.entry(key).or_default().push(LatencySeries(blocks));
            }
        }
        let mut set = SeriesSet::default();
        set.catalog.crowds = crowds;
        let mut groups = BTreeMap::new();
        for key in by_key.keys() {
            set.catalog.push(*key, &mut groups);
        }
        let by_key: Vec<_> = by_key.into_values().collect();
        set.cells = by_key.par_iter().map(|parts| minutes(parts)).collect();
        set.latencies = told.into_values().map(latencies).collect();
        let left_out = set.keep_the_bulk();
        if let Some((first, last)) = set.ends() {
            set.start_min = i64::from(first);
            set.minutes = (i64::from(last) - i64::from(first) + 1) as usize;
        }
        (set, left_out)
    }

    /// The first and the last minute with a request.
    fn ends(&self) -> Option<(i32, i32)> {
        let ends = self
            .cells
            .iter()
            .filter_map(|c| Some((c.first()?, c.last()?)));
        ends.map(|(first, last)| (first.minute, last.minute))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// This time, or the end of the last minute where the time lies too far behind to be looked at.
    pub fn end_us_before(&self, time_us: i64) -> i64 {
        let furthest_us = (self.start_min + MAX_MINUTES) * MINUTE_US;
        match time_us > furthest_us {
            true => (self.start_min + self.minutes as i64) * MINUTE_US,
            false => time_us,
        }
    }

    /// Keeps the [`MAX_MINUTES`] with most requests; returns how many requests lie outside.
    fn keep_the_bulk(&mut self) -> u64 {
        let day = |minute: i32| i64::from(minute).div_euclid(24 * 60);
        let span = MAX_MINUTES / (24 * 60);
        let Some((first, last)) = self.ends().map(|(first, last)| (day(first), day(last))) else {
            return 0;
        };
        if last - first < span {
            return 0;
        }
        let mut days: BTreeMap<i64, u64> = BTreeMap::new();
        for cell in self.cells.iter().flatten() {
            *days.entry(day(cell.minute)).or_default() += u64::from(cell.requests);
        }
        let held = |from: i64| days.range(from..from + span).map(|(_, n)| n).sum::<u64>();
        let Some(from) = days.keys().copied().max_by_key(|&from| (held(from), from)) else {
            return 0;
        };
        let kept = from * 24 * 60..(from + span) * 24 * 60;
        for cells in &mut self.cells {
            cells.retain(|cell| kept.contains(&i64::from(cell.minute)));
        }
        for cells in &mut self.latencies {
            let held = |cell: &MinuteLatency| kept.contains(&i64::from(cell.minute));
            *cells = cells.iter().filter(held).collect();
        }
        days.values().sum::<u64>() - held(from)
    }
}

/// The minutes of one endpoint, counted in several aggregates, in order of time.
fn minutes(parts: &[(&Aggregate, usize)]) -> Vec<MinuteCell> {
    let most = parts.iter().map(|(aggregate, id)| aggregate.minutes(*id));
    let mut cells: Vec<MinuteCell> = Vec::with_capacity(most.sum());
    for (aggregate, id) in parts {
        for block in aggregate.blocks(*id) {
            let counted = block.minutes.iter().zip(block.counts);
            cells.extend(counted.map(|(&minute, &(requests, errors))| MinuteCell {
                minute: block.first_min + i32::from(minute),
                requests,
                errors,
            }));
        }
    }
    if parts.len() == 1 {
        // Each minute once, in order.
        return cells;
    }
    cells.sort_by_key(|cell| cell.minute);
    cells.dedup_by(|later, earlier| {
        let same = later.minute == earlier.minute;
        if same {
            earlier.requests = earlier.requests.saturating_add(later.requests);
            earlier.errors = earlier.errors.saturating_add(later.errors);
        }
        same
    });
    cells
}

/// The minutes of one endpoint that tell latencies, in order of time.
fn latencies(mut parts: Vec<LatencySeries>) -> LatencySeries {
    if parts.len() <= 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut cells: Vec<MinuteLatency> = parts.iter().flat_map(LatencySeries::iter).collect();
    cells.sort_by_key(|cell| cell.minute);
    cells.dedup_by(|later, earlier| {
        let same = later.minute == earlier.minute;
        if same {
            earlier.latency.add(later.latency);
        }
        same
    });
    cells.into_iter().collect()
}

/// What endpoints are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey<'k> {
    service: &'k [u8],
    template: &'k [u8],
    method: &'k [u8],
}

impl<'k> SortKey<'k> {
    fn of(key: &'k Key) -> SortKey<'k> {
        SortKey {
            service: &key.service,
            template: &key.template,
            method: &key.method,
        }
    }
}

impl Catalog {
    /// Adds the next endpoint in order; `groups` numbers the route groups met so far.
    fn push<'k>(&mut self, key: SortKey<'k>, groups: &mut BTreeMap<Group<'k>, u32>) {
        if self.services.last().is_none_or(|last| last != key.service) {
            self.services.push(key.service.to_vec());
        }
        let fresh = groups.len() as u32;
        self.endpoints.push(Endpoint {
            service: ServiceId(self.services.len() as u32 - 1),
            method: key.method.to_vec(),
            template: key.template.to_vec(),
            group: *groups.entry(group_of(key)).or_insert(fresh),
        });
    }

    /// The name of an endpoint's service.
    pub fn service_of(&self, endpoint: EndpointId) -> &[u8] {
        &self.services[self.endpoint(endpoint).service.0 as usize]
    }

    /// An endpoint.
    pub fn endpoint(&self, id: EndpointId) -> &Endpoint {
        &self.endpoints[id.0 as usize]
    }
}

/// A service and the first two literal segments of a template.
type Group<'k> = [&'k [u8]; 3];

/// `/api/v1` in front of everything tells nothing apart: such segments are stepped over.
fn group_of(key: SortKey<'_>) -> Group<'_> {
    let segments = key.template.split(|&b| b == b'/').filter(|s| !s.is_empty());
    let mut literal = segments
        .skip_while(|s| is_prefix(s))
        .filter(|s| !s.starts_with(b"{"));
    [
        key.service,
        literal.next().unwrap_or_default(),
        literal.next().unwrap_or_default(),
    ]
}

/// `api`, `rest`, `v2`, `2.0`.
fn is_prefix(segment: &[u8]) -> bool {
    let version = segment.strip_prefix(b"v").unwrap_or(segment);
    let numbered = !version.is_empty() && version.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    numbered || matches!(segment, b"api" | b"rest" | b"apis")
}

/// Requests and errors added up from the begin of a log: the sum over any span takes two look-ups.
#[derive(Debug, Clone)]
pub struct Totals {
    /// `(requests, errors)` of all slots before this one; one entry more than there are slots.
    sums: Vec<(u64, u64)>,
}

impl Totals {
    /// Adds up the counts of each slot.
    pub fn new(slots: impl IntoIterator<Item = (u64, u64)>) -> Totals {
        Totals::of(std::iter::once((0, 0)).chain(slots).collect())
    }

    /// Of the counts of each slot, behind a first entry without any.
    fn of(mut sums: Vec<(u64, u64)>) -> Totals {
        let mut sum = (0, 0);
        for slot in &mut sums {
            sum = (sum.0 + slot.0, sum.1 + slot.1);
            *slot = sum;
        }
        Totals { sums }
    }

    /// Adds up the counts of the slots that have any.
    fn sparse(slots: usize, counts: impl Iterator<Item = (usize, (u64, u64))>) -> Totals {
        // Half of an endpoint's minutes have no request, and which is hard to foresee: to put the others in
        // their places and then to add up all asks nothing about any of them.
        let mut sums = vec![(0, 0); slots + 1];
        counts.for_each(|(slot, (requests, errors))| {
            if let Some(sum) = sums.get_mut(slot + 1) {
                *sum = (sum.0 + requests, sum.1 + errors);
            }
        });
        Totals::of(sums)
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.sums.len() - 1
    }

    /// `(requests, errors)` of the slots `from..to`; what lies beyond the end counts nothing.
    pub fn between(&self, from: usize, to: usize) -> (u64, u64) {
        let last = self.slots();
        let (low, high) = (self.sums[from.min(last)], self.sums[to.min(last)]);
        (high.0.saturating_sub(low.0), high.1.saturating_sub(low.1))
    }

    /// `(requests, errors)` of each slot.
    pub fn each(&self) -> impl Iterator<Item = (u64, u64)> {
        self.blocks(0, self.slots(), 1)
    }

    /// `(requests, errors)` of the blocks of a length, side by side from a slot to another at most; none where
    /// that lies beyond the end.
    pub fn blocks(
        &self,
        from: usize,
        to: usize,
        length: usize,
    ) -> impl Iterator<Item = (u64, u64)> {
        let mut low = self.between(0, from);
        let ends = self.sums.get(from + 1..=to).unwrap_or_default();
        ends.chunks_exact(length.max(1)).map(move |block| {
            let high = block.last().copied().unwrap_or(low);
            let counts = (high.0 - low.0, high.1 - low.1);
            low = high;
            counts
        })
    }

    /// The sums before each slot, and that of all.
    pub fn sums(&self) -> &[(u64, u64)] {
        &self.sums
    }

    /// The first slot with a request; the number of slots where none has one.
    pub fn first_busy(&self) -> usize {
        self.sums
            .partition_point(|(requests, _)| *requests == 0)
            .saturating_sub(1)
            .min(self.slots())
    }
}

impl SeriesSet {
    /// One endpoint minute by minute. Minutes in which its service's log is missing count nothing.
    pub fn totals(&self, endpoint: EndpointId) -> Totals {
        let counts = |cell: MinuteCell| (u64::from(cell.requests), u64::from(cell.errors));
        let seen = self.seen(endpoint);
        Totals::sparse(self.minutes, seen.map(|(slot, cell)| (slot, counts(cell))))
    }

    /// Several endpoints together, in slots of so many minutes, gaps apart.
    pub fn totals_of(&self, endpoints: &[EndpointId], slot_min: usize) -> Totals {
        let mut sums = vec![(0, 0); self.minutes.div_ceil(slot_min)];
        for (slot, cell) in endpoints.iter().flat_map(|id| self.seen(*id)) {
            let sum: &mut (u64, u64) = &mut sums[slot / slot_min];
            sum.0 += u64::from(cell.requests);
            sum.1 += u64::from(cell.errors);
        }
        Totals::new(sums)
    }

    /// How many successful requests of an endpoint told their latency, and the sum of these on the
    /// logarithmic scale, minute by minute.
    pub fn latency_totals(&self, endpoint: EndpointId) -> Totals {
        let told = self.told(endpoint);
        Totals::sparse(
            self.minutes,
            told.map(|(slot, told, octaves)| (slot, (told, octaves))),
        )
    }

    /// The same of each minute in which some did, with its offset from `start_min`.
    pub fn told(&self, endpoint: EndpointId) -> impl Iterator<Item = (usize, u64, u64)> {
        let slot = self.slots(endpoint);
        let cells = self.latencies.get(endpoint.0 as usize);
        let told = cells.into_iter().flat_map(LatencySeries::iter);
        told.filter_map(move |cell| {
            let slot = slot(cell.minute)?;
            let (told, octaves) = (cell.latency.told, cell.latency.sum);
            Some((slot, u64::from(told), u64::from(octaves)))
        })
    }

    /// An endpoint's cells with their offset from `start_min`, without those inside a gap.
    pub fn seen(&self, endpoint: EndpointId) -> impl Iterator<Item = (usize, MinuteCell)> {
        let cells = self
            .cells
            .get(endpoint.0 as usize)
            .map_or(&[][..], Vec::as_slice);
        let slot = self.slots(endpoint);
        cells
            .iter()
            .filter_map(move |cell| Some((slot(cell.minute)?, *cell)))
    }

    /// The offset of a minute from `start_min`, if an endpoint's log has that minute.
    fn slots(&self, endpoint: EndpointId) -> impl Fn(i32) -> Option<usize> + use<> {
        let (start_min, minutes) = (self.start_min, self.minutes);
        let service = self.service_of(endpoint);
        let gaps: Vec<(usize, usize)> = self
            .gaps
            .iter()
            .filter(|(of, _, _)| of.is_none() || *of == service)
            .map(|&(_, from, to)| (from, to))
            .collect();
        move |minute| {
            // What lies before the first minute wraps around and is beyond the last.
            let slot = i64::from(minute).wrapping_sub(start_min) as usize;
            let masked = || gaps.iter().any(|&(from, to)| (from..to).contains(&slot));
            (slot < minutes && (gaps.is_empty() || !masked())).then_some(slot)
        }
    }

    /// An endpoint's cells from one minute since the epoch until before another.
    pub fn cells_within(&self, endpoint: EndpointId, minutes: Range<i64>) -> &[MinuteCell] {
        let cells = self.cells.get(endpoint.0 as usize);
        let cells = cells.map_or(&[][..], Vec::as_slice);
        let place = |of: i64| cells.partition_point(|cell| i64::from(cell.minute) < of);
        cells
            .get(place(minutes.start)..place(minutes.end))
            .unwrap_or_default()
    }

    /// Whether an endpoint has a single error.
    pub fn ever_failed(&self, endpoint: EndpointId) -> bool {
        self.cells[endpoint.0 as usize]
            .iter()
            .any(|cell| cell.errors > 0)
    }

    /// Whether an endpoint has requests in these minutes (offsets from `start_min`), gaps apart.
    pub fn is_busy(&self, endpoint: EndpointId, from: usize, to: usize) -> bool {
        let minute = |slot: usize| self.start_min.saturating_add(slot as i64);
        let slot = self.slots(endpoint);
        let cells = self.cells_within(endpoint, minute(from)..minute(to));
        cells.iter().any(|cell| slot(cell.minute).is_some())
    }

    /// The service that an endpoint belongs to.
    pub fn service_of(&self, endpoint: EndpointId) -> Option<ServiceId> {
        self.catalog
            .endpoints
            .get(endpoint.0 as usize)
            .map(|e| e.service)
    }

    /// All endpoints, in the catalog's order.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointId> + use<> {
        (0..self.cells.len()).map(|i| EndpointId(i as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::ChunkCounts;

    fn aggregate(lines: &[(&str, &str, i32, bool)]) -> Aggregate {
        let mut counts = ChunkCounts::default();
        for (service, template, minute, error) in lines {
            let service = counts.service(service.as_bytes());
            let endpoint = counts.endpoint(service, b"GET", |key| key.push(template.as_bytes()));
            counts.count(endpoint, *minute, error.then_some(500), None);
        }
        let mut aggregate = Aggregate::default();
        aggregate.merge(&counts.finish());
        aggregate
    }

    #[test]
    fn endpoints_are_numbered_by_name_and_both_times_are_one_series() {
        let mut inside = aggregate(&[
            ("web", "/", 12, false),
            ("api", "/a/{id}", 11, true),
            ("api", "/a/b", 10, false),
        ]);
        let mut before = aggregate(&[("api", "/a/{id}", 9, false), ("api", "/a/{id}", 11, false)]);
        let (set, left_out) = SeriesSet::new(&mut inside, &mut before);
        assert_eq!(left_out, 0);
        assert_eq!(set.catalog.services, [b"api".to_vec(), b"web".to_vec()]);
        let names: Vec<_> = set
            .catalog
            .endpoints
            .iter()
            .map(|e| (e.service.0, &e.template[..], e.group))
            .collect();
        assert_eq!(
            names,
            [(0, &b"/a/b"[..], 0), (0, b"/a/{id}", 1), (1, b"/", 2)]
        );
        let cell = |minute, requests, errors| MinuteCell {
            minute,
            requests,
            errors,
        };
        assert_eq!(set.cells[1], [cell(9, 1, 0), cell(11, 2, 1)]);
        assert_eq!((set.start_min, set.minutes), (9, 4));
    }

    #[test]
    fn what_stands_before_every_path_makes_no_group() {
        let templates = [
            "/api/v1/login",
            "/api/v1/orders",
            "/api/v1/orders/{id}",
            "/api/v1/orders/{id}/items",
        ];
        let lines: Vec<_> = templates.iter().map(|t| ("api", *t, 1, false)).collect();
        let (set, _) = SeriesSet::new(&mut aggregate(&lines), &mut Aggregate::default());
        let groups: Vec<u32> = set.catalog.endpoints.iter().map(|e| e.group).collect();
        assert_eq!(groups, [0, 1, 1, 2]);
    }

    #[test]
    fn a_line_from_1970_does_not_stretch_the_series() {
        let minute = 28_000_000;
        let mut inside = aggregate(&[
            ("a", "/", 0, false),
            ("a", "/", minute, false),
            ("a", "/", minute + 3, true),
        ]);
        let (set, left_out) = SeriesSet::new(&mut inside, &mut Aggregate::default());
        assert_eq!(
            (set.start_min, set.minutes, left_out),
            (i64::from(minute), 4, 1)
        );
    }
}
