//! Pass 2: the blocks that touch a candidate or its baseline, read again at 10 s and in full.
//!
//! Two looks. [`cells`]: 10 s counts and the failing requests of the candidates' endpoints, from
//! which `confirm` dates the incidents. [`details`]: users, statuses, latencies and sample lines of
//! an incident, counted exactly from its onset to its end. Where an endpoint was slow, a look before
//! these ([`latencies()`]) tells which requests are the slow ones; both then count them as they count
//! failures elsewhere ([`Signal`]). Judges nothing.

mod crowd;
mod glance;
mod label;
mod latencies;
mod lines;
mod tally;
mod versions;
mod words;

use std::collections::BTreeMap;

pub use label::{LABELS, Label};
pub use latencies::{Slow, TwoTimes, latencies};
pub use lines::{Found as FoundLines, LineFilter, Wanted, lines};
pub use tally::{ABSENT, Counts, OTHER, Stratum, Tally};

pub use versions::Sighting;
pub use words::{Signature, Words};

#[cfg(test)]
pub(crate) use tally::tests::{Group, tally};

use crowd::Crowd;
use tally::TallyPart;
use versions::{AllSightings, PROBED, Sightings};
use words::{AllWords, Listener, WordsPart};

use crate::aggregate::{Crowds, is_other, service_name};
use crate::detect::{Recurrence, Signal};
use crate::endpoint::{Interner, ShortText, append_template, other};
use crate::format::{Aside, Format, Joiner, Piece, Scratch};
use crate::input::{Block, Lines, Place, Selection};
use crate::query::{Query, Side};
use crate::reading::{Begun, Reading};
use crate::record::{Depth, Record, Reject};
use crate::scan::{BlockFacts, Example};
use crate::series::{Catalog, EndpointId};
use crate::sketch::{Latencies, Users, user_hash};
use crate::timestamp::Clock;

/// Length of a zoomed cell, in microseconds.
pub const CELL_US: i64 = 10_000_000;
/// Failing requests kept of one endpoint's cell: the earliest, and the last.
const CELL_FAILURES: usize = 256;
/// Failing lines kept of an incident.
const SAMPLES: usize = 5;

/// A stretch of time, half open, in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its begin.
    pub from_us: i64,
    /// What comes right after it.
    pub to_us: i64,
}

impl Span {
    fn contains(self, time_us: i64) -> bool {
        (self.from_us..self.to_us).contains(&time_us)
    }

    /// Whether a block with these earliest and latest times may hold some of it.
    fn touches(self, (earliest, latest): (i64, i64)) -> bool {
        earliest < self.to_us && latest >= self.from_us
    }
}

/// When an incident's requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From its onset to its end.
    pub span: Span,
    /// Of what comes back: the times in it that count.
    pub recurs: Option<Recurrence>,
}

impl Times {
    /// Whether a moment, in µs since the epoch, counts.
    pub fn contain(&self, time_us: i64) -> bool {
        self.span.contains(time_us) && self.recurs.is_none_or(|r| r.holds(time_us))
    }
}

/// First look: what is counted of one candidate endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// What is counted as an error.
    pub signal: Signal,
    /// All that is looked at.
    pub span: Span,
    /// The part of it that tells who usually asks: before anything was wrong, if there is such a time.
    pub calm: Span,
}

/// First look: one candidate endpoint at 10 s.
#[derive(Debug, Clone)]
pub struct Cells {
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// What is counted as an error or failure here.
    pub signal: Signal,
    /// Start of the first cell: a multiple of [`CELL_US`].
    pub start_us: i64,
    /// `(requests, errors)` of each cell; also of cells with nothing in them.
    pub counts: Vec<(u32, u32)>,
    /// Failing requests in time order: of each cell the first 255 and the last.
    pub failures: Vec<Failure>,
    /// Failing requests left out.
    pub failures_dropped: u64,
}

