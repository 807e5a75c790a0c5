//! Writes a big access log fast: `make-log --bytes 1GiB -o big.log`.
//!
//! Out comes one service's log in order of time: requests over Zipf-like endpoints with ids in
//! their paths, traffic with days and weekends in it, users told apart by their address, 0.2 % of
//! 5xx. `--incident` puts a fault in, `--flood` an attacker's distinct URLs. The same options give
//! the same bytes. Speed comes from doing nothing per line that can be done once: times are
//! formatted once a second, addresses and agents once a user.

mod population;
mod rng;
mod shapes;

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jiff::{SignedDuration, Timestamp};

use population::{Endpoint, User};
use rng::Rng;
use shapes::{Format, Layout, Request, RequestTime};

/// Midnight before the first line: Monday, 8 April 2024, UTC.
const START_S: u64 = 1_712_534_400;
/// Written at once.
const BLOCK: usize = 1 << 20;
/// 5xx by themselves, in a million.
const NOISE: u64 = 2000;
/// The ranks, by popularity, of the endpoints that an incident hits.
const AFFECTED_RANKS: [usize; 4] = [1, 4, 8, 13];
/// Traffic by hour of the day, and its percentage on each weekday from Monday.
const HOURS: [u64; 24] = [
    30, 22, 17, 14, 13, 16, 26, 45, 68, 84, 92, 96, 94, 92, 95, 98, 100, 97, 93, 90, 86, 76, 58, 42,
];
const WEEKDAYS: [u64; 7] = [100, 102, 101, 99, 95, 70, 66];

/// Writes a big access log.
#[derive(Parser)]
struct Args {
    /// Shape of the lines.
    #[arg(long, value_enum, default_value = "combined")]
    format: Format,
    /// Size of the log (500MB, 1GiB); the last line may go beyond it.
    #[arg(long, value_parser = parse_bytes, default_value = "1GiB")]
    bytes: u64,
    /// Distinct endpoints (method + path template).
    #[arg(long, default_value = "400", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    endpoints: u64,
    /// Days that the log covers.
    #[arg(long, default_value = "7", value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
    /// Distinct users, each with one address and one agent.
    #[arg(long, default_value = "200000", value_parser = clap::value_parser!(u64).range(1..=4_000_000))]
    users: u64,
    /// Seed of everything drawn.
    #[arg(long, default_value = "1")]
    seed: u64,
    /// How a combined line ends.
    #[arg(long, value_enum, default_value = "rt")]
    request_time: RequestTime,
    /// A fault for 15 % of the users on four endpoints: `2024-04-11T09:00:00Z+2h`.
    #[arg(long, value_parser = parse_incident)]
    incident: Option<Incident>,
    /// Distinct random URLs, each asked for once, spread over the log.
    #[arg(long, default_value = "0")]
    flood: u64,
    /// Where to write; standard output if not given.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// When a fault is there, in seconds since the epoch.
#[derive(Clone, Copy)]
struct Incident {
    from_s: u64,
    until_s: u64,
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "B" => 1,
        "kB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => {
            return Err(format!(
                "unknown unit {unit:?}: B, kB, MB, GB, KiB, MiB or GiB"
            ));
        }
    };
    let number: u64 = number.parse().map_err(|_| "no number".to_owned())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "too large".to_owned())
}

fn parse_incident(text: &str) -> Result<Incident, String> {
    let (start, length) = text.rsplit_once('+').ok_or("expected START+DURATION")?;
    let start: Timestamp = start.parse().map_err(|e| format!("{e}"))?;
    let length: SignedDuration = length.parse().map_err(|e| format!("{e}"))?;
    let until = start.checked_add(length).map_err(|e| format!("{e}"))?;
    let seconds = |t: Timestamp| u64::try_from(t.as_second()).map_err(|_| "before 1970".to_owned());
    Ok(Incident {
        from_s: seconds(start)?,
        until_s: seconds(until)?,
    })
}

struct Generator {
    layout: Layout,
    rng: Rng,
    users: Vec<User>,
    endpoints: Vec<Endpoint>,
    /// Weights of the endpoints, summed up: the r-th gets 2³² / r.
    cumulative: Vec<u64>,
    incident: Option<Incident>,
    /// Lines, 5xx, and failures of the incident so far.
    lines: u64,
    errors: u64,
    faults: u64,
}

