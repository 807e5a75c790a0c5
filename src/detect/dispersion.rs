//! How restless error rates are without any fault, for each window length.
//!
//! Comes in: an endpoint's counts and the spans to leave out. Goes out: ρ of the beta-binomial law.
//! Noise is measured as the relative variance c² of the rate between blocks of one length, because
//! that is what endpoints of different rates have in common: ρ = c²·m / (1 − m). Each endpoint's own
//! c² leans on that of all, and all on a prior, by how much the blocks can tell.

use super::windows::{Flag, calm_blocks};
use super::{WINDOWS_MIN, real};
use crate::series::{EndpointId, Totals};

const LENGTHS: usize = WINDOWS_MIN.len();
/// Telling blocks that the pooled c² weighs against an endpoint's own, and the prior against that.
const POOL_WEIGHT: f64 = 20.0;
/// c² by the minute of a log that says nothing: rates that vary by 70 % of themselves.
const PRIOR_C2: f64 = 0.5;
/// How it falls with a block's length: as that of self-similar noise, by the power 2H − 2. Web traffic
/// has H of 0.7 to 0.9 (Crovella & Bestavros, Self-similarity in World Wide Web traffic, 1997).
const PRIOR_DECAY: f64 = -0.25;
/// c² until anything is measured: so little that no fault passes for noise.
const PRESUMED_C2: f64 = 0.1;
/// Real rates wander about log-normally, which has a heavier tail than the beta law of the same
/// variance. With twice the variance the beta law reaches 10 and 19 times the mean at 1e-7 for c² of
/// .28 and .63, the log-normal 12 and 30; with the plain variance it would be 7 and 11.
const TAIL: f64 = 2.0;
/// Bounds of ρ.
const RHO_MIN: f64 = 1e-5;
pub(super) const RHO_MAX: f64 = 0.05;

/// One endpoint's blocks of one length.
#[derive(Debug, Clone, Copy, Default)]
struct Blocks {
    c2: f64,
    /// Number of blocks, each counted by what it can tell: (np / (1 + np))², as a block that
    /// expects no error says nothing of how errors vary.
    telling: f64,
}

/// One endpoint's blocks of each length.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unrest([Blocks; LENGTHS]);

/// The unrest of all endpoints.
pub(super) struct Dispersion {
    own: Vec<Unrest>,
    /// `None` until [`Dispersion::pool`] is called.
    pooled: Option<Pooled>,
}

/// c² of all endpoints together.
#[derive(Debug, Clone, Copy)]
struct Pooled {
    /// Leaning on the prior.
    likely: [f64; LENGTHS],
    /// Leaning on none: what the log shows.
    shown: [f64; LENGTHS],
}

impl Dispersion {
    pub(super) fn new(endpoints: usize) -> Dispersion {
        Dispersion {
            own: vec![Unrest::default(); endpoints],
            pooled: None,
        }
    }

    /// Measures an endpoint outside of its flagged spans.
    pub(super) fn measure(totals: &Totals, flags: &[Flag]) -> Unrest {
        let minutes = totals.slots();
        let (mut n, mut x) = totals.between(0, minutes);
        for flag in flags {
            let (requests, errors) = totals.between(flag.from, flag.to);
            n = n.saturating_sub(requests);
            x = x.saturating_sub(errors);
        }
        if x == 0 || x >= n {
            return Unrest::default();
        }
        let p = x as f64 / n as f64;
        Unrest(WINDOWS_MIN.map(|length| measure_blocks(totals, flags, p, length)))
    }

    /// Keeps what was measured of an endpoint.
    pub(super) fn set(&mut self, endpoint: EndpointId, unrest: Unrest) {
        if let Some(own) = self.own.get_mut(endpoint.0 as usize) {
            *own = unrest;
        }
    }

