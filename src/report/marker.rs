//! Change markers in their native form: what `triage changes` prints, and `--deploys` reads.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::changes;

/// One change, in the keys of a native marker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Marker {
    /// The marker's own id, or a stable one made from its content.
    pub id: String,
    /// deploy, rollback, flag, config, migration or infra.
    pub kind: String,
    /// The service changed.
    pub service: Option<String>,
    /// The version it brought.
    pub version: Option<String>,
    /// The version it replaced.
    pub previous_version: Option<String>,
    /// When it happened (its begin, where begin and end are known), RFC 3339.
    pub at: String,
    /// Whether `at` is the end of the rollout, as its begin is not known; left out where it isn't.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_is_end: bool,
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
    /// succeeded, failed, cancelled or in_progress.
    pub status: Option<String>,
    /// Endpoints that it declares to touch.
    pub endpoints: Vec<String>,
    /// Hosts that it declares to touch.
    pub hosts: Vec<String>,
    /// Files that it changed.
    pub files: Vec<String>,
    /// Keys of the marker that have no meaning here, as they were.
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Marker {
    /// The changes of marker files, with times in a zone, or in UTC.
    pub fn all(markers: &changes::Markers, zone: Option<&TimeZone>) -> Vec<Marker> {
        markers
            .changes
            .iter()
            .map(|change| marker(change, zone))
            .collect()
    }
}

fn marker(change: &changes::Change, zone: Option<&TimeZone>) -> Marker {
    let time = |us| written(us, zone);
    Marker {
        id: change.id.clone(),
        kind: change.kind.name().into(),
        service: change.service.clone(),
        version: change.version.clone(),
        previous_version: change.previous_version.clone(),
        at: time(change.at_us),
        at_is_end: change.at_is_end,
        finished_at: change.finished_us.map(time),
        rollback_of: change.rollback_of.clone(),
        author: change.author.clone(),
        description: change.description.clone(),
        commit: change.commit.clone(),
        environment: change.environment.clone(),
        url: change.url.clone(),
        status: change.status.map(|status| status.name().into()),
        endpoints: change.endpoints.clone(),
        hosts: change.hosts.clone(),
        files: change.files.clone(),
        extra: change.extra.clone(),
    }
}

/// A time in RFC 3339. Beyond the year 9999 there is none: then the last one is written.
fn written(us: i64, zone: Option<&TimeZone>) -> String {
    let time = Timestamp::from_microsecond(us).unwrap_or(Timestamp::MAX);
    match zone {
        Some(zone) => time.display_with_offset(zone.to_offset(time)).to_string(),
        None => time.to_string(),
    }
}
