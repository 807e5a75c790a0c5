//! The log formats that are known, and what was tried on a file: `triage.formats/1` and
//! `triage.formats-explained/1`, beside the report and with the same promise about their keys.

use std::path::Path;

use serde::Serialize;

use super::Text;
use super::convert::text;
use crate::format::{Explanation, Failure, Format, Reason, Registry, Trial};
use crate::record::Reject;

/// The formats that are built in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormatList {
    /// Always `triage.formats/1`.
    pub schema: &'static str,
    /// The formats, by name.
    pub formats: Vec<FormatRow>,
    /// What may be around the lines of any of them.
    pub envelopes: Vec<&'static str>,
}

/// A format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormatRow {
    /// The name that `--log-format` takes.
    pub name: String,
    /// Other names that it answers to.
    pub aliases: Vec<String>,
    /// What it is.
    pub title: String,
    /// How its lines are built: `delimited`, `json`, `logfmt`, `w3c`, `pattern` or `plain`.
    pub shape: &'static str,
    /// The page that defines it; empty for a user's own.
    pub url: String,
    /// The parts of a request that its lines may have.
    pub fields: Vec<&'static str>,
    /// Of two formats that read a file equally well the one with the higher rank is taken.
    pub rank: i64,
}

/// What was tried on the first lines of some files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Always `triage.formats-explained/1`.
    pub schema: &'static str,
    /// The files, by path.
    pub files: Vec<FileExplained>,
}

/// What was tried on a file's first lines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileExplained {
    /// The file; `-` is standard input.
    pub path: String,
    /// Lines looked at; blank ones are not.
    pub lines: usize,
    /// What seems to be around the lines.
    pub envelopes: Vec<EnvelopeTried>,
    /// What was taken off each line, from the outside in.
    pub taken_off: Vec<&'static str>,
    /// The format that reads the file.
    pub chosen: FormatRow,
    /// `named`, `most_requests`, `more_specific`, `shape` (no request, but lines of its kind) or
    /// `nothing`.
    pub reason: &'static str,
    /// Lines that it reads as requests.
    pub requests: usize,
    /// The first request, and what is read of it.
    pub request: Option<LineRead>,
    /// Every format that was tried, the closest first.
    pub tried: Vec<FormatTried>,
    /// What to do where no line is read.
    pub hint: Option<String>,
}

/// Something around the lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnvelopeTried {
    /// What it is, from the outside in.
    pub names: Vec<&'static str>,
    /// Lines that have it.
    pub lines: usize,
}

/// A request as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineRead {
    /// Number of its line, from 1.
    pub line: usize,
    /// The line.
    pub text: Text,
    /// What is read of it.
    pub fields: Vec<FieldRead>,
}

/// A field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldRead {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// A format on these lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormatTried {
    /// Its name.
    pub name: String,
    /// Lines that it reads as requests.
    pub requests: usize,
    /// Of `time`, `request` and `status`, those that the closest line has.
    pub has: Vec<&'static str>,
    /// What the other lines fail at, most lines first.
    pub failures: Vec<FieldFailed>,
}

/// Lines that fail at the same field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFailed {
    /// The first field that can't be read; `shape`, `end`, `envelope`, `mark` and `line` are of the
    /// line as a whole.
    pub field: &'static str,
    /// The reason under which such lines are counted; null where they are read all the same.
    pub reject: Option<&'static str>,
    /// What should stand there.
    pub expected: String,
    /// What stands there on the first of these lines; null if nothing does.
    pub found: Option<Text>,
    /// How many lines.
    pub lines: usize,
    /// Number of the first of them, from 1.
    pub line: usize,
    /// The first of them.
    pub text: Text,
}

impl FormatList {
    /// The formats of a registry.
    pub fn of(registry: &Registry) -> FormatList {
        let mut formats: Vec<FormatRow> = registry.formats().iter().map(|f| row(f)).collect();
        formats.sort_by(|a, b| a.name.cmp(&b.name));
        FormatList {
            schema: "triage.formats/1",
            formats,
            envelopes: crate::format::envelopes().collect(),
        }
    }
}

