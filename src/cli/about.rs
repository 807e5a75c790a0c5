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
    clap_complete::generate(shell, &mut Typed::command(), "triage", &mut script);
    print_text(&String::from_utf8_lossy(&script))
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
