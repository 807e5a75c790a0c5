//! What pass 1 keeps: for each endpoint and minute, how many requests, how many errors, and how long
//! the successful requests took.
//!
//! A worker fills [`ChunkCounts`] with the requests of one chunk; [`Aggregate::merge`] adds chunks
//! up in the order of their sequence. Integers only, so sums don't depend on that order; what does
//! is which endpoints are kept where there are too many, and that is why the order is fixed: a
//! chunk keeps its busiest templates, the aggregate the first that come, the rest is counted
//! under `{other}`. Parses nothing, judges nothing.

use hashbrown::HashMap;

use crate::endpoint::{Interner, ShortText, other};
use crate::sketch::log_bucket;

/// One minute, the length of a cell, in µs.
pub const MINUTE_US: i64 = 60_000_000;

/// Endpoints that one chunk may tell apart.
const CHUNK_ENDPOINTS: usize = 4_096;
/// Endpoints that a whole run may tell apart, those of `{other}` not counted.
const RUN_ENDPOINTS: usize = 10_000;
/// First segments under which a chunk and a run tell `{other}` apart.
const OTHER_GROUPS: usize = 64;
/// Services that one chunk may tell apart; requests of further ones are counted under [`OTHER_SERVICE`].
const SERVICES: usize = 1_000;
/// Longest name of a service, in bytes.
const SERVICE_LEN: usize = 128;
/// The service that takes what overflows.
pub const OTHER_SERVICE: &[u8] = b"{other}";

/// Minutes kept side by side while a chunk is read: lines are out of order by seconds, seldom by more.
const ROWS: usize = 4;

/// Requests and errors of one endpoint in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Requests.
    pub requests: u32,
    /// Errors among them.
    pub errors: u32,
    /// How long the others took.
    pub latency: LatencySum,
}

/// Latencies of successful requests, added up on a logarithmic scale: their mean and its scatter from
/// minute to minute are all that a scan needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatencySum {
    /// Successful requests whose line tells how long they took.
    pub told: u32,
    /// Sum of their [`log_bucket`]s.
    pub sum: u32,
}

impl Cell {
    fn add(&mut self, other: Cell) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.latency.add(other.latency);
    }
}

impl LatencySum {
    /// Adds another's.
    pub fn add(&mut self, other: LatencySum) {
        self.told = self.told.saturating_add(other.told);
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Whether nobody told.
    pub fn is_empty(self) -> bool {
        self.told == 0
    }
}

/// The counts of one chunk, filled line by line.
#[derive(Debug, Default)]
pub struct ChunkCounts {
    services: Interner,
    /// service (2 bytes) + method + `\0` + template.
    keys: Interner,
    key: ShortText,
    /// `keys.len()` at most; requests of each endpoint, to tell the busiest.
    totals: Vec<u32>,
    rows: [Row; ROWS],
    /// (endpoint, minute, counts) of the rows that had to make room.
    cells: Vec<(u32, i32, Cell)>,
    /// endpoint << 16 | status of each error.
    statuses: Vec<u64>,
}

/// One minute of all endpoints.
#[derive(Debug, Default)]
struct Row {
    minute: i32,
    cells: Vec<Cell>,
    touched: Vec<u32>,
}

/// A service within one [`ChunkCounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalService(u16);

/// An endpoint within one [`ChunkCounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalEndpoint(u32);

impl LocalEndpoint {
    /// Its number: counts up from 0 in order of first sight.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ChunkCounts {
    /// Begins a new chunk and keeps the memory of the last.
    pub fn clear(&mut self) {
        self.services.clear();
        self.keys.clear();
        self.totals.clear();
        self.cells.clear();
        self.statuses.clear();
        for row in &mut self.rows {
            row.cells.clear();
            row.touched.clear();
        }
    }

    /// The number of a service.
    pub fn service(&mut self, name: &[u8]) -> LocalService {
        let name = service_name(name);
        let known = self.services.find(name);
        let name = if known.is_none() && self.services.len() >= SERVICES {
            OTHER_SERVICE
        } else {
            name
        };
        LocalService(self.services.intern(name) as u16)
    }

    /// The endpoint of a request; `append_template` writes its path template.
    #[inline]
    pub fn endpoint(
        &mut self,
        service: LocalService,
        method: &[u8],
        append_template: impl FnOnce(&mut ShortText),
    ) -> LocalEndpoint {
        self.key.truncate(0);
        self.key.push(&service.0.to_le_bytes());
        self.key.push(method);
        self.key.push(b"\0");
        append_template(&mut self.key);
        let id = self.keys.intern(self.key.as_bytes());
        if id as usize == self.totals.len() {
            self.totals.push(0);
        }
        LocalEndpoint(id)
    }

