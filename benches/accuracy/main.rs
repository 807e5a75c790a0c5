//! The incident lab: how often the program is right, on incidents whose truth is known.
//!
//! `lab --families test --per-family 30 --seed 1 --jobs 2` simulates incidents, writes each as log
//! text and markers, lets the program read them as any user's, and holds the report to the truth.
//! `--weeks` adds clean weeks as counts, `--real` faults in real logs, `--fit` searches weights on
//! the fitting families. One command, one table; the same options give the same table.

mod ballot;
mod baseline;
mod chance;
mod clean;
mod families;
mod fit;
mod inject;
mod judge;
mod measure;
mod play;
#[path = "../lab/rng.rs"]
#[expect(dead_code, reason = "shared with the generators, which draw integers")]
mod rng;
mod table;
mod text;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use triage::Registry;

use families::Family;
use judge::{Bench, Case};

/// Simulates incidents and prints how often the program is right.
#[derive(Parser)]
struct Args {
    /// `test`, `fit`, `all`, or the name of one family.
    #[arg(long, default_value = "test")]
    families: String,
    /// Incidents of each family.
    #[arg(long, default_value_t = 30)]
    per_family: usize,
    /// Seed of everything drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Incidents run at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Of how many incidents of each family the delay is sought (many runs each).
    #[arg(long, default_value_t = 4)]
    delays: usize,
    /// Clean weeks of 200 endpoints, simulated as counts.
    #[arg(long, default_value_t = 0)]
    weeks: usize,
    /// Folder of real logs to put faults into.
    #[arg(long)]
    real: Option<PathBuf>,
    /// Searches weights and temperature on the fitting families.
    #[arg(long)]
    fit: bool,
    /// Lists the families.
    #[arg(long)]
    list: bool,
    /// Prints each miss, misnaming, false accusation and stray incident.
    #[arg(long)]
    misses: bool,
    /// Writes the table as benches/record/DATE-CPU/accuracy.md below this folder; needs --date.
    #[arg(long, requires = "date")]
    record: Option<PathBuf>,
    /// The date of a record, as in 2024-05-31-cpu.
    #[arg(long)]
    date: Option<String>,
    /// Only this incident of each family; its text stays in the scratch folder.
    #[arg(long)]
    only: Option<usize>,
    /// Where texts are written; memory, if there is such a folder.
    #[arg(long)]
    scratch: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let families = chosen(&args.families)?;
    if args.list {
        print!("{}", table::families(&families));
        return Ok(());
    }
    let memory = PathBuf::from("/dev/shm");
    let parent = args.scratch.clone().unwrap_or(match memory.is_dir() {
        true => memory,
        false => std::env::temp_dir(),
    });
    let folder = tempfile::Builder::new()
        .prefix("lab-")
        .tempdir_in(parent)
        .map_err(|e| e.to_string())?;
    let bench = Bench {
        seed: args.seed,
        scratch: folder.path().to_path_buf(),
        delays: args.delays,
        keep: args.only.is_some(),
        registry: Registry::builtin(),
    };
    let indices: Vec<usize> = match args.only {
        Some(index) => vec![index],
        None => (0..args.per_family).collect(),
    };
    let tasks: Vec<(&'static Family, usize)> = families
        .iter()
        .flat_map(|f| indices.iter().map(|i| (*f, *i)))
        .collect();
    let judge = |(family, index): &(&'static Family, usize)| {
        judge::run(family, *index, &bench).map_err(|e| format!("{} {index}: {e}", family.name))
    };
    let cases: Vec<Case> = side_by_side(args.jobs, &tasks, judge)
        .into_iter()
        .collect::<Result<_, String>>()?;
    let mut out = table::all(&families, &cases, args.seed);
    if args.weeks > 0 {
        let weeks: Vec<usize> = (0..args.weeks).collect();
        let weeks = side_by_side(args.jobs, &weeks, |week| clean::week(args.seed, *week));
        out.push_str(&table::clean(&weeks));
    }
    if let Some(real) = &args.real {
        let marks = inject::run(real, &bench)?;
        out.push_str(&table::injected(&marks));
    }
    if args.fit {
        out.push_str(&fit::search(&cases));
    }
    if args.misses || args.only.is_some() {
        out.push_str(&table::misses(&cases));
    }
    print!("{out}");
    if bench.keep {
        println!("texts are kept in {}", folder.keep().display());
    }
    if let (Some(root), Some(date)) = (&args.record, &args.date) {
        let folder = root.join(date);
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        std::fs::write(folder.join("accuracy.md"), &out).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Each task on one of `jobs` threads; the results in the tasks' order. Plain threads: a worker of
/// a rayon pool that waits for the program's own pool would begin the next task on its stack.
fn side_by_side<T: Sync, R: Send>(
    jobs: usize,
    tasks: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(number) else {
                        return;
                    };
                    let result = work(task);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

fn chosen(name: &str) -> Result<Vec<&'static Family>, String> {
    if ["test", "fit", "all"].contains(&name) {
        return Ok(families::of(name));
    }
    let one: Vec<_> = families::of("all")
        .into_iter()
        .filter(|f| f.name == name)
        .collect();
    match one.is_empty() {
        true => Err(format!("{name}: no such family; see --list")),
        false => Ok(one),
    }
}
