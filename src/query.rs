//! What is asked: which requests are looked at, what counts as an error, how paths are named.
//!
//! Answers yes or no about one request at a time; reads and counts nothing.

use globset::GlobSet;

use crate::endpoint::{Pattern, Routes};
use crate::error::{Error, Result};
use crate::record::Status;

/// The filters and definitions of a run.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only requests at or after this time, in µs since the epoch.
    pub since_us: Option<i64>,
    /// Only requests before this time.
    pub until_us: Option<i64>,
    /// How far before `since_us` requests still serve as a baseline.
    pub look_back: LookBack,
    /// Only these services.
    pub services: Option<GlobSet>,
    /// Only these endpoints; empty for all.
    pub endpoints: Vec<EndpointFilter>,
    /// What counts as an error.
    pub errors: ErrorStatuses,
    /// The user's own path templates.
    pub routes: Routes,
}

/// Where a request lies in the asked time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In the past that an incident at the begin of the asked time is compared with.
    Before,
    /// In the asked time.
    Inside,
    /// Elsewhere.
    Outside,
}

/// How far before the asked time requests serve as a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LookBack {
    /// For a short question: half an hour in which that may have begun which is asked about, and enough of
    /// a past for it.
    Near,
    /// For all else: three hours, as detection looks back, and the longest window that may reach into the
    /// asked time.
    #[default]
    Far,
}

const MINUTE_US: i64 = 60_000_000;
/// A past that is enough: an hour and a half, which ends ten minutes before, as detection's does. On the
/// samples, asked quarter by quarter of an hour, it leads to the verdicts of nine hours.
pub const PAST_US: i64 = 100 * MINUTE_US;
/// No longer question is short.
const SHORT_US: i64 = 30 * MINUTE_US;

impl LookBack {
    fn us(self) -> i64 {
        match self {
            LookBack::Near => PAST_US + SHORT_US,
            LookBack::Far => 9 * 60 * MINUTE_US,
        }
    }
}

impl Query {
    /// On which side of `since` and `until` a time lies.
    #[inline]
    pub fn side(&self, time_us: i64) -> Side {
        if self.until_us.is_some_and(|until| time_us >= until) {
            return Side::Outside;
        }
        match self.since_us {
            Some(since) if time_us < since.saturating_sub(self.look_back.us()) => Side::Outside,
            Some(since) if time_us < since => Side::Before,
            _ => Side::Inside,
        }
    }

    /// From the begin of the baseline to the end of the asked time, in µs; `None` where nothing bounds it.
    pub fn span_us(&self) -> (Option<i64>, Option<i64>) {
        let from_us = |since: i64| since.saturating_sub(self.look_back.us());
        (self.since_us.map(from_us), self.until_us)
    }

    /// Whether no window longer than half an hour fits into the asked time.
    pub fn is_short(&self) -> bool {
        match (self.since_us, self.until_us) {
            (Some(since), Some(until)) => until.saturating_sub(since) <= SHORT_US,
            _ => false,
        }
    }

    /// Whether an endpoint is asked for.
    pub fn admits(&self, service: &[u8], method: &[u8], template: &[u8]) -> bool {
        let service_asked = self
            .services
            .as_ref()
            .is_none_or(|globs| globs.is_match(&*String::from_utf8_lossy(service)));
        service_asked
            && (self.endpoints.is_empty()
                || self.endpoints.iter().any(|f| f.admits(method, template)))
    }

    /// Whether all endpoints are asked for.
    pub fn admits_all(&self) -> bool {
        self.services.is_none() && self.endpoints.is_empty()
    }
}

/// `GLOB` or `METHOD GLOB`.
#[derive(Debug, Clone)]
pub struct EndpointFilter {
    method: Option<String>,
    path: Pattern,
}

