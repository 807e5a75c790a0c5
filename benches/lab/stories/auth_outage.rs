//! `auth-outage`: a deploy of the API's auth middleware locks a fixed 15 % of the users out.
//!
//! 2024-04-10 at UTC−7. At 09:00:00 `api` 2.4.0 rolls out over three hosts within 40 s; from then
//! on every authenticated request of the users whose tokens an old key signed ends in a fast 500.
//! Public endpoints and the other services stay well. The rollback of 11:00:00 restarts the last
//! host at 11:01:30. A migration, a network change and a deploy of `web` came earlier and are
//! innocent. The logs end at 12:00.

mod seen;
mod shop;

use seen::Seen;
use shop::{
    CHARGE, INVOICE, LOGIN, MARKERS, ME, METHODS, ORDER, ORDERS, PAGES, PROBES, PUBLIC, QUERY,
};

use super::{Story, local_ms};
use crate::logs::{Files, Hit, Log, Shape, litter};
use crate::rng::{Rng, mix};
use crate::traffic::{self, Client, MINUTE_MS, Route};

const OFFSET_H: i8 = -7;
const HOSTS: [&str; 3] = ["api-1", "api-2", "api-3"];
/// Seconds after 09:00:00 at which each host runs 2.4.0, and after 11:00:00 at which it is back.
const ROLLOUT_S: [i64; 3] = [4, 21, 38];
const ROLLBACK_S: [i64; 3] = [18, 54, 90];

/// Customers active while the fault lasts, and those seen only before or after it.
const ACTIVE: u64 = 3000;
const OTHERS: u64 = 600;
/// Customers locked out: 15 % of the active ones.
const AFFECTED: usize = 450;
/// Requests that fail by themselves, in a million.
const NOISE: u64 = 1500;

/// Visits by signed-in customers, were all six hours ordinary; and those dealt out instead from
/// 09:01 to 10:59, about as many a minute, so that each active customer gets one.
const VISITS: u64 = 8400;
const VISITS_INSIDE: u64 = 3300;
/// Visits by people who only look around.
const PASSERS_BY: u64 = 2400;

/// Requests from 06:00 to 12:00, relative to each other: (minute, weight).
const DAY: [(u64, u64); 5] = [(0, 38), (90, 64), (180, 92), (280, 100), (360, 96)];

struct World {
    rng: Rng,
    start_ms: i64,
    deploy_ms: i64,
    rollback_ms: i64,
    end_ms: i64,
    affected: Vec<bool>,
    api: Vec<Log>,
    app: Vec<Log>,
    web: Log,
    search: Log,
    billing: Log,
    seen: Seen,
}

/// Makes the sample.
pub fn make() -> Story {
    let mut world = World::new();
    world.customers();
    world.passers_by();
    world.machines();
    world.finish()
}

impl World {
    fn new() -> World {
        let at = |h, m, s| local_ms((2024, 4, 10), (h, m, s), OFFSET_H);
        let mut by_hash: Vec<u64> = (0..ACTIVE).collect();
        by_hash.sort_by_key(|&user| mix(user ^ 0x6b65_7973));
        let mut affected = vec![false; (ACTIVE + OTHERS) as usize];
        for &user in &by_hash[..AFFECTED] {
            affected[user as usize] = true;
        }
        let log = |service, host, name, shape| Log::new(service, host, name, shape, OFFSET_H);
        World {
            rng: Rng::new(20_240_415),
            start_ms: at(6, 0, 0),
            deploy_ms: at(9, 0, 0),
            rollback_ms: at(11, 0, 0),
            end_ms: at(12, 0, 0),
            affected,
            api: HOSTS
                .iter()
                .map(|host| log("api", host, "api.access.log", Shape::CombinedTimed))
                .collect(),
            app: HOSTS
                .iter()
                .map(|host| log("api", host, "api.app.log", Shape::Json))
                .collect(),
            web: log("web", "web-1", "web.access.log", Shape::Combined),
            search: log("search", "search-1", "search.log", Shape::Logfmt),
            billing: log("billing", "billing-1", "billing.json.log", Shape::Json),
            seen: Seen::default(),
        }
    }

