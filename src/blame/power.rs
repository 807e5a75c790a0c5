//! Power: could this endpoint have shown the incident at all? What could not is no witness.

use super::constants::{POWER, POWER_ALPHA, POWER_FAILURES, POWER_REQUESTS};
use crate::stats::ln_beta_binomial_tail;

/// Smallest over-dispersion told from none.
const LEAST_RHO: f64 = 1e-6;

/// Whether `requests` at this baseline rate and over-dispersion would show an error rate that is
/// `excess` higher: at least three failures more, noticed with probability 0.8 at level 0.01.
pub fn could_show(requests: u64, baseline_rate: f64, rho: f64, excess: f64) -> bool {
    let n = requests.min(POWER_REQUESTS);
    if n as f64 * excess < POWER_FAILURES {
        return false;
    }
    let noticed_from = critical(n, baseline_rate, rho, POWER_ALPHA);
    ln_at_least(noticed_from, n, baseline_rate + excess, rho) >= POWER.ln()
}

/// ln P(at least `x` errors among `n` requests), beta-binomial with this mean rate and intra-class
/// correlation ρ (ρ → 0 is the binomial).
fn ln_at_least(x: u64, n: u64, rate: f64, rho: f64) -> f64 {
    let rate = rate.clamp(1e-12, 1.0 - 1e-12);
    let kappa = 1.0 / rho.clamp(LEAST_RHO, 1.0 - LEAST_RHO) - 1.0;
    ln_beta_binomial_tail(x, n, rate * kappa, (1.0 - rate) * kappa)
}

/// The least number of errors among `n` requests that comes up with probability below `alpha`;
/// `n + 1` where none does.
fn critical(n: u64, rate: f64, rho: f64, alpha: f64) -> u64 {
    let (mut common, mut rare) = (0, n + 1);
    while rare - common > 1 {
        let middle = common.midpoint(rare);
        if ln_at_least(middle, n, rate, rho) < alpha.ln() {
            rare = middle;
        } else {
            common = middle;
        }
    }
    rare
}

/// The smallest excess of the error rate that [`could_show`] affirms, to three digits; `None` where
/// even total failure would not show.
pub fn smallest_visible_excess(requests: u64, baseline_rate: f64, rho: f64) -> Option<f64> {
    let (mut hidden, mut visible) = (0.0, (1.0 - baseline_rate).max(0.0));
    if !could_show(requests, baseline_rate, rho, visible) {
        return None;
    }
    while visible - hidden > visible * 1e-3 {
        let middle = f64::midpoint(hidden, visible);
        if could_show(requests, baseline_rate, rho, middle) {
            visible = middle;
        } else {
            hidden = middle;
        }
    }
    Some(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy 1.17: the least count with `betabinom.sf` below 0.01, then `brentq` for power 0.8.
    #[test]
    fn the_smallest_visible_excess_equals_scipy() {
        let cases = [
            (20_000, 0.003, 1e-4, 0.002_550_374),
            (100, 0.01, 1e-3, 0.057_556_779),
            (200, 0.001, 1e-4, 0.020_384_793),
        ];
        for (requests, baseline_rate, rho, expected) in cases {
            let found = smallest_visible_excess(requests, baseline_rate, rho).unwrap();
            assert!(
                (found / expected - 1.0).abs() < 2e-3,
                "{found} is not {expected}"
            );
            assert!(could_show(requests, baseline_rate, rho, 1.01 * found));
            assert!(!could_show(requests, baseline_rate, rho, 0.99 * found));
        }
    }

    #[test]
    fn a_handful_of_requests_is_no_witness() {
        assert!(!could_show(19, 0.002, 1e-4, 0.15));
        assert_eq!(smallest_visible_excess(2, 0.002, 1e-4), None);
        assert_eq!(smallest_visible_excess(0, 0.0, 0.0), None);
        assert_eq!(smallest_visible_excess(1_000, 1.0, 1e-4), None);
    }
}
