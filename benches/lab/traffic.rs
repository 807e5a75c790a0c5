//! Who asks for what, and when: clients, routes, arrivals, latencies and background noise.
//!
//! Comes in: a story's tables (routes with weights, the shape of a day). Goes out: times, targets
//! and statuses, drawn from the story's stream. Knows no file, no log format and no fault.

use crate::rng::{MILLION, Rng, mix};

/// A minute, in milliseconds.
pub const MINUTE_MS: i64 = 60_000;

/// One endpoint of a service, and how it behaves on a good day.
pub struct Route {
    pub service: &'static str,
    pub method: &'static str,
    /// The target; `{product}` and the like are filled in by [`Route::target`].
    pub path: &'static str,
    /// How often it is asked for, relative to its neighbours in the table.
    pub weight: u64,
    /// The fastest it answers; the median is about 1.4 times that.
    pub fastest_ms: u64,
    /// The size of a typical answer.
    pub bytes: u64,
}

const WORDS: [&str; 16] = [
    "kettle",
    "desk+lamp",
    "rug",
    "wool+socks",
    "tent",
    "mug",
    "notebook",
    "chair",
    "candle",
    "rain+jacket",
    "lunch+box",
    "shelf",
    "curtain",
    "hammock",
    "pillow",
    "toaster",
];

impl Route {
    /// A row of a table of routes: the fields in order.
    pub const fn new(
        service: &'static str,
        method: &'static str,
        path: &'static str,
        weight: u64,
        fastest_ms: u64,
        bytes: u64,
    ) -> Route {
        Route {
            service,
            method,
            path,
            weight,
            fastest_ms,
            bytes,
        }
    }

    /// The target of one request, with the placeholders of `path` filled in.
    pub fn target(&self, rng: &mut Rng) -> String {
        let mut target = String::with_capacity(64);
        let mut rest = self.path;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (name, tail) = tail.split_once('}').unwrap_or((tail, ""));
            target.push_str(literal);
            target.push_str(&fill(name, rng));
            rest = tail;
        }
        target + rest
    }

    /// How long one good answer takes: bounded below, with a tail that reaches 8 times the fastest.
    pub fn took_ms(&self, rng: &mut Rng) -> u64 {
        let tail = rng.below(1000);
        let spread = 200 + rng.below(400) + 7 * tail * tail / 1000 * tail / 1000;
        self.fastest_ms + self.fastest_ms * spread / 1000
    }

    /// The size of one answer, within a quarter of the typical one.
    pub fn answer_bytes(&self, rng: &mut Rng) -> u64 {
        self.bytes * (750 + rng.below(500)) / 1000
    }
}

/// One value of a placeholder: small products are asked for more often than large ones.
fn fill(name: &str, rng: &mut Rng) -> String {
    match name {
        "product" => (100 + rng.below(1900).min(rng.below(1900))).to_string(),
        "order" => (884_000 + rng.below(9000)).to_string(),
        "invoice" => (31_000 + rng.below(5000)).to_string(),
        "store" => (1 + rng.below(42)).to_string(),
        "page" => (1 + rng.below(9).min(rng.below(9))).to_string(),
        "zip" => (10_000 + rng.below(89_999)).to_string(),
        "word" => WORDS[rng.below(WORDS.len() as u64) as usize].to_owned(),
        "uuid" => uuid(rng.bits(), rng.bits()),
        other => unreachable!("no placeholder {other:?} in the tables"),
    }
}

/// A version 4 UUID of the given bits.
pub fn uuid(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// One of `routes`, by weight.
pub fn pick<'a>(routes: &[&'a Route], rng: &mut Rng) -> &'a Route {
    let mut at = rng.below(routes.iter().map(|r| r.weight).sum());
    for &route in routes {
        if at < route.weight {
            return route;
        }
        at -= route.weight;
    }
    unreachable!("a draw below the sum of the weights falls on a route")
}

/// Somebody with one address and one program. Addresses are of 100.64.0.0/10 (RFC 6598) and
/// 198.18.0.0/15 (RFC 2544), which nobody on the public net has.
#[derive(Clone, Copy)]
pub struct Client {
    pub ip: [u8; 4],
    pub agent: &'static str,
}

