//! What pass 1 keeps: for each endpoint and minute, how many requests, how many errors, and how long
//! the successful requests took.
//!
//! A worker fills [`ChunkCounts`] with the requests of one chunk; [`Aggregate::merge`] adds chunks
//! up in the order of their sequence. Integers only, so sums don't depend on that order; what does
//! is which endpoints are kept where there are too many, and that is why the order is fixed: a
//! chunk keeps its busiest templates, the aggregate the first that come, the rest is counted
//! under `{other}`. Parses nothing, judges nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;

use crate::endpoint::{Interner, ShortText, append_template, other};
#[cfg(target_arch = "x86_64")]
use crate::endpoint::{Memo, Shape, shape_of};
use crate::sketch::log_bucket;

mod crowds;

pub use crowds::{Crowds, Seen};

/// One minute, the length of a cell, in µs.
pub const MINUTE_US: i64 = 60_000_000;

/// Endpoints that one chunk may tell apart.
const CHUNK_ENDPOINTS: usize = 4_096;
/// Endpoints that a whole run may tell apart, those of `{other}` not counted.
const RUN_ENDPOINTS: usize = 10_000;
/// A run that tells more apart looks for crowds of names among them, before the next chunk brings more.
const CROWDED: usize = RUN_ENDPOINTS / 2;
/// First segments under which a chunk and a run tell `{other}` apart.
const OTHER_GROUPS: usize = 64;
/// Services that one chunk may tell apart; requests of further ones are counted under [`OTHER_SERVICE`].
const SERVICES: usize = 1_000;
/// Longest name of a service, in bytes.
const SERVICE_LEN: usize = 128;
/// The service that takes what overflows.
pub const OTHER_SERVICE: &[u8] = b"{other}";

/// A worker that knows more endpoints than this forgets them all before the next chunk.
const REMEMBERED: usize = 2 * CHUNK_ENDPOINTS;

/// Numberings of which an aggregate remembers what they mean here: a flood of paths makes new ones.
const MOST_NUMBERINGS: usize = 256;

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
///
/// Services and endpoints keep their numbers from one chunk to the next, so that most need not be
/// looked up by name again; which of them a chunk tells apart depends on that chunk alone.
#[derive(Debug)]
pub struct ChunkCounts {
    /// Tells this numbering of endpoints from all others.
    numbering: u64,
    /// The number of this chunk, for `last_seen`.
    chunk: u32,
    services: Interner,
    /// The last chunk in which each service was.
    service_last_seen: Vec<u32>,
    /// Services of this chunk.
    services_seen: usize,
    /// The last one of this chunk: most requests are of the same one as the one before.
    last_service: (Vec<u8>, Option<LocalService>),
    /// service (2 bytes) + method + `\0` + template.
    keys: Interner,
    key: ShortText,
    /// By endpoint: its name, the last chunk that counted it, and its requests in this one.
    known: Vec<Known>,
    /// The endpoints that this chunk counted, in order of first sight.
    seen: Vec<u32>,
    rows: [Row; ROWS],
    /// (endpoint, minute, counts) of the rows that had to make room.
    cells: Vec<(u32, i32, Cell)>,
    /// endpoint << 16 | status of each error.
    statuses: Vec<u64>,
    #[cfg(target_arch = "x86_64")]
    memo: Memo,
    /// Whether the processor has what the memo needs.
    #[cfg(target_arch = "x86_64")]
    has_lanes: bool,
}

#[derive(Debug)]
struct Known {
    name: Arc<Key>,
    last_seen: u32,
    requests: u32,
}

impl Default for ChunkCounts {
    fn default() -> ChunkCounts {
        ChunkCounts {
            numbering: new_numbering(),
            chunk: 1,
            services: Interner::default(),
            service_last_seen: Vec::new(),
            services_seen: 0,
            last_service: (Vec::new(), None),
            keys: Interner::default(),
            key: ShortText::default(),
            known: Vec::new(),
            seen: Vec::new(),
            rows: Default::default(),
            cells: Vec::new(),
            statuses: Vec::new(),
            #[cfg(target_arch = "x86_64")]
            memo: Memo::default(),
            #[cfg(target_arch = "x86_64")]
            has_lanes: crate::lanes::are_here(),
        }
    }
}

