//! What comes back at the same time of each hour or night: a job, a backup, an expiring cache.
//!
//! Bursts that come back make most of the unrest that the scan measures, and hide in it; and told
//! one by one they are twenty incidents, each near some change. Comes in: what the scan measured.
//! Goes out: patterns, with the endpoints that follow each, and the log without them.
//!
//! An endpoint's minutes are folded by each period; the densest part of the folded time may be a
//! pattern's window. It is if two questions are answered, each joined over all cycles by Fisher's
//! method (1932). Could noise do it? Each cycle's errors have a probability under the endpoint's
//! unrest. Could faults do it that come at random times? Each cycle has a share of the windows at other
//! times that were as bad.

use std::ops::Range;

use rayon::prelude::*;

use super::baseline::{Expected, RATE_FLOOR};
use super::{Candidate, Context, FALSE_ALARMS_PER_WEEK, Scanned, is_large, trim};
use crate::series::{EndpointId, MINUTE_US, SeriesSet, Totals};
use crate::stats;

const DAY_MIN: usize = 1_440;
/// The periods that people set timers to, in minutes.
const PERIODS_MIN: [usize; 10] = [30, 60, 120, 180, 240, 360, 480, 720, DAY_MIN, 10_080];
/// A pattern takes up at most this part of its period, and so many minutes.
const LARGEST_PART: usize = 3;
const LONGEST_MIN: usize = 120;
/// Fewer times, or fewer errors, are no pattern.
const LEAST_TIMES: usize = 3;
const LEAST_ERRORS: u64 = 9;
/// Of the cycles between its first and its last, in how many it must show.
const LEAST_SHARE: f64 = 0.6;
/// How much of its windows it must fill.
const LEAST_FILLED: f64 = 0.6;
/// A time with fewer errors to be expected may show none.
const LEAST_EXPECTED: f64 = 2.0;
/// Of an endpoint's mean rate, what is presumed of its other minutes while the window is sought.
const USUAL_PART: f64 = 0.5;
/// Minutes around a time that tell what it stands out from, at least.
const AROUND_MIN: usize = 30;
/// Bonferroni's factor for where in a period of so many minutes the pattern lies and how long it is.
const LENGTHS_TRIED: usize = 8;
/// How improbable the times must be if they come at random: what is asked once noise is out of question.
const AT_RANDOM_TIMES: f64 = 0.01;
/// No single time speaks louder than this: a pattern is made by many.
const LEAST_P: f64 = 1e-4;
/// What an endpoint may cost by chance, among all that are asked whether they follow another's pattern.
const FOLLOWS_BY_CHANCE: f64 = 0.05;
/// A fault of a random time lies in a pattern's windows by chance, unless they are at most this part.
const SELDOM_PART: i64 = 10;
/// Minutes by which it may stand out of its window on either side.
const SLACK_MIN: i64 = 1;
/// An endpoint that is fine at the other times, or fails beyond one, with less than this chance is none of
/// its pattern.
const BY_CHANCE: f64 = 0.01;

/// When a pattern comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recurrence {
    /// Minutes from each time to the next.
    pub every_min: i64,
    /// Minutes that each time may last.
    pub lasts_min: i64,
    /// First minute of the first time, since the epoch.
    pub first_min: i64,
    /// How many times, from the first to the last.
    pub times: i64,
}

impl Recurrence {
    /// First minute of the last time.
    pub fn last_min(&self) -> i64 {
        self.first_min + (self.times - 1) * self.every_min
    }

    /// How many of the times begin after a moment, in µs since the epoch.
    pub fn times_after(&self, time_us: i64) -> i64 {
        let minutes = time_us.div_euclid(MINUTE_US).saturating_sub(self.first_min);
        let begun = minutes.div_euclid(self.every_min).saturating_add(1);
        self.times - begun.clamp(0, self.times)
    }

    /// Which of the times is the nearest to the middle of a span of minutes, and its own, with
    /// [`SLACK_MIN`] on either side.
    fn nearest(&self, from_min: i64, to_min: i64) -> (i64, Range<i64>) {
        let middle = from_min.saturating_add(to_min) / 2;
        let since = middle.saturating_sub(self.first_min + self.lasts_min / 2);
        let time = (since + self.every_min / 2).div_euclid(self.every_min);
        let time = time.clamp(0, self.times - 1);
        let from = self.first_min + time * self.every_min;
        (time, from - SLACK_MIN..from + self.lasts_min + SLACK_MIN)
    }

