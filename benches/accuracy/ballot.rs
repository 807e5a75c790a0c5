//! A verdict taken apart: each hypothesis with its printed nats, put together again by the lab's own
//! hand.
//!
//! The rule here is a second copy of the program's, on purpose: with nothing changed it must give
//! the report's probabilities to 1e-9, which the table says of how many verdicts it did. With a
//! kind of evidence left out, its weights changed or another temperature, it says what the program
//! would have said: that is the ablation, and what `fit` searches over.

use triage::report::{Evidence, Incident};

/// Names of evidence that is about time or about what sort of change it is, not a witness.
const NO_WITNESS: [&str; 4] = ["prior", "status", "lag", "dose"];
/// Evidence that shows that a change took effect.
const EFFECTS: [&str; 4] = ["version_contrast", "signature", "stack", "rollback"];
/// Shares of dependency, load and unknown among the causes that are no change.
const SHARES: [f64; 3] = [0.40, 0.15, 0.45];

/// A change and what was said of it.
#[derive(Clone)]
pub struct Suspect {
    pub change: String,
    pub probability: f64,
    pub evidence: Vec<(String, f64)>,
}

/// All hypotheses of one incident.
#[derive(Clone)]
pub struct Ballot {
    pub verdict: String,
    pub suspects: Vec<Suspect>,
    pub none: f64,
    /// Score of "none" in nats; `None` where nothing was weighed.
    pub none_nats: Option<f64>,
    /// Evidence of dependency and of load, summed.
    pub others: [f64; 2],
    pub onset_known: bool,
}

/// What may be varied.
#[derive(Clone)]
pub struct Rule {
    pub temperature: f64,
    /// Factors on kinds of evidence, on top of the weights in the program.
    pub weights: Vec<(String, f64)>,
    /// Added to the score of "none".
    pub none_bias: f64,
}

impl Rule {
    /// As the program has it.
    pub fn as_built() -> Rule {
        Rule {
            temperature: 1.0,
            weights: Vec::new(),
            none_bias: 0.0,
        }
    }

    /// Without this kind of evidence.
    pub fn without(kind: &str) -> Rule {
        Rule {
            weights: vec![(kind.to_owned(), 0.0)],
            ..Rule::as_built()
        }
    }

    fn weight(&self, kind: &str) -> f64 {
        let found = self.weights.iter().find(|(k, _)| k == kind);
        found.map_or(1.0, |(_, w)| *w)
    }
}

fn pairs(evidence: &[Evidence]) -> Vec<(String, f64)> {
    evidence.iter().map(|e| (e.kind.clone(), e.nats)).collect()
}

impl Ballot {
    pub fn of(incident: &Incident) -> Ballot {
        let sum = |kind: &str| {
            let found = incident.alternatives.iter().find(|a| a.kind == kind);
            let nats: f64 = found.map_or(0.0, |a| a.evidence.iter().map(|e| e.nats).sum());
            match kind {
                "dependency" => nats.clamp(-4.0, 4.0),
                _ => nats.clamp(-3.0, 3.0),
            }
        };
        Ballot {
            verdict: incident.verdict.clone(),
            suspects: incident
                .suspects
                .iter()
                .map(|s| Suspect {
                    change: s.change.clone(),
                    probability: s.probability,
                    evidence: pairs(&s.evidence),
                })
                .collect(),
            none: incident.unexplained_probability,
            none_nats: incident.unexplained_nats,
            others: [sum("dependency"), sum("load")],
            onset_known: incident.onset.is_some(),
        }
    }

    /// Probability of this change, or of "none".
    pub fn probability(&self, of: Option<&str>) -> f64 {
        match of {
            None => self.none,
            Some(id) => self
                .suspects
                .iter()
                .find(|s| s.change == id)
                .map_or(0.0, |s| s.probability),
        }
    }

    /// The rank of a change among the suspects, behind all that are as probable.
    pub fn rank(&self, id: &str) -> Option<usize> {
        let own = self.suspects.iter().find(|s| s.change == id)?;
        let ahead = |s: &&Suspect| s.change != id && s.probability >= own.probability - 1e-9;
        Some(1 + self.suspects.iter().filter(ahead).count())
    }

