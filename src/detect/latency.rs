//! Series → slowdowns: spans in which an endpoint's successful requests took longer than its past
//! leads to expect.
//!
//! Tested is the mean of the latencies' logarithm, in eighths of an octave, over the windows of the
//! scan for errors, with its false alarms shared out between both. Each endpoint is held against its
//! own past only, so a change of the traffic's mix between endpoints, and of its amount, moves nothing.
//! How much a mean varies without any fault is measured on the endpoint's own log: between requests
//! (σ²), and between windows of each length and their past (τ²). Knows no latency of an error, and no
//! quantile: whether a slowdown matters, and to whom, is seen in the second look.

mod sieve;

use rayon::prelude::*;

use super::baseline::calm;
use super::trim::{largest_sum, pieces};
use super::windows::{Flag, LAG_MIN, calm_blocks, unite};
use super::{MINUTES_PER_WEEK, ROUNDS, WINDOWS_MIN, real};
use crate::series::{EndpointId, LatencySeries, SeriesSet, Totals};
use crate::stats;

/// A span of whole minutes in which one endpoint was slower than its past, beyond chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Slowdown {
    /// Where.
    pub endpoint: EndpointId,
    /// First minute of it (minutes since the epoch).
    pub from_min: i64,
    /// First minute after it.
    pub to_min: i64,
    /// First minute of the past that it is held against.
    pub past_from_min: i64,
    /// First minute after that past.
    pub past_to_min: i64,
    /// By how much the mean logarithm rose, in octaves.
    pub octaves: f64,
    /// Smallest tail probability of the windows that flagged it.
    pub p_value: f64,
    /// Whether it was slow and flat from the first line: it began before the log.
    pub began_before_log: bool,
}

const LENGTHS: usize = WINDOWS_MIN.len();
/// So many of the window lengths for endpoints with an answer per minute or more: the mean of an
/// hour of those tells as much as it ever will.
const LENGTHS_WHEN_BUSY: usize = 6;
/// Parts of an octave in which the series count.
const PER_OCTAVE: f64 = 8.0;
/// Smallest rise of the mean worth a second look: a quarter of an octave, 19 %. One request in eight
/// that takes four times as long raises the mean so far.
const MIN_RISE: f64 = 0.25 * PER_OCTAVE;
/// Fewer successful requests than this are never a slowdown.
const MIN_TOLD: u64 = 20;
/// A past with less than this says too little.
const LEAST_TOLD: u64 = 50;
const LEAST_MIN: usize = 30;
/// The past reaches back this many minutes, or six windows.
const PAST_MIN: usize = 180;
/// Steps by which the middle third of a log is sought.
const STEP_MIN: usize = 10;
/// Minutes that the season covers on either side of the window, and its steps.
const SEASON_SIDE_MIN: usize = 60;
const SEASON_STEP_MIN: usize = 30;
/// Variance between requests of a log that says nothing: an octave.
const PRIOR_SIGMA2: f64 = PER_OCTAVE * PER_OCTAVE;
/// Variance between windows and their past of a log that says nothing: an eighth of an octave, 9 %.
const PRIOR_TAU2: f64 = 1.0;
/// The same until anything is measured, 3 %: so little that no slowdown passes for noise.
const PRESUMED_TAU2: f64 = 0.1;
/// Endpoints, spread over all, whose windows tell how much windows vary in general.
const POOLED: usize = 64;
/// Telling blocks that the pool weighs against an endpoint's own, and the prior against the pool.
const POOL_WEIGHT: f64 = 20.0;
/// Blocks that tell less than this are passed over: there are many, and together they tell little.
const LEAST_TELLING: f64 = 0.01;
/// Degrees of freedom of Student's law of a mean: those of so many telling blocks. Its tail is heavier
/// than the normal one: 6.5 instead of 5.1 standard deviations at 2e-7.
const FREEDOM: f64 = 30.0;
/// Candidates that begin later than this into the log began within it.
const AT_ONCE_MIN: usize = 10;
/// A log that begins slow and becomes fast may tell of a fault's end or of an improvement: what is slow in more
/// than this part of it is taken for how it was.
const EXCEPTION_PART: usize = 4;

/// An endpoint's usual mean and what it rests on (offsets from the log's first minute).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usual {
    mean: f64,
    told: u64,
    from: usize,
    to: usize,
}

type SlowFlag = Flag<Usual>;

