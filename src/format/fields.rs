//! The parts of a request as they stand on the line, and what they must look like to be one.
//!
//! Every parser fills [`Fields`], its own way; [`Fields::record`] turns them into a [`Record`] or
//! says why the line is none. So what is a request, a status or a client is decided here, once, for
//! all shapes. It knows no key name and no layout.

use crate::record::{Depth, Record, Reject, Status};
use crate::timestamp::{Clock, Unit};

use super::keys::WEAK;
use super::text::{latency_us, unescape};

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Time,
    Status,
    Method,
    Target,
    /// A whole request line: `GET / HTTP/1.1`.
    Request,
    Service,
    /// Who of a call wrote the line, its server or its client.
    Side,
    Latency,
    Client,
    User,
    Agent,
    Host,
    Version,
    Region,
    ApiVersion,
    Level,
    Message,
    Exception,
}

impl Slot {
    /// Every slot with its name in specs.
    pub(super) const ALL: [(&'static str, Slot); 18] = [
        ("time", Slot::Time),
        ("status", Slot::Status),
        ("method", Slot::Method),
        ("target", Slot::Target),
        ("request", Slot::Request),
        ("service", Slot::Service),
        ("side", Slot::Side),
        ("latency", Slot::Latency),
        ("client", Slot::Client),
        ("user", Slot::User),
        ("agent", Slot::Agent),
        ("host", Slot::Host),
        ("version", Slot::Version),
        ("region", Slot::Region),
        ("api_version", Slot::ApiVersion),
        ("level", Slot::Level),
        ("message", Slot::Message),
        ("exception", Slot::Exception),
    ];

    pub(super) fn named(name: &str) -> Option<Slot> {
        Slot::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|&(_, slot)| slot)
    }

    pub(super) fn name(self) -> &'static str {
        Slot::ALL[self as usize].0
    }

    /// Whether there is no request without it, or no telling whose it is.
    pub(super) fn makes_request(self) -> bool {
        (self as usize) <= Slot::Service as usize
    }

    /// Whether pass 1 needs it.
    pub(super) fn is_counted(self) -> bool {
        (self as usize) <= Slot::Latency as usize
    }
}

/// Whether a call was made by the service that wrote the line: `client`, `SPAN_KIND_CLIENT`, and OpenTelemetry's
/// number for it.
fn is_client(side: &[u8]) -> bool {
    side == b"3" || side.eq_ignore_ascii_case(b"client") || side == b"SPAN_KIND_CLIENT"
}

/// A value as it stands on the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a> {
    pub text: &'a [u8],
    /// What a bare number means, where the key's name or the format says so.
    pub unit: Option<Unit>,
    /// Whether it has backslash escapes that must be undone.
    pub escaped: bool,
    rank: u8,
}

/// The rank of a path without the slash in front (Akamai's): worse than that of any that has it.
const RELATIVE: u8 = WEAK + 99;

/// The rank of what a wrapper says: worse than any key's.
const OUTER: u8 = u8::MAX - 1;

const ABSENT: Raw<'static> = Raw {
    text: b"",
    unit: None,
    escaped: false,
    rank: u8::MAX,
};

/// A value for each slot; those that pass 1 does not count are kept only where they are wanted: to
/// clear 17 values for each line takes longer than to parse its time.
struct Parts<'a> {
    counted: [Raw<'a>; COUNTED],
    others: Option<[Raw<'a>; Slot::ALL.len() - COUNTED]>,
}

/// Number of slots that pass 1 counts.
const COUNTED: usize = Slot::Latency as usize + 1;

impl<'a> Parts<'a> {
    #[inline]
    fn new(depth: Depth) -> Parts<'a> {
        Parts {
            counted: [ABSENT; COUNTED],
            // Not `then_some`, which would make them before it knows.
            others: match depth {
                Depth::Counts => None,
                Depth::Full => Some([ABSENT; Slot::ALL.len() - COUNTED]),
            },
        }
    }

    #[inline]
    fn get(&self, slot: Slot) -> &Raw<'a> {
        let index = slot as usize;
        match &self.others {
            _ if index < COUNTED => &self.counted[index],
            Some(others) => &others[index - COUNTED],
            None => &ABSENT,
        }
    }

    /// Keeps a value, where it is wanted.
    #[inline]
    fn put(&mut self, slot: Slot, raw: Raw<'a>) {
        let index = slot as usize;
        match &mut self.others {
            _ if index < COUNTED => self.counted[index] = raw,
            Some(others) => others[index - COUNTED] = raw,
            None => {}
        }
    }

    fn get_mut(&mut self, index: usize) -> Option<&mut Raw<'a>> {
        match index.checked_sub(COUNTED) {
            None => self.counted.get_mut(index),
            Some(index) => self.others.as_mut()?.get_mut(index),
        }
    }
}

