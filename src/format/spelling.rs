//! What a user may write for a log's format, told apart by its looks alone.
//!
//! | spelling | told by | example |
//! |---|---|---|
//! | a file | its end, `.toml` | `front-door.toml` |
//! | a regular expression | a named group, `(?<` or `(?P<` | `^(?<time>\S+) (?<status>\d+) …` |
//! | nginx's `log_format` | that word in front, or a `$variable` | `$remote_addr [$time_local] …` |
//! | Apache's `LogFormat` | that word in front, or a `%directive` | `%h %l %u %t "%r" %>s %b` |
//! | a name | whatever is left | `combined` |
//!
//! The kinds are tried in this order: a regular expression may have a `$` in it, an nginx string a
//! `%`, and neither can have the group. No file is opened here.

use std::path::Path;

use crate::error::{Error, Result};

use super::Format;

/// What kind of thing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling<'t> {
    /// The name of a built-in format.
    Name(&'t str),
    /// A file that describes one.
    File(&'t Path),
    /// What nginx's `log_format` is given.
    Nginx(&'t str),
    /// What Apache's `LogFormat` is given.
    Apache(&'t str),
    /// A regular expression with named groups.
    Pattern(&'t str),
}

impl<'t> Spelling<'t> {
    /// Tells what kind of thing a text is.
    pub fn of(text: &'t str) -> Spelling<'t> {
        let text = text.trim();
        let has = |sign: char, follows: fn(char) -> bool| {
            text.match_indices(sign)
                .any(|(at, _)| text[at + sign.len_utf8()..].starts_with(follows))
        };
        let directive = |c: char| c.is_ascii_alphabetic() || matches!(c, '>' | '<' | '{' | '^');
        if text.ends_with(".toml") && !text.contains('\n') {
            Spelling::File(Path::new(text))
        } else if text.contains("(?<") || text.contains("(?P<") {
            Spelling::Pattern(text)
        } else if after_word(text, "LogFormat").is_some() || after_word(text, "CustomLog").is_some()
        {
            Spelling::Apache(text)
        } else if after_word(text, "log_format").is_some()
            || has('$', |c| c.is_ascii_alphabetic() || c == '{')
        {
            Spelling::Nginx(text)
        } else if has('%', directive) {
            Spelling::Apache(text)
        } else if text.contains("(?") {
            Spelling::Pattern(text)
        } else {
            Spelling::Name(text)
        }
    }
}

/// What follows a directive's name, which may be in either case.
pub(super) fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    (start.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

/// No built-in format has this name: says which ones are near.
#[cold]
pub(super) fn unknown_name<'f>(
    name: &str,
    formats: impl Iterator<Item = &'f Format> + Clone,
) -> Result<std::sync::Arc<Format>> {
    let wanted = name.to_ascii_lowercase();
    let near: Vec<&str> = formats
        .clone()
        .filter(|format| is_near(&wanted, format))
        .map(Format::name)
        .collect();
    let shown: String = name.chars().take(60).collect();
    let error = Error::config(format!("no log format is called `{shown}`"));
    let others = "a FILE.toml, nginx's log_format, Apache's LogFormat, or a regular expression with the named groups time, request (or path) and status";
    Err(if near.is_empty() {
        let names: Vec<&str> = formats.map(Format::name).collect();
        error.hint(format!("use one of {}; {others}", names.join(", ")))
    } else {
        error.hint(format!(
            "did you mean {}? `triage formats` lists all; what is none of them is {others}",
            near.join(" or ")
        ))
    })
}

/// Whether a format's name is a slip away from the one wanted, or its title has the word.
fn is_near(wanted: &str, format: &Format) -> bool {
    let slips = wanted.len() / 4 + 1;
    let mut names = format.aliases.iter().chain([&format.name]);
    let title = format.title.to_ascii_lowercase();
    let mut words = title.split(|c: char| !c.is_ascii_alphanumeric());
    names.any(|name| name.len() < 64 && wanted.len() < 64 && distance(wanted, name) <= slips)
        || wanted.len() > 2 && words.any(|word| word == wanted)
}

/// How many letters must be put in, taken out or changed (Levenshtein) to get from one to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &b) in other.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(a != b))
                .min(above + 1)
                .min(row[j] + 1);
            diagonal = above;
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_told_by_its_looks() {
        for (text, expected) in [
            ("combined", Spelling::Name("combined")),
            (" envoy-json ", Spelling::Name("envoy-json")),
            ("100%", Spelling::Name("100%")),
            ("two words", Spelling::Name("two words")),
            (
                "a/front-door.toml",
                Spelling::File(Path::new("a/front-door.toml")),
            ),
            (r"(?P<time>\S+)$x", Spelling::Pattern(r"(?P<time>\S+)$x")),
            (r"^(?<a>%h)", Spelling::Pattern(r"^(?<a>%h)")),
            (r"(?:\d+)", Spelling::Pattern(r"(?:\d+)")),
            ("$status", Spelling::Nginx("$status")),
            ("${status}%", Spelling::Nginx("${status}%")),
            ("$status 5%h", Spelling::Nginx("$status 5%h")),
            ("log_format x 'y';", Spelling::Nginx("log_format x 'y';")),
            ("LOGFORMAT \"$x\"", Spelling::Apache("LOGFORMAT \"$x\"")),
            ("%>s", Spelling::Apache("%>s")),
            ("%{ms}T", Spelling::Apache("%{ms}T")),
        ] {
            assert_eq!(Spelling::of(text), expected, "{text}");
        }
    }

    #[test]
    fn slips_are_counted() {
        for (one, other, slips) in [
            ("", "", 0),
            ("combind", "combined", 1),
            ("json", "jason", 1),
            ("kitten", "sitting", 3),
            ("", "alb", 3),
        ] {
            assert_eq!(distance(one, other), slips, "{one} {other}");
        }
    }
}
