//! Log lines in, as bytes; [`Record`]s out, or the [`Reject`] reason why a line is none.
//!
//! A [`Format`] is a row of data (`specs/*.toml`: a name, a layout or a table of keys, the vendor's
//! page, samples that are run as tests) for one of a few parsers, one per *shape* of line:
//! `delimited`, `json`, `logfmt`, and `pattern` for regular expressions. A [`Registry`] holds the
//! formats that are built in, makes one of a user's pattern, and tells a file's format from its
//! first lines.
//!
//! Parsing is a pure function of one line: no file, no endpoint and no count is known here. No line
//! costs an allocation once the [`Scratch`] has grown to the longest value that had to be unescaped.

mod delimited;
mod fields;
mod json;
mod keys;
mod logfmt;
mod pattern;
mod plain;
mod registry;
mod text;

use std::sync::Arc;

use crate::record::{Depth, Record, Reject};
use crate::timestamp::Clock;

pub use registry::{Detected, Registry};

/// Longer lines are not read.
const LONGEST_LINE: usize = 1 << 20;

/// One kind of log line, and how to read it.
#[derive(Debug)]
pub struct Format {
    name: String,
    title: String,
    url: String,
    /// Of two formats that read a file equally well the more specific one, with the higher rank, is
    /// the right one.
    rank: i64,
    shape: Shape,
    /// What the keys of structured lines, and the names in a tail, mean.
    keys: Arc<keys::Keys>,
}

#[derive(Debug)]
enum Shape {
    Delimited(delimited::Layout),
    Json,
    Logfmt,
    Pattern(pattern::Pattern),
    Plain,
}

/// A thread's reusable memory for values that can't be borrowed from the line as they stand.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    groups: pattern::Groups,
}

impl Format {
    /// The name that `--log-format` takes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is, in a few words.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The vendor's page that defines it; empty for a user's pattern.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Reads one line, with or without its line end.
    #[inline]
    pub fn parse<'a>(
        &'a self,
        line: &'a [u8],
        clock: &mut Clock,
        scratch: &'a mut Scratch,
        depth: Depth,
    ) -> Result<Record<'a>, Reject> {
        if line.len() > LONGEST_LINE {
            return Err(Reject::TooLong);
        }
        let line = trimmed(line);
        if line.is_empty() {
            return Err(Reject::Blank);
        }
        let Scratch { text, groups } = scratch;
        let fields = match &self.shape {
            Shape::Delimited(layout) => layout.parse(line, depth),
            Shape::Json => json::parse(&self.keys, line, depth, text),
            Shape::Pattern(pattern) => pattern.parse(line, depth, groups),
            Shape::Logfmt => return self.parse_logfmt(line, clock, text, depth),
            Shape::Plain => Err(plain::reason(line, clock)),
        };
        match fields {
            Ok(fields) => fields.record(clock, text),
            Err(Reject::Unrecognized) if line[0] == b'#' => Err(Reject::Comment),
            Err(reason) => Err(reason),
        }
    }

    fn parse_logfmt<'a>(
        &self,
        line: &'a [u8],
        clock: &mut Clock,
        text: &'a mut Vec<u8>,
        depth: Depth,
    ) -> Result<Record<'a>, Reject> {
        let parsed = logfmt::parse(&self.keys, line, depth)?;
        match parsed.fields.record(clock, text) {
            Err(Reject::NoRequest) if line[0] == b'#' => Err(Reject::Comment),
            Err(Reject::NoRequest) if !parsed.is_logfmt => Err(Reject::Unrecognized),
            other => other,
        }
    }

    /// The same format, knowing what these lines of one file have beyond it: where in the tail of an
    /// access log the latency stands.
    fn learned<'l>(self: &Arc<Format>, lines: impl Iterator<Item = &'l [u8]>) -> Arc<Format> {
        let Shape::Delimited(layout) = &self.shape else {
            return Arc::clone(self);
        };
        Arc::new(Format {
            name: self.name.clone(),
            title: self.title.clone(),
            url: self.url.clone(),
            rank: self.rank,
            shape: Shape::Delimited(layout.learn(lines, &self.keys)),
            keys: Arc::clone(&self.keys),
        })
    }
}

/// Without the white space around it and a byte order mark in front.
#[inline]
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    line.trim_ascii()
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
