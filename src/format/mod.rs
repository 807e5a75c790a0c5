//! Log lines in, as bytes; [`Record`]s out, or the [`Reject`] reason why a line is none.
//!
//! A [`Format`] is a row of data (`specs/*.toml`: a name, a layout or a table of keys, the vendor's
//! page, samples that are run as tests) for one of a few parsers, one per *shape* of line:
//! `delimited`, `json`, `logfmt`, `ltsv`, `w3c`, `csv`, `prose`, and `pattern` for regular expressions. A
//! [`Registry`] holds the formats that are built in, makes one of what a user wrote ([`Spelling`]: a file, a server's format
//! string, a regular expression), tells a file's format from its first lines, and explains why.
//!
//! Parsing is a pure function of one line: no file, no endpoint and no count is known here. No line
//! costs an allocation once the [`Scratch`] has grown to the longest value that had to be unescaped, but for one with
//! escapes in its path.

mod access;
mod cells;
mod counted;
mod delimited;
mod envelope;
mod explain;
mod fields;
#[cfg(target_arch = "x86_64")]
mod glance;
mod join;
mod json;
#[cfg(target_arch = "x86_64")]
mod keyed;
mod keys;
mod logfmt;
mod ltsv;
mod mixed;
mod pattern;
mod plain;
mod prose;
mod registry;
mod remark;
mod sample;
mod spec;
mod spelling;
mod table;
mod text;
mod track;
mod translate;
mod w3c;

use std::sync::Arc;

use crate::record::{Depth, Record, Reject};
use crate::timestamp::Clock;

use counted::Counted;
use delimited::{Way, latency_at_end};
pub use explain::{Explanation, Failure, Reason, Trial};
use fields::Fields;
#[cfg(target_arch = "x86_64")]
pub use glance::{Glance, Glances, Glancing};
pub use join::{Joiner, Joins, Piece, REACH};
#[cfg(target_arch = "x86_64")]
pub use keyed::KeyedGlances;
pub use mixed::{Aside, Mixture, ReadBy};
pub use registry::Registry;
pub use spelling::Spelling;

/// Longer lines are not read.
const LONGEST_LINE: usize = 1 << 20;

/// One kind of log line, and how to read it.
#[derive(Debug, Clone)]
pub struct Format {
    name: String,
    /// Other names that it answers to.
    aliases: Vec<String>,
    title: String,
    url: String,
    /// Of two formats that read a file equally well the more specific one, with the higher rank, is
    /// the right one.
    rank: i64,
    shape: Shape,
    /// What every request's line has somewhere: tells a vendor's lines from others of the same shape.
    mark: Option<memchr::memmem::Finder<'static>>,
    /// What is around each line, outermost first.
    wrapped_in: &'static [envelope::Envelope],
    /// What the keys of structured lines, and the names in a tail, mean.
    keys: Arc<keys::Keys>,
    /// What its lines have to be put together for, before they are read.
    joins: Joins,
}

#[derive(Debug, Clone)]
enum Shape {
    Delimited(delimited::Layout),
    Json,
    Logfmt,
    Ltsv,
    W3c(w3c::Columns),
    Csv(table::Table),
    Pattern(pattern::Pattern),
    Prose(prose::Order),
    Plain,
}

/// How a line is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Plain lines the short way, where pass 1 asks.
    Shortest,
    /// The long way, which the short ones are held against.
    #[cfg(test)]
    AtLength,
    /// As a line that must have the whole shape of its format.
    Strict,
}

/// A thread's reusable memory for values that can't be borrowed from the line as they stand.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    outer: envelope::Memory,
    lines: Memory,
}

/// What the parsers remember from line to line.
#[derive(Debug, Default)]
struct Memory {
    memo: keys::Memo,
    groups: pattern::Groups,
    tracks: track::Tracks,
    shapes: prose::Shapes,
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

