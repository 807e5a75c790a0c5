//! Rollback: did the incident end when the change was undone?
//!
//! Comes in: a change, the change that undoes it, and the incident's end. A recovery minutes after
//! the undo speaks for the change, and so does less a rate that fell, but not all the way; one that
//! never came, or came before the undo, speaks against it.

use super::aftermath::{self, Effect};
use super::constants::{
    AT_WORK_US, ENDED_UNDONE_BY_NONE, RECOVERED_BEFORE_UNDO, RECOVERY_BY_ITSELF_PER_S,
    RECOVERY_MEDIAN_S, RECOVERY_SIGMA, RECOVERY_WEIGHT_LOGNORMAL, ROLLBACK_CLIP, UNDO_PATIENCE_US,
    UNDONE_IN_PART, VETO_PROBABILITY,
};
use super::lag::{self, Rollout};
use super::scope::Totals;
use super::{Case, Context, Contribution, EvidenceKind, could_show, phrase};
use crate::changes::{Change, Kind, Source, Status};
use crate::confirm::{Estimate, State};
use crate::stats::lognormal_pdf;

/// Which change undoes which.
pub(super) struct Undoes {
    /// For each change, the one that it undoes.
    target: Vec<Option<usize>>,
    /// For each change, the first one that undoes it.
    undone_by: Vec<Option<usize>>,
}

impl Undoes {
    /// Links the changes.
    pub(super) fn new(changes: &[Change]) -> Undoes {
        let target: Vec<Option<usize>> = (0..changes.len()).map(|i| undoes(i, changes)).collect();
        let mut undone_by: Vec<Option<usize>> = vec![None; changes.len()];
        let mut by_time: Vec<usize> = (0..changes.len()).collect();
        by_time.sort_by_key(|i| (changes[*i].at_us, *i));
        for undo in by_time {
            if let Some(undone) = target[undo] {
                undone_by[undone].get_or_insert(undo);
            }
        }
        Undoes { target, undone_by }
    }

    /// The first change that undoes `index`.
    pub(super) fn undone_by(&self, index: usize) -> Option<usize> {
        self.undone_by[index]
    }

    /// The change that `index` was the first to undo.
    pub(super) fn first_undone(&self, index: usize) -> Option<usize> {
        self.target[index].filter(|undone| self.undone_by[*undone] == Some(index))
    }
}

/// What `changes[undo]` undoes: the change that it names; else, for a rollback, the last change of
/// its service whose previous version it brings back; else, where versions don't tell, the last
/// deploy of its service. An undo that failed or was cancelled undid nothing.
fn undoes(undo: usize, changes: &[Change]) -> Option<usize> {
    let rollback = changes.get(undo)?;
    if matches!(rollback.status, Some(Status::Failed | Status::Cancelled)) {
        return None;
    }
    if let Some(id) = &rollback.rollback_of {
        let named = |(i, c): (usize, &Change)| {
            (c.id == *id && c.at_us <= rollback.at_us && i != undo).then_some(i)
        };
        return changes.iter().enumerate().find_map(named);
    }
    if rollback.kind != Kind::Rollback || rollback.service.is_none() {
        return None;
    }
    let earlier = |c: &Change| {
        c.service == rollback.service
            && c.at_us < rollback.at_us
            && c.kind != Kind::Rollback
            && c.status != Some(Status::Cancelled)
    };
    let last = |wanted: &dyn Fn(&Change) -> bool| {
        let found = changes
            .iter()
            .enumerate()
            .filter(|(_, c)| earlier(c) && wanted(c));
        found.max_by_key(|(i, c)| (c.at_us, *i)).map(|(i, _)| i)
    };
    let brings_back =
        |c: &Change| c.previous_version.is_some() && c.previous_version == rollback.version;
    let versions_silent = |c: &Change| {
        c.kind == Kind::Deploy
            && (rollback.version.is_none()
                || (c.previous_version.is_none() && c.version != rollback.version))
    };
    last(&brings_back).or_else(|| last(&versions_silent))
}

