//! A job that comes back: one incident, counted at its times only, and no change's fault for having
//! been near one of them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// 2024-06-03T05:40:00Z.
const BEGIN: i64 = 1_717_393_200;
const HOURS: i64 = 9;

/// A deploy a minute before one of the times, one long after the first, and a note of another service.
const DEPLOYS: &str = r#"[
    {"id":"d-1","kind":"deploy","service":"shop","version":"1.9","at":"2024-06-03T09:58:50Z"},
    {"id":"d-2","kind":"deploy","service":"shop","version":"2.0","at":"2024-06-03T12:20:00Z"}
]"#;

/// Nine hours of three pages, each asked for every third second by one of 97 users. One in 1,200
/// requests fails anyway; from each full hour since `from` every second report fails for five minutes.
fn lines(from: i64) -> String {
    let mut lines = String::new();
    for second in BEGIN..BEGIN + HOURS * 3_600 {
        let path = ["/report", "/login", "/cart"][(second % 3) as usize];
        let due = second >= from && second % 3_600 < 300;
        let fails = second % 1_200 == 700 || due && path == "/report" && second % 2 == 0;
        let status = if fails { 503 } else { 200 };
        let time = jiff::Timestamp::from_second(second).unwrap();
        let user = (second * 7_919) % 97;
        writeln!(
            lines,
            r#"{{"time":"{time}","service":"shop","method":"GET","path":"{path}","status":{status},"user":"u{user}"}}"#
        )
        .unwrap();
    }
    lines
}

/// The report on it, and what its one incident's `next` command says when it counts.
fn look(folder: &Path, from: i64) -> (Value, Value) {
    let log = folder.join("shop.log");
    std::fs::write(&log, lines(from)).unwrap();
    let deploys = folder.join("deploys.json");
    std::fs::write(&deploys, DEPLOYS).unwrap();
    let of = [log.to_str().unwrap(), "-d", deploys.to_str().unwrap()];
    let whole = report(&of);
    let shown = run(&[&["show", "i1"], &of[..], &["--json"]].concat());
    let counts = serde_json::from_str(&shown.stdout).unwrap();
    (whole, counts)
}

fn only(report: &Value) -> &Value {
    match list(&report["incidents"]) {
        [incident] => incident,
        all => panic!("{} incidents: {all:#?}", all.len()),
    }
}

#[test]
fn a_job_of_each_hour_is_one_incident_that_no_deploy_made() {
    let folder = tempfile::tempdir().unwrap();
    let (report, counts) = look(folder.path(), BEGIN);
    let incident = only(&report);
    let recurring = &incident["recurring"];
    assert_eq!(
        (&recurring["every_s"], &recurring["times"]),
        (&3_600.into(), &9.into())
    );
    // It may have come at 05:00, too; and at 15:00 it is due again.
    assert!(incident["onset"].is_null(), "{}", incident["onset"]);
    assert_eq!(incident["state"], "ongoing");
    assert_eq!(incident["first_failure"], "2024-06-03T06:00:00Z");
    assert_eq!(text(&incident["verdict"]), "unexplained");
    assert!(text(&incident["summary"]).contains("comes back every 1 h (9 times)"));
    for change in list(&incident["changes"]) {
        assert_ne!(change["status"], "suspect", "{change}");
    }
    // Nine times five minutes, 100 reports each, of which half fail.
    let impact = &incident["impact"];
    assert_eq!(recurring["lasts_s"], 300);
    assert_eq!(
        (&impact["requests"], &impact["errors"]),
        (&900.into(), &450.into())
    );
    assert_eq!(
        (&counts["requests"], &counts["errors"]),
        (&900.into(), &450.into())
    );
    let told = list(&incident["changes"])
        .iter()
        .find(|c| c["change"] == "d-2");
    assert!(text(&told.unwrap()["why"]).contains("it came 7 times before it and 2 times after it"));
}

/// The same job, but only since 10:00: the deploy of 09:58:50 came in the hour before its first
/// time, as a cause must; that it came 70 s before it, and not 40 minutes, says nothing.
#[test]
fn how_near_a_deploy_was_to_the_first_time_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let (report, _) = look(folder.path(), BEGIN + 4 * 3_600);
    let incident = only(&report);
    assert_eq!(incident["recurring"]["times"], 5);
    let onset = text(&incident["onset"]);
    assert!(
        seconds_between("2024-06-03T10:00:00Z", onset).abs() <= 30.0,
        "{onset}"
    );
    let suspects = list(&incident["suspects"]);
    let first = suspects.iter().find(|s| s["change"] == "d-1").unwrap();
    let lag = list(&first["evidence"]).iter().find(|e| e["kind"] == "lag");
    // A deploy 70 s before an onset of another kind is worth 4.6 nats or more.
    assert!(
        (0.0..3.5).contains(&number(&lag.unwrap()["nats"])),
        "{lag:?}"
    );
    assert!(suspects.iter().all(|s| s["change"] != "d-2"));
}
