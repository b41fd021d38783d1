//! Plugins that trap, over a restart: what the catalog tells, as rows of the store.
//!
//! It decides nothing about a plugin; a row that is late by a moment, or lost with
//! a killed host, costs a few steps that trap.

use super::{Channels, Error};
use crate::{
    catalog::TrapChange,
    store::{self, Batch, Store},
};
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// The most changes that are written at a time.
const AT_ONCE: usize = 256;

/// Writes down which plugins trap, once it runs.
pub struct TrapKeeper {
    store: Store,
    changes: mpsc::UnboundedReceiver<TrapChange>,
}

impl Channels {
    /// The task that keeps which plugins trap. Whoever calls it last gets to know of them.
    #[must_use]
    pub fn trap_keeper(&self) -> TrapKeeper {
        TrapKeeper { store: self.0.store.clone(), changes: self.0.catalog.trap_changes() }
    }

    /// Takes over what was kept of plugins that trap before the host started.
    ///
    /// # Errors
    /// The store fails.
    pub async fn restore_traps(&self) -> Result<(), Error> {
        let kept = self.0.store.traps().list().await?;
        self.0.catalog.restore_traps(kept);
        Ok(())
    }

    /// Changes with every plugin that comes, goes, is put into quarantine or leaves it.
    #[must_use]
    pub fn plugins_changed(&self) -> watch::Receiver<u64> {
        self.0.catalog.changed()
    }

    /// Whether a plugin for the channel type is there and may run.
    #[must_use]
    pub fn is_offered(&self, channel_type: &str) -> bool {
        self.0.catalog.offer(channel_type).is_some_and(|offer| offer.plugin.objection().is_none())
    }
}

impl TrapKeeper {
    /// Writes until it is stopped, and then what is still to be written.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changes = Vec::new();
        loop {
            tokio::select! {
                biased;
                1.. = self.changes.recv_many(&mut changes, AT_ONCE) => {}
                () = stop.cancelled() => return,
            }
            // Of each version the last change.
            let changes: BTreeMap<_, _> = std::mem::take(&mut changes).into_iter().collect();
            if let Err(error) = commit(&self.store, changes).await {
                // The catalog knows; a restart would forget.
                tracing::warn!(%error, "it cannot be kept which plugins trap");
            }
        }
    }
}

async fn commit(store: &Store, changes: impl IntoIterator<Item = TrapChange>) -> store::Result<()> {
    let mut batch = Batch::new();
    for (sha256, version) in changes {
        match version {
            Some(version) => batch.put_trapped(&version),
            None => batch.remove_trapped(&sha256),
        }
    }
    store.commit(batch).await
}
