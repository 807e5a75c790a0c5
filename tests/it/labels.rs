//! Logs whose lines name versions, hosts and what went wrong: what the report makes of them.

use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// 2024-06-03T08:00:00Z.
const EIGHT: i64 = 1_717_401_600;

fn clock(minute: i64, second: i64) -> String {
    jiff::Timestamp::from_second(EIGHT + minute * 60 + second)
        .unwrap()
        .to_string()
}

/// Two hours of a shop on three pods, 60 requests a minute, one in 300 of which fails anyway. From
/// 09:20 on the third pod takes every fifth request with version 2.1.0, and fails every second one.
fn canary(folder: &Path) {
    let mut pods = [String::new(), String::new(), String::new()];
    for minute in 0..120 {
        for second in 0..60 {
            let i = minute * 60 + second;
            let canary = minute >= 80 && i % 5 == 0;
            let pod = if canary { 2 } else { (i % 2) as usize };
            let version = if canary { "2.1.0" } else { "2.0.4" };
            let fails = i % 300 == 7 || canary && i % 10 == 0;
            let status = if fails { 500 } else { 200 };
            let client = format!("198.51.100.{}", i % 97);
            pods[pod] += &format!(
                "{{\"time\":\"{}\",\"service\":\"shop\",\"pod\":\"shop-{pod}\",\"version\":\"{version}\",\"method\":\"GET\",\"path\":\"/v1/cart\",\"status\":{status},\"client_ip\":\"{client}\"}}\n",
                clock(minute, second)
            );
        }
    }
    for (number, lines) in pods.iter().enumerate() {
        std::fs::write(folder.join(format!("shop-{number}.log")), lines).unwrap();
    }
}

fn look(folder: &Path, markers: &str, more: &[&str]) -> Value {
    let deploys = folder.join("deploys.json");
    std::fs::write(&deploys, markers).unwrap();
    let logs = folder.join("logs");
    let mut args = vec![
        logs.to_str().unwrap(),
        "--deploys",
        deploys.to_str().unwrap(),
    ];
    args.extend(more);
    report(&args)
}

fn evidence<'r>(suspect: &'r Value, kind: &str) -> Option<&'r Value> {
    list(&suspect["evidence"])
        .iter()
        .find(|e| text(&e["kind"]) == kind)
}

#[test]
fn a_canary_that_no_marker_lists_is_found_by_its_version() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    canary(&folder.path().join("logs"));
    let other = r#"[{"id":"c-1","kind":"config","service":"shop","at":"2024-06-03T09:05:00Z"}]"#;
    let report = look(folder.path(), other, &[]);
    let incident = &list(&report["incidents"])[0];

    let scope = list(&incident["scope"]);
    assert_eq!(scope.len(), 1);
    assert_eq!(text(&scope[0]["label"]), "version");
    assert_eq!(text(&scope[0]["value"]), "2.1.0");
    // 40 minutes of 6 in 60 on the canary; 8 of the others fail anyway, as expected.
    assert!(number(&scope[0]["coverage"]) > 0.95);

    assert_eq!(text(&incident["verdict"]), "change");
    let suspect = &list(&incident["suspects"])[0];
    assert_eq!(text(&suspect["change"]), "unmarked:shop@2.1.0");
    assert_eq!(
        number(&evidence(suspect, "version_contrast").unwrap()["nats"]),
        6.0
    );
    let change = &list(&report["changes"])[1];
    assert_eq!(text(&change["id"]), "unmarked:shop@2.1.0");
    assert_eq!(text(&change["source"]), "logs");
    assert_eq!(text(&change["at"]), "2024-06-03T09:20:00Z");
    assert_eq!(text(&change["previous_version"]), "2.0.4");
}

#[test]
fn a_marker_of_the_version_takes_its_place_and_threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    canary(&folder.path().join("logs"));
    let marker =
        r#"[{"id":"d-1","service":"shop","version":"v2.1.0","at":"2024-06-03T09:19:40Z"}]"#;
    let alone = look(folder.path(), marker, &["--threads", "1"]);
    assert_eq!(list(&alone["changes"]).len(), 1);
    let suspect = &list(&list(&alone["incidents"])[0]["suspects"])[0];
    assert_eq!(text(&suspect["change"]), "d-1");
    assert!(evidence(suspect, "version_contrast").is_some());
    let many = look(folder.path(), marker, &["--threads", "4"]);
    assert_same(&many, &alone, "four threads");
}

#[test]
fn equal_versions_clear_a_deploy_that_came_just_before() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    // Half of the pods get 2.1.0 at 09:18; from 09:20 on a quarter of all requests fail.
    let mut lines = String::new();
    for minute in 0..120 {
        for second in 0..60 {
            let i = minute * 60 + second;
            let pod = i % 4;
            let version = if minute >= 78 && pod < 2 {
                "2.1.0"
            } else {
                "2.0.4"
            };
            let fails = i % 300 == 7 || minute >= 80 && i / 4 % 4 == 0;
            let status = if fails { 500 } else { 200 };
            lines += &format!(
                "ts={} service=shop pod=shop-{pod} version={version} method=GET path=/cart status={status} remote=198.51.100.{}\n",
                clock(minute, second),
                i % 97
            );
        }
    }
    std::fs::write(logs.join("shop.log"), lines).unwrap();
    let marker = r#"[{"id":"d-1","service":"shop","version":"2.1.0","at":"2024-06-03T09:18:00Z"}]"#;
    let report = look(folder.path(), marker, &[]);
    let incident = &list(&report["incidents"])[0];
    assert_eq!(text(&incident["verdict"]), "unexplained");
    assert!(list(&incident["scope"]).is_empty());
    let suspect = &list(&incident["suspects"])[0];
    assert_eq!(
        number(&evidence(suspect, "version_contrast").unwrap()["nats"]),
        -8.0
    );
}

