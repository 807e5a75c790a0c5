//! Scope: are the endpoints that a change touches the ones that were hit?
//!
//! Comes in: the change's footprint and what each endpoint did during the incident. Each endpoint
//! that could have shown the effect is a witness; those of a route group share code and traffic,
//! so a group counts once, and only the largest groups count.
//!
//! A cause that no marker lists lies somewhere, too: mostly in one service, all of whose endpoints
//! it may hit. So that several endpoints of one service fail together says no more for a change of
//! that service than that the fault might have been in another one: with equal endpoints about
//! ln(number of services), and nothing where the log shows a single service.

use std::collections::{BTreeMap, BTreeSet};

use super::constants::{
    HIT_INSIDE, HIT_OUTSIDE, SCOPE_CLIP, SCOPE_GROUPS, SCOPE_WEIGHT, SPARED_INSIDE, UNCONFINED,
};
use super::footprint::Footprint;
use super::{Context, Contribution, EndpointFact, EvidenceKind, phrase};
use crate::changes::Change;
use crate::stats::log_sum_exp;

/// The weighted log likelihood of what was hit under a cause that no marker lists, against one that
/// hits every endpoint alike: confined to a service, each as likely as any other, or to none.
pub(super) fn of_unlisted(context: &Context) -> f64 {
    let names = |wanted: &dyn Fn(&EndpointFact) -> bool| -> BTreeSet<&str> {
        let of = context.endpoints.iter().filter(|e| wanted(e));
        of.map(|e| e.service.as_str()).collect()
    };
    let visible = names(&|endpoint| context.is_witness(endpoint));
    let hit = names(&|endpoint| context.is_hit(endpoint));
    let confined_to = |service: Option<&str>| {
        let of = context.endpoints.iter();
        let touched: Vec<bool> = of.map(|e| Some(e.service.as_str()) == service).collect();
        weighted(&touched, context)
    };
    // Services that are not hit count alike: of them there may be a thousand.
    let spared = visible.len().saturating_sub(hit.len()) as f64;
    let mut terms = vec![UNCONFINED.ln()];
    let here = ((1.0 - UNCONFINED) / visible.len().max(1) as f64).ln();
    terms.extend(
        hit.into_iter()
            .map(|service| here + confined_to(Some(service))),
    );
    if spared > 0.0 {
        terms.push(here + spared.ln() + confined_to(None));
    }
    log_sum_exp(&terms)
}

/// The scope's log likelihood ratio against a cause that no marker lists (`unlisted`, from
/// [`of_unlisted`]).
pub(super) fn contribution(
    change: &Change,
    footprint: &Footprint,
    context: &Context,
    unlisted: f64,
) -> Contribution {
    let (nats, text) = match footprint {
        Footprint::Undeclared => (
            0.0,
            "its marker names neither a service nor endpoints, so scope can't tell".to_owned(),
        ),
        Footprint::OutOfSight => (
            0.0,
            format!("{} in these logs, so scope can't tell", absence(change)),
        ),
        Footprint::Declared(touched) => {
            let nats = weighted(touched, context) - unlisted;
            (nats, finding(change, footprint, context))
        }
    };
    Contribution {
        kind: EvidenceKind::Scope,
        nats,
        text,
    }
}

/// The log likelihood ratio of a footprint against a cause that hits every endpoint alike.
fn weighted(touched: &[bool], context: &Context) -> f64 {
    SCOPE_WEIGHT * ratio(touched, context).clamp(-SCOPE_CLIP, SCOPE_CLIP)
}

/// What of a change out of sight was looked for.
fn absence(change: &Change) -> String {
    match &change.service {
        Some(service) => format!("its service `{service}` does not occur"),
        None => "none of its endpoints occurs".to_owned(),
    }
}

/// One route group's witnesses.
#[derive(Default)]
struct Group {
    excess: f64,
    requests: u64,
    nats: f64,
    witnesses: u32,
}