const APPS: [&str; 5] = [
    "Larder/5.12.1 (iOS 17.4)",
    "Larder/5.11.0 (iOS 16.7)",
    "Larder/5.12.1 (Android 14)",
    "Larder/5.10.3 (Android 12)",
    "okhttp/4.12.0",
];

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:124.0) Gecko/20100101 Firefox/124.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/123.0.0.0 Safari/537.36",
];

const BOTS: [&str; 3] = [
    "Mozilla/5.0 (compatible; examplebot/2.1; +http://example.com/bot)",
    "curl/8.5.0",
    "python-requests/2.31.0",
];

impl Client {
    /// Customer number `n`: three in four use an app, the rest a browser. No two share an address.
    pub fn customer(n: u64) -> Client {
        // An odd factor makes this a permutation of 0..2²², the addresses of a /10.
        let host = n.wrapping_mul(2_654_435_761).wrapping_add(0x15_5555) & 0x3f_ffff;
        let hash = mix(n ^ 0xa9e7);
        let agents: &[&str] = if hash & 3 == 0 { &BROWSERS } else { &APPS };
        Client {
            ip: [100, 64 + (host >> 16) as u8, (host >> 8) as u8, host as u8],
            agent: agents[(hash >> 8) as usize % agents.len()],
        }
    }

    /// Crawler or scanner number `n`.
    pub fn bot(n: u64) -> Client {
        let hash = mix(n ^ 0xb075);
        Client {
            ip: [198, 18, hash as u8, 1 + (hash >> 8) as u8 % 250],
            agent: BOTS[(hash >> 32) as usize % BOTS.len()],
        }
    }

    /// Whether it shows web pages.
    pub fn is_browser(&self) -> bool {
        BROWSERS.contains(&self.agent)
    }
}

/// `count` times in order, independent of each other, as dense as `shape` says: points of
/// (minute since `from_ms`, weight), linear in between; the last point's minute is the end.
pub fn arrivals(rng: &mut Rng, count: u64, from_ms: i64, shape: &[(u64, u64)]) -> Vec<i64> {
    let mut cumulative = vec![0];
    for pair in shape.windows(2) {
        let [(m0, w0), (m1, w1)] = [pair[0], pair[1]];
        for minute in m0..m1 {
            let weight = (w0 * (m1 - minute) + w1 * (minute - m0)) * 1000 / (m1 - m0);
            cumulative.push(cumulative[cumulative.len() - 1] + weight);
        }
    }
    let total = cumulative[cumulative.len() - 1];
    let mut times: Vec<i64> = (0..count)
        .map(|_| {
            let at = rng.below(total);
            let minute = cumulative.partition_point(|&c| c <= at) as i64 - 1;
            from_ms + minute * MINUTE_MS + rng.below(MINUTE_MS as u64) as i64
        })
        .collect();
    times.sort_unstable();
    times
}

/// What goes wrong by itself: in `parts` of a million requests a 5xx with how long it took.
pub fn background_error(rng: &mut Rng, parts: u64) -> Option<(u16, u64)> {
    if !rng.chance(parts) {
        return None;
    }
    Some(match rng.below(10) {
        0..=3 => (500, 15 + rng.below(120)),
        4..=6 => (502, 2 + rng.below(60)),
        7..=8 => (503, 1 + rng.below(20)),
        // The proxy gives up after 10 s.
        _ => (504, 10_000 + rng.below(8)),
    })
}

/// What clients do wrong: the 4xx of a route, if this request is one.
pub fn client_error(route: &Route, rng: &mut Rng) -> Option<u16> {
    let (status, parts) = match (route.method, route.path) {
        ("POST", path) if path.ends_with("/login") => (401, 30_000),
        ("POST" | "PUT", _) => (422, 6_000),
        (_, path) if path.contains('{') => (404, 9_000),
        _ => (499, 1_500),
    };
    rng.chance(parts).then_some(status)
}

/// `0..n` in random order (Fisher and Yates).
pub fn shuffled(rng: &mut Rng, n: u64) -> Vec<u64> {
    let mut deck: Vec<u64> = (0..n).collect();
    for i in (1..deck.len()).rev() {
        deck.swap(i, rng.below(i as u64 + 1) as usize);
    }
    deck
}

/// A pause between two clicks: 1 to 75 s, half of them under 12 s.
pub fn think_ms(rng: &mut Rng) -> i64 {
    let least = rng
        .below(MILLION)
        .min(rng.below(MILLION))
        .min(rng.below(MILLION));
    1000 + (least * 74_000 / MILLION) as i64
}
