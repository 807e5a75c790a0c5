//! Lag: how long after a change do the incidents begin that it causes?
//!
//! Comes in: when a change was rolled out, and the onset with its uncertainty. Goes out: the
//! density of that lag under "this change did it", against a uniform one over a day. The onset is
//! known to a discrete posterior, the markers' clock to N(0, 30 s): the density is averaged over
//! both. A change that came after the onset is no cause, whatever else speaks for it.

use super::constants::{
    CLOCK_EARLY_S, CLOCK_WINDOW_S, DAY_S, LAG_AT_BEGIN, LAG_LEAST_ROLLOUT_S, LAG_MEDIAN_S,
    LAG_SIGMA, LAG_SLOW_MEAN_S, LAG_UNKNOWN_ROLLOUT_S, LAG_WEIGHT_CLOCK, LAG_WEIGHT_LOGNORMAL,
    LAG_WEIGHT_ROLLOUT, LAG_WEIGHT_SLOW, REACH_US, SKEW_S, UNKNOWN_ROLLOUT_US, VETO_PROBABILITY,
    VETO_SIGMAS,
};
use super::{Contribution, EvidenceKind, phrase};
use crate::changes::Change;
use crate::confirm::Estimate;
use crate::stats::{lognormal_cdf, lognormal_pdf};

/// When a change was under way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rollout {
    /// Its begin, µs.
    pub start_us: i64,
    /// Its length in seconds, where known.
    pub length_s: Option<f64>,
    /// Whether its begin is told, and not only its end.
    pub is_dated: bool,
}

impl Rollout {
    /// From the marker; one that dates only the end is taken to have begun 30 minutes before.
    pub(super) fn of(change: &Change) -> Rollout {
        if change.at_is_end {
            let start_us = change.at_us.saturating_sub(UNKNOWN_ROLLOUT_US);
            return Rollout {
                start_us,
                length_s: Some(UNKNOWN_ROLLOUT_US as f64 / 1e6),
                is_dated: false,
            };
        }
        let length_s = change
            .finished_us
            .map(|finished_us| finished_us.saturating_sub(change.at_us).max(0) as f64 / 1e6);
        Rollout {
            start_us: change.at_us,
            length_s,
            is_dated: true,
        }
    }

    /// Its length where known, else what is assumed, at least a minute.
    pub(super) fn assumed_length_s(self) -> f64 {
        self.length_s
            .unwrap_or(LAG_UNKNOWN_ROLLOUT_S)
            .max(LAG_LEAST_ROLLOUT_S)
    }
}

/// Round times of the clock: how they recur, and their share of what begins at round times.
struct RoundTime {
    /// Seconds after midnight of the marks.
    marks_s: &'static [f64],
    /// Seconds after which the marks recur.
    period_s: f64,
    /// Share.
    weight: f64,
}

/// :00, the other quarters of the hour, midnight.
const ROUND_TIMES: [RoundTime; 3] = [
    RoundTime {
        marks_s: &[0.0],
        period_s: 3600.0,
        weight: 0.5,
    },
    RoundTime {
        marks_s: &[900.0, 1800.0, 2700.0],
        period_s: 3600.0,
        weight: 0.2,
    },
    RoundTime {
        marks_s: &[0.0],
        period_s: DAY_S,
        weight: 0.3,
    },
];

impl RoundTime {
    /// The mark whose window holds `time_s`, and the mark before that one.
    fn window(&self, time_s: f64) -> Option<(f64, f64)> {
        let time_s = time_s + CLOCK_EARLY_S;
        let in_period = time_s.rem_euclid(self.period_s);
        let found = self
            .marks_s
            .iter()
            .position(|mark| (*mark..*mark + CLOCK_WINDOW_S).contains(&in_period))?;
        let mark = self.marks_s[found];
        let before = match found.checked_sub(1) {
            Some(previous) => self.marks_s[previous],
            None => self.marks_s[self.marks_s.len() - 1] - self.period_s,
        };
        let begin = time_s - in_period;
        Some((begin + mark, begin + before))
    }
}

/// Density (per second) of an onset at `onset_s` caused at the next round time after a change that
/// took effect at a time uniform in `[start_s, start_s + spread_s]`. Local seconds.
fn clock_density(onset_s: f64, start_s: f64, spread_s: f64) -> f64 {
    let share_waiting_for = |mark: f64, before: f64| {
        if spread_s > 0.0 {
            ((start_s + spread_s).min(mark) - start_s.max(before)).max(0.0) / spread_s
        } else {
            f64::from(u8::from((before..mark).contains(&start_s)))
        }
    };
    let density_at = |round: &RoundTime| {
        let (mark, before) = round.window(onset_s)?;
        Some(round.weight * share_waiting_for(mark, before) / CLOCK_WINDOW_S)
    };
    ROUND_TIMES.iter().filter_map(density_at).sum()
}