    /// Visits of signed-in customers. While the fault lasts each of them comes at least once.
    fn customers(&mut self) {
        let visits = traffic::arrivals(&mut self.rng, VISITS, self.start_ms, &DAY);
        for at_ms in visits {
            if (self.deploy_ms - MINUTE_MS..self.rollback_ms + MINUTE_MS).contains(&at_ms) {
                continue;
            }
            // The others' last visits are over well before the deploy, their first ones come well
            // after the rollback: who is active in between is known exactly.
            let apart =
                at_ms < self.deploy_ms - 20 * MINUTE_MS || at_ms > self.rollback_ms + 5 * MINUTE_MS;
            let user = self.rng.below(if apart { ACTIVE + OTHERS } else { ACTIVE });
            self.visit(at_ms, user);
        }
        let inside = [(0, 92), (100, 100), (118, 100)];
        let from_ms = self.deploy_ms + MINUTE_MS;
        let visits = traffic::arrivals(&mut self.rng, VISITS_INSIDE, from_ms, &inside);
        let mut deck: Vec<u64> = (0..ACTIVE).collect();
        deck.extend((ACTIVE..VISITS_INSIDE).map(|_| self.rng.below(ACTIVE)));
        let order = traffic::shuffled(&mut self.rng, VISITS_INSIDE);
        for (at_ms, card) in visits.into_iter().zip(order) {
            self.visit(at_ms, deck[card as usize]);
        }
        // The two minutes at the edges, in which hosts of both versions answer.
        for edge_ms in [self.deploy_ms - MINUTE_MS, self.rollback_ms - MINUTE_MS] {
            for at_ms in traffic::arrivals(&mut self.rng, 56, edge_ms, &[(0, 1), (2, 1)]) {
                let user = self.rng.below(ACTIVE);
                self.visit(at_ms, user);
            }
        }
    }

    /// One visit: signs in or opens the app, then clicks around.
    fn visit(&mut self, start_ms: i64, user: u64) {
        let client = Client::customer(user);
        let mut at_ms = start_ms;
        if client.is_browser() {
            self.page(at_ms, client);
            at_ms += 300 + self.rng.below(900) as i64;
        }
        let first = traffic::pick(&[&LOGIN, &ME], &mut self.rng);
        if !self.patient(&mut at_ms, client, user, first) {
            return;
        }
        let next: Vec<&Route> = PUBLIC.iter().chain([&ORDER, &ORDERS]).collect();
        for _ in 0..self.rng.below(4) + self.rng.below(3) {
            at_ms += traffic::think_ms(&mut self.rng);
            if client.is_browser() && self.rng.below(5) == 0 {
                self.page(at_ms, client);
            }
            let route = traffic::pick(&next, &mut self.rng);
            if !self.patient(&mut at_ms, client, user, route) {
                return;
            }
        }
    }

    /// One request with up to two more tries while it fails; false if the customer gives up then.
    fn patient(&mut self, at_ms: &mut i64, client: Client, user: u64, route: &Route) -> bool {
        let target = route.target(&mut self.rng);
        for _ in 0..3 {
            if self.call(*at_ms, client, Some(user), route, &target) < 500 {
                return true;
            }
            *at_ms += 2000 + self.rng.below(6000) as i64;
            if self.rng.below(5) < 2 {
                break;
            }
        }
        self.rng.below(10) < 4
    }

    /// One request to `api`, with the calls that it causes in other services.
    fn call(
        &mut self,
        asked_ms: i64,
        client: Client,
        user: Option<u64>,
        route: &Route,
        target: &str,
    ) -> u16 {
        if asked_ms >= self.end_ms - 1000 {
            return 200;
        }
        let host = self.rng.below(HOSTS.len() as u64) as usize;
        let guarded = [&LOGIN, &ME, &ORDER, &ORDERS]
            .iter()
            .any(|g| (g.method, g.path) == (route.method, route.path));
        let broken = (self.deploy_ms + ROLLOUT_S[host] * 1000
            ..self.rollback_ms + ROLLBACK_S[host] * 1000)
            .contains(&asked_ms);
        let locked_out = guarded && broken && user.is_some_and(|u| self.affected[u as usize]);
        let (status, bytes, took_ms) = if locked_out {
            (500, 96, 6 + self.rng.below(9))
        } else if let Some((status, took_ms)) = traffic::background_error(&mut self.rng, NOISE) {
            (status, 157, took_ms)
        } else {
            let status = traffic::client_error(route, &mut self.rng);
            let good = if route.bytes == 0 { 204 } else { 200 };
            let bytes = route.answer_bytes(&mut self.rng);
            (status.unwrap_or(good), bytes, route.took_ms(&mut self.rng))
        };
        let at_ms = asked_ms + took_ms as i64;
        let (method, rng) = (route.method, &mut self.rng);
        let hit = Hit {
            at_ms,
            client,
            user: None,
            method,
            target,
            status,
            bytes,
            took_ms,
        };
        self.api[host].hit(rng, &hit);
        if guarded && let Some(user) = user {
            let window = self.deploy_ms..self.rollback_ms + 2 * MINUTE_MS;
            self.seen
                .note(route, at_ms, user, locked_out, window.contains(&at_ms));
        }
        if locked_out {
            self.token_error(host, at_ms);
        } else if status == 500 {
            self.other_error(host, at_ms);
        }
        if status == 200 {
            self.downstream(at_ms, client, user, route);
        }
        status
    }

