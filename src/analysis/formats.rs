//! Which format each log is, and why: nothing is read but the first bytes of each file, and where these don't tell,
//! some of the later ones.

use std::io;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::error::{Error, Result};
use crate::format::{Format, Registry};
use crate::input::{Found, LogFile, Peek};
use crate::reading::DAY_US;
use crate::report::formats::{Explained, explained};
use crate::timestamp::Clock;

use super::refuse_nothing;

/// Explains how each log is read; where the user `named` a format, how that one reads them.
///
/// # Errors
/// No file can be read.
pub fn explain(
    found: &Found,
    registry: &Registry,
    named: Option<&Arc<Format>>,
    zone: Option<TimeZone>,
    now_us: i64,
) -> Result<Explained> {
    refuse_nothing(found)?;
    let clock = Clock::new(zone).not_after(now_us.saturating_add(DAY_US));
    let mut files = Vec::new();
    let mut refused = None;
    for file in &found.files {
        match telling(file, registry, named, &clock) {
            Ok((text, first)) => {
                let explanation = registry.explain(&text, first, named, &clock);
                files.push(explained(&file.path, &explanation));
            }
            Err(source) => refused = Some(Error::io("can't be read", source).at(&file.path)),
        }
    }
    match refused {
        Some(error) if files.is_empty() => Err(error),
        _ => Ok(Explained {
            schema: "triage.formats-explained/1",
            files,
        }),
    }
}

/// The lines that tell a file's format, and the number of the first of them.
fn telling(
    file: &LogFile,
    registry: &Registry,
    named: Option<&Arc<Format>>,
    clock: &Clock,
) -> io::Result<(Vec<u8>, usize)> {
    let head = file.begin()?;
    if named.is_some() {
        return Ok((head, 1));
    }
    let mut places = Peek::excerpts(file);
    let later: Vec<&[u8]> = places.iter().map(|place| &*place.text).collect();
    let told = registry.detect(&head, &later, clock).text;
    match (told.checked_sub(1), Peek::open(file)) {
        (Some(place), Some(peek)) => {
            let place = places.swap_remove(place);
            let number = peek.number_of(&place)?;
            Ok((place.text, number))
        }
        _ => Ok((head, 1)),
    }
}
