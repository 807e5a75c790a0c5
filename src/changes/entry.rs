//! One entry of a marker file, and what its readers share: reaching into it and reading its times.
//!
//! Comes in: JSON values. Goes out: texts, times in µs, errors that name the entry. Knows no
//! deploy system.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::native::Known;
use super::time::{self, Unreadable};
use super::{Change, keys, words};
use crate::error::{Error, Result};

/// One entry: its number in the file, from 1, and its content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) number: usize,
    pub(super) value: &'a Value,
}

impl<'a> Entry<'a> {
    /// What lies at a JSON pointer (RFC 6901), unless null.
    pub(super) fn get(&self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer).filter(|v| !v.is_null())
    }

    /// The text or number at the first of these pointers that has one.
    pub(super) fn text(&self, pointers: &[&str]) -> Option<String> {
        pointers.iter().find_map(|p| self.get(p).and_then(text))
    }

    /// The elements of the list at a pointer; none if there is no list.
    pub(super) fn list(&self, pointer: &str) -> &'a [Value] {
        self.get(pointer)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// A part of this entry, under the same number.
    pub(super) fn part(&self, value: &'a Value) -> Entry<'a> {
        Entry {
            number: self.number,
            value,
        }
    }

    /// Copies what lies at these pointers into the change's extra keys, under the pointer's last
    /// name.
    pub(super) fn keep(&self, change: &mut Change, pointers: &[&str]) {
        for pointer in pointers {
            let name = pointer.rsplit('/').next().unwrap_or(pointer);
            if let Some(value) = self.get(pointer).filter(|v| !is_blank(v)) {
                change.extra.insert(name.to_owned(), value.clone());
            }
        }
    }

    /// The error that this entry has no time.
    #[cold]
    pub(super) fn no_time(&self) -> Error {
        let keys: Vec<&str> = match self.value {
            Value::Object(map) => map.keys().map(String::as_str).take(12).collect(),
            _ => Vec::new(),
        };
        let has = match self.value {
            Value::Object(_) if keys.is_empty() => Cow::from("it is empty"),
            Value::Object(_) => Cow::from(format!("its keys are {}", keys.join(", "))),
            Value::Array(_) => Cow::from("it is a list, not an object"),
            other => Cow::from(format!("it is {other}, not an object")),
        };
        Error::data(format!("marker {} has no time: {has}", self.number)).hint(
            r#"say when it happened, as in {"at":"2024-04-10T08:58:30-07:00","service":"api"}"#,
        )
    }
}

/// A text that says something, a number, or the name of an object that has one.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim())
            .filter(|t| !t.is_empty())
            .map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a value says nothing.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What is to be known, and said, of the file as a whole.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    /// The zone of times that name none.
    zone: Option<TimeZone>,
    /// Whether a time had no zone, and none was given.
    pub(super) assumed_utc: bool,
    /// Which keys of the first entry of no known form were read.
    pub(super) read_by: Vec<String>,
    /// How many entries there were.
    pub(super) entries: usize,
    /// What the user should know.
    pub(super) notes: Vec<String>,
}

