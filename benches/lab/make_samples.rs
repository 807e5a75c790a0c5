//! Makes the sample logs and markers of `samples/`: `make-samples FOLDER`, or `make-samples --truth`
//! for what was put into them.
//!
//! Same bytes on every run and machine: every draw comes from a fixed seed through integers, and
//! compressed files carry no time. The stories are in `stories/`, what they share beside this file.

mod logs;
mod rng;
mod stories;
mod traffic;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use stories::{Story, auth_outage, not_the_deploy, quiet_day};

fn main() -> io::Result<ExitCode> {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let [arg] = args.as_slice() else {
        return usage();
    };
    let wants_truth = arg == "--truth";
    if !wants_truth && arg.as_encoded_bytes().starts_with(b"-") {
        return usage();
    }
    let mut out = io::stdout().lock();
    for story in [
        auth_outage::make(),
        quiet_day::make(),
        not_the_deploy::make(),
    ] {
        if wants_truth {
            print_truth(&mut out, &story)?;
        } else {
            story.files.write(&Path::new(arg).join(story.name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn usage() -> io::Result<ExitCode> {
    writeln!(io::stderr(), "usage: make-samples FOLDER | --truth")?;
    Ok(ExitCode::from(2))
}

fn print_truth(out: &mut impl io::Write, story: &Story) -> io::Result<()> {
    writeln!(out, "| `{}` | |\n|---|---|", story.name)?;
    for (what, value) in &story.truth {
        writeln!(out, "| {what} | {value} |")?;
    }
    writeln!(out)
}