/// Sum over the largest groups of the mean log likelihood ratio of their endpoints. First the largest of each
/// service that was hit, then the second of each; largest by excess failures, then by requests: neither groups that
/// were hit nor services must be crowded out by large ones.
fn ratio(touched: &[bool], context: &Context) -> f64 {
    let mut groups: BTreeMap<(&str, u32), Group> = BTreeMap::new();
    let of_touched: BTreeSet<&str> = context
        .endpoints
        .iter()
        .zip(touched)
        .filter(|(endpoint, touched)| {
            let is_down = context.is_hit(endpoint) || context.relays.is_silent(&endpoint.service);
            **touched && is_down
        })
        .map(|(endpoint, _)| endpoint.service.as_str())
        .collect();
    // The same requests, told by another log: no failures outside.
    let is_told_twice = |e: &EndpointFact| {
        let mut touched = of_touched.iter();
        touched.any(|service| context.relays.are_one(service, &e.service))
    };
    for (endpoint, touched) in context.endpoints.iter().zip(touched) {
        let is_hit = context.is_hit(endpoint);
        if !context.is_witness(endpoint) || !(is_hit || *touched) {
            continue;
        }
        if is_hit && !*touched && is_told_twice(endpoint) {
            continue;
        }
        let (with, without) = match (is_hit, *touched) {
            (true, true) => HIT_INSIDE,
            (true, false) => HIT_OUTSIDE,
            (false, _) => SPARED_INSIDE,
        };
        let group = groups
            .entry((&endpoint.service, endpoint.group))
            .or_default();
        group.excess += if is_hit {
            endpoint.excess_errors()
        } else {
            0.0
        };
        group.requests = group.requests.saturating_add(endpoint.requests);
        group.nats += (with / without).ln();
        group.witnesses += 1;
    }
    let mut groups: Vec<(&str, Group)> = groups
        .into_iter()
        .map(|((service, _), group)| (service, group))
        .collect();
    groups.sort_by(|(_, a), (_, b)| {
        b.excess
            .total_cmp(&a.excess)
            .then(b.requests.cmp(&a.requests))
    });
    let mut heard: BTreeMap<&str, usize> = BTreeMap::new();
    let mut in_turn: Vec<(bool, usize, Group)> = groups
        .into_iter()
        .map(|(service, group)| {
            let turn = heard.entry(service).or_default();
            *turn += 1;
            (group.excess == 0.0, *turn, group)
        })
        .collect();
    in_turn.sort_by_key(|(is_spared, turn, _)| (*is_spared, if *is_spared { 0 } else { *turn }));
    in_turn
        .iter()
        .take(SCOPE_GROUPS)
        .map(|(.., group)| group.nats / f64::from(group.witnesses))
        .sum()
}

/// The finding in a sentence.
fn finding(change: &Change, footprint: &Footprint, context: &Context) -> String {
    let hit = context.endpoints.iter().filter(|e| context.is_hit(e));
    let hit = hit.count();
    let (mut hit_inside, mut spared_inside) = (0_usize, 0_usize);
    for endpoint in footprint
        .endpoints(context)
        .filter(|e| context.is_witness(e))
    {
        if context.is_hit(endpoint) {
            hit_inside += 1;
        } else {
            spared_inside += 1;
        }
    }
    let passed_on = footprint
        .endpoints(context)
        .find(|e| e.affected && !context.is_hit(e));
    if let Some(relay) = passed_on.and_then(|e| context.relays.by(&e.service))
        && hit_inside == 0
    {
        return relay.sentence(context.words());
    }
    let whose = match &change.service {
        Some(service) if change.endpoints.is_empty() => format!("`{service}`"),
        Some(service) => format!("the part of `{service}` that it names"),
        None => "what it names".to_owned(),
    };
    let mut inside = footprint.endpoints(context).filter(|e| context.is_hit(e));
    if hit_inside > 0 && inside.all(|e| context.relays.is_silent(&e.service)) {
        return format!("{whose} did not answer, and what asked it failed");
    }
    let hits = match hit {
        _ if hit_inside == 0 && spared_inside > 0 => {
            return format!("{whose} is not hit: {}", rates(footprint, context));
        }
        1 if hit_inside == 1 => format!("the endpoint hit belongs to {whose}"),
        _ if hit_inside == hit => format!("all {hit} endpoints hit belong to {whose}"),
        _ => format!(
            "{} of the {hit} endpoints hit {} outside {whose}",
            hit - hit_inside,
            if hit - hit_inside == 1 { "lies" } else { "lie" }
        ),
    };
    match spared_inside {
        0 => hits,
        1 => format!("{hits}; one other endpoint of {whose} is spared"),
        n => format!("{hits}; {n} other endpoints of {whose} are spared"),
    }
}

/// Error rate of the footprint against its expectation: `0.3 % failed, 0.3 % expected`, with the
/// smallest excess that would have shown.
pub(super) fn rates(footprint: &Footprint, context: &Context) -> String {
    let totals = Totals::of(
        footprint
            .endpoints(context)
            .filter(|e| context.is_witness(e)),
    );
    let seen = format!(
        "{} of its requests {}, {} expected",
        phrase::percent(totals.rate()),
        context.words().was_bad,
        phrase::percent(totals.baseline_rate()),
    );
    match super::smallest_visible_excess(
        totals.requests,
        totals.baseline_rate(),
        context.dispersion,
    ) {
        Some(excess) => format!("{seen} (+{} would have shown)", phrase::percent(excess)),
        None => seen,
    }
}

