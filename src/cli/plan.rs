//! What was typed and configured → what it means: everything the run is built from, checked.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use globset::{Glob, GlobSetBuilder};
use jiff::tz::TimeZone;
use triage::{
    EndpointFilter, Error, ErrorStatuses, Format, Io, Moment, Query, Registry, Result, Routes,
};

use super::again;
use super::args::{FailOn, FormatArg, IoArg, RunArgs, When};
use super::config::Config;
use super::moment;

/// The resolved run.
pub struct Plan {
    /// What to read.
    pub paths: Vec<PathBuf>,
    /// Change markers.
    pub deploys: Vec<PathBuf>,
    /// What to look at; its times are resolved later.
    pub query: Query,
    /// `--since` and `--until`.
    pub moments: [Option<Moment>; 2],
    /// Whether files may be out of order of time.
    pub unsorted: bool,
    /// Length of the windows shown, in seconds.
    pub window_s: u32,
    /// The zone of times that name none.
    pub zone: Option<TimeZone>,
    /// The formats known.
    pub registry: Registry,
    /// The format named.
    pub log_format: Option<Arc<Format>>,
    /// Threads that read.
    pub threads: usize,
    /// How files are read.
    pub io: Io,
    /// What is printed.
    pub format: FormatArg,
    /// Where to.
    pub output: Option<PathBuf>,
    /// Rows that the table shows.
    pub top: usize,
    /// Whether all evidence is shown.
    pub explain: bool,
    /// Whether the table is coloured.
    pub color: bool,
    /// Whether to show how far the run has come.
    pub progress: bool,
    /// Whether the table may have more than ASCII.
    pub unicode: bool,
    /// -1 quiet, 0, 1 and more verbose.
    pub verbosity: i8,
    /// The paths and options of `triage show` for this run's incidents.
    pub again: Vec<String>,
    /// When to exit with 1.
    pub fail_on: Option<FailOn>,
}

impl Plan {
    /// Resolves what was typed.
    ///
    /// # Errors
    /// The first thing that can't be meant.
    pub fn new(args: RunArgs, now_us: i64) -> Result<Plan> {
        let config = args
            .config
            .as_deref()
            .map(Config::read)
            .transpose()?
            .unwrap_or_default();
        if args.paths.is_empty() {
            return Err(Error::config("no logs named")
                .hint("triage logs/ --deploys deploys.json; `-` reads standard input"));
        }
        let deploys = typed_or(args.deploys.clone(), config.deploys);
        let stdin = args
            .paths
            .iter()
            .chain(&deploys)
            .filter(|p| p.as_os_str() == "-")
            .count();
        if stdin > 1 {
            return Err(Error::config("standard input can be read only once")
                .hint("name a file for the logs or for the markers"));
        }
        let zone = args
            .tz
            .clone()
            .or(config.tz)
            .as_deref()
            .map(zone)
            .transpose()?;
        let moment = |option: &str, text: Option<String>| {
            text.map(|t| moment::parse(option, &t, zone.as_ref(), now_us))
                .transpose()
        };
        let moments = [
            moment("--since", args.since.clone())?,
            moment("--until", args.until.clone())?,
        ];
        let again = again::words(&args, moments);
        let errors = args
            .status
            .or(config.status)
            .map(|s| ErrorStatuses::parse(&s))
            .transpose()?
            .unwrap_or_default();
        let endpoints = typed_or(args.endpoint, config.endpoint);
        let query = Query {
            services: globs(&typed_or(args.service, config.service))?,
            endpoints: endpoints.iter().map(|e| EndpointFilter::new(e)).collect(),
            errors,
            routes: Routes::new(&config.routes),
            ..Query::default()
        };
        let registry = Registry::builtin();
        let log_format = args
            .log_format
            .or(config.log_format)
            .map(|text| log_format(&registry, &text))
            .transpose()?;
        let window = args.window.or(config.window);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = args.threads.or(config.threads).unwrap_or(cores);
        if threads == 0 || threads > 1_024 {
            return Err(
                Error::config(format!("--threads {threads}: between 1 and 1024, please"))
                    .hint("without --threads one per core reads"),
            );
        }
        let to_terminal = args.output.is_none() && std::io::stdout().is_terminal();
        let color = colored(args.color, to_terminal);
        let progress = match args.progress {
            When::Always => true,
            When::Never => false,
            When::Auto => !args.quiet && std::io::stderr().is_terminal(),
        };
        Ok(Plan {
            paths: args.paths,
            deploys,
            query,
            moments,
            unsorted: args.unsorted,
            window_s: window
                .as_deref()
                .map(moment::parse_window)
                .transpose()?
                .unwrap_or(60),
            zone,
            registry,
            log_format,
            threads,
            io: match args.io.unwrap_or(IoArg::Auto) {
                IoArg::Auto => Io::Auto,
                IoArg::Mmap => Io::Mmap,
                IoArg::Read => Io::Read,
            },
            format: if args.json {
                FormatArg::Json
            } else {
                args.format.unwrap_or(FormatArg::Table)
            },
            output: args.output,
            top: args.top.or(config.top).unwrap_or(10),
            explain: args.explain,
            color,
            progress,
            unicode: !args.ascii,
            verbosity: if args.quiet {
                -1
            } else {
                args.verbose.min(9) as i8
            },
            again,
            fail_on: args.fail_on,
        })
    }
}

