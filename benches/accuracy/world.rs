//! The simulated system, what is changed in it and what breaks: the truth that a report is held to.
//!
//! Families build a [`World`]; `play` lets its requests happen; `text` writes them down. Times are
//! seconds since the begin of the log.

/// How the lines of a service look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// JSON with version, host, region, user and client.
    JsonLabelled,
    /// JSON with service, client and latency, no version, host or region.
    JsonPlain,
    /// `key=value` pairs with host, without version and user.
    Logfmt,
    /// nginx's `combined`: neither service, latency nor labels.
    Combined,
}

/// A service and the hosts that run it.
pub struct Service {
    pub name: String,
    pub shape: Shape,
    /// Versions of each host over time: (from when, version), in order.
    pub hosts: Vec<Vec<(f64, u16)>>,
}

impl Service {
    /// The version on a host at a time.
    pub fn version(&self, host: usize, at_s: f64) -> u16 {
        let versions = &self.hosts[host];
        let now = versions.partition_point(|(from, _)| *from <= at_s);
        versions[now.saturating_sub(1)].1
    }
}

/// An endpoint of a service.
pub struct Endpoint {
    pub service: usize,
    pub method: &'static str,
    /// `/orders/#`: every `#` becomes a number.
    pub path: String,
    /// Requests per minute on average.
    pub per_min: f64,
    /// Mean error rate without a fault.
    pub error_rate: f64,
    /// Median latency in milliseconds.
    pub median_ms: f64,
}

/// How the traffic moves over the day.
pub enum Season {
    /// A sine of this relative amplitude over 24 h, at its peak at this hour.
    Sine { amplitude: f64, peak_h: f64 },
    /// Relative traffic of each hour, linear between them.
    Hours([f64; 24]),
}

impl Season {
    /// Traffic at this second of the day, about 1 on average.
    pub fn at(&self, second_of_day: f64) -> f64 {
        match self {
            Season::Sine { amplitude, peak_h } => {
                let turn = (second_of_day / 3600.0 - peak_h) / 24.0;
                1.0 + amplitude * (std::f64::consts::TAU * turn).cos()
            }
            Season::Hours(hours) => {
                let hour = (second_of_day / 3600.0).rem_euclid(24.0);
                let (low, part) = (hour.floor(), hour.fract());
                let at = |h: f64| hours[h as usize % 24];
                at(low) * (1.0 - part) + at(low + 1.0) * part
            }
        }
    }
}

/// Whom a fault hits, beside its share.
#[derive(Clone, Copy)]
pub enum Whom {
    Anyone,
    /// Requests that a host with this version answers.
    Version(u16),
    /// Requests that this host of the service answers.
    Host(usize),
    /// Hosts of this region.
    Region(u8),
    /// Clients of this family (see `text::AGENTS`).
    Family(u8),
    /// A single user.
    User(u32),
}

/// What happens to a request that a fault hits.
#[derive(Clone)]
pub struct Harm {
    /// Statuses, all equally likely; empty: the request succeeds, only late.
    pub statuses: &'static [u16],
    /// Latency of the harmed requests.
    pub took: Took,
    /// What the application logs for each of them.
    pub says: Option<&'static str>,
}

#[derive(Clone, Copy)]
pub enum Took {
    /// As usual.
    Same,
    /// This many times the usual.
    Times(f64),
    /// A round time-out in milliseconds, and a bit.
    Timeout(f64),
}

/// Something that breaks.
#[derive(Clone)]
pub struct Fault {
    pub endpoints: Vec<usize>,
    /// The first moment at which a request can be hit.
    pub from_s: f64,
    pub to_s: f64,
    /// Seconds until the share is reached.
    pub ramp_s: f64,
    /// Probability that a request of those concerned fails, or the share of users who always do.
    pub share: f64,
    /// Whether the share is one of users.
    pub of_users: bool,
    pub whom: Whom,
    pub harm: Harm,
    /// Returns each `.0` seconds for `.1` seconds.
    pub recurs: Option<(f64, f64)>,
    /// Tells its cohort from other faults'.
    pub salt: u64,
    /// The marker that caused it, if any did and it is listed.
    pub cause: Option<usize>,
    /// What the program calls the deploy that caused it and that no marker lists.
    pub unlisted: Option<String>,
    /// Whether a correct program must see it as an incident; scanners and single clients are none.
    pub is_incident: bool,
}

