//! One request → one line: combined, JSON and logfmt, by appending bytes and nothing else.

use clap::ValueEnum;
use jiff::{Timestamp, tz::TimeZone};

use crate::population::{Endpoint, User};
use crate::rng::Rng;

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// nginx combined.
    Combined,
    /// JSON lines.
    Json,
    /// key=value pairs.
    Logfmt,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RequestTime {
    /// ` rt=0.123`.
    Rt,
    /// ` 0.123`.
    Plain,
    /// Nothing: plain combined.
    None,
}

/// One request, drawn.
pub struct Request<'a> {
    pub user: &'a User,
    /// `None` is one of the flood.
    pub endpoint: Option<&'a Endpoint>,
    pub status: u64,
    pub bytes: u64,
    pub took_ms: u64,
}

/// Writes one request as a line of `format`, with its newline.
pub fn line(
    out: &mut Vec<u8>,
    rng: &mut Rng,
    stamp: &[u8],
    request: &Request<'_>,
    format: Format,
    request_time: RequestTime,
) {
    match format {
        Format::Combined => combined(out, rng, stamp, request, request_time),
        Format::Json => json(out, rng, stamp, request),
        Format::Logfmt => logfmt(out, rng, stamp, request),
    }
    out.push(b'\n');
}

fn combined(
    out: &mut Vec<u8>,
    rng: &mut Rng,
    stamp: &[u8],
    request: &Request<'_>,
    request_time: RequestTime,
) {
    out.extend_from_slice(request.user.ip.as_bytes());
    out.extend_from_slice(b" - - [");
    out.extend_from_slice(stamp);
    out.extend_from_slice(b"] \"");
    out.extend_from_slice(method(request).as_bytes());
    out.push(b' ');
    target(out, rng, request);
    out.extend_from_slice(b" HTTP/1.1\" ");
    number(out, request.status);
    out.push(b' ');
    number(out, request.bytes);
    out.extend_from_slice(b" \"-\" \"");
    out.extend_from_slice(request.user.agent.as_bytes());
    out.push(b'"');
    match request_time {
        RequestTime::None => return,
        RequestTime::Rt => out.extend_from_slice(b" rt="),
        RequestTime::Plain => out.push(b' '),
    }
    seconds(out, request.took_ms);
}

fn json(out: &mut Vec<u8>, rng: &mut Rng, stamp: &[u8], request: &Request<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    out.extend_from_slice(stamp);
    out.extend_from_slice(b"\",\"level\":\"");
    out.extend_from_slice(level(request).as_bytes());
    out.extend_from_slice(b"\",\"service\":\"shop\",\"host\":\"shop-");
    number(out, 1 + rng.below(8));
    out.extend_from_slice(b"\",\"client_ip\":\"");
    out.extend_from_slice(request.user.ip.as_bytes());
    out.extend_from_slice(b"\",\"method\":\"");
    out.extend_from_slice(method(request).as_bytes());
    out.extend_from_slice(b"\",\"path\":\"");
    target(out, rng, request);
    out.extend_from_slice(b"\",\"status\":");
    number(out, request.status);
    out.extend_from_slice(b",\"bytes\":");
    number(out, request.bytes);
    out.extend_from_slice(b",\"duration_ms\":");
    number(out, request.took_ms);
    out.extend_from_slice(b",\"user_agent\":\"");
    out.extend_from_slice(request.user.agent.as_bytes());
    out.extend_from_slice(b"\",\"request_id\":\"");
    uuid(out, rng);
    out.extend_from_slice(b"\",\"message\":\"request completed\"}");
}

fn logfmt(out: &mut Vec<u8>, rng: &mut Rng, stamp: &[u8], request: &Request<'_>) {
    out.extend_from_slice(b"ts=");
    out.extend_from_slice(stamp);
    out.extend_from_slice(b" level=");
    out.extend_from_slice(level(request).as_bytes());
    out.extend_from_slice(b" service=shop host=shop-");
    number(out, 1 + rng.below(8));
    out.extend_from_slice(b" remote=");
    out.extend_from_slice(request.user.ip.as_bytes());
    out.extend_from_slice(b" method=");
    out.extend_from_slice(method(request).as_bytes());
    out.extend_from_slice(b" path=");
    target(out, rng, request);
    out.extend_from_slice(b" status=");
    number(out, request.status);
    out.extend_from_slice(b" bytes=");
    number(out, request.bytes);
    out.extend_from_slice(b" duration=");
    number(out, request.took_ms);
    out.extend_from_slice(b"ms agent=\"");
    out.extend_from_slice(request.user.agent.as_bytes());
    out.push(b'"');
}

fn method(request: &Request<'_>) -> &'static str {
    request.endpoint.map_or("GET", |e| e.method)
}

fn level(request: &Request<'_>) -> &'static str {
    if request.status >= 500 {
        "error"
    } else {
        "info"
    }
}

fn target(out: &mut Vec<u8>, rng: &mut Rng, request: &Request<'_>) {
    match request.endpoint {
        Some(endpoint) => endpoint.write_target(out, rng),
        None => {
            // Letters only, so that no rule for ids folds them.
            out.push(b'/');
            let mut bits = rng.bits();
            for _ in 0..13 {
                out.push(b'g' + (bits % 19) as u8);
                bits /= 19;
            }
        }
    }
}

/// A number in decimal.
pub fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Milliseconds as `S.mmm`.
fn seconds(out: &mut Vec<u8>, ms: u64) {
    number(out, ms / 1000);
    out.push(b'.');
    for unit in [100, 10, 1] {
        out.push(b'0' + (ms / unit % 10) as u8);
    }
}

/// A version 4 UUID.
pub fn uuid(out: &mut Vec<u8>, rng: &mut Rng) {
    let mut bits = (u128::from(rng.bits()) << 64) | u128::from(rng.bits());
    for &shape in b"xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx" {
        if shape == b'x' {
            out.push(b"0123456789abcdef"[(bits & 15) as usize]);
            bits >>= 4;
        } else {
            out.push(shape);
        }
    }
}

/// The time of second `now_s` as the format prints it.
pub fn stamp(now_s: u64, format: Format) -> Vec<u8> {
    let pattern = match format {
        Format::Combined => "%d/%b/%Y:%H:%M:%S +0000",
        Format::Json | Format::Logfmt => "%Y-%m-%dT%H:%M:%SZ",
    };
    Timestamp::from_second(now_s as i64)
        .expect("at most ten years after 2024")
        .to_zoned(TimeZone::UTC)
        .strftime(pattern)
        .to_string()
        .into_bytes()
}
