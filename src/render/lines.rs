//! The log lines behind an incident, and their counts by window, as plain text.

use std::fmt::Write;

use super::sanitize::{clean, visible};
use super::words::{self, in_file};
use crate::report::Shown;

/// Each line as `file:line: text`, in order of time.
pub fn lines(shown: &Shown) -> String {
    let mut out = String::new();
    for line in &shown.lines {
        let (file, text) = (visible(&line.file), visible(&line.text));
        let (file, text) = (clean(&file, true), clean(&text, true));
        let place = in_file(line.line, line.byte);
        writeln!(out, "{file}{place}: {text}").expect("writing to a String can't fail");
    }
    out
}

/// The command that shows the first line where it stands, if no number tells where.
pub fn line_at(shown: &Shown) -> Option<String> {
    let line = shown.lines.iter().find(|line| line.byte.is_some())?;
    Some(words::line_at(&line.file, line.byte?)?.join(" "))
}

/// Requests, errors and the errors' share of each window, with their sums.
pub fn counts(shown: &Shown) -> String {
    let rows = shown.windows.iter().map(|w| (w.0.as_str(), w.1, w.2));
    let all = ("all", shown.requests, shown.errors);
    let width = shown.windows.first().map_or(6, |w| w.0.len()).max(6);
    let mut out = format!(
        "{:width$}  {:>10}  {:>10}  {:>7}\n",
        "window", "requests", "errors", "rate"
    );
    for (start, requests, errors) in rows.chain([all]) {
        let rate = 100.0 * errors as f64 / requests.max(1) as f64;
        writeln!(
            out,
            "{start:width$}  {requests:>10}  {errors:>10}  {rate:>6.2}%"
        )
        .expect("writing to a String can't fail");
    }
    out
}
