//! The verdict: who is named, how surely, and in which words.

use super::constants::{
    EVIDENCE_COUNTS, NAMED_FROM, NAMED_GAP, NAMED_RATIO_BY_TIMING, SAME_EVIDENCE, STRONG_FROM,
    STRONG_KINDS, UNEXPLAINED_BELOW,
};
use super::disposition::strongest_first;
use super::{Candidate, Case, Condition, Message, Moments, phrase};

/// What is known about an incident's cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether a change is named.
    pub kind: VerdictKind,
    /// Whether the named change has a probability of at least 0.9 and two kinds of evidence for
    /// it, and none against it.
    pub strong: bool,
    /// Every change that could be the cause, most probable first.
    pub suspects: Vec<Suspect>,
    /// Probability that none of them is; with the suspects' it adds up to 1.
    pub unexplained_probability: f64,
    /// Score of "none of them" in nats, against which the suspects' sums stand; `None` where
    /// nothing was weighed.
    pub unexplained_nats: Option<f64>,
    /// What else may be; adds up to `unexplained_probability`.
    pub alternatives: Vec<Alternative>,
    /// What became of each change, in the changes' order.
    pub dispositions: Vec<Disposition>,
    /// What the failing requests have in common, beyond their endpoints.
    pub in_common: Vec<Condition>,
    /// The error messages of its time, those that came up with it first.
    pub messages: Vec<Message>,
    /// Leads that the logs rule out.
    pub ruled_out: Vec<RuledOut>,
    /// Leads that the logs can't tell about.
    pub not_assessed: Vec<NotAssessed>,
    /// The verdict in a sentence or two.
    pub summary: String,
}

/// Whether a change is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictKind {
    /// One change is.
    Change,
    /// No change explains the incident.
    Unexplained,
    /// Several causes remain that these logs can't separate.
    Ambiguous,
}

impl VerdictKind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            VerdictKind::Change => "change",
            VerdictKind::Unexplained => "unexplained",
            VerdictKind::Ambiguous => "ambiguous",
        }
    }
}

/// A change that could be the cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// Its index among the changes.
    pub change: usize,
    /// Probability that it caused the incident.
    pub probability: f64,
    /// Seconds from the change to the onset; `None` where the onset is unknown.
    pub lag_s: Option<f64>,
    /// Why, strongest first; the nats sum to its score.
    pub contributions: Vec<Contribution>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// What sort of evidence.
    pub kind: EvidenceKind,
    /// Its weighted log likelihood ratio.
    pub nats: f64,
    /// The finding in words.
    pub text: String,
}

/// The sorts of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    /// How often such a change breaks something.
    Prior,
    /// Whether it took effect at all.
    Status,
    /// Time from the change to the onset.
    Lag,
    /// Whether what it touches is what was hit.
    Scope,
    /// Whether one host alone fails, of those that it reached.
    Host,
    /// Whether what it brought fails more than what was beside it.
    VersionContrast,
    /// Whether its service's error messages were there before.
    Signature,
    /// Whether stack traces lead to a file that it changed.
    Stack,
    /// Whether undoing it ended the incident.
    Rollback,
    /// Signs of a dependency (of "none").
    Dependency,
    /// Signs of load (of "none").
    Load,
}

impl EvidenceKind {
    /// Whether it says more of a change than what sort it is and when it came.
    pub(super) fn is_witness(self) -> bool {
        !matches!(
            self,
            EvidenceKind::Prior | EvidenceKind::Status | EvidenceKind::Lag
        )
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            EvidenceKind::Prior => "prior",
            EvidenceKind::Status => "status",
            EvidenceKind::Lag => "lag",
            EvidenceKind::Scope => "scope",
            EvidenceKind::Host => "host",
            EvidenceKind::VersionContrast => "version_contrast",
            EvidenceKind::Signature => "signature",
            EvidenceKind::Stack => "stack",
            EvidenceKind::Rollback => "rollback",
            EvidenceKind::Dependency => "dependency",
            EvidenceKind::Load => "load",
        }
    }
}

/// A cause other than a listed change.
#[derive(Debug, Clone, PartialEq)]
pub struct Alternative {
    /// Which.
    pub cause: Cause,
    /// Its probability.
    pub probability: f64,
    /// What speaks for and against it.
    pub contributions: Vec<Contribution>,
}

