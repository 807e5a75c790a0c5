//! What families are built of: a system at work, deploys over its hosts, innocent changes, faults.

use crate::chance::Chance;
use crate::text::version;
use crate::world::{Endpoint, Fault, Harm, Marker, Season, Service, Shape, Took, Whom, World};

/// The ranges that a set of families draws its systems from.
pub struct Ground {
    pub services: &'static [&'static str],
    pub resources: &'static [&'static str],
    /// How many services, endpoints of each, hosts of each.
    pub sizes: [(usize, usize); 3],
    pub hours: (usize, usize),
    /// Requests per minute of one endpoint, log-uniform.
    pub per_min: (f64, f64),
    /// No more than this many per minute for all endpoints together.
    pub most_per_min: f64,
    pub error_rate: (f64, f64),
    pub sigma: (f64, f64),
    pub memory: (f64, f64),
    pub bustle: (f64, f64),
    pub users: (f64, f64),
    pub season: fn(&mut Chance) -> Season,
    pub shapes: &'static [Shape],
}

/// A system at work, with nothing wrong and no change.
pub fn town(ground: &Ground, chance: &mut Chance) -> World {
    let [services, endpoints, hosts] = ground.sizes;
    let count = chance.int(services.0, services.1);
    let names = chance.some(count, ground.services.len());
    let shape = *chance.pick(ground.shapes);
    let mut world = World {
        // A Monday in March 2024, plus up to six days, at a full minute.
        start_s: 1_710_115_200 + (chance.int(0, 6 * 1440) * 60) as i64,
        minutes: chance.int(ground.hours.0 * 60, ground.hours.1 * 60),
        services: Vec::new(),
        endpoints: Vec::new(),
        season: (ground.season)(chance),
        unrest: (
            chance.between(ground.sigma.0, ground.sigma.1),
            chance.between(ground.memory.0, ground.memory.1),
        ),
        bustle: chance.between(ground.bustle.0, ground.bustle.1),
        users: chance.log_between(ground.users.0, ground.users.1) as u32,
        faults: Vec::new(),
        markers: Vec::new(),
        surges: Vec::new(),
        scanners: Vec::new(),
        gaps: Vec::new(),
        retries: 0,
        restarts: Vec::new(),
        front: None,
    };
    for (service, name) in names.into_iter().enumerate() {
        let hosts = chance.int(hosts.0, hosts.1);
        let version = chance.int(11, 60) as u16;
        world.services.push(Service {
            name: ground.services[name].to_owned(),
            shape,
            hosts: vec![vec![(f64::NEG_INFINITY, version)]; hosts],
        });
        let base = chance.log_between(ground.error_rate.0, ground.error_rate.1);
        let count = chance.int(endpoints.0, endpoints.1);
        for resource in chance.some(count, ground.resources.len()) {
            let resource = ground.resources[resource];
            let (method, path) = *chance.pick(&[
                ("GET", "/#"),
                ("GET", ""),
                ("POST", ""),
                ("PUT", "/#"),
                ("GET", "/#/details"),
            ]);
            world.endpoints.push(Endpoint {
                service,
                method,
                path: format!("/{}/{resource}{path}", ground.services[name]),
                per_min: chance.log_between(ground.per_min.0, ground.per_min.1),
                error_rate: base * chance.log_between(0.5, 2.0),
                median_ms: chance.log_between(8.0, 200.0),
            });
        }
    }
    let total: f64 = world.endpoints.iter().map(|e| e.per_min).sum();
    if total > ground.most_per_min {
        for endpoint in &mut world.endpoints {
            endpoint.per_min *= ground.most_per_min / total;
        }
    }
    world
}

/// How a deploy goes over the hosts.
#[derive(Clone, Copy)]
pub enum Pace {
    /// All hosts at once.
    AtOnce,
    /// One after the other, evenly over so many seconds.
    Over(f64),
    /// One host at first, the others after so many seconds.
    Canary(f64),
}

