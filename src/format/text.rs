//! Values as text: durations with their units, backslash escapes undone, and near bytes found.

use crate::timestamp::Unit;

/// A duration in whole microseconds, cut: `0.123` in the unit given, or with its own (`12ms`,
/// `1.5s`, Go's `1m2.5s`, `35 msecs`). nginx writes one time per upstream tried (`0.100, 0.004`):
/// they are summed. `None` if there is none, or if a bare number has no unit.
#[inline]
pub(super) fn latency_us(text: &[u8], unit: Option<Unit>) -> Option<u64> {
    let unit = unit.map(|unit| decided(unit, text));
    let (number, plain_unit) = match text {
        [number @ .., b'm', b's'] => (number, Some(Unit::Millis)),
        [number @ .., b'u', b's'] | [number @ .., 0xc2, 0xb5, b's'] => (number, Some(Unit::Micros)),
        [number @ .., b's'] => (number, Some(Unit::Seconds)),
        _ => (text, unit),
    };
    plain_unit
        .and_then(|unit| plain_us(number, unit))
        .or_else(|| any_latency_us(text, unit))
}

/// The unit of a number that is in seconds only where it has decimals.
#[inline]
fn decided(unit: Unit, text: &[u8]) -> Unit {
    match unit {
        Unit::SecondsOrMillis if text.iter().all(u8::is_ascii_digit) => Unit::Millis,
        Unit::SecondsOrMillis => Unit::Seconds,
        unit => unit,
    }
}

/// The same for one number of a few digits, perhaps with decimals, and no unit of its own; `None` says
/// nothing but that it is not so plain.
#[inline]
fn plain_us(text: &[u8], unit: Unit) -> Option<u64> {
    // The decimals that are left to reach a microsecond: more digits than that are cut elsewhere.
    let mut left = u32::try_from(unit.exponent()).ok()?;
    if text.is_empty() || text.len() > 10 {
        return None;
    }
    let (mut number, mut has_point) = (0u64, false);
    for (at, &byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            number = 10 * number + u64::from(digit);
            left = match has_point {
                true => left.checked_sub(1)?,
                false => left,
            };
        } else if byte == b'.' && !has_point && at > 0 && at + 1 < text.len() {
            has_point = true;
        } else {
            return None;
        }
    }
    // Ten digits at most, and six places more.
    Some(number * 10u64.pow(left))
}

fn any_latency_us(text: &[u8], unit: Option<Unit>) -> Option<u64> {
    if !text.contains(&b',') && !text.contains(&b' ') {
        return duration_us(text, unit);
    }
    let mut sum = None;
    for part in text.split(|&b| b == b',').flat_map(split_at_colons) {
        match part.trim_ascii() {
            b"" | b"-" => {}
            part => sum = Some(sum.unwrap_or(0u64).checked_add(duration_us(part, unit)?)?),
        }
    }
    sum
}

/// nginx separates server groups by ` : `.
fn split_at_colons(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b':')
}

fn duration_us(text: &[u8], unit: Option<Unit>) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    loop {
        let (decimal, after) = Decimal::read(rest)?;
        let name_len = after.iter().take_while(|b| !b.is_ascii_digit()).count();
        let (name, after) = after.split_at(name_len);
        let (factor, exponent) = match (name.trim_ascii(), unit) {
            (b"", Some(unit)) => (1, unit.exponent()),
            (name, _) => named_unit(name)?,
        };
        sum = sum.checked_add(decimal.scaled(factor, exponent)?)?;
        if after.is_empty() {
            return Some(sum);
        }
        rest = after;
    }
}

/// A unit's factor and power of ten, in microseconds.
fn named_unit(name: &[u8]) -> Option<(u64, i32)> {
    Some(match name {
        b"ns" | b"nanos" | b"nanoseconds" => (1, -3),
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" | b"usec" | b"usecs" | b"micros" | b"microseconds" => {
            (1, 0)
        }
        b"ms" | b"msec" | b"msecs" | b"millis" | b"milliseconds" => (1, 3),
        b"s" | b"sec" | b"secs" | b"seconds" => (1, 6),
        b"m" | b"min" => (60, 6),
        b"h" => (3600, 6),
        _ => return None,
    })
}

