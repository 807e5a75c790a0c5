//! Times as deploy systems write them.
//!
//! Comes in: a JSON value, or text. Goes out: a moment in µs since the epoch, and whether the text
//! named its zone. Reads RFC 3339 and its relatives with a space, epochs in s, ms, µs or ns (told
//! apart by size), RFC 2822, `date(1)`, `git log` and Go's `time.String()`. Refuses what names no
//! time of day, and what could be read in two ways (`04/10/2024`).
//!
//! Marker files have tens to thousands of times, so this is written for breadth, not for speed.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;

use crate::timestamp::zone_offset;

/// A moment, and whether its text said in which zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) us: i64,
    pub(super) has_zone: bool,
}

/// The value is no time; says why, as the end of a sentence that began with the value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) &'static str);

const NO_FORM: Unreadable = Unreadable("can't be read as a time");
const NO_TIME_OF_DAY: Unreadable = Unreadable(
    "has no time of day; if only the day is known, give its begin as `at` and its end as `finished_at`",
);
const BEFORE_EPOCH: Unreadable = Unreadable("lies before 1970");
const RELATIVE: Unreadable = Unreadable("is relative to when it was written");
const DAY_OR_MONTH: Unreadable = Unreadable("may have the day or the month first");

/// The time in a value; `None` for null, empty text and Go's zero time, which all mean "not yet".
pub(super) fn from_value(
    value: &Value,
    zone: Option<&TimeZone>,
) -> Result<Option<Moment>, Unreadable> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => from_text(text, zone),
        Value::Number(number) => {
            let us = match number.as_i64() {
                Some(whole) => epoch_us(whole),
                None => number.as_f64().and_then(fractional_epoch_us),
            };
            us.map(|us| Some(Moment { us, has_zone: true }))
                .ok_or(NO_FORM)
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(NO_FORM),
    }
}

fn from_text(text: &str, zone: Option<&TimeZone>) -> Result<Option<Moment>, Unreadable> {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0001-01-01") {
        return Ok(None);
    }
    let moment = if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        digits(text, zone)?
    } else {
        written(&tidy(text), zone)?
    };
    if moment.us < 0 {
        Err(BEFORE_EPOCH)
    } else {
        Ok(Some(moment))
    }
}

/// `1712764710`, `1712764710.25`, `20240410` or `20240410085830`.
fn digits(text: &str, zone: Option<&TimeZone>) -> Result<Moment, Unreadable> {
    if text.contains('.') {
        let us = text
            .parse()
            .ok()
            .and_then(fractional_epoch_us)
            .ok_or(NO_FORM)?;
        return Ok(Moment { us, has_zone: true });
    }
    match text.len() {
        8 => Err(NO_TIME_OF_DAY),
        14 => {
            let local = strtime::parse("%Y%m%d%H%M%S", text).and_then(|t| t.to_datetime());
            local_time(local.map_err(|_| NO_FORM)?, zone)
        }
        _ => {
            let us = text.parse().ok().and_then(epoch_us).ok_or(NO_FORM)?;
            Ok(Moment { us, has_zone: true })
        }
    }
}

/// The unit of an epoch is told by its size: each of these bounds is March 1973 in its own unit
/// and later than the year 5000 in the unit before it.
const SECONDS_FROM: u64 = 100_000_000;
const MILLIS_FROM: u64 = 100_000_000_000;
const MICROS_FROM: u64 = 100_000_000_000_000;
const NANOS_FROM: u64 = 100_000_000_000_000_000;

fn epoch_us(number: i64) -> Option<i64> {
    match u64::try_from(number).ok()? {
        0..SECONDS_FROM => None,
        SECONDS_FROM..MILLIS_FROM => number.checked_mul(1_000_000),
        MILLIS_FROM..MICROS_FROM => number.checked_mul(1_000),
        MICROS_FROM..NANOS_FROM => Some(number),
        NANOS_FROM.. => Some(number / 1_000),
    }
}

fn fractional_epoch_us(number: f64) -> Option<i64> {
    let us = match number {
        n if n < SECONDS_FROM as f64 => return None,
        n if n < MILLIS_FROM as f64 => n * 1e6,
        n if n < MICROS_FROM as f64 => n * 1e3,
        n if n < NANOS_FROM as f64 => n,
        n if n < i64::MAX as f64 => n / 1e3,
        _ => return None,
    };
    Some(us.round() as i64)
}

