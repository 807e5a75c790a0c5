//! What a user gives as `--log-format` (up to a line of four dashes; as a file's text if the first
//! line is `#toml`), on any lines (the rest): an error with words or a format, never a panic; both
//! passes read the same request, and what was tried can be explained.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use triage::Registry;
use triage::internals::{Clock, Depth, Lines, Scratch};

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::builtin);

fuzz_target!(|text: &str| {
    let (written, lines) = text.split_once("\n----\n").unwrap_or((text, ""));
    let format = match written.strip_prefix("#toml\n") {
        Some(file) => REGISTRY.user("mine.toml", |_| Ok(file.to_owned())),
        None => REGISTRY.user(written, |_| Ok(String::new())),
    };
    let format = match format {
        Ok(format) => format,
        Err(error) => {
            assert!(error.is_config() && !error.to_string().is_empty());
            return;
        }
    };
    assert!(!format.shape().is_empty());
    let learnt = Registry::learn(&format, lines.as_bytes(), &Clock::new(None));
    for format in [&format, &learnt] {
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
    }
    let explained = REGISTRY.explain(lines.as_bytes(), Some(&format), &Clock::new(None));
    assert_eq!(explained.tried.len(), 1);
});
