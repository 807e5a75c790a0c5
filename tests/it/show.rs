//! `triage show`: every number of an incident can be traced to its lines.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// What `triage show i1` prints of the outage, with these arguments.
fn shown(args: &[&str]) -> Run {
    let sample: Vec<String> = AUTH_OUTAGE.args();
    let sample: Vec<&str> = sample.iter().map(String::as_str).collect();
    run(&[&["show", "i1"], &sample[..], args].concat())
}

fn outage() -> &'static Value {
    &AUTH_OUTAGE.report()["incidents"][0]
}

#[test]
fn the_lines_shown_are_the_errors_counted_each_once_and_where_it_says() {
    let told = shown(&["-n", "0"]);
    assert_eq!((told.code, &*told.stderr), (Some(0), ""));
    let lines: Vec<&str> = told.stdout.lines().collect();
    let errors = outage()["impact"]["errors"].as_u64().unwrap();
    assert_eq!(lines.len() as u64, errors);
    assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), lines.len());
    for line in [lines[0], lines[lines.len() / 2], lines[lines.len() - 1]] {
        let (place, text) = line.split_once(": ").unwrap();
        let (file, number) = place.rsplit_once(':').unwrap();
        let number: usize = number.parse().unwrap();
        assert_eq!(
            String::from_utf8(read_log(Path::new(ROOT).join(file).as_path()))
                .unwrap()
                .lines()
                .nth(number - 1),
            Some(text),
            "{place}"
        );
        assert!(text.contains("\" 50"), "{text}");
    }
}

#[test]
fn counts_by_window_add_up_to_the_impact() {
    let told: Value = serde_json::from_str(&shown(&["--json", "--window", "10m"]).stdout).unwrap();
    assert_eq!(told["schema"], "triage.lines/1");
    let impact = &outage()["impact"];
    assert_eq!(
        (&told["requests"], &told["errors"]),
        (&impact["requests"], &impact["errors"])
    );
    let sum = |place: usize| -> u64 {
        list(&told["windows"])
            .iter()
            .map(|w| w[place].as_u64().unwrap())
            .sum()
    };
    assert_eq!(
        (&sum(1).into(), &sum(2).into()),
        (&impact["requests"], &impact["errors"])
    );
    let table = shown(&["--count", "--window", "10m"]).stdout;
    // A head, the windows and their sum.
    assert_eq!(table.lines().count(), list(&told["windows"]).len() + 2);
    let last: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last[..3], ["all", &sum(1).to_string(), &sum(2).to_string()]);
}

#[test]
fn lines_are_told_apart_by_what_they_have() {
    let count = |filter: &str| {
        shown(&["-n", "0", "--where", filter])
            .stdout
            .lines()
            .count() as u64
    };
    let statuses: u64 = list(&outage()["endpoints"])
        .iter()
        .filter_map(|e| e["statuses"]["500"].as_u64())
        .sum();
    assert_eq!(count("status=500"), statuses);
    let login = list(&outage()["endpoints"])
        .iter()
        .find(|e| e["endpoint"] == "/api/v1/login")
        .unwrap();
    assert_eq!(
        count("endpoint=POST /api/v1/login"),
        login["errors"].as_u64().unwrap()
    );
    assert_eq!(count("version=9.9.9"), 0);
    let few = shown(&["-n", "3"]);
    assert_eq!(few.stdout.lines().count(), 3);
    assert!(few.stderr.starts_with("3 earliest of "), "{}", few.stderr);
}

#[test]
fn what_is_not_there_is_said() {
    let sample = AUTH_OUTAGE.logs();
    for (args, says, hint) in [
        (["show", "i7", &*sample], "no incident i7", "there is i1"),
        (
            ["show", "i1", "samples/quiet-day/logs"],
            "no incident i1",
            "show no incident",
        ),
    ] {
        let told = run(&args);
        assert_eq!((told.code, &*told.stdout), (Some(2), ""));
        assert!(
            told.stderr.contains(says) && told.stderr.contains(hint),
            "{}",
            told.stderr
        );
    }
    let told = run(&["show", "i1", &sample, "--where", "colour=red"]);
    assert_eq!(told.code, Some(2));
    assert!(
        told.stderr.contains("the keys are endpoint, "),
        "{}",
        told.stderr
    );
}