    /// The service, method and template of an endpoint of this chunk.
    pub fn name(&self, endpoint: LocalEndpoint) -> (&[u8], &[u8], &[u8]) {
        let key = self.full_key(endpoint.0);
        (key.service, key.method, key.template)
    }

    /// Counts one request. `error` is its status where that counts as an error. Latencies of errors
    /// aren't counted: fast failures would pass for a fast service.
    #[inline]
    pub fn count(
        &mut self,
        endpoint: LocalEndpoint,
        minute: i32,
        error: Option<u16>,
        latency_us: Option<u64>,
    ) {
        let slot = (minute as usize) % ROWS;
        if self.rows[slot].minute != minute {
            self.flush(slot);
            self.rows[slot].minute = minute;
        }
        let row = &mut self.rows[slot];
        if row.cells.len() <= endpoint.index() {
            row.cells.resize(self.keys.len(), Cell::default());
        }
        let cell = &mut row.cells[endpoint.index()];
        if cell.requests == 0 {
            row.touched.push(endpoint.0);
        }
        cell.requests += 1;
        self.totals[endpoint.index()] += 1;
        if let Some(status) = error {
            cell.errors += 1;
            self.statuses
                .push(u64::from(endpoint.0) << 16 | u64::from(status));
        } else if let Some(latency_us) = latency_us {
            cell.latency.add(LatencySum {
                told: 1,
                sum: log_bucket(latency_us),
            });
        }
    }

    fn flush(&mut self, slot: usize) {
        let row = &mut self.rows[slot];
        for endpoint in row.touched.drain(..) {
            let cell = std::mem::take(&mut row.cells[endpoint as usize]);
            self.cells.push((endpoint, row.minute, cell));
        }
    }

    /// Ends the chunk: its counts by endpoint, bounded and sorted.
    pub fn finish(&mut self) -> ChunkAggregate {
        for slot in 0..ROWS {
            self.flush(slot);
        }
        let (endpoints, renumbered) = self.kept();
        let overflowed = self.keys.len() > CHUNK_ENDPOINTS;
        let mut cells: Vec<_> = self
            .cells
            .iter()
            .map(|&(e, minute, cell)| (renumbered[e as usize], minute, cell))
            .collect();
        cells.sort_unstable_by_key(|&(endpoint, minute, _)| (endpoint, minute));
        cells.dedup_by(|later, earlier| {
            let same = (later.0, later.1) == (earlier.0, earlier.1);
            if same {
                earlier.2.add(later.2);
            }
            same
        });
        for key in &mut self.statuses {
            *key = u64::from(renumbered[(*key >> 16) as usize]) << 16 | *key & 0xffff;
        }
        self.statuses.sort_unstable();
        let statuses = self
            .statuses
            .chunk_by(|a, b| a == b)
            .map(|run| ((run[0] >> 16) as u32, run[0] as u16, run.len() as u64))
            .collect();
        ChunkAggregate {
            endpoints,
            cells,
            statuses,
            overflowed,
        }
    }

    /// The chunk's endpoints that are kept, and the new number of each old one.
    fn kept(&self) -> (Vec<Key>, Vec<u32>) {
        let all = self.keys.len();
        let mut rank: Vec<u32> = (0..all as u32)
            .filter(|&id| self.totals[id as usize] > 0)
            .collect();
        if all > CHUNK_ENDPOINTS {
            rank.sort_unstable_by(|&a, &b| {
                let busier = self.totals[b as usize].cmp(&self.totals[a as usize]);
                busier.then_with(|| self.full_key(a).cmp(&self.full_key(b)))
            });
        }
        let mut renumbered = vec![0u32; all];
        if all <= CHUNK_ENDPOINTS {
            let endpoints = rank.iter().enumerate().map(|(place, &id)| {
                renumbered[id as usize] = place as u32;
                self.full_key(id).to_owned()
            });
            return (endpoints.collect(), renumbered);
        }
        let mut numbering = Numbering::default();
        for (place, &id) in rank.iter().enumerate() {
            let key = self.full_key(id).to_owned();
            renumbered[id as usize] = numbering.number(&key, place < CHUNK_ENDPOINTS);
        }
        (numbering.endpoints, renumbered)
    }

    fn full_key(&self, id: u32) -> KeyRef<'_> {
        let key = self.keys.get(id);
        let service = u16::from_le_bytes([key[0], key[1]]);
        let end = 2 + key[2..].iter().position(|&b| b == 0).unwrap_or_default();
        KeyRef {
            service: self.services.get(u32::from(service)),
            method: &key[2..end],
            template: &key[end + 1..],
        }
    }
}