/// The causes other than a listed change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Something that the services call failed.
    Dependency,
    /// More requests than they can take.
    Load,
    /// Something else, an unlisted change among them.
    Unknown,
}

impl Cause {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Dependency => "dependency",
            Cause::Load => "load",
            Cause::Unknown => "unknown",
        }
    }
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq)]
pub struct Disposition {
    /// Its index among the changes.
    pub change: usize,
    /// What became of it.
    pub status: DispositionStatus,
    /// Why.
    pub why: String,
    /// Its evidence, strongest first; empty where it could not be the cause.
    pub contributions: Vec<Contribution>,
}

/// What may become of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispositionStatus {
    /// It may be the cause.
    Suspect,
    /// It is not the cause, or hardly.
    Cleared,
    /// It came during the incident; whether the rate changed after it is said.
    AttemptedFix,
    /// It undid a change, and the incident ended.
    Fix,
    /// It came after the end.
    After,
}

impl DispositionStatus {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            DispositionStatus::Suspect => "suspect",
            DispositionStatus::Cleared => "cleared",
            DispositionStatus::AttemptedFix => "attempted_fix",
            DispositionStatus::Fix => "fix",
            DispositionStatus::After => "after",
        }
    }
}

/// A lead that the logs rule out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuledOut {
    /// The lead.
    pub lead: &'static str,
    /// The finding that rules it out.
    pub finding: String,
}

/// A lead that the logs can't tell about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAssessed {
    /// The lead.
    pub lead: &'static str,
    /// What would be needed to tell.
    pub needs: &'static str,
}