/// Deploys the next version of a service: its marker, and its hosts' versions. Returns the marker's
/// index.
pub fn deploy(
    world: &mut World,
    chance: &mut Chance,
    service: usize,
    at_s: f64,
    pace: Pace,
) -> usize {
    let of = &mut world.services[service];
    let old = of.hosts[0].last().map_or(10, |(_, v)| *v);
    let new = old + 1;
    let count = of.hosts.len();
    let length_s = match pace {
        Pace::AtOnce => chance.between(5.0, 60.0),
        Pace::Over(s) => s,
        Pace::Canary(s) => s + 120.0,
    };
    for (host, versions) in of.hosts.iter_mut().enumerate() {
        let after = match pace {
            Pace::AtOnce => length_s * 0.5,
            Pace::Over(s) => s * (host as f64 + 0.5) / count as f64,
            Pace::Canary(_) if host == 0 => 5.0,
            Pace::Canary(s) => s + 60.0,
        };
        versions.push((at_s + after, new));
    }
    let name = of.name.clone();
    mark(
        world,
        Marker {
            kind: "deploy",
            service: Some(name),
            version: Some(version(new)),
            previous_version: Some(version(old)),
            at_s,
            finished_s: Some(at_s + length_s),
            ..Marker::default()
        },
    )
}

/// The first moment at which a host of the service has the version that this marker brought.
pub fn first_host_s(world: &World, service: usize) -> f64 {
    let last = |host: &Vec<(f64, u16)>| host.last().map_or(0.0, |(from, _)| *from);
    world.services[service]
        .hosts
        .iter()
        .map(last)
        .fold(f64::INFINITY, f64::min)
}

/// The last moment at which a host of the service got another version.
pub fn last_host_s(world: &World, service: usize) -> f64 {
    let hosts = &world.services[service].hosts;
    let last = hosts.iter().filter_map(|host| host.last());
    last.map(|(from, _)| *from)
        .fold(f64::NEG_INFINITY, f64::max)
}

/// The newest version of a service.
pub fn newest(world: &World, service: usize) -> u16 {
    let hosts = &world.services[service].hosts;
    hosts
        .iter()
        .filter_map(|h| h.last())
        .map(|(_, v)| *v)
        .max()
        .unwrap_or(0)
}

/// Brings all hosts of a service back to the version before the newest, with a marker.
pub fn roll_back(
    world: &mut World,
    chance: &mut Chance,
    service: usize,
    at_s: f64,
    named: Option<usize>,
) -> f64 {
    let of = &mut world.services[service];
    let versions = &of.hosts[0];
    let (now, before) = (
        versions.last().map_or(11, |(_, v)| *v),
        versions.iter().rev().nth(1).map_or(10, |(_, v)| *v),
    );
    let length_s = chance.between(20.0, 120.0);
    let count = of.hosts.len();
    for (host, versions) in of.hosts.iter_mut().enumerate() {
        versions.push((at_s + length_s * (host + 1) as f64 / count as f64, before));
    }
    let name = of.name.clone();
    let undone = named.map(|m| world.markers[m].id.clone());
    mark(
        world,
        Marker {
            kind: "rollback",
            service: Some(name),
            version: Some(version(before)),
            previous_version: Some(version(now)),
            at_s,
            finished_s: Some(at_s + length_s),
            rollback_of: undone,
            ..Marker::default()
        },
    );
    at_s + length_s
}

/// Lists a change. Returns its index.
pub fn mark(world: &mut World, marker: Marker) -> usize {
    let index = world.markers.len();
    world.markers.push(Marker {
        id: format!("m{}", index + 1),
        ..marker
    });
    index
}

/// A change that touches no host of the log.
pub fn event(world: &mut World, kind: &'static str, service: Option<usize>, at_s: f64) -> usize {
    let service = service.map(|s| world.services[s].name.clone());
    mark(
        world,
        Marker {
            kind,
            service,
            at_s,
            ..Marker::default()
        },
    )
}

