//! Cells → dense series over time, per endpoint and for what endpoints belong to: route group, service, all.
//!
//! Floats begin here: counts come in, rates may go out. Gaps are explicit.

/// One minute, the length of a cell, in microseconds.
pub const MINUTE_US: i64 = 60_000_000;

/// Index of an endpoint in [`Catalog::endpoints`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(pub u32);

/// Index of a service in [`Catalog::services`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// All endpoints and services of a run, sorted, so that ids don't depend on threads or file order.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The services, sorted by name.
    pub services: Vec<Vec<u8>>,
    /// The endpoints, sorted by service, template, method.
    pub endpoints: Vec<Endpoint>,
}

/// A service's method and path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its service.
    pub service: ServiceId,
    /// `GET`.
    pub method: Vec<u8>,
    /// `/orders/{id}`.
    pub template: Vec<u8>,
    /// Its route group: index shared by the endpoints of a service with the same first two literal segments.
    pub group: u32,
}

/// Requests and errors per minute of one endpoint, group or service.
#[derive(Debug, Clone)]
pub struct Series {
    /// Minutes since the epoch of the first slot. All series of a run begin at the same minute.
    pub start_min: i64,
    /// Requests in each minute.
    pub requests: Vec<u32>,
    /// Errors in each minute.
    pub errors: Vec<u32>,
}

/// Everything `detect` looks at.
#[derive(Debug, Clone)]
pub struct SeriesSet {
    /// What the ids mean.
    pub catalog: Catalog,
    /// One series per endpoint, in the catalog's order; sparse: only minutes with requests.
    pub cells: Vec<Vec<MinuteCell>>,
    /// First minute of the log.
    pub start_min: i64,
    /// Number of minutes from the first to the last, both included.
    pub minutes: usize,
    /// Minutes (offsets from `start_min`) for which a service's log is missing: `(service, from, to)`, half open; `None` is all services.
    pub gaps: Vec<(Option<ServiceId>, usize, usize)>,
}

/// One endpoint's minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteCell {
    /// Minutes since the epoch.
    pub minute: i64,
    /// Requests in it.
    pub requests: u32,
    /// Errors in it.
    pub errors: u32,
}
