//! Series → candidates: spans in which an endpoint failed more than its past leads to expect, or was
//! slower (`latency`).
//!
//! The exact beta-binomial scan of docs/detection.md. Each endpoint's windows are tested against
//! its own past (`baseline`) and its own unrest (`dispersion`); what is significant beyond the
//! noise of the whole log (`windows`) is cut down to where the excess lies (`trim`); then the other
//! endpoints are asked whether they failed at the same time (`companions`). What shows only in
//! several endpoints together is found in their sums (`pooled`). `gaps` finds where the
//! log itself is missing. Finds, never judges: only `confirm` makes an incident of a candidate.
//! Formats nothing.

mod baseline;
mod companions;
mod dispersion;
mod gaps;
mod latency;
mod pooled;
mod recurring;
mod sums;
mod trim;
mod windows;

#[cfg(test)]
pub(crate) mod simulate;
#[cfg(test)]
mod tests;

pub use gaps::gaps;
pub use latency::Slowdown;
pub use recurring::Recurrence;
pub(crate) use trim::densest;

use rayon::prelude::*;

use crate::series::{EndpointId, MinuteCell, SeriesSet, Totals};
use crate::stats;
use baseline::{Expected, Parents, Past};
use dispersion::{Dispersion, RHO_MAX};
use pooled::Pools;
use windows::Flag;

/// A span of whole minutes in which one endpoint's errors exceed its baseline beyond chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Where.
    pub endpoint: EndpointId,
    /// First minute of the excess, trimmed to where it begins (minutes since the epoch).
    pub from_min: i64,
    /// First minute after the excess.
    pub to_min: i64,
    /// Requests in the span.
    pub requests: u64,
    /// Errors in the span.
    pub errors: u64,
    /// What was to be expected.
    pub baseline: Baseline,
    /// Smallest tail probability of the windows that flagged it.
    pub p_value: f64,
    /// Whether the rate was high and flat from the first line: it began before the log.
    pub began_before_log: bool,
    /// Of a pattern that comes back: when. The candidate is one of its times.
    pub recurs: Option<Recurrence>,
}

/// What makes a request a bad one: all that follows counts bad requests, of one sort at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Its status is an error.
    Errors,
    /// It succeeded and took longer than this. Errors count neither as slow nor as fast.
    Latency {
        /// In µs.
        slower_than_us: u64,
    },
}

impl Signal {
    /// Whether it is latency.
    pub fn is_latency(self) -> bool {
        matches!(self, Signal::Latency { .. })
    }

    /// Whether a request is bad; `None` where it doesn't count.
    pub fn judge(self, is_error: bool, latency_us: Option<u64>) -> Option<bool> {
        match self {
            Signal::Errors => Some(is_error),
            Signal::Latency { .. } if is_error => None,
            Signal::Latency { slower_than_us } => latency_us.map(|us| us > slower_than_us),
        }
    }
}

/// What an endpoint's past leads to expect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// What is counted: in a candidate for latency, `errors` and this rate are those of slow requests.
    pub signal: Signal,
    /// Expected error rate m.
    pub rate: f64,
    /// Over-dispersion ρ of the error counts at one-minute windows.
    pub rho: f64,
    /// Requests that the baseline rests on.
    pub requests: u64,
    /// First minute of it.
    pub from_min: i64,
    /// First minute after it.
    pub to_min: i64,
}

/// What the scan of a log found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// Spans of excess errors, by endpoint, then by time.
    pub candidates: Vec<Candidate>,
    /// Spans of slowness, by endpoint, then by time.
    pub slowdowns: Vec<Slowdown>,
    /// Endpoints that fail all the time, and did before anything that this log tells of.
    pub chronic: Vec<Chronic>,
}

/// An endpoint whose rate is high even in the quietest third of the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chronic {
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// Its error rate in the quietest third.
    pub rate: f64,
}

/// Lengths of the windows tested, in minutes.
const WINDOWS_MIN: [usize; 8] = [1, 2, 5, 10, 20, 60, 180, 360];
/// False alarms that a week of pure noise may cost, over all endpoints.
const FALSE_ALARMS_PER_WEEK: f64 = 0.1;
const MINUTES_PER_WEEK: usize = 10_080;
/// Fewer errors than this are never a candidate.
const MIN_ERRORS: u64 = 3;
/// Smallest rise of the error rate worth a candidate.
const MIN_RISE: f64 = 0.01;
/// A rate as high as this through the log is chronic.
const CHRONIC_RATE: f64 = 0.2;
/// Share of false endpoints among those that are named for failing in another's span.
const FALSE_DISCOVERY_RATE: f64 = 0.05;
/// Rounds of telling faults from noise; all logs tried settled within four.
const ROUNDS: usize = 8;

