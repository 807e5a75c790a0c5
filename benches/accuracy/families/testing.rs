//! The families that the program is judged on. Nothing is ever fitted on them.

use super::parts::{
    Ground, Pace, any_service, application, deploy, end, event, fault, first_host_s, innocents,
    last_host_s, mark, moment, newest, others, part_of, roll_back, town,
};
use super::{Family, Truth};
use crate::chance::Chance;
use crate::world::{
    Fault, Front, Harm, Marker, Scanner, Season, Service, Shape, Surge, Took, Whom, World,
};

/// Working days with a dip at lunch, 3–8 services, long-tailed traffic, noise of any memory.
const GROUND: Ground = Ground {
    services: &[
        "gateway",
        "accounts",
        "ledger",
        "quotes",
        "mailer",
        "documents",
        "claims",
        "rates",
        "audit",
    ],
    resources: &[
        "policies",
        "invoices",
        "sessions",
        "profile",
        "transfers",
        "exports",
        "alerts",
        "forms",
        "contacts",
        "limits",
        "devices",
    ],
    sizes: [(3, 6), (2, 7), (2, 8)],
    hours: (5, 9),
    per_min: (1.0, 120.0),
    most_per_min: 230.0,
    error_rate: (0.0004, 0.012),
    sigma: (0.2, 0.8),
    memory: (0.75, 0.98),
    bustle: (0.02, 0.25),
    users: (800.0, 40_000.0),
    season: office_hours,
    shapes: &[
        Shape::JsonLabelled,
        Shape::JsonLabelled,
        Shape::JsonPlain,
        Shape::Logfmt,
    ],
};

fn office_hours(chance: &mut Chance) -> Season {
    const DAY: [f64; 24] = [
        0.5, 0.4, 0.35, 0.3, 0.35, 0.45, 0.6, 0.85, 1.2, 1.5, 1.6, 1.55, 1.25, 1.3, 1.55, 1.5, 1.4,
        1.3, 1.15, 1.0, 0.95, 0.9, 0.75, 0.6,
    ];
    let depth = chance.between(0.3, 1.0);
    Season::Hours(DAY.map(|h| 1.0 + depth * (h - 1.0)))
}