/// How much more often than at other times incidents without a change begin at `onset_s`: mean 1
/// over a day, with the same share of round times as a change's lag has. So a change at a random
/// time of the day gains nothing from an onset at a full hour.
fn clock_intensity(onset_s: f64) -> f64 {
    let at_round_times: f64 = ROUND_TIMES
        .iter()
        .filter(|round| round.window(onset_s).is_some())
        .map(|round| round.weight * round.period_s / (round.marks_s.len() as f64 * CLOCK_WINDOW_S))
        .sum();
    1.0 - LAG_WEIGHT_CLOCK + LAG_WEIGHT_CLOCK * at_round_times
}

/// Distribution function of the slow component.
fn slow_cdf(lag_s: f64) -> f64 {
    (1.0 - (-lag_s.clamp(0.0, DAY_S) / LAG_SLOW_MEAN_S).exp()) / slow_mass()
}

/// Density of the slow component.
fn slow_pdf(lag_s: f64) -> f64 {
    if !(0.0..=DAY_S).contains(&lag_s) {
        return 0.0;
    }
    (-lag_s / LAG_SLOW_MEAN_S).exp() / LAG_SLOW_MEAN_S / slow_mass()
}

/// Mass of the exponential within the 24 h at which it is cut.
fn slow_mass() -> f64 {
    1.0 - (-DAY_S / LAG_SLOW_MEAN_S).exp()
}

/// Density (per second) of an onset at `onset_s` caused by a change that began at `start_s`, both
/// in local seconds. Where the rollout's length is known, the change took effect at any time of it, or, as
/// often, where it began: the first host that has it may be enough.
fn density(onset_s: f64, start_s: f64, rollout: Rollout) -> f64 {
    let spread = |spread_s: f64| spread_density(onset_s, start_s, rollout, spread_s);
    match rollout.length_s {
        Some(length_s) if rollout.is_dated && length_s > 0.0 => {
            LAG_AT_BEGIN * spread(0.0) + (1.0 - LAG_AT_BEGIN) * spread(length_s)
        }
        length_s => spread(length_s.unwrap_or(0.0)),
    }
}

/// The same of a change that took effect at any time of so many seconds.
fn spread_density(onset_s: f64, start_s: f64, rollout: Rollout, spread_s: f64) -> f64 {
    let lag_s = onset_s - start_s;
    let (fast, slow) = if spread_s > 0.0 {
        let spread = |cdf: &dyn Fn(f64) -> f64| (cdf(lag_s) - cdf(lag_s - spread_s)) / spread_s;
        (
            spread(&|x| lognormal_cdf(x, LAG_MEDIAN_S, LAG_SIGMA)),
            spread(&slow_cdf),
        )
    } else {
        (
            lognormal_pdf(lag_s, LAG_MEDIAN_S, LAG_SIGMA),
            slow_pdf(lag_s),
        )
    };
    let length_s = rollout.assumed_length_s();
    let during = if (0.0..=length_s).contains(&lag_s) {
        1.0 / length_s
    } else {
        0.0
    };
    LAG_WEIGHT_LOGNORMAL * fast
        + LAG_WEIGHT_ROLLOUT * during
        + LAG_WEIGHT_CLOCK * clock_density(onset_s, start_s, spread_s)
        + LAG_WEIGHT_SLOW * slow
}

/// Mean of `f(skew in seconds)` over N(0, 30 s): the trapezoid rule at a quarter of a standard
/// deviation, to four of them on either side.
pub(super) fn over_skew(f: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for step in -16..=16 {
        let z = f64::from(step) / 4.0;
        let weight = (-0.5 * z * z).exp();
        weights += weight;
        sum += weight * f(z * SKEW_S);
    }
    sum / weights
}

/// P(the moment lies more than 3 standard deviations of clock skew before `at_us`).
pub(super) fn probability_before(moment: &Estimate, at_us: i64) -> f64 {
    let bound_us = at_us.saturating_sub((VETO_SIGMAS * SKEW_S * 1e6) as i64);
    moment
        .posterior
        .iter()
        .filter(|(time_us, _)| *time_us < bound_us)
        .map(|(_, p)| p)
        .sum()
}

