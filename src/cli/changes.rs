//! `triage changes FILE...`: what was understood of marker files, for a person to check or for
//! `--deploys` to read. The changes go to standard output, what was recognised and left out to
//! standard error.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use triage::render::{Style, markers, printable};
use triage::report::Marker;
use triage::{Error, Markers, Moment, Result, merge_changes, read_changes};

use super::args::When;
use super::config::Config;
use super::run::{print_text, read_whole, style_for};
use super::{moment, plan};

/// Show what is understood of change markers: deploys, rollbacks, flags, migrations, …
///
/// Reads what --deploys reads, joins the files, and prints each change in one form. As JSON, NDJSON
/// or CSV it is a marker file itself, which --deploys reads.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ChangesArgs {
    /// Marker files; `-` is standard input [default: `deploys` of --config]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Zone of times that name none, such as Europe/Berlin or -07:00, and of those printed
    /// [default: UTC]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    tz: Option<String>,

    /// Only changes since then: 2024-04-10T09:00:00-07:00, 09:00 (of the last change's day), 2h
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only changes before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// Only changes of this service, a name or a glob. May be given several times
    #[arg(long, value_name = "GLOB")]
    service: Vec<String>,

    /// What is printed
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = FormatArg::Table)]
    format: FormatArg,

    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// When to colour the table
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    color: When,

    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,

    /// Defaults of `tz` and `deploys`, from a TOML file
    #[arg(long, value_name = "FILE", env = "TRIAGE_CONFIG")]
    config: Option<PathBuf>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// For people
    Table,
    /// An array of native markers
    Json,
    /// One native marker per line
    Ndjson,
    /// A table of native markers
    Csv,
}

const EXAMPLES: &str = "\
Examples:
  triage changes deploys.json
  gh api --paginate repos/acme/api/deployments | triage changes -
  triage changes argo.json flags.csv --json > deploys.json";

/// Columns of the table where no terminal says another number.
const WIDTH: usize = 80;

/// Does what was typed.
///
/// # Errors
/// A file can't be read, or tells of no change; an option can't be meant.
pub fn run(args: &ChangesArgs, now_us: i64) -> Result<ExitCode> {
    let config = args
        .config
        .as_deref()
        .map(Config::read)
        .transpose()?
        .unwrap_or_default();
    let files = if args.files.is_empty() {
        &config.deploys
    } else {
        &args.files
    };
    if files.is_empty() {
        return Err(Error::config("no marker file named")
            .hint("triage changes deploys.json; `-` reads standard input"));
    }
    if files.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Error::config("standard input can be read only once").hint("name `-` once"));
    }
    let zone = args.tz.as_ref().or(config.tz.as_ref());
    let zone = zone.map(|name| plan::zone(name)).transpose()?;
    let only = Only::new(args, zone.as_ref(), now_us)?;

    let mut read = Vec::new();
    for path in files {
        let bytes = read_whole(path)?;
        let markers = read_changes(&bytes, path, zone.as_ref())?;
        if !args.quiet {
            introduce(path, &markers);
        }
        read.push(markers);
    }
    let found: usize = read.iter().map(|markers| markers.changes.len()).sum();
    let told: Vec<String> = read
        .iter()
        .flat_map(|markers| markers.notes.clone())
        .collect();
    let mut all = merge_changes(read);
    let joined = all.changes.len();
    only.retain(&mut all, zone.as_ref());
    if !args.quiet {
        all.notes
            .iter()
            .skip(told.len())
            .for_each(|note| say(&format!("note: {note}")));
        if joined < found {
            say(&format!(
                "{} once they are joined",
                counted(joined, "change")
            ));
        }
        if all.changes.len() < joined {
            say(&format!("{} of them asked for", all.changes.len()));
        }
        if all.assumed_utc {
            say("hint: times without a zone are taken for UTC; --tz says another");
        }
    }

    let markers = Marker::all(&all, zone.as_ref());
    let text = match args.format {
        _ if args.json => markers::json(&markers),
        FormatArg::Json => markers::json(&markers),
        FormatArg::Ndjson => markers::ndjson(&markers),
        FormatArg::Csv => markers::csv(&markers),
        FormatArg::Table => markers::table(&markers, &style(args.color)),
    };
    print_text(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what a file was taken for.
fn introduce(path: &std::path::Path, markers: &Markers) {
    let name = match path.as_os_str() == "-" {
        true => "standard input".into(),
        false => path.to_string_lossy(),
    };
    let entries = match markers.entries {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    };
    let changes = counted(markers.changes.len(), "change");
    say(&format!("{name}: {}, {entries}, {changes}", markers.source));
    for note in &markers.notes {
        say(&format!("  note: {note}"));
    }
}

fn counted(n: usize, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}

/// A line on standard error; it may quote a file, so it is made harmless.
fn say(text: &str) {
    eprintln!("{}", printable(text));
}

fn style(color: When) -> Style {
    let color = plan::colored(color, std::io::stdout().is_terminal());
    Style {
        top: usize::MAX,
        ..style_for(color, WIDTH)
    }
}

/// Which changes are asked for.
struct Only {
    since: Option<Moment>,
    until: Option<Moment>,
    services: Option<globset::GlobSet>,
}

impl Only {
    fn new(args: &ChangesArgs, zone: Option<&TimeZone>, now_us: i64) -> Result<Only> {
        let moment = |option: &str, text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| moment::parse(option, text, zone, now_us))
                .transpose()
        };
        Ok(Only {
            since: moment("--since", &args.since)?,
            until: moment("--until", &args.until)?,
            services: plan::globs(&args.service)?,
        })
    }

    fn retain(&self, markers: &mut Markers, zone: Option<&TimeZone>) {
        let last_us = markers.changes.last().map_or(0, |change| change.at_us);
        let us = |moment: Option<Moment>| {
            moment.map(|moment| match moment {
                Moment::At(us) => us,
                Moment::TimeOfDay { seconds } => midnight_us(last_us, zone) + seconds * 1_000_000,
            })
        };
        let (since, until) = (us(self.since), us(self.until));
        markers.changes.retain(|change| {
            let of_service = self.services.as_ref().is_none_or(|services| {
                change
                    .service
                    .as_ref()
                    .is_some_and(|service| services.is_match(service))
            });
            of_service
                && since.is_none_or(|since| change.at_us >= since)
                && until.is_none_or(|until| change.at_us < until)
        });
    }
}

/// The begin of the day that a time lies in.
fn midnight_us(us: i64, zone: Option<&TimeZone>) -> i64 {
    const DAY_US: i64 = 86_400_000_000;
    let offset = jiff::Timestamp::from_microsecond(us)
        .ok()
        .zip(zone)
        .map_or(0, |(time, zone)| {
            i64::from(zone.to_offset(time).seconds()) * 1_000_000
        });
    (us + offset).div_euclid(DAY_US) * DAY_US - offset
}
