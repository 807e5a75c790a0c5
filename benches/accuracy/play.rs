//! Lets a world's requests happen.
//!
//! Comes in: a [`World`]. Goes out: every request, in order of time, and of each fault what it
//! really did: the requests it failed, and those of its endpoints while it lasted.

use crate::chance::{Chance, in_cohort};
use crate::world::{Endpoint, Fault, Took, Whom, World, region};

/// A request as its server saw it.
#[derive(Clone, Copy)]
pub struct Hit {
    /// Milliseconds since the log's begin.
    pub at_ms: u32,
    /// `None`: a scanner's request to a path that nobody serves.
    pub endpoint: Option<u16>,
    pub service: u8,
    pub host: u8,
    pub version: u16,
    pub user: u32,
    /// The number in the path.
    pub object: u32,
    pub status: u16,
    pub took_us: u32,
    /// The fault that failed it.
    pub fault: Option<u8>,
}

/// What a fault really did.
#[derive(Clone, Copy, Default)]
pub struct Effect {
    /// Requests that it harmed.
    pub failures: u64,
    /// Requests of its endpoints while it lasted.
    pub requests: u64,
    /// Seconds during which it was on.
    pub seconds: f64,
}

/// Client families by user.
pub const FAMILIES: u32 = 5;

/// The client family of a user.
pub fn family(user: u32) -> u8 {
    (crate::rng::mix(u64::from(user) ^ 0xfa) % u64::from(FAMILIES)) as u8
}

/// All requests of a world.
pub fn play(world: &World, chance: &mut Chance) -> (Vec<Hit>, Vec<Effect>) {
    let mut play = Play {
        world,
        hits: Vec::new(),
        effects: vec![Effect::default(); world.faults.len()],
    };
    for index in 0..world.endpoints.len() {
        play.endpoint(index, chance);
    }
    play.scanners(chance);
    play.hits.retain(|hit| !lost(world, hit));
    play.hits.sort_by_key(|hit| hit.at_ms);
    for (fault, effect) in world.faults.iter().zip(&mut play.effects) {
        let to_s = fault.to_s.min(world.length_s());
        let on = fault.recurs.map_or(1.0, |(every, lasts)| lasts / every);
        effect.seconds = (to_s - fault.from_s).max(0.0) * on;
    }
    (play.hits, play.effects)
}

fn lost(world: &World, hit: &Hit) -> bool {
    let at_s = f64::from(hit.at_ms) / 1000.0;
    world.gaps.iter().any(|(service, from, to)| {
        service.is_none_or(|s| s == usize::from(hit.service)) && (*from..*to).contains(&at_s)
    })
}

struct Play<'a> {
    world: &'a World,
    hits: Vec<Hit>,
    effects: Vec<Effect>,
}

