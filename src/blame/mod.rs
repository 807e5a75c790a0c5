//! Blame: which change caused an incident, if any did?
//!
//! Comes in: an [`Incident`], all [`Change`]s, and a [`Context`] of counts around the incident.
//! Goes out: a [`Verdict`] with a probability for each change that could be the cause, one for
//! "none of them", and the reasons in nats and in words. Each kind of evidence has its file and
//! is a function to a [`Contribution`]; `posterior` turns their sums into probabilities; every
//! number is in `constants`. Reads no log and renders nothing: names in the sentences are as the
//! logs and markers have them, and whoever prints them makes them harmless.

mod aftermath;
mod common;
mod constants;
mod contrast;
mod dependency;
mod disposition;
mod footprint;
mod host;
mod lag;
mod leads;
mod load;
mod novelty;
mod phrase;
mod posterior;
mod power;
mod prior;
mod relay;
mod release;
mod rollback;
mod scope;
mod silence;
mod status;
mod unmarked;
mod verdict;

#[cfg(test)]
mod tests;

pub use common::Condition;
pub use load::Load;
pub use novelty::Message;
pub use power::{could_show, smallest_visible_excess};
pub use relay::{Pace, Relays};
pub use silence::Traffic;
pub use unmarked::{clock_shift, unmarked};
pub use verdict::{
    Contribution, Disposition, DispositionStatus, EvidenceKind, NotAssessed, RuledOut, Suspect,
    Verdict, VerdictKind,
};

use std::sync::Arc;

use crate::changes::{Change, releases};
use crate::confirm::{Estimate, Incident};
use crate::stats::log_sum_exp;
use crate::zoom::{Tally, Words};
use constants::{
    CONTRADICTED_CAP, EQUAL_FROM, EVIDENCE_COUNTS, HARDLY_ANY_EFFECT_CAP, LITTLE_EFFECT_CAP,
    SHARE_DEPENDENCY, SHARE_LOAD, SHARE_UNKNOWN, SKEW_S, TIMING_CAP, VETO_PROBABILITY, VETO_SIGMAS,
};
use footprint::Footprint;
use prior::Prior;
use rollback::Undoes;

/// What the log counted around an incident.
#[derive(Debug, Clone)]
pub struct Context {
    /// First request of the log, µs.
    pub log_from_us: i64,
    /// Last request of the log, µs.
    pub log_to_us: i64,
    /// Offset of the logs' local time from UTC at the incident, in seconds: where midnight is.
    pub zone_offset_s: i64,
    /// Every endpoint of the log, counted from the incident's onset to its end.
    pub endpoints: Vec<EndpointFact>,
    /// Failures of the incident by status.
    pub error_statuses: Vec<(u16, u64)>,
    /// The minutes of the incident's endpoints, from before its onset to after its end, in order.
    pub minutes: Vec<Minute>,
    /// Over-dispersion ρ of error counts.
    pub dispersion: f64,
    /// Requests against their expectation; `None` where there is no expectation.
    pub load: Option<Load>,
    /// Median latency of the incident's failures, µs; `None` where the log has none.
    pub failing_latency_us: Option<f64>,
    /// Median latency of the successes of the same endpoints, µs; `None` where the log has none.
    pub success_latency_us: Option<f64>,
    /// Set where the incident is one of slowness: then all its "errors" and "failures" are slow
    /// requests among the successful ones.
    pub slow: Option<Slowness>,
    /// The requests of the incident's endpoints by their labels.
    pub labels: Tally,
    /// What applications wrote about their errors.
    pub words: Arc<Words>,
    /// Which of the services hit pass on what fails in others.
    pub relays: Relays,
}

/// How slow the incident's endpoints are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowness {
    /// 95 % quantile of their latencies, µs.
    pub p95_us: Option<u64>,
    /// The same before, µs.
    pub usual_p95_us: Option<u64>,
}

impl Context {
    /// Whether the fault shows at this endpoint: it is hit, and not by passing on what fails beneath
    /// it; or it is what such a one calls, and slow or silent.
    fn is_hit(&self, endpoint: &EndpointFact) -> bool {
        if endpoint.affected {
            return !self.relays.passes_on(&endpoint.service);
        }
        let is_down = endpoint.slowed || self.relays.is_silent(&endpoint.service);
        is_down && self.relays.is_called(&endpoint.service)
    }

    /// Whether an endpoint says something about the incident: it is hit, or it would have shown it.
    fn is_witness(&self, endpoint: &EndpointFact) -> bool {
        self.is_hit(endpoint) || (endpoint.powered && !endpoint.affected)
    }

