//! `quiet-day`: a day with fourteen changes on which nothing broke.
//!
//! 2024-06-05 at UTC+1, midnight to midnight. Errors come at a constant 0.2 %, plus eight bursts of
//! 3 to 10 of them within seconds: three while a service restarts, five by themselves. From 20:00
//! to 20:40 a television spot triples the traffic at the same error rate. Whoever accuses a change
//! here accuses it falsely.

use super::{Story, clock, local_ms};
use crate::logs::{Files, Hit, Log, Shape, litter};
use crate::rng::Rng;
use crate::traffic::{self, Client, MINUTE_MS, Route};

const OFFSET_H: i8 = 1;
/// Requests of an ordinary day, and those that the television spot adds.
const REQUESTS: u64 = 46_000;
const SURGE: u64 = 4000;
const SURGE_MINUTE: i64 = 20 * 60;
/// Requests that fail by themselves, in a million.
const NOISE: u64 = 2000;
const CUSTOMERS: u64 = 5200;

/// From midnight to midnight: (minute, weight).
const DAY: [(u64, u64); 9] = [
    (0, 22),
    (180, 10),
    (360, 18),
    (540, 70),
    (720, 88),
    (840, 80),
    (1200, 100),
    (1320, 74),
    (1440, 24),
];

/// When, at which service (of [`SERVICES`]), how many errors, within how many seconds, status.
const BURSTS: [(i8, i8, i8, usize, u64, u64, u16); 8] = [
    (1, 12, 40, 0, 4, 5, 503),
    (6, 47, 3, 1, 6, 8, 500),
    (9, 30, 21, 0, 8, 7, 502),
    (11, 3, 52, 2, 3, 3, 503),
    (14, 15, 19, 1, 10, 9, 502),
    (16, 40, 33, 0, 7, 10, 500),
    (18, 20, 12, 2, 5, 4, 502),
    (22, 31, 8, 1, 9, 11, 503),
];

const SERVICES: [&str; 3] = ["web", "api", "accounts"];

const ROUTES: [Route; 16] = [
    Route::new("web", "GET", "/", 26, 10, 14_800),
    Route::new("web", "GET", "/shop?page={page}", 16, 22, 19_000),
    Route::new("web", "GET", "/shop/{product}", 30, 18, 23_500),
    Route::new("web", "GET", "/help", 3, 8, 6100),
    Route::new("web", "POST", "/newsletter", 1, 40, 320),
    Route::new("api", "GET", "/v2/items/{product}", 24, 20, 2500),
    Route::new("api", "GET", "/v2/items/{product}/similar", 10, 45, 3900),
    Route::new("api", "GET", "/v2/basket/{uuid}", 12, 16, 1300),
    Route::new("api", "PUT", "/v2/basket/{uuid}", 8, 28, 1300),
    Route::new("api", "POST", "/v2/orders", 3, 120, 540),
    Route::new("api", "GET", "/v2/orders/{order}", 6, 30, 1700),
    Route::new("api", "GET", "/v2/search?q={word}", 11, 60, 4800),
    Route::new("accounts", "POST", "/session", 8, 70, 610),
    Route::new("accounts", "GET", "/profile", 9, 14, 880),
    Route::new("accounts", "PUT", "/profile", 1, 36, 880),
    Route::new("accounts", "POST", "/password-reset", 1, 90, 0),
];

