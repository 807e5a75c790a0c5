//! Candidates, looked at closely → incidents: persistence, users, onset, recovery, merging.
//!
//! Comes in: candidates, and 10 s cells with the failing requests around each (`trace`). Those that
//! one moment of onset suits are grouped (`merge`), the gates decide what a group is (`gates`), and
//! an incident gets its onset (`edge`) and its end (`recovery`). Only this room makes an incident.
//! What is shorter and smaller becomes a blip. Slowness (`slow`) goes the same way, with slow requests
//! in the place of failures. Knows no change and accuses none.

mod edge;
mod gates;
mod merge;
mod recovery;
mod recurring;
mod slow;
mod trace;

#[cfg(test)]
mod tests;

pub use slow::slow;

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::detect::{Baseline, Candidate, Recurrence};
use crate::series::{EndpointId, SeriesSet};
use crate::zoom::Cells;
use edge::{Side, Surface};
use gates::Ruling;
use trace::Trace;

/// What became of the candidates.
#[derive(Debug, Clone, Default)]
pub struct Confirmed {
    /// In order of their first failure.
    pub incidents: Vec<Incident>,
    /// In order of their first error.
    pub blips: Vec<Blip>,
}

/// Endpoints that began to fail, or to be slow, together.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The endpoints hit, with what was expected of each: all by errors, or all by latency.
    pub endpoints: Vec<(EndpointId, Baseline)>,
    /// Further endpoints that only became slow with those that fail.
    pub slow_too: Vec<EndpointId>,
    /// When it began: `None` where it began before the log.
    pub onset: Option<Estimate>,
    /// When it ended: `None` while it lasts.
    pub end: Option<Estimate>,
    /// What became of it.
    pub state: State,
    /// First failure that belongs to it, µs.
    pub first_failure_us: i64,
    /// Last failure that belongs to it, µs.
    pub last_failure_us: i64,
    /// Whether one client alone makes the excess (a retry storm): then no change is accused.
    pub single_client: bool,
    /// Where it comes back at the same time of each period: when. Onset and first failure are those of
    /// the first time, end and last failure of the last.
    pub recurs: Option<Recurrence>,
}

impl Incident {
    /// What went wrong.
    pub fn is_latency(&self) -> bool {
        let first = self.endpoints.first();
        first.is_some_and(|(_, baseline)| baseline.signal.is_latency())
    }
}

/// A point in time with its uncertainty: a discrete posterior.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The median, µs.
    pub median_us: i64,
    /// Lower bound of the 95 % interval, µs.
    pub low_us: i64,
    /// Upper bound of the 95 % interval, µs.
    pub high_us: i64,
    /// `(time in µs, probability)`, in order of time; the probabilities add up to 1.
    pub posterior: Vec<(i64, f64)>,
}

/// What became of an incident by the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It lasts.
    Ongoing,
    /// The rate is back, but not yet for 15 minutes.
    Improving,
    /// The rate is back and stayed.
    Recovered,
    /// The log has a gap where it would show.
    Unknown,
}

impl State {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            State::Ongoing => "ongoing",
            State::Improving => "improving",
            State::Recovered => "recovered",
            State::Unknown => "unknown",
        }
    }
}

/// A burst of errors too short and too small to be an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Blip {
    /// Where most of it was.
    pub endpoint: EndpointId,
    /// Its first error, µs.
    pub first_us: i64,
    /// Its last error, µs.
    pub last_us: i64,
    /// Its errors.
    pub errors: u64,
}

/// Onset and end are read from so many of an incident's endpoints, those with the most excess
/// errors: the others hardly move them.
const MOST_TELLING: usize = 16;

/// Makes incidents and blips of the candidates. `cells` cover each candidate, with what the log has
/// of the three hours before and the hour after; a candidate that none covers is passed over.
pub fn incidents(candidates: &[Candidate], cells: &[Cells], set: &SeriesSet) -> Confirmed {
    let traces: Vec<Trace> = candidates
        .iter()
        .filter_map(|c| trace(c, candidates, cells, set))
        .collect();
    let mut confirmed = Confirmed::default();
    let (back, traces): (Vec<Trace>, Vec<Trace>) = traces
        .into_iter()
        .partition(|t| t.candidate.recurs.is_some());
    let mut times: BTreeMap<Recurrence, Vec<&Trace>> = BTreeMap::new();
    for trace in &back {
        let pattern = trace.candidate.recurs.map(|r| times.entry(r).or_default());
        pattern.into_iter().for_each(|traces| traces.push(trace));
    }
    for (recurrence, traces) in times {
        let found = recurring::of_times(recurrence, &traces, set);
        confirmed.incidents.extend(found);
    }
    let is_slow = |t: &&Trace| t.candidate.baseline.signal.is_latency();
    let mut slow: Vec<Incident> = Vec::new();
    for group in merge::groups(&traces, set) {
        let members = group.iter().map(|i| &traces[*i]);
        let (slow_ones, failing): (Vec<&Trace>, Vec<&Trace>) = members.partition(is_slow);
        if !failing.is_empty() {
            match gates::rule(&failing, &gates::excess_failures(&failing)) {
                Ruling::Blip => confirmed.blips.extend(blip(&failing)),
                ruling => {
                    let mut found = incident(&failing, ruling == Ruling::SingleClient, set);
                    found.slow_too = besides(&found, &slow_ones);
                    confirmed.incidents.push(found);
                    continue;
                }
            }
        }
        if slow_ones.is_empty() {
            continue;
        }
        // Slowness that is short and small is none: a blip is one of errors.
        let ruling = gates::rule(&slow_ones, &gates::excess_failures(&slow_ones));
        if ruling != Ruling::Blip {
            slow.push(incident(&slow_ones, ruling == Ruling::SingleClient, set));
        }
    }
    // Who fails is mostly slow, too, and not from the same moment on: that is no second incident.
    slow.retain(|slow| {
        !confirmed
            .incidents
            .iter()
            .any(|failing| includes(failing, slow))
    });
    confirmed.incidents.extend(slow);
    confirmed
        .incidents
        .sort_by_key(|i| (i.first_failure_us, i.endpoints.first().map(|e| e.0)));
    confirmed.blips.sort_by_key(|b| (b.first_us, b.endpoint));
    confirmed
}

