//! What was typed. Each option is defined here once; its help, and later its man page and
//! completions, come from the same text.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::changes::ChangesArgs;
use super::formats::FormatsArgs;
use super::show::ShowArgs;

/// What broke, since when, for whom, and which change did it?
///
/// Reads server logs and deploy markers, finds the endpoints that began to fail, and names the
/// changes that may have done it, with evidence and a probability; or says that none did.
#[derive(Debug, Parser)]
#[command(name = "triage", version, max_term_width = 100, after_help = EXAMPLES, after_long_help = EXAMPLES_LONG)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Typed {
    /// What to do instead of reading logs; a folder of the same name is read as `./formats`.
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub run: RunArgs,
}

/// What to read and how to look at it.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Log files, folders or globs; `-` is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Change markers: JSON, NDJSON, CSV, or what a deploy system exports; `-` is standard input. May be
    /// given several times
    #[arg(short, long, value_name = "FILE", help_heading = "Input")]
    pub deploys: Vec<PathBuf>,

    /// Format of the logs: a name, a FILE.toml, nginx's log_format or Apache's LogFormat string, or a regex with
    /// named groups; told from the lines otherwise
    ///
    /// `triage formats` lists the names, `triage formats --explain FILE` shows how a file is read and why. The
    /// samples of a FILE.toml are read before the logs are. A regex needs the groups `time`, `status` and `path`
    /// (or `request` for a whole request line); `method`, `latency_ms`, `client`, `user`, `service`, `host`, … are
    /// read where they are there.
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub log_format: Option<String>,

    /// Zone of times that name none, such as Europe/Berlin or -07:00 [default: UTC]
    #[arg(
        long,
        value_name = "ZONE",
        allow_hyphen_values = true,
        help_heading = "Input"
    )]
    pub tz: Option<String>,

    /// How files are read: mapped where they are at rest, or always one way
    #[arg(long, value_enum, value_name = "WAY", help_heading = "Input")]
    pub io: Option<IoArg>,

    /// Only requests since then: 2024-04-10T09:00:00-07:00, 09:00 (of the log's last day), 2h (before now)
    #[arg(long, value_name = "TIME", help_heading = "What to look at")]
    pub since: Option<String>,

    /// Only requests before then
    #[arg(long, value_name = "TIME", help_heading = "What to look at")]
    pub until: Option<String>,

    /// Files may be out of order of time by more than 20 minutes: read them whole with --since and --until, too
    ///
    /// Otherwise plain files are searched for the asked time and its baseline, and only these are read.
    #[arg(long, help_heading = "What to look at")]
    pub unsorted: bool,

    /// Only this service, a name or a glob. May be given several times
    #[arg(long, value_name = "GLOB", help_heading = "What to look at")]
    pub service: Vec<String>,

    /// Only these endpoints: '/orders/**', 'POST /login'. May be given several times
    #[arg(long, value_name = "GLOB", help_heading = "What to look at")]
    pub endpoint: Vec<String>,

    /// Which statuses are errors: a class or codes [default: 5xx]
    #[arg(long, value_name = "LIST", help_heading = "What to look at")]
    pub status: Option<String>,

    /// Length of the windows of the grouping shown: whole minutes [default: 1m]
    #[arg(long, value_name = "TIME", help_heading = "What to look at")]
    pub window: Option<String>,

    /// What is printed
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub format: Option<FormatArg>,

    /// Short for --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,

    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// How many endpoints and suspects the table shows [default: 10]
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub top: Option<usize>,

    /// Show every piece of evidence with its weight, for the cleared changes too
    #[arg(long, help_heading = "Output")]
    pub explain: bool,

    /// When to colour the table
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto, help_heading = "Output")]
    pub color: When,

    /// Draw the table with ASCII only
    #[arg(long, help_heading = "Output")]
    pub ascii: bool,

    /// Say nothing on standard error but errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Say more about the run on standard error
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// When to show on standard error how far a run of more than a second has come
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto, help_heading = "Output")]
    pub progress: When,

    /// Exit with 1 when there is an incident, or a suspect change
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "Running")]
    pub fail_on: Option<FailOn>,

    /// Threads that read [default: one per core]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<usize>,

    /// Defaults of these options, and path templates (`routes`), from a TOML file
    #[arg(
        long,
        value_name = "FILE",
        env = "TRIAGE_CONFIG",
        help_heading = "Running"
    )]
    pub config: Option<PathBuf>,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the log formats that are known, or explain how a file is read
    Formats(FormatsArgs),
    /// Show the log lines behind an incident, or their counts
    Show(Box<ShowArgs>),
    Changes(ChangesArgs),
    /// Print completions for a shell: `triage completions bash > /etc/bash_completion.d/triage`
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print the manual page of the command, or of one of its subcommands: `triage man | man -l -`
    Man {
        /// A subcommand
        #[arg(value_name = "SUBCOMMAND")]
        of: Option<String>,
    },
    /// Print the JSON schema of the report
    Schema,
}

/// `--io`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IoArg {
    /// Map files at rest, read the others
    Auto,
    /// Map all files
    Mmap,
    /// Read all files
    Read,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For people
    Table,
    /// For other tools: triage.report/1
    Json,
    /// The same as one event per line, for pipes and log shippers
    Ndjson,
    /// A postmortem draft, for GitHub or a wiki
    Markdown,
    /// A report with charts, in one file without scripts or links to fetch
    Html,
}

/// `--color` and `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal (colour: unless NO_COLOR is set)
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Any incident
    Incident,
    /// An incident that a change is blamed for
    Suspect,
}

const EXAMPLES: &str = "\
Examples:
  triage logs/ --deploys deploys.json
  kubectl logs -l app=api --since=3h | triage - --deploys deploys.json
  triage logs/ -d deploys.json --format html -o report.html
  triage logs/ -d deploys.json --json | jq '.incidents[0].suspects[0]'";

const EXAMPLES_LONG: &str = "\
Examples:
  What broke, and which deploy did it?
      triage logs/ --deploys deploys.json
  From a pipe, with the markers of two systems:
      kubectl logs -l app=api --since=3h | triage - -d deploys.json -d flags.csv
  A report to share, and the draft of a postmortem:
      triage logs/ -d deploys.json --format html -o report.html
      triage logs/ -d deploys.json --format markdown
  The most probable cause, for another tool:
      triage logs/ -d deploys.json --json | jq '.incidents[0].suspects[0]'
  One service, one hour, with all the evidence:
      triage logs/ -d deploys.json --service api --since 09:00 --until 10:00 --explain

Exit codes:
  0 report made · 1 --fail-on met · 2 usage · 65 nothing readable in the input ·
  74 input/output error · 130 interrupted";
