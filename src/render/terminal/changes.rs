//! What is known of the changes in one incident: the cause in one line, the suspects with their
//! reasons, what became of the others, what is ruled out, and on request all the evidence.

use super::View;
use crate::render::human::{count_of, probability};
use crate::render::listing::Listing;
use crate::render::page::{Page, Span, Tone};
use crate::render::sanitize::{short, width};
use crate::render::words;
use crate::report::{Change, Disposition, Evidence, Incident, Suspect};

/// Suspects below this probability get no reasons, but for the first.
const WORTH_REASONS: f64 = 0.10;
/// Sentences per suspect.
const REASONS: usize = 2;
/// Columns before a suspect's name: mark, probability.
const SUSPECT_INDENT: usize = 12;
/// Columns for what a marker says of its change: two lines of the page.
const DESCRIPTION_ROOM: usize = 160;
/// What is told apart at all: an "ambiguous" verdict names all suspects within 10 points.
const MARGIN: f64 = 0.10;
/// The answer to "which change did it".
pub fn cause(view: &View, incident: &Incident) -> Vec<Span> {
    let named = |suspect: &Suspect| words::brief(view.report, &suspect.change);
    let likely = |suspect: &Suspect| {
        format!(
            "{}\u{a0}{}",
            named(suspect),
            in_brackets(suspect.probability)
        )
    };
    let first = incident.suspects.first();
    match (incident.verdict.as_str(), first) {
        ("change", Some(guilty)) => vec![
            Tone::Bad.span(format!(
                "{} {}",
                probability(guilty.probability),
                named(guilty)
            )),
            Tone::Plain.span(
                words::versions(words::change(view.report, &guilty.change))
                    .map(|v| format!("\u{a0}· {v}"))
                    .unwrap_or_default(),
            ),
            Tone::Plain.span(
                words::lag(guilty)
                    .map(|lag| format!("\u{a0}· {lag}"))
                    .unwrap_or_default(),
            ),
        ],
        ("ambiguous", Some(first)) => {
            let rivals = incident.suspects.iter().skip(1);
            let mut names: Vec<String> = Vec::new();
            names.extend(
                rivals
                    .filter(|rival| first.probability - rival.probability < MARGIN)
                    .map(likely),
            );
            if names.is_empty() || first.probability - incident.unexplained_probability < MARGIN {
                names.push(format!(
                    "no listed change\u{a0}{}",
                    in_brackets(incident.unexplained_probability)
                ));
            }
            vec![
                Tone::Warn.span("can't separate "),
                Tone::Plain.span(format!("{} from {}", likely(first), names.join(" and "))),
            ]
        }
        (_, first) => {
            let least_unlikely = match first {
                Some(first) => format!("; least unlikely: {}", likely(first)),
                None if incident.changes.is_empty() => "; none was near in time".to_owned(),
                None => String::new(),
            };
            vec![
                Tone::Warn.span("no listed change explains this"),
                Tone::Plain.span(format!(
                    "\u{a0}{}{least_unlikely}",
                    in_brackets(incident.unexplained_probability)
                )),
            ]
        }
    }
}

/// Suspects, other changes, what is ruled out.
pub fn write(page: &mut Page, view: &View, incident: &Incident, listing: &Listing) {
    page.blank();
    let total = count_of(view.report.changes.len() as u64, "change");
    page.line(&[
        Tone::Strong.span("  SUSPECTS"),
        Tone::Faint.span(format!(" among {total}")),
    ]);
    let none_first = incident
        .suspects
        .first()
        .is_none_or(|first| first.probability < incident.unexplained_probability);
    if none_first {
        no_listed_change(page, incident, listing);
    }
    for (mark, suspect) in &listing.suspects {
        suspect_lines(page, view, incident, *mark, suspect);
    }
    if !none_first {
        no_listed_change(page, incident, listing);
    }

    if !listing.others.is_empty() {
        page.blank();
        page.line(&[Tone::Strong.span("  OTHER CHANGES")]);
    }
    for (mark, other) in &listing.others {
        other_line(page, view, *mark, other);
    }
    if listing.more_others > 0 {
        let more = format!("{} more are in --explain", listing.more_others);
        page.paragraph(&[], 5, &[Tone::Faint.span(more)]);
    }
    leads(page, incident, view.style.explain);
    if view.style.explain {
        explain(page, view, incident);
    }
}

