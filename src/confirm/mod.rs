//! Candidates, looked at closely → incidents: persistence, users, onset, recovery, merging.
//!
//! Only this room makes an incident. What is shorter and smaller becomes a blip.

use crate::detect::Baseline;
use crate::series::EndpointId;

/// Endpoints that began to fail together.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The endpoints hit, with what was expected of each.
    pub endpoints: Vec<(EndpointId, Baseline)>,
    /// When it began: `None` where it began before the log.
    pub onset: Option<Estimate>,
    /// When it ended: `None` while it lasts.
    pub end: Option<Estimate>,
    /// What became of it.
    pub state: State,
    /// First failure that belongs to it, µs.
    pub first_failure_us: i64,
    /// Last failure that belongs to it, µs.
    pub last_failure_us: i64,
    /// Whether one client alone makes the excess (a retry storm): then no change is accused.
    pub single_client: bool,
}

/// A point in time with its uncertainty: a discrete posterior.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The median, µs.
    pub median_us: i64,
    /// Lower bound of the 95 % interval, µs.
    pub low_us: i64,
    /// Upper bound of the 95 % interval, µs.
    pub high_us: i64,
    /// `(time in µs, probability)`, in order of time; the probabilities add up to 1.
    pub posterior: Vec<(i64, f64)>,
}

/// What became of an incident by the end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It lasts.
    Ongoing,
    /// The rate is back, but not yet for 15 minutes.
    Improving,
    /// The rate is back and stayed.
    Recovered,
    /// The log has a gap where it would show.
    Unknown,
}

/// A burst of errors too short and too small to be an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Blip {
    /// Where most of it was.
    pub endpoint: EndpointId,
    /// Its first error, µs.
    pub first_us: i64,
    /// Its last error, µs.
    pub last_us: i64,
    /// Its errors.
    pub errors: u64,
}

impl State {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            State::Ongoing => "ongoing",
            State::Improving => "improving",
            State::Recovered => "recovered",
            State::Unknown => "unknown",
        }
    }
}
/// stub
pub struct Confirmed { /// s
 pub incidents: Vec<Incident>, /// s
 pub blips: Vec<Blip> }
/// stub
pub fn incidents(_: &[crate::detect::Candidate], _: &[crate::zoom::Cells], _: &crate::series::SeriesSet) -> Confirmed { Confirmed { incidents: vec![], blips: vec![] } }
