//! Plain application lines: prose that begins with a time or a level. They are no requests; knowing
//! them is what tells "this is an application's log" from "this could not be read".

use crate::record::Reject;
use crate::timestamp::Clock;

use super::fields::is_ip;

const LEVELS: [&[u8]; 25] = [
    b"TRACE",
    b"TRCE",
    b"SILLY",
    b"VERBOSE",
    b"DEBUG",
    b"DBUG",
    b"INFO",
    b"INFORMATION",
    b"HTTP",
    b"NOTICE",
    b"WARN",
    b"WARNING",
    b"ERROR",
    b"ERR",
    b"FAIL",
    b"CRITICAL",
    b"CRIT",
    b"FATAL",
    b"SEVERE",
    b"PANIC",
    b"ALERT",
    b"EMERG",
    b"FINE",
    b"FINER",
    b"FINEST",
];

/// Whether a word is a level, as loggers and syslog write them.
pub(super) fn is_level(word: &[u8]) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
}

/// A time takes up to six words: `Sun Mar 13 22:49:12 2016 +0100`.
const WORDS: usize = 6;

const YEAR_2100_US: i64 = 4_102_444_800_000_000;

/// Why the line is no request.
pub(super) fn reason(line: &[u8], clock: &Clock) -> Reject {
    // The line's time goes nowhere, so it must not show in the clock's findings either.
    // Nor does it matter in which year a syslog line was written.
    let mut clock = clock.fresh().not_after(YEAR_2100_US);
    let is_time = |b: &u8| {
        b.is_ascii_digit() || matches!(b, b':' | b'.' | b',' | b'-' | b'/' | b' ' | b'T' | b'[')
    };
    let run = line.iter().take_while(|b| is_time(b)).count();
    let ends = memchr::memchr_iter(b' ', line)
        .chain([line.len()])
        .take(WORDS);
    let mut known = ends.scan(0, |start, end| {
        let word = line.get(*start..end).unwrap_or_default();
        *start = end + 1;
        Some((word, line.get(..end).unwrap_or_default()))
    });
    let punctuation = |b: &u8| matches!(b, b'[' | b']' | b':' | b',' | b'<' | b'>' | b'|' | b' ');
    let mut is_application = |(word, so_far): (&[u8], &[u8])| {
        let word = trim(word, punctuation);
        is_level(word) || clock.read(trim(so_far, punctuation)).is_some()
    };
    if known.any(&mut is_application) || clock.read(trim(&line[..run], punctuation)).is_some() {
        return Reject::NoRequest;
    }
    if line.starts_with(b"#") {
        Reject::Comment
    } else {
        Reject::Unrecognized
    }
}

/// HAProxy's line for a connection that brought no request: `203.0.113.7:5123 [<time>] www/1: SSL
/// handshake failure`.
pub(super) fn is_connection(line: &[u8], clock: &Clock) -> bool {
    let mut words = line.split(|&b| b == b' ');
    let mut next = || words.next().unwrap_or_default();
    let (address, time, name) = (next(), next(), next());
    let time = time
        .strip_prefix(b"[")
        .and_then(|time| time.strip_suffix(b"]"));
    is_ip(address)
        && time.is_some_and(|time| clock.fresh().read(time).is_some())
        && name.ends_with(b":")
}

fn trim(text: &[u8], unwanted: impl Fn(&u8) -> bool) -> &[u8] {
    let start = text.iter().position(|b| !unwanted(b)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|b| !unwanted(b))
        .map_or(start, |at| at + 1);
    text.get(start..end).unwrap_or_default()
}
