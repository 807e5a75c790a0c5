//! nginx's `log_format`: `$variables` in text, in one or more quoted pieces.
//!
//! Variables are looked up in the general table of key names, so that what an administrator made with
//! `map` or `set` (`$service`, `$app_version`) is understood as it would be in a JSON log; those that
//! nginx means otherwise, or writes in its own way, are in [`VARIABLES`].

use crate::error::{Error, Result};
use crate::timestamp::Unit;

use super::super::fields::Slot;
use super::super::keys::{Keys, Meaning};
use super::super::spelling::after_word;
use super::{Dialect, Field, Holds, Meant, Part, Piece, Role};

pub(super) const DIALECT: Dialect = Dialect {
    name: "log_format",
    title: "an nginx log_format string",
    url: "https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format",
    remedies: ["`[$time_local]`", "`\"$request\"`", "`$status`"],
};

/// nginx's variables, where the general table does not say it all: what they mean, with the rank
/// among others of that meaning, and what their values look like.
/// <https://nginx.org/en/docs/varindex.html>
const VARIABLES: &[(&str, Meant, Holds)] = &[
    // Milliseconds are in no other time that nginx writes.
    (
        "msec",
        Some((Slot::Time, 0, Some(Unit::Seconds))),
        Holds::Number,
    ),
    ("time_iso8601", Some((Slot::Time, 1, None)), Holds::Word),
    ("time_local", Some((Slot::Time, 2, None)), Holds::Clf),
    ("request", Some((Slot::Request, 0, None)), Holds::Text),
    (
        "request_method",
        Some((Slot::Method, 0, None)),
        Holds::Token,
    ),
    ("request_uri", Some((Slot::Target, 0, None)), Holds::Target),
    // What is left of the path after rewriting.
    ("uri", Some((Slot::Target, 1, None)), Holds::Target),
    ("document_uri", Some((Slot::Target, 2, None)), Holds::Target),
    ("status", Some((Slot::Status, 0, None)), Holds::Status),
    // One for each server that was tried; what the client got is `$status`.
    ("upstream_status", None, Holds::List),
    (
        "request_time",
        Some((Slot::Latency, 0, Some(Unit::Seconds))),
        Holds::Number,
    ),
    (
        "upstream_response_time",
        Some((Slot::Latency, 1, Some(Unit::Seconds))),
        Holds::List,
    ),
    ("upstream_addr", Some((Slot::Host, 0, None)), Holds::List),
    ("hostname", Some((Slot::Host, 1, None)), Holds::Address),
    // The services: what was proxied to, and the name that was asked for.
    (
        "proxy_upstream_name",
        Some((Slot::Service, 0, None)),
        Holds::Word,
    ),
    ("proxy_host", Some((Slot::Service, 1, None)), Holds::Address),
    ("server_name", Some((Slot::Service, 2, None)), Holds::Name),
    ("host", Some((Slot::Service, 3, None)), Holds::Address),
    ("http_host", Some((Slot::Service, 4, None)), Holds::Address),
    ("remote_user", Some((Slot::User, 0, None)), Holds::Word),
    ("http_user_agent", Some((Slot::Agent, 0, None)), Holds::Text),
    (
        "http_x_forwarded_for",
        Some((Slot::Client, 0, None)),
        Holds::List,
    ),
    (
        "proxy_add_x_forwarded_for",
        Some((Slot::Client, 1, None)),
        Holds::List,
    ),
    (
        "http_x_real_ip",
        Some((Slot::Client, 2, None)),
        Holds::Address,
    ),
    (
        "realip_remote_addr",
        Some((Slot::Client, 11, None)),
        Holds::Address,
    ),
    (
        "remote_addr",
        Some((Slot::Client, 10, None)),
        Holds::Address,
    ),
    ("args", None, Holds::Word),
    ("query_string", None, Holds::Word),
    ("is_args", None, Holds::Word),
    ("scheme", None, Holds::Token),
    ("server_protocol", None, Holds::Token),
    ("request_id", None, Holds::Token),
    ("request_completion", None, Holds::Token),
    ("request_length", None, Holds::Number),
    ("body_bytes_sent", None, Holds::Number),
    ("bytes_sent", None, Holds::Number),
    ("content_length", None, Holds::Number),
    ("gzip_ratio", None, Holds::Number),
    ("connection", None, Holds::Number),
    ("connection_requests", None, Holds::Number),
    ("pid", None, Holds::Number),
    ("pipe", None, Holds::Token),
    ("remote_port", None, Holds::Number),
    ("server_port", None, Holds::Number),
    ("server_addr", None, Holds::Address),
    ("ssl_protocol", None, Holds::Token),
    ("ssl_cipher", None, Holds::Token),
    ("ssl_session_id", None, Holds::Token),
    ("ssl_session_reused", None, Holds::Token),
];

