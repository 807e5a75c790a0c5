//! What tells of the command itself: completions for shells, manual pages, the report's schema.

use clap::CommandFactory;
use clap_complete::Shell;
use triage::{Error, Result, render};

use super::args::Typed;
use super::run::print_text;

/// `triage completions SHELL`.
///
/// # Errors
/// Standard output can't be written to.
pub fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    let mut command = Typed::command();
    clap_complete::generate(shell, &mut command, "triage", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Fish {
        script = knowing_paths(&script, &command);
    }
    print_text(&script)
}

/// The script for fish takes each first word for a subcommand and offers nothing behind it, nor
/// behind an option whose value is still to come. Here the first word may be a path.
fn knowing_paths(script: &str, command: &clap::Command) -> String {
    let names: Vec<&str> = command.get_subcommands().map(|c| c.get_name()).collect();
    let subcommand = format!("if contains -- \"$argv[1]\" {}", names.join(" "));
    script
        .replacen("if set -q argv[1]", &subcommand, 1)
        .replacen("or return\n", "or return 0\n", 1)
}

/// `triage man [SUBCOMMAND]`.
///
/// # Errors
/// There is no such subcommand, or standard output can't be written to.
pub fn man(of: Option<&str>) -> Result<()> {
    let mut whole = Typed::command();
    whole.build();
    let command = match of {
        None => whole,
        Some(name) => {
            let one = whole.find_subcommand(name).cloned().ok_or_else(|| {
                Error::config(format!("man {name}: no such subcommand"))
                    .hint("`triage --help` lists them")
            })?;
            one.display_name(format!("triage-{name}"))
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|e| Error::io("the manual page can't be made", e))?;
    print_text(&String::from_utf8_lossy(&page))
}

/// `triage schema`.
///
/// # Errors
/// Standard output can't be written to.
pub fn schema() -> Result<()> {
    print_text(&render::schema())
}
