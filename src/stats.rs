//! The statistics: tails, intervals, multiple testing. Pure functions of numbers.
//!
//! Comes in: counts, parameters, probabilities. Goes out: the same. Knows no log, no endpoint, no
//! time. Tails are summed exactly, in log space, so that they stay right at n = 3 and at n in the
//! millions alike; `ln_` in a name says that the result is a natural logarithm. Parameters outside
//! a function's domain give NaN, never a panic.
//!
//! Log gamma and erf are `statrs`'; log beta and the incomplete beta function are here because the
//! plain difference of log gammas loses digits where one parameter is large, and because the
//! usual 140 steps of the continued fraction don't reach parameters of 1e5.

use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

/// ln B(a, b), to about 1e-14 relative, for a, b > 0.
///
/// Where a parameter is 10 or more the large terms of Stirling's formula cancel on paper instead
/// of in the machine (Didonato & Morris, ACM TOMS 708, 1992).
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a <= b { (a, b) } else { (b, a) };
    if large < STIRLING_FROM {
        return ln_gamma(small) + ln_gamma(large) - ln_gamma(small + large);
    }
    let sum = small + large;
    let correction = stirling_rest(large) - stirling_rest(sum);
    if small < STIRLING_FROM {
        return ln_gamma(small) + correction + small
            - (large - 0.5) * (small / large).ln_1p()
            - small * sum.ln();
    }
    const HALF_LN_TWO_PI: f64 = 0.918_938_533_204_672_8;
    HALF_LN_TWO_PI + correction + stirling_rest(small) - 0.5 * large.ln()
        + (small - 0.5) * (small / sum).ln()
        - large * (small / large).ln_1p()
}

const STIRLING_FROM: f64 = 10.0;

/// What Stirling's formula leaves of ln Γ(x), for x ≥ 10 (DLMF 5.11.1).
fn stirling_rest(x: f64) -> f64 {
    const TERMS: [f64; 6] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
    ];
    let y = 1.0 / (x * x);
    TERMS.iter().rev().fold(0.0, |sum, term| sum * y + term) / x
}

/// ln P(X = x) of a beta-binomial variable: n trials, parameters a, b > 0.
pub fn ln_beta_binomial(x: u64, n: u64, a: f64, b: f64) -> f64 {
    if x > n {
        return f64::NEG_INFINITY;
    }
    let (hits, misses) = (x as f64, (n - x) as f64);
    ln_beta(hits + a, misses + b)
        - ln_beta(a, b)
        - ln_beta(hits + 1.0, misses + 1.0)
        - (n as f64 + 1.0).ln()
}

/// ln P(X ≥ x) of a beta-binomial variable: n trials, parameters a, b > 0.
///
/// The terms follow from each other by their ratio; summing stops when all that remain together
/// can't change the sum.
pub fn ln_beta_binomial_tail(x: u64, n: u64, a: f64, b: f64) -> f64 {
    if x == 0 {
        return 0.0;
    }
    if x > n {
        return f64::NEG_INFINITY;
    }
    let mean = n as f64 * a / (a + b);
    if x as f64 > mean {
        return ln_beta_binomial(x, n, a, b) + sum_upward(x, n, a, b).ln();
    }
    let below = (ln_beta_binomial(x - 1, n, a, b) + sum_downward(x - 1, n, a, b).ln()).exp();
    (-below.min(1.0)).ln_1p()
}

/// An upper bound of [`ln_beta_binomial_tail`], close above the mean, in a time that doesn't depend
/// on n: the first term and a geometric series above all that follow.
pub fn ln_beta_binomial_tail_bound(x: u64, n: u64, a: f64, b: f64) -> f64 {
    if x > n {
        return f64::NEG_INFINITY;
    }
    let bound = ratio_bound(x as f64, n as f64, a, b);
    if b < 1.0 || bound >= 1.0 {
        return 0.0;
    }
    (ln_beta_binomial(x, n, a, b) - (-bound).ln_1p()).min(0.0)
}