/// How a format writes times, where that is not to be seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Times {
    #[default]
    AsTheyLook,
    /// In UTC where they name no zone.
    Utc,
    /// `4/10/24, 9:00:00` is a day in April.
    MonthFirst,
}

/// What a parser found on one line.
pub(super) struct Fields<'a> {
    parts: Parts<'a>,
    depth: Depth,
    /// A bit for each slot that was given a value with escapes.
    escaped: u32,
    /// Whether the line must have the whole shape of its format.
    is_strict: bool,
    /// How the format writes its times.
    times: Times,
    /// Its time has a fixed place on the line.
    is_positional: bool,
    /// A request's key was there, but empty or `-`.
    saw_empty_request: bool,
    /// A status's key was there, whatever its value.
    saw_status: bool,
    /// Who asked, or how long it took, was there.
    saw_circumstances: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(depth: Depth) -> Fields<'a> {
        Fields {
            parts: Parts::new(depth),
            depth,
            escaped: 0,
            is_strict: false,
            times: Times::AsTheyLook,
            is_positional: false,
            saw_empty_request: false,
            saw_status: false,
            saw_circumstances: false,
        }
    }

    /// Whether the line must have the whole shape of its format, down to its end.
    pub(super) fn set_strict(&mut self, strict: bool) {
        self.is_strict = strict;
    }

    pub(super) fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// What stands where the format has this part: taken as it is.
    #[inline]
    pub(super) fn set(&mut self, slot: Slot, text: &'a [u8], unit: Option<Unit>) {
        let raw = Raw {
            text,
            unit,
            escaped: false,
            rank: 0,
        };
        self.parts.put(slot, raw);
        self.saw_status |= slot == Slot::Status;
        self.is_positional |= slot == Slot::Time;
    }

    /// What the line is wrapped in says this; the line's own word counts for more.
    pub(super) fn set_outer(&mut self, slot: Slot, text: Option<&'a [u8]>) {
        if let Some(text) = text {
            let raw = Raw {
                text,
                unit: None,
                escaped: false,
                rank: OUTER,
            };
            self.parts.put(slot, raw);
        }
    }

    /// How the format writes times, by its definition.
    pub(super) fn set_times(&mut self, times: Times) {
        self.times = times;
    }

    /// What stands under a key that may mean this part: taken if it can be one and no better-ranked
    /// key has given it already. The first of equals stays.
    #[inline]
    pub(super) fn offer(
        &mut self,
        slot: Slot,
        rank: u8,
        unit: Option<Unit>,
        text: &'a [u8],
        escaped: bool,
    ) {
        self.saw_circumstances |= matches!(slot, Slot::Latency | Slot::Client | Slot::Agent);
        if !slot.is_counted() && self.depth != Depth::Full {
            return;
        }
        // A path without its slash is better than none.
        let [is_absolute, is_relative] = match slot {
            Slot::Target if escaped => target_kind(&unescaped(text)),
            Slot::Target => target_kind(text),
            _ => [false; 2],
        };
        let rank = if is_relative { RELATIVE } else { rank };
        if rank >= self.parts.get(slot).rank {
            return;
        }
        self.saw_status |= slot == Slot::Status;
        if matches!(*text, [] | [b'-']) {
            self.saw_empty_request |= matches!(slot, Slot::Target | Slot::Request);
            return;
        }
        let taken = match slot {
            Slot::Status => status(text).is_some(),
            Slot::Time => !is_small_number(text),
            Slot::Target => is_absolute || is_relative,
            // `request.time` is when it was asked, `request_time` how long it took.
            Slot::Latency => {
                (unit.is_some() || !text.ends_with_digit()) && text.get(4) != Some(&b'-')
            }
            // Many a log has the protocol's version under that name.
            Slot::Version => !text.starts_with(b"HTTP/"),
            _ => true,
        };
        if taken {
            self.escaped |= u32::from(escaped) << slot as u32;
            let raw = Raw {
                text,
                unit,
                escaped,
                rank,
            };
            self.parts.put(slot, raw);
        }
    }

    /// Whether a request could be made of what is there, if it had a time.
    pub(super) fn lacks_a_time_only(&self) -> bool {
        let has = |slot| self.get(slot).is_some();
        has(Slot::Status) && (has(Slot::Target) || has(Slot::Request)) && !has(Slot::Time)
    }

    pub(super) fn depth(&self) -> Depth {
        self.depth
    }

    #[inline]
    fn get(&self, slot: Slot) -> Option<&'a [u8]> {
        let raw = self.parts.get(slot);
        (raw.rank != u8::MAX).then_some(raw.text)
    }

    /// A value, unless the log says that there is none.
    #[inline]
    pub(super) fn value(&self, slot: Slot) -> Option<&'a [u8]> {
        self.get(slot).filter(|text| !matches!(*text, b"" | b"-"))
    }

    /// The request these parts make up, or why they make up none. Where neither a time nor a request
    /// stands in its place, the line only has the delimiters of its format, by accident.
    #[inline]
    pub(super) fn record(
        &mut self,
        clock: &mut Clock,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Record<'a>, Reject> {
        let reason = match self.read(clock, scratch) {
            Ok(record) => return Ok(record),
            Err(reason) => reason,
        };
        Err(match reason {
            Reject::EmptyRequest | Reject::NotHttp | Reject::NoStatus
                if self.is_positional && self.time_us(clock).is_none() =>
            {
                Reject::Unrecognized
            }
            reason => reason,
        })
    }

    #[inline]
    fn read(&mut self, clock: &mut Clock, scratch: &'a mut Vec<u8>) -> Result<Record<'a>, Reject> {
        if self.escaped != 0 {
            self.unescape(scratch);
        }
        if self.value(Slot::Side).is_some_and(is_client) {
            return Err(Reject::NoRequest);
        }
        let status = self.get(Slot::Status).and_then(status);
        let (method, target) = match (self.request(), status) {
            (Ok(request), Some(_)) => request,
            (Ok((method, _)), None) if self.saw_status || method != NO_METHOD => {
                return Err(Reject::NoStatus);
            }
            (Err(reason), Some(_)) => return Err(reason),
            (Err(reason), None) if self.saw_status => return Err(reason),
            _ => return Err(Reject::NoRequest),
        };
        let status = status.ok_or(Reject::NoStatus)?;
        let time_us = self.time_us(clock).ok_or(Reject::BadTime)?;
        Ok(Record {
            time_us,
            method,
            target,
            status,
            latency_us: self.latency_us(),
            service: self.service(),
            client: self.value(Slot::Client).and_then(address),
            user: self.value(Slot::User),
            agent: self.value(Slot::Agent),
            host: self
                .value(Slot::Host)
                .map(first_of_list)
                .map(without_scheme),
            version: self.value(Slot::Version),
            region: self.value(Slot::Region),
            api_version: self.value(Slot::ApiVersion),
        })
    }

    /// The three parts that every request has, the text in the place of each, and whether it can be
    /// one: which of them is at fault where a line is none. Asked after [`Fields::record`].
    pub(super) fn essentials(&self, clock: &mut Clock) -> [Essential<'a>; 3] {
        let status_text = self.get(Slot::Status);
        let essential = |name, text, is_good| Essential {
            name,
            text,
            is_good,
        };
        [
            essential("time", self.get(Slot::Time), self.time_us(clock).is_some()),
            essential(
                "request",
                self.get(Slot::Target).or(self.get(Slot::Request)),
                self.request().is_ok(),
            ),
            essential(
                "status",
                status_text,
                status_text.and_then(status).is_some(),
            ),
        ]
    }

    /// The service that the line names.
    #[inline]
    pub(super) fn service(&self) -> Option<&'a [u8]> {
        // nginx's server for every other name is `_`.
        let named = self.value(Slot::Service).filter(|name| *name != b"_");
        named.map(without_port)
    }

    /// How long the answer took, in µs.
    #[inline]
    pub(super) fn latency_us(&self) -> Option<u64> {
        let raw = self.parts.get(Slot::Latency);
        latency_us(raw.text, raw.unit)
    }

    #[inline]
    pub(super) fn time_us(&self, clock: &mut Clock) -> Option<i64> {
        let raw = self.parts.get(Slot::Time);
        match raw.unit {
            None if self.times == Times::Utc => clock.read_utc(raw.text),
            None if self.times == Times::MonthFirst => clock.read_month_first(raw.text),
            Some(unit) => clock.epoch(raw.text, unit).or_else(|| clock.read(raw.text)),
            None => clock.clf(raw.text),
        }
    }

    #[inline]
    fn request(&self) -> Result<(&'a [u8], &'a [u8]), Reject> {
        if let Some(target) = self.target() {
            let line = || {
                self.get(Slot::Request)
                    .and_then(|line| request_line(line).ok())
            };
            let method = self
                .value(Slot::Method)
                .or_else(|| line().map(|(method, _)| method));
            return match method {
                None if self.is_vague() => Err(Reject::NoRequest),
                None if is_target(target) => Ok((NO_METHOD, target)),
                Some(method) if is_request(method, target) => Ok((method, target)),
                Some(method) if self.parts.get(Slot::Target).rank == RELATIVE => {
                    Ok((method, without_domain(target)))
                }
                _ if matches!(target, b"" | b"-") => Err(Reject::EmptyRequest),
                _ => Err(Reject::NotHttp),
            };
        }
        match self.get(Slot::Request) {
            // Some call the path so, and have the method apart.
            Some(target) if is_target(target) => match self.value(Slot::Method) {
                Some(method) if is_method(method) => Ok((method, target)),
                _ => Err(Reject::NotHttp),
            },
            Some(line) => request_line(line),
            None if self.saw_empty_request => Err(Reject::EmptyRequest),
            None => Err(Reject::NoRequest),
        }
    }

    /// What stands for the target. A path without its slash needs a method of HTTP's beside it.
    #[inline]
    fn target(&self) -> Option<&'a [u8]> {
        let is_relative = self.parts.get(Slot::Target).rank == RELATIVE;
        let is_http = || self.value(Slot::Method).is_some_and(is_known);
        self.get(Slot::Target).filter(|_| !is_relative || is_http())
    }

    /// Whether there is no more to it than a path and a status by names that files and jobs have too.
    fn is_vague(&self) -> bool {
        let is_weak = |slot| (WEAK..OUTER).contains(&self.parts.get(slot).rank);
        is_weak(Slot::Status) && is_weak(Slot::Target) && !self.saw_circumstances
    }

    #[cold]
    pub(super) fn unescape(&mut self, scratch: &'a mut Vec<u8>) {
        scratch.clear();
        let mut ends = [0; Slot::ALL.len()];
        for index in bits(self.escaped) {
            if let (Some(raw), Some(end)) = (self.parts.get_mut(index), ends.get_mut(index)) {
                if raw.escaped {
                    unescape(raw.text, scratch);
                }
                *end = scratch.len();
            }
        }
        let scratch: &'a [u8] = scratch;
        let mut start = 0;
        for index in bits(self.escaped) {
            let end = ends.get(index).copied().unwrap_or(start);
            if let Some(raw) = self.parts.get_mut(index).filter(|raw| raw.escaped) {
                raw.text = scratch.get(start..end).unwrap_or_default();
            }
            start = end;
        }
    }
}