/// A number as digits and a power of ten, so that no float rounds it.
struct Decimal {
    digits: u64,
    exponent: i32,
}

impl Decimal {
    fn read(text: &[u8]) -> Option<(Decimal, &[u8])> {
        let mut decimal = Decimal {
            digits: 0,
            exponent: 0,
        };
        let mut at = 0;
        let mut point = None;
        while let Some(&b) = text.get(at) {
            match b {
                b'0'..=b'9' => decimal.push(b - b'0', point.is_some()),
                b'.' if point.is_none() => point = Some(at),
                _ => break,
            }
            at += 1;
        }
        if at == 0 || point == Some(at - 1) || point == Some(0) {
            return None;
        }
        let rest = &text[at..];
        match rest {
            [b'e' | b'E', sign @ (b'+' | b'-'), digits @ ..] => {
                decimal.exponent_follows(*sign == b'-', digits)
            }
            [b'e' | b'E', digits @ ..] => decimal.exponent_follows(false, digits),
            _ => Some((decimal, rest)),
        }
    }

    /// Digits beyond the eighteenth are dropped.
    fn push(&mut self, digit: u8, is_fraction: bool) {
        if self.digits < 100_000_000_000_000_000 {
            self.digits = self.digits * 10 + u64::from(digit);
            self.exponent -= i32::from(is_fraction);
        } else {
            self.exponent = self.exponent.saturating_add(i32::from(!is_fraction));
        }
    }

    fn exponent_follows(mut self, negative: bool, text: &[u8]) -> Option<(Decimal, &[u8])> {
        let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=3).contains(&len) {
            return None;
        }
        let value = text[..len]
            .iter()
            .fold(0, |sum, b| sum * 10 + i32::from(b - b'0'));
        self.exponent = self
            .exponent
            .saturating_add(if negative { -value } else { value });
        Some((self, &text[len..]))
    }

    /// Digits have at most 57 bits and factors 12, so that only a power of ten can overflow.
    fn scaled(&self, factor: u64, exponent: i32) -> Option<u64> {
        let value = self.digits.checked_mul(factor)?;
        let exponent = self.exponent.saturating_add(exponent);
        let power = 10u64.checked_pow(exponent.unsigned_abs());
        match (exponent < 0, power) {
            (true, Some(power)) => Some(value / power),
            (true, None) => Some(0),
            (false, Some(power)) => value.checked_mul(power),
            (false, None) => (value == 0).then_some(0),
        }
    }
}

/// Appends the text with its escapes undone: JSON's, and `\xHH`. An escape that is none stays.
pub(super) fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    // A line inside of another has an escape every few bytes: what is between is copied whole, with
    // what follows, which is taken back.
    out.reserve(text.len());
    while let Some(chunk) = rest.first_chunk::<16>() {
        let len = escape_in(chunk);
        out.extend_from_slice(chunk);
        out.truncate(out.len() + len - chunk.len());
        rest = &rest[len..];
        if len < chunk.len() {
            let used = escape(rest, out);
            if used == 0 {
                out.push(b'\\');
            }
            rest = &rest[used.max(1)..];
        }
    }
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let used = escape(rest, out);
        if used == 0 {
            out.push(b'\\');
        }
        rest = &rest[used.max(1)..];
    }
    out.extend_from_slice(rest);
}

/// How many bytes stand before the first backslash.
#[inline]
fn escape_in(chunk: &[u8; 16]) -> usize {
    let [escapes, _] = of_sixteen(chunk, [b'\\'; 2]);
    (escapes | 1 << 16).trailing_zeros() as usize
}

