//! Several marker files become one list, and what only all changes together can tell is added.
//!
//! Comes in: the [`Markers`] of each file. Goes out: one. The same change in two files is one
//! change; two changes of one id are told apart; a change that doesn't say which version it
//! replaced is given the one that was there before; a deploy that brings back an earlier version
//! is a rollback. What a marker says itself is never overruled, but for the word "deploy".

use std::collections::{BTreeMap, BTreeSet};

use super::entry::listed;
use super::release::{MOVING, is_same_release};
use super::{Change, Kind, Markers, Status, export, sort};

/// Joins marker files.
pub fn merge(files: Vec<Markers>) -> Markers {
    let mut joined = Markers {
        source: common_source(&files),
        ..Markers::default()
    };
    // Each change with the file it came from: changes without a service belong together only
    // within one file.
    let mut changes: Vec<(usize, Change)> = Vec::new();
    let mut outcomes: Vec<Change> = Vec::new();
    for (file, markers) in files.into_iter().enumerate() {
        joined.assumed_utc |= markers.assumed_utc;
        joined.entries += markers.entries;
        joined.notes.extend(markers.notes);
        match markers.source == export::github::STATUSES_NAME {
            true => outcomes.extend(markers.changes),
            false => changes.extend(markers.changes.into_iter().map(|change| (file, change))),
        }
    }
    let file_of_outcomes = usize::MAX;
    for outcome in outcomes {
        match changes
            .iter_mut()
            .find(|(_, change)| change.id == outcome.id)
        {
            Some((_, deployment)) => export::github::add_outcome(deployment, &outcome),
            None => changes.push((file_of_outcomes, outcome)),
        }
    }
    changes.sort_by(|(_, a), (_, b)| order(a).cmp(&order(b)));
    let changes = tell_apart(changes, &mut joined.notes);
    let mut changes = told_twice(changes, &mut joined.notes);
    let mut found = Vec::new();
    for (_, sequence) in sequences(&changes) {
        link(&mut changes, &sequence, &mut found);
    }
    if !found.is_empty() {
        let brings = "bringing back an earlier version is taken for a rollback";
        joined.notes.push(format!("{brings}: {}", listed(&found)));
    }
    joined.changes = changes.into_iter().map(|(_, change)| change).collect();
    sort(&mut joined.changes);
    joined
}

fn common_source(files: &[Markers]) -> &'static str {
    match files {
        [] => "",
        [first, rest @ ..] if rest.iter().all(|file| file.source == first.source) => first.source,
        _ => "several forms",
    }
}

/// The order in which changes are joined, for any order of the files: what says less comes first.
fn order(change: &Change) -> impl Ord {
    let texts = [
        &change.service,
        &change.version,
        &change.commit,
        &change.environment,
        &change.author,
        &change.description,
        &change.url,
    ];
    (
        change.at_us,
        change.id.clone(),
        texts.map(Clone::clone),
        change.finished_us,
        change.status,
    )
}

/// How far apart two systems may date the same deploy: one when it was asked for, the other when
/// it was rolled out.
const SAME_DEPLOY_US: i64 = 15 * 60 * 1_000_000;

/// Joins what two files tell of the same deploy: two systems that saw one version come to one
/// place at about one time.
fn told_twice(changes: Vec<(usize, Change)>, notes: &mut Vec<String>) -> Vec<(usize, Change)> {
    let mut kept: Vec<(usize, Change)> = Vec::with_capacity(changes.len());
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (file, change) in changes {
        let recent = kept
            .iter_mut()
            .rev()
            .take_while(|(_, other)| change.at_us.saturating_sub(other.at_us) <= SAME_DEPLOY_US);
        let mut others = recent.filter(|(other_file, _)| *other_file != file);
        match others.find(|(_, other)| is_same_deploy(other, &change)) {
            Some((_, other)) => {
                joined.insert(change.id.clone(), other.id.clone());
                absorb(other, change);
            }
            None => kept.push((file, change)),
        }
    }
    for (_, change) in &mut kept {
        if let Some(id) = change.rollback_of.as_ref().and_then(|id| joined.get(id)) {
            change.rollback_of = Some(id.clone());
        }
    }
    if !joined.is_empty() {
        let pairs: Vec<String> = joined.iter().map(|(a, b)| format!("{a} is {b}")).collect();
        notes.push(format!(
            "told by two files and taken for one: {}",
            listed(&pairs)
        ));
    }
    kept
}