pub const FAMILIES: [Family; 30] = [
    Family {
        name: "instant",
        about: "a deploy breaks part of its service at once; 0–4 innocents near",
        truth: Truth::Change,
        ceiling: None,
        make: instant,
    },
    Family {
        name: "rolling",
        about: "a deploy breaks host by host as it rolls out; its service was changed before, too",
        truth: Truth::Change,
        ceiling: None,
        make: rolling,
    },
    Family {
        name: "canary",
        about: "one host gets the bad version an hour before the others",
        truth: Truth::Change,
        ceiling: None,
        make: canary,
    },
    Family {
        name: "next-hour",
        about: "a deploy's fault waits for the next full hour; others deploy closer to it",
        truth: Truth::Change,
        ceiling: None,
        make: next_hour,
    },
    Family {
        name: "flag",
        about: "a flag breaks a fixed cohort of users of one service",
        truth: Truth::Change,
        ceiling: None,
        make: flag,
    },
    Family {
        name: "global-config",
        about: "a config change without a service breaks endpoints of several services",
        truth: Truth::Change,
        ceiling: None,
        make: global_config,
    },
    Family {
        name: "undone",
        about: "the guilty deploy is rolled back and it ends",
        truth: Truth::Change,
        ceiling: None,
        make: undone,
    },
    Family {
        name: "wrong-undo",
        about: "an innocent deploy is rolled back first, in vain; the guilty one later",
        truth: Truth::Change,
        ceiling: None,
        make: wrong_undo,
    },
    Family {
        name: "combined",
        about: "instant deploys, seen through nginx logs without labels or latency",
        truth: Truth::Change,
        ceiling: None,
        make: combined,
    },
    Family {
        name: "twins",
        about: "two deploys of one service within a minute, one is guilty",
        truth: Truth::Change,
        ceiling: Some(0.5),
        make: twins,
    },
    Family {
        name: "low-traffic",
        about: "endpoints of 0.2 to 3 requests a minute",
        truth: Truth::Change,
        ceiling: None,
        make: low_traffic,
    },
    Family {
        name: "busy",
        about: "one endpoint of 500 to 5,000 requests a minute, small effects",
        truth: Truth::Change,
        ceiling: None,
        make: busy,
    },
    Family {
        name: "skewed",
        about: "the markers' clock is up to 45 s late against the logs'",
        truth: Truth::Change,
        ceiling: None,
        make: skewed,
    },
    Family {
        name: "migration",
        about: "a migration degrades its service slowly, 10 to 40 min later",
        truth: Truth::Change,
        ceiling: None,
        make: migration,
    },
    Family {
        name: "fronted",
        about: "a deploy behind a gateway that logs all requests, too, and is deployed itself",
        truth: Truth::Change,
        ceiling: None,
        make: fronted,
    },
    Family {
        name: "crashed",
        about: "a deploy behind such a gateway whose hosts don't answer, and log nothing",
        truth: Truth::Change,
        ceiling: None,
        make: crashed,
    },
    Family {
        name: "retries",
        about: "an instant deploy, and clients that ask again up to four times",
        truth: Truth::Change,
        ceiling: None,
        make: retries,
    },
    Family {
        name: "two-at-once",
        about: "two deploys of two services break at overlapping times",
        truth: Truth::Change,
        ceiling: None,
        make: two_at_once,
    },
    Family {
        name: "gap",
        about: "an instant deploy, and log that is lost during the incident",
        truth: Truth::Change,
        ceiling: None,
        make: gap,
    },
    Family {
        name: "dependency",
        about: "a shared dependency fails: 502/503/504 or time-outs in most services",
        truth: Truth::NoChange,
        ceiling: None,
        make: dependency,
    },
    Family {
        name: "surge",
        about: "traffic triples or more and the service can't take it",
        truth: Truth::NoChange,
        ceiling: None,
        make: surge,
    },
    Family {
        name: "bad-host",
        about: "one host of a service goes bad by itself",
        truth: Truth::NoChange,
        ceiling: None,
        make: bad_host,
    },
    Family {
        name: "spontaneous",
        about: "a fault by itself amid 2–8 innocent changes of the last hours",
        truth: Truth::NoChange,
        ceiling: None,
        make: spontaneous,
    },
    Family {
        name: "not-live",
        about: "a fault by itself; failed, cancelled and staging deploys right before it",
        truth: Truth::NoChange,
        ceiling: None,
        make: not_live,
    },
    Family {
        name: "hourly-job",
        about: "each full hour a job makes a service fail for minutes",
        truth: Truth::NoChange,
        ceiling: None,
        make: hourly_job,
    },
    Family {
        name: "unlisted",
        about: "a deploy that no marker lists; others are listed; right is its version where lines have one",
        truth: Truth::NoChange,
        ceiling: None,
        make: unlisted,
    },
    Family {
        name: "elsewhere",
        about: "a fault by itself right after a deploy of another service",
        truth: Truth::NoChange,
        ceiling: None,
        make: elsewhere,
    },
    Family {
        name: "one-client",
        about: "one client or scanner makes the errors, after a deploy",
        truth: Truth::NoChange,
        ceiling: None,
        make: one_client,
    },
    Family {
        name: "quiet",
        about: "nothing is wrong: deploys with restart blips, scanners, a surge",
        truth: Truth::Quiet,
        ceiling: None,
        make: quiet,
    },
    Family {
        name: "slow",
        about: "a deploy makes answers 2–10 times slower, none fails",
        truth: Truth::Latency,
        ceiling: None,
        make: slow,
    },
];

fn effect(chance: &mut Chance) -> f64 {
    chance.log_between(0.02, 1.0)
}

/// A deploy of one service that breaks part of it; returns service, marker and the fault's index.
fn guilty(world: &mut World, chance: &mut Chance, pace: Pace) -> (usize, usize, usize) {
    let service = any_service(world, chance);
    let at_s = moment(world, chance, 0.5, 0.75);
    guilty_at(world, chance, service, at_s, pace)
}

fn guilty_at(
    world: &mut World,
    chance: &mut Chance,
    service: usize,
    at_s: f64,
    pace: Pace,
) -> (usize, usize, usize) {
    let marker = deploy(world, chance, service, at_s, pace);
    let from_s = first_host_s(world, service) + chance.log_between(1.0, 60.0);
    let to_s = end(world, chance, from_s, 0.3);
    let endpoints = part_of(world, chance, service);
    let share = effect(chance);
    let fault = Fault {
        cause: Some(marker),
        ..fault(chance, endpoints, from_s, to_s, share)
    };
    world.faults.push(fault);
    (service, marker, world.faults.len() - 1)
}