/// The candidates as suspects, most probable first; of equals the earlier change.
pub(super) fn rank(
    candidates: &[Candidate<'_>],
    probabilities: &[f64],
    moments: &Moments<'_>,
) -> Vec<Suspect> {
    let mut ranked: Vec<(&Candidate<'_>, f64)> = candidates
        .iter()
        .zip(probabilities.iter().copied())
        .filter(|(candidate, _)| candidate.counted_with.is_none())
        .collect();
    ranked.sort_by(|(a, p), (b, q)| {
        q.total_cmp(p)
            .then(a.change.at_us.cmp(&b.change.at_us))
            .then(a.index.cmp(&b.index))
    });
    let suspect = |(candidate, probability): (&Candidate<'_>, f64)| Suspect {
        change: candidate.index,
        probability,
        lag_s: moments
            .onset
            .map(|onset| onset.median_us.saturating_sub(candidate.change.at_us) as f64 / 1e6),
        contributions: strongest_first(&candidate.contributions),
    };
    ranked.into_iter().map(suspect).collect()
}

/// What else may be the cause: "unknown" is what dependency and load leave of `unexplained`.
pub(super) fn alternatives(
    unexplained: f64,
    dependency: (f64, Vec<Contribution>),
    load: (f64, Vec<Contribution>),
) -> Vec<Alternative> {
    let unknown = (unexplained - dependency.0 - load.0).max(0.0);
    [
        (Cause::Dependency, dependency),
        (Cause::Load, load),
        (Cause::Unknown, (unknown, Vec::new())),
    ]
    .map(|(cause, (probability, contributions))| Alternative {
        cause,
        probability,
        contributions,
    })
    .into()
}

/// Whether a change is named. Between two that differ in nothing but timing, ten points are too
/// few: timing alone picks the right one of several in about half of the cases.
///
/// Where the onset is not in the log, it may be older than any listed change: then the best is
/// named only for two kinds of evidence.
pub(super) fn kind(suspects: &[Suspect], unexplained: f64, onset_known: bool) -> VerdictKind {
    let Some(best) = suspects.first() else {
        return VerdictKind::Unexplained;
    };
    if unexplained >= NAMED_FROM || best.probability < UNEXPLAINED_BELOW {
        return VerdictKind::Unexplained;
    }
    let clear_of = |second: &Suspect| {
        let apart = (beyond_timing(best) - beyond_timing(second)).abs() >= SAME_EVIDENCE;
        best.probability >= second.probability + NAMED_GAP
            && (apart || best.probability >= NAMED_RATIO_BY_TIMING * second.probability)
    };
    let placed = onset_known || kinds_for(best).len() >= STRONG_KINDS;
    if placed && best.probability >= NAMED_FROM && suspects.get(1).is_none_or(clear_of) {
        return VerdictKind::Change;
    }
    VerdictKind::Ambiguous
}

/// The nats of everything but timing.
fn beyond_timing(suspect: &Suspect) -> f64 {
    suspect
        .contributions
        .iter()
        .filter(|c| c.kind != EvidenceKind::Lag)
        .map(|c| c.nats)
        .sum()
}

/// The kinds of evidence that speak for a suspect, strongest first.
fn kinds_for(suspect: &Suspect) -> Vec<&'static str> {
    suspect
        .contributions
        .iter()
        .filter(|c| c.kind != EvidenceKind::Prior && c.nats >= EVIDENCE_COUNTS)
        .map(|c| c.kind.name())
        .collect()
}

/// What speaks against a suspect with at least a nat.
fn objection(suspect: &Suspect) -> Option<&Contribution> {
    let against = |c: &&Contribution| c.kind != EvidenceKind::Prior && c.nats <= -EVIDENCE_COUNTS;
    suspect.contributions.iter().find(against)
}

/// Whether the named change has at least 0.9, two kinds of evidence, and none against it.
pub(super) fn is_strong(kind: VerdictKind, suspects: &[Suspect]) -> bool {
    kind == VerdictKind::Change
        && suspects.first().is_some_and(|best| {
            best.probability >= STRONG_FROM
                && kinds_for(best).len() >= STRONG_KINDS
                && objection(best).is_none()
        })
}

/// The verdict in words.
pub(super) fn summary(
    kind: VerdictKind,
    strong: bool,
    suspects: &[Suspect],
    unexplained: f64,
    case: &Case<'_>,
) -> String {
    let sentence = match suspects.first() {
        Some(best) => judged(kind, strong, best, suspects, unexplained, case),
        None => "No change is listed in the 24 h before the onset.".to_owned(),
    };
    match (case.incident.recurs, case.moments.onset) {
        (Some(recurrence), _) => {
            let every = phrase::duration(recurrence.every_min * 60_000_000);
            let times = recurrence.times;
            format!(
                "{sentence} It comes back every {every} ({times} times): to have been near one of \
                 them says nothing of a change."
            )
        }
        (None, Some(_)) => sentence,
        (None, None) if suspects.is_empty() => {
            "It began before the log, and no change is listed in the 24 h before that.".to_owned()
        }
        (None, None) => format!("{sentence} It began before the log, so time tells nothing."),
    }
}

/// What is said of the best of the suspects.
fn judged(
    kind: VerdictKind,
    strong: bool,
    best: &Suspect,
    suspects: &[Suspect],
    unexplained: f64,
    case: &Case<'_>,
) -> String {
    let (changes, moments) = (case.changes, &case.moments);
    let named = |s: &Suspect| phrase::change(&changes[s.change]);
    let surely = |s: &Suspect| phrase::probability(s.probability);
    let place = moments.position(&changes[best.change]);
    match kind {
        VerdictKind::Change if strong => format!(
            "Caused by {}, {place} ({}; {}).",
            named(best),
            surely(best),
            kinds_for(best).join(", ")
        ),
        VerdictKind::Change => {
            let named = format!(
                "Probably caused by {}, {place} ({}).",
                named(best),
                surely(best)
            );
            match objection(best) {
                Some(objection) => format!("{named} Against it: {}.", objection.text),
                None => named,
            }
        }
        VerdictKind::Unexplained => format!(
            "No listed change explains this. The least unlikely is {} ({}): {}.",
            named(best),
            surely(best),
            weakest_point(best)
        ),
        VerdictKind::Ambiguous => match suspects.get(1).filter(|s| s.probability >= unexplained) {
            Some(second) => format!(
                "These logs can't separate {} ({}) from {} ({}): compare the two.",
                named(best),
                surely(best),
                named(second),
                surely(second)
            ),
            None => format!(
                "{}, {place}, may have caused it ({}), but so may something that no marker lists ({}).",
                capitalised(&named(best)),
                surely(best),
                phrase::probability(unexplained)
            ),
        },
    }
}

/// What speaks most against a suspect.
fn weakest_point(suspect: &Suspect) -> &str {
    let found = suspect
        .contributions
        .iter()
        .filter(|c| c.kind != EvidenceKind::Prior);
    let weakest = found
        .min_by(|a, b| a.nats.total_cmp(&b.nats))
        .filter(|c| c.nats < 0.0);
    weakest.map_or("too little speaks for it", |c| &c.text)
}

/// With a capital first letter.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