fn row(format: &Format) -> FormatRow {
    FormatRow {
        name: format.name().to_owned(),
        aliases: format.aliases().to_vec(),
        title: format.title().to_owned(),
        shape: format.shape(),
        url: format.url().to_owned(),
        fields: format.fields(),
        rank: format.rank(),
    }
}

/// Bytes of a line or a value that are kept.
const KEPT: usize = 2_000;

fn cut(bytes: &[u8]) -> Text {
    text(&bytes[..bytes.len().min(KEPT)])
}

/// What was found out about a file, for showing.
pub(crate) fn explained(path: &Path, explanation: &Explanation) -> FileExplained {
    let chosen = &explanation.chosen;
    let own = explanation
        .tried
        .iter()
        .find(|trial| trial.format.name() == chosen.name());
    let requests = own.map_or(0, |trial| trial.requests);
    let envelopes = explanation
        .envelopes
        .iter()
        .map(|(names, lines)| EnvelopeTried {
            names: names.clone(),
            lines: *lines,
        });
    let request = explanation.request.as_ref().map(|request| LineRead {
        line: request.line,
        text: cut(&request.text),
        fields: request
            .fields
            .iter()
            .filter_map(|(name, value)| {
                let value = value.clone()?;
                Some(FieldRead { name, value })
            })
            .collect(),
    });
    FileExplained {
        path: path.display().to_string(),
        lines: explanation.lines,
        envelopes: envelopes.collect(),
        taken_off: explanation.taken_off.clone(),
        chosen: row(chosen),
        reason: match explanation.reason {
            Reason::Named => "named",
            Reason::MostRequests => "most_requests",
            Reason::MoreSpecific => "more_specific",
            Reason::Shape => "shape",
            Reason::Nothing => "nothing",
        },
        requests,
        request,
        tried: explanation.tried.iter().map(tried).collect(),
        hint: (requests == 0).then(|| hint(explanation)),
    }
}

fn tried(trial: &Trial) -> FormatTried {
    let names = ["time", "request", "status"];
    let has = names.into_iter().zip(trial.has).filter(|(_, has)| *has);
    FormatTried {
        name: trial.format.name().to_owned(),
        requests: trial.requests,
        has: has.map(|(name, _)| name).collect(),
        failures: trial.failures.iter().map(failed).collect(),
    }
}

fn failed(failure: &Failure) -> FieldFailed {
    FieldFailed {
        field: failure.field,
        reject: failure.reject.map(Reject::name),
        expected: failure.expected.clone(),
        found: failure.found.as_deref().map(cut),
        lines: failure.lines,
        line: failure.line,
        text: cut(&failure.text),
    }
}

/// Names of keys that fit in a hint.
const KEYS_SHOWN: usize = 12;

/// What can be done for a file of which no line is read.
fn hint(explanation: &Explanation) -> String {
    if explanation.lines == 0 {
        return "there is not a single line in it".to_owned();
    }
    if explanation.reason == Reason::Named {
        return "correct the format where the first line fails, or leave --log-format out to see what the others make of these lines".to_owned();
    }
    let lacks_only_time = explanation
        .tried
        .iter()
        .any(|trial| trial.has == [false, true, true]);
    if lacks_only_time {
        return "these are requests without a time that can be read: keep what carries them (docker logs -t, kubectl logs --timestamps, journalctl -o short-iso), or let the server log a time".to_owned();
    }
    if !explanation.keys.is_empty() {
        let shown: Vec<&str> = explanation
            .keys
            .iter()
            .take(KEYS_SHOWN)
            .map(String::as_str)
            .collect();
        return format!(
            "if these are requests, say which keys hold the parts: a FILE.toml with shape = \"json\" and [keys] naming time, status and target (or request), for --log-format FILE.toml; the first line has {}",
            shown.join(", ")
        );
    }
    "if these are requests, give --log-format the server's own format string (nginx's log_format, Apache's LogFormat), a FILE.toml with a layout (`triage formats --spec combined` prints one), or a regular expression such as '^(?<time>\\S+) (?<method>[A-Z]+) (?<path>\\S+) (?<status>\\d{3})'; without a method, path and status on its lines, a log can't be read for requests".to_owned()
}
