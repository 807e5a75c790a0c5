//! When a rate rose: the posterior of the moment, from 10 s counts and exact times of failures.
//!
//! p(t) = p₀ + δ·clip((t − τ)/r, 0, 1) over the endpoints of an incident, which share τ and r. Each
//! endpoint's log likelihood is binomial and divided by its φ; δ may be off by some 40 % and is
//! averaged out, and so is r. A moment at which a rate falls is the same thing in a mirror.

use super::Estimate;
use crate::stats::log_sum_exp;
use crate::zoom::CELL_US;

/// Lengths of the rise, in cells: at once, and 1, 2, 5, 10, 20, 30, 45 minutes.
const RAMPS: [usize; 8] = [0, 6, 12, 30, 60, 120, 180, 270];
/// Half of all faults are taken to begin at once, the others spread evenly.
const AT_ONCE: f64 = 0.5;
/// The plateau's excess, relative to the mean excess of the candidate.
const PLATEAUS: [f64; 3] = [0.7, 1.0, 1.4];
/// Parts of a cell that a moment is resolved to: half a second.
const PARTS: usize = 20;
/// A posterior has about this many points at most; a wide one is coarsened.
const POINTS: usize = 400;
/// Points less probable than this are left out.
const NEGLIGIBLE: f64 = 1e-6;

/// One endpoint's counts around the moment, in the direction of time in which the rate rises.
pub(super) struct Side {
    /// Index of the first cell since the epoch.
    pub first: i64,
    /// `(successes, failures)` of each cell.
    pub counts: Vec<(f64, f64)>,
    pub failures_us: Vec<i64>,
    /// Rate before.
    pub calm: f64,
    /// Mean rate after.
    pub raised: f64,
    pub phi: f64,
}

impl Side {
    /// The same with time running backwards.
    pub(super) fn mirrored(mut self) -> Side {
        self.first = -(self.first + self.counts.len() as i64);
        self.counts.reverse();
        self.failures_us.reverse();
        // !t is −t − 1: what stood at a cell's begin must stay in that cell.
        self.failures_us.iter_mut().for_each(|time| *time = !*time);
        self
    }

    /// ln p and ln(1 − p) at a share of the plateau.
    fn logs(&self, plateau: f64, share: f64) -> (f64, f64) {
        let rise = plateau * (self.raised - self.calm).max(0.0);
        let p = (self.calm + share * rise).clamp(1e-6, 1.0 - 1e-6);
        (p.ln(), (-p).ln_1p())
    }
}

/// An endpoint's log likelihood of every onset, in units of φ.
pub(super) struct Surface<'a> {
    side: &'a Side,
    /// For an onset at the begin of each cell (and after the last one): for each ramp.
    ramps: Vec<[f64; RAMPS.len()]>,
    /// The same for an onset at once: for each plateau.
    steps: Vec<[f64; PLATEAUS.len()]>,
}

