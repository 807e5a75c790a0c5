//! Lines that people and `git log --format` write: a time somewhere on each, and beside it a commit, a
//! version, or a word for what was done.
//!
//! Comes in: text. Goes out: one JSON object for each such line, with native keys, or `None` for a
//! text of another form. `- 2024-04-10 08:58 api 2.4.0 (dana)`,
//! `9f3c51ad|2024-04-10T08:58:30+00:00|Dana|Fix auth` and `2024-04-10T09:30:00Z rollback api to 2.3.9` are
//! such; a log's lines, which have times too, are not.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::{Kind, words};

/// The form of such a list.
pub(super) const LINES: &str = "lines with a time";

/// A day with its time of day, or an epoch that stands alone.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    let text = concat!(
        r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?",
        r"|(?:[A-Z][a-z]{2},? )\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d(?: (?:GMT|UTC|[+-]\d{4}))?",
        r"|[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d(?: [A-Z]{3,4})? \d{4}(?: [+-]\d{4})?",
        r"|\b1\d{9}\b",
    );
    Regex::new(text).expect("the expression is tested")
});

/// Words that name a version and no service before it.
const JOINTS: [&str; 12] = [
    "to", "version", "ver", "release", "tag", "v", "at", "of", "from", "->", "=>", "→",
];

/// What separates the parts of a line.
const SIGNS: [char; 16] = [
    ' ', '\t', '|', ',', ';', ':', '(', ')', '[', ']', '<', '>', '"', '*', '-', '–',
];

/// Those that stand between parts, and begin and end none.
const BETWEEN: [char; 9] = [' ', '\t', '|', ',', ';', ':', '*', '-', '–'];

/// The changes that lines tell of, and how many lines tell of none.
pub(super) struct Notes {
    pub(super) values: Vec<Value>,
    pub(super) others: usize,
    /// Whether they are commits.
    pub(super) are_commits: bool,
}

/// Reads a text whose first line says a time; at least half of its lines must tell of a change.
pub(super) fn read(text: &str) -> Option<Notes> {
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with(['#', '=']);
    let lines: Vec<&str> = text.lines().filter(says).collect();
    let is_pair = |line: &str| line.split_once(": ").is_some_and(|(key, _)| is_name(key));
    let first = unbulleted(lines.first()?);
    if is_pair(first) || !TIME.is_match(first) {
        return None;
    }
    let values: Vec<Value> = lines
        .iter()
        .filter_map(|line| note(unbulleted(line)))
        .collect();
    let commits = values.iter().filter(|value| value.get("commit").is_some());
    let are_commits = commits.count() == values.len();
    let others = lines.len() - values.len();
    (others < values.len()).then_some(Notes {
        values,
        others,
        are_commits,
    })
}

/// A line without what begins a list's item, or draws a graph of commits.
fn unbulleted(line: &str) -> &str {
    let bare = line
        .trim()
        .trim_start_matches(['*', '|', '\\', '/', '_', '•', ' ']);
    bare.strip_prefix("- ").unwrap_or(bare).trim()
}

/// Whether a text is the name of a key.
fn is_name(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    !text.is_empty() && text.bytes().all(is_part)
}

/// A time somewhere in a text, and the text without it.
pub(super) fn time(text: &str) -> Option<(String, String)> {
    let time = TIME.find(text)?;
    let (before, after) = (&text[..time.start()], &text[time.end()..]);
    let around = [before.trim(), after.trim()].join(" ");
    Some((time.as_str().to_owned(), around.trim().to_owned()))
}

fn note(line: &str) -> Option<Value> {
    let time = TIME.find(line)?;
    let (before, after) = (&line[..time.start()], &line[time.end()..]);
    let parts: Vec<&str> = [before, after]
        .into_iter()
        .flat_map(|side| side.split(['|', '\t', ',', ';']))
        .map(|part| part.trim_matches(BETWEEN))
        .collect();
    let words = || {
        parts
            .iter()
            .flat_map(|part| part.split(SIGNS))
            .filter(|word| !word.is_empty())
    };
    let commit = words().find(|word| is_hash(word));
    let (service, version) = versioned(before).or_else(|| versioned(after)).unzip();
    let tells = |word: &str| words::kind(word).is_some();
    if commit.is_none() && version.is_none() && !words().any(tells) {
        return None;
    }
    let mut texts: Vec<&str> = parts
        .iter()
        .map(|part| {
            let part = commit.map_or(*part, |hash| part.strip_prefix(hash).unwrap_or(part));
            let part = part.trim_matches(BETWEEN).trim_end_matches(['(', '[', '<']);
            part.trim_start_matches([')', ']', '>'])
                .trim_matches(BETWEEN)
        })
        .filter(|part| !part.is_empty())
        .collect();
    // `%h|%ci|%an|%s`: who stands before what.
    let is_columns = line.contains(['|', '\t']) || line.matches(',').count() > 2;
    let author = match (commit, texts.len()) {
        (Some(_), 2..) if is_columns => Some(texts.remove(0)),
        _ => None,
    };
    let description = texts.join(" ");
    // A commit may well mention what it doesn't do.
    let kind = commit.map_or_else(|| words::kind(&description), |_| None);
    let mut entry = Map::new();
    let mut put = |key: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            entry.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    };
    put("date", Some(time.as_str()));
    put("kind", kind.map(Kind::name));
    put("commit", commit);
    put("service", service.flatten());
    put("version", version);
    put("author", author);
    put("description", Some(&description));
    put(
        "environment",
        words().find(|word| words::is_environment(word)),
    );
    Some(Value::Object(entry))
}

