//! Application lines that hold a method, a path and a status among other words, as frameworks print
//! them for people: `[GIN] 2024/04/10 - 09:00:03 | 500 | 1.2ms | 10.0.0.1 | GET "/cart"`,
//! `… HTTP GET /cart responded 500 in 12.3 ms`, `[10/Apr/2024 09:00:03] "GET /cart HTTP/1.1" 500 42`.
//!
//! Nothing is told by its column. A request is a known method and a target behind it; its status is the
//! first number behind that, with nothing but words of the trade between, or one that stands alone in a
//! column before it, or one that is called so. So prose with numbers in it (`retrying GET /a in 500 ms`,
//! `GET /a failed for user 404`) stays prose. Where a number stands on both sides of a quoted request, a
//! file's first lines tell which of them is the status ([`Order`]). Calls that a service makes itself are
//! no requests to it.

#[cfg(target_arch = "x86_64")]
mod built;
mod places;

use std::ops::Range;

use crate::record::Reject;

use super::counted::Sink;
use super::fields::{Fields, Slot, is_ip, request_line, split_once};
use super::text::{latency_us, place};
#[cfg(target_arch = "x86_64")]
pub(super) use built::Shapes;
pub(super) use places::METHODS;

/// What may stand between a request and its status. An address and a duration may too.
const FILLERS: [&[u8]; 30] = [
    b"-",
    b"--",
    b"->",
    b">",
    b":",
    b"\xe2\x86\x92",
    b"and",
    b"at",
    b"by",
    b"code",
    b"completed",
    b"done",
    b"ended",
    b"finished",
    b"for",
    b"from",
    b"handled",
    b"http",
    b"in",
    b"processed",
    b"replied",
    b"responded",
    b"response",
    b"result",
    b"returned",
    b"returning",
    b"sent",
    b"status",
    b"took",
    b"with",
];

/// What a status is called.
const STATUS_NAMES: [&[u8]; 8] = [
    b"status",
    b"statuscode",
    b"status_code",
    b"http_status",
    b"responsestatus",
    b"response_code",
    b"responsecode",
    b"resp",
];

/// What a number counts if one of these follows it.
const UNITS: [&[u8]; 21] = [
    b"ns",
    b"us",
    b"\xc2\xb5s",
    b"ms",
    b"msec",
    b"msecs",
    b"millis",
    b"milliseconds",
    b"s",
    b"sec",
    b"secs",
    b"seconds",
    b"b",
    b"bytes",
    b"kb",
    b"mb",
    b"files",
    b"items",
    b"records",
    b"rows",
    b"times",
];

/// Before a request: it is one that the service makes itself.
const OUTBOUND: [&[u8]; 19] = [
    b"aiohttp.client",
    b"call",
    b"calling",
    b"client",
    b"downstream",
    b"elastic_transport.transport",
    b"fetch",
    b"fetching",
    b"forwarding",
    b"httpx",
    b"outbound",
    b"outgoing",
    b"proxying",
    b"requesting",
    b"retrying",
    b"sending",
    b"upstream",
    b"urllib3.connectionpool",
    b"urllib3.util.retry",
];

/// Behind a request: who made it makes it again, as no server does.
const AGAIN: &[u8] = b"retrying";

/// What the address of whoever asked is called, and what others' addresses are.
const CLIENT_NAMES: [&[u8]; 9] = [
    b"client",
    b"client_ip",
    b"clientip",
    b"ip",
    b"peer",
    b"remote",
    b"remote_addr",
    b"remote_ip",
    b"x-forwarded-for",
];
const OTHERS_NAMES: [&[u8]; 7] = [
    b"->",
    b"backend",
    b"host",
    b"proxy",
    b"server",
    b"to",
    b"upstream",
];

/// Right before a request: its status stands on another line, as in Rails' own log.
const BEGINNINGS: [&[u8]; 1] = [b"started"];

/// The parts that such a line may tell.
pub(super) const SLOTS: [Slot; 6] = [
    Slot::Time,
    Slot::Method,
    Slot::Target,
    Slot::Status,
    Slot::Latency,
    Slot::Client,
];

/// The place of a line's time, where it has one.
pub(super) fn time(line: &[u8]) -> Option<Range<usize>> {
    let found = places::time(line)?;
    // A bracket, and the level that Tornado has behind it.
    let bracket = match line.get(found.clone())? {
        [b'[', b'A'..=b'Z', ..] => 3,
        [b'[', ..] => 1,
        _ => 0,
    };
    Some(found.start + bracket..found.end)
}

