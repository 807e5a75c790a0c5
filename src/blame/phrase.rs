//! Numbers and changes as people say them: `42 s`, `2 h 10 min`, `15.1 %`, ``deploy `d-7` ``.

use crate::changes::{Change, Kind};

/// What is said of requests that are bad.
pub(super) struct Words {
    /// A service …
    pub is_bad: &'static str,
    /// Services …
    pub are_bad: &'static str,
    /// Of its requests 2 % …
    pub was_bad: &'static str,
    /// One of them, and many.
    pub failure: &'static str,
    pub failures: &'static str,
    /// How many of all requests.
    pub rate: &'static str,
}

const FAILING: Words = Words {
    is_bad: "fails",
    are_bad: "fail",
    was_bad: "failed",
    failure: "failure",
    failures: "failures",
    rate: "rate",
};

const SLOW: Words = Words {
    is_bad: "is slow",
    are_bad: "are slow",
    was_bad: "were slow",
    failure: "slow request",
    failures: "slow requests",
    rate: "share of slow requests",
};

/// The words for failing requests, or for slow ones.
pub(super) fn words(slow: bool) -> &'static Words {
    if slow { &SLOW } else { &FAILING }
}

/// A length of time; its sign is dropped.
pub(super) fn duration(us: i64) -> String {
    let us = us.unsigned_abs();
    let seconds = us.saturating_add(500_000) / 1_000_000;
    let minutes = seconds.saturating_add(30) / 60;
    let (hours, rest) = (minutes / 60, minutes % 60);
    match seconds {
        _ if us < 1_000 => "<1 ms".to_owned(),
        _ if us < 950_000 => format!("{} ms", us / 1_000),
        0..120 => format!("{seconds} s"),
        120..600 if !seconds.is_multiple_of(60) => {
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
        120..3_570 => format!("{minutes} min"),
        _ if hours < 24 && rest > 0 => format!("{hours} h {rest} min"),
        _ if hours < 72 => format!("{} h", minutes.saturating_add(30) / 60),
        _ => format!("{} days", hours.saturating_add(12) / 24),
    }
}

/// How long an answer took: two digits at least.
pub(super) fn latency(us: u64) -> String {
    match us {
        0..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..10_000_000 => format!("{:.1} s", us as f64 / 1e6),
        _ => duration(i64::try_from(us).unwrap_or(i64::MAX)),
    }
}

/// A share in percent: one decimal, more where the share is small.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        0.0 => "0 %".to_owned(),
        p if p >= 99.95 => format!("{percent:.0} %"),
        p if p >= 0.1 => format!("{percent:.1} %"),
        p if p >= 0.01 => format!("{percent:.2} %"),
        _ => "<0.01 %".to_owned(),
    }
}

/// A probability in whole percent; never 0 % or 100 %, which nothing here can know.
pub(super) fn probability(p: f64) -> String {
    match p {
        p if p < 0.01 => "<1 %".to_owned(),
        p if p > 0.99 => ">99 %".to_owned(),
        p => format!("{:.0} %", p * 100.0),
    }
}

/// A number with its thousands apart: `36,120`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The word for a sort of change.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Deploy => "deploy",
        Kind::Rollback => "rollback",
        Kind::Flag => "flag",
        Kind::Config => "config change",
        Kind::Migration => "migration",
        Kind::Infra => "infra change",
    }
}

/// A change by its id, service and version: ``deploy `d-7` (`auth` 2.4.0)``.
pub(super) fn change(change: &Change) -> String {
    let name = format!("{} `{}`", kind(change.kind), change.id);
    match (&change.service, &change.version) {
        (Some(service), Some(version)) => format!("{name} (`{service}` {version})"),
        (Some(service), None) => format!("{name} (`{service}`)"),
        (None, Some(version)) => format!("{name} ({version})"),
        (None, None) => name,
    }
}

/// Names in back quotes, at most three of them.
pub(super) fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.into_iter().collect();
    let shown: Vec<String> = all.iter().take(3).map(|name| format!("`{name}`")).collect();
    match all.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        let s = |seconds: f64| duration((seconds * 1e6) as i64);
        assert_eq!(s(0.4), "400 ms");
        assert_eq!(s(0.95), "1 s");
        assert_eq!(s(42.0), "42 s");
        assert_eq!(s(-90.0), "90 s");
        assert_eq!(s(150.0), "2 min 30 s");
        assert_eq!(s(180.0), "3 min");
        assert_eq!(s(2_400.0), "40 min");
        assert_eq!(s(3_599.0), "1 h");
        assert_eq!(s(7_800.0), "2 h 10 min");
        assert_eq!(s(31.0 * 3600.0), "31 h");
        assert_eq!(s(80.0 * 3600.0), "3 days");
        assert_eq!(duration(i64::MIN), "106751991 days");
    }

    #[test]
    fn percents_keep_what_matters() {
        assert_eq!(percent(0.151), "15.1 %");
        assert_eq!(percent(0.002), "0.2 %");
        assert_eq!(percent(0.0003), "0.03 %");
        assert_eq!(percent(0.00001), "<0.01 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0), "100 %");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(7), "7");
        assert_eq!(count(36_120), "36,120");
        assert_eq!(count(1_000_000), "1,000,000");
    }
}
