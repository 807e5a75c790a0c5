//! Log files as servers write them: line shapes, late lines, rotation, compression.
//!
//! Comes in: requests of one host of one service. Goes out: the files of a folder, by name. The
//! order of lines is that of writing: servers buffer, so one line in sixteen comes up to 2 s late.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use jiff::{Timestamp, tz};

use crate::rng::Rng;
use crate::traffic::Client;

/// How late a buffered line may be written.
const LATE_MS: u64 = 2000;

/// The files of a sample: path below its folder → content. `.gz` is compressed on writing.
#[derive(Default)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Files {
    /// Writes every file below `root`; what is there already is replaced.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        for (name, content) in &self.0 {
            let path = root.join(name);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            if name.ends_with(".gz") {
                // No name and no time in the header: the same bytes on every run.
                let file = std::fs::File::create(path)?;
                let mut gz = GzBuilder::new().mtime(0).write(file, Compression::best());
                gz.write_all(content)?;
                gz.finish()?;
            } else {
                std::fs::write(path, content)?;
            }
        }
        Ok(())
    }
}

/// The shape of a log's lines.
#[derive(Clone, Copy)]
pub enum Shape {
    /// nginx's `combined`.
    Combined,
    /// `combined` with ` rt=$request_time` after it.
    CombinedTimed,
    /// One JSON object a line.
    Json,
    /// `key=value` pairs.
    Logfmt,
}

/// One request, as its server saw it.
pub struct Hit<'a> {
    /// When it was answered.
    pub at_ms: i64,
    pub client: Client,
    /// The account, where the service logs one.
    pub user: Option<u64>,
    pub method: &'a str,
    pub target: &'a str,
    pub status: u16,
    pub bytes: u64,
    pub took_ms: u64,
}

/// The log of one host of one service, in the making.
pub struct Log {
    service: &'static str,
    host: String,
    name: String,
    shape: Shape,
    offset: tz::Offset,
    lines: Vec<(i64, Vec<u8>)>,
}

impl Log {
    /// An empty log `HOST/NAME` with times at `offset_h` hours from UTC.
    pub fn new(service: &'static str, host: &str, name: &str, shape: Shape, offset_h: i8) -> Log {
        Log {
            service,
            host: host.to_owned(),
            name: name.to_owned(),
            shape,
            offset: tz::offset(offset_h),
            lines: Vec::new(),
        }
    }

    /// Adds a request.
    pub fn hit(&mut self, rng: &mut Rng, hit: &Hit<'_>) {
        let line = match self.shape {
            Shape::Combined => self.combined(hit),
            Shape::CombinedTimed => {
                let rt = seconds(hit.took_ms);
                format!("{} rt={rt}", self.combined(hit))
            }
            Shape::Json => self.json(hit),
            Shape::Logfmt => self.logfmt(hit),
        };
        let late = if rng.below(16) == 0 {
            rng.below(LATE_MS)
        } else {
            0
        };
        self.raw(hit.at_ms + late as i64, line.into_bytes());
    }

    /// Adds a line of any content, written at `at_ms`.
    pub fn raw(&mut self, at_ms: i64, line: Vec<u8>) {
        self.lines.push((at_ms, line));
    }

    /// A time as RFC 3339 with milliseconds.
    pub fn rfc3339(&self, at_ms: i64) -> String {
        self.time(at_ms, "%Y-%m-%dT%H:%M:%S%.3f%:z")
    }

    /// A time as in `combined`.
    pub fn clf(&self, at_ms: i64) -> String {
        self.time(at_ms, "%d/%b/%Y:%H:%M:%S %z")
    }

    fn time(&self, at_ms: i64, pattern: &str) -> String {
        Timestamp::from_millisecond(at_ms)
            .expect("stories play within jiff's range")
            .to_zoned(tz::TimeZone::fixed(self.offset))
            .strftime(pattern)
            .to_string()
    }

