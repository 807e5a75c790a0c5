//! Disposition: what became of each change, in words for somebody who has slept three hours.
//!
//! No change is dropped in silence: one that can't be the cause says why.

use super::constants::CLEARED_BELOW;
use super::{
    Candidate, Context, Contribution, Disposition, DispositionStatus, EvidenceKind, Moments,
    aftermath, lag, phrase, rollback,
};
use crate::changes::Change;
use crate::confirm::Incident;

/// A change over more than a day before the onset.
pub(super) fn too_old(index: usize, changes: &[Change], moments: &Moments<'_>) -> Disposition {
    Disposition {
        change: index,
        status: DispositionStatus::Cleared,
        why: format!("{}: more than a day", moments.position(&changes[index])),
        contributions: Vec::new(),
    }
}

/// A change after the onset: it undid the cause, tried to, or came when all was over.
pub(super) fn after_onset(
    index: usize,
    changes: &[Change],
    incident: &Incident,
    moments: &Moments<'_>,
    context: &Context,
) -> Disposition {
    let change = &changes[index];
    let start_us = lag::Rollout::of(change).start_us;
    let (status, why) = if let Some(end) = moments.end_surely_before(start_us) {
        let late = phrase::duration(start_us.saturating_sub(end.median_us));
        (DispositionStatus::After, format!("{late} after the end"))
    } else if let Some(recovery) = recovery(index, changes, incident, moments, context) {
        (
            DispositionStatus::Fix,
            format!("{}; {recovery}", moments.position(change)),
        )
    } else {
        let effect = aftermath::sentence(change.at_us, moments.reference_us(), context);
        (
            DispositionStatus::AttemptedFix,
            format!("{}; {effect}", moments.position(change)),
        )
    };
    Disposition {
        change: index,
        status,
        why,
        contributions: Vec::new(),
    }
}

/// The sentence of a recovery that followed when this change undid another.
fn recovery(
    index: usize,
    changes: &[Change],
    incident: &Incident,
    moments: &Moments<'_>,
    context: &Context,
) -> Option<String> {
    let undone = rollback::undoes(index, changes)?;
    if moments.vetoed(&changes[undone]) || rollback::undone_by(undone, changes) != Some(index) {
        return None;
    }
    let evidence = rollback::contribution(&changes[index], incident, moments, context)?;
    let end = incident.end.as_ref().filter(|_| evidence.nats > 0.0)?;
    let after_us = end.median_us.saturating_sub(changes[index].at_us);
    let time = if after_us >= 0 {
        format!("{} after it", phrase::duration(after_us))
    } else {
        "while it was under way".to_owned()
    };
    Some(format!(
        "it undid `{}`, and the rate was back {time}",
        changes[undone].id
    ))
}

/// A change that could be the cause: a suspect, or cleared where it is improbable.
pub(super) fn candidate(
    candidate: &Candidate<'_>,
    probability: f64,
    best: Option<(&Change, f64)>,
    changes: &[Change],
    moments: &Moments<'_>,
) -> Disposition {
    let change = &changes[candidate.index];
    let contributions = strongest_first(&candidate.contributions);
    let position = moments.position(change);
    let said = |wanted: &dyn Fn(&Contribution) -> bool| {
        let told = contributions
            .iter()
            .find(|c| !is_timing(c.kind) && wanted(c));
        told.map(|c| c.text.clone())
    };
    let (status, why) = if probability >= CLEARED_BELOW {
        let reason = said(&|c| c.kind != EvidenceKind::Prior && c.nats > 0.0)
            .unwrap_or_else(|| "nothing but its time speaks for it".to_owned());
        (DispositionStatus::Suspect, format!("{position}; {reason}"))
    } else {
        let better = best
            .filter(|(other, p)| *p > probability && !std::ptr::eq(*other, change))
            .map(|(other, p)| {
                format!(
                    "`{}` explains it better ({})",
                    other.id,
                    phrase::probability(p)
                )
            });
        let reason = said(&|c| c.kind != EvidenceKind::Prior && c.nats < 0.0)
            .or(better)
            .or_else(|| said(&|c| c.kind == EvidenceKind::Prior))
            .unwrap_or_default();
        (
            DispositionStatus::Cleared,
            format!("{position}, and {reason}"),
        )
    };
    Disposition {
        change: candidate.index,
        status,
        why,
        contributions,
    }
}

/// A change before an incident that one client alone makes.
pub(super) fn single_client(
    index: usize,
    changes: &[Change],
    moments: &Moments<'_>,
) -> Disposition {
    Disposition {
        change: index,
        status: DispositionStatus::Cleared,
        why: format!(
            "{}, but one client alone makes the failures",
            moments.position(&changes[index])
        ),
        contributions: Vec::new(),
    }
}

/// The contributions in order of weight.
pub(super) fn strongest_first(contributions: &[Contribution]) -> Vec<Contribution> {
    let mut sorted = contributions.to_vec();
    sorted.sort_by(|a, b| b.nats.abs().total_cmp(&a.nats.abs()));
    sorted
}

/// Whether a kind of evidence is about time alone.
pub(super) fn is_timing(kind: EvidenceKind) -> bool {
    kind == EvidenceKind::Lag
}
