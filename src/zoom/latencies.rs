//! How long an endpoint's successful requests took, usually and while it was slow: two histograms for
//! each slowdown that the scan found, from which is told what counts as slow.

use super::{Names, Span, Worker, select};
use crate::input::{Block, Place};
use crate::reading::{Begun, Reading};
use crate::record::Record;
use crate::scan::BlockFacts;
use crate::series::{Catalog, EndpointId};
use crate::sketch::Latencies;

/// Where and when an endpoint was slow, and what that is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slow {
    /// Which endpoint.
    pub endpoint: EndpointId,
    /// While it was slow.
    pub during: Span,
    /// While it was as usual.
    pub usually: Span,
}

/// Latencies of successful requests.
#[derive(Debug, Clone, Default)]
pub struct TwoTimes {
    /// While the endpoint was slow.
    pub during: Latencies,
    /// While it was as usual.
    pub usually: Latencies,
}

/// The latencies of each, in the order asked for.
pub fn latencies(
    reading: &Reading<'_>,
    catalog: &Catalog,
    blocks: &[BlockFacts],
    asked: &[Slow],
) -> Vec<TwoTimes> {
    let mut found = vec![TwoTimes::default(); asked.len()];
    if asked.is_empty() {
        return found;
    }
    let selection = select(reading, blocks, |times| {
        let touched = |t| {
            asked
                .iter()
                .any(|s| s.during.touches(t) || s.usually.touches(t))
        };
        times.is_some_and(touched)
    });
    let names = Names::new(catalog);
    let worker = || Worker::new(reading, &names);
    let work = |worker: &mut Worker<'_>, block: Block<'_, Begun>| {
        let mut part = vec![TwoTimes::default(); asked.len()];
        let wanted = |endpoint: EndpointId, at: i64| {
            let mine = |s: &&Slow| s.endpoint == endpoint;
            let mut of = asked.iter().filter(mine);
            of.any(|s| s.during.contains(at) || s.usually.contains(at))
        };
        let count = |endpoint: EndpointId, record: &Record<'_>, error: bool, _: (Place, &[u8])| {
            let Some(us) = record.took_us().filter(|_| !error) else {
                return;
            };
            for (slow, part) in asked.iter().zip(&mut part) {
                if slow.endpoint != endpoint {
                    continue;
                }
                if slow.during.contains(record.time_us) {
                    part.during.add(us);
                } else if slow.usually.contains(record.time_us) {
                    part.usually.add(us);
                }
            }
        };
        worker.each_request(&block, None, wanted, count, |_, _, _, _| {});
        part
    };
    let merge = |parts: Vec<TwoTimes>| {
        for (sum, part) in found.iter_mut().zip(parts) {
            sum.during.merge(&part.during);
            sum.usually.merge(&part.usually);
        }
    };
    reading.each_block(Some(selection), worker, work, merge);
    found
}
