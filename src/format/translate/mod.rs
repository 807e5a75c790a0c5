//! The format strings of web servers → formats of ours.
//!
//! nginx's `log_format` (`nginx`) and Apache's `LogFormat` (`apache`) are cut into text and
//! [`Field`]s: what each variable means to us, and which characters its values may have. From
//! there the two are one: text that is a JSON object once its variables have values becomes a table
//! of keys (`object`); what can be cut at its delimiters becomes a layout, which is fast; the rest,
//! such as two variables side by side, a regular expression.
//!
//! A value that can't be mistaken is what makes a layout possible: a user agent between quotes, but
//! not one between spaces.

mod apache;
mod nginx;
mod object;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::timestamp::Unit;

use super::delimited::Layout;
use super::fields::Slot;
use super::keys::{Keys, Meaning};
use super::pattern::Pattern;
use super::{Format, Joins, Shape};

/// A piece of a format string.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Literal(String),
    Field(Field),
}

/// A variable or directive.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    part: Option<Part>,
    holds: Holds,
    role: Role,
}

/// What a value is for us.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    slot: Slot,
    /// Of several for one slot the lowest counts, where it has a value.
    rank: u8,
    unit: Option<Unit>,
}

/// The part of a request that a variable is, its rank among those of the part, and its unit.
type Meant = Option<(Slot, u8, Option<Unit>)>;

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Digits, point and minus.
    Number,
    /// Three digits, or none.
    Status,
    /// A method, a protocol: letters and digits.
    Token,
    /// A path, an asterisk or a URL.
    Target,
    /// The configured name of a host, without a port.
    Name,
    /// An address or the name of a host, with its port.
    Address,
    /// A time as CLF has it, without the brackets.
    Clf,
    /// A time with its spaces.
    Moment,
    /// One word: no space, no quote.
    Word,
    /// Several addresses or numbers, with commas and spaces.
    List,
    /// Anything but a quote and control characters, which both servers escape.
    Text,
}

/// How a value joins with its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Alone,
    /// The query of a target, and the `?` before it.
    Query,
    /// `https`, which begins a target together with the host.
    Scheme,
    /// The host that was asked for.
    Authority,
    /// A part of a time.
    TimePart,
}

/// The words of one server's configuration.
struct Dialect {
    /// What the string is called there.
    name: &'static str,
    title: &'static str,
    url: &'static str,
    /// What to add to the string for a time, a request, a status.
    remedies: [&'static str; 3],
}

/// The format of an nginx `log_format` string.
pub(super) fn nginx(text: &str, synonyms: &Arc<Keys>) -> Result<Format> {
    format(&nginx::DIALECT, nginx::pieces(text, synonyms)?, synonyms)
}

/// The format of an Apache `LogFormat` string.
pub(super) fn apache(text: &str, synonyms: &Arc<Keys>) -> Result<Format> {
    format(&apache::DIALECT, apache::pieces(text, synonyms)?, synonyms)
}

fn format(dialect: &Dialect, pieces: Vec<Piece>, synonyms: &Arc<Keys>) -> Result<Format> {
    let pieces = joined(pieces);
    let found: Vec<Part> = pieces.iter().filter_map(Piece::part).collect();
    is_enough(dialect, &found)?;
    let pieces = best_parts(pieces);
    let (shape, keys) = match object::keys(&pieces) {
        Some(table) => {
            let keys = Keys::new(&table)
                .map_err(|e| Error::config(format!("the {} string: {e}", dialect.name)))?;
            (Shape::Json, Arc::new(keys))
        }
        None => (lines(&pieces)?, Arc::clone(synonyms)),
    };
    Ok(Format {
        name: dialect.name.to_owned(),
        aliases: Vec::new(),
        title: dialect.title.to_owned(),
        url: dialect.url.to_owned(),
        rank: 0,
        shape,
        mark: None,
        wrapped_in: &[],
        keys,
        joins: Joins::default(),
    })
}

/// Without a time, a request and a status there is nothing to count.
fn is_enough(dialect: &Dialect, found: &[Part]) -> Result<()> {
    let gives = |slot: Slot| found.iter().any(|part| part.slot == slot);
    let given = [
        gives(Slot::Time),
        gives(Slot::Request) || gives(Slot::Target),
        gives(Slot::Status),
    ];
    let names = ["time", "request", "status"];
    for ((name, given), remedy) in names.into_iter().zip(given).zip(dialect.remedies) {
        if !given {
            return Err(
                Error::config(format!("the {} string names no {name}", dialect.name)).hint(
                    format!(
                        "the server must log it: add {remedy} to the string in its configuration"
                    ),
                ),
            );
        }
    }
    Ok(())
}

impl Piece {
    fn part(&self) -> Option<Part> {
        match self {
            Piece::Field(field) => field.part,
            Piece::Literal(_) => None,
        }
    }