/// A number that no other numbering of endpoints has; nothing but their identity depends on it.
fn new_numbering() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
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

impl LocalService {
    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }
}

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
    /// Begins a new chunk and keeps the memory of the last. Says whether endpoints keep their numbers.
    pub fn clear(&mut self) -> bool {
        self.chunk += 1;
        self.services_seen = 0;
        self.last_service.1 = None;
        self.seen.clear();
        self.cells.clear();
        self.statuses.clear();
        for row in &mut self.rows {
            for endpoint in row.touched.drain(..) {
                row.cells[endpoint as usize] = Cell::default();
            }
        }
        let keeps = self.keys.len() <= REMEMBERED && self.services.len() <= SERVICES;
        if !keeps {
            self.numbering = new_numbering();
            self.services.clear();
            self.service_last_seen.clear();
            self.keys.clear();
            self.known.clear();
            self.rows.iter_mut().for_each(|row| row.cells.clear());
            #[cfg(target_arch = "x86_64")]
            self.memo.clear();
        }
        keeps
    }

    /// The number of a service.
    #[inline]
    pub fn service(&mut self, name: &[u8]) -> LocalService {
        match &self.last_service {
            (last, Some(number)) if **last == *name => *number,
            _ => self.other_service(name),
        }
    }

    fn other_service(&mut self, name: &[u8]) -> LocalService {
        let name = service_name(name);
        let number = self.number_of_service(name);
        let (last, of_last) = &mut self.last_service;
        last.clear();
        last.extend_from_slice(name);
        *of_last = Some(number);
        number
    }

    fn number_of_service(&mut self, name: &[u8]) -> LocalService {
        let known = self.services.find(name);
        let is_seen = |id: u32| self.service_last_seen[id as usize] == self.chunk;
        let id = match known {
            Some(id) if is_seen(id) => return LocalService(id as u16),
            _ if self.services_seen >= SERVICES => self.services.intern(OTHER_SERVICE),
            Some(id) => id,
            None => self.services.intern(name),
        };
        self.service_last_seen.resize(self.services.len(), 0);
        let last_seen = &mut self.service_last_seen[id as usize];
        self.services_seen += usize::from(*last_seen != self.chunk);
        *last_seen = self.chunk;
        LocalService(id as u16)
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
        if id as usize == self.known.len() {
            self.name_last();
        }
        LocalEndpoint(id)
    }

    /// The endpoint of a request whose template is made by the rules. Those of shapes seen lately are
    /// remembered.
    #[inline]
    pub fn endpoint_of(
        &mut self,
        service: LocalService,
        method: &[u8],
        target: &[u8],
    ) -> LocalEndpoint {
        #[cfg(target_arch = "x86_64")]
        if self.has_lanes {
            #[allow(unsafe_code)]
            // SAFETY: the processor has the features.
            return unsafe { self.endpoint_by_shape(service, method, target) };
        }
        self.endpoint(service, method, |key| append_template(target, key))
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    fn endpoint_by_shape(
        &mut self,
        service: LocalService,
        method: &[u8],
        target: &[u8],
    ) -> LocalEndpoint {
        let shape = shape_of(method, target, service.0);
        if let Some(shape) = &shape
            && let Some(endpoint) = self.remembered(shape)
        {
            return endpoint;
        }
        let endpoint = self.endpoint(service, method, |key| append_template(target, key));
        if let Some(shape) = &shape {
            self.remember(shape, endpoint);
        }
        endpoint
    }

    /// The endpoint that requests of this shape had before, if it is remembered.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    pub(crate) fn remembered(&self, shape: &Shape) -> Option<LocalEndpoint> {
        self.memo.get(shape).map(LocalEndpoint)
    }

    /// Remembers the endpoint of requests of this shape.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    pub(crate) fn remember(&mut self, shape: &Shape, endpoint: LocalEndpoint) {
        self.memo.put(shape, endpoint.0);
    }

    /// Keeps the name of the endpoint whose key came last.
    #[cold]
    fn name_last(&mut self) {
        let key = self.keys.get(self.known.len() as u32);
        let service = u16::from_le_bytes([key[0], key[1]]);
        let end = 2 + key[2..].iter().position(|&b| b == 0).unwrap_or_default();
        let name = Key {
            service: self.services.get(u32::from(service)).to_vec(),
            method: key[2..end].to_vec(),
            template: key[end + 1..].to_vec(),
        };
        self.known.push(Known {
            name: Arc::new(name),
            last_seen: 0,
            requests: 0,
        });
    }

    /// The service, method and template of an endpoint of this chunk.
    pub fn name(&self, endpoint: LocalEndpoint) -> &Key {
        &self.known[endpoint.index()].name
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
        cell.requests += 1;
        if cell.requests == 1 {
            row.touched.push(endpoint.0);
            let known = &mut self.known[endpoint.index()];
            if known.last_seen != self.chunk {
                known.last_seen = self.chunk;
                known.requests = 0;
                self.seen.push(endpoint.0);
            }
        }
        if let Some(status) = error {
            cell.errors += 1;
            self.statuses
                .push(u64::from(endpoint.0) << 16 | u64::from(status));
        } else if let Some(latency_us) = latency_us {
            // No chunk has lines enough for these to overflow.
            cell.latency.told += 1;
            cell.latency.sum += log_bucket(latency_us);
        }
    }

    fn flush(&mut self, slot: usize) {
        let row = &mut self.rows[slot];
        for endpoint in row.touched.drain(..) {
            let cell = std::mem::take(&mut row.cells[endpoint as usize]);
            self.known[endpoint as usize].requests += cell.requests;
            self.cells.push((endpoint, row.minute, cell));
        }
    }

    /// Ends the chunk: its counts by endpoint, bounded and sorted.
    pub fn finish(&mut self) -> ChunkAggregate {
        // In order of time, which spares a sort.
        let mut slots: [usize; ROWS] = std::array::from_fn(|slot| slot);
        slots.sort_unstable_by_key(|&slot| self.rows[slot].minute);
        slots.into_iter().for_each(|slot| self.flush(slot));
        let mut renumbered = vec![0; self.keys.len()];
        let (endpoints, overflowed) = match self.seen.len() > CHUNK_ENDPOINTS {
            true => self.busiest(&mut renumbered),
            false => (self.all(&mut renumbered), false),
        };
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
            numbering: self.numbering,
            cells: by_endpoint(&self.cells, &renumbered, endpoints.len()),
            endpoints,
            statuses,
            overflowed,
        }
    }

    /// The chunk's endpoints in order of first sight.
    fn all(&self, renumbered: &mut [u32]) -> Numbered {
        let seen = self.seen.iter().enumerate();
        seen.map(|(place, &id)| {
            renumbered[id as usize] = place as u32;
            (Some(id), Arc::clone(&self.known[id as usize].name))
        })
        .collect()
    }

    /// The busiest endpoints of the chunk, names of crowds together, and those that take the rest, if
    /// there is a rest.
    #[cold]
    fn busiest(&self, renumbered: &mut [u32]) -> (Numbered, bool) {
        let seen = || self.seen.iter().map(|&id| (id, &self.known[id as usize]));
        let requests = |known: &Known| Seen {
            requests: u64::from(known.requests),
            // A chunk is a moment.
            span: None,
        };
        let crowds = Crowds::among(seen().map(|(_, known)| (&*known.name, requests(known))));
        let mut folded: HashMap<Key, (u64, Vec<u32>)> = HashMap::new();
        for (id, known) in seen() {
            let (requests, ids) = folded.entry(known.name.folded(&crowds)).or_default();
            *requests += u64::from(known.requests);
            ids.push(id);
        }
        let mut rank: Vec<(Key, (u64, Vec<u32>))> = folded.into_iter().collect();
        rank.sort_unstable_by(|(a, (of_a, _)), (b, (of_b, _))| {
            of_b.cmp(of_a).then_with(|| a.cmp(b))
        });
        let mut numbering = Numbering::default();
        for (place, (key, (_, ids))) in rank.iter().enumerate() {
            let number = numbering.number(key, place < CHUNK_ENDPOINTS);
            ids.iter().for_each(|&id| renumbered[id as usize] = number);
        }
        let kept = numbering.endpoints.into_iter();
        let kept = kept.map(|key| (None, Arc::new(key))).collect();
        (kept, numbering.others > 0)
    }
}

