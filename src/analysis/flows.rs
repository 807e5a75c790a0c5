//! What tells whether one service only passes on what fails in another: the failures of each service of
//! an incident, in cells of 10 s from its onset to its end, and how long they took; and the requests
//! of all services by the minute.

use std::collections::BTreeMap;

use super::counted_of;
use crate::blame::{Pace, Relays, Traffic};
use crate::confirm::Incident;
use crate::series::{Catalog, EndpointId, MINUTE_US, SeriesSet};
use crate::sketch::Latencies;
use crate::zoom::{CELL_US, Cells, Detail, EndpointDetail, Times};

/// Minutes before an onset that tell what a service is usually asked, and minutes after it.
const BEFORE_MIN: i64 = 60;
const AFTER_MIN: i64 = 360;

/// Who passes on whose failures.
pub(super) fn relays(
    incident: &Incident,
    times: Times,
    detail: &Detail,
    series: &SeriesSet,
    cells: &[Cells],
) -> Relays {
    let paces = paces(incident, times, detail, &series.catalog, cells);
    Relays::of(&paces, &traffic(incident, times, series))
}

/// The requests of all services around an onset; none where there is no onset, or where it comes back.
fn traffic(incident: &Incident, times: Times, series: &SeriesSet) -> Vec<Traffic> {
    let known = incident.onset.is_some() && times.recurs.is_none() && !incident.is_latency();
    if !known {
        return Vec::new();
    }
    let onset = times.span.from_us.div_euclid(MINUTE_US);
    let from = (onset - BEFORE_MIN).max(series.start_min);
    let to = (times.span.to_us - 1).div_euclid(MINUTE_US) + 1;
    let to = to.min(onset + AFTER_MIN);
    let length = usize::try_from(to - from).unwrap_or(0);
    let mut services: BTreeMap<&[u8], Traffic> = BTreeMap::new();
    let hit = |id: EndpointId| incident.endpoints.iter().any(|(e, _)| *e == id);
    for id in series.endpoints() {
        let name = series.catalog.service_of(id);
        let traffic = services.entry(name).or_insert_with(|| Traffic {
            service: String::from_utf8_lossy(name).into_owned(),
            is_hit: false,
            before: usize::try_from(onset - from).unwrap_or(0),
            minutes: vec![(0, 0); length],
        });
        // Of a service that is hit the endpoints that are.
        match (traffic.is_hit, hit(id)) {
            (true, false) => continue,
            (false, true) => {
                traffic.is_hit = true;
                traffic.minutes.fill((0, 0));
            }
            _ => {}
        }
        for cell in series.cells_within(id, from..to) {
            let sum = &mut traffic.minutes[(i64::from(cell.minute) - from) as usize];
            sum.0 = sum.0.saturating_add(cell.requests);
            sum.1 = sum.1.saturating_add(cell.errors);
        }
    }
    services.into_values().collect()
}

/// What is known of one service.
struct Service {
    pace: Pace,
    latencies: Latencies,
    gateway: u64,
    failures: u64,
}

impl Service {
    /// Adds the failures of one of its endpoints.
    fn add(&mut self, cells: &Cells, times: Times) {
        let first = first_cell(times);
        for (cell, (_, errors)) in (cells.start_us.div_euclid(CELL_US)..).zip(&cells.counts) {
            let place = usize::try_from(cell - first).ok();
            if let Some(count) = place.and_then(|i| self.pace.counts.get_mut(i))
                && times.contain((cell * CELL_US).max(times.span.from_us))
            {
                *count = count.saturating_add(*errors);
            }
        }
    }

    /// Adds what the closer look tells of one of its endpoints. Of slowness all answers tell who waits
    /// for whom: beside the slow ones the way between two services is short.
    fn tell(&mut self, counted: &EndpointDetail, is_latency: bool) {
        self.latencies.merge(if is_latency {
            &counted.successes
        } else {
            &counted.failures
        });
        for (status, n) in &counted.statuses {
            self.failures += n;
            self.gateway += if (502..=504).contains(status) { *n } else { 0 };
        }
    }

    fn finish(mut self) -> Pace {
        self.pace.latency_us = self.latencies.quantile(0.5).map(|us| us as f64);
        self.pace.gateway_share = self.gateway as f64 / self.failures.max(1) as f64;
        self.pace
    }
}

fn first_cell(times: Times) -> i64 {
    times.span.from_us.div_euclid(CELL_US)
}

/// Of each service whose endpoints fail, or else became slow with those that do.
fn paces(
    incident: &Incident,
    times: Times,
    detail: &Detail,
    catalog: &Catalog,
    cells: &[Cells],
) -> Vec<Pace> {
    let length = (times.span.to_us - 1).div_euclid(CELL_US) - first_cell(times) + 1;
    let name = |id: EndpointId| String::from_utf8_lossy(catalog.service_of(id)).into_owned();
    let empty = |service: String, only_slow: bool| Service {
        pace: Pace {
            service,
            counts: vec![0; usize::try_from(length).unwrap_or(0)],
            only_slow,
            latency_us: None,
            gateway_share: 0.0,
        },
        latencies: Latencies::default(),
        gateway: 0,
        failures: 0,
    };
    let mut services: BTreeMap<String, Service> = BTreeMap::new();
    for cells in counted_of(incident, cells) {
        let service = name(cells.endpoint);
        let known = services.entry(service.clone());
        known
            .or_insert_with(|| empty(service, false))
            .add(cells, times);
    }
    let slowed = |c: &&Cells| c.signal.is_latency() && incident.slow_too.contains(&c.endpoint);
    for cells in cells.iter().filter(slowed) {
        let service = name(cells.endpoint);
        let known = services.entry(service.clone());
        let known = known.or_insert_with(|| empty(service, true));
        if known.pace.only_slow {
            known.add(cells, times);
        }
    }
    let is_latency = incident.is_latency();
    for ((endpoint, _), counted) in incident.endpoints.iter().zip(&detail.endpoints) {
        let service = services.get_mut(&name(*endpoint));
        service
            .into_iter()
            .for_each(|service| service.tell(counted, is_latency));
    }
    services.into_values().map(Service::finish).collect()
}
