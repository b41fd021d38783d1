//! Which run, when, how far, and what came of it.
//!
//! It turns a request into runs and drives each of them to a written end. It
//! knows no WIT, no HTTP and no stored bytes: pages come from `sandbox`, rows
//! go to `store`.
//!
//! A request becomes a durable job of one run a connector (`job`, `queue`). The `Runner`
//! owns the task of every job (`runner`, `work`), which holds a lease (`lease`) and a place
//! (`turns`); a run reads, decides and commits page by page (`import`), `policy` says what
//! is done about a failure, and `history` writes what became of it.
//! A dry run shows what a request would change and writes nothing (`rehearsal`). Calls of
//! operations have rows and a task of their own (`call`).

mod apart;
mod call;
mod cleaner;
mod cleaning;
mod export;
mod guest;
mod history;
mod hooks;
mod import;
mod job;
mod keeping;
mod lanes;
mod lease;
mod live;
mod local;
mod log;
pub mod mapping;
mod merge;
mod news;
mod notices;
mod opener;
mod outward;
mod overtaken;
mod policy;
mod prober;
mod progress;
mod quarantine;
mod queue;
mod reconcile;
mod rehearsal;
mod routes;
mod runner;
pub mod schedule;
mod scheduler;
mod search;
mod subscribers;
mod timeline;
mod timetable;
mod turns;
mod work;

#[cfg(test)]
mod tests;

pub use call::{
    CALL_BYTES, CallRequest, CallSearch, Called, Caller, Calls, Config as CallConfig, FoundCalls,
};
pub use cleaner::{Cleaned, Cleaner, Cleaning};
pub use hooks::{
    Address, Admitted, Fit, HookError, Hooks, Made, NewSecret, Posted, Rotation, Shown as ShownHook, Taken,
    Turned,
};
pub use keeping::{Config as HistoryConfig, Keep};
pub use live::Hold;
pub use local::{
    Decision, Dropped as GivenUp, Edit, Local, Pick, Refusal, Sieve, Target, Waiting, What, Written,
};
pub use log::{Ear, host_line};
pub use notices::{NewNotice, NoticeConfig, NoticeError, NoticeSender, Notices, ShownNotice};
pub use prober::Prober;
pub use progress::Pace;
pub use quarantine::{Hopeless, Quarantine, Retried, Selection, Why};
pub use rehearsal::{Change, Event, Field, Kind, Outcome, Rehearsal};
pub use routes::{NewRoute, RouteError, RouteWorker, Routes, ShownRoute, TrialAsk, Tried, TriedWhat};
pub use runner::{Reach, Runner};
pub use scheduler::Scheduler;
pub use search::{Found, Search};
pub use subscribers::{Subscribers, Subscription};
pub use timetable::{Held, Idle, Planned, Timetable};

use crate::{
    cassettes::Cassettes,
    channels::Channels,
    clock::Clock,
    model::{
        Asked, Channel, ChannelId, ChannelName, Class, Direction, Failure, Fault, HostId, JobId, Name, Run,
        RunId, Size, Span, Timestamp, Trigger,
    },
    store::Store,
};
use serde::{Deserialize, Serialize};
use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};
use tokio::sync::watch;

