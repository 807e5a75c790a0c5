//! `triage changes`: what a person sees of marker files, and what `--deploys` reads back.

use std::fs;

use serde_json::{Value, json};

use crate::support::{AUTH_OUTAGE, list, run, run_with_stdin, text};

/// A GitHub deployment, its status in a page of another call, and one that another system told.
const GITHUB: &str = r#"[{"url":"https://api.github.com/repos/acme/api/deployments/71","id":71,
    "sha":"9f3c51ad77","ref":"v2.4.0","task":"deploy","environment":"production",
    "creator":{"login":"dana"},"created_at":"2024-04-10T15:58:30Z",
    "statuses_url":"https://api.github.com/repos/acme/api/deployments/71/statuses",
    "repository_url":"https://api.github.com/repos/acme/api"}]"#;
const STATUS: &str = r#"[{"deployment_url":"https://api.github.com/repos/acme/api/deployments/71",
    "state":"failure","created_at":"2024-04-10T15:59:30Z","environment":"production"}]
    []"#;
const BY_HAND: &str = "deployed_at,app,version,env,message\n\
    2024-04-10 16:01:00 UTC,api,v2.4.0,production,\"new login, \"\"soon\"\"\"\n\
    2024-04-10 18:00:00 UTC,api,v2.3.9,production,Rollback to v2.3.9\n\
    yesterday,api,v2.3.8,production,nothing\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("github.json", GITHUB),
        ("status.json", STATUS),
        ("hand.csv", BY_HAND),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn changes(args: &[&str]) -> crate::support::Run {
    let all: Vec<&str> = ["changes"].iter().chain(args).copied().collect();
    run(&all)
}

