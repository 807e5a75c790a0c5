//! An incident's error rate over time in block characters, with the changes and the times under it.

use super::View;
use super::incident::LABEL;
use crate::render::human::percent;
use crate::render::listing::Listing;
use crate::render::page::{Page, Tone};
use crate::render::spark::{Axis, Series, bars, gap_sign};
use crate::render::when::epoch_s;
use crate::render::words;
use crate::report::Incident;

/// Lines of the chart: three show 24 heights.
const CHART_LINES: usize = 3;

/// The error rate over time, with what is needed to write under it.
pub struct Chart {
    axis: Axis,
    rates: Vec<Option<f64>>,
    from: i64,
    to: i64,
}

impl Chart {
    /// `None` without a time or an error to show.
    pub fn of(incident: &Incident, view: &View, width: usize) -> Option<Chart> {
        let series = Series::new(&incident.series, view.report.scan.window_s)?;
        if series.bins.iter().all(|bin| bin.errors == 0) {
            return None;
        }
        let Series {
            bins,
            window_s,
            from,
            to,
        } = series;
        let axis = Axis::new(from, to, window_s, width.saturating_sub(LABEL + 1));
        let rates = axis.rates(&bins, window_s);
        Some(Chart {
            axis,
            rates,
            from,
            to,
        })
    }

    /// The chart's lines.
    pub fn write(&self, page: &mut Page, view: &View, incident: &Incident, listing: &Listing) {
        let full = self.rates.iter().flatten().copied().fold(0.0, f64::max);
        let edge = page.sign("┤", "|");
        let unicode = view.style.unicode;
        let bad = self.columns_of(incident);
        for (i, bar) in bars(&self.rates, full, CHART_LINES, unicode)
            .iter()
            .enumerate()
        {
            let label = match i {
                0 => percent(full),
                _ if i + 1 == CHART_LINES => percent(0.0),
                _ => words::errors(incident).to_owned(),
            };
            let mut line = vec![Tone::Faint.span(format!("{label:>9}{edge}"))];
            for (column, block) in bar.chars().enumerate() {
                let tone = if bad.contains(&column) {
                    Tone::Bad
                } else {
                    Tone::Plain
                };
                line.push(tone.span(block));
            }
            page.line(&line);
        }
        for (i, marks) in self
            .axis
            .marks(&listing.marks(view.report))
            .iter()
            .enumerate()
        {
            let label = if i == 0 { "changes" } else { "" };
            page.line(&[
                Tone::Faint.span(format!("{label:>9} ")),
                Tone::Mark.span(marks),
            ]);
        }
        page.line(&[
            Tone::Faint.span(" ".repeat(LABEL)),
            Tone::Faint.span(self.times(view, incident)),
        ]);
        if self.rates.contains(&None) {
            let sign = gap_sign(unicode);
            page.line(&[Tone::Faint.span(format!("{}{sign} no requests", " ".repeat(LABEL)))]);
        }
    }

    /// The columns in which the incident lasts.
    fn columns_of(&self, incident: &Incident) -> std::ops::Range<usize> {
        let column = |at: &Option<String>| {
            at.as_deref()
                .and_then(epoch_s)
                .and_then(|at| self.axis.column(at))
        };
        let first = column(&incident.onset).unwrap_or(0);
        let last = column(&incident.end).unwrap_or(self.axis.columns());
        first..last.max(first + 1)
    }

    fn times(&self, view: &View, incident: &Incident) -> String {
        let mut labels = Vec::new();
        for (at, what) in [(&incident.onset, " onset"), (&incident.end, " end")] {
            if let Some(at) = at
                && let Some(epoch) = epoch_s(at)
            {
                let shown = view.clock.show(at);
                labels.push((vec![format!("{shown}{what}"), shown], epoch));
            }
        }
        let series = &incident.series;
        let edges = [(series.first(), self.from), (series.last(), self.to - 1)];
        for (window, at) in edges {
            labels.extend(window.map(|window| (vec![view.clock.show(&window.0)], at)));
        }
        self.axis.labels(&labels, view.style.unicode)
    }
}