fn no_listed_change(page: &mut Page, incident: &Incident, listing: &Listing) {
    let kinds = incident
        .alternatives
        .iter()
        .map(|other| format!("{}\u{a0}{}", other.kind, probability(other.probability)));
    let mut text = "no listed change".to_owned();
    for (i, kind) in kinds.enumerate() {
        text += if i == 0 { ": " } else { ", " };
        text += &kind;
    }
    if listing.more_suspects > 0 {
        text += &format!(
            " ({} less likely suspects are in --explain)",
            listing.more_suspects
        );
    }
    let lead = [
        Tone::Plain.span("   "),
        share(incident.unexplained_probability, Tone::Strong),
    ];
    page.paragraph(&lead, SUSPECT_INDENT, &[Tone::Plain.span(text)]);
}

fn suspect_lines(page: &mut Page, view: &View, incident: &Incident, mark: char, suspect: &Suspect) {
    let tone = match incident.verdict.as_str() {
        "change" if suspect.rank == 1 => Tone::Bad,
        _ => Tone::Strong,
    };
    let change = words::change(view.report, &suspect.change);
    let lead = [
        Tone::Mark.span(format!("  {mark}")),
        share(suspect.probability, tone),
    ];
    let at = change.map(|change| view.clock.show(&change.at));
    let mut facts = Vec::new();
    facts.extend(words::versions(change));
    match (at, words::lag(suspect)) {
        (Some(at), Some(lag)) => facts.push(format!("{at}, {lag}")),
        (at, lag) => facts.extend(at.or(lag)),
    }
    let facts = facts
        .iter()
        .map(|fact| format!("\u{a0}· {fact}"))
        .collect::<String>();
    page.paragraph(
        &lead,
        SUSPECT_INDENT,
        &[
            tone.span(words::brief(view.report, &suspect.change)),
            Tone::Plain.span(facts),
        ],
    );
    if suspect.rank != 1 && suspect.probability < WORTH_REASONS && !view.style.explain {
        return;
    }
    let about = change.map(about).unwrap_or_default();
    if !about.is_empty() {
        page.paragraph(&[], SUSPECT_INDENT, &[Tone::Plain.span(about)]);
    }
    for reason in reasons(&suspect.evidence) {
        let (sign, tone) = if reason.nats < 0.0 {
            ("−", Tone::Good)
        } else {
            ("+", Tone::Bad)
        };
        let lead = [
            Tone::Plain.span(" ".repeat(SUSPECT_INDENT)),
            tone.span(sign),
        ];
        page.paragraph(&lead, SUSPECT_INDENT + 2, &[Tone::Plain.span(&reason.text)]);
    }
    if let Some(note) = change.and_then(|change| change.note.as_ref()) {
        let lead = [
            Tone::Plain.span(" ".repeat(SUSPECT_INDENT)),
            Tone::Warn.span("!"),
        ];
        page.paragraph(&lead, SUSPECT_INDENT + 2, &[Tone::Plain.span(note)]);
    }
    if let Some(difference) = &suspect.diff {
        let lead = [
            Tone::Plain.span(" ".repeat(SUSPECT_INDENT)),
            Tone::Faint.span("$"),
        ];
        page.paragraph(&lead, SUSPECT_INDENT + 2, &[Tone::Faint.span(difference)]);
    }
}

/// The strongest sentences; not the ones that repeat what the suspect's own line says (its lag),
/// or say the same of every change (the prior), unless there are no others.
fn reasons(evidence: &[Evidence]) -> impl Iterator<Item = &Evidence> {
    let telling = |e: &&Evidence| e.kind != "prior" && e.kind != "lag";
    let repeated = move |e: &&Evidence| !telling(e);
    evidence
        .iter()
        .filter(telling)
        .chain(evidence.iter().filter(repeated))
        .take(REASONS)
}

/// `  97 %  `, aligned at the right.
fn share(p: f64, tone: Tone) -> Span {
    let text = probability(p);
    tone.span(format!(
        "{}{text}",
        " ".repeat(7_usize.saturating_sub(width(&text)))
    ))
}

fn in_brackets(p: f64) -> String {
    format!("({})", probability(p))
}

