//! Where a line of prose has its request and its time.
//!
//! Both are regular expressions; an engine takes forty times as long to find them as it takes to look at the
//! few bytes that each of them must have: a slash, a colon. Whoever is found so is what the expression finds
//! first, and tests hold the two against each other; where that isn't plain, the engine is asked.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::timestamp::{ZONES, zone_offset};

/// The methods that make a request of prose.
pub(in crate::format) const METHODS: [&[u8]; 8] = [
    b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE",
];

/// The longest of them, and the most bytes that may stand between one and its target.
const LONGEST_METHOD: usize = 7;
const WIDEST_GAP: usize = 24;

/// A date with a time of day, or an epoch where a line begins. Where the month comes first, as in JavaScript's
/// `4/10/2024, 9:00:05 AM`, only the half of the day tells that it does.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    let half = r"(?:(?: |\xe2\x80\xaf)?(?:[AP]M|[ap]m)\b)";
    let zones = ZONES.map(|(name, _)| name).join("|");
    regex(&format!(
        concat!(
            r"(?-u)\d{{4}}[-/]\d\d[-/]\d\d(?:T|t| - |[ \t])\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?{half}?(?:Z| ?(?:(?:{zones})\b|[+-]\d\d:?\d\d))?",
            r"|\d\d/[A-Z][a-z]{{2}}/\d{{4}}[: ]\d\d:\d\d:\d\d(?:[.,]\d{{1,9}})?{half}?(?: (?:(?:{zones})\b|[+-]\d{{4}}))?",
            r"|[A-Z][a-z]{{2}}, \d\d? [A-Z][a-z]{{2}} \d{{4}} \d\d:\d\d:\d\d(?: (?:GMT|UTC|[+-]\d{{4}}))?",
            r"|(?:[A-Z][a-z]{{2}} )?[A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{{1,9}})?{half}?(?: \d{{4}})?",
            r"|\b\d\d?/\d\d?/\d{{4}},? \d\d?:\d\d:\d\d{half}",
            r"|^\[[DIWEC] \d{{6}} \d\d:\d\d:\d\d",
            r"|^\[?\d{{10}}(?:\d{{3}}|\d{{6}}|\d{{9}})?(?:\.\d{{1,9}})?\b",
        ),
        half = half,
        zones = zones,
    ))
});

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("the expression is tested")
}

/// The place of the first method that has a target behind it, and where that begins.
pub(super) fn request(line: &[u8]) -> Option<(Range<usize>, usize)> {
    for slash in memchr::memchr_iter(b'/', line) {
        let begin = url_begin(line, slash).unwrap_or(slash);
        let before = line.get(..begin)?;
        if !before.last().as_ref().is_some_and(is_gap) {
            continue;
        }
        let gap = before
            .iter()
            .rev()
            .take(WIDEST_GAP)
            .take_while(is_gap)
            .count();
        let word = before.get(..begin - gap)?;
        if word.last().is_none_or(|b| !b.is_ascii_uppercase()) {
            continue;
        }
        let upper = word.iter().rev().take(LONGEST_METHOD + 1);
        let len = upper.take_while(|b| b.is_ascii_uppercase()).count();
        let (before, method) = word.split_at(word.len() - len);
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'/' | b'.' | b'-');
        if METHODS.contains(&method) && !before.last().is_some_and(is_part) {
            return Some((before.len()..word.len(), begin));
        }
    }
    None
}

/// Where the URL begins whose first slash this is.
fn url_begin(line: &[u8], slash: usize) -> Option<usize> {
    let (before, after) = line.split_at_checked(slash)?;
    if before.last() != Some(&b':') {
        return None;
    }
    let schemes = [&b"http:"[..], b"https:"];
    let scheme = schemes.iter().find(|scheme| before.ends_with(scheme))?;
    after.starts_with(b"//").then_some(slash - scheme.len())
}

/// What may stand between a method and its target.
fn is_gap(byte: &&u8) -> bool {
    matches!(
        **byte,
        b'"' | b'\'' | b' ' | b'|' | b']' | b':' | b'-' | b'\t'
    )
}

/// The place of the first time.
pub(super) fn time(line: &[u8]) -> Option<Range<usize>> {
    match plain_time(line) {
        Some(found) => found,
        None => TIME.find(line).map(|found| found.range()),
    }
}

