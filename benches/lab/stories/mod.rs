//! The samples: each story is a small world with one truth put into it.

pub mod auth_outage;
pub mod not_the_deploy;
pub mod quiet_day;

use crate::logs::Files;

/// A sample, made: its files, and what was put into them.
pub struct Story {
    pub name: &'static str,
    pub files: Files,
    /// What was put in, as (what, value) in Markdown. Counts are taken while the lines are made.
    pub truth: Vec<(&'static str, String)>,
}

/// Local wall-clock time as milliseconds since the epoch.
fn local_ms(date: (i16, i8, i8), time: (i8, i8, i8), offset_h: i8) -> i64 {
    jiff::civil::date(date.0, date.1, date.2)
        .at(time.0, time.1, time.2, 0)
        .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(offset_h)))
        .expect("a fixed offset has every local time once")
        .timestamp()
        .as_millisecond()
}

/// `HH:MM:SS` of a time at an offset.
fn clock(at_ms: i64, offset_h: i8) -> String {
    let s = (at_ms.div_euclid(1000) + i64::from(offset_h) * 3600).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}
