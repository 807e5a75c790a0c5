//! What simpler means would have said of the same incidents.
//!
//! Detectors: z-score > 3 of a minute's error rate against the hour before, and the two fast burn
//! rates of a 99.9 % objective (Google, Site Reliability Workbook, chapter 5: 14.4 over 1 h and
//! 5 min, 6 over 6 h and 30 min) per service. Blame: the latest change before the onset.

use crate::play::Hit;
use crate::world::{Fault, World};

/// Episodes nearer than this are one.
const APART_MIN: usize = 10;
/// Objective: one failure in a thousand.
const BUDGET: f64 = 0.001;
/// Clock difference that "before the onset" forgives.
const SKEW_S: f64 = 30.0;

/// Requests and errors of each endpoint's minutes.
pub struct Counts(Vec<Vec<(u32, u32)>>);

impl Counts {
    pub fn of(world: &World, hits: &[Hit]) -> Counts {
        let mut counts = vec![vec![(0, 0); world.minutes]; world.endpoints.len()];
        for hit in hits {
            if let Some(endpoint) = hit.endpoint
                && let Some(cell) =
                    counts[usize::from(endpoint)].get_mut(hit.at_ms as usize / 60_000)
            {
                cell.0 += 1;
                cell.1 += u32::from(hit.status >= 500);
            }
        }
        Counts(counts)
    }
}

/// What they said of a fault.
pub struct Naive {
    /// Found by z-score, by burn rate.
    pub found: [bool; 2],
    /// The latest change before the onset, at any time and within the last hour.
    pub latest: [Option<String>; 2],
}

pub fn naive(world: &World, fault: &Fault, counts: &Counts) -> Naive {
    let from = (fault.from_s / 60.0).max(0.0) as usize;
    let to = ((fault.to_s / 60.0).min(world.minutes as f64)) as usize;
    let z = fault.endpoints.iter().any(|e| {
        let flags = z_flags(&counts.0[*e]);
        flags.iter().any(|m| (from..=to).contains(m))
    });
    let mut services: Vec<usize> = fault
        .endpoints
        .iter()
        .map(|e| world.endpoints[*e].service)
        .collect();
    services.dedup();
    let burn = services.iter().any(|s| {
        let flags = burn_flags(&service(world, counts, *s));
        flags.iter().any(|m| (from..=to).contains(m))
    });
    let latest = |within_s: f64| {
        world
            .markers
            .iter()
            .filter(|m| m.at_s <= fault.from_s + SKEW_S && m.at_s >= fault.from_s - within_s)
            .max_by(|a, b| a.at_s.total_cmp(&b.at_s))
            .map(|m| m.id.clone())
    };
    Naive {
        found: [z, burn],
        latest: [latest(86_400.0), latest(3600.0)],
    }
}

/// Episodes of z-score and of burn rate that no fault explains.
pub fn strays(world: &World, counts: &Counts) -> [usize; 2] {
    let faulty = |minute: usize, on: &dyn Fn(&Fault) -> bool| {
        let at_s = minute as f64 * 60.0;
        // The hour's window of a burn rate stays full for an hour after the end.
        world
            .faults
            .iter()
            .any(|f| on(f) && at_s >= f.from_s - 60.0 && at_s < f.to_s + 3600.0)
    };
    let z = (0..world.endpoints.len())
        .map(|e| {
            let flags = z_flags(&counts.0[e]);
            let stray: Vec<usize> = flags
                .into_iter()
                .filter(|m| !faulty(*m, &|f| f.endpoints.contains(&e)))
                .collect();
            episodes(&stray)
        })
        .sum();
    let burn = (0..world.services.len())
        .map(|s| {
            let flags = burn_flags(&service(world, counts, s));
            let on = |f: &Fault| f.endpoints.iter().any(|e| world.endpoints[*e].service == s);
            let stray: Vec<usize> = flags.into_iter().filter(|m| !faulty(*m, &on)).collect();
            episodes(&stray)
        })
        .sum();
    [z, burn]
}

fn service(world: &World, counts: &Counts, service: usize) -> Vec<(u32, u32)> {
    let mut sum = vec![(0, 0); world.minutes];
    for endpoint in world.of(service) {
        for (all, one) in sum.iter_mut().zip(&counts.0[endpoint]) {
            all.0 += one.0;
            all.1 += one.1;
        }
    }
    sum
}

fn z_flags(minutes: &[(u32, u32)]) -> Vec<usize> {
    let rate = |(n, x): &(u32, u32)| f64::from(*x) / f64::from((*n).max(1));
    (60..minutes.len())
        .filter(|m| {
            let past: Vec<f64> = minutes[m - 60..*m].iter().map(rate).collect();
            let mean = past.iter().sum::<f64>() / 60.0;
            let sd = (past.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 59.0).sqrt();
            minutes[*m].1 > 0 && rate(&minutes[*m]) > mean + 3.0 * sd
        })
        .collect()
}

fn burn_flags(minutes: &[(u32, u32)]) -> Vec<usize> {
    let mut sums = vec![(0u64, 0u64)];
    for (n, x) in minutes {
        let last = sums[sums.len() - 1];
        sums.push((last.0 + u64::from(*n), last.1 + u64::from(*x)));
    }
    let burn = |to: usize, length: usize| {
        let (from, to) = (sums[to.saturating_sub(length)], sums[to]);
        (to.1 - from.1) as f64 / ((to.0 - from.0) as f64).max(1.0) / BUDGET
    };
    (5..=minutes.len())
        .filter(|to| {
            (burn(*to, 60) > 14.4 && burn(*to, 5) > 14.4)
                || (burn(*to, 360) > 6.0 && burn(*to, 30) > 6.0)
        })
        .map(|to| to - 1)
        .collect()
}

fn episodes(flags: &[usize]) -> usize {
    let breaks = flags.windows(2).filter(|w| w[1] - w[0] > APART_MIN).count();
    breaks + usize::from(!flags.is_empty())
}