    /// Whether a moment, in µs since the epoch, lies in one of the times.
    pub fn holds(&self, time_us: i64) -> bool {
        let minutes = time_us.div_euclid(MINUTE_US).saturating_sub(self.first_min);
        minutes >= 0
            && minutes.div_euclid(self.every_min) < self.times
            && minutes.rem_euclid(self.every_min) < self.lasts_min
    }
}

/// A pattern, with the endpoints that follow it.
pub(super) struct Pattern {
    recurrence: Recurrence,
    followers: Vec<(EndpointId, Beat)>,
}

/// A pattern in one endpoint's minutes (offsets from the log's first).
#[derive(Debug, Clone, Copy)]
struct Beat {
    /// First minute of its window in a cycle, and the window's length.
    window: (usize, usize),
    every: usize,
    /// The first cycle that has it, and the one after the last.
    cycles: (usize, usize),
    /// What is to be expected at other times.
    calm: Expected,
    /// ln of how probable its errors are under the endpoint's unrest, and their times if they came at
    /// random.
    ln_p: f64,
    ln_p_of_times: f64,
}

/// The patterns of a log, strongest first.
pub(super) fn patterns(set: &SeriesSet, counted: &[(u64, u64)], scanned: &Scanned) -> Vec<Pattern> {
    let failing: Vec<EndpointId> = set
        .endpoints()
        .filter(|id| counted[id.0 as usize].1 >= LEAST_ERRORS)
        .collect();
    let mut leads: Vec<(EndpointId, Beat)> = failing
        .par_iter()
        .filter_map(|&id| Some((id, lead(set, scanned, id, failing.len())?)))
        .collect();
    leads.sort_by(|a, b| a.1.ln_p.total_cmp(&b.1.ln_p).then(a.0.cmp(&b.0)));
    let mut patterns: Vec<Pattern> = Vec::new();
    while let Some((_, first)) = leads.first().copied() {
        let together: Vec<EndpointId> = leads
            .extract_if(.., |(_, beat)| beat.meets(&first))
            .map(|(id, _)| id)
            .collect();
        let totals = set.totals_of(&together, 1);
        let window =
            densest_window(&totals, fold(totals.each(), first.every)).unwrap_or(first.window);
        let taken = |id: &EndpointId| patterns.iter().any(|p| p.follows(*id));
        let mut followers: Vec<(EndpointId, Beat)> = Vec::new();
        for &id in failing.iter().filter(|id| !taken(id)) {
            let totals = set.totals(id);
            let beat = beat(&scanned.context(set, &totals, id), first.every, window);
            let sure = FOLLOWS_BY_CHANCE.ln() - (failing.len() as f64).ln();
            followers.extend(beat.filter(|beat| beat.ln_p <= sure).map(|beat| (id, beat)));
        }
        patterns.extend(Pattern::new(set, followers));
    }
    patterns
}

/// The strongest pattern of one of so many endpoints, if it has one.
fn lead(set: &SeriesSet, scanned: &Scanned, id: EndpointId, asked: usize) -> Option<Beat> {
    let totals = set.totals(id);
    let context = scanned.context(set, &totals, id);
    let folds = folds(&totals);
    let of_period = |every: usize| {
        if totals.slots() < LEAST_TIMES * every {
            return None;
        }
        let folded = match folds.iter().find(|folded| folded.len() == every) {
            Some(folded) => folded.clone(),
            None => fold(totals.each(), every),
        };
        let beat = beat(&context, every, densest_window(&totals, folded)?)?;
        let periods = (PERIODS_MIN.len() as f64).ln();
        let places = ((every * LENGTHS_TRIED * asked) as f64).ln();
        let no_noise = beat.ln_p + periods + places <= FALSE_ALARMS_PER_WEEK.ln();
        let no_chance = beat.ln_p_of_times + periods <= AT_RANDOM_TIMES.ln();
        (no_noise && no_chance).then_some(beat)
    };
    let found = PERIODS_MIN.into_iter().filter_map(of_period);
    found.min_by(|a, b| a.ln_p_of_times.total_cmp(&b.ln_p_of_times))
}

