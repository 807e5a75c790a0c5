//! Lines of other formats in a file that has one: a container's stream with access lines, JSON and
//! prose in it, a log whose format was changed, colours meant for a terminal.
//!
//! A line comes here only when the file's own format has refused it. It is tried without its colours,
//! then against the formats that read other lines of the file's begin, middle and end, then against the
//! general ones; the first that reads it has it. Which formats these are depends on those lines alone, so
//! no thread and no block changes what a line is. Counts nothing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::record::{Depth, Record, Reject};
use crate::timestamp::Clock;

use super::envelope::{self, Envelope};
use super::{Format, Scratch, Shape, plain, trimmed};

/// Formats that are tried on any refused line, in the wrapping of the file's lines: they tell their
/// lines from others by themselves, so none of the lines that are looked at need speak for them.
const GENERAL: [&str; 5] = ["common", "combined", "json", "logfmt", "text"];

/// Formats besides the general ones that a file may have, the most common of those seen.
const MOST: usize = 6;

/// The formats of a file's lines beside its own, the most specific first.
#[derive(Debug, Clone, Default)]
pub struct Mixture {
    others: Vec<Arc<Format>>,
}

/// A thread's memory for refused lines. It has a [`Scratch`] for each format: what is remembered there
/// belongs to one format's keys.
#[derive(Debug, Default)]
pub struct Aside {
    own: Scratch,
    others: Vec<Scratch>,
    text: Vec<u8>,
}

/// Who read a line that its file's format had refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBy {
    /// The file's format, once the colours were off.
    Own,
    /// The format of this index in the mixture.
    Other(usize),
}

impl Mixture {
    /// What the lines that `own` doesn't read as requests are read by, at the file's begin and at other places.
    pub(super) fn of(
        own: &Arc<Format>,
        formats: &[Arc<Format>],
        places: &[Vec<&[u8]>],
        clock: &Clock,
    ) -> Mixture {
        let mut votes: Vec<(usize, Arc<Format>)> = Vec::new();
        let refused: Vec<&[u8]> = refused(own, places, clock);
        for chain in chains(own, &refused) {
            for line in &refused {
                let Some(format) = reader(own, formats, chain, line, clock) else {
                    continue;
                };
                let known = votes.iter_mut().find(|(_, known)| known.is_same(&format));
                match known {
                    Some((votes, _)) => *votes += 1,
                    None => votes.push((1, format)),
                }
            }
        }
        votes.sort_by_key(|(votes, _)| std::cmp::Reverse(*votes));
        votes.truncate(MOST);
        let mut others: Vec<Arc<Format>> = votes.into_iter().map(|(_, format)| format).collect();
        for name in GENERAL {
            let general = formats.iter().find(|format| format.name == name);
            let general = general.map(|format| Arc::new(format.wrapped(own.wrapped_in)));
            others.extend(general.filter(|general| {
                !general.is_same(own) && !others.iter().any(|other| other.is_same(general))
            }));
        }
        others.sort_by_key(|format| std::cmp::Reverse(format.rank));
        let learned = |format: &Arc<Format>| format.learned(refused.iter().copied());
        Mixture {
            others: others.iter().map(learned).collect(),
        }
    }

    /// The name of a format that read a line.
    pub fn name(&self, index: usize) -> &str {
        self.others.get(index).map_or("", |format| format.name())
    }

    /// The format that read a line of a file of this format.
    pub fn format<'a>(&'a self, by: ReadBy, own: &'a Format) -> &'a Format {
        match by {
            ReadBy::Own => own,
            ReadBy::Other(index) => self.others.get(index).map_or(own, |format| format),
        }
    }

    /// How many formats there are.
    pub fn len(&self) -> usize {
        self.others.len()
    }

    /// Whether the file's lines have its own format only: a format that the user named is not
    /// second-guessed.
    pub fn is_empty(&self) -> bool {
        self.others.is_empty()
    }