/// The endpoints whose latencies can be tested.
pub(super) fn telling(set: &SeriesSet) -> Vec<EndpointId> {
    let tells = |cells: &LatencySeries| {
        let mut told = 0;
        cells.iter().any(|cell| {
            told += u64::from(cell.latency.told);
            told >= MIN_TOLD + LEAST_TOLD
        })
    };
    let tell: Vec<bool> = set.latencies.par_iter().map(tells).collect();
    set.endpoints()
        .zip(tell)
        .filter(|(_, tells)| *tells)
        .map(|(id, _)| id)
        .collect()
}

/// Scans the endpoints that tell their latencies for slowdowns, by endpoint, then by time.
///
/// As with errors: the first round presumes little noise and flags too much; then noise is measured
/// outside of what is flagged, and what is flagged tested again, until nothing changes.
pub(super) fn slowdowns(set: &SeriesSet, endpoints: &[EndpointId], ln_alpha: f64) -> Vec<Slowdown> {
    // Added up where they are needed: of all endpoints at once they would fill the caches.
    let totals_of = |i: usize| set.latency_totals(endpoints[i]);
    let mut flags: Vec<Vec<SlowFlag>> = vec![Vec::new(); endpoints.len()];
    let mut open: Vec<bool> = vec![true; endpoints.len()];
    let mut own: Vec<Noise> = (0..endpoints.len())
        .into_par_iter()
        .map(|i| Noise::of_requests(set.told(endpoints[i])))
        .collect();
    // How much windows vary is asked where something was flagged, and of some for what all have in
    // common: to measure it takes as long as to scan.
    let step = endpoints.len().div_ceil(POOLED).max(1);
    for round in 0..ROUNDS {
        let pooled = Noise::pool(&own);
        let scan = |i: usize| {
            let mut noise = own[i].leaning_on(&pooled);
            if round == 0 {
                noise.tau2 = [PRESUMED_TAU2; LENGTHS];
            }
            let context = Context {
                totals: &totals_of(i),
                noise,
                ln_alpha,
            };
            context.scan()
        };
        let tested: Vec<Option<Vec<SlowFlag>>> = (0..endpoints.len())
            .into_par_iter()
            .map(|i| open[i].then(|| scan(i)))
            .collect();
        let mut changed = vec![false; endpoints.len()];
        for (i, found) in tested.into_iter().enumerate() {
            let Some(found) = found else { continue };
            changed[i] = flags[i] != found;
            open[i] = !found.is_empty();
            flags[i] = found;
        }
        if !changed.contains(&true) {
            break;
        }
        own = (0..endpoints.len())
            .into_par_iter()
            .map(|i| match changed[i] || round == 0 && i % step == 0 {
                true => Noise::measure(&totals_of(i), &flags[i]),
                false => own[i],
            })
            .collect();
    }
    let pooled = Noise::pool(&own);
    let mut found = Vec::new();
    for (i, endpoint) in endpoints.iter().enumerate() {
        if flags[i].is_empty() {
            continue;
        }
        let totals = &totals_of(i);
        let context = Context {
            totals,
            noise: own[i].leaning_on(&pooled),
            ln_alpha,
        };
        for flag in flags[i].iter().filter(|flag| flag.news) {
            found.extend(context.trimmed(flag).filter_map(|(from, to)| {
                let minute = |offset: usize| set.start_min.saturating_add(offset as i64);
                let (told_before, _) = totals.between(0, from);
                let began_before_log = from < AT_ONCE_MIN && told_before < MIN_TOLD;
                if began_before_log && EXCEPTION_PART * to > totals.slots() {
                    return None;
                }
                let rise =
                    mean(totals, from, to).unwrap_or(flag.expected.mean) - flag.expected.mean;
                Some(Slowdown {
                    endpoint: *endpoint,
                    from_min: minute(from),
                    to_min: minute(to),
                    past_from_min: minute(flag.expected.from),
                    past_to_min: minute(flag.expected.to),
                    octaves: rise / PER_OCTAVE,
                    p_value: flag.ln_p.exp(),
                    began_before_log,
                })
            }));
        }
    }
    found
}

/// Mean of the latencies told in a span, in eighths of an octave.
fn mean(totals: &Totals, from: usize, to: usize) -> Option<f64> {
    let (told, sum) = totals.between(from, to);
    (told > 0).then(|| real(sum) / real(told))
}

