//! Which minutes can end a slow window at all: told by a few whole numbers for each, before anything else.
//!
//! Comes in: how many requests of an endpoint told their latency, and the sum of these. Goes out: for
//! each minute whether it may end a window of any length whose mean lies above that of its past by what a
//! slowdown needs. What is left out would have been refused by the test itself; what is let through
//! is tested. Holds as long as no flag lies in the window's past.

use super::{
    LAG_MIN, LEAST_MIN, LEAST_TOLD, LENGTHS, LENGTHS_WHEN_BUSY, MIN_RISE, MIN_TOLD, PAST_MIN,
    WINDOWS_MIN,
};
use crate::series::Totals;

/// [`MIN_RISE`] as a whole number.
const RISE: u64 = MIN_RISE as u64;
/// With fewer requests that told in a log, no product overflows: a sum is less than 2⁹ times them.
const MOST_TOLD: u64 = 1 << 26;
/// The means are compared less than this part of an eighth of an octave too generously, 2⁻²⁰: quotients
/// of floats are off by far less.
const GENEROSITY: u32 = 20;

/// Sums that it takes to know a minute's windows, and the past of each.
const BUSY: usize = span(LENGTHS_WHEN_BUSY) + 1;
const ALL: usize = span(LENGTHS) + 1;

/// Minutes from the begin of the past of the longest of so many windows to its end.
const fn span(lengths: usize) -> usize {
    let longest = WINDOWS_MIN[lengths - 1];
    longest + past(longest)
}

/// How far the past of a window of so many minutes reaches back from its begin.
const fn past(minutes: usize) -> usize {
    if 6 * minutes > PAST_MIN {
        6 * minutes
    } else {
        PAST_MIN
    }
}

/// The lengths of an endpoint's windows.
pub(super) fn lengths(is_busy: bool) -> &'static [usize] {
    match is_busy {
        true => &WINDOWS_MIN[..LENGTHS_WHEN_BUSY],
        false => &WINDOWS_MIN,
    }
}

/// How far behind a flag's end a minute may lie that ends a window whose past holds some of the flag, or
/// that belongs to it.
pub(super) fn reach(is_busy: bool) -> usize {
    span(lengths(is_busy).len()) + LAG_MIN
}

/// Whether each minute may end a slow window: of the lengths for a busy endpoint, or of all.
pub(super) fn worth_a_test(totals: &Totals, is_busy: bool) -> Vec<bool> {
    let sums = totals.sums();
    let slots = totals.slots();
    let told = sums.last().map_or(0, |(told, _)| *told);
    if told >= MOST_TOLD {
        return vec![true; slots];
    }
    let lengths = lengths(is_busy);
    let known = span(lengths.len()) - 1;
    let mut worth: Vec<bool> = (1..=slots.min(known))
        .map(|to| {
            let longest_first = lengths.iter().rev().filter(|w| **w <= to);
            let begins = longest_first.map(|w| to - w);
            let mut telling = begins.take_while(|from| sums[to].0 - sums[*from].0 >= MIN_TOLD);
            telling.any(|from| may_be_slow(early(sums, from, to)))
        })
        .collect();
    match is_busy {
        true => worth.extend(
            sums.array_windows::<BUSY>()
                .map(ends_one::<BUSY, LENGTHS_WHEN_BUSY>),
        ),
        false => worth.extend(sums.array_windows::<ALL>().map(ends_one::<ALL, LENGTHS>)),
    }
    worth
}

/// Whether the last of the sums ends a slow window, of so many lengths.
#[inline]
fn ends_one<const SUMS: usize, const LENGTHS: usize>(sums: &[(u64, u64); SUMS]) -> bool {
    let to = SUMS - 1;
    for w in WINDOWS_MIN[..LENGTHS].iter().rev() {
        let from = to - w;
        // What tells too little tells no more where it is shorter.
        if sums[to].0 - sums[from].0 < MIN_TOLD {
            return false;
        }
        let until = from - LAG_MIN;
        if may_be_slow([to, from, until, from - past(*w)].map(|place| sums[place])) {
            return true;
        }
    }
    false
}

/// The sums before the ends of a window and of its past, where that is cut off at the log's begin. One that is
/// too short to tell has none.
fn early(sums: &[(u64, u64)], from: usize, to: usize) -> [(u64, u64); 4] {
    let until = match from >= LAG_MIN + LEAST_MIN {
        true => from - LAG_MIN,
        false => 0,
    };
    let since = from.saturating_sub(past(to - from)).min(until);
    [to, from, until, since].map(|place| sums[place])
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

    /// Ten answers a minute, of bucket 40 but from minute 700 on, where they are of another.
    fn worth(then: u64) -> Vec<bool> {
        let bucket = |minute: u64| if minute < 700 { 40 } else { then };
        let log = Totals::new((0..900).map(|minute| (10, 10 * bucket(minute))));
        worth_a_test(&log, true)
    }

    #[test]
    fn a_minute_that_ends_no_window_slower_by_a_quarter_of_an_octave_is_left_out() {
        let worth = worth(41);
        // One minute alone tells less than 20, and of what begins in the first 40 no past is known: windows of
        // an hour that begin so end by the 99th.
        assert_eq!(worth.iter().position(|worth| *worth), Some(1));
        assert_eq!(worth.iter().rposition(|worth| *worth), Some(98));
        assert_eq!(worth.len(), 900);
    }

    #[test]
    fn a_rise_of_exactly_a_quarter_of_an_octave_is_let_through() {
        // The first window of two minutes that lies wholly in it ends with its second.
        let exact = worth(42);
        assert_eq!((exact[700], exact[701]), (false, true));
        // One of them is enough where it rises by twice as much.
        assert_eq!((worth(43)[700], worth(44)[700]), (false, true));
    }

    #[test]
    fn early_minutes_and_late_ones_are_told_alike() {
        let mut random = crate::detect::simulate::Random(5);
        let counts: Vec<(u64, u64)> = (0..3_000)
            .map(|_| {
                let told = random.next() % 8;
                (told, told * (36 + random.next() % 12))
            })
            .collect();
        let totals = Totals::new(counts);
        for is_busy in [true, false] {
            let worth = worth_a_test(&totals, is_busy);
            assert_eq!(worth.len(), totals.slots());
            for (last, worth) in worth.into_iter().enumerate() {
                let to = last + 1;
                let any = lengths(is_busy).iter().filter(|w| **w <= to).any(|w| {
                    let from = to - w;
                    let (told, sum) = totals.between(from, to);
                    let since = from.saturating_sub(past(*w));
                    let (past_told, past_sum) = totals.between(since, from.saturating_sub(LAG_MIN));
                    let no_past = from < 40 || past_told < LEAST_TOLD;
                    let rise = sum as f64 / told as f64 - past_sum as f64 / past_told as f64;
                    told >= MIN_TOLD && (no_past || rise >= 2.0)
                });
                assert_eq!(worth, any, "minute {last}");
            }
        }
    }
}
