//! W3C Extended Log File Format: what the columns are is said by a `#Fields:` line above them, and may
//! change in the middle of a file.
//!
//! So the header in force is part of the format: [`Columns`] are made of one header line. Columns are
//! separated by spaces (IIS) or tabs (CloudFront), times are in UTC.
//! <https://www.w3.org/TR/WD-logfile.html>

use crate::record::Reject;
use crate::timestamp::Unit;

use super::cells::{self, Cells};
use super::counted::{Asked, Sink};
use super::fields::{Slot, Times};
use super::keys::{Keys, Meaning};
use super::text::{find_near, find_near2};

/// What the columns mean, from left to right.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    columns: Vec<Column>,
    /// Those that mean something, by their index; who has a use for them.
    told: Vec<(usize, Column, Asked)>,
    /// Times are the server's own, not in UTC.
    is_local: bool,
    /// Whether the processor has what finds cells faster.
    has_lanes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// A date that is followed by the time.
    Date,
    Time,
    Part {
        slot: Slot,
        rank: u8,
        unit: Option<Unit>,
    },
    /// `time-taken`: seconds by the standard, with up to three decimals; milliseconds where IIS writes it,
    /// or Kestrel, which has four.
    TimeTaken {
        unit: Option<Unit>,
    },
    Other,
}

impl Column {
    /// Who has a use for it, if anybody has.
    fn asked(self) -> Option<Asked> {
        match self {
            Column::Date | Column::Time | Column::TimeTaken { .. } => Some(Asked::ToCount),
            Column::Part { slot, .. } => Some(Asked::for_slot(slot)),
            Column::Other => None,
        }
    }
}

/// IIS's Advanced Logging has the server's own time, too.
const LOCAL_TIME: &[u8] = b"time-local";

/// What a header line begins with.
pub(super) const HEADER: &[u8] = b"#Fields:";

impl Columns {
    /// No header has been seen yet.
    pub(super) fn unknown() -> Columns {
        Columns {
            columns: Vec::new(),
            told: Vec::new(),
            is_local: false,
            has_lanes: false,
        }
    }