/// Ranks below those that nginx's own variables have.
const OTHERS: u8 = 40;

/// Cuts a string at its variables.
pub(super) fn pieces(text: &str, synonyms: &Keys) -> Result<Vec<Piece>> {
    let string = string(text)?;
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), string.as_str());
    while let Some(at) = rest.find('$') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = match rest.strip_prefix('{') {
            Some(inside) => inside.split_once('}').ok_or_else(|| {
                Error::config("the log_format string has a `${` that isn't closed")
                    .hint("write `${name}` or `$name`")
            })?,
            None => {
                let len = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(rest.len());
                rest.split_at(len)
            }
        };
        if name.is_empty() {
            literal.push('$');
            continue;
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Field(field(name, synonyms)));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// The string itself: without the directive, the name, `escape=…`, quotes and semicolon, its
/// pieces put together as nginx does.
fn string(text: &str) -> Result<String> {
    let text = text.trim();
    let directive = after_word(text, "log_format");
    let words = match directive {
        Some(after) if after.starts_with(['\'', '"']) => after,
        Some(after) => {
            let (_name, words) = after.split_once(char::is_whitespace).ok_or_else(|| {
                Error::config("the log_format has a name and no string")
                    .hint("paste all of it, from `log_format` to the semicolon")
            })?;
            words
        }
        None if text.starts_with('\'') => text,
        None => return Ok(text.to_owned()),
    };
    let mut rest = words.trim_start();
    let mut whole = String::new();
    while !rest.is_empty() && !rest.starts_with(';') {
        let (piece, after) = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => quoted(&rest[1..], quote).ok_or_else(|| {
                Error::config("the log_format string has a quote that isn't closed")
                    .hint("paste all of it, from `log_format` to the semicolon")
            })?,
            _ => {
                let len = rest
                    .find([' ', '\t', '\r', '\n', ';'])
                    .unwrap_or(rest.len());
                (rest[..len].to_owned(), &rest[len..])
            }
        };
        if !(whole.is_empty() && piece.starts_with("escape=")) {
            whole.push_str(&piece);
        }
        rest = after.trim_start();
    }
    Ok(whole)
}

/// What is between quotes, the opening one already taken off, and what follows. A backslash keeps a
/// quote, a backslash or a letter for a control character.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let (mut inside, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                't' => inside.push('\t'),
                'n' => inside.push('\n'),
                'r' => inside.push('\r'),
                c @ ('\'' | '"' | '\\') => inside.push(c),
                c => inside.extend(['\\', c]),
            },
            c if c == quote => return Some((inside, &text[at + c.len_utf8()..])),
            c => inside.push(c),
        }
    }
    None
}

fn field(name: &str, synonyms: &Keys) -> Field {
    let role = match name {
        "args" | "query_string" | "is_args" => Role::Query,
        "scheme" => Role::Scheme,
        "host" | "http_host" | "server_name" => Role::Authority,
        _ => Role::Alone,
    };
    if let Some((_, meaning, holds)) = VARIABLES.iter().find(|(known, ..)| *known == name) {
        let part = meaning.map(|(slot, rank, unit)| Part { slot, rank, unit });
        return Field {
            part,
            holds: *holds,
            role,
        };
    }
    let part = match synonyms.find_name(name.as_bytes()) {
        Some(Meaning::Part { slot, rank, unit }) if !name.starts_with("upstream_") => Some(Part {
            slot,
            rank: (OTHERS + rank / 4).min(99),
            unit,
        }),
        _ => None,
    };
    let holds = match part.map(|part| part.slot) {
        _ if name.starts_with("upstream_http_") => Holds::Text,
        _ if name.starts_with("upstream_") => Holds::List,
        _ if name.ends_with("_time") => Holds::Number,
        Some(Slot::Version | Slot::Region | Slot::Host) => Holds::Word,
        _ => Holds::Text,
    };
    Field { part, holds, role }
}
