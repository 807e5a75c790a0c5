//! Pass 2: the chunks that touch a candidate or its baseline, read again at 10 s and in full.
//!
//! Two looks. [`Cells`]: 10 s counts and the failing requests of the candidates' endpoints, from
//! which `confirm` dates the incidents. [`Detail`]: users, statuses, latencies and sample lines of
//! an incident, counted exactly from its onset to its end.

use crate::series::EndpointId;

/// Length of a zoomed cell, in microseconds.
pub const CELL_US: i64 = 10_000_000;

/// First look: one candidate endpoint at 10 s.
#[derive(Debug, Clone)]
pub struct Cells {
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// Start of the first cell: a multiple of [`CELL_US`].
    pub start_us: i64,
    /// `(requests, errors)` of each cell; also of cells with nothing in them.
    pub counts: Vec<(u32, u32)>,
    /// Every failing request in time order (at most 1,048,576; `failures_dropped` counts the rest).
    pub failures: Vec<Failure>,
    /// Failing requests beyond the limit.
    pub failures_dropped: u64,
}

/// One failing request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// When.
    pub time_us: i64,
    /// Its status.
    pub status: u16,
    /// Keyed hash of (client, user agent, raw path): equal within 30 s means a retry.
    pub request: u64,
    /// Keyed hash of the user, or of client and agent where the log names no user; 0 where unknown.
    pub user: u64,
}