#[test]
fn the_outage_shows_in_what_the_application_wrote() {
    let incident = &list(&AUTH_OUTAGE.report()["incidents"])[0];
    let signature = &list(&incident["signatures"])[0];
    assert_eq!(
        text(&signature["template"]),
        "TokenValidationException: unsupported key id k-<*>"
    );
    assert_eq!(text(&signature["service"]), "api");
    assert_eq!(signature["novel"], Value::Bool(true));
    assert_eq!(number(&signature["count_before"]), 0.0);
    // `grep -c TokenValidationException` over the application's logs.
    assert_eq!(number(&signature["count_after"]), 1_125.0);
    let example = &signature["example"];
    let file = text(&example["file"]);
    let line = read_text(file)
        .lines()
        .nth(number(&example["line"]) as usize - 1)
        .unwrap()
        .to_owned();
    assert_eq!(line, text(&example["text"]));
    let suspect = &list(&incident["suspects"])[0];
    assert_eq!(
        number(&evidence(suspect, "signature").unwrap()["nats"]),
        1.4
    );
    assert!(text(&evidence(suspect, "stack").unwrap()["text"]).contains("TokenValidator.java"));
    // The other message was there all day.
    let other = &list(&incident["signatures"])[1];
    assert_eq!(
        text(&other["template"]),
        "PoolTimeoutException: no connection within <*> ms"
    );
    assert_eq!(other["novel"], Value::Bool(false));
}

/// What an incident's messages are: text, lines before, lines since, whether new.
fn messages(report: &Value) -> Vec<(&str, f64, f64, bool)> {
    let incident = &list(&report["incidents"])[0];
    let all = list(&incident["signatures"]).iter();
    all.map(|s| {
        let (before, since) = (number(&s["count_before"]), number(&s["count_after"]));
        (text(&s["template"]), before, since, s["novel"] == true)
    })
    .collect()
}

/// Two hours of one request a second; from 09:00 on one in three fails, and something is said about each.
fn failing(line: impl Fn(&str, i64, u16) -> String) -> String {
    let each = (0..7_200).map(|i| {
        let status = if i >= 3_600 && i % 3 == 0 { 500 } else { 200 };
        line(&clock(i / 60, i % 60), i, status)
    });
    each.collect()
}

#[test]
fn what_failed_requests_say_was_thrown_is_heard_where_nothing_else_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = failing(|time, i, status| {
        let thrown = match status {
            500 => format!(r#","error":"KeyError: no tenant {i}""#),
            _ => String::new(),
        };
        format!(
            r#"{{"time":"{time}","service":"orders","method":"GET","path":"/orders/{i}","status":{status}{thrown}}}"#
        ) + "\n"
    });
    std::fs::write(folder.path().join("orders.jsonl"), &log).unwrap();
    let report = report(&[folder.path()]);
    // `grep -c KeyError`.
    let lines = log.matches("KeyError").count();
    assert_eq!(lines, 1_200);
    assert_eq!(
        messages(&report),
        [("KeyError: no tenant <*>", 0.0, 1_200.0, true)]
    );
}

#[test]
fn a_service_that_speaks_only_of_errors_among_its_requests_was_silent_before() {
    let folder = tempfile::tempdir().unwrap();
    let log = failing(|time, i, status| {
        let time = time.replace('T', " ").replace('Z', ",123");
        let request = format!("{time} INFO [exec-1] Access - GET /orders/{i} {status} 7ms\n");
        match status {
            500 => {
                request
                    + &format!(
                        "java.lang.IllegalStateException: no key k-{i}\n\tat Keys.get(Keys.java:57)\n"
                    )
            }
            _ => request,
        }
    });
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    std::fs::write(logs.join("orders.log"), &log).unwrap();
    let marker = r#"[{"id":"d-1","service":"orders","at":"2024-06-03T08:59:30Z"}]"#;
    let report = look(folder.path(), marker, &[]);
    let thrown = "java.lang.IllegalStateException: no key k-<*>";
    assert_eq!(messages(&report), [(thrown, 0.0, 1_200.0, true)]);
    let suspect = &list(&list(&report["incidents"])[0]["suspects"])[0];
    // What fails for the first time says something for the first time, whatever made it fail.
    assert!(evidence(suspect, "signature").is_none());
}

#[test]
fn messages_of_a_log_that_begins_with_the_incident_are_shown_as_no_news() {
    let folder = tempfile::tempdir().unwrap();
    let requests = failing(|time, i, status| {
        format!("ts={time} service=orders method=GET path=/orders/{i} status={status}\n")
    });
    std::fs::write(folder.path().join("requests.log"), requests).unwrap();
    let errors = failing(|time, i, status| match status {
        500 => format!("ts={time} level=error service=orders msg=\"no key k-{i}\"\n"),
        _ => String::new(),
    });
    std::fs::write(folder.path().join("errors.log"), errors).unwrap();
    let told = report(&[folder.path()]);
    assert_eq!(messages(&told), [("no key k-<*>", 0.0, 1_200.0, false)]);
    let table = run(&[folder.path()]);
    let said = "no key k-<*> · 1,200 lines of orders since 09:00:00, none before in its log";
    assert!(table.stdout.contains(said), "{}", table.stdout);
}