impl Fault {
    /// The share at a time.
    pub fn strength(&self, at_s: f64) -> f64 {
        if at_s < self.from_s || at_s >= self.to_s {
            return 0.0;
        }
        if let Some((every, lasts)) = self.recurs
            && (at_s - self.from_s).rem_euclid(every) >= lasts
        {
            return 0.0;
        }
        if self.ramp_s <= 0.0 {
            return self.share;
        }
        self.share * ((at_s - self.from_s) / self.ramp_s).min(1.0)
    }
}

/// A change marker.
#[derive(Clone, Default)]
pub struct Marker {
    pub id: String,
    pub kind: &'static str,
    pub service: Option<String>,
    pub version: Option<String>,
    pub previous_version: Option<String>,
    pub at_s: f64,
    pub finished_s: Option<f64>,
    pub rollback_of: Option<String>,
    pub endpoints: Vec<String>,
    pub status: Option<&'static str>,
    pub environment: Option<&'static str>,
    pub description: Option<String>,
}

/// More requests than usual.
pub struct Surge {
    pub from_s: f64,
    pub to_s: f64,
    pub factor: f64,
    /// Of this service; of all where `None`.
    pub service: Option<usize>,
}

/// Requests of one client that asks for everything.
pub struct Scanner {
    pub service: usize,
    pub from_s: f64,
    pub to_s: f64,
    pub per_min: f64,
    /// Share of its requests that ends in 500 (else 404).
    pub errors: f64,
}

/// The simulated system.
pub struct World {
    /// Epoch second of the log's begin, a full minute.
    pub start_s: i64,
    pub minutes: usize,
    pub services: Vec<Service>,
    pub endpoints: Vec<Endpoint>,
    pub season: Season,
    /// Standard deviation of the wandering of each error rate's logit, and its memory per minute.
    pub unrest: (f64, f64),
    /// Relative standard deviation of the traffic from minute to minute.
    pub bustle: f64,
    pub users: u32,
    pub faults: Vec<Fault>,
    pub markers: Vec<Marker>,
    pub surges: Vec<Surge>,
    pub scanners: Vec<Scanner>,
    /// Lost log: service (all: `None`), from, to.
    pub gaps: Vec<(Option<usize>, f64, f64)>,
    /// How often a client asks again after a failure.
    pub retries: usize,
    /// Times at which a host restarts and drops what it holds: (service, host, when).
    pub restarts: Vec<(usize, usize, f64)>,
    /// The service through which all requests come, and which logs them, too.
    pub front: Option<Front>,
}

/// A gateway before all services.
#[derive(Clone, Copy)]
pub struct Front {
    /// Which service: it has no endpoints of its own.
    pub service: usize,
    /// What it answers where one behind it answered 5xx; the same where `None`.
    pub answers: Option<u16>,
    /// Whether a fault keeps requests from being answered, and logged, behind it.
    pub alone: bool,
}

impl World {
    /// Seconds that the log covers.
    pub fn length_s(&self) -> f64 {
        self.minutes as f64 * 60.0
    }

    /// Second of the day (UTC) at a time.
    pub fn second_of_day(&self, at_s: f64) -> f64 {
        (self.start_s as f64 + at_s).rem_euclid(86_400.0)
    }

    /// The next time at or after `at_s` that is a multiple of `period_s` since midnight.
    pub fn next_round(&self, at_s: f64, period_s: f64) -> f64 {
        let clock = self.start_s as f64 + at_s;
        (clock / period_s).ceil() * period_s - self.start_s as f64
    }

    /// The endpoints of a service.
    pub fn of(&self, service: usize) -> Vec<usize> {
        (0..self.endpoints.len())
            .filter(|e| self.endpoints[*e].service == service)
            .collect()
    }
}

/// Regions by host: hosts take turns.
pub const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];

/// The region of a host.
pub fn region(host: usize) -> u8 {
    (host % REGIONS.len()) as u8
}
