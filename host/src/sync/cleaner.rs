//! Removes old runs from history, by itself and when somebody asks; and old conflicts, by itself.
//!
//! `cleaning` decides which. Cursors, due keys and records are none of its business, and
//! no run that goes on is touched: the store refuses that.

use super::{
    Error, Sync,
    cleaning::{goes, is_past, older},
    keeping::Keep,
    runner::Shared,
};
use crate::{
    model::{Run, RunId, Status},
    store::Batch,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs that are removed before somebody else gets a turn.
const PIECE: usize = 100;
/// How often old runs are removed at most, whatever the configuration says.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Is told which runs are gone, on the blocking pool.
type Hook = dyn Fn(&[RunId]) + Send + std::marker::Sync;

/// Who keeps more of runs than the store does.
#[derive(Clone, Default)]
pub(super) struct Removed(Arc<OnceLock<Box<Hook>>>);

impl Removed {
    async fn tell(&self, runs: Vec<RunId>) {
        if self.0.get().is_none() {
            return;
        }
        let hook = self.clone();
        let told = tokio::task::spawn_blocking(move || hook.0.get().map(|hook| hook(&runs))).await;
        if let Err(error) = told {
            tracing::error!(%error, "what else was kept of removed runs is not removed");
        }
    }
}

/// Whether old runs are removed, or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleaning {
    /// They are removed.
    Remove,
    /// Nothing is changed.
    DryRun,
}

/// What a cleaning removed, or would remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Runs that had completed without warnings.
    pub completed: u64,
    /// All others.
    pub failed: u64,
    /// Whether there was no time for all of them.
    pub has_more: bool,
}

impl Sync {
    /// Has `hook` told which runs were removed from history, on the blocking pool: for
    /// whoever keeps more of a run than the store does. Only the first call counts.
    pub fn when_removed(&self, hook: impl Fn(&[RunId]) + Send + std::marker::Sync + 'static) {
        // One owner of such things is enough.
        let _ = self.shared.removed.0.set(Box::new(hook));
    }

    /// How long ended runs are kept where nobody says otherwise.
    #[must_use]
    pub fn keep(&self) -> Keep {
        self.shared.config.history.keep()
    }

    /// Removes what is older than it is kept for, or counts it; stops where that takes
    /// longer than `patience`.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was removed stays removed.
    ///
    /// # Cancel safety
    /// Dropped early, some runs are removed and others not, none of them by half.
    pub async fn clean(&self, keep: Keep, how: Cleaning, patience: Duration) -> Result<Cleaned, Error> {
        clean(&self.shared, keep, how, Instant::now() + patience).await
    }
}

async fn clean(shared: &Shared, keep: Keep, how: Cleaning, until: Instant) -> Result<Cleaned, Error> {
    let now = shared.clock.now();
    let mut cleaned = Cleaned::default();
    let mut from = None;
    loop {
        let part = shared.store.runs().ended(older(keep, now), from).await?;
        let going: Vec<Run> =
            part.runs.into_iter().filter(|ended| goes(ended, keep, now)).map(|ended| ended.run).collect();
        for piece in going.chunks(PIECE) {
            if how == Cleaning::Remove {
                remove(shared, piece).await?;
            }
            let completed = piece.iter().filter(|run| run.status == Status::Completed).count();
            cleaned.completed += completed as u64;
            cleaned.failed += (piece.len() - completed) as u64;
            tokio::task::yield_now().await;
        }
        from = part.next;
        cleaned.has_more = from.is_some();
        if from.is_none() || Instant::now() >= until {
            return Ok(cleaned);
        }
    }
}

async fn remove(shared: &Shared, runs: &[Run]) -> Result<(), Error> {
    let removed = shared.store.runs().remove(runs.iter().map(|run| run.id).collect()).await?;
    shared.removed.tell(removed).await;
    Ok(())
}

/// Removes conflicts that have been over for so long; how many.
async fn clean_conflicts(shared: &Shared, keep: Duration) -> Result<u64, Error> {
    let (store, now) = (&shared.store, shared.clock.now());
    let mut count = 0;
    for channel in store.channels().list().await? {
        for connector in &channel.connectors {
            let mut after = None;
            loop {
                let found = store.conflicts().list(channel.id, connector, after, PIECE).await?;
                let is_end = found.len() < PIECE;
                after = found.last().map(|conflict| conflict.id);
                let mut batch = Batch::new();
                for conflict in found.iter().filter(|conflict| is_past(conflict, keep, now)) {
                    batch.remove_conflict(channel.id, connector, conflict.id);
                    count += 1;
                }
                if !batch.is_empty() {
                    store.commit(batch).await?;
                }
                if is_end {
                    break;
                }
            }
        }
    }
    Ok(count)
}

/// The task that removes old runs and conflicts.
pub struct Cleaner {
    shared: Arc<Shared>,
}

impl Cleaner {
    /// The task for the history of this engine.
    #[must_use]
    pub fn new(sync: &Sync) -> Self {
        Self { shared: Arc::clone(&sync.shared) }
    }

    /// Cleans now and from time to time, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let every = self.shared.config.history.clean_every.0.max(LEAST_PAUSE);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clean(every) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    async fn clean(&self, patience: Duration) {
        let keep = self.shared.config.history.keep();
        match clean(&self.shared, keep, Cleaning::Remove, Instant::now() + patience).await {
            Ok(Cleaned { completed: 0, failed: 0, .. }) => {}
            Ok(Cleaned { completed, failed, .. }) => {
                tracing::info!(completed, failed, "old runs were removed from history");
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "old runs cannot be removed from history; it is tried again later");
            }
        }
        match clean_conflicts(&self.shared, self.shared.config.history.keep_conflicts.0).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old conflicts were removed"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "old conflicts cannot be removed; it is tried again later");
            }
        }
    }
}