/// The places of the bits that are set.
fn bits(mask: u32) -> impl Iterator<Item = usize> {
    let lowest = |mask: &u32| Some(*mask & (*mask - 1)).filter(|&rest| rest != 0);
    let masks = std::iter::successors(Some(mask).filter(|&mask| mask != 0), lowest);
    masks.map(|mask| mask.trailing_zeros() as usize)
}

/// A part without which a line is no request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Essential<'a> {
    pub name: &'static str,
    pub text: Option<&'a [u8]>,
    pub is_good: bool,
}

/// What stands for the method where the log has none.
pub(super) const NO_METHOD: &[u8] = b"-";

/// Three digits from 100: a server logs 0 or `-` for an answer it never gave. A table that went through pandas has
/// `200.0`.
fn status(text: &[u8]) -> Option<Status> {
    Status::parse(text.strip_suffix(b".0").unwrap_or(text)).filter(|status| status.0 >= 100)
}

trait EndsWithDigit {
    fn ends_with_digit(&self) -> bool;
}

impl EndsWithDigit for [u8] {
    fn ends_with_digit(&self) -> bool {
        self.last().is_some_and(u8::is_ascii_digit)
    }
}

/// A number too small to be an epoch, as a duration or a counter under a name like `time`.
#[inline]
pub(super) fn is_small_number(text: &[u8]) -> bool {
    // A date, as nearly all times begin with.
    if let [year @ .., b'-' | b'/'] = text.get(..5).unwrap_or_default()
        && year.iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    digits < 9 && matches!(text.get(digits), None | Some(b'.'))
}

