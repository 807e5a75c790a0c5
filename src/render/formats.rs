//! The formats as a list, and what was tried on a file: for people, on a page.
//!
//! In come the models of `report::formats`; all that stands in a log is cleaned by the page.

use super::Style;
use super::human::count_of;
use super::page::{Page, Span, Tone};
use super::sanitize::visible;
use crate::report::Text;
use crate::report::formats::{Explained, FieldFailed, FileExplained, FormatList, FormatTried};

/// Columns of the formats' names.
const NAME: usize = 15;
/// Characters of what was found that are enough to find it in the line.
const FOUND: usize = 60;
/// Formats that came close, besides those that read something, and failures of each.
const CLOSE: usize = 6;
const FAILURES: usize = 3;

/// Every built-in format: name, title, shape and the page that defines it.
pub fn format_list(list: &FormatList, style: &Style) -> String {
    let mut page = Page::new(style);
    for format in &list.formats {
        let mut words = vec![Tone::Plain.span(format.title.clone())];
        if !format.aliases.is_empty() {
            let aliases = format!(" (also {})", format.aliases.join(", "));
            words.push(Tone::Faint.span(aliases));
        }
        words.push(Tone::Faint.span(format!(" · {}", format.shape)));
        page.paragraph(&[Tone::Strong.span(format.name.clone())], NAME, &words);
        page.paragraph(&[], 2, &[Tone::Faint.span(format.url.clone())]);
    }
    page.blank();
    let around = format!(
        "Told from a file's first lines, also inside of: {}.",
        list.envelopes.join("; ")
    );
    page.paragraph(&[], 0, &[Tone::Plain.span(around)]);
    page.paragraph(
        &[],
        0,
        &[Tone::Plain.span(
            "`triage formats --explain FILE` shows how a file is read and why; --log-format takes a name, a FILE.toml, an nginx or Apache format string, or a regular expression.",
        )],
    );
    page.finish()
}

/// What was tried on each file.
pub fn explanation(explained: &Explained, style: &Style) -> String {
    let mut page = Page::new(style);
    for (index, file) in explained.files.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        verdict(&mut page, file);
        trials(&mut page, file);
        if let Some(hint) = &file.hint {
            page.blank();
            page.paragraph(
                &[Tone::Strong.span("hint:")],
                6,
                &[Tone::Plain.span(hint.clone())],
            );
        }
    }
    page.finish()
}

/// Columns of the words before what is said.
const HANG: usize = 11;

fn say(page: &mut Page, lead: &str, words: &[Span]) {
    page.paragraph(&[Tone::Faint.span(format!("  {lead}"))], HANG, words);
}

fn verdict(page: &mut Page, file: &FileExplained) {
    let read = file.requests > 0;
    let tone = if read { Tone::Good } else { Tone::Warn };
    let format = &file.chosen;
    let mut words = vec![Tone::Strong.span(file.path.clone()), Tone::Plain.span(": ")];
    if file.reason == "nothing" {
        words.push(tone.span("no format fits"));
    } else {
        words.push(tone.span(format.name.clone()));
        words.push(Tone::Plain.span(format!(", {}", format.title)));
    }
    page.paragraph(&[], 0, &words);
    say(page, "because", &[Tone::Plain.span(because(file))]);
    say(page, "around", &[Tone::Plain.span(around(file))]);
    if let Some(request) = &file.request {
        say(
            page,
            &format!("line {} ", request.line),
            &[Tone::Faint.span(visible(&request.text))],
        );
        let fields: Vec<String> = request
            .fields
            .iter()
            .map(|field| format!("{}\u{a0}{}", field.name, field.value))
            .collect();
        say(page, "is read", &[Tone::Plain.span(fields.join(" · "))]);
    }
}

