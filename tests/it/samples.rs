//! The three samples as an on-call engineer would ask about them, against what really happened
//! (samples/README.md).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::*;

/// Service, method and template of each endpoint that an incident hit.
fn hit(incident: &Value) -> BTreeSet<String> {
    let name = |e: &Value| {
        format!(
            "{} {} {}",
            text(&e["service"]),
            text(&e["method"]),
            text(&e["endpoint"])
        )
    };
    list(&incident["endpoints"]).iter().map(name).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| n.to_string()).collect()
}

/// The one incident of auth-outage.
fn outage() -> &'static Value {
    match list(&AUTH_OUTAGE.report()["incidents"]) {
        [incident] => incident,
        other => panic!("{} incidents instead of one", other.len()),
    }
}

#[test]
fn the_outage_hits_the_four_endpoints_behind_the_middleware_and_no_other() {
    let behind = names(&[
        "api GET /api/v1/me",
        "api GET /api/v1/orders/{id}",
        "api POST /api/v1/login",
        "api POST /api/v1/orders",
    ]);
    assert_eq!(hit(outage()), behind);
}

#[test]
fn the_outage_begins_with_the_deploy_and_ends_with_the_rollback() {
    let incident = outage();
    assert_eq!(incident["signal"], "errors");
    assert_eq!(incident["state"], "recovered");
    let onset = seconds_between("2024-04-10T09:00:00-07:00", text(&incident["onset"]));
    assert!(onset.abs() <= 60.0, "onset {}", incident["onset"]);
    let low = seconds_between(text(&incident["onset_low"]), text(&incident["onset"]));
    let high = seconds_between(text(&incident["onset"]), text(&incident["onset_high"]));
    assert!(
        low >= 0.0 && high >= 0.0,
        "{} {}",
        incident["onset_low"],
        incident["onset_high"]
    );
    // The hosts serve the bad version from 09:00:04 on and fail first at 09:00:15.
    assert!(seconds_between("2024-04-10T09:00:04-07:00", text(&incident["onset_high"])) >= 0.0);
    assert!(seconds_between(text(&incident["onset_low"]), "2024-04-10T09:00:15-07:00") >= 0.0);
    let end = seconds_between("2024-04-10T11:02:00-07:00", text(&incident["end"]));
    assert!(end.abs() <= 120.0, "end {}", incident["end"]);
}

#[test]
fn the_outage_locks_15_percent_of_the_users_out() {
    // 452 of 3,000 active users saw an error, each told by address and agent.
    let users = &outage()["impact"]["users"];
    let share = number(&users["share"]);
    assert!((0.14..=0.16).contains(&share), "{users}");
    assert!(
        number(&users["share_low"]) < share && share < number(&users["share_high"]),
        "{users}"
    );
    assert!(
        (440.0..=455.0).contains(&number(&users["affected"])),
        "{users}"
    );
    assert_eq!(users["proxy"], "client+agent");
}

#[test]
fn the_outage_answers_with_500_and_nothing_else() {
    // 1,125 of the 1,127 errors are the fault's, all of them 500.
    let of_status = |status: &str| -> u64 {
        let endpoints = list(&outage()["endpoints"]);
        endpoints
            .iter()
            .filter_map(|e| e["statuses"][status].as_u64())
            .sum()
    };
    let errors = outage()["impact"]["errors"].as_u64().unwrap();
    assert!((1_125..=1_129).contains(&errors), "{errors}");
    assert!(
        of_status("500") >= 1_125 && errors - of_status("500") <= 2,
        "{} of {errors}",
        of_status("500")
    );
}

#[test]
fn the_outage_is_laid_to_the_deploy_that_was_rolled_back() {
    let incident = outage();
    assert_eq!(incident["verdict"], "change");
    let first = &incident["suspects"][0];
    assert_eq!(
        (&first["rank"], &first["change"]),
        (&1.into(), &"d-3104".into())
    );
    assert!(
        number(&first["probability"]) >= 0.9,
        "{}",
        first["probability"]
    );
    let rollback = list(&first["evidence"])
        .iter()
        .find(|e| e["kind"] == "rollback");
    let rollback =
        rollback.unwrap_or_else(|| panic!("no evidence of the rollback: {}", first["evidence"]));
    assert!(text(&rollback["text"]).contains("d-3105"), "{rollback}");
    assert!(number(&rollback["nats"]) > 0.0, "{rollback}");
    assert_eq!(first["next"], "triage show i1");
    assert_eq!(first["diff"], "git show 9f3c51ad");
    assert!(
        text(&incident["summary"]).contains("d-3104"),
        "{}",
        incident["summary"]
    );
}

#[test]
fn the_changes_shortly_before_the_outage_are_cleared_with_a_reason() {
    let changes = list(&outage()["changes"]);
    for innocent in ["m-77", "c-219", "d-3102"] {
        let told = changes.iter().find(|c| c["change"] == innocent);
        let told = told.unwrap_or_else(|| panic!("nothing is said of {innocent}"));
        assert_eq!(told["status"], "cleared", "{told}");
        assert!(!text(&told["why"]).trim().is_empty(), "{told}");
    }
    let fix = changes.iter().find(|c| c["change"] == "d-3105");
    assert_eq!(fix.map(|c| &c["status"]), Some(&"fix".into()));
}

