//! The text of a marker file as JSON values, whatever it was written in.
//!
//! Comes in: bytes. Goes out: a [`Document`]: the top-level values in order, a list opened up into
//! its elements. Reads JSON, NDJSON, YAML, tables (CSV and its kin, a command's table) and
//! `git log`. Knows forms of text, no deploy system; what can't be read is refused with the line
//! and column of the first trouble.

use serde_json::{Map, Value};

use std::borrow::Cow;

use super::entry::listed;
use super::{csv, export, history, keys, notes, pairs, yaml};
use crate::error::{Error, Result};

/// A marker file, parsed.
#[derive(Debug, PartialEq)]
pub(super) struct Document {
    /// What it was written in.
    pub(super) form: &'static str,
    /// The top-level values.
    pub(super) values: Vec<Value>,
    /// What of it could not be read.
    pub(super) notes: Vec<String>,
}

impl Document {
    fn new(form: &'static str, values: Vec<Value>) -> Document {
        Document {
            form,
            values,
            notes: Vec::new(),
        }
    }
}

/// The form of a table.
pub(super) const TABLE: &str = "CSV";

/// An example of a marker, for hints.
const EXAMPLE: &str = r#"[{"at":"2024-04-10T08:58:30-07:00","service":"api","version":"2.4.0"}]"#;

/// Parses a marker file.
pub(super) fn read(bytes: &[u8]) -> Result<Document> {
    let text = decode(bytes)?;
    let text = text.as_ref();
    let start = text.trim_start();
    if start.is_empty() {
        return Err(Error::data("the file is empty").hint("a list without changes is written `[]`"));
    }
    if start.starts_with(['[', '{']) {
        return json(text);
    }
    if let Some(values) = export::git::log(start) {
        return Ok(Document::new("git log", values));
    }
    if let Some(values) = history::apt(start) {
        return Ok(Document::new(history::APT, values));
    }
    if let Some(values) = history::capistrano(start) {
        return Ok(Document::new(history::CAPISTRANO, values));
    }
    refuse_logs(start)?;
    if let Some((values, others)) = pairs::read(start) {
        return Ok(Document {
            notes: left_out(others),
            ..Document::new(pairs::PAIRS, values)
        });
    }
    if !export::git::is_columns(start)
        && let Some(lines) = notes::read(start)
    {
        return Ok(lines_with_a_time(lines));
    }
    refuse_strangers(start)?;
    if looks_like_yaml(start) {
        return Ok(Document::new("YAML", opened(yaml::read(text)?)));
    }
    table(text)
}

/// What lines tell of which each says a time.
fn lines_with_a_time(lines: notes::Notes) -> Document {
    let mut document = Document::new(notes::LINES, lines.values);
    if lines.are_commits {
        document.notes.push(export::git::NOT_DEPLOYED.to_owned());
    }
    document.notes.extend(left_out(lines.others));
    document
}

fn left_out(others: usize) -> Vec<String> {
    match others {
        0 => Vec::new(),
        _ => vec![format!(
            "left out: lines that tell of no change with its time, {others}"
        )],
    }
}

fn refuse_logs(start: &str) -> Result<()> {
    let first_line = start.lines().next().unwrap_or("");
    if first_line.contains(" HTTP/1.") || first_line.contains(" HTTP/2") {
        return Err(Error::data("an access log in place of markers")
            .hint("logs are named without an option: triage access.log --deploys deploys.json"));
    }
    Ok(())
}

/// Refuses what is plainly something else, with a way to what was meant.
fn refuse_strangers(start: &str) -> Result<()> {
    let first_line = start.lines().next().unwrap_or("");
    if export::git::is_oneline(start) {
        return Err(Error::data("`git log --oneline` says no times")
            .hint("write it with `git log --format='%H%x09%cI%x09%an%x09%s'`"));
    }
    if start.starts_with('<') {
        let lower = first_line.to_lowercase();
        let page = lower.starts_with("<!doctype html") || lower.starts_with("<html");
        return Err(match page {
            true => Error::data("an HTML page in place of markers").hint(
                "export it again with the API's address and a token: a login or error page was saved",
            ),
            false => Error::data("XML, which no reader of markers knows")
                .hint("export it as JSON or CSV"),
        });
    }
    if first_line.contains("REVISION") && first_line.contains("CHANGE-CAUSE") {
        return Err(Error::data("`kubectl rollout history` says no times")
            .hint("write it with `kubectl get replicasets,deployments -o json`"));
    }
    Ok(())
}

