//! Contrast: where new and old, or touched and untouched hosts, were at work at the same time, do the
//! new ones fail more?
//!
//! Comes in: counts by endpoint, minute, version and host. Within a stratum (an endpoint's minute)
//! both sides had the same traffic, so their odds ratio is the change's own, whatever else went on.
//! How different the hosts were before the change is taken off. Equal versions are evidence against
//! the change, as strong as they are powered. Minutes in which one side began or ended are left out:
//! there, what comes later is compared with what came before. Minutes after the change was undone speak
//! for it, but hardly against it: what it broke (data, a cache) may stay broken for the version that is
//! back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::constants::{
    CONTRAST_CAUSE_SPREAD, CONTRAST_CLIP, CONTRAST_EFFECT_VARIANCE, CONTRAST_FEW_FAILURES,
    CONTRAST_FEW_OF_A_SIDE, CONTRAST_HOST_VARIANCE, CONTRAST_POWER, CONTRAST_RATE_PRIOR,
    ROLLBACK_CLIP,
};
use super::lag::Rollout;
use super::{Case, Contribution, EvidenceKind, phrase};
use crate::changes::Change;
use crate::stats::{Table, ln_bayes_factor, ln_two_rates, mantel_haenszel};
use crate::zoom::{ABSENT, Counts, Label, OTHER, Stratum, Tally};

/// What a change is called of which only the hosts are known.
const TOUCHED: &str = "the hosts that it touched";

/// Which of two sides a stratum's requests belong to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    New,
    Old,
}

/// The two sides of one endpoint's minute, by host.
#[derive(Default)]
struct Pair {
    new: BTreeMap<u32, Counts>,
    old: BTreeMap<u32, Counts>,
}

impl Pair {
    fn table(&self) -> Table {
        let (new, old) = (total(&self.new), total(&self.old));
        let split = |c: Counts| (c.errors as f64, (c.requests - c.errors) as f64);
        let ((a, b), (c, d)) = (split(new), split(old));
        [a, b, c, d]
    }

    fn has_both(&self) -> bool {
        total(&self.new).requests > 0 && total(&self.old).requests > 0
    }
}

fn total(hosts: &BTreeMap<u32, Counts>) -> Counts {
    let mut sum = Counts::default();
    hosts.values().for_each(|counts| sum.add(*counts));
    sum
}

/// The contrast of a change, and of the one that undid it; `None` where its two sides were never at
/// work together.
pub(super) fn contribution(
    change: &Change,
    undo: Option<&Change>,
    case: &Case<'_>,
) -> Option<Contribution> {
    let whole = until(i64::MAX, change, case)?;
    let Some(undo) = undo.filter(|_| whole.nats < 0.0) else {
        return Some(whole);
    };
    let before = until(Rollout::of(undo).start_us, change, case);
    Some(before.unwrap_or_else(|| Contribution {
        nats: whole.nats.max(ROLLBACK_CLIP.0),
        ..whole
    }))
}

/// The contrast in the minutes from the change to a time.
fn until(end_us: i64, change: &Change, case: &Case<'_>) -> Option<Contribution> {
    let tally = &case.context.labels;
    let endpoints = of_service(change, case);
    let versions = brought_versions(change, tally);
    let by_version = |s: &Stratum| match s.version {
        ABSENT | OTHER => None,
        version if versions.contains(&version) => Some(Side::New),
        _ => Some(Side::Old),
    };
    let touched = touched_hosts(change, tally);
    let by_host = |s: &Stratum| match s.host {
        ABSENT | OTHER => None,
        host if touched.contains(&host) => Some(Side::New),
        _ => Some(Side::Old),
    };
    let start_us = Rollout::of(change).start_us;
    let span_us = start_us..end_us;
    let whose = || change.version.clone().or_else(|| change.commit.clone());
    if !versions.is_empty()
        && let Some(after) = both_at_work(tally, &endpoints, &span_us, by_version)
    {
        return finding(case, &endpoints, start_us, &after, &whose()?);
    }
    if touched.is_empty() {
        return None;
    }
    let after = both_at_work(tally, &endpoints, &span_us, by_host)?;
    finding(case, &endpoints, start_us, &after, TOUCHED)
}

