//! One candidate seen closely: its 10 s cells, where in them the excess lies, and how restless the
//! counts are from one ten minutes to the next.

use super::edge::Side;
use crate::detect::{Candidate, densest};
use crate::series::{MINUTE_US, SeriesSet, Totals};
use crate::zoom::{CELL_US, Cells, Failure};

/// Onset and end are sought within so many cells of where the scan saw them: an hour.
const REACH: usize = 360;
/// Cells in ten minutes.
const BLOCK: usize = 60;
/// Requests that are missing by chance with a probability of e⁻⁷, 0.1 %.
const MISSED_REQUESTS: f64 = 7.0;
/// Failures' worth of presumed calm in the estimate of φ.
const CALM_WEIGHT: f64 = 5.0;

/// A candidate with its cells.
pub(super) struct Trace<'a> {
    pub candidate: &'a Candidate,
    /// All failures of its cells, in order of time.
    pub failures: &'a [Failure],
    /// Expected error rate, and the rate during the fault.
    pub calm: f64,
    pub raised: f64,
    /// Variance between blocks of ten minutes ÷ that of a binomial count.
    pub phi: f64,
    pub excess: Excess,
    /// Index of the first cell since the epoch.
    first: i64,
    totals: Totals,
    /// The candidate's cells, and those around it that belong to no other.
    from: usize,
    to: usize,
    since: usize,
    until: usize,
}

/// The densest part of a candidate, to ten seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Excess {
    pub from_us: i64,
    pub to_us: i64,
    pub requests: u64,
    pub errors: u64,
}

impl<'a> Trace<'a> {
    /// `None` where no cells cover the candidate. `since` and `until` (minutes since the epoch) are
    /// the end of the endpoint's candidate before, and the begin of the one after.
    pub(super) fn new(
        candidate: &'a Candidate,
        cells: &'a [Cells],
        set: &SeriesSet,
        since: Option<i64>,
        until: Option<i64>,
    ) -> Option<Trace<'a>> {
        let covered = |c: &&Cells| {
            let end = c.start_us.saturating_add(c.counts.len() as i64 * CELL_US);
            let (from, to) = (minute_us(candidate.from_min), minute_us(candidate.to_min));
            (end.min(to) - c.start_us.max(from)).max(0)
        };
        let (endpoint, signal) = (candidate.endpoint, candidate.baseline.signal);
        let mine = cells
            .iter()
            .filter(|c| c.endpoint == endpoint && c.signal == signal);
        let cells = mine.max_by_key(covered).filter(|c| covered(c) > 0)?;
        let first = cells.start_us.div_euclid(CELL_US);
        let cell_of = |minute: i64| {
            let cell = minute_us(minute).div_euclid(CELL_US).saturating_sub(first);
            usize::try_from(cell.max(0))
                .unwrap_or(0)
                .min(cells.counts.len())
        };
        let service = set.service_of(candidate.endpoint);
        let gaps: Vec<(usize, usize)> = set
            .gaps
            .iter()
            .filter(|(of, _, _)| of.is_none() || *of == service)
            .map(|(_, from, to)| [from, to].map(|m| set.start_min.saturating_add(*m as i64)))
            .map(|[from, to]| (cell_of(from), cell_of(to)))
            .collect();
        let seen = |i: usize| !gaps.iter().any(|(from, to)| (*from..*to).contains(&i));
        let totals = Totals::new(cells.counts.iter().enumerate().map(|(i, &(n, x))| {
            if seen(i) {
                (u64::from(n), u64::from(x.min(n)))
            } else {
                (0, 0)
            }
        }));
        let (from, to) = (cell_of(candidate.from_min), cell_of(candidate.to_min));
        let calm = candidate.baseline.rate;
        let (low, high) = densest(&totals, from, to, calm).unwrap_or((from, to));
        let (requests, errors) = totals.between(low, high);
        let raised = (candidate.errors as f64 + 0.5) / (candidate.requests as f64 + 1.0);
        let at_us = |cell: usize| first.saturating_add(cell as i64).saturating_mul(CELL_US);
        let since = since
            .map_or(0, cell_of)
            .max(from.saturating_sub(REACH))
            .max(if is_new(candidate, set) {
                totals.first_busy()
            } else {
                0
            })
            .min(from);
        let until = until
            .map_or(usize::MAX, cell_of)
            .min(totals.slots())
            .min(to + REACH)
            .max(to);
        Some(Trace {
            candidate,
            failures: &cells.failures,
            calm,
            raised: raised.clamp(calm, 1.0 - 1e-4),
            phi: unrest(&totals, &[(0, from), (from, to)]),
            excess: Excess {
                from_us: at_us(low),
                to_us: at_us(high),
                requests,
                errors,
            },
            first,
            totals,
            from,
            to,
            since,
            until,
        })
    }

    /// Errors beyond what was to be expected.
    pub(super) fn excess_errors(&self) -> f64 {
        self.excess.errors as f64 - self.excess.requests as f64 * self.calm
    }

    /// Its failures in `from_us..to_us`.
    pub(super) fn failures_in(&self, from_us: i64, to_us: i64) -> &'a [Failure] {
        let begin = self.failures.partition_point(|f| f.time_us < from_us);
        let end = self.failures.partition_point(|f| f.time_us < to_us);
        &self.failures[begin..end.max(begin)]
    }

    /// Requests to be expected in a time if they came as in the candidate.
    pub(super) fn asked_in(&self, from_us: i64, to_us: i64) -> f64 {
        let minutes = (self.candidate.to_min - self.candidate.from_min).max(1) * MINUTE_US;
        let asked_us = to_us.saturating_sub(from_us).max(0) as f64;
        self.candidate.requests as f64 * asked_us / minutes as f64
    }

    /// `(requests, errors)` of the cells that begin in `from_us..to_us`, and before the endpoint's
    /// next candidate.
    pub(super) fn counts_in(&self, from_us: i64, to_us: i64) -> (u64, u64) {
        let cell = |us: i64| {
            let cell = us
                .saturating_add(CELL_US - 1)
                .div_euclid(CELL_US)
                .saturating_sub(self.first);
            usize::try_from(cell.max(0)).unwrap_or(0).min(self.until)
        };
        self.totals
            .between(cell(from_us), cell(to_us).max(cell(from_us)))
    }

    /// The hour before the candidate and its first hour.
    pub(super) fn onset_side(&self) -> Side {
        self.side(self.since, self.to.min(self.from + REACH))
    }

    /// The candidate's last hour and the hour after, mirrored in time.
    pub(super) fn end_side(&self) -> Side {
        self.side(self.from.max(self.to.saturating_sub(REACH)), self.until)
            .mirrored()
    }

    fn side(&self, from: usize, to: usize) -> Side {
        let first = self.first.saturating_add(from as i64);
        let last = self.first.saturating_add(to as i64);
        let failures =
            self.failures_in(first.saturating_mul(CELL_US), last.saturating_mul(CELL_US));
        let count = |cell| {
            let (n, x) = self.totals.between(cell, cell + 1);
            ((n - x) as f64, x as f64)
        };
        Side {
            first,
            counts: (from..to).map(count).collect(),
            failures_us: failures.iter().map(|f| f.time_us).collect(),
            calm: self.calm,
            raised: self.raised,
            phi: self.phi,
        }
    }
}