/// Cells with the new numbers of their endpoints, sorted by endpoint, then by minute; each once.
fn by_endpoint(
    cells: &[(u32, i32, Cell)],
    renumbered: &[u32],
    endpoints: usize,
) -> Vec<(u32, i32, Cell)> {
    // They come nearly in order of time: put in their endpoints' places in that order, few are out of it.
    let mut places = vec![0; endpoints + 1];
    for (endpoint, _, _) in cells {
        places[renumbered[*endpoint as usize] as usize + 1] += 1;
    }
    for i in 0..endpoints {
        places[i + 1] += places[i];
    }
    let mut sorted = vec![(0, 0, Cell::default()); cells.len()];
    for &(endpoint, minute, cell) in cells {
        let endpoint = renumbered[endpoint as usize];
        let place = &mut places[endpoint as usize];
        sorted[*place] = (endpoint, minute, cell);
        *place += 1;
    }
    if !sorted.is_sorted_by(|a, b| (a.0, a.1) < (b.0, b.1)) {
        sorted.sort_by_key(|&(endpoint, minute, _)| (endpoint, minute));
        sorted.dedup_by(|later, earlier| {
            let same = (later.0, later.1) == (earlier.0, earlier.1);
            if same {
                earlier.2.add(later.2);
            }
            same
        });
    }
    sorted
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

impl Key {
    /// It, or what it is counted as where its path has names of crowds.
    fn folded(&self, crowds: &Crowds) -> Key {
        let mut key = self.clone();
        if let Some(template) = crowds.fold(&self.service, &self.template) {
            key.template = template;
        }
        key
    }
}

/// A chunk's endpoints, with the number that each has there, if it has one.
type Numbered = Vec<(Option<u32>, Arc<Key>)>;

/// The counts of one chunk, ready to be merged.
#[derive(Debug, Clone)]
pub struct ChunkAggregate {
    /// Whose numbers the endpoints have.
    numbering: u64,
    endpoints: Numbered,
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
    /// The numbers here of those in the numberings of chunks.
    translated: HashMap<u64, Vec<Option<u32>>>,
    /// The names that are counted together.
    crowds: Crowds,
    /// Endpoints that were left apart when crowds were last looked for.
    left_apart: usize,
    /// By endpoint number.
    counts: Vec<Counts>,
    overflowed: bool,
}

/// Minutes of one endpoint that lie close together, in order of time.
#[derive(Debug, Clone, Copy)]
pub struct Minutes<'a> {
    /// What `minutes` are counted from, since the epoch.
    pub first_min: i32,
    /// The minutes with requests.
    pub minutes: &'a [u8],
    /// Requests and errors of each.
    pub counts: &'a [(u32, u32)],
}

