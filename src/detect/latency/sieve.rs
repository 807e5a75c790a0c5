//! Which minutes can end a slow window at all: told by a few whole numbers for each, before anything else.
//!
//! Comes in: how many requests of an endpoint told their latency, and the sum of these. Goes out: for
//! each minute whether it may end a window of any length whose mean lies above that of its past by what a
//! slowdown needs. What is left out would have been refused by the test itself; what is let through
//! is tested. Holds as long as no flag lies in the window's past.

use super::{LAG_MIN, LEAST_MIN, LEAST_TOLD, MIN_RISE, MIN_TOLD, PAST_MIN};
use crate::series::Totals;

/// [`MIN_RISE`] as a whole number.
const RISE: u64 = MIN_RISE as u64;
/// With fewer requests that told in a log, no product overflows: a sum is less than 2⁹ times them.
const MOST_TOLD: u64 = 1 << 26;
/// The means are compared less than this part of an eighth of an octave too generously, 2⁻²⁰: quotients
/// of floats are off by far less.
const GENEROSITY: u32 = 20;

/// How far the past of a window of so many minutes reaches back from its begin.
fn past(minutes: usize) -> usize {
    PAST_MIN.max(6 * minutes)
}

/// How far behind a flag's end a minute may lie that ends a window of these lengths whose past holds some
/// of the flag, or that belongs to it.
pub(super) fn reach(lengths: &[usize]) -> usize {
    let longest = lengths.iter().max();
    longest.map_or(0, |longest| longest + past(*longest)) + LAG_MIN
}

/// Whether each minute may end a slow window of these lengths.
pub(super) fn worth_a_test(totals: &Totals, lengths: &[usize]) -> Vec<bool> {
    let sums = totals.sums();
    let slots = totals.slots();
    let told = sums.last().map_or(0, |(told, _)| *told);
    if told >= MOST_TOLD {
        return vec![true; slots];
    }
    let mut worth = vec![false; slots];
    for &minutes in lengths {
        let (past, lag) = (past(minutes), LAG_MIN);
        // Windows whose past is cut off at the log's begin, or too short to tell.
        for to in minutes..(minutes + past).min(slots + 1) {
            let from = to - minutes;
            let before = match from >= lag + LEAST_MIN {
                true => sums[from - lag],
                false => sums[0],
            };
            worth[to - 1] |= may_be_slow([sums[to], sums[from], before, sums[0]]);
        }
        let ends = sums.get(minutes + past..).unwrap_or_default();
        let begins = sums.get(past..).unwrap_or_default();
        let pasts = sums.get(past - lag..).unwrap_or_default().iter().zip(sums);
        let windows = ends.iter().zip(begins).zip(pasts);
        let worth = worth.get_mut(minutes + past - 1..).unwrap_or_default();
        for (((to, from), (until, since)), worth) in windows.zip(worth) {
            *worth |= may_be_slow([*to, *from, *until, *since]);
        }
    }
    worth
}

/// Whether a window's mean may lie so far above its past's. From the sums before the ends of both.
fn may_be_slow([to, from, until, since]: [(u64, u64); 4]) -> bool {
    let told = to.0 - from.0;
    if told < MIN_TOLD {
        return false;
    }
    let (sum, past_told, past_sum) = (to.1 - from.1, until.0 - since.0, until.1 - since.1);
    // sum / told − past_sum / past_told ≥ RISE, without a division.
    let generous = (told * past_told) >> GENEROSITY;
    past_told < LEAST_TOLD || sum * past_told + generous >= told * (past_sum + RISE * past_told)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten answers a minute, of bucket 40 but from minute 500 on, where they are of another.
    fn log(then: u64) -> Totals {
        Totals::new((0..600).map(|minute| (10, 10 * if minute < 500 { 40 } else { then })))
    }

    #[test]
    fn a_minute_that_ends_no_window_slower_by_a_quarter_of_an_octave_is_left_out() {
        let worth = worth_a_test(&log(41), &[1, 2, 5]);
        // Of what begins in the first 40 minutes no past is known.
        let first = worth.iter().rposition(|worth| *worth);
        assert_eq!(first, Some(43));
        // Windows of one minute tell less than 20.
        assert_eq!(worth.iter().position(|worth| *worth), Some(1));
    }

    #[test]
    fn a_rise_of_exactly_a_quarter_of_an_octave_is_let_through() {
        let worth = worth_a_test(&log(42), &[2]);
        // The first window of two minutes that lies wholly in it ends with its second.
        assert_eq!((worth[500], worth[501]), (false, true));
        assert!(worth_a_test(&log(44), &[2])[500]);
    }
}
