//! The notations themselves: bytes in, calendar parts out. Knows no zone and no instant.

/// What a text says: a day, a second in it, a fraction, and the offset if it names one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// Days since 1970-01-01.
    pub day: i64,
    pub second_of_day: i64,
    pub micros: i64,
    pub offset_s: Option<i32>,
}

/// The unit of a number that stands for a time or a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Thousandths.
    Millis,
    /// Millionths.
    Micros,
    /// Billionths.
    Nanos,
    /// Seconds where it has decimals, thousandths where it has none: of a name that both are written under.
    SecondsOrMillis,
}

impl Unit {
    /// The power of ten that turns this unit into microseconds.
    pub fn exponent(self) -> i32 {
        match self {
            Unit::Seconds | Unit::SecondsOrMillis => 6,
            Unit::Millis => 3,
            Unit::Micros => 0,
            Unit::Nanos => -3,
        }
    }
}

/// The date read last, by its first ten or eleven bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct DayMemo {
    text: [u8; 11],
    day: Option<i64>,
}

impl DayMemo {
    fn recall(&mut self, text: &[u8], read: impl FnOnce() -> Option<i64>) -> Option<i64> {
        let mut key = [0; 11];
        key.get_mut(..text.len())?.copy_from_slice(text);
        if let (true, Some(day)) = (key == self.text, self.day) {
            return Some(day);
        }
        let day = read()?;
        *self = DayMemo {
            text: key,
            day: Some(day),
        };
        Some(day)
    }
}

/// `25/Feb/2019:16:19:48[.143][ +0100]`: CLF, and HAProxy's `[%tr]`.
pub(super) fn clf(text: &[u8], memo: &mut DayMemo) -> Option<Parts> {
    let (date, rest) = text.split_at_checked(11)?;
    let day = memo.recall(date, || match *date {
        [a, b, b'/', m, n, o, b'/', c, d, e, f] => {
            day_number(digits(&[c, d, e, f])?, month(&[m, n, o])?, digits(&[a, b])?)
        }
        _ => None,
    })?;
    match rest {
        // Django and werkzeug put a space there.
        [b':' | b' ', time @ ..] => time_of_day(day, time),
        _ => None,
    }
}

/// `2024-04-10T09:00:00.123Z` with its variants: `/` in the date (nginx's error log), a space or a
/// tab for `T`, a comma before the fraction (Python, Java), the offset missing or in any spelling.
pub(super) fn iso(text: &[u8], memo: &mut DayMemo) -> Option<Parts> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = memo.recall(date, || match *date {
        [a, b, c, d, s @ (b'-' | b'/'), e, f, t, g, h] if s == t => {
            day_number(digits(&[a, b, c, d])?, digits(&[e, f])?, digits(&[g, h])?)
        }
        _ => None,
    })?;
    match rest {
        // Gin's lines.
        [b' ', b'-', b' ', time @ ..] => time_of_day(day, time),
        [b'T' | b't', time @ ..] => time_of_day(day, time),
        [b' ' | b'\t', time @ ..] if time.first().is_some_and(u8::is_ascii_digit) => {
            time_of_day(day, time)
        }
        _ => time_of_day(day, behind_separators(rest)?),
    }
}

/// A date and a time may be two columns of a table: `2024-04-10";"09:00:00`.
fn behind_separators(text: &[u8]) -> Option<&[u8]> {
    let is_separator = |b: &u8| matches!(b, b' ' | b'\t' | b',' | b';' | b'|' | b'"');
    let len = text.iter().take_while(|b| is_separator(b)).count();
    text.get(len..).filter(|_| len > 0)
}

/// `4/10/24, 9:00:05[ AM]`, the month first; the year has two digits or four.
pub(super) fn month_first(text: &[u8]) -> Option<Parts> {
    let len = text
        .iter()
        .take_while(|b| b.is_ascii_digit() || **b == b'/')
        .count();
    let (date, rest) = text.split_at_checked(len)?;
    let mut numbers = date.split(|&b| b == b'/');
    let mut number = |longest: usize| {
        let text = numbers
            .next()
            .filter(|text| (1..=longest).contains(&text.len()))?;
        Some((digits(text)?, text.len()))
    };
    let ((month, _), (day, _), (year, year_len)) = (number(2)?, number(2)?, number(4)?);
    let year = match year_len {
        4 => year,
        2 => 2000 + year,
        _ => return None,
    };
    if numbers.next().is_some() {
        return None;
    }
    let day = day_number(year, month, day)?;
    short_time_of_day(day, behind_separators(rest)?)
}

