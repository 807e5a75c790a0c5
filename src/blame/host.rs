//! One host alone: what reached every host seldom breaks one of them.
//!
//! Comes in: requests and failures by host from onset to end, and by host and version. Goes out: nats
//! against a change that reached other hosts than the one that fails, or may have. A host that alone
//! has the new version, or that alone was touched, is the contrast's matter.

use std::collections::{BTreeMap, BTreeSet};

use super::constants::{
    ONE_HOST_BY_ITSELF, ONE_HOST_COVERAGE, ONE_HOST_IF_EVERYWHERE, ONE_HOST_IF_PERHAPS,
    ONE_HOST_LEAST_FAILURES,
};
use super::phrase::Words;
use super::{Case, Contribution, EvidenceKind, contrast};
use crate::changes::{Change, Kind};
use crate::zoom::{Counts, Label, Tally};

/// The host that makes nearly all of the excess.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Alone {
    number: u32,
    /// Its name, as the log has it.
    name: String,
    /// Hosts beside it, with requests enough to show the same.
    others: BTreeSet<u32>,
}

impl Alone {
    /// What to look at, where no change is named.
    pub(super) fn sentence(&self, words: &Words) -> String {
        let (host, hosts, is_bad) = (&self.name, self.others.len() + 1, words.is_bad);
        format!("Only host `{host}` of {hosts} {is_bad}: look there first.")
    }
}

/// The one host that fails, where others of the same endpoints do not.
pub(super) fn alone(case: &Case<'_>) -> Option<Alone> {
    let tally = &case.context.labels;
    let endpoints = &case.incident.endpoints;
    let mut hosts: BTreeMap<u32, (Counts, f64)> = BTreeMap::new();
    let mut all = 0.0;
    for (endpoint, numbers, counts) in tally.during() {
        let calm = endpoints.get(endpoint).map_or(0.0, |(_, b)| b.rate);
        let excess = counts.errors as f64 - calm * counts.requests as f64;
        all += excess;
        let number = numbers[Label::Host as usize];
        if tally.numbers(Label::Host).contains(&number) {
            let sum = hosts.entry(number).or_default();
            sum.0.add(counts);
            sum.1 += excess;
        }
    }
    let (&number, &(counts, excess)) = hosts.iter().max_by(|a, b| a.1.1.total_cmp(&b.1.1))?;
    let rate = counts.errors as f64 / counts.requests.max(1) as f64;
    let could_show = |c: &Counts| c.requests as f64 * rate >= ONE_HOST_LEAST_FAILURES;
    let others: BTreeSet<u32> = hosts
        .iter()
        .filter(|(other, (c, _))| **other != number && could_show(c))
        .map(|(other, _)| *other)
        .collect();
    let is_alone = all > 0.0 && excess >= ONE_HOST_COVERAGE * all && !others.is_empty();
    is_alone.then(|| Alone {
        number,
        name: String::from_utf8_lossy(tally.value(Label::Host, number)).into_owned(),
        others,
    })
}

/// What speaks against a change when one host alone fails.
pub(super) fn contribution(
    change: &Change,
    alone: Option<&Alone>,
    case: &Case<'_>,
) -> Option<Contribution> {
    let alone = alone?;
    let tally = &case.context.labels;
    let touched = contrast::touched_hosts(change, tally);
    let at_work = hosts_of_version(change, tally);
    let (if_guilty, how) = if !touched.is_empty() {
        match touched.contains(&alone.number) && touched.is_disjoint(&alone.others) {
            true => return None,
            false => (ONE_HOST_IF_EVERYWHERE, "it touched others"),
        }
    } else if !at_work.is_empty() {
        match at_work.is_disjoint(&alone.others) {
            true => return None,
            false => (
                ONE_HOST_IF_EVERYWHERE,
                "what it brought was at work on others, too",
            ),
        }
    } else {
        match change.kind {
            Kind::Flag | Kind::Config | Kind::Migration => {
                (ONE_HOST_IF_EVERYWHERE, "such a change reaches every host")
            }
            _ => (ONE_HOST_IF_PERHAPS, "a rollout seldom stops at one"),
        }
    };
    let (host, is_bad) = (&alone.name, case.moments.words.is_bad);
    Some(Contribution {
        kind: EvidenceKind::Host,
        nats: (if_guilty / ONE_HOST_BY_ITSELF).ln(),
        text: format!(
            "only `{host}` of {} hosts {is_bad}, and {how}",
            alone.others.len() + 1,
        ),
    })
}