impl Plan {
    /// Whether JSON is asked for.
    pub fn is_json(&self) -> bool {
        self.format == FormatArg::Json
    }
}

/// What was typed goes before what is configured.
fn typed_or<T>(typed: Vec<T>, configured: Vec<T>) -> Vec<T> {
    if typed.is_empty() { configured } else { typed }
}

/// The format that was named, in any of its spellings.
///
/// # Errors
/// There is no such format, or what was written describes none.
pub fn log_format(registry: &Registry, text: &str) -> Result<Arc<Format>> {
    registry.user(text, |path| {
        std::fs::read_to_string(path).map_err(|e| {
            Error::io("the log format can't be read", e)
                .at(path)
                .hint("--log-format takes a name from `triage formats`, or a TOML file; `triage formats --spec combined` prints one to begin with")
        })
    })
}

/// Whether to colour what goes to a terminal, or not.
pub(super) fn colored(color: When, to_terminal: bool) -> bool {
    match color {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            to_terminal
                && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
                && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
        }
    }
}

/// The zone of that name or offset.
///
/// # Errors
/// There is none.
pub fn zone(name: &str) -> Result<TimeZone> {
    let no_such = || {
        Error::config(format!("--tz {name}: no such zone"))
            .hint("write a name such as Europe/Berlin, or an offset such as -07:00")
    };
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let sign = match name.as_bytes().first() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(no_such()),
    };
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>(), Ok(0)),
        4 => (digits[..2].parse::<i32>(), digits[2..].parse::<i32>()),
        _ => return Err(no_such()),
    };
    match (hours, minutes) {
        (Ok(h), Ok(m)) if m < 60 => {
            let offset = jiff::tz::Offset::from_seconds(sign * (h * 3600 + m * 60))
                .map_err(|_| no_such())?;
            Ok(TimeZone::fixed(offset))
        }
        _ => Err(no_such()),
    }
}

/// What `--service` may name.
pub(super) fn globs(patterns: &[String]) -> Result<Option<globset::GlobSet>> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = Glob::new(pattern).map_err(|e| {
            Error::config(format!("--service {pattern}: {}", e.kind()))
                .hint("write a name or a glob, as in --service api or --service 'user-*'")
        })?;
        set.add(glob);
    }
    set.build()
        .map(Some)
        .map_err(|e| Error::config(format!("--service: {}", e.kind())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_name_or_an_offset() {
        let offset = |name| {
            zone(name)
                .unwrap()
                .to_offset(jiff::Timestamp::UNIX_EPOCH)
                .seconds()
        };
        assert_eq!(offset("UTC"), 0);
        assert_eq!(offset("America/Los_Angeles"), -8 * 3600);
        assert_eq!(offset("-07:00"), -7 * 3600);
        assert_eq!(offset("+0330"), 12_600);
        assert_eq!(offset("+2"), 7200);
        for bad in ["", "Mars/Olympus", "7", "+123", "-99:00", "+01:75"] {
            assert!(zone(bad).is_err(), "{bad}");
        }
    }
}
