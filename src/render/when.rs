//! Times as they are shown: the clock time alone where everything lies on one day.
//!
//! In come the report's RFC 3339 texts; out come `09:00:12`, or `04-09 23:50:00` for another day,
//! with the offset where it is not the log's. The day and the zone themselves are said once, in
//! the first line. A text that is no time is shown as it is.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Shows times beside the span of a log.
#[derive(Debug, Clone)]
pub struct Clock {
    from: Option<Moment>,
    to: Option<Moment>,
}

/// A local time with its offset from UTC.
#[derive(Debug, Clone, Copy)]
struct Moment {
    date: Date,
    time: Time,
    offset: Offset,
}

impl Moment {
    fn parse(text: &str) -> Option<Moment> {
        let pieces = Pieces::parse(text).ok()?;
        Some(Moment {
            date: pieces.date(),
            time: pieces.time()?,
            offset: pieces.to_numeric_offset()?,
        })
    }

    /// Whether minutes are enough to say how long a log is.
    fn long_before(&self, later: &Moment) -> bool {
        let (from, to) = (
            self.date.to_datetime(self.time),
            later.date.to_datetime(later.time),
        );
        from.duration_until(to) >= SignedDuration::from_hours(1)
    }

    fn zone(&self) -> String {
        if self.offset == Offset::UTC {
            "UTC".to_owned()
        } else {
            offset_text(self.offset)
        }
    }
}

