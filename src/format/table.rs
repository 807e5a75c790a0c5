//! Comma-separated values: what the columns are is said by the file's first line, or fixed by the
//! vendor, as in IIS's native format.
//!
//! A header is a line whose cells are names, among them a time, a status, and a target or a whole
//! request. It stands at the begin of a file (and again where files were put together); the cells of
//! the lines below may be in double quotes, a quote inside doubled (RFC 4180). Commas, semicolons,
//! tabs and bars part cells: the one that the header has most of. A name's unit counts, as in
//! `duration_ms` or `Response Time (ms)`.
//! <https://www.rfc-editor.org/rfc/rfc4180>

use crate::record::Reject;
use crate::timestamp::Unit;

use super::cells::{self, Cells};
use super::counted::{Asked, Sink};
use super::fields::{Slot, Times};
use super::keys::{Keys, Meaning};
use super::text::{find_near, place};

/// What the columns mean, from left to right; none before a header has been seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// Those that mean something, by their index; who has a use for them.
    told: Vec<(usize, Column, Asked)>,
    /// Whether the processor has what finds cells faster.
    has_lanes: bool,
    separator: u8,
    header: Box<[u8]>,
    /// How its times are written: with the month first in the vendor's own columns.
    times: Times,
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
    Other,
}

impl Column {
    /// Who has a use for it, if anybody has.
    fn asked(self) -> Option<Asked> {
        match self {
            Column::Date | Column::Time => Some(Asked::ToCount),
            Column::Part { slot, .. } => Some(Asked::for_slot(slot)),
            Column::Other => None,
        }
    }
}

