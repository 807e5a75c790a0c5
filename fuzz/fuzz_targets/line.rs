//! Any bytes as a log line, in every built-in format: no panic, and pass 1 (`Counts`) and pass 2
//! (`Full`) read the same request in it. The format is told from the lines as well; where lines are
//! put together, a block that begins in their middle puts them together just so.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use triage::internals::{Clock, Depth, Joiner, Lines, Piece, Record, Reject, Scratch};
use triage::{Format, Registry};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

/// What both depths promise to read.
type Shared = (i64, Vec<u8>, Vec<u8>, u16, Option<Vec<u8>>);

fn shared(record: Record<'_>) -> Shared {
    let service = record.service.map(<[u8]>::to_vec);
    (record.time_us, record.method.to_vec(), record.target.to_vec(), record.status.0, service)
}

fn parse(
    format: &Format,
    line: &[u8],
    (clock, scratch): (&mut Clock, &mut Scratch),
    depth: Depth,
) -> Result<Shared, Reject> {
    format.parse(line, clock, scratch, depth).map(shared)
}

/// The second half of the lines, put together from the begin and from the middle.
fn joined(format: &Format, text: &[u8]) {
    let lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
    let (before, after) = lines.split_at(lines.len() / 2);
    let mut whole = Joiner::new(format.joins(), b"");
    let mut part = Joiner::new(format.joins(), &before.concat());
    for line in before {
        whole.take(line.strip_suffix(b"\n").unwrap_or(line));
    }
    for line in after {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let piece = whole.take(line);
        assert!(!matches!(piece, Piece::Joined(text) if text.is_empty()));
        assert_eq!(piece, part.take(line));
    }
}

fuzz_target!(|text: &[u8]| {
    let told = REGISTRY.detect(text, &[], &Clock::new(None)).format;
    joined(&told, text);
    for format in REGISTRY.formats().iter().chain([&told]) {
        // A memory of the lines before, against one that never saw another line. Twice, so that a line
        // is one of those before.
        let (mut clock, mut scratch) = (Clock::new(None), Scratch::default());
        for line in Lines::new(text).chain(Lines::new(text)) {
            let counts = parse(format, line, (&mut clock, &mut scratch), Depth::Counts);
            let fresh = (&mut Clock::new(None), &mut Scratch::default());
            let full = parse(format, line, fresh, Depth::Full);
            assert_eq!(counts, full, "{}", format.name());
        }
    }
});