/// The versions in the log that a change brought.
pub(super) fn brought_versions(change: &Change, tally: &Tally) -> BTreeSet<u32> {
    tally
        .numbers(Label::Version)
        .filter(|n| change.brings(&String::from_utf8_lossy(tally.value(Label::Version, *n))))
        .collect()
}

/// The hosts in the log that a change names.
pub(super) fn touched_hosts(change: &Change, tally: &Tally) -> BTreeSet<u32> {
    tally
        .numbers(Label::Host)
        .filter(|n| is_named(change, tally.value(Label::Host, *n)))
        .collect()
}

/// The incident's endpoints that belong to the change's service; all, where it names none or the log
/// calls services otherwise.
fn of_service(change: &Change, case: &Case<'_>) -> BTreeSet<u32> {
    let hit = case.context.endpoints.iter().filter(|e| e.affected);
    let names = |service: &str| {
        change
            .service
            .as_ref()
            .is_none_or(|name| name.eq_ignore_ascii_case(service))
    };
    let in_sight = case.context.endpoints.iter().any(|e| names(&e.service));
    hit.enumerate()
        .filter(|(_, e)| !in_sight || names(&e.service))
        .map(|(place, _)| place as u32)
        .collect()
}

/// Whether a change names this host: `api-1` is `api-1.example.com` and `api-1:8080`.
fn is_named(change: &Change, host: &[u8]) -> bool {
    let host = String::from_utf8_lossy(host).to_ascii_lowercase();
    let is_short_for = |short: &str, long: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':']))
    };
    change.hosts.iter().any(|named| {
        let named = named.trim().to_ascii_lowercase();
        !named.is_empty() && (is_short_for(&named, &host) || is_short_for(&host, &named))
    })
}

/// The minutes of a span in which both sides were at work, but for those in which one began or ended;
/// `None` if there is none.
fn both_at_work(
    tally: &Tally,
    endpoints: &BTreeSet<u32>,
    span_us: &Range<i64>,
    side: impl Fn(&Stratum) -> Option<Side>,
) -> Option<Vec<Pair>> {
    let after = |s: &Stratum| {
        let begin_us = tally.begin_us(*s);
        endpoints.contains(&s.endpoint)
            && begin_us + tally.stratum_us() > span_us.start
            && begin_us < span_us.end
    };
    let (mut first, mut last) = ([i64::MAX; 2], [i64::MIN; 2]);
    let mut pairs: BTreeMap<(u32, i64), Pair> = BTreeMap::new();
    for (stratum, counts) in tally.strata().filter(|(s, _)| after(s)) {
        let Some(side) = side(&stratum) else { continue };
        first[side as usize] = first[side as usize].min(stratum.number);
        last[side as usize] = last[side as usize].max(stratum.number);
        let pair = pairs.entry((stratum.endpoint, stratum.number)).or_default();
        let hosts = match side {
            Side::New => &mut pair.new,
            Side::Old => &mut pair.old,
        };
        hosts.entry(stratum.host).or_default().add(counts);
    }
    let (from, to) = (first[0].max(first[1]), last[0].min(last[1]));
    let kept: Vec<Pair> = pairs
        .into_iter()
        .filter(|((_, number), pair)| (from < *number && *number < to) && pair.has_both())
        .map(|(_, pair)| pair)
        .collect();
    (!kept.is_empty()).then_some(kept)
}

