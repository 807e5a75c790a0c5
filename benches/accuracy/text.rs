//! Writes what happened as servers and deploy systems write it: log files and a file of markers.
//!
//! One file per service and host. A line in sixteen comes up to two seconds late, as buffered
//! writers make them.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::play::{Hit, family};
use crate::rng::mix;
use crate::world::{Front, Harm, REGIONS, Shape, World, region};

/// Agents by client family.
pub const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/124.0 Safari/537.36",
    "shop-ios/7.3.1 CFNetwork/1494.0.7",
    "shop-android/7.2.0 okhttp/4.12.0",
    "partner-sync/2.9 python-requests/2.31",
];
/// What scanners look for.
const PROBES: [&str; 8] = [
    "/.env",
    "/wp-login.php",
    "/admin",
    "/.git/config",
    "/phpmyadmin",
    "/backup.sql",
    "/cgi-bin/x",
    "/server-status",
];

/// Writes logs and markers below `root`; returns the folder of logs and the file of markers.
pub fn write(world: &World, hits: &[Hit], root: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let logs = root.join("logs");
    for (service, hosts) in world
        .services
        .iter()
        .enumerate()
        .map(|(i, s)| (i, s.hosts.len()))
    {
        let mut files = vec![File::default(); hosts];
        let unanswered =
            |hit: &Hit| hit.fault.is_some() && world.front.is_some_and(|front| front.alone);
        let logged = hits.iter().filter(|hit| !unanswered(hit));
        for hit in logged.filter(|h| usize::from(h.service) == service) {
            files[usize::from(hit.host)].add(world, hit);
        }
        if let Some(front) = world.front.filter(|front| front.service == service) {
            for hit in hits {
                let (host, line) = passed(world, front, hit);
                files[host].0.push((hit.at_ms, line));
            }
        }
        for (host, file) in files.into_iter().enumerate() {
            let name = &world.services[service].name;
            let folder = logs.join(format!("{name}-{}", host + 1));
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{name}.log")), file.text())?;
        }
    }
    let markers = root.join("deploys.json");
    fs::write(&markers, self::markers(world))?;
    Ok((logs, markers))
}

/// Lines by the time at which they are written.
#[derive(Default, Clone)]
struct File(Vec<(u32, String)>);

impl File {
    fn add(&mut self, world: &World, hit: &Hit) {
        let late = match mix(u64::from(hit.at_ms) ^ u64::from(hit.object) << 32) % 32_000 {
            late @ 0..2000 => late as u32,
            _ => 0,
        };
        self.0.push((hit.at_ms + late, line(world, hit)));
        let harm = hit.fault.map(|f| &world.faults[usize::from(f)].harm);
        if let Some(Harm {
            says: Some(says), ..
        }) = harm
        {
            self.0.push((hit.at_ms + late, remark(world, hit, says)));
        }
    }

