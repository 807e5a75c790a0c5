//! `--since` and `--until`: a point in time as people write it.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use triage::{Error, Moment, Result};

/// Reads `2024-04-10T09:00:00-07:00`, `2024-04-10 09:00` (in `zone`), `09:00` or `2h` (before `now_us`).
///
/// # Errors
/// Anything else, with examples.
pub fn parse(option: &str, text: &str, zone: Option<&TimeZone>, now_us: i64) -> Result<Moment> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Moment::At(time.as_microsecond()));
    }
    if looks_like_time_of_day(text)
        && let Ok(time) = text.parse::<Time>()
    {
        let seconds = i64::from(time.hour()) * 3600
            + i64::from(time.minute()) * 60
            + i64::from(time.second());
        return Ok(Moment::TimeOfDay { seconds });
    }
    if let Ok(local) = text.parse::<jiff::civil::DateTime>()
        && let Ok(time) = local.to_zoned(zone.cloned().unwrap_or(TimeZone::UTC))
    {
        return Ok(Moment::At(time.timestamp().as_microsecond()));
    }
    if let Ok(ago) = text
        .trim_end_matches("ago")
        .trim()
        .parse::<SignedDuration>()
        && let Ok(ago_us) = i64::try_from(ago.as_micros())
    {
        return Ok(Moment::At(now_us.saturating_sub(ago_us)));
    }
    Err(Error::config(format!("{option} {text}: not a time"))
        .hint("write 2024-04-10T09:00:00-07:00, 09:00 (of the log's last day) or 2h (before now)"))
}

fn looks_like_time_of_day(text: &str) -> bool {
    text.contains(':')
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'))
}

/// Reads `--window`: whole minutes, in seconds.
///
/// # Errors
/// Anything else.
pub fn parse_window(text: &str) -> Result<u32> {
    let seconds = text
        .trim()
        .parse::<SignedDuration>()
        .ok()
        .map(|d| d.as_secs())
        .unwrap_or_default();
    match u32::try_from(seconds) {
        Ok(s) if s >= 60 && s % 60 == 0 && s <= 86_400 => Ok(s),
        _ => Err(Error::config(format!("--window {text}: not a number of whole minutes"))
            .hint("write 1m, 5m, 1h; at most 24h. Detection chooses its own windows whatever you write")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;

    #[test]
    fn times_are_absolute_of_the_day_or_before_now() {
        let at = |text: &str| parse("--since", text, None, 100 * HOUR_US).unwrap();
        assert_eq!(at("1970-01-02T00:00:00-07:00"), Moment::At(31 * HOUR_US));
        assert_eq!(at("1970-01-02 07:00"), Moment::At(31 * HOUR_US));
        assert_eq!(at("09:30"), Moment::TimeOfDay { seconds: 34_200 });
        assert_eq!(at("2h"), Moment::At(98 * HOUR_US));
        assert_eq!(at("1h 30m ago"), Moment::At(98 * HOUR_US + HOUR_US / 2));
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        let local = parse("--since", "1970-01-01T16:00", Some(&zone), 0).unwrap();
        assert_eq!(local, Moment::At(24 * HOUR_US));
        assert!(parse("--since", "yesterday-ish", None, 0).is_err());
    }

    #[test]
    fn windows_are_whole_minutes() {
        assert_eq!(parse_window("5m").unwrap(), 300);
        assert_eq!(parse_window("1h").unwrap(), 3600);
        for bad in ["30s", "90s", "0m", "-1m", "x", "", "2d"] {
            assert!(parse_window(bad).is_err(), "{bad}");
        }
    }
}
