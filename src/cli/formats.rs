//! `triage formats`: which log formats are known, how a file is read and why, and a format's file to
//! begin one's own with.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use triage::render::{explanation, format_list, pretty};
use triage::report::formats::FormatList;
use triage::{Registry, Result, explain_formats, find_logs};

use super::args::When;
use super::plan::{colored, log_format, zone};
use super::run::{complain, now_us, print_text, style_for};

/// Columns of a page where no terminal says another number.
const WIDTH: usize = 100;

/// What was typed behind `triage formats`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct FormatsArgs {
    /// Show what is tried on the first lines of these logs, and why one format is taken; `-` is standard
    /// input
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "spec")]
    pub explain: Vec<PathBuf>,

    /// With --explain: try this format alone
    #[arg(long, value_name = "FORMAT", requires = "explain")]
    pub log_format: Option<String>,

    /// With --explain: zone of times that name none
    #[arg(
        long,
        value_name = "ZONE",
        allow_hyphen_values = true,
        requires = "explain"
    )]
    pub tz: Option<String>,

    /// Print the file that describes a format, to begin one's own with
    #[arg(long, value_name = "NAME")]
    pub spec: Option<String>,

    /// As JSON
    #[arg(long, conflicts_with = "spec")]
    pub json: bool,

    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub color: When,
}

const EXAMPLES: &str = "\
Examples:
  triage formats
  triage formats --explain access.log
  triage formats --explain access.log --log-format '$remote_addr [$time_local] \"$request\" $status'
  triage formats --spec combined > mine.toml";

/// Does it.
pub fn run(args: &FormatsArgs) -> Result<()> {
    let registry = Registry::builtin();
    if let Some(name) = &args.spec {
        return print_text(registry.spec_of(name)?);
    }
    let style = style_for(colored(args.color, std::io::stdout().is_terminal()), WIDTH);
    if args.explain.is_empty() {
        let list = FormatList::of(&registry);
        return print_text(&if args.json {
            pretty(&list)
        } else {
            format_list(&list, &style)
        });
    }
    let named = args.log_format.as_deref();
    let named = named.map(|text| log_format(&registry, text)).transpose()?;
    let zone = args.tz.as_deref().map(zone).transpose()?;
    let found = find_logs(&args.explain, &[])?;
    let explained = explain_formats(&found, &registry, named.as_ref(), zone, now_us())?;
    found.unreadable.iter().for_each(complain);
    print_text(&if args.json {
        pretty(&explained)
    } else {
        explanation(&explained, &style)
    })
}
