//! Relays: does one of the services that fail only pass on what fails in another?
//!
//! Comes in: the failures of each service of an incident in cells of 10 s. Where one service calls
//! another, or two logs tell of the same requests, their counts rise and fall together within
//! seconds; failures of two services that merely share a cause do so over minutes alone. The test is
//! Pearson's χ² of homogeneity, whose cells are compared with each other and not with a rate, so that
//! the incident's own ups and downs don't matter: independent failures give about 1 a cell, the same
//! requests counted twice far less. Who calls whom is told by who waits longer, or by the statuses of
//! a gateway; where neither tells, the two count as one.
//!
//! The failures of a caller are then no witness against what it calls: blame falls on the deepest
//! service that fails.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::constants::{
    APART_RATIO, AS_ONE_DEVIATIONS, AS_ONE_RATIO, DOMINANT_STATUS, REGULAR_BELOW, RELAY_LAGS,
    RELAY_LEAST, RELAY_SERVICES, RELAY_SPAN,
};
use super::phrase::{self, Words};
use super::silence::{self, Silent, Traffic};

/// The failures of one service during an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// Which service.
    pub service: String,
    /// Failures in each 10 s of the incident; the same cells for all services.
    pub counts: Vec<u32>,
    /// Whether these are requests that were slow, where others failed.
    pub only_slow: bool,
    /// How long a failure usually took (of slowness, any answer), µs, where the log tells.
    pub latency_us: Option<f64>,
    /// Share of its failures that are 502, 503 or 504.
    pub gateway_share: f64,
}

impl Pace {
    fn total(&self) -> u64 {
        self.counts.iter().map(|n| u64::from(*n)).sum()
    }

    /// Whether it lies nearer to the users than another service that tells of the same requests.
    fn calls(&self, other: &Pace) -> Option<bool> {
        if self.only_slow != other.only_slow {
            return Some(other.only_slow);
        }
        if let Some((mine, others)) = self.latency_us.zip(other.latency_us)
            && let order @ (Ordering::Less | Ordering::Greater) = mine.total_cmp(&others)
        {
            return Some(order.is_gt());
        }
        (self.is_gateway() != other.is_gateway()).then(|| self.is_gateway())
    }

    /// Whether it answers as one does that can't reach what it calls.
    fn is_gateway(&self) -> bool {
        self.gateway_share >= DOMINANT_STATUS
    }
}

/// How closely the counts of two services agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Agreement {
    /// Pearson's χ².
    chi_squared: f64,
    /// Cells with a failure of either.
    cells: usize,
    /// Its standard deviation, were the failures independent.
    sd: f64,
}

