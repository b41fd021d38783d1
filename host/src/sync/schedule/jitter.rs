//! A channel's own share of what spreads channels.

use crate::model::ChannelId;

/// A part of one, the same for a channel for ever and on every host, so that channels
/// that were made together do not run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(u32);

impl Jitter {
    /// No part at all.
    pub const NONE: Self = Self(0);
    /// As near to the whole as it gets.
    pub const MOST: Self = Self(u32::MAX);

    /// Of this channel.
    #[must_use]
    pub fn of_channel(channel: ChannelId) -> Self {
        let id = u128::from_be_bytes(channel.to_bytes());
        // Ids of one moment differ in a few bits. The finaliser of MurmurHash3 makes
        // each of them turn over half of the result.
        let mut hash = (id >> 64) as u64 ^ id as u64;
        for factor in [0xff51_afd7_ed55_8ccd_u64, 0xc4ce_b9fe_1a85_ec53] {
            hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
        }
        Self((hash >> 32) as u32)
    }

    /// The share of so many milliseconds: from 0 up to less than all of them.
    #[must_use]
    pub fn of(self, milliseconds: i64) -> i64 {
        let share = (i128::from(milliseconds.max(0)) * i128::from(self.0)) >> 32;
        i64::try_from(share).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_keeps_its_share() {
        let channel = ChannelId::from_bytes(*b"sixteen bytes id");
        assert_eq!(Jitter::of_channel(channel).of(1_000_000), 741_399);
    }

    #[test]
    fn shares_stay_below_the_whole() {
        assert_eq!((Jitter::NONE.of(30_000), Jitter::MOST.of(30_000)), (0, 29_999));
        assert_eq!((Jitter::MOST.of(0), Jitter::MOST.of(-1)), (0, 0));
        assert!(Jitter::MOST.of(i64::MAX) < i64::MAX);
    }

    #[test]
    fn channels_that_are_made_together_are_spread_evenly() {
        let mut parts = [0_u32; 10];
        for _ in 0..10_000 {
            parts[usize::try_from(Jitter::of_channel(ChannelId::new()).of(10)).expect("0 to 9")] += 1;
        }
        assert!(parts.iter().all(|part| (800..1_200).contains(part)), "{parts:?}");
    }
}
