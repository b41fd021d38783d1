//! The gateways of channels that were opened, so that their connections are
//! used again.
//!
//! It makes none itself. A gateway is good for one revision of a channel and one
//! plugin: any other scope must not meet its connections.

use crate::{broker::Gateway, model::ChannelId};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The most gateways that are kept. Each holds an HTTP client of some ten
/// kilobytes; a run keeps its own, so forgetting one costs new connections only.
const KEPT: usize = 1_024;

/// What a gateway was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) revision: u64,
    pub(super) sha256: String,
}

/// What an opened channel keeps.
#[derive(Clone)]
pub(super) struct Kept<G = Gateway> {
    pub(super) gateway: G,
    /// The settings for the guest.
    pub(super) settings: Bytes,
}

pub(super) struct Gateways<G = Gateway>(Mutex<Shelf<G>>);

struct Shelf<G> {
    channels: HashMap<ChannelId, (Made, Kept<G>, u64)>,
    uses: u64,
}

impl<G> Default for Gateways<G> {
    fn default() -> Self {
        Self(Mutex::new(Shelf { channels: HashMap::new(), uses: 0 }))
    }
}

impl<G: Clone> Gateways<G> {
    /// The one that was made for just this.
    pub(super) fn get(&self, channel: ChannelId, made: &Made) -> Option<Kept<G>> {
        let shelf = &mut *self.lock();
        shelf.uses += 1;
        let (_, kept, used) = shelf.channels.get_mut(&channel).filter(|(of, ..)| of == made)?;
        *used = shelf.uses;
        Some(kept.clone())
    }

    /// Keeps a gateway, unless somebody was faster: then theirs, so that all
    /// steps of a channel share one set of limits.
    pub(super) fn keep(&self, channel: ChannelId, made: Made, kept: Kept<G>) -> Kept<G> {
        if let Some(earlier) = self.get(channel, &made) {
            return earlier;
        }
        let shelf = &mut *self.lock();
        // A slower opener of an older revision must not push out the newer one.
        if shelf.channels.get(&channel).is_some_and(|(of, ..)| of.revision > made.revision) {
            return kept;
        }
        shelf.uses += 1;
        shelf.channels.insert(channel, (made, kept.clone(), shelf.uses));
        if shelf.channels.len() > KEPT {
            let oldest = shelf.channels.iter().min_by_key(|(_, (.., used))| *used).map(|(id, _)| *id);
            oldest.map(|id| shelf.channels.remove(&id));
        }
        kept
    }

    /// Drops what a channel has.
    pub(super) fn forget(&self, channel: ChannelId) {
        self.lock().channels.remove(&channel);
    }

    fn lock(&self) -> MutexGuard<'_, Shelf<G>> {
        // Every change is whole before anything in it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(revision: u64, sha256: &str) -> Made {
        Made { revision, sha256: sha256.into() }
    }

    fn kept(gateway: u32) -> Kept<u32> {
        Kept { gateway, settings: Bytes::new() }
    }

    #[test]
    fn a_gateway_is_good_for_one_revision_and_one_plugin() {
        let gateways = Gateways::default();
        let channel = ChannelId::new();
        let got = |made| gateways.get(channel, &made).map(|kept| kept.gateway);
        assert_eq!(gateways.keep(channel, made(1, "a"), kept(1)).gateway, 1);
        assert_eq!(gateways.keep(channel, made(1, "a"), kept(2)).gateway, 1, "the first one stays");
        assert_eq!(got(made(1, "a")), Some(1));
        assert_eq!(got(made(1, "b")), None);
        assert_eq!(got(made(2, "a")), None);
        assert_eq!(gateways.keep(channel, made(2, "a"), kept(3)).gateway, 3);
        assert_eq!(gateways.keep(channel, made(1, "a"), kept(4)).gateway, 4, "an old opener gets its own");
        assert_eq!(got(made(2, "a")), Some(3), "and pushes nothing out");
        gateways.forget(channel);
        assert_eq!(got(made(2, "a")), None);
    }

    #[test]
    fn the_longest_unused_is_dropped() {
        let gateways = Gateways::default();
        let channels: Vec<_> = (0..=KEPT).map(|_| ChannelId::new()).collect();
        for channel in &channels[..KEPT] {
            gateways.keep(*channel, made(1, "a"), kept(1));
        }
        assert!(gateways.get(channels[0], &made(1, "a")).is_some());
        gateways.keep(channels[KEPT], made(1, "a"), kept(1));
        let has = |at: usize| gateways.get(channels[at], &made(1, "a")).is_some();
        assert_eq!((has(0), has(1), has(2), has(KEPT)), (true, false, true, true));
    }
}