    /// Other names that it answers to.
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// How its lines are built: the parser that reads them.
    pub fn shape(&self) -> &'static str {
        match self.shape {
            Shape::Delimited(_) => "delimited",
            Shape::Json => "json",
            Shape::Logfmt => "logfmt",
            Shape::Ltsv => "ltsv",
            Shape::W3c(_) => "w3c",
            Shape::Csv(_) => "csv",
            Shape::Pattern(_) => "pattern",
            Shape::Prose(_) => "prose",
            Shape::Plain => "plain",
        }
    }

    /// Of two formats that read a file equally well the one with the higher rank is taken.
    pub fn rank(&self) -> i64 {
        self.rank
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
        if depth == Depth::Counts
            && let Some(layout) = self.access()
            && let Some(record) = short(layout, line, clock)
        {
            return Ok(record);
        }
        self.read(line, clock, scratch, depth, Manner::Shortest)
    }

    /// The layout of its lines, if they are those of an access log with nothing around them.
    #[inline]
    fn access(&self) -> Option<&delimited::Layout> {
        self.inner_access().filter(|_| self.wrapped_in.is_empty())
    }

    /// The layout of its lines, if they are those of an access log, whatever is around them.
    #[inline]
    fn inner_access(&self) -> Option<&delimited::Layout> {
        match &self.shape {
            Shape::Delimited(layout) if layout.is_access() && self.mark.is_none() => Some(layout),
            _ => None,
        }
    }

    /// A shorter way along its lines, if they are those of an access log and the processor can take it.
    #[cfg(target_arch = "x86_64")]
    pub fn glances(&self) -> Option<Glances<'_>> {
        self.access()
            .filter(|_| crate::lanes::are_here())
            .map(Glances::new)
    }

    /// The same, if they are keys and values with nothing around them.
    #[cfg(target_arch = "x86_64")]
    pub fn keyed_glances(&self) -> Option<KeyedGlances<'_>> {
        let is_keyed = matches!(self.shape, Shape::Json | Shape::Logfmt | Shape::Ltsv);
        (is_keyed && self.wrapped_in.is_empty() && crate::lanes::are_here())
            .then(|| KeyedGlances::new(self))
    }

    /// The counted values of a line that goes a known way.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,sse4.2")]
    #[inline]
    fn counted<'s>(
        &self,
        line: crate::lanes::Inside<'_>,
        scratch: &'s mut Scratch,
    ) -> Option<&'s [track::Found]> {
        let tracks = &mut scratch.lines.tracks;
        match &self.shape {
            Shape::Json => tracks.find_counted::<json::Json>(&self.keys, line),
            Shape::Logfmt => tracks.find_counted::<logfmt::Logfmt>(&self.keys, line),
            Shape::Ltsv => tracks.find_counted::<ltsv::Ltsv>(&self.keys, line),
            _ => None,
        }
    }

    /// The same for a line that must have the whole shape of this format, down to its end: whether
    /// it is of this format at all.
    fn parse_strictly<'a>(
        &'a self,
        line: &'a [u8],
        clock: &mut Clock,
        scratch: &'a mut Scratch,
    ) -> Result<Record<'a>, Reject> {
        self.read(line, clock, scratch, Depth::Full, Manner::Strict)
    }

    #[inline]
    fn read<'a>(
        &'a self,
        line: &'a [u8],
        clock: &mut Clock,
        scratch: &'a mut Scratch,
        depth: Depth,
        manner: Manner,
    ) -> Result<Record<'a>, Reject> {
        let line = behind_hole(line);
        if line.len() > LONGEST_LINE {
            return Err(Reject::TooLong);
        }
        let line = trimmed(line);
        if line.is_empty() {
            return Err(Reject::Blank);
        }
        let Scratch { text, outer, lines } = scratch;
        let is_short = depth == Depth::Counts && manner == Manner::Shortest;
        let whole = line;
        if is_short
            && self.wrapped_in.is_empty()
            && let Some(record) = self.read_plain(line, whole, None, clock, lines)
        {
            return Ok(record);
        }
        let mut fields = Fields::new(depth);
        fields.set_strict(manner == Manner::Strict);
        let line = if self.wrapped_in.is_empty() {
            line
        } else {
            let inner = self.unwrap(line, &mut fields, outer)?;
            if is_short
                && let Some(layout) = self.inner_access()
                && let Some(mut record) = short(layout, inner, clock)
            {
                record.service = fields.service();
                return Ok(record);
            }
            if is_short
                && let Some(record) = self.read_plain(inner, whole, Some(&fields), clock, lines)
            {
                return Ok(record);
            }
            inner
        };
        let parsed = self.parts(line, &mut fields, text, lines, clock);
        // Only logfmt can tell a line of its shape from prose after having read it.
        let is_logfmt = parsed != Ok(false);
        let reason = match parsed.and_then(|_| fields.record(clock, text)) {
            // The name of a logger may stand in front of the object that is the line (Caddy's console).
            Ok(record) if self.is_marked(line) || self.is_marked(whole) => return Ok(record),
            Ok(_) => return Err(Reject::NoRequest),
            Err(reason) => reason,
        };
        let is_comment = line[0] == b'#';
        Err(match reason {
            Reject::NoRequest if is_comment && !is_logfmt => Reject::Comment,
            Reject::NoRequest if !is_logfmt => Reject::Unrecognized,
            Reject::Unrecognized | Reject::Truncated if is_comment => Reject::Comment,
            Reject::Truncated if plain::is_connection(line, clock) => Reject::NoRequest,
            reason => reason,
        })
    }

    /// Takes the parts of a request that a line has, without what is around it; says whether it
    /// looks like its shape at all, where only reading it can tell.
    #[inline]
    fn parts<'a>(
        &self,
        line: &'a [u8],
        fields: &mut Fields<'a>,
        text: &mut Vec<u8>,
        lines: &mut Memory,
        clock: &Clock,
    ) -> Result<bool, Reject> {
        let Memory {
            memo,
            groups,
            tracks,
            shapes,
        } = lines;
        match &self.shape {
            Shape::Delimited(layout) => layout.parse(line, fields)?,
            Shape::Json => json::parse(&self.keys, line, fields, text, memo, tracks)?,
            Shape::Logfmt => {
                let is_logfmt = logfmt::parse(&self.keys, line, fields, tracks)?;
                if !is_logfmt {
                    prose::offer_time(line, fields);
                }
                return Ok(is_logfmt);
            }
            Shape::Ltsv => ltsv::parse(&self.keys, line, fields, tracks)?,
            Shape::W3c(columns) => columns.parse(line, fields)?,
            Shape::Csv(table) => table.parse(line, fields, &self.keys)?,
            Shape::Pattern(pattern) => pattern.parse(line, fields, groups)?,
            Shape::Prose(order) => prose::parse(line, fields, *order, shapes)?,
            Shape::Plain => return Err(plain::reason(line, clock)),
        }
        Ok(true)
    }

    /// What pass 1 counts of a line that is as plain as most of its shape are; `whole` and `outer` are what is
    /// around it.
    #[inline]
    fn read_plain<'a>(
        &self,
        line: &'a [u8],
        whole: &[u8],
        outer: Option<&Fields<'a>>,
        clock: &mut Clock,
        lines: &mut Memory,
    ) -> Option<Record<'a>> {
        let mut counted = Counted::default();
        let is_plain = self.plain_parts(line, &mut counted, lines)
            && (self.is_marked(line) || self.is_marked(whole));
        match is_plain {
            true => counted.record(clock, outer),
            false => None,
        }
    }

    /// Takes the parts of a request off a line that is as plain as most of its shape are.
    #[inline]
    fn plain_parts<'a>(
        &self,
        line: &'a [u8],
        counted: &mut Counted<'a>,
        lines: &mut Memory,
    ) -> bool {
        let tracks = &mut lines.tracks;
        match &self.shape {
            Shape::Delimited(layout) => layout.parse_counted(line, counted).is_ok(),
            Shape::Json => tracks.follow_first::<json::Json>(&self.keys, line, counted),
            Shape::Logfmt => tracks.follow_first::<logfmt::Logfmt>(&self.keys, line, counted),
            Shape::Ltsv => tracks.follow_first::<ltsv::Ltsv>(&self.keys, line, counted),
            Shape::W3c(columns) => columns.parse_plain(line, counted).is_some(),
            Shape::Csv(table) => table.parse_plain(line, counted).is_some(),
            Shape::Pattern(pattern) => pattern.parse_plain(line, counted).is_some(),
            Shape::Prose(order) => prose::parse(line, counted, *order, &mut lines.shapes).is_ok(),
            Shape::Plain => false,
        }
    }

    #[inline]
    fn is_marked(&self, line: &[u8]) -> bool {
        self.mark
            .as_ref()
            .is_none_or(|mark| mark.find(line).is_some())
    }

    /// The line inside; what is around it goes to the fields.
    fn unwrap<'a>(
        &self,
        line: &'a [u8],
        fields: &mut Fields<'a>,
        outer: &'a mut envelope::Memory,
    ) -> Result<&'a [u8], Reject> {
        let inner = envelope::unwrap(self.wrapped_in, line, outer);
        let inner = inner.ok_or(Reject::Unrecognized)?;
        inner.tell(fields);
        let line = trimmed(inner.line);
        if line.is_empty() {
            Err(Reject::Blank)
        } else {
            Ok(line)
        }
    }

    /// Whether it takes lines for what words they have, and not for their shape.
    fn is_prose(&self) -> bool {
        matches!(self.shape, Shape::Prose(_))
    }

    /// What its lines have to be put together for, before they are read.
    pub fn joins(&self) -> Joins {
        self.joins
    }

    /// The same format in a file whose lines have to be put together.
    fn joining(self: Arc<Format>, joins: Joins) -> Arc<Format> {
        if self.joins == joins {
            return self;
        }
        Arc::new(Format {
            joins,
            ..Format::clone(&self)
        })
    }

    /// What the header lines begin with on which the meaning of its lines depends, as in W3C logs.
    pub fn header_begins(&self) -> Option<&'static [u8]> {
        matches!(self.shape, Shape::W3c(_)).then_some(w3c::HEADER)
    }

    /// The format of the lines below this one, if it is a header line. A format that has headers
    /// rejects them as comments, so only then there is a reason to ask.
    pub fn header(&self, line: &[u8]) -> Option<Arc<Format>> {
        let shape = match &self.shape {
            Shape::W3c(_) => Shape::W3c(w3c::Columns::from_header(trimmed(line), &self.keys)?),
            // One header holds for the whole file.
            Shape::Csv(table) if !table.is_known() => {
                Shape::Csv(table::Table::from_header(trimmed(line), &self.keys)?)
            }
            _ => return None,
        };
        Some(Arc::new(Format {
            shape,
            ..self.clone()
        }))
    }

    /// The same format, knowing what these lines of one file have beyond it: what the tail of an
    /// access log has, what the columns of a table are, on which side of a request prose has its status.
    fn learned<'l>(self: &Arc<Format>, lines: impl Iterator<Item = &'l [u8]>) -> Arc<Format> {
        let inside = |line: &'l [u8]| {
            let (mut fields, mut outer) = (Fields::new(Depth::Counts), envelope::Memory::default());
            let line = self.unwrap(trimmed(line), &mut fields, &mut outer);
            line.ok().map(<[u8]>::to_vec)
        };
        let inner: Vec<Vec<u8>> = lines.filter_map(inside).collect();
        let mut inner = inner.iter().map(Vec::as_slice);
        let shape = match &self.shape {
            Shape::Delimited(layout) => Shape::Delimited(layout.learn(inner, &self.keys)),
            Shape::Prose(_) => Shape::Prose(prose::Order::of(inner)),
            Shape::Csv(_) => {
                let headed = inner.find_map(|line| self.header(line));
                return headed.unwrap_or_else(|| Arc::clone(self));
            }
            _ => return Arc::clone(self),
        };
        Arc::new(Format {
            shape,
            ..Format::clone(self)
        })
    }

    /// The same format with this around each line.
    fn wrapped(&self, chain: &'static [envelope::Envelope]) -> Format {
        Format {
            wrapped_in: chain,
            ..self.clone()
        }
    }
}

