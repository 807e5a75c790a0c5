//! An application's own line that tells of no request: when it was written, whether it is an error,
//! and its words.
//!
//! JSON and logfmt by their keys, plain lines by a time and a level near their begin; a line without
//! either that begins with an exception's name belongs to the line before it. Whether a line is a
//! request is decided elsewhere.

use std::sync::LazyLock;

use crate::record::Depth;
use crate::timestamp::Clock;

use super::fields::{Fields, Slot};
use super::keys::Keys;
use super::{Format, Scratch, envelope, json, logfmt, trimmed};

/// What an application's line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remark<'a> {
    /// When it was written, µs; `None` where the line doesn't say: it goes on from the one before.
    pub time_us: Option<i64>,
    /// Whether it is an error.
    pub is_error: bool,
    /// The service that the line names.
    pub service: Option<&'a [u8]>,
    /// Its words.
    pub message: &'a [u8],
    /// What was thrown, where that is said apart from the message.
    pub exception: &'a [u8],
}

/// What the keys of structured lines are called, most telling first.
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let table = toml::toml! {
        wrappers = ["resource", "fields", "@fields", "attributes", "attrs", "data", "payload", "jsonPayload", "json", "extra", "context", "properties", "details", "labels"]
        time = ["@timestamp", "timestamp", "time", "ts", "datetime", "eventTime", "event_time", "log_time", "asctime", "t", "@t", "date", "timeUnixNano:ns", "timestamp_ms:ms", "epoch"]
        level = ["level", "severity", "log.level", "levelname", "severity_text", "loglevel", "log_level", "lvl", "@l", "priority"]
        message = ["message", "msg", "@m", "@mt", "body", "short_message", "event", "text"]
        exception = ["exception.message", "error.message", "err.message", "exception", "error", "err", "error_message", "exception.type", "error.type", "err.type", "exc_info", "@x"]
        service = ["service.name", "service", "service_name", "app", "app_name", "application", "kubernetes.labels.app", "kubernetes.container_name"]
    };
    Keys::new(&table).expect("these names are known")
});

/// Words of a level that is an error.
const ERRORS: [&[u8]; 12] = [
    b"error",
    b"err",
    b"fatal",
    b"critical",
    b"crit",
    b"severe",
    b"panic",
    b"dpanic",
    b"alert",
    b"emerg",
    b"emergency",
    b"exception",
];
/// Words of any other level.
const OTHERS: [&[u8]; 11] = [
    b"trace",
    b"debug",
    b"info",
    b"information",
    b"notice",
    b"warn",
    b"warning",
    b"verbose",
    b"fine",
    b"log",
    b"audit",
];
/// Numbers from here on are errors: 50 and 60 of bunyan and pino, 50 of Python.
const ERROR_NUMBER: u64 = 50;
/// A time takes up to six words, and a level stands among as many behind it.
const WORDS: usize = 6;

impl Format {
    /// What an application's line says; `None` where there are no words in it.
    pub fn remark<'a>(
        &self,
        line: &'a [u8],
        clock: &mut Clock,
        scratch: &'a mut Scratch,
    ) -> Option<Remark<'a>> {
        let Scratch { text, outer, lines } = scratch;
        let mut fields = Fields::new(Depth::Full);
        let inner = envelope::unwrap(self.wrapped_in, trimmed(line), outer)?;
        inner.tell(&mut fields);
        let line = trimmed(inner.line);
        let is_structured = match line.first()? {
            b'{' => json::walk(&KEYS, line, &mut fields, text, &mut lines.memo).is_ok(),
            _ => {
                line.contains(&b'=')
                    && logfmt::walk(&KEYS, line, &mut fields, |_, _, _| {}).is_ok_and(|looks| looks)
            }
        };
        if is_structured {
            structured(fields, clock, text)
        } else {
            plain(line, &fields, clock)
        }
    }
}

fn structured<'a>(
    mut fields: Fields<'a>,
    clock: &mut Clock,
    text: &'a mut Vec<u8>,
) -> Option<Remark<'a>> {
    fields.unescape(text);
    let value = |slot| fields.value(slot).unwrap_or_default();
    let (message, exception) = (value(Slot::Message), value(Slot::Exception));
    if message.is_empty() && exception.is_empty() {
        return None;
    }
    let is_error = match fields.value(Slot::Level) {
        Some(level) => is_error(level).unwrap_or(false),
        None => !exception.is_empty() || names_exception(message),
    };
    Some(Remark {
        time_us: fields.time_us(clock),
        is_error,
        service: fields.value(Slot::Service),
        message,
        exception,
    })
}

/// A line of prose: `2024-04-10 09:00:00,123 ERROR [main] shop.Auth - no such key`.
fn plain<'a>(line: &'a [u8], outer: &Fields<'a>, clock: &mut Clock) -> Option<Remark<'a>> {
    let punctuation = |b: &u8| {
        matches!(
            b,
            b'[' | b']' | b':' | b',' | b'<' | b'>' | b'|' | b' ' | b'(' | b')'
        )
    };
    let mut ends: Vec<usize> = memchr::memchr_iter(b' ', line)
        .chain([line.len()])
        .take(2 * WORDS)
        .collect();
    ends.dedup();
    // The longest begin that is a time; a level or a bracket may stand before it.
    let timed = ends.iter().take(WORDS).rev().find_map(|&end| {
        let text = line.get(..end)?;
        let us = clock.read(trim(text, punctuation))?;
        Some((us, end))
    });
    let behind_time = timed.map_or(0, |(_, end)| end);
    let time_us = timed.map(|(us, _)| us).or_else(|| outer.time_us(clock));
    let mut start = behind_time;
    let mut level = None;
    for &end in ends.iter().filter(|end| **end > behind_time) {
        let word = line.get(start..end)?.trim_ascii();
        // In prose `error` is a word like others: a level is loud, in brackets, or right behind the
        // time.
        let is_loud = !word.iter().any(u8::is_ascii_lowercase);
        let is_marked =
            matches!(word, [b'[' | b'<' | b'|' | b'(', ..] | [.., b':']) || start == behind_time;
        if (is_loud || is_marked && time_us.is_some())
            && let Some(error) = word_level(trim(word, punctuation))
        {
            level = Some((error, end));
            break;
        }
        start = end;
    }
    let (is_error, from) = match level {
        Some((error, end)) => (error, end),
        None => (names_exception(line.get(behind_time..)?), behind_time),
    };
    let message = trim(line.get(from..)?, |b| punctuation(b) || *b == b'-');
    (!message.is_empty()).then_some(Remark {
        time_us,
        is_error,
        service: outer.value(Slot::Service),
        message,
        exception: b"",
    })
}

