//! What the stories share: the built command, the samples, reports as JSON.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, OnceLock};

use serde_json::Value;

/// The repository's root; every command runs there.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub static AUTH_OUTAGE: Sample = Sample::new("auth-outage", "deploys.json", "-07:00");
pub static QUIET_DAY: Sample = Sample::new("quiet-day", "deploys.csv", "+01:00");
pub static NOT_THE_DEPLOY: Sample = Sample::new("not-the-deploy", "deploys.ndjson", "Z");

/// A folder of samples/.
pub struct Sample {
    pub name: &'static str,
    deploys: &'static str,
    /// Its logs' offset from UTC, as reports write it.
    pub zone: &'static str,
    report: OnceLock<Value>,
}

impl Sample {
    const fn new(name: &'static str, deploys: &'static str, zone: &'static str) -> Sample {
        Sample {
            name,
            deploys,
            zone,
            report: OnceLock::new(),
        }
    }

    pub fn logs(&self) -> String {
        format!("samples/{}/logs", self.name)
    }

    pub fn deploys(&self) -> String {
        format!("samples/{}/{}", self.name, self.deploys)
    }

    /// What a user types to look at it.
    pub fn args(&self) -> Vec<String> {
        vec![self.logs(), "--deploys".into(), self.deploys()]
    }

    /// The report on all of it.
    pub fn report(&self) -> &Value {
        self.report.get_or_init(|| report(&self.args()))
    }

    /// Its log files, sorted, as paths from the root.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = walkdir::WalkDir::new(Path::new(ROOT).join(self.logs()))
            .into_iter()
            .map(|entry| entry.unwrap().into_path())
            .filter(|path| path.is_file())
            .map(|path| path.strip_prefix(ROOT).unwrap().to_path_buf())
            .collect();
        files.sort();
        files
    }
}

/// How a run of the command ended.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The built command in the repository's root, without what it would heed of the environment.
pub fn triage() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_triage"));
    command.current_dir(ROOT).stdin(Stdio::null());
    for name in ["TRIAGE_CONFIG", "NO_COLOR", "TERM", "TZ"] {
        command.env_remove(name);
    }
    command
}

pub fn run(args: &[impl AsRef<OsStr>]) -> Run {
    ended(triage().args(args).output().unwrap())
}

pub fn run_with_stdin(args: &[impl AsRef<OsStr>], input: &[u8]) -> Run {
    let mut command = triage();
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // Both pipes at once, as neither holds everything. A command that refuses its arguments
        // reads nothing: then writing fails, and how the command ended tells why.
        scope.spawn(move || stdin.write_all(input));
        ended(child.wait_with_output().unwrap())
    })
}

fn ended(output: Output) -> Run {
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs with `--json` and reads the report, which must follow the published schema.
pub fn report(args: &[impl AsRef<OsStr>]) -> Value {
    let mut all: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
    all.push("--json".as_ref());
    report_of(&run(&all))
}

/// The report that a successful run printed.
pub fn report_of(run: &Run) -> Value {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let errors: Vec<String> = SCHEMA
        .iter_errors(&report)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert_eq!(
        errors,
        Vec::<String>::new(),
        "against docs/schema/report-1.schema.json"
    );
    report
}

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = read_text("docs/schema/report-1.schema.json");
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
});

/// A text file of the repository.
pub fn read_text(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A log's bytes, unpacked where its name ends in `.gz`.
pub fn read_log(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(Path::new(ROOT).join(path)).unwrap();
    if path.extension() == Some("gz".as_ref()) {
        unpacked(&bytes)
    } else {
        bytes
    }
}

pub fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(bytes), &mut text).unwrap();
    text
}

pub fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A JSON array's elements.
pub fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

/// Seconds from one RFC 3339 time to another.
pub fn seconds_between(from: &str, to: &str) -> f64 {
    let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    time(to).duration_since(time(from)).as_secs_f64()
}

/// Asserts that two reports are the same, and says of others where they differ first.
pub fn assert_same(told: &Value, expected: &Value, story: &str) {
    if let Some(where_) = difference(told, expected, String::new()) {
        panic!("{story}: {where_}");
    }
}

fn difference(told: &Value, expected: &Value, path: String) -> Option<String> {
    match (told, expected) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .find_map(|(key, value)| difference(value, &b[key], format!("{path}/{key}"))),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| difference(a, b, format!("{path}/{i}"))),
        _ => (told != expected).then(|| format!("{path} is {told} instead of {expected}")),
    }
}
