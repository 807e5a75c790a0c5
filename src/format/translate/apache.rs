//! Apache's `LogFormat`: `%directives` in text, as in httpd's configuration or already unquoted.
//! <https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats>
//!
//! Tomcat's access log valve and gunicorn borrowed the common ones.

use crate::error::{Error, Result};
use crate::timestamp::Unit;

use super::super::fields::Slot;
use super::super::keys::{Keys, Meaning};
use super::super::spelling::after_word;
use super::{Dialect, Field, Holds, Meant, Part, Piece, Role};

pub(super) const DIALECT: Dialect = Dialect {
    name: "LogFormat",
    title: "an Apache LogFormat string",
    url: "https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats",
    remedies: ["`%t`", "`\\\"%r\\\"`", "`%>s`"],
};

/// The directives that are one letter: what they mean and what their values look like.
const DIRECTIVES: &[(char, Meant, Holds)] = &[
    ('a', Some((Slot::Client, 10, None)), Holds::Address),
    ('h', Some((Slot::Client, 11, None)), Holds::Address),
    ('A', None, Holds::Address),
    ('l', None, Holds::Word),
    ('u', Some((Slot::User, 0, None)), Holds::Word),
    ('r', Some((Slot::Request, 0, None)), Holds::Text),
    ('m', Some((Slot::Method, 0, None)), Holds::Token),
    ('U', Some((Slot::Target, 0, None)), Holds::Target),
    ('q', None, Holds::Word),
    ('H', None, Holds::Token),
    // The status of the original request; `%>s` is that of the answer.
    ('s', Some((Slot::Status, 1, None)), Holds::Status),
    (
        'D',
        Some((Slot::Latency, 0, Some(Unit::Micros))),
        Holds::Number,
    ),
    (
        'T',
        Some((Slot::Latency, 2, Some(Unit::Seconds))),
        Holds::Number,
    ),
    ('v', Some((Slot::Service, 0, None)), Holds::Name),
    ('V', Some((Slot::Service, 1, None)), Holds::Name),
    ('b', None, Holds::Number),
    ('B', None, Holds::Number),
    ('I', None, Holds::Number),
    ('O', None, Holds::Number),
    ('S', None, Holds::Number),
    ('k', None, Holds::Number),
    ('p', None, Holds::Number),
    ('P', None, Holds::Number),
    ('L', None, Holds::Word),
    ('R', None, Holds::Word),
    // X, + or -.
    ('X', None, Holds::Word),
    ('f', None, Holds::Text),
];

/// Cuts a string at its directives.
pub(super) fn pieces(text: &str, synonyms: &Keys) -> Result<Vec<Piece>> {
    let string = string(text);
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), string.as_str());
    while let Some(at) = rest.find('%') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            literal.push('%');
            rest = after;
            continue;
        }
        let (directive, after) = Directive::read(rest).ok_or_else(|| {
            let shown: String = rest.chars().take(12).collect();
            Error::config(format!(
                "the LogFormat string has `%{shown}`, which is no directive"
            ))
            .hint("a per cent sign in the text is written `%%`")
        })?;
        rest = after;
        // Without a format of its own the time stands in brackets.
        let bracketed = directive.letter == 't' && directive.name.is_none();
        literal.push_str(if bracketed { "[" } else { "" });
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Field(directive.field(synonyms)?));
        literal.push_str(if bracketed { "]" } else { "" });
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// The string itself: without `LogFormat`, its quotes and the nickname, and its escapes undone.
fn string(text: &str) -> String {
    let text = text.trim();
    let bare = match (after_word(text, "LogFormat"), after_word(text, "CustomLog")) {
        (Some(after), _) => after,
        // `CustomLog path "string"`.
        (_, Some(after)) => after
            .split_once(char::is_whitespace)
            .map_or(after, |(_path, string)| string.trim()),
        _ => text,
    };
    let inside = bare.strip_prefix('"').and_then(|inside| {
        let end = closing_quote(inside)?;
        let nickname = inside[end + 1..].trim();
        // `"%r" %>s` begins with a quote too.
        let is_name = !nickname.contains(['%', '"', ' ']);
        is_name.then(|| &inside[..end])
    });
    unescaped(inside.unwrap_or(bare))
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return Some(at),
            _ => escaped = c == '\\' && !escaped,
        }
    }
    None
}

