//! Lines of pairs, as a deploy script echoes and a logger writes them: `at=… service=api version=2.4.0`,
//! `time=… level=info msg="deploy finished" service=api`.
//!
//! Comes in: text. Goes out: one JSON object for each such line, with the pairs' own keys, or `None` for a text of
//! another form. What stands outside of the pairs is a time, and else the description.

use serde_json::{Map, Value};

use super::{keys, notes};

/// The form of such lines.
pub(super) const PAIRS: &str = "key=value lines";

/// A line has at least so many pairs whose keys say something about a change.
const FEWEST: usize = 2;

/// Keys of which a request's line has several: logs are no markers.
const OF_REQUESTS: [&str; 6] = ["method", "path", "uri", "url", "status", "duration"];
const MOST_OF_REQUESTS: usize = 2;

/// The changes that lines tell of, and how many lines tell of none; `None` unless most do.
pub(super) fn read(text: &str) -> Option<(Vec<Value>, usize)> {
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let lines: Vec<&str> = text.lines().filter(says).collect();
    entry(lines.first()?)?;
    let values: Vec<Value> = lines.iter().filter_map(|line| entry(line)).collect();
    let others = lines.len() - values.len();
    (others < values.len()).then_some((values, others))
}

fn entry(line: &str) -> Option<Value> {
    let (mut pairs, mut rest) = (Map::new(), Vec::new());
    for word in words(line) {
        match pair(word) {
            Some((key, value)) => {
                pairs.insert(key.to_owned(), Value::String(value));
            }
            None => rest.push(word),
        }
    }
    let means = |key: &&String| keys::meaning(key).is_some();
    let of_requests = OF_REQUESTS.iter().filter(|key| pairs.contains_key(**key));
    if pairs.keys().filter(means).count() < FEWEST || of_requests.count() >= MOST_OF_REQUESTS {
        return None;
    }
    let rest = rest.join(" ");
    let (time, said) = match notes::time(&rest) {
        Some((time, said)) => (Some(time), said),
        None => (None, rest),
    };
    for (key, value) in [("date", time), ("description", Some(said))] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            pairs.entry(key).or_insert(Value::String(value));
        }
    }
    Some(Value::Object(pairs))
}

/// The words of a line; blanks within quotes part none.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let parts = line.split(move |c: char| {
        is_quoted ^= c == '"';
        c.is_whitespace() && !is_quoted
    });
    parts.filter(|word| !word.is_empty())
}

/// A key and its value, without quotes and what separates it from the next.
fn pair(word: &str) -> Option<(&str, String)> {
    let (key, value) = word.trim_end_matches([',', ';']).split_once('=')?;
    let is_key = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@');
    let bare = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let value = bare.map_or_else(|| value.to_owned(), |value| value.replace("\\\"", "\""));
    (!key.is_empty() && key.bytes().all(is_key)).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_script_echoes_and_what_a_logger_writes() {
        for (line, expected) in [
            (
                "at=2024-04-10T15:58:30Z service=api version=2.4.0 author=dana",
                json!({"at": "2024-04-10T15:58:30Z", "service": "api", "version": "2.4.0", "author": "dana"}),
            ),
            (
                r#"time="2024-04-10T15:58:30Z" level=info msg="deploy \"canary\" done" service=api version=2.4.0"#,
                json!({"time": "2024-04-10T15:58:30Z", "level": "info", "msg": "deploy \"canary\" done", "service": "api", "version": "2.4.0"}),
            ),
            (
                "2024-04-10 15:58:30 +0200 rolled back: service=api, version=2.3.9",
                json!({"date": "2024-04-10 15:58:30 +0200", "description": "rolled back:", "service": "api", "version": "2.3.9"}),
            ),
        ] {
            assert_eq!(read(line), Some((vec![expected], 0)), "{line}");
        }
    }

    #[test]
    fn prose_tables_and_request_logs_are_none() {
        for text in [
            "",
            "2024-04-10 08:58 api 2.4.0 (dana)",
            "service,version,at\napi,2.4.0,2024-04-10T15:58:30Z",
            "2024-04-10 08:58 api 2.4.0 with flags=on",
            "time=2024-04-10T15:58:30Z service=api method=GET path=/cart status=200 duration=3ms",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
