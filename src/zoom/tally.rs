//! Requests and errors of an incident by the values of their labels.
//!
//! Counted are the distinct combinations of values, so that any conjunction can be asked for
//! afterwards; and, for versions and hosts, endpoint by endpoint in strata of a minute, in which what
//! is compared had the same traffic and the same weather. Values are chosen by strangers, so
//! they are bounded: what is rare is counted under one value, [`OTHER`]. Blocks are merged in their
//! order, which makes the result the same for any number of threads.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::label::{LABELS, Label};
use crate::endpoint::Interner;
use crate::record::Record;

/// Heavy values of a label that are told apart in the end.
const HEAVY: usize = 64;
/// Values that are told apart while counting; beyond it the lighter ones are folded into one.
const MOST_VALUES: usize = 1024;
/// Combinations and strata that are told apart while counting.
const MOST_ROWS: usize = 1 << 16;
/// Length of a stratum, µs; longer where an incident would have too many.
const STRATUM_US: i64 = 60_000_000;
const MOST_STRATA: i64 = 600;

/// The number of the value "none".
pub const ABSENT: u32 = 0;
/// The number of what is too rare to be told apart.
pub const OTHER: u32 = 1;

/// Requests, and errors among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
}

impl Counts {
    fn count(&mut self, error: bool) {
        self.requests += 1;
        self.errors += u64::from(error);
    }

    /// Adds others up with these.
    pub fn add(&mut self, other: Counts) {
        self.requests += other.requests;
        self.errors += other.errors;
    }
}

/// A combination of values: the number of each label's, in the order of [`Label::ALL`].
type Values = [u32; LABELS];

/// One endpoint's stratum on one host with one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stratum {
    /// Place of the endpoint among the incident's.
    pub endpoint: u32,
    /// Number of the stratum since the epoch.
    pub number: i64,
    /// Number of the version.
    pub version: u32,
    /// Number of the host.
    pub host: u32,
}

/// Agents of a block that are remembered.
const MOST_AGENTS: usize = 4_096;

/// What an incident's requests have in common: counts by label.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// For each label its values, by number.
    values: [Interner; LABELS],
    /// From onset to end, by endpoint and values.
    during: BTreeMap<(u32, Values), Counts>,
    /// From the begin of the baseline to the end.
    strata: BTreeMap<Stratum, Counts>,
    /// Length of a stratum, µs.
    stratum_us: i64,
}

impl Tally {
    /// For an incident that is looked at for so long.
    pub(super) fn new(whole_us: i64) -> Tally {
        let strata = whole_us / STRATUM_US;
        Tally {
            values: std::array::from_fn(|_| reserved()),
            stratum_us: STRATUM_US * (1 + strata / MOST_STRATA),
            ..Tally::default()
        }
    }

    /// A value by its label and number.
    pub fn value(&self, label: Label, number: u32) -> &[u8] {
        let values = &self.values[label as usize];
        if (number as usize) < values.len() {
            values.get(number)
        } else {
            b""
        }
    }

    /// Numbers of the values that stand for themselves.
    pub fn numbers(&self, label: Label) -> std::ops::Range<u32> {
        2..(self.values[label as usize].len() as u32).max(2)
    }

    /// Whether some request has this label.
    pub fn has(&self, label: Label) -> bool {
        !self.numbers(label).is_empty()
    }

    /// Counts from onset to end: place of the endpoint, number of each label's value.
    pub fn during(&self) -> impl Iterator<Item = (usize, &[u32; LABELS], Counts)> {
        self.during
            .iter()
            .map(|((endpoint, values), counts)| (*endpoint as usize, values, *counts))
    }

    /// Counts by endpoint, time, version and host, in this order; from before the onset to the end.
    pub fn strata(&self) -> impl Iterator<Item = (Stratum, Counts)> {
        self.strata.iter().map(|(key, counts)| (*key, *counts))
    }

    /// Begin of a stratum, µs.
    pub fn begin_us(&self, stratum: Stratum) -> i64 {
        stratum.number.saturating_mul(self.stratum_us)
    }

    /// Length of a stratum, µs.
    pub fn stratum_us(&self) -> i64 {
        self.stratum_us
    }