    fn downstream(&mut self, at_ms: i64, client: Client, user: Option<u64>, route: &Route) {
        if route.path.starts_with("/api/v1/search") {
            self.serve(at_ms - 20, client, None, &QUERY);
        } else if route.path == ORDER.path {
            self.serve(at_ms - 10, client, user, &METHODS);
            self.serve(at_ms + 400, client, user, &CHARGE);
        } else if route.path == ORDERS.path && self.rng.below(3) == 0 {
            self.serve(at_ms + 900, client, user, &INVOICE);
        }
    }

    /// One request to a service with a single log.
    fn serve(&mut self, asked_ms: i64, client: Client, user: Option<u64>, route: &Route) {
        let took_ms = route.took_ms(&mut self.rng);
        let (status, took_ms) =
            traffic::background_error(&mut self.rng, NOISE).unwrap_or_else(|| {
                (
                    traffic::client_error(route, &mut self.rng).unwrap_or(200),
                    took_ms,
                )
            });
        let bytes = route.answer_bytes(&mut self.rng);
        let target = route.target(&mut self.rng);
        let at_ms = asked_ms + took_ms as i64;
        if at_ms >= self.end_ms {
            return;
        }
        let user = user.map(account);
        let (method, target) = (route.method, target.as_str());
        let hit = Hit {
            at_ms,
            client,
            user,
            method,
            target,
            status,
            bytes,
            took_ms,
        };
        let log = match route.service {
            "search" => &mut self.search,
            "billing" => &mut self.billing,
            _ => &mut self.web,
        };
        log.hit(&mut self.rng, &hit);
    }

    fn page(&mut self, at_ms: i64, client: Client) {
        let page = traffic::pick(&PAGES.each_ref(), &mut self.rng);
        self.serve(at_ms, client, None, page);
    }

    /// People without an account: pages, and the public part of the API.
    fn passers_by(&mut self) {
        for start_ms in traffic::arrivals(&mut self.rng, PASSERS_BY, self.start_ms, &DAY) {
            let client = Client::customer(100_000 + self.rng.below(1800));
            let mut at_ms = start_ms;
            for _ in 0..1 + self.rng.below(3) {
                if client.is_browser() {
                    self.page(at_ms, client);
                }
                let route = traffic::pick(&PUBLIC.each_ref(), &mut self.rng);
                let target = route.target(&mut self.rng);
                self.call(at_ms + 200, client, None, route, &target);
                at_ms += traffic::think_ms(&mut self.rng);
            }
        }
    }

    /// Health checks, crawlers, renewals, litter, and what `api` logs of itself.
    fn machines(&mut self) {
        let prober = Client {
            ip: [10, 20, 0, 5],
            agent: "kube-probe/1.29",
        };
        for host in 0..HOSTS.len() {
            let mut at_ms = self.start_ms + 7000 * host as i64;
            while at_ms < self.end_ms {
                let took_ms = 1 + self.rng.below(3);
                let hit = Hit {
                    at_ms,
                    client: prober,
                    user: None,
                    method: "GET",
                    target: "/healthz",
                    status: 200,
                    bytes: 2,
                    took_ms,
                };
                self.api[host].hit(&mut self.rng, &hit);
                at_ms += 60_000;
            }
            let (from, until) = (self.start_ms, self.end_ms);
            litter(&mut self.api[host], &mut self.rng, from, until, 45 * 60_000);
            self.self_talk(host);
        }
        litter(
            &mut self.web,
            &mut self.rng,
            self.start_ms,
            self.end_ms,
            20 * 60_000,
        );
        for at_ms in traffic::arrivals(&mut self.rng, 420, self.start_ms, &[(0, 1), (360, 1)]) {
            let client = Client::bot(self.rng.below(12));
            let probe = PROBES[self.rng.below(PROBES.len() as u64) as usize];
            let (status, target) = match self.rng.below(3) {
                0 => (404, probe.to_owned()),
                _ => (200, PAGES[1].target(&mut self.rng)),
            };
            let hit = Hit {
                at_ms,
                client,
                user: None,
                method: "GET",
                target: &target,
                status,
                bytes: if status == 404 {
                    153
                } else {
                    PAGES[1].answer_bytes(&mut self.rng)
                },
                took_ms: 20,
            };
            self.web.hit(&mut self.rng, &hit);
        }
        for at_ms in traffic::arrivals(&mut self.rng, 1400, self.start_ms, &DAY) {
            let user = self.rng.below(ACTIVE + OTHERS);
            let route = traffic::pick(&[&CHARGE, &INVOICE, &METHODS], &mut self.rng);
            self.serve(at_ms, prober, Some(user), route);
        }
    }

