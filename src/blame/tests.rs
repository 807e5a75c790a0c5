//! Incidents as they happen, and whom they should be blamed on.

use super::*;
use crate::changes::{Kind, Status};
use crate::confirm::State;

/// Midnight of 2024-10-04, UTC.
const MIDNIGHT_US: i64 = 1_728_000_000_000_000;

/// A time of that day, µs.
fn clock(hour: i64, minute: i64, second: i64) -> i64 {
    MIDNIGHT_US + ((hour * 60 + minute) * 60 + second) * 1_000_000
}

/// A deploy that says nothing but when.
pub(super) fn change(id: &str, at_us: i64) -> Change {
    Change {
        id: id.to_owned(),
        kind: Kind::Deploy,
        service: None,
        version: None,
        previous_version: None,
        at_us,
        finished_us: None,
        at_is_end: false,
        rollback_of: None,
        author: None,
        description: None,
        commit: None,
        environment: None,
        url: None,
        status: None,
        endpoints: Vec::new(),
        hosts: Vec::new(),
        files: Vec::new(),
        extra: std::collections::BTreeMap::new(),
    }
}

/// A deploy of a service.
fn deploy(id: &str, service: &str, at_us: i64) -> Change {
    Change {
        service: Some(service.to_owned()),
        ..change(id, at_us)
    }
}

/// A spared endpoint with 20,000 requests, of which 60 failed as expected.
pub(super) fn endpoint(service: &str, template: &str, group: u32) -> EndpointFact {
    EndpointFact {
        service: service.to_owned(),
        method: "GET".to_owned(),
        template: template.to_owned(),
        group,
        affected: false,
        powered: true,
        requests: 20_000,
        errors: 60,
        baseline_rate: 0.003,
    }
}

/// A hit endpoint: 3,000 of 20,000 requests failed.
fn hit(service: &str, template: &str, group: u32) -> EndpointFact {
    EndpointFact {
        affected: true,
        errors: 3_000,
        ..endpoint(service, template, group)
    }
}

/// A log from 06:00 to 12:00 with no endpoint in it.
pub(super) fn context() -> Context {
    Context {
        log_from_us: clock(6, 0, 0),
        log_to_us: clock(12, 0, 0),
        zone_offset_s: 0,
        endpoints: Vec::new(),
        error_statuses: Vec::new(),
        minutes: Vec::new(),
        dispersion: 1e-4,
        load: None,
        failing_latency_us: None,
        success_latency_us: None,
    }
}

/// A moment known to ten seconds.
fn estimate(median_us: i64) -> Estimate {
    let step_us = 10_000_000;
    Estimate {
        median_us,
        low_us: median_us - step_us,
        high_us: median_us + step_us,
        posterior: vec![
            (median_us - step_us, 0.25),
            (median_us, 0.5),
            (median_us + step_us, 0.25),
        ],
    }
}

fn incident(onset_us: i64, end_us: Option<i64>) -> Incident {
    Incident {
        endpoints: Vec::new(),
        onset: Some(estimate(onset_us)),
        end: end_us.map(estimate),
        state: if end_us.is_some() {
            State::Recovered
        } else {
            State::Ongoing
        },
        first_failure_us: onset_us,
        last_failure_us: end_us.unwrap_or(clock(12, 0, 0)),
        single_client: false,
    }
}

/// The minutes from 09:00 to 12:00, 1,000 requests each: `errors` per minute within the span, else 3.
fn minutes(from_us: i64, to_us: i64, errors: u64) -> Vec<Minute> {
    let minute = |m: i64| {
        let start_us = clock(9, m, 0);
        let errors = if (from_us..to_us).contains(&start_us) {
            errors
        } else {
            3
        };
        Minute {
            start_us,
            requests: 1_000,
            errors,
        }
    };
    (0..180).map(minute).collect()
}

fn probability(verdict: &Verdict, change: usize) -> f64 {
    verdict
        .suspects
        .iter()
        .find(|s| s.change == change)
        .map_or(0.0, |s| s.probability)
}

fn status(verdict: &Verdict, change: usize) -> DispositionStatus {
    verdict.dispositions[change].status
}

