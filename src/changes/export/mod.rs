//! What deploy systems export, each recognised by its shape.
//!
//! Comes in: a parsed file. Goes out: its changes, and the name of the form. Each system has a
//! file beside this one with one row or more of [`EXPORTS`]; what no row recognises is read as a
//! native marker. A row's recogniser must name keys that no other row has together.

mod argo;
mod cdevents;
mod codedeploy;
mod datadog;
mod ecs;
mod flux;
mod forms;
pub(super) mod git;
pub(super) mod github;
mod gitlab;
mod grafana;
mod graphite;
mod helm;
mod heroku;
mod honeybadger;
mod honeycomb;
mod jenkins;
mod kubernetes;
mod kubernetes_events;
mod launchdarkly;
mod newrelic;
mod pagerduty;
mod sentry;
mod spinnaker;
mod tags;

#[cfg(test)]
pub(super) mod story;

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::{self, Document};
use super::entry::{Entry, Reader, image_version};
use super::native::Form;
use super::{Change, Kind, lists, native, notes, words};
use crate::error::{Error, Result};

/// One form of export.
pub(super) struct Export {
    /// Its name, for people.
    name: &'static str,
    /// JSON pointers to where its entries may lie: a list of them, or one alone. `""` is the
    /// top-level value itself.
    lies_at: &'static [&'static str],
    /// Whether a value is an entry of this form.
    is: fn(&Value) -> bool,
    /// How its entries are read.
    read: Read,
}

