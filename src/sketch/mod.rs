//! Bounded summaries of unbounded data: latencies and users.
//!
//! Merging is commutative and associative, so chunks may come in any order.

mod latency;
mod users;

pub use latency::{BUCKETS_PER_OCTAVE, Latencies, log_bucket, log_bucket_us};
pub use users::{Users, user_hash};