fn finding(
    case: &Case<'_>,
    endpoints: &BTreeSet<u32>,
    start_us: i64,
    after: &[Pair],
    what: &str,
) -> Option<Contribution> {
    let (new, old) = sides(after);
    if new.requests.min(old.requests) < CONTRAST_POWER {
        return None;
    }
    let rate = |c: Counts| c.errors as f64 / c.requests as f64;
    let few = new.errors + old.errors < CONTRAST_FEW_FAILURES
        || new.errors.min(old.errors) < CONTRAST_FEW_OF_A_SIDE;
    let earlier = before(&case.context.labels, endpoints, start_us, after);
    let (ln_bf, worse) = if few {
        // What set the sides apart already before the change is no news.
        let known = earlier.as_ref().map_or(0.0, |pairs| exact(pairs).max(0.0));
        (exact(after) - known, rate(new) > rate(old))
    } else {
        let (theta, variance) = log_odds_ratio(after);
        let (prior, uncertainty) = of_hosts(after, earlier.as_deref());
        let (theta, variance) = (theta - prior, variance + uncertainty);
        let any_effect = ln_bayes_factor(theta, variance, CONTRAST_EFFECT_VARIANCE);
        let any_effect = if theta > 0.0 {
            any_effect
        } else {
            -any_effect.abs()
        };
        let cause = ln_is_cause(theta, variance, of_cause(new, old, case));
        (any_effect.min(cause), theta > 0.0)
    };
    let ln_bf = if worse { ln_bf } else { -ln_bf.abs() };
    let compared = format!(
        "{} of {} requests against {} of {} in the same minutes",
        phrase::percent(rate(new)),
        phrase::count(new.requests),
        phrase::percent(rate(old)),
        phrase::count(old.requests),
    );
    let words = case.context.words();
    let fail = if what == TOUCHED {
        words.are_bad
    } else {
        words.is_bad
    };
    let text = match ln_bf {
        l if l > 0.0 => format!("{what} {fail} more often than the rest: {compared}"),
        _ if worse => format!("{what} {fail} hardly more than the rest: {compared}"),
        _ => format!("{what} {fail} no more than the rest: {compared}"),
    };
    Some(Contribution {
        kind: EvidenceKind::VersionContrast,
        nats: ln_bf.clamp(CONTRAST_CLIP.0, CONTRAST_CLIP.1),
        text,
    })
}

/// The log odds ratio that the contrast would have if the new side alone made the incident: the rest
/// fails as expected, and the new side has all other failures.
fn of_cause(new: Counts, old: Counts, case: &Case<'_>) -> f64 {
    let hit = case.context.endpoints.iter().filter(|e| e.affected);
    let expected = super::scope::Totals::of(hit).baseline_rate();
    let expected = expected.clamp(1e-4, 0.5);
    let others = expected * old.requests as f64;
    let alone = ((new.errors + old.errors) as f64 - others) / new.requests as f64;
    let logit = |p: f64| (p / (1.0 - p)).ln();
    (logit(alone.clamp(expected, 0.99)) - logit(expected)).max(f64::EPSILON)
}

/// ln of the Bayes factor of "the contrast is that of the cause", give or take a quarter, against "no
/// contrast".
fn ln_is_cause(theta: f64, variance: f64, of_cause: f64) -> f64 {
    let spread = variance + (CONTRAST_CAUSE_SPREAD * of_cause).powi(2);
    let off = theta - of_cause;
    0.5 * (variance / spread).ln() + theta * theta / (2.0 * variance) - off * off / (2.0 * spread)
}

fn sides(pairs: &[Pair]) -> (Counts, Counts) {
    let (mut new, mut old) = (Counts::default(), Counts::default());
    for pair in pairs {
        new.add(total(&pair.new));
        old.add(total(&pair.old));
    }
    (new, old)
}

/// ln of the Bayes factor of two rates against one.
fn exact(pairs: &[Pair]) -> f64 {
    let (new, old) = sides(pairs);
    let (a, b) = CONTRAST_RATE_PRIOR;
    ln_two_rates(new.errors, new.requests, old.errors, old.requests, a, b)
}

/// ln of the common odds ratio, and its variance: the larger of Robins, Breslow and Greenland's and
/// the one between hosts, whose requests are not independent of each other.
fn log_odds_ratio(pairs: &[Pair]) -> (f64, f64) {
    let tables = pairs.iter().map(Pair::table);
    let (theta, variance) = mantel_haenszel(tables).unwrap_or((0.0, f64::MAX));
    (theta, variance.max(between_hosts(pairs, theta.exp())))
}

/// The variance of ln ψ from the hosts' scores: with U = Σ (a·d − ψ·b·c)/n over the tables, a host of
/// the new side has the share of U that its a and b make, one of the old side that of its c and d.
/// With single requests for hosts it is Woolf's 1/a + 1/b + 1/c + 1/d. 0 where a side has one host.
fn between_hosts(pairs: &[Pair], psi: f64) -> f64 {
    let (mut new, mut old) = (BTreeMap::<u32, f64>::new(), BTreeMap::<u32, f64>::new());
    let mut r = 0.0;
    for pair in pairs {
        let [a, b, c, d] = pair.table();
        let n = a + b + c + d;
        r += a * d / n;
        let split = |counts: &Counts| {
            (
                counts.errors as f64,
                (counts.requests - counts.errors) as f64,
            )
        };
        for (host, counts) in &pair.new {
            let (failed, succeeded) = split(counts);
            *new.entry(*host).or_default() += (failed * d - psi * succeeded * c) / n;
        }
        for (host, counts) in &pair.old {
            let (failed, succeeded) = split(counts);
            *old.entry(*host).or_default() += (succeeded * a - psi * failed * b) / n;
        }
    }
    if r <= 0.0 || new.len() < 2 || old.len() < 2 {
        return 0.0;
    }
    let scatter = |scores: &BTreeMap<u32, f64>| {
        let hosts = scores.len() as f64;
        scores.values().map(|u| u * u).sum::<f64>() * hosts / (hosts - 1.0)
    };
    (scatter(&new) + scatter(&old)) / (r * r)
}