    /// Adds one block's counts.
    pub(super) fn merge(&mut self, part: &TallyPart) {
        let mut numbers: [Vec<u32>; LABELS] = Default::default();
        for (label, numbers) in numbers.iter_mut().enumerate() {
            let names = &part.names[label];
            let values = &mut self.values[label];
            numbers.extend((0..names.len() as u32).map(|id| values.intern(names.get(id))));
        }
        let of = |label: usize, id: u32| numbers[label].get(id as usize).copied().unwrap_or(OTHER);
        for ((endpoint, values), counts) in &part.during {
            let mut values = *values;
            for (label, value) in values.iter_mut().enumerate() {
                *value = of(label, *value);
            }
            self.during
                .entry((*endpoint, values))
                .or_default()
                .add(*counts);
        }
        for (stratum, counts) in &part.strata {
            let stratum = Stratum {
                version: of(Label::Version as usize, stratum.version),
                host: of(Label::Host as usize, stratum.host),
                ..*stratum
            };
            self.strata.entry(stratum).or_default().add(*counts);
        }
        if self.values.iter().any(|values| values.len() > MOST_VALUES) {
            self.bound(MOST_VALUES / 2);
        }
        if self.during.len() > MOST_ROWS || self.strata.len() > MOST_ROWS {
            self.bound(HEAVY);
        }
    }

    /// Keeps the heavy values and folds the rest.
    pub(super) fn finish(&mut self) {
        self.bound(HEAVY);
    }

    /// Keeps so many values of each label, those with most requests, of equals the first by name;
    /// the rest become [`OTHER`]. Values are numbered by name afterwards.
    fn bound(&mut self, most: usize) {
        let mut weights: [Vec<u64>; LABELS] = Default::default();
        for (weights, values) in weights.iter_mut().zip(&self.values) {
            weights.resize(values.len().max(2), 0);
        }
        let mut weigh = |label: usize, value: u32, requests: u64| {
            if let Some(weight) = weights[label].get_mut(value as usize) {
                *weight += requests;
            }
        };
        for ((_, values), counts) in &self.during {
            for (label, value) in values.iter().enumerate() {
                weigh(label, *value, counts.requests);
            }
        }
        for (stratum, counts) in &self.strata {
            weigh(Label::Version as usize, stratum.version, counts.requests);
            weigh(Label::Host as usize, stratum.host, counts.requests);
        }
        let mut numbers: [Vec<u32>; LABELS] = Default::default();
        for label in 0..LABELS {
            let values = std::mem::replace(&mut self.values[label], reserved());
            let name = |id: &u32| values.get(*id);
            let weight = |id: &u32| weights[label][*id as usize];
            let mut heavy: Vec<u32> = (OTHER + 1..values.len() as u32).collect();
            heavy.sort_by(|a, b| (weight(b), name(a)).cmp(&(weight(a), name(b))));
            heavy.truncate(most);
            heavy.sort_by(|a, b| name(a).cmp(name(b)));
            numbers[label] = vec![OTHER; values.len()];
            numbers[label][ABSENT as usize] = ABSENT;
            for old in heavy {
                numbers[label][old as usize] = self.values[label].intern(name(&old));
            }
        }
        let of = |label: usize, value: u32| numbers[label][value as usize];
        for ((endpoint, mut values), counts) in std::mem::take(&mut self.during) {
            for (label, value) in values.iter_mut().enumerate() {
                *value = of(label, *value);
            }
            self.during
                .entry((endpoint, values))
                .or_default()
                .add(counts);
        }
        for (stratum, counts) in std::mem::take(&mut self.strata) {
            let stratum = Stratum {
                version: of(Label::Version as usize, stratum.version),
                host: of(Label::Host as usize, stratum.host),
                ..stratum
            };
            self.strata.entry(stratum).or_default().add(counts);
        }
    }
}

/// The values that stand for none and for the rare.
fn reserved() -> Interner {
    let mut values = Interner::default();
    values.intern(b"");
    values.intern(b"{other}");
    values
}

/// One block's share of a [`Tally`].
#[derive(Debug)]
pub(super) struct TallyPart {
    names: [Interner; LABELS],
    /// Agents, and the number of each one's family: to find it takes longer than all the rest.
    agents: Interner,
    families: Vec<u32>,
    during: HashMap<(u32, Values), Counts>,
    strata: HashMap<Stratum, Counts>,
    stratum_us: i64,
}

impl TallyPart {
    pub(super) fn of(whole: &Tally) -> TallyPart {
        TallyPart {
            names: Default::default(),
            agents: Interner::default(),
            families: Vec::new(),
            during: HashMap::default(),
            strata: HashMap::default(),
            stratum_us: whole.stratum_us,
        }
    }