const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Table {
    /// The columns that a vendor's lines have without saying so.
    pub(super) fn fixed(header: &str, keys: &Keys) -> Option<Table> {
        let table = Table::from_header(header.as_bytes(), keys)?;
        Some(Table {
            times: Times::MonthFirst,
            ..table
        })
    }

    /// From a header line; `None` if it is none.
    pub(super) fn from_header(line: &[u8], keys: &Keys) -> Option<Table> {
        let count = |separator: &u8| memchr::memchr_iter(*separator, line).count();
        let separator = SEPARATORS.into_iter().rev().max_by_key(count)?;
        let mut names = Vec::new();
        let mut rest = Some(line);
        while let Some(text) = rest {
            let (name, after) = cell(text, separator)?;
            // pandas leaves the column of its row numbers without a name.
            let is_index = name.is_empty() && names.is_empty();
            let is_value = |b: &u8| b.is_ascii_digit() || *b == b'{';
            if !is_index && name.first().is_none_or(is_value) {
                return None;
            }
            names.push(name);
            rest = after;
        }
        let is_named = |name: Option<&&[u8]>, wanted: &str| {
            name.is_some_and(|name| name.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        let column = |(index, name): (usize, &&[u8])| {
            if is_named(Some(name), "date") && is_named(names.get(index + 1), "time") {
                return Column::Date;
            }
            match keys.find_name(name) {
                Some(Meaning::Part {
                    slot: Slot::Time,
                    unit: None,
                    ..
                }) if is_named(Some(name), "time") => Column::Time,
                Some(Meaning::Part { slot, rank, unit }) => Column::Part { slot, rank, unit },
                Some(Meaning::Wrapper) | None => Column::Other,
            }
        };
        // `Time (UTC)`
        let is_utc = names.iter().any(|name| {
            let slot = match keys.find_name(name) {
                Some(Meaning::Part { slot, .. }) => Some(slot),
                _ => None,
            };
            slot == Some(Slot::Time) && name.trim_ascii_end().ends_with(b"UTC)")
        });
        let columns: Vec<Column> = names.iter().enumerate().map(column).collect();
        let told = columns.iter().enumerate();
        let told = told.filter_map(|(index, column)| Some((index, *column, column.asked()?)));
        let table = Table {
            told: told.collect(),
            columns,
            has_lanes: cells::has_lanes(),
            separator,
            header: line.into(),
            times: if is_utc {
                Times::Utc
            } else {
                Times::AsTheyLook
            },
        };
        let has = |wanted: Slot| table.slots().any(|slot| slot == wanted);
        let is_request = has(Slot::Target) || has(Slot::Request);
        (has(Slot::Time) && has(Slot::Status) && is_request).then_some(table)
    }

    /// Whether it knows its columns.
    pub(super) fn is_known(&self) -> bool {
        !self.columns.is_empty()
    }

    /// The parts of a request that the columns give.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.columns.iter().filter_map(|column| match column {
            Column::Time => Some(Slot::Time),
            Column::Part { slot, .. } => Some(*slot),
            Column::Date | Column::Other => None,
        })
    }

    /// Takes the parts of a request that the columns give.
    pub(super) fn parse<'a>(
        &self,
        line: &'a [u8],
        fields: &mut impl Sink<'a>,
        keys: &Keys,
    ) -> Result<(), Reject> {
        if self.parse_plain(line, fields).is_some() {
            return Ok(());
        }
        if !self.is_known() {
            let is_header = Table::from_header(line, keys).is_some();
            return Err(if is_header {
                Reject::Comment
            } else {
                Reject::Unrecognized
            });
        }
        if *line == *self.header {
            return Err(Reject::Comment);
        }
        fields.set_times(self.times);
        self.walk(line, fields)
    }

    /// The same of a line without quotes that has all columns; nothing is taken of any other.
    #[inline]
    pub(super) fn parse_plain<'a>(&self, line: &'a [u8], fields: &mut impl Sink<'a>) -> Option<()> {
        if *line == *self.header {
            return None;
        }
        let cells = Cells::of(line, self.separator, self.has_lanes)?;
        let count = self.columns.len();
        // Some end each line with a separator.
        let fits = match cells.separators() + 1 == count {
            true => true,
            false => cells.separators() == count && cells.ends_with_one(),
        };
        if !fits || count == 0 {
            return None;
        }
        fields.set_times(self.times);
        let mut date_at = None;
        let asks = fields.asks();
        for &(index, column, asked) in &self.told {
            if asked <= asks {
                let value = line.get(cells.place(index))?.trim_ascii();
                self.take(column, line, value, &mut date_at, fields);
            }
        }
        Some(())
    }

    /// Takes what one column gives.
    #[inline]
    fn take<'a>(
        &self,
        column: Column,
        line: &'a [u8],
        value: &'a [u8],
        date_at: &mut Option<usize>,
        fields: &mut impl Sink<'a>,
    ) {
        match column {
            Column::Date => *date_at = place(line, value).map(|place| place.start),
            Column::Time => {
                // Date and time stand side by side: one text, `2024-04-10,09:00:00`.
                let end = place(line, value).map(|place| place.end);
                let both = date_at
                    .take()
                    .zip(end)
                    .and_then(|(start, end)| line.get(start..end));
                fields.set(Slot::Time, both.unwrap_or(value), None);
            }
            Column::Part { slot, rank, unit } => fields.offer(slot, rank, unit, value, false),
            Column::Other => {}
        }
    }

    /// Cell by cell, which may be in quotes.
    fn walk<'a>(&self, line: &'a [u8], fields: &mut impl Sink<'a>) -> Result<(), Reject> {
        let mut rest = Some(line);
        let mut date_at = None;
        for column in &self.columns {
            let text = rest.ok_or(Reject::Truncated)?;
            let (value, after) = cell(text, self.separator).ok_or(Reject::Truncated)?;
            self.take(*column, line, value, &mut date_at, fields);
            rest = after;
        }
        // Some end each line with a separator.
        match rest {
            None | Some(b"") => Ok(()),
            Some(_) => Err(Reject::Unrecognized),
        }
    }
}

/// The cell that begins here, without its quotes, and what follows its separator, if one follows;
/// `None` if a quote isn't closed.
fn cell(text: &[u8], separator: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let text = match separator {
        b'\t' => text,
        _ => text.trim_ascii_start(),
    };
    let [b'"', quoted @ ..] = text else {
        let end = find_near(text, separator).unwrap_or(text.len());
        return Some((text.get(..end)?.trim_ascii(), text.get(end + 1..)));
    };
    let mut from = 0;
    loop {
        let end = from + memchr::memchr(b'"', quoted.get(from..)?)?;
        if quoted.get(end + 1) == Some(&b'"') {
            from = end + 2;
            continue;
        }
        let after = quoted.get(end + 1..)?;
        let next = memchr::memchr(separator, after).and_then(|at| after.get(at + 1..));
        return Some((quoted.get(..end)?, next));
    }
}