    fn role(&self) -> Role {
        match self {
            Piece::Field(field) => field.role,
            Piece::Literal(_) => Role::Alone,
        }
    }

    fn is_target(&self) -> bool {
        self.part().is_some_and(|part| part.slot == Slot::Target)
    }
}

/// Fields that make up one value, as one: a path with its query, a URL with its host, a time that
/// is written in parts.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut rest = pieces.as_slice();
    while let [first, after @ ..] = rest {
        let taken = match rest {
            [scheme, Piece::Literal(slashes), host, target, ..]
                if scheme.role() == Role::Scheme
                    && slashes == "://"
                    && host.role() == Role::Authority
                    && target.is_target() =>
            {
                out.push(target.clone());
                4
            }
            [query, ..]
                if query.role() == Role::Query && out.last().is_some_and(Piece::is_target) =>
            {
                1
            }
            [Piece::Literal(mark), query, ..]
                if mark == "?"
                    && query.role() == Role::Query
                    && out.last().is_some_and(Piece::is_target) =>
            {
                2
            }
            [Piece::Literal(between), more, ..]
                if between.len() <= 2
                    && more.role() == Role::TimePart
                    && out.last().is_some_and(|last| last.role() == Role::TimePart) =>
            {
                join_time(&mut out, more);
                2
            }
            [more, ..]
                if more.role() == Role::TimePart
                    && out.last().is_some_and(|last| last.role() == Role::TimePart) =>
            {
                join_time(&mut out, more);
                1
            }
            _ => {
                out.push(first.clone());
                1
            }
        };
        rest = after.get(taken - 1..).unwrap_or_default();
    }
    out
}

/// The whole is a time in text, whatever its parts are.
fn join_time(out: &mut [Piece], more: &Piece) {
    if let Some(Piece::Field(time)) = out.last_mut() {
        let rank = time.part.or(more.part()).map_or(0, |part| part.rank);
        time.holds = Holds::Moment;
        time.part = Some(Part {
            slot: Slot::Time,
            rank,
            unit: None,
        });
    }
}

/// The request line says method and target exactly: where it is logged, neither is read elsewhere.
/// Of fields with equal rank the first counts; those that are left are ranked 0, 1, 2.
fn best_parts(mut pieces: Vec<Piece>) -> Vec<Piece> {
    let slots = |pieces: &[Piece]| -> Vec<(Slot, u8)> {
        let parts = pieces.iter().filter_map(Piece::part);
        parts.map(|part| (part.slot, part.rank)).collect()
    };
    let has_request = slots(&pieces)
        .iter()
        .any(|(slot, _)| *slot == Slot::Request);
    let mut seen: Vec<(Slot, u8)> = Vec::new();
    for piece in &mut pieces {
        let Piece::Field(field) = piece else { continue };
        field.part = field.part.filter(|part| {
            let told = has_request && matches!(part.slot, Slot::Method | Slot::Target);
            let again = seen.contains(&(part.slot, part.rank));
            seen.push((part.slot, part.rank));
            !told && !again
        });
    }
    let left = slots(&pieces);
    for piece in &mut pieces {
        let Piece::Field(field) = piece else { continue };
        if let Some(part) = &mut field.part {
            let better = |(slot, rank): &&(Slot, u8)| *slot == part.slot && *rank < part.rank;
            // No two have the same rank, and there are fewer than 100.
            part.rank = left.iter().filter(better).count().min(99) as u8;
        }
    }
    pieces
}