/// Numbers keys, and folds those that are not to be kept into `{other}` ones.
#[derive(Debug, Default)]
struct Numbering {
    ids: HashMap<Key, u32>,
    endpoints: Vec<Key>,
    others: usize,
}

impl Numbering {
    /// The number of `key`, or of the `{other}` key that takes it where it is new and not to be kept.
    fn number(&mut self, key: &Key, keep: bool) -> u32 {
        if let Some(&id) = self.ids.get(key) {
            return id;
        }
        if keep {
            return self.insert(key.clone());
        }
        let mut taker = key.clone();
        if !is_other(&key.template) {
            taker.template = other(first_segment(&key.template));
        }
        if self.others >= OTHER_GROUPS && !self.ids.contains_key(&taker) {
            taker.template = other(None);
        }
        if self.others >= 2 * OTHER_GROUPS && !self.ids.contains_key(&taker) {
            taker.method = b"{other}".to_vec();
            taker.service = OTHER_SERVICE.to_vec();
        }
        if let Some(&id) = self.ids.get(&taker) {
            return id;
        }
        self.others += 1;
        self.insert(taker)
    }

    fn insert(&mut self, key: Key) -> u32 {
        let id = self.endpoints.len() as u32;
        self.endpoints.push(key.clone());
        self.ids.insert(key, id);
        id
    }
}

/// A service's name, cut where it is too long.
pub fn service_name(name: &[u8]) -> &[u8] {
    name.get(..SERVICE_LEN).unwrap_or(name)
}

/// Whether a template takes what overflowed.
pub fn is_other(template: &[u8]) -> bool {
    template.ends_with(b"{other}")
}

/// The first segment of a template that has more than one.
fn first_segment(template: &[u8]) -> Option<&[u8]> {
    let path = template.strip_prefix(b"/")?;
    let end = path.iter().position(|&b| b == b'/')?;
    (end > 0).then(|| &path[..end])
}

/// A service's method and template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The service.
    pub service: Vec<u8>,
    /// `GET`.
    pub method: Vec<u8>,
    /// `/orders/{id}`.
    pub template: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct KeyRef<'a> {
    service: &'a [u8],
    method: &'a [u8],
    template: &'a [u8],
}

impl KeyRef<'_> {
    fn to_owned(self) -> Key {
        Key {
            service: self.service.to_vec(),
            method: self.method.to_vec(),
            template: self.template.to_vec(),
        }
    }
}

/// The counts of one chunk, ready to be merged.
#[derive(Debug, Clone)]
pub struct ChunkAggregate {
    endpoints: Vec<Key>,
    /// (endpoint, minute, counts), sorted.
    cells: Vec<(u32, i32, Cell)>,
    /// (endpoint, status, errors), sorted.
    statuses: Vec<(u32, u16, u64)>,
    overflowed: bool,
}

/// The counts of a whole run.
#[derive(Debug, Default)]
pub struct Aggregate {
    numbering: Numbering,
    /// By endpoint number.
    counts: Vec<Counts>,
    overflowed: bool,
}

/// All counts of one endpoint.
#[derive(Debug, Default, Clone)]
struct Counts {
    /// In order of time.
    blocks: Vec<MinuteBlock>,
    statuses: Vec<(u16, u64)>,
}

/// The minutes of one endpoint that share all but the lowest byte: sparse, in order of time.
#[derive(Debug, Clone, Default)]
struct MinuteBlock {
    /// minute >> 8.
    number: i32,
    minutes: Vec<u8>,
    /// Requests and errors of these minutes.
    counts: Vec<(u32, u32)>,
    /// Whether any of them has a latency.
    tells: bool,
    /// Their latencies if so: logs without any don't pay for them.
    latencies: Vec<LatencySum>,
}

impl Aggregate {
    /// Adds one chunk. Chunks must come in the order of their sequence for the choice of what is
    /// kept to be the same each time.
    pub fn merge(&mut self, chunk: &ChunkAggregate) {
        self.overflowed |= chunk.overflowed;
        let ids: Vec<usize> = chunk.endpoints.iter().map(|key| self.id(key)).collect();
        for run in chunk
            .cells
            .chunk_by(|a, b| a.0 == b.0 && a.1 >> 8 == b.1 >> 8)
        {
            self.counts[ids[run[0].0 as usize]]
                .block(run[0].1 >> 8)
                .add(run);
        }
        for &(endpoint, status, errors) in &chunk.statuses {
            let statuses = &mut self.counts[ids[endpoint as usize]].statuses;
            match statuses.iter_mut().find(|(s, _)| *s == status) {
                Some((_, n)) => *n += errors,
                None => statuses.push((status, errors)),
            }
        }
    }

