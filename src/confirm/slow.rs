//! Is an endpoint slow enough to matter, and which of its requests are the slow ones?
//!
//! Comes in: a slowdown that the scan found, with the latencies in it and in its past. Goes out: a
//! candidate whose bad requests are the slow ones, which from here on is confirmed, dated and merged as
//! errors are. Where the line lies between slow and usual is read from both histograms.

use crate::detect::{Baseline, Candidate, Signal, Slowdown};
use crate::sketch::Latencies;
use crate::zoom::TwoTimes;

/// An operator cares where the median or the 95 % quantile grows by so much …
const WORSE: f64 = 1.4;
/// … and by so many µs: nobody notices less.
const NOTICED_US: u64 = 5_000;
/// Fewer successful requests than this tell no quantile.
const LEAST: u64 = 20;
/// Quantiles of the past at which the line may lie.
const LINES: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];
/// Over-dispersion ρ of the share of slow requests from minute to minute: at a usual share of 5 % it
/// varies by 44 % of itself. *Judgement.*
const RHO: f64 = 0.01;

/// The slowdowns that matter, as candidates. `latencies` are those of each slowdown.
pub fn slow(slowdowns: &[Slowdown], latencies: &[TwoTimes]) -> Vec<Candidate> {
    slowdowns
        .iter()
        .zip(latencies)
        .filter(|(_, latencies)| matters(latencies))
        .filter_map(|(slowdown, latencies)| candidate(slowdown, latencies))
        .collect()
}

fn matters(latencies: &TwoTimes) -> bool {
    let grew = |q: f64| {
        let quantiles = latencies
            .usually
            .quantile(q)
            .zip(latencies.during.quantile(q));
        quantiles.is_some_and(|(before, now)| {
            now as f64 >= WORSE * before as f64 && now >= before.saturating_add(NOTICED_US)
        })
    };
    latencies.usually.count() >= LEAST
        && latencies.during.count() >= LEAST
        && (grew(0.5) || grew(0.95))
}

fn candidate(slowdown: &Slowdown, latencies: &TwoTimes) -> Option<Candidate> {
    let (usually, during) = (&latencies.usually, &latencies.during);
    let share =
        |of: &Latencies, line| (of.longer_than(line) as f64 + 0.5) / (of.count() as f64 + 1.0);
    // The line at which one request tells most: the largest divergence of the two shares.
    let tells = |&line: &u64| {
        let (before, now) = (share(usually, line), share(during, line));
        let nats = now * (now / before).ln() + (1.0 - now) * ((1.0 - now) / (1.0 - before)).ln();
        if now > before { nats } else { 0.0 }
    };
    let line = LINES
        .iter()
        .filter_map(|q| usually.upper_quantile(*q))
        .max_by(|a, b| tells(a).total_cmp(&tells(b)))
        .filter(|line| tells(line) > 0.0)?;
    Some(Candidate {
        endpoint: slowdown.endpoint,
        from_min: slowdown.from_min,
        to_min: slowdown.to_min,
        requests: during.count(),
        errors: during.longer_than(line),
        baseline: Baseline {
            signal: Signal::Latency {
                slower_than_us: line,
            },
            rate: share(usually, line),
            rho: RHO,
            requests: usually.count(),
            from_min: slowdown.past_from_min,
            to_min: slowdown.past_to_min,
        },
        p_value: slowdown.p_value,
        began_before_log: slowdown.began_before_log,
        recurs: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::EndpointId;

    fn slowdown() -> Slowdown {
        Slowdown {
            endpoint: EndpointId(3),
            from_min: 1_000,
            to_min: 1_020,
            past_from_min: 810,
            past_to_min: 990,
            octaves: 1.0,
            p_value: 1e-12,
            began_before_log: false,
        }
    }

    /// A thousand latencies in µs, evenly between two.
    fn evenly(from: u64, to: u64) -> Latencies {
        let mut all = Latencies::default();
        (0..1_000).for_each(|i| all.add(from + i * (to - from) / 1_000));
        all
    }

    fn judged(usually: Latencies, during: Latencies) -> Option<Candidate> {
        slow(&[slowdown()], &[TwoTimes { during, usually }]).pop()
    }

    /// What a request must take longer than to count as slow.
    fn line(found: &Candidate) -> u64 {
        let Signal::Latency { slower_than_us } = found.baseline.signal else {
            panic!("{found:?}");
        };
        slower_than_us
    }

    #[test]
    fn of_an_endpoint_that_takes_three_times_as_long_nearly_all_requests_are_slow() {
        let found = judged(evenly(50_000, 100_000), evenly(150_000, 300_000)).unwrap();
        let slower_than_us = line(&found);
        // At the 99 % quantile (99.5 ms), where of 1,000 usual requests at most 10 are slower.
        assert!(
            (99_000..103_000).contains(&slower_than_us),
            "{slower_than_us}"
        );
        assert_eq!((found.requests, found.errors), (1_000, 1_000));
        assert!(found.baseline.rate <= 0.0105, "{}", found.baseline.rate);
        assert_eq!((found.from_min, found.baseline.to_min), (1_000, 990));
    }

    /// Nine of ten requests hit a cache: they take 20 ms instead of 10, and the others a second as ever.
    #[test]
    fn where_only_the_fast_ones_grow_slower_the_line_lies_between_fast_and_slower() {
        let mixed = |fast_us: u64| {
            let mut all = evenly(1_000_000, 1_100_000);
            (0..9_000).for_each(|i| all.add(fast_us + i % 500));
            all
        };
        let found = judged(mixed(10_000), mixed(20_000)).unwrap();
        let slower_than_us = line(&found);
        assert!(
            (10_500..20_000).contains(&slower_than_us),
            "{slower_than_us}"
        );
        assert_eq!((found.requests, found.errors), (10_000, 10_000));
    }

    #[test]
    fn what_nobody_would_notice_is_no_candidate() {
        // Three times as long, but two milliseconds; a fifth more; too few to tell.
        assert_eq!(judged(evenly(900, 1_100), evenly(2_700, 3_300)), None);
        assert_eq!(
            judged(evenly(50_000, 100_000), evenly(60_000, 120_000)),
            None
        );
        let mut few = Latencies::default();
        (0..19).for_each(|_| few.add(900_000));
        assert_eq!(judged(evenly(50_000, 100_000), few), None);
    }
}
