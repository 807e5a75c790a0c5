//! Whatever comes in, the verdict holds together.

use super::*;
use crate::changes::{Kind, Status};
use proptest::prelude::*;

/// Times that matter: near the incident, and as far away as a number goes.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![4 => clock(0, 0, 0)..clock(24, 0, 0), 1 => any::<i64>()]
}

fn any_change() -> impl Strategy<Value = Change> {
    let kinds = vec![
        Kind::Deploy,
        Kind::Rollback,
        Kind::Flag,
        Kind::Config,
        Kind::Migration,
        Kind::Infra,
    ];
    let statuses = vec![
        None,
        Some(Status::Succeeded),
        Some(Status::Failed),
        Some(Status::Cancelled),
    ];
    let services = vec![None, Some("api"), Some("web"), Some("gone")];
    (
        time(),
        proptest::option::of(time()),
        any::<bool>(),
        proptest::sample::select(kinds),
        proptest::sample::select(statuses),
        proptest::sample::select(services),
        proptest::option::of("[a-d]"),
        proptest::collection::vec("[/*a{}: ]{0,6}", 0..3),
    )
        .prop_map(
            |(at_us, finished_us, at_is_end, kind, status, service, undone, endpoints)| Change {
                finished_us,
                at_is_end,
                kind,
                status,
                service: service.map(str::to_owned),
                rollback_of: undone,
                endpoints,
                ..change("a", at_us)
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn probabilities_add_up_and_nothing_is_dropped(
        mut changes in proptest::collection::vec(any_change(), 0..8),
        onset_us in time(),
        end_us in proptest::option::of(time()),
        onset_known in any::<bool>(),
    ) {
        for (change, id) in changes.iter_mut().zip(["a", "b", "c", "d", "e", "f", "g", "h"]) {
            change.id = id.to_owned();
        }
        let onset_us = onset_us.clamp(i64::MIN + 20_000_000, i64::MAX - 20_000_000);
        let end_us = end_us.map(|t| t.clamp(i64::MIN + 20_000_000, i64::MAX - 20_000_000));
        let mut incident = incident(onset_us, end_us);
        if !onset_known {
            incident.onset = None;
        }
        let context = Context {
            endpoints: vec![hit("api", "/a", 0), endpoint("web", "/a/{id}", 0)],
            minutes: minutes(clock(10, 0, 0), clock(11, 0, 0), 150),
            ..context()
        };
        let verdict = judge(&incident, &changes, &context);
        check(&verdict, &changes);
        prop_assert!(verdict.suspects.iter().all(|s| (0.0..=1.0).contains(&s.probability)));
        prop_assert!(verdict.suspects.is_sorted_by(|a, b| a.probability >= b.probability));
    }
}