    /// Pools what was measured.
    ///
    /// The mean of a longer block varies no more than that of a shorter one, whatever the memory of
    /// the noise: what was found at one length bounds the prior of the next. Without it a log of a few
    /// hours, with few blocks of an hour, would take hours to vary by 70 % although its minutes don't,
    /// and a fault of an hour for one of them. A block that tells by t has c² with variance 2/t, so
    /// a standard error is added: minutes with few errors bound nothing.
    pub(super) fn pool(&mut self) {
        let mut pooled = Pooled {
            likely: [0.0; LENGTHS],
            shown: [0.0; LENGTHS],
        };
        let mut bound = PRIOR_C2;
        for (length, c2) in pooled.likely.iter_mut().enumerate() {
            let prior = bound.min(PRIOR_C2 * (WINDOWS_MIN[length] as f64).powf(PRIOR_DECAY));
            let blocks = self.own.iter().map(|own| own.0[length]);
            let (sum, telling) = blocks.fold((0.0, 0.0), |(sum, telling), b| {
                (sum + b.telling * b.c2, telling + b.telling)
            });
            *c2 = ((POOL_WEIGHT * prior + sum) / (POOL_WEIGHT + telling)).max(0.0);
            pooled.shown[length] = (sum / (POOL_WEIGHT + telling)).max(0.0);
            bound = bound.min(*c2 + (2.0 / (POOL_WEIGHT + telling)).sqrt());
        }
        self.pooled = Some(pooled);
    }

    /// ρ of an endpoint at rate m, over the longest block length that fits into so many minutes.
    pub(super) fn rho(&self, endpoint: EndpointId, minutes: usize, m: f64) -> f64 {
        let c2 = self.c2(endpoint, minutes, |pooled| &pooled.likely);
        (TAIL * c2 * m / (1.0 - m)).clamp(RHO_MIN, RHO_MAX)
    }

    /// The relative variance of an endpoint's rate, over the same length, as far as the log shows it:
    /// a log that says nothing shows none.
    pub(super) fn shown(&self, endpoint: EndpointId, minutes: usize) -> f64 {
        self.c2(endpoint, minutes, |pooled| &pooled.shown).max(0.0)
    }

    fn c2(
        &self,
        endpoint: EndpointId,
        minutes: usize,
        of: impl Fn(&Pooled) -> &[f64; LENGTHS],
    ) -> f64 {
        let length = WINDOWS_MIN.iter().rposition(|w| *w <= minutes).unwrap_or(0);
        self.pooled.as_ref().map_or(PRESUMED_C2, |pooled| {
            let own = self
                .own
                .get(endpoint.0 as usize)
                .map_or(Blocks::default(), |own| own.0[length]);
            (POOL_WEIGHT * of(pooled)[length] + own.telling * own.c2) / (POOL_WEIGHT + own.telling)
        })
    }
}

/// Requests of a block up to which what it tells is kept, if it has no error.
const USUAL: usize = 64;

/// What one block adds to the sums.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    excess: f64,
    scale: f64,
    telling: f64,
}

fn measure_blocks(totals: &Totals, flags: &[Flag], p: f64, length: usize) -> Blocks {
    let of_block = |n: f64, x: f64| {
        let np = n * p;
        Told {
            excess: (x - np) * (x - np) - np * (1.0 - p),
            scale: n * (n - 1.0) * p * p,
            telling: (np / (1.0 + np)).powi(2),
        }
    };
    // Most blocks have few requests and no error: what those tell is worked out once. One with less than two
    // tells nothing; to add that asks no question that is hard to foresee.
    let usual: [Told; USUAL] = std::array::from_fn(|n| match n {
        0 | 1 => Told::default(),
        _ => of_block(n as f64, 0.0),
    });
    let (mut excess, mut scale, mut telling) = (0.0, 0.0, 0.0);
    for (_, (n, x)) in calm_blocks(totals, length, flags) {
        let told = match usual.get(n as usize) {
            Some(told) if x == 0 || n < 2 => *told,
            _ => of_block(real(n), real(x)),
        };
        excess += told.excess;
        scale += told.scale;
        telling += told.telling;
    }
    if scale > 0.0 {
        Blocks {
            c2: excess / scale,
            telling,
        }
    } else {
        Blocks::default()
    }
}
