//! What the failing requests have in common: the narrowest conjunction of label values that covers
//! nearly all of the excess.
//!
//! Comes in: requests and errors by label values from onset to end, and what was expected of each
//! endpoint. A beam search adds one condition at a time. A condition must narrow: fail at least
//! twice as often as what it leaves out, and hold so much of the excess that its share of the
//! requests can't explain it.

use super::constants::{
    COMMON_ALPHA, COMMON_BEAM, COMMON_COVERAGE, COMMON_DEPTH, COMMON_LIFT, COMMON_NARROWS,
};
use crate::stats::beta_cdf;
use crate::zoom::{Counts, LABELS, Label, Tally};

/// A label value that failing requests share.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The label.
    pub label: Label,
    /// Its value, as the log has it.
    pub value: Vec<u8>,
    /// Share of the excess errors that have it.
    pub coverage: f64,
    /// Error rate with it ÷ error rate without it.
    pub lift: f64,
    /// Share of the excess errors that have it and all conditions before it.
    pub joint_coverage: f64,
    /// Error rate where they all hold ÷ error rate where one doesn't.
    pub joint_lift: f64,
}

/// Requests with one combination of values.
struct Row {
    values: [u32; LABELS],
    counts: Counts,
    excess: f64,
}

/// Requests, errors and excess errors of some rows.
#[derive(Clone, Copy, Default)]
struct Sum {
    counts: Counts,
    excess: f64,
}

impl Sum {
    fn add(&mut self, row: &Row) {
        self.counts.add(row.counts);
        self.excess += row.excess;
    }
}

/// Label values that must all hold, in the order in which they were added.
type Conjunction = Vec<(Label, u32)>;

/// The narrowest conjunction; empty where nothing sets the failing requests apart. `rates` are the
/// expected error rates of the endpoints.
pub(super) fn narrowest(tally: &Tally, rates: &[f64]) -> Vec<Condition> {
    let rows: Vec<Row> = tally
        .during()
        .map(|(endpoint, values, counts)| {
            let expected = rates.get(endpoint).copied().unwrap_or(0.0);
            Row {
                values: *values,
                counts,
                excess: counts.errors as f64 - expected * counts.requests as f64,
            }
        })
        .collect();
    let whole = sum(&rows, &[]);
    if whole.excess < 1.0 {
        return Vec::new();
    }
    let tests: usize = Label::ALL.iter().map(|l| tally.numbers(*l).len()).sum();
    let mut beam: Vec<(Conjunction, Sum)> = vec![(Vec::new(), whole)];
    let mut best: (Conjunction, Sum) = (Vec::new(), whole);
    for _ in 0..COMMON_DEPTH {
        let mut next: Vec<(Conjunction, Sum)> = Vec::new();
        for (conjunction, within) in &beam {
            for (condition, inside) in refined(&rows, conjunction, tally) {
                if inside.excess >= COMMON_COVERAGE * whole.excess
                    && narrows(&inside, within, tests)
                {
                    let mut longer = conjunction.clone();
                    longer.push(condition);
                    next.push((longer, inside));
                }
            }
        }
        // The fewest requests first; of equals the more telling labels.
        next.sort_by(|(a, x), (b, y)| {
            (x.counts.requests, a.as_slice()).cmp(&(y.counts.requests, b.as_slice()))
        });
        next.dedup_by_key(|(_, sum)| sum.counts);
        next.truncate(COMMON_BEAM);
        if let Some(first) = next.first()
            && first.1.counts.requests < best.1.counts.requests
        {
            best = first.clone();
        }
        beam = next;
    }
    described(&best.0, &rows, &whole, tally)
}

/// Each value that can be added to a conjunction, with what is left then.
fn refined<'t>(
    rows: &[Row],
    conjunction: &[(Label, u32)],
    tally: &'t Tally,
) -> impl Iterator<Item = ((Label, u32), Sum)> + use<'t> {
    let mut sums: Vec<Vec<Sum>> = Label::ALL
        .iter()
        .map(|label| vec![Sum::default(); tally.numbers(*label).end as usize])
        .collect();
    for row in rows.iter().filter(|row| holds(row, conjunction)) {
        for (sums, value) in sums.iter_mut().zip(&row.values) {
            if let Some(sum) = sums.get_mut(*value as usize) {
                sum.add(row);
            }
        }
    }
    let taken: Vec<Label> = conjunction.iter().map(|(label, _)| *label).collect();
    Label::ALL
        .into_iter()
        .filter(move |label| !taken.contains(label))
        .flat_map(move |label| {
            let sums = std::mem::take(&mut sums[label as usize]);
            tally
                .numbers(label)
                .map(move |value| ((label, value), sums[value as usize]))
        })
}

fn holds(row: &Row, conjunction: &[(Label, u32)]) -> bool {
    conjunction
        .iter()
        .all(|(label, value)| row.values[*label as usize] == *value)
}

