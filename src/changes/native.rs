//! Markers in the native form, and whatever is close enough to it: the exports of systems that
//! nobody listed, tables, notes by hand.
//!
//! Comes in: one JSON object (a CSV row is one too). Goes out: a [`Change`]. What a key means says
//! `keys`; what its value means is decided here. Objects that wrap an entry, or hold a side of it,
//! are looked into. What isn't known, or holds what its key can't mean, is kept in `extra`.

mod fields;

use serde_json::{Map, Value};

use super::entry::{Entry, Reader, text};
use super::keys::{self, Field, Role};
use super::words;
use super::{Change, Kind};
use crate::error::{Error, Result};

use fields::Fields;
pub(super) use fields::Known;

/// One marker.
pub(super) fn read(entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let Value::Object(map) = entry.value else {
        return Err(entry.no_time());
    };
    let mut fields = Fields::of(map);
    let mut change = dated(&mut fields, entry, reader)?;
    let said = finish(&mut change, fields, map);
    if reader.read_by.is_empty() {
        reader.read_by = said;
    }
    Ok(change)
}

/// The rest of a marker whose times are known; says which keys it was read from.
fn finish(change: &mut Change, mut fields: Fields<'_>, map: &Map<String, Value>) -> Vec<String> {
    fields.fill(change);
    let said = fields.take_if(Field::Kind, |v| text(v).and_then(|word| words::kind(&word)));
    let by_key = || map.keys().find_map(|key| keys::kind_of_key(key));
    let told = change
        .description
        .as_deref()
        .and_then(words::kind_from_opening);
    // "Deploy" is also what systems call whatever they do.
    let special = said.filter(|kind| *kind != Kind::Deploy);
    change.kind = special
        .or_else(by_key)
        .or(said)
        .or(told)
        .unwrap_or(Kind::Deploy);
    let said = fields.said();
    change.extra.append(&mut fields.rest(map));
    change.ensure_id();
    said
}

/// What the most telling time of an object is to it; `None` where it has none.
pub(super) fn role_of_time(map: &Map<String, Value>) -> Option<Role> {
    let fields = Fields::of(map);
    let first = |field| {
        fields
            .times(field)
            .next()
            .map(|known| Role::of_rank(known.meaning.rank))
    };
    first(Field::At).or_else(|| first(Field::Finished).map(|_| Role::Begin))
}

/// What is known of the entries of one form besides what their keys say.
pub(super) struct Form {
    /// What all its entries are.
    pub(super) kind: Option<Kind>,
    /// JSON pointers to when they began and ended.
    pub(super) begins: &'static [&'static str],
    pub(super) ends: &'static [&'static str],
    /// JSON pointers to what the keys alone would not tell.
    pub(super) service: &'static [&'static str],
    pub(super) version: &'static [&'static str],
    pub(super) commit: &'static [&'static str],
    pub(super) author: &'static [&'static str],
    pub(super) description: &'static [&'static str],
    pub(super) environment: &'static [&'static str],
    pub(super) status: &'static [&'static str],
    /// Why an entry is no change.
    pub(super) is_none: fn(&Value) -> Option<&'static str>,
}

/// A form of which the keys say everything.
pub(super) const PLAIN: Form = Form {
    kind: None,
    begins: &[],
    ends: &[],
    service: &[],
    version: &[],
    commit: &[],
    author: &[],
    description: &[],
    environment: &[],
    status: &[],
    is_none: |_| None,
};

/// One entry of a form.
pub(super) fn read_as(form: &Form, entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let Value::Object(map) = entry.value else {
        return Err(entry.no_time());
    };
    let mut fields = Fields::of(map);
    let begins = form.begins.iter().any(|p| entry.get(p).is_some());
    let mut change = match begins {
        true => reader.change(entry, form.begins, form.ends)?,
        false => dated(&mut fields, entry, reader)?,
    };
    let texts = [
        (form.service, &mut change.service),
        (form.version, &mut change.version),
        (form.commit, &mut change.commit),
        (form.author, &mut change.author),
        (form.description, &mut change.description),
        (form.environment, &mut change.environment),
    ];
    for (pointers, slot) in texts {
        *slot = entry.text(pointers);
    }
    change.status = entry
        .text(form.status)
        .and_then(|word| words::status(&word));
    let pointed = [
        form.begins,
        form.ends,
        form.service,
        form.version,
        form.commit,
        form.author,
        form.description,
        form.environment,
        form.status,
    ];
    for pointer in pointed
        .into_iter()
        .flatten()
        .filter(|p| entry.get(p).is_some())
    {
        if let Some(path) = path_of(map, pointer) {
            fields.used(path);
        }
    }
    finish(&mut change, fields, map);
    if let Some(kind) = form.kind {
        change.kind = kind;
    }
    Ok(change)
}

