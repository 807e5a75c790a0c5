//! What an endpoint's past leads to expect of a window.
//!
//! Comes in: the endpoint's counts and those of what it belongs to. Goes out: an error rate, with
//! the span that it rests on. The past ends ten minutes before the window, and without the spans
//! already flagged, so that a fault never becomes its own baseline. Rates lean on the parent's where
//! the endpoint has few requests: endpoint → route group → service → all.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::MINUTES_PER_WEEK;
use super::sums::{Adder, Place, members};
use super::windows::Flag;
use crate::series::{EndpointId, SeriesSet, Totals};
use crate::stats;

/// Requests that the parent's rate weighs, at least. Where errors are rare it weighs as many as make
/// one error to be expected: a few hundred requests without one don't tell 0.3 % from 0.01 %.
const PARENT_WEIGHT: f64 = 50.0;
/// The past reaches back this many minutes, or six windows.
const PAST_MIN: usize = 180;
/// The past ends this many minutes before the window.
pub(super) const LAG_MIN: usize = 10;
/// A past with less than this says too little: the quietest third of the log stands in.
const LEAST_MIN: usize = 30;
const LEAST_REQUESTS: u64 = 200;
/// … unless these few minutes since the log's begin fail less than that third.
const LEAST_SHORT_MIN: usize = 5;
/// No endpoint is presumed to fail less, or less seldom, than this.
pub(super) const RATE_FLOOR: f64 = 1e-4;
/// Minutes that the season covers on either side of the window.
const SEASON_SIDE_MIN: usize = 60;
/// Of the log's thirds, quietest first, the one at 1/3 says what is usual: a fault through half of
/// the log leaves it alone.
const USUAL_QUANTILE: usize = 3;
/// A past so improbable at the usual rate had another one: P(X ≤ x).
const CONTRADICTED: f64 = 1e-4;
/// Steps by which the quietest third is sought.
const QUIET_STEP_MIN: usize = 10;

/// An expected error rate and what it rests on (offsets from the log's first minute).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expected {
    pub rate: f64,
    pub requests: u64,
    /// Requests that what it leans on weighs.
    pub weight: f64,
    pub from: usize,
    pub to: usize,
}

/// The counts of route groups, services and all, in slots of a few minutes: they only serve spans
/// that are long.
pub(super) struct Parents {
    slot_min: usize,
    levels: Vec<Totals>,
    /// For each endpoint its parents in `levels`, the root first.
    lines: Vec<Vec<usize>>,
    /// By the last of an endpoint's parents: their rates in each third of the log, once asked for.
    thirds: Vec<OnceLock<Vec<f64>>>,
}

impl Parents {
    pub(super) fn new(set: &SeriesSet) -> Parents {
        let adder = Adder {
            set,
            members: &members(set),
            slot_min: Parents::slot_min(set),
            wanted: &[],
        };
        Parents::of(
            set,
            adder.slot_min,
            adder.sums().into_iter().map(|sum| (sum.place, sum.totals)),
        )
    }

    /// Minutes in a slot: one up to two days; a month of a few hundred groups would not fit so.
    pub(super) fn slot_min(set: &SeriesSet) -> usize {
        if set.minutes <= 2880 { 1 } else { 10 }
    }

    /// Of counts that are added up.
    pub(super) fn of(
        set: &SeriesSet,
        slot_min: usize,
        sums: impl Iterator<Item = (Place, Totals)>,
    ) -> Parents {
        let (mut index, mut levels) = (BTreeMap::new(), Vec::new());
        for (place, totals) in sums {
            index.insert(place, levels.len());
            levels.push(totals);
        }
        let line = |id: EndpointId| {
            let e = set.catalog.endpoints.get(id.0 as usize);
            let places = e.map(|e| (Some(e.service.0), Some(e.group)));
            let places = places.map_or([Some((None, None)), None, None], |(service, group)| {
                [(None, None), (service, None), (service, group)].map(Some)
            });
            let known = places.iter().flatten().filter_map(|place| index.get(place));
            known.copied().collect()
        };
        Parents {
            slot_min,
            lines: set.endpoints().map(line).collect(),
            thirds: levels.iter().map(|_| OnceLock::new()).collect(),
            levels,
        }
    }

    /// The rates of what the endpoint belongs to, in each third of a log of so many minutes.
    fn rates_of_thirds(&self, endpoint: EndpointId, minutes: usize) -> &[f64] {
        let rates = || {
            let spans = thirds(minutes);
            spans
                .map(|(from, to)| self.rate(endpoint, from, to))
                .collect()
        };
        let line = self.lines.get(endpoint.0 as usize);
        let last = line.and_then(|line| self.thirds.get(*line.last()?));
        last.map_or(&[], |known| known.get_or_init(rates).as_slice())
    }