/// Where b ≥ 1, no term after P(k) is more than this times the one before it.
///
/// The ratio of neighbours is the product of two factors, each monotone in k: the larger of what
/// each is now and tends to.
fn ratio_bound(k: f64, n: f64, a: f64, b: f64) -> f64 {
    ((k + a) / (k + 1.0)).max(1.0) * (n - k) / (n - k - 1.0 + b)
}

/// Below this share of the sum the remaining terms are left out.
const VANISHED: f64 = 1e-17;

/// Σ P(k) / P(x) over k = x..=n.
fn sum_upward(x: u64, n: u64, a: f64, b: f64) -> f64 {
    let n = n as f64;
    let mut k = x as f64;
    let (mut term, mut sum) = (1.0, 1.0);
    while k < n {
        let bound = ratio_bound(k, n, a, b);
        if b >= 1.0 && bound < 1.0 && term * bound < VANISHED * sum * (1.0 - bound) {
            break;
        }
        term *= (k + a) / (k + 1.0) * (n - k) / (n - k - 1.0 + b);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Σ P(k) / P(x) over k = x down to 0: the same sum with hits and misses in exchanged roles.
fn sum_downward(x: u64, n: u64, a: f64, b: f64) -> f64 {
    sum_upward(n - x, n, b, a)
}

/// P(B ≤ x) of a beta variable with parameters a, b > 0 (the regularized incomplete beta function).
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let ln_front = a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b);
    if x <= (a + 1.0) / (a + b + 2.0) {
        ln_front.exp() * beta_fraction(x, a, b) / a
    } else {
        1.0 - ln_front.exp() * beta_fraction(1.0 - x, b, a) / b
    }
}

/// Steps of z in which the integral of [`wandering_binomial_tail`] is summed, and how many to each side.
const STEP: f64 = 0.125;
const REACH: i32 = 72;
/// Steps at a time when it is bounded.
const STRIDE: usize = 4;

/// P(X ≥ x) of a binomial count of n trials whose probability is log-normal around the mean m, with
/// ln-variance `s2`, cut at 1. The trapezoid rule over standard normal deviates from −9 to 9 in steps of ⅛: the
/// integrand is smooth and vanishes at both ends, so the rule converges faster than any power.
pub fn wandering_binomial_tail(x: u64, n: u64, m: f64, s2: f64) -> f64 {
    if x == 0 {
        return 1.0;
    }
    if x > n {
        return 0.0;
    }
    let tail = wandering_tail(x, n, m, s2);
    let at = |i: i32| {
        let z = f64::from(i) * STEP;
        (-0.5 * z * z).exp() * tail(z)
    };
    let sum: f64 = (-REACH..=REACH).map(at).sum();
    sum * STEP / std::f64::consts::TAU.sqrt()
}

/// Of a rate z standard deviations above its median: P(X ≥ x).
fn wandering_tail(x: u64, n: u64, m: f64, s2: f64) -> impl Fn(f64) -> f64 {
    let (hits, misses) = (x as f64, (n - x) as f64 + 1.0);
    let s = s2.sqrt();
    move |z| beta_cdf(m * (s * z - 0.5 * s2).exp(), hits, misses)
}

/// Whether [`wandering_binomial_tail`] is at least so much. Where it is far less, as it is for faults, a few
/// of the terms tell: P(X ≥ x) grows with the rate, so between two points it is at most that at the upper one.
pub fn wandering_binomial_tail_reaches(x: u64, n: u64, m: f64, s2: f64, least: f64) -> bool {
    if x > 0 && x <= n {
        let tail = wandering_tail(x, n, m, s2);
        let mut bound = 0.0;
        for upper in (-REACH..=REACH).rev().step_by(STRIDE) {
            let most = tail(f64::from(upper) * STEP);
            let points = (upper - STRIDE as i32 + 1).max(-REACH)..=upper;
            let density = |i: i32| (-0.5 * (f64::from(i) * STEP).powi(2)).exp();
            bound += most * points.map(density).sum::<f64>();
            // All points below together weigh at most √(2π) / STEP, a little more than 20.
            if (bound + 21.0 * most) * STEP < least {
                return false;
            }
        }
    }
    wandering_binomial_tail(x, n, m, s2) >= least
}

