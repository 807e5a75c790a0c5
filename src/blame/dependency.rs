//! Dependency: did something that the services call fail, rather than one of them change?
//!
//! Comes in: how many services failed together, with which statuses, how fast. What a log does not
//! have (latencies) is left out, never taken as normal.

use std::collections::BTreeSet;

use super::constants::{
    DEPENDENCY_CLIP, DOMINANT_STATUS, EQUAL_VERSIONS, FAILURE_LATENCY, FAST_FAILURES,
    GATEWAY_STATUSES, ONE_SERVICE, OUT_OF_REACH, SERVICES_TO_COMPARE, SEVERAL_SERVICES,
    SLOW_FAILURES, TIMEOUT_BAND, TIMEOUTS_S,
};
use super::footprint::Footprint;
use super::{Context, Contribution, EvidenceKind, phrase};
use crate::zoom::Signature;

/// Everything that speaks for or against a dependency, and its sum within bounds.
pub(super) fn assess(
    context: &Context,
    candidates: &[&Footprint],
    out_of_reach: Option<&Signature>,
    equal_versions: Option<&Contribution>,
) -> (f64, Vec<Contribution>) {
    let findings: Vec<Contribution> = [
        breadth(context, candidates),
        statuses(context),
        latency(context),
        out_of_reach.and_then(words),
        equal_versions.and_then(|contrast| finding(EQUAL_VERSIONS, contrast.text.clone())),
    ]
    .into_iter()
    .flatten()
    .collect();
    let nats: f64 = findings.iter().map(|finding| finding.nats).sum();
    (nats.clamp(-DEPENDENCY_CLIP, DEPENDENCY_CLIP), findings)
}

fn finding(nats: f64, text: String) -> Option<Contribution> {
    Some(Contribution {
        kind: EvidenceKind::Dependency,
        nats,
        text,
    })
}

/// Applications that say so.
fn words(signature: &Signature) -> Option<Contribution> {
    let service = String::from_utf8_lossy(&signature.service);
    finding(
        OUT_OF_REACH,
        format!(
            "`{service}` writes `{}` since the onset",
            signature.template
        ),
    )
}

/// Several services at once, unless one change touches them; or one of several.
fn breadth(context: &Context, candidates: &[&Footprint]) -> Option<Contribution> {
    let services = |wanted: &dyn Fn(&super::EndpointFact) -> bool| -> BTreeSet<&str> {
        context
            .endpoints
            .iter()
            .filter(|e| wanted(e))
            .map(|e| e.service.as_str())
            .collect()
    };
    let hit = services(&|e| context.is_hit(e));
    let visible = services(&|e| context.is_witness(e));
    let in_common = |footprint: &&Footprint| {
        let touched: BTreeSet<&str> = footprint
            .endpoints(context)
            .filter(|e| context.is_hit(e))
            .map(|e| e.service.as_str())
            .collect();
        touched.len() >= 2
    };
    match hit.len() {
        0 => None,
        1 if visible.len() >= SERVICES_TO_COMPARE => finding(
            ONE_SERVICE,
            format!(
                "only {} of {} services {}",
                phrase::names(hit.iter().copied()),
                visible.len(),
                context.words().is_bad
            ),
        ),
        1 => None,
        _ if candidates.iter().any(in_common) => None,
        n => finding(
            SEVERAL_SERVICES,
            format!(
                "{n} services that share no change {} together ({})",
                context.words().are_bad,
                phrase::names(hit.iter().copied())
            ),
        ),
    }
}

/// Statuses of a proxy that can't reach what it calls, or of an application that fails itself.
fn statuses(context: &Context) -> Option<Contribution> {
    let count = |wanted: &[u16]| -> u64 {
        let of = context
            .error_statuses
            .iter()
            .filter(|(status, _)| wanted.contains(status));
        of.map(|(_, n)| *n).sum()
    };
    let all: u64 = context.error_statuses.iter().map(|(_, n)| *n).sum();
    if all == 0 {
        return None;
    }
    let share = |wanted: &[u16]| count(wanted) as f64 / all as f64;
    let (gateway, own) = (share(&[502, 503, 504]), share(&[500]));
    if gateway >= DOMINANT_STATUS {
        let text = format!(
            "{} of the failures are 502, 503 or 504",
            phrase::percent(gateway)
        );
        return finding(GATEWAY_STATUSES, text);
    }
    if own >= DOMINANT_STATUS {
        let text = format!("{} of the failures are 500", phrase::percent(own));
        return finding(-GATEWAY_STATUSES, text);
    }
    None
}

/// Failures that waited, above all for a round time-out; or that came faster than answers do.
fn latency(context: &Context) -> Option<Contribution> {
    let failing_us = context.failing_latency_us?;
    let success_us = context.success_latency_us.filter(|us| *us > 0.0)?;
    let (failing, success) = (
        phrase::duration(failing_us as i64),
        phrase::duration(success_us as i64),
    );
    let ratio = failing_us / success_us;
    let failing_s = failing_us / 1e6;
    let timeout = TIMEOUTS_S.iter().find(|timeout| {
        (TIMEOUT_BAND.0 * **timeout..=TIMEOUT_BAND.1 * **timeout).contains(&failing_s)
    });
    match timeout {
        Some(timeout) if ratio > 1.0 => finding(
            FAILURE_LATENCY,
            format!("failures take {failing}, as a time-out of {timeout} s would"),
        ),
        _ if ratio >= SLOW_FAILURES => finding(
            FAILURE_LATENCY,
            format!("failures take {failing}, successes {success}"),
        ),
        _ if ratio < FAST_FAILURES => finding(
            -FAILURE_LATENCY,
            format!("failures take {failing}, successes {success}: nothing was waited for"),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::tests::{change, context, hit};
    use crate::changes::Change;

    #[test]
    fn services_that_one_change_touches_are_no_sign_of_a_dependency() {
        let context = Context {
            endpoints: vec![hit("api", "/login", 0), hit("web", "/login", 1)],
            ..context()
        };
        let (nats, findings) = assess(&context, &[], None, None);
        assert_eq!(nats, 1.5);
        assert_eq!(
            findings[0].text,
            "2 services that share no change fail together (`api`, `web`)"
        );
        let change = Change {
            endpoints: vec!["/login".to_owned()],
            ..change("d-1", 0)
        };
        assert_eq!(
            assess(&context, &[&Footprint::of(&change, &context)], None, None),
            (0.0, Vec::new())
        );
    }

    #[test]
    fn failures_that_wait_for_nothing_speak_against_a_dependency() {
        let context = Context {
            error_statuses: vec![(500, 80), (503, 20)],
            failing_latency_us: Some(4_000.0),
            success_latency_us: Some(45_000.0),
            ..context()
        };
        let (nats, findings) = assess(&context, &[], None, None);
        assert_eq!(nats, -2.0);
        let texts: Vec<&str> = findings.iter().map(|f| f.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "80.0 % of the failures are 500",
                "failures take 4 ms, successes 45 ms: nothing was waited for"
            ]
        );
    }
}
