//! Which versions the log shows at work, and since when.
//!
//! Of each version of each service: its first and last request and how many there were, in the
//! blocks of the first look, whatever the endpoint. It says what was seen and concludes nothing.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::record::Record;

/// Versions told apart over all services; what comes later is not kept.
const MOST: usize = 4096;
/// Requests of a block that are read in full to see whether its lines name a version at all.
pub(super) const PROBED: usize = 32;

/// A version of a service, as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The service.
    pub service: Vec<u8>,
    /// The version.
    pub version: Vec<u8>,
    /// Its first request, µs.
    pub first_us: i64,
    /// Its last request, µs.
    pub last_us: i64,
    /// Its requests.
    pub requests: u64,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    first_us: i64,
    last_us: i64,
    requests: u64,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.first_us = self.first_us.min(other.first_us);
        self.last_us = self.last_us.max(other.last_us);
        self.requests += other.requests;
    }
}

/// One block's share of the sightings: by service, by version.
#[derive(Debug, Default)]
pub(super) struct Sightings(HashMap<Vec<u8>, HashMap<Vec<u8>, Seen>>);

impl Sightings {
    pub(super) fn add(&mut self, service: &[u8], record: &Record<'_>) {
        let Some(version) = record.version else {
            return;
        };
        let seen = Seen {
            first_us: record.time_us,
            last_us: record.time_us,
            requests: 1,
        };
        let versions = self.0.entry_ref(service).or_default();
        match versions.get_mut(version) {
            Some(known) => known.add(seen),
            None => {
                versions.insert(version.to_vec(), seen);
            }
        }
    }
}

/// All blocks' sightings, by service and version.
#[derive(Debug, Default)]
pub(super) struct AllSightings(BTreeMap<Name, Seen>);

/// A service and its version.
type Name = (Vec<u8>, Vec<u8>);

impl AllSightings {
    /// Adds a block's; blocks come in their order, so that the bound is the same in each run.
    pub(super) fn merge(&mut self, part: Sightings) {
        let mut found: Vec<(Name, Seen)> = Vec::new();
        for (service, versions) in part.0 {
            let named = |(version, seen)| ((service.clone(), version), seen);
            found.extend(versions.into_iter().map(named));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, seen) in found {
            if let Some(known) = self.0.get_mut(&key) {
                known.add(seen);
            } else if self.0.len() < MOST {
                self.0.insert(key, seen);
            }
        }
    }

    /// By service, then version.
    pub(super) fn finish(self) -> Vec<Sighting> {
        let sighting = |((service, version), seen): (_, Seen)| Sighting {
            service,
            version,
            first_us: seen.first_us,
            last_us: seen.last_us,
            requests: seen.requests,
        };
        self.0.into_iter().map(sighting).collect()
    }
}