/// What one endpoint's means vary by without a fault.
#[derive(Debug, Clone, Copy, Default)]
struct Noise {
    /// Variance between requests, and the pairs of minutes that told it.
    sigma2: f64,
    pairs: f64,
    /// Variance of windows of each length around what their past led to expect, beyond that of their
    /// requests; and the blocks that told it, each counted by what it can tell.
    tau2: [f64; LENGTHS],
    blocks: [f64; LENGTHS],
}

/// The mean of squares that have weights.
fn mean_square(squares: &[(f64, f64)]) -> f64 {
    let weight: f64 = squares.iter().map(|(_, w)| w).sum();
    let sum: f64 = squares.iter().map(|(square, w)| square * w).sum();
    if weight > 0.0 { sum / weight } else { 0.0 }
}

impl Noise {
    /// What an endpoint's requests vary by, by its minutes that told something: (offset, requests, sum).
    fn of_requests(minutes: impl Iterator<Item = (usize, u64, u64)>) -> Noise {
        // Of neighbouring minutes with equal requests each, half the squared difference of the means
        // is σ² over their number: drift hardly shows.
        let (mut sum, mut pairs) = (0.0, 0.0);
        let mut last: Option<(usize, u64, f64)> = None;
        minutes.for_each(|(minute, n, octaves)| {
            let here = real(octaves) / real(n);
            if let Some((_, m, before)) = last.filter(|(end, ..)| minute - end < LAG_MIN) {
                let scale = 1.0 / real(n) + 1.0 / real(m);
                sum += (here - before).powi(2) / scale;
                pairs += 1.0;
                last = None;
            } else {
                last = Some((minute + 1, n, here));
            }
        });
        Noise {
            sigma2: if pairs > 0.0 { sum / pairs } else { 0.0 },
            pairs,
            ..Noise::default()
        }
    }

    /// The same outside of its flags, and what its windows vary by beyond that.
    fn measure(totals: &Totals, flags: &[SlowFlag]) -> Noise {
        let mut noise = Noise::of_requests(
            calm_blocks(totals, 1, flags)
                .filter(|(_, (told, _))| *told > 0)
                .map(|((minute, _), (told, sum))| (minute, told, sum)),
        );
        let sigma2 = lean(noise.sigma2, noise.pairs, PRIOR_SIGMA2);
        let past = Past::new(totals);
        let least_told = (sigma2 / PRIOR_TAU2 / (LEAST_TELLING.powf(-0.5) - 1.0)).max(1.0);
        for (length, minutes) in WINDOWS_MIN.into_iter().enumerate() {
            let mut squares = Vec::new();
            let mut due_to_requests = 0.0;
            for ((from, to), (told, sum)) in calm_blocks(totals, minutes, flags) {
                if (told as f64) < least_told {
                    continue;
                }
                let by_requests = sigma2 / told as f64;
                let tells = (PRIOR_TAU2 / (PRIOR_TAU2 + by_requests)).powi(2);
                let Some(usual) = past.trailing(from, to, flags) else {
                    continue;
                };
                let deviation = sum as f64 / told as f64 - usual.mean;
                squares.push((deviation * deviation, tells));
                due_to_requests += tells * (by_requests + sigma2 / usual.told as f64);
            }
            let telling: f64 = squares.iter().map(|(_, tells)| tells).sum();
            noise.blocks[length] = telling;
            if telling > 0.0 {
                let beyond = mean_square(&squares) - due_to_requests / telling;
                noise.tau2[length] = beyond.max(0.0);
            }
        }
        noise
    }

    /// What all endpoints have in common, leaning on the prior.
    fn pool(all: &[Noise]) -> Noise {
        let pooled = |pick: &dyn Fn(&Noise) -> (f64, f64), prior: f64| {
            let (sum, weight) = all
                .iter()
                .map(pick)
                .fold((0.0, 0.0), |(sum, weight), (v, w)| {
                    (sum + v * w, weight + w)
                });
            (POOL_WEIGHT * prior + sum) / (POOL_WEIGHT + weight)
        };
        // The mean of a longer window varies no more than that of a shorter one: what was found at one
        // length, and a standard error, bounds the prior of the next.
        let mut prior = PRIOR_TAU2;
        let tau2 = std::array::from_fn(|i| {
            let tau2 = pooled(&|n| (n.tau2[i], n.blocks[i]), prior);
            let blocks: f64 = all.iter().map(|n| n.blocks[i]).sum();
            prior = prior.min(tau2 + PRIOR_TAU2 * (2.0 / (POOL_WEIGHT + blocks)).sqrt());
            tau2
        });
        Noise {
            sigma2: pooled(&|n| (n.sigma2, n.pairs), PRIOR_SIGMA2),
            tau2,
            ..Noise::default()
        }
    }

