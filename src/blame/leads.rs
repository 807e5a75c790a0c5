//! Leads: what the logs rule out, and what they can't tell about.
//!
//! What was not measured is "not assessed", never "normal".

use super::constants::{LOAD_ORDINARY, ONE_SERVICE};
use super::{Context, Contribution, NotAssessed, RuledOut};
use crate::zoom::Label;

/// Leads that need more than access logs have, with what they need.
const NEVER_FROM_LOGS: [(&str, &str); 1] = [(
    "a called service that takes its callers down",
    "which service calls which",
)];

/// What tells requests apart, and what a line must have for it. Client and API version stand in
/// nearly every line, and are no lead of their own.
const BY_LABEL: [(Label, &str, &str); 3] = [
    (
        Label::Version,
        "new version against old",
        "the version that answered, in each request's line",
    ),
    (
        Label::Host,
        "host against host",
        "the host that answered, in each request's line or as its folder",
    ),
    (
        Label::Region,
        "region against region",
        "the region that answered, in each request's line",
    ),
];

/// Load and dependency, where the evidence is against them.
pub(super) fn ruled_out(
    (dependency_nats, dependency): (f64, &[Contribution]),
    (load_nats, load): (f64, &[Contribution]),
) -> Vec<RuledOut> {
    let against = |findings: &[Contribution]| {
        let texts = findings
            .iter()
            .filter(|f| f.nats < 0.0)
            .map(|f| f.text.as_str());
        texts.collect::<Vec<_>>().join("; ")
    };
    let mut ruled_out = Vec::new();
    if load_nats <= LOAD_ORDINARY {
        ruled_out.push(RuledOut {
            lead: "load",
            finding: against(load),
        });
    }
    if dependency_nats <= ONE_SERVICE {
        ruled_out.push(RuledOut {
            lead: "dependency",
            finding: against(dependency),
        });
    }
    ruled_out
}

/// What these logs can't tell about, with what would be needed.
pub(super) fn not_assessed(context: &Context, onset_known: bool) -> Vec<NotAssessed> {
    let mut open = Vec::new();
    let mut lacks = |lead, needs| open.push(NotAssessed { lead, needs });
    if !onset_known {
        lacks(
            "time between change and onset",
            "logs from before the incident began",
        );
    }
    if context.load.is_none_or(|load| load.expected <= 0.0) {
        lacks(
            "load",
            "logs from before the incident, to expect the traffic from",
        );
    }
    if context.failing_latency_us.is_none() || context.success_latency_us.is_none() {
        lacks("latency of failures", "the time that each request took");
    }
    for (label, lead, needs) in BY_LABEL {
        if !context.labels.has(label) {
            lacks(lead, needs);
        }
    }
    if context.words.since_us.is_empty() {
        lacks(
            "error messages not seen before",
            "logs of the applications, with a time and a level in each line",
        );
    }
    for (lead, needs) in NEVER_FROM_LOGS {
        lacks(lead, needs);
    }
    open
}
