//! Prior: how often such a change breaks something, against how often something breaks by itself.
//!
//! Comes in: the changes and the time that they were counted over. Goes out: the log odds of
//! "this change broke something" against "something else did within a day". The more changes there
//! are, the more of them stand near any incident by chance, so their number weighs against each. What
//! undoes another is not counted: it came of an incident, and not by chance.

use super::constants::{
    CAUSE_PROBABILITY, DAY_S, LEAST_BACKGROUND_PER_S, LEAST_COUNTED_US, REACH_US, SHARE_BY_CHANGE,
    kind_factor,
};
use super::{Context, Contribution, EvidenceKind, phrase};
use crate::changes::Change;

/// What is expected without any evidence.
pub(super) struct Prior {
    /// Incidents that no change causes, per second.
    background_per_s: f64,
    /// Markers counted, and the seconds they were counted over.
    markers: (usize, f64),
}

impl Prior {
    /// Counts the markers from a day before the log to its end, of each release the first.
    ///
    /// Lists of changes are made for an incident, and often begin hours before it: of the time before
    /// the first marker they don't tell that nothing was done. Where that comes within this day, the
    /// changes are those that followed it in the time since then.
    pub(super) fn new(changes: &[Change], releases: &[usize], context: &Context) -> Prior {
        let day_before_us = context.log_from_us.saturating_sub(REACH_US);
        let to_us = context.log_to_us;
        let (mut markers, mut first_us, mut earlier) = (0_usize, to_us, false);
        let counted = |(i, c): &(usize, &Change)| {
            releases.get(*i) == Some(i) && c.at_us <= to_us && !c.is_undo()
        };
        for (_, change) in changes.iter().enumerate().filter(counted) {
            if change.at_us < day_before_us {
                earlier = true;
            } else {
                markers += 1;
                first_us = first_us.min(change.at_us);
            }
        }
        let (from_us, arrivals) = match earlier {
            true => (day_before_us, markers),
            false => (first_us, markers.saturating_sub(1)),
        };
        let span_s = to_us.saturating_sub(from_us).max(LEAST_COUNTED_US) as f64 / 1e6;
        let by_change_per_s = CAUSE_PROBABILITY * arrivals as f64 / span_s;
        Prior {
            background_per_s: (by_change_per_s * (1.0 - SHARE_BY_CHANGE) / SHARE_BY_CHANGE)
                .max(LEAST_BACKGROUND_PER_S),
            markers: (markers, span_s),
        }
    }

    /// The change's prior log odds against all other causes of a day.
    pub(super) fn contribution(&self, change: &Change) -> Contribution {
        let odds = CAUSE_PROBABILITY * kind_factor(change.kind) / (self.background_per_s * DAY_S);
        let (markers, span_s) = self.markers;
        let hours = span_s / 3600.0;
        let company = match markers {
            0 | 1 => "the only change listed".to_owned(),
            n => format!("one of {n} changes in {hours:.0} h"),
        };
        Contribution {
            kind: EvidenceKind::Prior,
            nats: odds.ln(),
            text: format!("{}, {company}", phrase::kind(change.kind)),
        }
    }
}
