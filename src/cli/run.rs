//! Runs the plan: reads, analyzes, prints; every way out has its exit code.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use triage::render::{Style, count_of, html, json, markdown, ndjson, printable, table};
use triage::report::Report;
use triage::{
    Error, Found, Markers, Options, Result, analyze, find_logs, merge_changes, read_changes,
};

use super::args::{Command, FailOn, FormatArg, Typed};
use super::plan::Plan;
use super::progress;
use super::{about, changes, formats, mixups, show};

/// Columns of a page that is read elsewhere.
const WIDTH: usize = 100;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Made = 0,
    FailOn = 1,
    Usage = 2,
    Data = 65,
    Io = 74,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    // clap prints its own usage errors and exits with 2.
    let typed = Typed::parse();
    let done = match typed.command {
        Some(Command::Formats(args)) => formats::run(&args).map(|()| Exit::Made.into()),
        Some(Command::Changes(args)) => changes::run(&args, now_us()),
        Some(Command::Completions { shell }) => {
            about::completions(shell).map(|()| Exit::Made.into())
        }
        Some(Command::Man { of }) => about::man(of.as_deref()).map(|()| Exit::Made.into()),
        Some(Command::Schema) => about::schema().map(|()| Exit::Made.into()),
        Some(Command::Show(args)) => show::run(*args, now_us()),
        None => Plan::new(typed.run, now_us())
            .and_then(|plan| execute(&plan))
            .map(ExitCode::from),
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            complain(&error);
            let exit = if error.is_config() {
                Exit::Usage
            } else if error.is_data() {
                Exit::Data
            } else {
                Exit::Io
            };
            exit.into()
        }
    }
}

/// The time now, µs since the epoch.
pub fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_micros() as i64)
}

/// Says on standard error what went wrong. Names and values in it are a stranger's as often as not.
pub fn complain(error: &Error) {
    eprintln!("triage: {}", printable(&error.to_string()));
    if let Some(hint) = error.hint_text() {
        eprintln!("\nhint: {}", printable(hint));
    }
}

/// Finds the logs, reads the markers, and has `look` make something of them while a bar shows how far
/// it has come.
///
/// # Errors
/// What can't be read, and those of `look`.
pub fn read_with<R>(
    plan: &Plan,
    look: impl FnOnce(&Found, &Markers, &Options<'_>) -> Result<R>,
) -> Result<(R, Found)> {
    let markers = markers(plan)?;
    let found = find_logs(&plan.paths, &plan.deploys)?;
    let done = AtomicU64::new(0);
    let options = Options {
        query: plan.query.clone(),
        since: plan.moments[0],
        until: plan.moments[1],
        unsorted: plan.unsorted,
        window_s: plan.window_s,
        zone: plan.zone.clone(),
        registry: &plan.registry,
        log_format: plan.log_format.clone(),
        threads: plan.threads,
        io: plan.io,
        now_us: now_us(),
        progress: &done,
    };
    let work = || look(&found, &markers, &options);
    let made = if plan.progress {
        let total = found.files.iter().map(|file| file.len).sum();
        progress::shown(total, &done, work)
    } else {
        work()
    };
    let made = made.map_err(|error| mixups::explain(error, plan, &found))?;
    if plan.verbosity >= 0 {
        found.unreadable.iter().for_each(complain);
    }
    Ok((made, found))
}

fn execute(plan: &Plan) -> Result<Exit> {
    let begin = Instant::now();
    let (mut report, found) = read_with(plan, analyze)?;
    report
        .notes
        .extend(mixups::markers_among_logs(plan, &found));
    print(plan, &report)?;
    if plan.verbosity >= 0 && (plan.format != FormatArg::Table || plan.output.is_some()) {
        questions(&report);
    }
    if plan.verbosity >= 0 && (plan.verbosity > 0 || io::stderr().is_terminal()) {
        throughput(&report, begin.elapsed().as_secs_f64());
    }
    if let Some(error) = found.spool_error {
        complain(&error);
        return Ok(Exit::Io);
    }
    let blamed = report.incidents.iter().any(|i| i.verdict == "change");
    let failed = match plan.fail_on {
        Some(FailOn::Incident) => !report.incidents.is_empty(),
        Some(FailOn::Suspect) => blamed,
        None => false,
    };
    Ok(if failed { Exit::FailOn } else { Exit::Made })
}

fn markers(plan: &Plan) -> Result<Markers> {
    let mut all = Vec::new();
    for path in &plan.deploys {
        let bytes = read_whole(path)?;
        all.push(read_changes(&bytes, path, plan.zone.as_ref())?);
    }
    Ok(merge_changes(all))
}

/// The bytes of a marker file; `-` is standard input.
pub(super) fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|e| {
        let hint = if path.is_dir() {
            "--deploys takes files: name those in the folder that hold the markers, each with -d"
        } else {
            "--deploys takes a file of markers: JSON, NDJSON, CSV or YAML"
        };
        Error::io("the change markers can't be read", e)
            .at(path)
            .hint(hint)
    })?;
    Ok(bytes)
}