/// Whether a level is an error: by word, by number (`50`), or by letter (`E`).
fn is_error(level: &[u8]) -> Option<bool> {
    if let Ok(Ok(number)) = std::str::from_utf8(level).map(str::parse::<u64>) {
        return Some((ERROR_NUMBER..=100).contains(&number));
    }
    match level {
        b"E" | b"F" | b"C" => Some(true),
        _ => word_level(level),
    }
}

/// Whether a word that names a level names an error; `None` where it names none.
fn word_level(word: &[u8]) -> Option<bool> {
    let is = |level: &&&[u8]| level.eq_ignore_ascii_case(word);
    if ERRORS.iter().any(|level| is(&level)) {
        return Some(true);
    }
    OTHERS.iter().any(|level| is(&level)).then_some(false)
}

/// Whether a text begins with the name of something thrown: `KeyError: 'sub'`,
/// `java.lang.IllegalStateException`, `panic: …`, `Caused by: …`.
fn names_exception(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let begins = [
        &b"panic:"[..],
        b"Caused by: ",
        b"Unhandled exception",
        b"Uncaught ",
    ];
    if begins.iter().any(|begin| text.starts_with(begin)) {
        return true;
    }
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$');
    let name = text.iter().take_while(|b| is_name(b)).count();
    let (name, rest) = text.split_at(name);
    let thrown = [&b"Exception"[..], b"Error"];
    thrown
        .iter()
        .any(|end| name.ends_with(end) && name.len() > end.len())
        && matches!(rest, [] | [b':', ..])
}

fn trim(text: &[u8], unwanted: impl Fn(&u8) -> bool) -> &[u8] {
    let start = text.iter().position(|b| !unwanted(b)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|b| !unwanted(b))
        .map_or(start, |at| at + 1);
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Registry;

    /// Time in seconds, whether it is an error, service, message and exception.
    type Told = (Option<i64>, bool, String, String, String);

    fn told(line: &str) -> Option<Told> {
        let format = Registry::builtin().get("application").unwrap();
        let mut scratch = Scratch::default();
        let remark = format.remark(line.as_bytes(), &mut Clock::new(None), &mut scratch)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Some((
            remark.time_us.map(|us| us / 1_000_000),
            remark.is_error,
            text(remark.service.unwrap_or_default()),
            text(remark.message),
            text(remark.exception),
        ))
    }

    /// 2024-04-10T09:00:00Z, as `date -ud … +%s` has it.
    const NINE: i64 = 1_712_739_600;

    #[test]
    fn an_error_is_told_by_level_word_number_or_exception() {
        for (line, is_error, message, exception) in [
            (
                r#"{"time":"2024-04-10T09:00:00Z","level":"ERROR","message":"no key \"k-1\""}"#,
                true,
                "no key \"k-1\"",
                "",
            ),
            (
                r#"{"time":1712739600000,"level":50,"msg":"failed","err":{"type":"TypeError","message":"x is null"}}"#,
                true,
                "failed",
                "x is null",
            ),
            (
                r#"{"time":1712739600,"level":30,"msg":"cache filled"}"#,
                false,
                "cache filled",
                "",
            ),
            (
                "ts=2024-04-10T09:00:00Z level=error msg=\"token expired\" err=EOF",
                true,
                "token expired",
                "EOF",
            ),
            (
                "2024-04-10 09:00:00,123 ERROR [main] shop.Auth - no such key",
                true,
                "main] shop.Auth - no such key",
                "",
            ),
            (
                "2024/04/10 09:00:00 [error] 12#0: *7 upstream timed out",
                true,
                "12#0: *7 upstream timed out",
                "",
            ),
            (
                "2024-04-10 09:00:00 WARN slow: error budget",
                false,
                "slow: error budget",
                "",
            ),
            (
                "2024-04-10 09:00:00 closed without error by peer",
                false,
                "closed without error by peer",
                "",
            ),
        ] {
            let found = told(line).unwrap();
            assert_eq!(
                found,
                (
                    Some(NINE),
                    is_error,
                    String::new(),
                    message.to_owned(),
                    exception.to_owned()
                ),
                "{line}"
            );
        }
    }

    #[test]
    fn what_was_thrown_goes_on_from_the_line_before() {
        let thrown = told("java.lang.IllegalStateException: no key k-9").unwrap();
        assert_eq!((thrown.0, thrown.1), (None, true));
        assert!(told("KeyError: 'sub'").unwrap().1);
        for other in [
            "\tat shop.Auth.verify(Auth.java:7)",
            "Error budget: 3 %",
            "ok",
        ] {
            assert!(!told(other).unwrap().1, "{other}");
        }
        assert_eq!(told(""), None);
        assert_eq!(told("{}"), None);
    }
}