    /// Lines of the application log that no request causes.
    fn self_talk(&mut self, host: usize) {
        let restarts = [
            self.deploy_ms + ROLLOUT_S[host] * 1000 - 2500,
            self.rollback_ms + ROLLBACK_S[host] * 1000 - 2500,
        ];
        for at_ms in restarts {
            self.app_line(
                host,
                at_ms - 1500,
                "INFO",
                "shop.Server",
                "draining connections",
                "",
            );
            self.app_line(host, at_ms, "INFO", "shop.Server", "starting", "");
            self.app_line(
                host,
                at_ms + 2400,
                "INFO",
                "shop.Server",
                "ready to serve",
                "",
            );
        }
        let mut at_ms = self.start_ms + 11_000 * host as i64;
        while at_ms < self.end_ms {
            let entries = 1790 + self.rng.below(60);
            let message = format!("catalog cache refreshed, {entries} entries");
            self.app_line(host, at_ms, "INFO", "shop.catalog.Cache", &message, "");
            if self.rng.below(6) == 0 {
                let slow = 800 + self.rng.below(900);
                let message = format!("slow query: products by category took {slow} ms");
                self.app_line(host, at_ms + 70_000, "WARN", "shop.db.Pool", &message, "");
            }
            at_ms += 5 * MINUTE_MS;
        }
    }

    fn token_error(&mut self, host: usize, at_ms: i64) {
        let old_key = ["k-2023-07", "k-2023-11"][self.rng.below(2) as usize];
        self.app_line(
            host,
            at_ms - 1,
            "ERROR",
            "shop.auth.TokenValidator",
            &format!("TokenValidationException: unsupported key id {old_key}"),
            "at shop.auth.TokenValidator.verify(TokenValidator.java:88)",
        );
    }

    fn other_error(&mut self, host: usize, at_ms: i64) {
        let waited = 1000 + self.rng.below(40);
        self.app_line(
            host,
            at_ms - 1,
            "ERROR",
            "shop.db.Pool",
            &format!("PoolTimeoutException: no connection within {waited} ms"),
            "at shop.db.Pool.borrow(Pool.java:141)",
        );
    }

    fn app_line(
        &mut self,
        host: usize,
        at_ms: i64,
        level: &str,
        logger: &str,
        message: &str,
        stack: &str,
    ) {
        let log = &mut self.app[host];
        let stack = match stack {
            "" => String::new(),
            frame => format!(",\"stack\":\"{frame}\""),
        };
        let line = format!(
            "{{\"time\":\"{}\",\"level\":\"{level}\",\"service\":\"api\",\"host\":\"{}\",\
             \"logger\":\"{logger}\",\"message\":\"{message}\"{stack}}}",
            log.rfc3339(at_ms),
            HOSTS[host]
        );
        log.raw(at_ms, line.into_bytes());
    }

    fn finish(self) -> Story {
        let mut files = Files::default();
        let (half_past_eight, eleven) = (self.start_ms + 150 * MINUTE_MS, self.rollback_ms);
        for log in self.api {
            log.finish(
                &mut files,
                "logs",
                &[(".1.gz", half_past_eight), ("", self.end_ms)],
            );
        }
        for log in [self.web, self.search, self.billing] {
            let parts = [
                (".2.gz", half_past_eight),
                (".1.gz", eleven),
                ("", self.end_ms),
            ];
            log.finish(&mut files, "logs", &parts);
        }
        for log in self.app {
            log.finish(&mut files, "logs", &[("", self.end_ms)]);
        }
        files
            .0
            .insert("deploys.json".to_owned(), MARKERS.as_bytes().to_vec());
        Story {
            name: "auth-outage",
            files,
            truth: self.seen.truth(),
        }
    }
}

/// The account number that `billing` logs.
fn account(user: u64) -> u64 {
    20_000 + user * 7
}
