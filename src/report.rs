//! The stable output model, `triage.report/1`: every renderer reads this and nothing else.
//!
//! The doc comments below become the descriptions of the published JSON schema. Times are RFC 3339
//! strings in the zone of the logs (UTC where the logs' zones differ), durations are seconds, rates
//! and probabilities are fractions. Keys are added within `/1`, never renamed or dropped.

mod convert;
pub mod formats;
mod marker;
mod notes;
mod shown;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub use marker::Marker;

pub(crate) use convert::{Finding, Material, convert, log_offset_s};
pub(crate) use shown::shown;
pub use shown::{Shown, ShownLine};

/// The name of this report's format.
pub const SCHEMA: &str = "triage.report/1";

/// What broke, since when, for whom, and which change did it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Always `triage.report/1`.
    pub schema: String,
    /// The version of triage that made this report.
    pub triage_version: String,
    /// What was read, and what could not be.
    pub scan: Scan,
    /// All changes: those of the markers in order of time, then those only the logs show.
    pub changes: Vec<Change>,
    /// All requests over time: `[start, requests, errors]` per window of `scan.window_s`; windows without a request are left out.
    pub timeline: Vec<Window>,
    /// The incidents, in order of their begin.
    pub incidents: Vec<Incident>,
    /// The plain grouping of errors by endpoint and window that the verdict rests on, most errors first.
    pub endpoints: Vec<Endpoint>,
    /// Bursts of errors too short and too small to be incidents.
    pub blips: Vec<Blip>,
    /// Remarks on the input and the analysis, in plain sentences.
    pub notes: Vec<String>,
}

/// What was read. `lines` = `requests` + `rejected_lines` + `filtered_lines`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Scan {
    /// Log files read, whole or in part.
    pub files: u64,
    /// Bytes of log text read, after decompression.
    pub bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Lines that were HTTP requests within the filters.
    pub requests: u64,
    /// Requests whose status counts as an error.
    pub errors: u64,
    /// Lines that told of no readable request.
    pub rejected_lines: u64,
    /// Requests outside `--since/--until`, `--service` or `--endpoint`.
    pub filtered_lines: u64,
    /// Bytes of plain files that lie outside the asked time and its baseline and were never read; not part
    /// of `bytes`, and their lines of no other count.
    pub bytes_skipped: u64,
    /// The rejected lines by reason, most lines first.
    pub rejects: Vec<RejectCount>,
    /// Time of the earliest request counted; null without requests.
    pub from: Option<String>,
    /// Time of the latest request counted; null without requests.
    pub to: Option<String>,
    /// Length of the windows in `timeline` and `endpoints[].windows`, in seconds.
    pub window_s: u64,
    /// The formats met, most lines first.
    pub formats: Vec<FormatCount>,
    /// The services seen, by name.
    pub services: Vec<Text>,
    /// Times for which a service's log is missing.
    pub gaps: Vec<Gap>,
    /// Files that could be read only in part.
    pub salvaged: Vec<Salvaged>,
}

/// Text from a log: a string, or `{"bytes": base64}` where it is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Text {
    /// UTF-8 text.
    Utf8(String),
    /// Other bytes, base64 (RFC 4648 §4).
    Bytes {
        /// The bytes in base64.
        bytes: String,
    },
}

/// `[start, requests, errors]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Window(
    /// Start of the window.
    pub String,
    /// Requests in it.
    pub u64,
    /// Errors in it.
    pub u64,
);

/// Lines rejected for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RejectCount {
    /// The reason's name.
    pub reason: String,
    /// How many lines.
    pub lines: u64,
    /// The first of them.
    pub example: Sample,
}

/// A log line and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sample {
    /// The file.
    pub file: Text,
    /// The line's number in it, from 1; null where lines before it were not read (`bytes_skipped`).
    pub line: Option<u64>,
    /// Only where `line` is null: the offset of its first byte in the file, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// The line's text, cut at 2,000 bytes.
    pub text: Text,
}

/// How much of the input had one format.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FormatCount {
    /// The format's name.
    pub format: String,
    /// Files that have it.
    pub files: u64,
    /// Lines in these files.
    pub lines: u64,
}

/// A time for which a service's log is missing.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Gap {
    /// The service; null when all of them are silent.
    pub service: Option<Text>,
    /// Begin of the silence.
    pub from: String,
    /// End of the silence.
    pub to: String,
}

/// A file that could be read only in part.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Salvaged {
    /// The file.
    pub file: Text,
    /// How many bytes of it (decompressed) were read before the trouble.
    pub offset: u64,
    /// What the trouble was.
    pub why: String,
}