/// The hosts of either side.
fn hosts(pairs: &[Pair], side: fn(&Pair) -> &BTreeMap<u32, Counts>) -> BTreeSet<u32> {
    let all = pairs.iter().flat_map(|pair| side(pair).keys().copied());
    all.collect()
}

/// The same hosts before the change; `None` where some were on both sides, or too little is known.
fn before(
    tally: &Tally,
    endpoints: &BTreeSet<u32>,
    start_us: i64,
    after: &[Pair],
) -> Option<Vec<Pair>> {
    let (new, old) = (hosts(after, |p| &p.new), hosts(after, |p| &p.old));
    if !new.is_disjoint(&old) {
        return None;
    }
    let mut pairs: BTreeMap<(u32, i64), Pair> = BTreeMap::new();
    let earlier = |s: &Stratum| {
        endpoints.contains(&s.endpoint) && tally.begin_us(*s) + tally.stratum_us() <= start_us
    };
    for (stratum, counts) in tally.strata().filter(|(s, _)| earlier(s)) {
        let pair = pairs.entry((stratum.endpoint, stratum.number)).or_default();
        let side = if new.contains(&stratum.host) {
            &mut pair.new
        } else if old.contains(&stratum.host) {
            &mut pair.old
        } else {
            continue;
        };
        side.entry(stratum.host).or_default().add(counts);
    }
    let pairs: Vec<Pair> = pairs.into_values().filter(Pair::has_both).collect();
    let (new, old) = sides(&pairs);
    (new.requests.min(old.requests) >= CONTRAST_POWER).then_some(pairs)
}

