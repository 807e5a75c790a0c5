//! The endpoints with most errors: the plain counts that the verdict rests on.
//!
//! Columns that a narrow page has no room for are left out, the least telling first; names are
//! cut. No cell is ever wrapped, so each endpoint is one line.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::View;
use crate::render::human::{count, count_of, duration, percent};
use crate::render::page::{Page, Tone};
use crate::render::sanitize::{clean, fit, short, visible, width};
use crate::render::spark::{Axis, Bin, bars};
use crate::render::when::epoch_s;
use crate::render::words::hit_by;
use crate::report::Endpoint;

/// Columns that the names of endpoints may ask of the other columns.
const NAME_ROOM: usize = 30;
/// Columns for the name of a service.
const SERVICE_ROOM: usize = 16;
/// Columns for the errors over time.
const CHART_ROOM: usize = 18;
/// Spaces before the table and between its columns: one of padding, one drawn by the table.
const GUTTER: usize = 2;

struct Column {
    title: &'static str,
    alignment: CellAlignment,
    /// The columns with the highest number give way first.
    gives_way: u8,
    cell: fn(&View, &Endpoint) -> String,
}

const fn column(
    title: &'static str,
    alignment: CellAlignment,
    gives_way: u8,
    cell: fn(&View, &Endpoint) -> String,
) -> Column {
    Column {
        title,
        alignment,
        gives_way,
        cell,
    }
}

const COLUMNS: [Column; 8] = [
    column("ERRORS", CellAlignment::Right, 1, |_, e| count(e.errors)),
    column("RATE", CellAlignment::Right, 2, |_, e| {
        percent(e.error_rate)
    }),
    column("REQUESTS", CellAlignment::Right, 5, |_, e| {
        count(e.requests)
    }),
    column("SERVICE", CellAlignment::Left, 4, |_, e| {
        short(&visible(&e.service), SERVICE_ROOM)
    }),
    column(NAME, CellAlignment::Left, 0, |_, e| {
        format!("{} {}", visible(&e.method), visible(&e.endpoint))
    }),
    column("STATUS", CellAlignment::Left, 6, |_, e| statuses(e)),
    column("ERRORS OVER TIME", CellAlignment::Left, 7, over_time),
    column("IN", CellAlignment::Left, 3, |view, e| {
        incidents_of(view, e)
    }),
];

/// The column that takes what room is left, and is never left out.
const NAME: &str = "ENDPOINT";

/// The table of endpoints, and a title that says how much of it is shown.
pub fn write(page: &mut Page, view: &View) {
    let all = &view.report.endpoints;
    let shown: Vec<&Endpoint> = all.iter().take(view.style.top).collect();
    if shown.is_empty() {
        return;
    }
    page.blank();
    page.rule();
    let total = count_of(all.len() as u64, "endpoint");
    let extent = if shown.len() == all.len() {
        total
    } else {
        format!("{} of {total}", shown.len())
    };
    let window = duration(view.report.scan.window_s as f64);
    let title = format!("by errors\u{a0}· {extent}\u{a0}· counted per {window}");
    page.paragraph(
        &[Tone::Strong.span("ENDPOINTS ")],
        2,
        &[Tone::Faint.span(title)],
    );

    let columns = fitting(page.width(), view, &shown);
    for (i, line) in lay_out(view, &columns, shown.len()).lines().enumerate() {
        // The first two lines are the header and the line under it.
        let tone = match i.checked_sub(2).and_then(|row| shown.get(row)) {
            None => Tone::Faint,
            Some(endpoint) if hit_by(view.report, endpoint).is_empty() => Tone::Plain,
            Some(_) => Tone::Strong,
        };
        page.line(&[Tone::Plain.span(" ".repeat(GUTTER)), tone.span(line)]);
    }
}

/// A column with the texts of its cells.
type Filled<'a> = (&'a Column, Vec<String>);

