//! Markers in the native form, and whatever is close enough to it.
//!
//! Comes in: one JSON object (a CSV row is one too). Goes out: a [`Change`]. Keys are known by
//! their letters alone (`deployed_at`, `deployedAt` and `Deployed At` are one key) and by the
//! synonyms below. What isn't known, or holds what its key can't mean, is kept in `extra`.

use serde_json::{Map, Value};

use super::entry::{Entry, Reader, is_blank, text};
use super::words::{self, squeeze};
use super::{Change, Kind};
use crate::error::Result;

/// Where a key's value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    At,
    Finished,
    Id,
    Kind,
    Service,
    Version,
    PreviousVersion,
    Commit,
    Author,
    Description,
    Environment,
    Url,
    Status,
    RollbackOf,
    Endpoints,
    Hosts,
    Files,
}

/// The keys of each field, as [`squeeze`] leaves them, the one to be believed first.
const SYNONYMS: [(Field, &[&str]); 17] = [
    (
        Field::At,
        &[
            "at",
            "startedat",
            "starttime",
            "start",
            "started",
            "begin",
            "beganat",
            "deployedat",
            "deploytime",
            "deploystartedat",
            "releasedat",
            "happenedat",
            "occurredat",
            "appliedat",
            "time",
            "timestamp",
            "ts",
            "datetime",
            "when",
            "date",
            "eventtime",
            "createdat",
            "created",
            "publishedat",
            "updated",
            "updatedat",
        ],
    ),
    (
        Field::Finished,
        &[
            "finishedat",
            "finishtime",
            "finished",
            "endedat",
            "endtime",
            "end",
            "ended",
            "completedat",
            "completetime",
            "completed",
            "doneat",
        ],
    ),
    (
        Field::Id,
        &[
            "id",
            "changeid",
            "deployid",
            "deploymentid",
            "releaseid",
            "eventid",
            "uuid",
        ],
    ),
    (
        Field::Kind,
        &["kind", "type", "changetype", "eventtype", "category"],
    ),
    (
        Field::Service,
        &[
            "service",
            "servicename",
            "app",
            "appname",
            "application",
            "applicationname",
            "component",
            "project",
            "microservice",
            "repository",
            "repo",
        ],
    ),
    (
        Field::Version,
        &[
            "version",
            "newversion",
            "toversion",
            "to",
            "tag",
            "release",
            "imagetag",
            "build",
        ],
    ),
    (
        Field::PreviousVersion,
        &[
            "previousversion",
            "prevversion",
            "oldversion",
            "fromversion",
            "from",
            "previous",
        ],
    ),
    (
        Field::Commit,
        &[
            "commit",
            "commitsha",
            "commithash",
            "commitid",
            "sha",
            "gitsha",
            "gitcommit",
            "githash",
            "hash",
            "revision",
            "rev",
        ],
    ),
    (
        Field::Author,
        &[
            "author",
            "user",
            "username",
            "by",
            "actor",
            "deployer",
            "deployedby",
            "triggeredby",
            "initiatedby",
            "createdby",
            "creator",
            "who",
            "email",
        ],
    ),
    (
        Field::Description,
        &[
            "description",
            "message",
            "title",
            "summary",
            "text",
            "subject",
            "comment",
            "note",
            "what",
            "name",
        ],
    ),
    (
        Field::Environment,
        &["environment", "env", "environmentname", "stage", "tier"],
    ),
    (Field::Url, &["url", "link", "href", "weburl", "htmlurl"]),
    (
        Field::Status,
        &["status", "state", "result", "outcome", "conclusion"],
    ),
    (
        Field::RollbackOf,
        &["rollbackof", "reverts", "revertof", "undoes"],
    ),
    (
        Field::Endpoints,
        &["endpoints", "endpoint", "paths", "path", "routes", "route"],
    ),
    (
        Field::Hosts,
        &[
            "hosts",
            "host",
            "hostnames",
            "hostname",
            "servers",
            "server",
            "instances",
        ],
    ),
    (
        Field::Files,
        &["files", "changedfiles", "fileschanged", "filepaths"],
    ),
];

/// Where a list of markers may lie in an object that wraps it.
const WRAPPERS: [&str; 9] = [
    "changes",
    "deploys",
    "deployments",
    "markers",
    "releases",
    "events",
    "items",
    "results",
    "data",
];

/// Whether a column of this name says when.
pub(super) fn is_time_key(name: &str) -> bool {
    matches!(field(name), Some((Field::At | Field::Finished, _)))
}

/// The markers in a value: the list that it wraps, else the value itself.
pub(super) fn markers(value: &Value) -> Vec<&Value> {
    let Value::Object(map) = value else {
        return vec![value];
    };
    let has_time = |map: &Map<String, Value>| map.keys().any(|key| is_time_key(key));
    let wrapped = WRAPPERS.iter().find_map(|name| {
        map.iter()
            .find(|(key, _)| squeeze(key) == *name)
            .and_then(|(_, list)| list.as_array())
    });
    match wrapped {
        // A marker may list what it changed: then the time is its own.
        Some(list)
            if !has_time(map)
                || list
                    .first()
                    .and_then(Value::as_object)
                    .is_some_and(has_time) =>
        {
            list.iter().collect()
        }
        _ => vec![value],
    }
}