impl Reader {
    pub(super) fn new(zone: Option<&TimeZone>) -> Reader {
        Reader {
            zone: zone.cloned(),
            assumed_utc: false,
            read_by: Vec::new(),
            entries: 0,
            notes: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// A note on entries that tell of no change; none if there are none.
    pub(super) fn left_out(&mut self, count: usize, what: &str) {
        match count {
            0 => {}
            1 => self.note(format!("1 {what} is left out")),
            _ => self.note(format!("{count} {what}s are left out")),
        }
    }

    /// The time in a value: `None` where it says there is none yet.
    pub(super) fn time(&mut self, entry: Entry<'_>, value: &Value) -> Result<Option<i64>> {
        match time::from_value(value, self.zone.as_ref()) {
            Ok(None) => Ok(None),
            Ok(Some(moment)) => {
                self.assumed_utc |= !moment.has_zone;
                Ok(Some(moment.us))
            }
            Err(Unreadable(why)) => {
                let shown: String = value.to_string().chars().take(60).collect();
                Err(
                    Error::data(format!("marker {}: {shown} {why}", entry.number))
                        .hint("write times as 2024-04-10T08:58:30-07:00, or as seconds since 1970"),
                )
            }
        }
    }

    /// The time in a value, where its key may say that times without a zone are in UTC.
    pub(super) fn time_in(
        &mut self,
        entry: Entry<'_>,
        value: &Value,
        in_utc: bool,
    ) -> Result<Option<i64>> {
        let assumed = self.assumed_utc;
        let zone = self.zone.clone();
        if in_utc {
            self.zone = None;
        }
        let time = self.time(entry, value);
        if in_utc {
            self.zone = zone;
            self.assumed_utc = assumed;
        }
        time
    }

    /// Reads an entry; its times are in the zone that it names beside them, if it names one.
    pub(super) fn in_its_zone<T>(
        &mut self,
        entry: Entry<'_>,
        read: impl FnOnce(&mut Reader) -> T,
    ) -> T {
        let keys = entry.value.as_object().into_iter().flatten();
        let mut named = keys.filter(|(key, _)| keys::is_zone_key(key));
        let Some(named) = named.find_map(|(_, value)| time::zone(value.as_str()?)) else {
            return read(self);
        };
        let outer = self.zone.replace(named);
        let found = read(self);
        self.zone = outer;
        found
    }

    /// The time under a key that may as well be none.
    pub(super) fn try_time_of(&mut self, known: &Known<'_>) -> Option<i64> {
        let entry = Entry {
            number: 0,
            value: known.value,
        };
        self.time_in(entry, known.value, known.in_utc())
            .ok()
            .flatten()
    }

    /// The time in a value that may as well be none.
    pub(super) fn try_time(&mut self, value: &Value) -> Option<i64> {
        let moment = time::from_value(value, self.zone.as_ref()).ok().flatten()?;
        self.assumed_utc |= !moment.has_zone;
        Some(moment.us)
    }

    /// The first time among these pointers.
    pub(super) fn first_time(
        &mut self,
        entry: Entry<'_>,
        pointers: &[&str],
    ) -> Result<Option<i64>> {
        for pointer in pointers {
            let Some(value) = entry.get(pointer) else {
                continue;
            };
            if let Some(us) = self.time(entry, value)? {
                return Ok(Some(us));
            }
        }
        Ok(None)
    }

    /// A change at the first time among `begins`, done at the first among `ends`. Where only the
    /// end is dated, the change is dated by that; where the begin is, an end that can't be read or
    /// lies before it is none.
    pub(super) fn change(
        &mut self,
        entry: Entry<'_>,
        begins: &[&str],
        ends: &[&str],
    ) -> Result<Change> {
        if let Some(at) = self.first_time(entry, begins)? {
            let mut change = Change::at(at);
            let end = ends
                .iter()
                .find_map(|p| entry.get(p).and_then(|v| self.try_time(v)));
            change.finished_us = end.filter(|end| *end >= at);
            return Ok(change);
        }
        let end = self
            .first_time(entry, ends)?
            .ok_or_else(|| entry.no_time())?;
        let mut change = Change::at(end);
        change.finished_us = Some(end);
        change.at_is_end = true;
        Ok(change)
    }
}

/// Gives the change the status that a word means; keeps a word that means none.
pub(super) fn set_status(change: &mut Change, word: Option<String>) {
    let Some(word) = word else { return };
    change.status = words::status(&word);
    if change.status.is_none() {
        change
            .extra
            .insert("status".to_owned(), Value::String(word));
    }
}

/// The first few of many names, for a note.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The last step of a path, an ARN or a URL: `https://github.com/acme/api/` → `api`.
pub(super) fn last_step(text: &str) -> Option<String> {
    let step = text.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    let step = step.strip_suffix(".git").unwrap_or(step);
    (!step.is_empty()).then(|| step.to_owned())
}

/// The version that an image's reference names: its tag, else its digest.
pub(super) fn image_version(image: &str) -> Option<String> {
    let (name, digest) = image
        .split_once('@')
        .map_or((image, None), |(n, d)| (n, Some(d)));
    let tag = name
        .rsplit('/')
        .next()
        .and_then(|last| last.split_once(':'))
        .map(|(_, tag)| tag);
    tag.or(digest)
        .filter(|version| !version.is_empty())
        .map(str::to_owned)
}

/// The service that an image's reference names: the last step of its path.
pub(super) fn image_service(image: &str) -> Option<String> {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    let service = last.split(':').next().unwrap_or(last);
    (!service.is_empty()).then(|| service.to_owned())
}