/// The weekdays that a date may begin with; they say nothing that the date doesn't.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The text without what carries no time: weekday, comment, Go's monotonic clock and the zone's
/// abbreviation where an offset stands before it. UTC in its spellings becomes `+00:00`, and
/// `-0700` becomes `-07:00`.
fn tidy(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for (i, word) in text.split_whitespace().enumerate() {
        let word = word.trim_end_matches(',');
        let lower = word.to_ascii_lowercase();
        if i == 0 && WEEKDAYS.iter().any(|day| lower.starts_with(day)) {
            continue;
        }
        if word.starts_with("m=") || word.starts_with('(') {
            break;
        }
        let after_offset = words.last().is_some_and(|last| is_offset(last));
        let is_name = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
        if after_offset && is_name {
            continue;
        }
        if let Some(offset) = offset_of(&lower) {
            words.push(offset);
            continue;
        }
        words.push(match lower.as_str() {
            "a.m." | "am" => "AM".to_owned(),
            "p.m." | "pm" => "PM".to_owned(),
            "at" => continue,
            _ => with_colon(word),
        });
    }
    words.join(" ")
}

/// The zone of that name, or at that offset: `America/Los_Angeles`, `-07:00`, `PDT`.
pub(super) fn zone(text: &str) -> Option<TimeZone> {
    let text = text.trim();
    let offset = offset_of(&text.to_ascii_lowercase());
    let text = offset.as_deref().unwrap_or(text);
    DateTimeParser::new().parse_time_zone(with_colon(text)).ok()
}

/// The offset that a word in small letters names: `utc`, `gmt-7`, `utc+05:30`, `pdt`.
fn offset_of(word: &str) -> Option<String> {
    if let Some(offset_s) = zone_offset(word.to_ascii_uppercase().as_bytes()) {
        let sign = if offset_s < 0 { '-' } else { '+' };
        let minutes = offset_s.abs() / 60;
        return Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
    }
    let from = word
        .strip_prefix("utc")
        .or_else(|| word.strip_prefix("gmt"));
    match from {
        None => (word == "z").then(|| "+00:00".to_owned()),
        Some(offset) => {
            let (sign, rest) = offset.split_at_checked(1)?;
            let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
            let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
            matches!(sign, "+" | "-").then(|| format!("{sign}{hours:02}:{minutes:02}"))
        }
    }
}

fn is_offset(word: &str) -> bool {
    word.starts_with(['+', '-'])
        && word.len() > 2
        && word
            .bytes()
            .skip(1)
            .all(|b| b.is_ascii_digit() || b == b':')
}

fn with_colon(word: &str) -> String {
    match word.split_at_checked(3) {
        Some((hours, minutes)) if is_offset(word) && minutes.len() == 2 => {
            format!("{hours}:{minutes}")
        }
        _ => word.to_owned(),
    }
}

/// Forms of a date that ISO 8601 does not know, after [`tidy`]; the month goes by its name, or by
/// where it stands.
const DATES: [&str; 10] = [
    // Two digits of a year first: `%Y` would take 24 for the year 24.
    "%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y", "%d/%b/%y", "%d/%b/%Y", "%d-%b-%y", "%d-%b-%Y",
    "%d.%m.%Y", "%Y-%m-%d",
];

/// Forms of a time of day.
const TIMES: [&str; 4] = ["%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p"];

/// Dates and times that are not written one after the other: `git log`, `date(1)`, common log.
const INTERLEAVED: [&str; 3] = [
    "%b %d %H:%M:%S %Y",
    "%b %d %H:%M:%S %:z %Y",
    "%d/%b/%Y:%H:%M:%S",
];

fn written(text: &str, zone: Option<&TimeZone>) -> Result<Moment, Unreadable> {
    if let Some(moment) = iso(text, zone) {
        return moment;
    }
    let order = day_or_month(text)?;
    let dates = DATES.iter().chain(&order);
    let parted = dates.flat_map(|date| TIMES.iter().map(move |time| format!("{date} {time}")));
    for form in INTERLEAVED
        .iter()
        .map(|form| (*form).to_owned())
        .chain(parted)
    {
        let zoned = strtime::parse(format!("{form} %:z"), text)
            .or_else(|_| strtime::parse(&form, text))
            .and_then(|t| t.to_timestamp());
        if let Ok(time) = zoned {
            return Ok(Moment {
                us: time.as_microsecond(),
                has_zone: true,
            });
        }
        if let Ok(local) = strtime::parse(&form, text).and_then(|t| t.to_datetime()) {
            return local_time(local, zone);
        }
    }
    let is_relative = text.ends_with(" ago") || text.ends_with("ago)");
    Err(if is_relative { RELATIVE } else { NO_FORM })
}

