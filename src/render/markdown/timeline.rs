//! The timeline of an incident: changes as their markers date them, what the logs show, and empty
//! rows for what only people know.

use super::View;
use super::writer::{Document, Line, code, own, said};
use crate::render::human::count_of;
use crate::render::listing::Listing;
use crate::render::when::epoch_s;
use crate::render::words;
use crate::report::{Change, Incident};

/// A row, with what it is sorted by: its time, and its rank among those of the same second.
struct Row {
    at: i64,
    rank: u8,
    cells: [Line; 4],
}

/// The table, and what it leaves out.
pub fn write(page: &mut Document, view: &View, incident: &Incident, listing: &Listing) {
    let mut rows = changes(view, listing);
    rows.extend(seen_in_logs(view, incident));
    rows.sort_by_key(|row| (row.at, row.rank));
    let known = rows.into_iter().map(|row| row.cells);
    let asked = [
        "_to be filled in: alert fired, or somebody noticed_",
        "_to be filled in: who was paged, and answered_",
        "_to be filled in: what was tried, and what came of it_",
        "_to be filled in: declared over_",
    ];
    let empty = asked.map(|what| [own("_?_"), own(""), own(what), own("people")]);
    let all: Vec<[Line; 4]> = known.chain(empty).collect();
    if let Some(zone) = view.clock.zone() {
        page.paragraph(&said(format!("Times: {zone}.")));
    }
    page.table(["Time", "Mark", "What happened", "Known from"], &all);
    let more = listing.more_suspects + listing.more_others;
    if more > 0 {
        let text = format!(
            "{} of less weight are in the JSON report.",
            count_of(more as u64, "change")
        );
        page.paragraph(&said(text));
    }
}

fn changes(view: &View, listing: &Listing) -> Vec<Row> {
    let row = |(mark, id): (char, &str)| {
        let change = words::change(view.report, id)?;
        Some(Row {
            at: epoch_s(&change.at)?,
            rank: 0,
            cells: [
                said(view.clock.show(&change.at)),
                said(mark),
                name(change).then(details(change)),
                own(if change.source == "logs" {
                    "logs"
                } else {
                    "marker"
                }),
            ],
        })
    };
    listing.ids().filter_map(row).collect()
}

fn seen_in_logs(view: &View, incident: &Incident) -> Vec<Row> {
    let what = if words::is_slow(incident) {
        [
            "**Onset**: requests become slow",
            "First slow request that belongs to it",
            "Last slow request that belongs to it",
            "**End**: slow requests are as rare as before",
        ]
    } else {
        [
            "**Onset**: requests begin to fail",
            "First failure that belongs to it",
            "Last failure that belongs to it",
            "**End**: failures are as rare as before",
        ]
    };
    let at = [
        &incident.onset,
        &incident.first_failure,
        &incident.last_failure,
        &incident.end,
    ];
    let events = at.into_iter().zip(1..).zip(what);
    let row = |((at, rank), what): ((&Option<String>, u8), &'static str)| {
        let at = at.as_deref()?;
        let mut text = own(what);
        if rank == 1
            && let (Some(low), Some(high)) = (&incident.onset_low, &incident.onset_high)
        {
            let (low, high) = (view.clock.show(low), view.clock.show_after(low, high));
            text = text.said(format!(" (95 %: {low}–{high})"));
        }
        Some(Row {
            at: epoch_s(at)?,
            rank,
            cells: [said(view.clock.show(at)), own(""), text, own("logs")],
        })
    };
    events.filter_map(row).collect()
}

/// Kind, id and service.
pub fn name(change: &Change) -> Line {
    let unlisted = if change.source == "logs" {
        "unlisted "
    } else {
        ""
    };
    let line = said(format!("{unlisted}{} ", change.kind)).code(&change.id);
    match &change.service {
        Some(service) => line.own(" of ").code(service),
        None => line,
    }
}

/// Versions, description, author, commit and address.
fn details(change: &Change) -> Line {
    let mut line = Line::default();
    if let Some(versions) = words::versions(Some(change)) {
        line = line.own(", ").code(versions);
    }
    if let Some(description) = &change.description {
        line = line.own(": ").code(description);
    }
    if let Some(author) = &change.author {
        line = line.own(" by ").code(author);
    }
    if let Some(commit) = &change.commit {
        line = line.own(", commit ").code(commit);
    }
    if let Some(url) = &change.url {
        line = line.own(", ").address(url);
    }
    line
}

/// The change with an id, or the id alone.
pub fn named(view: &View, id: &str) -> Line {
    words::change(view.report, id).map_or_else(|| code(id), name)
}