/// ln P(T ≥ t) of Student's law, for t ≥ 0: half the incomplete beta function of ν/(ν + t²).
pub fn ln_student_t_tail(t: f64, freedom: f64) -> f64 {
    (0.5 * beta_cdf(freedom / (freedom + t * t), 0.5 * freedom, 0.5)).ln()
}

/// The continued fraction DLMF 8.17.22 by Lentz's method. It converges within some √max(a, b)
/// steps; the limit is far above what counts below 2³² need.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const STEPS: u32 = 200_000;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..=STEPS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / guard(1.0 + coefficient * d);
            c = guard(1.0 + coefficient / c);
            step = c * d;
            h *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

/// Wilson's interval for a proportion: x of n seen, `z` standard normal deviates wide
/// (1.96 for 95 %). `(0, 1)` where n is 0.
pub fn wilson(x: u64, n: u64, z: f64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (x, n, zz) = (x.min(n) as f64, n as f64, z * z);
    let centre = x + zz / 2.0;
    let half = z * (x * (n - x) / n + zz / 4.0).sqrt();
    let bound = |v: f64| (v / (n + zz)).clamp(0.0, 1.0);
    let low = if x == 0.0 { 0.0 } else { bound(centre - half) };
    let high = if x == n { 1.0 } else { bound(centre + half) };
    (low, high)
}

/// Which hypotheses Benjamini & Hochberg (1995) reject at false discovery rate q, in input order.
pub fn benjamini_hochberg(p_values: &[f64], q: f64) -> Vec<bool> {
    let mut sorted = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let total = p_values.len() as f64;
    let cut = sorted
        .iter()
        .enumerate()
        .rev()
        .find(|(i, p)| **p <= q * (*i as f64 + 1.0) / total)
        .map(|(_, p)| *p);
    p_values
        .iter()
        .map(|p| cut.is_some_and(|cut| *p <= cut))
        .collect()
}

/// P(Z ≤ z) of a standard normal variable.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Density at x of a log-normal variable: `median` > 0, standard deviation `sigma` of its logarithm.
pub fn lognormal_pdf(x: f64, median: f64, sigma: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let z = (x / median).ln() / sigma;
    (-0.5 * z * z).exp() / (x * sigma * std::f64::consts::TAU.sqrt())
}

/// P(X ≤ x) of a log-normal variable: `median` > 0, standard deviation `sigma` of its logarithm.
pub fn lognormal_cdf(x: f64, median: f64, sigma: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    normal_cdf((x / median).ln() / sigma)
}

/// P(N ≤ n) of a negative binomial count: `mean`, and variance mean + mean²/`size`.
pub fn negative_binomial_cdf(n: u64, mean: f64, size: f64) -> f64 {
    beta_cdf(size / (size + mean), size, n as f64 + 1.0)
}

/// Failures and successes of what is compared, then failures and successes of the rest.
pub type Table = [f64; 4];

/// The common log odds ratio of 2×2 tables (Mantel & Haenszel 1959) and its variance (Robins, Breslow
/// & Greenland 1986); `None` where one side of the tables never fails, or always does.
pub fn mantel_haenszel(tables: impl IntoIterator<Item = Table>) -> Option<(f64, f64)> {
    let (mut r, mut s, mut pr, mut cross, mut qs) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for [a, b, c, d] in tables {
        let n = a + b + c + d;
        if n <= 0.0 {
            continue;
        }
        let (p, q) = ((a + d) / n, (b + c) / n);
        let (ri, si) = (a * d / n, b * c / n);
        r += ri;
        s += si;
        pr += p * ri;
        cross += p * si + q * ri;
        qs += q * si;
    }
    (r > 0.0 && s > 0.0).then(|| {
        let variance = pr / (2.0 * r * r) + cross / (2.0 * r * s) + qs / (2.0 * s * s);
        ((r / s).ln(), variance)
    })
}

