//! The log lines behind an incident, for whoever wants to see them.

use serde::Serialize;

use super::convert::{file, log_offset_s, offset, text, time};
use super::{Incident, Text, Window};
use crate::input::Found;
use crate::scan::Scan;
use crate::zoom::{FoundLines, Span};

/// The lines of one incident's requests, and their counts, `triage.lines/1`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// `triage.lines/1`.
    pub schema: String,
    /// The incident's id.
    pub incident: String,
    /// Begin of what is counted: its onset, or its first failure.
    pub from: String,
    /// What comes right after: its end, or the log's.
    pub to: String,
    /// Requests to the incident's endpoints that have what was asked for.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Windows with a request.
    pub windows: Vec<Window>,
    /// The earliest lines, in order of time.
    pub lines: Vec<ShownLine>,
    /// Lines left out because there are too many.
    pub left_out: u64,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownLine {
    /// The time that it tells.
    pub time: String,
    /// Its file.
    pub file: Text,
    /// Its number in the file, from 1; null where lines before it were not read.
    pub line: Option<u64>,
    /// Only where `line` is null: the offset of its first byte in the file, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// Its text, cut at 2,000 bytes.
    pub text: Text,
}

/// Makes it of what was found; `asked` lines would have been shown if there were no limit.
pub(crate) fn shown(
    incident: &Incident,
    logs: &Found,
    scan: &Scan,
    span: Span,
    found: FoundLines,
    asked: u64,
) -> Shown {
    let offset_s = log_offset_s(scan.offsets);
    let time = |us: i64| time(us, offset_s);
    let windows = found.windows.into_iter();
    let lines: Vec<ShownLine> = found
        .lines
        .into_iter()
        .map(|sample| ShownLine {
            time: time(sample.time_us),
            file: file(logs, sample.line.file),
            line: sample.line.line,
            byte: offset(&sample.line),
            text: text(&sample.line.text),
        })
        .collect();
    Shown {
        schema: "triage.lines/1".into(),
        incident: incident.id.clone(),
        from: time(span.from_us),
        to: time(span.to_us),
        requests: found.requests,
        errors: found.errors,
        windows: windows
            .map(|(start_us, (requests, errors))| Window(time(start_us), requests, errors))
            .collect(),
        left_out: asked.saturating_sub(lines.len() as u64),
        lines,
    }
}