/// Requests and errors of some endpoints, with what was expected.
#[derive(Default)]
pub(super) struct Totals {
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
    /// Errors to be expected.
    pub expected: f64,
}

impl Totals {
    /// Adds the endpoints up.
    pub(super) fn of<'a>(endpoints: impl Iterator<Item = &'a EndpointFact>) -> Totals {
        endpoints.fold(Totals::default(), |sum, e| Totals {
            requests: sum.requests.saturating_add(e.requests),
            errors: sum.errors.saturating_add(e.errors),
            expected: sum.expected + e.baseline_rate * e.requests as f64,
        })
    }

    /// errors / requests.
    pub(super) fn rate(&self) -> f64 {
        self.errors as f64 / self.requests.max(1) as f64
    }

    /// Expected errors / requests.
    pub(super) fn baseline_rate(&self) -> f64 {
        self.expected / self.requests.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::tests::{change, context, endpoint, hit};

    /// Of a change of `api`, against a cause that hits every endpoint alike.
    fn nats(endpoints: Vec<EndpointFact>) -> f64 {
        of_a_change("api", endpoints, |_| 0.0)
    }

    /// Of a change of a service, against a cause that no marker lists.
    fn against_unlisted(service: &str, endpoints: Vec<EndpointFact>) -> f64 {
        of_a_change(service, endpoints, of_unlisted)
    }

    fn of_a_change(
        service: &str,
        endpoints: Vec<EndpointFact>,
        unlisted: impl Fn(&Context) -> f64,
    ) -> f64 {
        let context = Context {
            endpoints,
            ..context()
        };
        let change = Change {
            service: Some(service.to_owned()),
            ..change("d-1", 0)
        };
        let footprint = Footprint::of(&change, &context);
        contribution(&change, &footprint, &context, unlisted(&context)).nats
    }

    #[test]
    fn a_single_service_tells_little_and_one_of_four_tells_about_their_number() {
        // .7·ln 6 = 1.254232, less ln(.25 + .75·e^1.254232).
        let alone = against_unlisted("api", vec![hit("api", "/a", 0)]);
        assert!((alone - 0.196838).abs() < 1e-6, "{alone}");

        let one_of_four = || {
            let others = ["web", "cart", "mail"].map(|s| endpoint(s, "/x", 0));
            let mut endpoints: Vec<EndpointFact> = (0..3).map(|g| hit("api", "/a", g)).collect();
            endpoints.extend(others);
            endpoints
        };
        // .7·3·ln 6 = 3.762695 where it lies, .7·3·ln .2 = -3.379820 elsewhere; less
        // ln(.25 + .75/4·(e^3.762695 + 3·e^-3.379820)) = 2.121509.
        let hit = against_unlisted("api", one_of_four());
        assert!((hit - 1.641186).abs() < 1e-6, "{hit}");
    }

    #[test]
    fn the_hit_groups_are_not_crowded_out_and_five_larger_ones_count_beside_them() {
        let mut endpoints: Vec<EndpointFact> = (1..=10)
            .map(|group| EndpointFact {
                requests: 90_000,
                ..endpoint("api", "/spared", group)
            })
            .collect();
        endpoints.push(hit("api", "/hit", 0));
        // 0.7·(ln 6 + 5·ln(0.70/0.95))
        assert!((nats(endpoints) - 0.185_396).abs() < 1e-6);
    }

    /// Eight groups of `api` fail, and two of each of two other services with fewer requests.
    #[test]
    fn a_large_service_does_not_crowd_out_the_hits_of_others() {
        let larger = |group| EndpointFact {
            requests: 5_000,
            errors: 3_000,
            ..hit("api", "/a", group)
        };
        let mut endpoints: Vec<EndpointFact> = (0..8).map(larger).collect();
        for service in ["web", "mail"] {
            endpoints.extend([0, 1].map(|group| hit(service, "/x", group)));
        }
        // 0.7·(2·ln 6 + 4·ln 0.2)
        assert!((nats(endpoints) + 1.997_963).abs() < 1e-6);
    }

    #[test]
    fn endpoints_of_a_group_count_once_and_the_sum_is_bounded() {
        let group: Vec<EndpointFact> = (0..9).map(|_| hit("api", "/hit", 0)).collect();
        assert!((nats(group) - 1.254_232).abs() < 1e-6);
        let groups: Vec<EndpointFact> = (0..9).map(|group| hit("api", "/hit", group)).collect();
        assert!((nats(groups) - 4.2).abs() < 1e-12);
    }

    #[test]
    fn an_endpoint_that_could_not_show_the_effect_is_no_witness() {
        let quiet = EndpointFact {
            powered: false,
            ..endpoint("api", "/quiet", 1)
        };
        assert!((nats(vec![hit("api", "/hit", 0), quiet]) - 1.254_232).abs() < 1e-6);
    }
}
