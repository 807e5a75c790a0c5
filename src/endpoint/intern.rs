//! Numbers byte strings in the order of their first sight.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Byte strings ↔ small numbers. The hash is keyed anew for each interner: the strings are chosen
/// by strangers, and no order of its own reaches any output.
#[derive(Debug, Default, Clone)]
pub struct Interner {
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    bytes: Vec<u8>,
    /// End of each string in `bytes`.
    ends: Vec<usize>,
}

impl Interner {
    /// The number of `key`, given to it now if it is new.
    #[inline]
    pub fn intern(&mut self, key: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(key);
        if let Some(&id) = self
            .table
            .find(hash, |&id| slice(&self.bytes, &self.ends, id) == key)
        {
            return id;
        }
        self.insert(hash, key)
    }

    #[cold]
    fn insert(&mut self, hash: u64, key: &[u8]) -> u32 {
        let id = self.ends.len() as u32;
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
        let Interner {
            table,
            hasher,
            bytes,
            ends,
        } = self;
        table.insert_unique(hash, id, |&id| hasher.hash_one(slice(bytes, ends, id)));
        id
    }

    /// The number of `key`, if it has one.
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.table.find(hash, |&id| self.get(id) == key).copied()
    }

    /// The string of a number that this interner gave.
    #[inline]
    pub fn get(&self, id: u32) -> &[u8] {
        slice(&self.bytes, &self.ends, id)
    }

    /// How many strings there are: their numbers are 0 to this.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Forgets all strings and keeps the memory.
    pub fn clear(&mut self) {
        self.table.clear();
        self.bytes.clear();
        self.ends.clear();
    }
}

#[inline]
fn slice<'a>(bytes: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let begin = if id == 0 { 0 } else { ends[id - 1] };
    &bytes[begin..ends[id]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_share_a_number_and_numbers_count_up() {
        let mut interner = Interner::default();
        assert_eq!(interner.intern(b"GET /a"), 0);
        assert_eq!(interner.intern(b""), 1);
        assert_eq!(interner.intern(b"GET /a"), 0);
        for i in 0..10_000u32 {
            assert_eq!(interner.intern(format!("x{i}").as_bytes()), i + 2);
        }
        assert_eq!(interner.get(0), b"GET /a");
        assert_eq!(interner.get(1), b"");
        assert_eq!(interner.get(10_001), b"x9999");
        assert_eq!(interner.find(b"x17"), Some(19));
        assert_eq!(interner.find(b"y"), None);
        interner.clear();
        assert_eq!((interner.len(), interner.find(b"GET /a")), (0, None));
    }
}
