//! Change markers as a table for people, and in their native form for programs and `--deploys`.
//!
//! In come [`Marker`]s, in order; out comes text. The JSON, NDJSON and CSV read back as the same
//! changes; only control characters don't survive a CSV, as they would drive a terminal.

use std::borrow::Cow;

use super::Style;
use super::human::duration;
use super::json::line;
use super::page::{Page, Span, Tone};
use super::sanitize::{clean, fit, width};
use super::when::seconds_between;
use crate::report::Marker;

/// A JSON array, one marker per line.
pub fn json(markers: &[Marker]) -> String {
    let lines: Vec<String> = markers
        .iter()
        .map(|m| line(m).trim_end().to_owned())
        .collect();
    match lines.as_slice() {
        [] => "[]\n".to_owned(),
        lines => format!("[\n{}\n]\n", lines.join(",\n")),
    }
}

/// One marker per line.
pub fn ndjson(markers: &[Marker]) -> String {
    markers.iter().map(line).collect()
}

/// The columns of the CSV, by native name.
const COLUMNS: [&str; 19] = [
    "id",
    "kind",
    "service",
    "version",
    "previous_version",
    "at",
    "at_is_end",
    "finished_at",
    "rollback_of",
    "author",
    "description",
    "commit",
    "environment",
    "url",
    "status",
    "endpoints",
    "hosts",
    "files",
    "extra",
];

/// RFC 4180, with a header.
pub fn csv(markers: &[Marker]) -> String {
    let mut out = COLUMNS.join(",") + "\n";
    for marker in markers {
        let extra = match marker.extra.is_empty() {
            true => String::new(),
            false => line(&marker.extra).trim_end().to_owned(),
        };
        let cells = [
            Cow::from(marker.id.as_str()),
            marker.kind.as_str().into(),
            text(&marker.service),
            text(&marker.version),
            text(&marker.previous_version),
            marker.at.as_str().into(),
            if marker.at_is_end { "true" } else { "" }.into(),
            text(&marker.finished_at),
            text(&marker.rollback_of),
            text(&marker.author),
            text(&marker.description),
            text(&marker.commit),
            text(&marker.environment),
            text(&marker.url),
            text(&marker.status),
            list(&marker.endpoints).into(),
            list(&marker.hosts).into(),
            list(&marker.files).into(),
            extra.into(),
        ];
        let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        out.push_str(&quoted.join(","));
        out.push('\n');
    }
    out
}

fn text(value: &Option<String>) -> Cow<'_, str> {
    value.as_deref().unwrap_or_default().into()
}

/// The elements of a list parted by bars; as JSON where one of them would be parted, too.
fn list(values: &[String]) -> String {
    let is_plain = |value: &String| {
        !value.starts_with('[') && !value.contains(['|', ',', ';', '\n']) && value.trim() == value
    };
    match values.iter().all(is_plain) {
        true => values.join("|"),
        false => line(&values).trim_end().to_owned(),
    }
}

/// What a spreadsheet takes for a formula gets a space in front, which makes it text there; whoever reads
/// the file for its markers takes spaces off again.
fn quoted(cell: &str) -> String {
    let safe: String = cell
        .chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect();
    let formula = safe.starts_with(['=', '+', '-', '@', '\t']);
    match safe.contains(['"', ',', ';', '\n', '\t']) {
        _ if formula => format!("\" {}\"", safe.replace('"', "\"\"")),
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe,
    }
}

/// Columns of a time without its zone.
const TIME: usize = 19;
/// The longest name of a kind.
const KIND: usize = 9;
/// At most so many columns of a service's name, and of versions.
const SERVICE: usize = 16;
const VERSION: usize = 22;
/// Columns between two.
const GAP: usize = 2;