impl Agreement {
    /// Of two rows of counts; `None` where one is empty, or too few cells have more than one failure.
    ///
    /// Given the n of a cell, a share q of it falls to the first by chance: (a − qn)²/(n·q·(1 − q))
    /// has mean 1 and variance 2 + (1/(q(1 − q)) − 6)/n.
    fn of(pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Option<Agreement> {
        let sums = |(a, b): (u64, u64), (x, y): (u32, u32)| (a + u64::from(x), b + u64::from(y));
        let (a, b) = pairs.clone().fold((0, 0), sums);
        if a.min(b) < RELAY_LEAST {
            return None;
        }
        let q = a as f64 / (a + b) as f64;
        let spread = q * (1.0 - q);
        let (mut chi_squared, mut cells, mut variance) = (0.0, 0, 0.0);
        for (x, y) in pairs {
            let n = f64::from(x) + f64::from(y);
            if n > 0.0 {
                chi_squared += (f64::from(x) - q * n).powi(2) / (n * spread);
                variance += 2.0 + (1.0 / spread - 6.0) / n;
                cells += 1;
            }
        }
        // Without a cell of two there is nothing to compare.
        (variance > 0.5).then(|| Agreement {
            chi_squared,
            cells,
            sd: variance.sqrt(),
        })
    }

    /// Distance from what independent failures give, in standard deviations.
    fn deviations(&self) -> f64 {
        (self.chi_squared - self.cells as f64) / self.sd
    }

    /// χ² of a cell: 1 where they are independent.
    fn ratio(&self) -> f64 {
        self.chi_squared / self.cells as f64
    }
}

/// What two rows of counts say of each other.
#[derive(Debug, PartialEq)]
pub(super) enum Bond {
    /// The same requests.
    AsOne(Agreement),
    /// Failures of their own.
    Apart,
    /// Too few to tell.
    Unknown,
}

/// Compares two rows, the second up to a minute earlier or later: a log may stamp a request at its
/// begin or at its end. What agrees at most shifts is regular by itself, and no bond.
pub(super) fn bond(a: &[u32], b: &[u32]) -> Bond {
    let shifted = |lag: isize| {
        let of = a.iter().enumerate().filter_map(move |(i, x)| {
            let j = i.checked_add_signed(lag)?;
            Some((*x, *b.get(j)?))
        });
        Agreement::of(of)
    };
    let mut all: Vec<Agreement> = (-RELAY_LAGS..=RELAY_LAGS).filter_map(shifted).collect();
    all.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    let (Some(best), Some(usual)) = (all.first(), all.get(all.len() / 2)) else {
        return Bond::Unknown;
    };
    let is_one = best.deviations() <= -AS_ONE_DEVIATIONS
        && best.ratio() <= AS_ONE_RATIO * usual.ratio().min(1.0)
        && usual.ratio() >= REGULAR_BELOW;
    let would_show = (1.0 - AS_ONE_RATIO) * best.cells as f64 >= AS_ONE_DEVIATIONS * best.sd;
    match is_one {
        true => Bond::AsOne(*best),
        false if would_show && best.ratio() >= APART_RATIO => Bond::Apart,
        false => Bond::Unknown,
    }
}

/// A service whose failures are those of others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Relay {
    /// Which service.
    caller: String,
    /// Whose failures they are: one service's, or those of several together.
    callees: Vec<String>,
    /// What is wrong with these.
    how: How,
}

/// How one service takes another down.
#[derive(Debug, Clone, PartialEq)]
enum How {
    /// It fails in the same moments.
    Fails(Agreement),
    /// It is slow in the same moments.
    IsSlow(Agreement),
    /// It does not answer.
    IsSilent(Vec<Silent>),
}

impl How {
    fn agreement(&self) -> Option<&Agreement> {
        match self {
            How::Fails(agreement) | How::IsSlow(agreement) => Some(agreement),
            How::IsSilent(_) => None,
        }
    }
}

impl Relay {
    /// ``` `gateway` only passes on what fails in `auth` ```
    pub(super) fn sentence(&self, words: &Words) -> String {
        let caller = &self.caller;
        let callees = phrase::names(self.callees.iter().map(String::as_str));
        match self.how {
            How::Fails(_) => format!(
                "`{caller}` only passes on what {} in {callees}",
                words.is_bad
            ),
            How::IsSlow(_) => format!(
                "`{caller}` only passes on what {} in {callees}",
                phrase::words(true).is_bad
            ),
            How::IsSilent(_) => format!("`{caller}` fails what {callees} did not answer"),
        }
    }

    /// The same, with the figures that show it.
    fn finding(&self, words: &Words) -> String {
        let shown = match &self.how {
            How::Fails(Agreement {
                chi_squared, cells, ..
            })
            | How::IsSlow(Agreement {
                chi_squared, cells, ..
            }) => format!(
                "their {} come within the same 10 s (χ² {chi_squared:.0} over {cells} such cells; those \
                 of their own would give about {cells})",
                words.failures
            ),
            How::IsSilent(all) => {
                let told = all.iter().take(3).map(|silent| {
                    format!(
                        "`{}` logged {} requests in the first hour, {} expected",
                        silent.service,
                        phrase::count(silent.requests),
                        phrase::count(silent.expected.round() as u64)
                    )
                });
                told.collect::<Vec<_>>().join("; ")
            }
        };
        format!("{}: {shown}", self.sentence(words))
    }
}

/// Which of the services hit pass on what fails elsewhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Relays {
    /// By the caller's name.
    relays: Vec<Relay>,
    /// Pairs that tell of the same requests, and nothing says which of them calls the other.
    as_one: Vec<(String, String)>,
    /// Pairs that fail at moments of their own.
    apart: Vec<(String, String)>,
    /// Services that do not answer.
    silent: Vec<String>,
}