/// One failing request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// When.
    pub time_us: i64,
    /// Its status.
    pub status: u16,
    /// Keyed hash of (user, client, user agent, raw path): equal within 30 s means a retry.
    pub request: u64,
    /// Keyed hash of the user, or of the client's address where the log names no user; 0 where unknown,
    /// as when one address makes most of the requests: it stands for many.
    pub user: u64,
}

/// Second look: what is counted of one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its endpoints.
    pub endpoints: Vec<EndpointId>,
    /// What is counted as an error of each.
    pub signals: Vec<Signal>,
    /// From its onset to its end.
    pub times: Times,
    /// The time that it is compared with.
    pub baseline: Span,
}

/// Second look: one incident.
#[derive(Debug, Clone, Default)]
pub struct Detail {
    /// Its endpoints, in the order asked for.
    pub endpoints: Vec<EndpointDetail>,
    /// Users of its endpoints in its span, by user id.
    pub users: Users,
    /// Users of its endpoints in its span, by client and agent where no user is named.
    pub proxies: Users,
    /// Its first failing lines, by time.
    pub samples: Vec<Sample>,
    /// Its requests by their labels.
    pub labels: Tally,
}

/// One endpoint of an incident, from onset to end.
#[derive(Debug, Clone, Default)]
pub struct EndpointDetail {
    /// Requests.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Errors by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Latencies of its successes.
    pub successes: Latencies,
    /// Latencies of its errors.
    pub failures: Latencies,
    /// Latencies of its successes in the baseline.
    pub baseline: Latencies,
}

/// A failing line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// When.
    pub time_us: i64,
    /// The line.
    pub line: Example,
}

/// First look: counts each candidate endpoint in its span by 10 s, and notes the versions that are
/// at work around them.
pub fn cells(
    reading: &Reading<'_>,
    catalog: &Catalog,
    blocks: &[BlockFacts],
    watched: &[Watch],
) -> (Vec<Cells>, Vec<Sighting>) {
    let mut found: Vec<Cells> = watched
        .iter()
        .map(|watch| {
            let span = watch.span;
            let start_us = span.from_us.div_euclid(CELL_US) * CELL_US;
            let cells = (span.to_us - start_us).max(0).div_euclid(CELL_US) + 1;
            let counts = vec![(0, 0); cells as usize];
            Cells {
                endpoint: watch.endpoint,
                signal: watch.signal,
                start_us,
                counts,
                failures: Vec::new(),
                failures_dropped: 0,
            }
        })
        .collect();
    let mut places: BTreeMap<EndpointId, Vec<usize>> = BTreeMap::new();
    for (i, watch) in watched.iter().enumerate() {
        places.entry(watch.endpoint).or_default().push(i);
    }
    let selection = select(reading, blocks, |times| {
        times.is_some_and(|times| watched.iter().any(|watch| watch.span.touches(times)))
    });
    let names = Names::new(catalog);
    let worker = || Worker::new(reading, &names);
    let work = |worker: &mut Worker<'_>, block: Block<'_, Begun>| {
        let mut part: Vec<CellPart> = vec![CellPart::default(); watched.len()];
        let mut seen = worker.names_versions(&block).then(Sightings::default);
        let wanted = |endpoint: EndpointId, time_us: i64| {
            let mut of = places.get(&endpoint).into_iter().flatten();
            of.any(|&i| watched[i].span.contains(time_us))
        };
        let count = |endpoint: EndpointId, record: &Record<'_>, error: bool, _: (Place, &[u8])| {
            for &i in places.get(&endpoint).into_iter().flatten() {
                let watch = &watched[i];
                if let Some(bad) = watch.signal.judge(error, record.took_us())
                    && watch.span.contains(record.time_us)
                {
                    part[i].add(record, bad);
                    if watch.calm.contains(record.time_us) && record.status.0 < 400 {
                        part[i].crowd.add(identity(record));
                    }
                }
            }
        };
        worker.each_request(&block, seen.as_mut(), wanted, count, |_, _, _, _| {});
        (part, seen.unwrap_or_default())
    };
    let mut sightings = AllSightings::default();
    let mut crowds = vec![Crowd::default(); watched.len()];
    let merge = |(part, seen): (Vec<CellPart>, Sightings)| {
        for ((cells, crowd), part) in found.iter_mut().zip(&mut crowds).zip(part) {
            crowd.merge(&part.crowd);
            cells.merge(part);
        }
        sightings.merge(seen);
    };
    reading.each_block(Some(selection), worker, work, merge);
    for (cells, crowd) in found.iter_mut().zip(&crowds) {
        cells.bound_failures();
        crowd.unmask(&mut cells.failures);
    }
    (found, sightings.finish())
}