/// `Apr 10, 2024 @ 09:00:00.000`, Kibana's, and `Apr 10, 2024, 9:00:00 AM`, that of locales.
pub(super) fn named_month(text: &[u8]) -> Option<Parts> {
    let (name, rest) = split_at_space(text);
    let comma = memchr::memchr(b',', rest)?;
    let (number, rest) = rest.split_at_checked(comma)?;
    let (year, rest) = rest.strip_prefix(b", ")?.split_at_checked(4)?;
    let day = day_number(digits(year)?, month(name)?, digits(number)?)?;
    let time = rest
        .strip_prefix(b" @ ")
        .or_else(|| behind_separators(rest));
    short_time_of_day(day, time?)
}

/// A time of day whose hour may have one digit.
fn short_time_of_day(day: i64, time: &[u8]) -> Option<Parts> {
    if time.get(1) != Some(&b':') {
        return time_of_day(day, time);
    }
    let mut padded = [b'0'; 24];
    padded.get_mut(1..=time.len())?.copy_from_slice(time);
    time_of_day(day, padded.get(..=time.len())?)
}

/// Whether a text begins with two numbers of one or two digits, a slash behind each: `4/10/`.
pub(super) fn is_slashed(text: &[u8]) -> bool {
    let mut numbers = text.splitn(3, |&b| b == b'/');
    let mut is_number = || {
        numbers
            .next()
            .is_some_and(|n| matches!(n.len(), 1 | 2) && digits(n).is_some())
    };
    is_number() && is_number() && numbers.next().is_some()
}

/// `Sun Mar 13 22:49:12 2016`, C's `ctime`; a fraction as in Apache's error log and an offset at
/// the end as in git's are read too.
pub(super) fn ctime(text: &[u8]) -> Option<Parts> {
    let (_weekday, text) = text.split_at_checked(4)?;
    let (date, rest) = text.split_at_checked(7)?;
    let (time, rest) = split_at_space(rest);
    let (year, offset) = split_at_space(rest);
    if year.len() != 4 {
        return None;
    }
    let mut parts = time_of_day(
        day_number(digits(year)?, month(&date[..3])?, day_of_month(date)?)?,
        time,
    )?;
    if !offset.is_empty() {
        parts.offset_s = Some(offset_seconds(offset)?);
    }
    Some(parts)
}

/// `Feb 25 16:19:38`, RFC 3164, in the year given.
pub(super) fn syslog(text: &[u8], year: i64) -> Option<Parts> {
    let (date, rest) = text.split_at_checked(7)?;
    time_of_day(
        day_number(year, month(&date[..3])?, day_of_month(date)?)?,
        rest,
    )
}

/// `0410 09:00:00.123456`, glog's and klog's, in the year given.
pub(super) fn glog(text: &[u8], year: i64) -> Option<Parts> {
    let ([a, b, c, d, b' '], time) = text.split_first_chunk::<5>()? else {
        return None;
    };
    time_of_day(
        day_number(year, digits(&[*a, *b])?, digits(&[*c, *d])?)?,
        time,
    )
}

/// `240410 09:00:00`: Tornado's, MySQL's.
pub(super) fn compact(text: &[u8]) -> Option<Parts> {
    let ([a, b, c, d, e, f, b' '], time) = text.split_first_chunk::<7>()? else {
        return None;
    };
    let year = 2000 + digits(&[*a, *b])?;
    time_of_day(
        day_number(year, digits(&[*c, *d])?, digits(&[*e, *f])?)?,
        time,
    )
}

/// `Wed, 10 Apr 2024 09:00:00 GMT`, HTTP's and e-mail's (RFC 9110, 5.6.7; RFC 5322).
pub(super) fn http_date(text: &[u8]) -> Option<Parts> {
    let (_weekday, text) = text.split_at_checked(5)?;
    let (day, text) = split_at_space(text);
    let (name, text) = split_at_space(text);
    let (year, time) = split_at_space(text);
    if !matches!(day.len(), 1 | 2) || year.len() != 4 {
        return None;
    }
    time_of_day(day_number(digits(year)?, month(name)?, digits(day)?)?, time)
}

/// `Feb 25 ` or `Feb  5 `: the day of a fixed-width date.
fn day_of_month(date: &[u8]) -> Option<i64> {
    match *date {
        [_, _, _, b' ', b' ', unit, b' '] => digits(&[unit]),
        [_, _, _, b' ', ten, unit, b' '] => digits(&[ten, unit]),
        _ => None,
    }
}

fn split_at_space(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &[]),
    }
}