/// The folds by the periods that divide the day, longest first: each is a fold of the shortest before it
/// that it divides.
fn folds(totals: &Totals) -> Vec<Vec<(u64, u64)>> {
    let mut folds = vec![fold(totals.each(), DAY_MIN)];
    let shorter = PERIODS_MIN
        .into_iter()
        .rev()
        .filter(|every| *every < DAY_MIN);
    for every in shorter {
        let of = folds.iter().rev().find(|of| of.len() % every == 0);
        folds.extend(of.map(|of| fold(of.iter().copied(), every)));
    }
    folds
}

/// The sums of each minute of a period over all its cycles.
fn fold(mut minutes: impl Iterator<Item = (u64, u64)>, every: usize) -> Vec<(u64, u64)> {
    let mut folded = vec![(0, 0); every];
    loop {
        for sum in &mut folded {
            let Some((n, x)) = minutes.next() else {
                return folded;
            };
            *sum = (sum.0 + n, sum.1 + x);
        }
    }
}

/// The minutes of a period, from `begin` for `length`, that hold the most excess over all cycles.
fn densest_window(totals: &Totals, mut folded: Vec<(u64, u64)>) -> Option<(usize, usize)> {
    let (slots, every) = (totals.slots(), folded.len());
    // Begun half a period from the worst minute: the window doesn't lie across the end.
    let worst = (0..every).max_by_key(|minute| folded[*minute].1)?;
    let begin = (worst + every / 2) % every;
    folded.rotate_left(begin);
    let folded = Totals::new(folded);
    let (n, x) = totals.between(0, slots);
    let usual = USUAL_PART * (x as f64 + 0.5) / (n as f64 + 1.0);
    let (from, to) = trim::densest(&folded, 0, every, usual)?;
    let length = to - from;
    let fits = length <= LONGEST_MIN.min(every / LARGEST_PART);
    fits.then_some(((begin + from) % every, length))
}

/// Whether, and how surely, an endpoint's errors come back in a window of a period.
fn beat(context: &Context, every: usize, window: (usize, usize)) -> Option<Beat> {
    let totals = context.totals;
    let (begin, length) = window;
    let last = totals.slots().checked_sub(begin + length)?;
    let starts: Vec<usize> = (0..=last / every)
        .map(|cycle| cycle * every + begin)
        .collect();
    let cycles = Totals::new(starts.iter().map(|s| totals.between(*s, s + length)));
    let calm = calm(totals, &starts, every, length, &cycles);
    let m = calm.rate;
    let (from, to) = trim::densest(&cycles, 0, cycles.slots(), m)?;
    let (n, x) = cycles.between(from, to);
    let raised = x as f64 / (n as f64).max(1.0);
    let (mut times, mut due) = (0, 0);
    for (n, x) in (from..to).map(|cycle| cycles.between(cycle, cycle + 1)) {
        let shows = x as f64 > m * n as f64;
        times += usize::from(shows);
        // Where nobody asked it did not come: whoever comes at its time is a part of it.
        due += usize::from(shows || n == 0 || n as f64 * raised >= LEAST_EXPECTED);
    }
    if x < LEAST_ERRORS
        || times < LEAST_TIMES
        || (times as f64) < LEAST_SHARE * due as f64
        || !is_large(x, n, m)
        || filled(totals, &starts[from..to], length) < LEAST_FILLED
    {
        return None;
    }
    let excess = |(n, x): (u64, u64)| x as f64 - m * n as f64;
    let mut others: Vec<f64> = starts
        .iter()
        .flat_map(|s| (1..every / length).map(move |k| s + k * length))
        .map(|s| excess(totals.between(s, s + length)))
        .collect();
    others.sort_unstable_by(f64::total_cmp);
    let (mut by_law, mut by_rank, mut asked) = (0.0, 0.0, 0);
    for (n, x) in (0..cycles.slots()).map(|cycle| cycles.between(cycle, cycle + 1)) {
        if n == 0 {
            continue;
        }
        asked += 1;
        if x > 0 {
            by_law -= context.p_value(x, n, &calm, length).max(LEAST_P).ln();
        }
        let as_bad = others.len() - others.partition_point(|other| *other < excess((n, x)));
        by_rank -= ((as_bad + 1) as f64 / (others.len() + 1) as f64).ln();
    }
    Some(Beat {
        window,
        every,
        cycles: (from, to),
        calm,
        ln_p: stats::ln_fisher_tail(by_law, asked),
        ln_p_of_times: stats::ln_fisher_tail(by_rank, asked),
    })
}