impl<'a> Surface<'a> {
    pub(super) fn new(side: &'a Side) -> Surface<'a> {
        let cells = side.counts.len();
        let by_plateau = PLATEAUS.map(|plateau| likelihoods(side, plateau));
        let at = |cell: usize, ramp: usize| -> [f64; PLATEAUS.len()] {
            std::array::from_fn(|i| by_plateau[i][cell][ramp])
        };
        let mean = |logs: [f64; PLATEAUS.len()]| log_sum_exp(&logs) - (logs.len() as f64).ln();
        Surface {
            side,
            ramps: (0..=cells)
                .map(|cell| std::array::from_fn(|r| mean(at(cell, r))))
                .collect(),
            steps: (0..=cells).map(|cell| at(cell, 0)).collect(),
        }
    }

    /// First and last cell boundary that it tells about.
    pub(super) fn range(&self) -> (i64, i64) {
        (
            self.side.first,
            self.side.first + self.side.counts.len() as i64,
        )
    }

    /// ln L of an onset at the begin of a cell, whatever the ramp. Beyond its range an endpoint was
    /// raised all the time, or never.
    pub(super) fn profile(&self, cell: i64) -> f64 {
        let row = self.ramps[self.index(cell)];
        let weighted: [f64; RAMPS.len()] = std::array::from_fn(|r| ln_prior(r) + row[r]);
        log_sum_exp(&weighted)
    }

    fn index(&self, cell: i64) -> usize {
        let last = self.ramps.len() - 1;
        usize::try_from((cell - self.side.first).max(0)).map_or(last, |i| i.min(last))
    }

    /// Adds, for an onset at each part of a cell, ln L of each ramp. `parts` has one row per part.
    fn add_parts(&self, cell: i64, parts: &mut [[f64; RAMPS.len()]; PARTS]) {
        let (here, next) = (self.index(cell), self.index(cell + 1));
        let inside = self.range().0 <= cell && cell < self.range().1;
        let (ok, failed) = if inside {
            self.side.counts[here]
        } else {
            (0.0, 0.0)
        };
        let from_us = cell.saturating_mul(CELL_US);
        let begin = self.side.failures_us.partition_point(|t| *t < from_us);
        let end = self
            .side
            .failures_us
            .partition_point(|t| *t < from_us.saturating_add(CELL_US));
        let listed = &self.side.failures_us[begin..end.max(begin)];
        // Failures beyond the limit of what was listed are spread evenly, as successes are.
        let unlisted = (failed - listed.len() as f64).max(0.0);
        let moved: [(f64, f64); PLATEAUS.len()] = PLATEAUS.map(|plateau| {
            let (calm, raised) = (self.side.logs(plateau, 0.0), self.side.logs(plateau, 1.0));
            (calm.0 - raised.0, calm.1 - raised.1)
        });
        for (part, row) in parts.iter_mut().enumerate() {
            let share = (part as f64 + 0.5) / PARTS as f64;
            let until = from_us.saturating_add((share * CELL_US as f64) as i64);
            let failures = if inside {
                listed.partition_point(|t| *t < until) as f64 + share * unlisted
            } else {
                0.0
            };
            let steps: [f64; PLATEAUS.len()] = std::array::from_fn(|i| {
                let (per_failure, per_success) = moved[i];
                let gain = failures * per_failure + share * ok * per_success;
                self.steps[here][i] + gain / self.side.phi
            });
            row[0] += log_sum_exp(&steps) - (steps.len() as f64).ln();
            for (r, sum) in row.iter_mut().enumerate().skip(1) {
                let (a, b) = (self.ramps[here][r], self.ramps[next][r]);
                *sum += a + share * (b - a);
            }
        }
    }
}

fn ln_prior(ramp: usize) -> f64 {
    let slow = (RAMPS.len() - 1) as f64;
    if ramp == 0 {
        AT_ONCE.ln()
    } else {
        ((1.0 - AT_ONCE) / slow).ln()
    }
}

/// ln L / φ for an onset at the begin of each cell, by ramp.
fn likelihoods(side: &Side, plateau: f64) -> Vec<[f64; RAMPS.len()]> {
    let cells = side.counts.len();
    let value = |(ok, failed): (f64, f64), logs: (f64, f64)| failed * logs.0 + ok * logs.1;
    let running = |share: f64| {
        let logs = side.logs(plateau, share);
        let mut sums = vec![0.0];
        sums.extend(side.counts.iter().scan(0.0, |sum, count| {
            *sum += value(*count, logs);
            Some(*sum)
        }));
        sums
    };
    let (calm, raised) = (running(0.0), running(1.0));
    let rises = RAMPS.map(|ramp| -> Vec<(f64, f64)> {
        let share = |step: usize| (step as f64 + 0.5) / ramp as f64;
        (0..ramp)
            .map(|step| side.logs(plateau, share(step)))
            .collect()
    });
    let at = |onset: usize, rise: &Vec<(f64, f64)>| {
        let rising = side.counts[onset..].iter().zip(rise);
        let plateau_from = (onset + rise.len()).min(cells);
        let sum: f64 = rising.map(|(count, logs)| value(*count, *logs)).sum();
        (calm[onset] + sum + raised[cells] - raised[plateau_from]) / side.phi
    };
    (0..=cells)
        .map(|onset| std::array::from_fn(|r| at(onset, &rises[r])))
        .collect()
}

/// The posterior of the one moment at which all these rates rose; `None` without any.
pub(super) fn estimate(surfaces: &[Surface]) -> Option<Estimate> {
    let from = surfaces.iter().map(|s| s.range().0).min()?;
    let to = surfaces.iter().map(|s| s.range().1).max()?;
    let mut logs: Vec<f64> = Vec::new();
    // The cell after the last stands for an onset that these cells don't hold.
    for cell in from..=to {
        let mut parts = [[0.0; RAMPS.len()]; PARTS];
        surfaces
            .iter()
            .for_each(|surface| surface.add_parts(cell, &mut parts));
        logs.extend(parts.map(|row| {
            let weighted: [f64; RAMPS.len()] = std::array::from_fn(|r| ln_prior(r) + row[r]);
            log_sum_exp(&weighted)
        }));
    }
    let total = log_sum_exp(&logs);
    let part_us = CELL_US / PARTS as i64;
    let begin_us = from.saturating_mul(CELL_US);
    let probabilities: Vec<f64> = logs.iter().map(|ln_p| (ln_p - total).exp()).collect();
    let bound = |share: f64| -> usize {
        let mut sum = 0.0;
        let reached = probabilities.iter().position(|p| {
            sum += p;
            sum >= share
        });
        reached.unwrap_or(probabilities.len().saturating_sub(1))
    };
    let at = |part: usize| begin_us.saturating_add(part as i64 * part_us);
    Some(Estimate {
        median_us: at(bound(0.5)) + part_us / 2,
        low_us: at(bound(0.025)),
        high_us: at(bound(0.975) + 1),
        posterior: points(&probabilities, |part| at(part) + part_us / 2, part_us),
    })
}

/// The probable points, as many of them joined as keeps their number down.
fn points(probabilities: &[f64], at: impl Fn(usize) -> i64, part_us: i64) -> Vec<(i64, f64)> {
    let probable = probabilities.iter().filter(|p| **p > NEGLIGIBLE).count();
    let joined = probable.div_ceil(POINTS).max(1);
    let mut points: Vec<(i64, f64)> = probabilities
        .chunks(joined)
        .enumerate()
        .map(|(i, chunk)| {
            let middle = at(i * joined) + (chunk.len() as i64 - 1) * part_us / 2;
            (middle, chunk.iter().sum::<f64>())
        })
        .filter(|(_, p)| *p > NEGLIGIBLE)
        .collect();
    let total: f64 = points.iter().map(|(_, p)| p).sum();
    points.iter_mut().for_each(|(_, p)| *p /= total);
    points
}

impl Estimate {
    /// The same moment of the time before it was mirrored.
    pub(super) fn mirrored(mut self) -> Estimate {
        self.posterior.reverse();
        self.posterior
            .iter_mut()
            .for_each(|(time, _)| *time = -*time);
        Estimate {
            median_us: -self.median_us,
            low_us: -self.high_us,
            high_us: -self.low_us,
            posterior: self.posterior,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve cells of 20 requests, one failure early, then a fifth of them.
    fn side() -> Side {
        let failed = [0, 0, 1, 0, 0, 4, 5, 3, 4, 4, 5, 3].map(f64::from);
        let mut failures_us = vec![7_020_000_000];
        for (cell, failed) in failed.iter().enumerate().skip(5) {
            let at = |i: i64| (700 + cell as i64) * CELL_US + 2_000_000 + i * 1_000_000;
            failures_us.extend((0..*failed as i64).map(at));
        }
        Side {
            first: 700,
            counts: failed.map(|x| (20.0 - x, x)).to_vec(),
            failures_us,
            calm: 0.005,
            raised: 0.2,
            phi: 1.5,
        }
    }

    /// The likelihood by its definition: every cell's rate from the formula, one by one.
    #[test]
    fn running_sums_equal_the_likelihood_by_its_definition() {
        let side = side();
        for plateau in PLATEAUS {
            let fast = likelihoods(&side, plateau);
            assert_eq!(fast.len(), side.counts.len() + 1);
            for (onset, by_ramp) in fast.iter().enumerate() {
                for (r, ramp) in RAMPS.into_iter().enumerate() {
                    let mut sum = 0.0;
                    for (cell, (ok, failed)) in side.counts.iter().enumerate() {
                        let since = cell as f64 + 0.5 - onset as f64;
                        let g = match ramp {
                            _ if since < 0.0 => 0.0,
                            0 => 1.0,
                            _ => (since / ramp as f64).min(1.0),
                        };
                        let p = 0.005 + plateau * 0.195 * g;
                        sum += failed * p.ln() + ok * (1.0 - p).ln();
                    }
                    let got = by_ramp[r];
                    assert!(
                        (got - sum / 1.5).abs() < 1e-9,
                        "{onset} {ramp}: {got} {sum}"
                    );
                }
            }
        }
    }

    /// The failures resume two seconds into cell 705: an onset lies before that, and after the
    /// successes that speak against it.
    #[test]
    fn an_onset_lies_before_the_first_failure_of_the_rise() {
        let side = side();
        let estimate = estimate(&[Surface::new(&side)]).unwrap();
        assert!((703 * CELL_US..=705 * CELL_US + 2_000_000).contains(&estimate.median_us));
        assert!(estimate.low_us <= estimate.median_us && estimate.median_us <= estimate.high_us);
    }

    /// The same story told backwards about the begin of cell 712: a rate that falls. Its end lies
    /// where the mirror shows the onset.
    #[test]
    fn an_end_is_an_onset_in_a_mirror() {
        let rise = side();
        let about = 712 * CELL_US;
        let mut fall = Side { first: 0, ..side() };
        fall.counts.reverse();
        fall.failures_us = side()
            .failures_us
            .iter()
            .rev()
            .map(|t| about - 1 - t)
            .collect();
        let fall = fall.mirrored();
        let onset = estimate(&[Surface::new(&rise)]).unwrap();
        let end = estimate(&[Surface::new(&fall)]).unwrap().mirrored();
        assert_eq!(end.median_us, about - onset.median_us);
        assert_eq!(
            (end.low_us, end.high_us),
            (about - onset.high_us, about - onset.low_us)
        );
        assert!(end.posterior.is_sorted_by_key(|(time, _)| *time));
    }
}