/// Appends what the escape at the start stands for; the number of bytes it takes, 0 if it is none.
fn escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    let plain = match text.get(1) {
        Some(&b @ (b'"' | b'\\' | b'/')) => b,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'x') => match text.get(2..4).and_then(hex) {
            Some(byte) => {
                out.push(byte as u8);
                return 4;
            }
            None => return 0,
        },
        Some(b'u') => return unicode_escape(text, out),
        _ => return 0,
    };
    out.push(plain);
    2
}

/// `\u00e9`, or a surrogate pair.
fn unicode_escape(text: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(first) = text.get(2..6).and_then(hex) else {
        return 0;
    };
    let (code, used) = match (first, text.get(6..8), text.get(8..12).and_then(hex)) {
        (0xD800..0xDC00, Some(b"\\u"), Some(second @ 0xDC00..0xE000)) => {
            (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12)
        }
        _ => (first, 6),
    };
    let Some(c) = char::from_u32(code) else {
        return 0;
    };
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    used
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |sum, &b| Some(sum * 16 + char::from(b).to_digit(16)?))
}

/// The first such byte, where it is likely to be near: thirty-two are looked at before memchr is called, since
/// a call costs as much as reading them.
#[inline]
pub(super) fn find_near(text: &[u8], byte: u8) -> Option<usize> {
    find_near_by(text, [byte; 2], |rest| memchr::memchr(byte, rest))
}

/// The first of two bytes, likely near.
#[inline]
pub(super) fn find_near2(text: &[u8], one: u8, two: u8) -> Option<usize> {
    find_near_by(text, [one, two], |rest| memchr::memchr2(one, two, rest))
}

