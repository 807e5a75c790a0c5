//! One incident: its headline, the answers (why, since when, for whom, how bad), its chart,
//! and then what is known of the changes.

use super::View;
use super::changes;
use super::chart::Chart;
use crate::render::human::{count, count_of, latency, percent, percent_number, times};
use crate::render::listing::Listing;
use crate::render::page::{Page, Span, Tone};
use crate::render::sanitize::{short, visible};
use crate::render::words::{self, NAME_ROOM};
use crate::report::{HitEndpoint, Incident, ScopeLabel};

/// Columns of the labels before the answers.
pub const LABEL: usize = 10;
/// Endpoints named in the answer to "what"; the rest is counted.
const ENDPOINTS_NAMED: usize = 3;
/// Labels named in the answer to "what do they share".
const LABELS_NAMED: usize = 3;
/// Incidents repeated at the end of a tall page.
const IN_SHORT: usize = 5;
/// Error messages shown.
const MESSAGES_NAMED: usize = 3;
/// Columns for a file's name where it is to be opened: a name that was cut opens nothing.
const PLACE_ROOM: usize = 160;
/// Columns for a failing line: two or three lines of the page.
const SAMPLE_ROOM: usize = 240;

/// An incident's part of the table.
pub fn write(page: &mut Page, view: &View, incident: &Incident) {
    let listing = Listing::new(view.report, incident, view.style.explain);
    page.rule();
    headline(page, incident);
    let pointer = page.sign("▶ ", "> ");
    page.paragraph(
        &[Tone::Strong.span(format!("{pointer}cause"))],
        LABEL,
        &changes::cause(view, incident),
    );
    answer(
        page,
        "since",
        vec![Tone::Plain.span(words::since(view.report, &view.clock, incident))],
    );
    if incident.endpoints.len() > 1 || incident.signal == "latency" {
        answer(page, "what", vec![Tone::Plain.span(what(incident))]);
    }
    answer(page, "users", vec![Tone::Plain.span(users(incident))]);
    answer(page, words::errors(incident), errors(incident));
    if !incident.scope.is_empty() {
        answer(
            page,
            "shared",
            vec![Tone::Plain.span(shared(&incident.scope))],
        );
    }
    if let Some(chart) = Chart::of(incident, view, page.width()) {
        page.blank();
        chart.write(page, view, incident, &listing);
    }
    changes::write(page, view, incident, &listing);
    messages(page, view, incident);
    sample_lines(page, view, incident);
}

/// The answers again, for the last screen of a page that is taller than the terminal.
pub fn in_short(page: &mut Page, view: &View) {
    let incidents = &view.report.incidents;
    if incidents.is_empty() {
        return;
    }
    page.rule();
    let pointer = page.sign("▶ ", "> ");
    for incident in incidents.iter().take(IN_SHORT) {
        let id = format!("{pointer}{}", incident.id);
        page.paragraph(
            &[Tone::Strong.span(id)],
            LABEL,
            &changes::cause(view, incident),
        );
        let since = words::since(view.report, &view.clock, incident);
        answer(page, "since", vec![Tone::Plain.span(since)]);
    }
    if incidents.len() > IN_SHORT {
        let more = format!("and {} more above", incidents.len() - IN_SHORT);
        answer(page, "", vec![Tone::Plain.span(more)]);
    }
}

fn answer(page: &mut Page, label: &str, words: Vec<Span>) {
    page.paragraph(&[Tone::Faint.span(format!("  {label}"))], LABEL, &words);
}

fn headline(page: &mut Page, incident: &Incident) {
    let (glyph, tone) = match incident.state.as_str() {
        "ongoing" => (page.sign("●", "*"), Tone::Bad),
        "improving" => (page.sign("◐", "~"), Tone::Warn),
        "recovered" => (page.sign("○", "o"), Tone::Good),
        _ => ("?", Tone::Warn),
    };
    let words = [
        Tone::Strong.span(format!("INCIDENT\u{a0}{}\u{a0}· ", incident.id)),
        tone.span(incident.state.to_uppercase()),
        Tone::Strong.span(format!("\u{a0}· {}", words::subject(incident))),
    ];
    page.paragraph(&[tone.span(glyph)], 2, &words);
}

fn what(incident: &Incident) -> String {
    let one_service = incident
        .endpoints
        .windows(2)
        .all(|pair| pair[0].service == pair[1].service);
    let named = incident.endpoints.iter().take(ENDPOINTS_NAMED).map(|hit| {
        let service = if one_service {
            String::new()
        } else {
            format!("{} ", visible(&hit.service))
        };
        format!(
            "{service}{}\u{a0}{}",
            words::hit_name(hit),
            symptom(incident, hit)
        )
    });
    let mut text = named.collect::<Vec<_>>().join("\u{a0}· ");
    if let Some(more @ 1..) = incident.endpoints.len().checked_sub(ENDPOINTS_NAMED) {
        text += &format!("\u{a0}· {more} more");
    }
    text
}

