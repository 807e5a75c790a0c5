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
mod launchdarkly;
mod newrelic;
mod pagerduty;
mod sentry;
mod spinnaker;
mod tags;

#[cfg(test)]
pub(super) mod story;

use serde_json::Value;

use super::document::Document;
use super::entry::{Entry, Reader};
use super::{Change, native};
use crate::error::Result;

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
    Each(fn(Entry<'_>, &mut Reader<'_>) -> Result<Change>),
    /// Those of a file at once: they speak of one another, or not each is one change.
    All(fn(&[Entry<'_>], &mut Reader<'_>) -> Result<Vec<Change>>),
}

/// All forms, in the order in which they are tried.
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

/// Reads a file: the name of its form, and its changes.
pub(super) fn read(
    document: &Document,
    reader: &mut Reader<'_>,
) -> Result<(&'static str, Vec<Change>)> {
    let mut by_form: Vec<(&Export, Vec<Entry<'_>>)> = Vec::new();
    let mut natives: Vec<Entry<'_>> = Vec::new();
    let mut strangers = 0;
    let mut number = 0;
    let mut numbered = |value| {
        number += 1;
        Entry { number, value }
    };
    for value in &document.values {
        let Some((export, entries)) = recognise(value) else {
            natives.extend(native::markers(value).into_iter().map(&mut numbered));
            continue;
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

    let mut changes = Vec::new();
    for (export, entries) in &by_form {
        match export.read {
            Read::Each(read) => {
                for entry in entries {
                    changes.push(read(*entry, reader)?);
                }
            }
            Read::All(read) => changes.extend(read(entries, reader)?),
        }
    }
    for entry in &natives {
        changes.push(native::read(*entry, reader)?);
    }
    changes.iter_mut().for_each(Change::ensure_id);
    reader.left_out(strangers, "entry of another kind");
    let source = match (by_form.as_slice(), natives.is_empty()) {
        ([], _) => document.form,
        ([(export, _)], true) => export.name,
        _ => "several forms",
    };
    Ok((source, changes))
}

/// The form of a top-level value, and the entries in it. Whoever writes the native `at` means it.
fn recognise(value: &Value) -> Option<(&'static Export, Vec<&Value>)> {
    if value.get("at").is_some() {
        return None;
    }
    EXPORTS
        .iter()
        .find_map(|export| Some((*export, entries_of(export, value)?)))
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

/// The version that an image's reference names: its tag, else its digest.
fn image_version(image: &str) -> Option<String> {
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