fn sum(rows: &[Row], conjunction: &[(Label, u32)]) -> Sum {
    let mut sum = Sum::default();
    rows.iter()
        .filter(|row| holds(row, conjunction))
        .for_each(|row| sum.add(row));
    sum
}

/// Whether a condition sets the failing requests apart from the others: fewer requests, a higher
/// rate, and not by chance (of the excess, how much falls into a share of the requests; one of so
/// many values that were tried).
fn narrows(inside: &Sum, within: &Sum, tests: usize) -> bool {
    let share = inside.counts.requests as f64 / (within.counts.requests as f64).max(1.0);
    if share > COMMON_NARROWS || lift(inside, within) < COMMON_LIFT {
        return false;
    }
    let (excess, all) = (inside.excess.max(0.0), within.excess.max(inside.excess));
    // P(X ≥ k) of a binomial is a beta distribution's, with k and n − k + 1 that need not be whole.
    let by_chance = beta_cdf(share, excess.max(1e-9), all - excess + 1.0);
    by_chance * (tests as f64) < COMMON_ALPHA
}

/// Error rate inside ÷ error rate of the rest, which half an error and a request are added to.
fn lift(inside: &Sum, within: &Sum) -> f64 {
    let rest = Counts {
        requests: within.counts.requests - inside.counts.requests,
        errors: within.counts.errors - inside.counts.errors,
    };
    let rate = inside.counts.errors as f64 / (inside.counts.requests as f64).max(1.0);
    rate / ((rest.errors as f64 + 0.5) / (rest.requests as f64 + 1.0))
}

fn described(
    conjunction: &[(Label, u32)],
    rows: &[Row],
    whole: &Sum,
    tally: &Tally,
) -> Vec<Condition> {
    let condition = |(place, (label, value)): (usize, &(Label, u32))| {
        let alone = sum(rows, &[(*label, *value)]);
        let joint = sum(rows, &conjunction[..=place]);
        let coverage = |part: &Sum| (part.excess / whole.excess).clamp(0.0, 1.0);
        Condition {
            label: *label,
            value: tally.value(*label, *value).to_vec(),
            coverage: coverage(&alone),
            lift: lift(&alone, whole),
            joint_coverage: coverage(&joint),
            joint_lift: lift(&joint, whole),
        }
    };
    conjunction.iter().enumerate().map(condition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoom::{Group, tally};

    fn told(groups: &[Group<'_>]) -> Vec<(String, f64, f64, f64)> {
        let found = narrowest(&tally(groups), &[0.0]);
        found
            .iter()
            .map(|c| {
                let name = format!("{}={}", c.label.name(), String::from_utf8_lossy(&c.value));
                let round = |x: f64| (x * 1000.0).round() / 1000.0;
                (
                    name,
                    round(c.coverage),
                    round(c.joint_coverage),
                    round(c.joint_lift),
                )
            })
            .collect()
    }

    #[test]
    fn what_a_version_and_a_client_have_in_common_is_found_by_both() {
        let told = told(&[
            (0, "1.1", "", "legacy/1.0", 100, 97),
            (0, "1.1", "", "curl/8", 900, 2),
            (0, "1.0", "", "legacy/1.0", 400, 1),
            (0, "1.0", "", "curl/8", 3_600, 0),
        ]);
        // 97 of 100 excess errors; elsewhere 3 of 4,900, with half an error and a request more.
        let lift = (0.97_f64 / (3.5 / 4_901.0) * 1000.0).round() / 1000.0;
        assert_eq!(
            told,
            [
                // 99 of 1,000 against 1 of 4,000: .099 / (1.5 / 4,001).
                ("version=1.1".to_owned(), 0.99, 0.99, 264.066),
                ("client=legacy/1.0".to_owned(), 0.98, 0.97, lift),
            ]
        );
    }

    #[test]
    fn what_all_requests_have_or_errors_have_by_chance_is_nothing_in_common() {
        // All on one version; the host has nearly all errors, and nearly all requests.
        assert_eq!(
            told(&[
                (0, "1.1", "a", "curl/8", 950, 95),
                (0, "1.1", "b", "curl/8", 50, 5),
            ]),
            []
        );
        // Five errors, all of a client with four tenths of the requests: 1 % by chance.
        assert_eq!(
            told(&[
                (0, "1.1", "a", "curl/8", 40, 5),
                (0, "1.1", "a", "Wget/1", 60, 0),
            ]),
            []
        );
    }

    #[test]
    fn of_two_labels_that_say_the_same_the_version_is_told() {
        let told = told(&[
            (0, "1.1", "canary", "curl/8", 100, 30),
            (0, "1.0", "a", "curl/8", 900, 0),
        ]);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, "version=1.1");
    }
}
