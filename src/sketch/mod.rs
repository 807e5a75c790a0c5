//! Bounded summaries of unbounded data: latencies and users.
//!
//! Merging is commutative and associative, so chunks may come in any order.

mod latency;
mod users;

pub use latency::{Latencies, log_bucket};
pub use users::{Users, user_hash};