/// The rank of a time that no name and no place tells: worse than any key's.
const TOLD_BY_SHAPE: u8 = 200;

/// The time that a line begins with before its pairs.
pub(super) fn offer_time<'a>(line: &'a [u8], fields: &mut Fields<'a>) {
    if !fields.lacks_a_time_only() {
        return;
    }
    if let Some(text) = time(line).and_then(|time| line.get(time)) {
        fields.offer(Slot::Time, TOLD_BY_SHAPE, None, text, false);
    }
}

/// On which side of a request in quotes its status stands, where numbers stand on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Order {
    /// `"GET /a HTTP/1.1" 200 157`, as in most logs.
    #[default]
    Behind,
    /// `200 "GET /a HTTP/1.1" 157`.
    Before,
}

impl Order {
    /// What lines of one file tell: the side whose numbers are codes that servers send. Of sizes, durations
    /// and ids most are none.
    pub(super) fn of<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Order {
        let (mut strange_before, mut strange_behind) = (0, 0);
        for line in lines {
            let Some(request) = Request::find(line) else {
                continue;
            };
            let before = line.get(..request.start).and_then(before_quote);
            let behind = line.get(request.end..);
            let behind = behind.and_then(|text| text.strip_prefix(b"\" "));
            let (Some(before), Some(behind)) = (before, behind) else {
                continue;
            };
            let behind = behind.split(|b| *b == b' ').next().unwrap_or_default();
            if is_status(before) && (behind == b"-" || behind.iter().all(u8::is_ascii_digit)) {
                strange_before += u32::from(!is_known_status(before));
                strange_behind += u32::from(!is_known_status(behind));
            }
        }
        match strange_behind > strange_before {
            true => Order::Before,
            false => Order::Behind,
        }
    }
}

/// The word that stands right before a quote, with one space between.
fn before_quote(text: &[u8]) -> Option<&[u8]> {
    text.strip_suffix(b" \"")?.rsplit(|b| *b == b' ').next()
}

/// A memory of lines that serves no other processor.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Debug, Default)]
pub(super) struct Shapes;

/// Takes the parts of a request that a line of prose tells. Where lines before this one were built the same, it is
/// known where they stand.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn parse<'a>(
    line: &'a [u8],
    fields: &mut impl Sink<'a>,
    order: Order,
    shapes: &mut Shapes,
) -> Result<(), Reject> {
    let Some(places) = shapes.find(line, order) else {
        let read = walk(line, fields, order)?;
        if shapes.learns()
            && let Some(read) = read
        {
            shapes.learn(line, &read);
        }
        return Ok(());
    };
    for (slot, (start, end)) in SLOTS.into_iter().zip(places) {
        if end > 0 {
            let text = line.get(start as usize..end as usize);
            fields.set(slot, text.unwrap_or_default(), None);
        }
    }
    Ok(())
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn parse<'a>(
    line: &'a [u8],
    fields: &mut impl Sink<'a>,
    order: Order,
    _: &mut Shapes,
) -> Result<(), Reject> {
    walk(line, fields, order).map(|_| ())
}

/// Where things stand on a line that was read at length.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
struct Read {
    time: Range<usize>,
    method: Range<usize>,
    target: Range<usize>,
    /// The end of all that is the request's.
    request_end: usize,
    status: Range<usize>,
    /// Whether nothing behind the status could be taken for it.
    is_settled: bool,
    latency: Option<Range<usize>>,
    client: Option<Range<usize>>,
}

