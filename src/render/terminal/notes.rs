//! The end of the table: short bursts, what could not be read, remarks, and what to try next.

use super::View;
use crate::render::human::{count, count_of, duration, percent};
use crate::render::page::{Page, Span, Tone};
use crate::render::sanitize::{short, visible};
use crate::render::words::{self, NAME_ROOM};
use crate::report::{Blip, RejectCount};

/// Blips listed; the rest is counted.
const BLIPS_SHOWN: usize = 5;
/// Reasons for rejected lines that are listed.
const REASONS_SHOWN: usize = 5;
/// From this share of rejected lines on, the reader should look at examples.
const MANY_REJECTED: f64 = 0.01;

/// Blips, notes and a hint.
pub fn write(page: &mut Page, view: &View) {
    blips(page, view);
    notes(page, view);
    page.blank();
    page.paragraph(
        &[Tone::Faint.span("hint:")],
        6,
        &[Tone::Faint.span(hint(view))],
    );
}

fn blips(page: &mut Page, view: &View) {
    let all = &view.report.blips;
    if all.is_empty() {
        return;
    }
    page.blank();
    let title = "bursts too short and too small to be incidents";
    page.paragraph(
        &[Tone::Strong.span("BLIPS ")],
        2,
        &[Tone::Faint.span(title)],
    );
    for blip in all.iter().take(BLIPS_SHOWN) {
        page.paragraph(
            &[Tone::Plain.span("  ")],
            4,
            &[Tone::Plain.span(blip_sentence(view, blip))],
        );
    }
    if let Some(more @ 1..) = all.len().checked_sub(BLIPS_SHOWN) {
        page.paragraph(&[], 4, &[Tone::Faint.span(format!("{more} more"))]);
    }
}

fn blip_sentence(view: &View, blip: &Blip) -> String {
    let during = match &blip.during_change {
        Some(id) => {
            let kind =
                words::change(view.report, id).map_or("change", |change| change.kind.as_str());
            format!(", during {kind} {id}")
        }
        None => String::new(),
    };
    format!(
        "{}  {}: {} in {}{during}",
        view.clock.show(&blip.at),
        short(&visible(&blip.service), NAME_ROOM),
        count_of(blip.errors, "error"),
        duration(blip.duration_s),
    )
}

fn notes(page: &mut Page, view: &View) {
    let scan = &view.report.scan;
    let mut notes: Vec<Vec<Span>> = Vec::new();
    let mut note = |tone: Tone, text: String| notes.push(vec![tone.span(text)]);
    let share = scan.rejected_lines as f64 / scan.lines.max(1) as f64;
    let many = share >= MANY_REJECTED;
    if scan.rejected_lines > 0 {
        let tone = if many { Tone::Warn } else { Tone::Plain };
        let lines = count_of(scan.rejected_lines, "line");
        note(
            tone,
            format!(
                "{lines} ({}) tell of no readable request: {}",
                percent(share),
                reasons(&scan.rejects)
            ),
        );
    }
    if many {
        for reject in scan.rejects.iter().take(REASONS_SHOWN) {
            note(Tone::Faint, example(reject));
        }
    }
    if scan.filtered_lines > 0 {
        note(
            Tone::Plain,
            format!(
                "{} left out by the filters",
                count_of(scan.filtered_lines, "request")
            ),
        );
    }
    for gap in &scan.gaps {
        let service = gap.service.as_ref().map_or("all services".into(), visible);
        let (from, to) = (view.clock.show(&gap.from), view.clock.show(&gap.to));
        note(
            Tone::Warn,
            format!(
                "no log of {} from {from} to {to}",
                short(&service, NAME_ROOM)
            ),
        );
    }
    for file in &scan.salvaged {
        let name = short(&visible(&file.file), NAME_ROOM);
        note(
            Tone::Warn,
            format!(
                "{name} was read only up to byte {}: {}",
                count(file.offset),
                file.why
            ),
        );
    }
    notes.extend(
        view.report
            .notes
            .iter()
            .map(|text| vec![Tone::Plain.span(text)]),
    );
    if notes.is_empty() {
        return;
    }
    page.blank();
    page.line(&[Tone::Strong.span("NOTES")]);
    let bullet = [Tone::Faint.span(page.sign("  •", "  *"))];
    for words in notes {
        page.paragraph(&bullet, 4, &words);
    }
}

/// `1,200 no timestamp, 34 too long`.
fn reasons(rejects: &[RejectCount]) -> String {
    let listed = rejects
        .iter()
        .take(REASONS_SHOWN)
        .map(|reject| format!("{}\u{a0}{}", count(reject.lines), reject.reason));
    let mut text = listed.collect::<Vec<_>>().join(", ");
    if rejects.len() > REASONS_SHOWN {
        text += ", …";
    }
    text
}

fn example(reject: &RejectCount) -> String {
    let sample = &reject.example;
    let file = short(&visible(&sample.file), NAME_ROOM);
    let text = short(&visible(&sample.text), 120);
    let place = words::in_file(sample.line, sample.byte);
    format!("{}, as in {file}{place}: {text}", reject.reason)
}

fn hint(view: &View) -> &'static str {
    let report = view.report;
    if report.scan.requests == 0 && report.scan.filtered_lines > 0 {
        "all requests lie outside --since, --until, --service and --endpoint: the notes say what there is."
    } else if report.scan.requests == 0 {
        "`triage formats --explain FILE` shows what was tried on the lines, and what to do."
    } else if report.changes.iter().all(|change| change.source == "logs") {
        "--deploys FILE tells of deploys, flags and other changes; without them no change can be named."
    } else if report.incidents.is_empty() || view.style.explain {
        "--format json has all of this for programs."
    } else {
        "--explain lists every piece of evidence with its weight; --format json has all of it."
    }
}
