//! The scan: which windows of one endpoint hold more errors than chance, its past and its unrest
//! explain.
//!
//! Windows of eight lengths slide by a minute. Only windows that end with a minute that has an error
//! are tested: any other holds the same errors as one of those. Cheap tests come first: most windows
//! fall for having too few errors, or too small a share of them, before any tail is summed.

use super::baseline::{Expected, Past};

pub(super) use super::baseline::LAG_MIN;
use super::{Context, MIN_ERRORS, MIN_RISE, WINDOWS_MIN, is_large};
use crate::series::Totals;
use crate::stats;

/// Minutes covered by flagged windows less than [`LAG_MIN`] apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flag<E = Expected> {
    pub from: usize,
    pub to: usize,
    /// ln p of the most significant of its windows (at each end, the longest that is significant
    /// is looked at), or a bound above it.
    pub ln_p: f64,
    /// What the first of its windows was held against, and so all that followed.
    pub expected: E,
    /// Whether it is more than what the same hours of earlier weeks had. What is not is no
    /// candidate, but neither is it noise nor part of a calm past.
    pub news: bool,
}

/// Scans one endpoint from the log's begin to its end.
pub(super) fn scan(context: &Context, past: &mut Past) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for (last, cell) in context.set.seen(context.endpoint) {
        if cell.errors == 0 {
            continue;
        }
        let to = last + 1;
        let mut longest_first = WINDOWS_MIN.iter().rev().filter(|w| **w <= to);
        let mut habit = None;
        let news = longest_first.find_map(|w| {
            let flag = test(context, past, to - w, to, &flags)?;
            habit = habit.or(Some(flag));
            flag.news.then_some(flag)
        });
        let hit = news.or(habit);
        if let Some(flag) = hit {
            unite(&mut flags, flag);
        }
    }
    flags
}

/// Flags the window if it is beyond chance.
fn test(
    context: &Context,
    past: &mut Past,
    from: usize,
    to: usize,
    flags: &[Flag],
) -> Option<Flag> {
    let (n, x) = context.totals.between(from, to);
    if x < MIN_ERRORS || x as f64 + 0.5 <= MIN_RISE * (n as f64 + 1.0) {
        return None;
    }
    let open = flags.last().filter(|f| from < f.to + LAG_MIN);
    let expected = match open {
        Some(flag) => flag.expected,
        None => past.expected(from, to, flags)?,
    };
    let ln_p = exceeds(context, x, n, &expected, to - from)?;
    let trailing = Flag {
        from,
        to,
        ln_p,
        expected,
        news: true,
    };
    let season = past
        .seasonal(from, to, expected.rate)
        .filter(|rate| *rate > expected.rate);
    let Some(rate) = season else {
        return Some(trailing);
    };
    let expected = Expected { rate, ..expected };
    Some(match exceeds(context, x, n, &expected, to - from) {
        Some(ln_p) => Flag {
            ln_p,
            expected,
            ..trailing
        },
        None => Flag {
            news: false,
            ..trailing
        },
    })
}

/// ln p of x errors in n requests, if that is both beyond chance and large.
pub(super) fn exceeds(
    context: &Context,
    x: u64,
    n: u64,
    expected: &Expected,
    minutes: usize,
) -> Option<f64> {
    if x < MIN_ERRORS || !is_large(x, n, expected.rate) {
        return None;
    }
    let (a, b) = context.law(expected, minutes);
    let bound = stats::ln_beta_binomial_tail_bound(x, n, a, b);
    let ln_p = if bound < context.ln_alpha {
        bound
    } else {
        stats::ln_beta_binomial_tail(x, n, a, b)
    };
    (ln_p < context.ln_alpha && !context.may_wander(x, n, expected, minutes)).then_some(ln_p)
}

/// Adds a window to the flags, joined with those that it touches or almost touches.
pub(super) fn unite<E: Copy>(flags: &mut Vec<Flag<E>>, mut flag: Flag<E>) {
    while let Some(last) = flags.pop_if(|last| flag.from < last.to + LAG_MIN) {
        flag.from = flag.from.min(last.from);
        flag.ln_p = flag.ln_p.min(last.ln_p);
        if last.news || !flag.news {
            flag.expected = last.expected;
        }
        flag.news |= last.news;
    }
    flags.push(flag);
}

/// The blocks of a length, side by side from the log's begin, that lie in it and touch no flag; and what
/// is counted in each.
pub(super) fn calm_blocks<E>(
    totals: &Totals,
    length: usize,
    mut flags: &[Flag<E>],
) -> impl Iterator<Item = ((usize, usize), (u64, u64))> {
    let mut to = 0;
    let blocks = totals.blocks(0, totals.slots(), length);
    blocks.filter_map(move |counts| {
        let from = to;
        to += length;
        while let [first, rest @ ..] = flags
            && first.to <= from
        {
            flags = rest;
        }
        let touched = flags.first().is_some_and(|f| f.from < to);
        (!touched).then_some(((from, to), counts))
    })
}