/// The same word by word; says where the parts stand, if there is a time.
fn walk<'a>(
    line: &'a [u8],
    fields: &mut impl Sink<'a>,
    order: Order,
) -> Result<Option<Read>, Reject> {
    if line.first() == Some(&b'{') {
        return Err(Reject::Unrecognized);
    }
    let request = Request::find(line).ok_or(Reject::Unrecognized)?;
    let time = time(line);
    let time_end = time.as_ref().map_or(0, |time| time.end);
    let before_from = if time_end <= request.start {
        time_end
    } else {
        0
    };
    let before = line.get(before_from..request.start).unwrap_or_default();
    let after = line.get(request.end..).unwrap_or_default();
    let mut told = Told::default();
    told.read_after(after)?;
    told.read_before(before, order)?;
    let before_time = time
        .as_ref()
        .and_then(|time| line.get(..time.start.min(request.start)));
    told.read_client(before_time.unwrap_or_default());
    let Some(status) = told.status else {
        return Err(Reject::NoRequest);
    };
    fields.set(Slot::Method, request.method, None);
    fields.set(Slot::Target, request.target, None);
    fields.set(Slot::Status, status, None);
    if let Some(time) = time.clone().and_then(|time| line.get(time)) {
        fields.set(Slot::Time, time, None);
    }
    let client = told.client.map(|(_, address)| address);
    for (slot, text) in [(Slot::Latency, told.latency), (Slot::Client, client)] {
        if let Some(text) = text {
            fields.set(slot, text, None);
        }
    }
    let read = |time| {
        Some(Read {
            time,
            method: place(line, request.method)?,
            target: place(line, request.target)?,
            request_end: request.end,
            status: place(line, status)?,
            is_settled: told.is_settled,
            latency: told.latency.and_then(|text| place(line, text)),
            client: client.and_then(|text| place(line, text)),
        })
    };
    Ok(time.and_then(read))
}

/// A request and where it stands.
struct Request<'a> {
    method: &'a [u8],
    target: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Request<'a> {
    /// The first of a line.
    fn find(line: &'a [u8]) -> Option<Request<'a>> {
        let (method, begin) = places::request(line)?;
        let name = line.get(method.clone())?;
        let quote_before = |at: usize| {
            let byte = at.checked_sub(1).and_then(|at| line.get(at)).copied();
            byte.filter(|b| matches!(b, b'"' | b'\''))
        };
        // In quotes is the whole request line, or the target.
        if let Some(quote) = quote_before(method.start) {
            let rest = line.get(method.start..)?;
            let len = memchr::memchr(quote, rest).unwrap_or(rest.len());
            if let Ok((first, target)) = request_line(&rest[..len])
                && first == name
            {
                return Some(Request {
                    method: name,
                    target,
                    start: method.start,
                    end: method.start + len,
                });
            }
        }
        let rest = line.get(begin..)?;
        // Columns may be parted by a bar and no space.
        let is_barred = begin.checked_sub(1).and_then(|at| line.get(at)) == Some(&b'|');
        let len = match quote_before(begin) {
            Some(quote) => memchr::memchr(quote, rest),
            None => rest
                .iter()
                .position(|b| b.is_ascii_whitespace() || *b == b'"' || is_barred && *b == b'|'),
        };
        let target = &rest[..len.unwrap_or(rest.len())];
        let punctuation = target.iter().rev();
        let punctuation =
            punctuation.take_while(|b| matches!(b, b',' | b';' | b':' | b')' | b']' | b'|'));
        let target = &target[..target.len() - punctuation.count()];
        Some(Request {
            method: name,
            target,
            start: method.start,
            end: begin + target.len(),
        })
    }
}

/// What the words around a request tell of it.
#[derive(Default)]
struct Told<'a> {
    status: Option<&'a [u8]>,
    /// Whether that was told behind the request, where the first one counts.
    is_settled: bool,
    latency: Option<&'a [u8]>,
    /// An address, and how well it is told that it is the client's.
    client: Option<(Standing, &'a [u8])>,
}

/// Which of several addresses is the client's: one that is called so, else the first one that has the best place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Named,
    BeforeTime,
    BeforeRequest,
    BehindRequest,
}

impl<'a> Told<'a> {
    fn read_after(&mut self, text: &'a [u8]) -> Result<(), Reject> {
        let (mut is_near, mut is_named) = (true, false);
        let mut is_outbound = false;
        let mut words = Words::of(text);
        let mut in_column = None;
        let mut last = &text[..0];
        while let Some(place) = words.next() {
            let word = &text[place.clone()];
            let name = std::mem::replace(&mut last, word);
            let behind = words.clone();
            if self.takes_duration(text, place.clone(), &mut words)
                || self.takes_client(name, word, Standing::BehindRequest)
            {
                continue;
            }
            let may_be = is_status(word) && !is_unit(text, behind);
            if may_be && (is_near || is_named) && self.status.is_none() {
                self.status = Some(word);
            }
            if may_be && is_between_bars(text, place) {
                in_column = in_column.or(Some(word));
            }
            is_outbound |= word.eq_ignore_ascii_case(AGAIN);
            is_named = is_one_of(word, &STATUS_NAMES);
            is_near &= is_named || is_one_of(word, &FILLERS) || is_protocol(word);
        }
        self.is_settled = self.status.is_some();
        self.status = self.status.or(in_column);
        match is_outbound {
            true => Err(Reject::NoRequest),
            false => Ok(()),
        }
    }