/// The columns that there is room for, with their cells.
fn fitting(room: usize, view: &View, shown: &[&Endpoint]) -> Vec<Filled<'static>> {
    let unicode = view.style.unicode;
    let fill = |column: &'static Column| -> Filled<'static> {
        let texts = shown.iter().map(|e| (column.cell)(view, e));
        (
            column,
            texts
                .map(|text| clean(&text, unicode).into_owned())
                .collect(),
        )
    };
    let mut columns: Vec<_> = COLUMNS
        .iter()
        .map(fill)
        .filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()))
        .collect();
    while asked(&columns) > room && columns.len() > 1 {
        let Some(loser) = (0..columns.len()).max_by_key(|&i| columns[i].0.gives_way) else {
            break;
        };
        columns.remove(loser);
    }
    let spare = room.saturating_sub(asked(&columns));
    for (column, cells) in &mut columns {
        let limit = needed(column, cells) + spare;
        for cell in cells.iter_mut().filter(|_| column.title == NAME) {
            *cell = fit(cell, limit, unicode);
        }
    }
    columns
}

/// Columns of the page that these columns of the table ask for.
fn asked(columns: &[Filled]) -> usize {
    columns
        .iter()
        .map(|(column, cells)| GUTTER + needed(column, cells))
        .sum()
}

fn needed(column: &Column, cells: &[String]) -> usize {
    let widest = cells
        .iter()
        .map(|cell| width(cell))
        .chain([width(column.title)])
        .max()
        .unwrap_or(0);
    if column.title == NAME {
        widest.min(NAME_ROOM)
    } else {
        widest
    }
}

fn lay_out(view: &View, columns: &[Filled], rows: usize) -> Table {
    let line = if view.style.unicode { '─' } else { '-' };
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill(line).junction(line)))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|(column, _)| column.title));
    for row in 0..rows {
        table.add_row(
            columns
                .iter()
                .map(|(_, cells)| cells.get(row).map_or("", String::as_str)),
        );
    }
    let last = columns.len().saturating_sub(1);
    for (i, (shape, _)) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(i) {
            column.set_padding((0, u16::from(i != last)));
            column.set_cell_alignment(shape.alignment);
        }
    }
    table
}

/// `500 502`: the statuses, most errors first.
fn statuses(endpoint: &Endpoint) -> String {
    let mut statuses: Vec<_> = endpoint.statuses.iter().collect();
    statuses.sort_by_key(|&(status, errors)| (std::cmp::Reverse(*errors), status));
    let shown = statuses
        .iter()
        .take(3)
        .map(|(status, _)| status.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    short(&shown, 11)
}

/// The endpoint's errors from the log's begin to its end, each on its own scale.
fn over_time(view: &View, endpoint: &Endpoint) -> String {
    let scan = &view.report.scan;
    let window_s = i64::try_from(scan.window_s).unwrap_or(i64::MAX).max(1);
    let edge = |time: &Option<String>| {
        time.as_deref()
            .and_then(epoch_s)
            .map(|at| at.div_euclid(window_s).saturating_mul(window_s))
    };
    let (Some(from), Some(to)) = (edge(&scan.from), edge(&scan.to)) else {
        return String::new();
    };
    let bins: Vec<Bin> = endpoint
        .windows
        .iter()
        .filter_map(|window| {
            Some(Bin {
                start: epoch_s(&window.0)?,
                requests: window.1,
                errors: window.2,
            })
        })
        .collect();
    let axis = Axis::new(from, to.saturating_add(window_s), window_s, CHART_ROOM);
    let errors = axis.errors(&bins, window_s);
    let full = errors.iter().flatten().copied().fold(0.0, f64::max);
    bars(&errors, full, 1, view.style.unicode).concat()
}

fn incidents_of(view: &View, endpoint: &Endpoint) -> String {
    let ids = hit_by(view.report, endpoint)
        .into_iter()
        .map(|incident| incident.id.as_str());
    short(&ids.collect::<Vec<_>>().join(" "), 11)
}