/// The hosts on which a version that the change brought answered during the incident.
fn hosts_of_version(change: &Change, tally: &Tally) -> BTreeSet<u32> {
    let brought = contrast::brought_versions(change, tally);
    tally
        .during()
        .filter(|(_, numbers, _)| brought.contains(&numbers[Label::Version as usize]))
        .map(|(_, numbers, _)| numbers[Label::Host as usize])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::tests::{change, with_labels};
    use crate::zoom::Group;

    /// What is said of a change at minute 0.
    fn said(change: Change, groups: &[Group<'_>]) -> Option<Contribution> {
        with_labels(&change, groups, |case| {
            contribution(&change, alone(case).as_ref(), case)
        })
    }

    fn of(kind: Kind) -> Change {
        Change {
            kind,
            ..change("d-1", 0)
        }
    }

    /// Twelve minutes in which three hosts answer 50 requests each, with these errors and versions.
    fn minutes(hosts: [(&'static str, u64); 3]) -> Vec<Group<'static>> {
        let names = ["a", "b", "c"].into_iter().zip(hosts);
        (0..12)
            .flat_map(|minute| {
                names
                    .clone()
                    .map(move |(host, (version, errors))| (minute, version, host, "", 50, errors))
            })
            .collect()
    }

    #[test]
    fn a_flag_reaches_every_host_and_seldom_breaks_one() {
        let one = minutes([("", 20), ("", 0), ("", 0)]);
        let found = said(of(Kind::Flag), &one).unwrap();
        // ln(0.02 / 0.2)
        assert!(
            (found.nats + std::f64::consts::LN_10).abs() < 1e-12,
            "{found:?}"
        );
        assert_eq!(
            found.text,
            "only `a` of 3 hosts fails, and such a change reaches every host"
        );
        // ln(0.1 / 0.2)
        let deploy = said(of(Kind::Deploy), &one).unwrap();
        assert!(
            (deploy.nats + std::f64::consts::LN_2).abs() < 1e-12,
            "{deploy:?}"
        );
    }

    #[test]
    fn hosts_that_fail_alike_say_nothing_here() {
        assert_eq!(
            said(of(Kind::Flag), &minutes([("", 9), ("", 11), ("", 10)])),
            None
        );
        // Half of it is elsewhere.
        assert_eq!(
            said(of(Kind::Flag), &minutes([("", 20), ("", 20), ("", 0)])),
            None
        );
    }

    #[test]
    fn a_host_beside_which_nobody_could_have_shown_it_is_not_alone() {
        let groups: Vec<Group<'_>> = (0..12)
            .flat_map(|minute| [(minute, "", "a", "", 50, 20), (minute, "", "b", "", 1, 0)])
            .collect();
        // 12 requests at 40 % lead to expect 4.8 failures.
        assert_eq!(said(of(Kind::Flag), &groups), None);
    }

    #[test]
    fn where_the_version_was_tells_which_hosts_it_reached() {
        let version = || Change {
            version: Some("1.1".to_owned()),
            ..of(Kind::Deploy)
        };
        let everywhere = minutes([("1.1", 20), ("1.1", 0), ("1.1", 0)]);
        let found = said(version(), &everywhere).unwrap();
        assert!(found.nats < -2.0, "{found:?}");
        assert!(
            found
                .text
                .ends_with("what it brought was at work on others, too")
        );
        // A canary: the contrast of versions judges it.
        let canary = minutes([("1.1", 20), ("1.0", 0), ("1.0", 0)]);
        assert_eq!(said(version(), &canary), None);
    }

    #[test]
    fn hosts_that_the_marker_names_are_believed() {
        let touching = |hosts: &[&str]| Change {
            hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
            ..of(Kind::Config)
        };
        let one = minutes([("", 20), ("", 0), ("", 0)]);
        assert_eq!(said(touching(&["a"]), &one), None);
        for hosts in [&["a", "b"][..], &["b"]] {
            let found = said(touching(hosts), &one).unwrap();
            assert!(found.text.ends_with("it touched others"), "{found:?}");
        }
    }
}