/// Method and target of a request line. The protocol may be missing (`GET /`, HTTP/0.9) and the
/// target may have spaces in it.
#[inline]
pub(super) fn request_line(line: &[u8]) -> Result<(&[u8], &[u8]), Reject> {
    let line = line.trim_ascii();
    if matches!(line, b"" | b"-") {
        return Err(Reject::EmptyRequest);
    }
    let (method, rest) = split_once(line, b' ').ok_or(Reject::NotHttp)?;
    let target = match memchr::memrchr(b' ', rest) {
        Some(at) if is_protocol(&rest[at + 1..]) => &rest[..at],
        _ => rest,
    };
    let target = target.trim_ascii();
    if is_request(method, target) {
        Ok((method, target))
    } else {
        Err(Reject::NotHttp)
    }
}

/// `HTTP/1.1`; Hypercorn writes the number alone.
#[inline]
fn is_protocol(word: &[u8]) -> bool {
    word.starts_with(b"HTTP/") || matches!(word, b"1.0" | b"1.1" | b"2" | b"3")
}

#[inline]
fn is_request(method: &[u8], target: &[u8]) -> bool {
    is_method(method) && (is_target(target) || method == b"CONNECT" && is_authority(target))
}

#[inline]
fn is_method(method: &[u8]) -> bool {
    let token = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_');
    method.len() <= 20
        && method.first().is_some_and(u8::is_ascii_alphabetic)
        && method.iter().all(token)
}