fn because(file: &FileExplained) -> String {
    let lines = count_of(file.lines as u64, "line");
    let next = file
        .tried
        .iter()
        .find(|trial| trial.name != file.chosen.name);
    let others = match next {
        Some(next) if next.requests > 0 => {
            format!("; the next best, {}, {}", next.name, next.requests)
        }
        Some(_) => "; no other format reads any".to_owned(),
        None => String::new(),
    };
    match file.reason {
        "named" => format!(
            "--log-format says so; it reads {} of {lines}",
            file.requests
        ),
        "most_requests" => format!("it reads {} of {lines} as requests{others}", file.requests),
        "more_specific" => {
            let equals: Vec<&str> = file
                .tried
                .iter()
                .filter(|trial| trial.requests == file.requests && trial.name != file.chosen.name)
                .map(|trial| trial.name.as_str())
                .collect();
            format!(
                "it reads {} of {lines} as requests; so does {}, which is less specific",
                file.requests,
                equals.join(", ")
            )
        }
        "shape" => format!("no format reads a request in {lines}; they have this one's shape"),
        _ => format!("no format has anything in common with {lines}"),
    }
}

fn around(file: &FileExplained) -> String {
    let lines = |names: &[&str]| {
        let tried = file.envelopes.iter().find(|tried| tried.names == names);
        tried.map_or(0, |tried| tried.lines)
    };
    if !file.taken_off.is_empty() {
        let names = file.taken_off.join(", in it ");
        return format!(
            "{names}: taken off, on {} of {} lines",
            lines(&file.taken_off),
            file.lines
        );
    }
    let seen: Vec<String> = file
        .envelopes
        .iter()
        .map(|tried| {
            format!(
                "{} on {} of {}",
                tried.names.join(", in it "),
                tried.lines,
                file.lines
            )
        })
        .collect();
    if seen.is_empty() {
        "nothing".to_owned()
    } else {
        format!(
            "nothing taken off: no format reads more lines inside of {}",
            seen.join("; ")
        )
    }
}

fn trials(page: &mut Page, file: &FileExplained) {
    let mut close = 0;
    let (shown, others): (Vec<_>, Vec<_>) = file.tried.iter().partition(|trial| {
        let is_close = !trial.has.is_empty() && close < CLOSE;
        let is_shown = trial.requests > 0 || is_close || trial.name == file.chosen.name;
        close += usize::from(trial.requests == 0 && is_close);
        is_shown && file.reason != "nothing"
    });
    page.blank();
    page.paragraph(&[Tone::Strong.span("  TRIED")], 0, &[]);
    for trial in shown {
        trial_of(page, file, trial);
    }
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|trial| trial.name.as_str()).collect();
        let words = format!("further off, not one line read: {}", names.join(", "));
        page.paragraph(&[Tone::Plain.span("  ")], 4, &[Tone::Faint.span(words)]);
    }
}

fn trial_of(page: &mut Page, file: &FileExplained, trial: &FormatTried) {
    let name = if trial.name == file.chosen.name {
        Tone::Good.span(format!("  {}", trial.name))
    } else {
        Tone::Strong.span(format!("  {}", trial.name))
    };
    let reads = format!(
        "reads {} of {}",
        trial.requests,
        count_of(file.lines as u64, "line")
    );
    let closest = match (trial.requests, trial.has.as_slice()) {
        (0, []) => "; none of time, request and status".to_owned(),
        (0, [_, _, _]) => "; time, request and status are there, but not the shape".to_owned(),
        (0, has) => format!("; the closest has {}", has.join(" and ")),
        _ => String::new(),
    };
    page.paragraph(&[name], 2 + NAME, &[Tone::Plain.span(reads + &closest)]);
    for failure in trial.failures.iter().take(FAILURES) {
        page.paragraph(&[], 6, &failed(failure));
    }
}

fn failed(failure: &FieldFailed) -> Vec<Span> {
    let lines = count_of(failure.lines as u64, "line");
    let found = match &failure.found {
        Some(Text::Utf8(text)) if text.is_empty() => "found nothing more".to_owned(),
        Some(text) => {
            let text = visible(text);
            let mut shown: String = text.chars().take(FOUND).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            format!("found `{shown}`")
        }
        None => "found nothing".to_owned(),
    };
    vec![
        Tone::Plain.span(format!("    {lines} at ")),
        Tone::Warn.span(failure.field),
        Tone::Plain.span(format!(
            ": expected {}, {found} ({}, line {})",
            failure.expected,
            failure.reject.unwrap_or("read all the same"),
            failure.line
        )),
    ]
}