/// How different the two sides' hosts are by themselves: mean and variance of their log odds ratio,
/// a priori that of hosts which are alike but for [`CONTRAST_HOST_VARIANCE`].
fn of_hosts(after: &[Pair], before: Option<&[Pair]>) -> (f64, f64) {
    let (new, old) = (hosts(after, |p| &p.new), hosts(after, |p| &p.old));
    let each = 1.0 / new.len().max(1) as f64 + 1.0 / old.len().max(1) as f64;
    let prior = CONTRAST_HOST_VARIANCE * each;
    let (theta, variance) = before.map_or((0.0, f64::MAX), log_odds_ratio);
    let weight = prior / (prior + variance);
    (theta * weight, prior * (1.0 - weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::tests::{change, with_labels};
    use crate::zoom::Group;

    /// The contrast of a deploy of 1.1 at minute 0, whose marker names these hosts.
    fn contrast(groups: &[Group<'_>], hosts: &[&str]) -> Option<Contribution> {
        contrast_undone(None, groups, hosts)
    }

    /// The same where an undo begins at a minute.
    fn contrast_undone(
        undone_min: Option<i64>,
        groups: &[Group<'_>],
        hosts: &[&str],
    ) -> Option<Contribution> {
        let undo = undone_min.map(|minute| change("r-1", minute * 60_000_000));
        let change = Change {
            version: Some("1.1".to_owned()),
            hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
            service: Some("api".to_owned()),
            ..change("d-1", 0)
        };
        with_labels(&change, groups, |case| {
            contribution(&change, undo.as_ref(), case)
        })
    }

    /// Twelve minutes in which two hosts of either version answer 50 requests a minute each.
    fn rollout(new_errors: u64, old_errors: u64) -> Vec<Group<'static>> {
        (0..12)
            .flat_map(|minute| {
                [
                    (minute, "1.1", "a", "", 50, new_errors),
                    (minute, "1.1", "b", "", 50, new_errors),
                    (minute, "1.0", "c", "", 50, old_errors),
                    (minute, "1.0", "d", "", 50, old_errors),
                ]
            })
            .collect()
    }

    #[test]
    fn a_version_that_fails_beside_a_sound_one_is_accused() {
        let found = contrast(&rollout(10, 0), &[]).unwrap();
        assert_eq!(found.nats, 6.0);
        // The first and the last minute are left out: ten minutes of 100 requests on either side.
        assert_eq!(
            found.text,
            "1.1 fails more often than the rest: 20.0 % of 1,000 requests against 0 % of 1,000 in the same minutes"
        );
    }

    #[test]
    fn equal_versions_clear_the_change() {
        let found = contrast(&rollout(10, 10), &[]).unwrap();
        // 200 of 1,000 on either side, 0.3 % expected: alone, the new side would fail in 39.7 %, a log
        // odds ratio of 5.388. At 0, with V = 2·(1/200 + 1/800) + 0.125·(½ + ½) = 0.1375:
        // ½ ln(V/(V + 1.347²)) − 5.388²/(2·(V + 1.347²)) = −8.79, beyond the bound.
        assert_eq!(found.nats, -8.0);
        assert!(found.text.starts_with("1.1 fails no more than the rest"));
        assert!(contrast(&rollout(2, 10), &[]).unwrap().nats < -3.0);
    }

    #[test]
    fn a_switch_within_a_minute_compares_nothing() {
        let switched: Vec<Group<'_>> = (-10..10)
            .map(|minute| match minute {
                ..0 => (minute, "1.0", "a", "", 50, 0),
                0 => (minute, "1.0", "a", "", 25, 0),
                _ => (minute, "1.1", "a", "", 50, 25),
            })
            .chain([(0, "1.1", "a", "", 25, 12)])
            .collect();
        assert_eq!(contrast(&switched, &[]), None);
    }

    #[test]
    fn few_failures_are_compared_exactly() {
        let canary: Vec<Group<'_>> = (0..12)
            .flat_map(|minute| {
                [
                    (minute, "1.1", "a", "", 2, u64::from(minute % 2 == 1)),
                    (minute, "1.0", "c", "", 18, 0),
                ]
            })
            .collect();
        // Ten minutes: 5 of 20 against 0 of 180. scipy's betaln: 9.357….
        let found = contrast(&canary, &[]).unwrap();
        assert_eq!(found.nats, 6.0);
        assert!(
            found
                .text
                .contains("25.0 % of 20 requests against 0 % of 180")
        );
    }

    /// What was deployed spoilt a cache: the version that is back fails as much until it is filled.
    #[test]
    fn what_fails_alike_while_it_is_undone_is_not_what_fails_alike() {
        let groups = rollout(20, 20);
        let never_undone = contrast(&groups, &[]).unwrap();
        assert!(never_undone.nats < -4.0, "{never_undone:?}");
        // Both met only from the undo on.
        let undone = contrast_undone(Some(0), &groups, &[]).unwrap();
        assert_eq!(undone.nats, -2.3);
        assert_eq!(undone.text, never_undone.text);
        // They had met before it: five minutes say almost as much as all twelve.
        let met_before = contrast_undone(Some(6), &groups, &[]).unwrap();
        assert!(met_before.nats < -2.3, "{met_before:?}");
        // The version that is back answers well: that speaks for the change, whenever it was.
        let groups = rollout(20, 0);
        assert_eq!(
            contrast_undone(Some(0), &groups, &[]).unwrap().nats,
            contrast(&groups, &[]).unwrap().nats
        );
    }

    #[test]
    fn a_host_that_always_failed_more_is_no_news() {
        let hosts = |minute| {
            [
                (minute, "9", "a", "", 100, 20),
                (minute, "9", "c", "", 100, 5),
            ]
        };
        let after: Vec<Group<'_>> = (0..12).flat_map(hosts).collect();
        let always: Vec<Group<'_>> = (-60..12).flat_map(hosts).collect();
        let news = contrast(&after, &["a"]).unwrap();
        let known = contrast(&always, &["a"]).unwrap();
        assert!(news.nats > 0.0, "{}", news.nats);
        assert!(known.nats < -2.0, "{}", known.nats);
        assert!(
            known
                .text
                .starts_with("the hosts that it touched fail hardly more")
        );
    }
}