impl EndpointFilter {
    /// Reads `/orders/**` or `POST /orders`. Every text is a filter.
    pub fn new(text: &str) -> EndpointFilter {
        let (method, path) = match text.trim().split_once(char::is_whitespace) {
            Some((method, path)) => (Some(method.to_ascii_uppercase()), path.trim()),
            None => (None, text.trim()),
        };
        EndpointFilter {
            method,
            path: Pattern::new(path),
        }
    }

    /// Whether it is one of these endpoints.
    pub fn admits(&self, method: &[u8], template: &[u8]) -> bool {
        let method_asked = self
            .method
            .as_ref()
            .is_none_or(|m| m.as_bytes().eq_ignore_ascii_case(method));
        method_asked && self.path.matches(template)
    }
}

/// A set of status codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorStatuses([u64; 16]);

impl Default for ErrorStatuses {
    /// 500 to 599.
    fn default() -> ErrorStatuses {
        let mut set = ErrorStatuses([0; 16]);
        (500..600).for_each(|s| set.insert(s));
        set
    }
}

impl ErrorStatuses {
    /// Reads `5xx`, `500`, `502,503,4xx`.
    ///
    /// # Errors
    /// Anything else, with a hint.
    pub fn parse(text: &str) -> Result<ErrorStatuses> {
        let mut set = ErrorStatuses([0; 16]);
        for word in text.split(',') {
            let word = word.trim().to_ascii_lowercase();
            match word.as_bytes() {
                [class @ b'1'..=b'9', b'x', b'x'] => {
                    let first = u16::from(class - b'0') * 100;
                    (first..first + 100).for_each(|s| set.insert(s));
                }
                digits => match Status::parse(digits) {
                    Some(status) if status.0 >= 100 => set.insert(status.0),
                    _ => {
                        return Err(Error::config(format!("`{word}` is no HTTP status")).hint(
                            "write a class or codes, as in --status 5xx or --status 500,502,4xx",
                        ));
                    }
                },
            }
        }
        Ok(set)
    }

    fn insert(&mut self, status: u16) {
        self.0[usize::from(status / 64)] |= 1 << (status % 64);
    }

    /// Whether a status is in the set.
    #[inline]
    pub fn contains(&self, status: Status) -> bool {
        self.0
            .get(usize::from(status.0 / 64))
            .is_some_and(|word| word >> (status.0 % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_classes_and_codes() {
        let set = ErrorStatuses::parse("502, 4XX").unwrap();
        let inside: Vec<u16> = (0..1000).filter(|&s| set.contains(Status(s))).collect();
        assert_eq!(inside, (400..500).chain([502]).collect::<Vec<u16>>());
        assert!(
            (0..1000)
                .all(|s| ErrorStatuses::default().contains(Status(s)) == (500..600).contains(&s))
        );
        for bad in ["", "5x", "abc", "50", "5000", "5xx,", "099"] {
            assert!(ErrorStatuses::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_inside_before_or_outside() {
        let hour = 3_600_000_000;
        let query = Query {
            since_us: Some(10 * hour),
            until_us: Some(12 * hour),
            ..Query::default()
        };
        let sides = [0, 1, 9, 10, 11, 12].map(|h| query.side(h * hour));
        use Side::*;
        assert_eq!(sides, [Outside, Before, Before, Inside, Inside, Outside]);
        assert_eq!(Query::default().side(i64::MIN), Inside);
        let near = Query {
            look_back: LookBack::Near,
            ..query
        };
        let before = [131, 130, 1].map(|minutes| near.side(10 * hour - minutes * MINUTE_US));
        assert_eq!(before, [Outside, Before, Before]);
    }

    #[test]
    fn endpoints_are_asked_for_by_glob_and_method() {
        let query = Query {
            endpoints: vec![EndpointFilter::new("post /orders/**")],
            ..Query::default()
        };
        assert!(query.admits(b"api", b"POST", b"/orders/{id}"));
        assert!(!query.admits(b"api", b"GET", b"/orders/{id}"));
        assert!(!query.admits(b"api", b"POST", b"/carts"));
        assert!(Query::default().admits(b"api", b"GET", b"/"));
    }
}
