//! `--since` and `--until` read only what they must, and say what they would say if they read all.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Wednesday, 10 April 2024, midnight in UTC.
const START: i64 = 1_712_707_200;

/// A number that looks drawn, the same for the same one.
fn drawn(n: i64) -> i64 {
    ((n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) ^ 0x5bf0_3635) as u64 >> 20) as i64
}

/// A request every second; each tenth is a login, of which 40 % fail from `from` to `to`. Each is written
/// when it ended: most at once, one in fifty up to 19 minutes late.
fn requests(span: (i64, i64), fault: (i64, i64)) -> Vec<(i64, String)> {
    let mut lines: Vec<(i64, String)> = (span.0..span.1)
        .map(|at| {
            let n = drawn(at);
            let is_login = at % 10 == 0;
            let fails = is_login && (fault.0..fault.1).contains(&at) && n % 5 < 2 || n % 1_000 == 0;
            let (method, path) = match is_login {
                true => ("POST", "/login".to_owned()),
                false => ("GET", format!("/carts/{}", n % 90_000)),
            };
            let status = if fails { 503 } else { 200 };
            let time = jiff::Timestamp::from_second(at).unwrap();
            let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
            let client = n / 7 % 250;
            let line = format!(
                "203.0.113.{client} - - [{time}] \"{method} {path} HTTP/1.1\" {status} 512 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n"
            );
            let late = if n % 50 == 7 { n / 50 % (19 * MINUTE) } else { 0 };
            (at + late, line)
        })
        .collect();
    lines.sort_by_key(|(written, _)| *written);
    lines
}

fn log(dir: &Path, name: &str, lines: &[(i64, String)]) -> String {
    let path = dir.join(name);
    fs::write(
        &path,
        lines
            .iter()
            .map(|(_, line)| line.as_str())
            .collect::<String>(),
    )
    .unwrap();
    path.to_str().unwrap().to_owned()
}

/// Three days with a fault from 14:00 to 15:30 on the second: 31 MB, in blocks of nearly ten hours.
fn three_days() -> Vec<(i64, String)> {
    let fault = START + DAY + 14 * HOUR;
    requests((START, START + 3 * DAY), (fault, fault + 90 * MINUTE))
}

/// What does not depend on how much was read.
fn answer(mut report: Value) -> Value {
    for counts in [
        "bytes",
        "lines",
        "filtered_lines",
        "rejected_lines",
        "rejects",
        "bytes_skipped",
        "formats",
        "files",
    ] {
        report["scan"].as_object_mut().unwrap().remove(counts);
    }
    without_places(&mut report);
    report
}

fn without_places(value: &mut Value) {
    match value {
        Value::Object(keys) => {
            keys.remove("line");
            keys.remove("byte");
            keys.values_mut().for_each(without_places);
        }
        Value::Array(values) => values.iter_mut().for_each(without_places),
        _ => {}
    }
}

fn skipped(report: &Value) -> u64 {
    report["scan"]["bytes_skipped"].as_u64().unwrap()
}