impl Relays {
    /// Compares the services of an incident with each other: those with the most failures, of equals
    /// the first by name, over its first hours; and with those that may not answer them.
    pub fn of(paces: &[Pace], traffic: &[Traffic]) -> Relays {
        let mut paces: Vec<&Pace> = paces.iter().collect();
        paces.sort_by(|a, b| (b.total(), &a.service).cmp(&(a.total(), &b.service)));
        paces.truncate(RELAY_SERVICES);
        paces.sort_by(|a, b| a.service.cmp(&b.service));
        let mut found = Relays::default();
        for (i, a) in paces.iter().enumerate() {
            for b in &paces[i + 1..] {
                let names = (a.service.clone(), b.service.clone());
                match (
                    bond(first_hours(&a.counts), first_hours(&b.counts)),
                    a.calls(b),
                ) {
                    (Bond::Unknown, _) => {}
                    (Bond::Apart, _) => found.apart.push(names),
                    (Bond::AsOne(_), None) => found.as_one.push(names),
                    (Bond::AsOne(agreement), Some(true)) => found.add(a, &[b], agreement),
                    (Bond::AsOne(agreement), Some(false)) => found.add(b, &[a], agreement),
                }
            }
        }
        for caller in &paces {
            if found.passes_on(&caller.service) {
                continue;
            }
            let below: Vec<&Pace> = paces
                .iter()
                .copied()
                .filter(|other| {
                    other.service != caller.service && caller.calls(other) == Some(true)
                })
                .collect();
            let sum: Vec<u32> = (0..caller.counts.len())
                .map(|i| below.iter().filter_map(|p| p.counts.get(i)).sum())
                .collect();
            if below.len() >= 2
                && let Bond::AsOne(agreement) = bond(first_hours(&caller.counts), first_hours(&sum))
            {
                found.add(caller, &below, agreement);
            }
        }
        // Where each seems to call another, nothing is known of who does.
        if paces.iter().all(|p| found.passes_on(&p.service)) {
            found.relays.clear();
        }
        if found.relays.is_empty() {
            found.add_silent(&paces, silence::silent(traffic));
        }
        found.relays.sort_by(|a, b| a.caller.cmp(&b.caller));
        found
    }

    /// Notes what the services hit did not get answered. One that does not speak as a gateway may have
    /// failed before it asked: then it and what is silent are one.
    fn add_silent(&mut self, paces: &[&Pace], silent: Vec<Silent>) {
        if silent.is_empty() {
            return;
        }
        let callees: Vec<String> = silent.iter().map(|s| s.service.clone()).collect();
        for caller in paces {
            if caller.is_gateway() {
                self.relays.push(Relay {
                    caller: caller.service.clone(),
                    callees: callees.clone(),
                    how: How::IsSilent(silent.clone()),
                });
            } else {
                let pair = |callee: &String| (caller.service.clone(), callee.clone());
                self.as_one.extend(callees.iter().map(pair));
            }
        }
        self.silent = callees;
    }

    /// Notes a relay; of two of a caller the closer one stays.
    fn add(&mut self, caller: &Pace, callees: &[&Pace], agreement: Agreement) {
        let relay = Relay {
            caller: caller.service.clone(),
            callees: callees.iter().map(|p| p.service.clone()).collect(),
            how: if callees.iter().all(|p| p.only_slow) {
                How::IsSlow(agreement)
            } else {
                How::Fails(agreement)
            },
        };
        let closeness = |relay: &Relay| {
            relay
                .how
                .agreement()
                .map_or(f64::INFINITY, Agreement::ratio)
        };
        match self.relays.iter_mut().find(|r| r.caller == relay.caller) {
            Some(known) if closeness(known) <= agreement.ratio() => {}
            Some(known) => *known = relay,
            None => self.relays.push(relay),
        }
    }

    /// What a service passes on, if its failures are those of others.
    pub(super) fn by(&self, service: &str) -> Option<&Relay> {
        self.relays.iter().find(|r| r.caller == service)
    }

    /// Each relay, with the figures that show it.
    pub(super) fn findings(&self, words: &'static Words) -> impl Iterator<Item = String> {
        self.relays.iter().map(|relay| relay.finding(words))
    }

    /// Where to look, for whoever has no change to look at.
    pub(super) fn hints(&self, words: &'static Words) -> impl Iterator<Item = String> {
        let told = |relay: &Relay| format!("{}: look there first.", relay.sentence(words));
        self.relays.iter().map(told)
    }