/// The evidence of `undo` for or against the change that it undoes; `None` where it tells nothing:
/// too early, a gap in the log, or too little traffic.
pub(super) fn contribution(undo: &Change, case: &Case<'_>) -> Option<Contribution> {
    let incident = case.incident;
    let by = format!("{} `{}`", phrase::kind(undo.kind), undo.id);
    let start_us = Rollout::of(undo).start_us;
    let said = |nats: f64, text: String| {
        Some(Contribution {
            kind: EvidenceKind::Rollback,
            nats,
            text,
        })
    };
    if case.moments.surely_before_onset(start_us) {
        let text = format!("it was undone by {by} before the incident began");
        return said(ROLLBACK_CLIP.0, text);
    }
    match &incident.end {
        Some(end) if lag::probability_before(end, start_us) > VETO_PROBABILITY => {
            let early = phrase::duration(start_us.saturating_sub(end.median_us));
            said(
                RECOVERED_BEFORE_UNDO,
                format!("the rate was back {early} before {by} undid it"),
            )
        }
        Some(end) => {
            let nats = recovery_ratio(undo, end)
                .ln()
                .clamp(ROLLBACK_CLIP.0, ROLLBACK_CLIP.1);
            let after_us = end.median_us.saturating_sub(undo.at_us);
            if nats < UNDONE_IN_PART
                && let Some(fall) = fall_after(undo, case).filter(Effect::fell)
            {
                let (from, to) = (phrase::percent(fall.from), phrase::percent(fall.to));
                let time = phrase::duration(after_us);
                return said(
                    UNDONE_IN_PART,
                    format!(
                        "the rate fell after {by} undid it ({from} → {to}), and was back {time} after it"
                    ),
                );
            }
            let (time, side) = (
                phrase::duration(after_us),
                if after_us < 0 { "before" } else { "after" },
            );
            said(
                nats,
                format!("the rate was back {time} {side} {by} undid it"),
            )
        }
        None if incident.state == State::Ongoing && recovery_would_show(start_us, case.context) => {
            if let Some(fall) = fall_after(undo, case).filter(Effect::fell_far) {
                let (from, to) = (phrase::percent(fall.from), phrase::percent(fall.to));
                let text = format!(
                    "{by} undid it, and the rate fell ({from} → {to}), but not all the way"
                );
                return said(UNDONE_IN_PART, text);
            }
            let patience = phrase::duration(UNDO_PATIENCE_US);
            said(
                ROLLBACK_CLIP.0,
                format!("{by} undid it, and it went on for {patience} and more"),
            )
        }
        None => None,
    }
}

/// What became of the rate in the minutes after the undo: caches, sessions and queues let some recover by and by.
fn fall_after(undo: &Change, case: &Case<'_>) -> Option<Effect> {
    let reference_us = case.moments.reference_us();
    aftermath::effect(undo.at_us, reference_us, case.context)
}

/// The evidence of an incident that ended, against a change that nobody undid: what a change broke
/// stays broken until it is undone or mended, mostly by a change that is listed, too. `None` where a
/// listed one may have ended it, or the change was at work when it began and may have ended it itself.
pub(super) fn by_itself(change: &Change, case: &Case<'_>) -> Option<Contribution> {
    let (onset, end) = (case.moments.onset?, case.moments.end?);
    let at_work = change.finished_us.is_some_and(|at_us| at_us > onset.low_us);
    let long = end.median_us.saturating_sub(onset.median_us) >= AT_WORK_US;
    let listed = change.source != Source::Logs;
    if at_work || !long || !listed || case.incident.state != State::Recovered {
        return None;
    }
    // An undo says by itself what it ended.
    let concerns = |other: &Change| {
        let anywhere = other.service.is_none() || change.service.is_none();
        anywhere || other.is_undo() || other.service == change.service
    };
    let mended = case.changes.iter().any(|other| {
        let start_us = Rollout::of(other).start_us;
        concerns(other)
            && start_us > onset.low_us
            && lag::probability_before(end, start_us) <= VETO_PROBABILITY
    });
    (!mended).then(|| Contribution {
        kind: EvidenceKind::Rollback,
        nats: ENDED_UNDONE_BY_NONE,
        text: format!(
            "it ended after {}, and no change is listed that undid or mended it",
            phrase::duration(end.median_us.saturating_sub(onset.median_us))
        ),
    })
}