/// Up to so many innocents: on other services at any time, on the same one at least 40 min before.
fn bystanders(
    world: &mut World,
    chance: &mut Chance,
    most: usize,
    guilty_service: usize,
    onset_s: f64,
) {
    let count = chance.int(0, most);
    let elsewhere = others(world, &[guilty_service]);
    for _ in 0..count {
        if chance.yes(0.3) {
            let at_s = chance.between(onset_s * 0.2, onset_s - 2400.0);
            let kind = *chance.pick(&["deploy", "config", "flag"]);
            event(world, kind, Some(guilty_service), at_s);
        } else {
            innocents(
                world,
                chance,
                1,
                &elsewhere,
                (onset_s - 7200.0, onset_s + 3600.0),
            );
        }
    }
}

fn instant(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, _, fault) = guilty(&mut world, chance, Pace::AtOnce);
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 4, service, onset);
    world
}

fn fronted(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let rolls = chance.yes(0.5);
    let pace = if rolls {
        Pace::Over(chance.between(60.0, 400.0))
    } else {
        Pace::AtOnce
    };
    let (service, _, fault) = guilty(&mut world, chance, pace);
    if rolls {
        by_version(&mut world, service, fault);
    }
    let edge = world.services.len();
    world.services.push(Service {
        name: "edge".to_owned(),
        shape: if chance.yes(0.3) {
            Shape::Combined
        } else {
            world.services[0].shape
        },
        hosts: vec![vec![(f64::NEG_INFINITY, 30)]; chance.int(1, 3)],
    });
    world.front = Some(Front {
        service: edge,
        answers: chance.yes(0.5).then_some(502),
        alone: false,
    });
    let onset = world.faults[fault].from_s;
    let near = (onset - 3600.0, onset + 600.0);
    let count = chance.int(1, 2);
    innocents(&mut world, chance, count, &[edge], near);
    bystanders(&mut world, chance, 3, service, onset);
    world
}

fn crashed(chance: &mut Chance) -> World {
    let mut world = fronted(chance);
    world.front = world.front.map(|front| Front {
        answers: Some(*chance.pick(&[502, 503])),
        alone: true,
        ..front
    });
    // A crash takes all that its hosts are asked.
    let share = chance.between(0.3, 1.0);
    for index in 0..world.faults.len() {
        let first = world.faults[index].endpoints[0];
        let all = world.of(world.endpoints[first].service);
        let fault = &mut world.faults[index];
        fault.endpoints = all;
        fault.of_users = false;
        fault.share = match fault.whom {
            Whom::Anyone => share,
            _ => 1.0,
        };
    }
    world
}

fn rolling(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let length = chance.between(300.0, 1500.0);
    let (service, _, fault) = guilty(&mut world, chance, Pace::Over(length));
    by_version(&mut world, service, fault);
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 5, service, onset);
    world
}

/// The fault hits the requests that the newest version of the service answers, from its first host on.
fn by_version(world: &mut World, service: usize, fault: usize) {
    let (version, from_s) = (newest(world, service), first_host_s(world, service));
    let fault = &mut world.faults[fault];
    fault.whom = Whom::Version(version);
    fault.from_s = from_s;
    fault.of_users = false;
    fault.share = fault.share.max(0.1);
}

fn canary(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let wait = chance.between(1200.0, 3600.0);
    let (service, _, fault) = guilty(&mut world, chance, Pace::Canary(wait));
    by_version(&mut world, service, fault);
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 4, service, onset);
    world
}

fn next_hour(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let about = moment(&world, chance, 0.5, 0.7);
    let hour = world.next_round(about, 3600.0);
    let service = any_service(&world, chance);
    let before = chance.between(600.0, 3300.0);
    let (_, _, fault) = guilty_at(&mut world, chance, service, hour - before, Pace::AtOnce);
    let shift = chance.between(0.0, 20.0);
    let fault = &mut world.faults[fault];
    fault.to_s = fault.to_s.max(hour + 1800.0);
    fault.from_s = hour + shift;
    let elsewhere = others(&world, &[service]);
    let count = chance.int(0, 3);
    innocents(&mut world, chance, count, &elsewhere, (hour - before, hour));
    world
}