/// Second look: counts each incident from its onset to its end, and listens to what applications wrote
/// about their errors from `past_us` before the incidents.
pub fn details(
    reading: &Reading<'_>,
    catalog: &Catalog,
    blocks: &[BlockFacts],
    looks: &[Look],
    past_us: i64,
) -> (Vec<Detail>, Words) {
    let mut found: Vec<Detail> = looks.iter().map(Detail::empty).collect();
    // Which incidents, and at which place in each, an endpoint belongs to.
    let mut places: BTreeMap<EndpointId, Vec<(usize, usize)>> = BTreeMap::new();
    for (i, look) in looks.iter().enumerate() {
        for (k, &endpoint) in look.endpoints.iter().enumerate() {
            places.entry(endpoint).or_default().push((i, k));
        }
    }
    // What is older than all that pass 1 counted is not listened to either.
    let (from_us, to_us) = reading.query.span_us();
    let within = |span: Span| Span {
        from_us: from_us.map_or(span.from_us, |from| span.from_us.max(from)),
        to_us: to_us.map_or(span.to_us, |to| span.to_us.min(to)),
    };
    // What has no request in it may be an application's log: its lines are asked when they were written.
    let wanted = |times: Option<(i64, i64)>| match times {
        Some(times) => looks.iter().any(|l| within(l.whole()).touches(times)),
        None => true,
    };
    let selection = select(reading, blocks, wanted);
    let facts: BTreeMap<(usize, u32), &BlockFacts> =
        blocks.iter().map(|b| ((b.file, b.number), b)).collect();
    let windows: Vec<Span> = looks
        .iter()
        .map(|look| {
            within(Span {
                from_us: look.times.span.from_us.saturating_sub(past_us),
                to_us: look.times.span.to_us,
            })
        })
        .collect();
    let names = Names::new(catalog);
    let origins = reading.origins;
    let worker = || {
        (
            Worker::new(reading, &names),
            Listener::new(reading, &windows),
        )
    };
    let work = |(worker, listener): &mut (Worker<'_>, Listener<'_>), block: Block<'_, Begun>| {
        let mut part: Vec<Part> = looks.iter().map(Part::empty).collect();
        let host = &origins[block.file].host;
        let facts = facts.get(&(block.file, block.number));
        let first_request = facts.and_then(|facts| Some(facts.span_us?.0));
        let mut heard = WordsPart::new(block.file, first_request);
        let first_line = facts.and_then(|facts| facts.first_line);
        let format = block.begun.format_below(block.above.as_deref());
        if facts.is_some_and(|f| f.span_us.is_none()) && !listener.is_near(&format, block.bytes) {
            return (part, heard);
        }
        let wanted = |endpoint: EndpointId, time_us: i64| {
            let of = places.get(&endpoint).into_iter().flatten();
            of.into_iter()
                .any(|&(i, _)| looks[i].whole().contains(time_us))
        };
        let count =
            |endpoint: EndpointId, record: &Record<'_>, error: bool, (at, line): (Place, &[u8])| {
                for &(i, k) in places.get(&endpoint).into_iter().flatten() {
                    let (look, part) = (&looks[i], &mut part[i]);
                    let Some(bad) = look.signals[k].judge(error, record.took_us()) else {
                        continue;
                    };
                    let is_during = look.times.contain(record.time_us);
                    if look.whole().contains(record.time_us) {
                        part.labels.add(k, record, bad, is_during, host);
                    }
                    if is_during {
                        let text = || Example::of(&block, first_line, at, line);
                        part.detail.add(k, record, error, bad, text);
                    } else if look.baseline.contains(record.time_us) && !error {
                        record
                            .took_us()
                            .into_iter()
                            .for_each(|us| part.detail.endpoints[k].baseline.add(us));
                    }
                }
            };
        let service = service_name(&block.begun.service);
        let hear = |format: &Format, at: Place, line: &[u8], request_us: Option<i64>| {
            let example = || Example::of(&block, first_line, at, line);
            listener.hear(format, line, example, service, request_us, &mut heard);
        };
        worker.each_request(&block, None, wanted, count, hear);
        (part, heard)
    };
    let mut words = AllWords::default();
    let merge = |(parts, heard): (Vec<Part>, WordsPart)| {
        for (detail, part) in found.iter_mut().zip(parts) {
            detail.labels.merge(&part.labels);
            detail.merge(part.detail);
        }
        words.merge(heard);
    };
    reading.each_block(Some(selection), worker, work, merge);
    found.iter_mut().for_each(|detail| detail.labels.finish());
    (found, words.finish(past_us))
}

