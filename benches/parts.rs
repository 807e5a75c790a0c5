//! The parts of a run one by one: `cargo bench --bench parts`, `-- scan` for one of them.
//!
//! For whoever changes a part and wants to see what it gains; what counts in the end are whole runs
//! (`benches/throughput.sh`) and instructions (`benches/instructions.sh`). Each part says what it must
//! come to, so that nothing wrong is timed. The input is drawn, the same each time.

use std::fmt::Write;
use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triage::internals::{
    Aggregate, Begins, Catalog, ChunkCounts, Clock, Depth, Endpoint, EndpointId, Lines, MinuteCell,
    Origin, Reading, Scratch, SeriesSet, ServiceId, ShortText, Sought, append_template, candidates,
    scan,
};
use triage::{ErrorStatuses, Io, Query, Registry, find_logs};

/// Lines of the log that is scanned, one in 256 of which is an error.
const LINES: u64 = 1_640 * 256;
/// Monday, 8 April 2024, midnight in UTC.
const START_S: i64 = 1_712_534_400;
const PATHS: [&str; 8] = [
    "/api/v1/orders/4711",
    "/api/v1/orders/0b2c1c9e-7c1d-4e58-9f0a-3d5f4a6b7c8d/items",
    "/api/v1/login",
    "/",
    "/static/app.3f9ac2d1.js",
    "/users/91823/carts/17?expand=items&page=3",
    "/search?q=boots",
    "/api/v2/products/by-key/a81bc81b-dead-4e5d-abff-90865d1e13b1",
];

/// A number that looks drawn.
fn drawn(n: u64) -> u64 {
    n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

/// An access log, ten requests a second, one in 256 an error.
fn access_log(lines: u64) -> String {
    let mut text = String::new();
    for n in 0..lines {
        let at = jiff::Timestamp::from_second(START_S + (n / 10) as i64).expect("a time of 2024");
        let time = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
        let path = PATHS[drawn(n) as usize % PATHS.len()];
        let status = if n % 256 == 7 { 503 } else { 200 };
        writeln!(
            text,
            "203.0.113.{} - - [{time}] \"GET {path} HTTP/1.1\" {status} {} \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"",
            drawn(n) % 250,
            drawn(n) % 9_000,
        )
        .expect("writing to a String can't fail");
    }
    text
}

/// Pass 1 on one thread: files, blocks, lines, endpoints, cells.
fn scanning(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("api.log");
    let text = access_log(LINES);
    std::fs::write(&path, &text).expect("room for the log");
    let found = find_logs(&[path], &[]).expect("the log is there");
    let registry = Registry::builtin();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.expect("one thread");
    let (query, progress) = (Query::default(), AtomicU64::new(0));
    let origins = [Origin {
        service: b"api".to_vec(),
        host: Vec::new(),
    }];
    let mut group = c.benchmark_group("scan");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for (name, io) in [("mapped", Io::Mmap), ("read", Io::Read)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let reading = Reading {
                    files: &found.files,
                    io,
                    now_us: START_S * 1_000_000,
                    pool: &pool,
                    registry: &registry,
                    format: None,
                    zone: None,
                    query: &query,
                    progress: &progress,
                    begins: &Begins::of(1),
                    origins: &origins,
                };
                let scan = scan(&reading, Sought::default());
                assert_eq!((scan.requests, scan.errors), (LINES, 1_640));
            });
        });
    }
    group.finish();
}

/// Lines to records by the way that every processor can take.
fn lines(c: &mut Criterion) {
    let text = access_log(4_096);
    let registry = Registry::builtin();
    let format = registry.get("combined").expect("it is built in");
    let mut group = c.benchmark_group("line");
    group.throughput(Throughput::Elements(4_096));
    for (name, depth) in [("counts", Depth::Counts), ("full", Depth::Full)] {
        group.bench_function(name, |b| {
            let (mut clock, mut scratch) = (Clock::new(None), Scratch::default());
            b.iter(|| {
                let read = Lines::new(text.as_bytes())
                    .filter(|line| format.parse(line, &mut clock, &mut scratch, depth).is_ok());
                assert_eq!(read.count(), 4_096);
            });
        });
    }
    group.finish();
}

