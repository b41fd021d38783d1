//! Reading the log and the pages of a run, while it goes on and afterwards.
//!
//! What is stored and what still waits to be stored is shown as one.

use super::directory::find;
use crate::{
    model::{RunId, RunLine, RunPage},
    store::Watch,
    sync::{Error, Sync},
};
use tokio::sync::watch;

impl Sync {
    /// At most `limit` lines of the log of a run with their numbers, those after line
    /// `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn log(
        &self,
        run: RunId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, RunLine)>, Error> {
        // First what waits: what is stored in the meantime is found below.
        let waiting = find(run).map(|log| log.waiting(after)).unwrap_or_default();
        let mut lines = self.shared.store.logs().list(run, after, limit).await?;
        if lines.len() < limit {
            let last = lines.last().map(|(number, _)| *number);
            lines.extend(waiting.into_iter().filter(|(number, _)| last.is_none_or(|last| *number > last)));
            lines.truncate(limit);
        }
        Ok(lines)
    }

    /// At most `limit` pages of a run in their order, those after page `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn pages(&self, run: RunId, after: Option<u64>, limit: usize) -> Result<Vec<RunPage>, Error> {
        Ok(self.shared.store.pages().list(run, after, limit).await?)
    }

    /// An ear that hears of changes of a run, and of lines, from now on.
    #[must_use]
    pub fn listen(&self, run: RunId) -> Ear {
        Ear {
            lines: find(run).map(|log| log.grown.subscribe()),
            row: self.shared.store.runs().watch_one(run),
            log: self.shared.store.logs().watch(run),
        }
    }
}

/// Hears of a run. Look first and listen then: it tells of what came since it was made.
#[derive(Debug)]
pub struct Ear {
    lines: Option<watch::Receiver<u64>>,
    row: Watch,
    log: Watch,
}

impl Ear {
    /// Returns when the run may have changed or said something. Cancel safe.
    pub async fn changed(&mut self) {
        let lines = async {
            match &mut self.lines {
                Some(lines) => lines.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let goes_on = tokio::select! {
            goes_on = lines => goes_on,
            _ = self.row.changed() => true,
            _ = self.log.changed() => true,
        };
        if !goes_on {
            // The log was closed; from here on the store tells.
            self.lines = None;
        }
    }
}