/// Density of the recovery at this time after the undo, against incidents that end by themselves.
fn recovery_ratio(undo: &Change, end: &Estimate) -> f64 {
    let rollout = Rollout::of(undo);
    let length_s = rollout.assumed_length_s();
    let density = |after_s: f64| {
        let during = if (0.0..=length_s).contains(&after_s) {
            1.0 / length_s
        } else {
            0.0
        };
        RECOVERY_WEIGHT_LOGNORMAL * lognormal_pdf(after_s, RECOVERY_MEDIAN_S, RECOVERY_SIGMA)
            + (1.0 - RECOVERY_WEIGHT_LOGNORMAL) * during
    };
    let mean: f64 = end
        .posterior
        .iter()
        .map(|(time_us, p)| {
            let after_s = time_us.saturating_sub(rollout.start_us) as f64 / 1e6;
            p * lag::over_skew(|skew_s| density(after_s - skew_s))
        })
        .sum();
    mean / RECOVERY_BY_ITSELF_PER_S
}

/// Whether the log goes on for 30 minutes after the undo, with traffic enough to show a recovery.
fn recovery_would_show(undo_us: i64, context: &Context) -> bool {
    let until_us = undo_us.saturating_add(UNDO_PATIENCE_US);
    let requests: u64 = context
        .minutes
        .iter()
        .filter(|minute| (undo_us..until_us).contains(&minute.start_us))
        .map(|minute| minute.requests)
        .sum();
    let hit = Totals::of(context.endpoints.iter().filter(|e| e.affected));
    let excess = hit.rate() - hit.baseline_rate();
    context.log_to_us >= until_us
        && could_show(requests, hit.baseline_rate(), context.dispersion, excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: &str, kind: Kind, minute: i64, versions: (&str, &str)) -> Change {
        let version = |v: &str| (!v.is_empty()).then(|| v.to_owned());
        Change {
            kind,
            service: Some("api".to_owned()),
            previous_version: version(versions.0),
            version: version(versions.1),
            ..crate::blame::tests::change(id, minute * 60_000_000)
        }
    }

    fn undone(changes: &[Change]) -> Vec<Option<usize>> {
        let links = Undoes::new(changes);
        (0..changes.len()).map(|i| links.undone_by(i)).collect()
    }

    #[test]
    fn a_rollback_undoes_the_change_whose_previous_version_it_brings_back() {
        let mut changes = vec![
            change("d-1", Kind::Deploy, 0, ("1.0", "1.1")),
            change("d-2", Kind::Deploy, 10, ("1.1", "1.2")),
            change("r-1", Kind::Rollback, 20, ("1.2", "1.0")),
        ];
        assert_eq!(undone(&changes), [Some(2), None, None]);
        changes[2].status = Some(Status::Failed);
        assert_eq!(undone(&changes), [None, None, None]);
    }

    #[test]
    fn a_rollback_that_names_its_target_undoes_that_one() {
        let mut changes = vec![
            change("flag-1", Kind::Flag, 0, ("", "")),
            change("d-2", Kind::Deploy, 10, ("1.1", "1.2")),
            change("r-1", Kind::Flag, 20, ("", "")),
        ];
        changes[2].rollback_of = Some("flag-1".to_owned());
        assert_eq!(undone(&changes), [Some(2), None, None]);
    }

    #[test]
    fn a_rollback_that_names_nothing_undoes_the_last_deploy_of_its_service() {
        let mut changes = vec![
            change("d-1", Kind::Deploy, 0, ("", "1.1")),
            change("d-2", Kind::Deploy, 10, ("", "1.2")),
            change("r-1", Kind::Rollback, 20, ("", "1.1")),
            change("r-2", Kind::Rollback, 30, ("", "")),
        ];
        assert_eq!(undone(&changes), [None, Some(2), None, None]);
        changes[1].service = Some("web".to_owned());
        assert_eq!(undone(&changes), [Some(3), None, None, None]);
    }
}
