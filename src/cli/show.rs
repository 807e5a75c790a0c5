//! `triage show i1`: the log lines behind an incident, or how many there are in each window.

use std::process::ExitCode;

use clap::Args;
use triage::render::{counts, line_at, lines, pretty};
use triage::{Error, LineFilter, LinesOf, Result, show};

use super::args::RunArgs;
use super::plan::Plan;
use super::run::{deliver, read_with};

/// Show the log lines behind an incident, or their counts
///
/// Takes the PATHs and options of the run that told of the incident, reads the logs anew, and prints
/// each failing request of the incident's endpoints from its onset to its end, in order of time.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    /// The incident, as the report names it: i1
    #[arg(value_name = "INCIDENT")]
    incident: String,

    /// Only lines that have this: endpoint, service, status, user, address, version, region, api_version,
    /// client or host. May be given several times
    #[arg(long = "where", value_name = "KEY=VALUE", help_heading = "Lines")]
    filters: Vec<String>,

    /// Show successes, too
    #[arg(long, help_heading = "Lines")]
    all: bool,

    /// Count requests and errors by --window instead of showing lines
    #[arg(long, help_heading = "Lines")]
    count: bool,

    /// Show at most so many lines; 0 for all
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        default_value_t = 1_000,
        help_heading = "Lines"
    )]
    limit: usize,

    #[command(flatten)]
    run: RunArgs,
}

const EXAMPLES: &str = "\
Examples:
  triage show i1 logs/ --deploys deploys.json
  triage show i1 logs/ --deploys deploys.json --count --window 5m
  triage show i1 logs/ --where status=502 --where version=2.4.0";

/// Does what was typed.
///
/// # Errors
/// As the default task; or there is no such incident.
pub fn run(args: ShowArgs, now_us: i64) -> Result<ExitCode> {
    let filters: Vec<LineFilter> = args
        .filters
        .iter()
        .map(|text| LineFilter::parse(text))
        .collect::<Result<_>>()?;
    // What is a path is no incident: the logs were named in its place.
    if args.incident.contains(['/', '.', '*', '-']) {
        let asked = format!("show {}: no incident has that name", args.incident);
        return Err(Error::config(asked).hint(
            "name the incident first, then the logs: triage show i1 logs/ --deploys deploys.json",
        ));
    }
    let plan = Plan::new(args.run, now_us)?;
    let of = LinesOf {
        incident: &args.incident,
        filters: &filters,
        successes: args.all,
        limit: match (args.count, args.limit) {
            (true, _) => 0,
            (false, 0) => usize::MAX,
            (false, limit) => limit,
        },
    };
    let (shown, _) = read_with(&plan, |found, markers, options| {
        show(found, markers, options, &of)
    })?;
    if plan.is_json() {
        deliver(&plan, &pretty(&shown))?;
    } else if args.count {
        deliver(&plan, &counts(&shown))?;
    } else {
        deliver(&plan, &lines(&shown))?;
        if plan.verbosity >= 0
            && let Some(command) = line_at(&shown)
        {
            eprintln!(
                "lines before these were not read, so they are told by their byte; the first is shown by\n$ {command}"
            );
        }
        if shown.left_out > 0 && plan.verbosity >= 0 {
            eprintln!(
                "{} earliest of {} lines; -n 0 shows all",
                shown.lines.len(),
                shown.lines.len() as u64 + shown.left_out
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