fn as_json(args: &[&str]) -> Value {
    let run = changes(&[args, &["--json"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn one_deploy_told_by_two_systems_is_one_change_and_what_was_left_out_is_said() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = changes(&[
        &path("github.json"),
        &path("status.json"),
        &path("hand.csv"),
        "--json",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let all: Value = serde_json::from_str(&run.stdout).unwrap();
    let [deploy, rollback] = list(&all) else {
        panic!("{all}")
    };
    let keys = [
        "id",
        "kind",
        "service",
        "version",
        "at",
        "finished_at",
        "status",
        "author",
        "description",
    ];
    let told: Vec<&Value> = keys.iter().map(|key| &deploy[*key]).collect();
    assert_eq!(
        json!(told),
        json!([
            "71",
            "deploy",
            "api",
            "v2.4.0",
            "2024-04-10T15:58:30Z",
            "2024-04-10T15:59:30Z",
            "failed",
            "dana",
            "new login, \"soon\""
        ])
    );
    assert_eq!(
        (text(&rollback["kind"]), text(&rollback["rollback_of"])),
        ("rollback", "71")
    );
    assert_eq!(text(&rollback["previous_version"]), "v2.4.0");

    for said in [
        "github.json: GitHub deployments, 1 entry, 1 change",
        "status.json: GitHub deployment statuses, 1 entry, 1 change",
        "hand.csv: CSV, 3 entries, 2 changes",
        "note: left out: marker 3: \"yesterday\" can't be read as a time",
        "note: told by two files and taken for one: m-",
        "2 changes once they are joined",
    ] {
        assert!(run.stderr.contains(said), "{said:?} in\n{}", run.stderr);
    }
    assert_eq!(changes(&[&path("github.json"), "--quiet"]).stderr, "");
}

#[test]
fn what_is_printed_reads_back_as_the_same_changes() {
    let folder = folder();
    let source = folder.path().join("odd.json");
    let odd = json!([
        {"at": 1712764710.25, "kind": "config", "service": "a;b", "description": "two\nlines, \"quoted\"",
         "hosts": ["lb-1", "lb,2"], "endpoints": ["/a", "/b"], "files": ["[x].rs"],
         "ticket": {"id": 7, "labels": ["x"]}, "risk": 3},
        {"finished_at": "2024-04-10T16:00:00Z", "service": "api", "version": "1.10", "status": "odd"},
        {"at": "2024-04-10T17:00:00Z", "service": "api", "version": "1.9", "status": "aborted"},
    ]);
    fs::write(&source, odd.to_string()).unwrap();
    let files = [
        source.display().to_string(),
        AUTH_OUTAGE.deploys(),
        folder.path().join("github.json").display().to_string(),
    ];
    for file in &files {
        let first = as_json(&[file]);
        assert!(!list(&first).is_empty());
        for format in ["json", "ndjson", "csv"] {
            let printed = changes(&[file, "--format", format]).stdout;
            let again = run_with_stdin(&["changes", "-", "--json"], printed.as_bytes());
            assert_eq!(again.code, Some(0), "{}", again.stderr);
            let again: Value = serde_json::from_str(&again.stdout).unwrap();
            crate::support::assert_same(&again, &first, &format!("{file} as {format}"));
        }
    }
}

#[test]
fn printed_changes_are_judged_as_their_source() {
    let folder = tempfile::tempdir().unwrap();
    let printed = folder.path().join("deploys.json");
    fs::write(
        &printed,
        changes(&[&AUTH_OUTAGE.deploys(), "--json", "-q"]).stdout,
    )
    .unwrap();
    let logs = AUTH_OUTAGE.logs();
    let report = crate::support::report(&[logs.as_str(), "-d", printed.to_str().unwrap()]);
    for key in ["incidents", "changes"] {
        crate::support::assert_same(&report[key], &AUTH_OUTAGE.report()[key], key);
    }
}

#[test]
fn only_the_changes_asked_for_are_printed() {
    let deploys = AUTH_OUTAGE.deploys();
    let ids = |args: &[&str]| -> Vec<String> {
        let all = as_json(&[&[deploys.as_str()], args].concat());
        list(&all)
            .iter()
            .map(|change| text(&change["id"]).to_owned())
            .collect()
    };
    assert_eq!(ids(&["--service", "w*"]), ["d-3102"]);
    assert_eq!(ids(&["--until", "2024-04-10T08:25:00-07:00"]), ["m-77"]);
    let since = ids(&[
        "--tz",
        "America/Los_Angeles",
        "--since",
        "08:50",
        "--until",
        "09:30",
    ]);
    assert_eq!(since, ["d-3102", "d-3104"]);
    let zoned = as_json(&[&deploys, "--tz", "America/Los_Angeles"]);
    assert_eq!(text(&zoned[0]["at"]), "2024-04-10T07:40:00-07:00");
}

#[test]
fn the_table_fits_a_terminal_of_80_columns_and_cannot_drive_it() {
    let hostile = r#"[{"at":1712764710,"service":"an-api-with-quite-a-long-name","id":"d\u001b[2J-1",
        "version":"2024.04.10-9f3c51ad77-a-long-one","status":"failed","author":"d\u202ea",
        "description":"a very long description of what was changed, which goes on and on, and on"}]"#;
    let run = run_with_stdin(&["changes", "-"], hostile.as_bytes());
    assert_eq!(
        run.stdout,
        "at (UTC)             kind       service           version                 status\n\
         2024-04-10 15:58:30  deploy     an-api-with-qui…  2024.04.10-9f3c51ad77…  failed\n\
         \u{20}                    a very long description of what was changed, which goes on\n\
         \u{20}                    and on, and on · d\\u{202e}a · d\\x1b[2J-1\n"
    );
    assert_eq!(run.stderr, "standard input: JSON, 1 entry, 1 change\n");
}

#[test]
fn a_wrong_file_is_refused_with_a_way_out() {
    let table: [(&[u8], &str, &str); 6] = [
        (b"", "the file is empty", "`[]`"),
        (
            br#"{"message":"Bad credentials"}"#,
            "Bad credentials",
            "token",
        ),
        (b"<html><body>Sign in</body></html>", "HTML page", "token"),
        (
            b"10.0.0.1 - - [10/Apr/2024:08:58:30 +0000] \"GET / HTTP/1.1\" 200 5\n",
            "an access log",
            "triage access.log --deploys",
        ),
        (b"\x1f\x8b\x08\0\0", "packed", "gzip -dc"),
        (
            br#"[{"service":"api","version":"2"}]"#,
            "its keys are service, version",
            "\"at\":",
        ),
    ];
    for (bytes, said, hint) in table {
        let run = run_with_stdin(&["changes", "-"], bytes);
        assert_eq!((run.code, run.stdout.as_str()), (Some(65), ""), "{said}");
        let (error, advice) = run.stderr.split_once("\n\nhint: ").unwrap();
        assert!(
            error.contains(said) && advice.contains(hint),
            "{}",
            run.stderr
        );
    }
    assert_eq!(changes(&[]).code, Some(2));
    assert_eq!(changes(&["-", "-"]).code, Some(2));
    assert_eq!(changes(&["no-such-file.json"]).code, Some(74));
}

#[test]
fn what_a_spreadsheet_would_compute_is_text_there_and_the_same_marker_here() {
    let markers = r#"[{"at":"2024-04-10T09:00:00Z","id":"=1+1","service":"@acme/api","version":"-2","author":"+me",
        "description":"=HYPERLINK(\"https://evil.example\")"}]"#;
    let csv = run_with_stdin(&["changes", "-", "--format", "csv"], markers.as_bytes());
    let cells = csv.stdout.lines().nth(1).unwrap();
    for cell in [
        r#"" =1+1""#,
        r#"" @acme/api""#,
        r#"" -2""#,
        r#"" +me""#,
        r#"" =HYPERLINK(""https:"#,
    ] {
        assert!(cells.contains(cell), "{cell} in {cells}");
    }
    assert!(!cells.starts_with('=') && !cells.contains(",="), "{cells}");
    let again = |text: &str| run_with_stdin(&["changes", "-", "--json"], text.as_bytes()).stdout;
    let read = |text: &str| -> Value { serde_json::from_str(&again(text)).unwrap() };
    let (first, second) = (read(markers), read(&csv.stdout));
    assert_eq!(list(&first)[0]["id"], "=1+1");
    assert_eq!(first, second);
}