impl Play<'_> {
    fn endpoint(&mut self, index: usize, chance: &mut Chance) {
        let world = self.world;
        let endpoint = &world.endpoints[index];
        let (sigma, memory) = world.unrest;
        let logit = (endpoint.error_rate / (1.0 - endpoint.error_rate)).ln();
        let (mut wander, mut bustle) = (chance.normal(), chance.normal());
        for minute in 0..world.minutes {
            wander = memory * wander + (1.0 - memory * memory).sqrt() * chance.normal();
            bustle = 0.9 * bustle + 0.19_f64.sqrt() * chance.normal();
            // Half of the variance is taken off, so that the mean stays near the one asked for.
            let moved = logit + sigma * wander - 0.5 * sigma * sigma;
            let rate = 1.0 / (1.0 + (-moved).exp());
            let at_s = (minute as f64 + 0.5) * 60.0;
            let mean = endpoint.per_min
                * world.season.at(world.second_of_day(at_s))
                * (1.0 + world.bustle * bustle).max(0.1)
                * surge(world, endpoint.service, at_s);
            for _ in 0..chance.poisson(mean) {
                let at_s = (minute as f64 + chance.unit()) * 60.0;
                // Some users ask far more often than others: the first of 1,000 one time in 100.
                let user = (f64::from(world.users) * chance.unit().powf(1.5)) as u32;
                self.ask(index, endpoint, at_s, user, rate, chance);
            }
        }
    }

    /// A request, and what its client does when it fails.
    fn ask(
        &mut self,
        index: usize,
        endpoint: &Endpoint,
        mut at_s: f64,
        user: u32,
        rate: f64,
        chance: &mut Chance,
    ) {
        let object = chance.int(1, 90_000) as u32;
        for _ in 0..=self.world.retries {
            if at_s >= self.world.length_s() {
                return;
            }
            let hit = self.answer(index, endpoint, at_s, user, object, rate, chance);
            let failed = hit.status >= 500;
            self.hits.push(hit);
            if !failed {
                return;
            }
            at_s += chance.between(1.0, 8.0);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a request has that many sides")]
    fn answer(
        &mut self,
        index: usize,
        endpoint: &Endpoint,
        at_s: f64,
        user: u32,
        object: u32,
        rate: f64,
        chance: &mut Chance,
    ) -> Hit {
        let service = &self.world.services[endpoint.service];
        let host = chance.int(0, service.hosts.len() - 1);
        let version = service.version(host, at_s);
        let mut hit = Hit {
            at_ms: (at_s * 1000.0) as u32,
            endpoint: Some(index as u16),
            service: endpoint.service as u8,
            host: host as u8,
            version,
            user,
            object,
            status: if endpoint.method == "POST" { 201 } else { 200 },
            took_us: (chance.log_normal(endpoint.median_ms, 0.5) * 1000.0).min(9e7) as u32,
            fault: None,
        };
        if chance.yes(0.02) {
            hit.status = *chance.pick(&[400, 401, 404, 409]);
        }
        if chance.yes(rate) {
            hit.status = *chance.pick(&[500, 500, 502, 503]);
        }
        let restarting = |(s, h, when): &(usize, usize, f64)| {
            *s == endpoint.service && *h == host && (*when..*when + 3.0).contains(&at_s)
        };
        if self.world.restarts.iter().any(restarting) && chance.yes(0.7) {
            hit.status = 502;
        }
        for (number, fault) in self.world.faults.iter().enumerate() {
            if !fault.endpoints.contains(&index) {
                continue;
            }
            let strength = fault.strength(at_s);
            if strength <= 0.0 {
                continue;
            }
            self.effects[number].requests += 1;
            if !strikes(fault, strength, &hit, chance) {
                continue;
            }
            self.effects[number].failures += 1;
            hit.fault = Some(number as u8);
            if !fault.harm.statuses.is_empty() {
                hit.status = *chance.pick(fault.harm.statuses);
            }
            hit.took_us = match fault.harm.took {
                Took::Same => hit.took_us,
                Took::Times(factor) => (f64::from(hit.took_us) * factor).min(9e7) as u32,
                Took::Timeout(ms) => ((ms + chance.between(0.5, 12.0)) * 1000.0) as u32,
            };
        }
        hit
    }

    fn scanners(&mut self, chance: &mut Chance) {
        for (number, scanner) in self.world.scanners.iter().enumerate() {
            let mut at_s = scanner.from_s;
            while at_s < scanner.to_s.min(self.world.length_s()) {
                let hosts = self.world.services[scanner.service].hosts.len();
                let host = chance.int(0, hosts - 1);
                self.hits.push(Hit {
                    at_ms: (at_s * 1000.0) as u32,
                    endpoint: None,
                    service: scanner.service as u8,
                    host: host as u8,
                    version: self.world.services[scanner.service].version(host, at_s),
                    user: u32::MAX - number as u32,
                    object: chance.int(0, 39) as u32,
                    status: if chance.yes(scanner.errors) { 500 } else { 404 },
                    took_us: 900,
                    fault: None,
                });
                at_s -= (1.0 - chance.unit()).ln() * 60.0 / scanner.per_min;
            }
        }
    }
}

fn strikes(fault: &Fault, strength: f64, hit: &Hit, chance: &mut Chance) -> bool {
    let concerned = match fault.whom {
        Whom::Anyone => true,
        Whom::Version(version) => hit.version == version,
        Whom::Host(host) => usize::from(hit.host) == host,
        Whom::Region(wanted) => region(usize::from(hit.host)) == wanted,
        Whom::Family(wanted) => family(hit.user) == wanted,
        Whom::User(user) => hit.user == user,
    };
    concerned
        && match fault.of_users {
            true => in_cohort(hit.user, fault.salt, strength),
            false => chance.yes(strength),
        }
}

/// Traffic at a time, against the usual.
pub fn surge(world: &World, service: usize, at_s: f64) -> f64 {
    let on = |s: &&crate::world::Surge| {
        s.service.is_none_or(|of| of == service) && (s.from_s..s.to_s).contains(&at_s)
    };
    world.surges.iter().filter(on).map(|s| s.factor).product()
}