/// A change to the system: from a marker, or seen in the logs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The marker's own id, or a stable one made from its content.
    pub id: String,
    /// deploy, rollback, flag, config, migration or infra.
    pub kind: String,
    /// The service changed; null when the marker names none.
    pub service: Option<String>,
    /// The version it brought.
    pub version: Option<String>,
    /// The version it replaced.
    pub previous_version: Option<String>,
    /// When it happened (its begin, where begin and end are known).
    pub at: String,
    /// When its rollout was done.
    pub finished_at: Option<String>,
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
    /// succeeded, failed, cancelled, … as the marker says; null when it does not.
    pub status: Option<String>,
    /// Endpoints that it declares to touch.
    pub endpoints: Vec<String>,
    /// Hosts that it declares to touch.
    pub hosts: Vec<String>,
    /// Files that it changed.
    pub files: Vec<String>,
    /// Keys of the marker that have no meaning here, as they were.
    pub extra: BTreeMap<String, serde_json::Value>,
    /// `marker` or `logs`.
    pub source: String,
    /// Whether its service occurs in the logs; true when it names none.
    pub in_sight: bool,
    /// What the reader should know about it.
    pub note: Option<String>,
}

/// One incident: endpoints that began to fail together, or to be slow.
///
/// Where `signal` is `latency`, slow requests stand in for errors: throughout the incident, `requests`
/// are the successful requests that tell how long they took, `errors` those of them that took longer
/// than a line between usual and slow (which is drawn for each endpoint from its own past),
/// `error_rate` is their share, and `baseline_error_rate` the share that is usual. Real errors are not
/// among them. An incident of errors whose endpoints are slow too is one, with the signal `errors`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Incident {
    /// `i1`, `i2`, … in order of begin.
    pub id: String,
    /// What went wrong: `errors` or `latency`.
    pub signal: String,
    /// ongoing, improving, recovered or unknown (no request came after it).
    pub state: String,
    /// When it most likely began; null where it began before the log.
    pub onset: Option<String>,
    /// Lower bound of the onset's 95 % interval.
    pub onset_low: Option<String>,
    /// Upper bound of the onset's 95 % interval.
    pub onset_high: Option<String>,
    /// When it most likely ended; null while it lasts.
    pub end: Option<String>,
    /// First failure (slow request) that belongs to it, to the microsecond.
    pub first_failure: Option<String>,
    /// Last failure (slow request) that belongs to it, to the microsecond.
    pub last_failure: Option<String>,
    /// Set where the same pattern returns.
    pub recurring: Option<Recurring>,
    /// The endpoints hit, most excess errors first.
    pub endpoints: Vec<HitEndpoint>,
    /// What it cost.
    pub impact: Impact,
    /// What the failing requests have in common: the narrowest set of labels that covers at least 90 % of the excess errors; empty where no label sets them apart.
    pub scope: Vec<ScopeLabel>,
    /// `change`, `unexplained` or `ambiguous`.
    pub verdict: String,
    /// The verdict in a sentence or two.
    pub summary: String,
    /// The changes that may have caused it, most probable first.
    pub suspects: Vec<Suspect>,
    /// Probability that no listed change caused it. With the suspects' it adds up to 1.
    pub unexplained_probability: f64,
    /// Score of "no listed change" in nats, on the scale of the suspects' summed nats; null where nothing was weighed.
    pub unexplained_nats: Option<f64>,
    /// What else may have caused it; adds up to `unexplained_probability`.
    pub alternatives: Vec<Alternative>,
    /// What became of each change that was near in time.
    pub changes: Vec<Disposition>,
    /// `[start, requests, errors]` (of latency: successful and slow requests) of its endpoints from an hour before to an hour after.
    pub series: Vec<Window>,
    /// Leads that the logs rule out.
    pub ruled_out: Vec<RuledOut>,
    /// Leads that these logs can't tell about.
    pub not_assessed: Vec<NotAssessed>,
    /// What applications wrote about their errors, what came up with the incident first; at most ten.
    pub signatures: Vec<Signature>,
    /// A few of its failing (slow) lines.
    pub samples: Vec<Sample>,
}

/// A kind of error message of an application.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Signature {
    /// The service that wrote it.
    pub service: Text,
    /// The message, `<*>` for what varies.
    pub template: String,
    /// Its first line in the time listened to: from 3 h 10 min before the onset on, less in files that also hold requests.
    pub first: String,
    /// Lines before the onset, in that time.
    pub count_before: u64,
    /// Lines from the onset to the end.
    pub count_after: u64,
    /// Whether it came up with the incident: more often than chance explains, and never before.
    pub novel: bool,
    /// Whether it comes at least three times as often since the onset, beyond chance.
    pub surging: bool,
    /// Its first line.
    pub example: Sample,
}

/// A pattern that returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Recurring {
    /// Its period in seconds.
    pub every_s: u64,
    /// How long each time may last, in seconds: only then are requests and errors counted.
    pub lasts_s: u64,
    /// How often it came, from the first time to the last.
    pub times: u64,
}

