//! Weights and temperature that would have scored best on the fitting families.
//!
//! Coordinate search: one number after the other over a grid of factors on what the program has,
//! the best mean log score kept, until a round changes nothing. The score is penalised by 0.01 for
//! each squared ln of a factor, so that what the incidents don't tell stays as it was reasoned.
//! Test families are refused: a number that has seen them is worth nothing.

use std::fmt::Write as _;

use crate::ballot::Rule;
use crate::judge::Case;
use crate::measure::{Blame, Cast, casts};
use crate::table::blame_row;

const FACTORS: [f64; 9] = [0.4, 0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5];
const BIASES: [f64; 9] = [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0];
const KINDS: [&str; 6] = ["prior", "lag", "scope", "rollback", "dependency", "load"];
const ROUNDS: usize = 8;
/// Pull towards what was reasoned.
const PENALTY: f64 = 0.01;

/// The search and what it found, in Markdown.
pub fn search(cases: &[Case]) -> String {
    let fitting: Vec<&Case> = cases
        .iter()
        .filter(|c| c.family.name.starts_with("fit-"))
        .collect();
    if fitting.len() != cases.len() {
        return "--fit needs --families fit: nothing is fitted on the test families\n".to_owned();
    }
    let casts = casts(cases);
    let mut rule = Rule {
        weights: KINDS.iter().map(|k| ((*k).to_owned(), 1.0)).collect(),
        ..Rule::as_built()
    };
    let start = rule.clone();
    let built = Rule::as_built().temperature;
    for _ in 0..ROUNDS {
        let before = score(&casts, &rule);
        rule = best(
            &casts,
            &rule,
            FACTORS.map(|f| Rule {
                temperature: built * f,
                ..rule.clone()
            }),
        );
        rule = best(
            &casts,
            &rule,
            BIASES.map(|b| Rule {
                none_bias: b,
                ..rule.clone()
            }),
        );
        for kind in 0..KINDS.len() {
            rule = best(&casts, &rule, FACTORS.map(|f| with_weight(&rule, kind, f)));
        }
        if score(&casts, &rule) <= before + 1e-9 {
            break;
        }
    }
    let mut out = String::from(
        "| fit on the fitting families | AC@1 | named | wrong | accused | none right | Brier | ECE | log score |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let _ = writeln!(
        out,
        "| as built {}",
        blame_row(&Blame::under(&casts, &start))
    );
    let _ = writeln!(out, "| fitted {}", blame_row(&Blame::under(&casts, &rule)));
    for (kind, name) in KINDS.iter().enumerate() {
        let alone = with_weight(&start, kind, rule.weights[kind].1);
        let _ = writeln!(
            out,
            "| only {} × {} {}",
            name,
            rule.weights[kind].1,
            blame_row(&Blame::under(&casts, &alone))
        );
    }
    out.push_str("\n| log score; accused %, none right % | bias 0 | +0.5 | +1 | +1.5 | +2 |\n|---|--:|--:|--:|--:|--:|\n");
    for factor in FACTORS {
        let _ = write!(out, "| temperature {:.2} |", built * factor);
        for none_bias in [0.0, 0.5, 1.0, 1.5, 2.0] {
            let rule = Rule {
                temperature: built * factor,
                none_bias,
                ..Rule::as_built()
            };
            let blame = Blame::under(&casts, &rule);
            let percent = |share: crate::measure::Share| 100.0 * share.value().unwrap_or(0.0);
            let _ = write!(
                out,
                " {:.3}; {:.0}, {:.0} |",
                blame.log_score,
                percent(blame.accused),
                percent(blame.none)
            );
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "\ntemperature {:.2}, bias of none {:+.1}, factors {:?}\n",
        rule.temperature, rule.none_bias, rule.weights
    );
    out
}

fn with_weight(rule: &Rule, kind: usize, factor: f64) -> Rule {
    let mut rule = rule.clone();
    rule.weights[kind].1 = factor;
    rule
}

fn score(casts: &[Cast], rule: &Rule) -> f64 {
    let built = Rule::as_built();
    let factors = rule
        .weights
        .iter()
        .map(|(_, w)| *w)
        .chain([rule.temperature / built.temperature]);
    let pull: f64 = factors.map(|f| f.ln().powi(2)).sum::<f64>() + rule.none_bias.powi(2);
    Blame::under(casts, rule).log_score - PENALTY * pull
}

/// The best of these, or the one that was.
fn best<const N: usize>(casts: &[Cast], now: &Rule, tried: [Rule; N]) -> Rule {
    let mut best = (score(casts, now), now.clone());
    for rule in tried {
        let found = score(casts, &rule);
        if found > best.0 + 1e-9 {
            best = (found, rule);
        }
    }
    best.1
}