    /// Counts a request of the endpoint at this place; `file_host` stands in where the line names no
    /// host.
    pub(super) fn add(
        &mut self,
        endpoint: usize,
        record: &Record<'_>,
        error: bool,
        is_during: bool,
        file_host: &[u8],
    ) {
        let values = Label::ALL.map(|label| match label {
            Label::Client => self.family(record),
            _ => {
                let value = label.of(record, file_host);
                self.names[label as usize].intern(value)
            }
        });
        let endpoint = endpoint as u32;
        if is_during {
            self.during
                .entry((endpoint, values))
                .or_default()
                .count(error);
        }
        let stratum = Stratum {
            endpoint,
            number: record.time_us.div_euclid(self.stratum_us),
            version: values[Label::Version as usize],
            host: values[Label::Host as usize],
        };
        self.strata.entry(stratum).or_default().count(error);
    }

    /// The number of the family of a request's client.
    fn family(&mut self, record: &Record<'_>) -> u32 {
        if self.agents.len() >= MOST_AGENTS {
            self.agents.clear();
            self.families.clear();
        }
        let agent = self.agents.intern(record.agent.unwrap_or_default()) as usize;
        if agent == self.families.len() {
            let family = Label::Client.of(record, b"");
            self.families
                .push(self.names[Label::Client as usize].intern(family));
        }
        self.families[agent]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::record::Status;

    /// Requests of one endpoint's minute, as (minute, version, host, client, requests, errors); from
    /// minute 0 on they are the incident's.
    pub(crate) type Group<'a> = (i64, &'a str, &'a str, &'a str, u64, u64);

    /// A tally of these requests, all of the first endpoint.
    pub(crate) fn tally(groups: &[Group<'_>]) -> Tally {
        let mut tally = Tally::new(0);
        let mut part = TallyPart::of(&tally);
        for (minute, version, host, client, requests, errors) in groups {
            for i in 0..*requests {
                let record = Record {
                    time_us: minute * STRATUM_US,
                    method: b"GET",
                    target: b"/",
                    status: Status(200),
                    latency_us: None,
                    service: None,
                    client: None,
                    user: None,
                    agent: Some(client.as_bytes()),
                    host: Some(host.as_bytes()),
                    version: Some(version.as_bytes()),
                    region: None,
                    api_version: None,
                };
                part.add(0, &record, i < *errors, *minute >= 0, b"");
            }
        }
        tally.merge(&part);
        tally.finish();
        tally
    }

    fn counts(tally: &Tally, label: Label) -> Vec<(String, u64, u64)> {
        let mut sums: BTreeMap<u32, Counts> = BTreeMap::new();
        for (_, values, counts) in tally.during() {
            sums.entry(values[label as usize]).or_default().add(counts);
        }
        let name = |number| String::from_utf8_lossy(tally.value(label, number)).into_owned();
        sums.into_iter()
            .map(|(number, c)| (name(number), c.requests, c.errors))
            .collect()
    }

    #[test]
    fn requests_are_counted_by_each_label() {
        let tally = tally(&[
            (-3, "1.0", "a", "curl/8", 50, 1),
            (0, "1.0", "a", "curl/8", 10, 1),
            (0, "1.1", "b", "curl/8", 5, 4),
            (1, "1.1", "b", "", 2, 2),
        ]);
        assert_eq!(
            counts(&tally, Label::Version),
            [("1.0".to_owned(), 10, 1), ("1.1".to_owned(), 7, 6)]
        );
        assert_eq!(
            counts(&tally, Label::Client),
            [(String::new(), 2, 2), ("curl".to_owned(), 15, 5)]
        );
        assert!(!tally.has(Label::Region));
        let before: u64 = tally
            .strata()
            .filter(|(s, _)| s.number < 0)
            .map(|(_, c)| c.requests)
            .sum();
        assert_eq!(before, 50);
    }

    #[test]
    fn of_many_values_the_heaviest_are_told_apart() {
        let versions: Vec<String> = (0..2_000).map(|v| format!("v{v:04}")).collect();
        let groups: Vec<Group<'_>> = versions
            .iter()
            .enumerate()
            .map(|(i, version)| (0, version.as_str(), "", "", 1 + u64::from(i >= 1_940), 1))
            .collect();
        let tally = tally(&groups);
        let told = counts(&tally, Label::Version);
        // 60 with two requests, the first four by name of those with one, and the rest.
        assert_eq!(told.len(), 65);
        assert_eq!(told[0], ("{other}".to_owned(), 1_936, 1_936));
        assert_eq!(told[1], ("v0000".to_owned(), 1, 1));
        assert_eq!(told[64], ("v1999".to_owned(), 2, 1));
        assert_eq!(told.iter().map(|(_, n, _)| n).sum::<u64>(), 2_060);
    }
}