fn is_same_deploy(a: &Change, b: &Change) -> bool {
    let agree = |x: &Option<String>, y: &Option<String>| match (x, y) {
        (Some(x), Some(y)) => x.eq_ignore_ascii_case(y),
        _ => true,
    };
    is_same_release(a, b) && agree(&a.environment, &b.environment)
}

/// Adds to a change what another telling of it knows besides.
fn absorb(change: &mut Change, other: Change) {
    let texts = [
        (&mut change.service, other.service),
        (&mut change.version, other.version),
        (&mut change.previous_version, other.previous_version),
        (&mut change.rollback_of, other.rollback_of),
        (&mut change.author, other.author),
        (&mut change.description, other.description),
        (&mut change.commit, other.commit),
        (&mut change.environment, other.environment),
        (&mut change.url, other.url),
    ];
    for (slot, text) in texts {
        *slot = slot.take().or(text);
    }
    let lists = [
        (&mut change.endpoints, other.endpoints),
        (&mut change.hosts, other.hosts),
        (&mut change.files, other.files),
    ];
    for (slot, list) in lists {
        if slot.is_empty() {
            *slot = list;
        }
    }
    if matches!(change.status, None | Some(Status::InProgress)) {
        change.status = other.status.or(change.status);
    }
    change.finished_us = change.finished_us.or(other.finished_us);
    change.finished_us = change.finished_us.filter(|end| *end >= change.at_us);
    for (key, value) in other.extra {
        change.extra.entry(key).or_insert(value);
    }
}

/// Whether two tellings under one id and time are of one change, perhaps exported before and after
/// it was done: what both say is the same.
fn is_same_telling(a: &Change, b: &Change) -> bool {
    let agree = |x: &Option<String>, y: &Option<String>| x.is_none() || y.is_none() || x == y;
    a.at_us == b.at_us
        && a.kind == b.kind
        && agree(&a.service, &b.service)
        && agree(&a.version, &b.version)
        && agree(&a.commit, &b.commit)
        && agree(&a.environment, &b.environment)
}

/// Drops what is there twice, and gives different changes of one id different ids: the first in
/// order of time keeps it.
fn tell_apart(changes: Vec<(usize, Change)>, notes: &mut Vec<String>) -> Vec<(usize, Change)> {
    let mut taken: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<(usize, Change)> = Vec::with_capacity(changes.len());
    let mut renamed = Vec::new();
    for (file, mut change) in changes {
        let id = change.id.clone();
        let same_id = taken.entry(id.clone()).or_default();
        let same = same_id.iter().copied().find(|i| {
            kept.get(*i)
                .is_some_and(|(_, other)| is_same_telling(other, &change))
        });
        if let Some((_, other)) = same.and_then(|i| kept.get_mut(i)) {
            absorb(other, change);
            continue;
        }
        same_id.push(kept.len());
        change.id = match same_id.len() {
            1 => id,
            n => {
                let free = (n..)
                    .map(|n| format!("{id}~{n}"))
                    .find(|id| !taken.contains_key(id));
                let new = free.unwrap_or(id);
                taken.insert(new.clone(), vec![kept.len()]);
                renamed.push(new.clone());
                new
            }
        };
        kept.push((file, change));
    }
    if !renamed.is_empty() {
        notes.push(format!(
            "different changes have the same id; they are told apart as {}",
            listed(&renamed)
        ));
    }
    kept
}

/// What the changes of one sequence have in common: one place where one version replaces another.
type Place = (Option<usize>, Option<String>, Option<String>, Vec<String>);