/// The same where it is a date and a time of day of the common kinds, or there is none; `None` says nothing.
pub(super) fn plain_time(line: &[u8]) -> Option<Option<Range<usize>>> {
    // An epoch, or a time of Tornado's, stands where the line begins.
    let begin = line.strip_prefix(b"[").unwrap_or(line);
    let is_epoch = begin.len() >= 10 && begin.iter().take(10).all(u8::is_ascii_digit);
    if is_epoch || matches!(begin, [b'D' | b'I' | b'W' | b'E' | b'C', b' ', ..]) {
        return None;
    }
    let mut clocks = memchr::memchr_iter(b':', line).filter_map(|colon| colon.checked_sub(2));
    let Some(first) = clocks.find(|&clock| is_clock(line, clock) || is_short_clock(line, clock))
    else {
        return Some(None);
    };
    // A year and the hours behind it look so, too: `10/Apr/2024:09:00:00`.
    let (clock, begin, is_clf) = [first, first + 3].into_iter().find_map(|clock| {
        let before = line.get(..clock)?;
        let begin = iso_date(before).map(|begin| (clock, begin, false));
        begin.or_else(|| Some((clock, clf_date(before)?, true)))
    })?;
    if !is_clock(line, clock) {
        return None;
    }
    let mut end = clock + 8;
    end += fraction(line.get(end..)?);
    end += half_of_day(line.get(end..)?);
    end += match is_clf {
        true => clf_zone(line.get(end..)?),
        false => iso_zone(line.get(end..)?),
    };
    Some(Some(begin..end))
}

