//! The keys of one entry that mean something, and what their values can be meant as.
//!
//! Comes in: a JSON object. Goes out: the most believed value of each field that has a meaning. What
//! was taken is remembered, so that the rest can be kept as it came.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::entry::{Entry, Reader, image_service, image_version, is_blank, last_step, text};
use super::super::keys::{self, Field, Meaning, Wrap};
use super::super::words::{self, squeeze};
use super::super::{Change, Status};

/// How deep objects inside an entry are looked into.
const DEPTH: usize = 4;

/// A key whose meaning is known, and its value.
#[derive(Debug, Clone)]
pub(in super::super) struct Known<'a> {
    pub(super) meaning: Meaning,
    pub(super) path: Vec<&'a str>,
    pub(in super::super) value: &'a Value,
}

impl Known<'_> {
    /// Whether a time without a zone is in UTC.
    pub(in super::super) fn in_utc(&self) -> bool {
        self.meaning.in_utc
    }
}

/// The keys of one marker that mean something, the most believed of each field first, and the
/// paths of those that were used.
pub(super) struct Fields<'a> {
    known: Vec<Known<'a>>,
    environments: Vec<Known<'a>>,
    used: BTreeSet<Vec<&'a str>>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(map: &'a Map<String, Value>) -> Fields<'a> {
        let mut fields = Fields {
            known: Vec::new(),
            environments: Vec::new(),
            used: BTreeSet::new(),
        };
        fields.look_into(map, &[], &[], false);
        fields.known.sort_by(|a, b| {
            (a.meaning, a.path.len(), &a.path).cmp(&(b.meaning, b.path.len(), &b.path))
        });
        fields
    }

    /// `full` is the path to an object, `own` the part of it that is not only wrapping.
    fn look_into(
        &mut self,
        map: &'a Map<String, Value>,
        full: &[&'a str],
        own: &[&'a str],
        in_aspect: bool,
    ) {
        for (key, value) in map.iter().filter(|(_, value)| !is_blank(value)) {
            let path: Vec<&str> = full.iter().copied().chain([key.as_str()]).collect();
            let own_path: Vec<&str> = own.iter().copied().chain([key.as_str()]).collect();
            let inner = match value {
                Value::Object(inner) => Some(inner),
                Value::Array(list) => match list.as_slice() {
                    [Value::Object(inner)] => Some(inner),
                    _ => None,
                },
                _ => None,
            };
            let wrap = inner.map_or(Wrap::Thing, |_| keys::wrap(key));
            let is_envelope = wrap == Wrap::Envelope && own.is_empty();
            let meaning = if is_envelope {
                None
            } else if own.is_empty() {
                let whole = (full.len() == 1)
                    .then(|| keys::meaning_of_path(&path))
                    .flatten();
                whole.or_else(|| {
                    keys::meaning(key)
                        .filter(|m| !in_aspect || keys::counts_in_aspect(m.field, key))
                })
            } else {
                keys::meaning_of_path(&own_path).or_else(|| keys::meaning_of_path(&path))
            };
            let is_time =
                |m: &Meaning| matches!(m.field, Field::At | Field::Finished | Field::Took);
            let no_time = value.is_array() || value.is_object();
            if let Some(meaning) = meaning.filter(|m| !(is_time(m) && no_time)) {
                self.known.push(Known {
                    meaning,
                    path: path.clone(),
                    value,
                });
            } else if own.is_empty() && keys::may_be_environment(key) {
                let meaning = Meaning {
                    field: Field::Environment,
                    rank: 0,
                    guessed: true,
                    in_utc: false,
                };
                self.environments.push(Known {
                    meaning,
                    path: path.clone(),
                    value,
                });
            }
            let Some(inner) = inner.filter(|_| path.len() < DEPTH) else {
                continue;
            };
            match wrap {
                Wrap::Envelope if own.is_empty() => self.look_into(inner, &path, own, in_aspect),
                Wrap::Aspect if own.is_empty() => self.look_into(inner, &path, own, true),
                _ => self.look_into(inner, &path, &own_path, in_aspect),
            }
        }
    }

    pub(super) fn used(&mut self, path: Vec<&'a str>) {
        self.used.insert(path);
    }

    /// The unused keys of a field.
    pub(super) fn times(&self, field: Field) -> impl Iterator<Item = &Known<'a>> {
        self.known
            .iter()
            .filter(move |known| known.meaning.field == field && !self.used.contains(&known.path))
    }

    /// The time that a day makes with the time of day under another key.
    pub(super) fn day_with_time(
        &self,
        day: &Known<'a>,
        entry: Entry<'_>,
        reader: &mut Reader,
    ) -> Option<(Vec<&'a str>, i64)> {
        let date = day.value.as_str()?;
        self.times(Field::At).find_map(|other| {
            let time = other.value.as_str().filter(|_| other.path != day.path)?;
            let is_time_of_day =
                time.len() <= 18 && time.contains(':') && !time.contains(['-', '/']);
            let both = Value::String(format!("{date} {time}"));
            let us = is_time_of_day
                .then(|| reader.time_in(entry, &both, other.meaning.in_utc).ok())
                .flatten()
                .flatten()?;
            Some((other.path.clone(), us))
        })
    }

    /// What the most believed value of a field means; a value without a meaning stays.
    pub(super) fn take_if<T>(
        &mut self,
        field: Field,
        mut meaning: impl FnMut(&Value) -> Option<T>,
    ) -> Option<T> {
        self.take_known(field, |known| meaning(known.value))
    }

    fn take_known<T>(
        &mut self,
        field: Field,
        meaning: impl FnMut(&Known<'a>) -> Option<T>,
    ) -> Option<T> {
        let mut meaning = meaning;
        let (path, meant) = self
            .times(field)
            .find_map(|known| meaning(known).map(|meant| (known.path.clone(), meant)))?;
        self.used.insert(path);
        Some(meant)
    }

    /// Whether the entry says that it is over and done with.
    pub(super) fn is_over(&self) -> bool {
        self.times(Field::Status)
            .find_map(|known| status(known.value))
            .is_some_and(|status| status != Status::InProgress)
    }

    /// Gives a change the texts and lists that it lacks.
    pub(super) fn fill(&mut self, change: &mut Change) {
        if change.id.is_empty() {
            change.id = self.take_if(Field::Id, text).unwrap_or_default();
        }
        if change.service.is_none() {
            change.service = self.take_known(Field::Service, service);
        }
        let texts = [
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
        for version in [&mut change.version, &mut change.previous_version] {
            let is_image = |name: &&String| name.contains('/') && name.contains(':');
            let tag = version
                .as_ref()
                .filter(is_image)
                .and_then(|image| image_version(image));
            *version = tag.or(version.take());
        }
        if change.previous_version == change.version {
            change.previous_version = None;
        }
        self.fill_in_from_image(change);
        self.fill_in_from_name(change);
        if change.environment.is_none() {
            let named = self.environments.iter().find_map(|known| {
                let named = name(known.value).filter(|name| words::is_environment(name))?;
                Some((known.path.clone(), named))
            });
            if let Some((path, named)) = named {
                self.used.insert(path);
                change.environment = Some(named);
            }
        }
        if change.status.is_none() {
            change.status = self
                .take_if(Field::Status, status)
                .or_else(|| self.take_if(Field::Success, success));
        }
        if let Some(true) = self.take_if(Field::AtIsEnd, yes) {
            change.at_is_end = true;
        }
        if let Some(mut extra) = self.take_if(Field::Extra, object) {
            change.extra.append(&mut extra);
        }
    }

    fn fill_in_from_image(&mut self, change: &mut Change) {
        if change.version.is_some() && change.service.is_some() {
            return;
        }
        let Some(image) = self.take_if(Field::Image, name) else {
            return;
        };
        change.service = change.service.take().or_else(|| image_service(&image));
        change.version = change.version.take().or_else(|| image_version(&image));
    }

    /// A bare `name` is that of a version, of a service, or a description, whichever it looks like
    /// and is lacking.
    fn fill_in_from_name(&mut self, change: &mut Change) {
        let (service, version) = (change.service.is_none(), change.version.is_none());
        let looks = |value: &Value| {
            let name = text(value)?;
            let field = match () {
                () if version && words::is_version(&name) => Field::Version,
                () if service && is_identifier(&name) => Field::Service,
                () => Field::Description,
            };
            Some((field, name))
        };
        let lacking = |change: &Change| service || version || change.description.is_none();
        if !lacking(change) {
            return;
        }
        let described = change.description.is_some();
        let found = self.take_if(Field::Name, |value| {
            looks(value).filter(|(field, _)| *field != Field::Description || !described)
        });
        match found {
            Some((Field::Version, name)) => change.version = Some(name),
            Some((Field::Service, name)) => change.service = Some(name),
            Some((_, name)) => change.description = Some(name),
            None => {}
        }
    }

    /// Which keys the fields were read from, for people: `startedOn → at`.
    pub(super) fn said(&self) -> Vec<String> {
        let used = self
            .known
            .iter()
            .filter(|known| self.used.contains(&known.path));
        used.map(|known| (known.path.join("."), known.meaning.field.name()))
            .filter(|(key, name)| squeeze(key) != squeeze(name))
            .map(|(key, name)| format!("{key} → {name}"))
            .collect()
    }

    /// What was not used, under the keys it came with; of an object that was used in part, what is
    /// left, under `object.key`.
    pub(super) fn rest(self, map: &Map<String, Value>) -> BTreeMap<String, Value> {
        let mut rest = BTreeMap::new();
        self.leave(map, &mut Vec::new(), &mut rest);
        rest
    }

    fn leave<'m>(
        &self,
        map: &'m Map<String, Value>,
        path: &mut Vec<&'m str>,
        rest: &mut BTreeMap<String, Value>,
    ) {
        for (key, value) in map.iter().filter(|(_, value)| !is_blank(value)) {
            path.push(key);
            let is_used = self.used.iter().any(|used| *used == *path);
            let inside_used = self.used.iter().any(|used| used.starts_with(path));
            match value {
                _ if is_used => {}
                Value::Object(inner) if inside_used => self.leave(inner, path, rest),
                Value::Array(list) if inside_used => {
                    if let [Value::Object(inner)] = list.as_slice() {
                        self.leave(inner, path, rest);
                    }
                }
                _ => {
                    rest.insert(path.join("."), value.clone());
                }
            }
            path.pop();
        }
    }
}

/// A text, or the name of the person or thing that an object, or the one element of a list,
/// describes.
fn name(value: &Value) -> Option<String> {
    const NAMES: [&str; 15] = [
        "name",
        "displayName",
        "display_name",
        "display_value",
        "login",
        "username",
        "uniqueName",
        "slug",
        "email",
        "identifier",
        "sha",
        "hash",
        "version",
        "key",
        "id",
    ];
    match value {
        Value::Array(list) => match list.as_slice() {
            [one] if !one.is_array() => name(one),
            _ => None,
        },
        Value::Object(_) => NAMES.iter().find_map(|key| value.get(key).and_then(text)),
        _ => text(value),
    }
}

/// The name of a service: of a repository's address or a project's path the last step.
fn service(known: &Known<'_>) -> Option<String> {
    let slug = known.value.get("slug").and_then(text);
    let named = slug.or_else(|| name(known.value))?;
    let key = known
        .path
        .last()
        .map(|key| squeeze(key))
        .unwrap_or_default();
    let is_address = named.contains("://") || named.starts_with("git@");
    let is_path = key.contains("repo") || key.contains("slug") || key.contains("pipeline");
    if is_address || is_path {
        return last_step(&named);
    }
    // What systems call the project of those who have only one.
    (key != "project" || named != "default").then_some(named)
}

fn status(value: &Value) -> Option<Status> {
    name(value).and_then(|word| words::status(&word))
}

/// Whether it went well, where a yes or no says so.
fn success(value: &Value) -> Option<Status> {
    yes(value).map(|yes| {
        if yes {
            Status::Succeeded
        } else {
            Status::Failed
        }
    })
}

/// A yes or no in its spellings.
fn yes(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(*yes),
        _ => match text(value)?.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "0" => Some(false),
            _ => None,
        },
    }
}

/// An object, or a text that holds one, as in a table's cell.
fn object(value: &Value) -> Option<BTreeMap<String, Value>> {
    let map = match value {
        Value::Object(map) => map.clone(),
        Value::String(text) => serde_json::from_str(text).ok()?,
        _ => return None,
    };
    Some(map.into_iter().collect())
}

/// Whether a name may be that of a service: one word, and none that says what was done.
fn is_identifier(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && words::kind(name).is_none()
        && !words::is_environment(name)
}

/// A list of texts; in one text they may be parted by comma, semicolon, bar or newline, or be
/// written as JSON.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(joined) => {
            if let Ok(Value::Array(list)) = serde_json::from_str(joined) {
                return list.iter().map(text).collect();
            }
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
