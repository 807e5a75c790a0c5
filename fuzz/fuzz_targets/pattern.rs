//! A user's pattern (the first line of the input) on any lines (the rest): an error with a hint or
//! a format, never a panic; both passes read the same.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use triage::Registry;
use triage::internals::{Clock, Depth, Lines, Scratch};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

fuzz_target!(|text: &str| {
    let (pattern, lines) = text.split_once('\n').unwrap_or((text, ""));
    let format = match REGISTRY.user(pattern, |_| Ok(String::new())) {
        Ok(format) => format,
        Err(error) => {
            assert!(error.is_config(), "{error}");
            return;
        }
    };
    let mut clock = Clock::new(None);
    for line in Lines::new(lines.as_bytes()) {
        let mut scratch = [Scratch::default(), Scratch::default()];
        let [first, second] = &mut scratch;
        let counts = format.parse(line, &mut clock, first, Depth::Counts);
        let counts = counts.map(|r| (r.time_us, r.method.to_vec(), r.target.to_vec(), r.status));
        let full = format.parse(line, &mut clock, second, Depth::Full);
        let full = full.map(|r| (r.time_us, r.method.to_vec(), r.target.to_vec(), r.status));
        assert_eq!(counts, full);
    }
});
