//! Which key of a structured line means which part of a request, and how much it is to be trusted.
//!
//! A table read from a spec (`specs/synonyms.toml` is the general one) becomes a small hash table
//! over folded names: letters in lower case, digits, and nothing else, so that `statusCode`,
//! `status_code` and `{"status": {"code": …}}` are one name.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::timestamp::Unit;

use super::fields::Slot;

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A part of a request; of several keys for one part the lowest rank wins.
    Part {
        slot: Slot,
        rank: u8,
        unit: Option<Unit>,
    },
    /// An object whose keys count as if they stood at the top.
    Wrapper,
}

#[derive(Debug)]
pub(super) struct Keys {
    entries: Vec<(Box<[u8]>, Meaning)>,
    /// Open addressing over `entries`; 0 is empty, else index + 1. Its length is a power of two.
    table: Vec<u16>,
    /// Tells it from every other table.
    serial: u64,
}

/// The ranks of names that many things have, requests among them: marked by `?` in a table. Alone
/// they make no request.
pub(super) const WEAK: u8 = 100;

/// A folded name, nesting included, is shorter than this.
pub(super) const LONGEST: usize = 64;

impl Keys {
    /// From a spec's table: slot name (or `wrappers`) → names, the most trustworthy first.
    pub(super) fn new(table: &toml::Table) -> Result<Keys, String> {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let mut keys = Keys {
            entries: Vec::new(),
            table: vec![0; 2048],
            serial,
        };
        for (part, names) in table {
            let names = names
                .as_array()
                .ok_or_else(|| format!("{part}: not a list of names"))?;
            for (rank, name) in names.iter().enumerate() {
                let name = name.as_str().ok_or_else(|| format!("{part}: not a name"))?;
                let (name, unit) = with_unit(name);
                let (name, worse) = match name.strip_suffix('?') {
                    Some(name) => (name, WEAK),
                    None => (name, 0),
                };
                let rank = u8::try_from(rank).ok().filter(|&rank| rank < WEAK);
                let rank = rank.map(|rank| rank + worse);
                let meaning = match (part.as_str(), Slot::named(part), rank) {
                    ("wrappers", ..) => Meaning::Wrapper,
                    (_, Some(slot), Some(rank)) => Meaning::Part { slot, rank, unit },
                    (_, None, _) => {
                        return Err(format!(
                            "{part}: no such part of a request; there are {}, and wrappers",
                            Slot::ALL.map(|(name, _)| name).join(", ")
                        ));
                    }
                    _ => return Err(format!("{part}: more than 200 names")),
                };
                keys.insert(name, meaning)?;
            }
        }
        Ok(keys)
    }

    /// A name that folds to one that is there already keeps the better rank; it can't mean two parts.
    fn insert(&mut self, name: &str, meaning: Meaning) -> Result<(), String> {
        let mut folded = Vec::new();
        fold(name.as_bytes(), |b| folded.push(b));
        if folded.is_empty() || folded.len() >= LONGEST || self.entries.len() * 2 > self.table.len()
        {
            return Err(format!("{name}: not a name that can be looked up"));
        }
        match self.find(&folded) {
            Some(known) if same_part(known, meaning) => return Ok(()),
            Some(_) => return Err(format!("{name}: listed for two parts")),
            None => {}
        }
        let mut at = self.start(&folded);
        while self.table[at] != 0 {
            at = (at + 1) & (self.table.len() - 1);
        }
        self.entries.push((folded.into(), meaning));
        self.table[at] = u16::try_from(self.entries.len()).map_err(|_| "too many names")?;
        Ok(())
    }

    /// Tells it from every other table.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    /// What its names mean, each.
    pub(super) fn meanings(&self) -> impl Iterator<Item = Meaning> {
        self.entries.iter().map(|(_, meaning)| *meaning)
    }

    /// What a folded name means.
    #[inline]
    pub(super) fn find(&self, folded: &[u8]) -> Option<Meaning> {
        let mut at = self.start(folded);
        loop {
            let index = usize::from(*self.table.get(at)?).checked_sub(1)?;
            let (name, meaning) = self.entries.get(index)?;
            if **name == *folded {
                return Some(*meaning);
            }
            at = (at + 1) & (self.table.len() - 1);
        }
    }

    /// What a name as it stands on the line means.
    pub(super) fn find_name(&self, name: &[u8]) -> Option<Meaning> {
        let mut path = Path::default();
        path.push(name);
        self.find(path.folded())
    }

    /// Where the search for a name begins: four of its bytes and its length tell these tables'
    /// names apart well enough, and a name that was chosen to collide costs one compare more.
    #[inline]
    fn start(&self, folded: &[u8]) -> usize {
        let byte = |at: usize| u64::from(folded.get(at).copied().unwrap_or(0));
        let len = folded.len();
        let mix = byte(0)
            | byte(len / 4) << 8
            | byte(len / 2) << 16
            | byte(len / 4 * 3) << 24
            | byte(len.wrapping_sub(1)) << 32
            | (len as u64) << 40;
        let hash = mix.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        hash as usize & (self.table.len() - 1)
    }
}