    /// The rate of what the endpoint belongs to, in the slots that lie wholly inside the span.
    fn rate(&self, endpoint: EndpointId, from: usize, to: usize) -> f64 {
        let (from, to) = (from.div_ceil(self.slot_min), to / self.slot_min);
        let line = self
            .lines
            .get(endpoint.0 as usize)
            .map_or(&[][..], Vec::as_slice);
        line.iter()
            .fold(None, |above: Option<f64>, level| {
                let (n, x) = self.levels[*level].between(from, to.max(from));
                Some(match above {
                    None => (x as f64 + 0.5) / (n as f64 + 1.0),
                    Some(rate) => lean(rate, n as f64, x as f64),
                })
            })
            .unwrap_or(0.5)
    }
}

/// The spans of a third of so many minutes, some minutes apart.
fn thirds(minutes: usize) -> impl Iterator<Item = (usize, usize)> {
    let length = (minutes / 3).max(1);
    let last = minutes.saturating_sub(length);
    let begins = (0..last).step_by(QUIET_STEP_MIN).chain([last]);
    begins.map(move |from| (from, from + length))
}

/// The rate of x errors in n requests, leaning on another rate.
fn lean(on: f64, n: f64, x: f64) -> f64 {
    let weight = weight(on);
    (weight * on + x) / (weight + n)
}

/// Requests that a rate weighs which others lean on.
fn weight(on: f64) -> f64 {
    PARENT_WEIGHT.max(1.0 / on.max(RATE_FLOOR))
}

/// One endpoint's past.
pub(super) struct Past<'a> {
    totals: &'a Totals,
    parents: &'a Parents,
    endpoint: EndpointId,
    /// Spans of a third of the log; empty until asked for.
    thirds: Vec<Expected>,
    /// The rate of the one that is usual, where there is one.
    usual: Option<f64>,
    /// Whether they are sorted, quietest first.
    sorted: bool,
}

