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
use crate::report::{Endpoint, HitEndpoint, Incident};

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
    right: bool,
    /// The columns with the highest number give way first.
    gives_way: u8,
    cell: fn(&View, &Endpoint) -> String,
}

const COLUMNS: [Column; 7] = [
    Column {
        title: "ERRORS",
        right: true,
        gives_way: 0,
        cell: |_, e| count(e.errors),
    },
    Column {
        title: "RATE",
        right: true,
        gives_way: 1,
        cell: |_, e| percent(e.error_rate),
    },
    Column {
        title: "REQUESTS",
        right: true,
        gives_way: 3,
        cell: |_, e| count(e.requests),
    },
    Column {
        title: "SERVICE",
        right: false,
        gives_way: 2,
        cell: |_, e| short(&visible(&e.service), SERVICE_ROOM),
    },
    Column {
        title: "STATUS",
        right: false,
        gives_way: 4,
        cell: |_, e| statuses(e),
    },
    Column {
        title: "ERRORS OVER TIME",
        right: false,
        gives_way: 5,
        cell: over_time,
    },
    Column {
        title: "IN",
        right: false,
        gives_way: 1,
        cell: |view, e| incidents_of(view, e),
    },
];

/// Where the endpoint's name stands among the columns.
const NAME_AT: usize = 4;

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

    let (table, is_failing) = (lay_out(page, view, &shown), |e: &&Endpoint| {
        !hit_by(view, e).is_empty()
    });
    for (i, line) in table.lines().enumerate() {
        let tone = match i.checked_sub(2).and_then(|row| shown.get(row)) {
            None => Tone::Faint,
            Some(endpoint) if is_failing(endpoint) => Tone::Strong,
            Some(_) => Tone::Plain,
        };
        page.line(&[Tone::Plain.span(" ".repeat(GUTTER)), tone.span(line)]);
    }
}

fn lay_out(page: &Page, view: &View, shown: &[&Endpoint]) -> Table {
    let unicode = view.style.unicode;
    let mut columns: Vec<(&Column, Vec<String>)> = COLUMNS
        .iter()
        .map(|column| {
            let cells = shown
                .iter()
                .map(|e| clean(&(column.cell)(view, e), unicode).into_owned());
            (column, cells.collect::<Vec<_>>())
        })
        .filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty()))
        .collect();
    let taken = |columns: &[(&Column, Vec<String>)]| -> usize {
        columns
            .iter()
            .map(|(column, cells)| GUTTER + widest(column.title, cells))
            .sum()
    };
    let names = shown.iter().map(|e| {
        let name = format!("{} {}", visible(&e.method), visible(&e.endpoint));
        clean(&name, unicode).into_owned()
    });
    let names: Vec<String> = names.collect();
    let asked = widest("ENDPOINT", &names).min(NAME_ROOM) + GUTTER;
    while taken(&columns) + asked > page.width() {
        let Some(loser) = (0..columns.len()).max_by_key(|&i| columns[i].0.gives_way) else {
            break;
        };
        columns.remove(loser);
    }
    let room = page.width().saturating_sub(taken(&columns) + GUTTER);
    let names = names.iter().map(|name| fit(name, room, unicode));
    let before = columns
        .iter()
        .filter(|(column, _)| {
            COLUMNS
                .iter()
                .take(NAME_AT)
                .any(|c| c.title == column.title)
        })
        .count();
    let endpoint = Column {
        title: "ENDPOINT",
        right: false,
        gives_way: 0,
        cell: |_, _| String::new(),
    };
    columns.insert(before, (&endpoint, names.collect()));

    let line = if unicode { '─' } else { '-' };
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill(line).junction(line)))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|(column, _)| column.title));
    for row in 0..shown.len() {
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
            column.set_cell_alignment(if shape.right {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            });
        }
    }
    table
}

fn widest(title: &str, cells: &[String]) -> usize {
    cells
        .iter()
        .map(|cell| width(cell))
        .chain([width(title)])
        .max()
        .unwrap_or(0)
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
    let ids = hit_by(view, endpoint)
        .into_iter()
        .map(|incident| incident.id.as_str());
    short(&ids.collect::<Vec<_>>().join(" "), 11)
}

fn hit_by<'a>(view: &View<'a>, endpoint: &Endpoint) -> Vec<&'a Incident> {
    let same = |hit: &HitEndpoint| {
        hit.service == endpoint.service
            && hit.method == endpoint.method
            && hit.endpoint == endpoint.endpoint
    };
    view.report
        .incidents
        .iter()
        .filter(|incident| incident.endpoints.iter().any(same))
        .collect()
}