#[inline]
pub(super) fn is_target(target: &[u8]) -> bool {
    match target.first() {
        Some(b'/' | b'*') => true,
        // What nearly all proxies write.
        Some(b'h') if target.starts_with(b"http://") => true,
        Some(b) if b.is_ascii_alphabetic() => {
            let scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
            let len = target.iter().take(16).take_while(|b| scheme(b)).count();
            target[len..].starts_with(b"://")
        }
        _ => false,
    }
}

/// Whether a text is a target, and whether it may be a path without its slash.
#[inline]
fn target_kind(text: &[u8]) -> [bool; 2] {
    let is_absolute = is_target(text);
    [is_absolute, !is_absolute && is_relative_target(text)]
}

/// A text without its escapes, such as PHP's `\/orders`.
#[cold]
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    unescape(text, &mut plain);
    plain
}

/// `cart/42`: may be a path whose slash was left out, where a method is there to say so.
#[inline(never)]
fn is_relative_target(target: &[u8]) -> bool {
    let begins = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'%' | b'~');
    target.first().is_some_and(begins)
        && !is_target(target)
        && target.iter().all(u8::is_ascii_graphic)
}

/// Imperva writes `www.shop.example/cart`: the path.
fn without_domain(target: &[u8]) -> &[u8] {
    let at = memchr::memchr(b'/', target).unwrap_or(target.len());
    let (name, path) = target.split_at(at);
    let is_domain = memchr::memrchr(b'.', name).is_some_and(|dot| {
        let top = name.get(dot + 1..).unwrap_or_default();
        top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic)
    });
    if is_domain && !path.is_empty() {
        path
    } else {
        target
    }
}