/// From their first to their last error, how much of the windows the times fill, against what errors
/// do that lie anywhere in them. What has its own begin and end in each was not set by one timer.
fn filled(totals: &Totals, starts: &[usize], length: usize) -> f64 {
    let (mut seen, mut expected) = (0.0, 0.0);
    for &start in starts {
        let fails = |minute: &usize| totals.between(*minute, minute + 1).1 > 0;
        let mut minutes = start..start + length;
        let Some(first) = minutes.find(fails) else {
            continue;
        };
        let last = minutes.rfind(fails).unwrap_or(first);
        let x = totals.between(start, start + length).1 as f64;
        seen += (last - first + 1) as f64;
        expected += 1.0 + (length - 1) as f64 * (x - 1.0) / (x + 1.0);
    }
    seen / f64::max(expected, 1.0)
}

/// What is to be expected of the windows: the rate at other times, or that of the minutes around
/// them where it is higher, so that a slow swing of the day is no pattern.
fn calm(
    totals: &Totals,
    starts: &[usize],
    every: usize,
    length: usize,
    cycles: &Totals,
) -> Expected {
    let sides = AROUND_MIN.max(2 * length).min((every - length) / 2);
    let around = starts.iter().fold((0, 0), |sum: (u64, u64), &s| {
        let before = totals.between(s.saturating_sub(sides), s);
        let after = totals.between(s + length, s + length + sides);
        (sum.0 + before.0 + after.0, sum.1 + before.1 + after.1)
    });
    let (inside, all) = (
        cycles.between(0, cycles.slots()),
        totals.between(0, totals.slots()),
    );
    let outside = (all.0 - inside.0, all.1 - inside.1);
    let rate = |(n, x): (u64, u64)| (x as f64 + 0.5) / (n as f64 + 1.0);
    Expected {
        rate: rate(around)
            .max(rate(outside))
            .clamp(RATE_FLOOR, 1.0 - RATE_FLOOR),
        requests: outside.0,
        weight: 1.0,
        from: 0,
        to: totals.slots(),
    }
}

impl Beat {
    /// The minutes of its times in these cycles.
    fn windows(&self, cycles: (usize, usize)) -> impl Iterator<Item = (usize, usize)> + use<> {
        let ((begin, length), every) = (self.window, self.every);
        (cycles.0..cycles.1).map(move |cycle| {
            let from = cycle * every + begin;
            (from, from + length)
        })
    }

    /// Whether another pattern comes at the same time of the same period.
    fn meets(&self, other: &Beat) -> bool {
        let ahead = (other.window.0 + self.every - self.window.0) % self.every;
        self.every == other.every && (ahead < self.window.1 || self.every - ahead < other.window.1)
    }
}

impl Pattern {
    /// `None` where nobody follows.
    fn new(set: &SeriesSet, followers: Vec<(EndpointId, Beat)>) -> Option<Pattern> {
        let beat = followers.first()?.1;
        let from = followers.iter().map(|(_, beat)| beat.cycles.0).min()?;
        let to = followers.iter().map(|(_, beat)| beat.cycles.1).max()?;
        let first = from * beat.every + beat.window.0;
        Some(Pattern {
            recurrence: Recurrence {
                every_min: beat.every as i64,
                lasts_min: beat.window.1 as i64,
                first_min: set.start_min.saturating_add(first as i64),
                times: (to - from) as i64,
            },
            followers,
        })
    }

    fn follows(&self, id: EndpointId) -> bool {
        self.followers.iter().any(|(follower, _)| *follower == id)
    }