/// The keys on the way to what lies at a pointer.
fn path_of<'a>(map: &'a Map<String, Value>, pointer: &str) -> Option<Vec<&'a str>> {
    let mut path = Vec::new();
    let mut here = map;
    let steps = pointer.split('/').skip(1);
    for step in steps {
        let (key, value) = here.get_key_value(&step.replace("~1", "/").replace("~0", "~"))?;
        path.push(key.as_str());
        match value {
            Value::Object(inner) => here = inner,
            _ => break,
        }
    }
    Some(path)
}

/// Gives a change what it lacks from keys with native names, as people put them into free-form
/// details and parameters. Kind and time are not taken: those of the change itself are better.
/// What isn't used is kept in `extra`.
pub(super) fn complete(change: &mut Change, details: &Map<String, Value>) {
    let mut fields = Fields::of(details);
    fields.fill(change);
    for (key, value) in fields.rest(details) {
        change.extra.entry(key).or_insert(value);
    }
}

/// A change at the time that dates it best, with its end.
fn dated(fields: &mut Fields<'_>, entry: Entry<'_>, reader: &mut Reader) -> Result<Change> {
    let Some((role, at)) = begin(fields, entry, reader)? else {
        let mut ends = fields.times(Field::Finished);
        let end =
            ends.find_map(|known| reader.try_time_of(known).map(|us| (known.path.clone(), us)));
        drop(ends);
        let Some((path, end)) = end else {
            // A time that can't be read says more than that there is none.
            return Err(match fields.times(Field::Finished).next() {
                Some(known) => unreadable(known, entry, reader),
                None => entry.no_time(),
            });
        };
        fields.used(path);
        let mut change = Change::at(end);
        change.finished_us = Some(end);
        change.at_is_end = true;
        return Ok(change);
    };
    let mut change = Change::at(at);
    change.finished_us = end_after(fields, reader, role, at);
    Ok(change)
}

fn unreadable(known: &Known<'_>, entry: Entry<'_>, reader: &mut Reader) -> Error {
    match reader.time(entry, known.value) {
        Err(error) => error,
        Ok(_) => entry.no_time(),
    }
}

/// The time of the most believed key that has one.
fn begin(
    fields: &mut Fields<'_>,
    entry: Entry<'_>,
    reader: &mut Reader,
) -> Result<Option<(Role, i64)>> {
    let mut first_trouble = None;
    let mut found = None;
    for known in fields.times(Field::At) {
        let role = Role::of_rank(known.meaning.rank);
        match reader.time_in(entry, known.value, known.meaning.in_utc) {
            Ok(Some(us)) => {
                found = Some((known.path.clone(), None, role, us));
                break;
            }
            Ok(None) => {}
            // A day in one column, the time of day in another.
            Err(trouble) => match fields.day_with_time(known, entry, reader) {
                Some((path, us)) => {
                    found = Some((known.path.clone(), Some(path), role, us));
                    break;
                }
                None if known.meaning.guessed => {}
                None if role == Role::Native => return Err(trouble),
                None => first_trouble = first_trouble.or(Some(trouble)),
            },
        }
    }
    match (found, first_trouble) {
        (Some((path, other, role, us)), _) => {
            fields.used(path);
            other.into_iter().for_each(|path| fields.used(path));
            Ok(Some((role, us)))
        }
        (None, Some(trouble)) => Err(trouble),
        (None, None) => Ok(None),
    }
}

/// A day: longer than any rollout, shorter than the time to the next edit of a record.
const DAY_US: i64 = 86_400_000_000;

/// When a change that began at `at` was done: its end, its begin and how long it took, or when the
/// record of a finished change was last touched.
fn end_after(fields: &mut Fields<'_>, reader: &mut Reader, role: Role, at: i64) -> Option<i64> {
    let mut found = None;
    for known in fields.times(Field::Finished) {
        if let Some(end) = reader.try_time_of(known).filter(|end| *end >= at) {
            found = Some((known.path.clone(), end));
            break;
        }
    }
    if found.is_none() {
        found = fields.times(Field::Took).find_map(|known| {
            let unit = keys::UNITS_US.get(known.meaning.rank)?;
            let number = text(known.value)?.parse::<f64>().ok()?;
            let took = number * unit;
            (0.0..=DAY_US as f64)
                .contains(&took)
                .then(|| (known.path.clone(), at.saturating_add(took as i64)))
        });
    }
    if found.is_none() && role == Role::Begin && fields.is_over() {
        let touched = |known: &Known<'_>| Role::of_rank(known.meaning.rank) == Role::Updated;
        found = fields
            .times(Field::At)
            .filter(|k| touched(k))
            .find_map(|known| {
                let end = reader.try_time_of(known)?;
                (at..=at.saturating_add(DAY_US))
                    .contains(&end)
                    .then(|| (known.path.clone(), end))
            });
    }
    let (path, end) = found?;
    fields.used(path);
    Some(end)
}