    fn leaning_on(&self, pooled: &Noise) -> Noise {
        Noise {
            sigma2: lean(self.sigma2, self.pairs, pooled.sigma2),
            tau2: std::array::from_fn(|i| lean(self.tau2[i], self.blocks[i], pooled.tau2[i])),
            ..*self
        }
    }

    /// Variance of a window's mean around what is expected of it.
    fn variance(&self, told: u64, usual: &Usual, minutes: usize) -> f64 {
        let length = WINDOWS_MIN.iter().rposition(|w| *w <= minutes).unwrap_or(0);
        self.sigma2 / told as f64 + self.sigma2 / usual.told as f64 + self.tau2[length]
    }
}

fn lean(own: f64, weight: f64, on: f64) -> f64 {
    (POOL_WEIGHT * on + weight * own) / (POOL_WEIGHT + weight)
}

/// One endpoint's past.
struct Past<'a> {
    totals: &'a Totals,
    /// The middle one of the log's thirds by their means: latency follows the time of day, so that
    /// the quietest one would be too much to ask.
    middle: Option<Usual>,
}

impl<'a> Past<'a> {
    fn new(totals: &'a Totals) -> Past<'a> {
        let minutes = totals.slots();
        let length = (minutes / 3).max(1);
        let last = minutes.saturating_sub(length);
        let mut thirds: Vec<Usual> = (0..last)
            .step_by(STEP_MIN)
            .chain([last])
            .filter_map(|from| {
                Past::usual(totals.between(from, from + length), from, from + length)
            })
            .collect();
        let half = thirds.len() / 2;
        let middle = (!thirds.is_empty()).then(|| {
            let by_mean =
                |a: &Usual, b: &Usual| a.mean.total_cmp(&b.mean).then(a.from.cmp(&b.from));
            *thirds.select_nth_unstable_by(half, by_mean).1
        });
        Past { totals, middle }
    }

    fn usual((told, sum): (u64, u64), from: usize, to: usize) -> Option<Usual> {
        (told >= LEAST_TOLD).then(|| Usual {
            mean: real(sum) / real(told),
            told,
            from,
            to,
        })
    }

    /// The hours before a window, less ten minutes and what is flagged.
    fn trailing(&self, from: usize, to: usize, flags: &[SlowFlag]) -> Option<Usual> {
        let until = from.saturating_sub(LAG_MIN);
        let since = from.saturating_sub(PAST_MIN.max(6 * to.saturating_sub(from)));
        if until.saturating_sub(since) < LEAST_MIN {
            return None;
        }
        let counts = match flags {
            [] => self.totals.between(since, until),
            flags => calm(self.totals, since, until, flags),
        };
        Past::usual(counts, since, until)
    }

    /// What to expect of a window. `None` where the log has nothing to compare it with.
    fn expected(&self, from: usize, to: usize, flags: &[SlowFlag]) -> Option<Usual> {
        self.trailing(from, to, flags).or(self.middle)
    }

    /// The slowest of the same windows an hour or less away in each earlier week: the median over these
    /// weeks. `None` before the third week.
    fn seasonal(&self, from: usize, to: usize) -> Option<f64> {
        let of_week = |week: usize| {
            let back = week * MINUTES_PER_WEEK;
            let aside = (0..=2 * SEASON_SIDE_MIN).step_by(SEASON_STEP_MIN);
            let means = aside.filter_map(|aside| {
                let shifted =
                    |minute: usize| (minute + aside).saturating_sub(SEASON_SIDE_MIN + back);
                mean(self.totals, shifted(from), shifted(to).min(from))
            });
            means.max_by(f64::total_cmp)
        };
        let mut means: Vec<f64> = (1..=from / MINUTES_PER_WEEK).filter_map(of_week).collect();
        if means.len() < 2 {
            return None;
        }
        means.sort_by(f64::total_cmp);
        Some(means[(means.len() - 1) / 2])
    }
}

/// One endpoint under test.
struct Context<'a> {
    totals: &'a Totals,
    noise: Noise,
    ln_alpha: f64,
}