/// What must hold of every verdict.
fn check(verdict: &Verdict, changes: &[Change]) {
    let suspects: f64 = verdict.suspects.iter().map(|s| s.probability).sum();
    assert!((suspects + verdict.unexplained_probability - 1.0).abs() < 1e-12);
    let alternatives: f64 = verdict.alternatives.iter().map(|a| a.probability).sum();
    assert!((alternatives - verdict.unexplained_probability).abs() < 1e-12);
    let order: Vec<usize> = verdict.dispositions.iter().map(|d| d.change).collect();
    assert_eq!(
        order,
        (0..changes.len()).collect::<Vec<_>>(),
        "each change has its disposition"
    );
    assert!(verdict.dispositions.iter().all(|d| !d.why.is_empty()));
}

#[test]
fn auth_outage_is_blamed_on_the_deploy_that_was_rolled_back() {
    // 10:40 deploy of auth, 10:41:30 logins fail, 11:00 rollback, 11:01:30 all is well.
    let changes = [
        Change {
            kind: Kind::Migration,
            ..deploy("m-1", "billing", clock(8, 41, 30))
        },
        Change {
            kind: Kind::Config,
            ..change("net-1", clock(9, 41, 30))
        },
        Change {
            version: Some("2.4.0".to_owned()),
            previous_version: Some("2.3.9".to_owned()),
            ..deploy("d-1042", "auth", clock(10, 40, 0))
        },
        Change {
            kind: Kind::Rollback,
            version: Some("2.3.9".to_owned()),
            ..deploy("r-1", "auth", clock(11, 0, 0))
        },
    ];
    let context = Context {
        endpoints: vec![
            hit("auth", "/auth/login", 0),
            hit("auth", "/auth/token", 0),
            endpoint("auth", "/auth/health", 1),
            endpoint("api", "/api/v1/items", 2),
            endpoint("api", "/api/v1/items/{id}", 2),
            endpoint("billing", "/invoices", 3),
            endpoint("search", "/search", 4),
        ],
        error_statuses: vec![(500, 5_900), (503, 100)],
        minutes: minutes(clock(10, 42, 0), clock(11, 2, 0), 150),
        load: Some(Load {
            requests: 36_120,
            expected: 35_800.0,
            requests_before: 9_010,
            expected_before: 9_000.0,
            rate_follows_load: None,
        }),
        ..context()
    };
    let incident = incident(clock(10, 41, 30), Some(clock(11, 1, 30)));
    let verdict = judge(&incident, &changes, &context);
    check(&verdict, &changes);

    assert_eq!(verdict.kind, VerdictKind::Change);
    assert!(verdict.strong);
    assert!(
        probability(&verdict, 2) >= 0.9,
        "{}",
        probability(&verdict, 2)
    );
    assert_eq!(verdict.suspects[0].change, 2);
    assert_eq!(verdict.suspects[0].lag_s, Some(90.0));
    let rollback = verdict.suspects[0].contributions.iter();
    let rollback: Vec<_> = rollback
        .filter(|c| c.kind == EvidenceKind::Rollback)
        .collect();
    assert_eq!(rollback.len(), 1);
    assert_eq!(
        rollback[0].text,
        "the rate was back 90 s after rollback `r-1` undid it"
    );
    // SciPy: mean over both uncertainties of .7·lognorm(180 s, 1) + .3·U(0, 30 min), per 1/h.
    assert!(
        (rollback[0].nats - 2.0888).abs() < 0.01,
        "{}",
        rollback[0].nats
    );

    assert_eq!(status(&verdict, 0), DispositionStatus::Cleared);
    assert_eq!(
        verdict.dispositions[0].why,
        "2 h before the onset, and `billing` is not hit: 0.3 % of its requests failed, \
         0.3 % expected (+0.1 % would have shown)"
    );
    assert_eq!(status(&verdict, 1), DispositionStatus::Cleared);
    assert_eq!(
        verdict.dispositions[1].why,
        "1 h before the onset, and `d-1042` explains it better (>99 %)"
    );
    assert_eq!(status(&verdict, 2), DispositionStatus::Suspect);
    assert_eq!(status(&verdict, 3), DispositionStatus::Fix);
    assert_eq!(
        verdict.dispositions[3].why,
        "18 min 30 s after the onset; it undid `d-1042`, and the rate was back 90 s after it"
    );
    assert_eq!(
        verdict.summary,
        "Caused by deploy `d-1042` (`auth` 2.4.0), 90 s before the onset (>99 %; lag, rollback, scope)."
    );
    let leads: Vec<_> = verdict
        .ruled_out
        .iter()
        .map(|r| (r.lead, r.finding.as_str()))
        .collect();
    assert_eq!(
        leads,
        [
            (
                "load",
                "requests were as expected (36,120 against 35,800, +0.9 %; \
                 20.0 % more or less would have counted)"
            ),
            (
                "dependency",
                "only `auth` of 4 services fails; 98.3 % of the failures are 500"
            ),
        ]
    );
}

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
fn two_deploys_of_a_service_a_minute_apart_can_not_be_separated() {
    let changes = [
        deploy("d-1", "api", clock(10, 11, 0)),
        deploy("d-2", "api", clock(10, 12, 0)),
    ];
    let context = Context {
        endpoints: vec![
            hit("api", "/api/a", 0),
            hit("api", "/api/b", 1),
            endpoint("web", "/", 2),
        ],
        ..context()
    };
    for lag_s in [45, 90, 240, 540] {
        let onset_us = clock(10, 12, lag_s);
        let verdict = judge(&incident(onset_us, None), &changes, &context);
        check(&verdict, &changes);
        assert_eq!(
            verdict.kind,
            VerdictKind::Ambiguous,
            "{lag_s} s: {}",
            verdict.summary
        );
        assert!(verdict.summary.contains("`d-1`") && verdict.summary.contains("`d-2`"));
        assert!(!verdict.strong);
    }
}

