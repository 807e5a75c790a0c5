//! A third look: the very lines that an incident's numbers were counted from.
//!
//! Comes in: the endpoints and the span of an incident, and what its lines must have besides. Goes
//! out: how many requests and errors there are, in all and by window, and the earliest lines. They
//! are counted as the other looks count them, so that whoever doubts a number can check it.

use std::collections::BTreeMap;

use super::{Label, Names, Sample, Times, Worker, select};
use crate::aggregate::service_name;
use crate::detect::Signal;
use crate::error::{Error, Result};
use crate::input::{Block, Place};
use crate::query::{EndpointFilter, ErrorStatuses};
use crate::reading::{Begun, Reading};
use crate::record::Record;
use crate::scan::{BlockFacts, Example};
use crate::series::{Catalog, EndpointId};

/// What a line must have to be shown.
#[derive(Debug, Clone)]
pub enum LineFilter {
    /// Its endpoint.
    Endpoint(EndpointFilter),
    /// Its status.
    Status(ErrorStatuses),
    /// Its service.
    Service(Vec<u8>),
    /// The value of a label.
    Label(Label, Vec<u8>),
    /// The user that it names.
    User(Vec<u8>),
    /// The client's address.
    Address(Vec<u8>),
}

impl LineFilter {
    /// Reads `KEY=VALUE`: `status=502`, `version=2.4.0`, `endpoint=POST /orders`.
    ///
    /// # Errors
    /// No such key, or a value that it can't have.
    pub fn parse(text: &str) -> Result<LineFilter> {
        let no_such = || {
            let labels: Vec<&str> = Label::ALL.iter().map(|label| label.name()).collect();
            Error::config(format!("--where {text}: no KEY=VALUE")).hint(format!(
                "the keys are endpoint, service, status, user, address, {}",
                labels.join(", ")
            ))
        };
        let (key, value) = text.split_once('=').ok_or_else(no_such)?;
        let bytes = || value.as_bytes().to_vec();
        Ok(match key.trim() {
            "endpoint" => LineFilter::Endpoint(EndpointFilter::new(value)),
            "status" => LineFilter::Status(ErrorStatuses::parse(value)?),
            "service" => LineFilter::Service(bytes()),
            "user" => LineFilter::User(bytes()),
            "address" => LineFilter::Address(bytes()),
            key => {
                let label = Label::ALL.into_iter().find(|label| label.name() == key);
                LineFilter::Label(label.ok_or_else(no_such)?, bytes())
            }
        })
    }
}

/// What to look for.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The incident's endpoints, and what is counted as an error of each.
    pub endpoints: &'a BTreeMap<EndpointId, Signal>,
    /// From its onset to its end.
    pub times: Times,
    /// What the lines must have, all of it.
    pub filters: &'a [LineFilter],
    /// Whether successes are shown, too.
    pub successes: bool,
    /// At most so many lines are kept.
    pub limit: usize,
    /// Length of the windows, in µs.
    pub window_us: i64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Requests.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// `(requests, errors)` of each window that has a request, by its start in µs.
    pub windows: BTreeMap<i64, (u64, u64)>,
    /// The earliest lines, in order of time.
    pub lines: Vec<Sample>,
    /// The time of the last of them, once there are as many as are kept: later ones are of no use.
    latest_us: Option<i64>,
}

/// Reads what may hold such lines once more.
pub fn lines(
    reading: &Reading<'_>,
    catalog: &Catalog,
    blocks: &[BlockFacts],
    wanted: &Wanted<'_>,
) -> Found {
    let selection = select(reading, blocks, |times| {
        times.is_some_and(|times| wanted.times.span.touches(times))
    });
    let first_lines: BTreeMap<(usize, u32), Option<u64>> = blocks
        .iter()
        .map(|b| ((b.file, b.number), b.first_line))
        .collect();
    let names = Names::new(catalog);
    let origins = reading.origins;
    let worker = || Worker::new(reading, &names);
    let work = |worker: &mut Worker<'_>, block: Block<'_, Begun>| {
        let mut part = Found::default();
        let host = &origins[block.file].host;
        let first_line = first_lines.get(&(block.file, block.number));
        let first_line = first_line.copied().flatten();
        let of_incident = |endpoint: EndpointId, time_us: i64| {
            wanted.endpoints.contains_key(&endpoint) && wanted.times.contain(time_us)
        };
        let see =
            |endpoint: EndpointId, record: &Record<'_>, error: bool, (at, line): (Place, &[u8])| {
                let admits = |filter: &LineFilter| filter.admits(catalog, endpoint, record, host);
                let signal = wanted.endpoints.get(&endpoint);
                let Some(bad) = signal.and_then(|signal| signal.judge(error, record.took_us()))
                else {
                    return;
                };
                if !wanted.filters.iter().all(admits) {
                    return;
                }
                part.count(record.time_us, bad, wanted);
                if bad || wanted.successes {
                    let sample = || Sample {
                        time_us: record.time_us,
                        line: Example::of(&block, first_line, at, line),
                    };
                    part.keep(record.time_us, sample, wanted.limit);
                }
            };
        worker.each_request(&block, None, of_incident, see, |_, _, _, _| {});
        part
    };
    let mut found = Found::default();
    reading.each_block(Some(selection), worker, work, |part| {
        found.merge(part, wanted.limit)
    });
    found.bound(wanted.limit);
    found
}

