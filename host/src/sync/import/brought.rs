//! The keys that one run has brought, as far as it must know them.
//!
//! A connector that had no record when the run began can hold nothing but what the run
//! itself has brought. So a first import need not look up keys that it sees for the
//! first time, which are nearly all of them. It never forgets a key; of a key that it
//! has not seen it may believe that it has, which costs a look-up.

use crate::model::RecordKey;
use std::hash::{BuildHasher, RandomState};

/// Bits of the filter, 1 MiB of them. With three bits a key, one new key in a hundred
/// is taken for a known one after 600,000 keys, one in twenty after 1,200,000; from
/// some millions on it saves nothing any more.
const BITS: u64 = 8 << 20;

/// A Bloom filter over keys. Made per run, with a seed of its own, so that nobody can
/// choose keys that meet in it.
pub(super) struct Brought {
    bits: Vec<u64>,
    seed: RandomState,
}

impl Brought {
    /// Nothing so far.
    pub(super) fn nothing() -> Self {
        Self { bits: vec![0; (BITS / 64) as usize], seed: RandomState::new() }
    }

    /// Whether the key may have been brought; never false for one that was.
    pub(super) fn may_hold(&self, key: &RecordKey) -> bool {
        self.places(key).into_iter().all(|(word, bit)| self.bits[word] & bit != 0)
    }

    /// Takes note of a key.
    pub(super) fn note(&mut self, key: &RecordKey) {
        for (word, bit) in self.places(key) {
            self.bits[word] |= bit;
        }
    }

    /// Three places out of one hash of 64 bits, 23 bits for the first two, 18 more and
    /// five of the first for the third.
    fn places(&self, key: &RecordKey) -> [(usize, u64); 3] {
        let hash = self.seed.hash_one(key.as_str());
        [hash, hash >> 23, hash.rotate_right(46)].map(|part| {
            let at = part % BITS;
            ((at / 64) as usize, 1 << (at % 64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> RecordKey {
        RecordKey::try_new(number.to_string()).unwrap()
    }

    #[test]
    fn what_was_brought_is_never_forgotten() {
        let mut brought = Brought::nothing();
        assert!(!brought.may_hold(&key(1)));
        (0..50_000).for_each(|number| brought.note(&key(number)));
        assert!((0..50_000).all(|number| brought.may_hold(&key(number))));
    }

    #[test]
    fn few_new_keys_are_taken_for_known_ones() {
        let mut brought = Brought::nothing();
        (0..600_000).for_each(|number| brought.note(&key(number)));
        let wrong = (600_000..700_000).filter(|number| brought.may_hold(&key(*number))).count();
        assert!(wrong < 2_500, "{wrong} of 100,000");
    }
}
