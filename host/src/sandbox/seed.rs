//! Time and chance of a step, given from outside: the same seed makes the same step.
//!
//! It is for recording and replay alone. Other steps read the host's clock and the
//! system's randomness.

use crate::model::Timestamp;
use sha2::{Digest, Sha256};
use std::{cell::Cell, time::Duration};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// What a step takes for the time and for chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The time of day, which stands still during the step.
    pub now: Timestamp,
    /// Every random number of the step follows from it.
    pub random: [u8; 32],
}

/// How far a look at the monotonic clock moves it, in nanoseconds. It has to move:
/// guests that measure divide by what went by.
const TICK: u64 = 1_000;

/// A time of day that stands still.
pub(super) struct StillClock(pub(super) Timestamp);

impl HostWallClock for StillClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.as_millis()).unwrap_or(0))
    }
}

/// A clock that moves when it is looked at, and by nothing else.
#[derive(Default)]
pub(super) struct CountingClock(Cell<u64>);

impl HostMonotonicClock for CountingClock {
    fn resolution(&self) -> u64 {
        TICK
    }

    fn now(&self) -> u64 {
        self.0.replace(self.0.get() + TICK)
    }
}

/// The numbers that follow from a seed: SHA-256 of the seed and a counter, block by
/// block. Nobody can tell them from chance without the seed, and a step draws too few
/// for the speed to matter.
pub(super) struct Numbers {
    random: [u8; 32],
    next: u64,
    block: Vec<u8>,
}

impl Numbers {
    pub(super) fn new(seed: &Seed) -> Self {
        Self { random: seed.random, next: 0, block: Vec::new() }
    }

    /// The next `count` bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            if self.block.is_empty() {
                self.block = self.hashed(self.next);
                self.next += 1;
            }
            let wanted = (count - bytes.len()).min(self.block.len());
            bytes.extend(self.block.drain(..wanted));
        }
        bytes
    }

    /// The next eight bytes as a number.
    pub(super) fn number(&mut self) -> u64 {
        let mut number = [0; 8];
        number.copy_from_slice(&self.bytes(8));
        u64::from_le_bytes(number)
    }

    /// What hash maps start from: apart from the other numbers, because a guest may ask
    /// for it as often as it likes.
    pub(super) fn map_seed(&self) -> (u64, u64) {
        let hashed = self.hashed(u64::MAX);
        let half = |at: usize| {
            let mut half = [0; 8];
            half.copy_from_slice(&hashed[at..at + 8]);
            u64::from_le_bytes(half)
        };
        (half(0), half(8))
    }

    fn hashed(&self, counter: u64) -> Vec<u8> {
        Sha256::new().chain_update(self.random).chain_update(counter.to_le_bytes()).finalize().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(random: u8) -> Numbers {
        Numbers::new(&Seed { now: Timestamp::from_millis(0), random: [random; 32] })
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_however_they_are_drawn() {
        let whole = numbers(1).bytes(100);
        let mut parts = numbers(1);
        let drawn: Vec<u8> = [1, 0, 31, 33, 35].iter().flat_map(|count| parts.bytes(*count)).collect();
        assert_eq!(drawn, whole);
        assert_eq!(numbers(1).number().to_le_bytes(), whole[..8]);
        assert_ne!(numbers(2).bytes(100), whole);
        assert_ne!(whole[..32], whole[32..64], "each block is another one");
    }

    #[test]
    fn the_seed_of_maps_takes_no_numbers_away() {
        let mut numbers = numbers(1);
        let before = numbers.map_seed();
        let first = numbers.bytes(32);
        assert_eq!(numbers.map_seed(), before);
        assert_ne!(before.0.to_le_bytes(), first[..8]);
    }

    #[test]
    fn a_look_moves_the_clock() {
        let clock = CountingClock::default();
        assert_eq!((clock.now(), clock.now(), clock.now()), (0, TICK, 2 * TICK));
    }
}