/// A method of HTTP (RFC 9110 and 5789), in whatever case.
fn is_known(method: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] = [
        b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT",
    ];
    METHODS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(method))
}

/// `host:port`, as CONNECT asks for it.
fn is_authority(target: &[u8]) -> bool {
    match memchr::memrchr(b':', target) {
        Some(at) => {
            at > 0
                && (at + 2..=at + 6).contains(&target.len())
                && target[at + 1..].iter().all(u8::is_ascii_digit)
        }
        None => false,
    }
}

/// An address without its port: the first of `X-Forwarded-For`'s list; `None` if nothing is left.
pub(super) fn address(text: &[u8]) -> Option<&[u8]> {
    let first = split_once(text, b',')
        .map_or(text, |(first, _)| first)
        .trim_ascii();
    let bare = match first {
        [b'[', rest @ ..] => split_once(rest, b']').map_or(first, |(inside, _)| inside),
        _ => match split_once(first, b':') {
            Some((host, port)) if !port.contains(&b':') => host,
            _ => without_long_port(first),
        },
    };
    (!matches!(bare, b"" | b"-")).then_some(bare)
}

/// An IPv6 address without brackets whose port can be told: no group of one has more than four digits,
/// and none follows an IPv4 address (HAProxy writes `2001:db8::7:53332`).
fn without_long_port(text: &[u8]) -> &[u8] {
    let port = text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    match text.split_at_checked(text.len() - port) {
        Some(([host @ .., b':'], _)) if port == 5 || port > 0 && host.contains(&b'.') => host,
        _ => text,
    }
}

/// `shop.example:443` is the same service as `shop.example`.
#[inline]
pub(super) fn without_port(name: &[u8]) -> &[u8] {
    let port = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    match name.split_at_checked(name.len() - port) {
        Some(([host @ .., b':'], _)) if !host.is_empty() => host,
        _ => name,
    }
}

/// A proxy lists every upstream that it tried, and every proxy before it.
fn first_of_list(text: &[u8]) -> &[u8] {
    split_once(text, b',')
        .map_or(text, |(first, _)| first)
        .trim_ascii()
}

/// Envoy and Traefik write an upstream as a URL, `tcp://10.0.0.5:80`.
fn without_scheme(host: &[u8]) -> &[u8] {
    match memchr::memmem::find(host, b"://") {
        Some(at) => host.get(at + 3..).unwrap_or_default(),
        None => host,
    }
}

/// Whether it can only be an IP address, with or without a port; a host name is not one, nor a time
/// of day.
pub(super) fn is_ip(text: &[u8]) -> bool {
    let (mut colons, mut dots, mut hex) = (0, 0, false);
    for b in text {
        match b {
            b'0'..=b'9' => {}
            b'.' => dots += 1,
            b':' => colons += 1,
            b'a'..=b'f' | b'A'..=b'F' => hex = true,
            b'[' | b']' => {}
            _ => return false,
        }
    }
    // An IPv6 address has eight groups, unless it leaves some out.
    let is_whole = || colons >= 7 || memchr::memmem::find(text, b"::").is_some();
    colons >= 2 && is_whole() || colons < 2 && dots == 3 && !hex
}

/// Both sides of the first such byte.
#[inline]
pub(super) fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    memchr::memchr(byte, text).map(|at| (&text[..at], &text[at + 1..]))
}