/// An endpoint that an incident hit, counted from onset to end.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HitEndpoint {
    /// Its service.
    pub service: Text,
    /// Its method.
    pub method: Text,
    /// Its path template.
    pub endpoint: Text,
    /// Requests during the incident.
    pub requests: u64,
    /// Errors during the incident; of latency, slow requests.
    pub errors: u64,
    /// errors / requests.
    pub error_rate: f64,
    /// Error rate to be expected without the incident.
    pub baseline_error_rate: f64,
    /// Errors during the incident by status; of latency, the slow requests by theirs.
    pub statuses: BTreeMap<String, u64>,
    /// Median latency of all its answers during the incident; null where the log has none.
    pub latency_p50_s: Option<f64>,
    /// 95th percentile of the same.
    pub latency_p95_s: Option<f64>,
    /// 95th percentile before the incident.
    pub baseline_latency_p95_s: Option<f64>,
}

/// What an incident cost, counted from onset to end over its endpoints.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Impact {
    /// Requests.
    pub requests: u64,
    /// Errors; of latency, slow requests.
    pub errors: u64,
    /// Errors (slow requests) beyond what the baseline leads to expect.
    pub excess_errors: f64,
    /// errors / requests.
    pub error_rate: f64,
    /// Error rate to be expected without the incident.
    pub baseline_error_rate: f64,
    /// The users hit; null where the logs tell none apart.
    pub users: Option<Users>,
}

/// The users hit by an incident.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Users {
    /// Users with at least one error (slow request) on the incident's endpoints from onset to end.
    pub affected: u64,
    /// Users with at least one request there and then.
    pub active: u64,
    /// affected / active.
    pub share: f64,
    /// Lower bound of the share's 95 % interval.
    pub share_low: f64,
    /// Upper bound of the share's 95 % interval.
    pub share_high: f64,
    /// What stood in for a user: null for a real user id, else what was used instead (`client+agent`).
    pub proxy: Option<String>,
}

/// A label value that failing requests share.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ScopeLabel {
    /// The label (`version`).
    pub label: String,
    /// Its value.
    pub value: Text,
    /// Share of the excess errors that have it.
    pub coverage: f64,
    /// Error rate with it ÷ error rate without it; null where nothing is without it.
    pub lift: Option<f64>,
    /// Share of the excess errors that have it and all labels listed before it.
    pub joint_coverage: f64,
    /// Error rate where they all hold ÷ error rate where one does not.
    pub joint_lift: Option<f64>,
}

/// A change that may have caused the incident.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Suspect {
    /// 1 for the most probable.
    pub rank: u64,
    /// The change's id.
    pub change: String,
    /// Probability that this change caused the incident.
    pub probability: f64,
    /// Seconds from the change to the onset; null where the onset is unknown.
    pub lag_s: Option<f64>,
    /// Why, strongest first.
    pub evidence: Vec<Evidence>,
    /// The command that shows the lines behind the incident, to be run with the same paths and options.
    pub next: String,
    /// The command of git that shows what it changed: its commit, or all between its versions.
    pub diff: Option<String>,
}

/// One piece of evidence for or against a change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Evidence {
    /// prior, lag, scope, rollback, …
    pub kind: String,
    /// Its weighted log likelihood ratio, in nats; what is printed sums to the change's score.
    pub nats: f64,
    /// The finding in a sentence.
    pub text: String,
}

/// A cause other than a listed change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Alternative {
    /// dependency, load or unknown.
    pub kind: String,
    /// Its probability.
    pub probability: f64,
    /// What speaks for and against it, in nats.
    pub evidence: Vec<Evidence>,
}

/// What became of one change in one incident.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Disposition {
    /// The change's id.
    pub change: String,
    /// suspect, cleared, attempted_fix, fix or after.
    pub status: String,
    /// Why, in a sentence.
    pub why: String,
    /// All contributions to its score.
    pub evidence: Vec<Evidence>,
}

/// A lead that the logs rule out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RuledOut {
    /// The lead.
    pub lead: String,
    /// The finding that rules it out.
    pub finding: String,
}

/// A lead that these logs can't tell about.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NotAssessed {
    /// The lead.
    pub lead: String,
    /// What would be needed to tell.
    pub needs: String,
}

/// The errors of one endpoint over time.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Endpoint {
    /// Its service.
    pub service: Text,
    /// Its method.
    pub method: Text,
    /// Its path template.
    pub endpoint: Text,
    /// All its requests.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// errors / requests.
    pub error_rate: f64,
    /// Errors by status.
    pub statuses: BTreeMap<String, u64>,
    /// `[start, requests, errors]` for each window with an error.
    pub windows: Vec<Window>,
}

/// A burst of errors too short and too small to be an incident.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Blip {
    /// Its service.
    pub service: Text,
    /// Its first error.
    pub at: String,
    /// Seconds from its first to its last error.
    pub duration_s: f64,
    /// Its errors.
    pub errors: u64,
    /// The change during whose rollout it happened.
    pub during_change: Option<String>,
}