fn symptom(incident: &Incident, hit: &HitEndpoint) -> String {
    if incident.signal != "latency" {
        return percent(hit.error_rate);
    }
    match (hit.latency_p95_s, hit.baseline_latency_p95_s) {
        (Some(p95), Some(before)) => {
            format!("p95\u{a0}{} (normally {})", latency(p95), latency(before))
        }
        (Some(p95), None) => format!("p95\u{a0}{}", latency(p95)),
        _ => String::new(),
    }
}

fn users(incident: &Incident) -> String {
    let Some(users) = &incident.impact.users else {
        return "not known: the logs tell no users apart".to_owned();
    };
    let mut text = format!(
        "{} of {} ({}, 95\u{a0}% interval {}–{})",
        count(users.affected),
        count(users.active),
        percent(users.share),
        percent_number(users.share_low),
        percent(users.share_high),
    );
    if let Some(proxy) = &users.proxy {
        text += &format!(", told apart by {proxy}");
    }
    text
}

fn errors(incident: &Incident) -> Vec<Span> {
    let impact = &incident.impact;
    let by_status = words::by_status(incident);
    let statuses = by_status.iter().take(3).map(|(status, errors)| {
        format!(
            "\u{a0}· {}\u{a0}×\u{a0}status\u{a0}{status}",
            count(*errors)
        )
    });
    let rate = if incident.signal == "latency" {
        Tone::Plain
    } else {
        Tone::Bad
    };
    vec![
        rate.span(percent(impact.error_rate)),
        Tone::Plain.span(format!(
            " (normally {}): {} of {}{}",
            percent(impact.baseline_error_rate),
            count(impact.errors),
            count_of(impact.requests, "request"),
            statuses.collect::<String>(),
        )),
    ]
}

/// The labels that failing requests share: the whole set with its share and lift.
fn shared(scope: &[ScopeLabel]) -> String {
    let names: Vec<String> = scope
        .iter()
        .take(LABELS_NAMED)
        .map(|label| {
            let name = format!("{}={}", label.label, visible(&label.value));
            short(&name, NAME_ROOM)
        })
        .collect();
    let Some(last) = scope.iter().take(LABELS_NAMED).next_back() else {
        return String::new();
    };
    let lift = match last.joint_lift {
        Some(lift) => format!(", {} the rate elsewhere", times(lift)),
        None => String::new(),
    };
    format!(
        "{} in {} of the errors{lift}",
        names.join(" and "),
        percent(last.joint_coverage)
    )
}

/// The error messages that came up with the incident, or come far more often since, or may have.
fn messages(page: &mut Page, view: &View, incident: &Incident) {
    let telling = incident.signatures.iter().filter(|s| words::is_lead(s));
    let most = if view.style.explain {
        usize::MAX
    } else {
        MESSAGES_NAMED
    };
    for (i, signature) in telling.take(most).enumerate() {
        if i == 0 {
            page.blank();
            page.line(&[Tone::Strong.span("  ERROR MESSAGES")]);
        }
        let before = words::before(signature);
        let example = &signature.example;
        let place = format!(
            "{}{}",
            short(&visible(&example.file), PLACE_ROOM),
            words::in_file(example.line, example.byte)
        );
        page.paragraph(
            &[Tone::Plain.span("  ")],
            4,
            &[
                Tone::Strong.span(short(&signature.template, SAMPLE_ROOM)),
                Tone::Plain.span(format!(
                    " · {} of {} since {}, {before} · ",
                    count_of(signature.count_after, "line"),
                    short(&visible(&signature.service), NAME_ROOM),
                    view.clock.show(&signature.first),
                )),
                Tone::Faint.span(place),
            ],
        );
    }
}

fn sample_lines(page: &mut Page, view: &View, incident: &Incident) {
    let shown = if view.style.explain {
        incident.samples.len()
    } else {
        1
    };
    for (i, sample) in incident.samples.iter().take(shown).enumerate() {
        if i == 0 {
            page.blank();
            page.line(&[Tone::Strong.span(format!(
                "  {} LINES",
                words::failing(incident).to_uppercase()
            ))]);
        }
        let place = format!(
            "{}{} ",
            short(&visible(&sample.file), PLACE_ROOM),
            words::in_file(sample.line, sample.byte)
        );
        let text = short(&visible(&sample.text), SAMPLE_ROOM);
        page.paragraph(
            &[Tone::Plain.span("  ")],
            4,
            &[Tone::Faint.span(place), Tone::Plain.span(text)],
        );
    }
    if !incident.samples.is_empty() {
        let all = words::checks(incident, view.again).swap_remove(0);
        let first = &incident.samples[0];
        if let Some(words) = first
            .byte
            .and_then(|byte| words::line_at(&first.file, byte))
        {
            page.line(&[Tone::Faint.span("    the first, where it stands:")]);
            page.command(4, Tone::Faint, &words);
        }
        let how = if view.again.is_empty() {
            " (same paths and options)"
        } else {
            ""
        };
        page.line(&[Tone::Faint.span(format!("    {}{how}:", all.shows))]);
        page.command(4, Tone::Faint, &all.words);
    }
}