/// The changes of each place that say what they brought, in order of time, as indices.
fn sequences(changes: &[(usize, Change)]) -> BTreeMap<Place, Vec<usize>> {
    let mut places: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (i, (file, change)) in changes.iter().enumerate() {
        let file = change.service.is_none().then_some(*file);
        let place = (
            file,
            change.service.clone(),
            change.environment.clone(),
            change.hosts.clone(),
        );
        if brought(change).is_some() || change.kind == Kind::Rollback {
            places.entry(place).or_default().push(i);
        }
    }
    places
}

/// What a change put in place: its version, or its commit where the version has no name.
fn brought(change: &Change) -> Option<&str> {
    change.version.as_deref().or(change.commit.as_deref())
}

/// Finds rollbacks in the changes of one place, and fills in the versions they all replaced; the
/// same version again is a restart, which replaced none.
fn link(changes: &mut [(usize, Change)], sequence: &[usize], found: &mut Vec<String>) {
    let mut seen = Seen::default();
    let mut in_place: Option<String> = None;
    for (n, i) in sequence.iter().enumerate() {
        let Some((_, change)) = changes.get(*i) else {
            continue;
        };
        let mut before = sequence
            .iter()
            .take(n)
            .rev()
            .filter_map(|b| changes.get(*b))
            .map(|(_, change)| change);
        let undone = match (&change.rollback_of, change.kind) {
            (Some(id), _) => before.find(|c| c.id == *id),
            (None, Kind::Rollback) => undone_by(change, before),
            (None, Kind::Deploy) => before
                .next()
                .filter(|last| brings_back(change, last, &seen)),
            (None, _) => None,
        };
        let replaced = undone
            .and_then(|c| c.version.clone())
            .or_else(|| in_place.clone());
        let replaced = replaced.filter(|old| Some(old) != change.version.as_ref());
        let undone = undone.map(|c| c.id.clone());

        if let Some(name) = brought(change) {
            seen.entry(name.to_owned())
                .or_default()
                .insert(change.commit.clone());
        }
        let failed = matches!(change.status, Some(Status::Failed | Status::Cancelled));
        if change.version.is_some() && !failed {
            in_place.clone_from(&change.version);
        }
        let Some((_, change)) = changes.get_mut(*i) else {
            continue;
        };
        if change.rollback_of.is_none() && undone.is_some() {
            if change.kind == Kind::Deploy {
                found.push(change.id.clone());
            }
            change.kind = Kind::Rollback;
            change.rollback_of = undone;
        }
        if change.version.is_some() && change.previous_version.is_none() {
            change.previous_version = replaced;
        }
    }
}

/// What was brought to a place so far, each with the commits it was said to be.
type Seen = BTreeMap<String, BTreeSet<Option<String>>>;

/// Whether a deploy puts in place what was there before its predecessor, and so undoes that.
/// Undoing a rollback is a deploy, and the same name for another commit is something new.
fn brings_back(change: &Change, last: &Change, seen: &Seen) -> bool {
    let Some(name) = brought(change) else {
        return false;
    };
    let replaces = last.kind == Kind::Deploy
        && last.at_us < change.at_us
        && brought(last) != Some(name)
        && !MOVING.contains(&name.to_lowercase().as_str());
    let is_same = |commit: &Option<String>| {
        commit.is_none() || change.commit.is_none() || *commit == change.commit
    };
    replaces
        && seen
            .get(name)
            .is_some_and(|commits| commits.iter().any(is_same))
}

/// What a rollback undoes: the change whose description it quotes (`Revert "Add login"`), else
/// the deploy of a version just before it. Takes the changes before it, the latest first.
fn undone_by<'a>(
    rollback: &Change,
    mut before: impl Iterator<Item = &'a Change>,
) -> Option<&'a Change> {
    let description = rollback.description.as_deref().unwrap_or_default();
    if let Some((_, quoted)) = description.split_once("evert \"") {
        let title = quoted.rsplit_once('"').map_or(quoted, |(title, _)| title);
        return before.find(|c| c.description.as_deref() == Some(title));
    }
    before.next().filter(|last| {
        last.kind == Kind::Deploy && last.version.is_some() && last.at_us < rollback.at_us
    })
}
