//! A gateway that logs what it passes on: the blame falls on the service beneath it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// 2024-06-03T06:00:00Z.
const BEGIN: i64 = 1_717_394_400;
/// 09:00:40, and 10:10.
const FAULT: std::ops::Range<i64> = BEGIN + 10_840..BEGIN + 15_000;
const HOURS: i64 = 5;

/// Scatters (SplitMix64), so that what fails is irregular.
fn scatter(of: i64) -> u64 {
    let mut x = (of as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// What a service and the gateway before it log of a bad request: status and milliseconds of each; the
/// service nothing where its status is 0.
type Bad = [(u16, u32); 2];

/// Five hours of a request a second to one of three services through the gateway. While the fault
/// lasts three in ten of those to `auth` are bad.
fn write(folder: &Path, bad: Bad) {
    let mut logs = [const { String::new() }; 4];
    for second in BEGIN..BEGIN + HOURS * 3_600 {
        let chance = scatter(second);
        let service = (chance % 3) as usize;
        let (name, path) = [("auth", "/login"), ("cart", "/cart"), ("mail", "/send")][service];
        let is_bad = service == 0 && FAULT.contains(&second) && chance / 3 % 10 < 3;
        let usual = 20 + (chance / 64 % 50) as u32;
        let [inner, outer] = if is_bad {
            bad
        } else {
            [(200, usual), (200, usual + 4)]
        };
        let time = jiff::Timestamp::from_second(second).unwrap();
        for (log, name, path, (status, ms)) in [
            (service, name, path.to_owned(), inner),
            (3, "gateway", format!("/api{path}"), outer),
        ] {
            if status == 0 {
                continue;
            }
            writeln!(
                logs[log],
                r#"{{"time":"{time}","service":"{name}","method":"POST","path":"{path}","status":{status},"duration_ms":{ms}}}"#
            )
            .unwrap();
        }
    }
    for (name, log) in ["auth", "cart", "mail", "gateway"].into_iter().zip(logs) {
        std::fs::write(folder.join(format!("{name}.log")), log).unwrap();
    }
}

/// The one incident that is seen when these services were deployed at these times.
fn incident(bad: Bad, deploys: &[(&str, &str)]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), bad);
    let markers: Vec<Value> = deploys
        .iter()
        .map(|(service, at)| {
            serde_json::json!({
                "id": format!("d-{service}"), "service": service, "version": "2",
                "at": format!("2024-06-03T{at}Z"),
            })
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, Value::from(markers).to_string()).unwrap();
    let [logs, file] = [folder.path(), file.path()].map(|path| path.to_str().unwrap());
    let report = report(&[logs, "-d", file]);
    match list(&report["incidents"]) {
        [incident] => incident.clone(),
        all => panic!("{} incidents: {all:#?}", all.len()),
    }
}

fn finding<'a>(incident: &'a Value, lead: &str) -> &'a str {
    let all = list(&incident["ruled_out"]);
    let found = all.iter().find(|r| r["lead"] == lead);
    found.map_or("", |found| found["finding"].as_str().unwrap())
}

/// The deploy of `auth` is named, and it is told what the gateway has to do with it.
fn is_blamed_on_auth(incident: &Value, told: &str) {
    assert_eq!(incident["suspects"][0]["change"], "d-auth");
    assert_eq!(incident["verdict"], "change");
    let callers = finding(incident, "callers");
    assert!(callers.starts_with(told), "{callers}");
}

const DEPLOYS: [(&str, &str); 3] = [
    ("cart", "08:20:00"),
    ("auth", "08:59:30"),
    ("gateway", "08:56:00"),
];

#[test]
fn failures_that_a_gateway_passes_on_are_blamed_on_the_service_beneath() {
    let incident = incident([(500, 8), (502, 12)], &DEPLOYS);
    let services: Vec<&Value> = list(&incident["endpoints"])
        .iter()
        .map(|e| &e["service"])
        .collect();
    assert!(services.contains(&&"gateway".into()) && services.contains(&&"auth".into()));
    is_blamed_on_auth(&incident, "`gateway` only passes on what fails in `auth`");
    let suspects = list(&incident["suspects"]);
    assert!(suspects[0]["probability"].as_f64().unwrap() > 0.8);
    let others = suspects[1..].iter();
    others.for_each(|s| assert!(s["probability"].as_f64().unwrap() < 0.02, "{s}"));
}

/// Nobody listed the change of `auth`: the gateway's own, a minute and a half before, is not it.
#[test]
fn a_deploy_of_the_gateway_is_not_blamed_for_what_it_passes_on() {
    let incident = incident(
        [(500, 8), (500, 12)],
        &[("gateway", "08:59:10"), ("cart", "07:30:00")],
    );
    assert_eq!(incident["verdict"], "unexplained");
    let summary = incident["summary"].as_str().unwrap();
    let hint = "`gateway` only passes on what fails in `auth`: look there first.";
    assert!(summary.ends_with(hint), "{summary}");
}

/// `auth` answers all it is asked, after ten seconds; the gateway waits for three.
#[test]
fn time_outs_of_a_gateway_are_blamed_on_the_service_that_became_slow() {
    let incident = incident([(200, 10_000), (504, 3_000)], &DEPLOYS);
    assert_eq!(incident["signal"], "errors");
    assert_eq!(list(&incident["endpoints"]).len(), 1);
    is_blamed_on_auth(&incident, "`gateway` only passes on what is slow in `auth`");
}

/// Three in ten hosts of `auth` are gone: what they are asked is logged by the gateway alone.
#[test]
fn what_a_crashed_service_does_not_answer_is_blamed_on_its_deploy() {
    let incident = incident([(0, 0), (502, 1)], &DEPLOYS);
    is_blamed_on_auth(
        &incident,
        "`gateway` fails what `auth` did not answer: `auth` logged ",
    );
    let evidence = list(&incident["suspects"][0]["evidence"]);
    let scope = evidence.iter().find(|e| e["kind"] == "scope").unwrap();
    assert_eq!(
        scope["text"],
        "`auth` did not answer, and what asked it failed"
    );
}
