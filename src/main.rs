//! The command `triage`: see the crate's documentation and the README.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