impl LineFilter {
    fn admits(
        &self,
        catalog: &Catalog,
        endpoint: EndpointId,
        record: &Record<'_>,
        file_host: &[u8],
    ) -> bool {
        match self {
            LineFilter::Endpoint(filter) => {
                let endpoint = catalog.endpoint(endpoint);
                filter.admits(&endpoint.method, &endpoint.template)
            }
            LineFilter::Status(statuses) => statuses.contains(record.status),
            LineFilter::Service(name) => catalog.service_of(endpoint) == service_name(name),
            LineFilter::Label(label, value) => label.of(record, file_host) == value.as_slice(),
            LineFilter::User(user) => record.user == Some(user),
            LineFilter::Address(address) => record.client == Some(address),
        }
    }
}

impl Found {
    fn count(&mut self, time_us: i64, error: bool, wanted: &Wanted<'_>) {
        let start = time_us.div_euclid(wanted.window_us) * wanted.window_us;
        let window = self.windows.entry(start).or_default();
        self.requests += 1;
        self.errors += u64::from(error);
        window.0 += 1;
        window.1 += u64::from(error);
    }

    /// Keeps a line, unless as many earlier ones are there.
    fn keep(&mut self, time_us: i64, sample: impl FnOnce() -> Sample, limit: usize) {
        if self.latest_us.is_some_and(|latest_us| time_us > latest_us) {
            return;
        }
        self.lines.push(sample());
        if self.lines.len() >= limit.saturating_mul(2).max(64) {
            self.bound(limit);
        }
    }

    fn bound(&mut self, limit: usize) {
        self.lines.sort_unstable();
        self.lines.truncate(limit);
        let full = self.lines.len() == limit;
        self.latest_us = self.lines.last().map(|last| last.time_us).filter(|_| full);
    }

    fn merge(&mut self, part: Found, limit: usize) {
        self.requests += part.requests;
        self.errors += part.errors;
        for (start, (requests, errors)) in part.windows {
            let window = self.windows.entry(start).or_default();
            window.0 += requests;
            window.1 += errors;
        }
        self.lines.extend(part.lines);
        if self.lines.len() >= limit.saturating_mul(2).max(64) {
            self.bound(limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_key_and_a_value() {
        for good in [
            "status=5xx",
            "status=502,503",
            "version=2.4.0",
            "endpoint=POST /orders",
            "host=",
            "user=a=b",
        ] {
            assert!(LineFilter::parse(good).is_ok(), "{good}");
        }
        for (bad, says) in [
            ("version", "no KEY=VALUE"),
            ("colour=red", "no KEY=VALUE"),
            ("status=many", "`many` is no HTTP status"),
        ] {
            let error = LineFilter::parse(bad).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.hint_text().is_some());
        }
    }

    #[test]
    fn the_earliest_lines_are_kept_whatever_comes_first() {
        let sample = |time_us: i64| Sample {
            time_us,
            line: Example {
                file: 0,
                byte: 0,
                line: Some(time_us as u64),
                text: Vec::new(),
            },
        };
        let mut found = Found::default();
        // 7 and 1,000 share no factor: each time once, in a mixed order.
        for i in 0..1_000 {
            let time_us = i * 7 % 1_000;
            found.keep(time_us, || sample(time_us), 10);
        }
        let mut all = Found::default();
        all.merge(found.clone(), 10);
        all.merge(
            Found {
                lines: vec![sample(3)],
                ..Found::default()
            },
            10,
        );
        all.bound(10);
        let times: Vec<i64> = all.lines.iter().map(|s| s.time_us).collect();
        assert_eq!(times, [0, 1, 2, 3, 3, 4, 5, 6, 7, 8]);
    }
}
