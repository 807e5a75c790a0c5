//! Distributions and tails, as pure functions of numbers.
//!
//! Comes in: counts, rates, durations. Goes out: probabilities and densities. Knows nothing of
//! logs. Expected values of the tests were computed with SciPy 1.17.

use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

/// P(Z ≤ z) of the standard normal distribution.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// Density at `x` of the lognormal distribution with this median and log standard deviation.
pub fn lognormal_pdf(x: f64, median: f64, sigma: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let z = (x / median).ln() / sigma;
    (-0.5 * z * z).exp() / (x * sigma * std::f64::consts::TAU.sqrt())
}

/// P(X ≤ x) of the lognormal distribution with this median and log standard deviation.
pub fn lognormal_cdf(x: f64, median: f64, sigma: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    normal_cdf((x / median).ln() / sigma)
}

/// ln Σ exp(x), without overflow; −∞ for no terms.
pub fn log_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + terms.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// Smallest over-dispersion told from none: below it ln Γ loses the digits that would tell.
const LEAST_RHO: f64 = 1e-6;

/// The probabilities of 0, 1, … n errors among `n` requests: beta-binomial with this mean rate and
/// intra-class correlation ρ (ρ → 0 is the binomial). The walk is by the ratio of neighbours, in
/// logarithms, so that neither tail underflows.
pub fn beta_binomial_pmf(n: u64, mean: f64, rho: f64) -> impl Iterator<Item = f64> {
    let mean = mean.clamp(1e-12, 1.0 - 1e-12);
    let kappa = 1.0 / rho.clamp(LEAST_RHO, 1.0 - LEAST_RHO) - 1.0;
    let (a, b) = (mean * kappa, (1.0 - mean) * kappa);
    let total = n as f64;
    let none = ln_gamma(total + b) + ln_gamma(a + b) - ln_gamma(total + a + b) - ln_gamma(b);
    (0..=n).scan(none, move |log_p, k| {
        let (here, k) = (*log_p, k as f64);
        let left = total - k;
        *log_p += (left * (k + a) / ((k + 1.0) * (left - 1.0 + b))).ln();
        Some(here.exp())
    })
}

/// P(at least `x` errors among `n` requests), beta-binomial.
pub fn beta_binomial_at_least(x: u64, n: u64, mean: f64, rho: f64) -> f64 {
    let below: f64 = beta_binomial_pmf(n, mean, rho)
        .zip(0..x)
        .map(|(p, _)| p)
        .sum();
    (1.0 - below).clamp(0.0, 1.0)
}

/// The least number of errors among `n` requests that comes up with probability below `alpha`;
/// `n + 1` where none does.
pub fn beta_binomial_critical(n: u64, mean: f64, rho: f64, alpha: f64) -> u64 {
    let mut at_least = 1.0;
    for (x, p) in (0..=n).zip(beta_binomial_pmf(n, mean, rho)) {
        if at_least < alpha {
            return x;
        }
        at_least -= p;
    }
    n.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() <= 1e-9 + 1e-7 * expected.abs(),
            "{found} is not {expected}"
        );
    }

    #[test]
    fn normal_cdf_equals_the_tables() {
        close(normal_cdf(0.0), 0.5);
        close(normal_cdf(1.959_963_984_540_054), 0.975);
        close(normal_cdf(-3.0), 0.001_349_898_031_630_094_5);
    }

    #[test]
    fn lognormal_equals_scipy() {
        close(lognormal_pdf(90.0, 100.0, 1.0), 0.004_408_156_859_120_267);
        close(
            lognormal_pdf(200.0, 180.0, 0.5),
            0.003_901_826_915_290_533_6,
        );
        close(lognormal_cdf(90.0, 100.0, 1.0), 0.458_044_872_785_658_86);
        assert_eq!(lognormal_pdf(-1.0, 100.0, 1.0), 0.0);
        assert_eq!(lognormal_cdf(0.0, 100.0, 1.0), 0.0);
    }

    #[test]
    fn log_sum_exp_neither_overflows_nor_underflows() {
        close(
            log_sum_exp(&[1000.0, 1000.0]),
            1000.0 + std::f64::consts::LN_2,
        );
        close(log_sum_exp(&[-1000.0, f64::NEG_INFINITY]), -1000.0);
        assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
    }

    #[test]
    fn beta_binomial_tail_equals_scipy() {
        close(
            beta_binomial_at_least(10, 200, 0.02, 0.01),
            0.073_987_005_430_657_5,
        );
        close(
            beta_binomial_at_least(300, 10_000, 0.02, 0.001),
            0.025_626_306_961_960_443,
        );
        let p: Vec<f64> = beta_binomial_pmf(200, 0.02, 0.01).collect();
        assert_eq!(p.len(), 201);
        close(p.iter().sum(), 1.0);
    }

    #[test]
    fn without_dispersion_the_tail_is_binomial() {
        // 1 − 0.999²⁰ − 20·0.001·0.999¹⁹; the least ρ of 1e-6 adds ρ/m = 0.1 % of it.
        let found = beta_binomial_at_least(2, 20, 0.001, 0.0);
        assert!((found / 0.000_187_734_473 - 1.0).abs() < 2e-3, "{found}");
    }

    #[test]
    fn critical_count_is_the_first_below_alpha() {
        // SciPy: P(≥ 15) = 0.0127, P(≥ 16) = 0.0088.
        assert_eq!(beta_binomial_critical(200, 0.02, 0.01, 0.01), 16);
        assert_eq!(beta_binomial_critical(2, 0.5, 0.0, 0.01), 3);
    }
}