/// `HH:MM[:SS[.fraction]][ AM][offset]`.
fn time_of_day(day: i64, text: &[u8]) -> Option<Parts> {
    let (second_of_day, micros, rest) = match text.split_at_checked(8) {
        Some((clock, rest)) if clock[5] == b':' => {
            let (micros, rest) = fraction(rest)?;
            (clock_seconds(clock)?, micros, rest)
        }
        _ => {
            let (clock, rest) = text.split_at_checked(5)?;
            (minute_seconds(clock)?, 0, rest)
        }
    };
    let (second_of_day, rest) = in_halves(second_of_day, rest)?;
    let offset_s = if rest.is_empty() {
        None
    } else {
        Some(offset_seconds(rest)?)
    };
    Some(Parts {
        day,
        second_of_day,
        micros,
        offset_s,
    })
}

/// The second of the day where ` AM` or ` PM` follows its clock of twelve hours, and what is behind that.
fn in_halves(second_of_day: i64, text: &[u8]) -> Option<(i64, &[u8])> {
    // A narrow space that lines aren't broken at is what newer libraries of locales put there.
    let spaced = text
        .strip_prefix(b" ")
        .or(text.strip_prefix("\u{202f}".as_bytes()));
    let (half, rest) = match spaced.unwrap_or(text) {
        [b'A' | b'a', b'M' | b'm', rest @ ..] => (0, rest),
        [b'P' | b'p', b'M' | b'm', rest @ ..] => (12, rest),
        _ => return Some((second_of_day, text)),
    };
    let hour = second_of_day / 3600;
    let second = (hour % 12 + half) * 3600 + second_of_day % 3600;
    (1..=12).contains(&hour).then_some((second, rest))
}

fn minute_seconds(text: &[u8]) -> Option<i64> {
    let [a, b, b':', c, d] = *text else {
        return None;
    };
    let (hour, minute) = (digits(&[a, b])?, digits(&[c, d])?);
    (hour < 24 && minute < 60).then_some(hour * 3600 + minute * 60)
}

/// Exactly `HH:MM:SS`, as seconds since midnight. A leap second counts as the second before it.
#[inline]
pub(super) fn clock_seconds(text: &[u8]) -> Option<i64> {
    let [minutes @ .., b':', e, f] = text else {
        return None;
    };
    let second = digits(&[*e, *f])?;
    (second <= 60).then_some(minute_seconds(minutes)? + second.min(59))
}

/// Two digits and `.1` to `.123456789` (or `,…`, or nothing), in microseconds since the minute. A leap second is none.
#[inline]
pub(super) fn within_minute(seconds: [u8; 2], fraction: &[u8]) -> Option<i64> {
    let second = digits(&seconds).filter(|&second| second < 60)?;
    let micros = match fraction {
        [] => 0,
        [b'.' | b',', a, b, c] => 1_000 * digits(&[*a, *b, *c])?,
        [b'.' | b',', micros @ ..] if micros.len() == 6 => digits(micros)?,
        _ => match self::fraction(fraction)? {
            (micros, []) => micros,
            _ => return None,
        },
    };
    Some(second * 1_000_000 + micros)
}

/// `.1` to `.123456789` (or `,…`), in microseconds, and what follows.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else {
        return Some((0, text));
    };
    let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=9).contains(&len) {
        return None;
    }
    let value = digits(&rest[..len])? * 10i64.pow(9 - len as u32);
    Some((value / 1000, &rest[len..]))
}

/// Abbreviations that mean one offset wherever they are in use, in seconds. `IST` means India's, Ireland's or
/// Israel's, `CST` America's or China's: they are none.
pub(crate) const ZONES: [(&str, i32); 20] = [
    ("UTC", 0),
    ("GMT", 0),
    ("WET", 0),
    ("WEST", 3_600),
    ("BST", 3_600),
    ("CET", 3_600),
    ("CEST", 7_200),
    ("EET", 7_200),
    ("EEST", 10_800),
    ("MSK", 10_800),
    ("JST", 32_400),
    ("AEST", 36_000),
    ("AEDT", 39_600),
    ("EST", -18_000),
    ("EDT", -14_400),
    ("CDT", -18_000),
    ("MST", -25_200),
    ("MDT", -21_600),
    ("PST", -28_800),
    ("PDT", -25_200),
];

/// The offset that an abbreviation means, in seconds.
pub(crate) fn zone_offset(name: &[u8]) -> Option<i32> {
    let mut zones = ZONES.iter();
    let zone = zones.find(|(known, _)| known.as_bytes() == name);
    zone.map(|&(_, offset_s)| offset_s)
}