#[test]
fn probabilities_add_up_to_one() {
    for sample in [&AUTH_OUTAGE, &NOT_THE_DEPLOY] {
        for incident in list(&sample.report()["incidents"]) {
            let sum = |key: &str| -> f64 {
                list(&incident[key])
                    .iter()
                    .map(|s| number(&s["probability"]))
                    .sum()
            };
            let unexplained = number(&incident["unexplained_probability"]);
            assert!(
                (sum("suspects") + unexplained - 1.0).abs() < 1e-6,
                "{}: {}",
                sample.name,
                incident["suspects"]
            );
            assert!(
                (sum("alternatives") - unexplained).abs() < 1e-6,
                "{}: {}",
                sample.name,
                incident["alternatives"]
            );
        }
    }
}

#[test]
fn a_quiet_day_has_no_incident() {
    let report = QUIET_DAY.report();
    assert_eq!(report["incidents"], Value::Array(Vec::new()));
    assert_eq!(list(&report["changes"]).len(), 14);
}

#[test]
fn the_bursts_of_a_quiet_day_are_no_more_than_blips() {
    // Eight bursts of at most twelve seconds; at 09:30, 14:15 and 18:20 during a rollout.
    for blip in list(&QUIET_DAY.report()["blips"]) {
        let bursts = [
            ("2024-06-05T01:12:40", "web", Value::Null),
            ("2024-06-05T06:47:03", "api", Value::Null),
            ("2024-06-05T09:30:21", "web", "q-3".into()),
            ("2024-06-05T11:03:52", "accounts", Value::Null),
            ("2024-06-05T14:15:19", "api", "q-9".into()),
            ("2024-06-05T16:40:33", "web", Value::Null),
            ("2024-06-05T18:20:12", "accounts", "q-12".into()),
            ("2024-06-05T22:31:08", "api", Value::Null),
        ];
        let near = |burst: &&(&str, &str, Value)| {
            seconds_between(&format!("{}+01:00", burst.0), text(&blip["at"])).abs() <= 15.0
        };
        let (_, service, change) = bursts
            .iter()
            .find(near)
            .unwrap_or_else(|| panic!("no burst there: {blip}"));
        assert_eq!(
            (&blip["service"], &blip["during_change"]),
            (&Value::from(*service), change)
        );
    }
}

#[test]
fn a_failing_provider_is_laid_to_no_change() {
    let report = NOT_THE_DEPLOY.report();
    let incidents = list(&report["incidents"]);
    assert!(!incidents.is_empty(), "no incident found");
    for incident in incidents {
        assert_ne!(incident["verdict"], "change", "{}", incident["summary"]);
        for suspect in list(&incident["suspects"]) {
            assert!(number(&suspect["probability"]) < 0.5, "{suspect}");
        }
    }
}

#[test]
fn a_failing_provider_is_seen_in_the_three_services_that_use_it() {
    let incidents = list(&NOT_THE_DEPLOY.report()["incidents"]);
    let all: BTreeSet<String> = incidents.iter().flat_map(hit).collect();
    let users_of_it = names(&[
        "checkout GET /checkout/{uuid}/payment-status",
        "checkout POST /checkout/{uuid}/pay",
        "orders POST /orders/{id}/capture",
        "orders POST /orders/{id}/refunds",
        "subscriptions GET /payment-methods/{uuid}",
        "subscriptions POST /subscriptions/{id}/renew",
    ]);
    assert_eq!(all, users_of_it);
    for incident in incidents {
        // It fails from 11:40:00 to 12:05:00 and is logged up to five seconds later.
        assert_eq!(incident["state"], "recovered");
        let onset = seconds_between("2024-09-17T11:40:00Z", text(&incident["onset"]));
        let end = seconds_between("2024-09-17T12:05:00Z", text(&incident["end"]));
        assert!(
            onset.abs() <= 90.0 && end.abs() <= 90.0,
            "{} to {}",
            incident["onset"],
            incident["end"]
        );
    }
}

/// The pipeline calls it `api-service`, the logs `api`: the verdict is that of the same name, and the
/// report says what it took for what.
#[test]
fn a_service_that_markers_call_otherwise_is_the_one_of_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let deploys = folder.path().join("deploys.json");
    let markers = read_text(AUTH_OUTAGE.deploys());
    std::fs::write(&deploys, markers.replace("\"api\"", "\"api-service\"")).unwrap();
    let report = report(&[
        AUTH_OUTAGE.logs(),
        "--deploys".to_owned(),
        deploys.display().to_string(),
    ]);
    let [incident] = list(&report["incidents"]) else {
        panic!("{}", report["incidents"]);
    };
    let told = |incident: &Value| {
        let first = &incident["suspects"][0];
        (
            text(&first["change"]).to_owned(),
            number(&first["probability"]),
        )
    };
    assert_eq!(told(incident), told(outage()));
    assert_eq!(told(incident).0, "d-3104");
    let change = list(&report["changes"])
        .iter()
        .find(|change| change["id"] == "d-3104")
        .unwrap();
    assert_eq!(change["service"], "api-service");
    assert_eq!(change["in_sight"], true);
    assert_eq!(change["note"], "taken for `api`, as the logs call it");
}
