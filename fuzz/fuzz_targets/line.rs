//! Any bytes as a log line, in every built-in format: no panic, and pass 1 (`Counts`) and pass 2
//! (`Full`) read the same request in it. The format is told from the lines as well.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use triage::internals::{Clock, Depth, Lines, Record, Reject, Scratch};
use triage::{Format, Registry};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

/// What both depths promise to read.
type Shared = (i64, Vec<u8>, Vec<u8>, u16, Option<Vec<u8>>);

fn shared(record: Record<'_>) -> Shared {
    let service = record.service.map(<[u8]>::to_vec);
    (record.time_us, record.method.to_vec(), record.target.to_vec(), record.status.0, service)
}

fn parse(format: &Format, line: &[u8], clock: &mut Clock, depth: Depth) -> Result<Shared, Reject> {
    format.parse(line, clock, &mut Scratch::default(), depth).map(shared)
}

fuzz_target!(|text: &[u8]| {
    let told = REGISTRY.detect(text, &Clock::new(None)).format;
    for format in REGISTRY.formats().iter().chain([&told]) {
        // A clock that remembers the line before, against one that never saw another line.
        let mut clock = Clock::new(None);
        for line in Lines::new(text) {
            let counts = parse(format, line, &mut clock, Depth::Counts);
            let full = parse(format, line, &mut Clock::new(None), Depth::Full);
            assert_eq!(counts, full, "{}", format.name());
        }
    }
});
