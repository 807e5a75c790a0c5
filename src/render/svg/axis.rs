//! Time from left to right, with ticks at round times of the log's zone.

use crate::render::when::Clock;

/// Distances of ticks, in seconds: a minute to four weeks.
const STEPS: [i64; 16] = [
    60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600, 2_419_200,
];

/// The pixels between two times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    /// First second shown.
    pub from: i64,
    /// End of the last second shown.
    pub to: i64,
    /// Where the first second stands.
    pub left: f64,
    /// Where the last second ends.
    pub right: f64,
}

impl Axis {
    /// Where a time stands; outside the chart at its edge.
    pub fn x(&self, at: i64) -> f64 {
        let span = (self.to as f64 - self.from as f64).max(1.0);
        let share = ((at as f64 - self.from as f64) / span).clamp(0.0, 1.0);
        self.left + share * (self.right - self.left)
    }

    /// Whether a time is in the chart.
    pub fn shows(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }

    /// Round times of the log's zone, at most so many, each with its label.
    pub fn ticks(&self, clock: &Clock, at_most: i64) -> Vec<(i64, String)> {
        let span = self.to.saturating_sub(self.from).max(1);
        let at_most = at_most.max(1);
        let fits = |step: &&i64| span / **step <= at_most;
        let step = match STEPS.iter().find(fits) {
            Some(step) => *step,
            None => span / at_most,
        };
        let offset = clock.offset_s();
        let local = self.from.saturating_add(offset);
        let first = local
            .div_euclid(step)
            .saturating_mul(step)
            .saturating_sub(offset);
        // One more than fit, as the first may lie before the chart.
        let times = (0..=at_most + 1).filter_map(|i| first.checked_add(step.checked_mul(i)?));
        times
            .filter(|at| self.shows(*at))
            .filter_map(|at| Some((at, clock.tick(at, step)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(from: &str, to: &str, at_most: i64) -> Vec<String> {
        let clock = Clock::new(Some(from), Some(to));
        let epoch = |text: &str| crate::render::when::epoch_s(text).unwrap();
        let axis = Axis {
            from: epoch(from),
            to: epoch(to),
            left: 0.0,
            right: 100.0,
        };
        let ticks = axis.ticks(&clock, at_most);
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_in_the_zone_of_the_log() {
        assert_eq!(
            ticks("2024-04-10T08:00:00+05:30", "2024-04-10T12:00:00+05:30", 6),
            ["08:00", "09:00", "10:00", "11:00", "12:00"]
        );
        assert_eq!(
            ticks("2024-04-10T20:10:00Z", "2024-04-11T05:10:00Z", 4),
            ["22:00", "04-11", "02:00", "04:00"]
        );
        assert_eq!(
            ticks("2024-04-10T20:10:00Z", "2024-04-17T05:10:00Z", 4),
            // Every second day since 1970: 2024-04-11 is day 19,824.
            ["04-11", "04-13", "04-15", "04-17"]
        );
    }

    #[test]
    fn hostile_times_do_no_harm() {
        let clock = Clock::new(None, None);
        let axis = Axis {
            from: i64::MIN,
            to: i64::MAX,
            left: 0.0,
            right: 10.0,
        };
        assert!(axis.ticks(&clock, 5).len() <= 6);
        assert_eq!(axis.x(i64::MAX), 10.0);
    }
}
