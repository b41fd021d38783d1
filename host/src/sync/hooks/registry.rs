//! The webhooks in memory, by the digest of the random part of their address.
//!
//! The rows decide; what is only here is what came lately. A look costs no read of the
//! store, so that whoever guesses addresses costs nothing but the guess.

use super::bucket::Bucket;
use crate::{
    model::{Hook, HookCounts, HookFailure, HookId, Timestamp},
    store::{self, Batch, Store},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use tokio::{sync::Semaphore, time::Instant};

/// Deliveries of one webhook that are worked on, or read, at the same time.
const AT_ONCE: usize = 256;
/// How often at most counts are written for deliveries that leave nothing else behind.
const COUNTS_EVERY: std::time::Duration = std::time::Duration::from_secs(5);

/// A webhook, and what came to it.
pub(super) struct Entry {
    pub(super) hook: Hook,
    pub(super) life: Arc<Life>,
}

/// What stays the same when the address changes.
pub(super) struct Life {
    pub(super) places: Arc<Semaphore>,
    pub(super) bucket: Mutex<Bucket>,
    counts: Mutex<Counts>,
    /// The marks of deliveries that are worked on.
    under_way: Mutex<HashSet<[u8; 32]>>,
}

struct Counts {
    counts: HookCounts,
    written: Option<Instant>,
}

impl Life {
    fn new(counts: HookCounts) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            bucket: Mutex::new(Bucket::new(Instant::now())),
            counts: Mutex::new(Counts { counts, written: None }),
            under_way: Mutex::default(),
        })
    }

    pub(super) fn counts(&self) -> HookCounts {
        lock(&self.counts).counts.clone()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut HookCounts)) {
        change(&mut lock(&self.counts).counts);
    }

    pub(super) fn failed(&self, at: Timestamp, code: &str, message: &str) {
        let failure = HookFailure { at, code: code.to_owned(), message: message.to_owned() };
        self.count(|counts| counts.last_failure = Some(failure));
    }

    /// The counts, where it is time to write them.
    pub(super) fn to_write(&self) -> Option<HookCounts> {
        let mut counts = lock(&self.counts);
        let now = Instant::now();
        if counts.written.is_some_and(|written| now.saturating_duration_since(written) < COUNTS_EVERY) {
            return None;
        }
        counts.written = Some(now);
        Some(counts.counts.clone())
    }

    /// Takes the marks for as long as the delivery is worked on; none where another one
    /// has some of them.
    pub(super) fn begin(self: &Arc<Self>, marks: Vec<[u8; 32]>) -> Option<UnderWay> {
        let mut under_way = lock(&self.under_way);
        if marks.iter().any(|mark| under_way.contains(mark)) {
            return None;
        }
        under_way.extend(marks.iter().copied());
        drop(under_way);
        Some(UnderWay { life: Arc::clone(self), marks })
    }
}

/// A delivery that is worked on.
pub(super) struct UnderWay {
    life: Arc<Life>,
    marks: Vec<[u8; 32]>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut under_way = lock(&self.life.under_way);
        self.marks.iter().for_each(|mark| {
            under_way.remove(mark);
        });
    }
}

type ByDigest = HashMap<String, Arc<Entry>>;

/// The webhooks of the host.
#[derive(Default)]
pub(super) struct Registry {
    entries: RwLock<Option<Arc<ByDigest>>>,
    /// One reads the rows at a time.
    reading: tokio::sync::Mutex<()>,
}

impl Registry {
    /// The webhook whose address has this random part.
    pub(super) async fn find(&self, store: &Store, random: &str) -> store::Result<Option<Arc<Entry>>> {
        Ok(self.loaded(store).await?.get(&digest(random)).cloned())
    }

    /// The webhook of that id.
    pub(super) async fn get(&self, store: &Store, id: HookId) -> store::Result<Option<Arc<Entry>>> {
        Ok(self.loaded(store).await?.values().find(|entry| entry.hook.id == id).cloned())
    }

    /// All of them, those that were made first in front.
    pub(super) async fn all(&self, store: &Store) -> store::Result<Vec<Arc<Entry>>> {
        let mut all: Vec<_> = self.loaded(store).await?.values().cloned().collect();
        all.sort_unstable_by_key(|entry| entry.hook.id);
        Ok(all)
    }

    /// Reads the rows anew: some of them changed.
    pub(super) async fn reload(&self, store: &Store) -> store::Result<()> {
        let _reading = self.reading.lock().await;
        self.read(store).await.map(drop)
    }

    async fn loaded(&self, store: &Store) -> store::Result<Arc<ByDigest>> {
        if let Some(entries) = self.present() {
            return Ok(entries);
        }
        let _reading = self.reading.lock().await;
        match self.present() {
            Some(entries) => Ok(entries),
            None => self.read(store).await,
        }
    }

    fn present(&self) -> Option<Arc<ByDigest>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read(&self, store: &Store) -> store::Result<Arc<ByDigest>> {
        let before = self.present();
        let known = |id: HookId| {
            let entry = before.iter().flat_map(|all| all.values()).find(|entry| entry.hook.id == id);
            entry.map(|entry| Arc::clone(&entry.life))
        };
        let mut entries = ByDigest::new();
        for hook in store.hooks().list().await? {
            let life = match known(hook.id) {
                Some(life) => life,
                None => Life::new(store.hooks().counts(hook.channel_id, hook.id).await?),
            };
            entries.insert(hook.digest.clone(), Arc::new(Entry { hook, life }));
        }
        let entries = Arc::new(entries);
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&entries));
        Ok(entries)
    }
}

/// SHA-256 in hex. A look-up by it tells a guesser nothing, however long it takes.
pub(super) fn digest(random: &str) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(random) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Writes the counts of a webhook, where it is time to. Nobody waits for it to go well.
pub(super) async fn write_counts(store: &Store, entry: &Entry) {
    let Some(counts) = entry.life.to_write() else { return };
    let mut batch = Batch::new();
    batch.expect_hook(&entry.hook);
    batch.put_hook_counts(entry.hook.channel_id, entry.hook.id, &counts);
    if let Err(error) = store.commit(batch).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "counts of a webhook are not written");
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
