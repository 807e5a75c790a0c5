//! One HTTP request as a log line tells it, and the reasons why a line tells none.
//!
//! A [`Record`] borrows from its line (or from the parser's scratch buffer where the line had to be
//! unescaped), so reading one costs no allocation. This module knows no format, no file and no
//! endpoint: it is what `format` hands to everybody else.

use std::fmt;

/// One HTTP request, borrowed from the log line that tells of it.
///
/// Only `time_us`, `method`, `target` and `status` are always there; everything else is `None`
/// (or empty) where the line, or the [`Depth`] asked for, does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// When the server logged it, in microseconds since 1970-01-01T00:00:00Z.
    pub time_us: i64,
    /// The method as logged (`GET`); any token, attackers invent their own.
    pub method: &'a [u8],
    /// The request target as logged: a path with its query, or an absolute URL.
    pub target: &'a [u8],
    /// The status that the client got.
    pub status: Status,
    /// How long the answer took, in microseconds.
    pub latency_us: Option<u64>,
    /// The service the line itself names (`service.name`, a virtual host, an upstream).
    pub service: Option<&'a [u8]>,
    /// Who asked: an address, without its port.
    pub client: Option<&'a [u8]>,
    /// The authenticated user or account, where the line has one.
    pub user: Option<&'a [u8]>,
    /// The `User-Agent` header.
    pub agent: Option<&'a [u8]>,
    /// The host or pod that answered.
    pub host: Option<&'a [u8]>,
    /// The version of the software that answered.
    pub version: Option<&'a [u8]>,
    /// The region or zone that answered.
    pub region: Option<&'a [u8]>,
    /// The version of the interface that was asked for, where a header or field names it.
    pub api_version: Option<&'a [u8]>,
}

/// How much of a line a parser has to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Pass 1: time, method, target, status, service and latency; the rest may be left `None`.
    Counts,
    /// Pass 2: everything the line has.
    Full,
}

impl Record<'_> {
    /// How long the answer took, in µs, if that is told and it was no refusal.
    pub fn took_us(&self) -> Option<u64> {
        self.latency_us.filter(|_| !self.status.is_refusal())
    }
}

/// An HTTP status code as logged, 0 to 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u16);

impl Status {
    /// The status that exactly three ASCII digits spell, or `None`.
    #[inline]
    pub fn parse(digits: &[u8]) -> Option<Status> {
        match digits {
            [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => Some(Status(
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'),
            )),
            _ => None,
        }
    }

    /// Whether the client asked for something wrong (4xx): how soon it was refused is nothing to how long
    /// answers take.
    pub fn is_refusal(self) -> bool {
        self.class() == 4
    }

    /// The hundreds digit: 5 for 503.
    pub fn class(self) -> u16 {
        self.0 / 100
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// Why a line was not counted as a request. Every line that is not one has exactly one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reject {
    /// Nothing but white space.
    Blank,
    /// A comment or header line (`#Fields: …`).
    Comment,
    /// Well-formed, but it tells of no HTTP request: an application's log line, a banner.
    NoRequest,
    /// The request was never read: `"-"` or empty, as servers log time-outs and closed connections.
    EmptyRequest,
    /// The request line is no HTTP: TLS bytes on a plain port, a scanner's garbage.
    NotHttp,
    /// There is a request, but no status where the format has it (`-`, 0, not a number).
    NoStatus,
    /// There is a request, but its time is missing or can't be read.
    BadTime,
    /// Cut off in the middle: an unfinished JSON object or quoted field.
    Truncated,
    /// A part of a request, which a later line ends: read together with that one.
    Piece,
    /// Longer than a line may be (1 MiB).
    TooLong,
    /// The line has none of the shapes known for its file.
    Unrecognized,
}

impl Reject {
    /// Every reason, in the order in which reports list ties.
    pub const ALL: [Reject; 11] = [
        Reject::Blank,
        Reject::Comment,
        Reject::NoRequest,
        Reject::EmptyRequest,
        Reject::NotHttp,
        Reject::NoStatus,
        Reject::BadTime,
        Reject::Truncated,
        Reject::Piece,
        Reject::TooLong,
        Reject::Unrecognized,
    ];

    /// The reason's stable name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Reject::Blank => "blank",
            Reject::Comment => "comment",
            Reject::NoRequest => "no_request",
            Reject::EmptyRequest => "empty_request",
            Reject::NotHttp => "not_http",
            Reject::NoStatus => "no_status",
            Reject::BadTime => "bad_time",
            Reject::Truncated => "truncated",
            Reject::Piece => "piece",
            Reject::TooLong => "too_long",
            Reject::Unrecognized => "unrecognized",
        }
    }

    /// Its place in [`Reject::ALL`], for counting in arrays.
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_three_digits_and_nothing_else() {
        assert_eq!(Status::parse(b"503"), Some(Status(503)));
        assert_eq!(Status::parse(b"000"), Some(Status(0)));
        for bad in [&b""[..], b"50", b"5033", b"5x3", b"-", b" 50"] {
            assert_eq!(Status::parse(bad), None);
        }
        assert_eq!(Status(503).class(), 5);
    }

    #[test]
    fn each_reason_is_listed_once_at_its_own_index() {
        for (i, reason) in Reject::ALL.iter().enumerate() {
            assert_eq!(reason.index(), i);
        }
    }
}