/// `-07:00`.
fn offset_text(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

impl Clock {
    /// A clock for a log that lasts from one time to another.
    pub fn new(from: Option<&str>, to: Option<&str>) -> Clock {
        let moment = |text: Option<&str>| text.and_then(Moment::parse);
        Clock {
            from: moment(from),
            to: moment(to),
        }
    }

    /// The log's span with its day and zone; `None` for a log without a time.
    pub fn span(&self) -> Option<String> {
        let (from, to) = (self.from?, self.to?);
        let days = if from.date == to.date {
            String::new()
        } else {
            format!("{}\u{a0}", to.date)
        };
        let zone = if from.offset == to.offset {
            to.zone()
        } else {
            format!("{} to {}", from.zone(), to.zone())
        };
        let (begin, end) = if from.long_before(&to) {
            (hm(from.time), hm(to.time))
        } else {
            (hms(from.time), hms(to.time))
        };
        Some(format!(
            "{}\u{a0}{begin}–{days}{end}\u{a0}{zone}",
            from.date
        ))
    }

    /// A time that is read right after another: without the day, where that has said it.
    pub fn show_after(&self, before: &str, text: &str) -> String {
        match (Moment::parse(before), Moment::parse(text)) {
            (Some(a), Some(b)) if a.date == b.date && a.offset == b.offset => hms(b.time),
            _ => self.show(text),
        }
    }

    /// The zone of [`Clock::show`]'s times that name none: `-07:00`, `UTC`.
    pub fn zone(&self) -> Option<String> {
        Some(self.to?.zone())
    }

    /// Two times with their day and zone, for a place that is read without the log's span beside
    /// it: `2024-04-10 09:00:03 until 11:01:56 -07:00`. Without the second, the first alone.
    pub fn in_full(&self, from: &str, to: Option<&str>) -> String {
        let Some(begin) = Moment::parse(from) else {
            return from.to_owned();
        };
        let first = format!("{}\u{a0}{}", begin.date, hms(begin.time));
        let Some(end) = to.and_then(Moment::parse) else {
            return format!("{first}\u{a0}{}", begin.zone());
        };
        let zone = if begin.offset == end.offset {
            String::new()
        } else {
            format!("\u{a0}{}", begin.zone())
        };
        let day = if begin.date == end.date {
            String::new()
        } else {
            format!("{}\u{a0}", end.date)
        };
        format!(
            "{first}{zone} until {day}{}\u{a0}{}",
            hms(end.time),
            end.zone()
        )
    }

    /// The day of a time, with its zone: `2024-04-10 -07:00`.
    pub fn day(&self, text: &str) -> Option<String> {
        let at = Moment::parse(text)?;
        Some(format!("{}\u{a0}{}", at.date, at.zone()))
    }

    /// The log's offset from UTC at its begin, in seconds; 0 for a log without a time.
    pub fn offset_s(&self) -> i64 {
        self.from.map_or(0, |from| i64::from(from.offset.seconds()))
    }

    /// A tick of an axis with ticks every `step_s`: `09:30`, or the day where it begins.
    pub fn tick(&self, at: i64, step_s: i64) -> Option<String> {
        let local = self.local(at)?;
        if step_s >= 86_400 || local.time() == Time::midnight() {
            Some(local.date().strftime("%m-%d").to_string())
        } else {
            Some(hm(local.time()))
        }
    }

    /// A time of the log's zone, to the minute: `09:30`.
    pub fn minute(&self, at: i64) -> Option<String> {
        Some(hm(self.local(at)?.time()))
    }

    fn local(&self, at: i64) -> Option<DateTime> {
        let offset = self.from.map_or(Offset::UTC, |from| from.offset);
        Some(offset.to_datetime(Timestamp::from_second(at).ok()?))
    }

    /// A time, as short as it is clear beside [`Clock::span`].
    pub fn show(&self, text: &str) -> String {
        let Some(at) = Moment::parse(text) else {
            return text.to_owned();
        };
        let day = match (self.from, self.to) {
            (Some(from), Some(to)) if from.date == at.date && to.date == at.date => String::new(),
            (Some(from), Some(to))
                if from.date.year() == at.date.year() && to.date.year() == at.date.year() =>
            {
                at.date.strftime("%m-%d\u{a0}").to_string()
            }
            _ => format!("{}\u{a0}", at.date),
        };
        let zone = match self.to {
            Some(to) if to.offset == at.offset => String::new(),
            _ => format!("\u{a0}{}", at.zone()),
        };
        format!("{day}{}{zone}", hms(at.time))
    }
}

fn hm(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

fn hms(time: Time) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// A time's distance from 1970 in seconds, rounded down; `None` for a text that is no time.
pub fn epoch_s(text: &str) -> Option<i64> {
    let at: Timestamp = text.parse().ok()?;
    Some(at.as_millisecond().div_euclid(1000))
}

/// Seconds from one time to another.
pub fn seconds_between(from: &str, to: &str) -> Option<f64> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    Some((to.as_microsecond() - from.as_microsecond()) as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(from: &str, to: &str, at: &str) -> String {
        Clock::new(Some(from), Some(to))
            .show(at)
            .replace('\u{a0}', " ")
    }

    #[test]
    fn one_day_needs_no_date() {
        let (from, to) = ("2024-04-10T06:00:00-07:00", "2024-04-10T12:00:00-07:00");
        assert_eq!(
            shown(from, to, "2024-04-10T09:00:12.345678-07:00"),
            "09:00:12"
        );
        assert_eq!(
            shown(from, to, "2024-04-09T23:50:00-07:00"),
            "04-09 23:50:00"
        );
        assert_eq!(
            shown(from, to, "2023-12-31T23:50:00-07:00"),
            "2023-12-31 23:50:00"
        );
        assert_eq!(shown(from, to, "2024-04-10T16:00:12Z"), "16:00:12 UTC");
        assert_eq!(shown(from, to, "yesterday"), "yesterday");
        let span = Clock::new(Some(from), Some(to))
            .span()
            .unwrap()
            .replace('\u{a0}', " ");
        assert_eq!(span, "2024-04-10 06:00–12:00 -07:00");
    }

    #[test]
    fn a_short_log_needs_seconds() {
        let clock = Clock::new(Some("2024-04-10T06:00:00Z"), Some("2024-04-10T06:59:59Z"));
        assert_eq!(
            clock.span().unwrap().replace('\u{a0}', " "),
            "2024-04-10 06:00:00–06:59:59 UTC"
        );
    }

    #[test]
    fn more_days_need_dates() {
        let (from, to) = ("2024-12-31T22:00:00Z", "2025-01-01T03:00:00Z");
        assert_eq!(
            shown(from, to, "2024-12-31T23:00:00Z"),
            "2024-12-31 23:00:00"
        );
        let (from, to) = ("2024-04-10T22:00:00Z", "2024-04-11T03:00:00Z");
        assert_eq!(shown(from, to, "2024-04-10T23:00:00Z"), "04-10 23:00:00");
        let after = |at| {
            let clock = Clock::new(Some(from), Some(to));
            clock
                .show_after("2024-04-10T23:00:00Z", at)
                .replace('\u{a0}', " ")
        };
        assert_eq!(after("2024-04-10T23:10:00Z"), "23:10:00");
        assert_eq!(after("2024-04-11T00:10:00Z"), "04-11 00:10:00");
        let span = Clock::new(Some(from), Some(to))
            .span()
            .unwrap()
            .replace('\u{a0}', " ");
        assert_eq!(span, "2024-04-10 22:00–2024-04-11 03:00 UTC");
    }

    #[test]
    fn when_the_clocks_change_both_zones_are_said() {
        // Berlin, 27 October 2024: 02:59:59 +02:00 is followed by 02:00:00 +01:00.
        let (from, to) = ("2024-10-27T01:00:00+02:00", "2024-10-27T04:00:00+01:00");
        assert_eq!(
            shown(from, to, "2024-10-27T02:30:00+02:00"),
            "02:30:00 +02:00"
        );
        assert_eq!(shown(from, to, "2024-10-27T02:30:00+01:00"), "02:30:00");
        let span = Clock::new(Some(from), Some(to))
            .span()
            .unwrap()
            .replace('\u{a0}', " ");
        assert_eq!(span, "2024-10-27 01:00–04:00 +02:00 to +01:00");
    }

    #[test]
    fn in_full_a_time_needs_nothing_beside_it() {
        let clock = Clock::new(
            Some("2024-04-10T06:00:00-07:00"),
            Some("2024-04-10T12:00:00-07:00"),
        );
        let full = |from, to| clock.in_full(from, to).replace('\u{a0}', " ");
        let onset = "2024-04-10T09:00:03.5-07:00";
        assert_eq!(full(onset, None), "2024-04-10 09:00:03 -07:00");
        assert_eq!(
            full(onset, Some("2024-04-10T11:01:56-07:00")),
            "2024-04-10 09:00:03 until 11:01:56 -07:00"
        );
        assert_eq!(
            full("2024-10-26T23:00:00Z", Some("2024-10-27T01:00:00Z")),
            "2024-10-26 23:00:00 until 2024-10-27 01:00:00 UTC"
        );
        assert_eq!(
            full(
                "2024-10-27T01:00:00+02:00",
                Some("2024-10-27T04:00:00+01:00")
            ),
            "2024-10-27 01:00:00 +02:00 until 04:00:00 +01:00"
        );
        assert_eq!(full("soon", None), "soon");
        let day = clock.day(onset).unwrap();
        assert_eq!(day.replace('\u{a0}', " "), "2024-04-10 -07:00");
        assert_eq!(clock.zone().as_deref(), Some("-07:00"));
    }

    #[test]
    fn a_log_without_times_has_no_span() {
        assert_eq!(Clock::new(None, None).span(), None);
        assert_eq!(
            Clock::new(None, None)
                .show("2024-04-10T09:00:12Z")
                .replace('\u{a0}', " "),
            "2024-04-10 09:00:12 UTC"
        );
    }

    #[test]
    fn distances_are_absolute_not_by_the_wall_clock() {
        assert_eq!(
            seconds_between("2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00.5+01:00"),
            Some(3600.5)
        );
        assert_eq!(epoch_s("1970-01-01T01:00:10+01:00"), Some(10));
        assert_eq!(epoch_s("1969-12-31T23:59:59.5Z"), Some(-1));
        assert_eq!(epoch_s("soon"), None);
    }
}
