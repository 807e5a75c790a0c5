//! Power: could this endpoint have shown the incident at all? What could not is no witness.

use super::constants::{POWER, POWER_ALPHA, POWER_FAILURES, POWER_REQUESTS};
use crate::stats::{beta_binomial_at_least, beta_binomial_critical};

/// Whether `requests` at this baseline rate and over-dispersion would show an error rate that is
/// `excess` higher: at least three failures more, noticed with probability 0.8 at level 0.01.
pub fn could_show(requests: u64, baseline_rate: f64, rho: f64, excess: f64) -> bool {
    let n = requests.min(POWER_REQUESTS);
    if n as f64 * excess < POWER_FAILURES {
        return false;
    }
    let noticed_from = beta_binomial_critical(n, baseline_rate, rho, POWER_ALPHA);
    beta_binomial_at_least(noticed_from, n, (baseline_rate + excess).min(1.0), rho) >= POWER
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