    /// The parts of a request that the columns give; none before a header has been seen.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.columns.iter().filter_map(|column| match column {
            Column::Time => Some(Slot::Time),
            Column::Part { slot, .. } => Some(*slot),
            Column::TimeTaken { .. } => Some(Slot::Latency),
            Column::Date | Column::Other => None,
        })
    }

    /// From a header line; `None` if it is none.
    pub(super) fn from_header(line: &[u8], keys: &Keys) -> Option<Columns> {
        let names = line.strip_prefix(HEADER)?;
        let names: Vec<&[u8]> = names
            .split(|b| b.is_ascii_whitespace())
            .filter(|name| !name.is_empty())
            .collect();
        // Only IIS and http.sys have these columns, and they count in milliseconds.
        let of_iis = |name: &&[u8]| {
            matches!(
                *name,
                b"sc-win32-status" | b"sc-substatus" | b"s-sitename" | b"s-reason"
            )
        };
        let unit = names.iter().any(of_iis).then_some(Unit::Millis);
        let column = |(index, name): (usize, &&[u8])| match *name {
            b"date" if names.get(index + 1) == Some(&&b"time"[..]) => Column::Date,
            b"date-local" if names.get(index + 1) == Some(&LOCAL_TIME) => Column::Date,
            b"time" | LOCAL_TIME => Column::Time,
            b"time-taken" => Column::TimeTaken { unit },
            name => match keys.find_name(name) {
                Some(
                    Meaning::Part {
                        slot: Slot::Time, ..
                    }
                    | Meaning::Wrapper,
                )
                | None => Column::Other,
                Some(Meaning::Part { slot, rank, unit }) => Column::Part { slot, rank, unit },
            },
        };
        let columns: Vec<Column> = names.iter().enumerate().map(column).collect();
        let told = columns.iter().enumerate();
        let told = told.filter_map(|(index, column)| Some((index, *column, column.asked()?)));
        Some(Columns {
            told: told.collect(),
            columns,
            is_local: names.contains(&LOCAL_TIME),
            has_lanes: cells::has_lanes(),
        })
    }

    /// Takes the parts of a request that the columns give.
    pub(super) fn parse<'a>(
        &self,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
    ) -> Result<(), Reject> {
        if self.parse_plain(line, fields).is_some() {
            return Ok(());
        }
        if self.columns.is_empty() || line.first() == Some(&b'#') {
            return Err(Reject::Unrecognized);
        }
        if !self.is_local {
            fields.set_times(Times::Utc);
        }
        self.walk(line, separator_of(line), fields)
    }

    /// The same of a line that has all columns and neither quotes nor spaces to align them; nothing is taken
    /// of any other.
    #[inline]
    pub(super) fn parse_plain<'a>(&self, line: &'a [u8], fields: &mut impl Sink<'a>) -> Option<()> {
        if line.first() == Some(&b'#') {
            return None;
        }
        // The first that stands there; a line with a tab behind its first space is left to the walk.
        let separator = line[find_near2(line, b' ', b'\t')?];
        let cells = Cells::without(other_than(separator), line, separator, self.has_lanes)?;
        let is_aligned = separator == b' ' && (cells.has_empty || line.first() == Some(&b' '));
        if is_aligned || cells.separators() + 1 != self.columns.len() {
            return None;
        }
        if !self.is_local {
            fields.set_times(Times::Utc);
        }
        let mut date_at = None;
        let asks = fields.asks();
        for &(index, column, asked) in &self.told {
            if asked <= asks {
                let place = cells.place(index);
                let (start, value) = (place.start, line.get(place.clone())?);
                Columns::take(column, line, start, place.end, value, &mut date_at, fields);
            }
        }
        Some(())
    }

    /// Takes what one column gives, which stands there with its quotes, if it has any.
    #[inline]
    fn take<'a>(
        column: Column,
        line: &'a [u8],
        start: usize,
        end: usize,
        value: &'a [u8],
        date_at: &mut Option<usize>,
        fields: &mut impl Sink<'a>,
    ) {
        match column {
            Column::Date => *date_at = Some(start),
            Column::Time => {
                // Date and time stand side by side: one text, `2024-04-10 09:00:00`.
                let both = date_at.take().and_then(|start| line.get(start..end));
                let both = both.map(|both| both.trim_ascii_end());
                let both = both.map(|both| both.strip_prefix(b"\"").unwrap_or(both));
                let both = both.map(|both| both.strip_suffix(b"\"").unwrap_or(both));
                fields.set(Slot::Time, both.unwrap_or(value), None);
            }
            Column::Part { slot, rank, unit } => fields.offer(slot, rank, unit, value, false),
            Column::TimeTaken { unit } => {
                let unit = match value.iter().rev().position(|&b| b == b'.') {
                    Some(0..=3) => Some(Unit::Seconds),
                    Some(_) => Some(Unit::Millis),
                    None => unit,
                };
                fields.offer(Slot::Latency, 0, unit, value, false);
            }
            Column::Other => {}
        }
    }

    /// Column by column, whatever is around each.
    fn walk<'a>(
        &self,
        line: &'a [u8],
        separator: u8,
        fields: &mut impl Sink<'a>,
    ) -> Result<(), Reject> {
        let mut rest = Some(line);
        let mut date_at = None;
        for column in &self.columns {
            let Some(text) = rest else {
                return Err(Reject::Truncated);
            };
            // Some servers align with several spaces, and some quote.
            let text = if separator == b' ' {
                text.trim_ascii_start()
            } else {
                text
            };
            let (value, len) = match text {
                [b'"', quoted @ ..] => {
                    let len = closing_quote(quoted).ok_or(Reject::Truncated)?;
                    (&quoted[..len], len + 2)
                }
                _ => {
                    let len = find_near(text, separator).unwrap_or(text.len());
                    (&text[..len], len)
                }
            };
            let start = line.len() - text.len();
            Columns::take(
                *column,
                line,
                start,
                start + len,
                value,
                &mut date_at,
                fields,
            );
            rest = text.get(len + 1..);
        }
        if rest.is_none() {
            Ok(())
        } else {
            Err(Reject::Unrecognized)
        }
    }
}

/// What parts its columns.
#[inline]
fn separator_of(line: &[u8]) -> u8 {
    match memchr::memchr(b'\t', line) {
        Some(_) => b'\t',
        None => b' ',
    }
}

/// The byte that must not stand between columns parted by this one: a tab makes spaces a part of them.
#[inline]
fn other_than(separator: u8) -> u8 {
    match separator {
        b' ' => b'\t',
        _ => b'"',
    }
}

/// The quote that ends a quoted column; one inside is doubled.
fn closing_quote(quoted: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', quoted.get(from..)?)?;
        if quoted.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}