#[test]
fn the_answer_is_that_of_reading_everything() {
    let dir = tempfile::tempdir().unwrap();
    let path = log(dir.path(), "api.log", &three_days());
    let len = fs::metadata(&path).unwrap().len();
    let asked: [&[&str]; 6] = [
        // While it fails, and began a moment ago: the near look back is enough.
        &[
            "--since",
            "2024-04-11T14:05:00Z",
            "--until",
            "2024-04-11T14:20:00Z",
        ],
        // It has failed for more than an hour: it is looked back further.
        &[
            "--since",
            "2024-04-11T15:15:00Z",
            "--until",
            "2024-04-11T15:30:00Z",
        ],
        &[
            "--since",
            "2024-04-11T20:00:00Z",
            "--until",
            "2024-04-11T20:15:00Z",
        ],
        &[
            "--since",
            "2024-04-11T13:00:00Z",
            "--until",
            "2024-04-11T17:00:00Z",
        ],
        &["--since", "2024-04-12T14:00:00Z"],
        &["--until", "2024-04-10T09:00:00Z"],
    ];
    let onsets = asked.map(|asked| {
        let with = |more: &[&str]| report(&[&[path.as_str()], asked, more].concat());
        let all = with(&["--unsorted"]);
        assert_eq!(skipped(&all), 0);
        let all = answer(all);
        for io in ["read", "mmap"] {
            let told = with(&["--io", io]);
            assert!(skipped(&told) > len / 4, "{asked:?}: {}", skipped(&told));
            let scan = &told["scan"];
            let sum = ["requests", "rejected_lines", "filtered_lines"]
                .map(|key| scan[key].as_u64().unwrap());
            assert_eq!(sum.iter().sum::<u64>(), scan["lines"].as_u64().unwrap());
            assert_same(&answer(told), &all, &format!("{asked:?} --io {io}"));
        }
        all["incidents"][0]["onset"].as_str().map(str::to_owned)
    });
    for (asked, onset) in asked.iter().zip(&onsets) {
        let begins = onset
            .as_deref()
            .map(|onset| seconds_between("2024-04-11T14:00:00Z", onset));
        assert!(
            begins.is_none_or(|s| s.abs() < 90.0),
            "{asked:?}: {onset:?}"
        );
    }
    let has_onset = onsets.map(|onset| onset.is_some());
    assert_eq!(has_onset, [true, true, false, true, false, false]);
}

#[test]
fn a_line_whose_number_is_unknown_is_told_by_its_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = log(dir.path(), "api.log", &three_days());
    let asked = [
        &path,
        "--since",
        "2024-04-11T14:05:00Z",
        "--until",
        "2024-04-11T14:20:00Z",
    ];
    let told = report(&asked);
    let samples = list(&told["incidents"][0]["samples"]);
    assert_eq!(samples.len(), 5);
    let bytes = fs::read(&path).unwrap();
    for sample in samples {
        assert_eq!(sample["line"], Value::Null);
        let line = text(&sample["text"]).as_bytes();
        let from = sample["byte"].as_u64().unwrap() as usize;
        assert_eq!(
            &bytes[from - 1..=from + line.len()],
            [b"\n", line, b"\n"].concat()
        );
    }
    // What is printed for people has a command, which shows the line.
    let shown = run(&[&["show", "i1", "-n", "1"], &asked[..]].concat());
    let first = &samples[0];
    assert_eq!(
        shown.stdout,
        format!(
            "{path} at byte {}: {}\n",
            first["byte"],
            text(&first["text"])
        )
    );
    let command = shown
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("$ "))
        .unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", command])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap().trim_end(),
        text(&first["text"])
    );
    // From the file's begin on lines are counted.
    let early = report(&[&path, "--until", "2024-04-10T09:00:00Z", "--status", "200"]);
    assert!(skipped(&early) > 0);
    let shown = report(&[&path, "--until", "2024-04-10T09:00:00Z"]);
    assert_eq!(shown["incidents"], json!([]));
}

