//! No change did it, or none can have done it.

use super::*;
use crate::changes::Kind;

#[test]
fn a_dependency_that_fails_in_five_services_is_not_blamed_on_an_old_deploy() {
    let changes = [deploy("d-1", "api", clock(9, 31, 0))];
    let context = Context {
        endpoints: ["api", "auth", "billing", "search", "users"]
            .into_iter()
            .zip(0..)
            .flat_map(|(s, group)| {
                [
                    hit(s, &format!("/{s}/x"), group),
                    endpoint(s, &format!("/{s}/y"), group),
                ]
            })
            .collect(),
        error_statuses: vec![(503, 12_000), (504, 2_000), (500, 1_000)],
        failing_latency_us: Some(5_020_000.0),
        success_latency_us: Some(45_000.0),
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.kind, VerdictKind::Unexplained);
    assert!(
        probability(&verdict, 0) < 0.1,
        "{}",
        probability(&verdict, 0)
    );
    let dependency = &verdict.alternatives[0];
    assert_eq!(dependency.cause, Cause::Dependency);
    assert!(dependency.probability > 0.8, "{}", dependency.probability);
    let texts: Vec<&str> = dependency
        .contributions
        .iter()
        .map(|c| c.text.as_str())
        .collect();
    assert_eq!(
        texts,
        [
            "5 services that share no change fail together (`api`, `auth`, `billing` and 2 more)",
            "93.3 % of the failures are 502, 503 or 504",
            "failures take 5 s, as a time-out of 5 s would",
        ]
    );
    assert!(
        verdict
            .summary
            .starts_with("No listed change explains this. The least unlikely is deploy `d-1`"),
        "{}",
        verdict.summary
    );
}

#[test]
fn a_change_after_the_onset_is_an_attempted_fix_not_a_suspect() {
    let changes = [
        deploy("hotfix", "api", clock(10, 31, 0)),
        deploy("later", "api", clock(11, 30, 0)),
        deploy("clean-up", "api", clock(11, 50, 0)),
    ];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        minutes: minutes(clock(10, 11, 0), clock(11, 31, 0), 150),
        ..context()
    };
    let incident = incident(clock(10, 11, 0), Some(clock(11, 31, 0)));
    let verdict = judge(&incident, &changes, &context);
    check(&verdict, &changes);
    assert!(verdict.suspects.is_empty());
    assert_eq!(verdict.unexplained_probability, 1.0);
    assert_eq!(verdict.kind, VerdictKind::Unexplained);
    assert_eq!(status(&verdict, 0), DispositionStatus::AttemptedFix);
    assert_eq!(
        verdict.dispositions[0].why,
        "20 min after the onset; the rate did not change after it (15.0 % → 15.0 %)"
    );
    assert_eq!(status(&verdict, 1), DispositionStatus::AttemptedFix);
    assert_eq!(
        verdict.dispositions[1].why,
        "1 h 19 min after the onset; the rate fell after it (15.0 % → 0.3 %)"
    );
    assert_eq!(status(&verdict, 2), DispositionStatus::After);
    assert_eq!(verdict.dispositions[2].why, "19 min after the end");
}

#[test]
fn without_changes_nothing_is_explained() {
    let verdict = judge(&incident(clock(10, 11, 0), None), &[], &context());
    check(&verdict, &[]);
    assert_eq!(verdict.kind, VerdictKind::Unexplained);
    assert_eq!(verdict.unexplained_probability, 1.0);
    assert_eq!(
        verdict.summary,
        "No change is listed in the 24 h before the onset."
    );
    assert!(verdict.not_assessed.iter().any(|n| n.lead == "load"));
}