/// `\"`, `\\`, `\t`, `\n`: what httpd's configuration and its log module undo.
fn unescaped(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('t') => out.push('\t'),
                Some('n') => out.push('\n'),
                Some(c @ ('"' | '\\' | '\'')) => out.push(c),
                Some(c) => out.extend(['\\', c]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

/// `%{name}letter`, with modifiers: `%>s`, `%!200,304{Referer}i`, `%^FB`.
struct Directive<'t> {
    name: Option<&'t str>,
    letter: char,
    is_final: bool,
}

impl<'t> Directive<'t> {
    /// The directive behind a `%`, and what follows it.
    fn read(text: &'t str) -> Option<(Directive<'t>, &'t str)> {
        let is_modifier = |c: char| matches!(c, '<' | '>' | '!' | ',') || c.is_ascii_digit();
        let rest = text.trim_start_matches(is_modifier);
        let is_final = text[..text.len() - rest.len()].contains('>');
        let (name, rest) = match rest.strip_prefix('{') {
            Some(inside) => {
                let (name, after) = inside.split_once('}')?;
                (Some(name), after)
            }
            None => (None, rest),
        };
        // The three with two letters, `%^FB`, `%^ti` and `%^to`, are told by the last.
        let rest = rest
            .strip_prefix('^')
            .map_or(Some(rest), |two| two.get(1..))?;
        let letter = rest.chars().next().filter(char::is_ascii_alphabetic)?;
        Some((
            Directive {
                name,
                letter,
                is_final,
            },
            &rest[1..],
        ))
    }

    fn field(&self, synonyms: &Keys) -> Result<Field> {
        let (part, holds) = match (self.letter, self.name) {
            ('t', name) => return Ok(time(name.unwrap_or_default())),
            ('T', Some(unit)) => (Some(latency(unit)), Holds::Number),
            ('s', _) if self.is_final => (Some((Slot::Status, 0, None)), Holds::Status),
            ('a', Some(_)) => (None, Holds::Address),
            // Headers, environment, notes and cookies, by their names.
            ('i' | 'o' | 'e' | 'n' | 'C', Some(name)) => named(self.letter, name, synonyms),
            // `^ti` and `^to` without their name, and `^FB`: a time we don't count.
            ('i' | 'o', None) => (None, Holds::Text),
            (letter, _) => {
                let known = DIRECTIVES.iter().find(|(known, ..)| *known == letter);
                let (_, meaning, holds) = known.ok_or_else(|| {
                    Error::config(format!("the LogFormat string has `%{letter}`, which is no directive"))
                        .hint("directives are listed at https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats; a per cent sign in the text is written `%%`")
                })?;
                (*meaning, *holds)
            }
        };
        let role = match self.letter {
            'q' => Role::Query,
            'v' | 'V' => Role::Authority,
            _ => Role::Alone,
        };
        Ok(Field {
            part: part.map(|(slot, rank, unit)| Part { slot, rank, unit }),
            holds,
            role,
        })
    }
}

fn latency(unit: &str) -> (Slot, u8, Option<Unit>) {
    match unit {
        "us" => (Slot::Latency, 0, Some(Unit::Micros)),
        "ms" => (Slot::Latency, 1, Some(Unit::Millis)),
        _ => (Slot::Latency, 2, Some(Unit::Seconds)),
    }
}

/// `%t` and `%{format}t`: strftime's, or a part of the epoch.
fn time(format: &str) -> Field {
    let format = format
        .strip_prefix("begin:")
        .or(format.strip_prefix("end:"))
        .unwrap_or(format);
    let unit = match format {
        "begin" | "end" | "" => None,
        "sec" => Some(Unit::Seconds),
        "msec" => Some(Unit::Millis),
        "usec" => Some(Unit::Micros),
        // Only what stands beside it makes this a time.
        "msec_frac" | "usec_frac" => {
            return Field {
                part: None,
                holds: Holds::Number,
                role: Role::TimePart,
            };
        }
        _ => None,
    };
    let has_date = unit.is_some() || format.is_empty() || DATES.iter().any(|d| format.contains(d));
    let is_word = unit.is_some() || !(format.is_empty() || format.contains(' '));
    Field {
        part: has_date.then_some(Part {
            slot: Slot::Time,
            rank: u8::from(unit.is_none()),
            unit,
        }),
        holds: match (unit, is_word) {
            _ if format.is_empty() => Holds::Clf,
            (Some(_), _) => Holds::Number,
            (None, true) => Holds::Word,
            (None, false) => Holds::Moment,
        },
        role: Role::TimePart,
    }
}

/// What in a strftime format says which day it is.
const DATES: [&str; 9] = ["%d", "%e", "%D", "%F", "%c", "%s", "%j", "%x", "%+"];

/// A header, cookie or note by its name: only what names a client, a user or a service can be one
/// of them; a header `Date` is no time of the request.
fn named(letter: char, name: &str, synonyms: &Keys) -> (Meant, Holds) {
    let meaning = match synonyms.find_name(name.as_bytes()) {
        _ if name.eq_ignore_ascii_case("host") => Some((Slot::Service, 2, None)),
        Some(Meaning::Part { slot, rank, .. }) => Some((slot, (rank / 4).min(9), None)),
        _ => None,
    };
    let meaning = meaning.filter(|(slot, ..)| match letter {
        'C' => *slot == Slot::User,
        'o' => matches!(
            slot,
            Slot::Service | Slot::Host | Slot::Version | Slot::Region
        ),
        _ => matches!(
            slot,
            Slot::Client
                | Slot::User
                | Slot::Agent
                | Slot::Service
                | Slot::Host
                | Slot::Version
                | Slot::Region
        ),
    });
    let holds = match meaning {
        Some((Slot::Client, ..)) => Holds::List,
        Some((Slot::Service, 2, _)) => Holds::Address,
        _ => Holds::Text,
    };
    (meaning, holds)
}