/// Whether the onset came clearly before the change began.
pub(super) fn vetoed(change: &Change, onset: &Estimate) -> bool {
    probability_before(onset, Rollout::of(change).start_us) > VETO_PROBABILITY
}

/// Whether the change was over more than a day before the earliest onset.
pub(super) fn out_of_reach(change: &Change, earliest_us: i64) -> bool {
    change.finished_us.unwrap_or(change.at_us).max(change.at_us)
        < earliest_us.saturating_sub(REACH_US)
}

/// The lag's log likelihood ratio: this change's density against a uniform one over a day.
pub(super) fn contribution(change: &Change, onset: &Estimate, zone_offset_s: i64) -> Contribution {
    let rollout = Rollout::of(change);
    let start_s = seconds(rollout.start_us, zone_offset_s);
    let mean: f64 = likely(onset)
        .into_iter()
        .map(|(time_us, p)| {
            let onset_s = seconds(time_us, zone_offset_s);
            p * over_skew(|skew_s| density(onset_s, start_s + skew_s, rollout))
        })
        .sum();
    let nats = (mean * DAY_S).max(LEAST_RATIO).ln();
    let after = change.at_us > onset.median_us;
    let judged = match nats {
        _ if after && change.at_is_end => "it was under way when the incident began",
        _ if after => "within what the clocks may differ",
        n if n >= SOON && onset.median_us.saturating_sub(change.at_us) <= SOON_US => {
            "as soon as a cause is usually felt"
        }
        n if n >= 0.0 => "possible for a cause",
        _ => "seldom that long for a cause",
    };
    let text = format!("{}: {judged}", position(change, onset));
    Contribution {
        kind: EvidenceKind::Lag,
        nats,
        text,
    }
}

/// Nats from which on a lag is called usual…
const SOON: f64 = 3.0;
/// … up to ten minutes: a round time may weigh as much after a longer one.
const SOON_US: i64 = 600_000_000;

/// Floor of the likelihood ratio, so that a lag never weighs more than a veto that was not given.
const LEAST_RATIO: f64 = 1e-6;

/// Where a change stands against the onset: `42 s before the onset`.
pub(super) fn position(change: &Change, onset: &Estimate) -> String {
    let lag_us = onset.median_us.saturating_sub(change.at_us);
    let side = if lag_us >= 0 { "before" } else { "after" };
    let done = if change.at_is_end { "done " } else { "" };
    format!("{done}{} {side} the onset", phrase::duration(lag_us))
}

/// How much more often than at other times something breaks by itself at this onset.
pub(super) fn background_intensity(onset: &Estimate, zone_offset_s: i64) -> f64 {
    likely(onset)
        .into_iter()
        .map(|(time_us, p)| p * clock_intensity(seconds(time_us, zone_offset_s)))
        .sum()
}

/// Points of a posterior that a lag is averaged over: of an onset uncertain by an hour they lie
/// half a minute apart, the clocks' skew.
const POINTS: usize = 128;

/// The posterior's points that matter, neighbours drawn together where there are many.
fn likely(moment: &Estimate) -> Vec<(i64, f64)> {
    let negligible = 1e-4 * moment.posterior.iter().map(|(_, p)| *p).fold(0.0, f64::max);
    let kept: Vec<(i64, f64)> = moment
        .posterior
        .iter()
        .copied()
        .filter(|(_, p)| *p > negligible)
        .collect();
    let total: f64 = kept.iter().map(|(_, p)| p).sum();
    let draw_together = |points: &[(i64, f64)]| {
        let first_us = points[0].0;
        let weight: f64 = points.iter().map(|(_, p)| p).sum();
        let moment: f64 = points
            .iter()
            .map(|(t, p)| p * t.saturating_sub(first_us) as f64)
            .sum();
        (
            first_us.saturating_add((moment / weight) as i64),
            weight / total,
        )
    };
    kept.chunks(kept.len().div_ceil(POINTS).max(1))
        .map(draw_together)
        .collect()
}

