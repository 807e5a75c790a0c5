//! Leads: what the logs rule out, and what they can't tell about.
//!
//! What was not measured is "not assessed", never "normal".

use std::collections::BTreeMap;

use super::constants::{ALIKE_LEAST_ERRORS, ALIKE_RATIO, LOAD_ORDINARY, ONE_SERVICE};
use super::phrase::Words;
use super::{Context, Contribution, NotAssessed, RuledOut, phrase};
use crate::zoom::{Counts, Label, Tally};

/// One service that takes others down with it.
const CALLED: &str = "a called service that takes its callers down";

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

/// Labels whose values may be the trouble: a host, a region, a kind of client.
const SINGLED_OUT: [(Label, &str, &str); 3] = [
    (Label::Host, "a single host", "hosts"),
    (Label::Region, "a single region", "regions"),
    (Label::Client, "a single kind of client", "kinds of client"),
];

/// Values of a label that fail alike: of those that could have shown it, none fails twice as often as
/// another. `None` where a value stands out, or fewer than two have requests enough.
fn alike(tally: &Tally, label: Label, of_many: &str, words: &Words) -> Option<String> {
    let (is_bad, are_bad) = (words.is_bad, words.are_bad);
    let mut values: BTreeMap<u32, Counts> = BTreeMap::new();
    let mut whole = Counts::default();
    for (_, numbers, counts) in tally.during() {
        let number = numbers[label as usize];
        if tally.numbers(label).contains(&number) {
            values.entry(number).or_default().add(counts);
        }
        whole.add(counts);
    }
    let rate = |c: &Counts| c.errors as f64 / c.requests.max(1) as f64;
    let enough = |c: &&Counts| c.requests as f64 * rate(&whole) >= ALIKE_LEAST_ERRORS;
    let rates: Vec<f64> = values.values().filter(enough).map(rate).collect();
    let low = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rates.iter().copied().fold(0.0, f64::max);
    (rates.len() >= 2 && high < ALIKE_RATIO * low).then(|| {
        format!(
            "{} {of_many} {are_bad} alike, {} to {} (one that {is_bad} {ALIKE_RATIO} times as often as another would have shown)",
            rates.len(),
            phrase::percent(low),
            phrase::percent(high),
        )
    })
}

/// Load, dependency and single hosts and the like, where the evidence is against them.
pub(super) fn ruled_out(
    context: &Context,
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
    ruled_out.extend(
        context
            .relays
            .findings(context.words())
            .map(|finding| RuledOut {
                lead: "callers",
                finding,
            }),
    );
    ruled_out.extend(
        context
            .relays
            .apart(context.words())
            .map(|finding| RuledOut {
                lead: CALLED,
                finding,
            }),
    );
    for (label, lead, of_many) in SINGLED_OUT {
        ruled_out.extend(
            alike(&context.labels, label, of_many, context.words())
                .map(|finding| RuledOut { lead, finding }),
        );
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
    let told = context.success_latency_us.is_some();
    if context.slow.is_none() && !(told && context.failing_latency_us.is_some()) {
        lacks("latency of failures", "the time that each request took");
    }
    if !told {
        lacks("slow answers", "the time that each successful request took");
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
    if context.relays.is_open() {
        lacks(
            CALLED,
            "failures of both services in these logs, 20 of each, or which service calls which",
        );
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoom::{Group, tally};

    fn hosts(groups: &[Group<'_>]) -> Option<String> {
        alike(&tally(groups), Label::Host, "hosts", phrase::words(false))
    }

    #[test]
    fn hosts_that_fail_alike_rule_a_single_one_out() {
        let even = [
            (0, "1", "a", "", 100, 20),
            (0, "1", "b", "", 100, 25),
            // Too few requests to tell.
            (0, "1", "c", "", 2, 2),
        ];
        assert_eq!(
            hosts(&even).unwrap(),
            "2 hosts fail alike, 20.0 % to 25.0 % (one that fails 2 times as often as another would have shown)"
        );
        let one = [(0, "1", "a", "", 100, 40), (0, "1", "b", "", 100, 1)];
        assert_eq!(hosts(&one), None);
        assert_eq!(hosts(&even[..1]), None);
        assert_eq!(hosts(&[]), None);
    }
}