    /// A status before its request is a number that has a column for itself, or its reason behind it
    /// (`200 OK: GET /cart`), or stands right before the request's quote with no number before it: of two nobody
    /// can tell, they may be sizes. A request that is none to the service, or only begins here, is told by a word before it.
    fn read_before(&mut self, text: &'a [u8], order: Order) -> Result<(), Reject> {
        let (mut found, mut places) = (None, 0);
        let (mut adjacent, mut last) = (None, &text[..0]);
        let mut is_outbound = false;
        let mut words = Words::of(text);
        while let Some(place) = words.next() {
            let word = &text[place.clone()];
            let begins_as_word = word.first().is_some_and(u8::is_ascii_alphabetic);
            // A name of a value is no verb: `client=203.0.113.7`.
            let is_name = text.get(place.end) == Some(&b'=');
            is_outbound |= begins_as_word && !is_name && is_one_of(word, &OUTBOUND);
            let name = std::mem::replace(&mut last, word);
            let behind = words.clone();
            if self.takes_duration(text, place.clone(), &mut words) {
                // Its unit may be a word of its own.
                for word in behind.take_while(|word| word.start < words.at) {
                    is_outbound |= is_one_of(&text[word.clone()], &OUTBOUND);
                    last = &text[word];
                }
                continue;
            }
            if self.takes_client(name, word, Standing::BeforeRequest) || !is_status(word) {
                continue;
            }
            let stands_alone = order == Order::Before || !is_number(name);
            if stands_alone && text.get(place.end..) == Some(b" \"") {
                adjacent = Some(word);
            }
            if !is_unit(text, behind) && is_column(text, place) {
                found = Some(word);
                places += 1;
            }
        }
        if is_one_of(last, &BEGINNINGS) {
            return Err(Reject::NoStatus);
        }
        if is_outbound {
            return Err(Reject::NoRequest);
        }
        let in_column = found.filter(|_| places == 1);
        self.status = match order {
            Order::Before if text.ends_with(b"\"") => {
                self.is_settled = false;
                adjacent.or(in_column)
            }
            _ => self.status.or(adjacent).or(in_column),
        };
        Ok(())
    }

    /// Who asked may be told before the time, as in an access log.
    fn read_client(&mut self, text: &'a [u8]) {
        let mut name = &text[..0];
        for word in Words::of(text) {
            let word = &text[word];
            self.takes_client(name, word, Standing::BeforeTime);
            name = word;
        }
    }

    /// `1.2ms`, and `1.2 ms`, which is two words; of `12ms/3ms` the whole is the first.
    fn takes_duration(
        &mut self,
        text: &'a [u8],
        word: Range<usize>,
        words: &mut Words<'a>,
    ) -> bool {
        if !text.get(word.start).is_some_and(u8::is_ascii_digit) {
            return false;
        }
        // No unit stands apart behind a bar or a bracket.
        let behind = text.get(word.end..).unwrap_or_default().trim_ascii_start();
        let is_apart = matches!(
            behind,
            [
                b'|' | b';' | b'=' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b'\'',
                ..
            ]
        );
        // A unit is no digit.
        let is_duration = |text: &[u8]| {
            matches!(text, [b'0'..=b'9', .., last] if !last.is_ascii_digit())
                && latency_us(text, None).is_some()
        };
        let alone = &text[word.clone()];
        let alone = split_once(alone, b'/').map_or(alone, |(whole, _)| whole);
        if is_duration(alone) {
            self.latency = self.latency.or(Some(alone));
            return true;
        }
        if is_apart {
            return false;
        }
        let mut behind = words.clone();
        let with_unit = behind.next().map(|unit| &text[word.start..unit.end]);
        let Some(duration) = with_unit.filter(|text| is_duration(text)) else {
            return false;
        };
        *words = behind;
        self.latency = self.latency.or(Some(duration));
        true
    }

