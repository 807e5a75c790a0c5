//! A change did it, and it is found.

use super::*;
use crate::changes::{Kind, Status};

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
            answered_after: 9_000,
            expected_after: 9_000.0,
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
        (rollback[0].nats - 2.1858).abs() < 0.01,
        "{}",
        rollback[0].nats
    );

    assert_eq!(status(&verdict, 0), DispositionStatus::Cleared);
    assert_eq!(
        verdict.dispositions[0].why,
        "2 h before the onset, and `billing` is not hit: 0.3 % of its requests failed, \
         0.3 % expected (+0.3 % would have shown)"
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
        "19 min after the onset; it undid `d-1042`, and the rate was back 90 s after it"
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
                 20 % more or less would have counted)"
            ),
            (
                "dependency",
                "only `auth` of 4 services fails; 98.3 % of the failures are 500"
            ),
        ]
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
    // By hand and SciPy. Prior: none since the first marker, so one in 10 days = 0.1 a day; odds
    // 0.05 / 0.1 = 0.5. Lag: 40 min, density
    // 4.9138e-6/s, in a day 0.424548. Scope: one group hit, in the only service: 0.7·ln 6 less
    // ln(.25 + .75·6^0.7).
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
    assert!((nats(EvidenceKind::Prior) - 0.5_f64.ln()).abs() < 1e-9);
    assert!(
        (nats(EvidenceKind::Lag) - 0.424_548_f64.ln()).abs() < 0.01,
        "{}",
        nats(EvidenceKind::Lag)
    );
    assert!((nats(EvidenceKind::Scope) - 0.196838).abs() < 1e-6);
    // "None": ln 0.9, as 10:40 is no round time. P = 1 / (1 + exp(−(S − ln 0.9))).
    let score = 0.5_f64.ln() + 0.424_548_f64.ln() + 0.196838;
    let expected = 1.0 / (1.0 + (-(score - 0.9_f64.ln())).exp());
    assert!(
        (probability(&verdict, 0) - expected).abs() < 0.005,
        "{}",
        probability(&verdict, 0)
    );
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
fn an_undo_that_does_not_help_speaks_against_the_change() {
    let changes = [
        deploy("d-1", "api", clock(10, 10, 0)),
        Change {
            kind: Kind::Rollback,
            rollback_of: Some("d-1".to_owned()),
            ..deploy("r-1", "api", clock(10, 30, 0))
        },
    ];
    let context = Context {
        endpoints: one_of_four_services(),
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
    assert!(!verdict.strong);
    assert_eq!(
        verdict.summary,
        "Probably caused by deploy `d-1` (`api`), 60 s before the onset (99 %). \
         Against it: rollback `r-1` undid it, and it went on for 30 min and more."
    );
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
    // The factors are odds.
    let ratio = |i| probability(&verdict, i) / probability(&verdict, 0);
    assert!((ratio(1) - 0.1).abs() < 1e-9);
    assert!((ratio(2) - 0.3).abs() < 1e-9);
    assert!((ratio(3) - 0.1).abs() < 1e-9);
    let status = |i| {
        let suspect = verdict.suspects.iter().find(|s| s.change == i).unwrap();
        let kind = |c: &&Contribution| c.kind == EvidenceKind::Status;
        suspect
            .contributions
            .iter()
            .find(kind)
            .map(|c| c.text.as_str())
    };
    assert_eq!(status(0), None);
    assert_eq!(
        status(1),
        Some("it was done in `pre-prod`, not in production")
    );
    assert_eq!(status(2), Some("it failed, so it may have changed little"));
    assert_eq!(
        status(3),
        Some("it was cancelled, so it seldom takes effect")
    );
}

/// What its undo says of the first suspect.
fn rollback_of_first(verdict: &Verdict) -> &Contribution {
    let kind = |c: &&Contribution| c.kind == EvidenceKind::Rollback;
    verdict.suspects[0].contributions.iter().find(kind).unwrap()
}

#[test]
fn an_undo_that_helps_in_part_speaks_for_the_change() {
    let changes = [
        deploy("d-1", "api", clock(10, 10, 0)),
        Change {
            kind: Kind::Rollback,
            rollback_of: Some("d-1".to_owned()),
            ..deploy("r-1", "api", clock(10, 40, 0))
        },
    ];
    // 15 % until the undo, then 6 % and no end.
    let mut minutes = minutes(clock(10, 11, 0), clock(12, 0, 0), 150);
    for minute in minutes
        .iter_mut()
        .filter(|m| m.start_us >= clock(10, 41, 0))
    {
        minute.errors = 60;
    }
    let context = Context {
        endpoints: one_of_four_services(),
        minutes,
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.kind, VerdictKind::Change);
    let rollback = rollback_of_first(&verdict);
    assert!((rollback.nats - 3.0_f64.ln()).abs() < 1e-12);
    assert_eq!(
        rollback.text,
        "rollback `r-1` undid it, and the rate fell (15.0 % → 6.0 %), but not all the way"
    );
}

/// Sessions that broke heal as their users log in again.
#[test]
fn an_undo_after_which_the_rate_falls_by_and_by_speaks_for_the_change() {
    let (undo_us, back_us) = (clock(11, 0, 0), clock(11, 30, 0));
    let changes = [
        deploy("d-1", "api", clock(8, 59, 40)),
        Change {
            kind: Kind::Rollback,
            rollback_of: Some("d-1".to_owned()),
            ..deploy("r-1", "api", undo_us)
        },
    ];
    // 15 % until the undo, then 0.6 points less each minute.
    let mut minutes = minutes(clock(9, 0, 0), back_us, 150);
    for (minute, less) in minutes
        .iter_mut()
        .filter(|m| m.start_us >= undo_us)
        .zip(0..)
    {
        minute.errors = 150_u64.saturating_sub(6 * less);
    }
    let context = Context {
        endpoints: one_of_four_services(),
        minutes,
        ..context()
    };
    let verdict = judge(&incident(clock(9, 0, 0), Some(back_us)), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.kind, VerdictKind::Change);
    let rollback = rollback_of_first(&verdict);
    assert!((rollback.nats - 3.0_f64.ln()).abs() < 1e-12);
    // Of minutes 2 to 11 after it.
    assert_eq!(
        rollback.text,
        "the rate fell after rollback `r-1` undid it (15.0 % → 11.1 %), and was back 30 min after it"
    );
}

#[test]
fn what_took_no_effect_is_named_only_for_a_sign_of_one() {
    // A minute before the onset, in the only service hit of four: nothing but the status is against it.
    let alone = |change: Change, end: Option<i64>| {
        let changes = [
            change,
            Change {
                environment: Some("production".to_owned()),
                ..deploy("old", "web", clock(7, 0, 0))
            },
            Change {
                kind: Kind::Rollback,
                rollback_of: Some("d-1".to_owned()),
                ..deploy("r-1", "api", clock(11, 0, 0))
            },
        ];
        let context = Context {
            endpoints: one_of_four_services(),
            ..context()
        };
        let changes = &changes[..if end.is_some() { 3 } else { 2 }];
        let verdict = judge(&incident(clock(10, 11, 0), end), changes, &context);
        check(&verdict, changes);
        (verdict.kind, probability(&verdict, 0))
    };
    let live = deploy("d-1", "api", clock(10, 10, 0));
    let failed = Change {
        status: Some(Status::Failed),
        ..live.clone()
    };
    let cancelled = Change {
        status: Some(Status::Cancelled),
        ..live.clone()
    };
    let staged = Change {
        environment: Some("staging".to_owned()),
        ..live.clone()
    };
    assert_eq!(alone(live, None).0, VerdictKind::Change);
    assert_eq!(
        alone(failed.clone(), None),
        (VerdictKind::Unexplained, 0.45)
    );
    assert_eq!(alone(cancelled, None), (VerdictKind::Unexplained, 0.25));
    assert_eq!(alone(staged, None), (VerdictKind::Unexplained, 0.25));
    // It was undone, and that ended it.
    let (kind, probability) = alone(failed, Some(clock(11, 2, 0)));
    assert_eq!(kind, VerdictKind::Change);
    assert!(probability > 0.9, "{probability}");
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

#[test]
fn a_marker_that_dates_the_end_of_a_rollout_may_be_younger_than_the_onset() {
    let changes = [Change {
        at_is_end: true,
        ..deploy("d-1", "api", clock(10, 20, 0))
    }];
    let context = Context {
        endpoints: vec![hit("api", "/api/a", 0), hit("api", "/v2/b", 1)],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.kind, VerdictKind::Change);
    let lag = verdict.suspects[0].contributions.iter();
    let lag: Vec<_> = lag.filter(|c| c.kind == EvidenceKind::Lag).collect();
    assert_eq!(
        lag[0].text,
        "done 9 min after the onset: it was under way when the incident began"
    );
    // 21 min into a rollout of 30: 0.65·F(1260)/1800 + 0.15/1800 + 0.10·(slow) per second, F the
    // lognormal's distribution function; SciPy: 4.4561e-4 with both uncertainties.
    assert!((lag[0].nats - 3.6507).abs() < 0.01, "{}", lag[0].nats);
}

#[test]
fn declared_paths_tell_two_deploys_of_a_service_apart() {
    let paths = |paths: &[&str]| paths.iter().map(|p| (*p).to_owned()).collect();
    let changes = [
        Change {
            endpoints: paths(&["/api/v1/login", "/api/v1/token/*"]),
            ..deploy("d-1", "api", clock(10, 5, 0))
        },
        Change {
            endpoints: paths(&["/api/v1/search/**"]),
            ..deploy("d-2", "api", clock(10, 8, 0))
        },
    ];
    let context = Context {
        endpoints: vec![
            hit("api", "/api/v1/login", 0),
            hit("api", "/api/v1/token/{id}", 1),
            endpoint("api", "/api/v1/search", 2),
            endpoint("api", "/api/v1/search/{id}/similar", 2),
        ],
        ..context()
    };
    let verdict = judge(&incident(clock(10, 11, 0), None), &changes, &context);
    check(&verdict, &changes);
    assert_eq!(verdict.kind, VerdictKind::Change, "{}", verdict.summary);
    assert_eq!(verdict.suspects[0].change, 0);
    let scope = |i: usize| {
        let found = verdict.suspects[i].contributions.iter();
        found
            .filter(|c| c.kind == EvidenceKind::Scope)
            .map(|c| c.nats)
            .sum::<f64>()
    };
    // By hand: 0.7·2·ln 6; and 0.7·(2·ln(1/5) + ln(0.70/0.95)), the spared group counted once; less
    // ln(.25 + .75·e^s) of an unlisted cause, which can only lie in `api`: s = 0.7·(2·ln 6 + ln(0.70/0.95)).
    assert!((scope(0) - 0.468404).abs() < 1e-6);
    assert!((scope(1) + 4.507040).abs() < 1e-6);
}

/// A pipeline writes a marker for each of two regions and one when all is done: the fault comes after
/// the first. The release is named, as surely as if it had one marker.
#[test]
fn a_release_of_three_markers_is_one_suspect() {
    let step = |id: &str, minute: i64, second: i64| Change {
        version: Some("4.2.0".to_owned()),
        ..deploy(id, "api", clock(9, minute, second))
    };
    let other = deploy("o", "mail", clock(7, 0, 0));
    let alone = [other.clone(), step("a", 0, 0)];
    let thrice = [other, step("a", 0, 0), step("b", 0, 10), step("c", 9, 0)];
    let context = Context {
        endpoints: one_of_four_services(),
        minutes: minutes(clock(9, 1, 30), clock(12, 0, 0), 150),
        ..context()
    };
    let incident = incident(clock(9, 1, 30), None);
    let (one, verdict) = (
        judge(&incident, &alone, &context),
        judge(&incident, &thrice, &context),
    );
    check(&verdict, &thrice);
    assert_eq!(verdict.kind, VerdictKind::Change);
    let named = &verdict.suspects[0];
    assert_eq!(named.change, 1);
    assert!((named.probability - probability(&one, 1)).abs() < 0.02);
    let others: Vec<usize> = verdict.suspects.iter().skip(1).map(|s| s.change).collect();
    assert_eq!(others, [0]);
    let told = |i: usize| {
        (
            verdict.dispositions[i].status,
            verdict.dispositions[i].why.as_str(),
        )
    };
    assert_eq!(
        told(2),
        (
            DispositionStatus::Cleared,
            "80 s before the onset: the same release as `a`, and weighed with it"
        )
    );
    assert_eq!(
        told(3),
        (
            DispositionStatus::Cleared,
            "7 min 30 s after the onset: the same release as `a`"
        )
    );
}

/// Ten steps over an hour and a half have ten chances to be near an onset: each is worth a tenth.
#[test]
fn steps_spread_over_an_hour_are_not_ten_times_as_suspicious() {
    let steps: Vec<Change> = (0..10)
        .map(|i| Change {
            version: Some("4.2.0".to_owned()),
            ..deploy(&format!("s{i}"), "api", clock(8, 10 * i, 0))
        })
        .collect();
    let context = Context {
        endpoints: one_of_four_services(),
        minutes: minutes(clock(9, 31, 30), clock(12, 0, 0), 150),
        ..context()
    };
    let incident = incident(clock(9, 31, 30), None);
    let lag = |changes: &[Change]| {
        let verdict = judge(&incident, changes, &context);
        check(&verdict, changes);
        let best = &verdict.suspects[0];
        let lag = best
            .contributions
            .iter()
            .find(|c| c.kind == EvidenceKind::Lag);
        (changes[best.change].id.clone(), lag.unwrap().nats)
    };
    let (named, spread) = lag(&steps);
    let (_, single) = lag(&steps[9..]);
    assert_eq!(named, "s9");
    // A tenth of the last step's, and a bit for the others: between −ln 10 and −ln 5.
    assert!(
        (-10.0_f64.ln()..-5.0_f64.ln()).contains(&(spread - single)),
        "{spread} {single}"
    );
}
