//! The origins that this host speaks to, by name: what all gateways of a broker
//! share of them, and what others may see and do.
//!
//! It keeps nothing over a restart itself: a [`Keeper`] does, whatever it writes
//! to.

use super::{
    breaker::{self, Breaker},
    budget::Budget,
    fingerprint::{Fingerprint, Ink},
    gate::Gate,
    origin,
    peer::{Making, Peer},
    throttle::Hint,
};
use crate::{
    clock::Clock,
    model::{KeptBreaker, OriginState, Timestamp},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use url::Url;

/// An origin that no gateway has any more is forgotten when it was not used for
/// so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// How often is looked for those.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(60);
/// From so many on, those that no gateway has go earlier: some kilobytes each.
const MOST: usize = 16_384;

/// A handle on the origins; cheap to clone.
#[derive(Clone)]
pub struct Origins(Arc<Registry>);

/// Keeps breakers over a restart.
pub trait Keeper: Send + Sync {
    /// Called with every change of a breaker, in their order; none: it is closed,
    /// and nothing has to be kept. Must not block, nor call back.
    fn keep(&self, origin: &str, kept: Option<&KeptBreaker>);
}

/// What origins are made with.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) breaker: breaker::Config,
    /// The longest block that is waited for.
    pub(super) patience: Duration,
    pub(super) clock: Clock,
}

struct Registry {
    setup: Setup,
    changes: Arc<Changes>,
    ink: Ink,
    shelf: Mutex<Shelf>,
}

struct Shelf {
    peers: BTreeMap<String, Arc<Peer>>,
    looked: Timestamp,
    opening_budget: Budget,
}

/// Whoever is told about changes of breakers.
pub(super) struct Changes {
    count: watch::Sender<u64>,
    keeper: Mutex<Option<Arc<dyn Keeper>>>,
}

// === impl Origins ===

impl Origins {
    pub(super) fn new(setup: Setup) -> Self {
        let changes = Changes { count: watch::Sender::new(0), keeper: Mutex::default() };
        let looked = setup.clock.now();
        let shelf = Shelf { peers: BTreeMap::new(), looked, opening_budget: Budget::new() };
        Self(Arc::new(Registry {
            setup,
            changes: Arc::new(changes),
            ink: Ink::new(),
            shelf: Mutex::new(shelf),
        }))
    }

    /// Every origin that a gateway has, or had of late, in the order of their names.
    #[must_use]
    pub fn list(&self) -> Vec<OriginState> {
        let peers = {
            let mut shelf = self.lock();
            self.forget_idle(&mut shelf);
            shelf.peers.values().cloned().collect::<Vec<_>>()
        };
        peers.iter().map(|peer| peer.state()).collect()
    }

    /// One by its name, such as `https://api.example.com`.
    #[must_use]
    pub fn get(&self, origin: &str) -> Option<OriginState> {
        self.peer(origin).map(|peer| peer.state())
    }

    /// A number that goes up with every change of a breaker.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changes.count.subscribe()
    }

    /// The origins that are left alone and may be tried again: the next request to
    /// one of them is its probe.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<String> {
        let shelf = self.lock();
        let due = shelf.peers.iter().filter(|(_, peer)| peer.is_due(now));
        due.map(|(origin, _)| origin.clone()).collect()
    }

    /// Lets requests go to an origin again, whatever it has said: an operator's
    /// reset of breaker and blocks. False where nothing is known of it.
    pub fn close(&self, origin: &str) -> bool {
        let peer = self.peer(origin);
        peer.iter().for_each(|peer| peer.close());
        peer.is_some()
    }

    /// Takes over the breakers that a [`Keeper`] kept. One that has opened or closed
    /// since the start knows better and stays.
    pub fn restore(&self, kept: Vec<KeptBreaker>) {
        for kept in kept {
            let peer = self.peer_or_new(&kept.origin.clone());
            peer.restore(Breaker::restored(self.0.setup.breaker, kept));
        }
    }

    /// From now on that one keeps the breakers.
    pub fn keep_with(&self, keeper: Arc<dyn Keeper>) {
        *self.0.changes.keeper() = Some(keeper);
    }

    /// The name of a URL's origin, as it stands in the list.
    #[must_use]
    pub fn name_of(url: &Url) -> String {
        origin::text(url)
    }

    pub(super) fn fingerprint(&self, credential: &super::Credential) -> Fingerprint {
        self.0.ink.fingerprint(credential)
    }

    /// The way to an origin with a credential.
    pub(super) fn gate(&self, url: &Url, credential: Fingerprint, hint: Hint) -> Gate {
        let breaker = self.peer_or_new(&origin::text(url));
        let throttle = breaker.throttle(credential, hint, self.0.setup.patience);
        Gate { breaker, throttle }
    }

    /// Origins that are met from now on have all the retries that can be saved up.
    #[cfg(test)]
    pub(super) fn be_generous(&self) {
        self.lock().opening_budget = Budget::full();
    }

    fn peer(&self, origin: &str) -> Option<Arc<Peer>> {
        self.lock().peers.get(origin).cloned()
    }

    fn peer_or_new(&self, origin: &str) -> Arc<Peer> {
        let mut shelf = self.lock();
        if let Some(peer) = shelf.peers.get(origin) {
            return peer.clone();
        }
        self.forget_idle(&mut shelf);
        let peer = Arc::new(Peer::new(Making {
            origin: origin.to_owned(),
            breaker: Breaker::new(self.0.setup.breaker),
            budget: shelf.opening_budget,
            clock: self.0.setup.clock.clone(),
            changes: self.0.changes.clone(),
        }));
        shelf.peers.insert(origin.to_owned(), peer.clone());
        peer
    }

    fn forget_idle(&self, shelf: &mut Shelf) {
        let now = self.0.setup.clock.now();
        let is_crowded = shelf.peers.len() >= MOST;
        if !is_crowded && now.millis_since(shelf.looked) < millis(LOOKED_FOR_EVERY) {
            return;
        }
        shelf.looked = now;
        // Gateways hold a peer each; the shelf's own is the one that is left.
        let mut idle: Vec<_> = shelf.peers.iter().filter(|(_, peer)| Arc::strong_count(peer) == 1).collect();
        idle.sort_by_key(|(_, peer)| peer.last_used());
        let must_go = (shelf.peers.len() + 1).saturating_sub(MOST);
        let is_old = |peer: &Peer| now.millis_since(peer.last_used()) >= millis(FORGOTTEN_AFTER);
        let gone = idle.iter().enumerate().filter(|(index, (_, peer))| *index < must_go || is_old(peer));
        let gone: Vec<String> = gone.map(|(_, (origin, _))| (*origin).clone()).collect();
        for origin in gone {
            let peer = shelf.peers.remove(&origin);
            if peer.is_some_and(|peer| !peer.is_closed()) {
                self.0.changes.tell(&origin, None);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        // Every change is whole before anything in it can panic.
        self.0.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origins").finish_non_exhaustive()
    }
}

// === impl Changes ===

impl Changes {
    pub(super) fn tell(&self, origin: &str, kept: Option<&KeptBreaker>) {
        if let Some(keeper) = &*self.keeper() {
            keeper.keep(origin, kept);
        }
        self.count.send_modify(|count| *count += 1);
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Arc<dyn Keeper>>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
