//! A log line's time, as bytes, in; microseconds since 1970 out.
//!
//! A [`Clock`] reads every notation that servers use: CLF (`17/May/2015:10:05:03 +0000`), ISO 8601
//! and RFC 3339, nginx's error log, epochs in any unit, syslog, HAProxy, `ctime`. It is parsed by
//! hand, without an allocation, and remembers the previous time: most lines of a log share their
//! second with the line before, and nearly all of them share the day.
//!
//! A time that names no zone is a local time of the zone given, or UTC where none was given
//! ([`Clock::assumed_utc`] then says so). The clock never asks for the current time: a syslog time,
//! which has no year, needs [`Clock::not_after`].

mod text;

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use text::Unit;
pub(crate) use text::{ZONES, zone_offset};

const SECOND: i64 = 1_000_000;
const DAY_S: i64 = 86_400;

/// Length of `17/May/2015:10:05:03 +0000`.
const CLF: usize = 26;
/// Longest text that is compared with the previous one: RFC 3339 with nanoseconds and an offset.
const MEMO: usize = 36;

/// Reads times; one per worker thread, because it remembers the previous one.
///
/// What it remembers never changes an answer, only its speed.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: Option<TimeZone>,
    not_after_us: Option<i64>,
    clf: Clf,
    memo: Memo,
    /// The same of times that are in UTC by definition.
    memo_utc: Memo,
    day: text::DayMemo,
    local: Option<Local>,
    assumed_utc: bool,
    assumed_year: bool,
    offsets: Option<(i32, i32)>,
}

/// The previous CLF time: its text, its instant and the instant of its midnight in its own offset.
#[derive(Debug, Clone)]
struct Clf {
    text: [u8; CLF],
    us: Option<i64>,
    midnight_us: Option<i64>,
}

/// The previous text of any other notation.
#[derive(Debug, Clone)]
struct Memo {
    text: [u8; MEMO],
    len: usize,
    us: Option<i64>,
    seconds: Option<Seconds>,
}

/// Where a time of day has its seconds, and its minute's instant: the next line's time mostly differs in
/// nothing but these.
#[derive(Debug, Clone, Copy)]
struct Seconds {
    at: usize,
    /// Digits of the fraction behind them, 0 without one.
    fraction: usize,
    minute_us: i64,
    /// The text's last sixteen bytes, and which bits of them are none of these digits'.
    last: u128,
    fixed: u128,
}

impl Memo {
    const EMPTY: Memo = Memo {
        text: [0; MEMO],
        len: 0,
        us: None,
        seconds: None,
    };

    /// The instant of a text that is the same but for its seconds and their fraction.
    #[inline]
    fn within_minute(&self, text: &[u8]) -> Option<i64> {
        let Seconds {
            at,
            fraction,
            minute_us,
            last,
            fixed,
        } = self.seconds?;
        // A date, an hour and a minute have sixteen bytes, and no more than sixteen follow. As words: a call to
        // memcmp costs more than the compare.
        let changed = (u128::from_le_bytes(*text.last_chunk()?) ^ last) & fixed;
        if text.len() != self.len
            || text.first_chunk::<16>() != self.text.first_chunk()
            || changed != 0
        {
            return None;
        }
        let end = at + 2 + fraction + usize::from(fraction > 0);
        let (seconds, rest) = text.get(at..end)?.split_first_chunk::<2>()?;
        let us = text::within_minute(*seconds, rest)?;
        Some(minute_us + us)
    }

    /// Whether this is the text.
    #[inline]
    fn has(&self, text: &[u8]) -> bool {
        !text.is_empty() && self.text.get(..self.len) == Some(text)
    }

    fn put(&mut self, text: &[u8], us: i64) {
        if let Some(slot) = self.text.get_mut(..text.len()) {
            slot.copy_from_slice(text);
            self.len = text.len();
            self.us = Some(us);
            self.seconds = Seconds::of(text, us);
        }
    }
}

impl Seconds {
    /// Those of a date and a time of day; other notations have none. No zone changes its offset within a
    /// minute (see [`Local`]).
    fn of(text: &[u8], us: i64) -> Option<Seconds> {
        let bracket = usize::from(text.first() == Some(&b'['));
        let date = match text.get(bracket..)? {
            [b'0'..=b'9', _, _, _, b'-' | b'/', ..] => bracket + 10,
            [b'0'..=b'9', _, b'/', ..] => bracket + 11,
            _ => return None,
        };
        let from = text.get(date..)?.iter().position(u8::is_ascii_digit)?;
        let (clock, rest) = text.get(date + from..)?.split_first_chunk::<8>()?;
        let [_, _, b':', _, _, b':', a, b] = *clock else {
            return None;
        };
        let fraction = match rest {
            [b'.' | b',', rest @ ..] => rest.iter().take_while(|b| b.is_ascii_digit()).count(),
            _ => 0,
        };
        let end = fraction + usize::from(fraction > 0);
        let within_us = text::within_minute([a, b], rest.get(..end)?)?;
        let at = date + from + 6;
        // Times that are longer are read anew.
        let before_last = text
            .len()
            .checked_sub(16)
            .filter(|&len| len <= at.min(16))?;
        let mut fixed = [u8::MAX; 16];
        fixed
            .get_mut(at - before_last..at - before_last + 2 + end)?
            .fill(0);
        // The point of a fraction is looked at with it.
        Some(Seconds {
            at,
            fraction,
            minute_us: us - within_us,
            last: u128::from_le_bytes(*text.last_chunk()?),
            fixed: u128::from_le_bytes(fixed),
        })
    }
}