#[test]
fn timing_alone_gets_at_most_four_fifths() {
    let changes = [change("d-1", clock(10, 10, 0))];
    let verdict = judge(&incident(clock(10, 11, 30), None), &changes, &context());
    check(&verdict, &changes);
    assert!((probability(&verdict, 0) - 0.8).abs() < 1e-12);
    assert!((verdict.unexplained_probability - 0.2).abs() < 1e-12);
    let unknown = &verdict.alternatives[2];
    assert!(unknown.cause == Cause::Unknown && unknown.probability > 0.15);
    assert_eq!(verdict.kind, VerdictKind::Change);
    assert!(!verdict.strong);
    assert_eq!(
        verdict.summary,
        "Probably caused by deploy `d-1`, 90 s before the onset (80 %)."
    );
    assert_eq!(
        verdict.dispositions[0].why,
        "90 s before the onset; nothing but its time speaks for it"
    );
}

#[test]
fn the_score_is_the_sum_of_what_is_printed() {
    // By hand and SciPy. Prior: 1 marker in 30 h gives 0.05/30 h·0.32/0.68 = 0.000784/h, below
    // one in 30 days = 0.001389/h; odds 0.05 / (0.001389·24) = 1.5. Lag: 40 min, density
    // 4.913e-6/s, in a day 0.4245. Scope: one group hit, 0.7·ln 6.
    let changes = [deploy("d-1", "api", clock(10, 0, 30))];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 40, 30), None), &changes, &context);
    check(&verdict, &changes);
    let nats = |kind| {
        let found = verdict.suspects[0]
            .contributions
            .iter()
            .find(|c| c.kind == kind);
        found.map_or(f64::NAN, |c| c.nats)
    };
    assert!((nats(EvidenceKind::Prior) - 1.5_f64.ln()).abs() < 1e-9);
    assert!(
        (nats(EvidenceKind::Lag) - 0.424_45_f64.ln()).abs() < 0.01,
        "{}",
        nats(EvidenceKind::Lag)
    );
    assert!((nats(EvidenceKind::Scope) - 1.254_232).abs() < 1e-6);
    // "None": ln 0.9, as 10:40 is no round time. P = 1 / (1 + exp(−(S − ln 0.9)/1.5)).
    let score = 1.5_f64.ln() + 0.424_45_f64.ln() + 1.254_232;
    let expected = 1.0 / (1.0 + (-(score - 0.9_f64.ln()) / 1.5).exp());
    assert!(
        (probability(&verdict, 0) - expected).abs() < 0.005,
        "{}",
        probability(&verdict, 0)
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
fn a_change_within_the_clocks_skew_after_the_onset_stays_a_suspect() {
    let changes = [
        deploy("d-1", "api", clock(10, 11, 20)),
        deploy("d-2", "api", clock(10, 13, 0)),
    ];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.suspects.len(), 1);
    assert_eq!(verdict.suspects[0].lag_s, Some(-20.0));
    assert_eq!(status(&verdict, 1), DispositionStatus::AttemptedFix);
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
    assert!(
        verdict.suspects.iter().all(|s| s.probability < 0.2),
        "{:?}",
        verdict.suspects
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
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let older = Incident {
        onset: None,
        ..incident(clock(6, 0, 1), None)
    };
    let verdict = judge(&older, &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.suspects.len(), 1);
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
fn an_undo_that_does_not_help_speaks_for_the_change() {
    let changes = [
        deploy("d-1", "api", clock(10, 10, 0)),
        Change {
            kind: Kind::Rollback,
            rollback_of: Some("d-1".to_owned()),
            ..deploy("r-1", "api", clock(10, 30, 0))
        },
    ];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        minutes: minutes(clock(10, 11, 0), clock(12, 0, 0), 150),
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    let found = verdict.suspects[0]
        .contributions
        .iter()
        .find(|c| c.kind == EvidenceKind::Rollback);
    let found = found.unwrap();
    assert_eq!(found.nats, -2.3);
    assert_eq!(
        found.text,
        "rollback `r-1` undid it, and it went on for 30 min and more"
    );
    assert_eq!(status(&verdict, 1), DispositionStatus::AttemptedFix);
}

#[test]
fn what_failed_or_was_done_elsewhere_is_less_probable_and_says_so() {
    let changes = [
        Change {
            environment: Some("production".to_owned()),
            ..deploy("d-1", "api", clock(10, 9, 0))
        },
        Change {
            environment: Some("pre-prod".to_owned()),
            ..deploy("d-2", "api", clock(10, 9, 0))
        },
        Change {
            status: Some(Status::Failed),
            ..deploy("d-3", "api", clock(10, 9, 0))
        },
        Change {
            status: Some(Status::Cancelled),
            ..deploy("d-4", "api", clock(10, 9, 0))
        },
    ];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    // Tempered by 1.5: the factors .1, .3, .1 to the power of 2/3.
    let ratio = |i| probability(&verdict, i) / probability(&verdict, 0);
    assert!((ratio(1) - 0.1_f64.powf(2.0 / 3.0)).abs() < 1e-9);
    assert!((ratio(2) - 0.3_f64.powf(2.0 / 3.0)).abs() < 1e-9);
    assert!((ratio(3) - 0.1_f64.powf(2.0 / 3.0)).abs() < 1e-9);
    let prior = |i| {
        let suspect = verdict.suspects.iter().find(|s| s.change == i).unwrap();
        let prior = suspect
            .contributions
            .iter()
            .find(|c| c.kind == EvidenceKind::Prior);
        prior.unwrap().text.clone()
    };
    assert!(prior(1).ends_with("it was done in `pre-prod`, not in production"));
    assert!(prior(2).ends_with("it failed, so it may have changed little"));
    assert!(prior(3).ends_with("it was cancelled, so it seldom takes effect"));
}

#[test]
fn a_service_out_of_sight_stays_a_suspect() {
    let changes = [deploy("d-1", "gateway", clock(10, 9, 30))];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    let scope = verdict.suspects[0]
        .contributions
        .iter()
        .find(|c| c.kind == EvidenceKind::Scope);
    let scope = scope.unwrap();
    assert_eq!(scope.nats, 0.0);
    assert_eq!(
        scope.text,
        "its service `gateway` does not occur in these logs, so scope can't tell"
    );
    assert_eq!(status(&verdict, 0), DispositionStatus::Suspect);
}