/// `count` innocent changes of the services allowed, at any time within `window`.
pub fn innocents(
    world: &mut World,
    chance: &mut Chance,
    count: usize,
    among: &[usize],
    window: (f64, f64),
) {
    for _ in 0..count {
        let service = *chance.pick(among);
        let at_s = chance.between(window.0, window.1.min(world.length_s() - 300.0));
        match chance.int(0, 5) {
            0 => {
                event(world, "flag", Some(service), at_s);
            }
            1 => {
                let of = if chance.yes(0.3) { None } else { Some(service) };
                event(world, "config", of, at_s);
            }
            2 => {
                event(world, "migration", Some(service), at_s);
            }
            _ => {
                // Versions on hosts are kept in order of time: what comes before the newest is
                // listed without touching them.
                if at_s > last_host_s(world, service) {
                    let pace = Pace::Over(chance.between(10.0, 400.0));
                    deploy(world, chance, service, at_s, pace);
                } else {
                    event(world, "deploy", Some(service), at_s);
                }
            }
        }
    }
}

/// The services other than these.
pub fn others(world: &World, than: &[usize]) -> Vec<usize> {
    (0..world.services.len())
        .filter(|s| !than.contains(s))
        .collect()
}

/// The service with most traffic among those with the most hosts, or any: the n-th by chance.
pub fn any_service(world: &World, chance: &mut Chance) -> usize {
    chance.int(0, world.services.len() - 1)
}

/// Between one and all endpoints of a service.
pub fn part_of(world: &World, chance: &mut Chance, service: usize) -> Vec<usize> {
    let all = world.of(service);
    let count = chance.int(1, all.len());
    chance
        .some(count, all.len())
        .into_iter()
        .map(|i| all[i])
        .collect()
}

/// An application failing by itself: as fast as usual or faster, mostly 500.
pub fn application(chance: &mut Chance) -> Harm {
    const SAID: [&str; 6] = [
        "NullPointerException in PriceCalculator.total",
        "column cart.currency does not exist",
        "token signature verification failed: unknown key id",
        "cannot unmarshal string into field quantity of type int",
        "KeyError: 'shipping_address'",
        "assertion failed: schema version 7 expected",
    ];
    Harm {
        statuses: if chance.yes(0.8) {
            &[500]
        } else {
            &[500, 500, 503]
        },
        took: if chance.yes(0.5) {
            Took::Times(0.3)
        } else {
            Took::Same
        },
        says: if chance.yes(0.6) {
            Some(*chance.pick::<&str>(&SAID))
        } else {
            None
        },
    }
}

/// A fault of anyone from a moment to another, all of its share at once.
pub fn fault(
    chance: &mut Chance,
    endpoints: Vec<usize>,
    from_s: f64,
    to_s: f64,
    share: f64,
) -> Fault {
    Fault {
        endpoints,
        from_s,
        to_s,
        ramp_s: 0.0,
        share,
        of_users: chance.yes(0.5),
        whom: Whom::Anyone,
        harm: application(chance),
        recurs: None,
        salt: chance.int(1, 1 << 40) as u64,
        cause: None,
        unlisted: None,
        is_incident: true,
    }
}

/// A moment between these parts of the log.
pub fn moment(world: &World, chance: &mut Chance, from: f64, to: f64) -> f64 {
    world.length_s() * chance.between(from, to)
}

/// A fault's end: within the log in `ends` of the cases, else beyond it.
pub fn end(world: &World, chance: &mut Chance, from_s: f64, ends: f64) -> f64 {
    if chance.yes(ends) {
        (from_s + chance.log_between(900.0, 7200.0))
            .min(world.length_s() - 1800.0)
            .max(from_s + 600.0)
    } else {
        world.length_s() + 3600.0
    }
}