fn print(plan: &Plan, report: &Report) -> Result<()> {
    let text = match plan.format {
        FormatArg::Json => json(report),
        FormatArg::Ndjson => ndjson(report),
        FormatArg::Markdown => markdown(report, &plan.again),
        FormatArg::Html => html(report, &plan.again),
        FormatArg::Table => table(report, &style(plan), &plan.again),
    };
    deliver(plan, &text)
}

/// Writes to the file that was named, or to standard output.
///
/// # Errors
/// It can't be written to.
pub fn deliver(plan: &Plan, text: &str) -> Result<()> {
    match &plan.output {
        Some(path) => fs::write(path, text).map_err(|e| {
            Error::io("the report can't be written", e)
                .at(path)
                .hint("name a file in a folder that exists and may be written to")
        }),
        None => print_text(text),
    }
}

/// Writes to standard output.
///
/// # Errors
/// It can't be written to.
pub fn print_text(text: &str) -> Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads us has read enough: `triage … | head`.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => {
            result.map_err(|e| Error::io("the report can't be written", e).at(PathBuf::from("-")))
        }
    }
}

/// How a page on standard output looks; `otherwise` is its width where there is no terminal.
pub fn style_for(color: bool, otherwise: usize) -> Style {
    let terminal = terminal_size::terminal_size();
    let width = terminal.map(|(width, _)| usize::from(width.0));
    Style {
        width: width.map_or(otherwise, |width| width.clamp(60, 140)),
        height: terminal
            .filter(|_| io::stdout().is_terminal())
            .map(|(_, height)| usize::from(height.0)),
        color,
        unicode: true,
        top: 10,
        explain: false,
    }
}

fn style(plan: &Plan) -> Style {
    let page = style_for(plan.color, WIDTH);
    Style {
        width: if plan.output.is_none() {
            page.width
        } else {
            WIDTH
        },
        height: page.height.filter(|_| plan.output.is_none()),
        unicode: plan.unicode,
        top: plan.top,
        explain: plan.explain,
        ..page
    }
}

/// Says on standard error what was probably meant otherwise, where the report, which says it too, is
/// for a program or for later.
fn questions(report: &Report) {
    for note in report.notes.iter().filter(|note| note.ends_with('?')) {
        eprintln!("hint: {}", printable(note));
    }
}

fn throughput(report: &Report, seconds: f64) {
    let scan = &report.scan;
    let read = format!(
        "{}, {}",
        count_of(scan.files, "file"),
        count_of(scan.lines, "line")
    );
    eprintln!(
        "{}, {:.1} MB in {seconds:.2} s ({:.2} GB/s)",
        read.replace('\u{a0}', " "),
        scan.bytes as f64 / 1e6,
        scan.bytes as f64 / 1e9 / seconds.max(1e-9),
    );
}