    fn combined(&self, hit: &Hit<'_>) -> String {
        format!(
            "{} - - [{}] \"{} {} HTTP/1.1\" {} {} \"-\" \"{}\"",
            ip(hit.client),
            self.clf(hit.at_ms),
            hit.method,
            hit.target,
            hit.status,
            hit.bytes,
            hit.client.agent
        )
    }

    fn json(&self, hit: &Hit<'_>) -> String {
        let level = if hit.status >= 500 { "error" } else { "info" };
        let mut line = format!(
            "{{\"time\":\"{}\",\"level\":\"{level}\",\"service\":\"{}\",\"host\":\"{}\"",
            self.rfc3339(hit.at_ms),
            self.service,
            self.host
        );
        if let Some(user) = hit.user {
            // Writing to a String can't fail.
            let _ = write!(line, ",\"user_id\":\"u{user}\"");
        }
        let _ = write!(
            line,
            ",\"method\":\"{}\",\"path\":\"{}\",\"status\":{},\"bytes\":{},\"duration_ms\":{}}}",
            hit.method, hit.target, hit.status, hit.bytes, hit.took_ms
        );
        line
    }

    fn logfmt(&self, hit: &Hit<'_>) -> String {
        let level = if hit.status >= 500 { "error" } else { "info" };
        format!(
            "ts={} level={level} service={} method={} path={} status={} bytes={} duration={}ms \
             remote={}",
            self.rfc3339(hit.at_ms),
            self.service,
            hit.method,
            hit.target,
            hit.status,
            hit.bytes,
            hit.took_ms,
            ip(hit.client)
        )
    }

    /// Puts the log into `files`, in order of writing, cut where it was rotated: `parts` are
    /// (suffix, up to when), oldest first; what comes after the last time goes with the last part.
    pub fn finish(mut self, files: &mut Files, folder: &str, parts: &[(&str, i64)]) {
        self.lines.sort_by_key(|&(written_ms, _)| written_ms);
        let mut rest = self.lines.as_slice();
        for (i, &(suffix, until_ms)) in parts.iter().enumerate() {
            let cut = match i + 1 == parts.len() {
                true => rest.len(),
                false => rest.partition_point(|&(written_ms, _)| written_ms < until_ms),
            };
            let (part, tail) = rest.split_at(cut);
            rest = tail;
            let mut content = Vec::new();
            for (_, line) in part {
                content.extend_from_slice(line);
                content.push(b'\n');
            }
            let path = format!("{folder}/{}/{}{suffix}", self.host, self.name);
            files.0.insert(path, content);
        }
    }
}

/// What every server on the open net logs beside requests: connections that sent nothing, TLS on
/// the plain port, and a line cut off by a full disk. `every_ms` apart on average.
pub fn litter(log: &mut Log, rng: &mut Rng, from_ms: i64, until_ms: i64, every_ms: u64) {
    let mut at_ms = from_ms + rng.below(every_ms) as i64;
    while at_ms < until_ms {
        let (client, time) = (ip(Client::bot(rng.below(40))), log.clf(at_ms));
        let (idle, none) = match log.shape {
            Shape::CombinedTimed => (" rt=60.000", " rt=0.000"),
            _ => ("", ""),
        };
        let line = match rng.below(8) {
            0..=3 => format!("{client} - - [{time}] \"-\" 408 0 \"-\" \"-\"{idle}"),
            4..=6 => format!(
                "{client} - - [{time}] \"\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xFC\\x03\\x03\" \
                 400 157 \"-\" \"-\"{none}"
            ),
            _ => format!("{client} - - [{time}] \"GET /favicon.i"),
        };
        log.raw(at_ms, line.into_bytes());
        at_ms += (every_ms / 2 + rng.below(every_ms)) as i64;
    }
}

fn ip(client: Client) -> String {
    let [a, b, c, d] = client.ip;
    format!("{a}.{b}.{c}.{d}")
}

/// Milliseconds as nginx prints `$request_time`.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}
