//! One incident from its family to its marks: built, written, analyzed by the program, compared
//! with the truth.
//!
//! The program is called as the command calls it: folder of logs and file of markers in, [`Report`]
//! out. Nothing of its inside is looked at.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use triage::report::{Incident, Report, Text};
use triage::{
    Io, Moment, Options, Query, Registry, analyze, find_logs, merge_changes, read_changes,
};

use crate::ballot::Ballot;
use crate::baseline::{self, Naive};
use crate::chance::Chance;
use crate::families::{Family, Truth};
use crate::play::{Effect, play};
use crate::text;
use crate::world::{Fault, World};

/// An incident is a fault's if it lies no further than this from its time.
const NEAR_S: f64 = 600.0;
/// What is not worth an incident to a person: fewer failures, or a smaller share of the requests.
const ENOUGH_FAILURES: u64 = 20;
const ENOUGH_EFFECT: f64 = 0.02;
/// Cut-offs after the onset at which a report is asked for, in minutes.
const CUTS_MIN: [i64; 16] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 90, 120, 180];

/// Where and how incidents are run.
pub struct Bench {
    pub seed: u64,
    /// Folder for the texts; each incident has its own below it and removes it.
    pub scratch: PathBuf,
    /// Of how many incidents of each family the delay is sought.
    pub delays: usize,
    /// Whether texts stay.
    pub keep: bool,
    pub registry: Registry,
}

/// A fault, and what the report says of it.
pub struct Marks {
    /// Its index among the world's faults.
    pub fault: usize,
    pub cause: Option<String>,
    pub effect: Effect,
    /// Endpoints that it hits, and their mean error rate without it.
    pub endpoints: usize,
    pub usual_rate: f64,
    /// Whether it must be found: enough failures, a large enough effect, a real incident.
    pub due: bool,
    pub found: Option<Found>,
    /// First cut-off after the onset at which it is reported, in minutes; `None` if not sought,
    /// infinite if never.
    pub delay_min: Option<f64>,
    pub naive: Naive,
}

impl Marks {
    /// Requests per minute of the endpoints hit.
    pub fn per_min(&self) -> f64 {
        self.effect.requests as f64 / (self.effect.seconds / 60.0).max(1.0)
    }

    /// Share of the endpoints' requests that the fault failed.
    pub fn share(&self) -> f64 {
        self.effect.failures as f64 / (self.effect.requests as f64).max(1.0)
    }
}

/// The incident of the report that belongs to a fault.
pub struct Found {
    pub ballot: Ballot,
    pub summary: String,
    /// Seconds from the true onset to the reported one; `None` where none is reported.
    pub onset_error_s: Option<f64>,
    pub onset_covered: bool,
    /// The reported interval, in seconds from the true onset.
    pub onset_bounds_s: Option<(f64, f64)>,
    /// Reported state, and whether it is right.
    pub state: String,
    pub state_right: bool,
    /// In how many incidents the fault was reported.
    pub pieces: usize,
}

/// An incident that is no fault's.
pub struct Stray {
    pub verdict: String,
    pub summary: String,
}

/// All of one simulated incident.
pub struct Case {
    pub family: &'static Family,
    pub index: usize,
    pub marks: Vec<Marks>,
    pub strays: Vec<Stray>,
    pub blips: usize,
    pub lines: u64,
    pub weeks: f64,
    /// Naive detectors' episodes where nothing was wrong.
    pub naive_strays: [usize; 2],
}

/// Runs incident `index` of a family.
pub fn run(family: &'static Family, index: usize, bench: &Bench) -> Result<Case, String> {
    let mut chance = Chance::of(bench.seed, family.name, index);
    let world = (family.make)(&mut chance);
    let (hits, effects) = play(&world, &mut chance);
    let root = bench.scratch.join(format!("{}-{index}", family.name));
    std::fs::create_dir_all(&root).map_err(|e| e.to_string())?;
    let (logs, deploys) = text::write(&world, &hits, &root).map_err(|e| e.to_string())?;
    let report = ask(&logs, &deploys, None, &bench.registry)?;
    let counts = baseline::Counts::of(&world, &hits);
    drop(hits);
    let mut case = compare(family, index, &world, &effects, &report, &counts);
    if index < bench.delays {
        for marks in &mut case.marks {
            if marks.due && marks.found.is_some() {
                let fault = &world.faults[marks.fault];
                marks.delay_min = Some(delay(&world, fault, &logs, &deploys, &bench.registry)?);
            }
        }
    }
    if !bench.keep {
        std::fs::remove_dir_all(&root).map_err(|e| e.to_string())?;
    }
    Ok(case)
}