/// Whether the endpoint was not there when the log began: so many requests are missing before its first that no
/// chance leaves them out. It can't have failed before.
fn is_new(candidate: &Candidate, set: &SeriesSet) -> bool {
    let first = set.cells_within(candidate.endpoint, 0..i64::MAX).first();
    let minutes = candidate.to_min.saturating_sub(candidate.from_min);
    let per_minute = candidate.requests as f64 / (minutes as f64).max(1.0);
    let before = first.map_or(0, |cell| i64::from(cell.minute) - set.start_min);
    before as f64 * per_minute >= MISSED_REQUESTS
}

/// To what the log cuts times off, µs: a second or a minute where all failures lie on whole ones, else 0.
pub(super) fn resolution_us(traces: &[&Trace]) -> i64 {
    let whole = |unit_us: &i64| {
        let mut failures = traces.iter().flat_map(|t| t.failures);
        failures.all(|f| f.time_us % unit_us == 0)
    };
    [MINUTE_US, 1_000_000].into_iter().find(whole).unwrap_or(0)
}

pub(super) fn minute_us(minute: i64) -> i64 {
    minute.saturating_mul(MINUTE_US)
}

/// φ over some spans: how much neighbouring blocks of ten minutes differ, relative to what chance
/// makes them differ. Differences of neighbours, so that a slow rise is no unrest.
fn unrest(totals: &Totals, spans: &[(usize, usize)]) -> f64 {
    let (mut seen, mut expected) = (CALM_WEIGHT, CALM_WEIGHT);
    for &(from, to) in spans {
        let (n, x) = totals.between(from, to);
        let p = x as f64 / (n as f64).max(1.0);
        for middle in (from + BLOCK..to)
            .step_by(BLOCK)
            .filter(|middle| middle + BLOCK <= to)
        {
            let (n1, x1) = totals.between(middle - BLOCK, middle);
            let (n2, x2) = totals.between(middle, middle + BLOCK);
            if n1 == 0 || n2 == 0 {
                continue;
            }
            let (n1, x1, n2, x2) = (n1 as f64, x1 as f64, n2 as f64, x2 as f64);
            seen += ((x1 * n2 - x2 * n1) / (n1 + n2)).powi(2);
            expected += p * (1.0 - p) * n1 * n2 / (n1 + n2);
        }
    }
    (seen / expected).max(1.0)
}
