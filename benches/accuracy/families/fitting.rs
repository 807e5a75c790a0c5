//! The families that weights and the temperature are fitted on. None of them is tested on.

use super::parts::{
    Ground, Pace, any_service, deploy, end, event, fault, first_host_s, innocents, moment, newest,
    others, part_of, roll_back, town,
};
use super::{Family, Truth};
use crate::chance::Chance;
use crate::world::{Fault, Harm, Season, Shape, Surge, Took, Whom, World};

/// A shop with a daily sine, 2–4 services and moderate noise.
const GROUND: Ground = Ground {
    services: &[
        "web", "cart", "payments", "catalog", "search", "stock", "login",
    ],
    resources: &[
        "items", "orders", "baskets", "users", "reviews", "prices", "coupons", "pages", "refunds",
    ],
    sizes: [(2, 4), (3, 6), (1, 4)],
    hours: (4, 7),
    per_min: (2.0, 90.0),
    most_per_min: 200.0,
    error_rate: (0.001, 0.006),
    sigma: (0.3, 0.6),
    memory: (0.85, 0.93),
    bustle: (0.05, 0.12),
    users: (2000.0, 20_000.0),
    season: sine,
    shapes: &[
        Shape::JsonLabelled,
        Shape::JsonPlain,
        Shape::Logfmt,
        Shape::Combined,
    ],
};

fn sine(chance: &mut Chance) -> Season {
    Season::Sine {
        amplitude: chance.between(0.0, 0.5),
        peak_h: chance.between(12.0, 20.0),
    }
}

pub const FAMILIES: [Family; 16] = [
    Family {
        name: "fit-step",
        about: "a deploy breaks the whole of its service for a share of requests",
        truth: Truth::Change,
        ceiling: None,
        make: step,
    },
    Family {
        name: "fit-ramp",
        about: "a deploy's fault grows over 2–15 min",
        truth: Truth::Change,
        ceiling: None,
        make: ramp,
    },
    Family {
        name: "fit-config",
        about: "a config change of one service breaks one endpoint",
        truth: Truth::Change,
        ceiling: None,
        make: config,
    },
    Family {
        name: "fit-region",
        about: "an infrastructure change breaks one region of one service",
        truth: Truth::Change,
        ceiling: None,
        make: region,
    },
    Family {
        name: "fit-client",
        about: "a deploy breaks one client family",
        truth: Truth::Change,
        ceiling: None,
        make: client,
    },
    Family {
        name: "fit-part-undo",
        about: "a rollback ends the fault on some endpoints only",
        truth: Truth::Change,
        ceiling: None,
        make: part_undo,
    },
    Family {
        name: "fit-fixed-forward",
        about: "a second deploy of the service ends what the first began",
        truth: Truth::Change,
        ceiling: None,
        make: fixed_forward,
    },
    Family {
        name: "fit-misnamed",
        about: "the guilty marker names a service that no log knows",
        truth: Truth::Change,
        ceiling: None,
        make: misnamed,
    },
    Family {
        name: "fit-pair",
        about: "two deploys of two services within 5 min, one breaks its own",
        truth: Truth::Change,
        ceiling: None,
        make: pair,
    },
    Family {
        name: "fit-wave",
        about: "a rolling deploy over 2–8 min whose new hosts fail",
        truth: Truth::Change,
        ceiling: None,
        make: wave,
    },
    Family {
        name: "fit-database",
        about: "the database goes: every service answers 500 late",
        truth: Truth::NoChange,
        ceiling: None,
        make: database,
    },
    Family {
        name: "fit-leak",
        about: "one service degrades by itself over 20–60 min",
        truth: Truth::NoChange,
        ceiling: None,
        make: leak,
    },
    Family {
        name: "fit-crowd",
        about: "all services get 2–4 times the traffic, one of them fails",
        truth: Truth::NoChange,
        ceiling: None,
        make: crowd,
    },
    Family {
        name: "fit-expiry",
        about: "something expires at a full hour, by itself",
        truth: Truth::NoChange,
        ceiling: None,
        make: expiry,
    },
    Family {
        name: "fit-partner",
        about: "a partner's outage: one service answers 502 or times out",
        truth: Truth::NoChange,
        ceiling: None,
        make: partner,
    },
    Family {
        name: "fit-decoys",
        about: "a fault by itself amid 3–6 changes of its own and other services",
        truth: Truth::NoChange,
        ceiling: None,
        make: decoys,
    },
];

