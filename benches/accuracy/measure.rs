//! Marks → figures: shares with their intervals, Brier, calibration error, log score.

use crate::ballot::{Ballot, Rule};
use crate::families::Truth;
use crate::judge::{Case, Found, Marks};

/// A share: so many of so many.
#[derive(Clone, Copy, Default)]
pub struct Share(pub usize, pub usize);

impl Share {
    pub fn of(verdicts: impl Iterator<Item = bool>) -> Share {
        verdicts.fold(Share(0, 0), |s, yes| Share(s.0 + usize::from(yes), s.1 + 1))
    }

    pub fn value(self) -> Option<f64> {
        (self.1 > 0).then(|| self.0 as f64 / self.1 as f64)
    }

    /// Wilson's 95 % interval (1927).
    pub fn interval(self) -> (f64, f64) {
        const Z: f64 = 1.959_963_984_540_054;
        let n = self.1 as f64;
        if n == 0.0 {
            return (0.0, 1.0);
        }
        let p = self.0 as f64 / n;
        let middle = p + Z * Z / (2.0 * n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + Z * Z / n;
        ((middle - half) / whole, (middle + half) / whole)
    }
}

/// A judged fault: its marks and what was found, where something was.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    pub marks: &'a Marks,
    pub found: &'a Found,
}

/// The faults of these cases that are due, with what was found of them.
pub fn due(cases: &[Case]) -> impl Iterator<Item = &Marks> {
    cases.iter().flat_map(|c| &c.marks).filter(|m| m.due)
}

/// The faults found, due or not; latency families apart.
pub fn found(cases: &[Case]) -> Vec<Judged<'_>> {
    cases
        .iter()
        .filter(|c| c.family.truth != Truth::Latency)
        .flat_map(|c| &c.marks)
        .filter_map(|marks| marks.found.as_ref().map(|found| Judged { marks, found }))
        .collect()
}

/// A ballot with its truth: the guilty change, or none.
#[derive(Clone)]
pub struct Cast {
    pub ballot: Ballot,
    pub cause: Option<String>,
}

/// The ballots of what was found.
pub fn casts(cases: &[Case]) -> Vec<Cast> {
    found(cases)
        .into_iter()
        .map(|j| Cast {
            ballot: j.found.ballot.clone(),
            cause: j.marks.cause.clone(),
        })
        .collect()
}

/// How good a set of ballots is.
pub struct Blame {
    /// Guilty change first, among the first three, of those caused by a listed change.
    pub first: Share,
    pub third: Share,
    /// Verdict `change` with the right one, and with a wrong one, of those.
    pub named: Share,
    pub misnamed: Share,
    /// Verdict `change`, of those that no listed change caused: false accusations.
    pub accused: Share,
    /// Verdict `unexplained`, of those.
    pub none: Share,
    pub brier: f64,
    pub ece: f64,
    /// Mean ln of the probability that the truth was given, at least 1e-6.
    pub log_score: f64,
}

impl Blame {
    pub fn of(casts: &[Cast]) -> Blame {
        let caused: Vec<&Cast> = casts.iter().filter(|c| c.cause.is_some()).collect();
        let alone: Vec<&Cast> = casts.iter().filter(|c| c.cause.is_none()).collect();
        let rank = |c: &Cast| {
            c.cause
                .as_deref()
                .and_then(|id| c.ballot.rank(id))
                .unwrap_or(usize::MAX)
        };
        let names = |c: &Cast| {
            let first = c.ballot.suspects.first().map(|s| s.change.as_str());
            (c.ballot.verdict == "change")
                .then_some(first)
                .flatten()
                .map(str::to_owned)
        };
        let mean = |f: &dyn Fn(&Cast) -> f64| {
            casts.iter().map(f).sum::<f64>() / (casts.len() as f64).max(1.0)
        };
        Blame {
            first: Share::of(caused.iter().map(|c| rank(c) == 1)),
            third: Share::of(caused.iter().map(|c| rank(c) <= 3)),
            named: Share::of(
                caused
                    .iter()
                    .map(|c| names(c).is_some() && names(c) == c.cause),
            ),
            misnamed: Share::of(
                caused
                    .iter()
                    .map(|c| names(c).is_some_and(|n| Some(n) != c.cause)),
            ),
            accused: Share::of(alone.iter().map(|c| names(c).is_some())),
            none: Share::of(alone.iter().map(|c| c.ballot.verdict == "unexplained")),
            brier: mean(&|c| {
                let misses: f64 = hypotheses(c).map(|(p, y)| (p - y).powi(2)).sum();
                0.5 * misses
            }),
            ece: calibration_error(casts.iter().flat_map(hypotheses)),
            log_score: mean(&|c| c.ballot.probability(c.cause.as_deref()).max(1e-6).ln()),
        }
    }

    pub fn under(casts: &[Cast], rule: &Rule) -> Blame {
        let voted: Vec<Cast> = casts
            .iter()
            .map(|c| Cast {
                ballot: c.ballot.under(rule),
                cause: c.cause.clone(),
            })
            .collect();
        Blame::of(&voted)
    }
}

/// Probability and truth of every hypothesis, "none" included; a guilty change that is no suspect
/// was given 0.
fn hypotheses(cast: &Cast) -> impl Iterator<Item = (f64, f64)> + '_ {
    let is = |id: Option<&str>| f64::from(u8::from(cast.cause.as_deref() == id));
    let suspects = cast.ballot.suspects.iter();
    let excluded = cast
        .cause
        .as_deref()
        .filter(|id| cast.ballot.suspects.iter().all(|s| s.change != *id))
        .map(|_| (0.0, 1.0));
    suspects
        .map(move |s| (s.probability, is(Some(&s.change))))
        .chain(std::iter::once((cast.ballot.none, is(None))))
        .chain(excluded)
}

/// Expected calibration error over ten bins of equal width (Naeini et al., AAAI 2015).
pub fn calibration_error(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut bins = [(0.0, 0.0, 0.0); 10];
    for (p, y) in pairs {
        let bin = &mut bins[((p * 10.0) as usize).min(9)];
        *bin = (bin.0 + 1.0, bin.1 + p, bin.2 + y);
    }
    let all: f64 = bins.iter().map(|b| b.0).sum();
    bins.iter().map(|(_, p, y)| (p - y).abs()).sum::<f64>() / all.max(1.0)
}

/// The middle of these; `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len().checked_sub(1)? / 2;
    let upper = values.len() / 2;
    Some((values[middle] + values[upper]) / 2.0)
}
