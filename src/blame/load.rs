//! Load: did the requests grow, rather than anything change?
//!
//! Comes in: requests against what was expected, before and during the incident. Without an
//! expectation nothing is said.

use super::constants::{
    LEAST_OF_A_SURGE, LOAD_CLIP, LOAD_CURVE, LOAD_ORDINARY, LOAD_SURGE, ORDINARY_LOAD, SURGE,
};
use super::{Context, Contribution, EvidenceKind, phrase};

/// Requests of the incident's endpoints against their expectation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Requests from onset to end.
    pub requests: u64,
    /// Requests expected there, from the trailing or seasonal rate.
    pub expected: f64,
    /// Requests in the last minutes before the onset (at least one).
    pub requests_before: u64,
    /// Requests expected in these minutes.
    pub expected_before: f64,
    /// Requests answered well in the first minutes after the onset.
    pub answered_after: u64,
    /// Requests expected there, answered well or not.
    pub expected_after: f64,
    /// Whether the error rate used to rise with the load before the incident; `None` where the
    /// load did not vary enough to tell.
    pub rate_follows_load: Option<bool>,
}

/// Everything that speaks for or against load, and its sum within bounds.
pub(super) fn assess(context: &Context) -> (f64, Vec<Contribution>) {
    let Some(load) = context.load.filter(|load| load.expected > 0.0) else {
        return (0.0, Vec::new());
    };
    let findings: Vec<Contribution> = [volume(&load), curve(&load)]
        .into_iter()
        .flatten()
        .collect();
    let nats: f64 = findings.iter().map(|finding| finding.nats).sum();
    (nats.clamp(-LOAD_CLIP, LOAD_CLIP), findings)
}

fn finding(nats: f64, text: String) -> Option<Contribution> {
    Some(Contribution {
        kind: EvidenceKind::Load,
        nats,
        text,
    })
}

/// A surge that began before the errors did, or with them; or nothing out of the ordinary. Who fails asks again, so
/// of what came with the errors only what was answered well counts: of that retries make no more than usual.
fn volume(load: &Load) -> Option<Contribution> {
    let (before, during) = (
        load.requests_before as f64 / load.expected_before,
        load.requests as f64 / load.expected,
    );
    if load.expected_before > 0.0 && before >= SURGE {
        let text = format!("requests were {before:.1} times the expected already before the onset");
        return finding(LOAD_SURGE, text);
    }
    let after = load.answered_after as f64 / load.expected_after;
    if load.answered_after >= LEAST_OF_A_SURGE && after >= SURGE {
        let text = format!(
            "requests grew with the errors: those answered well alone were {after:.1} times all that was expected"
        );
        return finding(LOAD_SURGE, text);
    }
    let deviation = during - 1.0;
    if deviation.abs() > ORDINARY_LOAD {
        return None;
    }
    finding(
        LOAD_ORDINARY,
        format!(
            "requests were as expected ({} against {}, {}{}; {:.0} % more or less would have counted)",
            phrase::count(load.requests),
            phrase::count(load.expected.round() as u64),
            if deviation < 0.0 { "−" } else { "+" },
            phrase::percent(deviation.abs()),
            ORDINARY_LOAD * 100.0,
        ),
    )
}

/// An error rate that followed the load before.
fn curve(load: &Load) -> Option<Contribution> {
    if load.rate_follows_load? {
        return finding(
            LOAD_CURVE,
            "the error rate rose with the load before, too".to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(load: Load) -> (f64, Vec<String>) {
        let context = Context {
            load: Some(load),
            ..crate::blame::tests::context()
        };
        let (nats, findings) = assess(&context);
        (nats, findings.into_iter().map(|f| f.text).collect())
    }

    const ORDINARY: Load = Load {
        requests: 950,
        expected: 1_000.0,
        requests_before: 500,
        expected_before: 500.0,
        answered_after: 450,
        expected_after: 500.0,
        rate_follows_load: None,
    };

    #[test]
    fn a_surge_before_the_onset_speaks_for_load_within_bounds() {
        let surge = Load {
            requests_before: 1_250,
            rate_follows_load: Some(true),
            ..ORDINARY
        };
        let (nats, texts) = told(surge);
        assert_eq!(nats, 3.0);
        assert_eq!(
            texts,
            [
                "requests were 2.5 times the expected already before the onset",
                "the error rate rose with the load before, too"
            ]
        );
    }

    /// Four times the requests, of which a third fails; or twice, because all that fail are asked again and again.
    #[test]
    fn a_surge_that_comes_with_the_errors_speaks_for_load_and_retries_don_t() {
        let surge = Load {
            requests: 4_000,
            answered_after: 1_320,
            ..ORDINARY
        };
        let said = "requests grew with the errors: those answered well alone were 2.6 times all that was expected";
        assert_eq!(told(surge), (2.0, vec![said.to_owned()]));
        let storm = Load {
            requests: 4_000,
            answered_after: 480,
            ..ORDINARY
        };
        assert_eq!(told(storm), (0.0, Vec::new()));
    }

    #[test]
    fn ordinary_traffic_speaks_against_load() {
        let (nats, texts) = told(ORDINARY);
        assert_eq!(nats, -2.0);
        assert_eq!(
            texts,
            [
                "requests were as expected (950 against 1,000, −5.0 %; 20 % more or less would have counted)"
            ]
        );
    }

    #[test]
    fn what_is_neither_says_nothing() {
        assert_eq!(
            told(Load {
                requests: 1_500,
                ..ORDINARY
            }),
            (0.0, Vec::new())
        );
        assert_eq!(
            told(Load {
                expected: 0.0,
                ..ORDINARY
            }),
            (0.0, Vec::new())
        );
    }
}