fn share(chance: &mut Chance) -> f64 {
    chance.log_between(0.04, 0.8)
}

fn all(world: &World) -> Vec<usize> {
    (0..world.services.len()).collect()
}

/// A deploy and what it breaks: all endpoints of its service, from half a minute on.
fn broken(world: &mut World, chance: &mut Chance) -> (usize, usize) {
    let service = any_service(world, chance);
    let at_s = moment(world, chance, 0.55, 0.8);
    let marker = deploy(world, chance, service, at_s, Pace::AtOnce);
    let from_s = first_host_s(world, service) + chance.between(1.0, 90.0);
    let share = share(chance);
    let to_s = end(world, chance, from_s, 0.3);
    let endpoints = world.of(service);
    let fault = Fault {
        cause: Some(marker),
        ..fault(chance, endpoints, from_s, to_s, share)
    };
    world.faults.push(fault);
    (service, marker)
}

/// 0–3 changes elsewhere, within two hours before to half an hour after.
fn noise(world: &mut World, chance: &mut Chance, service: usize) {
    let onset = world.faults[0].from_s;
    let elsewhere = others(world, &[service]);
    let count = chance.int(0, 3);
    innocents(
        world,
        chance,
        count,
        &elsewhere,
        (onset - 7200.0, onset + 1800.0),
    );
}

fn step(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, _) = broken(&mut world, chance);
    world.faults[0].of_users = false;
    noise(&mut world, chance, service);
    world
}

fn ramp(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, _) = broken(&mut world, chance);
    world.faults[0].ramp_s = chance.between(120.0, 900.0);
    noise(&mut world, chance, service);
    world
}

fn config(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let at_s = moment(&world, chance, 0.5, 0.8);
    let marker = event(&mut world, "config", Some(service), at_s);
    let one = *chance.pick(&world.of(service));
    let from_s = at_s + chance.log_between(2.0, 200.0);
    let share = share(chance);
    let to_s = end(&world, chance, from_s, 0.5);
    world.faults.push(Fault {
        cause: Some(marker),
        ..fault(chance, vec![one], from_s, to_s, share)
    });
    noise(&mut world, chance, service);
    world
}

fn region(chance: &mut Chance) -> World {
    let mut world = config(chance);
    let marker = world.faults[0].cause.expect("a config change caused it");
    world.markers[marker].kind = "infra";
    let service = world.endpoints[world.faults[0].endpoints[0]].service;
    world.faults[0].endpoints = world.of(service);
    let hosts = world.services[service].hosts.len().min(3);
    world.faults[0].whom = Whom::Region(chance.int(0, hosts - 1) as u8);
    world.faults[0].of_users = false;
    world
}

fn client(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, _) = broken(&mut world, chance);
    world.faults[0].whom = Whom::Family(chance.int(0, 4) as u8);
    world.faults[0].share = chance.between(0.2, 1.0);
    world.faults[0].of_users = false;
    noise(&mut world, chance, service);
    world
}

fn part_undo(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, marker) = broken(&mut world, chance);
    let onset = world.faults[0].from_s;
    let undo_s = (onset + chance.between(1200.0, 3600.0)).min(world.length_s() - 2000.0);
    let done = roll_back(&mut world, chance, service, undo_s, Some(marker));
    let endpoints = world.of(service);
    let (ended, stays) = endpoints.split_at(endpoints.len() / 2);
    let lasting = Fault {
        endpoints: stays.to_vec(),
        to_s: f64::MAX,
        ..world.faults[0].clone()
    };
    world.faults[0] = lasting;
    let mut ending = world.faults[0].clone();
    ending.endpoints = ended.to_vec();
    ending.to_s = done;
    // The two are one incident; only the lasting part is looked for.
    ending.is_incident = false;
    world.faults.push(ending);
    world
}