impl<'a> Past<'a> {
    pub(super) fn new(totals: &'a Totals, parents: &'a Parents, endpoint: EndpointId) -> Past<'a> {
        Past {
            totals,
            parents,
            endpoint,
            thirds: Vec::new(),
            usual: None,
            sorted: false,
        }
    }

    /// What to expect of a window. `None` where the log has nothing to compare it with.
    pub(super) fn expected(&mut self, from: usize, to: usize, flags: &[Flag]) -> Option<Expected> {
        let until = from.saturating_sub(LAG_MIN);
        let since = from.saturating_sub(PAST_MIN.max(6 * to.saturating_sub(from)));
        let mut scarce = None;
        if until.saturating_sub(since) >= LEAST_MIN {
            let before = self.leaning(since, until, flags);
            if before.requests >= LEAST_REQUESTS || self.totals.first_busy() >= until {
                return Some(before);
            }
            scarce = Some(before);
        }
        let quiet = self.quietest(from, to);
        let quiet = quiet.map(|quiet| self.unless_by_chance(quiet, from, to, flags));
        // A log cut shortly before a long fault has no quiet third, but a few minutes of truth.
        let until = from - LAG_MIN.min(from / 4);
        if (LEAST_SHORT_MIN..LEAST_MIN + LAG_MIN).contains(&until) {
            let before = self.leaning(0, until, flags);
            if before.requests >= LEAST_REQUESTS && quiet.is_none_or(|q| before.rate < q.rate) {
                return Some(before);
            }
            scarce = Some(before);
        }
        // Twenty good requests of twenty tell that the two in three of the rest of the log are not what is usual:
        // a fault up to the log's end, longer than what was before it.
        let was_other = |before: &Expected| {
            let counted = calm(self.totals, before.from, before.to, flags);
            quiet.is_none_or(|quiet| at_most(counted, quiet.rate) < CONTRADICTED)
        };
        scarce.filter(was_other).or(quiet)
    }

    /// The rate in the span's unflagged minutes. Few requests lean on the endpoint's own usual rate,
    /// where the span doesn't contradict that (of the many spans of a week some have no error by
    /// chance), else on the parents' in the span.
    fn leaning(&mut self, from: usize, to: usize, flags: &[Flag]) -> Expected {
        let (n, x) = calm(self.totals, from, to, flags);
        let usual = self.usual();
        let on = usual
            .filter(|usual| at_most((n, x), *usual) >= CONTRADICTED)
            .unwrap_or_else(|| self.parents.rate(self.endpoint, from, to));
        expect(on, (from, to), (n, x))
    }

    /// The quietest third of the log that keeps away from the window.
    fn quietest(&mut self, from: usize, to: usize) -> Option<Expected> {
        let lag = self.lag();
        self.thirds()
            .iter()
            .copied()
            .find(|t| t.to + lag <= from || t.from >= to + lag)
    }

    /// Minutes that what stands in for the past keeps away from the window: a short log can't afford the whole lag.
    fn lag(&self) -> usize {
        LAG_MIN.min(self.totals.slots() / 12)
    }

    /// Of many thirds with few requests one has few errors by chance. Where all that lies outside of the window
    /// doesn't contradict that, that is what to expect instead.
    fn unless_by_chance(
        &self,
        quiet: Expected,
        from: usize,
        to: usize,
        flags: &[Flag],
    ) -> Expected {
        let slots = self.totals.slots();
        let lag = self.lag();
        let before = calm(self.totals, 0, from.saturating_sub(lag), flags);
        let after = calm(self.totals, (to + lag).min(slots), slots, flags);
        let outside = (before.0 + after.0, before.1 + after.1);
        let parent = self.parents.rate(self.endpoint, 0, slots);
        let all = expect(parent, (0, slots), outside);
        let third = self.totals.between(quiet.from, quiet.to);
        // Before it was in use an endpoint could not fail.
        let in_use = self.totals.first_busy() <= quiet.from.midpoint(quiet.to);
        let by_chance = at_most(third, all.rate) >= CONTRADICTED;
        match in_use && by_chance && all.rate > quiet.rate {
            true => all,
            false => quiet,
        }
    }

    /// The rate in the quietest third, where that third has requests enough to tell.
    pub(super) fn quiet_rate(&mut self) -> Option<f64> {
        let quietest = self.thirds().first()?;
        (quietest.requests >= LEAST_REQUESTS).then_some(quietest.rate)
    }

    /// The thirds, quietest first.
    fn thirds(&mut self) -> &[Expected] {
        self.measure_thirds();
        if !self.sorted {
            self.thirds.sort_unstable_by(Past::quieter);
            self.sorted = true;
        }
        &self.thirds
    }

    fn usual(&mut self) -> Option<f64> {
        self.measure_thirds();
        self.usual
    }

    /// No two thirds begin at the same minute, so none are equal.
    fn quieter(a: &Expected, b: &Expected) -> std::cmp::Ordering {
        a.rate.total_cmp(&b.rate).then(a.from.cmp(&b.from))
    }

    fn measure_thirds(&mut self) {
        if self.thirds.is_empty() {
            let minutes = self.totals.slots();
            let parents = self.parents.rates_of_thirds(self.endpoint, minutes);
            let spans = thirds(minutes).zip(parents);
            self.thirds = spans
                .map(|((from, to), parent)| {
                    expect(*parent, (from, to), self.totals.between(from, to))
                })
                .collect();
            let place = self.thirds.len() / USUAL_QUANTILE;
            if place < self.thirds.len() {
                let (_, usual, _) = self.thirds.select_nth_unstable_by(place, Past::quieter);
                self.usual = Some(usual.rate);
            }
        }
    }

    /// What the same hour of the earlier weeks leads to expect: the median over them, so that one
    /// bad week is no season. `None` before the third week.
    pub(super) fn seasonal(&self, from: usize, to: usize, trailing: f64) -> Option<f64> {
        let mut rates: Vec<f64> = (1..=from / MINUTES_PER_WEEK)
            .map(|week| {
                let back = week * MINUTES_PER_WEEK;
                let since = (from - back).saturating_sub(SEASON_SIDE_MIN);
                let until = (to + SEASON_SIDE_MIN).saturating_sub(back).min(from);
                let (n, x) = self.totals.between(since, until);
                bounded(lean(trailing, n as f64, x as f64))
            })
            .collect();
        if rates.len() < 2 {
            return None;
        }
        rates.sort_by(f64::total_cmp);
        Some(rates[(rates.len() - 1) / 2])
    }
}

/// P(X ≤ x) of n requests at a rate.
fn at_most((n, x): (u64, u64), rate: f64) -> f64 {
    match n > x {
        true => 1.0 - stats::beta_cdf(rate, x as f64 + 1.0, (n - x) as f64),
        false => 1.0,
    }
}

/// What so many requests and errors of a span lead to expect, leaning on a rate.
fn expect(on: f64, (from, to): (usize, usize), (requests, errors): (u64, u64)) -> Expected {
    Expected {
        rate: bounded(lean(on, requests as f64, errors as f64)),
        requests,
        weight: weight(on),
        from,
        to,
    }
}

/// Counts of the span without its flagged minutes.
pub(super) fn calm<E>(totals: &Totals, from: usize, to: usize, flags: &[Flag<E>]) -> (u64, u64) {
    let touching = &flags[flags.partition_point(|f| f.to <= from)..];
    let flagged = touching.iter().take_while(|f| f.from < to);
    flagged.fold(totals.between(from, to), |(n, x), f| {
        let (requests, errors) = totals.between(f.from.max(from), f.to.min(to));
        (n.saturating_sub(requests), x.saturating_sub(errors))
    })
}

fn bounded(rate: f64) -> f64 {
    rate.clamp(RATE_FLOOR, 1.0 - RATE_FLOOR)
}
