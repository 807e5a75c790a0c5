//! Change markers: what was deployed, rolled back, flagged, configured or migrated, and when.
//!
//! Comes in: the bytes of a marker file (native JSON array, NDJSON, CSV, or a deploy system's
//! export). Goes out: [`Change`]s in order of time, normalised. Knows nothing of logs.

use std::collections::BTreeMap;

/// One change to the system.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The marker's own id, or a stable one made from its content.
    pub id: String,
    /// What sort of change.
    pub kind: Kind,
    /// The service changed.
    pub service: Option<String>,
    /// The version it brought.
    pub version: Option<String>,
    /// The version it replaced.
    pub previous_version: Option<String>,
    /// When it happened, in µs since the epoch: its begin, where begin and end are known.
    pub at_us: i64,
    /// When its rollout was done.
    pub finished_us: Option<i64>,
    /// Whether `at_us` dates the end of the rollout: some exports say only when it was done.
    pub at_is_end: bool,
    /// The id of the change that it undoes.
    pub rollback_of: Option<String>,
    /// Who did it.
    pub author: Option<String>,
    /// What the marker says of it.
    pub description: Option<String>,
    /// The commit it brought.
    pub commit: Option<String>,
    /// Where it was done (`production`).
    pub environment: Option<String>,
    /// Where to read more.
    pub url: Option<String>,
    /// What became of it, in the marker's word.
    pub status: Option<Status>,
    /// Paths, globs or templates that it declares to touch.
    pub endpoints: Vec<String>,
    /// Hosts that it declares to touch.
    pub hosts: Vec<String>,
    /// Files that it changed.
    pub files: Vec<String>,
    /// Keys of the marker that have no meaning here.
    pub extra: BTreeMap<String, serde_json::Value>,
}

/// The sorts of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// New code.
    Deploy,
    /// Old code again.
    Rollback,
    /// A feature flag.
    Flag,
    /// Configuration, of software or network.
    Config,
    /// A migration of data or schema.
    Migration,
    /// Machines, clusters, certificates, networks.
    Infra,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It was done.
    Succeeded,
    /// It failed; it may have changed something on its way.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It was under way when the marker was written.
    InProgress,
}
