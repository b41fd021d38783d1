//! The task that owns every job.
//!
//! It starts jobs and waits for them; how one is worked off stands in `work`.

use super::{
    Config, Error,
    cleaner::Removed,
    history::History,
    live::{Claim, Live, LiveJob},
    opener::Opener,
    work::Work,
};
use crate::{
    clock::Clock,
    model::{Channel, Connector, Run},
    store::Store,
};
use std::sync::Arc;
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// Requests that wait while the runner is busy starting others; more wait at
/// their own end. The runner starts a job in microseconds, so that a few do.
pub(super) const WAITING_ROOM: usize = 64;

/// What the handle, the runner and the jobs share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) opener: Arc<dyn Opener>,
    pub(super) live: Live,
    pub(super) history: History,
    pub(super) removed: Removed,
    /// One permit a channel that syncs.
    pub(super) slots: Arc<Semaphore>,
    /// Parent of every run's token.
    pub(super) stopping: CancellationToken,
}

impl Shared {
    pub(super) fn new(config: Config, store: Store, opener: Arc<dyn Opener>, clock: Clock) -> Self {
        Self {
            history: History::new(store.clone(), clock.clone()),
            slots: Arc::new(Semaphore::new(config.channels_at_once.get())),
            live: Live::default(),
            removed: Removed::default(),
            stopping: CancellationToken::new(),
            config,
            store,
            clock,
            opener,
        }
    }

    /// Enters a job in the table of live ones.
    ///
    /// # Errors
    /// `Busy` where the channel has one.
    pub(super) fn claim(
        &self,
        channel: &Channel,
        plan: Vec<Connector>,
        runs: Vec<Run>,
    ) -> Result<Claim, Error> {
        self.live.claim(Arc::new(LiveJob::new(channel, plan, runs, &self.stopping)))
    }
}

/// The task that owns the jobs.
pub struct Runner {
    shared: Arc<Shared>,
    work: mpsc::Receiver<Work>,
    jobs: JoinSet<()>,
}

impl Runner {
    pub(super) fn new(shared: Arc<Shared>, work: mpsc::Receiver<Work>) -> Self {
        Self { shared, work, jobs: JoinSet::new() }
    }

    /// Marks what a killed host left running, then works until `stop`. Runs in
    /// progress end at the last committed page. When it returns, every run that
    /// was ever promised has its row.
    pub async fn run(mut self, stop: CancellationToken) {
        // No job starts before this is over, so that every live row is a left-over one.
        self.shared.history.close_interrupted().await;
        while self.turn(&stop).await {}
        self.shared.stopping.cancel();
        // Who already holds a seat may still send; everything after is refused.
        self.work.close();
        while let Some(work) = self.work.recv().await {
            self.start(work);
        }
        while let Some(ended) = self.jobs.join_next().await {
            note(ended);
        }
    }

    /// One event; false when it is time to stop. Every branch is cancel safe.
    async fn turn(&mut self, stop: &CancellationToken) -> bool {
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            Some(ended) = self.jobs.join_next() => note(ended),
            Some(work) = self.work.recv() => self.start(work),
            // All handles are gone and all jobs have ended.
            else => return false,
        }
        true
    }

    fn start(&mut self, work: Work) {
        self.jobs.spawn(work.run(Arc::clone(&self.shared)));
    }
}

/// Runs catch their own panics; one outside of them leaves rows that the next
/// start closes.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a job broke off");
    }
}