/// The form of a date like `23/04/2024`, if it is one: told by the number that can be no month.
fn day_or_month(text: &str) -> Result<Option<&'static str>, Unreadable> {
    let date = text.split(' ').next().unwrap_or("");
    let parts: Vec<Option<u16>> = date.split('/').map(|part| part.parse().ok()).collect();
    match parts.as_slice() {
        [Some(1..=12), Some(1..=12), Some(1900..)] => Err(DAY_OR_MONTH),
        [Some(_), Some(13..=31), Some(1900..)] => Ok(Some("%m/%d/%Y")),
        [Some(13..=31), Some(_), Some(1900..)] => Ok(Some("%d/%m/%Y")),
        _ => Ok(None),
    }
}

/// RFC 3339, RFC 9557 and what differs from them by spaces or slashes; `None` if it is none.
fn iso(text: &str, zone: Option<&TimeZone>) -> Option<Result<Moment, Unreadable>> {
    let starts_with_year = text.len() >= 8 && text.bytes().take(4).all(|b| b.is_ascii_digit());
    if !starts_with_year {
        return None;
    }
    // Log4j's and Python's decimals.
    let decimals = text.replacen(',', ".", 1);
    let mut words = decimals.split(' ');
    let date = words
        .next()?
        .replacen('/', "-", if text.contains('[') { 0 } else { 2 });
    let joined = match (words.next(), words.next(), words.next()) {
        (None, ..) => date,
        (Some(time), None, _) => format!("{date}T{time}"),
        (Some(time), Some(offset), None) => format!("{date}T{time}{offset}"),
        _ => return None,
    };
    if let Ok(time) = joined.parse::<Timestamp>() {
        return Some(Ok(Moment {
            us: time.as_microsecond(),
            has_zone: true,
        }));
    }
    if let Ok(time) = joined.parse::<Zoned>() {
        return Some(Ok(Moment {
            us: time.timestamp().as_microsecond(),
            has_zone: true,
        }));
    }
    let local = joined.parse::<DateTime>().ok()?;
    let has_time_of_day = joined.contains(['T', 't']);
    Some(if has_time_of_day {
        local_time(local, zone)
    } else {
        Err(NO_TIME_OF_DAY)
    })
}

