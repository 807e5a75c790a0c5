//! When a rate rose: the posterior of the moment, from 10 s counts and exact times of failures.
//!
//! p(t) = p₀ + δ·(j + (1 − j)·clip((t − τ)/r, 0, 1)) from τ on, over the endpoints of an incident, which
//! share τ, r and j. Each endpoint's log likelihood is binomial and divided by its φ; δ may be off by
//! some 40 % and is averaged out, and so are r and j. A moment at which a rate falls is the same thing
//! in a mirror.
//!
//! The interval is the shortest that holds 95 %. The posterior rises up to the first failure and breaks
//! off there: an interval with 2.5 % on either side would end before the likeliest moments.

use super::Estimate;
use crate::stats::log_sum_exp;
use crate::zoom::CELL_US;

/// Lengths of a rise that takes its time, in cells: 1, 2, 6, 10, 20, 30, 44 minutes.
const LENGTHS: [usize; 7] = [6, 12, 36, 60, 120, 180, 264];
/// Such a rise is taken in so many steps at most: all lengths are multiples.
const STEPS: usize = 12;
/// The part of it that is there at once: none, or what a roll-out breaks with its first host, of three
/// to six about a quarter.
const JUMPS: [f64; 2] = [0.0, 0.25];
/// Ways to rise: at once, and each length after each jump.
const RISES: usize = 1 + JUMPS.len() * LENGTHS.len();
/// Half of all faults are taken to begin at once, the others spread evenly.
const AT_ONCE: f64 = 0.5;
/// The plateau's excess, relative to the mean excess of the candidate.
const PLATEAUS: [f64; 3] = [0.7, 1.0, 1.4];
/// Parts of a cell that a moment is resolved to: half a second.
const PARTS: usize = 20;
/// A posterior has about this many points at most; a wide one is coarsened.
const POINTS: usize = 400;
/// Probability that the interval holds.
const HELD: f64 = 0.95;
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
    /// For an onset at the begin of each cell (and after the last one): for each rise.
    rises: Vec<[f64; RISES]>,
    /// The same for an onset at once: for each plateau.
    steps: Vec<[f64; PLATEAUS.len()]>,
}

