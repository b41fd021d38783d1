//! Which run, when, how far, and what came of it.
//!
//! It turns a request into runs and drives each of them to a written end. It
//! knows no WIT, no HTTP and no stored bytes: pages come from `sandbox`, rows
//! go to `store`.
//!
//! A request becomes one run a connector (`job`). The `Runner` owns the task
//! of every job (`runner`, `work`); a run reads, decides and commits page by
//! page (`import`), and `history` writes how it ended.

mod guest;
mod history;
mod import;
mod job;
mod live;
mod opener;
mod progress;
mod runner;
mod work;

#[cfg(test)]
mod tests;

pub use live::Hold;
pub use runner::Runner;

use crate::{
    cassettes::Cassettes,
    channels::Channels,
    clock::Clock,
    model::{Channel, ChannelId, ChannelName, Fault, JobId, Name, Run, RunId, Size, Trigger},
    store::Store,
};
use serde::{Deserialize, Serialize};
use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
};
use tokio::sync::{mpsc, oneshot, watch};

/// `[sync]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Channels that sync at the same time; the others wait for their turn.
    /// Default 4, at least 1.
    pub channels_at_once: NonZeroUsize,
    /// Due keys that one step gets at most, whatever page size the manifest
    /// names. Default 1000, at least 1.
    pub keys_per_step: NonZeroU32,
    /// The longest payload of a record; a longer one goes to quarantine. No key
    /// of its own: the app takes it from `[sandbox.limits] record-bytes`. 1 MiB
    /// where nobody sets it.
    #[serde(skip)]
    pub record_bytes: Size,
    /// Pages in a row that leave nothing behind (same cursor, nothing stored,
    /// nothing settled) after which a run is ended. Default 10, at least 1.
    pub pages_without_progress: NonZeroU32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            channels_at_once: NonZeroUsize::new(4).expect("4 is not 0"),
            keys_per_step: NonZeroU32::new(1_000).expect("1000 is not 0"),
            record_bytes: Size::mib(1),
            pages_without_progress: NonZeroU32::new(10).expect("10 is not 0"),
        }
    }
}

/// Why nothing was started, or nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The channel is switched off.
    #[error("channel '{0}' is disabled; enable it first")]
    Disabled(ChannelName),
    /// A connector that was named is not switched on.
    #[error("channel '{channel}' has no connector '{connector}' switched on")]
    NoConnector {
        /// The channel.
        channel: ChannelName,
        /// What was asked for.
        connector: Name,
    },
    /// No connector was named, and none is switched on.
    #[error("channel '{0}' has no connectors switched on, so there is nothing to sync")]
    NothingToSync(ChannelName),
    /// The plugin was replaced by one without this connector.
    #[error(
        "the plugin of channel '{channel}' no longer offers connector '{connector}'; switch it off or put the old plugin back"
    )]
    NotOffered {
        /// The channel.
        channel: ChannelName,
        /// The connector that is gone.
        connector: Name,
    },
    /// A full sync was asked for, and a connector cannot start again.
    #[error(
        "connector '{connector}' of channel '{channel}' cannot start from the beginning; ask for a sync that is not full, or for other connectors"
    )]
    NoFull {
        /// The channel.
        channel: ChannelName,
        /// The connector that cannot.
        connector: Name,
    },
    /// One job a channel: this one is still going on.
    #[error("a sync of channel '{0}' is going on (job {1}); nothing new was started")]
    Busy(ChannelName, JobId),
    /// Somebody keeps the channel still, to change or delete it.
    #[error("channel '{0}' is being changed; try again in a moment")]
    Held(ChannelName),
    /// No run belongs to such a job.
    #[error("there is no job '{0}'")]
    NoJob(JobId),
    /// Nothing new is started any more.
    #[error("the host is stopping")]
    Stopping,
    /// The channel cannot be opened.
    #[error(transparent)]
    Channels(#[from] crate::channels::Error),
    /// The rows of the runs cannot be written or read.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
}

impl Error {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Busy(..) | Self::Held(_) | Self::Stopping => Fault::Transient,
            Self::Disabled(_)
            | Self::NoConnector { .. }
            | Self::NothingToSync(_)
            | Self::NotOffered { .. }
            | Self::NoFull { .. }
            | Self::NoJob(_) => Fault::Invalid,
            Self::Channels(error) => error.fault(),
            Self::Store(error) => error.fault(),
        }
    }
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which channel.
    pub channel: ChannelName,
    /// Which connectors; empty: all that are switched on.
    pub connectors: Vec<Name>,
    /// Whether to start from the beginning instead of from the cursor.
    pub full: bool,
    /// Whether to record the exchanges of its runs.
    pub record: bool,
    /// What asks for it.
    pub trigger: Trigger,
}

/// What a request was turned into.
#[derive(Clone, Debug)]
pub struct Job {
    /// Shared by its runs.
    pub id: JobId,
    /// One run a connector, in the order in which they go.
    pub runs: Vec<Run>,
}