fn local_time(local: DateTime, zone: Option<&TimeZone>) -> Result<Moment, Unreadable> {
    let time = zone
        .unwrap_or(&TimeZone::UTC)
        .to_timestamp(local)
        .map_err(|_| NO_FORM)?;
    Ok(Moment {
        us: time.as_microsecond(),
        has_zone: zone.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-04-10T15:58:30Z, by `date -u -d … +%s`.
    const MOMENT: i64 = 1_712_764_710_000_000;

    #[test]
    fn one_moment_in_every_form_that_names_its_zone() {
        for text in [
            "2024-04-10T15:58:30Z",
            "2024-04-10T08:58:30-07:00",
            "2024-04-10T08:58:30-0700",
            "2024-04-10 15:58:30Z",
            "2024-04-10 15:58:30 UTC",
            "2024-04-10 15:58:30 +0000 UTC",
            "2024-04-10 08:58:30 -0700",
            "2024-04-10 08:58:30.000000 -0700 PDT m=+0.004",
            "2024/04/10 15:58:30 +00:00",
            "2024-04-10T08:58:30-07:00[America/Los_Angeles]",
            "2024-04-10T08:58:30[America/Los_Angeles]",
            "20240410T155830Z",
            "Wed Apr 10 08:58:30 2024 -0700",
            "Wed Apr 10 15:58:30 UTC 2024",
            "Wed Apr 10 08:58:30 PDT 2024",
            "2024-04-10 08:58:30 GMT-7",
            "2024-04-10 08:58:30 UTC-07:00",
            "2024-04-10 17:58:30 CEST",
            "Wed, 10 Apr 2024 08:58:30 -0700",
            "10 Apr 2024 15:58:30 GMT",
            "Wed, 10 Apr 2024 15:58:30 +0000 (UTC)",
            "10/Apr/2024:08:58:30 -0700",
            "1712764710",
            "1712764710.0",
            "1712764710000",
            "1712764710000000",
            "1712764710000000000",
        ] {
            let read = from_text(text, None);
            assert_eq!(
                read,
                Ok(Some(Moment {
                    us: MOMENT,
                    has_zone: true
                })),
                "{text}"
            );
        }
    }

    #[test]
    fn java_python_jira_and_spreadsheets_have_forms_of_their_own() {
        for (text, has_zone) in [
            ("2024-04-10T15:58:30.000+0000", true),
            ("2024-04-10T15:58:30.000000000Z", true),
            ("2024-04-10 15:58:30,000", false),
            ("2024-04-10 03:58:30 PM", false),
            ("Apr 10, 2024, 3:58:30 PM", false),
            ("April 10, 2024 at 3:58:30 PM UTC", true),
            ("10.04.2024 15:58:30", false),
            ("10-Apr-2024 15:58:30", false),
        ] {
            let read = from_text(text, None);
            assert_eq!(
                read,
                Ok(Some(Moment {
                    us: MOMENT,
                    has_zone
                })),
                "{text}"
            );
        }
        let minutes = MOMENT - 30_000_000;
        for text in ["10/Apr/24 3:58 PM", "Apr 10 2024 15:58"] {
            let read = from_text(text, None);
            assert_eq!(
                read,
                Ok(Some(Moment {
                    us: minutes,
                    has_zone: false
                })),
                "{text}"
            );
        }
        // The 23rd, as there is no 23rd month: 13 days later.
        let later = MOMENT + 13 * 86_400_000_000;
        for text in ["23/04/2024 15:58:30", "04/23/2024 03:58:30 PM"] {
            let read = from_text(text, None);
            assert_eq!(
                read,
                Ok(Some(Moment {
                    us: later,
                    has_zone: false
                })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc_or_in_the_zone_given() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        for text in [
            "2024-04-10 15:58:30",
            "2024-04-10T15:58:30",
            "2024/04/10 15:58:30",
            "20240410155830",
            "Wed Apr 10 15:58:30 2024",
            "10 Apr 2024 15:58:30",
        ] {
            let utc = from_text(text, None);
            assert_eq!(
                utc,
                Ok(Some(Moment {
                    us: MOMENT,
                    has_zone: false
                })),
                "{text}"
            );
            let local = from_text(text, Some(&paris));
            let two_hours_before = MOMENT - 7_200_000_000;
            assert_eq!(
                local,
                Ok(Some(Moment {
                    us: two_hours_before,
                    has_zone: true
                })),
                "{text}"
            );
        }
        let minutes = from_text("2024-04-10 15:58", None).unwrap().unwrap();
        assert_eq!(minutes.us, MOMENT - 30_000_000);
        // A day of one digit, padded by a second space as ctime(3) does.
        let ctime = from_text("Fri Sep  6 22:04:05 2024", None)
            .unwrap()
            .unwrap();
        assert_eq!(ctime.us, 1_725_660_245_000_000);
    }

    #[test]
    fn numbers_keep_their_fraction() {
        let time = |json: &str| from_value(&serde_json::from_str(json).unwrap(), None);
        let moment = |us| Ok(Some(Moment { us, has_zone: true }));
        assert_eq!(time("1408480721.9"), moment(1_408_480_721_900_000));
        assert_eq!(time("1712764710123"), moment(1_712_764_710_123_000));
        assert_eq!(time("1712764710123456"), moment(1_712_764_710_123_456));
        assert_eq!(time("1712764710123456789"), moment(1_712_764_710_123_456));
    }

    #[test]
    fn not_yet_is_no_time_and_no_error() {
        for json in ["null", r#""""#, r#"" ""#, r#""0001-01-01T00:00:00Z""#] {
            assert_eq!(
                from_value(&serde_json::from_str(json).unwrap(), None),
                Ok(None),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_reason() {
        let refused = [
            ("yesterday", NO_FORM),
            ("2024-04-10", NO_TIME_OF_DAY),
            ("20240410", NO_TIME_OF_DAY),
            ("04/10/2024 08:58", DAY_OR_MONTH),
            ("2 hours ago", RELATIVE),
            ("2024-13-40T00:00:00Z", NO_FORM),
            ("1969-12-31T23:59:59Z", BEFORE_EPOCH),
            ("42", NO_FORM),
            ("99999999999999999999999999", NO_FORM),
            ("1.2.3", NO_FORM),
            ("+", NO_FORM),
            ("-ä0:00", NO_FORM),
        ];
        for (text, why) in refused {
            assert_eq!(from_text(text, None), Err(why), "{text}");
        }
        for json in ["-1712764710", "1e300", "true", "[]", "12"] {
            assert_eq!(
                from_value(&serde_json::from_str(json).unwrap(), None),
                Err(NO_FORM)
            );
        }
    }
}
