//! Posterior: scores in nats → probabilities.
//!
//! Every change competes with "none of them". The softmax is tempered, since pieces of evidence are
//! less independent than adding them up takes them for. What changes with nothing but timing on
//! their side may have together is capped.

use super::constants::TEMPERATURE;
use crate::stats::log_sum_exp;

/// Tempered softmax of the changes' scores and that of "none": the changes' probabilities.
pub(super) fn softmax(scores: &[f64], none: f64) -> Vec<f64> {
    let tempered: Vec<f64> = scores
        .iter()
        .chain(std::iter::once(&none))
        .map(|score| score / TEMPERATURE)
        .collect();
    let total = log_sum_exp(&tempered);
    tempered
        .iter()
        .take(scores.len())
        .map(|score| (score - total).exp())
        .collect()
}

/// Scales the members down to at most `cap` together.
pub(super) fn cap_together(probabilities: &mut [f64], members: &[bool], cap: f64) {
    let together: f64 = probabilities
        .iter()
        .zip(members)
        .filter(|(_, member)| **member)
        .map(|(p, _)| p)
        .sum();
    if together <= cap {
        return;
    }
    for (p, _) in probabilities
        .iter_mut()
        .zip(members)
        .filter(|(_, member)| **member)
    {
        *p *= cap / together;
    }
}

/// Shares out `whole` in proportion to `exp(scores)`; the last share is the remainder, so that the
/// shares add up to it.
pub(super) fn share_out<const N: usize>(whole: f64, scores: [f64; N]) -> [f64; N] {
    let total = log_sum_exp(&scores);
    let mut shares = scores.map(|score| whole * (score - total).exp());
    if let Some((last, others)) = shares.split_last_mut() {
        *last = (whole - others.iter().sum::<f64>()).max(0.0);
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn equal_scores_share_and_odds_are_e_to_the_difference() {
        // e³ = 20.085537.
        let p = softmax(&[3.0, 3.0], 0.0);
        near(p[0], 20.085_536_923_187_668 / 41.171_073_846_375_336);
        near(p[1], p[0]);
    }

    #[test]
    fn a_cap_holds_for_the_members_together() {
        let mut p = [0.6, 0.3, 0.08];
        cap_together(&mut p, &[true, true, false], 0.8);
        near(p[0] + p[1], 0.8);
        near(p[0] / p[1], 2.0);
        near(p[2], 0.08);
        let mut within = [0.5, 0.4];
        cap_together(&mut within, &[true, false], 0.8);
        near(within[0], 0.5);
        near(within[1], 0.4);
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        let shares = share_out(0.3, [0.4_f64.ln() + 1.5, 0.15_f64.ln(), 0.45_f64.ln()]);
        // .4·e^1.5 = 1.792676, against .15 and .45.
        near(
            shares[0],
            0.3 * 1.792_675_628_135_225_8 / 2.392_675_628_135_225_8,
        );
        assert_eq!(shares.iter().sum::<f64>(), 0.3);
    }
}
