//! Where exports are known to keep their records: a table, a row a list.

/// Each element of a list, in a way. As no name: to compare it takes no time.
pub(super) const EACH: &str = "";

/// A list of records in a document's object.
#[derive(Debug)]
pub(super) struct Batch {
    /// The way down to a record: names of members, and [`EACH`].
    pub way: &'static [&'static str],
    /// The member that all records inside of an object share; empty: none.
    pub shared: &'static str,
    /// The steps down to that object.
    pub shared_in: usize,
    pub records: Records,
    pub known: Known,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Records {
    /// An object.
    Objects,
    /// An object, or a list of objects with a `field` and its `value`.
    Rows,
    /// A list of a time, a line, and what more is known of it.
    Lines,
}

/// How such a list is told from one that a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing else is called so, even if it is empty.
    Always,
    /// By its name, if it has a record.
    Named,
    /// By what the outer list begins with, blanks left out, or as `Bulk`.
    Begins(&'static [&'static [u8]]),
    /// By what the object begins with, or as `Bulk`.
    Opens(&'static [&'static [u8]]),
    /// It is the greater part of its object.
    Bulk,
}

const fn objects(way: &'static [&'static str], known: Known) -> Batch {
    Batch {
        way,
        shared: "",
        shared_in: 0,
        records: Records::Objects,
        known,
    }
}

/// OpenTelemetry's records by scope, scopes by resource.
/// <https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/logs/v1/logs.proto>
const fn open_telemetry(way: &'static [&'static str]) -> Batch {
    Batch {
        shared: "resource",
        shared_in: 2,
        ..objects(way, Known::Always)
    }
}

/// Loki's lines by stream: what its HTTP API answers and Grafana shows, and what is pushed to it.
/// <https://grafana.com/docs/loki/latest/reference/loki-http-api/>
const fn loki(way: &'static [&'static str], known: Known) -> Batch {
    Batch {
        way,
        shared: "stream",
        shared_in: way.len() - 2,
        records: Records::Lines,
        known,
    }
}

const STREAMS: Known = Known::Begins(&[b"[{\"stream\":{", b"[{\"values\":["]);

/// A search's hits of Elasticsearch and OpenSearch have names with `_` in front, of which `_index` is
/// the first. <https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-search>
const HITS: Known = Known::Begins(&[b"[{\"_"]);

/// The exports that are known, the surest first: Azure, CloudTrail, CloudWatch (subscriptions,
/// `filter-log-events`, Logs Insights), Google Cloud, Elasticsearch, Kibana, Loki, Splunk, Datadog.
pub(super) const BATCHES: [Batch; 19] = [
    open_telemetry(&["resourceLogs", EACH, "scopeLogs", EACH, "logRecords", EACH]),
    open_telemetry(&[
        "resourceLogs",
        EACH,
        "instrumentationLibraryLogs",
        EACH,
        "logRecords",
        EACH,
    ]),
    objects(&["records", EACH], Known::Named),
    objects(&["Records", EACH], Known::Named),
    objects(&["logEvents", EACH], Known::Named),
    objects(&["events", EACH], Known::Bulk),
    objects(&["entries", EACH], Known::Bulk),
    objects(&["hits", EACH], Known::Bulk),
    objects(&["hits", "hits", EACH], HITS),
    objects(&["response", "hits", "hits", EACH], HITS),
    objects(&["rawResponse", "hits", "hits", EACH], HITS),
    objects(
        &["responses", EACH, "hits", "hits", EACH],
        Known::Begins(&[b"[{\"took\""]),
    ),
    objects(&["logs", EACH], Known::Bulk),
    objects(&["data", EACH], Known::Bulk),
    loki(&["data", "result", EACH, "values", EACH], STREAMS),
    loki(&["result", EACH, "values", EACH], STREAMS),
    loki(&["streams", EACH, "values", EACH], STREAMS),
    loki(
        &["values", EACH],
        Known::Opens(&[b"{\"stream\":{", b"{\"values\":[[\""]),
    ),
    // Logs Insights' rows; Splunk's results, whose own fields begin with `_`.
    Batch {
        records: Records::Rows,
        ..objects(
            &["results", EACH],
            Known::Begins(&[b"[[{\"field\"", b"[[{\"value\"", b"[{\"_"]),
        )
    },
];

/// All ways, a bit each.
pub(super) const ALL: u32 = (1 << BATCHES.len()) - 1;

impl Batch {
    /// How deep the outer list is: 1 for a member of the object.
    pub(super) fn outer(&self) -> usize {
        let keys = self.way.iter().take_while(|step| !step.is_empty());
        keys.count()
    }

    /// Whether a record may begin with this.
    pub(super) fn may_begin(&self, byte: u8) -> bool {
        match self.records {
            Records::Objects => byte == b'{',
            Records::Rows => byte == b'{' || byte == b'[',
            Records::Lines => byte == b'[',
        }
    }

    /// Whether the outer list that begins here in an object is surely such a one.
    pub(super) fn is_sure(&self, object: &[u8], begin: usize) -> bool {
        let list = object.get(begin..).unwrap_or_default();
        match self.known {
            Known::Always | Known::Named => begins(list, b"[{"),
            Known::Begins(with) => with.iter().any(|with| begins(list, with)),
            Known::Opens(with) => with.iter().any(|with| begins(object, with)),
            Known::Bulk => false,
        }
    }
}

/// The rows of some ways, each with its number.
pub(super) fn batches(ways: u32) -> impl Iterator<Item = (usize, &'static Batch)> {
    let mut left = ways;
    std::iter::from_fn(move || {
        let next = left.trailing_zeros() as usize;
        left &= left.wrapping_sub(1);
        Some((next, BATCHES.get(next)?))
    })
}

/// Whether a text begins so, but for blanks.
pub(super) fn begins(text: &[u8], with: &[u8]) -> bool {
    let mut text = text.iter().filter(|b| !b.is_ascii_whitespace());
    with.iter().all(|b| text.next() == Some(b))
}