    /// That services fail each for themselves, where none was found to pass anything on.
    pub(super) fn apart(&self, words: &'static Words) -> Option<String> {
        let of = self
            .apart
            .iter()
            .flat_map(|(a, b)| [a.as_str(), b.as_str()]);
        let names: BTreeSet<&str> = of.collect();
        let is_told = self.relays.is_empty() && self.as_one.is_empty() && !names.is_empty();
        is_told.then(|| {
            format!(
                "{} {} at moments of their own: requests that one passes to another would make both \
                 fail within the same 10 s",
                phrase::names(names.into_iter()),
                words.are_bad,
            )
        })
    }

    /// Whether it is known of no two services who takes whom down.
    pub(super) fn is_open(&self) -> bool {
        self.relays.is_empty() && self.apart.is_empty()
    }

    /// Whether the failures of a service are those of others.
    pub(super) fn passes_on(&self, service: &str) -> bool {
        self.by(service).is_some()
    }

    /// Whether what fails in a service is passed on by others.
    pub(super) fn is_called(&self, service: &str) -> bool {
        let mut callees = self.relays.iter().flat_map(|r| &r.callees);
        callees.any(|callee| callee == service)
    }

    /// Whether a service does not answer what others ask of it.
    pub(super) fn is_silent(&self, service: &str) -> bool {
        self.silent.iter().any(|silent| silent == service)
    }

    /// Whether two services tell of the same requests, and nothing says which calls which.
    pub(super) fn are_one(&self, a: &str, b: &str) -> bool {
        let is = |(x, y): &(String, String)| (x == a && y == b) || (x == b && y == a);
        self.as_one.iter().any(is)
    }
}