fn flag(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let at_s = moment(&world, chance, 0.45, 0.75);
    let marker = event(&mut world, "flag", Some(service), at_s);
    let endpoints = part_of(&world, chance, service);
    let from_s = at_s + chance.log_between(1.0, 120.0);
    let share = chance.log_between(0.005, 0.3);
    let to_s = end(&world, chance, from_s, 0.4);
    world.faults.push(Fault {
        cause: Some(marker),
        of_users: true,
        ..fault(chance, endpoints, from_s, to_s, share)
    });
    bystanders(&mut world, chance, 5, service, from_s);
    world
}

fn global_config(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let at_s = moment(&world, chance, 0.45, 0.75);
    let marker = event(&mut world, "config", None, at_s);
    let from_s = at_s + chance.log_between(2.0, 90.0);
    let hit = chance.int(2, world.services.len());
    let endpoints = chance
        .some(hit, world.services.len())
        .into_iter()
        .flat_map(|s| part_of(&world, chance, s))
        .collect();
    let share = effect(chance);
    let to_s = end(&world, chance, from_s, 0.4);
    world.faults.push(Fault {
        cause: Some(marker),
        ..fault(chance, endpoints, from_s, to_s, share)
    });
    let all: Vec<usize> = (0..world.services.len()).collect();
    let count = chance.int(0, 3);
    innocents(
        &mut world,
        chance,
        count,
        &all,
        (at_s - 10_800.0, at_s - 1800.0),
    );
    world
}

fn undone(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, marker, fault) = guilty(&mut world, chance, Pace::AtOnce);
    let after = chance.log_between(900.0, 4500.0);
    let onset = world.faults[fault].from_s;
    let undo_s = (onset + after).min(world.length_s() - 1500.0);
    let named = if chance.yes(0.5) { Some(marker) } else { None };
    let done = roll_back(&mut world, chance, service, undo_s, named);
    world.faults[fault].to_s = done;
    let elsewhere = others(&world, &[service]);
    let count = chance.int(0, 4);
    innocents(
        &mut world,
        chance,
        count,
        &elsewhere,
        (onset - 5400.0, onset + 2700.0),
    );
    world
}

fn wrong_undo(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, marker, fault) = guilty(&mut world, chance, Pace::AtOnce);
    let onset = world.faults[fault].from_s;
    let wrong = *chance.pick(&others(&world, &[service]));
    let before = chance.between(60.0, 1200.0);
    let innocent = deploy(&mut world, chance, wrong, onset - before, Pace::AtOnce);
    let first = onset + chance.between(600.0, 1500.0);
    roll_back(&mut world, chance, wrong, first, Some(innocent));
    let second = (first + chance.between(1200.0, 3000.0)).min(world.length_s() - 1200.0);
    let done = roll_back(&mut world, chance, service, second, Some(marker));
    world.faults[fault].to_s = done;
    world
}

fn combined(chance: &mut Chance) -> World {
    let ground = Ground {
        shapes: &[Shape::Combined],
        ..GROUND
    };
    let mut world = town(&ground, chance);
    let (service, _, fault) = guilty(&mut world, chance, Pace::AtOnce);
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 4, service, onset);
    world
}

fn twins(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, first, fault) = guilty(&mut world, chance, Pace::AtOnce);
    let at_s = world.markers[first].at_s;
    // Without versions, which would tell the two apart.
    let twin = Marker {
        at_s: at_s + chance.between(-30.0, 30.0),
        version: None,
        previous_version: None,
        ..world.markers[first].clone()
    };
    let second = mark(&mut world, twin);
    world.markers[first].version = None;
    world.markers[first].previous_version = None;
    world.faults[fault].from_s = world.faults[fault].from_s.max(at_s + 60.0);
    if chance.yes(0.5) {
        world.faults[fault].cause = Some(second);
    }
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 2, service, onset - 3600.0);
    world
}