fn fixed_forward(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, _) = broken(&mut world, chance);
    let onset = world.faults[0].from_s;
    let fix_s = (onset + chance.between(1200.0, 4000.0)).min(world.length_s() - 1500.0);
    deploy(&mut world, chance, service, fix_s, Pace::Over(60.0));
    world.faults[0].to_s = fix_s + 45.0;
    noise(&mut world, chance, service);
    world
}

fn misnamed(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (_, marker) = broken(&mut world, chance);
    world.markers[marker].service = Some("monorepo".to_owned());
    world
}

fn pair(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, marker) = broken(&mut world, chance);
    let at_s = world.markers[marker].at_s + chance.between(-300.0, 300.0);
    let other = *chance.pick(&others(&world, &[service]));
    deploy(&mut world, chance, other, at_s, Pace::AtOnce);
    world
}

fn wave(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let at_s = moment(&world, chance, 0.5, 0.75);
    let length = chance.between(120.0, 480.0);
    let marker = deploy(&mut world, chance, service, at_s, Pace::Over(length));
    let from_s = first_host_s(&world, service);
    let share = chance.between(0.1, 0.9);
    let endpoints = world.of(service);
    world.faults.push(Fault {
        cause: Some(marker),
        whom: Whom::Version(newest(&world, service)),
        of_users: false,
        ..fault(chance, endpoints, from_s, f64::MAX, share)
    });
    noise(&mut world, chance, service);
    world
}

/// A fault without a change, and up to so many changes of any service in the hours before.
fn by_itself(chance: &mut Chance, least: usize, most: usize) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.5, 0.8);
    let endpoints = part_of(&world, chance, service);
    let share = share(chance);
    let to_s = end(&world, chance, from_s, 0.5);
    let fault = fault(chance, endpoints, from_s, to_s, share);
    world.faults.push(fault);
    let count = chance.int(least, most);
    let services = all(&world);
    innocents(
        &mut world,
        chance,
        count,
        &services,
        (from_s - 10_800.0, from_s + 1200.0),
    );
    world
}

fn database(chance: &mut Chance) -> World {
    let mut world = by_itself(chance, 0, 4);
    let endpoints = (0..world.endpoints.len()).collect();
    let fault = &mut world.faults[0];
    fault.endpoints = endpoints;
    fault.of_users = false;
    fault.harm = Harm {
        statuses: &[500],
        took: Took::Times(8.0),
        says: Some("could not obtain connection from pool"),
    };
    world
}

fn leak(chance: &mut Chance) -> World {
    let mut world = by_itself(chance, 1, 4);
    world.faults[0].ramp_s = chance.between(1200.0, 3600.0);
    world.faults[0].to_s = f64::MAX;
    world.faults[0].of_users = false;
    world
}

fn crowd(chance: &mut Chance) -> World {
    let mut world = by_itself(chance, 0, 3);
    let fault = world.faults[0].clone();
    let before = chance.between(90.0, 600.0);
    world.surges.push(Surge {
        from_s: fault.from_s - before,
        to_s: fault.to_s,
        factor: chance.between(2.2, 4.0),
        service: None,
    });
    world.faults[0].harm = Harm {
        statuses: &[503],
        took: Took::Times(6.0),
        says: None,
    };
    world.faults[0].of_users = false;
    world
}

fn expiry(chance: &mut Chance) -> World {
    let mut world = by_itself(chance, 1, 4);
    let hour = world.next_round(world.faults[0].from_s - 1800.0, 3600.0);
    world.faults[0].from_s = hour;
    world.faults[0].to_s = world.faults[0].to_s.max(hour + 900.0);
    world
}

fn partner(chance: &mut Chance) -> World {
    let mut world = by_itself(chance, 1, 5);
    world.faults[0].harm = match chance.yes(0.5) {
        true => Harm {
            statuses: &[502],
            took: Took::Times(1.5),
            says: Some("bad gateway from partner"),
        },
        false => Harm {
            statuses: &[504],
            took: Took::Timeout(10_000.0),
            says: None,
        },
    };
    world.faults[0].of_users = false;
    world
}

fn decoys(chance: &mut Chance) -> World {
    by_itself(chance, 3, 6)
}