/// The zone's offset during one minute of local time. Since 1972 no zone has changed its offset
/// within a minute.
#[derive(Debug, Clone, Copy)]
struct Local {
    minute: i64,
    offset_s: i32,
}

impl Clock {
    /// A clock that reads times without a zone as local times of `zone`, or as UTC if `None`.
    pub fn new(zone: Option<TimeZone>) -> Clock {
        Clock {
            zone,
            not_after_us: None,
            clf: Clf {
                text: [0; CLF],
                us: None,
                midnight_us: None,
            },
            memo: Memo::EMPTY,
            memo_utc: Memo::EMPTY,
            day: text::DayMemo::default(),
            local: None,
            assumed_utc: false,
            assumed_year: false,
            offsets: None,
        }
    }

    /// The same clock for a file whose lines were written up to this instant: a time without a year
    /// gets the latest year that doesn't put it (by more than a day) after. Without it, such times
    /// can't be read.
    pub fn not_after(mut self, latest_us: i64) -> Clock {
        self.not_after_us = Some(latest_us);
        self
    }

    /// The same for the lines that are read from now on.
    pub fn set_not_after(&mut self, latest_us: i64) {
        if self.not_after_us != Some(latest_us) {
            self.not_after_us = Some(latest_us);
            self.memo = Memo::EMPTY;
        }
    }

    /// A clock with the same settings which has read nothing yet.
    pub fn fresh(&self) -> Clock {
        Clock {
            not_after_us: self.not_after_us,
            ..Clock::new(self.zone.clone())
        }
    }

    /// Whether a time without a zone was read as UTC because no zone had been given.
    pub fn assumed_utc(&self) -> bool {
        self.assumed_utc
    }

    /// Whether a time without a year was given the latest that its file allows.
    pub fn assumed_year(&self) -> bool {
        self.assumed_year
    }

    /// The smallest and the largest offset from UTC met so far, in seconds; `None` before the first
    /// time. `Z` and epochs count as 0.
    pub fn offsets(&self) -> Option<(i32, i32)> {
        self.offsets
    }

    /// Reads a CLF time, the hot path: one compare if the second is the previous line's, two
    /// compares and six digits if the day is.
    #[inline]
    pub fn clf(&mut self, text: &[u8]) -> Option<i64> {
        let Ok(full) = <&[u8; CLF]>::try_from(text) else {
            if let Some(us) = self.memo.within_minute(text) {
                return Some(us);
            }
            return match text::plain_epoch(text) {
                Some(us) => self.noted(us, 0),
                None => self.read(text),
            };
        };
        if *full == self.clf.text {
            return self.clf.us;
        }
        self.clf_changed(full)
    }

    fn clf_changed(&mut self, full: &[u8; CLF]) -> Option<i64> {
        let same_day = full[..12] == self.clf.text[..12] && full[20..] == self.clf.text[20..];
        if same_day
            && let Some(midnight_us) = self.clf.midnight_us
            && let Some(second) = text::clock_seconds(&full[12..20])
        {
            let us = midnight_us + second * SECOND;
            self.clf.text = *full;
            self.clf.us = Some(us);
            return Some(us);
        }
        let Some(parts) = text::clf(full, &mut self.day) else {
            return self.read(full);
        };
        let us = self.instant(&parts)?;
        let midnight_us = us - parts.second_of_day * SECOND - parts.micros;
        // Behind a clock of twelve hours the day has two beginnings.
        let is_offset = matches!(full[20..22], [b' ', b'+' | b'-']);
        let whole = parts.micros == 0 && parts.offset_s.is_some() && is_offset;
        self.clf = Clf {
            text: *full,
            us: Some(us),
            midnight_us: whole.then_some(midnight_us),
        };
        Some(us)
    }

    /// Reads a time in any notation; numbers are epochs whose unit is told by their size.
    pub fn read(&mut self, text: &[u8]) -> Option<i64> {
        let text = text.trim_ascii();
        if let Some(us) = self.memo.within_minute(text) {
            return Some(us);
        }
        if self.memo.has(text) {
            return self.memo.us;
        }
        let us = self.read_anew(text)?;
        self.memo.put(text, us);
        Some(us)
    }

