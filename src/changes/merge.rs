//! Several marker files become one list, and what only all changes together can tell is added.
//!
//! Comes in: the [`Markers`] of each file. Goes out: one. The same change in two files is one
//! change; two changes of one id are told apart; a change that doesn't say which version it
//! replaced is given the one that was there before; a deploy that brings back an earlier version
//! is a rollback. What a marker says itself is never overruled, but for the word "deploy".

use std::collections::{BTreeMap, BTreeSet};

use super::entry::listed;
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
    changes.sort_by(|(_, a), (_, b)| (a.at_us, &a.id).cmp(&(b.at_us, &b.id)));
    let mut changes = tell_apart(changes, &mut joined.notes);
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

/// Drops what is there twice, and gives different changes of one id different ids: the first in
/// order of time keeps it.
fn tell_apart(changes: Vec<(usize, Change)>, notes: &mut Vec<String>) -> Vec<(usize, Change)> {
    let mut taken: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut kept: Vec<(usize, Change)> = Vec::with_capacity(changes.len());
    let mut renamed = Vec::new();
    for (file, mut change) in changes {
        let id = change.id.clone();
        let same_id = taken.entry(id.clone()).or_default();
        let is_kept = same_id
            .iter()
            .filter_map(|i| kept.get(*i))
            .any(|(_, other)| {
                change.id.clone_from(&other.id);
                change == *other
            });
        if is_kept {
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

/// Names that stand for something new each time.
const MOVING: [&str; 8] = [
    "latest", "main", "master", "head", "stable", "edge", "nightly", "develop",
];

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