/// `[sync]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Channels that sync at the same time; the others wait for their turn.
    /// Default 32, at least 1.
    pub channels_at_once: NonZeroUsize,
    /// How long a channel keeps its place while others wait. It gives way at a page
    /// border. Default 10s.
    pub turn: Span,
    /// The longest time until a page is there; a run that takes longer is tried once more
    /// and then fails. Default 5m.
    pub page_deadline: Span,
    /// How long a run is put off after a failure that passes; twice as long after each
    /// further one. Default 1m.
    pub defer_base: Span,
    /// The longest time for which a run is put off; up to a quarter of it comes on top, so
    /// that not all come back at once. Default 10m.
    pub defer_max: Span,
    /// Steps in a row that end in a trap, over all runs and channels, until that version of
    /// the plugin is put into quarantine; 0: never. Default 5.
    pub traps_in_a_row: u32,
    /// Due keys that one step gets at most, whatever page size the manifest
    /// names. Default 1000, at least 1.
    pub keys_per_step: NonZeroU32,
    /// The longest payload of a record; a longer one goes to quarantine. No key
    /// of its own: the app takes it from `[sandbox.limits] record-bytes`. 1 MiB
    /// where nobody sets it.
    #[serde(skip)]
    pub record_bytes: Size,
    /// The program whose `filter-worker` runs the filters of mappings. No key of its own:
    /// the app sets it. None: a thread of this process does it (tests only).
    #[serde(skip)]
    pub program: Option<PathBuf>,
    /// Pages in a row that leave nothing behind (same cursor, nothing stored,
    /// nothing settled) after which a run is ended. Default 10, at least 1.
    pub pages_without_progress: NonZeroU32,
    /// What is kept of runs. No keys of its own: the app takes it from `[history]`.
    #[serde(skip)]
    pub history: HistoryConfig,
    /// Calls of operations.
    pub calls: CallConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            channels_at_once: NonZeroUsize::new(32).expect("32 is not 0"),
            turn: Span::secs(10),
            page_deadline: Span::secs(300),
            defer_base: Span::secs(60),
            defer_max: Span::secs(600),
            traps_in_a_row: 5,
            keys_per_step: NonZeroU32::new(1_000).expect("1000 is not 0"),
            record_bytes: Size::mib(1),
            program: None,
            pages_without_progress: NonZeroU32::new(10).expect("10 is not 0"),
            history: HistoryConfig::default(),
            calls: CallConfig::default(),
        }
    }
}

impl Config {
    /// How the filters of mappings are run.
    pub(crate) fn filters(&self) -> mapping::Filters {
        mapping::Filters::new(self.program.clone(), self.record_bytes.as_len())
    }
}