    fn read_anew(&mut self, text: &[u8]) -> Option<i64> {
        let text = text
            .strip_prefix(b"[")
            .and_then(|t| t.strip_suffix(b"]"))
            .unwrap_or(text);
        let parts = match *text {
            // With an hour of twelve, dates of slashes are America's.
            [b'0'..=b'9', .., b'M' | b'm'] if text::is_slashed(text) => text::month_first(text)?,
            [b'0'..=b'9', _, _, _, b'-' | b'/', ..] => text::iso(text, &mut self.day)?,
            [b'0'..=b'9', _, b'/', ..] => text::clf(text, &mut self.day)?,
            [b'0'..=b'9', _, _, _, b' ', ..] => return self.yearless(text),
            [b'0'..=b'9', _, _, _, _, _, b' ', ..] => text::compact(text)?,
            [b'0'..=b'9', ..] => return self.noted(text::epoch(text, None)?, 0),
            [b'A'..=b'Z', _, _, b',', b' ', ..] => text::http_date(text)?,
            [b'A'..=b'Z', _, _, b' ', b'A'..=b'Z', ..] => text::ctime(text)?,
            [b'A'..=b'Z', _, _, b' ', _, b',', ..] | [b'A'..=b'Z', _, _, b' ', _, _, b',', ..] => {
                text::named_month(text)?
            }
            [b'A'..=b'Z', ..] => return self.yearless(text),
            _ => return None,
        };
        self.instant(&parts)
    }

    /// Reads an epoch in a unit that is known.
    pub fn epoch(&mut self, text: &[u8], unit: Unit) -> Option<i64> {
        let us = text::epoch(text, Some(unit))?;
        self.noted(us, 0)
    }

    /// Reads an ISO 8601 time that is in UTC if it names no zone, whatever the clock's zone is: some
    /// formats (W3C, IIS, CloudFront) are defined so.
    pub fn read_utc(&mut self, text: &[u8]) -> Option<i64> {
        if let Some(us) = self.memo_utc.within_minute(text) {
            return Some(us);
        }
        if self.memo_utc.has(text) {
            return self.memo_utc.us;
        }
        let parts = text::iso(text, &mut self.day)?;
        let us = self.instant(&text::Parts {
            offset_s: parts.offset_s.or(Some(0)),
            ..parts
        })?;
        self.memo_utc.put(text, us);
        Some(us)
    }

    /// Reads a date whose month stands first, `4/10/24, 9:00:05`: where no ` AM` or ` PM` follows, nothing in such a
    /// date says so, the format must.
    pub fn read_month_first(&mut self, text: &[u8]) -> Option<i64> {
        let parts = text::month_first(text.trim_ascii())?;
        self.instant(&parts)
    }

    /// A syslog time: the latest year whose date exists and isn't after the file's end.
    fn yearless(&mut self, text: &[u8]) -> Option<i64> {
        let limit_us = self.not_after_us?.checked_add(DAY_S * SECOND)?;
        let year = Timestamp::from_microsecond(limit_us)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .year();
        // Eight years back are enough for a 29 February, even around 1900 or 2100.
        let us = (0..=8).map(|back| i64::from(year) - back).find_map(|year| {
            let parts = match text.first()?.is_ascii_digit() {
                true => text::glog(text, year)?,
                false => text::syslog(text, year)?,
            };
            self.instant(&parts).filter(|&us| us <= limit_us)
        });
        self.assumed_year |= us.is_some();
        us
    }

    fn instant(&mut self, parts: &text::Parts) -> Option<i64> {
        let local_s = parts.day * DAY_S + parts.second_of_day;
        let offset_s = match parts.offset_s {
            Some(offset_s) => offset_s,
            None => self.local_offset(local_s)?,
        };
        self.noted(
            (local_s - i64::from(offset_s)) * SECOND + parts.micros,
            offset_s,
        )
    }

    fn noted(&mut self, us: i64, offset_s: i32) -> Option<i64> {
        let (low, high) = self.offsets.unwrap_or((offset_s, offset_s));
        self.offsets = Some((low.min(offset_s), high.max(offset_s)));
        Some(us)
    }

    /// The offset at a local time. A time that occurs twice is the first; one that was skipped is
    /// read with the offset before the gap (RFC 5545's rule, as in Temporal's "compatible").
    fn local_offset(&mut self, local_s: i64) -> Option<i32> {
        let Some(zone) = &self.zone else {
            self.assumed_utc = true;
            return Some(0);
        };
        let minute = local_s.div_euclid(60);
        if let Some(local) = self.local
            && local.minute == minute
        {
            return Some(local.offset_s);
        }
        let naive = Timestamp::from_second(minute * 60)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .datetime();
        let at = zone.to_ambiguous_timestamp(naive).compatible().ok()?;
        let offset_s = i32::try_from(minute * 60 - at.as_second()).ok()?;
        self.local = Some(Local { minute, offset_s });
        Some(offset_s)
    }
}

#[cfg(test)]
mod tests;
