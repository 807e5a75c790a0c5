//! Likely mistakes: what was probably meant is said once, in the report and, where the report is for a
//! program, on standard error too.

use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// A folder with a file of markers, and what is typed to read the outage with it.
fn with_markers(markers: &str) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deploys.json");
    std::fs::write(&path, markers).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, vec![AUTH_OUTAGE.logs(), "-d".into(), path])
}

/// The notes of a report that have a word in them.
fn notes(report: &Value, word: &str) -> Vec<String> {
    let all = list(&report["notes"]).iter().map(|n| text(n).to_owned());
    all.filter(|note| note.contains(word)).collect()
}

#[test]
fn markers_in_local_time_are_proposed_to_be_read_in_the_logs_zone() {
    // The outage's deploy came at 09:00:00 -07:00.
    let (_folder, args) = with_markers(
        r#"[{"id":"d-1","kind":"deploy","service":"api","at":"2024-04-10 09:00:00"}]"#,
    );
    let run = run(&[&args[..], &["--json".into()]].concat());
    let said = notes(&report_of(&run), "--tz");
    let [note] = said.as_slice() else {
        panic!("{said:?}");
    };
    for word in [
        "7 h off the logs",
        "d-1 came 4 s before the onset of i1",
        "did you mean --tz=-07:00?",
    ] {
        assert!(note.contains(word), "{note}");
    }
    assert_eq!(
        run.stderr.matches(note.as_str()).count(),
        1,
        "{}",
        run.stderr
    );
    // As it says: then the deploy is named, and there is nothing left to say.
    let read = report(&[&args[..], &["--tz=-07:00".into()]].concat());
    assert_eq!(read["incidents"][0]["suspects"][0]["change"], "d-1");
    assert_eq!(notes(&read, "--tz"), Vec::<String>::new());
    // The table has it among its notes, and standard error stays for what went wrong.
    let table = crate::support::run(&args);
    assert_eq!(table.stderr, "");
    assert!(
        table.stdout.contains("7 h off the logs"),
        "{}",
        table.stdout
    );
}

#[test]
fn markers_that_all_lie_elsewhere_are_said_to() {
    for (at, where_) in [
        (
            "2024-04-13T09:00:00-07:00",
            "is 3 d after its end: are these the right files?",
        ),
        (
            "2024-04-01T09:00:00-07:00",
            "is 9 d before its begin: are these the right files?",
        ),
        (
            "2024-04-10T16:00:00-07:00",
            "is 4 h after its end: are these the right files?",
        ),
        (
            "2024-04-13 09:00:00",
            "is 3 d after its end: are these the right files, and did you mean --tz?",
        ),
    ] {
        let (_folder, args) = with_markers(&format!(r#"[{{"id":"d-1","at":"{at}"}}]"#));
        let said = notes(&report(&args), "no change marker lies within the log");
        assert!(said.len() == 1 && said[0].ends_with(where_), "{said:?}");
    }
}

#[test]
fn markers_among_the_logs_are_told_from_logs() {
    let sample = format!("samples/{}", AUTH_OUTAGE.name);
    let deploys = AUTH_OUTAGE.deploys();
    let meant =
        format!("{deploys} was read as a log, but holds 5 change markers: did you mean --deploys?");
    let forgotten = report(&[&AUTH_OUTAGE.logs(), &deploys]);
    assert_eq!(notes(&forgotten, "--deploys").join("\n"), meant);
    assert_eq!(notes(&report(&[&sample]), "--deploys"), [meant]);
    assert_eq!(
        notes(&report(&[&sample, "-d", &deploys]), "--deploys"),
        Vec::<String>::new()
    );
    let swapped = run(&[&deploys]);
    assert_eq!(swapped.code, Some(65));
    assert!(
        swapped.stderr.contains(&format!(
            "it holds 5 change markers, not logs: triage logs/ --deploys {deploys}"
        )),
        "{}",
        swapped.stderr
    );
    let log = format!("{}/api-1/api.access.log", AUTH_OUTAGE.logs());
    let swapped = run(&[&deploys, "--deploys", &log]);
    assert_eq!(swapped.code, Some(65));
    assert!(
        swapped.stderr.contains("an access log in place of markers"),
        "{}",
        swapped.stderr
    );
    let folder = run(&[&sample, "-d", &sample]);
    assert_eq!(folder.code, Some(74));
    assert!(
        folder.stderr.contains("--deploys takes files"),
        "{}",
        folder.stderr
    );
}

#[test]
fn filters_that_let_nothing_through_are_answered_with_what_there_is() {
    for filter in [
        ["--since", "23:00"],
        ["--until", "2020-01-01T00:00:00Z"],
        ["--service", "apii"],
    ] {
        let told = report(&[&AUTH_OUTAGE.args()[..], &filter.map(str::to_owned)].concat());
        assert_eq!(told["scan"]["requests"], 0);
        let said = notes(&told, "is asked for");
        // What lies outside the asked time is not all read, so nobody knows how many requests there are.
        let none = match filter[0] {
            "--service" => format!(
                "none of the {} requests is",
                AUTH_OUTAGE.report()["scan"]["requests"]
            ),
            _ => "no request is".to_owned(),
        };
        // The first and the last request of the log.
        let words = [
            none.as_str(),
            "2024-04-10T06:00:00-07:00",
            "2024-04-10T11:59:59-07:00",
        ];
        assert!(
            said.len() == 1 && words.iter().all(|w| said[0].contains(w)),
            "{filter:?}: {said:?}"
        );
    }
}

#[test]
fn an_incident_is_named_before_the_logs() {
    assert!(Path::new(ROOT).join(AUTH_OUTAGE.logs()).exists());
    let run = run(&["show", &AUTH_OUTAGE.logs()]);
    assert_eq!((run.code, &*run.stdout), (Some(2), ""));
    assert!(
        run.stderr.contains("triage show i1 logs/"),
        "{}",
        run.stderr
    );
}

#[test]
fn options_and_their_values_are_corrected() {
    let logs = AUTH_OUTAGE.logs();
    for (args, meant) in [
        (["--deploy", "x"], "'--deploys'"),
        (["--formt", "html"], "'--format'"),
        (["--format", "htm"], "'html'"),
        (["--color", "alway"], "'always'"),
    ] {
        let run = run(&[&*logs, args[0], args[1]]);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(meant), "{}", run.stderr);
    }
}

#[test]
fn a_log_whose_lines_read_like_markers_too_is_no_file_of_markers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("requests.jsonl");
    let lines = (0..60).map(|i| {
        format!(
            r#"{{"time":"2024-06-03T09:00:{i:02}Z","service":"shop","version":"2.1.0","method":"GET","path":"/","status":200}}"#
        ) + "\n"
    });
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    assert_eq!(notes(&report(&[path]), "--deploys"), Vec::<String>::new());
}