/// How the entries of a form are read.
enum Read {
    /// One by one: each is a change.
    Each(fn(Entry<'_>, &mut Reader) -> Result<Change>),
    /// Those of a file at once: they speak of one another, or not each is one change.
    All(fn(&[Entry<'_>], &mut Reader) -> Result<Vec<Change>>),
    /// One by one, by what their keys mean.
    Keys(&'static Form),
}

/// Forms that have a reader of their own, in the order in which they are tried; those of
/// [`forms::ALL`] come after them.
const EXPORTS: &[&Export] = &[
    &git::LOG,
    &github::DEPLOYMENTS,
    &github::STATUSES,
    &github::WEBHOOKS,
    &github::RELEASES,
    &gitlab::DEPLOYMENTS,
    &gitlab::WEBHOOKS,
    &argo::APPLICATIONS,
    &kubernetes::WORKLOADS,
    &kubernetes_events::EVENTS,
    &flux::HELM_RELEASES,
    &flux::EVENTS,
    &helm::HISTORY,
    &spinnaker::EXECUTIONS,
    &sentry::RELEASES,
    &sentry::DEPLOYS,
    &grafana::ANNOTATIONS,
    &graphite::EVENTS,
    &datadog::DORA,
    &datadog::EVENTS_V1,
    &datadog::EVENTS_V2,
    &newrelic::DEPLOYMENTS,
    &honeycomb::MARKERS,
    &pagerduty::CHANGE_EVENTS,
    &launchdarkly::AUDIT_LOG,
    &heroku::RELEASES,
    &codedeploy::DEPLOYMENTS,
    &codedeploy::IDS,
    &ecs::SERVICE_DEPLOYMENTS,
    &ecs::SERVICES,
    &jenkins::BUILDS,
    &cdevents::EVENTS,
    &honeybadger::DEPLOYS,
];

fn exports() -> impl Iterator<Item = &'static Export> {
    EXPORTS.iter().chain(&forms::ALL).copied()
}

/// Reads a file: the name of its form, and its changes.
pub(super) fn read(
    document: &Document,
    reader: &mut Reader,
) -> Result<(&'static str, Vec<Change>)> {
    let mut by_form: Vec<(&Export, Vec<Entry<'_>>)> = Vec::new();
    let mut natives: Vec<Entry<'_>> = Vec::new();
    let mut strangers = 0;
    let mut number = 0;
    let mut refused = None;
    let mut numbered = |value| {
        number += 1;
        Entry { number, value }
    };
    for value in &document.values {
        let (export, entries) = match recognise(value) {
            Recognised::Export(export, entries) => (export, entries),
            Recognised::None(entries) => {
                natives.extend(entries.into_iter().map(&mut numbered));
                continue;
            }
            Recognised::Refusal(said) => {
                refused = refused.or(Some(said));
                continue;
            }
        };
        let entries: Vec<Entry<'_>> = entries.into_iter().map(&mut numbered).collect();
        let known = entries
            .iter()
            .copied()
            .filter(|entry| (export.is)(entry.value));
        let known: Vec<Entry<'_>> = known.collect();
        strangers += entries.len() - known.len();
        match by_form
            .iter_mut()
            .find(|(form, _)| std::ptr::eq(*form, export))
        {
            Some((_, all)) => all.extend(known),
            None => by_form.push((export, known)),
        }
    }
    reader.entries = number;
    match refused {
        Some(said) if by_form.is_empty() && natives.is_empty() => return Err(refusal(&said)),
        Some(said) => reader.note(format!("an error among the markers is left out: {said:?}")),
        None => {}
    }

    let mut changes = Vec::new();
    for (export, entries) in &by_form {
        changes.extend(read_form(export, entries, reader)?);
    }
    reader.read_by.clear();
    changes.extend(read_each(&natives, reader, native::read)?);
    let in_native_form = natives.iter().any(|entry| entry.value.get("at").is_some());
    if !in_native_form
        && ![document::TABLE, notes::LINES].contains(&document.form)
        && !reader.read_by.is_empty()
    {
        let keys = reader.read_by.join(", ");
        reader.note(format!("no known export: read by its keys ({keys})"));
    }
    for change in &mut changes {
        let tells_of_rollback =
            |text: &str| words::kind_from_description(text) == Some(Kind::Rollback);
        if change.kind == Kind::Deploy
            && change.description.as_deref().is_some_and(tells_of_rollback)
        {
            change.kind = Kind::Rollback;
        }
        change.ensure_id();
    }
    reader.left_out(strangers, "entry of another kind");
    let source = match (by_form.as_slice(), natives.is_empty()) {
        ([], _) => document.form,
        ([(export, _)], true) => export.name,
        _ => "several forms",
    };
    Ok((source, changes))
}

#[cold]
fn refusal(said: &str) -> Error {
    Error::data(format!("an error message in place of markers: {said:?}"))
        .hint("export it again; is the token valid, and may it read deployments?")
}

/// The changes of all entries of one form.
fn read_form(export: &Export, entries: &[Entry<'_>], reader: &mut Reader) -> Result<Vec<Change>> {
    match export.read {
        Read::Each(read) => read_each(entries, reader, read),
        Read::Keys(form) => {
            let mut kept = Vec::new();
            let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
            for entry in entries {
                match (form.is_none)(entry.value) {
                    Some(why) => *left_out.entry(why).or_default() += 1,
                    None => kept.push(*entry),
                }
            }
            for (why, count) in left_out {
                reader.left_out(count, why);
            }
            read_each(&kept, reader, |entry, reader| {
                native::read_as(form, entry, reader)
            })
        }
        Read::All(read) => {
            let mut attempt = reader.clone();
            let trouble = match read(entries, &mut attempt) {
                Ok(changes) => {
                    *reader = attempt;
                    return Ok(changes);
                }
                Err(trouble) => trouble,
            };
            let sound = read_each(entries, reader, |entry, reader| {
                read(&[entry], &mut reader.clone()).map(|_| entry)
            });
            read(&sound.map_err(|_| trouble)?, reader)
        }
    }
}

/// What each entry tells. One that can't be read is left out, with a note; where none can, the
/// first one's trouble is that of the file.
fn read_each<'e, T>(
    entries: &[Entry<'e>],
    reader: &mut Reader,
    read: impl Fn(Entry<'e>, &mut Reader) -> Result<T>,
) -> Result<Vec<T>> {
    let mut told = Vec::with_capacity(entries.len());
    let mut troubles: Vec<Error> = Vec::new();
    for entry in entries {
        match reader.in_its_zone(*entry, |reader| read(*entry, reader)) {
            Ok(one) => told.push(one),
            Err(trouble) => troubles.push(trouble),
        }
    }
    match troubles.split_first() {
        None => Ok(told),
        Some(_) if told.is_empty() => Err(troubles.swap_remove(0)),
        Some((first, [])) => {
            reader.note(format!("left out: {first}"));
            Ok(told)
        }
        Some((first, rest)) => {
            reader.note(format!("left out: {first}; and {} more", rest.len()));
            Ok(told)
        }
    }
}

/// What a top-level value is.
enum Recognised<'a> {
    Export(&'static Export, Vec<&'a Value>),
    /// Entries of no export that is known.
    None(Vec<&'a Value>),
    /// An error that an API answered with.
    Refusal(String),
}

/// The form of a top-level value, and the entries in it. Whoever writes the native `at` means it.
fn recognise(value: &Value) -> Recognised<'_> {
    if value.get("at").is_some() {
        return Recognised::None(vec![value]);
    }
    let here = |export: &'static Export| Some((export, entries_of(export, value)?));
    if let Some((export, entries)) = exports().find_map(here) {
        return Recognised::Export(export, entries);
    }
    let entries = lists::entries(value);
    let wrapped = exports().find(|export| entries.iter().any(|entry| (export.is)(entry)));
    match wrapped {
        _ if entries.iter().any(|entry| entry.get("at").is_some()) => Recognised::None(entries),
        Some(export) => Recognised::Export(export, entries),
        None => match lists::refusal(value) {
            Some(said) => Recognised::Refusal(said),
            None => Recognised::None(entries),
        },
    }
}

/// The entries of a top-level value, if some of them are of this form.
fn entries_of<'a>(export: &Export, value: &'a Value) -> Option<Vec<&'a Value>> {
    export.lies_at.iter().find_map(|pointer| {
        let entries: Vec<&Value> = match value.pointer(pointer)? {
            Value::Array(list) => list.iter().collect(),
            one => vec![one],
        };
        entries
            .iter()
            .any(|entry| (export.is)(entry))
            .then_some(entries)
    })
}

/// Whether a value has all of these, each a JSON pointer.
fn has(value: &Value, pointers: &[&str]) -> bool {
    pointers
        .iter()
        .all(|pointer| value.pointer(pointer).is_some())
}
