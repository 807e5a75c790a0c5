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

/// Requests and errors added up from the begin of a log: the sum over any span takes two look-ups.
#[derive(Debug, Clone)]
pub struct Totals {
    /// `(requests, errors)` of all slots before this one; one entry more than there are slots.
    sums: Vec<(u64, u64)>,
}

impl Totals {
    /// Adds up the counts of each slot.
    pub fn new(slots: impl IntoIterator<Item = (u64, u64)>) -> Totals {
        let mut sums = vec![(0, 0)];
        sums.extend(slots.into_iter().scan((0, 0), |sum, (requests, errors)| {
            *sum = (sum.0 + requests, sum.1 + errors);
            Some(*sum)
        }));
        Totals { sums }
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.sums.len() - 1
    }

    /// `(requests, errors)` of the slots `from..to`; what lies beyond the end counts nothing.
    pub fn between(&self, from: usize, to: usize) -> (u64, u64) {
        let last = self.slots();
        let (low, high) = (self.sums[from.min(last)], self.sums[to.min(last)]);
        (high.0.saturating_sub(low.0), high.1.saturating_sub(low.1))
    }

    /// The first slot with a request; the number of slots where none has one.
    pub fn first_busy(&self) -> usize {
        self.sums
            .partition_point(|(requests, _)| *requests == 0)
            .saturating_sub(1)
            .min(self.slots())
    }
}

impl SeriesSet {
    /// One endpoint minute by minute. Minutes in which its service's log is missing count nothing.
    pub fn totals(&self, endpoint: EndpointId) -> Totals {
        let mut sums = Vec::with_capacity(self.minutes + 1);
        let mut sum = (0, 0);
        for (slot, cell) in self.seen(endpoint) {
            sums.resize(sums.len().max(slot + 1), sum);
            sum.0 += u64::from(cell.requests);
            sum.1 += u64::from(cell.errors);
        }
        sums.resize(self.minutes + 1, sum);
        Totals { sums }
    }

    /// An endpoint's cells with their offset from `start_min`, without those inside a gap.
    pub fn seen(&self, endpoint: EndpointId) -> impl Iterator<Item = (usize, MinuteCell)> {
        let cells = self
            .cells
            .get(endpoint.0 as usize)
            .map_or(&[][..], Vec::as_slice);
        let service = self.service_of(endpoint);
        let gaps: Vec<(usize, usize)> = self
            .gaps
            .iter()
            .filter(|(of, _, _)| of.is_none() || *of == service)
            .map(|&(_, from, to)| (from, to))
            .collect();
        cells.iter().filter_map(move |cell| {
            let slot = usize::try_from(cell.minute.checked_sub(self.start_min)?).ok()?;
            let masked = gaps.iter().any(|&(from, to)| (from..to).contains(&slot));
            (slot < self.minutes && !masked).then_some((slot, *cell))
        })
    }

    /// The service that an endpoint belongs to.
    pub fn service_of(&self, endpoint: EndpointId) -> Option<ServiceId> {
        self.catalog
            .endpoints
            .get(endpoint.0 as usize)
            .map(|e| e.service)
    }

    /// All endpoints, in the catalog's order.
    pub fn endpoints(&self) -> impl Iterator<Item = EndpointId> + use<> {
        (0..self.cells.len()).map(|i| EndpointId(i as u32))
    }
}