/// Scans every endpoint of a log for excess errors and for slowness.
pub fn candidates(set: &SeriesSet) -> Detection {
    let telling = latency::telling(set);
    let scanned = Scanned::new(set, telling.len());
    let counted = counted(set);
    let patterns = recurring::patterns(set, &counted, &scanned);
    let mut found = match patterns.is_empty() {
        true => scanned.candidates(set),
        // What comes back is no part of the past, nor of the noise, that all else is held against.
        false => {
            let rest = recurring::without(set, &patterns);
            Scanned::new(&rest, telling.len()).candidates(&rest)
        }
    };
    recurring::join(set, &patterns, &mut found);
    let back = patterns
        .iter()
        .flat_map(|pattern| pattern.candidates(set, &scanned));
    found.extend(back);
    found.sort_by_key(|c| (c.endpoint, c.from_min, c.to_min));
    Detection {
        candidates: found,
        slowdowns: latency::slowdowns(set, &telling, scanned.ln_alpha),
        chronic: chronic(set, &counted, &scanned.parents),
    }
}

/// What the scan of a log's endpoints says.
struct Scanned {
    parents: Parents,
    pools: Pools,
    noise: Dispersion,
    flagged: Vec<(EndpointId, Vec<Flag>)>,
    ln_alpha: f64,
}

impl Scanned {
    /// Of a log in which so many endpoints tell their latencies.
    fn new(set: &SeriesSet, telling: usize) -> Scanned {
        let (pools, parents) = Pools::new(set);
        let ln_alpha = ln_alpha(set, pools.len() + telling);
        let mut noise = Dispersion::new(set.cells.len());
        let flagged = flag(set, &parents, &mut noise, ln_alpha);
        Scanned {
            parents,
            pools,
            noise,
            flagged,
            ln_alpha,
        }
    }

    fn context<'a>(
        &'a self,
        set: &'a SeriesSet,
        totals: &'a Totals,
        endpoint: EndpointId,
    ) -> Context<'a> {
        Context {
            set,
            totals,
            noise: &self.noise,
            endpoint,
            ln_alpha: self.ln_alpha,
        }
    }

    /// The flags cut to where the excess lies, and the endpoints that failed with them.
    fn candidates(&self, set: &SeriesSet) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (endpoint, flags) in &self.flagged {
            let totals = set.totals(*endpoint);
            let context = self.context(set, &totals, *endpoint);
            found.extend(trim::candidates(&context, flags));
        }
        let of_endpoints = (set, &self.parents, &self.noise);
        self.pools
            .join(self.ln_alpha, of_endpoints, &self.flagged, &mut found);
        companions::join(set, &self.parents, &self.noise, &self.flagged, &mut found);
        found
    }
}

/// Requests and errors of each endpoint, gaps apart.
fn counted(set: &SeriesSet) -> Vec<(u64, u64)> {
    let of_endpoint = |id: usize| {
        let cells = set.seen(EndpointId(id as u32));
        cells.fold((0, 0), |(n, x), (_, cell)| {
            (n + u64::from(cell.requests), x + u64::from(cell.errors))
        })
    };
    let ids = 0..set.cells.len();
    ids.into_par_iter().map(of_endpoint).collect()
}

/// The endpoints whose rate is high through the log.
fn chronic(set: &SeriesSet, counted: &[(u64, u64)], parents: &Parents) -> Vec<Chronic> {
    // Only an endpoint that fails often at all can fail often in its quietest third.
    let often = |endpoint: &EndpointId| {
        let (requests, errors) = counted[endpoint.0 as usize];
        errors as f64 >= 0.5 * CHRONIC_RATE * requests as f64
    };
    let quiet_rate = |endpoint| Past::new(&set.totals(endpoint), parents, endpoint).quiet_rate();
    set.endpoints()
        .filter(often)
        .filter_map(|endpoint| {
            Some(Chronic {
                endpoint,
                rate: quiet_rate(endpoint)?,
            })
        })
        .filter(|chronic| chronic.rate >= CHRONIC_RATE)
        .collect()
}

/// One endpoint under test.
struct Context<'a> {
    set: &'a SeriesSet,
    totals: &'a Totals,
    noise: &'a Dispersion,
    endpoint: EndpointId,
    ln_alpha: f64,
}

/// Windows beyond chance, where "chance" is measured on what remains without them.
///
/// The first round takes nearly all over-dispersion for faults and flags too much; each further round
/// measures the noise outside of what is still flagged and hands back what that noise explains.
/// Going down from above keeps two faults from hiding each other (masking, as in Rosner's
/// generalized ESD, 1983).
fn flag(
    set: &SeriesSet,
    parents: &Parents,
    noise: &mut Dispersion,
    ln_alpha: f64,
) -> Vec<(EndpointId, Vec<Flag>)> {
    // What never fails neither has a fault nor tells of noise.
    let mut flagged: Vec<(EndpointId, Vec<Flag>)> = set
        .endpoints()
        .filter(|id| set.ever_failed(*id))
        .map(|id| (id, Vec::new()))
        .collect();
    for round in 0..ROUNDS {
        let known = &*noise;
        let scan = |(endpoint, before): &(EndpointId, Vec<Flag>)| {
            let totals = set.totals(*endpoint);
            let context = Context {
                set,
                totals: &totals,
                noise: known,
                endpoint: *endpoint,
                ln_alpha,
            };
            let flags = windows::scan(&context, &mut Past::new(&totals, parents, *endpoint));
            let changed = round == 0 || flags != *before;
            let unrest = changed.then(|| Dispersion::measure(&totals, &flags));
            (*endpoint, flags, unrest)
        };
        let scanned: Vec<_> = flagged.par_iter().map(scan).collect();
        if scanned.iter().all(|(_, _, unrest)| unrest.is_none()) {
            break;
        }
        flagged.clear();
        for (endpoint, flags, unrest) in scanned {
            if let Some(unrest) = unrest {
                noise.set(endpoint, unrest);
            }
            if !flags.is_empty() {
                flagged.push((endpoint, flags));
            }
        }
        noise.pool();
    }
    flagged
}