/// A table: a line for each change, and under it what it says of itself.
pub fn table(markers: &[Marker], style: &Style) -> String {
    let mut page = Page::new(style);
    let zones: Vec<&str> = markers.iter().map(|m| zone(&m.at)).collect();
    let one_zone = zones
        .first()
        .filter(|first| zones.iter().all(|z| z == *first));
    let arrow = page.sign("→", "->");
    let rows: Vec<[String; 5]> = markers
        .iter()
        .map(|m| row(m, arrow, style.unicode))
        .collect();
    let column = |i: usize, most: usize, title: &str| {
        let cells = rows
            .iter()
            .map(|row| width(row.get(i).map_or("", String::as_str)));
        cells.max().unwrap_or(0).max(width(title)).min(most)
    };
    let time = TIME + if one_zone.is_some() { 0 } else { 6 };
    let widths = [
        time,
        KIND,
        column(2, SERVICE, "service"),
        column(3, VERSION, "version"),
        usize::MAX,
    ];
    let at = match one_zone {
        Some(&"Z") => "at (UTC)".to_owned(),
        Some(zone) => format!("at ({zone})"),
        None => "at".to_owned(),
    };
    let titles = [
        at,
        "kind".into(),
        "service".into(),
        "version".into(),
        "status".into(),
    ];
    if !rows.is_empty() {
        page.line(&laid_out(&titles, &widths, style.unicode, |_| Tone::Faint));
    }
    for (marker, row) in markers.iter().zip(&rows) {
        let tone = |i| match (i, marker.kind.as_str(), marker.status.as_deref()) {
            (2, ..) => Tone::Strong,
            (1, "rollback", _) | (4, _, Some("failed")) => Tone::Warn,
            _ => Tone::Plain,
        };
        let mut row = row.clone();
        if one_zone.is_some() {
            row[0] = row[0].chars().take(TIME).collect();
        }
        page.line(&laid_out(&row, &widths, style.unicode, tone));
        let details = details(marker);
        if !details.is_empty() {
            let indent = time + GAP;
            page.paragraph(&[], indent, &details);
        }
    }
    page.finish()
}

/// Cells in columns; the last one takes the rest of the line.
fn laid_out<const N: usize>(
    cells: &[String; N],
    widths: &[usize; N],
    unicode: bool,
    tone: impl Fn(usize) -> Tone,
) -> Vec<Span> {
    let mut spans = Vec::new();
    for (i, (cell, columns)) in cells.iter().zip(widths).enumerate() {
        if *columns == usize::MAX {
            spans.push(tone(i).span(cell.as_str()));
            continue;
        }
        let cell = fit(cell, *columns, unicode);
        let filling = " ".repeat(columns.saturating_sub(width(&cell)) + GAP);
        spans.push(tone(i).span(cell));
        spans.push(Tone::Plain.span(filling));
    }
    spans
}

fn row(marker: &Marker, arrow: &str, unicode: bool) -> [String; 5] {
    let brought = marker.version.clone().or_else(|| {
        marker
            .commit
            .as_deref()
            .map(|commit| commit.chars().take(10).collect())
    });
    let version = match (&marker.previous_version, brought) {
        (Some(old), Some(new)) => format!("{old} {arrow} {new}"),
        (_, Some(new)) => new,
        (Some(old), None) => format!("{old} {arrow} ?"),
        (None, None) => String::new(),
    };
    let took = marker
        .finished_at
        .as_deref()
        .filter(|_| !marker.at_is_end)
        .and_then(|end| seconds_between(&marker.at, end))
        .map(|seconds| format!(" in {}", duration(seconds)));
    let status = match (marker.status.as_deref(), took) {
        (Some(status), took) => format!("{status}{}", took.unwrap_or_default()),
        (None, Some(took)) => format!("done{took}"),
        (None, None) => String::new(),
    };
    let at: String = marker.at.chars().take(TIME).collect();
    let shown = |text: &str| clean(text, unicode).into_owned();
    [
        at.replace('T', " ") + zone(&marker.at),
        shown(&marker.kind),
        shown(marker.service.as_deref().unwrap_or("-")),
        shown(&version),
        shown(&status),
    ]
}

/// The zone of an RFC 3339 time: `Z` or an offset.
fn zone(time: &str) -> &str {
    match time
        .char_indices()
        .rev()
        .find(|(_, c)| matches!(c, '+' | '-' | 'Z'))
    {
        Some((i, _)) => time.get(i..).unwrap_or(""),
        None => "",
    }
}

/// What a change says of itself, under its line.
fn details(marker: &Marker) -> Vec<Span> {
    let mut parts: Vec<Span> = Vec::new();
    let mut say = |tone: Tone, text: String| {
        if !parts.is_empty() {
            parts.push(Tone::Faint.span(" · "));
        }
        parts.push(tone.span(text));
    };
    if let Some(description) = &marker.description {
        say(Tone::Plain, description.clone());
    }
    if let Some(author) = &marker.author {
        say(Tone::Faint, author.clone());
    }
    if let Some(environment) = &marker.environment {
        say(Tone::Faint, environment.clone());
    }
    if let Some(undone) = &marker.rollback_of {
        say(Tone::Faint, format!("undoes {undone}"));
    }
    if marker.at_is_end {
        say(Tone::Faint, "dated by its end".to_owned());
    }
    for (name, values) in [("touches", &marker.endpoints), ("on", &marker.hosts)] {
        if !values.is_empty() {
            say(Tone::Faint, format!("{name} {}", values.join(", ")));
        }
    }
    say(Tone::Faint, marker.id.clone());
    parts
}