fn same_part(a: Meaning, b: Meaning) -> bool {
    match (a, b) {
        (Meaning::Part { slot: a, .. }, Meaning::Part { slot: b, .. }) => a == b,
        _ => a == b,
    }
}

/// `duration_ms:ms` is the name and its unit.
pub(super) fn with_unit(name: &str) -> (&str, Option<Unit>) {
    let unit = |name| {
        Some(match name {
            "s" => Unit::Seconds,
            "s|ms" => Unit::SecondsOrMillis,
            "ms" => Unit::Millis,
            "us" => Unit::Micros,
            "ns" => Unit::Nanos,
            _ => return None,
        })
    };
    match name.rsplit_once(':') {
        Some((name, suffix)) if unit(suffix).is_some() => (name, unit(suffix)),
        _ => (name, None),
    }
}

/// Lower case for letters, digits as they are, 0 for what doesn't count.
const FOLDED: [u8; 256] = {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        if (b as u8).is_ascii_alphanumeric() {
            table[b] = (b as u8).to_ascii_lowercase();
        }
        b += 1;
    }
    table
};

fn fold(name: &[u8], mut push: impl FnMut(u8)) {
    for &b in name {
        if FOLDED[usize::from(b)] != 0 {
            push(FOLDED[usize::from(b)]);
        }
    }
}

/// What short keys at the top meant before: nearly all lines of a file have the same ones, and
/// folding a name costs more than looking it up (an eighth of the time on plain JSON lines).
#[derive(Debug)]
pub(super) struct Memo {
    /// The table that it remembers, by its serial number.
    of: u64,
    names: [(u128, Option<Meaning>); MEMO_LEN],
}

const MEMO_LEN: usize = 128;

impl Default for Memo {
    fn default() -> Memo {
        Memo {
            of: 0,
            names: [(0, None); MEMO_LEN],
        }
    }
}

impl Memo {
    /// Forgets everything if it belongs to another table.
    #[inline]
    pub(super) fn serve(&mut self, keys: &Keys) {
        if self.of != keys.serial {
            *self = Memo {
                of: keys.serial,
                ..Memo::default()
            };
        }
    }

    /// What a name of up to sixteen bytes means, given as they stand in memory and zeros behind.
    #[inline]
    pub(super) fn find(
        &mut self,
        name: u128,
        anew: impl FnOnce() -> Option<Meaning>,
    ) -> Option<Meaning> {
        let mixed = (name as u64 ^ ((name >> 64) as u64).rotate_left(29))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let Some(known) = self.names.get_mut((mixed >> 57) as usize) else {
            return anew();
        };
        if known.0 != name {
            *known = (name, anew());
        }
        known.1
    }
}

/// A place to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    outer: usize,
    base: usize,
    len: usize,
}

/// Where in a nested line the parser stands, as one folded name.
pub(super) struct Path {
    folded: [u8; LONGEST],
    /// Where the name of the innermost wrapper begins.
    outer: usize,
    base: usize,
    len: usize,
}

impl Default for Path {
    fn default() -> Path {
        Path {
            folded: [0; LONGEST],
            outer: 0,
            base: 0,
            len: 0,
        }
    }
}

impl Path {
    /// Goes down to a key. A path longer than any name in a table is full, and matches nothing.
    #[inline]
    pub(super) fn push(&mut self, name: &[u8]) {
        for &b in name {
            let Some(place) = self.folded.get_mut(self.len) else {
                return;
            };
            *place = FOLDED[usize::from(b)];
            self.len += usize::from(*place != 0);
        }
    }

    #[inline]
    pub(super) fn folded(&self) -> &[u8] {
        self.folded.get(self.base..self.len).unwrap_or_default()
    }

    /// The name with that of the innermost wrapper.
    pub(super) fn with_wrapper(&self) -> &[u8] {
        self.folded.get(self.outer..self.len).unwrap_or_default()
    }

    /// Whether it is inside of a wrapper.
    #[inline]
    pub(super) fn is_wrapped(&self) -> bool {
        self.base > 0
    }

    /// Whether it stands at the top.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Nothing below matches until the next [`Path::back_to`].
    pub(super) fn fill(&mut self) {
        (self.outer, self.base, self.len) = (0, 0, LONGEST);
    }

    /// What is below counts as if it stood at the top.
    pub(super) fn rebase(&mut self) {
        (self.outer, self.base) = (self.base, self.len);
    }

    #[inline]
    pub(super) fn mark(&self) -> Mark {
        Mark {
            outer: self.outer,
            base: self.base,
            len: self.len,
        }
    }

    #[inline]
    pub(super) fn back_to(&mut self, mark: Mark) {
        (self.outer, self.base, self.len) = (mark.outer, mark.base, mark.len);
    }
}