#[test]
fn eight_deploys_of_other_services_are_not_accused() {
    let services = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let changes: Vec<Change> = services
        .into_iter()
        .zip(1..)
        .map(|(s, i)| deploy(&format!("d-{s}"), s, clock(10, 11 - 7 * (i % 2), -400 * i)))
        .collect();
    let mut endpoints = vec![hit("api", "/api/a", 0), hit("api", "/v2/b", 1)];
    endpoints.extend(
        services
            .iter()
            .zip(2..)
            .map(|(s, group)| endpoint(s, "/x", group)),
    );
    let context = Context {
        endpoints,
        error_statuses: vec![(500, 6_000)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(
        verdict.kind,
        VerdictKind::Unexplained,
        "{}",
        verdict.summary
    );
    assert!(verdict.unexplained_probability >= 0.5);
    assert_eq!(
        verdict.dispositions[1].why,
        "13 min before the onset, and `b` is not hit: \
         0.3 % of its requests failed, 0.3 % expected (+0.3 % would have shown)"
    );
}

#[test]
fn a_change_of_yesterday_is_cleared_by_its_age() {
    let changes = [deploy("old", "api", clock(10, 11, 0) - 31 * 3_600_000_000)];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(status(&verdict, 0), DispositionStatus::Cleared);
    assert_eq!(
        verdict.dispositions[0].why,
        "31 h before the onset: more than a day"
    );
    assert_eq!(verdict.unexplained_probability, 1.0);
}

#[test]
fn one_client_alone_accuses_nobody() {
    let changes = [deploy("d-1", "api", clock(10, 10, 0))];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let retries = Incident {
        single_client: true,
        ..incident(clock(10, 11, 0), None)
    };
    let verdict = judge(&retries, &changes, &context);
    check(&verdict, &changes);
    assert!(verdict.suspects.is_empty());
    assert_eq!(verdict.kind, VerdictKind::Unexplained);
    assert_eq!(
        verdict.dispositions[0].why,
        "60 s before the onset, but one client alone makes the failures"
    );
}

#[test]
fn an_incident_older_than_the_log_has_no_lag() {
    let changes = [
        deploy("d-1", "api", clock(5, 0, 0)),
        deploy("d-2", "api", clock(9, 0, 0)),
    ];
    let context = Context {
        endpoints: one_of_four_services(),
        ..context()
    };
    let older = Incident {
        onset: None,
        ..incident(clock(6, 0, 1), None)
    };
    let verdict = judge(&older, &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.suspects.len(), 1);
    assert_eq!(verdict.kind, VerdictKind::Unexplained);
    assert_eq!(verdict.suspects[0].lag_s, None);
    assert!(
        verdict.suspects[0]
            .contributions
            .iter()
            .all(|c| c.kind != EvidenceKind::Lag)
    );
    assert!(
        verdict
            .summary
            .ends_with("It began before the log, so time tells nothing.")
    );
    assert_eq!(status(&verdict, 1), DispositionStatus::AttemptedFix);
    assert!(
        verdict.dispositions[1]
            .why
            .starts_with("3 h after the first failure of the log")
    );
    assert_eq!(
        verdict.not_assessed[0].lead,
        "time between change and onset"
    );
}

#[test]
fn an_incident_older_than_the_log_is_explained_by_an_undo_that_ended_it() {
    let changes = [
        deploy("d-1", "api", clock(5, 0, 0)),
        Change {
            kind: Kind::Rollback,
            ..deploy("r-1", "api", clock(9, 0, 0))
        },
    ];
    let context = Context {
        endpoints: one_of_four_services(),
        ..context()
    };
    let older = Incident {
        onset: None,
        ..incident(clock(6, 0, 1), Some(clock(9, 2, 0)))
    };
    let verdict = judge(&older, &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.kind, VerdictKind::Change, "{}", verdict.summary);
    assert_eq!(verdict.suspects[0].change, 0);
    assert_eq!(status(&verdict, 1), DispositionStatus::Fix);
    assert_eq!(
        verdict.dispositions[1].why,
        "3 h after the first failure of the log; it undid `d-1`, and the rate was back 2 min after it"
    );
}

#[test]
fn the_only_deploy_before_an_incident_of_another_service_is_not_named() {
    let changes = [deploy("d-1", "billing", clock(10, 9, 30))];
    let context = Context {
        endpoints: vec![
            hit("api", "/api/a", 0),
            endpoint("billing", "/invoices", 1),
            endpoint("web", "/", 2),
        ],
        error_statuses: vec![(500, 3_000)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.kind, VerdictKind::Unexplained);
    assert!((probability(&verdict, 0) - 0.45).abs() < 1e-12);
    assert_eq!(
        verdict.summary,
        "No listed change explains this. The least unlikely is deploy `d-1` (`billing`) (45 %): \
         `billing` is not hit: 0.3 % of its requests failed, 0.3 % expected (+0.3 % would have shown)."
    );
}

#[test]
fn an_undo_before_the_onset_or_after_the_end_speaks_against_the_change() {
    // The incident lasts from 10:11 to 10:30; the rollback comes before it, or after it.
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let cases = [
        (
            clock(10, 5, 0),
            -2.3,
            "it was undone by rollback `r-1` before the incident began",
        ),
        (
            clock(10, 50, 0),
            -1.2,
            "the rate was back 20 min before rollback `r-1` undid it",
        ),
    ];
    for (undone_us, nats, text) in cases {
        let changes = [
            deploy("d-1", "api", clock(9, 51, 0)),
            Change {
                kind: Kind::Rollback,
                ..deploy("r-1", "api", undone_us)
            },
        ];
        let incident = incident(clock(10, 11, 0), Some(clock(10, 30, 0)));
        let verdict = judge(&incident, &changes, &context);
        check(&verdict, &changes);
        let deploy = verdict.suspects.iter().find(|s| s.change == 0).unwrap();
        let found = deploy
            .contributions
            .iter()
            .find(|c| c.kind == EvidenceKind::Rollback)
            .unwrap();
        assert_eq!((found.nats, found.text.as_str()), (nats, text));
    }
}

#[test]
fn an_incident_that_ended_though_nobody_undid_the_change_speaks_against_it() {
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let against = |incident: &Incident, others: &[Change]| {
        let changes = [&[deploy("d-1", "api", clock(10, 9, 0))], others].concat();
        let verdict = judge(incident, &changes, &context);
        check(&verdict, &changes);
        let deploy = verdict.suspects.iter().find(|s| s.change == 0).unwrap();
        let kind = |c: &&Contribution| c.kind == EvidenceKind::Rollback;
        let found = deploy.contributions.iter().find(kind);
        found.map(|c| (c.nats, c.text.clone()))
    };
    let ended = incident(clock(10, 11, 0), Some(clock(10, 30, 0)));
    let said = "it ended after 19 min, and no change is listed that undid or mended it";
    assert_eq!(against(&ended, &[]), Some((0.4_f64.ln(), said.to_owned())));
    // A change of another service, or one after the end, mended nothing.
    for other in [
        deploy("d-2", "web", clock(10, 25, 0)),
        deploy("d-2", "api", clock(10, 40, 0)),
    ] {
        assert!(against(&ended, &[other]).is_some());
    }
    // One of its own service, or of none in particular, may have; an undo tells of itself.
    let anywhere = Change {
        kind: Kind::Config,
        service: None,
        ..deploy("c-1", "api", clock(10, 25, 0))
    };
    let undo = Change {
        kind: Kind::Rollback,
        ..deploy("r-1", "web", clock(10, 25, 0))
    };
    for other in [deploy("d-2", "api", clock(10, 25, 0)), anywhere, undo] {
        assert_eq!(against(&ended, &[other]), None);
    }
    // It lasts; or it was over before anybody could have done something.
    let brief = incident(clock(10, 11, 0), Some(clock(10, 16, 0)));
    for incident in [incident(clock(10, 11, 0), None), brief] {
        assert_eq!(against(&incident, &[]), None);
    }
}

#[test]
fn the_only_change_of_the_failing_service_is_not_named_hours_later() {
    let changes = [deploy("d-1", "api", clock(7, 30, 0))];
    let context = Context {
        endpoints: one_of_four_services(),
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(
        verdict.kind,
        VerdictKind::Unexplained,
        "{}",
        verdict.summary
    );
    // Its time and place contradict each other: at most 0.45.
    assert!(probability(&verdict, 0) <= 0.45);

    // An undo that ends it speaks of the change itself.
    let undone = [
        changes[0].clone(),
        Change {
            kind: Kind::Rollback,
            rollback_of: Some("d-1".to_owned()),
            ..deploy("r-1", "api", clock(11, 0, 0))
        },
    ];
    let ended = incident(clock(10, 11, 0), Some(clock(11, 2, 0)));
    let verdict = judge(&ended, &undone, &context);
    assert_eq!(verdict.kind, VerdictKind::Change, "{}", verdict.summary);
    assert_eq!(verdict.suspects[0].change, 0);
}

#[test]
fn a_list_of_changes_that_begins_with_the_incident_says_nothing_of_the_day_before() {
    // Four changes in the hour from 09:00 and nothing before: one each 20 min since the first, not
    // four in the 30 h from the day before the log. By hand, per day: 0.05·3·24/3 h·0.7/0.3 = 2.8.
    let listed = |first_hour: i64| {
        let changes: Vec<Change> = (0..4)
            .map(|i| deploy("d", "api", clock(first_hour, i * 20, 0)))
            .collect();
        prior::Prior::new(&changes, &releases(&changes), &context())
            .contribution(&changes[0])
            .nats
    };
    assert!((listed(9) - (0.05_f64 / 2.8).ln()).abs() < 1e-5);
    // Listed over a day and more, the same four are four in 30 h: 0.05·4·24/30·0.7/0.3 = 28/75.
    let old = deploy("old", "api", clock(-48, 0, 0));
    let mut changes: Vec<Change> = (0..4)
        .map(|i| deploy("d", "api", clock(9, i * 20, 0)))
        .collect();
    changes.insert(0, old);
    let prior =
        prior::Prior::new(&changes, &releases(&changes), &context()).contribution(&changes[1]);
    assert!(
        (prior.nats - (0.05_f64 * 75.0 / 28.0).ln()).abs() < 1e-5,
        "{}",
        prior.nats
    );
    // An undo comes of the incident: it is no sign that changes are many.
    changes.push(Change {
        kind: Kind::Rollback,
        ..deploy("r", "api", clock(11, 0, 0))
    });
    let with_undo =
        prior::Prior::new(&changes, &releases(&changes), &context()).contribution(&changes[1]);
    assert_eq!(with_undo.nats, prior.nats);
}