fn first_hours(counts: &[u32]) -> &[u32] {
    &counts[..counts.len().min(RELAY_SPAN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relays(paces: &[Pace]) -> Relays {
        Relays::of(paces, &[])
    }

    /// A generator of numbers in 0..1 that is the same everywhere (Lehmer, 2³¹ − 1).
    fn numbers(mut seed: u64) -> impl FnMut() -> f64 {
        move || {
            seed = seed * 48_271 % 2_147_483_647;
            seed as f64 / 2_147_483_647.0
        }
    }

    /// An hour of cells in which each failure comes at random, more of them in the middle.
    fn weather(seed: u64, mean: f64) -> Vec<u32> {
        let mut number = numbers(seed);
        let cell = |i: usize| {
            let rate = mean * if (120..240).contains(&i) { 2.0 } else { 0.5 };
            (0..20).filter(|_| number() < rate / 20.0).count() as u32
        };
        (0..360).map(cell).collect()
    }

    /// Of each failure, whether it is seen, too.
    fn seen(counts: &[u32], share: f64, seed: u64) -> Vec<u32> {
        let mut number = numbers(seed);
        counts
            .iter()
            .map(|n| (0..*n).filter(|_| number() < share).count() as u32)
            .collect()
    }

    fn pace(service: &str, counts: Vec<u32>, latency_ms: f64) -> Pace {
        Pace {
            service: service.to_owned(),
            counts,
            only_slow: false,
            latency_us: Some(latency_ms * 1_000.0),
            gateway_share: 0.0,
        }
    }

    fn sentences(relays: &Relays) -> Vec<String> {
        let all = relays.relays.iter();
        all.map(|r| r.sentence(super::phrase::words(false)))
            .collect()
    }

    /// By `scipy.stats.chi2_contingency([[4, 0, 2, 3], [5, 1, 1, 4]], correction=False)`.
    #[test]
    fn the_statistic_is_pearsons_of_homogeneity() {
        let few = [(4, 5), (0, 1), (2, 1), (3, 4)];
        let times = |n: usize| few.into_iter().cycle().take(4 * n);
        assert_eq!(Agreement::of(times(1)), None, "too few failures");
        let three = Agreement::of(times(3)).unwrap();
        assert!(
            (three.chi_squared - 3.0 * 1.401_314_734_648_067_7).abs() < 1e-9,
            "{three:?}"
        );
        assert_eq!(three.cells, 12);
    }

    #[test]
    fn a_gateway_that_logs_what_it_calls_passes_failures_on() {
        let auth = weather(1, 0.5);
        let gateway = seen(&auth, 0.98, 2);
        let found = relays(&[pace("gateway", gateway, 48.0), pace("auth", auth, 44.0)]);
        assert_eq!(
            sentences(&found),
            ["`gateway` only passes on what fails in `auth`"]
        );
        assert!(found.passes_on("gateway") && found.is_called("auth"));
        assert!(!found.passes_on("auth"));
    }

    /// The log of the caller tells when a request ended, half a minute after the other told of it.
    #[test]
    fn requests_may_be_logged_half_a_minute_apart() {
        let slow = weather(1, 0.5);
        let mut later = vec![0, 0, 0];
        later.extend(&slow[..slow.len() - 3]);
        let found = relays(&[pace("web", later, 30_000.0), pace("search", slow, 9_000.0)]);
        assert_eq!(
            sentences(&found),
            ["`web` only passes on what fails in `search`"]
        );
    }

    #[test]
    fn one_that_calls_two_passes_on_what_fails_in_both() {
        let (auth, cart) = (weather(1, 0.6), weather(7, 0.6));
        let both: Vec<u32> = auth.iter().zip(&cart).map(|(a, b)| a + b).collect();
        let found = relays(&[
            pace("auth", auth, 20.0),
            pace("cart", cart, 25.0),
            pace("gateway", both, 60.0),
        ]);
        let told = sentences(&found);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("`gateway` only passes on what fails in "));
        assert!(!found.passes_on("auth") && !found.passes_on("cart"));
    }

    #[test]
    fn of_a_chain_the_deepest_fails() {
        let deepest = weather(1, 0.5);
        let found = relays(&[
            pace("api", deepest.clone(), 50.0),
            pace("gateway", deepest.clone(), 55.0),
            pace("ledger", deepest, 44.0),
        ]);
        assert!(found.passes_on("gateway") && found.passes_on("api"));
        assert!(!found.passes_on("ledger"));
    }

    /// What a common cause does: the same ups and downs, and failures of their own.
    #[test]
    fn services_that_share_a_cause_fail_each_for_itself() {
        let found = relays(&[
            pace("cart", weather(1, 1.5), 20.0),
            pace("auth", weather(7, 1.5), 30.0),
        ]);
        assert_eq!(sentences(&found), [""; 0]);
        assert_eq!(found.apart, [("auth".to_owned(), "cart".to_owned())]);
        let told = found.apart(super::phrase::words(false)).unwrap();
        assert!(told.starts_with("`auth`, `cart` fail at moments of their own"));
    }

    /// A probe that asks each service every ten seconds fails as regularly as it asks.
    #[test]
    fn what_is_regular_by_itself_is_no_bond() {
        let regular = || vec![1; 360];
        let found = relays(&[pace("a", regular(), 5.0), pace("b", regular(), 6.0)]);
        assert_eq!(found, Relays::default());
    }

    #[test]
    fn where_nothing_tells_who_calls_whom_the_two_are_one() {
        let untold = |service| Pace {
            latency_us: None,
            ..pace(service, weather(1, 0.5), 0.0)
        };
        let found = relays(&[untold("access"), untold("app")]);
        assert_eq!(sentences(&found), [""; 0]);
        assert!(found.are_one("app", "access"));
        let gateway = Pace {
            gateway_share: 0.9,
            ..untold("access")
        };
        let found = relays(&[gateway, untold("app")]);
        assert_eq!(
            sentences(&found),
            ["`access` only passes on what fails in `app`"]
        );
    }

    #[test]
    fn what_is_only_slow_lies_beneath_what_fails_for_waiting() {
        let slow = Pace {
            only_slow: true,
            ..pace("search", weather(1, 0.5), 0.0)
        };
        let failing = pace("web", weather(1, 0.5), 3_000.0);
        let found = relays(&[failing, slow]);
        assert_eq!(
            sentences(&found),
            ["`web` only passes on what is slow in `search`"]
        );
    }

    #[test]
    fn few_failures_tell_nothing() {
        let few: Vec<u32> = (0..360).map(|i| u32::from(i % 20 == 0)).collect();
        let found = relays(&[pace("a", few.clone(), 5.0), pace("b", few, 6.0)]);
        assert_eq!(found, Relays::default());
        assert_eq!(relays(&[]), Relays::default());
    }
}