    /// Whether a candidate without a pattern of its own is a part of this one: it fails at one of the times
    /// and beyond it no more than usual, on a service of the followers, and is asked too seldom at the
    /// others to have told.
    fn takes_in(&self, set: &SeriesSet, candidate: &Candidate) -> bool {
        let (r, endpoint) = (self.recurrence, candidate.endpoint);
        let service = set.service_of(endpoint);
        let at_home = |id: EndpointId| set.service_of(id) == service;
        if r.lasts_min * SELDOM_PART > r.every_min
            || !self.followers.iter().any(|(id, _)| at_home(*id))
        {
            return false;
        }
        let counted = |minutes: Range<i64>| {
            let cells = set.cells_within(endpoint, minutes);
            cells.iter().fold((0, 0), |(n, x): (u64, u64), cell| {
                (n + u64::from(cell.requests), x + u64::from(cell.errors))
            })
        };
        let (its_time, held) = r.nearest(candidate.from_min, candidate.to_min);
        let sum = |a: (u64, u64), b: (u64, u64)| (a.0 + b.0, a.1 + b.1);
        let inside = counted(held.start.max(candidate.from_min)..held.end.min(candidate.to_min));
        let beyond = sum(
            counted(candidate.from_min..held.start.min(candidate.to_min)),
            counted(held.end.max(candidate.from_min)..candidate.to_min),
        );
        let others = (0..r.times).filter(|time| *time != its_time);
        let others = others.fold((0, 0), |total, time| {
            let from = r.first_min + time * r.every_min;
            sum(total, counted(from..from + r.lasts_min))
        });
        let usual = &candidate.baseline;
        let kappa = 1.0 / usual.rho - 1.0;
        let (fails, passes) = (usual.rate * kappa, (1.0 - usual.rate) * kappa);
        // By what this time says of its rate, under Jeffreys' prior.
        let failed = inside.1 as f64 + 0.5;
        let fine = (inside.0 - inside.1) as f64 + 0.5;
        inside.1 > 0
            && stats::ln_beta_binomial_tail(beyond.1, beyond.0, fails, passes) >= BY_CHANCE.ln()
            && stats::ln_beta_binomial_tail(others.0 - others.1, others.0, fine, failed)
                >= BY_CHANCE.ln()
    }

    /// Each time of each endpoint that has an error in it.
    pub(super) fn candidates<'a>(
        &'a self,
        set: &'a SeriesSet,
        scanned: &'a Scanned,
    ) -> impl Iterator<Item = Candidate> + 'a {
        self.followers.iter().flat_map(move |(id, beat)| {
            let totals = set.totals(*id);
            let of_window = move |(from, to)| Candidate {
                p_value: beat.ln_p.exp(),
                began_before_log: false,
                recurs: Some(self.recurrence),
                ..trim::candidate(&scanned.context(set, &totals, *id), from, to, beat.calm)
            };
            beat.windows(beat.cycles)
                .map(of_window)
                .filter(|c| c.errors > 0)
        })
    }
}

/// Gives the patterns what fails at their times on endpoints that are asked too seldom to show one.
pub(super) fn join(set: &SeriesSet, patterns: &[Pattern], found: &mut [Candidate]) {
    for candidate in found {
        let pattern = patterns.iter().find(|p| p.takes_in(set, candidate));
        candidate.recurs = pattern.map(|p| p.recurrence);
    }
}

/// The log without the times of its patterns, and a minute on either side of each.
pub(super) fn without(set: &SeriesSet, patterns: &[Pattern]) -> SeriesSet {
    let mut rest = set.clone();
    for (id, beat) in patterns.iter().flat_map(|p| &p.followers) {
        let times: Vec<(i64, i64)> = beat
            .windows(beat.cycles)
            .map(|(from, to)| (from as i64 - 1, to as i64 + 1))
            .collect();
        let in_time = |minute: i64| {
            let offset = minute.saturating_sub(set.start_min);
            let next = times.partition_point(|(_, to)| *to <= offset);
            times.get(next).is_some_and(|(from, _)| *from <= offset)
        };
        if let Some(cells) = rest.cells.get_mut(id.0 as usize) {
            cells.retain(|cell| !in_time(i64::from(cell.minute)));
        }
    }
    rest
}

#[cfg(test)]
mod tests;