    fn text(mut self) -> String {
        self.0.sort_by_key(|(at, _)| *at);
        let mut text = String::with_capacity(self.0.iter().map(|(_, l)| l.len() + 1).sum());
        for (_, line) in &self.0 {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

fn moment(world: &World, ms: i64) -> Timestamp {
    Timestamp::from_millisecond(world.start_s * 1000 + ms).expect("worlds play within jiff's range")
}

fn rfc3339(world: &World, at_ms: u32) -> String {
    let ms = world.start_s * 1000 + i64::from(at_ms);
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let date = date(days);
    let (h, m, s, ms) = (
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000,
    );
    format!(
        "{}-{:02}-{:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z",
        date.0, date.1, date.2
    )
}

/// Year, month, day of a day since the epoch.
fn date(days: i64) -> (i64, i64, i64) {
    let at = Timestamp::from_second(days * 86_400).expect("worlds play within jiff's range");
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    (date.year().into(), date.month().into(), date.day().into())
}

fn clf(world: &World, at_ms: u32) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let s = world.start_s + i64::from(at_ms) / 1000;
    let ((year, month, day), rest) = (date(s.div_euclid(86_400)), s.rem_euclid(86_400));
    let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!(
        "{day:02}/{}/{year}:{h:02}:{m:02}:{s:02} +0000",
        MONTHS[month as usize - 1]
    )
}

fn path(world: &World, hit: &Hit) -> String {
    match hit.endpoint {
        Some(e) => world.endpoints[usize::from(e)]
            .path
            .replace('#', &hit.object.to_string()),
        None => PROBES[hit.object as usize % PROBES.len()].to_owned(),
    }
}

/// The address of a user.
fn address(user: u32) -> String {
    let [a, b, c, _, ..] = mix(u64::from(user)).to_le_bytes();
    format!("{}.{a}.{b}.{}", 11 + u32::from(c) % 180, 1 + user % 250)
}

/// `4.2.0` of 42.
pub fn version(number: u16) -> String {
    format!("{}.{}.0", number / 10, number % 10)
}

fn line(world: &World, hit: &Hit) -> String {
    let service = &world.services[usize::from(hit.service)];
    let endpoint = hit.endpoint.map(|e| &world.endpoints[usize::from(e)]);
    let method = endpoint.map_or("GET", |e| e.method);
    let (path, status) = (path(world, hit), hit.status);
    let (ms, part) = (hit.took_us / 1000, hit.took_us % 1000);
    let client = address(hit.user);
    let agent = AGENTS[usize::from(family(hit.user))];
    let name = &service.name;
    let host = format!("{name}-{}", hit.host + 1);
    let mut line = String::with_capacity(260);
    // Writing to a String can't fail.
    let _ = match service.shape {
        Shape::JsonLabelled => write!(
            line,
            r#"{{"ts":"{}","service":"{name}","host":"{host}","version":"{}","region":"{}","method":"{method}","path":"{path}","status":{status},"duration_ms":{ms}.{part:03},"user_id":"u{}","client_ip":"{client}","user_agent":"{agent}"}}"#,
            rfc3339(world, hit.at_ms),
            version(hit.version),
            REGIONS[usize::from(region(usize::from(hit.host)))],
            hit.user,
        ),
        Shape::JsonPlain => write!(
            line,
            r#"{{"time":"{}","app":"{name}","http":{{"method":"{method}","path":"{path}","status_code":{status}}},"latency_ms":{ms}.{part:03},"remote_addr":"{client}"}}"#,
            rfc3339(world, hit.at_ms),
        ),
        Shape::Logfmt => write!(
            line,
            "time={} level=info service={name} host={host} method={method} path={path} status={status} duration={ms}ms remote={client}",
            rfc3339(world, hit.at_ms),
        ),
        Shape::Combined => write!(
            line,
            r#"{client} - - [{}] "{method} {path} HTTP/1.1" {status} {} "-" "{agent}""#,
            clf(world, hit.at_ms),
            200 + hit.object % 4000,
        ),
    };
    line
}

/// The line of the gateway that a request came through: it waits a bit longer. Returns its host, too.
fn passed(world: &World, front: Front, hit: &Hit) -> (usize, String) {
    let service = &world.services[front.service];
    let chance = mix(u64::from(hit.at_ms) << 32 ^ u64::from(hit.object) ^ u64::from(hit.user));
    let host = chance as usize % service.hosts.len();
    let passed = Hit {
        service: front.service as u8,
        host: host as u8,
        version: service.version(host, f64::from(hit.at_ms) / 1000.0),
        took_us: hit
            .took_us
            .saturating_add(1_500 + (chance >> 32) as u32 % 6_000),
        status: match front.answers {
            Some(answer) if hit.status >= 500 => answer,
            _ => hit.status,
        },
        fault: None,
        ..*hit
    };
    (host, line(world, &passed))
}

/// What the application says of a failure.
fn remark(world: &World, hit: &Hit, says: &str) -> String {
    let service = &world.services[usize::from(hit.service)];
    let at = rfc3339(world, hit.at_ms);
    let name = &service.name;
    match service.shape {
        Shape::Combined => format!("{at} ERROR {name}: {says} (request {})", hit.object),
        Shape::Logfmt => format!(
            "time={at} level=error service={name} msg=\"{says}\" object={}",
            hit.object
        ),
        _ => format!(
            r#"{{"ts":"{at}","level":"error","service":"{name}","msg":"{says}","object":{}}}"#,
            hit.object
        ),
    }
}

fn markers(world: &World) -> String {
    let time = |s: f64| Value::from(moment(world, (s * 1000.0) as i64).to_string());
    let marker = |m: &crate::world::Marker| {
        let mut map = Map::new();
        map.insert("id".into(), json!(m.id));
        map.insert("kind".into(), json!(m.kind));
        map.insert("at".into(), time(m.at_s));
        let mut text = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                map.insert(key.into(), json!(value));
            }
        };
        text("service", m.service.as_deref());
        text("version", m.version.as_deref());
        text("previous_version", m.previous_version.as_deref());
        text("rollback_of", m.rollback_of.as_deref());
        text("status", m.status);
        text("environment", m.environment);
        text("description", m.description.as_deref());
        if let Some(finished) = m.finished_s {
            map.insert("finished_at".into(), time(finished));
        }
        if !m.endpoints.is_empty() {
            map.insert("endpoints".into(), json!(m.endpoints));
        }
        Value::Object(map)
    };
    Value::Array(world.markers.iter().map(marker).collect()).to_string()
}
