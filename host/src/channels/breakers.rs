//! Circuit breakers over a restart: what the broker tells, as rows of the store.
//!
//! It decides nothing about an origin; a row that is late by a moment, or lost
//! with a killed host, costs a few requests.

use super::{Channels, Error};
use crate::{
    broker::Keeper,
    model::KeptBreaker,
    store::{self, Batch, Store},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The most changes that are written at a time.
const AT_ONCE: usize = 256;

/// Writes down how breakers change, once it runs.
pub struct BreakerKeeper {
    store: Store,
    changes: mpsc::UnboundedReceiver<Change>,
}

/// An origin and what is to be kept of it; none: nothing.
type Change = (String, Option<KeptBreaker>);

/// The broker's end. Unbounded, because the broker must not wait; breakers change
/// once in some seconds, and of each origin only the last change is written.
struct Teller(mpsc::UnboundedSender<Change>);

impl Keeper for Teller {
    fn keep(&self, origin: &str, kept: Option<&KeptBreaker>) {
        // A keeper that is gone has stopped with the host.
        let _ = self.0.send((origin.to_owned(), kept.cloned()));
    }
}

impl Channels {
    /// The task that keeps breakers. Whoever calls it last gets to know of them.
    #[must_use]
    pub fn breaker_keeper(&self) -> BreakerKeeper {
        let (teller, changes) = mpsc::unbounded_channel();
        self.0.broker.origins().keep_with(Arc::new(Teller(teller)));
        BreakerKeeper { store: self.0.store.clone(), changes }
    }

    /// Takes over the breakers that were kept before the host started.
    ///
    /// # Errors
    /// The store fails.
    pub async fn restore_breakers(&self) -> Result<(), Error> {
        let kept = self.0.store.breakers().list().await?;
        self.0.broker.origins().restore(kept);
        Ok(())
    }
}

impl BreakerKeeper {
    /// Writes until it is stopped, and then what is still to be written.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changes = Vec::new();
        loop {
            tokio::select! {
                biased;
                1.. = self.changes.recv_many(&mut changes, AT_ONCE) => {}
                () = stop.cancelled() => return,
            }
            self.write(std::mem::take(&mut changes)).await;
        }
    }

    async fn write(&self, changes: Vec<Change>) {
        // Of each origin the last one.
        let changes: BTreeMap<String, Option<KeptBreaker>> = changes.into_iter().collect();
        if let Err(error) = commit(&self.store, &changes).await {
            // The breakers go on without; a restart would begin with them closed.
            tracing::warn!(%error, "the state of origins cannot be kept");
        }
    }
}

async fn commit(store: &Store, changes: &BTreeMap<String, Option<KeptBreaker>>) -> store::Result<()> {
    let mut batch = Batch::new();
    for (origin, kept) in changes {
        match kept {
            Some(kept) => batch.put_breaker(kept),
            None => batch.remove_breaker(origin),
        }
    }
    store.commit(batch).await
}