/// The latencies of such minutes.
#[derive(Debug, Clone, Default)]
pub struct LatencyBlock {
    /// What `minutes` are counted from, since the epoch.
    pub first_min: i32,
    /// The minutes with requests.
    pub minutes: Vec<u8>,
    /// Latencies of each.
    pub latencies: Vec<LatencySum>,
}

/// All counts of one endpoint.
#[derive(Debug, Default, Clone)]
struct Counts {
    /// In order of time.
    blocks: Vec<MinuteBlock>,
    /// Requests and errors of all.
    total: (u64, u64),
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
        let ids = self.translate(chunk);
        for run in chunk
            .cells
            .chunk_by(|a, b| a.0 == b.0 && a.1 >> 8 == b.1 >> 8)
        {
            self.counts[ids[run[0].0 as usize]].count(run);
        }
        for &(endpoint, status, errors) in &chunk.statuses {
            self.counts[ids[endpoint as usize]].failed(status, errors);
        }
        // Where little can be counted together it isn't tried again for each chunk.
        if self.numbering.endpoints.len() > CROWDED.max(2 * self.left_apart) {
            let crowds = Crowds::among(self.seen());
            self.fold(crowds);
            self.left_apart = self.numbering.endpoints.len();
        }
    }

    /// Counts the names of crowds together, those of both aggregates alike.
    pub fn gather(&mut self, other: &mut Aggregate) -> Crowds {
        let crowds = Crowds::among(self.seen().chain(other.seen()));
        self.fold(crowds.clone());
        other.fold(crowds.clone());
        crowds
    }

    /// How often each endpoint was asked for, and when.
    fn seen(&self) -> impl Iterator<Item = (&Key, Seen)> {
        let seen = self.counts.iter().map(|counts| Seen {
            requests: counts.total.0,
            span: counts.span(),
        });
        self.numbering.endpoints.iter().zip(seen)
    }

    /// Counts the names of crowds together, from now on too.
    fn fold(&mut self, crowds: Crowds) {
        self.crowds = crowds;
        if self.crowds.is_empty() {
            return;
        }
        self.translated.clear();
        let others = self.numbering.others;
        let endpoints = std::mem::take(&mut self.numbering).endpoints;
        let counts = std::mem::take(&mut self.counts);
        for (key, counts) in endpoints.into_iter().zip(counts) {
            let id = self.numbering.number(&key.folded(&self.crowds), true) as usize;
            match self.counts.get_mut(id) {
                Some(together) => together.add(&counts),
                None => self.counts.push(counts),
            }
        }
        self.numbering.others = others;
    }

    /// The numbers of a chunk's endpoints. Those that the same worker's chunks had before are known: a
    /// key's number never changes.
    fn translate(&mut self, chunk: &ChunkAggregate) -> Vec<usize> {
        let mut known = self.translated.remove(&chunk.numbering).unwrap_or_default();
        let ids = chunk.endpoints.iter().map(|(number, key)| {
            let Some(number) = number.map(|number| number as usize) else {
                return self.id(key);
            };
            if known.len() <= number {
                known.resize(number + 1, None);
            }
            *known[number].get_or_insert_with(|| self.id(key) as u32) as usize
        });
        let ids = ids.collect();
        if self.translated.len() >= MOST_NUMBERINGS {
            self.translated.clear();
        }
        self.translated.insert(chunk.numbering, known);
        ids
    }

    fn id(&mut self, key: &Key) -> usize {
        let key = &key.folded(&self.crowds);
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

    /// Takes the latencies of all endpoints away, by number: of a week with hundreds of endpoints they are
    /// many, and nobody asks for them here once they are in series.
    pub fn take_latencies(&mut self) -> Vec<Vec<LatencyBlock>> {
        let of_block = |block: &mut MinuteBlock| LatencyBlock {
            first_min: block.number << 8,
            minutes: block.minutes.clone(),
            latencies: std::mem::take(&mut block.latencies),
        };
        let of_endpoint = |counts: &mut Counts| {
            let tell = counts.blocks.iter_mut().filter(|block| block.tells);
            tell.map(|block| {
                block.tells = false;
                of_block(block)
            })
            .collect()
        };
        self.counts.iter_mut().map(of_endpoint).collect()
    }

    /// Each endpoint's number and key, sorted by service, template and method.
    pub fn endpoints(&self) -> Vec<(usize, &Key)> {
        let mut all: Vec<(usize, &Key)> = self.numbering.endpoints.iter().enumerate().collect();
        all.sort_unstable_by_key(|(_, key)| (&key.service, &key.template, &key.method));
        all
    }

    /// How many minutes an endpoint had requests in.
    pub fn minutes(&self, endpoint: usize) -> usize {
        let blocks = self.counts[endpoint].blocks.iter();
        blocks.map(|block| block.minutes.len()).sum()
    }

    /// An endpoint's requests and errors.
    pub fn total(&self, endpoint: usize) -> (u64, u64) {
        self.counts[endpoint].total
    }

    /// The minutes in which an endpoint had requests, in order of time, some together.
    pub fn blocks(&self, endpoint: usize) -> impl Iterator<Item = Minutes<'_>> + Clone {
        self.counts[endpoint].blocks.iter().map(|block| Minutes {
            first_min: block.number << 8,
            minutes: &block.minutes,
            counts: &block.counts,
        })
    }

    /// The minutes in which an endpoint had requests, in order of time.
    pub fn cells(&self, endpoint: usize) -> impl Iterator<Item = (i64, Cell)> + Clone + '_ {
        self.counts[endpoint].blocks.iter().flat_map(|block| {
            let first = i64::from(block.number) << 8;
            let cells = block.cells();
            cells.map(move |(low, cell)| (first + i64::from(low), cell))
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
    /// The first and the last minute with a request.
    fn span(&self) -> Option<(i32, i32)> {
        let (first, last) = (self.blocks.first()?, self.blocks.last()?);
        let minute = |block: &MinuteBlock, low: u8| block.number << 8 | i32::from(low);
        Some((
            minute(first, *first.minutes.first()?),
            minute(last, *last.minutes.last()?),
        ))
    }

    /// Adds cells of one block, which come in order of time.
    fn count(&mut self, run: &[(u32, i32, Cell)]) {
        for (.., cell) in run {
            self.total.0 += u64::from(cell.requests);
            self.total.1 += u64::from(cell.errors);
        }
        if let Some((_, minute, _)) = run.first() {
            self.block(minute >> 8).add(run);
        }
    }

    /// Adds another's.
    fn add(&mut self, other: &Counts) {
        for block in &other.blocks {
            let minute = |low: u8| block.number << 8 | i32::from(low);
            let cells: Vec<(u32, i32, Cell)> = block
                .cells()
                .map(|(low, cell)| (0, minute(low), cell))
                .collect();
            self.count(&cells);
        }
        for &(status, errors) in &other.statuses {
            self.failed(status, errors);
        }
    }

    /// Counts errors with a status.
    fn failed(&mut self, status: u16, errors: u64) {
        match self.statuses.iter_mut().find(|(s, _)| *s == status) {
            Some((_, n)) => *n += errors,
            None => self.statuses.push((status, errors)),
        }
    }

    /// The block of that number. Logs are nearly in order, so the search begins at the end.
    fn block(&mut self, number: i32) -> &mut MinuteBlock {
        let place = self.blocks.iter().rposition(|b| b.number <= number);
        let index = match place {
            Some(i) if self.blocks[i].number == number => i,
            _ => {
                let i = place.map_or(0, |i| i + 1);
                // It will be about as full as the one before: to grow bit by bit costs more than to count.
                let room = place.map_or(0, |place| self.blocks[place].minutes.len());
                self.blocks.insert(i, MinuteBlock::with_room(number, room));
                i
            }
        };
        &mut self.blocks[index]
    }
}

impl MinuteBlock {
    fn with_room(number: i32, minutes: usize) -> MinuteBlock {
        MinuteBlock {
            number,
            minutes: Vec::with_capacity(minutes),
            counts: Vec::with_capacity(minutes),
            ..MinuteBlock::default()
        }
    }

    /// Its minutes' lowest bytes and counts, in order of time.
    fn cells(&self) -> impl Iterator<Item = (u8, Cell)> + Clone + '_ {
        let cells = self.minutes.iter().zip(&self.counts).enumerate();
        cells.map(|(i, (&low, &(requests, errors)))| {
            let cell = Cell {
                requests,
                errors,
                latency: self.latencies.get(i).copied().unwrap_or_default(),
            };
            (low, cell)
        })
    }

    /// Adds cells of this block, which come in order of time.
    fn add(&mut self, run: &[(u32, i32, Cell)]) {
        if !self.tells && run.iter().any(|(_, _, cell)| !cell.latency.is_empty()) {
            self.tells = true;
            self.latencies = Vec::with_capacity(self.minutes.capacity());
            self.latencies
                .resize(self.minutes.len(), LatencySum::default());
        }
        let is_later = self
            .minutes
            .last()
            .is_none_or(|&last| last < run[0].1 as u8);
        if is_later {
            self.append(run);
            return;
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

    /// Adds cells that are later than all that are here.
    fn append(&mut self, run: &[(u32, i32, Cell)]) {
        self.minutes
            .extend(run.iter().map(|(_, minute, _)| *minute as u8));
        self.counts
            .extend(run.iter().map(|(.., cell)| (cell.requests, cell.errors)));
        if self.tells {
            self.latencies
                .extend(run.iter().map(|(.., cell)| cell.latency));
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

    /// Forty chunks of 12,000 requests each; every third is of the busiest endpoint.
    fn flood(path: impl Fn(u32, u32) -> String) -> (Aggregate, BTreeMap<(Key, i64), Cell>) {
        let mut counts = ChunkCounts::default();
        let mut aggregate = Aggregate::default();
        for part in 0..40u32 {
            counts.clear();
            for i in 0..12_000u32 {
                // The busiest endpoint comes in the middle of the flood.
                let path = if i % 3 == 1 {
                    "/shop/cart".into()
                } else {
                    path(part, i)
                };
                let service = counts.service(b"api");
                let endpoint = counts.endpoint(service, b"GET", |key| key.push(path.as_bytes()));
                counts.count(endpoint, 1, (i % 2 == 0).then_some(404), None);
            }
            aggregate.merge(&counts.finish());
        }
        let all = dump(&aggregate);
        let requests: u64 = all.values().map(|cell| u64::from(cell.requests)).sum();
        assert_eq!(requests, 40 * 12_000);
        let cart = all
            .iter()
            .find(|((key, _), _)| key.template == b"/shop/cart");
        assert_eq!(cart.unwrap().1.requests, 160_000);
        (aggregate, all)
    }

    #[test]
    fn a_flood_of_paths_is_bounded_and_nothing_is_lost() {
        // Nowhere are there fifty siblings.
        let path = |part: u32, i: u32| {
            let n = i * (2 * part + 1);
            format!("/a{}/b{}/c{}", n % 41, n / 41 % 41, n / 1_681 % 41)
        };
        let (aggregate, all) = flood(path);
        assert!(aggregate.overflowed());
        assert!(
            all.len() <= RUN_ENDPOINTS + 2 * OTHER_GROUPS + 2,
            "{}",
            all.len()
        );
    }

    #[test]
    fn a_flood_of_names_is_one_endpoint_beside_those_that_are_asked_for() {
        let (mut aggregate, _) = flood(|part, i| format!("/x{}/y{i}", i * part % 9_777));
        assert!(!aggregate.overflowed());
        aggregate.gather(&mut Aggregate::default());
        let all = dump(&aggregate);
        let templates: Vec<&[u8]> = all.keys().map(|(key, _)| &key.template[..]).collect();
        // All of the first chunk lie under /x0.
        let expected: [&[u8]; 3] = [b"/shop/cart", b"/x0/{name}", b"/{name}/{name}"];
        assert_eq!(templates, expected);
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