/// The report on a folder of logs and a file of markers.
pub fn ask(
    logs: &Path,
    deploys: &Path,
    until_us: Option<i64>,
    registry: &Registry,
) -> Result<Report, String> {
    let bytes = std::fs::read(deploys).map_err(|e| e.to_string())?;
    let markers = read_changes(&bytes, deploys, None).map_err(|e| e.to_string())?;
    let found = find_logs(&[logs.to_path_buf()], &[]).map_err(|e| e.to_string())?;
    let options = Options {
        query: Query::default(),
        since: None,
        until: until_us.map(Moment::At),
        unsorted: false,
        window_s: 60,
        zone: None,
        registry,
        log_format: None,
        threads: 1,
        io: Io::Read,
        now_us: 4_000_000_000_000_000,
        progress: &AtomicU64::new(0),
    };
    analyze(&found, &merge_changes(vec![markers]), &options).map_err(|e| e.to_string())
}

/// Seconds since the world's begin of a time in a report.
fn seconds(world: &World, time: &str) -> Option<f64> {
    let at: Timestamp = time.parse().ok()?;
    Some(at.as_microsecond() as f64 / 1e6 - world.start_s as f64)
}

fn said(text: &Text) -> &str {
    match text {
        Text::Utf8(text) => text,
        Text::Bytes { bytes } => bytes,
    }
}

/// Whether an incident is about a fault: one of its endpoints, in its time.
fn is_about(world: &World, fault: &Fault, incident: &Incident) -> bool {
    let hit = |index: &usize| {
        let endpoint = &world.endpoints[*index];
        incident.endpoints.iter().any(|e| {
            said(&e.method) == endpoint.method && same_path(said(&e.endpoint), &endpoint.path)
        })
    };
    let time = |t: &Option<String>| t.as_deref().and_then(|t| seconds(world, t));
    let from_s = time(&incident.onset)
        .or(time(&incident.first_failure))
        .unwrap_or(0.0);
    let to_s = time(&incident.end)
        .or(time(&incident.last_failure))
        .unwrap_or(f64::MAX);
    let beside = from_s - NEAR_S > fault.to_s || to_s + NEAR_S < fault.from_s;
    !beside && fault.endpoints.iter().any(hit)
}

/// Whether a template stands for a path with `#` in it.
fn same_path(template: &str, path: &str) -> bool {
    let (mut a, mut b) = (template.split('/'), path.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(x), Some(y)) if x == y || (y == "#" && x.starts_with('{')) => {}
            _ => return false,
        }
    }
}

fn compare(
    family: &'static Family,
    index: usize,
    world: &World,
    effects: &[Effect],
    report: &Report,
    counts: &baseline::Counts,
) -> Case {
    let errors: Vec<&Incident> = report
        .incidents
        .iter()
        .filter(|i| i.signal == "errors")
        .collect();
    let marks = world
        .faults
        .iter()
        .zip(effects)
        .enumerate()
        .filter(|(_, (fault, _))| fault.is_incident)
        .map(|(number, (fault, effect))| {
            let about: Vec<&Incident> = match family.truth {
                Truth::Latency => report
                    .incidents
                    .iter()
                    .filter(|i| is_about(world, fault, i))
                    .collect(),
                _ => errors
                    .iter()
                    .copied()
                    .filter(|i| is_about(world, fault, i))
                    .collect(),
            };
            let main = about.iter().max_by(|a, b| {
                let own = |i: &Incident| overlap(world, fault, i);
                own(a).total_cmp(&own(b))
            });
            let share = effect.failures as f64 / (effect.requests as f64).max(1.0);
            Marks {
                fault: number,
                cause: fault
                    .cause
                    .map(|m| world.markers[m].id.clone())
                    .or_else(|| seen(fault, &about)),
                effect: *effect,
                endpoints: fault.endpoints.len(),
                usual_rate: usual_rate(world, fault),
                due: effect.failures >= ENOUGH_FAILURES && share >= ENOUGH_EFFECT,
                found: main.map(|i| found(world, fault, i, about.len())),
                delay_min: None,
                naive: baseline::naive(world, fault, counts),
            }
        })
        .collect();
    let stray = |i: &&Incident| !world.faults.iter().any(|f| is_about(world, f, i));
    Case {
        family,
        index,
        marks,
        strays: errors
            .iter()
            .copied()
            .filter(stray)
            .map(|i| Stray {
                verdict: i.verdict.clone(),
                summary: i.summary.clone(),
            })
            .chain(accused_for_no_incident(world, &errors))
            .collect(),
        blips: report.blips.len(),
        lines: report.scan.lines,
        weeks: world.minutes as f64 / 10_080.0,
        naive_strays: baseline::strays(world, counts),
    }
}

