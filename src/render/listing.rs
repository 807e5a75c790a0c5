//! Which changes of an incident a reader is shown, and the mark by which each is found in the chart.
//!
//! Suspects have digits by rank, the others letters in order of time. A suspect that is cleared
//! stands among the others, with the reason.

use super::when::epoch_s;
use super::words::{self, FATES};
use crate::report::{Disposition, Incident, Report, Suspect};

/// Suspects shown; the rest is counted.
const SUSPECTS_SHOWN: usize = 3;
/// Other changes shown; the rest is counted.
const OTHERS_SHOWN: usize = 5;

/// The changes of an incident that are listed, each with its mark in the chart.
pub struct Listing<'a> {
    /// Those that may have done it, most probable first.
    pub suspects: Vec<(char, &'a Suspect)>,
    /// The others, in order of time.
    pub others: Vec<(char, &'a Disposition)>,
    /// Suspects left out.
    pub more_suspects: usize,
    /// Others left out.
    pub more_others: usize,
}

impl<'a> Listing<'a> {
    /// Digits for the suspects by rank, letters for the others in order of time.
    pub fn new(report: &Report, incident: &'a Incident, everything: bool) -> Listing<'a> {
        let shown = if everything {
            usize::MAX
        } else {
            SUSPECTS_SHOWN
        };
        // A suspect that is cleared stands among the others, with the reason.
        let fate = |suspect: &Suspect| incident.changes.iter().find(|c| c.change == suspect.change);
        let open: Vec<&Suspect> = incident
            .suspects
            .iter()
            .filter(|suspect| fate(suspect).is_none_or(|fate| fate.status == "suspect"))
            .collect();
        let more_suspects = open.len().saturating_sub(shown);
        let marks = ('1'..='9').chain(std::iter::repeat('*'));
        let suspects: Vec<_> = marks.zip(open.into_iter().take(shown)).collect();

        let mut others: Vec<_> = incident
            .changes
            .iter()
            .filter(|change| change.status != "suspect")
            .collect();
        let total = others.len();
        others.sort_by_key(|other| FATES.iter().position(|fate| fate.0 == other.status));
        others.truncate(if everything { usize::MAX } else { OTHERS_SHOWN });
        others.sort_by_cached_key(|other| {
            words::change(report, &other.change).and_then(|change| epoch_s(&change.at))
        });
        let marks = ('a'..='z').chain(std::iter::repeat('*'));
        Listing {
            more_suspects,
            more_others: total - others.len(),
            suspects,
            others: marks.zip(others).collect(),
        }
    }

    /// The marks with the ids of their changes, suspects first.
    pub fn ids(&self) -> impl Iterator<Item = (char, &'a str)> {
        let suspects = self
            .suspects
            .iter()
            .map(|(mark, suspect)| (*mark, suspect.change.as_str()));
        let others = self
            .others
            .iter()
            .map(|(mark, other)| (*mark, other.change.as_str()));
        suspects.chain(others)
    }

    /// The marks with their times, suspects first.
    pub fn marks(&self, report: &Report) -> Vec<(char, i64)> {
        let at = |id: &str| epoch_s(&words::change(report, id)?.at);
        self.ids()
            .filter_map(|(mark, id)| Some((mark, at(id)?)))
            .collect()
    }
}