/// `Z`, `+01`, `+0100`, `+01:00`, ` +0100`, ` UTC`, ` PDT`, ` +0100 CET` (Go's, Ruby's and Postgres's way).
fn offset_seconds(text: &[u8]) -> Option<i32> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, rest) = match text {
        b"Z" | b"z" => return Some(0),
        [b'A'..=b'Z', ..] => return zone_offset(text),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (number, name) = split_at_space(rest);
    if !name.iter().all(u8::is_ascii_alphabetic) || name.len() > 5 {
        return None;
    }
    let (hours, minutes) = match *number {
        [a, b] => (digits(&[a, b])?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (digits(&[a, b])?, digits(&[c, d])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60) as i32)
}

/// Seconds before 9 March 1973 or after 16 November 5138 are no seconds: the first would be a
/// duration or a counter under a name like `time`, the second is milliseconds.
const SECONDS: std::ops::Range<i64> = 100_000_000..100_000_000_000;

/// An epoch, whole or with a fraction, in microseconds. Without a unit its size tells it.
pub(super) fn epoch(text: &[u8], unit: Option<Unit>) -> Option<i64> {
    let whole_len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=19).contains(&whole_len) {
        return None;
    }
    let whole = text[..whole_len].iter().try_fold(0i64, |sum, b| {
        sum.checked_mul(10)?.checked_add(i64::from(b - b'0'))
    })?;
    let rest = match &text[whole_len..] {
        [] => &[],
        [b'.', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => rest,
        _ => return float_epoch(text, unit),
    };
    let unit = match unit {
        Some(unit) => unit,
        None => unit_of(whole)?,
    };
    let scale = 10i64.pow(unit.exponent().unsigned_abs());
    if unit == Unit::Nanos {
        return Some(whole / scale);
    }
    let kept = rest.get(..unit.exponent() as usize).unwrap_or(rest);
    let fraction = digits(kept)? * 10i64.pow(unit.exponent() as u32 - kept.len() as u32);
    whole.checked_mul(scale)?.checked_add(fraction)
}

/// `1712739600.123`, seconds by their size; `None` says nothing but that it is not so plain.
#[inline]
pub(super) fn plain_epoch(text: &[u8]) -> Option<i64> {
    let [whole @ .., b'.', a, b, c] = <&[u8; 14]>::try_from(text).ok()? else {
        return None;
    };
    let (high, low) = whole.split_at_checked(5)?;
    let seconds = digits(high)? * 100_000 + digits(low)?;
    let micros = 1_000 * digits(&[*a, *b, *c])?;
    (seconds >= SECONDS.start).then_some(seconds * 1_000_000 + micros)
}

/// `1.6938407917564995e9`, as some JSON encoders write large floats. A double holds today's
/// seconds to about a quarter of a microsecond.
fn float_epoch(text: &[u8], unit: Option<Unit>) -> Option<i64> {
    let plain = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    if text.len() > 32 || !text.iter().all(plain) {
        return None;
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let unit = match unit {
        Some(unit) => unit,
        None => unit_of(value as i64)?,
    };
    let us = value * 10f64.powi(unit.exponent());
    (us.abs() < i64::MAX as f64).then_some(us.round() as i64)
}

fn unit_of(whole: i64) -> Option<Unit> {
    let units = [Unit::Seconds, Unit::Millis, Unit::Micros, Unit::Nanos];
    let mut limit = SECONDS.end;
    if whole < SECONDS.start {
        return None;
    }
    for unit in units {
        if whole < limit {
            return Some(unit);
        }
        limit = limit.saturating_mul(1000);
    }
    Some(Unit::Nanos)
}

/// At most nine digits as a number; no digits are 0.
#[inline]
fn digits(text: &[u8]) -> Option<i64> {
    debug_assert!(text.len() <= 9);
    text.iter().try_fold(0, |sum, &b| {
        let digit = b.wrapping_sub(b'0');
        (digit < 10).then_some(sum * 10 + i64::from(digit))
    })
}

fn month(name: &[u8]) -> Option<i64> {
    const NAMES: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = NAMES.chunks_exact(3).position(|month| month == name)?;
    Some(at as i64 + 1)
}

/// Days since 1970-01-01 of a date in the years 1 to 9999; `None` if there is no such date.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=9999).contains(&year) || !(1..=last).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day comes last: https://howardhinnant.github.io/date_algorithms.html
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let day_of_year = (153 * m + 2) / 5 + day - 1;
    Some(y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719_468)
}