fn low_traffic(chance: &mut Chance) -> World {
    let ground = Ground {
        per_min: (0.2, 3.0),
        hours: (8, 12),
        users: (100.0, 2000.0),
        ..GROUND
    };
    let mut world = town(&ground, chance);
    let (service, _, fault) = guilty(&mut world, chance, Pace::AtOnce);
    world.faults[fault].share = chance.between(0.3, 1.0);
    world.faults[fault].endpoints = world.of(service);
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 3, service, onset);
    world
}

fn busy(chance: &mut Chance) -> World {
    let ground = Ground {
        hours: (4, 5),
        most_per_min: 120.0,
        shapes: &[Shape::Combined, Shape::JsonPlain],
        ..GROUND
    };
    let mut world = town(&ground, chance);
    let service = any_service(&world, chance);
    let loud = world.of(service)[0];
    world.endpoints[loud].per_min = chance.log_between(500.0, 5000.0);
    let at_s = moment(&world, chance, 0.6, 0.8);
    let (_, _, fault) = guilty_at(&mut world, chance, service, at_s, Pace::AtOnce);
    world.faults[fault].endpoints = vec![loud];
    world.faults[fault].share = chance.log_between(0.005, 0.3);
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 4, service, onset);
    world
}

fn skewed(chance: &mut Chance) -> World {
    let mut world = instant(chance);
    let late_s = chance.between(10.0, 45.0);
    for marker in &mut world.markers {
        marker.at_s += late_s;
        marker.finished_s = marker.finished_s.map(|s| s + late_s);
    }
    world
}

fn migration(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let at_s = moment(&world, chance, 0.4, 0.6);
    let marker = event(&mut world, "migration", Some(service), at_s);
    world.markers[marker].finished_s = Some(at_s + chance.between(300.0, 1200.0));
    let from_s = at_s + chance.between(600.0, 2400.0);
    let endpoints = part_of(&world, chance, service);
    let share = chance.between(0.1, 0.9);
    world.faults.push(Fault {
        cause: Some(marker),
        ramp_s: chance.between(300.0, 2400.0),
        harm: Harm {
            statuses: &[500, 504],
            took: Took::Times(6.0),
            says: Some("lock wait timeout exceeded"),
        },
        ..fault(chance, endpoints, from_s, f64::MAX, share)
    });
    let elsewhere = others(&world, &[service]);
    let count = chance.int(0, 4);
    innocents(
        &mut world,
        chance,
        count,
        &elsewhere,
        (at_s - 7200.0, from_s),
    );
    world
}

fn retries(chance: &mut Chance) -> World {
    let mut world = instant(chance);
    world.retries = chance.int(2, 4);
    world
}

fn two_at_once(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let two = chance.some(2, world.services.len());
    let first_s = moment(&world, chance, 0.5, 0.65);
    let second_s = first_s + chance.between(900.0, 3000.0);
    for (service, at_s) in [(two[0], first_s), (two[1], second_s)] {
        let (_, _, fault) = guilty_at(&mut world, chance, service, at_s, Pace::AtOnce);
        world.faults[fault].share = chance.between(0.15, 1.0);
        world.faults[fault].to_s = f64::MAX;
    }
    world
}

fn gap(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, _, fault) = guilty(&mut world, chance, Pace::AtOnce);
    let onset = world.faults[fault].from_s;
    world.faults[fault].to_s = f64::MAX;
    world.faults[fault].share = world.faults[fault].share.max(0.1);
    let from_s = onset + chance.between(900.0, 2400.0);
    // Every second log breaks off for good; the others come back.
    let to_s = match chance.yes(0.5) {
        true => f64::MAX,
        false => from_s + chance.between(900.0, 2700.0),
    };
    let of = if chance.yes(0.5) { Some(service) } else { None };
    world.gaps.push((of, from_s, to_s));
    bystanders(&mut world, chance, 3, service, onset);
    world
}