    /// The words for what is wrong with a request.
    fn words(&self) -> &'static phrase::Words {
        phrase::words(self.slow.is_some())
    }

    /// A verdict in words, with how slow it became.
    fn told(&self, verdict: String) -> String {
        let quantiles = self.slow.and_then(|s| s.usual_p95_us.zip(s.p95_us));
        match quantiles {
            Some((from, to)) => format!(
                "{verdict} The 95 % quantile of latency went from {} to {}.",
                phrase::latency(from),
                phrase::latency(to)
            ),
            None => verdict,
        }
    }
}

/// What one endpoint did during the incident.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointFact {
    /// Its service.
    pub service: String,
    /// Its method.
    pub method: String,
    /// Its path template.
    pub template: String,
    /// Its route group within its service.
    pub group: u32,
    /// Whether it is one of the incident's endpoints.
    pub affected: bool,
    /// Whether it only became slow with the incident's endpoints, which fail.
    pub slowed: bool,
    /// Whether it could have shown the incident's effect ([`could_show`]).
    pub powered: bool,
    /// Requests from onset to end.
    pub requests: u64,
    /// Errors from onset to end.
    pub errors: u64,
    /// Error rate to be expected.
    pub baseline_rate: f64,
}

impl EndpointFact {
    /// Errors beyond the expectation.
    fn excess_errors(&self) -> f64 {
        self.errors as f64 - self.baseline_rate * self.requests as f64
    }
}

/// Requests and errors of a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// Its begin, µs.
    pub start_us: i64,
    /// Requests in it.
    pub requests: u64,
    /// Errors in it.
    pub errors: u64,
}

/// The incident's begin and end, as far as they are known.
struct Moments<'a> {
    onset: Option<&'a Estimate>,
    end: Option<&'a Estimate>,
    first_failure_us: i64,
    words: &'static phrase::Words,
}

impl<'a> Moments<'a> {
    fn of(
        incident: &Incident,
        onset: &'a Option<Estimate>,
        end: &'a Option<Estimate>,
    ) -> Moments<'a> {
        Moments {
            onset: onset.as_ref(),
            end: end.as_ref(),
            first_failure_us: incident.first_failure_us,
            words: phrase::words(incident.is_latency()),
        }
    }

    /// The onset; where it is not in the log, the first failure, which came later.
    fn reference_us(&self) -> i64 {
        self.onset
            .map_or(self.first_failure_us, |onset| onset.median_us)
    }

    /// Whether the change can't be the cause because it came after the onset. Where the onset is
    /// not in the log, it lies before the first failure, and only that bound is used.
    fn vetoed(&self, change: &Change) -> bool {
        match self.onset {
            Some(onset) => lag::vetoed(change, onset),
            None => {
                let start_us = lag::Rollout::of(change).start_us;
                start_us.saturating_sub(skew_bound_us()) > self.first_failure_us
            }
        }
    }

    /// Whether the onset came clearly after this time.
    fn surely_before_onset(&self, at_us: i64) -> bool {
        let bound_us = at_us.saturating_add(skew_bound_us());
        self.onset.is_some_and(|onset| {
            let later = onset
                .posterior
                .iter()
                .filter(|(time_us, _)| *time_us > bound_us);
            later.map(|(_, p)| p).sum::<f64>() > VETO_PROBABILITY
        })
    }

    /// The end, if it came clearly before this time.
    fn end_surely_before(&self, at_us: i64) -> Option<&'a Estimate> {
        self.end
            .filter(|end| lag::probability_before(end, at_us) > VETO_PROBABILITY)
    }

    /// `42 s before the onset`.
    fn position(&self, change: &Change) -> String {
        if let Some(onset) = self.onset {
            return lag::position(change, onset);
        }
        let lag_us = self.first_failure_us.saturating_sub(change.at_us);
        let side = if lag_us >= 0 { "before" } else { "after" };
        format!(
            "{} {side} the first {} of the log",
            phrase::duration(lag_us),
            self.words.failure
        )
    }
}

/// Three standard deviations of clock skew, in µs.
fn skew_bound_us() -> i64 {
    (VETO_SIGMAS * SKEW_S * 1e6) as i64
}

/// All that a verdict rests on.
struct Case<'a> {
    incident: &'a Incident,
    changes: &'a [Change],
    context: &'a Context,
    moments: Moments<'a>,
    undoes: Undoes,
    /// For each change the first one of its release.
    releases: Vec<usize>,
}