    /// Reads a line that the file's format has refused for this reason.
    #[cold]
    pub fn read<'a>(
        &'a self,
        own: &'a Format,
        line: &'a [u8],
        refused: Reject,
        clock: &mut Clock,
        aside: &'a mut Aside,
        depth: Depth,
    ) -> Result<(ReadBy, Record<'a>), Reject> {
        let hopeless = matches!(refused, Reject::Blank | Reject::Comment | Reject::TooLong);
        if self.is_empty() || hopeless {
            return Err(refused);
        }
        let Aside {
            own: own_scratch,
            others,
            text,
        } = aside;
        if others.len() < self.others.len() {
            others.resize_with(self.others.len(), Scratch::default);
        }
        let mut reason = refused;
        let mut line = line;
        if is_coloured(line) {
            uncolour(line, text);
            line = text;
            match own.parse(line, clock, own_scratch, Depth::Counts) {
                Ok(_) => {
                    let record = own.parse(line, clock, own_scratch, depth)?;
                    return Ok((ReadBy::Own, record));
                }
                Err(why) => reason = why,
            }
        }
        // Its own format knows such a line: it is a request's, and there is something wrong with it.
        if !matches!(
            reason,
            Reject::Unrecognized | Reject::Truncated | Reject::NoRequest
        ) {
            return Err(reason);
        }
        for (index, (other, scratch)) in self.others.iter().zip(others).enumerate() {
            if !other.may_read(line) {
                continue;
            }
            match other.parse(line, clock, scratch, Depth::Counts) {
                // A record can't be returned out of a loop that goes on with the memory it borrows.
                Ok(_) => {
                    let record = other.parse(line, clock, scratch, depth)?;
                    return Ok((ReadBy::Other(index), record));
                }
                Err(why) => reason = clearer(reason, why),
            }
        }
        if reason == Reject::Unrecognized {
            reason = clearer(reason, plain::reason(trimmed(line), clock));
        }
        Err(reason)
    }
}

/// Of the reasons that two formats have for the same line the one that says more. That a line is cut
/// off only its own format can tell.
fn clearer(known: Reject, new: Reject) -> Reject {
    let says = |reason| match reason {
        Reject::EmptyRequest | Reject::NotHttp | Reject::NoStatus | Reject::BadTime => 2,
        Reject::NoRequest => 1,
        _ => 0,
    };
    let known_says = says(known).max(i32::from(known == Reject::Truncated));
    if says(new) > known_says { new } else { known }
}

/// Of the lines that a format doesn't read as requests some of each look, at each place.
fn refused<'l>(own: &Arc<Format>, places: &[Vec<&'l [u8]>], clock: &Clock) -> Vec<&'l [u8]> {
    let (mut clock, mut scratch) = (clock.fresh(), Scratch::default());
    let mut own = Arc::clone(own);
    let mut all = Vec::new();
    for lines in places {
        let mut refused = Vec::new();
        for line in lines {
            match own.parse(line, &mut clock, &mut scratch, Depth::Counts) {
                Ok(_) | Err(Reject::Blank) => {}
                Err(Reject::Comment) => own = own.header(line).unwrap_or(own),
                Err(_) => refused.push(*line),
            }
        }
        all.extend(different(refused));
    }
    all
}

/// Lines of one look that are asked about, and lines in all: an application's log has hundreds that
/// look alike, each of which would be tried against every format.
const ALIKE: usize = 4;
const ASKED: usize = 64;

/// Some of each look: how a line begins, how long it is, how many quotes it has.
fn different(lines: Vec<&[u8]>) -> Vec<&[u8]> {
    let look = |line: &[u8]| {
        let mut begin = [0; 12];
        for (place, b) in begin.iter_mut().zip(line) {
            *place = match b {
                b'0'..=b'9' => b'0',
                b'a'..=b'z' | b'A'..=b'Z' => b'a',
                other => *other,
            };
        }
        let quotes = memchr::memchr_iter(b'"', line).take(16).count();
        (begin, line.len() / 32, quotes)
    };
    let mut seen: HashMap<_, usize> = HashMap::new();
    let mut kept = lines;
    kept.retain(|line| {
        let alike = seen.entry(look(line)).or_default();
        *alike += 1;
        *alike <= ALIKE
    });
    kept.truncate(ASKED);
    kept
}

