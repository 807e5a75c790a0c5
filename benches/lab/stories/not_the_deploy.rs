//! `not-the-deploy`: a payment provider fails, and no change is to blame.
//!
//! 2024-09-17 at UTC, 09:30 to 13:00. From 11:40 to 12:05 three of five calls that need the
//! provider fail in three services that share nothing else: 504 when the client gives up after 5 s,
//! 502 and 503 a little before. It recovers by itself. `checkout` was deployed 40 minutes before
//! the fault and is innocent; so are the changes before it and the flag after it.

use std::collections::BTreeMap;

use super::{Story, clock, local_ms};
use crate::logs::{Files, Hit, Log, Shape, litter};
use crate::rng::Rng;
use crate::traffic::{self, Client, Route};

const OFFSET_H: i8 = 0;
const REQUESTS: u64 = 23_000;
/// Requests that fail by themselves, in a million.
const NOISE: u64 = 1500;
/// Calls of the provider that fail while it is down, in a million.
const DOWN: u64 = 600_000;
const CUSTOMERS: u64 = 4000;

/// From 09:30 to 13:00: (minute, weight).
const DAY: [(u64, u64); 3] = [(0, 80), (120, 100), (210, 94)];

const SERVICES: [&str; 4] = ["checkout", "orders", "subscriptions", "storefront"];

/// What needs the payment provider.
const PAID: [Route; 6] = [
    Route::new("checkout", "POST", "/checkout/{uuid}/pay", 12, 240, 410),
    Route::new(
        "checkout",
        "GET",
        "/checkout/{uuid}/payment-status",
        16,
        90,
        260,
    ),
    Route::new("orders", "POST", "/orders/{order}/capture", 8, 210, 330),
    Route::new("orders", "POST", "/orders/{order}/refunds", 3, 230, 330),
    Route::new(
        "subscriptions",
        "POST",
        "/subscriptions/{order}/renew",
        7,
        260,
        290,
    ),
    Route::new(
        "subscriptions",
        "GET",
        "/payment-methods/{uuid}",
        9,
        80,
        610,
    ),
];

/// What does not.
const FREE: [Route; 11] = [
    Route::new("checkout", "POST", "/checkout", 10, 45, 700),
    Route::new("checkout", "GET", "/checkout/{uuid}", 18, 22, 1900),
    Route::new("checkout", "PUT", "/checkout/{uuid}/address", 6, 30, 900),
    Route::new("orders", "GET", "/orders/{order}", 24, 26, 1700),
    Route::new("orders", "GET", "/orders?page={page}", 12, 48, 6200),
    Route::new("orders", "POST", "/orders/{order}/cancel", 2, 60, 240),
    Route::new(
        "subscriptions",
        "GET",
        "/subscriptions/{order}",
        11,
        20,
        1100,
    ),
    Route::new(
        "subscriptions",
        "PUT",
        "/subscriptions/{order}",
        3,
        41,
        1100,
    ),
    Route::new("storefront", "GET", "/", 25, 12, 15_300),
    Route::new("storefront", "GET", "/p/{product}", 40, 17, 21_900),
    Route::new("storefront", "GET", "/search?q={word}", 14, 58, 9800),
];