impl Generator {
    fn new(args: &Args) -> Generator {
        let mut rng = Rng::new(args.seed);
        // Rank is drawn, so that neighbours in popularity are not neighbours by name.
        let mut numbers: Vec<usize> = (0..args.endpoints as usize).collect();
        for i in (1..numbers.len()).rev() {
            numbers.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let mut sum = 0;
        let cumulative = (1..=args.endpoints)
            .map(|rank| {
                sum += (1 << 32) / rank;
                sum
            })
            .collect();
        Generator {
            layout: Layout::of(args.format, args.request_time),
            rng,
            users: (0..args.users)
                .map(|n| User::number(n, args.seed))
                .collect(),
            endpoints: numbers.into_iter().map(Endpoint::number).collect(),
            cumulative,
            incident: args.incident,
            lines: 0,
            errors: 0,
            faults: 0,
        }
    }

    /// Writes one request of second `now_s`, whose time is printed as `stamp`.
    fn line(&mut self, out: &mut Vec<u8>, now_s: u64, stamp: &[u8], flood: bool) {
        let rng = &mut self.rng;
        let n = self.users.len() as u64;
        // Some users come often, most seldom.
        let user = &self.users[rng.below(n).min(rng.below(n)) as usize];
        let request = if flood {
            Request {
                user,
                endpoint: None,
                status: 404,
                bytes: 153,
                took_ms: rng.below(3),
            }
        } else {
            let total = self.cumulative[self.cumulative.len() - 1];
            let at = rng.below(total);
            let rank = self.cumulative.partition_point(|&c| c <= at);
            let endpoint = &self.endpoints[rank];
            let hit = user.affected
                && AFFECTED_RANKS.contains(&rank)
                && self
                    .incident
                    .is_some_and(|i| (i.from_s..i.until_s).contains(&now_s));
            self.faults += u64::from(hit);
            let (status, took_ms) = outcome(rng, endpoint, hit);
            let bytes = if status >= 500 { 157 } else { endpoint.bytes };
            Request {
                user,
                endpoint: Some(endpoint),
                status,
                bytes,
                took_ms,
            }
        };
        self.lines += 1;
        self.errors += u64::from(request.status >= 500);
        self.layout.line(out, rng, stamp, &request);
    }
}

/// Status and duration of a request; `hit` is one that the fault strikes.
fn outcome(rng: &mut Rng, endpoint: &Endpoint, hit: bool) -> (u64, u64) {
    if hit {
        return (500, 5 + rng.below(8));
    }
    let tail = rng.below(1000);
    let took_ms = endpoint.fastest_ms * (1100 + tail / 2 + 6 * tail * tail / 1000 * tail / 1000);
    let status = if rng.chance(NOISE) {
        [500, 502, 503, 504][rng.below(4) as usize]
    } else {
        match rng.below(1000) {
            0..10 => 404,
            10..12 => 401,
            12..30 => 304,
            _ => 200,
        }
    };
    (status, took_ms / 1000)
}

/// Traffic of each minute, summed up: what part of the log has been written by its end.
fn minutes(days: u64) -> Vec<u64> {
    let mut sum = 0;
    (0..days * 1440)
        .map(|minute| {
            let (hour, within) = ((minute / 60 % 24) as usize, minute % 60);
            let level = HOURS[hour] * (60 - within) + HOURS[(hour + 1) % 24] * within;
            sum += level * WEEKDAYS[(minute / 1440 % 7) as usize];
            sum
        })
        .collect()
}

fn write_log(args: &Args, generator: &mut Generator, sink: &mut impl Write) -> io::Result<u64> {
    let minutes = minutes(args.days);
    let total = u128::from(minutes[minutes.len() - 1]);
    let share = |part: u64, whole: u64| (u128::from(part) * u128::from(whole) / total) as u64;
    let mut out = Vec::with_capacity(BLOCK + (1 << 12));
    out.extend_from_slice(args.format.header().as_bytes());
    let (mut flushed, mut flooded, mut begun) = (0, 0, 0);
    for (minute, &end) in minutes.iter().enumerate() {
        let until = share(end, args.bytes);
        let mut second = u64::MAX;
        let (mut now_s, mut time) = (0, Vec::new());
        loop {
            let written = flushed + out.len() as u64;
            if written >= until {
                break;
            }
            let due = (written.max(begun) - begun) * 60 / (until - begun);
            if due != second {
                second = due;
                now_s = START_S + minute as u64 * 60 + second;
                time = generator.layout.stamp(now_s);
            }
            let flood_due =
                (u128::from(args.flood) * u128::from(written)).div_ceil(u128::from(args.bytes));
            let flood = u128::from(flooded) < flood_due;
            flooded += u64::from(flood);
            generator.line(&mut out, now_s, &time, flood);
            if out.len() >= BLOCK {
                sink.write_all(&out)?;
                flushed += out.len() as u64;
                out.clear();
            }
        }
        begun = until;
    }
    sink.write_all(&out)?;
    sink.flush()?;
    Ok(flooded)
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let mut generator = Generator::new(&args);
    let flooded = match &args.output {
        Some(path) => write_log(&args, &mut generator, &mut File::create(path)?)?,
        None => write_log(&args, &mut generator, &mut io::stdout().lock())?,
    };
    let mut err = io::stderr().lock();
    writeln!(
        err,
        "{} lines, {} of them 5xx",
        generator.lines, generator.errors
    )?;
    if flooded > 0 {
        writeln!(err, "{flooded} distinct random URLs")?;
    }
    if args.incident.is_some() {
        writeln!(err, "{} failures of the incident, on:", generator.faults)?;
        for rank in AFFECTED_RANKS
            .into_iter()
            .filter(|&r| r < generator.endpoints.len())
        {
            writeln!(err, "  {}", generator.endpoints[rank].template())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
