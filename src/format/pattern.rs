//! A regular expression with named groups, for what no other shape describes; the slowest shape, but where an
//! expression needs no search ([`runs`]).
//!
//! Group names are looked up in the same table as the keys of structured logs, so `(?<duration_ms>…)`
//! is a latency in milliseconds.

mod runs;

use regex::bytes::{CaptureLocations, Regex};

use crate::error::{Error, Result};
use crate::record::Reject;

use super::counted::Sink;
use super::fields::Slot;
use super::keys::{Keys, Meaning};
use runs::Runs;

#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    /// The same for most lines, if it needs no search.
    runs: Option<Runs>,
    /// For each group of the expression, what it means.
    meanings: Vec<Option<Meaning>>,
}

/// A regex's groups, allocated once per thread and expression.
#[derive(Debug, Default)]
pub(super) struct Groups(Option<(String, CaptureLocations)>);

impl Groups {
    fn of(&mut self, regex: &Regex) -> &mut CaptureLocations {
        if self.0.as_ref().is_none_or(|(of, _)| of != regex.as_str()) {
            self.0 = None;
        }
        let (_, groups) = self
            .0
            .get_or_insert_with(|| (regex.as_str().to_owned(), regex.capture_locations()));
        groups
    }
}

impl Pattern {
    /// From an expression and what its groups mean, the whole match first.
    pub(super) fn with_meanings(
        expression: &str,
        meanings: Vec<Option<Meaning>>,
    ) -> Result<Pattern> {
        let regex = Regex::new(expression).map_err(|e| {
            Error::config(format!("not a regular expression: {e}"))
                .hint("the syntax is that of Rust's regex crate: https://docs.rs/regex/latest/regex/#syntax")
        })?;
        let runs = Runs::of(expression);
        Ok(Pattern {
            regex,
            runs,
            meanings,
        })
    }

    /// From an expression whose named groups must give at least a time, a request and a status.
    pub(super) fn new(expression: &str, keys: &Keys) -> Result<Pattern> {
        let Pattern { regex, runs, .. } = Pattern::with_meanings(expression, Vec::new())?;
        let mut meanings = Vec::new();
        for name in regex.capture_names() {
            let meaning = name.and_then(|name| keys.find_name(name.as_bytes()));
            if let (Some(name), None) = (name, meaning) {
                return Err(Error::config(format!("the group `{name}` is no part of a request")).hint(format!(
                    "names that are: {}, and the usual synonyms; `(?:…)` groups without a name",
                    Slot::ALL.map(|(name, _)| name).join(", ")
                )));
            }
            meanings.push(meaning);
        }
        let gives = |wanted: Slot| {
            meanings
                .iter()
                .flatten()
                .any(|m| matches!(m, Meaning::Part { slot, .. } if *slot == wanted))
        };
        for (missing, given, example) in [
            ("time", gives(Slot::Time), r"\[(?<time>[^\]]+)\]"),
            (
                "request or path",
                gives(Slot::Request) || gives(Slot::Target),
                r"(?<method>[A-Z]+) (?<path>\S+)",
            ),
            ("status", gives(Slot::Status), r"(?<status>\d{3})"),
        ] {
            if !given {
                return Err(
                    Error::config(format!("the pattern has no group for the {missing}"))
                        .hint(format!("add one, such as `{example}`")),
                );
            }
        }
        Ok(Pattern {
            regex,
            runs,
            meanings,
        })
    }

    /// What its groups mean.
    pub(super) fn meanings(&self) -> impl Iterator<Item = Meaning> {
        self.meanings.iter().copied().flatten()
    }

    /// Takes the parts of a request that the groups give.
    pub(super) fn parse<'a>(
        &self,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
        groups: &mut Groups,
    ) -> std::result::Result<(), Reject> {
        if self.parse_plain(line, fields).is_some() {
            return Ok(());
        }
        let groups = groups.of(&self.regex);
        if self.regex.captures_read(groups, line).is_none() {
            return Err(Reject::Unrecognized);
        }
        self.offer(line, fields, |index| groups.get(index));
        Ok(())
    }

    /// The same of a line that needs no engine; nothing is taken of any other.
    #[inline]
    pub(super) fn parse_plain<'a>(&self, line: &'a [u8], fields: &mut impl Sink<'a>) -> Option<()> {
        let places = self.runs.as_ref()?.read(line)?;
        let place = |(start, end): &(u32, u32)| Some((*start as usize, *end as usize));
        self.offer(line, fields, |index| places.get(index).and_then(place));
        Some(())
    }

    #[inline]
    fn offer<'a>(
        &self,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
        place: impl Fn(usize) -> Option<(usize, usize)>,
    ) {
        for (index, meaning) in self.meanings.iter().enumerate() {
            if let Some(Meaning::Part { slot, rank, unit }) = meaning
                && let Some(text) = place(index).and_then(|(start, end)| line.get(start..end))
            {
                fields.offer(*slot, *rank, *unit, text, false);
            }
        }
    }
}