/// Makes the sample.
pub fn make() -> Story {
    let mut rng = Rng::new(20_240_605);
    let start_ms = local_ms((2024, 6, 5), (0, 0, 0), OFFSET_H);
    let end_ms = start_ms + 24 * 60 * MINUTE_MS;
    let mut logs = [
        Log::new("web", "edge", "web.access.log", Shape::Combined, OFFSET_H),
        Log::new(
            "api",
            "edge",
            "api.access.log",
            Shape::CombinedTimed,
            OFFSET_H,
        ),
        Log::new(
            "accounts",
            "accounts-1",
            "accounts.json",
            Shape::Json,
            OFFSET_H,
        ),
    ];
    let (mut requests, mut errors) = (0, 0);
    let mut times = traffic::arrivals(&mut rng, REQUESTS, start_ms, &DAY);
    let surge_ms = start_ms + SURGE_MINUTE * MINUTE_MS;
    let surge = [(0, 100), (3, 140), (30, 120), (40, 60)];
    times.extend(traffic::arrivals(&mut rng, SURGE, surge_ms, &surge));
    for asked_ms in times {
        let route = traffic::pick(&ROUTES.each_ref(), &mut rng);
        let fault = traffic::background_error(&mut rng, NOISE);
        requests += 1;
        errors += u64::from(fault.is_some());
        request(&mut logs, &mut rng, asked_ms, route, fault);
    }
    let mut bursts = Vec::new();
    for (h, m, s, service, count, within_s, status) in BURSTS {
        let from_ms = local_ms((2024, 6, 5), (h, m, s), OFFSET_H);
        let routes: Vec<&Route> = ROUTES
            .iter()
            .filter(|r| r.service == SERVICES[service])
            .collect();
        for _ in 0..count {
            let asked_ms = from_ms + rng.below(within_s * 1000) as i64;
            let route = traffic::pick(&routes, &mut rng);
            let fault = Some((status, 3 + rng.below(9)));
            request(&mut logs, &mut rng, asked_ms, route, fault);
        }
        requests += count;
        errors += count;
        bursts.push(format!(
            "{} {}: {count} × {status}",
            clock(from_ms, OFFSET_H),
            SERVICES[service]
        ));
    }
    litter(&mut logs[0], &mut rng, start_ms, end_ms, 40 * 60_000);
    litter(&mut logs[1], &mut rng, start_ms, end_ms, 90 * 60_000);

    let mut files = Files::default();
    for log in logs {
        log.finish(&mut files, "logs", &[("-20240605.gz", end_ms)]);
    }
    files
        .0
        .insert("deploys.csv".to_owned(), MARKERS.as_bytes().to_vec());
    Story {
        name: "quiet-day",
        files,
        truth: vec![
            ("cause", "none: no incident".to_owned()),
            ("requests", requests.to_string()),
            ("errors", errors.to_string()),
            ("traffic surge", "20:00:00 to 20:40:00".to_owned()),
            ("bursts", bursts.join("; ")),
        ],
    }
}

fn request(
    logs: &mut [Log; 3],
    rng: &mut Rng,
    asked_ms: i64,
    route: &Route,
    fault: Option<(u16, u64)>,
) {
    let customer = rng.below(CUSTOMERS);
    let target = route.target(rng);
    let (status, bytes, took_ms) = match fault {
        Some((status, took_ms)) => (status, 157, took_ms),
        None => {
            let status = traffic::client_error(route, rng).unwrap_or(200);
            (status, route.answer_bytes(rng), route.took_ms(rng))
        }
    };
    let service = SERVICES
        .iter()
        .position(|&s| s == route.service)
        .unwrap_or(0);
    let hit = Hit {
        at_ms: asked_ms + took_ms as i64,
        client: Client::customer(customer),
        user: Some(50_000 + customer),
        method: route.method,
        target: &target,
        status,
        bytes,
        took_ms,
    };
    logs[service].hit(rng, &hit);
}

const MARKERS: &str = "\
id,kind,service,version,previous_version,at,author,description
q-1,infra,,,,2024-06-05T02:30:00+01:00,ops,certificates renewed
q-2,migration,accounts,,,2024-06-05T04:00:00+01:00,dba,profiles: new column
q-3,deploy,web,8.1.0,8.0.7,2024-06-05T09:30:00+01:00,j.ito,new footer
q-4,deploy,api,3.20.0,3.19.2,2024-06-05T10:05:00+01:00,c.weiss,basket: faster totals
q-5,flag,api,,,2024-06-05T10:40:00+01:00,c.weiss,similar-items-v2 at 10 %
q-6,deploy,accounts,1.14.0,1.13.5,2024-06-05T11:45:00+01:00,n.haddad,password hints
q-7,flag,api,,,2024-06-05T12:40:00+01:00,c.weiss,similar-items-v2 at 50 %
q-8,deploy,web,8.1.1,8.1.0,2024-06-05T13:20:00+01:00,j.ito,footer: links
q-9,deploy,api,3.20.1,3.20.0,2024-06-05T14:15:00+01:00,c.weiss,log levels
q-10,config,,,,2024-06-05T15:00:00+01:00,ops,edge: larger buffers
q-11,flag,api,,,2024-06-05T16:10:00+01:00,c.weiss,similar-items-v2 at 100 %
q-12,deploy,accounts,1.14.1,1.14.0,2024-06-05T18:20:00+01:00,n.haddad,translations
q-13,config,web,,,2024-06-05T19:30:00+01:00,ops,more instances for the evening
q-14,deploy,api,3.21.0,3.20.1,2024-06-05T21:50:00+01:00,c.weiss,order history: paging
";
