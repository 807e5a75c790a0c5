//! Aftermath: did the error rate change after somebody did something about it?
//!
//! Comes in: the incident's minutes around the attempt. Goes out: a sentence. Ten minutes before
//! against ten after, with the scatter of the minutes themselves as the measure: error counts of
//! neighbouring minutes vary more than chance alone would have it.

use super::constants::{FIX_EFFECT, FIX_EFFECT_FAR, FIX_MINUTES, FIX_SETTLES_MIN, FIX_SIGMAS};
use super::{Context, Minute, phrase};

/// A minute, in µs.
const MINUTE_US: i64 = 60_000_000;

/// Fewest minutes with requests on a side.
const LEAST_MINUTES: usize = 3;

/// What became of the rate after an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effect {
    /// The rate in the ten minutes before.
    pub(super) from: f64,
    /// The rate in ten minutes after it settled.
    pub(super) to: f64,
    /// Whether the two differ by more than the minutes scatter, and by enough to matter.
    changed: bool,
}

impl Effect {
    /// Whether the rate fell.
    pub(super) fn fell(&self) -> bool {
        self.changed && self.to < self.from
    }

    /// Whether it fell by so much that it may stay so.
    pub(super) fn fell_far(&self) -> bool {
        self.fell() && self.from - self.to >= FIX_EFFECT_FAR * self.from
    }
}

/// What became of the rate after `at_us`; only minutes from `onset_us` on are compared. `None` with
/// too few minutes on a side.
pub(super) fn effect(at_us: i64, onset_us: i64, context: &Context) -> Option<Effect> {
    let minute_us = at_us.saturating_sub(at_us.rem_euclid(MINUTE_US));
    let settled_us = minute_us.saturating_add(FIX_SETTLES_MIN.saturating_mul(MINUTE_US));
    let length_us = FIX_MINUTES as i64 * MINUTE_US;
    let between = |from_us: i64, to_us: i64| -> Vec<Minute> {
        let inside = |m: &&Minute| m.requests > 0 && (from_us..to_us).contains(&m.start_us);
        context.minutes.iter().filter(inside).copied().collect()
    };
    let before = between(minute_us.saturating_sub(length_us).max(onset_us), minute_us);
    let after = between(settled_us, settled_us.saturating_add(length_us));
    if before.len() < LEAST_MINUTES || after.len() < LEAST_MINUTES {
        return None;
    }
    let (before, after) = (Side::of(&before), Side::of(&after));
    let scatter =
        ((before.chi_square + after.chi_square) / (before.minutes + after.minutes - 2.0)).max(1.0);
    let difference = after.rate - before.rate;
    let error = (scatter * (before.variance + after.variance)).sqrt();
    Some(Effect {
        from: before.rate,
        to: after.rate,
        changed: difference.abs() >= FIX_SIGMAS * error
            && difference.abs() >= FIX_EFFECT * before.rate,
    })
}

/// The effect in words.
pub(super) fn sentence(at_us: i64, onset_us: i64, context: &Context) -> String {
    let rate = context.words().rate;
    let Some(effect) = effect(at_us, onset_us, context) else {
        return format!("too few minutes around it to tell whether the {rate} changed");
    };
    let word = match effect.changed {
        false => "did not change",
        true if effect.fell() => "fell",
        true => "rose",
    };
    let (from, to) = (phrase::percent(effect.from), phrase::percent(effect.to));
    format!("the {rate} {word} after it ({from} → {to})")
}

/// Some minutes' error rate, its variance under pure chance, and how the minutes scatter around it.
struct Side {
    minutes: f64,
    rate: f64,
    variance: f64,
    chi_square: f64,
}

impl Side {
    fn of(minutes: &[Minute]) -> Side {
        let requests: f64 = minutes.iter().map(|m| m.requests as f64).sum();
        let errors: f64 = minutes.iter().map(|m| m.errors as f64).sum();
        // Half an error more keeps the variance of a spotless side above zero.
        let p = (errors + 0.5) / (requests + 1.0);
        let chi_square = |m: &Minute| {
            let n = m.requests as f64;
            (m.errors as f64 - n * p).powi(2) / (n * p * (1.0 - p))
        };
        Side {
            minutes: minutes.len() as f64,
            rate: errors / requests,
            variance: p * (1.0 - p) / requests,
            chi_square: minutes.iter().map(chi_square).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::tests::context;

    /// Ten minutes at each rate, 1,000 requests a minute, the attempt at minute 10.
    fn told(before: &[u64], after: &[u64]) -> String {
        let mut context = context();
        context.minutes = before
            .iter()
            .chain([&60, &20])
            .chain(after)
            .zip(0..)
            .map(|(errors, minute)| Minute {
                start_us: minute * MINUTE_US,
                requests: 1_000,
                errors: *errors,
            })
            .collect();
        sentence(before.len() as i64 * MINUTE_US + 5_000_000, 0, &context)
    }

    #[test]
    fn a_fix_that_works_lets_the_rate_fall() {
        let found = told(&[150, 148, 155, 151, 146], &[2, 3, 1, 2, 2]);
        assert_eq!(found, "the rate fell after it (15.0 % → 0.2 %)");
    }

    #[test]
    fn a_fix_that_does_nothing_is_told_as_such() {
        let found = told(&[150, 148, 155, 151, 146], &[149, 152, 150, 144, 150]);
        assert_eq!(found, "the rate did not change after it (15.0 % → 14.9 %)");
    }

    #[test]
    fn a_fix_that_works_slowly_is_seen_to_work() {
        let found = told(&[999, 1_000, 998, 1_000, 1_000], &[920, 880, 840, 800, 760]);
        assert_eq!(found, "the rate fell after it (99.9 % → 84.0 %)");
    }

    #[test]
    fn minutes_that_scatter_widely_do_not_make_a_change() {
        // 9.0 % → 15.0 %: 13 standard errors by pure chance, but the minutes swing from 0 to 30 %.
        let found = told(&[0, 300, 0, 150, 0], &[300, 0, 300, 0, 150]);
        assert_eq!(found, "the rate did not change after it (9.0 % → 15.0 %)");
    }

    #[test]
    fn without_minutes_nothing_is_claimed() {
        assert!(told(&[150, 150], &[1, 1, 1]).starts_with("too few minutes"));
    }
}
