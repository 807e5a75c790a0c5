//! Silence: does a service that others call not answer at all?
//!
//! What crashed logs nothing: its caller fails, and it looks spared. Comes in: the requests of each
//! service, minute by minute, from before the onset on. Either its requests are missing in the first
//! hour, about as many as its caller fails; or, where only some of its hosts are gone, it logs the very
//! requests that its caller answers well, minute by minute, and none of those that fail. Whether the
//! caller lost them before they were sent, logs can't tell; its statuses do, where they are a gateway's.

use super::constants::{
    LOST_AGAINST_EXCESS, LOST_BY_CHANCE, LOST_WITHIN_MIN, RELAY_LEAST, SAME_REQUESTS, TRAFFIC_SIZE,
};
use super::relay::Bond;
use crate::stats::negative_binomial_cdf;

/// The requests of a service, minute by minute: of the incident's endpoints, where it is hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// Which service.
    pub service: String,
    /// Whether some of its endpoints are hit.
    pub is_hit: bool,
    /// Minutes before the onset's own: the rows begin so much before it.
    pub before: usize,
    /// `(requests, errors)` of each minute; the same minutes for all services.
    pub minutes: Vec<(u32, u32)>,
}

/// A service that does not answer what it is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Silent {
    /// Which service.
    pub service: String,
    /// What it logged in the first hour since the onset.
    pub requests: u64,
    /// What it would have logged as in the hour before.
    pub expected: f64,
}

impl Traffic {
    /// Requests, and errors beyond those of before, in the first hour after the onset's minute; and
    /// the requests to be expected of it.
    fn first_hour(&self) -> (u64, f64, f64) {
        let since = self.minutes.get(self.before + 1..).unwrap_or_default();
        let since = &since[..since.len().min(LOST_WITHIN_MIN)];
        let before = self.minutes.get(..self.before).unwrap_or_default();
        let sum = |minutes: &[(u32, u32)]| {
            minutes.iter().fold((0, 0), |(n, x), minute| {
                (n + u64::from(minute.0), x + u64::from(minute.1))
            })
        };
        let ((n, x), (usual, failed)) = (sum(since), sum(before));
        let scale = since.len() as f64 / before.len().max(1) as f64;
        (n, x as f64 - scale * failed as f64, scale * usual as f64)
    }

    /// What it answered well in each minute.
    fn successes(&self) -> Vec<u32> {
        let answered = |(n, x): &(u32, u32)| n.saturating_sub(*x);
        self.minutes.iter().map(answered).collect()
    }
}

/// The services that do not answer the ones that are hit.
pub(super) fn silent(all: &[Traffic]) -> Vec<Silent> {
    let hit: Vec<&Traffic> = all.iter().filter(|t| t.is_hit).collect();
    let excess: f64 = hit.iter().map(|t| t.first_hour().1).sum();
    if excess < RELAY_LEAST as f64 {
        return Vec::new();
    }
    let others = || all.iter().filter(|t| !t.is_hit);
    let missing = |traffic: &Traffic| {
        let (requests, _, expected) = traffic.first_hour();
        let is_less = (requests as f64) < expected;
        let silent = || Silent {
            service: traffic.service.clone(),
            requests,
            expected,
        };
        is_less.then(silent)
    };
    let by_chance = |s: &Silent| negative_binomial_cdf(s.requests, s.expected, TRAFFIC_SIZE);
    let gone: Vec<Silent> = others()
        .filter_map(missing)
        .filter(|silent| by_chance(silent) < LOST_BY_CHANCE)
        .collect();
    let lost: f64 = gone.iter().map(|s| s.expected - s.requests as f64).sum();
    if LOST_AGAINST_EXCESS.contains(&(lost / excess)) {
        return gone;
    }
    let [caller] = hit.as_slice() else {
        return Vec::new();
    };
    let answered = caller.successes();
    let same_requests = |other: &&Traffic| {
        let requests: Vec<u32> = other.minutes.iter().map(|(n, _)| *n).collect();
        let sum = |of: &[u32]| of.iter().map(|n| f64::from(*n)).sum::<f64>();
        SAME_REQUESTS.contains(&(sum(&requests) / sum(&answered).max(1.0)))
            && matches!(super::relay::bond(&answered, &requests), Bond::AsOne(_))
    };
    others().filter(same_requests).filter_map(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An hour and a half; the onset is in minute 60.
    fn traffic(service: &str, is_hit: bool, of: impl Fn(usize) -> (u32, u32)) -> Traffic {
        Traffic {
            service: service.to_owned(),
            is_hit,
            before: 60,
            minutes: (0..90).map(of).collect(),
        }
    }

    /// Requests of a minute: 20 to 39, with no order in them.
    fn asked(minute: usize) -> u32 {
        20 + (minute as u32 * 7_919 + 104_729) % 1_009 % 20
    }

    fn names(silent: &[Silent]) -> Vec<&str> {
        silent.iter().map(|s| s.service.as_str()).collect()
    }

    #[test]
    fn a_service_that_logs_nothing_while_its_caller_fails_is_silent() {
        let dead = |minute: usize| minute >= 60;
        let gateway = traffic("gateway", true, |m| {
            (asked(m), if dead(m) { asked(m) } else { 0 })
        });
        let search = traffic("search", false, |m| (if dead(m) { 0 } else { asked(m) }, 0));
        let cart = traffic("cart", false, |m| (asked(m + 500), 0));
        let found = silent(&[gateway, search, cart]);
        assert_eq!(names(&found), ["search"]);
        assert_eq!(found[0].requests, 0);
        // 29 of the 60 minutes before would have come again.
        let before: u32 = (0..60).map(asked).sum();
        assert!((found[0].expected - f64::from(before) * 29.0 / 60.0).abs() < 1e-9);
    }

    /// A third of its hosts are gone: it logs what the gateway answers well, and that alone.
    #[test]
    fn a_service_that_lost_some_hosts_logs_just_what_its_caller_answers() {
        let failed = |m: usize| if m >= 60 { asked(m) / 3 } else { 0 };
        let gateway = || traffic("gateway", true, |m| (asked(m), failed(m)));
        let search = traffic("search", false, |m| (asked(m) - failed(m), 0));
        let cart = traffic("cart", false, |m| (asked(m + 500), 0));
        assert_eq!(names(&silent(&[gateway(), search, cart])), ["search"]);
        // One that logs all that the gateway is asked answers.
        let answers = traffic("search", false, |m| (asked(m), 0));
        assert_eq!(names(&silent(&[gateway(), answers])), [""; 0]);
    }

    /// A log that is cut in the same hour, of a service with ten times the traffic that fails.
    #[test]
    fn what_is_missing_must_be_about_what_fails() {
        let gateway = traffic("gateway", true, |m| (asked(m), if m >= 60 { 3 } else { 0 }));
        let lost = traffic("search", false, |m| {
            (if m >= 60 { 0 } else { 10 * asked(m + 500) }, 0)
        });
        assert_eq!(names(&silent(&[gateway, lost])), [""; 0]);
    }

    #[test]
    fn without_minutes_nothing_is_silent() {
        let empty = |is_hit| Traffic {
            minutes: Vec::new(),
            ..traffic("a", is_hit, |_| (0, 0))
        };
        assert_eq!(silent(&[empty(true), empty(false)]), []);
        assert_eq!(silent(&[]), []);
    }
}