/// Endpoints of the slow traces that are not among the incident's, sorted.
fn besides(incident: &Incident, slow: &[&Trace]) -> Vec<EndpointId> {
    let hit = |endpoint: &EndpointId| incident.endpoints.iter().any(|(e, _)| e == endpoint);
    let slow = slow.iter().map(|t| t.candidate.endpoint);
    let mut besides: Vec<EndpointId> = slow.filter(|endpoint| !hit(endpoint)).collect();
    besides.sort();
    besides.dedup();
    besides
}

/// Whether an incident of slowness lies within one of errors: its endpoints are among those that
/// fail, and it overlaps in time.
fn includes(failing: &Incident, slow: &Incident) -> bool {
    let overlap = slow.first_failure_us <= failing.last_failure_us
        && failing.first_failure_us <= slow.last_failure_us;
    let known = |endpoint: &EndpointId| {
        failing.slow_too.contains(endpoint) || failing.endpoints.iter().any(|(e, _)| e == endpoint)
    };
    overlap && slow.endpoints.iter().all(|(endpoint, _)| known(endpoint))
}

/// The candidate between its neighbours on the same endpoint.
fn trace<'a>(
    candidate: &'a Candidate,
    all: &[Candidate],
    cells: &'a [Cells],
    set: &SeriesSet,
) -> Option<Trace<'a>> {
    let kind = |c: &Candidate| (c.endpoint, c.baseline.signal.is_latency());
    let others = || all.iter().filter(|c| kind(c) == kind(candidate));
    let before = others()
        .map(|c| c.to_min)
        .filter(|to| *to <= candidate.from_min)
        .max();
    let after = others()
        .map(|c| c.from_min)
        .filter(|from| *from >= candidate.to_min)
        .min();
    Trace::new(candidate, cells, set, before, after)
}

fn incident(traces: &[&Trace], single_client: bool, set: &SeriesSet) -> Incident {
    let onset = onset(traces);
    let (end, state) = recovery::end(traces, set);
    let excess_from = traces.iter().map(|t| t.excess.from_us).min().unwrap_or(0);
    let excess_to = traces.iter().map(|t| t.excess.to_us).max().unwrap_or(0);
    let log_end = trace::minute_us(set.start_min.saturating_add(set.minutes as i64));
    let from = onset.as_ref().map_or(i64::MIN, |o| o.low_us);
    let to = match state {
        State::Ongoing => log_end,
        _ => end.as_ref().map_or(excess_to, |e| e.high_us),
    };
    let within = || {
        traces
            .iter()
            .flat_map(|t| t.failures_in(from, to))
            .map(|f| f.time_us)
    };
    Incident {
        endpoints: endpoints(traces),
        slow_too: Vec::new(),
        first_failure_us: within().min().unwrap_or(excess_from),
        last_failure_us: within().max().unwrap_or(excess_to),
        onset,
        end,
        state,
        single_client,
        recurs: None,
    }
}

/// The endpoints hit, sorted, each with what was expected of it first.
fn endpoints(traces: &[&Trace]) -> Vec<(EndpointId, Baseline)> {
    let mut endpoints: Vec<(EndpointId, Baseline)> = traces
        .iter()
        .map(|t| (t.candidate.endpoint, t.candidate.baseline))
        .collect();
    endpoints.sort_by_key(|(endpoint, baseline)| (*endpoint, baseline.to_min));
    endpoints.dedup_by_key(|(endpoint, _)| *endpoint);
    endpoints
}

/// When it began; `None` where that was before the log.
fn onset(traces: &[&Trace]) -> Option<Estimate> {
    let first = traces.iter().map(|t| t.candidate.from_min).min()?;
    if traces
        .iter()
        .any(|t| t.candidate.began_before_log && t.candidate.from_min == first)
    {
        return None;
    }
    // Of an endpoint that flared up again the first time counts.
    let mut strongest: Vec<&Trace> = traces.to_vec();
    strongest.sort_by_key(|t| (t.candidate.endpoint, t.candidate.from_min));
    strongest.dedup_by_key(|t| t.candidate.endpoint);
    strongest.sort_by(|a, b| b.excess_errors().total_cmp(&a.excess_errors()));
    let sides: Vec<Side> = strongest
        .iter()
        .take(MOST_TELLING)
        .map(|t| t.onset_side())
        .collect();
    let surfaces: Vec<Surface> = sides.par_iter().map(Surface::new).collect();
    Some(edge::estimate(&surfaces)?.of_times_cut_to(trace::resolution_us(traces)))
}

/// A blip, told of the endpoint that had most of it.
fn blip(traces: &[&Trace]) -> Option<Blip> {
    let most = traces
        .iter()
        .max_by(|a, b| a.excess_errors().total_cmp(&b.excess_errors()))?;
    let failures = gates::excess_failures(traces);
    Some(Blip {
        endpoint: most.candidate.endpoint,
        first_us: failures.first()?.time_us,
        last_us: failures.last()?.time_us,
        errors: failures.len() as u64,
    })
}
