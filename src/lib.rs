//! Reads server logs and change markers and says what broke, since when, for whom, and which
//! change did it.
//!
//! The data goes one way:
//!
//! ```text
//! paths ─input→ lines ─format→ Record ─endpoint→ (Endpoint, Minute) ─aggregate→ Aggregate ─series→ Series ─detect→ Candidate    pass 1
//!                                                                                                                   │
//!                                zoom: only the blocks whose times touch a candidate or its baseline ←──────────────┤        pass 2
//!                                                                        │                                          ▼
//! change markers ─changes→ Change ─────────┐                             └──────────── Detail ─────────────────→ confirm → Incident
//!                                          ▼                                                                        │
//!                                        blame ←────────────────────────────────────────────────────────────────────┘
//!                                          │ Verdict
//!                                          ▼
//!                                       Report ─render→ terminal | json | ndjson | markdown | html
//! ```
//!
//! [`find_logs`] and [`read_changes`] take what the user named, [`analyze`] does the rest,
//! [`render`] prints the [`report::Report`]. Nothing here knows a clock, an environment or
//! a terminal: "now" is an option.

mod aggregate;
mod analysis;
mod blame;
mod changes;
mod confirm;
mod detect;
mod endpoint;
mod error;
mod format;
mod input;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod query;
mod reading;
mod record;
pub mod render;
pub mod report;
mod scan;
mod series;
mod signature;
mod sketch;
mod stats;
mod timestamp;
mod zoom;

pub use analysis::{LinesOf, Moment, Options, analyze, explain_formats, show};
pub use changes::{Markers, merge as merge_changes, read as read_changes};
pub use endpoint::Routes;
pub use error::{Error, Result};
pub use format::{Format, Registry, Spelling};
pub use input::{Found, Io, find as find_logs};
pub use query::{EndpointFilter, ErrorStatuses, Query};
pub use zoom::{Label, LineFilter};

/// What the fuzz targets and the benchmarks need of the inside. Not part of the interface: it may
/// change with any version.
#[doc(hidden)]
pub mod internals {
    pub use crate::aggregate::{Aggregate, ChunkCounts};
    pub use crate::confirm::incidents as confirmed;
    pub use crate::detect::{Signal, candidates, gaps};
    pub use crate::endpoint::{ShortText, append_template};
    pub use crate::format::{Joiner, Piece, Scratch};
    pub use crate::input::{BLOCK, Block, Buffer, Feed, Lines, LogFile, MAX_LINE, Salvage};
    pub use crate::reading::{Begins, Origin, Reading, Sought};
    pub use crate::record::{Depth, Record, Reject, Status};
    pub use crate::scan::scan;
    pub use crate::series::{
        Catalog, Endpoint, EndpointId, MINUTE_US, MinuteCell, SeriesSet, ServiceId,
    };
    pub use crate::timestamp::Clock;
    pub use crate::zoom::{CELL_US, Cells, Failure};
}