/// One marker.
pub(super) fn read(entry: Entry<'_>, reader: &mut Reader<'_>) -> Result<Change> {
    let Value::Object(map) = entry.value else {
        return Err(entry.no_time());
    };
    let mut fields = Fields::of(map);
    let mut change = match begin(&mut fields, entry, reader)? {
        Some(at) => {
            let mut change = Change::at(at);
            let end = fields.take_if(Field::Finished, |value| reader.try_time(value));
            change.finished_us = end.filter(|end| *end >= at);
            change
        }
        None => {
            let end = fields
                .take(Field::Finished)
                .ok_or_else(|| entry.no_time())?;
            let end = reader.time(entry, end)?.ok_or_else(|| entry.no_time())?;
            let mut change = Change::at(end);
            change.finished_us = Some(end);
            change.at_is_end = true;
            change
        }
    };
    fields.fill(&mut change);

    let said = fields.take_if(Field::Kind, |v| text(v).and_then(|word| words::kind(&word)));
    let told = || {
        change
            .description
            .as_deref()
            .and_then(words::kind_from_description)
    };
    change.kind = said.or_else(told).unwrap_or(Kind::Deploy);
    change.status = fields.take_if(Field::Status, |v| text(v).and_then(|w| words::status(&w)));
    change.extra = fields.rest();
    change.ensure_id();
    Ok(change)
}

/// Gives a change what it lacks from keys with native names, as people put them into free-form
/// details and parameters. Kind, time and id are not taken: those of the change itself are better.
/// What isn't used is kept in `extra`.
pub(super) fn complete(change: &mut Change, details: &Map<String, Value>) {
    let mut fields = Fields::of(details);
    fields.fill(change);
    if change.status.is_none() {
        change.status = fields.take_if(Field::Status, |v| text(v).and_then(|w| words::status(&w)));
    }
    for (key, value) in fields.rest() {
        change.extra.entry(key).or_insert(value);
    }
}

/// The time of the most believed key that has one.
fn begin(
    fields: &mut Fields<'_>,
    entry: Entry<'_>,
    reader: &mut Reader<'_>,
) -> Result<Option<i64>> {
    while let Some(value) = fields.take(Field::At) {
        if let Some(us) = reader.time(entry, value)? {
            return Ok(Some(us));
        }
    }
    Ok(None)
}

/// The field of a key and how much the key is to be believed: less is better.
fn field(key: &str) -> Option<(Field, usize)> {
    let key = squeeze(key);
    SYNONYMS.iter().find_map(|(field, names)| {
        names
            .iter()
            .position(|name| *name == key)
            .map(|rank| (*field, rank))
    })
}

/// The keys of one marker that are not used yet, by field and rank.
struct Fields<'a> {
    known: Vec<(Field, usize, &'a String, &'a Value)>,
    unknown: Vec<(&'a String, &'a Value)>,
}

impl<'a> Fields<'a> {
    fn of(map: &'a Map<String, Value>) -> Fields<'a> {
        let mut known = Vec::new();
        let mut unknown = Vec::new();
        for (key, value) in map.iter().filter(|(_, value)| !is_blank(value)) {
            match field(key) {
                Some((field, rank)) => known.push((field, rank, key, value)),
                None => unknown.push((key, value)),
            }
        }
        known.sort_by_key(|(field, rank, key, _)| (*field, *rank, *key));
        Fields { known, unknown }
    }

    /// The most believed value of a field.
    fn take(&mut self, field: Field) -> Option<&'a Value> {
        let found = self.known.iter().position(|(f, ..)| *f == field)?;
        Some(self.known.remove(found).3)
    }

    /// What the most believed value of a field means; a value without a meaning stays.
    fn take_if<T>(
        &mut self,
        field: Field,
        mut meaning: impl FnMut(&Value) -> Option<T>,
    ) -> Option<T> {
        let mut known = self
            .known
            .iter()
            .enumerate()
            .filter(|(_, (f, ..))| *f == field);
        let (found, meant) =
            known.find_map(|(i, (.., value))| meaning(value).map(|meant| (i, meant)))?;
        self.known.remove(found);
        Some(meant)
    }

    /// Gives a change the texts and lists that it lacks.
    fn fill(&mut self, change: &mut Change) {
        if change.id.is_empty() {
            change.id = self.take_if(Field::Id, text).unwrap_or_default();
        }
        let texts = [
            (Field::Service, &mut change.service),
            (Field::Version, &mut change.version),
            (Field::PreviousVersion, &mut change.previous_version),
            (Field::Commit, &mut change.commit),
            (Field::Author, &mut change.author),
            (Field::Description, &mut change.description),
            (Field::Environment, &mut change.environment),
            (Field::Url, &mut change.url),
            (Field::RollbackOf, &mut change.rollback_of),
        ];
        for (field, slot) in texts {
            if slot.is_none() {
                *slot = self.take_if(field, name);
            }
        }
        let lists = [
            (Field::Endpoints, &mut change.endpoints),
            (Field::Hosts, &mut change.hosts),
            (Field::Files, &mut change.files),
        ];
        for (field, slot) in lists {
            if slot.is_empty() {
                *slot = self.take_if(field, strings).unwrap_or_default();
            }
        }
    }

    /// What was not used, under the keys it came with.
    fn rest(self) -> std::collections::BTreeMap<String, Value> {
        let known = self.known.into_iter().map(|(.., key, value)| (key, value));
        known
            .chain(self.unknown)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

/// A text, or the name of the person or thing that an object describes.
fn name(value: &Value) -> Option<String> {
    text(value).or_else(|| {
        ["name", "login", "username", "slug", "email", "sha", "id"]
            .iter()
            .find_map(|key| value.get(key).and_then(text))
    })
}

/// A list of texts; in one text they may be parted by comma, semicolon, bar or newline.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(joined) => {
            let parts = joined.split([',', ';', '|', '\n']).map(str::trim);
            Some(
                parts
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect(),
            )
        }
        Value::Array(list) => list.iter().map(text).collect(),
        _ => None,
    }
}
