//! Whether the host does its work, for `/readyz`.
//!
//! It watches and mends nothing.

use crate::{api::view::Reason, store::Store};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long the store may take for one small read. A page's commit may be in the way.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the host is doing; cheap to clone.
#[derive(Clone)]
pub(super) struct Readiness(Arc<State>);

struct State {
    store: Store,
    stop: CancellationToken,
    judged: AtomicBool,
    runs: AtomicBool,
}

/// The runner runs for as long as this lives.
pub(super) struct RunsGo(Readiness);

impl Drop for RunsGo {
    fn drop(&mut self) {
        self.0.0.runs.store(false, Ordering::SeqCst);
    }
}

impl Readiness {
    pub(super) fn new(store: Store, stop: CancellationToken) -> Self {
        Self(Arc::new(State { store, stop, judged: AtomicBool::new(false), runs: AtomicBool::new(false) }))
    }

    /// Every file of the plugins folder has been judged once.
    pub(super) fn plugins_judged(&self) {
        self.0.judged.store(true, Ordering::SeqCst);
    }

    /// Moved into the task of the runs.
    pub(super) fn runs_go(&self) -> RunsGo {
        self.0.runs.store(true, Ordering::SeqCst);
        RunsGo(self.clone())
    }

    /// What is in the way.
    pub(super) async fn reasons(self) -> Vec<Reason> {
        let state = &self.0;
        if state.stop.is_cancelled() {
            return vec![Reason::new("stopping", "the host is stopping")];
        }
        let mut reasons = Vec::new();
        if !state.judged.load(Ordering::SeqCst) {
            reasons.push(Reason::new("plugins", "the plugins are still being judged"));
        } else if !state.runs.load(Ordering::SeqCst) {
            reasons.push(Reason::new("runs", "the runner does not run"));
        }
        match timeout(PATIENCE, state.store.runs().list(None, None, 1)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => reasons.push(Reason::new("store", error.to_string())),
            Err(_) => reasons.push(Reason::new("store", "the store has not answered for 2 s")),
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, Engine, Entry, Error, Range, Result, Want, Watch};
    use bytes::Bytes;
    use std::io;

    async fn codes(readiness: &Readiness) -> Vec<String> {
        readiness.clone().reasons().await.into_iter().map(|reason| reason.code).collect()
    }

    #[tokio::test]
    async fn a_host_is_ready_from_its_start_to_its_stop() {
        let stop = CancellationToken::new();
        let readiness = Readiness::new(Store::in_memory(), stop.clone());
        assert_eq!(codes(&readiness).await, ["plugins"]);
        readiness.plugins_judged();
        assert_eq!(codes(&readiness).await, ["runs"]);
        let running = readiness.runs_go();
        assert!(codes(&readiness).await.is_empty());
        drop(running);
        assert_eq!(codes(&readiness).await, ["runs"], "its task is gone");
        stop.cancel();
        assert_eq!(codes(&readiness).await, ["stopping"]);
    }

    /// Reads well until it is broken.
    #[derive(Default)]
    struct Brittle(AtomicBool);

    impl Brittle {
        fn look<T>(&self, found: T) -> Result<T> {
            let broken = self.0.load(Ordering::SeqCst);
            if broken { Err(Error::Engine(io::Error::other("disk gone"))) } else { Ok(found) }
        }
    }

    impl Engine for Brittle {
        fn get(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>> {
            self.look(vec![None; keys.len()])
        }

        fn scan(&self, _: Range, _: usize, _: Want) -> Result<Vec<Entry>> {
            self.look(Vec::new())
        }

        fn commit(&self, _: Batch) -> Result<()> {
            self.look(())
        }

        fn flush(&self) -> Result<()> {
            self.look(())
        }

        fn watch(&self, prefix: &[u8]) -> Watch {
            crate::store::Watchers::default().watch(prefix)
        }
    }

    #[tokio::test]
    async fn a_store_that_failed_is_a_reason() {
        let engine = Arc::new(Brittle::default());
        let store = Store::on(engine.clone()).expect("a store");
        let readiness = Readiness::new(store, CancellationToken::new());
        readiness.plugins_judged();
        let _running = readiness.runs_go();
        assert!(codes(&readiness).await.is_empty());
        engine.0.store(true, Ordering::SeqCst);
        assert_eq!(codes(&readiness).await, ["store"]);
    }
}