/// The whole of what `tidegate filter-worker` does: it runs filters for the host.
#[must_use]
pub fn filter_worker() -> ExitCode {
    mapping::work()
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
    /// An export was asked for of a channel that only imports.
    #[error(
        "channel '{0}' exports nothing: it goes one way, or has no connector that can; to export local changes: tidegate channel edit {0} --two-way"
    )]
    NothingToExport(ChannelName),
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
    /// The channel cannot be kept still: this job of it is worked on.
    #[error("a sync of channel '{0}' is going on (job {1}); the channel stays as it is")]
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
    /// What was asked for cannot be done, in words and fields of its own.
    #[error("{}", .0.message)]
    Refused(Failure),
    /// A mapping cannot be used.
    #[error(transparent)]
    Mapping(#[from] mapping::MappingError),
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
            | Self::NothingToExport(_)
            | Self::NotOffered { .. }
            | Self::NoFull { .. }
            | Self::NoJob(_) => Fault::Invalid,
            Self::Refused(failure) => failure.fault(),
            Self::Mapping(error) => error.fault(),
            Self::Channels(error) => error.fault(),
            Self::Store(error) => error.fault(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which channel.
    pub channel: ChannelName,
    /// Whether records come in or go out.
    pub direction: Direction,
    /// Which connectors; empty: all that are switched on.
    pub connectors: Vec<Name>,
    /// Whether to start from the beginning instead of from the cursor.
    pub full: bool,
    /// Whether to record the exchanges of its runs.
    pub record: bool,
    /// What asks for it.
    pub trigger: Trigger,
}

/// A job as it stands.
#[derive(Clone, Debug)]
pub struct Job {
    /// Shared by its runs.
    pub id: JobId,
    /// One run a connector, in the order in which they go; none yet where it is to follow
    /// another job, or was not planned yet.
    pub runs: Vec<Run>,
    /// The job that goes before it: it was asked for while that one was going on.
    pub after: Option<JobId>,
    /// Whether nothing more comes of it.
    pub is_over: bool,
    /// When it is worked on (again), where nobody does so now.
    pub due: Option<Timestamp>,
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
    /// Who drives them; the same at each start of this host.
    pub host: HostId,
}

/// A handle on the engine; cheap to clone.
#[derive(Clone)]
pub struct Sync {
    shared: Arc<runner::Shared>,
}

impl Sync {
    /// The handle, and the task that has to run for it. Requests wait in the store until
    /// the runner runs.
    #[must_use]
    pub fn build(parts: Parts) -> (Self, Runner) {
        let Parts { config, store, channels, cassettes, clock, host } = parts;
        Self::assemble(config, store, Arc::new(opener::Doors { channels, cassettes }), clock, host)
    }

    fn assemble(
        config: Config,
        store: Store,
        opener: Arc<dyn opener::Opener>,
        clock: Clock,
        host: HostId,
    ) -> (Self, Runner) {
        let shared = Arc::new(runner::Shared::new(config, store, opener, clock, host));
        (Self { shared: Arc::clone(&shared) }, Runner::new(shared))
    }

    /// The task that asks for the syncs of channels that are due.
    #[must_use]
    pub fn scheduler(&self, config: schedule::Config) -> Scheduler {
        Scheduler::new(Arc::clone(&self.shared), config)
    }

    /// The task that finds out whether remote systems are back.
    #[must_use]
    pub fn prober(&self) -> Prober {
        Prober::new(Arc::clone(&self.shared))
    }

    /// Asks for a sync. When it returns, what was asked for is in the store: as a job, as
    /// part of one that has not begun, or as the one that follows the job that is going on.
    ///
    /// # Errors
    /// When nothing was asked for.
    ///
    /// # Cancel safety
    /// Dropped early, the job may or may not have been asked for, but never half.
    pub async fn request(&self, request: Request) -> Result<Job, Error> {
        if self.shared.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        let ready = self.shared.opener.open(&request.channel).await?;
        let Request { direction, connectors, full, record, trigger, .. } = request;
        let asked = Asked { connectors, full, record, trigger };
        // Refused here, whatever is going on.
        job::plan(&ready, direction, &asked)?;
        if self.shared.live.is_held(ready.channel.id) {
            return Err(Error::Held(ready.channel.name));
        }
        let placed = self.shared.queue.place(&ready, direction, &asked).await?;
        let due = Some(self.shared.clock.now());
        Ok(Job { id: placed.id, runs: placed.runs, after: placed.after, is_over: false, due })
    }

    /// The job as it stands, live counters included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, Error> {
        if let Some(job) = self.shared.live.job(id) {
            let runs = job.snapshot();
            return Ok(Some(Job { id, runs, after: None, is_over: false, due: None }));
        }
        let waiting = self.shared.queue.job(id).await?;
        let (runs, after) = match &waiting {
            Some((job, after)) => (job.runs.clone(), *after),
            None => (self.shared.store.jobs().runs(id).await?, None),
        };
        let mut runs = self.shared.store.runs().get_many(runs).await?;
        runs.sort_by_key(|run| run.order);
        self.date(&mut runs);
        if waiting.is_none() && runs.is_empty() {
            return Ok(None);
        }
        let due = waiting.as_ref().map(|(job, _)| job.due);
        let is_over = waiting.is_none() && runs.iter().all(|run| run.status.has_ended());
        Ok(Some(Job { id, runs, after, is_over, due }))
    }

    /// Returns when nothing more comes of the job, with the runs as they ended. A job that
    /// is put off is waited for.
    ///
    /// # Errors
    /// `NoJob` when there is no such job, or the store cannot be read.
    ///
    /// # Cancel safety
    /// It only looks, so it can be dropped at any time.
    pub async fn wait(&self, id: JobId) -> Result<Vec<Run>, Error> {
        let mut board = self.shared.board();
        loop {
            board.mark_unchanged();
            let job = self.job(id).await?.ok_or(Error::NoJob(id))?;
            if job.is_over {
                return Ok(job.runs);
            }
            // It cannot fail: the sender lives as long as `self`.
            let _ = board.changed().await;
        }
    }

    /// The run as it stands, live counters included.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, Error> {
        match self.shared.live.progress(id) {
            Some(progress) => Ok(Some(progress.snapshot())),
            None => {
                let mut run = self.shared.store.runs().get(id).await?;
                self.date(run.as_mut_slice());
                Ok(run)
            }
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
        self.date(&mut runs);
        Ok(runs)
    }

    /// Runs that wait for an origin tell when that one is asked next.
    fn date(&self, runs: &mut [Run]) {
        if runs.iter().all(|run| run.deferred.is_none()) {
            return;
        }
        let ailing = self.shared.opener.ailing();
        for deferred in runs.iter_mut().filter_map(|run| run.deferred.as_mut()) {
            let origin = deferred.origin.as_deref();
            if let Some(one) = ailing.iter().find(|one| Some(one.origin.as_str()) == origin) {
                deferred.until = one.probe_at;
            }
        }
    }

    /// A view of a live run that tells of every page; none where it is over.
    #[must_use]
    pub fn follow(&self, id: RunId) -> Option<watch::Receiver<Run>> {
        self.shared.live.progress(id).map(|progress| progress.follow())
    }

    /// How fast a run goes; none where it does not go on here, or nothing is known yet.
    #[must_use]
    pub fn pace(&self, id: RunId) -> Option<Pace> {
        self.shared.live.progress(id).and_then(|progress| progress.pace())
    }

    /// The task that works on calls of operations.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::new(Arc::clone(&self.shared))
    }

    /// What can be done about calls of operations.
    #[must_use]
    pub fn calls(&self) -> Calls<'_> {
        Calls(self)
    }

    /// Local writes.
    #[must_use]
    pub fn local(&self) -> Local<'_> {
        Local(self)
    }

    /// What can be done about records in quarantine.
    #[must_use]
    pub fn quarantine(&self) -> Quarantine<'_> {
        Quarantine(self)
    }

    /// The job of a channel that is worked on here.
    #[must_use]
    pub fn live_job(&self, channel: ChannelId) -> Option<JobId> {
        self.shared.live.of_channel(channel)
    }

    /// Keeps a channel still: no job of it is worked on until the hold is dropped.
    /// Whoever deletes a channel holds it, so that no run is ended by it unseen.
    ///
    /// # Errors
    /// `Busy` where a job is going on, `Held` where somebody else holds it.
    pub fn hold(&self, channel: &Channel) -> Result<Hold, Error> {
        let hold = self.shared.live.hold(channel)?;
        // Looked at afterwards: a call looks for the hold once it is counted.
        if self.shared.calls.is_busy_with(channel.id) {
            let message =
                format!("a call of channel '{}' is going on; the channel stays as it is", channel.name);
            return Err(Failure::new(Class::Conflict, "call.busy", message).into());
        }
        Ok(hold)
    }

    /// Asks a run to end at the last committed page; a step that is under way
    /// is ended too, and its page dropped. One that waits ends at once. False where the
    /// run is over already, or another host works on it.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn cancel(&self, id: RunId) -> Result<bool, Error> {
        if let Some(progress) = self.shared.live.progress(id) {
            return Ok(progress.cancel());
        }
        let Some(run) = self.shared.store.runs().get(id).await? else {
            return Ok(false);
        };
        if run.direction == Direction::Call {
            return self.calls().cancel(id).await;
        }
        let now = self.shared.clock.now();
        let ended = |run: &mut Run| {
            let ending = history::Ending::Cancelled(history::cancelled(run));
            history::end(run, ending);
            run.ended = Some(now);
        };
        let withdrawn = self.shared.queue.withdraw(&run, ended).await?;
        self.shared.news();
        Ok(withdrawn)
    }
}
