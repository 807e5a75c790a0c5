//! Which format each log is, and why: nothing but the first bytes of each file is read.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::error::{Error, Result};
use crate::format::{Format, Registry};
use crate::input::Found;
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
        match file.begin() {
            Ok(head) => {
                let explanation = registry.explain(&head, named, &clock);
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