    fn id(&mut self, key: &Key) -> usize {
        let keep = self.numbering.endpoints.len() < RUN_ENDPOINTS && !is_other(&key.template);
        let id = self.numbering.number(key, keep) as usize;
        self.overflowed |=
            !keep && !is_other(&key.template) && self.numbering.endpoints[id] != *key;
        if id >= self.counts.len() {
            self.counts.resize(id + 1, Counts::default());
        }
        id
    }

    /// Whether there were more endpoints than are told apart.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Each endpoint's number and key, sorted by service, template and method.
    pub fn endpoints(&self) -> Vec<(usize, &Key)> {
        let mut all: Vec<(usize, &Key)> = self.numbering.endpoints.iter().enumerate().collect();
        all.sort_unstable_by_key(|(_, key)| (&key.service, &key.template, &key.method));
        all
    }

    /// The minutes in which an endpoint had requests, in order of time.
    pub fn cells(&self, endpoint: usize) -> impl Iterator<Item = (i64, Cell)> + Clone + '_ {
        self.counts[endpoint].blocks.iter().flat_map(|block| {
            let first = i64::from(block.number) << 8;
            let cells = block.minutes.iter().zip(&block.counts).enumerate();
            cells.map(move |(i, (&minute, &(requests, errors)))| {
                let cell = Cell {
                    requests,
                    errors,
                    latency: block.latencies.get(i).copied().unwrap_or_default(),
                };
                (first + i64::from(minute), cell)
            })
        })
    }

    /// An endpoint's errors by status, in order of status.
    pub fn statuses(&self, endpoint: usize) -> Vec<(u16, u64)> {
        let mut statuses = self.counts[endpoint].statuses.clone();
        statuses.sort_unstable();
        statuses
    }
}

impl Counts {
    /// The block of that number. Logs are nearly in order, so the search begins at the end.
    fn block(&mut self, number: i32) -> &mut MinuteBlock {
        let place = self.blocks.iter().rposition(|b| b.number <= number);
        let index = match place {
            Some(i) if self.blocks[i].number == number => i,
            _ => {
                let i = place.map_or(0, |i| i + 1);
                self.blocks.insert(
                    i,
                    MinuteBlock {
                        number,
                        ..MinuteBlock::default()
                    },
                );
                i
            }
        };
        &mut self.blocks[index]
    }
}

impl MinuteBlock {
    /// Adds cells of this block, which come in order of time.
    fn add(&mut self, run: &[(u32, i32, Cell)]) {
        if !self.tells && run.iter().any(|(_, _, cell)| !cell.latency.is_empty()) {
            self.tells = true;
            self.latencies = vec![LatencySum::default(); self.minutes.len()];
        }
        let mut from = self.minutes.partition_point(|&m| m < run[0].1 as u8);
        for &(_, minute, cell) in run {
            let minute = minute as u8;
            while self.minutes.get(from).is_some_and(|&m| m < minute) {
                from += 1;
            }
            if self.minutes.get(from) != Some(&minute) {
                self.insert(from, minute);
            }
            let counts = &mut self.counts[from];
            counts.0 = counts.0.saturating_add(cell.requests);
            counts.1 = counts.1.saturating_add(cell.errors);
            if let Some(latency) = self.latencies.get_mut(from) {
                latency.add(cell.latency);
            }
        }
    }