/// A change that could be the cause, with its evidence.
struct Candidate<'a> {
    /// Its index among the changes.
    index: usize,
    change: &'a Change,
    footprint: Footprint,
    contributions: Vec<Contribution>,
    /// The change that stands for its release, where that is another.
    counted_with: Option<usize>,
}

impl Candidate<'_> {
    /// S: the sum of its weighted nats; nothing where another change stands for it.
    fn score(&self) -> f64 {
        match self.counted_with {
            Some(_) => f64::NEG_INFINITY,
            None => self.contributions.iter().map(|c| c.nats).sum(),
        }
    }

    /// Whether nothing but its time speaks for it.
    fn has_only_timing(&self) -> bool {
        !self
            .contributions
            .iter()
            .any(|c| c.kind.is_witness() && c.nats >= EVIDENCE_COUNTS)
    }

    /// The contrast that says that what it brought fails no more than what was there.
    fn equal_versions(&self) -> Option<&Contribution> {
        let equal =
            |c: &&Contribution| c.kind == EvidenceKind::VersionContrast && c.nats <= EQUAL_FROM;
        self.contributions.iter().find(equal)
    }

    /// Whether time and place contradict each other: only its time speaks for it and something else
    /// against; or nothing else for it but the place that was hit, and its time against it, or that one
    /// host alone of those that it reached fails. A service that fails was changed at some time; that
    /// alone accuses none of its changes.
    fn is_contradicted(&self) -> bool {
        let against = |c: &Contribution| c.nats <= -EVIDENCE_COUNTS;
        let only_place = !self.contributions.iter().any(|c| {
            c.kind.is_witness() && c.kind != EvidenceKind::Scope && c.nats >= EVIDENCE_COUNTS
        });
        let too_long_ago = |c: &Contribution| c.kind == EvidenceKind::Lag && against(c);
        let elsewhere = |c: &Contribution| c.kind.is_witness() && against(c);
        let too_narrow = |c: &Contribution| c.kind == EvidenceKind::Host && against(c);
        (self.has_only_timing() && self.contributions.iter().any(elsewhere))
            || (only_place && self.contributions.iter().any(too_long_ago))
            || (only_place && self.contributions.iter().any(too_narrow))
    }
}

/// Which change caused the incident, if any did.
pub fn judge(incident: &Incident, changes: &[Change], context: &Context) -> Verdict {
    let (caused, undone) = (incident.caused(), incident.undone());
    let moments = Moments::of(incident, &caused, &undone);
    let undoes = Undoes::new(changes);
    let case = Case {
        incident,
        changes,
        context,
        moments,
        undoes,
        releases: releases(changes),
    };
    if incident.single_client {
        accuse_nobody(&case)
    } else {
        weigh(&case)
    }
}

/// The changes against each other and against all other causes.
fn weigh(case: &Case<'_>) -> Verdict {
    let (context, moments) = (case.context, &case.moments);
    let messages = novelty::messages(case);
    let alone = host::alone(case);
    let mut candidates = candidates(case, &messages, alone.as_ref());
    release::join(&mut candidates, &case.releases);
    let footprints: Vec<&Footprint> = candidates.iter().map(|c| &c.footprint).collect();
    let (dependency_nats, dependency) = dependency::assess(
        context,
        &footprints,
        novelty::out_of_reach(&messages, case),
        candidates.iter().find_map(Candidate::equal_versions),
    );
    let (load_nats, load) = load::assess(context);

    let others = [
        SHARE_DEPENDENCY.ln() + dependency_nats,
        SHARE_LOAD.ln() + load_nats,
        SHARE_UNKNOWN.ln(),
    ];
    let intensity = moments.onset.map_or(1.0, |onset| {
        lag::background_intensity(onset, context.zone_offset_s)
    });
    let scores: Vec<f64> = candidates.iter().map(Candidate::score).collect();
    let none_nats = intensity.ln() + log_sum_exp(&others);
    let mut probabilities = posterior::softmax(&scores, none_nats);
    let none = (1.0 - probabilities.iter().sum::<f64>()).max(0.0);
    let [by_dependency, by_load, _] = posterior::share_out(none, others);
    let timing_only: Vec<bool> = candidates.iter().map(Candidate::has_only_timing).collect();
    let contradicted: Vec<bool> = candidates.iter().map(Candidate::is_contradicted).collect();
    let limits: Vec<Option<f64>> = candidates.iter().map(status::cap).collect();
    for cap in [HARDLY_ANY_EFFECT_CAP, LITTLE_EFFECT_CAP] {
        let members: Vec<bool> = limits.iter().map(|limit| *limit == Some(cap)).collect();
        posterior::cap_together(&mut probabilities, &members, cap);
    }
    posterior::cap_together(&mut probabilities, &contradicted, CONTRADICTED_CAP);
    posterior::cap_together(&mut probabilities, &timing_only, TIMING_CAP);

    let suspects = verdict::rank(&candidates, &probabilities, moments);
    let unexplained = (1.0 - suspects.iter().map(|s| s.probability).sum::<f64>()).max(0.0);
    let kind = verdict::kind(&suspects, unexplained, moments.onset.is_some());
    let strong = verdict::is_strong(kind, &suspects);
    let mut summary = verdict::summary(kind, strong, &suspects, unexplained, case);
    if kind != VerdictKind::Change {
        let hints = alone.map(|alone| alone.sentence(moments.words));
        for hint in hints.into_iter().chain(context.relays.hints(moments.words)) {
            summary = format!("{summary} {hint}");
        }
    }
    Verdict {
        kind,
        strong,
        summary: context.told(summary),
        dispositions: disposition::all(case, &candidates, &probabilities, suspects.first()),
        ruled_out: leads::ruled_out(context, (dependency_nats, &dependency), (load_nats, &load)),
        not_assessed: leads::not_assessed(context, moments.onset.is_some()),
        in_common: in_common(case),
        messages,
        suspects,
        unexplained_probability: unexplained,
        unexplained_nats: Some(none_nats),
        alternatives: verdict::alternatives(
            unexplained,
            (by_dependency, dependency),
            (by_load, load),
        ),
    }
}