/// Packed files, by their first bytes.
const PACKED: [(&[u8], &str); 4] = [
    (&[0x1f, 0x8b], "gzip -dc"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd -dc"),
    (b"BZh", "bzip2 -dc"),
    (b"PK\x03\x04", "unzip -p"),
];

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>> {
    if let Some((_, tool)) = PACKED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(Error::data("the file is packed").hint(format!(
            "unpack it first: `{tool} FILE | triage … --deploys -`"
        )));
    }
    // What PowerShell's `>` and a spreadsheet's "Unicode text" write.
    let wide = |order: fn([u8; 2]) -> u16| {
        let units = bytes
            .as_chunks::<2>()
            .0
            .iter()
            .skip(1)
            .map(|unit| order(*unit));
        let text: String = char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        Cow::Owned(text)
    };
    match bytes {
        [0xff, 0xfe, ..] => return Ok(wide(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => return Ok(wide(u16::from_be_bytes)),
        _ => {}
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
    Ok(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)))
}

/// JSON, or JSON values after one another: NDJSON.
fn json(text: &str) -> Result<Document> {
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        values.push(value.map_err(|e| not_json(&e, text))?);
    }
    let form = if values.len() > 1 { "NDJSON" } else { "JSON" };
    Ok(Document::new(form, opened(values)))
}

#[cold]
fn not_json(error: &serde_json::Error, text: &str) -> Error {
    let whole = error.to_string();
    let what = whole
        .rsplit_once(" at line ")
        .map_or(whole.as_str(), |(what, _)| what);
    let (line, column) = (error.line(), error.column());
    let here = text.lines().nth(line.saturating_sub(1)).unwrap_or("");
    let is_lax = what.contains("trailing comma")
        || here.trim_start().starts_with(['/', '#'])
        || here.contains(" //");
    let hint = match is_lax {
        true => "JSON knows neither comments nor trailing commas: take them out, or write YAML"
            .to_owned(),
        false => format!("markers are a JSON array, one JSON object per line, or CSV: {EXAMPLE}"),
    };
    Error::data(format!("line {line}, column {column}: not JSON: {what}")).hint(hint)
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
    // Excel's word on the separator, and comments, may stand before the header.
    let is_header = |line: &&str| {
        !line.starts_with("sep=") && !line.starts_with('#') && !line.trim().is_empty()
    };
    let first_line = text.lines().find(is_header).unwrap_or("");
    if first_line.starts_with('|') || text.lines().any(is_rule) {
        return table(&without_frame(text));
    }
    let begin = text.find(first_line).unwrap_or(0);
    let (before, text) = text.split_at_checked(begin).unwrap_or(("", text));
    let lines_before = before.matches('\n').count();
    let lone_column = || keys::is_time_key(first_line).then_some(',');
    let separator = csv::separator(first_line).or_else(lone_column);
    let separator = separator.ok_or_else(|| no_form(first_line))?;
    let rows = csv::rows(text, separator)?;
    if let Some(values) = export::git::rows(&rows) {
        return Ok(Document::new("git log", values));
    }
    let mut rows = rows.into_iter();
    let header: Vec<String> = rows
        .next()
        .map(|row| column_names(&row.fields))
        .unwrap_or_default();
    if !header.iter().any(|name| keys::is_time_key(name)) {
        return Err(no_form(first_line));
    }
    let ends_in_prose = header
        .last()
        .and_then(|name| keys::meaning(name))
        .is_some_and(|meaning| meaning.field == keys::Field::Description);
    let mut values = Vec::new();
    let mut too_wide: Vec<String> = Vec::new();
    for mut row in rows {
        if row.fields.len() > header.len() && ends_in_prose {
            // Prose whose commas nobody put in quotes.
            let prose = row.fields.split_off(header.len().saturating_sub(1));
            row.fields.push(prose.join(&separator.to_string()));
        }
        if row.fields.len() > header.len() {
            let (line, has, wants) = (row.line + lines_before, row.fields.len(), header.len());
            too_wide.push(format!(
                "line {line}: {has} fields, but the header has {wants}"
            ));
            continue;
        }
        let cells = row
            .fields
            .into_iter()
            .map(|cell| Value::String(cell.trim().to_owned()));
        let object: Map<String, Value> = header.iter().cloned().zip(cells).collect();
        values.push(Value::Object(object));
    }
    if let (Some(first), true) = (too_wide.first(), values.is_empty()) {
        return Err(Error::data(first.clone())
            .hint("a field that holds the separator goes in double quotes"));
    }
    let notes = match too_wide.is_empty() {
        true => Vec::new(),
        false => vec![format!("left out: {}", listed(&too_wide))],
    };
    Ok(Document {
        form: TABLE,
        values,
        notes,
    })
}

/// A table of Markdown's, or one that a database's shell frames, without the bars at its edges and its rules,
/// its cells parted by tabs. What has no bar is none of it.
fn without_frame(text: &str) -> String {
    let rows = text.lines().filter_map(|line| {
        let line = line.trim();
        let inside = line.strip_prefix('|').unwrap_or(line);
        let inside = inside.strip_suffix('|').unwrap_or(inside);
        let is_rule = inside.chars().all(|c| matches!(c, '-' | ':' | '|' | ' '));
        let cells: Vec<&str> = inside.split('|').map(str::trim).collect();
        (line.contains('|') && !is_rule).then(|| cells.join("\t"))
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// What MySQL's and PostgreSQL's shells draw: `+----+-----+`, `----+-----`.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.contains("--+--") && line.chars().all(|c| matches!(c, '-' | '+'))
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