    /// Makes room for a minute.
    fn insert(&mut self, at: usize, minute: u8) {
        if self.tells {
            self.latencies.insert(at, LatencySum::default());
        }
        self.minutes.insert(at, minute);
        self.counts.insert(at, (0, 0));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Line = (u8, u8, i32, bool);

    fn chunk(lines: &[Line]) -> ChunkAggregate {
        let mut counts = ChunkCounts::default();
        fill(&mut counts, lines);
        counts.finish()
    }

    fn fill(counts: &mut ChunkCounts, lines: &[Line]) {
        counts.clear();
        for &(service, path, minute, error) in lines {
            let service = counts.service(&[b'a' + service]);
            let endpoint = counts.endpoint(service, b"GET", |key| {
                key.push(format!("/p{path}").as_bytes())
            });
            counts.count(
                endpoint,
                minute,
                error.then_some(500),
                latency(path, minute),
            );
        }
    }

    /// Of half of the paths.
    fn latency(path: u8, minute: i32) -> Option<u64> {
        path.is_multiple_of(2)
            .then_some(1_000 * u64::from(minute.unsigned_abs()))
    }

    fn dump(aggregate: &Aggregate) -> BTreeMap<(Key, i64), Cell> {
        let mut all = BTreeMap::new();
        for (id, key) in aggregate.endpoints() {
            for (minute, cell) in aggregate.cells(id) {
                let twice = all.insert((key.clone(), minute), cell);
                assert_eq!(twice, None);
            }
        }
        all
    }

    fn lines() -> impl Strategy<Value = Vec<Line>> {
        proptest::collection::vec((0..3u8, 0..6u8, -600..600i32, any::<bool>()), 0..300)
    }

    proptest! {
        /// However lines are cut into chunks and whatever the order of the minutes, each line is
        /// counted once, where a plain map counts it.
        #[test]
        fn counts_equal_those_of_a_plain_map(lines in lines(), size in 1..50usize) {
            let mut expected = BTreeMap::new();
            for &(service, path, minute, error) in &lines {
                let key = Key {
                    service: vec![b'a' + service],
                    method: b"GET".to_vec(),
                    template: format!("/p{path}").into_bytes(),
                };
                let cell: &mut Cell = expected.entry((key, i64::from(minute))).or_default();
                cell.requests += 1;
                cell.errors += u32::from(error);
                if let (Some(us), false) = (latency(path, minute), error) {
                    cell.latency.told += 1;
                    cell.latency.sum += log_bucket(us);
                }
            }
            let mut aggregate = Aggregate::default();
            let mut counts = ChunkCounts::default();
            for part in lines.chunks(size) {
                fill(&mut counts, part);
                aggregate.merge(&counts.finish());
            }
            prop_assert_eq!(dump(&aggregate), expected);
            prop_assert!(!aggregate.overflowed());
        }
    }

    #[test]
    fn errors_are_told_by_status() {
        let mut counts = ChunkCounts::default();
        let service = counts.service(b"api");
        let endpoint = counts.endpoint(service, b"GET", |key| key.push(b"/"));
        for status in [500, 503, 500] {
            counts.count(endpoint, 7, Some(status), Some(3));
        }
        counts.count(endpoint, 7, None, Some(16_384));
        let mut aggregate = Aggregate::default();
        let part = counts.finish();
        aggregate.merge(&part);
        aggregate.merge(&part);
        assert_eq!(aggregate.statuses(0), [(500, 4), (503, 2)]);
        assert_eq!(
            aggregate.cells(0).collect::<Vec<_>>(),
            [(
                7,
                Cell {
                    requests: 8,
                    errors: 6,
                    // 16.384 ms lie four octaves above 1.024 ms: 32 buckets, twice.
                    latency: LatencySum { told: 2, sum: 64 }
                }
            )]
        );
    }

    #[test]
    fn a_flood_of_paths_is_bounded_and_nothing_is_lost() {
        let mut counts = ChunkCounts::default();
        let mut aggregate = Aggregate::default();
        let mut requests = 0u64;
        for part in 0..40u32 {
            counts.clear();
            for i in 0..12_000u32 {
                // The busiest endpoint comes in the middle of the flood.
                let path = if i % 3 == 1 {
                    "/shop/cart".into()
                } else {
                    format!("/x{}/y{i}", i * part % 9_777)
                };
                let service = counts.service(b"api");
                let endpoint = counts.endpoint(service, b"GET", |key| key.push(path.as_bytes()));
                counts.count(endpoint, 1, (i % 2 == 0).then_some(404), None);
                requests += 1;
            }
            aggregate.merge(&counts.finish());
        }
        assert!(aggregate.overflowed());
        let all = dump(&aggregate);
        assert!(
            all.len() <= RUN_ENDPOINTS + 2 * OTHER_GROUPS + 2,
            "{}",
            all.len()
        );
        assert_eq!(
            all.values().map(|c| u64::from(c.requests)).sum::<u64>(),
            requests
        );
        let cart = all
            .iter()
            .find(|((key, _), _)| key.template == b"/shop/cart")
            .unwrap();
        assert_eq!(cart.1.requests, 160_000);
    }

    #[test]
    fn one_endpoint_in_two_chunks_is_one_endpoint() {
        let mut aggregate = Aggregate::default();
        aggregate.merge(&chunk(&[(0, 1, 5, false), (0, 1, 5, true)]));
        aggregate.merge(&chunk(&[(1, 1, 5, false), (0, 1, 4, true)]));
        let totals: Vec<u32> = dump(&aggregate).values().map(|c| c.requests).collect();
        assert_eq!(totals, [1, 2, 1]);
    }
}
