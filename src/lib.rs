//! triage
pub mod record;
pub mod error;
pub mod report;
pub mod aggregate;
pub mod blame;
pub mod changes;
pub mod confirm;
pub mod detect;
pub mod series;
pub mod stats;
pub mod zoom;