    /// Whether a word is an address; `name` is the word before it.
    fn takes_client(&mut self, name: &[u8], word: &'a [u8], standing: Standing) -> bool {
        if !is_ip(word) {
            return false;
        }
        let standing = match is_one_of(name, &CLIENT_NAMES) {
            true => Standing::Named,
            false => standing,
        };
        let is_better = self.client.is_none_or(|(known, _)| standing < known);
        if is_better && !is_one_of(name, &OTHERS_NAMES) {
            self.client = Some((standing, word));
        }
        true
    }
}

fn is_status(word: &[u8]) -> bool {
    matches!(word, [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'])
}

/// With decimals too: where lines are built alike, one number is as good as another.
fn is_number(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_digit)
        && word.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// Whether servers send this code: those that IANA has registered, and those of nginx, IIS, Cloudflare and AWS's
/// load balancers (<https://www.iana.org/assignments/http-status-codes>).
fn is_known_status(word: &[u8]) -> bool {
    let code = std::str::from_utf8(word)
        .ok()
        .and_then(|text| text.parse::<u16>().ok());
    matches!(
        code,
        Some(
            100..=104
            | 200..=208
            | 226
            | 300..=308
            | 400..=431
            | 440
            | 444
            | 449..=451
            | 460..=464
            | 494..=499
            | 500..=511
            | 520..=530
            | 561
            | 598..=599,
        )
    )
}

/// `HTTP/1.1`, or its number alone.
fn is_protocol(word: &[u8]) -> bool {
    let version = word.strip_prefix(b"HTTP/").unwrap_or(word);
    matches!(version, b"1.0" | b"1.1" | b"2" | b"2.0" | b"3" | b"3.0")
}

fn is_unit(text: &[u8], mut words: Words<'_>) -> bool {
    words.next().is_some_and(|word| {
        let word = &text[word];
        !word.first().is_some_and(u8::is_ascii_digit) && is_one_of(word, &UNITS)
    })
}

fn is_one_of(word: &[u8], words: &[&[u8]]) -> bool {
    let is_word = |known: &&[u8]| known.len() == word.len() && known.eq_ignore_ascii_case(word);
    words.iter().any(is_word)
}

/// Whether a word has a column for itself between two bars.
fn is_between_bars(text: &[u8], word: Range<usize>) -> bool {
    let before = text[..word.start].trim_ascii_end().last();
    let after = text[word.end..].trim_ascii_start().first();
    before == Some(&b'|') && after == Some(&b'|')
}

/// Whether a word has a column for itself, or begins one that ends in a colon (`200 OK:`).
fn is_column(text: &[u8], word: Range<usize>) -> bool {
    let before = text[..word.start].trim_ascii_end().last();
    let after = text[word.end..].trim_ascii();
    let is_reason = |text: &[u8]| {
        text.strip_suffix(b":")
            .is_some_and(|name| name.iter().all(|b| b.is_ascii_alphabetic() || *b == b' '))
    };
    matches!(before, None | Some(b'|' | b']' | b'-' | b':'))
        && (matches!(after.first(), None | Some(b'|' | b'-' | b'"')) || is_reason(after))
}

/// The places of a text's words, without the punctuation that keeps them apart; a name and its value
/// are two.
#[derive(Clone)]
struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

/// The bytes that keep words apart.
static SEPARATES: [bool; 256] = {
    let mut table = [false; 256];
    let all = b" \t\n\x0c\r|,;=()[]{}\"'";
    let mut i = 0;
    while i < all.len() {
        table[all[i] as usize] = true;
        i += 1;
    }
    table
};

impl<'a> Words<'a> {
    fn of(text: &'a [u8]) -> Words<'a> {
        Words { text, at: 0 }
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        let text = self.text;
        let separates = |at: usize| text.get(at).map(|b| SEPARATES[usize::from(*b)]);
        let mut start = self.at;
        while separates(start)? {
            start += 1;
        }
        let mut end = start;
        while let Some(b'A'..=b'Z' | b'a'..=b'z' | b'_') = text.get(end) {
            end += 1;
        }
        let is_name = end > start && text.get(end) == Some(&b':');
        while !is_name && separates(end) == Some(false) {
            end += 1;
        }
        self.at = end + usize::from(text.get(end) == Some(&b':'));
        while end > start + 1 && matches!(text.get(end - 1), Some(b':' | b'.')) {
            end -= 1;
        }
        Some(start..end)
    }
}