/// What the marker says of a change, who did it and where to look.
fn about(change: &Change) -> String {
    let mut parts = Vec::new();
    let description = change
        .description
        .as_ref()
        .map(|text| short(text, DESCRIPTION_ROOM));
    match (description, &change.author) {
        (Some(what), Some(who)) => parts.push(format!("“{what}” by {who}")),
        (Some(what), None) => parts.push(format!("“{what}”")),
        (None, Some(who)) => parts.push(format!("by {who}")),
        (None, None) => {}
    }
    parts.extend(change.commit.as_ref().map(|commit| {
        format!(
            "commit\u{a0}{}",
            commit.chars().take(12).collect::<String>()
        )
    }));
    parts.extend(change.url.clone());
    parts.join("\u{a0}· ")
}

fn other_line(page: &mut Page, view: &View, mark: char, other: &Disposition) {
    let (fate, tone) = words::fate(other);
    let at = words::change(view.report, &other.change)
        .map(|change| view.clock.show(&change.at))
        .unwrap_or_default();
    let lead = [
        Tone::Mark.span(format!("  {mark}  ")),
        Tone::Plain.span(format!("{at:8}  ")),
        tone.span(format!("{fate:9}  ")),
    ];
    let aligned = 5 + width(&at).max(8) + 2 + 11;
    // On a narrow page the words under the first line need the room more than the alignment.
    let hang = if page.width() < 80 {
        SUSPECT_INDENT
    } else {
        aligned
    };
    let words = [
        Tone::Strong.span(words::brief(view.report, &other.change)),
        Tone::Plain.span(format!(": {}", other.why)),
    ];
    page.paragraph(&lead, hang, &words);
}

fn leads(page: &mut Page, incident: &Incident, explain: bool) {
    if incident.ruled_out.is_empty() && incident.not_assessed.is_empty() {
        return;
    }
    page.blank();
    page.line(&[Tone::Strong.span("  OTHER LEADS")]);
    for lead in &incident.ruled_out {
        let words = [
            Tone::Strong.span(&lead.lead),
            Tone::Plain.span(format!(": {}", lead.finding)),
        ];
        page.paragraph(&[Tone::Good.span("  ruled out")], 16, &words);
    }
    if explain {
        for lead in &incident.not_assessed {
            let words = [
                Tone::Strong.span(&lead.lead),
                Tone::Plain.span(format!(": needs {}", lead.needs)),
            ];
            page.paragraph(&[Tone::Faint.span("  not assessed")], 16, &words);
        }
    } else if !incident.not_assessed.is_empty() {
        let leads: Vec<&str> = incident
            .not_assessed
            .iter()
            .map(|lead| lead.lead.as_str())
            .collect();
        let words = format!("{} (--explain says what each needs)", leads.join("; "));
        page.paragraph(
            &[Tone::Faint.span("  not assessed")],
            16,
            &[Tone::Plain.span(words)],
        );
    }
}

/// All evidence for and against each change, in nats: what is printed sums to its score.
fn explain(page: &mut Page, view: &View, incident: &Incident) {
    page.blank();
    let title = [
        Tone::Strong.span("EVIDENCE"),
        Tone::Faint.span(
            " for (+) and against (−) each change, in nats; a nat multiplies the odds by 2.7",
        ),
    ];
    page.paragraph(&[], 2, &title);
    for change in &incident.changes {
        let suspect = incident
            .suspects
            .iter()
            .find(|suspect| suspect.change == change.change);
        let evidence = match suspect {
            Some(suspect) if change.evidence.is_empty() => &suspect.evidence,
            _ => &change.evidence,
        };
        if evidence.is_empty() {
            continue;
        }
        let fate = match suspect {
            Some(suspect) => probability(suspect.probability),
            None => change.status.replace('_', " "),
        };
        let score: f64 = evidence.iter().map(|e| e.nats).sum();
        let lead = [Tone::Strong.span(format!("{:>9}", words::signed(score)))];
        let name = [
            Tone::Strong.span(words::brief(view.report, &change.change)),
            Tone::Plain.span(format!("\u{a0}· {fate}")),
        ];
        page.paragraph(&lead, 11, &name);
        let widest = evidence
            .iter()
            .map(|e| width(&e.kind))
            .max()
            .unwrap_or(0)
            .min(18);
        for e in evidence {
            let lead = [
                Tone::Plain.span(format!("{:>11}  ", words::signed(e.nats))),
                Tone::Faint.span(format!("{:widest$}", e.kind.replace('_', " "))),
            ];
            page.paragraph(&lead, 15 + widest, &[Tone::Plain.span(&e.text)]);
        }
    }
}
