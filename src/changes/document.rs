//! The text of a marker file as JSON values, whatever it was written in.
//!
//! Comes in: bytes. Goes out: a [`Document`]: the top-level values in order, a list opened up into
//! its elements. Reads JSON, NDJSON, YAML, tables (CSV and its kin, a command's table) and
//! `git log`. Knows forms of text, no deploy system; what can't be read is refused with the line
//! and column of the first trouble.

use serde_json::{Map, Value};

use super::{csv, export, keys, yaml};
use crate::error::{Error, Result};

/// A marker file, parsed.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    /// What it was written in.
    pub(super) form: &'static str,
    /// The top-level values.
    pub(super) values: Vec<Value>,
}

/// The form of a table.
pub(super) const TABLE: &str = "CSV";

/// An example of a marker, for hints.
const EXAMPLE: &str = r#"[{"at":"2024-04-10T08:58:30-07:00","service":"api","version":"2.4.0"}]"#;

/// Parses a marker file.
pub(super) fn read(bytes: &[u8]) -> Result<Document> {
    let text = decode(bytes)?;
    let start = text.trim_start();
    if start.is_empty() {
        return Err(Error::data("the file is empty").hint("a list without changes is written `[]`"));
    }
    if start.starts_with(['[', '{']) {
        return json(text);
    }
    if let Some(values) = export::git::log(start) {
        return Ok(Document {
            form: "git log",
            values,
        });
    }
    if export::git::is_oneline(start) {
        return Err(Error::data("`git log --oneline` says no times")
            .hint("write it with `git log --format='%H%x09%cI%x09%an%x09%s'`"));
    }
    if looks_like_yaml(start) {
        return Ok(Document {
            form: "YAML",
            values: opened(yaml::read(text)?),
        });
    }
    table(text)
}

fn decode(bytes: &[u8]) -> Result<&str> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Error::data("the file is UTF-16")
            .hint("save it as UTF-8; in PowerShell: `… | Out-File -Encoding utf8 deploys.json`"));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes
            .iter()
            .take(e.valid_up_to())
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        Error::data(format!("line {line}: not UTF-8 (byte {})", e.valid_up_to()))
            .hint("save the file as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// JSON, or JSON values after one another: NDJSON.
fn json(text: &str) -> Result<Document> {
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        values.push(value.map_err(|e| not_json(&e))?);
    }
    let form = if values.len() > 1 { "NDJSON" } else { "JSON" };
    Ok(Document {
        form,
        values: opened(values),
    })
}

#[cold]
fn not_json(error: &serde_json::Error) -> Error {
    let whole = error.to_string();
    let what = whole
        .rsplit_once(" at line ")
        .map_or(whole.as_str(), |(what, _)| what);
    let (line, column) = (error.line(), error.column());
    Error::data(format!("line {line}, column {column}: not JSON: {what}")).hint(format!(
        "markers are a JSON array, one JSON object per line, or CSV: {EXAMPLE}"
    ))
}

/// Lists replaced by their elements, twice: paging tools write lists of lists.
fn opened(values: Vec<Value>) -> Vec<Value> {
    let open = |value| match value {
        Value::Array(elements) => elements,
        other => vec![other],
    };
    values.into_iter().flat_map(open).flat_map(open).collect()
}

/// Whether the first line that says anything is a key with its value, a list item or a marker.
fn looks_like_yaml(text: &str) -> bool {
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let Some(line) = text.lines().find(says) else {
        return false;
    };
    let key = line.split_once(':').filter(|(key, value)| {
        (value.is_empty() || value.starts_with(' '))
            && key
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    });
    line.starts_with("- ") || line.trim_end() == "---" || key.is_some()
}

/// A table with a header whose columns say a time, or `git log`'s columns without one.
fn table(text: &str) -> Result<Document> {
    let first_line = text.trim_start().lines().next().unwrap_or("");
    let lone_column = || keys::is_time_key(first_line).then_some(',');
    let separator = csv::separator(first_line).or_else(lone_column);
    let separator = separator.ok_or_else(|| no_form(first_line))?;
    let rows = csv::rows(text, separator)?;
    if let Some(values) = export::git::rows(&rows) {
        return Ok(Document {
            form: "git log",
            values,
        });
    }
    let mut rows = rows.into_iter();
    let header: Vec<String> = rows
        .next()
        .map(|row| column_names(&row.fields))
        .unwrap_or_default();
    if !header.iter().any(|name| keys::is_time_key(name)) {
        return Err(no_form(first_line));
    }
    let mut values = Vec::new();
    for row in rows {
        if row.fields.len() > header.len() {
            let (line, has, wants) = (row.line, row.fields.len(), header.len());
            return Err(Error::data(format!(
                "line {line}: {has} fields, but the header has {wants}"
            ))
            .hint("a field that holds the separator goes in double quotes"));
        }
        let cells = row
            .fields
            .into_iter()
            .map(|cell| Value::String(cell.trim().to_owned()));
        let object: Map<String, Value> = header.iter().cloned().zip(cells).collect();
        values.push(Value::Object(object));
    }
    Ok(Document {
        form: TABLE,
        values,
    })
}

/// The names of the columns. A command's table (helm, kubectl) shouts them: `APP VERSION` stands
/// for what its JSON calls `app_version`.
fn column_names(fields: &[String]) -> Vec<String> {
    let shouts = fields.iter().all(|f| !f.chars().any(char::is_lowercase));
    let name = |field: &String| match shouts {
        true => field.trim().to_lowercase().replace(' ', "_"),
        false => field.trim().to_owned(),
    };
    fields.iter().map(name).collect()
}

#[cold]
fn no_form(first_line: &str) -> Error {
    let line: String = first_line.chars().take(60).collect();
    Error::data(format!(
        "line 1, column 1: neither JSON, NDJSON, YAML nor CSV with a column for the time: {line:?}"
    ))
    .hint(format!(
        "the plainest form is JSON: {EXAMPLE}, or CSV with a header: at,service,version"
    ))
}