#[inline]
fn find_near_by(
    text: &[u8],
    wanted: [u8; 2],
    in_rest: impl Fn(&[u8]) -> Option<usize>,
) -> Option<usize> {
    let mut at = 0;
    while at < 32
        && let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk())
    {
        let [one, two] = of_sixteen(bytes, wanted);
        if one | two != 0 {
            return Some(at + (one | two).trailing_zeros() as usize);
        }
        at += 16;
    }
    if at < 32
        && let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk())
    {
        let word = u64::from_le_bytes(*bytes);
        let [one, two] = wanted.map(|byte| zero_bytes(word ^ repeat(byte)));
        if one | two != 0 {
            return Some(at + (one | two).trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    in_rest(text.get(at..)?).map(|found| at + found)
}

/// Where a part of a line stands in it.
pub(super) fn place(line: &[u8], part: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
    Some(start..start.checked_add(part.len())?)
}

/// Which of sixteen bytes are each of two; a bit for each, the first one lowest.
#[cfg(target_arch = "x86_64")]
pub(super) use crate::lanes::of_sixteen;

/// The same, byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn of_sixteen_by_bytes(bytes: &[u8; 16], wanted: [u8; 2]) -> [u32; 2] {
    wanted.map(|wanted| {
        let bits = bytes.iter().map(|&byte| u32::from(byte == wanted));
        bits.enumerate().fold(0, |mask, (i, bit)| mask | bit << i)
    })
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) use of_sixteen_by_bytes as of_sixteen;

const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte that is zero; exact up to the first one, which is all that is used.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(repeat(0x01)) & !word & repeat(0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_in_every_notation() {
        let s = Some(Unit::Seconds);
        for (text, unit, expected) in [
            ("0.123", s, Some(123_000)),
            ("1.2345678", s, Some(1_234_567)),
            ("0", s, Some(0)),
            ("12", Some(Unit::Millis), Some(12_000)),
            ("357313", Some(Unit::Nanos), Some(357)),
            ("0.000002701", s, Some(2)),
            ("2.701e-06", s, Some(2)),
            ("1e3", Some(Unit::Millis), Some(1_000_000)),
            ("12ms", None, Some(12_000)),
            ("12ms", s, Some(12_000)),
            ("34us", None, Some(34)),
            ("34\u{b5}s", None, Some(34)),
            ("1.5s", None, Some(1_500_000)),
            ("1m2.5s", None, Some(62_500_000)),
            ("1h0m1s", None, Some(3_601_000_000)),
            ("129 msecs", None, Some(129_000)),
            ("0.100, 0.004", s, Some(104_000)),
            ("0.100 : 0.004, -", s, Some(104_000)),
            ("-", s, None),
            ("", s, None),
            ("-1", s, None),
            ("1.", s, None),
            (".5", s, None),
            ("1.2.3", s, None),
            ("0.825", Some(Unit::SecondsOrMillis), Some(825_000)),
            ("825", Some(Unit::SecondsOrMillis), Some(825_000)),
            ("0", Some(Unit::SecondsOrMillis), Some(0)),
            ("0.100, 0.004", Some(Unit::SecondsOrMillis), Some(104_000)),
            ("2s", Some(Unit::SecondsOrMillis), Some(2_000_000)),
            ("12", None, None),
            ("12 parsecs", None, None),
            ("1e999", s, None),
            ("1e-999", s, Some(0)),
            ("99999999999999999999", s, None),
            ("0.1234567890123456789012345", s, Some(123_456)),
        ] {
            assert_eq!(latency_us(text.as_bytes(), unit), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn near_bytes_are_those_that_a_loop_finds(
            text in proptest::collection::vec(proptest::sample::select(b"abcdefgh\0\xff\x01".to_vec()), 0..60),
        ) {
            let first = |wanted: &[u8]| text.iter().position(|b| wanted.contains(b));
            proptest::prop_assert_eq!(find_near(&text, b'a'), first(b"a"));
            proptest::prop_assert_eq!(find_near2(&text, 0, b'b'), first(b"\0b"));
            if let Some(bytes) = text.first_chunk() {
                let wanted = [b'a', b'b'];
                proptest::prop_assert_eq!(of_sixteen(bytes, wanted), of_sixteen_by_bytes(bytes, wanted));
            }
        }

        #[test]
        fn plain_durations_are_what_any_are(text in "[0-9]{0,11}[.]?[0-9.]{0,8}([a-z]{0,1}| ?(\u{b5}|[munh])?s)") {
            for unit in [Unit::Seconds, Unit::Millis, Unit::Micros, Unit::Nanos] {
                let any = any_latency_us(text.as_bytes(), Some(unit));
                proptest::prop_assert_eq!(latency_us(text.as_bytes(), Some(unit)), any);
                if text.len() < 8 && !text.contains(|c: char| !c.is_ascii_digit()) && !text.is_empty() {
                    let plain = plain_us(text.as_bytes(), unit);
                    proptest::prop_assert_eq!(plain.is_some(), unit != Unit::Nanos);
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn escapes_are_undone_wherever_they_stand(
            parts in proptest::collection::vec(("[a-z]{0,40}", r#"\\["\\/bfnrt]"#), 0..8),
        ) {
            let undone = |escape: &str| match escape.as_bytes()[1] {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                other => char::from(other),
            };
            let text: String = parts.iter().map(|(plain, escape)| format!("{plain}{escape}")).collect();
            let expected: String = parts.iter().map(|(plain, escape)| format!("{plain}{}", undone(escape))).collect();
            let mut out = b"x".to_vec();
            unescape(text.as_bytes(), &mut out);
            proptest::prop_assert_eq!(&out[1..], expected.as_bytes());
        }
    }

    #[test]
    fn escapes_are_undone_and_what_is_none_stays() {
        for (text, expected) in [
            (r#"\/a\"b\\c\n"#, "/a\"b\\c\n".as_bytes()),
            (r"caf\u00e9 \ud83d\ude00", "caf\u{e9} \u{1f600}".as_bytes()),
            (r"\x22\xff", b"\"\xff"),
            (r"\q \u12 \ud83d \x2", br"\q \u12 \ud83d \x2"),
            ("\\", b"\\"),
        ] {
            let mut out = Vec::new();
            unescape(text.as_bytes(), &mut out);
            assert_eq!(out, expected, "{text}");
        }
    }
}
