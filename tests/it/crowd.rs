//! Logs in which one address stands for everybody: behind a load balancer that hides its clients.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// 2024-06-03T08:00:00Z.
const EIGHT: i64 = 1_717_401_600;

const DEPLOYS: &str = r#"[
    {"id":"d-1","kind":"deploy","version":"1.9","at":"2024-06-03T08:15:00Z"},
    {"id":"d-2","kind":"deploy","version":"2.0","at":"2024-06-03T09:59:40Z"}
]"#;

/// Four hours of three pages, each asked for every third second; one in 600 requests fails anyway. From
/// 10:00 to 11:30 every sixth login fails. `who` is a request's client and user, and its agent.
fn write(folder: &Path, who: impl Fn(i64) -> (String, String)) {
    let mut lines = String::new();
    for second in 0..4 * 3_600 {
        let path = ["/api/me", "/api/login", "/api/cart"][(second % 3) as usize];
        let broken = path == "/api/login" && (7_200..12_600).contains(&second);
        let fails = second % 600 == 17 || broken && second % 18 == 1;
        let status = if fails { 500 } else { 200 };
        let time = jiff::Timestamp::from_second(EIGHT + second).unwrap();
        let time = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
        let (client, agent) = who(second);
        writeln!(
            lines,
            "{client} [{time}] \"GET {path} HTTP/1.1\" {status} 512 \"-\" \"{agent}\""
        )
        .unwrap();
    }
    std::fs::write(folder.join("access.log"), lines).unwrap();
}

fn look(who: impl Fn(i64) -> (String, String)) -> Value {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), who);
    let deploys = folder.path().join("deploys.json");
    std::fs::write(&deploys, DEPLOYS).unwrap();
    report(&[
        folder.path().join("access.log").to_str().unwrap(),
        "--deploys",
        deploys.to_str().unwrap(),
    ])
}

fn is_blamed(report: &Value) {
    let incidents = list(&report["incidents"]);
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(text(&incidents[0]["verdict"]), "change");
    assert_eq!(text(&incidents[0]["suspects"][0]["change"]), "d-2");
}

/// All lines have the load balancer's address and no agent: nobody can be told from anybody.
#[test]
fn behind_a_load_balancer_a_fault_of_all_is_no_client_s_storm() {
    let report = look(|_| ("10.0.0.1 - -".to_owned(), "-".to_owned()));
    is_blamed(&report);
    assert!(report["incidents"][0]["impact"]["users"].is_null());
}

/// The same with users' names: those are told apart, and their requests repeat nobody else's.
#[test]
fn users_behind_one_address_are_told_apart_by_their_names() {
    let report = look(|second| {
        let user = second / 3 % 211;
        (format!("10.0.0.1 - u{user}"), "app/1".to_owned())
    });
    is_blamed(&report);
    // Each of the 211 logs in some time within these 90 minutes; 300 failures hit them in turn.
    let users = &report["incidents"][0]["impact"]["users"];
    assert_eq!(users["active"], 211);
    assert!(users["proxy"].is_null());
}

/// One client's requests for the login fail, of 97 clients: it alone, whatever was deployed.
#[test]
fn a_client_that_alone_fails_among_many_accuses_nobody() {
    let report = look(|second| {
        let broken = (7_200..12_600).contains(&second) && second % 18 == 1;
        let client = if broken { 7 } else { 100 + second / 3 % 97 };
        (format!("198.51.100.{client} - -"), "app/1".to_owned())
    });
    let incidents = list(&report["incidents"]);
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(text(&incidents[0]["verdict"]), "unexplained");
    assert!(text(&incidents[0]["summary"]).starts_with("One client alone"));
}
