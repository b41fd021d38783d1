//! Recorded runs, and playing them again.
//!
//! A cassette is a folder of its own: what the run was, and a line a step with what the
//! guest was asked, what it asked and got, and what it answered. Bodies and answers lie
//! beside it under their digests, shared by all cassettes; so do the plugins' files.
//! Nothing here reads or writes the store, and a replay sends nothing.

mod blobs;
mod compare;
mod config;
mod drive;
mod error;
mod fields;
mod form;
mod pages;
mod positions;
mod prepare;
mod reader;
mod recorder;
mod replay;
mod shelf;
mod writer;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use error::Error;
pub use recorder::Recorder;

use crate::{
    catalog::Catalog,
    channels::Opened,
    clock::Clock,
    model::{Cassette, ChannelId, Name, Replay, RunId},
};
use bytes::Bytes;
use shelf::Shelf;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Semaphore;

/// Replays at the same time. Each holds its cassette in memory.
const REPLAYS_AT_ONCE: usize = 2;

/// What cassettes are made of.
pub struct Parts {
    /// `[cassettes]` of the configuration.
    pub config: Config,
    /// Where they lie; made `0700` with the first one.
    pub folder: PathBuf,
    /// Judges the plugins that are replayed.
    pub catalog: Catalog,
    /// Dates recordings.
    pub clock: Clock,
}

/// A handle on the cassettes; cheap to clone.
#[derive(Clone)]
pub struct Cassettes(Arc<Inner>);

struct Inner {
    shelf: Arc<Shelf>,
    catalog: Catalog,
    clock: Clock,
    turns: Semaphore,
}

/// What is recorded.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The run.
    pub run: RunId,
    /// Its connector.
    pub connector: Name,
}

impl Cassettes {
    /// Touches no file yet.
    #[must_use]
    pub fn build(parts: Parts) -> Self {
        let Parts { config, folder, catalog, clock } = parts;
        let shelf = Arc::new(Shelf::new(folder, config));
        Self(Arc::new(Inner { shelf, catalog, clock, turns: Semaphore::new(REPLAYS_AT_ONCE) }))
    }

    /// What records the steps of a run. A run that was interrupted goes on in its cassette.
    #[must_use]
    pub fn recorder(&self, opened: &Opened, subject: Subject) -> Recorder {
        Recorder::new(self.clone(), opened, subject)
    }

    /// All of them, the newest run first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn list(&self) -> Result<Vec<Cassette>, Error> {
        self.blocking(|shelf| shelf.list()).await
    }

    /// One, and its requests as `step: GET /path → 200`, the first `most` of them.
    ///
    /// # Errors
    /// There is none of that run, or it cannot be read.
    pub async fn show(&self, run: RunId, most: usize) -> Result<(Cassette, Vec<String>), Error> {
        self.blocking(move |shelf| {
            let lines = reader::lines(shelf, run)?;
            let requests = lines.iter().enumerate().flat_map(|(step, line)| {
                line.exchanges.iter().map(move |exchange| format!("{step}: {}", exchange.told()))
            });
            let requests = requests.take(most).collect();
            Ok((shelf.summary(run)?, requests))
        })
        .await
    }

    /// Deletes one, and what no other one shares with it.
    ///
    /// # Errors
    /// There is none of that run, or its files cannot be removed.
    pub async fn delete(&self, run: RunId) -> Result<(), Error> {
        self.blocking(move |shelf| shelf.delete(&[run])).await
    }

    /// How many there are of a channel.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn count_of_channel(&self, channel: ChannelId) -> Result<usize, Error> {
        self.blocking(move |shelf| Ok(shelf.of_channel(channel)?.len())).await
    }

    /// Deletes those of a channel that goes. Returns how many there were.
    ///
    /// # Errors
    /// Files cannot be removed.
    pub async fn delete_of_channel(&self, channel: ChannelId) -> Result<usize, Error> {
        self.blocking(move |shelf| shelf.delete_of_channel(channel)).await
    }

    /// Deletes those of runs that are gone, where there are any. Blocks on the file system.
    pub fn forget(&self, runs: &[RunId]) {
        if let Err(error) = self.0.shelf.forget(runs) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "cassettes of runs that were removed from history are still there");
        }
    }

    /// Plays a cassette to the plugin that was recorded, or to `plugin`, the bytes of
    /// another file, and compares. Sends nothing and keeps nothing. Cancel safe.
    ///
    /// # Errors
    /// When it could not be replayed: a plugin that fails in it is a report.
    pub async fn replay(&self, run: RunId, plugin: Option<Bytes>) -> Result<Replay, Error> {
        let _turn = self.0.turns.acquire().await.expect("nobody closes the semaphore");
        replay::replay(self, run, plugin).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shelf = Arc::clone(&self.0.shelf);
        match tokio::task::spawn_blocking(move || work(&shelf)).await {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}
