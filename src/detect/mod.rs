//! Series → candidates: spans in which an endpoint failed more than its past leads to expect.
//!
//! The exact beta-binomial scan of docs/detection.md. Finds, never judges: only `confirm` makes an
//! incident of a candidate. Formats nothing.

use crate::series::EndpointId;

/// A span of whole minutes in which one endpoint's errors exceed its baseline beyond chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Where.
    pub endpoint: EndpointId,
    /// First minute of the excess, trimmed to where it begins (minutes since the epoch).
    pub from_min: i64,
    /// First minute after the excess.
    pub to_min: i64,
    /// Requests in the span.
    pub requests: u64,
    /// Errors in the span.
    pub errors: u64,
    /// What was to be expected.
    pub baseline: Baseline,
    /// Smallest tail probability of the windows that flagged it.
    pub p_value: f64,
    /// Whether the rate was high and flat from the first line: it began before the log.
    pub began_before_log: bool,
}

/// What an endpoint's past leads to expect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Expected error rate m.
    pub rate: f64,
    /// Over-dispersion ρ of the error counts at one-minute windows.
    pub rho: f64,
    /// Requests that the baseline rests on.
    pub requests: u64,
    /// First minute of it.
    pub from_min: i64,
    /// First minute after it.
    pub to_min: i64,
}
/// stub
pub struct Detection { /// s
 pub candidates: Vec<Candidate> }
/// stub
pub fn candidates(_: &crate::series::SeriesSet) -> Detection { Detection { candidates: vec![] } }
/// stub
pub fn gaps(_: &crate::series::SeriesSet) -> Vec<(Option<crate::series::ServiceId>, usize, usize)> { vec![] }