fn templates(c: &mut Criterion) {
    let mut group = c.benchmark_group("template");
    group.throughput(Throughput::Elements(PATHS.len() as u64));
    group.bench_function("append", |b| {
        let mut out = ShortText::default();
        b.iter(|| {
            for path in black_box(PATHS) {
                out.truncate(0);
                append_template(path.as_bytes(), &mut out);
            }
            assert_eq!(out.as_bytes(), b"/api/v2/products/by-key/{uuid}");
        });
    });
    group.finish();
}

/// A block's requests counted, and blocks merged.
fn cells(c: &mut Criterion) {
    const REQUESTS: u64 = 26_000;
    let fill = |counts: &mut ChunkCounts, first_min: i32| {
        counts.clear();
        let service = counts.service(b"api");
        let errors = ErrorStatuses::default();
        for n in 0..REQUESTS {
            let endpoint = drawn(n) % 400;
            let endpoint = counts.endpoint(service, b"GET", |key| {
                key.push(b"/e");
                key.push(&endpoint.to_le_bytes()[..2]);
            });
            let status = triage::internals::Status(if n % 256 == 7 { 503 } else { 200 });
            let error = errors.contains(status).then_some(status.0);
            counts.count(endpoint, first_min + (n / 6_500) as i32, error, Some(n));
        }
        counts.finish()
    };
    let mut group = c.benchmark_group("cells");
    group.throughput(Throughput::Elements(REQUESTS));
    group.bench_function("count", |b| {
        let mut counts = ChunkCounts::default();
        b.iter(|| black_box(fill(&mut counts, 0)));
    });
    let mut counts = ChunkCounts::default();
    let blocks: Vec<_> = (0..16).map(|n| fill(&mut counts, 3 * n)).collect();
    group.throughput(Throughput::Elements(16));
    group.bench_function("merge", |b| {
        b.iter(|| {
            let mut all = Aggregate::default();
            blocks.iter().for_each(|block| all.merge(block));
            assert_eq!(all.endpoints().len(), 400);
        });
    });
    group.finish();
}

/// A day of 200 endpoints with a request a second each, of which one fails for half an hour.
fn detection(c: &mut Criterion) {
    let start_min = START_S / 60;
    let endpoint = |n: usize| Endpoint {
        service: ServiceId(0),
        method: b"GET".to_vec(),
        template: format!("/e{n}").into_bytes(),
        group: n as u32,
    };
    let minute = |endpoint: u64, minute: i64| MinuteCell {
        minute: (start_min + minute) as i32,
        requests: 60,
        errors: match (endpoint, minute) {
            (7, 800..830) => 20,
            _ => u32::from(drawn(1_440 * endpoint + minute as u64).is_multiple_of(20)),
        },
    };
    let set = SeriesSet {
        catalog: Catalog {
            services: vec![b"api".to_vec()],
            endpoints: (0..200).map(endpoint).collect(),
            ..Catalog::default()
        },
        cells: (0..200)
            .map(|e| (0..1_440).map(|m| minute(e, m)).collect())
            .collect(),
        latencies: Vec::new(),
        start_min,
        minutes: 1_440,
        gaps: Vec::new(),
    };
    c.bench_function("detect/day of 200", |b| {
        b.iter(|| {
            let found = candidates(&set).candidates;
            let of = |n: u32| found.iter().filter(move |c| c.endpoint == EndpointId(n));
            assert_eq!(of(7).count(), 1);
            assert_eq!(of(7).map(|c| c.from_min - start_min).next(), Some(800));
        });
    });
}

fn briefly() -> Criterion {
    // Parts are told apart by a few percent; more samples would only take longer.
    Criterion::default().sample_size(20)
}

criterion_group! {
    name = parts;
    config = briefly();
    targets = scanning, lines, templates, cells, detection
}
criterion_main!(parts);