/// What may be around these lines: what is around the file's, nothing, or anything that one of them
/// has around it.
fn chains(own: &Format, lines: &[&[u8]]) -> Vec<&'static [Envelope]> {
    let mut memory = envelope::Memory::default();
    let mut chains: Vec<&'static [Envelope]> = vec![own.wrapped_in];
    let all = std::iter::once(&[][..]).chain(envelope::CHAINS);
    for chain in all.filter(|chain| *chain != own.wrapped_in) {
        let mut wrapped = lines
            .iter()
            .map(|line| envelope::unwrap(chain, trimmed(line), &mut memory).is_some());
        if wrapped.any(|wrapped| wrapped) {
            chains.push(chain);
        }
    }
    chains
}

/// The most specific format that reads a line as a request, or at least as one without its time.
fn reader(
    own: &Format,
    formats: &[Arc<Format>],
    chain: &'static [Envelope],
    line: &[u8],
    clock: &Clock,
) -> Option<Arc<Format>> {
    let (mut clock, mut scratch) = (clock.fresh(), Scratch::default());
    let mut untimed = None;
    for format in formats {
        if chain.is_empty() && !format.may_read(line) {
            continue;
        }
        let format = format.wrapped(chain);
        match format.parse_strictly(line, &mut clock, &mut scratch) {
            Ok(_) if format.is_same(own) => return None,
            Ok(_) => return Some(Arc::new(format)),
            Err(Reject::BadTime) if format.is_marked(line) => {
                untimed = untimed.or(Some(Arc::new(format)));
            }
            Err(_) => {}
        }
    }
    untimed
}

impl Format {
    /// Whether it is the other one, around which the same stands.
    fn is_same(&self, other: &Format) -> bool {
        self.name == other.name && self.wrapped_in == other.wrapped_in
    }

    /// Whether a line can be of this shape, told by its first byte.
    fn may_read(&self, line: &[u8]) -> bool {
        let is_object = trimmed(line).first() == Some(&b'{');
        !self.wrapped_in.is_empty() || matches!(self.shape, Shape::Json) == is_object
    }
}

/// Begins a control sequence.
const ESCAPE: u8 = 0x1b;

/// Whether a line has terminal colours in it.
fn is_coloured(line: &[u8]) -> bool {
    memchr::memchr(ESCAPE, line).is_some()
}

/// A text without its colours, as it stands if it has none.
pub(super) fn without_colours(text: &[u8]) -> Cow<'_, [u8]> {
    if !is_coloured(text) {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::new();
    uncolour(text, &mut plain);
    Cow::Owned(plain)
}

