//! Paths with names in them, and files named after machines: what becomes of them in the report.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// 2024-06-03T08:00:00Z.
const EIGHT: i64 = 1_717_401_600;

/// A line of an access log; the client's number tells its address.
fn line(second: i64, client: i64, path: &str, status: u16) -> String {
    let time = jiff::Timestamp::from_second(EIGHT + second).unwrap();
    let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
    format!(
        "198.51.100.{client} - - [{time}] \"GET {path} HTTP/1.1\" {status} 512 \"-\" \"app/1.0\"\n"
    )
}

/// A name nobody had before.
fn name(i: i64) -> String {
    let letters = b"bcdfghjklmnp";
    let letter = |place: u32| letters[(i / 12_i64.pow(place) % 12) as usize] as char;
    (0..5).map(letter).chain("son".chars()).collect()
}

fn one(report: &Value) -> &Value {
    let [incident] = list(&report["incidents"]) else {
        panic!("{}", report["incidents"]);
    };
    incident
}

/// Three hours; of the members' pages, each asked for once or twice, half fail from 10:00 on.
fn members(path: &Path) {
    let mut log = String::new();
    for second in 0..3 * 3_600 {
        if second % 3 == 0 {
            log += &line(second, second % 90, "/health", 200);
        }
        if second % 6 == 1 {
            let fails = second >= 7_200 && second % 12 == 1;
            let page = format!("/members/{}/orders?page=1", name(second / 12 * 5));
            log += &line(second, second % 97, &page, if fails { 500 } else { 200 });
        }
        if second % 10 == 5 {
            log += &line(second, second % 89, "/members/me", 200);
        }
    }
    std::fs::write(path, log).unwrap();
}

#[test]
fn names_in_paths_are_one_endpoint_and_its_lines_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("shop.log");
    members(&log);
    let log = log.to_str().unwrap();
    let found = report(&[log]);
    let endpoint = &list(&one(&found)["endpoints"])[0];
    assert_eq!(text(&endpoint["endpoint"]), "/members/{name}/orders");
    // One in twelve seconds, from 10:00:01 to 10:59:49.
    assert_eq!(endpoint["errors"], 300);
    let all: Vec<(&str, u64)> = list(&found["endpoints"])
        .iter()
        .map(|e| (text(&e["endpoint"]), e["requests"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        all,
        [
            ("/members/{name}/orders", 1_800),
            ("/health", 3_600),
            ("/members/me", 1_080)
        ]
    );
    let notes = list(&found["notes"]).iter().map(text).collect::<Vec<_>>();
    assert_eq!(
        notes,
        [
            "names that come and go are counted together: /members/{name} of shop; `routes` in --config can tell them apart"
        ]
    );
    let shown = run(&["show", "i1", log]);
    assert_eq!(shown.stdout.lines().count(), 300);
    assert!(
        shown
            .stdout
            .lines()
            .all(|line| line.contains("/members/") && line.contains(" 500 "))
    );
    let asked = report(&[log, "--endpoint", "/members/{name}/orders"]);
    assert_eq!(list(&one(&asked)["endpoints"])[0]["errors"], 300);
}

/// Two pods of one deployment, in files that `kubectl logs` filled; one fails from 10:00 on.
#[test]
fn pods_in_files_names_are_hosts_of_the_service_that_the_marker_names() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let mut pods = [String::new(), String::new()];
    for second in (0..3 * 3_600).step_by(2) {
        let pod = (second / 2 % 2) as usize;
        let status = if pod == 1 && second >= 7_200 {
            500
        } else {
            200
        };
        write!(
            pods[pod],
            "{}",
            line(second, second % 97, "/v1/cart", status)
        )
        .unwrap();
    }
    for (lines, pod) in pods.iter().zip(["x2x9k", "qwv5z"]) {
        std::fs::write(logs.join(format!("shop-7d9f8b6c5d-{pod}.log")), lines).unwrap();
    }
    let deploys = folder.path().join("deploys.json");
    let marker = r#"[{"id":"d-1","service":"shop","version":"2.1.0","at":"2024-06-03T09:59:30Z"}]"#;
    std::fs::write(&deploys, marker).unwrap();
    let found = report(&[
        logs.to_str().unwrap(),
        "--deploys",
        deploys.to_str().unwrap(),
    ]);
    assert_eq!(found["scan"]["services"], serde_json::json!(["shop"]));
    let scope = &list(&one(&found)["scope"])[0];
    assert_eq!(
        (text(&scope["label"]), text(&scope["value"])),
        ("host", "shop-7d9f8b6c5d-qwv5z")
    );
    assert_eq!(scope["coverage"], 1.0);
    assert_eq!(found["changes"][0]["in_sight"], true);
}