/// ln of the Bayes factor of "an effect, a priori N(0, `prior`)" against "none", for an estimate with
/// this variance (Wakefield 2009).
pub fn ln_bayes_factor(estimate: f64, variance: f64, prior: f64) -> f64 {
    let both = variance + prior;
    0.5 * (variance / both).ln() + estimate * estimate / (2.0 * variance) * prior / both
}

/// ln of the Bayes factor of "two rates" against "one rate", each a priori Beta(`a`, `b`): `x` of `n`
/// against `y` of `m`.
pub fn ln_two_rates(x: u64, n: u64, y: u64, m: u64, a: f64, b: f64) -> f64 {
    let marginal =
        |x: u64, n: u64| ln_beta(x as f64 + a, n.saturating_sub(x) as f64 + b) - ln_beta(a, b);
    marginal(x, n) + marginal(y, m) - marginal(x.saturating_add(y), n.saturating_add(m))
}

/// ln of Fisher's combined p-value (1932): how improbable it is that the −ln p of so many independent
/// tests add up to `nats`. The sum has a gamma law of that shape, whose tail is a Poisson sum.
pub fn ln_fisher_tail(nats: f64, tests: usize) -> f64 {
    if nats <= 0.0 {
        return 0.0;
    }
    let mut term = -nats;
    let mut terms = vec![term];
    for k in 1..tests {
        term += nats.ln() - (k as f64).ln();
        terms.push(term);
    }
    log_sum_exp(&terms).min(0.0)
}