impl Context<'_> {
    fn scan(&self) -> Vec<SlowFlag> {
        let totals = self.totals;
        let past = Past::new(totals);
        let (told, _) = totals.between(0, totals.slots());
        let is_busy = told >= totals.slots() as u64;
        let lengths = sieve::lengths(is_busy);
        let worth = sieve::worth_a_test(totals, is_busy);
        let mut flags: Vec<SlowFlag> = Vec::new();
        // The last minute whose past may hold some of a flag.
        let mut near = 0;
        for (last, is_worth_a_test) in worth.into_iter().enumerate() {
            if !is_worth_a_test && last >= near {
                continue;
            }
            let to = last + 1;
            // A window that ends with a minute that isn't slow holds as much without it.
            let Some(here) = mean(totals, last, to) else {
                continue;
            };
            let open = flags.last().filter(|f| last < f.to + LAG_MIN);
            let usual = match open {
                Some(flag) => Some(flag.expected),
                None => past.expected(last, to, &flags),
            };
            if usual.is_none_or(|usual| here <= usual.mean) {
                continue;
            }
            let longest_first = lengths.iter().rev().filter(|w| **w <= to);
            // What tells too little tells no more where it is shorter.
            let mut telling = longest_first.map_while(|w| {
                let from = to - w;
                let (told, _) = totals.between(from, to);
                (told >= MIN_TOLD).then_some(from)
            });
            let mut habit = None;
            let news = telling.find_map(|from| {
                let flag = self.test(&past, from, to, &flags)?;
                habit = habit.or(Some(flag));
                flag.news.then_some(flag)
            });
            if let Some(flag) = news.or(habit) {
                unite(&mut flags, flag);
                near = to + sieve::reach(is_busy);
            }
        }
        flags
    }

    /// Flags the window if it is slower beyond chance. What earlier weeks had as well is no news.
    fn test(&self, past: &Past, from: usize, to: usize, flags: &[SlowFlag]) -> Option<SlowFlag> {
        let open = flags.last().filter(|f| from < f.to + LAG_MIN);
        let expected = match open {
            Some(flag) => flag.expected,
            None => past.expected(from, to, flags)?,
        };
        let ln_p = self.exceeds(from, to, &expected)?;
        let flag = Flag {
            from,
            to,
            ln_p,
            expected,
            news: true,
        };
        let Some(habit) = past.seasonal(from, to).filter(|m| *m > expected.mean) else {
            return Some(flag);
        };
        let expected = Usual {
            mean: habit,
            ..expected
        };
        Some(match self.exceeds(from, to, &expected) {
            Some(ln_p) => Flag {
                ln_p,
                expected,
                ..flag
            },
            None => Flag {
                news: false,
                ..flag
            },
        })
    }

    /// ln p of a window's mean, if that is beyond chance and its rise surely large enough.
    fn exceeds(&self, from: usize, to: usize, usual: &Usual) -> Option<f64> {
        let (told, sum) = self.totals.between(from, to);
        if told < MIN_TOLD {
            return None;
        }
        let rise = sum as f64 / told as f64 - usual.mean;
        // Most windows fall here, before any root is drawn.
        if rise < MIN_RISE {
            return None;
        }
        let least = rise - 1.645 * (self.noise.sigma2 / told as f64).sqrt();
        if least < MIN_RISE {
            return None;
        }
        let t = rise / self.noise.variance(told, usual, to - from).sqrt();
        let ln_p = stats::ln_student_t_tail(t, FREEDOM);
        (ln_p < self.ln_alpha).then_some(ln_p)
    }

    /// The parts of a flag in which the slowdown lies.
    fn trimmed<'a>(&'a self, flag: &'a SlowFlag) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let usual = flag.expected;
        let slowest = |from: usize, to: usize| slowest(self.totals, from, to, usual.mean);
        let holds = |from: usize, to: usize, is_first: bool| {
            is_first || self.exceeds(from, to, &usual).is_some()
        };
        pieces((flag.from, flag.to), slowest, holds).into_iter()
    }
}

/// The segment of `from..to` that speaks loudest for a raised mean; `None` without a rise.
fn slowest(totals: &Totals, from: usize, to: usize, usual: f64) -> Option<(usize, usize)> {
    let mut segment = (from, to);
    for _ in 0..ROUNDS {
        let raised = mean(totals, segment.0, segment.1)?;
        if raised <= usual {
            return None;
        }
        // ln L(raised) − ln L(usual) of normal logarithms, up to a factor.
        let halfway = (raised + usual) / 2.0;
        let next = largest_sum(from, to, |minute| {
            let (told, sum) = totals.between(minute, minute + 1);
            sum as f64 - told as f64 * halfway
        })?;
        if next == segment {
            break;
        }
        segment = next;
    }
    Some(segment)
}

#[cfg(test)]
mod tests;