#[test]
fn rotated_files_outside_the_asked_time_are_skipped_whole_with_times_that_name_no_year() {
    let dir = tempfile::tempdir().unwrap();
    // A second host's files, by day, in syslog's notation; and what the application says of its errors.
    let mut said = String::new();
    for day in 0..3 {
        let fault = START + DAY + 14 * HOUR;
        let mut text = String::new();
        for at in START + day * DAY..START + (day + 1) * DAY {
            let n = drawn(at);
            let fails = (fault..fault + HOUR).contains(&at) && n % 3 == 0;
            let status = if fails { 502 } else { 200 };
            let time = jiff::Timestamp::from_second(at)
                .unwrap()
                .strftime("%b %e %H:%M:%S");
            writeln!(
                text,
                "{time} web-1 api[7]: level=info method=GET path=/orders/{} status={status} duration=12ms client=198.51.100.{}",
                n % 7_000,
                n % 200
            )
            .unwrap();
            if fails {
                let time = jiff::Timestamp::from_second(at).unwrap();
                writeln!(
                    said,
                    "{time} ERROR connection to orders-db refused after {} ms",
                    n % 900
                )
                .unwrap();
            } else if at % 20 == 0 {
                let time = jiff::Timestamp::from_second(at).unwrap();
                writeln!(
                    said,
                    "{time} INFO heartbeat {n} of the worker, all queues are empty"
                )
                .unwrap();
            }
        }
        fs::write(dir.path().join(format!("api.log.{}", 3 - day)), text).unwrap();
    }
    fs::write(dir.path().join("worker.log"), said).unwrap();
    let path = dir.path().to_str().unwrap();
    let asked = [
        path,
        "--since",
        "2024-04-11T14:10:00Z",
        "--until",
        "2024-04-11T14:25:00Z",
    ];
    // The year of such times depends on when the files were written.
    for entry in fs::read_dir(path).unwrap() {
        let file = fs::File::options()
            .append(true)
            .open(entry.unwrap().path())
            .unwrap();
        let written =
            std::time::UNIX_EPOCH + std::time::Duration::from_secs((START + 3 * DAY) as u64);
        file.set_modified(written).unwrap();
    }
    let told = report(&asked);
    let all = report(&[&asked[..], &["--unsorted"]].concat());
    assert_eq!(
        (&told["scan"]["files"], &all["scan"]["files"]),
        (&json!(2), &json!(4))
    );
    assert!(skipped(&told) > 0);
    let words = list(&told["incidents"][0]["signatures"]);
    assert!(
        text(&words[0]["template"]).contains("orders-db refused"),
        "{words:?}"
    );
    assert_same(&answer(told), &answer(all), "rotated");
}

#[test]
fn files_out_of_order_are_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let lines = three_days();
    let (first, rest) = lines.split_at(lines.len() / 3);
    let swapped = log(dir.path(), "swapped.log", &[rest, first].concat());
    let asked = [
        "--since",
        "2024-04-11T14:05:00Z",
        "--until",
        "2024-04-11T14:20:00Z",
    ];
    let told = report(&[&[swapped.as_str()], &asked[..]].concat());
    assert_eq!(skipped(&told), 0);
    assert_eq!(told["scan"]["lines"], lines.len());
    assert_eq!(list(&told["incidents"]).len(), 1);
    // So is what is packed, and what comes in by a pipe.
    let bytes = fs::read(&swapped).unwrap();
    let piped = report_of(&run_with_stdin(
        &[&["-", "--json"], &asked[..]].concat(),
        &bytes,
    ));
    assert_eq!(skipped(&piped), 0);
    assert_eq!(piped["scan"]["lines"], lines.len());
}

#[test]
fn a_time_of_day_is_of_the_last_day_however_little_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = log(dir.path(), "api.log", &three_days());
    let told = report(&[&path, "--since", "08:00", "--until", "08:15"]);
    assert!(skipped(&told) > 0);
    // Each second has one request, some of which were written later.
    assert_eq!(told["scan"]["requests"], 15 * MINUTE);
    assert_eq!(told["scan"]["from"], "2024-04-12T08:00:00Z");
    assert_eq!(told["scan"]["to"], "2024-04-12T08:14:59Z");
}

#[test]
fn where_nothing_is_read_the_notes_say_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = log(
        dir.path(),
        "api.log",
        &requests((START, START + HOUR), (0, 0)),
    );
    let told = report(&[&path, "--since", "2024-05-01T00:00:00Z"]);
    assert_eq!(told["scan"]["lines"], 0);
    assert_eq!(skipped(&told), fs::metadata(&path).unwrap().len());
    let notes = list(&told["notes"]);
    let said =
        "no request is asked for: the log lasts from 2024-04-10T00:00:00Z to 2024-04-10T00:5";
    assert!(
        notes.iter().any(|note| text(note).starts_with(said)),
        "{notes:?}"
    );
}
