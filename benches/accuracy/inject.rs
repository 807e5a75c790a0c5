//! Faults put into real logs: real noise, exact truth.
//!
//! Comes in: a folder of access logs in `combined` form (packed ones are passed over). Each is
//! copied with the statuses of a hashed cohort of clients turned to 500 between two minutes; the
//! markers list a guilty change that declares the paths hit, and three innocents. Each log is also
//! run as it is: what is found then counts as strays, for a person to look at.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::fmt::strtime;
use serde_json::json;
use triage::report::Report;

use crate::ballot::Ballot;
use crate::chance::in_cohort;
use crate::judge::{Bench, ask};
use crate::rng::mix;

/// Shares of clients that are hit, and where in the log it begins and ends.
const PLANS: [(f64, f64, f64); 5] = [
    (0.15, 0.5, 0.6),
    (0.4, 0.35, 0.42),
    (1.0, 0.6, 0.63),
    (0.4, 0.7, 1.1),
    (1.0, 0.2, 0.22),
];
/// Seconds from the guilty change to the fault.
const LAG_S: i64 = 60;

/// What was found of one fault in one log.
pub struct Injected {
    pub name: String,
    pub share: f64,
    pub found: bool,
    pub first: bool,
    pub named: bool,
    pub onset_error_s: Option<f64>,
    /// Incidents of the log as it is.
    pub strays: usize,
}

/// A line, its time, its client, and its first path segment.
struct Line {
    text: String,
    at_s: i64,
    client: u32,
    section: String,
    /// Where its status stands.
    status: usize,
}

/// All plans on all logs below a folder.
pub fn run(real: &Path, bench: &Bench) -> Result<Vec<Injected>, String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(real)
        .map_err(|e| format!("{}: {e}", real.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let bytes = fs::read(&path).map_err(|e| e.to_string())?;
        let lines: Vec<Line> = String::from_utf8_lossy(&bytes)
            .lines()
            .filter_map(line)
            .collect();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let root = bench.scratch.join(&name);
        let clean = on(&lines, &root.join("clean"), None, bench)?;
        for (number, plan) in PLANS.into_iter().enumerate() {
            let folder = root.join(number.to_string());
            let mut marks = inject(&name, &lines, &folder, plan, bench)?;
            marks.strays = clean.incidents.len();
            all.push(marks);
        }
    }
    Ok(all)
}

fn line(text: &str) -> Option<Line> {
    let client = text.split(' ').next()?;
    let (open, close) = (text.find('[')?, text.find(']')?);
    let at = strtime::parse("%d/%b/%Y:%H:%M:%S %z", text.get(open + 1..close)?).ok()?;
    let request = close + 3;
    let status = request + text.get(request..)?.find("\" ")? + 2;
    text.get(status..status + 3)?.parse::<u16>().ok()?;
    let path = text.get(request..)?.split(' ').nth(1)?;
    let section = path.split(['/', '?']).nth(1)?.to_owned();
    Some(Line {
        at_s: at.to_timestamp().ok()?.as_second(),
        client: client.bytes().fold(7, |h, b| mix(h ^ u64::from(b))) as u32,
        section,
        status,
        text: text.to_owned(),
    })
}

/// The section with most requests.
fn busiest(lines: &[Line]) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for line in lines {
        *counts.entry(&line.section).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, n)| *n);
    most.map(|(section, _)| section.to_owned())
        .unwrap_or_default()
}

/// The lines with those of a cohort failed, as a folder with markers; and the report on it.
fn on(
    lines: &[Line],
    folder: &Path,
    fault: Option<(&str, f64, i64, i64)>,
    bench: &Bench,
) -> Result<Report, String> {
    fs::create_dir_all(folder.join("logs")).map_err(|e| e.to_string())?;
    let mut text = String::new();
    for line in lines {
        let hit = fault.is_some_and(|(section, share, from_s, to_s)| {
            line.section == section
                && (from_s..to_s).contains(&line.at_s)
                && in_cohort(line.client, 11, share)
        });
        match hit {
            true => {
                text.push_str(&line.text[..line.status]);
                text.push_str("500");
                text.push_str(&line.text[line.status + 3..]);
            }
            false => text.push_str(&line.text),
        }
        text.push('\n');
    }
    fs::write(folder.join("logs/site.log"), text).map_err(|e| e.to_string())?;
    let markers = fault.map_or_else(Vec::new, |(section, _, from_s, _)| {
        vec![
            json!({"id": "guilty", "kind": "deploy", "at": from_s - LAG_S, "endpoints": [format!("/{section}/*"), format!("/{section}")]}),
            json!({"id": "earlier", "kind": "deploy", "at": from_s - 5 * 3600}),
            json!({"id": "elsewhere", "kind": "config", "service": "billing", "at": from_s - 900}),
            json!({"id": "after", "kind": "deploy", "at": from_s + 1800}),
        ]
    });
    let deploys = folder.join("deploys.json");
    fs::write(&deploys, json!(markers).to_string()).map_err(|e| e.to_string())?;
    ask(&folder.join("logs"), &deploys, None, &bench.registry)
}

fn inject(
    name: &str,
    lines: &[Line],
    folder: &Path,
    plan: (f64, f64, f64),
    bench: &Bench,
) -> Result<Injected, String> {
    let (share, from, to) = plan;
    let (first, last) = (
        lines.iter().map(|l| l.at_s).min().unwrap_or(0),
        lines.iter().map(|l| l.at_s).max().unwrap_or(0),
    );
    let at = |part: f64| (first + ((last - first) as f64 * part) as i64) / 60 * 60;
    let (from_s, to_s) = (at(from), at(to));
    let section = busiest(lines);
    let report = on(lines, folder, Some((&section, share, from_s, to_s)), bench)?;
    let onset_s = |i: &triage::report::Incident| {
        let time = i.onset.as_deref().or(i.first_failure.as_deref())?;
        let at: jiff::Timestamp = time.parse().ok()?;
        Some(at.as_second() as f64)
    };
    let near = |i: &&triage::report::Incident| {
        onset_s(i).is_some_and(|s| s >= from_s as f64 - 3600.0 && s < to_s as f64)
    };
    let found = report.incidents.iter().find(near);
    let ballot = found.map(Ballot::of);
    let of = |wanted: &dyn Fn(&Ballot) -> bool| ballot.as_ref().is_some_and(wanted);
    Ok(Injected {
        name: format!("{name}, /{section}, {} h", (to_s - from_s) / 3600),
        share,
        found: found.is_some(),
        first: of(&|b| b.rank("guilty") == Some(1)),
        named: of(&|b| b.verdict == "change" && b.rank("guilty") == Some(1)),
        onset_error_s: found.and_then(onset_s).map(|s| s - from_s as f64),
        strays: 0,
    })
}
