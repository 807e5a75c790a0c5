//! Who asks a big log's service, and for what: endpoints and users by number, ready for printing.

use crate::rng::{Rng, mix};
use crate::shapes::{number, uuid};

/// The part of the users that an incident hits, in percent.
const AFFECTED_PERCENT: u64 = 15;

/// What stands after a literal in a path.
#[derive(Clone, Copy)]
enum Slot {
    Nothing,
    Id,
    Uuid,
    Page,
}

/// One endpoint: what its paths are made of.
pub struct Endpoint {
    pub method: &'static str,
    pieces: Vec<(String, Slot)>,
    pub fastest_ms: u64,
    pub bytes: u64,
}

const NOUNS: [&str; 40] = [
    "orders",
    "products",
    "carts",
    "users",
    "invoices",
    "payments",
    "sessions",
    "reviews",
    "stores",
    "coupons",
    "shipments",
    "returns",
    "messages",
    "devices",
    "reports",
    "teams",
    "projects",
    "files",
    "images",
    "comments",
    "events",
    "alerts",
    "rules",
    "plans",
    "quotes",
    "offers",
    "suppliers",
    "warehouses",
    "routes",
    "drivers",
    "tickets",
    "agents",
    "campaigns",
    "segments",
    "audiences",
    "templates",
    "exports",
    "imports",
    "tokens",
    "webhooks",
];

/// The endpoints of one resource: method, slot after its name, what follows, slot after that.
const SHAPES: [(&str, Slot, &str, Slot); 10] = [
    ("GET", Slot::Id, "", Slot::Nothing),
    ("GET", Slot::Page, "", Slot::Nothing),
    ("POST", Slot::Nothing, "", Slot::Nothing),
    ("GET", Slot::Id, "/items", Slot::Nothing),
    ("GET", Slot::Nothing, "/by-key", Slot::Uuid),
    ("PUT", Slot::Id, "", Slot::Nothing),
    ("GET", Slot::Id, "/items", Slot::Id),
    ("GET", Slot::Nothing, "/summary", Slot::Nothing),
    ("DELETE", Slot::Id, "", Slot::Nothing),
    ("POST", Slot::Id, "/actions", Slot::Nothing),
];

impl Endpoint {
    /// Endpoint number `n`; no two have the same method and template.
    pub fn number(n: usize) -> Endpoint {
        let (method, first, tail, second) = SHAPES[n % SHAPES.len()];
        let resource = n / SHAPES.len();
        let (noun, version) = (NOUNS[resource % NOUNS.len()], 1 + resource / NOUNS.len());
        let hash = mix(n as u64);
        Endpoint {
            method,
            pieces: vec![
                (format!("/api/v{version}/{noun}"), first),
                (tail.to_owned(), second),
            ],
            fastest_ms: 4 + hash % 90,
            bytes: 120 + (hash >> 32) % 9000,
        }
    }

    pub fn template(&self) -> String {
        let mut text = format!("{} ", self.method);
        for (literal, slot) in &self.pieces {
            text.push_str(literal);
            text.push_str(match slot {
                Slot::Nothing | Slot::Page => "",
                Slot::Id => "/{id}",
                Slot::Uuid => "/{uuid}",
            });
        }
        text
    }

    pub fn write_target(&self, out: &mut Vec<u8>, rng: &mut Rng) {
        for (literal, slot) in &self.pieces {
            out.extend_from_slice(literal.as_bytes());
            match slot {
                Slot::Nothing => {}
                Slot::Id => {
                    out.push(b'/');
                    number(out, 1 + rng.below(900_000));
                }
                Slot::Uuid => {
                    out.push(b'/');
                    uuid(out, rng);
                }
                Slot::Page => {
                    out.extend_from_slice(b"?page=");
                    number(out, 1 + rng.below(30));
                }
            }
        }
    }
}

/// One user, ready for printing.
pub struct User {
    pub ip: String,
    pub agent: &'static str,
    pub affected: bool,
}

const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4) AppleWebKit/605",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/123.0",
    "ShopApp/7.3.1 (Android 14; Pixel 7)",
    "okhttp/4.12.0",
    "python-requests/2.31.0",
];

impl User {
    pub fn number(n: u64, seed: u64) -> User {
        // A permutation of the 2²² addresses of 100.64.0.0/10 (RFC 6598).
        let host = n.wrapping_mul(2_654_435_761) & 0x3f_ffff;
        let hash = mix(n ^ seed);
        User {
            ip: format!(
                "100.{}.{}.{}",
                64 + (host >> 16),
                (host >> 8) & 255,
                host & 255
            ),
            agent: AGENTS[(hash >> 32) as usize % AGENTS.len()],
            affected: hash % 100 < AFFECTED_PERCENT,
        }
    }
}
