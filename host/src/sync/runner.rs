//! The task that owns every job: it starts the next one whose turn it is.
//!
//! How one is worked off stands in `work`, whom to look at next in `queue`.

use super::{
    Config,
    cleaner::Removed,
    history::History,
    live::Live,
    opener::Opener,
    outward,
    policy::{self, Case, Verdict},
    progress::Progress,
    queue::{Queue, Seat},
    subscribers::Subscribers,
    turns::{Place, Turns},
    work::Work,
};
use crate::{
    clock::Clock,
    metrics,
    model::{Failure, HostId, Status},
    store::{self, Owner, Store},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Interval, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// How often the rows are read anew, for what another host on the store left behind.
const LOOK: Duration = Duration::from_secs(60);
/// How often it is shown how long the queue is.
const MEASURE: Duration = Duration::from_secs(5);
/// The longest sleep to the next job: the time of day may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Which jobs a host works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that are due.
    All,
    /// Only those that somebody asks this process for.
    Requested,
}

/// What the handle, the runner and the jobs share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) opener: Arc<dyn Opener>,
    pub(super) queue: Queue,
    pub(super) live: Live,
    pub(super) history: History,
    /// A place for each channel that syncs.
    pub(super) turns: Turns,
    pub(super) removed: Removed,
    /// Who wants to know which records change.
    pub(super) subscribers: Subscribers,
    /// Parent of every run's token.
    pub(super) stopping: CancellationToken,
    /// Counts jobs that nobody works on any more.
    board: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(
        config: Config,
        store: Store,
        opener: Arc<dyn Opener>,
        clock: Clock,
        host: HostId,
    ) -> Self {
        let owner = Owner { host, life: HostId::new() };
        Self {
            history: History::new(store.clone(), clock.clone()),
            queue: Queue::new(store.clone(), clock.clone(), owner),
            turns: Turns::new(config.channels_at_once.get()),
            live: Live::default(),
            removed: Removed::default(),
            subscribers: Subscribers::default(),
            stopping: CancellationToken::new(),
            board: watch::Sender::new(0),
            config,
            store,
            clock,
            opener,
        }
    }

    /// What is to be done about a failure of a run. A try that brought no page is counted.
    pub(super) fn judge(&self, progress: &Progress, failure: &Failure, origin: Option<&str>) -> Verdict {
        let run = progress.snapshot();
        if policy::counts(failure) {
            progress.count_try();
        }
        let case = Case {
            failure,
            tries: run.tries,
            since: run.deferred.map(|deferred| deferred.since),
            now: self.clock.now(),
            origin,
            jitter: fastrand::f64(),
        };
        policy::judge(&case, &self.config)
    }

    /// Tells those who wait for jobs.
    pub(super) fn news(&self) {
        self.board.send_modify(|count| *count += 1);
    }

    /// Changes with every job that nobody works on any more.
    pub(super) fn board(&self) -> watch::Receiver<u64> {
        self.board.subscribe()
    }
}

/// What the runner does from time to time.
struct Clocks {
    look: Interval,
    measure: Interval,
}

/// The task that owns the jobs.
pub struct Runner {
    shared: Arc<Shared>,
    jobs: JoinSet<()>,
    plugins: watch::Receiver<u64>,
}

impl Runner {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { plugins: shared.opener.plugins_changed(), shared, jobs: JoinSet::new() }
    }

    /// Puts right what an earlier life of this host left behind: runs that it was
    /// working on wait again.
    pub async fn recover(&self) {
        let recovered = async {
            let freed = self.shared.queue.take_over().await?;
            if freed > 0 {
                tracing::info!(jobs = freed, "jobs that a stopped host was working on wait again");
            }
            self.shared.history.close_orphans().await
        };
        if let Err(error) = recovered.await {
            report(&error, "what an earlier host left behind cannot be put right");
        }
    }

    /// Recovers, then works until `stop`. Runs in progress end at the last committed page
    /// and wait for the next start. When it returns, every run that was ever promised has
    /// its row.
    pub async fn run(mut self, reach: Reach, stop: CancellationToken) {
        self.recover().await;
        let mut clocks = Clocks { look: interval(LOOK), measure: interval(MEASURE) };
        clocks.look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clocks.measure.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.turn(reach, &mut clocks, &stop).await {}
        self.shared.stopping.cancel();
        while let Some(ended) = self.jobs.join_next().await {
            note(ended);
        }
        self.shared.news();
    }

    /// One event; false when it is time to stop. Every branch is cancel safe.
    async fn turn(&mut self, reach: Reach, clocks: &mut Clocks, stop: &CancellationToken) -> bool {
        let shared = Arc::clone(&self.shared);
        let next = shared.queue.next();
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            // Before all that may come with it: a place that is not taken goes to another.
            (seat, place) = its_turn(&shared, next.as_ref()) => self.start(seat.clone(), place),
            Some(ended) = self.jobs.join_next() => note(ended),
            _ = clocks.look.tick(), if reach == Reach::All => self.look().await,
            _ = clocks.measure.tick() => self.measure(),
            // It cannot fail: the catalog lives as long as this.
            Ok(()) = self.plugins.changed() => self.wake(),
            () = shared.queue.changed() => {}
            () = the_next_is_due(&shared), if next.is_none() => {}
        }
        true
    }

    async fn look(&self) {
        if let Err(error) = self.shared.queue.load().await {
            report(&error, "the jobs cannot be read");
        }
        if let Err(error) = outward::look(&self.shared).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "what waits to be exported cannot be read"
            );
        }
        // They may have come to wait, or this host have started, after the last change.
        self.wake();
    }

    /// Lets those go on whose plugin is back, or released.
    fn wake(&self) {
        for channel_type in self.shared.queue.awaited_plugins() {
            if self.shared.opener.is_offered(&channel_type) {
                let woken = self.shared.queue.wake_for_plugin(&channel_type);
                tracing::info!(
                    channel_type,
                    jobs = woken,
                    "a plugin is there; the jobs that waited for it go on"
                );
            }
        }
    }

    /// Shows how long the queue is.
    fn measure(&self) {
        let (now, depth) = (self.shared.clock.now(), self.shared.queue.depth());
        let count = |jobs: usize| u64::try_from(jobs).unwrap_or(u64::MAX);
        let depths = [
            (Status::Queued, count(depth.ready)),
            (Status::Deferred, count(depth.later)),
            (Status::Running, count(depth.taken)),
        ];
        let oldest = depth.oldest.map_or(0, |since| now.millis_since(since));
        metrics::queue(&depths, Duration::from_millis(oldest));
    }

    fn start(&mut self, seat: Seat, place: Place) {
        self.shared.queue.take(&seat);
        let work = Work { shared: Arc::clone(&self.shared), seat, place };
        self.jobs.spawn(work.run());
    }
}

/// Waits until the job may be worked on; for ever where there is none.
async fn its_turn<'a>(shared: &Shared, next: Option<&'a Seat>) -> (&'a Seat, Place) {
    match next {
        Some(seat) => (seat, shared.turns.acquire(seat.rank).await),
        None => std::future::pending().await,
    }
}

async fn the_next_is_due(shared: &Shared) {
    let Some(due) = shared.queue.next_due() else {
        return std::future::pending().await;
    };
    let left = Duration::from_millis(due.millis_since(shared.clock.now()));
    tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
}

fn report(error: &store::Error, what: &str) {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
}

/// Runs catch their own panics; one outside of them leaves a lease that runs out.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a job broke off");
    }
}
