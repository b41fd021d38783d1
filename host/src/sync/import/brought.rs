//! The keys that one run has brought, as far as it must know them.
//!
//! A connector that had no record when the run began can hold nothing but what the run
//! itself has brought. So a first import need not look up keys that it sees for the
//! first time, which are nearly all of them. It never forgets a key; of a key that it
//! has not seen it may believe that it has, which costs a look-up.

use crate::model::RecordKey;
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

/// Bits of the filter, 1 MiB of them. With three bits a key, one new key in a hundred
/// is taken for a known one after 600,000 keys, one in twenty after 1,200,000; from
/// some millions on it saves nothing any more.
const BITS: u64 = 8 << 20;

/// As many keys are noted one by one before the filter is made. Most runs stay below, and
/// very many of them may wait for their turn at the same time.
const FEW: usize = 2_048;

/// Made per run, with a seed of its own, so that nobody can choose keys that meet in it.
pub(super) struct Brought {
    hashes: Hashes,
    seed: RandomState,
}

/// The keys' hashes of 64 bits.
enum Hashes {
    Few(HashSet<u64>),
    /// A Bloom filter.
    Many(Vec<u64>),
}

impl Brought {
    /// Nothing so far.
    pub(super) fn nothing() -> Self {
        Self { hashes: Hashes::Few(HashSet::new()), seed: RandomState::new() }
    }

    /// Takes note of a key. Whether it may have been brought before; never false for one
    /// that was.
    pub(super) fn note(&mut self, key: &RecordKey) -> bool {
        let hash = self.seed.hash_one(key.as_str());
        match &mut self.hashes {
            Hashes::Few(hashes) => {
                let known = !hashes.insert(hash);
                if hashes.len() > FEW {
                    self.hashes = Hashes::Many(filter(hashes));
                }
                known
            }
            Hashes::Many(bits) => note(bits, hash),
        }
    }
}

/// The filter that has taken note of these.
fn filter(hashes: &HashSet<u64>) -> Vec<u64> {
    let mut bits = vec![0; (BITS / 64) as usize];
    for hash in hashes {
        note(&mut bits, *hash);
    }
    bits
}

fn note(bits: &mut [u64], hash: u64) -> bool {
    let mut known = true;
    for (word, bit) in places(hash) {
        known &= bits[word] & bit != 0;
        bits[word] |= bit;
    }
    known
}

/// Three places out of one hash of 64 bits, 23 bits for the first two, 18 more and
/// five of the first for the third.
fn places(hash: u64) -> [(usize, u64); 3] {
    [hash, hash >> 23, hash.rotate_right(46)].map(|part| {
        let at = part % BITS;
        ((at / 64) as usize, 1 << (at % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Range;

    fn key(number: u32) -> RecordKey {
        RecordKey::try_new(number.to_string()).unwrap()
    }

    /// Notes the keys; how many of them it takes for known ones.
    fn known(brought: &mut Brought, numbers: Range<u32>) -> usize {
        numbers.filter(|number| brought.note(&key(*number))).count()
    }

    #[test]
    fn what_was_brought_is_never_forgotten() {
        let mut brought = Brought::nothing();
        assert!(!brought.note(&key(1)));
        known(&mut brought, 0..50_000);
        assert_eq!(known(&mut brought, 0..50_000), 50_000);
    }

    #[test]
    fn few_new_keys_are_taken_for_known_ones() {
        let mut brought = Brought::nothing();
        known(&mut brought, 0..600_000);
        let wrong = known(&mut brought, 600_000..700_000);
        assert!(wrong < 2_500, "{wrong} of 100,000");
    }

    #[test]
    fn keys_that_were_noted_one_by_one_are_in_the_filter_too() {
        let (mut brought, few) = (Brought::nothing(), u32::try_from(FEW).unwrap());
        assert_eq!(known(&mut brought, 0..few), 0);
        assert!(matches!(brought.hashes, Hashes::Few(_)));
        assert!(!brought.note(&key(few)));
        assert!(matches!(brought.hashes, Hashes::Many(_)));
        assert_eq!(known(&mut brought, 0..few + 1), FEW + 1);
    }
}