/// What may be around lines, from the outside in.
pub fn envelopes() -> impl Iterator<Item = &'static str> {
    let single = envelope::CHAINS.iter().filter(|chain| chain.len() == 1);
    single.flat_map(|chain| envelope::names(chain))
}

/// What pass 1 reads of a plain line of an access log; `None` where it isn't plain.
#[inline]
fn short<'a>(layout: &delimited::Layout, line: &'a [u8], clock: &mut Clock) -> Option<Record<'a>> {
    let (mut record, rest) = access::read(line, clock)?;
    // The word right behind the status is the size, never a latency.
    let behind = rest.get(1..).unwrap_or_default();
    record.latency_us = match layout.way_to_latency() {
        Way::Nowhere => None,
        Way::Back => access::last_millis(behind).or_else(|| latency_at_end(behind)),
        Way::On => layout.latency_behind(rest),
    };
    Some(record)
}

/// Without the zeros that a file begins with which was cut to nothing while a program went on writing where it was
/// (logrotate's `copytruncate`).
#[inline]
fn behind_hole(text: &[u8]) -> &[u8] {
    match text.first() {
        Some(0) => {
            let zeros = text.iter().position(|&b| b != 0).unwrap_or(text.len());
            text.get(zeros..).unwrap_or_default()
        }
        _ => text,
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
