//! Weeks in which nothing is wrong: how many incidents does the program see?
//!
//! 200 endpoints of 0.2 to 1,000 requests a minute, a week each, as counts: text of them would be
//! 100 GB. Error rates wander with memory, traffic has days and nights. What detection proposes is
//! confirmed as in a run: the exact times and users of a candidate's failures are drawn when asked
//! for, within the minutes that were counted.

use triage::internals::{
    CELL_US, Catalog, Cells, Endpoint, EndpointId, Failure, MINUTE_US, MinuteCell, SeriesSet,
    ServiceId, Signal, candidates, confirmed, gaps,
};

use crate::chance::Chance;
use crate::rng::mix;
use crate::world::Season;

const ENDPOINTS: usize = 200;
const SERVICES: usize = 10;
const MINUTES: usize = 10_080;
/// Monday, 4 March 2024, 00:00 UTC.
const START_MIN: i64 = 28_491_840;
/// Time before and after a candidate that confirmation looks at, in minutes.
const AROUND: (i64, i64) = (190, 60);

/// What was seen in a clean week.
pub struct Week {
    pub candidates: usize,
    pub incidents: usize,
    pub blips: usize,
}

/// A week of this number.
pub fn week(seed: u64, index: usize) -> Week {
    let mut chance = Chance::of(seed, "clean", index);
    let mut set = counts(&mut chance);
    set.gaps = gaps(&set);
    let found = candidates(&set).candidates;
    let cells: Vec<Cells> = found
        .iter()
        .map(|c| closer(&set, c.endpoint, c.from_min - AROUND.0, c.to_min + AROUND.1))
        .collect();
    let confirmed = confirmed(&found, &cells, &set);
    Week {
        candidates: found.len(),
        incidents: confirmed.incidents.len(),
        blips: confirmed.blips.len(),
    }
}

fn counts(chance: &mut Chance) -> SeriesSet {
    let season = Season::Sine {
        amplitude: chance.between(0.2, 0.7),
        peak_h: chance.between(10.0, 20.0),
    };
    let (sigma, memory) = (chance.between(0.2, 0.8), chance.between(0.75, 0.98));
    let cells = (0..ENDPOINTS)
        .map(|_| {
            let per_min = chance.log_between(0.2, 1000.0);
            let rate = chance.log_between(0.0003, 0.02);
            let (logit, mut wander) = ((rate / (1.0 - rate)).ln(), chance.normal());
            let mut series = Vec::new();
            for minute in 0..MINUTES {
                wander = memory * wander + (1.0 - memory * memory).sqrt() * chance.normal();
                let p = 1.0 / (1.0 + (0.5 * sigma * sigma - logit - sigma * wander).exp());
                let mean = per_min * season.at(minute as f64 * 60.0) * chance.log_normal(1.0, 0.1);
                let requests = chance.poisson(mean);
                if requests > 0 {
                    series.push(MinuteCell {
                        minute: (START_MIN + minute as i64) as i32,
                        requests: requests as u32,
                        errors: chance.poisson(requests as f64 * p).min(requests) as u32,
                    });
                }
            }
            series
        })
        .collect();
    SeriesSet {
        catalog: Catalog {
            services: (0..SERVICES)
                .map(|s| format!("s{s}").into_bytes())
                .collect(),
            endpoints: (0..ENDPOINTS)
                .map(|e| Endpoint {
                    service: ServiceId((e * SERVICES / ENDPOINTS) as u32),
                    method: b"GET".to_vec(),
                    template: format!("/r{}/e{e}", e / 4).into_bytes(),
                    group: (e / 4) as u32,
                })
                .collect(),
            ..Catalog::default()
        },
        cells,
        latencies: Vec::new(),
        start_min: START_MIN,
        minutes: MINUTES,
        gaps: Vec::new(),
    }
}

/// An endpoint's minutes by ten seconds, its failures with time and user: any that add up to the
/// minutes' counts, the same however often and from where they are asked for.
fn closer(set: &SeriesSet, endpoint: EndpointId, from_min: i64, to_min: i64) -> Cells {
    let (from_min, to_min) = (
        from_min.max(START_MIN),
        to_min.min(START_MIN + MINUTES as i64),
    );
    let start_us = from_min * MINUTE_US;
    let mut counts = vec![(0u32, 0u32); ((to_min - from_min) * MINUTE_US / CELL_US) as usize];
    let mut failures = Vec::new();
    let number = endpoint.0 as usize;
    for cell in set.cells[number]
        .iter()
        .filter(|c| (from_min..to_min).contains(&i64::from(c.minute)))
    {
        let mut chance = Chance::of(mix(cell.minute as u64), "closer", number);
        for request in 0..cell.requests {
            let time_us =
                i64::from(cell.minute) * MINUTE_US + (chance.unit() * MINUTE_US as f64) as i64;
            let user = 1 + chance.int(0, 20_000) as u64;
            let failed = request < cell.errors;
            if let Some(count) = counts.get_mut(((time_us - start_us) / CELL_US) as usize) {
                count.0 += 1;
                count.1 += u32::from(failed);
            }
            if failed {
                failures.push(Failure {
                    time_us,
                    status: 500,
                    request: mix(user),
                    user,
                });
            }
        }
    }
    failures.sort_unstable();
    Cells {
        endpoint,
        signal: Signal::Errors,
        start_us,
        counts,
        failures,
        failures_dropped: 0,
    }
}
