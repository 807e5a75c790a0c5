//! Change markers: what was deployed, rolled back, flagged, configured or migrated, and when.
//!
//! Comes in: the bytes of a marker file (native JSON array, NDJSON, CSV, or a deploy system's
//! export). Goes out: [`Change`]s in order of time, normalised. Knows nothing of logs.
//!
//! The way of a file: `document` turns its text into JSON values, whatever it was written in;
//! `export` asks each value whether a known system wrote it and lets that system's reader have
//! it; what nobody knows is a native marker and goes to `native`. [`merge()`] then joins the files
//! and draws the conclusions that need all changes at hand: duplicates, previous versions,
//! rollbacks.

mod alias;
mod csv;
mod document;
mod entry;
mod export;
mod history;
mod keys;
mod lists;
mod merge;
mod native;
mod notes;
mod pairs;
mod release;
mod time;
mod words;
mod yaml;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;

use crate::error::Result;

pub use alias::as_logged;
pub use merge::merge;
pub use release::releases;

/// The changes of one or several marker files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Markers {
    /// The changes, in order of time, then id.
    pub changes: Vec<Change>,
    /// How many entries they were read from.
    pub entries: usize,
    /// The form that was recognised (`GitHub deployments`, `CSV`).
    pub source: &'static str,
    /// Whether some time had no zone, and none was given: it was read as UTC.
    pub assumed_utc: bool,
    /// What the reader of the report should know: entries left out, conclusions drawn.
    pub notes: Vec<String>,
}

/// Reads one marker file; times without a zone are taken in `zone`, or in UTC where none is given.
pub fn read(bytes: &[u8], path: &Path, zone: Option<&TimeZone>) -> Result<Markers> {
    let document = document::read(bytes).map_err(|e| e.at(path))?;
    let mut reader = entry::Reader::new(zone);
    reader.notes.extend_from_slice(&document.notes);
    let (source, mut changes) = export::read(&document, &mut reader).map_err(|e| e.at(path))?;
    sort(&mut changes);
    Ok(Markers {
        changes,
        entries: reader.entries,
        source,
        assumed_utc: reader.assumed_utc,
        notes: reader.notes,
    })
}

/// Puts changes in order of time, then id.
fn sort(changes: &mut [Change]) {
    changes.sort_by(|a, b| (a.at_us, &a.id).cmp(&(b.at_us, &b.id)));
}

/// One change to the system.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The marker's own id, or a stable one made from its content.
    pub id: String,
    /// What sort of change.
    pub kind: Kind,
    /// The service changed.
    pub service: Option<String>,
    /// What the marker calls that, where the logs have another name for it ([`as_logged`]).
    pub called: Option<String>,
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
    /// Who tells of it.
    pub source: Source,
}

/// Who tells of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A marker.
    Marker,
    /// Only the logs: a version that was not seen before.
    Logs,
}

impl Source {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Source::Marker => "marker",
            Source::Logs => "logs",
        }
    }
}

impl Change {
    /// Whether it undoes another change, named or not.
    pub fn is_undo(&self) -> bool {
        self.kind == Kind::Rollback || self.rollback_of.is_some()
    }

    /// A deploy of which only the time is known.
    pub(crate) fn at(at_us: i64) -> Change {
        Change {
            id: String::new(),
            kind: Kind::Deploy,
            service: None,
            called: None,
            version: None,
            previous_version: None,
            at_us,
            finished_us: None,
            at_is_end: false,
            rollback_of: None,
            author: None,
            description: None,
            commit: None,
            environment: None,
            url: None,
            status: None,
            endpoints: Vec::new(),
            hosts: Vec::new(),
            files: Vec::new(),
            extra: BTreeMap::new(),
            source: Source::Marker,
        }
    }

    /// Whether software that calls itself so is what this change brought. Deploy systems and services
    /// write one version in many ways: `v2.4.0`, `2.4.0+build.7`, `shop/api:2.4.0`, `api@2.4.0`, a
    /// commit at full length or cut short.
    pub fn brings(&self, version: &str) -> bool {
        let seen = plain_version(version);
        let mut brought = self.version.iter().chain(&self.commit);
        !seen.is_empty()
            && brought.any(|brought| {
                let brought = plain_version(brought);
                brought == seen || is_same_commit(&brought, &seen)
            })
    }

    /// Gives a change without an id a stable one: a hash of what tells changes apart, so that the
    /// same marker has the same id in every run, file and form.
    fn ensure_id(&mut self) {
        if !self.id.is_empty() {
            return;
        }
        let told_apart_by = [
            &self.service,
            &self.version,
            &self.commit,
            &self.environment,
            &self.author,
            &self.description,
        ];
        let mut content = self.at_us.to_string();
        for field in told_apart_by {
            content.push('\u{1f}');
            content.push_str(field.as_deref().unwrap_or(""));
        }
        self.id = format!("m-{:010x}", fnv1a(&content) & 0xff_ffff_ffff);
    }
}

/// A version without image, service, leading `v` and build metadata; in lower case.
fn plain_version(version: &str) -> String {
    let text = version.trim().to_ascii_lowercase();
    let named = text.rsplit(['@', ':', '/']).next().unwrap_or_default();
    let core = named.split('+').next().unwrap_or_default();
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    match core.strip_prefix('v').filter(|rest| is_number(rest)) {
        Some(number) => number.to_owned(),
        None => core.to_owned(),
    }
}

/// Whether two hexadecimal names are one commit, of which at least seven digits are known.
fn is_same_commit(a: &str, b: &str) -> bool {
    let hex = |text: &str| text.len() >= 7 && text.bytes().all(|b| b.is_ascii_hexdigit());
    hex(a) && hex(b) && (a.starts_with(b) || b.starts_with(a))
}

/// FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
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

impl Kind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Deploy => "deploy",
            Kind::Rollback => "rollback",
            Kind::Flag => "flag",
            Kind::Config => "config",
            Kind::Migration => "migration",
            Kind::Infra => "infra",
        }
    }
}

impl Status {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
            Status::InProgress => "in_progress",
        }
    }
}