/// The text without its colours: without `ESC [ … m` and other such sequences (ECMA-48, 5.4).
pub(super) fn uncolour(line: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = line;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = match &rest[at + 1..] {
            [b'[', sequence @ ..] => {
                let end = sequence.iter().position(|b| (0x40..=0x7e).contains(b));
                end.map_or(&[][..], |end| &sequence[end + 1..])
            }
            after => after,
        };
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::tests::{Owned, builtin};

    /// Who reads each line of a file, and the status it tells, or why nobody does.
    fn read_all(file: &str) -> Vec<(String, Result<u16, Reject>)> {
        let clock = Clock::new(None);
        let detected = builtin().detect(file.as_bytes(), &[], &clock);
        let (mut clock, mut scratch, mut aside) = (clock, Scratch::default(), Aside::default());
        let mut read = |line: &str| {
            let own = &detected.format;
            let line = line.as_bytes();
            let own_name = own.name().to_owned();
            match own.parse(line, &mut clock, &mut scratch, Depth::Full) {
                Ok(record) => (own_name, Ok(record.status.0)),
                Err(reason) => {
                    let mixed = &detected.mixture;
                    match mixed.read(own, line, reason, &mut clock, &mut aside, Depth::Full) {
                        Ok((ReadBy::Own, record)) => (own_name, Ok(record.status.0)),
                        Ok((ReadBy::Other(index), record)) => {
                            (mixed.name(index).to_owned(), Ok(record.status.0))
                        }
                        Err(reason) => (String::new(), Err(reason)),
                    }
                }
            }
        };
        file.lines().map(&mut read).collect()
    }

    fn by(name: &str, status: u16) -> (String, Result<u16, Reject>) {
        (name.to_owned(), Ok(status))
    }

    fn by_nobody(reason: Reject) -> (String, Result<u16, Reject>) {
        (String::new(), Err(reason))
    }

    #[test]
    fn each_line_of_a_mixed_stream_is_read_by_its_own_format() {
        let file = r#"203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"
{"time":"2024-04-10T09:00:01Z","method":"GET","path":"/b","status":503}
2024-04-10 09:00:01 INFO cache warmed in 200 ms
    at com.example.Orders.list(Orders.java:42)
203.0.113.7 - - [10/Apr/2024:09:00:02 +0000] "GET /a HTTP/1.1" 404 5 "-" "x"
ts=2024-04-10T09:00:03Z method=GET path=/c status=502
{"level":"info","ts":1712739604.5,"logger":"http.log.access","request":{"method":"GET","uri":"/"},"duration":1.5,"status":201}
{"time":"2024-04-10T09:00:05Z","level":"INFO","msg":"started"}
{"time":"2024-04-10T09:00:05Z","lev
203.0.113.7 - - [10/Apr/2024:09:00:02 +0000] "-" 408 0 "-" "-""#;
        assert_eq!(
            read_all(file),
            [
                by("combined", 200),
                by("json", 503),
                by_nobody(Reject::NoRequest),
                by_nobody(Reject::Unrecognized),
                by("combined", 404),
                by("logfmt", 502),
                by("caddy", 201),
                by_nobody(Reject::NoRequest),
                by_nobody(Reject::Unrecognized),
                by_nobody(Reject::EmptyRequest),
            ]
        );
    }

    #[test]
    fn containers_of_one_stream_may_each_have_a_format() {
        let file = r#"web-1  | 203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"
api-1  | {"time":"2024-04-10T09:00:01Z","method":"GET","path":"/b","status":503}
Attaching to web-1, api-1
api-1  | {"time":"2024-04-10T09:00:01Z","msg":"up"}
{"time":"2024-04-10T09:00:02Z","method":"GET","path":"/bare","status":500}"#;
        assert_eq!(
            read_all(file),
            [
                by("combined", 200),
                by("json", 503),
                by_nobody(Reject::Unrecognized),
                by_nobody(Reject::NoRequest),
                by("json", 500),
            ]
        );
    }

    #[test]
    fn colours_are_no_part_of_a_line() {
        let plain = "203.0.113.7 - - [10/Apr/2024:09:00:00 +0000] \"GET /a HTTP/1.1\" 404 5";
        let coloured = plain
            .replace("GET", "\x1b[1;32mGET")
            .replace(" 404", "\x1b[0m \x1b[33m404\x1b[0m");
        assert_eq!(read_all(&coloured), [by("common", 404)]);
        assert_eq!(read_all(&format!("{plain}\n{coloured}")).len(), 2);
        let mut out = Vec::new();
        for (text, expected) in [
            ("\x1b[31mred\x1b[0m", "red"),
            ("cut \x1b[3", "cut "),
            ("\x1b", ""),
            ("a\x1bb", "ab"),
        ] {
            uncolour(text.as_bytes(), &mut out);
            assert_eq!(out, expected.as_bytes());
        }
    }

    #[test]
    fn a_format_that_was_named_is_not_second_guessed() {
        let own = builtin().get("combined").unwrap();
        let line = br#"{"time":"2024-04-10T09:00:01Z","method":"GET","path":"/b","status":503}"#;
        let read = Mixture::default()
            .read(
                &own,
                line,
                Reject::Unrecognized,
                &mut Clock::new(None),
                &mut Aside::default(),
                Depth::Full,
            )
            .map(|(_, record)| Owned::from(record));
        assert_eq!(read, Err(Reject::Unrecognized));
    }
}