/// The shape of lines that have these pieces one after the other.
fn lines(pieces: &[Piece]) -> Result<Shape> {
    match layout(pieces) {
        Some(text) => {
            let layout = Layout::new(&text).map_err(|e| Error::config(format!("{text}: {e}")))?;
            Ok(Shape::Delimited(layout))
        }
        None => pattern(pieces).map(Shape::Pattern),
    }
}

/// The layout of these pieces, if every field ends where its delimiter first stands.
fn layout(pieces: &[Piece]) -> Option<String> {
    let mut text = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(literal) => {
                text.push_str(&literal.replace('{', "{{").replace('}', "}}"))
            }
            Piece::Field(field) => {
                let next = match pieces.get(index + 1..)? {
                    [] => None,
                    [Piece::Literal(literal), rest @ ..] => {
                        Some((literal.as_str(), rest.is_empty()))
                    }
                    [Piece::Field(_), ..] => return None,
                };
                if let Some((literal, is_last)) = next {
                    let quoted = text.ends_with('"')
                        && (literal.starts_with("\" ") || literal == "\"" && is_last);
                    let end = literal.chars().next()?;
                    if !quoted && field.holds.may_have(end) {
                        return None;
                    }
                }
                text.push_str(&placeholder(field.part));
            }
        }
    }
    Some(text)
}

fn placeholder(part: Option<Part>) -> String {
    let Some(Part { slot, rank, unit }) = part else {
        return "{}".to_owned();
    };
    let unit = unit.map_or("", |unit| match unit {
        Unit::Seconds => ":s",
        Unit::SecondsOrMillis => ":s|ms",
        Unit::Millis => ":ms",
        Unit::Micros => ":us",
        Unit::Nanos => ":ns",
    });
    let choice = if rank == 0 {
        String::new()
    } else {
        format!(":{rank}")
    };
    format!("{{{}{choice}{unit}}}", slot.name())
}

/// The regular expression of these pieces.
fn pattern(pieces: &[Piece]) -> Result<Pattern> {
    // Bytes: lines may have some that are no UTF-8.
    let mut expression = "(?-u)^".to_owned();
    let mut meanings = vec![None];
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => expression.push_str(&regex::escape(literal)),
            Piece::Field(field) => {
                let value = field.holds.expression();
                match field.part {
                    Some(Part { slot, rank, unit }) => {
                        expression.push_str(&format!("({value})"));
                        meanings.push(Some(Meaning::Part { slot, rank, unit }));
                    }
                    None => expression.push_str(value),
                }
            }
        }
    }
    expression.push('$');
    Pattern::with_meanings(&expression, meanings)
}

impl Holds {
    /// Whether a value may have this character in it.
    fn may_have(self, c: char) -> bool {
        let word = c.is_alphanumeric() || c == '_';
        match self {
            Holds::Number | Holds::Status => c.is_ascii_digit() || matches!(c, '.' | '-'),
            Holds::Token => word || matches!(c, '.' | '/' | '-'),
            Holds::Name => word || matches!(c, '.' | '-'),
            Holds::Address => word || matches!(c, '.' | ':' | '[' | ']' | '%' | '-'),
            Holds::Clf | Holds::Moment => word || " :/+.,-".contains(c),
            Holds::Word | Holds::Target => !c.is_whitespace() && c != '"',
            Holds::List => ", /".contains(c) || Holds::Address.may_have(c),
            Holds::Text => !c.is_control() && c != '"',
        }
    }

    /// Such a value, as a regular expression over bytes.
    fn expression(self) -> &'static str {
        match self {
            Holds::Number => r"[-.\d]*?",
            Holds::Status => r"(?:[1-9]\d\d|0+|-)",
            Holds::Token => r"[-\w./]*?",
            Holds::Target => r#"(?:[/*-]|[A-Za-z][-+.\w]*://)[^\s"]*?"#,
            Holds::Name => r"[-\w.]*?",
            Holds::Address => r"[-\w.:\[\]%]*?",
            Holds::Clf => r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}",
            Holds::Moment => r"[-\w :/+.,]*?",
            Holds::Word => r#"[^\s"]*?"#,
            Holds::List => r"(?:[-\w.:\[\]/%]+(?:(?:, ?| : )[-\w.:\[\]/%]+)*)?",
            Holds::Text => ".*?",
        }
    }
}

#[cfg(test)]
mod tests;