/// One block's share of a [`Detail`].
struct Part {
    detail: Detail,
    labels: TallyPart,
}

impl Part {
    fn empty(look: &Look) -> Part {
        let detail = Detail::empty(look);
        Part {
            labels: TallyPart::of(&detail.labels),
            detail,
        }
    }
}

impl Look {
    /// From the begin of its baseline to its end.
    fn whole(&self) -> Span {
        Span {
            from_us: self.baseline.from_us,
            to_us: self.times.span.to_us,
        }
    }
}

/// The blocks whose times are wanted.
fn select(
    reading: &Reading<'_>,
    blocks: &[BlockFacts],
    wanted: impl Fn(Option<(i64, i64)>) -> bool,
) -> Selection {
    let mut selection = vec![Vec::new(); reading.files.len()];
    for block in blocks {
        if wanted(block.span_us) {
            selection[block.file].push(block.number);
        }
    }
    for numbers in &mut selection {
        numbers.sort_unstable();
    }
    selection.into_iter().map(Some).collect()
}

/// The endpoints by name.
struct Names {
    interner: Interner,
    crowds: Crowds,
    overflowed: bool,
}

impl Names {
    fn new(catalog: &Catalog) -> Names {
        let mut interner = Interner::default();
        let mut key = ShortText::default();
        for endpoint in &catalog.endpoints {
            key.truncate(0);
            begin_key(
                &mut key,
                &catalog.services[endpoint.service.0 as usize],
                &endpoint.method,
            );
            key.push(&endpoint.template);
            interner.intern(key.as_bytes());
        }
        Names {
            interner,
            crowds: catalog.crowds.clone(),
            overflowed: catalog.endpoints.iter().any(|e| is_other(&e.template)),
        }
    }

    /// The endpoint of that key, whose template begins at `template`; where pass 1 did not tell it
    /// apart, the one that took it.
    fn find(&self, key: &mut ShortText, service: &[u8], template: usize) -> Option<EndpointId> {
        let exact = self.interner.find(key.as_bytes()).map(EndpointId);
        if exact.is_some() || !self.overflowed && self.crowds.is_empty() {
            return exact;
        }
        let path = &key.as_bytes()[template..];
        let together = self.crowds.fold(service, path);
        let mut takers: Vec<Vec<u8>> = together.into_iter().collect();
        if self.overflowed {
            let first = path.split(|&b| b == b'/').nth(1);
            takers.extend([other(first), other(None)]);
        }
        takers.into_iter().find_map(|taker| {
            key.truncate(template);
            key.push(&taker);
            self.interner.find(key.as_bytes()).map(EndpointId)
        })
    }
}

