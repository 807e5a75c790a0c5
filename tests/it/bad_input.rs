//! What can't be read or meant ends in clear words, something to do and the right exit code: 2 for
//! what was typed, 65 for what was in the files, 74 for what the system refused.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::*;

/// A folder with one file in it, and the file's path.
fn folder_with(name: &str, content: impl AsRef<[u8]>) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn path_of(folder: &TempDir) -> &str {
    folder.path().to_str().unwrap()
}

/// Asserts that a run failed with this exit code, printed no report, said all these words and gave
/// a hint.
fn assert_refused(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.starts_with("triage: "), "{}", run.stderr);
    for word in words {
        assert!(
            run.stderr.contains(word),
            "`{word}` is not said:\n{}",
            run.stderr
        );
    }
    let hints = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("hint: "))
        .count();
    assert_eq!(hints, 1, "hints in:\n{}", run.stderr);
}

/// A small log whose lines name no zone.
const WITHOUT_ZONE: &str = r#"{"time":"2024-04-10T09:00:01","method":"GET","path":"/carts","status":200}
{"time":"2024-04-10T09:00:02","method":"GET","path":"/carts","status":503}
{"time":"2024-04-10T09:00:04","method":"GET","path":"/carts","status":200}
"#;

#[test]
fn a_path_that_is_not_there() {
    let refused = run(&["no/such/logs"]);
    assert_refused(&refused, 74, &["no/such/logs", "no such file or folder"]);
    assert!(
        !refused.stderr.contains("entity not found"),
        "says it twice: {}",
        refused.stderr
    );
    assert_refused(
        &run(&["samples/quiet-day/*.log"]),
        74,
        &["samples/quiet-day/*.log", "no such file"],
    );
}

#[test]
fn nothing_named() {
    assert_refused(&run(&[""; 0]), 2, &["no logs named"]);
}

#[test]
fn an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(
        &run(&[path_of(&folder)]),
        65,
        &["no log here", "the folder is empty"],
    );
}

#[test]
fn a_program_is_no_log() {
    let (folder, program) = folder_with(
        "triage",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01\0\0\0",
    );
    for named in [path_of(&folder), &program] {
        assert_refused(&run(&[named]), 65, &["no log here", &program, "binary"]);
    }
}

#[test]
fn an_empty_file() {
    let (folder, file) = folder_with("access.log", "");
    for named in [path_of(&folder), &file] {
        assert_refused(&run(&[named]), 65, &[&file, "not a single line"]);
    }
    assert_refused(
        &run_with_stdin(&["-"], b""),
        65,
        &["-: ", "not a single line"],
    );
}

#[test]
fn a_link_to_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("access.log");
    symlink("nowhere.log", &link).unwrap();
    let link = link.to_str().unwrap();
    let refused = run(&[path_of(&folder)]);
    assert_refused(&refused, 74, &[link, "No such file or directory"]);
    assert!(
        !refused.stderr.contains("permission denied"),
        "blames the wrong thing: {}",
        refused.stderr
    );
    assert_refused(&run(&[link]), 74, &[link, "no such file"]);
}

#[test]
fn a_device_is_no_log() {
    let refused = run(&["/dev/null"]);
    assert_refused(&refused, 74, &["/dev/null", "not a regular file"]);
    assert!(
        !refused.stderr.contains("permission denied"),
        "blames the wrong thing: {}",
        refused.stderr
    );
}

