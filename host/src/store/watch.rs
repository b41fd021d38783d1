//! Waking those who wait for a change.
//!
//! A wake says that something changed, never what: whoever is woken reads. So
//! a slow watcher costs a commit nothing, and many commits may be one wake.

use super::batch::Writes;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Tells of commits that touch a key with a prefix.
#[derive(Debug)]
pub struct Watch(watch::Receiver<()>);

impl Watch {
    /// Waits for a commit after the last one that this handle told of. `false`:
    /// the store is closed, nothing will change any more.
    ///
    /// Cancel-safe: a wake that was not returned is returned next time.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// Whether `changed` would return at once, without taking note of it.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.0.has_changed().unwrap_or(true)
    }
}

/// The watchers of one engine. Every engine has one, and wakes it with a batch
/// while it still holds the lock under which the batch is applied, so that whoever
/// is woken reads the state after it.
#[derive(Debug, Default)]
pub struct Watchers(Mutex<Vec<(Vec<u8>, watch::Sender<()>)>>);

impl Watchers {
    /// A new watcher of a prefix.
    #[must_use]
    pub fn watch(&self, prefix: &[u8]) -> Watch {
        let (tx, rx) = watch::channel(());
        self.list().push((prefix.to_vec(), tx));
        Watch(rx)
    }

    /// Wakes those whose prefix is written to, and forgets those who left.
    pub fn wake(&self, writes: &Writes) {
        self.list().retain(|(prefix, tx)| {
            if touches(writes, prefix) {
                tx.send_replace(());
            }
            !tx.is_closed()
        });
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<(Vec<u8>, watch::Sender<()>)>> {
        // Nothing in here can panic half-way, so a poisoned list is a whole list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn touches(writes: &Writes, prefix: &[u8]) -> bool {
    let mut from_prefix = writes.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
    from_prefix.next().is_some_and(|(key, _)| key.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writes(keys: &[&str]) -> Writes {
        keys.iter().map(|key| (key.as_bytes().to_vec(), None)).collect()
    }

    #[tokio::test]
    async fn many_commits_are_one_wake() {
        let watchers = Watchers::default();
        let mut watch = watchers.watch(b"b");
        watchers.wake(&writes(&["a", "c"]));
        assert!(!watch.has_changed());
        watchers.wake(&writes(&["a", "b1"]));
        watchers.wake(&writes(&["b"]));
        assert!(watch.changed().await);
        assert!(!watch.has_changed());
    }

    #[tokio::test]
    async fn closed_store_ends_the_waiting() {
        let watchers = Watchers::default();
        let mut watch = watchers.watch(b"b");
        drop(watchers);
        assert!(!watch.changed().await);
    }

    #[test]
    fn watcher_that_left_is_forgotten() {
        let watchers = Watchers::default();
        drop(watchers.watch(b"b"));
        let _stays = watchers.watch(b"b");
        watchers.wake(&writes(&["x"]));
        assert_eq!(watchers.list().len(), 1);
    }
}
