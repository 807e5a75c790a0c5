//! Likely mistakes on the command line: change markers where logs belong, and the other way round.
//!
//! In comes what was named and what became of it, out comes a sentence on what was probably meant.
//! Nothing is read in another way than it was asked for.

use std::fs;
use std::path::{Path, PathBuf};

use triage::{Error, Found, explain_formats, find_logs, read_changes};

use super::plan::Plan;
use super::run::now_us;

/// Markers are small; what is larger is not read a second time for a hint.
const MOST_BYTES: u64 = 1 << 20;
/// Files of folders that are looked into.
const MOST_FILES: usize = 20;
/// Forms that markers are written in.
const FORMS: [&str; 6] = ["json", "jsonl", "ndjson", "csv", "yaml", "yml"];
/// Parts of the names that files of markers have. A log of an application may read as markers, so
/// a folder's file needs such a name; one that was named by itself does not.
const NAMES: [&str; 6] = ["deploy", "release", "marker", "change", "rollout", "flag"];

/// Says that there are change markers among the logs, while none were named as markers.
pub fn markers_among_logs(plan: &Plan, found: &Found) -> Option<String> {
    let (path, holds) = markers(plan, found)?;
    let path = path.display();
    Some(format!(
        "{path} was read as a log, but holds {holds}: did you mean --deploys?"
    ))
}

/// The first file of markers among the logs, and what it holds.
fn markers<'a>(plan: &Plan, found: &'a Found) -> Option<(&'a Path, String)> {
    if !plan.deploys.is_empty() {
        return None;
    }
    let by_name = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        plan.paths.contains(path) || NAMES.iter().any(|part| name.contains(part))
    };
    let files = found.files.iter().map(|file| &file.path);
    let candidates = files.filter(by_name).filter(|path| may_be_markers(path));
    let looked_into = candidates.take(MOST_FILES);
    let mut no_logs = looked_into.filter(|path| !is_log(path, plan));
    no_logs.find_map(|path| {
        let markers = read_changes(&fs::read(path).ok()?, path, plan.zone.as_ref()).ok()?;
        let changes = match markers.changes.len() {
            0 => return None,
            1 => "a change marker".to_owned(),
            n => format!("{n} change markers"),
        };
        Some((path.as_path(), changes))
    })
}

/// Whether its first lines are requests: each has a time, and may have a service and a version, as markers do.
fn is_log(path: &Path, plan: &Plan) -> bool {
    let read = find_logs(&[path.to_owned()], &[]).and_then(|found| {
        let format = plan.log_format.as_ref();
        explain_formats(&found, &plan.registry, format, plan.zone.clone(), now_us())
    });
    read.is_ok_and(|read| read.files.iter().any(|file| file.requests > 0))
}

fn may_be_markers(path: &Path) -> bool {
    let form = path.extension().unwrap_or_default().to_string_lossy();
    FORMS.contains(&&*form.to_ascii_lowercase())
        && fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= MOST_BYTES)
}

/// An error about logs of which no line is a request, with the hint that they are markers.
pub fn explain(error: Error, plan: &Plan, found: &Found) -> Error {
    match markers(plan, found) {
        Some((path, holds)) if error.is_data() => error.hint(format!(
            "it holds {holds}, not logs: triage logs/ --deploys {}",
            path.display()
        )),
        _ => error,
    }
}