/// ln Σ exp(v), without overflow; −∞ for nothing.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + values.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(got: f64, want: f64) {
        let error = (got - want).abs() / want.abs().max(1e-300);
        assert!(error < 1e-9, "got {got:e}, want {want:e}, off by {error:e}");
    }

    /// SciPy 1.17: `quad` over `norm.pdf(z) * binom.sf(x - 1, n, min(1, m * exp(s * z - s2 / 2)))`.
    #[test]
    fn a_wandering_binomials_tail_is_its_integral() {
        for (x, n, m, s2, want) in [
            (1, 3, 0.1, 0.5, 0.25500762927653753),
            (3, 3, 0.02, 0.4, 2.656092013744349e-05),
            (40, 100, 0.01, 0.63, 3.566443710799507e-07),
            (12, 3000, 0.001, 0.28, 0.007736846203259752),
            (300, 20000, 0.004, 0.05, 2.9150549292293014e-09),
            (7, 19, 0.31, 1.2, 0.2769625164608015),
        ] {
            let got: f64 = wandering_binomial_tail(x, n, m, s2);
            assert!(
                (got / want - 1.0).abs() < 1e-7,
                "{x} of {n}: {got:e}, want {want:e}"
            );
        }
        assert_eq!(wandering_binomial_tail(0, 5, 0.1, 0.5), 1.0);
        assert_eq!(wandering_binomial_tail(6, 5, 0.1, 0.5), 0.0);
    }

    #[test]
    fn whether_a_wandering_binomials_tail_reaches_a_line_is_told_as_by_its_value() {
        for (x, n, m, s2) in [
            (1, 3, 0.1, 0.5),
            (3, 3, 0.02, 0.4),
            (40, 100, 0.01, 0.63),
            (12, 3000, 0.001, 0.28),
            (300, 20000, 0.004, 0.05),
            (80, 90, 0.0001, 0.01),
            (0, 5, 0.1, 0.5),
            (6, 5, 0.1, 0.5),
        ] {
            let value = wandering_binomial_tail(x, n, m, s2);
            for times in [1e-9, 0.3, 1.0 - 1e-12, 1.0, 1.0 + 1e-12, 2.0, 3.0, 1e9] {
                let line = value * times;
                assert_eq!(
                    wandering_binomial_tail_reaches(x, n, m, s2, line),
                    value >= line,
                    "{x} of {n}: {value:e} and {line:e}"
                );
            }
        }
    }

    /// SciPy 1.17: `log(chi2.sf(2 * nats, 2 * tests))`.
    #[test]
    fn fishers_tail_is_that_of_chi_square() {
        for (nats, tests, want) in [
            (0.5, 1, -0.4999999999999999),
            (3.0, 1, -3.0),
            (11.5, 4, -5.694551325274245),
            (43.4, 7, -27.211744785170076),
            (20.0, 37, -0.0004229861296839847),
            (300.0, 168, -37.84739394776631),
        ] {
            close(ln_fisher_tail(nats, tests), want);
        }
        assert_eq!(ln_fisher_tail(0.0, 7), 0.0);
    }

    /// Computed with mpmath 1.3 at 40 digits: the sum of exact terms, and log gamma differences.
    #[test]
    fn beta_binomial_tails_are_exact_from_three_requests_to_a_million() {
        for (x, n, a, b, want) in [
            (3, 3, 0.01, 99.99, -17.74234864917756),
            (1, 3, 0.95, 18.05, -1.9946606265122733),
            (12, 400, 2.0, 998.0, -12.877634960898282),
            (150, 1000, 0.095, 18.905, -6.469866039137554),
            (5, 1000, 10.0, 990.0, -0.09289714656733869),
            (300_000, 1_000_000, 50.0, 450.0, -61.76933130624221),
            (4_000, 1_000_000, 100.0, 99_900.0, -155.5557433273873),
            (60, 60, 0.5, 0.5, -2.6216205332584384),
        ] {
            let got = ln_beta_binomial_tail(x, n, a, b);
            assert!(
                (got - want).abs() < 1e-9,
                "P(X ≥ {x} | {n}): {got} ≠ {want}"
            );
        }
        for (x, n, a, b, want) in [
            (3, 3, 0.01, 99.99, -17.74234864917756),
            (0, 1_000_000, 100.0, 99_900.0, -239.83545315693166),
            (4_000, 1_000_000, 100.0, 99_900.0, -158.23308646582083),
            (7, 40, 0.3, 5.5, -3.929480090756426),
        ] {
            let got = ln_beta_binomial(x, n, a, b);
            assert!(
                (got - want).abs() < 1e-9,
                "P(X = {x} | {n}): {got} ≠ {want}"
            );
        }
    }

    #[test]
    fn the_bound_of_a_tail_is_never_below_it_and_close_where_it_is_small() {
        for (x, n, a, b) in [
            (3, 3, 0.01, 99.99),
            (60, 400, 2.0, 998.0),
            (150, 1000, 1.0, 18.0),
        ] {
            let (exact, bound) = (
                ln_beta_binomial_tail(x, n, a, b),
                ln_beta_binomial_tail_bound(x, n, a, b),
            );
            assert!(exact <= bound && bound < exact + 0.5, "{exact} {bound}");
        }
        assert_eq!(ln_beta_binomial_tail_bound(1, 100, 5.0, 5.0), 0.0);
        assert_eq!(ln_beta_binomial_tail_bound(60, 60, 0.5, 0.5), 0.0);
        assert_eq!(
            ln_beta_binomial_tail_bound(4, 3, 0.5, 9.5),
            f64::NEG_INFINITY
        );
    }

    /// Computed with SciPy 1.17 `stats.t.sf`.
    #[test]
    fn students_law_has_its_tail() {
        for (t, freedom, want) in [
            (0.0, 30.0, 0.5),
            (0.5, 30.0, 0.3103615024425636),
            (2.0, 20.0, 0.02963276772328522),
            (6.5, 30.0, 1.7390235439860103e-07),
            (8.0, 30.0, 3.1329112378503795e-09),
            (40.0, 30.0, 6.863022597203209e-28),
        ] {
            close(ln_student_t_tail(t, freedom).exp() / want, 1.0);
        }
    }

    #[test]
    fn a_tail_is_certain_at_zero_and_impossible_beyond_n() {
        assert_eq!(ln_beta_binomial_tail(0, 10, 1.0, 9.0), 0.0);
        assert_eq!(ln_beta_binomial_tail(0, 0, 1.0, 9.0), 0.0);
        assert_eq!(ln_beta_binomial_tail(11, 10, 1.0, 9.0), f64::NEG_INFINITY);
        assert_eq!(ln_beta_binomial(11, 10, 1.0, 9.0), f64::NEG_INFINITY);
    }

    #[test]
    fn a_beta_binomial_with_a_and_b_of_one_is_uniform() {
        for x in 0..=20 {
            close(ln_beta_binomial(x, 20, 1.0, 1.0).exp(), 1.0 / 21.0);
            close(
                ln_beta_binomial_tail(x, 20, 1.0, 1.0).exp(),
                (21 - x) as f64 / 21.0,
            );
        }
    }

    /// Computed with mpmath 1.3 `betainc` (40 digits) and SciPy 1.17 `special.betainc`.
    #[test]
    fn the_beta_distribution_holds_for_small_and_for_large_parameters() {
        for (x, a, b, want) in [
            (0.1, 3.5, 17.5, 0.21373053188338528),
            (0.3, 0.5, 0.5, 0.36901011956554536),
            (0.13, 150.5, 850.5, 0.03191325515129002),
            (0.0005, 20.0, 99_980.0, 0.9999995230526737),
            (0.2992, 300_000.5, 700_000.5, 0.04033793058435109),
            (0.999, 2.0, 3.0, 0.999999996003),
        ] {
            close(beta_cdf(x, a, b), want);
        }
        assert_eq!(
            (beta_cdf(0.0, 2.0, 3.0), beta_cdf(1.0, 2.0, 3.0)),
            (0.0, 1.0)
        );
    }

    /// Computed with SciPy 1.17 `stats.nbinom.cdf(n, size, size / (size + mean))`.
    #[test]
    fn negative_binomial_tails() {
        close(negative_binomial_cdf(0, 40.0, 5.0), 1.6935087808430282e-05);
        close(negative_binomial_cdf(3, 20.0, 2.5), 0.04645294585852428);
        close(
            negative_binomial_cdf(100, 180.0, 1000.0),
            9.014329087783753e-10,
        );
    }

    /// Computed with SciPy 1.17 `stats.norm` and `stats.lognorm(1.0, scale=100)`.
    #[test]
    fn normal_and_lognormal() {
        close(normal_cdf(-6.0), 9.865876450376946e-10);
        close(normal_cdf(-1.96), 0.024997895148220435);
        close(normal_cdf(0.5), 0.6914624612740131);
        close(lognormal_pdf(30.0, 100.0, 1.0), 0.006442032573591997);
        close(lognormal_pdf(1000.0, 100.0, 1.0), 2.8159018901526804e-05);
        close(lognormal_cdf(30.0, 100.0, 1.0), 0.11430004504915153);
        close(lognormal_cdf(1000.0, 100.0, 1.0), 0.9893489006582998);
        assert_eq!(
            (
                lognormal_pdf(0.0, 100.0, 1.0),
                lognormal_cdf(-1.0, 100.0, 1.0)
            ),
            (0.0, 0.0)
        );
    }

    /// Computed with SciPy 1.17 `binomtest(x, n).proportion_ci(method="wilson")`.
    #[test]
    fn wilson_intervals() {
        const Z: f64 = 1.959963984540054;
        for (x, n, low, high) in [
            (3, 20, 0.05236874589621662, 0.3604188647407569),
            (150, 1000, 0.12921007251308828, 0.1734686584268003),
        ] {
            let got = wilson(x, n, Z);
            close(got.0, low);
            close(got.1, high);
        }
        assert_eq!(wilson(0, 10, Z).0, 0.0);
        close(wilson(0, 10, Z).1, 0.27753279986288926);
        assert_eq!(wilson(10, 10, Z).1, 1.0);
        assert_eq!(wilson(0, 0, Z), (0.0, 1.0));
    }

    /// The adjusted p-values by SciPy 1.17 `stats.false_discovery_control` are .008, .032, .0672
    /// (thrice), .08, .0846, .205: two lie below .05, five below .07.
    #[test]
    fn benjamini_hochberg_rejects_what_lies_below_the_line() {
        let p = [0.205, 0.039, 0.001, 0.041, 0.008, 0.042, 0.06, 0.074];
        let rejected = |q| -> Vec<f64> {
            let mask = benjamini_hochberg(&p, q);
            p.iter()
                .zip(mask)
                .filter(|(_, hit)| *hit)
                .map(|(p, _)| *p)
                .collect()
        };
        assert_eq!(rejected(0.05), [0.001, 0.008]);
        assert_eq!(rejected(0.07), [0.039, 0.001, 0.041, 0.008, 0.042]);
        assert!(benjamini_hochberg(&[], 0.05).is_empty());
    }

    #[test]
    fn log_sum_exp_survives_what_exp_does_not() {
        close(
            log_sum_exp(&[-1000.0, -1001.0, -1002.0]),
            -999.5923940355556,
        );
        assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[f64::NEG_INFINITY; 2]), f64::NEG_INFINITY);
    }

    /// Admissions to Berkeley by sex in six departments: R's manual of `mantelhaen.test` has a common
    /// odds ratio of 0.9046968 and the interval 0.7719074 to 1.0603298; the digits and the sparse
    /// tables are statsmodels 0.14's `StratifiedTable`.
    #[test]
    fn mantel_haenszel_is_that_of_others() {
        let berkeley = [
            [512.0, 313.0, 89.0, 19.0],
            [353.0, 207.0, 17.0, 8.0],
            [120.0, 205.0, 202.0, 391.0],
            [138.0, 279.0, 131.0, 244.0],
            [53.0, 138.0, 94.0, 299.0],
            [22.0, 351.0, 24.0, 317.0],
        ];
        let (theta, variance) = mantel_haenszel(berkeley).unwrap();
        close(theta, -0.10015538780535076);
        close(variance, 0.006559203487303512);
        let sparse = [
            [3.0, 7.0, 0.0, 40.0],
            [1.0, 1.0, 2.0, 55.0],
            [0.0, 4.0, 1.0, 9.0],
        ];
        let (theta, variance) = mantel_haenszel(sparse).unwrap();
        close(theta, 2.3442794341820083);
        close(variance, 0.9220110600528739);
        assert_eq!(mantel_haenszel([[5.0, 5.0, 0.0, 10.0]]), None);
        assert_eq!(mantel_haenszel([[0.0; 4]]), None);
    }

    /// The first three as differences of SciPy 1.17's `norm.logpdf`, the others of its `betaln`.
    #[test]
    fn bayes_factors_are_those_of_densities_and_marginals() {
        close(ln_bayes_factor(3.4, 0.02, 2.25), 284.08784307493124);
        close(ln_bayes_factor(0.0, 0.05, 2.25), -1.9143206982445475);
        close(ln_bayes_factor(-0.7, 0.2, 2.25), -0.12776296849536828);
        close(ln_two_rates(6, 20, 0, 180, 0.5, 9.5), 11.906230333864222);
        close(ln_two_rates(0, 50, 2, 400, 0.5, 9.5), -0.6395547172340681);
        close(ln_two_rates(1, 30, 3, 100, 0.5, 9.5), -0.5503401834510626);
    }
}