fn dependency(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let from_s = moment(&world, chance, 0.4, 0.75);
    let hit = chance.int(2, world.services.len());
    let endpoints = chance
        .some(hit, world.services.len())
        .into_iter()
        .flat_map(|s| part_of(&world, chance, s))
        .collect();
    let share = chance.between(0.1, 1.0);
    let (statuses, took): (&'static [u16], Took) = match chance.int(0, 3) {
        0 => (&[503], Took::Times(0.5)),
        1 => (&[504], Took::Timeout(30_000.0)),
        2 => (&[502, 504], Took::Timeout(5000.0)),
        _ => (&[500, 502, 503, 504], Took::Times(4.0)),
    };
    let to_s = end(&world, chance, from_s, 0.6);
    world.faults.push(Fault {
        of_users: false,
        harm: Harm {
            statuses,
            took,
            says: Some("connection refused by upstream"),
        },
        ..fault(chance, endpoints, from_s, to_s, share)
    });
    let all: Vec<usize> = (0..world.services.len()).collect();
    let count = chance.int(0, 6);
    innocents(
        &mut world,
        chance,
        count,
        &all,
        (from_s - 10_800.0, from_s + 1800.0),
    );
    world
}

fn surge(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.4, 0.7);
    let to_s = from_s + chance.between(1200.0, 4800.0);
    world.surges.push(Surge {
        from_s,
        to_s,
        factor: chance.between(3.0, 8.0),
        service: Some(service),
    });
    let lag = chance.between(60.0, 400.0);
    let share = chance.between(0.05, 0.5);
    world.faults.push(Fault {
        of_users: false,
        ramp_s: chance.between(0.0, 240.0),
        harm: Harm {
            statuses: &[503, 503, 504],
            took: Took::Times(8.0),
            says: Some("pool exhausted"),
        },
        ..fault(chance, world.of(service), from_s + lag, to_s, share)
    });
    let all: Vec<usize> = (0..world.services.len()).collect();
    let count = chance.int(0, 4);
    innocents(
        &mut world,
        chance,
        count,
        &all,
        (from_s - 10_800.0, from_s + 600.0),
    );
    world
}

fn bad_host(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.4, 0.75);
    let host = chance.int(0, world.services[service].hosts.len() - 1);
    let share = chance.between(0.3, 1.0);
    let to_s = end(&world, chance, from_s, 0.5);
    world.faults.push(Fault {
        whom: Whom::Host(host),
        of_users: false,
        harm: Harm {
            statuses: &[500, 503],
            took: Took::Same,
            says: Some("No space left on device"),
        },
        ..fault(chance, world.of(service), from_s, to_s, share)
    });
    let all: Vec<usize> = (0..world.services.len()).collect();
    let count = chance.int(0, 4);
    innocents(
        &mut world,
        chance,
        count,
        &all,
        (from_s - 14_400.0, from_s - 300.0),
    );
    world
}

fn spontaneous(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.5, 0.8);
    let endpoints = part_of(&world, chance, service);
    let share = effect(chance);
    let to_s = end(&world, chance, from_s, 0.5);
    let fault = fault(chance, endpoints, from_s, to_s, share);
    world.faults.push(fault);
    let all: Vec<usize> = (0..world.services.len()).collect();
    let count = chance.int(2, 8);
    innocents(
        &mut world,
        chance,
        count,
        &all,
        (from_s - 14_400.0, from_s + 1800.0),
    );
    world
}

fn not_live(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.4, 0.8);
    let endpoints = part_of(&world, chance, service);
    let share = effect(chance);
    let to_s = end(&world, chance, from_s, 0.5);
    let fault = fault(chance, endpoints, from_s, to_s, share);
    world.faults.push(fault);
    for _ in 0..chance.int(1, 3) {
        let name = world.services[service].name.clone();
        let (status, environment) = *chance.pick(&[
            (Some("cancelled"), Some("production")),
            (Some("succeeded"), Some("staging")),
            (Some("success"), Some("qa")),
        ]);
        let at_s = from_s - chance.log_between(30.0, 1800.0);
        mark(
            &mut world,
            Marker {
                kind: "deploy",
                service: Some(name),
                at_s,
                status,
                environment,
                ..Marker::default()
            },
        );
    }
    // So that production is known by its name.
    let other = *chance.pick(&others(&world, &[service]));
    let name = world.services[other].name.clone();
    let at_s = from_s - chance.between(3600.0, 9000.0);
    mark(
        &mut world,
        Marker {
            kind: "deploy",
            service: Some(name),
            at_s,
            status: Some("success"),
            environment: Some("production"),
            ..Marker::default()
        },
    );
    world
}