fn begin_key(key: &mut ShortText, service: &[u8], method: &[u8]) {
    key.push(service);
    key.push(b"\0");
    key.push(method);
    key.push(b"\0");
}

/// One thread's memory.
struct Worker<'r> {
    query: &'r Query,
    names: &'r Names,
    clock: Clock,
    scratch: Scratch,
    aside: Aside,
    key: ShortText,
    known: glance::Known,
}

impl<'r> Worker<'r> {
    fn new(reading: &'r Reading<'_>, names: &'r Names) -> Worker<'r> {
        Worker {
            query: reading.query,
            names,
            clock: reading.clock(),
            scratch: Scratch::default(),
            aside: Aside::default(),
            key: ShortText::default(),
            known: glance::Known::default(),
        }
    }

    /// Each request of the block that pass 1 counted and that is wanted by its endpoint and time: the
    /// endpoint, the request, whether it is an error, and the line with its place in the block. Few are
    /// wanted, so a line is read in full only when it is one of them, or when the versions of all are to
    /// be noted. Also, to `hear`: each line that tells of no request, and each wanted one that failed,
    /// with its time.
    fn each_request(
        &mut self,
        block: &Block<'_, Begun>,
        mut sightings: Option<&mut Sightings>,
        wanted: impl Fn(EndpointId, i64) -> bool,
        mut see: impl FnMut(EndpointId, &Record<'_>, bool, (Place, &[u8])),
        mut hear: impl FnMut(&Format, Place, &[u8], Option<i64>),
    ) {
        let service = &block.begun.service;
        self.clock.set_not_after(block.begun.latest_us);
        let mixture = &block.begun.mixture;
        let mut format = block.begun.format_below(block.above.as_deref());
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut aside = std::mem::take(&mut self.aside);
        let depth = match sightings {
            Some(_) => Depth::Full,
            None => Depth::Counts,
        };
        let (is_selective, joins) = (sightings.is_none(), format.joins());
        let mut each =
            |worker: &mut Self, scratch: &mut Scratch, at: Place, line: &[u8], depth: Depth| {
                let mut tell = |worker: &Self,
                                endpoint: EndpointId,
                                format: &Format,
                                record: &Record<'_>,
                                line: (Place, &[u8])| {
                    let error = worker.query.errors.contains(record.status);
                    see(endpoint, record, error, line);
                    if error {
                        hear(format, line.0, line.1, Some(record.time_us));
                    }
                };
                let seen = sightings.as_deref_mut();
                let mut refused = None;
                let endpoint = match format.parse(line, &mut worker.clock, scratch, depth) {
                    Ok(record) => {
                        let endpoint = worker.asked_for(&record, service, seen, &wanted);
                        if let (Some(endpoint), Depth::Full) = (endpoint, depth) {
                            tell(worker, endpoint, &format, &record, (at, line));
                            return;
                        }
                        endpoint
                    }
                    Err(reason) => {
                        refused = Some(reason);
                        let clock = &mut worker.clock;
                        match mixture.read(&format, line, reason, clock, &mut aside, depth) {
                            Ok((_, record)) => worker.asked_for(&record, service, seen, &wanted),
                            Err(reason) => {
                                if matches!(reason, Reject::NoRequest | Reject::Unrecognized) {
                                    hear(&format, at, line, None);
                                }
                                if let Some(below) = format.header(line) {
                                    format = below;
                                }
                                return;
                            }
                        }
                    }
                };
                let Some(endpoint) = endpoint else { return };
                let (clock, depth) = (&mut worker.clock, Depth::Full);
                let read = match refused {
                    None => format
                        .parse(line, clock, scratch, depth)
                        .map(|record| (&*format, record)),
                    Some(reason) => mixture
                        .read(&format, line, reason, clock, &mut aside, depth)
                        .map(|(by, record)| (mixture.format(by, &format), record)),
                };
                if let Ok((format, record)) = read {
                    tell(worker, endpoint, format, &record, (at, line));
                }
            };
        if joins.any() {
            let mut joiner = Joiner::new(joins, block.before);
            for (at, line) in Lines::new(block.bytes).placed() {
                match joiner.take(line) {
                    Piece::Whole => each(self, &mut scratch, at, line, depth),
                    Piece::Joined(text) => each(self, &mut scratch, at, text, depth),
                    Piece::Begins => {}
                }
            }
        } else if !(is_selective && self.pass_over(block, &mut scratch, &wanted, &mut each)) {
            for (at, line) in Lines::new(block.bytes).placed() {
                each(self, &mut scratch, at, line, depth);
            }
        }
        (self.scratch, self.aside) = (scratch, aside);
    }

    /// The endpoint of a request, if it is wanted; its version is noted.
    fn asked_for(
        &mut self,
        record: &Record<'_>,
        service: &[u8],
        sightings: Option<&mut Sightings>,
        wanted: impl Fn(EndpointId, i64) -> bool,
    ) -> Option<EndpointId> {
        if self.query.side(record.time_us) == Side::Outside {
            return None;
        }
        if let Some(seen) = sightings {
            seen.add(service_name(record.service.unwrap_or(service)), record);
        }
        let endpoint = self.endpoint(record, service)?;
        wanted(endpoint, record.time_us).then_some(endpoint)
    }

    /// Whether the block's lines name the version that answered, by the first of them.
    fn names_versions(&mut self, block: &Block<'_, Begun>) -> bool {
        let format = block.begun.format_below(block.above.as_deref());
        let (clock, scratch) = (&mut self.clock, &mut self.scratch);
        Lines::new(block.bytes).take(PROBED).any(|line| {
            let record = format.parse(line, clock, scratch, Depth::Full);
            record.is_ok_and(|record| record.version.is_some())
        })
    }

    /// The endpoint of a request, if pass 1 saw it, by the rules and its name.
    fn find(&mut self, service: &[u8], method: &[u8], target: &[u8]) -> Option<EndpointId> {
        self.key.truncate(0);
        begin_key(&mut self.key, service_name(service), method);
        let template = self.key.len();
        match self.query.routes.find(target) {
            Some(route) => self.key.push(route.as_bytes()),
            None => append_template(target, &mut self.key),
        }
        self.names
            .find(&mut self.key, service_name(service), template)
    }
}

/// One block's share of a [`Cells`].
#[derive(Debug, Clone, Default)]
struct CellPart {
    /// By number of the cell since the epoch.
    counts: BTreeMap<i64, (u32, u32)>,
    failures: BTreeMap<i64, CellFailures>,
    crowd: Crowd,
}

#[derive(Debug, Clone, Default)]
struct CellFailures {
    kept: Vec<Failure>,
    dropped: u64,
}

impl CellPart {
    fn add(&mut self, record: &Record<'_>, error: bool) {
        let cell = record.time_us.div_euclid(CELL_US);
        let counts = self.counts.entry(cell).or_default();
        counts.0 += 1;
        if error {
            counts.1 += 1;
            let failures = self.failures.entry(cell).or_default();
            failures.kept.push(failure(record));
            if failures.kept.len() >= 4 * CELL_FAILURES {
                failures.bound();
            }
        }
    }
}

impl CellFailures {
    /// Keeps the earliest and the last.
    fn bound(&mut self) {
        self.kept.sort_unstable();
        if self.kept.len() > CELL_FAILURES {
            self.dropped += (self.kept.len() - CELL_FAILURES) as u64;
            let last = self.kept[self.kept.len() - 1];
            self.kept.truncate(CELL_FAILURES - 1);
            self.kept.push(last);
        }
    }
}

fn failure(record: &Record<'_>) -> Failure {
    let client = record.client.unwrap_or_default();
    let agent = record.agent.unwrap_or_default();
    Failure {
        time_us: record.time_us,
        status: record.status.0,
        request: user_hash(&[
            record.user.unwrap_or_default(),
            client,
            agent,
            record.target,
        ]),
        user: identity(record),
    }
}

/// Who asked: the user, else the client's address; 0 where the line names neither. Whoever scans a site
/// calls itself by another agent each time.
fn identity(record: &Record<'_>) -> u64 {
    let client = || record.client.map(|client| user_hash(&[client]));
    user(record).or_else(client).unwrap_or_default()
}

fn user(record: &Record<'_>) -> Option<u64> {
    record.user.map(|user| user_hash(&[user]))
}

/// What stands in for a user: the client's address and its agent.
fn proxy(record: &Record<'_>) -> Option<u64> {
    record
        .client
        .map(|client| user_hash(&[client, record.agent.unwrap_or_default()]))
}

impl Cells {
    fn merge(&mut self, part: CellPart) {
        let first = self.start_us / CELL_US;
        for (cell, (requests, errors)) in part.counts {
            if let Some(sum) = usize::try_from(cell - first)
                .ok()
                .and_then(|i| self.counts.get_mut(i))
            {
                sum.0 += requests;
                sum.1 += errors;
            }
        }
        for (_, mut failures) in part.failures {
            failures.bound();
            self.failures.append(&mut failures.kept);
            self.failures_dropped += failures.dropped;
        }
    }

    /// Bounds the failures of each cell anew, now that all blocks are in.
    fn bound_failures(&mut self) {
        self.failures.sort_unstable();
        let mut bounded = Vec::with_capacity(self.failures.len());
        for cell in self
            .failures
            .chunk_by(|a, b| a.time_us.div_euclid(CELL_US) == b.time_us.div_euclid(CELL_US))
        {
            let mut cell = CellFailures {
                kept: cell.to_vec(),
                dropped: 0,
            };
            cell.bound();
            self.failures_dropped += cell.dropped;
            bounded.append(&mut cell.kept);
        }
        self.failures = bounded;
    }
}

impl Detail {
    fn empty(look: &Look) -> Detail {
        Detail {
            endpoints: vec![EndpointDetail::default(); look.endpoints.len()],
            labels: Tally::new(look.whole().to_us - look.whole().from_us),
            ..Detail::default()
        }
    }

    fn add(
        &mut self,
        endpoint: usize,
        record: &Record<'_>,
        error: bool,
        bad: bool,
        line: impl FnOnce() -> Example,
    ) {
        let detail = &mut self.endpoints[endpoint];
        detail.requests += 1;
        let (latencies, took_us) = match error {
            true => (&mut detail.failures, record.latency_us),
            false => (&mut detail.successes, record.took_us()),
        };
        took_us.into_iter().for_each(|us| latencies.add(us));
        user(record)
            .into_iter()
            .for_each(|user| self.users.add(user, bad));
        proxy(record)
            .into_iter()
            .for_each(|proxy| self.proxies.add(proxy, bad));
        if bad {
            detail.errors += 1;
            *detail.statuses.entry(record.status.0).or_default() += 1;
            if self.samples.len() < SAMPLES
                || self.samples.iter().any(|s| s.time_us > record.time_us)
            {
                self.samples.push(Sample {
                    time_us: record.time_us,
                    line: line(),
                });
                self.bound_samples();
            }
        }
    }

    fn bound_samples(&mut self) {
        self.samples.sort_unstable();
        self.samples.truncate(SAMPLES);
    }

    fn merge(&mut self, part: Detail) {
        for (mine, theirs) in self.endpoints.iter_mut().zip(part.endpoints) {
            mine.requests += theirs.requests;
            mine.errors += theirs.errors;
            for (status, n) in theirs.statuses {
                *mine.statuses.entry(status).or_default() += n;
            }
            mine.successes.merge(&theirs.successes);
            mine.failures.merge(&theirs.failures);
            mine.baseline.merge(&theirs.baseline);
        }
        self.users.merge(part.users);
        self.proxies.merge(part.proxies);
        self.samples.extend(part.samples);
        self.bound_samples();
    }
}