/// What the engine is made of.
pub struct Parts {
    /// `[sync]` of the configuration.
    pub config: Config,
    /// Where records and runs are kept.
    pub store: Store,
    /// What is synced.
    pub channels: Channels,
    /// Where runs are recorded.
    pub cassettes: Cassettes,
    /// Dates the runs.
    pub clock: Clock,
}

/// A handle on the engine; cheap to clone.
#[derive(Clone)]
pub struct Sync {
    shared: Arc<runner::Shared>,
    work: mpsc::Sender<work::Work>,
}

impl Sync {
    /// The handle, and the task that has to run for it. Requests wait until
    /// the runner runs.
    #[must_use]
    pub fn build(parts: Parts) -> (Self, Runner) {
        let Parts { config, store, channels, cassettes, clock } = parts;
        Self::assemble(config, store, Arc::new(opener::Doors { channels, cassettes }), clock)
    }

    fn assemble(
        config: Config,
        store: Store,
        opener: Arc<dyn opener::Opener>,
        clock: Clock,
    ) -> (Self, Runner) {
        let (tx, rx) = mpsc::channel(runner::WAITING_ROOM);
        let shared = Arc::new(runner::Shared::new(config, store, opener, clock));
        (Self { shared: Arc::clone(&shared), work: tx }, Runner::new(shared, rx))
    }

    /// Starts a job. When it returns, every run has a row in the store.
    ///
    /// # Errors
    /// When nothing was started; `Busy` names the job that is in the way.
    ///
    /// # Cancel safety
    /// Dropped early, the job may or may not have been started, but never half.
    pub async fn request(&self, request: Request) -> Result<Job, Error> {
        let ready = self.shared.opener.open(&request.channel).await?;
        let plan = job::plan(&ready, &request)?;
        let seat = self.work.clone().reserve_owned().await.map_err(|_| Error::Stopping)?;
        let runs = job::runs(&plan, &ready.channel, &request, self.shared.clock.now());
        let claim = self.shared.claim(&ready.channel, plan, runs)?;
        let job = Arc::clone(claim.job());
        let (reply, answer) = oneshot::channel();
        // Nothing is awaited between the claim and this: a dropped request leaves no claim behind.
        seat.send(work::Work { claim, ready, reply });
        answer.await.unwrap_or(Err(Error::Stopping))?;
        Ok(Job { id: job.id, runs: job.snapshot() })
    }

    /// Returns when every run of the job has ended, with the runs as they ended.
    ///
    /// # Errors
    /// `NoJob` when there is no such job, or the store cannot be read.
    ///
    /// # Cancel safety
    /// It only looks, so it can be dropped at any time.
    pub async fn wait(&self, job: JobId) -> Result<Vec<Run>, Error> {
        if let Some(job) = self.shared.live.job(job) {
            for run in &job.runs {
                run.progress.ended().await;
            }
            return Ok(job.snapshot());
        }
        let runs = self.shared.history.of_job(job).await?;
        if runs.is_empty() { Err(Error::NoJob(job)) } else { Ok(runs) }
    }

    /// The run as it stands, live counters included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, Error> {
        match self.shared.live.progress(id) {
            Some(progress) => Ok(Some(progress.snapshot())),
            None => Ok(self.shared.store.runs().get(id).await?),
        }
    }

    /// Runs as they stand, newest first; of one channel or of all; older than
    /// `before` where given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn runs(
        &self,
        channel: Option<ChannelId>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>, Error> {
        let mut runs = self.shared.store.runs().list(channel, before, limit).await?;
        for run in runs.iter_mut().filter(|run| !run.status.has_ended()) {
            if let Some(progress) = self.shared.live.progress(run.id) {
                *run = progress.snapshot();
            }
        }
        Ok(runs)
    }

    /// A view of a live run that tells of every page; none where it is over.
    #[must_use]
    pub fn follow(&self, id: RunId) -> Option<watch::Receiver<Run>> {
        self.shared.live.progress(id).map(|progress| progress.follow())
    }

    /// The job of a channel that is going on.
    #[must_use]
    pub fn live_job(&self, channel: ChannelId) -> Option<JobId> {
        self.shared.live.of_channel(channel)
    }

    /// Keeps a channel still: no job of it starts until the hold is dropped.
    /// Whoever deletes a channel holds it, so that no run writes into what is gone.
    ///
    /// # Errors
    /// `Busy` where a job is going on, `Held` where somebody else holds it.
    pub fn hold(&self, channel: &Channel) -> Result<Hold, Error> {
        self.shared.live.hold(channel)
    }

    /// Asks a run to end at the last committed page; a step that is under way
    /// is ended too, and its page dropped. False where the run is over already.
    ///
    /// # Errors
    /// None today; the signature leaves room for runs in another host.
    pub async fn cancel(&self, id: RunId) -> Result<bool, Error> {
        let Some(progress) = self.shared.live.progress(id) else {
            return Ok(false);
        };
        Ok(progress.cancel())
    }
}