/// Local seconds of a time.
fn seconds(time_us: i64, zone_offset_s: i64) -> f64 {
    time_us as f64 / 1e6 + zone_offset_s as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 08:58:30 of a day.
    const START_S: f64 = 32_310.0;

    fn rollout(length_s: Option<f64>) -> Rollout {
        Rollout {
            start_us: (START_S * 1e6) as i64,
            length_s,
            is_dated: true,
        }
    }

    fn near(found: f64, expected: f64, relative: f64) {
        assert!(
            (found / expected - 1.0).abs() < relative,
            "{found:e} is not within {relative} of {expected:e}"
        );
    }

    #[test]
    fn density_has_mass_one_with_the_cut_and_the_round_times() {
        for length_s in [None, Some(0.0), Some(600.0), Some(1800.0)] {
            let step_s = 0.25;
            let mass: f64 = (0..(27.0 * 3600.0 / step_s) as u32)
                .map(|i| (f64::from(i) + 0.5) * step_s)
                .map(|lag_s| step_s * density(START_S + lag_s, START_S, rollout(length_s)))
                .sum();
            near(mass, 1.0, 1e-4);
        }
    }

    /// SciPy 1.17: the mixture written with `lognorm`, and the same integrated by `quad` over
    /// `norm(0, 30)`. 90 s after 08:58:30 is 09:00:00, in the window of a full hour.
    #[test]
    fn density_equals_scipy() {
        let cases = [
            (
                90.0,
                None,
                3.369_998_355_580_669e-3,
                3.396_231_105_556_23e-3,
            ),
            (
                42.0,
                None,
                4.326_015_318_796_623e-3,
                3.286_782_460_239_04e-3,
            ),
            (
                3600.0,
                None,
                4.109_233_000_476_333e-6,
                4.109_337_019_244_991e-6,
            ),
            (
                7200.0,
                None,
                3.383_011_165_418_243e-6,
                3.383_015_496_950_601e-6,
            ),
            (
                90.0,
                Some(600.0),
                2.173_043_115_167_971e-3,
                2.176_056_976_279_722e-3,
            ),
            (
                700.0,
                Some(600.0),
                2.893_284_941_959_026_7e-4,
                2.990_144_096_614_160_7e-4,
            ),
        ];
        for (lag_s, length_s, exact, skewed) in cases {
            let (onset_s, r) = (START_S + lag_s, rollout(length_s));
            near(density(onset_s, START_S, r), exact, 1e-9);
            near(
                over_skew(|skew_s| density(onset_s, START_S + skew_s, r)),
                skewed,
                0.01,
            );
        }
    }

    #[test]
    fn a_full_hour_alone_favours_nobody() {
        // A change at a random time of the 24 h before: its density gains at a full hour what the
        // intensity of all other causes gains, (0.9 + 0.1·15) / 0.9.
        let mean_density = |onset_s: f64| {
            let steps = 86_400;
            (0..steps)
                .map(|i| density(onset_s, onset_s - f64::from(i) - 0.5, rollout(None)))
                .sum::<f64>()
                / f64::from(steps)
        };
        let (full, odd) = (9.0 * 3600.0 + 30.0, 9.0 * 3600.0 + 600.0);
        near(
            clock_intensity(full) / clock_intensity(odd),
            2.4 / 0.9,
            1e-12,
        );
        near(mean_density(full) / mean_density(odd), 2.4 / 0.9, 1e-3);
    }

    #[test]
    fn an_onset_uncertain_by_two_hours_is_averaged_over() {
        // 720 points, ten seconds apart, from 20 minutes before the change to 100 after it.
        let at_s = |i: i64| START_S + (10 * i - 1_200) as f64;
        let onset = Estimate {
            median_us: (at_s(360) * 1e6) as i64,
            low_us: (at_s(18) * 1e6) as i64,
            high_us: (at_s(702) * 1e6) as i64,
            posterior: (0..720)
                .map(|i| ((at_s(i) * 1e6) as i64, 1.0 / 720.0))
                .collect(),
        };
        let change = crate::blame::tests::change("d-1", (START_S * 1e6) as i64);
        let mean = |f: &dyn Fn(f64) -> f64| (0..720).map(|i| f(at_s(i))).sum::<f64>() / 720.0;
        let expected =
            mean(&|onset_s| over_skew(|skew_s| density(onset_s, START_S + skew_s, rollout(None))));
        near(
            contribution(&change, &onset, 0).nats.exp(),
            expected * DAY_S,
            0.02,
        );
        near(
            background_intensity(&onset, 0),
            mean(&clock_intensity),
            0.02,
        );
    }

    #[test]
    fn a_marker_that_dates_the_end_began_half_an_hour_before() {
        let mut change = crate::blame::tests::change("d-1", 1_000 * 60_000_000);
        change.at_is_end = true;
        let found = Rollout::of(&change);
        assert_eq!(
            found,
            Rollout {
                start_us: 970 * 60_000_000,
                length_s: Some(1800.0),
                is_dated: false,
            }
        );
    }
}