/// The first version of a text, and the service before it: `api 2.4.0`, `api@2.4.0`, `api to v2.4.0`.
fn versioned(text: &str) -> Option<(Option<&str>, &str)> {
    let is_version = |word: &str| words::is_version(word) && word.len() <= 64;
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_matches(SIGNS))
        .filter(|word| !word.is_empty())
        .collect();
    words.iter().enumerate().find_map(|(at, word)| {
        if let Some((name, version)) = word.rsplit_once(['@', ':', '='])
            && is_version(version)
        {
            return Some((Some(name).filter(|name| is_name(name)), version));
        }
        let joint = |word: &&&str| JOINTS.contains(&word.to_lowercase().as_str());
        let before = words[..at].iter().rev().find(|word| !joint(word)).copied();
        let is_service = |name: &&str| is_name(name) && words::kind(name).is_none();
        is_version(word).then_some((before.filter(is_service), *word))
    })
}

/// A commit's hash, whole or short; a number alone is none.
fn is_hash(word: &str) -> bool {
    let hex = word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (7..=64).contains(&word.len()) && hex && word.bytes().any(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(text: &str) -> Vec<Value> {
        read(text).unwrap().values
    }

    #[test]
    fn lists_that_people_keep() {
        assert_eq!(
            values(
                "# Deploys\n- 2024-04-10 08:58 api 2.4.0 (dana)\n* 2024-04-10T09:30:00Z rollback api to 2.3.9\n"
            ),
            [
                json!({"date": "2024-04-10 08:58", "service": "api", "version": "2.4.0", "description": "api 2.4.0 (dana)"}),
                json!({"date": "2024-04-10T09:30:00Z", "service": "api", "version": "2.3.9", "kind": "rollback", "description": "rollback api to 2.3.9"}),
            ]
        );
        assert_eq!(
            values("web@v1.2.0 shipped to production, 2024/04/10 08:58:30 +0200"),
            [
                json!({"date": "2024/04/10 08:58:30 +0200", "service": "web", "version": "v1.2.0", "kind": "deploy",
                "description": "web@v1.2.0 shipped to production", "environment": "production"})
            ]
        );
    }

    #[test]
    fn commits_in_whatever_format() {
        for line in [
            "9f3c51ad|2024-04-10 08:58:30 +0000|Dana|Fix auth",
            "9f3c51ad\t2024-04-10 08:58:30 +0000\tDana\tFix auth",
        ] {
            let expected = json!({"date": "2024-04-10 08:58:30 +0000", "commit": "9f3c51ad", "author": "Dana", "description": "Fix auth"});
            assert_eq!(values(line), [expected], "{line}");
        }
        for (line, date) in [
            (
                "* 9f3c51a Fix auth (Wed Apr 10 08:58:30 2024 +0000)",
                "Wed Apr 10 08:58:30 2024 +0000",
            ),
            (
                "2024-04-10T08:58:30Z 9f3c51a Fix auth",
                "2024-04-10T08:58:30Z",
            ),
            ("| * 9f3c51a 1712739510 Fix auth", "1712739510"),
            (
                "Wed Apr 10 08:58:30 PDT 2024 9f3c51a Fix auth",
                "Wed Apr 10 08:58:30 PDT 2024",
            ),
        ] {
            let expected = json!({"date": date, "commit": "9f3c51a", "description": "Fix auth"});
            assert_eq!(values(line), [expected], "{line}");
            assert!(read(line).unwrap().are_commits);
        }
    }

    #[test]
    fn a_log_is_no_list_of_changes() {
        for text in [
            "2024-04-10 08:58:30 INFO listening on 8080\n2024-04-10 08:58:31 INFO ready\n",
            "at: 2024-04-10 08:58\n",
            "api 2.4.0\n",
            "",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