impl<'a> Surface<'a> {
    pub(super) fn new(side: &'a Side) -> Surface<'a> {
        let cells = side.counts.len();
        let by_plateau = PLATEAUS.map(|plateau| likelihoods(side, plateau));
        let at = |cell: usize, rise: usize| -> [f64; PLATEAUS.len()] {
            std::array::from_fn(|i| by_plateau[i][cell][rise])
        };
        let mean = |logs: [f64; PLATEAUS.len()]| log_sum_exp(&logs) - (logs.len() as f64).ln();
        Surface {
            side,
            rises: (0..=cells)
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

    /// ln L of an onset at the begin of a cell, whatever the rise. Beyond its range an endpoint was
    /// raised all the time, or never.
    pub(super) fn profile(&self, cell: i64) -> f64 {
        let row = self.rises[self.index(cell)];
        let weighted: [f64; RISES] = std::array::from_fn(|r| ln_prior(r) + row[r]);
        log_sum_exp(&weighted)
    }

    fn index(&self, cell: i64) -> usize {
        let last = self.rises.len() - 1;
        usize::try_from((cell - self.side.first).max(0)).map_or(last, |i| i.min(last))
    }

    /// Adds, for an onset at each part of a cell, ln L of each rise. `parts` has one row per part.
    fn add_parts(&self, cell: i64, parts: &mut [[f64; RISES]; PARTS]) {
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
        // What a failure and a success say for calm against that share of the plateau.
        let moved = |plateau: f64, share: f64| {
            let (calm, raised) = (self.side.logs(plateau, 0.0), self.side.logs(plateau, share));
            (calm.0 - raised.0, calm.1 - raised.1)
        };
        let gain = |(per_failure, per_success): (f64, f64), failures: f64, ok: f64| {
            (failures * per_failure + ok * per_success) / self.side.phi
        };
        let raised = PLATEAUS.map(|plateau| moved(plateau, 1.0));
        let jumps = JUMPS.map(|jump| moved(1.0, jump));
        let whole = jumps.map(|jump| if inside { gain(jump, failed, ok) } else { 0.0 });
        for (part, row) in parts.iter_mut().enumerate() {
            let share = (part as f64 + 0.5) / PARTS as f64;
            let until = from_us.saturating_add((share * CELL_US as f64) as i64);
            let failures = if inside {
                listed.partition_point(|t| *t < until) as f64 + share * unlisted
            } else {
                0.0
            };
            let steps: [f64; PLATEAUS.len()] = std::array::from_fn(|i| {
                self.steps[here][i] + gain(raised[i], failures, share * ok)
            });
            row[0] += log_sum_exp(&steps) - (steps.len() as f64).ln();
            // The jump is where it is within the cell; the slow part moves on evenly.
            let jumped = jumps.map(|jump| gain(jump, failures, share * ok));
            for (rise, sum) in row.iter_mut().enumerate().skip(1) {
                let (a, b) = (self.rises[here][rise], self.rises[next][rise]);
                let j = (rise - 1) / LENGTHS.len();
                *sum += a + jumped[j] + share * (b - a - whole[j]);
            }
        }
    }
}

fn ln_prior(rise: usize) -> f64 {
    let slow = (RISES - 1) as f64;
    if rise == 0 {
        AT_ONCE.ln()
    } else {
        ((1.0 - AT_ONCE) / slow).ln()
    }
}

/// ln L / φ for an onset at the begin of each cell, by rise.
fn likelihoods(side: &Side, plateau: f64) -> Vec<[f64; RISES]> {
    let cells = side.counts.len();
    let value = |(ok, failed): (f64, f64), logs: (f64, f64)| failed * logs.0 + ok * logs.1;
    // ln L of the cells before each one, at a share of the plateau.
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
    let stairs = |jump: f64, steps: usize| -> Vec<Vec<f64>> {
        let share = |step: usize| jump + (1.0 - jump) * (step as f64 + 0.5) / steps as f64;
        (0..steps).map(|step| running(share(step))).collect()
    };
    let short = JUMPS.map(|jump| stairs(jump, LENGTHS[0]));
    let long = JUMPS.map(|jump| stairs(jump, STEPS));
    let at = |onset: usize, rise: usize| {
        let mut reached = onset;
        let mut sum = calm[onset];
        if let Some(slow) = rise.checked_sub(1) {
            let (jump, length) = (slow / LENGTHS.len(), LENGTHS[slow % LENGTHS.len()]);
            let stairs = if length < STEPS {
                &short[jump]
            } else {
                &long[jump]
            };
            for step in stairs {
                let from = reached;
                reached = (reached + length / stairs.len()).min(cells);
                sum += step[reached] - step[from];
            }
        }
        (sum + raised[cells] - raised[reached]) / side.phi
    };
    (0..=cells)
        .map(|onset| std::array::from_fn(|rise| at(onset, rise)))
        .collect()
}

/// The posterior of the one moment at which all these rates rose; `None` without any.
pub(super) fn estimate(surfaces: &[Surface]) -> Option<Estimate> {
    let from = surfaces.iter().map(|s| s.range().0).min()?;
    let to = surfaces.iter().map(|s| s.range().1).max()?;
    let mut logs: Vec<f64> = Vec::new();
    // The cell after the last stands for an onset that these cells don't hold.
    for cell in from..=to {
        let mut parts = [[0.0; RISES]; PARTS];
        surfaces
            .iter()
            .for_each(|surface| surface.add_parts(cell, &mut parts));
        logs.extend(parts.map(|row| {
            let weighted: [f64; RISES] = std::array::from_fn(|r| ln_prior(r) + row[r]);
            log_sum_exp(&weighted)
        }));
    }
    let total = log_sum_exp(&logs);
    let part_us = CELL_US / PARTS as i64;
    let begin_us = from.saturating_mul(CELL_US);
    let probabilities: Vec<f64> = logs.iter().map(|ln_p| (ln_p - total).exp()).collect();
    let mut sum = 0.0;
    let half = probabilities.iter().position(|p| {
        sum += p;
        sum >= 0.5
    });
    let median = half.unwrap_or(probabilities.len().saturating_sub(1));
    let at = |part: usize| begin_us.saturating_add(part as i64 * part_us);
    let (low, high) = shortest(&probabilities);
    Some(Estimate {
        median_us: at(median) + part_us / 2,
        // A part stands for its middle, and for what lies before the next one's.
        low_us: at(low),
        high_us: at(high) + part_us / 2,
        posterior: points(&probabilities, |part| at(part) + part_us / 2, part_us),
    })
}

/// The shortest run of parts, `from..to`, that is as probable as the interval has to be.
fn shortest(probabilities: &[f64]) -> (usize, usize) {
    let mut best = (0, probabilities.len());
    let (mut from, mut sum) = (0, 0.0);
    for (part, p) in probabilities.iter().enumerate() {
        sum += p;
        while from < part && sum - probabilities[from] >= HELD {
            sum -= probabilities[from];
            from += 1;
        }
        if sum >= HELD && part + 1 - from < best.1 - best.0 {
            best = (from, part + 1);
        }
    }
    best
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
    /// The same where times are those of a log that cuts them off: what it dates to a second was in
    /// it somewhere.
    pub(super) fn of_times_cut_to(mut self, resolution_us: i64) -> Estimate {
        self.high_us = self.high_us.saturating_add(resolution_us);
        self
    }

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

    /// The share of the plateau in a cell, so many cells after the onset, by the definition.
    fn share(rise: usize, cells: i64) -> f64 {
        let Some(slow) = rise.checked_sub(1) else {
            return if cells < 0 { 0.0 } else { 1.0 };
        };
        let (jump, length) = (JUMPS[slow / 7], LENGTHS[slow % 7]);
        let step_length = (length / 12).max(1) as i64;
        match cells {
            ..0 => 0.0,
            _ if cells >= length as i64 => 1.0,
            _ => {
                let middle = (cells / step_length * step_length) as f64 + 0.5 * step_length as f64;
                jump + (1.0 - jump) * middle / length as f64
            }
        }
    }

    /// The likelihood by its definition: every cell's rate from the formula, one by one.
    #[test]
    fn running_sums_equal_the_likelihood_by_its_definition() {
        let side = side();
        for plateau in PLATEAUS {
            let fast = likelihoods(&side, plateau);
            assert_eq!(fast.len(), side.counts.len() + 1);
            for (onset, by_rise) in fast.iter().enumerate() {
                for (rise, got) in by_rise.iter().enumerate() {
                    let mut sum = 0.0;
                    for (cell, (ok, failed)) in side.counts.iter().enumerate() {
                        let p = 0.005 + plateau * 0.195 * share(rise, cell as i64 - onset as i64);
                        sum += failed * p.ln() + ok * (1.0 - p).ln();
                    }
                    assert!(
                        (got - sum / 1.5).abs() < 1e-9,
                        "{onset} {rise}: {got} {sum}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_run_that_holds_as_much_is_shorter() {
        let posteriors: [&[f64]; 4] = [
            &[0.0, 0.01, 0.02, 0.07, 0.3, 0.6, 0.0],
            &[0.96, 0.01, 0.01, 0.02],
            &[0.48, 0.04, 0.48],
            &[0.05, 0.9, 0.05],
        ];
        for p in posteriors {
            let (from, to) = shortest(p);
            let sum = |from: usize, to: usize| p[from..to].iter().sum::<f64>();
            assert!(sum(from, to) >= HELD, "{p:?}: {from}..{to}");
            for shorter in 0..to - from {
                for begin in 0..=p.len() - shorter {
                    let held = sum(begin, begin + shorter);
                    assert!(held < HELD, "{p:?}: {begin}, {shorter} hold {held}");
                }
            }
        }
        assert_eq!(shortest(posteriors[0]), (3, 6));
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