fn hourly_job(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let first = world.next_round(chance.between(0.0, 3600.0), 3600.0);
    let endpoints = part_of(&world, chance, service);
    let share = chance.between(0.1, 0.6);
    let lasts = chance.between(120.0, 600.0);
    world.faults.push(Fault {
        recurs: Some((3600.0, lasts)),
        of_users: false,
        harm: Harm {
            statuses: &[503, 500],
            took: Took::Times(5.0),
            says: Some("deadlock found when trying to get lock"),
        },
        ..fault(chance, endpoints, first, f64::MAX, share)
    });
    let all: Vec<usize> = (0..world.services.len()).collect();
    let count = chance.int(2, 6);
    let length = world.length_s();
    innocents(&mut world, chance, count, &all, (1800.0, length));
    world
}

fn unlisted(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, marker, fault) = guilty(&mut world, chance, Pace::AtOnce);
    world.faults[fault].cause = None;
    let deploy = world.markers.remove(marker);
    world.faults[fault].unlisted = deploy
        .service
        .zip(deploy.version)
        .map(|(service, version)| format!("unmarked:{service}@{version}"));
    let onset = world.faults[fault].from_s;
    let elsewhere = others(&world, &[service]);
    let count = chance.int(1, 5);
    innocents(
        &mut world,
        chance,
        count,
        &elsewhere,
        (onset - 7200.0, onset + 1800.0),
    );
    world
}

fn elsewhere(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.4, 0.8);
    let endpoints = part_of(&world, chance, service);
    let share = effect(chance);
    let to_s = end(&world, chance, from_s, 0.5);
    let fault = fault(chance, endpoints, from_s, to_s, share);
    world.faults.push(fault);
    for _ in 0..chance.int(1, 3) {
        let other = *chance.pick(&others(&world, &[service]));
        let at_s = from_s - chance.log_between(20.0, 900.0);
        if at_s > last_host_s(&world, other) {
            deploy(&mut world, chance, other, at_s, Pace::AtOnce);
        } else {
            event(&mut world, "deploy", Some(other), at_s);
        }
    }
    world
}

fn one_client(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.4, 0.7);
    if chance.yes(0.5) {
        world.scanners.push(Scanner {
            service,
            from_s,
            to_s: from_s + chance.between(600.0, 3000.0),
            per_min: chance.between(20.0, 90.0),
            errors: chance.between(0.2, 1.0),
        });
    } else {
        let endpoints = part_of(&world, chance, service);
        world.faults.push(Fault {
            whom: Whom::User(chance.int(0, 5) as u32),
            of_users: false,
            is_incident: false,
            ..fault(chance, endpoints, from_s, f64::MAX, 1.0)
        });
        world.retries = 4;
    }
    let at_s = from_s - chance.between(30.0, 900.0);
    event(&mut world, "deploy", Some(service), at_s);
    world
}

fn quiet(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let length = world.length_s();
    let all: Vec<usize> = (0..world.services.len()).collect();
    for _ in 0..chance.int(1, 4) {
        let service = *chance.pick(&all);
        let at_s = last_host_s(&world, service).max(length * 0.2) + chance.between(300.0, 4000.0);
        deploy(&mut world, chance, service, at_s, Pace::Over(240.0));
        for (host, versions) in world.services[service].hosts.iter().enumerate() {
            world
                .restarts
                .push((service, host, versions.last().map_or(at_s, |v| v.0)));
        }
    }
    let service = any_service(&world, chance);
    let from_s = moment(&world, chance, 0.2, 0.8);
    world.surges.push(Surge {
        from_s,
        to_s: from_s + 1800.0,
        factor: chance.between(1.5, 5.0),
        service: None,
    });
    world.scanners.push(Scanner {
        service,
        from_s,
        to_s: from_s + 3000.0,
        per_min: 20.0,
        errors: 0.0,
    });
    world
}

fn slow(chance: &mut Chance) -> World {
    let mut world = town(&GROUND, chance);
    let (service, _, fault) = guilty(&mut world, chance, Pace::AtOnce);
    let times = chance.log_between(2.0, 10.0);
    world.faults[fault].harm = Harm {
        statuses: &[],
        took: Took::Times(times),
        ..application(chance)
    };
    world.faults[fault].harm.says = None;
    world.faults[fault].share = chance.between(0.3, 1.0);
    let onset = world.faults[fault].from_s;
    bystanders(&mut world, chance, 3, service, onset);
    world
}
