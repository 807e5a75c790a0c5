//! Disposition: what became of each change, in words for somebody who has slept three hours.
//!
//! No change is dropped in silence: one that can't be the cause says why.

use super::constants::{CLEARED_BELOW, UNEXPLAINED_BELOW};
use super::{
    Candidate, Case, Contribution, Disposition, DispositionStatus, Suspect, aftermath, lag, phrase,
    rollback,
};
use crate::changes::Change;

/// What became of each change, in the changes' order.
pub(super) fn all(
    case: &Case<'_>,
    candidates: &[Candidate<'_>],
    probabilities: &[f64],
    best: Option<&Suspect>,
) -> Vec<Disposition> {
    let of = |(index, change): (usize, &Change)| {
        if case.moments.vetoed(change) {
            let (status, why) = after_onset(index, change, case);
            return Disposition {
                change: index,
                status,
                why,
                contributions: Vec::new(),
            };
        }
        match candidates.binary_search_by_key(&index, |c| c.index) {
            Ok(found) => candidate(&candidates[found], probabilities[found], best, case),
            Err(_) => Disposition {
                change: index,
                status: DispositionStatus::Cleared,
                why: not_weighed(change, case),
                contributions: Vec::new(),
            },
        }
    };
    case.changes.iter().enumerate().map(of).collect()
}

/// Why a change before the onset is no candidate.
fn not_weighed(change: &Change, case: &Case<'_>) -> String {
    let position = case.moments.position(change);
    if case.incident.single_client {
        let failures = case.moments.words.failures;
        return format!("{position}, but one client alone makes the {failures}");
    }
    format!("{position}: more than a day")
}

/// A change after the onset: it undid the cause, tried to, or came when all was over.
fn after_onset(index: usize, change: &Change, case: &Case<'_>) -> (DispositionStatus, String) {
    let start_us = lag::Rollout::of(change).start_us;
    if let Some(end) = case.moments.end_surely_before(start_us) {
        let late = phrase::duration(start_us.saturating_sub(end.median_us));
        return (DispositionStatus::After, format!("{late} after the end"));
    }
    let position = case.moments.position(change);
    let first = &case.changes[case.releases[index]];
    if first.at_us < change.at_us && !case.moments.vetoed(first) {
        let why = format!("{position}: the same release as `{}`", first.id);
        return (DispositionStatus::Cleared, why);
    }
    if let Some(recovery) = recovery(index, change, case) {
        return (DispositionStatus::Fix, format!("{position}; {recovery}"));
    }
    if let Some(recurrence) = case.incident.recurs {
        let after = recurrence.times_after(change.at_us);
        let before = recurrence.times - after;
        let story =
            format!("{position}; it came {before} times before it and {after} times after it");
        return (DispositionStatus::AttemptedFix, story);
    }
    let effect = aftermath::sentence(change.at_us, case.moments.reference_us(), case.context);
    (
        DispositionStatus::AttemptedFix,
        format!("{position}; {effect}"),
    )
}

/// The sentence of a recovery that followed when this change undid another.
fn recovery(index: usize, change: &Change, case: &Case<'_>) -> Option<String> {
    let undone = &case.changes[case.undoes.first_undone(index)?];
    if case.moments.vetoed(undone) || rollback::contribution(change, case)?.nats <= 0.0 {
        return None;
    }
    let after_us = case.moments.end?.median_us.saturating_sub(change.at_us);
    let time = if after_us >= 0 {
        format!("{} after it", phrase::duration(after_us))
    } else {
        "while it was under way".to_owned()
    };
    Some(format!(
        "it undid `{}`, and the rate was back {time}",
        undone.id
    ))
}

/// A change that could be the cause: a suspect, or cleared where it is improbable.
fn candidate(
    candidate: &Candidate<'_>,
    probability: f64,
    best: Option<&Suspect>,
    case: &Case<'_>,
) -> Disposition {
    let contributions = strongest_first(&candidate.contributions);
    let position = case.moments.position(candidate.change);
    let evidence = |sign: f64| {
        let witness = contributions
            .iter()
            .find(|c| c.kind.is_witness() && c.nats * sign > 0.0);
        witness.map(|c| c.text.clone())
    };
    if let Some(lead) = candidate.counted_with {
        let lead = &case.changes[lead].id;
        return Disposition {
            change: candidate.index,
            status: DispositionStatus::Cleared,
            why: format!("{position}: the same release as `{lead}`, and weighed with it"),
            contributions,
        };
    }
    let (speaks_for, speaks_against) = (evidence(1.0), evidence(-1.0));
    let (status, why) = if probability >= CLEARED_BELOW {
        let reason = match (speaks_for, speaks_against) {
            (Some(text), _) => text,
            (None, Some(text)) => format!("only its time speaks for it; {text}"),
            (None, None) => "nothing but its time speaks for it".to_owned(),
        };
        (DispositionStatus::Suspect, format!("{position}; {reason}"))
    } else {
        let better = best
            .filter(|best| best.probability >= UNEXPLAINED_BELOW)
            .map(|best| {
                let (id, p) = (
                    &case.changes[best.change].id,
                    phrase::probability(best.probability),
                );
                format!("`{id}` explains it better ({p})")
            });
        let reason = speaks_against
            .or(better)
            .unwrap_or_else(|| "nothing speaks for it".to_owned());
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

/// The contributions in order of weight.
pub(super) fn strongest_first(contributions: &[Contribution]) -> Vec<Contribution> {
    let mut sorted = contributions.to_vec();
    sorted.sort_by(|a, b| b.nats.abs().total_cmp(&a.nats.abs()));
    sorted
}