/// What is no incident (one client's failures) may be reported, but no change accused of it.
fn accused_for_no_incident(world: &World, incidents: &[&Incident]) -> Vec<Stray> {
    let about = |i: &&&Incident| {
        let of = |f: &&Fault| is_about(world, f, i);
        i.verdict == "change"
            && world.faults.iter().any(|f| of(&f))
            && !world
                .faults
                .iter()
                .filter(|f| f.is_incident || f.cause.is_some())
                .any(|f| of(&f))
    };
    incidents
        .iter()
        .filter(about)
        .map(|i| Stray {
            verdict: i.verdict.clone(),
            summary: i.summary.clone(),
        })
        .collect()
}

/// The mean error rate of a fault's endpoints without it, weighted by their traffic.
fn usual_rate(world: &World, fault: &Fault) -> f64 {
    let of = |weight: fn(&crate::world::Endpoint) -> f64| -> f64 {
        let hit = fault.endpoints.iter().map(|e| &world.endpoints[*e]);
        hit.map(weight).sum()
    };
    of(|e| e.per_min * e.error_rate) / of(|e| e.per_min).max(f64::MIN_POSITIVE)
}

/// The deploy that no marker lists, where its version shows in the log; else nobody can name it.
fn seen(fault: &Fault, about: &[&Incident]) -> Option<String> {
    let id = fault.unlisted.as_ref()?;
    let lists = |i: &&Incident| i.changes.iter().any(|c| c.change == *id);
    about.iter().any(lists).then(|| id.clone())
}

/// How much an incident is a fault's own: its excess on the fault's endpoints.
fn overlap(world: &World, fault: &Fault, incident: &Incident) -> f64 {
    let on = |e: &&triage::report::HitEndpoint| {
        fault.endpoints.iter().any(|f| {
            let endpoint = &world.endpoints[*f];
            said(&e.method) == endpoint.method && same_path(said(&e.endpoint), &endpoint.path)
        })
    };
    incident
        .endpoints
        .iter()
        .filter(on)
        .map(|e| e.errors as f64)
        .sum()
}

fn found(world: &World, fault: &Fault, incident: &Incident, pieces: usize) -> Found {
    let time = |t: &Option<String>| t.as_deref().and_then(|t| seconds(world, t));
    let onset = time(&incident.onset);
    let bounds = time(&incident.onset_low).zip(time(&incident.onset_high));
    // A report dates to the millisecond.
    let covered =
        bounds.is_some_and(|(low, high)| (low - 0.001..=high + 0.001).contains(&fault.from_s));
    Found {
        ballot: Ballot::of(incident),
        summary: incident.summary.clone(),
        onset_error_s: onset.map(|s| s - fault.from_s),
        onset_covered: covered,
        onset_bounds_s: bounds.map(|(low, high)| (low - fault.from_s, high - fault.from_s)),
        state: incident.state.clone(),
        state_right: state_right(world, fault, &incident.state),
        pieces,
    }
}

/// Over for half an hour is recovered; not over is ongoing (or unknown where the log is lost);
/// between the two either may be said.
fn state_right(world: &World, fault: &Fault, state: &str) -> bool {
    let end_s = world.length_s();
    let lost = |from: f64, to: f64| {
        world
            .gaps
            .iter()
            .any(|(_, gap_from, gap_to)| *gap_from < to && *gap_to > from)
    };
    if fault.recurs.is_some() {
        return true;
    }
    if fault.to_s > end_s {
        let open = state == "ongoing" || (lost(fault.from_s, end_s) && state == "unknown");
        return open || (fault.ramp_s > 0.0 && state != "recovered");
    }
    match end_s - fault.to_s {
        left if left >= 1800.0 => state == "recovered",
        _ => state != "unknown" || lost(fault.from_s, end_s),
    }
}

/// Minutes from the onset to the first cut-off at which the fault is reported.
fn delay(
    world: &World,
    fault: &Fault,
    logs: &Path,
    deploys: &Path,
    registry: &Registry,
) -> Result<f64, String> {
    for cut in CUTS_MIN {
        let until_s = fault.from_s + (cut * 60) as f64;
        if until_s > world.length_s() + 60.0 {
            break;
        }
        let until_us = ((world.start_s as f64 + until_s) * 1e6) as i64;
        let report = ask(logs, deploys, Some(until_us), registry)?;
        if report
            .incidents
            .iter()
            .any(|i| i.signal == "errors" && is_about(world, fault, i))
        {
            return Ok(cut as f64);
        }
    }
    Ok(f64::INFINITY)
}