/// The changes neither after the onset nor too long before it, with their evidence; in the
/// changes' order.
fn candidates<'a>(
    case: &Case<'a>,
    messages: &[Message],
    alone: Option<&host::Alone>,
) -> Vec<Candidate<'a>> {
    let (changes, context, moments) = (case.changes, case.context, &case.moments);
    let prior = Prior::new(changes, &case.releases, context);
    let unlisted = scope::of_unlisted(context);
    let production_named = status::production_named(changes);
    let earliest_us = moments
        .onset
        .map_or(moments.first_failure_us, |onset| onset.low_us);
    let possible =
        |change: &Change| !moments.vetoed(change) && !lag::out_of_reach(change, earliest_us);
    let weigh = |(index, change): (usize, &'a Change)| {
        let footprint = Footprint::of(change, context);
        let mut contributions = vec![prior.contribution(change)];
        contributions.extend(status::contribution(change, production_named, case));
        if let Some(onset) = moments.onset {
            contributions.push(lag::contribution(change, onset, context.zone_offset_s));
        }
        contributions.push(scope::contribution(change, &footprint, context, unlisted));
        contributions.extend(host::contribution(change, alone, case));
        let undo = case.undoes.undone_by(index).map(|undo| &changes[undo]);
        contributions.extend(contrast::contribution(change, undo, case));
        contributions.extend(novelty::contributions(change, messages, case));
        contributions.extend(match undo {
            Some(undo) => rollback::contribution(undo, case),
            None => rollback::by_itself(change, case),
        });
        Candidate {
            index,
            change,
            footprint,
            contributions,
            counted_with: None,
        }
    };
    changes
        .iter()
        .enumerate()
        .filter(|(_, change)| possible(change))
        .map(weigh)
        .collect()
}

/// What the failing requests have in common.
fn in_common(case: &Case<'_>) -> Vec<Condition> {
    let endpoints = &case.incident.endpoints;
    let rates: Vec<f64> = endpoints
        .iter()
        .map(|(_, baseline)| baseline.rate)
        .collect();
    common::narrowest(&case.context.labels, &rates)
}

/// The verdict on an incident that one client alone makes.
fn accuse_nobody(case: &Case<'_>) -> Verdict {
    Verdict {
        kind: VerdictKind::Unexplained,
        strong: false,
        suspects: Vec::new(),
        unexplained_probability: 1.0,
        unexplained_nats: None,
        alternatives: verdict::alternatives(1.0, (0.0, Vec::new()), (0.0, Vec::new())),
        dispositions: disposition::all(case, &[], &[], None),
        ruled_out: Vec::new(),
        not_assessed: leads::not_assessed(case.context, case.moments.onset.is_some()),
        in_common: in_common(case),
        messages: novelty::messages(case),
        summary: if case.incident.is_latency() {
            "One client alone makes the slow requests; no change is accused.".to_owned()
        } else {
            "One client alone makes the failures (a retry storm); no change is accused.".to_owned()
        },
    }
}