/// Whether `00:00:00` stands there.
fn is_clock(line: &[u8], at: usize) -> bool {
    match line.get(at..at + 8) {
        Some([a, b, b':', c, d, b':', e, f]) => {
            [a, b, c, d, e, f].iter().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

/// Whether ` 0:00:00` stands there.
fn is_short_clock(line: &[u8], at: usize) -> bool {
    match line.get(at..at + 8) {
        Some([b' ', a, b':', b, c, b':', d, e]) => {
            [a, b, c, d, e].iter().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

/// Where the date begins that ends before a time of day: `2024-04-10T`, `2024/04/10 - `.
fn iso_date(before: &[u8]) -> Option<usize> {
    let date = match before {
        [date @ .., b' ', b'-', b' '] => date,
        [date @ .., b'T' | b't' | b' ' | b'\t'] => date,
        _ => return None,
    };
    let (rest, date) = date.split_last_chunk::<10>()?;
    let [a, b, c, d, b'-' | b'/', e, f, b'-' | b'/', g, h] = date else {
        return None;
    };
    let are_digits = [a, b, c, d, e, f, g, h].iter().all(|b| b.is_ascii_digit());
    are_digits.then_some(rest.len())
}

/// The same of `10/Apr/2024:`.
fn clf_date(before: &[u8]) -> Option<usize> {
    let (rest, date) = before.split_last_chunk::<12>()?;
    let [
        a,
        b,
        b'/',
        b'A'..=b'Z',
        b'a'..=b'z',
        b'a'..=b'z',
        b'/',
        c,
        d,
        e,
        f,
        b':' | b' ',
    ] = date
    else {
        return None;
    };
    let are_digits = [a, b, c, d, e, f].iter().all(|b| b.is_ascii_digit());
    are_digits.then_some(rest.len())
}

/// How long the fraction is that begins here.
fn fraction(text: &[u8]) -> usize {
    match text {
        [b'.' | b',', rest @ ..] => {
            let digits = rest
                .iter()
                .take(9)
                .take_while(|b| b.is_ascii_digit())
                .count();
            digits + usize::from(digits > 0)
        }
        _ => 0,
    }
}

/// How long ` AM` or ` PM` is, if that begins here.
fn half_of_day(text: &[u8]) -> usize {
    let space = match text {
        [b' ', ..] => 1,
        // A narrow one that lines aren't broken at.
        [0xe2, 0x80, 0xaf, ..] => 3,
        _ => 0,
    };
    match text.get(space..).unwrap_or_default() {
        [b'A' | b'P', b'M', rest @ ..] | [b'a' | b'p', b'm', rest @ ..] if ends_word(rest) => {
            space + 2
        }
        _ => 0,
    }
}

/// How long the zone's abbreviation is that begins here.
fn zone_name(text: &[u8]) -> usize {
    let len = text.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let (name, rest) = text.split_at(len);
    match len > 0 && ends_word(rest) && zone_offset(name).is_some() {
        true => len,
        false => 0,
    }
}

/// Whether a word may end before this.
fn ends_word(rest: &[u8]) -> bool {
    !matches!(rest, [b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_', ..])
}

/// How long the zone is that begins here: `Z`, ` UTC`, `+02:00`.
fn iso_zone(text: &[u8]) -> usize {
    let space = usize::from(text.first() == Some(&b' '));
    match text.get(space..).unwrap_or_default() {
        [b'Z', ..] if space == 0 => 1,
        name @ [b'A'..=b'Z', ..] => match zone_name(name) {
            0 => 0,
            len => space + len,
        },
        [b'+' | b'-', rest @ ..] => match offset(rest) {
            0 => 0,
            len => space + 1 + len,
        },
        _ => 0,
    }
}

/// The same of ` +0200`, ` PDT`.
fn clf_zone(text: &[u8]) -> usize {
    match text {
        [b' ', b'+' | b'-', rest @ ..] if rest.get(2) != Some(&b':') && offset(rest) > 0 => 6,
        [b' ', name @ ..] => match zone_name(name) {
            0 => 0,
            len => 1 + len,
        },
        _ => 0,
    }
}

/// How long the hours and minutes are that begin here.
fn offset(text: &[u8]) -> usize {
    let are_digits = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    match text {
        [a, b, b':', c, d, ..] if are_digits(&[*a, *b, *c, *d]) => 5,
        [a, b, c, d, ..] if are_digits(&[*a, *b, *c, *d]) => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A method and the begin of a target (groups 1 and 2).
    static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r#"(?-u)(?:^|[^A-Za-z0-9_/.\-])(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|TRACE)["' |\]:\-\t]{1,24}(/|https?://)"#,
        )
    });

    fn by_engine(line: &[u8]) -> Option<(Range<usize>, usize)> {
        let groups = REQUEST.captures(line)?;
        Some((groups.get(1)?.range(), groups.get(2)?.start()))
    }

    /// Pieces of which lines are made that have a request or a time, or nearly.
    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => "(GET|POST|PUT|OPTIONS|XGET|get|HEAD_)[\"' |:\\-\t\\]]{0,26}(/|http://|https://|https:/|:/|://|h)[a-z/]{0,4}",
            3 => "[0-9]{3,4}[-/][0-9]{2}[-/][0-9]{2}(T|t| - | |\t|  )[0-9]{2}:[0-9]{2}:[0-9]{1,2}([.,][0-9]{0,11})?( ?[APap][Mm])?(Z|z| ?(UTC|GM|PDT|CEST|CE|IST)| ?[+-][0-9]{2}:?[0-9]{1,2})?[A-Z0-9_]?",
            3 => "[0-9]{1,2}/[A-Z]?[a-z]{2,3}/[0-9]{4}[: ][0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{0,3})?( ?[APap][Mm])?( ?[+-][0-9]{2}:?[0-9]{2}| (UTC|EST)[a-z_]?)?",
            1 => "(Wed, 10 Apr 2024 |Wed Apr 10 |Apr  1 )[0-9]{2}:[0-9]{2}:[0-9]{2}( GMT| 2024)?",
            1 => "[0-9]{1,3}/[0-9]{1,2}/[0-9]{4},?  ?[0-9]{1,2}:[0-9]{2}:[0-9]{2}([ \u{202f}]?[APap][Mm])?[A-Z]?",
            1 => "\\[?[0-9]{9,14}(\\.[0-9]{1,3})?",
            1 => "\\[[DIX] [0-9]{6} [0-9]{2}:[0-9]{2}:[0-9]{2}",
            1 => "[0-9]{2}:[0-9]{2}(:[0-9]{2}){0,3}",
            2 => "[a-zA-Z0-9/:. \\[\\]|_-]{0,6}",
            1 => "\\PC{0,3}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_is_found_is_what_the_expressions_find(
            pieces in prop::collection::vec(piece(), 1..5),
            separator in prop::sample::select(vec!["", " ", "] ", "|"]),
        ) {
            let line = pieces.join(separator).into_bytes();
            prop_assert_eq!(request(&line), by_engine(&line), "{}", String::from_utf8_lossy(&line));
            let engine = TIME.find(&line).map(|found| found.range());
            prop_assert_eq!(time(&line), engine, "{}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn the_common_kinds_of_time_need_no_engine() {
        for (line, time) in [
            ("[GIN] 2024/04/10 - 09:00:03 | 500", "2024/04/10 - 09:00:03"),
            (
                "[10/Apr/2024:09:00:03 +0000] x",
                "10/Apr/2024:09:00:03 +0000",
            ),
            (
                "2024-04-10 09:00:03,250 +02:00 x",
                "2024-04-10 09:00:03,250 +02:00",
            ),
            ("a 2024-04-10T09:00:03Z", "2024-04-10T09:00:03Z"),
            ("2024-04-10 03:00:06 PM GET /", "2024-04-10 03:00:06 PM"),
            ("[10/Apr/2024 03:00:06 PM] x", "10/Apr/2024 03:00:06 PM"),
            ("2024-04-10 08:00:06 PDT GET /", "2024-04-10 08:00:06 PDT"),
            ("2024-04-10 08:00:06 PMS", "2024-04-10 08:00:06"),
            ("2024-04-10 08:00:06 ESTABLISHED", "2024-04-10 08:00:06"),
        ] {
            let place = plain_time(line.as_bytes()).unwrap().unwrap();
            assert_eq!(&line[place], time);
        }
        assert_eq!(plain_time(b"GET /cart 500 2.345 ms - 21"), Some(None));
        assert_eq!(plain_time(b"Apr 10 09:00:03 x"), None);
    }
}