#[test]
fn one_file_of_many_that_cannot_be_read_is_told_and_the_others_are_read() {
    let (folder, _) = folder_with("b.log", WITHOUT_ZONE);
    symlink("nowhere.log", folder.path().join("a.log")).unwrap();
    let made = run(&[path_of(&folder), "--json"]);
    assert!(
        made.stderr.contains("a.log") && made.stderr.contains("can't be read"),
        "{}",
        made.stderr
    );
    let report = report_of(&made);
    assert_eq!(
        (&report["scan"]["files"], &report["scan"]["requests"]),
        (&1.into(), &3.into())
    );
    let notes = list(&report["notes"]);
    assert!(notes.iter().any(|n| text(n).contains("a.log")), "{notes:?}");
    let quiet = run(&[path_of(&folder), "--json", "--quiet"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

#[test]
fn markers_that_are_not_json() {
    let (_folder, markers) = folder_with(
        "deploys.json",
        "[\n  {\"at\": \"2024-04-10T09:00:00Z\",\n   \"service\": api}\n]",
    );
    let refused = run(&[&QUIET_DAY.logs(), "--deploys", &markers]);
    // The `a` of `api` is the 15th character of its line.
    assert_refused(&refused, 65, &[&markers, "line 3, column 15", "not JSON"]);
}

#[test]
fn markers_without_a_time() {
    let (_folder, markers) =
        folder_with("deploys.json", r#"[{"service":"api","version":"2.4.0"}]"#);
    let refused = run(&[&QUIET_DAY.logs(), "--deploys", &markers]);
    assert_refused(
        &refused,
        65,
        &[
            &markers,
            "marker 1",
            "no time",
            "service, version",
            r#""at""#,
        ],
    );
}

#[test]
fn markers_that_are_not_there() {
    let refused = run(&[&QUIET_DAY.logs(), "--deploys", "no-such-deploys.json"]);
    assert_refused(&refused, 74, &["no-such-deploys.json", "change markers"]);
}

#[test]
fn times_without_a_zone_are_taken_as_utc_and_that_is_said() {
    let (_folder, log) = folder_with("carts.log", WITHOUT_ZONE);
    let assumed = report(&[&log]);
    assert_eq!(assumed["scan"]["from"], "2024-04-10T09:00:01Z");
    assert!(
        list(&assumed["notes"])
            .iter()
            .any(|n| text(n).contains("UTC") && text(n).contains("--tz"))
    );
    for (zone, from) in [
        ("America/New_York", "2024-04-10T09:00:01-04:00"),
        ("+02:00", "2024-04-10T09:00:01+02:00"),
        ("-07:00", "2024-04-10T09:00:01-07:00"),
        ("UTC", "2024-04-10T09:00:01Z"),
    ] {
        let told = report(&[&log, "--tz", zone]);
        assert_eq!(told["scan"]["from"], from, "--tz {zone}");
        assert_eq!(told["notes"], Value::Array(Vec::new()), "--tz {zone}");
    }
}

#[test]
fn a_zone_does_not_move_times_that_name_their_own() {
    let moved = report(&[AUTH_OUTAGE.args(), vec!["--tz".into(), "Asia/Tokyo".into()]].concat());
    assert_same(&moved, AUTH_OUTAGE.report(), "--tz Asia/Tokyo");
}

#[test]
fn a_log_of_which_no_line_is_understood() {
    let (_folder, prose) = folder_with("notes.txt", "Dear diary,\ntoday nothing broke.\n");
    let refused = run(&[&prose]);
    assert_refused(
        &refused,
        65,
        &[
            &prose,
            "none of 2 lines",
            "line 1: Dear diary,",
            "--log-format",
        ],
    );
    assert_refused(
        &run_with_stdin(&["-"], b"Dear diary,\n"),
        65,
        &["-: none of 1 lines", "Dear diary,"],
    );
}

#[test]
fn what_a_hostile_line_says_is_printed_harmless() {
    let (_folder, hostile) = folder_with("access.log", "\x1b[2J\x1b]0;owned\x07 \u{202e}gol\n");
    let refused = run(&[&hostile]);
    assert_refused(&refused, 65, &["owned"]);
    let harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
    assert!(refused.stderr.chars().all(harmless), "{:?}", refused.stderr);
}

#[test]
fn a_packed_file_that_breaks_off_is_read_up_to_there() {
    let whole = packed(&read_log(Path::new(
        "samples/not-the-deploy/logs/orders-1/orders.json",
    )));
    let (_folder, broken) = folder_with("orders.json.gz", &whole[..whole.len() / 2]);
    let report = report(&[&broken]);
    let scan = &report["scan"];
    let lines = scan["lines"].as_u64().unwrap();
    // 3,032 lines, of about the same length.
    assert!((1_000..2_000).contains(&lines), "{lines} lines");
    assert_eq!(
        scan["requests"], scan["lines"],
        "a line cut off by the break was counted"
    );
    let salvaged = &scan["salvaged"][0];
    assert_eq!(
        (&salvaged["file"], &salvaged["offset"]),
        (&broken.as_str().into(), &scan["bytes"])
    );
    assert!(!text(&salvaged["why"]).is_empty());
    let table = run(&[&broken]);
    assert_eq!(table.code, Some(0));
    assert!(
        table
            .stdout
            .contains("orders.json.gz was read only up to byte"),
        "{}",
        table.stdout
    );
}

#[test]
fn a_packed_file_without_a_line() {
    let (_folder, broken) = folder_with("access.log.gz", &packed(WITHOUT_ZONE.as_bytes())[..12]);
    assert_refused(&run(&[&broken]), 65, &[&broken, "nothing could be read"]);
}

#[test]
fn options_that_mean_nothing() {
    let (_folder, config) = folder_with("triage.toml", "colour = \"red\"\n");
    let logs = QUIET_DAY.logs();
    for (options, words) in [
        (
            &["--tz", "Mars/Olympus"][..],
            &["--tz Mars/Olympus", "no such zone"][..],
        ),
        (&["--window", "90s"], &["--window 90s", "whole minutes"]),
        (&["--window", "soon"], &["--window soon", "whole minutes"]),
        (&["--status", "5x"], &["`5x`", "no HTTP status"]),
        (&["--status", ""], &["no HTTP status"]),
        (&["--log-format", "(?<time"], &["not a regular expression"]),
        (
            &["--log-format", "(?<time>.*) (?<status>.*)"],
            &["no group for the request or path"],
        ),
        (&["--log-format", "apache99"], &["`apache99`", "combined"]),
        (
            &["--since", "yesterday-ish"],
            &["--since yesterday-ish", "not a time"],
        ),
        (&["--until", "25:00"], &["--until 25:00", "not a time"]),
        (&["--service", "[a"], &["--service [a"]),
        (&["--threads", "0"], &["--threads 0", "between 1 and 1024"]),
        (
            &["--config", &config],
            &[&config, "unknown field `colour`", "line 1"],
        ),
        (
            &["-", "--deploys", "-"],
            &["standard input can be read only once"],
        ),
    ] {
        let args: Vec<&str> = [logs.as_str()].iter().chain(options).copied().collect();
        assert_refused(&run(&args), 2, words);
    }
}

#[test]
fn options_that_are_not_there() {
    for option in [
        "--colour",
        "--format=xml",
        "--threads=many",
        "--json --format=table",
    ] {
        let refused = run(&[
            &[QUIET_DAY.logs().as_str()][..],
            &option.split(' ').collect::<Vec<_>>(),
        ]
        .concat());
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(2), ""),
            "{option}"
        );
        let named = option.split(['=', ' ']).next().unwrap();
        assert!(
            refused.stderr.contains(named) && refused.stderr.contains("--help"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_configuration_that_is_not_there() {
    assert_refused(
        &run(&[&QUIET_DAY.logs(), "--config", "no-such.toml"]),
        74,
        &["no-such.toml", "can't be read"],
    );
}

#[test]
fn a_report_that_cannot_be_written() {
    let refused = run(&[&QUIET_DAY.logs(), "--output", "no/such/folder/report.json"]);
    assert_refused(
        &refused,
        74,
        &["no/such/folder/report.json", "can't be written"],
    );
}

#[test]
fn a_full_disk_is_an_error() {
    // Linux has a device that is always full.
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let output = triage()
        .args([QUIET_DAY.logs(), "--json".into()])
        .stdout(full)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{stderr}");
    assert!(stderr.contains("the report can't be written"), "{stderr}");
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    // `triage … | head -1`: whoever reads is gone before the report is written.
    let mut child = triage()
        .args([AUTH_OUTAGE.args(), vec!["--json".into()]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn fail_on_tells_an_incident_and_a_suspect_from_none() {
    for (sample, what, code) in [
        (&AUTH_OUTAGE, "incident", 1),
        (&AUTH_OUTAGE, "suspect", 1),
        (&QUIET_DAY, "incident", 0),
        (&QUIET_DAY, "suspect", 0),
        (&NOT_THE_DEPLOY, "incident", 1),
        (&NOT_THE_DEPLOY, "suspect", 0),
    ] {
        let made = run(&[sample.args(), vec!["--fail-on".into(), what.into()]].concat());
        assert_eq!(
            made.code,
            Some(code),
            "{} --fail-on {what}\n{}",
            sample.name,
            made.stderr
        );
        assert!(
            !made.stdout.is_empty(),
            "the report is printed whatever the exit code"
        );
    }
}

#[test]
fn a_time_of_another_century_costs_no_memory_and_moves_no_incident() {
    let line = |second: usize, year: u32, status: u16| {
        let (minute, second) = (second / 60, second % 60);
        format!(
            "203.0.113.7 - - [10/Apr/{year}:09:{minute:02}:{second:02} +0000] \"GET /page HTTP/1.1\" {status} 5\n"
        )
    };
    let sound: String = (0..3_000)
        .map(|i| line(i, 2024, if i > 2_000 && i % 3 == 0 { 500 } else { 200 }))
        .collect();
    let incident = |text: &str| {
        let (_folder, path) = folder_with("shop.log", text);
        // With room for what a log of fifty minutes needs, and none for the minutes of five centuries.
        let run = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 2000000; exec \"$0\" \"$@\" --format json"])
            .arg(env!("CARGO_BIN_EXE_triage"))
            .arg(&path)
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(report["incidents"].as_array().unwrap().len(), 1);
        let incident = &report["incidents"][0];
        ["onset", "end", "state", "endpoints", "impact"].map(|key| incident[key].clone())
    };
    let strayed = format!("{sound}{}", line(0, 2512, 200));
    assert_eq!(incident(&strayed), incident(&sound));
}