    /// The verdict under another rule.
    pub fn under(&self, rule: &Rule) -> Ballot {
        let Some(none_nats) = self.none_nats else {
            return self.clone();
        };
        let all = |weights: [f64; 2]| {
            let scores = [
                SHARES[0].ln() + weights[0] * self.others[0],
                SHARES[1].ln() + weights[1] * self.others[1],
                SHARES[2].ln(),
            ];
            scores.iter().map(|s| s.exp()).sum::<f64>().ln()
        };
        let none = none_nats - all([1.0, 1.0])
            + all([rule.weight("dependency"), rule.weight("load")])
            + rule.none_bias;
        let mut ballot = self.clone();
        for suspect in &mut ballot.suspects {
            for (kind, nats) in &mut suspect.evidence {
                *nats *= rule.weight(kind);
            }
        }
        let scores: Vec<f64> = ballot
            .suspects
            .iter()
            .map(|s| s.evidence.iter().map(|(_, n)| n).sum::<f64>() / rule.temperature)
            .collect();
        let top = scores
            .iter()
            .copied()
            .fold(none / rule.temperature, f64::max);
        let whole: f64 = scores.iter().map(|s| (s - top).exp()).sum::<f64>()
            + (none / rule.temperature - top).exp();
        for (suspect, score) in ballot.suspects.iter_mut().zip(&scores) {
            suspect.probability = (score - top).exp() / whole;
        }
        cap(&mut ballot.suspects, 0.25, |s| {
            without_effect(s, |n| n <= -2.0)
        });
        cap(&mut ballot.suspects, 0.45, |s| {
            without_effect(s, |n| n > -2.0)
        });
        cap(&mut ballot.suspects, 0.45, contradicted);
        cap(&mut ballot.suspects, 0.80, only_timing);
        ballot
            .suspects
            .sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let sum: f64 = ballot.suspects.iter().map(|s| s.probability).sum();
        ballot.none = (1.0 - sum).max(0.0);
        ballot.verdict = ballot.named().to_owned();
        ballot
    }

    fn named(&self) -> &'static str {
        let Some(best) = self.suspects.first() else {
            return "unexplained";
        };
        if self.none >= 0.5 || best.probability < 0.3 {
            return "unexplained";
        }
        let clear = self.suspects.get(1).is_none_or(|second| {
            let apart = (beyond_lag(best) - beyond_lag(second)).abs() >= 0.5;
            best.probability >= second.probability + 0.10
                && (apart || best.probability >= 2.0 * second.probability)
        });
        let kinds = best
            .evidence
            .iter()
            .filter(|(k, n)| k != "prior" && *n >= 1.0)
            .count();
        let placed = self.onset_known || kinds >= 2;
        match placed && best.probability >= 0.5 && clear {
            true => "change",
            false => "ambiguous",
        }
    }
}

fn beyond_lag(suspect: &Suspect) -> f64 {
    let rest = suspect.evidence.iter().filter(|(kind, _)| kind != "lag");
    rest.map(|(_, nats)| nats).sum()
}

fn witnesses(suspect: &Suspect) -> impl Iterator<Item = f64> {
    let witness = |(kind, _): &&(String, f64)| !NO_WITNESS.contains(&kind.as_str());
    suspect
        .evidence
        .iter()
        .filter(witness)
        .map(|(_, nats)| *nats)
}

fn only_timing(suspect: &Suspect) -> bool {
    !witnesses(suspect).any(|nats| nats >= 1.0)
}

/// A status of so many nats against it, and no sign of an effect.
fn without_effect(suspect: &Suspect, against: impl Fn(f64) -> bool) -> bool {
    let has = |kinds: &[&str], worth: &dyn Fn(f64) -> bool| {
        let found = |(k, n): &(String, f64)| kinds.contains(&k.as_str()) && worth(*n);
        suspect.evidence.iter().any(found)
    };
    has(&["status"], &against) && !has(&EFFECTS, &|n| n >= 1.0)
}

/// Time and place against each other.
fn contradicted(suspect: &Suspect) -> bool {
    let against = |kind: &str| {
        suspect
            .evidence
            .iter()
            .any(|(k, n)| k == kind && *n <= -1.0)
    };
    let place = |(kind, nats): &(String, f64)| {
        kind == "scope" || NO_WITNESS.contains(&kind.as_str()) || *nats < 1.0
    };
    (only_timing(suspect) && witnesses(suspect).any(|nats| nats <= -1.0))
        || ((against("lag") || against("host")) && suspect.evidence.iter().all(place))
}

fn cap(suspects: &mut [Suspect], most: f64, member: impl Fn(&Suspect) -> bool) {
    let together: f64 = suspects
        .iter()
        .filter(|s| member(s))
        .map(|s| s.probability)
        .sum();
    if together > most {
        for suspect in suspects.iter_mut().filter(|s| member(s)) {
            suspect.probability *= most / together;
        }
    }
}