/// An endpoint's flags.
fn flags_of(flagged: &[(EndpointId, Vec<Flag>)], endpoint: EndpointId) -> &[Flag] {
    flagged
        .binary_search_by_key(&endpoint, |(id, _)| *id)
        .map_or(&[][..], |i| &flagged[i].1)
}

/// The offset of a minute from the log's first.
fn offset(set: &SeriesSet, minute: i64) -> usize {
    usize::try_from(minute.saturating_sub(set.start_min)).unwrap_or(0)
}

/// ln α: false alarms allowed, shared out among the series of both signals and their pools (those of errors, and
/// so many more), minutes of a week and window lengths. A shorter log has the same α.
fn ln_alpha(set: &SeriesSet, more: usize) -> f64 {
    let fails = |cells: &&Vec<MinuteCell>| {
        let mut errors = 0;
        cells.iter().any(|cell| {
            errors += u64::from(cell.errors);
            errors >= MIN_ERRORS
        })
    };
    let failing = set.cells.par_iter().filter(fails).count();
    let windows: f64 = WINDOWS_MIN.iter().map(|w| 1.0 / *w as f64).sum();
    let series = failing + more;
    let tests = series.max(1) as f64 * MINUTES_PER_WEEK as f64 * windows;
    (FALSE_ALARMS_PER_WEEK / tests).ln()
}

impl Context<'_> {
    /// The beta law (a, b) of the endpoint's error rate in a window of so many minutes.
    ///
    /// Its variance is that of rates between windows, and that of m itself: the past had only so
    /// many requests (the posterior of m weighs them and its parent's), and only so many hours.
    fn law(&self, expected: &Expected, minutes: usize) -> (f64, f64) {
        let m = expected.rate;
        let hours = (expected.to - expected.from) as f64 / 60.0;
        let rho = self.noise.rho(self.endpoint, minutes, m)
            + self.noise.rho(self.endpoint, 60, m) / hours.max(1.0)
            + 1.0 / (expected.requests as f64 + expected.weight);
        let kappa = 1.0 / rho.min(RHO_MAX) - 1.0;
        (m * kappa, (1.0 - m) * kappa)
    }

    /// Whether x errors are not beyond a rate that wanders log-normally, as real rates do, with the
    /// variance that the log shows. Asked of what is beyond the beta law, whose tail is lighter.
    fn may_wander(&self, x: u64, n: u64, expected: &Expected, minutes: usize) -> bool {
        let m = expected.rate;
        let hours = (expected.to - expected.from) as f64 / 60.0;
        let c2 = self.noise.shown(self.endpoint, minutes)
            + self.noise.shown(self.endpoint, 60) / hours.max(1.0);
        stats::wandering_binomial_tail_reaches(x, n, m, c2.ln_1p(), self.ln_alpha.exp())
    }

    /// P(X ≥ x) for n requests in a window of so many minutes.
    fn p_value(&self, x: u64, n: u64, expected: &Expected, minutes: usize) -> f64 {
        let (a, b) = self.law(expected, minutes);
        stats::ln_beta_binomial_tail(x, n, a, b).exp()
    }
}

/// A count as a float, in one step: that of an unsigned number takes several. None comes near 2⁶³.
fn real(count: u64) -> f64 {
    count as i64 as f64
}

/// The rise above m that an operator would care about: at least a point, at least the rate again
/// (or half of what room there is).
fn needed_rise(m: f64) -> f64 {
    MIN_RISE.max(m.min((1.0 - m) / 2.0))
}

/// Whether the rise is large, not only certain: the 5 % quantile of the rate clears it.
fn is_large(x: u64, n: u64, m: f64) -> bool {
    let (hits, misses) = (x as f64 + 0.5, n.saturating_sub(x) as f64 + 0.5);
    let (sum, line) = (hits + misses, m + needed_rise(m));
    // From three errors on the 5 % quantile lies 1.29 standard deviations or more below the mean:
    // most windows fall here, before the incomplete beta function is asked.
    let mean = hits / sum;
    let spread = mean - line;
    if spread <= 0.0 || spread * spread < 1.6 * mean * (1.0 - mean) / (sum + 1.0) {
        return false;
    }
    stats::beta_cdf(line, hits, misses) <= 0.05
}
