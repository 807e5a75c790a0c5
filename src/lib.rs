//! triage
pub mod input;
pub mod record;
pub mod error;
pub mod report;
pub mod aggregate;
pub mod changes;
pub mod confirm;
pub mod detect;
pub mod endpoint;
pub mod series;
pub mod zoom;
