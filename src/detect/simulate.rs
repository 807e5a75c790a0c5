//! Seeded logs with faults whose truth is known, for the tests of detection and confirmation.
//!
//! Requests come as a Poisson stream from a fixed population of users. Background errors are
//! over-dispersed: the error rate of each endpoint wanders minute by minute as a log-normal AR(1)
//! process. A fault hits a fixed share of the users, or a share of the requests.

use crate::series::{Catalog, Endpoint, MINUTE_US, MinuteCell, SeriesSet, ServiceId};

/// Steele, Lea & Flood's SplitMix64: one word of state, good enough to simulate with.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Poisson by counting exponential waits: exact, and fast enough for rates per minute.
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        let mut count = 0;
        let mut left = mean;
        loop {
            left += (1.0 - self.unit()).ln();
            if left < 0.0 {
                return count;
            }
            count += 1;
        }
    }
}

/// One endpoint of a simulated system.
#[derive(Clone)]
pub(crate) struct Traffic {
    pub service: u32,
    /// Requests per minute.
    pub per_minute: f64,
    /// Mean background error rate.
    pub error_rate: f64,
}

/// A fault on one endpoint: `from_s..to_s` are seconds since the log's begin.
#[derive(Clone)]
pub(crate) struct Fault {
    pub endpoint: usize,
    pub from_s: f64,
    pub to_s: f64,
    /// Share that fails.
    pub share: f64,
    /// Whether the share is one of users, always the same, or one of requests.
    pub of_users: bool,
}

/// A simulated system and what happens to it.
#[derive(Clone)]
pub(crate) struct Plan {
    /// First minute since the epoch.
    pub start_min: i64,
    pub minutes: usize,
    pub traffic: Vec<Traffic>,
    pub faults: Vec<Fault>,
    /// Standard deviation of the log of the background rate, and its memory from minute to minute.
    pub sigma: f64,
    pub memory: f64,
    pub users: u64,
    /// Minutes without a log.
    pub silence: Option<(usize, usize)>,
}

/// One simulated request.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub time_us: i64,
    pub endpoint: usize,
    pub user: u64,
    pub failed: bool,
}

impl Plan {
    /// Endpoints like those of a small shop: most are quiet, few are busy, .1–1 % fail anyway.
    pub(crate) fn shop(endpoints: usize, minutes: usize, random: &mut Random) -> Plan {
        let traffic = (0..endpoints)
            .map(|_| Traffic {
                service: 0,
                per_minute: 5.0 * 12.0_f64.powf(random.unit()),
                error_rate: 0.001 * 10.0_f64.powf(random.unit()),
            })
            .collect();
        Plan {
            start_min: 28_400_000,
            minutes,
            traffic,
            faults: Vec::new(),
            sigma: 0.7,
            memory: 0.9,
            users: 5_000,
            silence: None,
        }
    }

    /// All requests, endpoint by endpoint in order of time.
    pub(crate) fn run(&self, random: &mut Random) -> Vec<Request> {
        let mut requests = Vec::new();
        for (endpoint, traffic) in self.traffic.iter().enumerate() {
            let mut wander = random.normal();
            for minute in 0..self.minutes {
                let step = (1.0 - self.memory * self.memory).sqrt() * random.normal();
                wander = self.memory * wander + step;
                let lift = (self.sigma * wander - 0.5 * self.sigma * self.sigma).exp();
                let rate = (traffic.error_rate * lift).min(1.0);
                let count = random.poisson(traffic.per_minute);
                let silent = self
                    .silence
                    .is_some_and(|(from, to)| (from..to).contains(&minute));
                let begin = requests.len();
                for _ in 0..count {
                    let second = (minute as f64 + random.unit()) * 60.0;
                    let user = 1 + random.next() % self.users;
                    let failed = random.unit() < rate || self.hit(endpoint, second, user, random);
                    let time_us = self.start_min * MINUTE_US + (second * 1e6) as i64;
                    if !silent {
                        requests.push(Request {
                            time_us,
                            endpoint,
                            user,
                            failed,
                        });
                    }
                }
                requests[begin..].sort_by_key(|r| r.time_us);
            }
        }
        requests
    }

    fn hit(&self, endpoint: usize, second: f64, user: u64, random: &mut Random) -> bool {
        let active = |f: &&Fault| f.endpoint == endpoint && f.from_s <= second && second < f.to_s;
        self.faults.iter().filter(active).any(|fault| {
            let draw = if fault.of_users {
                Random(user).unit()
            } else {
                random.unit()
            };
            draw < fault.share
        })
    }

    /// The log as detection sees it.
    pub(crate) fn series(&self, requests: &[Request]) -> SeriesSet {
        let mut cells: Vec<Vec<MinuteCell>> = vec![Vec::new(); self.traffic.len()];
        for r in requests {
            let minute = r.time_us.div_euclid(MINUTE_US) as i32;
            let cells = &mut cells[r.endpoint];
            if cells.last().is_none_or(|cell| cell.minute != minute) {
                cells.push(MinuteCell {
                    minute,
                    requests: 0,
                    errors: 0,
                });
            }
            let cell = cells.last_mut().unwrap();
            cell.requests += 1;
            cell.errors += u32::from(r.failed);
        }
        let services = self
            .traffic
            .iter()
            .map(|t| t.service)
            .max()
            .map_or(0, |last| last + 1);
        let endpoint = |(i, t): (usize, &Traffic)| Endpoint {
            service: ServiceId(t.service),
            method: b"GET".to_vec(),
            template: format!("/api/e{i}").into_bytes(),
            group: (i / 4) as u32,
        };
        SeriesSet {
            catalog: Catalog {
                services: (0..services)
                    .map(|i| format!("s{i}").into_bytes())
                    .collect(),
                endpoints: self.traffic.iter().enumerate().map(endpoint).collect(),
                ..Catalog::default()
            },
            cells,
            latencies: Vec::new(),
            start_min: self.start_min,
            minutes: self.minutes,
            gaps: Vec::new(),
        }
    }
}

/// A fault that hits a share of the users from one minute to another.
pub(crate) fn fault(endpoint: usize, from_min: f64, to_min: f64, share: f64) -> Fault {
    const MINUTE: f64 = 60.0;
    let (from_s, to_s) = (from_min * MINUTE, to_min * MINUTE);
    Fault {
        endpoint,
        from_s,
        to_s,
        share,
        of_users: true,
    }
}

/// Endpoints that all have the same traffic all the time.
pub(crate) fn steady(endpoints: usize, per_minute: f64, error_rate: f64, minutes: usize) -> Plan {
    let mut plan = Plan::shop(endpoints, minutes, &mut Random(1));
    plan.traffic.fill(Traffic {
        service: 0,
        per_minute,
        error_rate,
    });
    plan
}