/// Makes the sample.
pub fn make() -> Story {
    let mut rng = Rng::new(20_240_925);
    let at = |h, m, s| local_ms((2024, 9, 17), (h, m, s), OFFSET_H);
    let (start_ms, end_ms) = (at(9, 30, 0), at(13, 0, 0));
    let down = at(11, 40, 0)..at(12, 5, 0);
    let mut logs = [
        Log::new(
            "checkout",
            "checkout-1",
            "checkout.access.log",
            Shape::CombinedTimed,
            OFFSET_H,
        ),
        Log::new("orders", "orders-1", "orders.json", Shape::Json, OFFSET_H),
        Log::new(
            "subscriptions",
            "subscriptions-1",
            "subscriptions.log",
            Shape::Logfmt,
            OFFSET_H,
        ),
        Log::new(
            "storefront",
            "storefront-1",
            "storefront.access.log",
            Shape::Combined,
            OFFSET_H,
        ),
    ];
    let routes: Vec<&Route> = PAID.iter().chain(&FREE).collect();
    let mut endpoints: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
    for asked_ms in traffic::arrivals(&mut rng, REQUESTS, start_ms, &DAY) {
        let route = traffic::pick(&routes, &mut rng);
        let needs_provider = PAID.iter().any(|p| p.path == route.path);
        let is_down = needs_provider && down.contains(&asked_ms);
        let failed = is_down && rng.chance(DOWN);
        let (status, bytes, took_ms) = if failed {
            let (status, took_ms) = provider_error(&mut rng);
            (status, 164, took_ms)
        } else if let Some((status, took_ms)) = traffic::background_error(&mut rng, NOISE) {
            (status, 157, took_ms)
        } else {
            let status = traffic::client_error(route, &mut rng).unwrap_or(200);
            (
                status,
                route.answer_bytes(&mut rng),
                route.took_ms(&mut rng),
            )
        };
        let at_ms = asked_ms + took_ms as i64;
        if is_down {
            let path = route.path.replace("{order}", "{id}");
            let name = format!("{} {} {path}", route.service, route.method);
            let (requests, failures) = endpoints.entry(name).or_default();
            *requests += 1;
            *failures += u64::from(failed);
        }
        if failed {
            (first_ms, last_ms) = (first_ms.min(at_ms), last_ms.max(at_ms));
        }
        let customer = rng.below(CUSTOMERS);
        let target = route.target(&mut rng);
        let service = SERVICES
            .iter()
            .position(|&s| s == route.service)
            .unwrap_or(0);
        let hit = Hit {
            at_ms,
            client: Client::customer(customer),
            user: Some(70_000 + customer),
            method: route.method,
            target: &target,
            status,
            bytes,
            took_ms,
        };
        logs[service].hit(&mut rng, &hit);
    }
    for log in [0, 3] {
        litter(&mut logs[log], &mut rng, start_ms, end_ms, 30 * 60_000);
    }

    let mut files = Files::default();
    let rotated = at(11, 0, 0);
    for log in logs {
        log.finish(&mut files, "logs", &[(".1.gz", rotated), ("", end_ms)]);
    }
    files
        .0
        .insert("deploys.ndjson".to_owned(), MARKERS.as_bytes().to_vec());
    let mut truth = vec![
        (
            "cause",
            "none of the changes: the payment provider, in three services".to_owned(),
        ),
        ("first failure", clock(first_ms, OFFSET_H)),
        ("last failure", clock(last_ms, OFFSET_H)),
    ];
    truth.extend(
        endpoints
            .into_iter()
            .map(|(endpoint, (requests, failures))| {
                (
                    "endpoint",
                    format!("`{endpoint}`: {failures} of {requests} requests"),
                )
            }),
    );
    Story {
        name: "not-the-deploy",
        files,
        truth,
    }
}

/// A failed call of the provider: mostly our own time-out at 5 s, else the provider's gateway
/// after nearly as long.
fn provider_error(rng: &mut Rng) -> (u16, u64) {
    match rng.below(10) {
        0..=5 => (504, 5000 + rng.below(12)),
        6..=7 => (502, 4300 + rng.below(650)),
        _ => (503, 4600 + rng.below(390)),
    }
}

const MARKERS: &str = r#"{"id":"n-1","kind":"deploy","service":"storefront","version":"2.31.0","previous_version":"2.30.4","at":"2024-09-17T08:55:00Z","finished_at":"2024-09-17T08:57:00Z","author":"d.klein","description":"search box: suggestions"}
{"id":"n-2","kind":"config","service":"orders","at":"2024-09-17T10:20:00Z","author":"ops","description":"log retention: 30 days"}
{"id":"n-3","kind":"deploy","service":"checkout","version":"4.7.0","previous_version":"4.6.2","at":"2024-09-17T11:00:00Z","finished_at":"2024-09-17T11:01:20Z","author":"a.rossi","description":"address form: fewer fields","commit":"c51e22d0","endpoints":["/checkout/{id}/address"],"files":["src/address/form.ts"]}
{"id":"n-4","kind":"flag","service":"storefront","at":"2024-09-17T12:40:00Z","author":"d.klein","description":"autumn banner on"}
"#;
