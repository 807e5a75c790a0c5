//! Status: did the change take effect at all?
//!
//! Comes in: what became of a change (failed, cancelled), where it was done, and which versions
//! answered. Goes out: nats against a change that seldom changes anything in production, and how
//! much such changes may have together as long as nothing shows that this one did. A version of its
//! own among the answers shows it; so do a contrast, an error message, a stack or an undo that
//! helped, which are looked at elsewhere.

use super::constants::{
    DECISIVE_EFFECT, HARDLY_ANY_EFFECT, HARDLY_ANY_EFFECT_CAP, LITTLE_EFFECT_CAP,
    OTHER_ENVIRONMENT_FACTOR, OUTSIDE_PRODUCTION, PRODUCTION, status_factor,
};
use super::{Candidate, Case, Contribution, EvidenceKind};
use crate::changes::{Change, Status};
use crate::zoom::{Label, Stratum};

/// Whether some change says that it was done in production; where none does, environments tell
/// nothing.
pub(super) fn production_named(changes: &[Change]) -> bool {
    changes.iter().any(|c| is_production(c) == Some(true))
}

/// What speaks against a change by what became of it; `None` where nothing does.
pub(super) fn contribution(
    change: &Change,
    production_named: bool,
    case: &Case<'_>,
) -> Option<Contribution> {
    let unfinished = match change.status {
        Some(Status::Failed) => Some("it failed, so it may have changed little"),
        Some(Status::Cancelled) => Some("it was cancelled, so it seldom takes effect"),
        Some(Status::Succeeded | Status::InProgress) | None => None,
    };
    let elsewhere = change
        .environment
        .as_deref()
        .filter(|_| production_named && is_production(change) == Some(false));
    let mut reasons = Vec::new();
    let mut odds = 1.0;
    if let Some(reason) = unfinished.filter(|_| !is_at_work(change, case)) {
        reasons.push(reason.to_owned());
        odds *= status_factor(change.status);
    }
    if let Some(environment) = elsewhere {
        reasons.push(format!("it was done in `{environment}`, not in production"));
        odds *= OTHER_ENVIRONMENT_FACTOR;
    }
    (!reasons.is_empty()).then(|| Contribution {
        kind: EvidenceKind::Status,
        nats: f64::ln(odds),
        text: reasons.join("; "),
    })
}

/// Whether what a change brought answered requests, and no later change brought it.
fn is_at_work(change: &Change, case: &Case<'_>) -> bool {
    let tally = &case.context.labels;
    let first_us = |number: u32| {
        let of_it = |s: &Stratum| s.version == number;
        let first = tally
            .strata()
            .map(|(s, _)| s)
            .filter(of_it)
            .min_by_key(|s| s.number)?;
        Some(tally.begin_us(first) + tally.stratum_us())
    };
    let brought_it = |first_us: i64, version: &str| {
        let later = |c: &&Change| c.at_us > change.at_us && c.at_us <= first_us;
        first_us > change.at_us && !case.changes.iter().filter(later).any(|c| c.brings(version))
    };
    tally.numbers(Label::Version).any(|number| {
        let version = String::from_utf8_lossy(tally.value(Label::Version, number));
        change.brings(&version) && first_us(number).is_some_and(|at_us| brought_it(at_us, &version))
    })
}

/// What such changes may have together; none, where it took effect.
pub(super) fn cap(candidate: &Candidate<'_>) -> Option<f64> {
    let of = |kind| {
        candidate
            .contributions
            .iter()
            .filter(move |c| c.kind == kind)
    };
    let shows_effect = [
        EvidenceKind::VersionContrast,
        EvidenceKind::Signature,
        EvidenceKind::Stack,
        EvidenceKind::Rollback,
    ];
    let shown = |c: &Contribution| c.nats >= DECISIVE_EFFECT;
    if shows_effect.into_iter().flat_map(of).any(shown) {
        return None;
    }
    let against = of(EvidenceKind::Status).next()?;
    Some(if against.nats <= HARDLY_ANY_EFFECT {
        HARDLY_ANY_EFFECT_CAP
    } else {
        LITTLE_EFFECT_CAP
    })
}

/// Whether a change's environment is production; `None` where its name tells neither.
fn is_production(change: &Change) -> Option<bool> {
    let name = change.environment.as_deref()?.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let names_one_of = |list: &[&str]| words.iter().any(|word| list.contains(word));
    if names_one_of(&OUTSIDE_PRODUCTION) {
        return Some(false);
    }
    names_one_of(&PRODUCTION).then_some(true)
}
