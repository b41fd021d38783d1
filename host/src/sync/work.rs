//! Working one job off: its runs in the order that their dependencies allow.
//!
//! It decides whose turn it is, whether a run may begin and what becomes of one that
//! failed; what happens within a run stands in `import`.

use super::{
    Error,
    export::Export,
    history::{self, Ending},
    import::{Import, Stop, panicked},
    job, lease,
    live::{LiveJob, LiveRun},
    log,
    opener::{Ready, SourceAsk},
    policy::{self, Verdict},
    progress::Progress,
    queue::{self, After, Claimed, Seat},
    runner::Shared,
    turns::{Place, Turn},
};
use crate::{
    metrics,
    model::{Channel, Class, Connector, Deferred, Direction, Failure, Job, Name, Paused, Run},
    store::{self, Lease},
};
use futures_util::{FutureExt, future::join_all};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::Semaphore;
use tracing::Instrument;

/// When a job is looked at again that could not be claimed just now.
const SOON: Duration = Duration::from_secs(1);
/// How much later than its origin is asked a job goes on that nobody woke.
const WAKE_LATEST: Duration = Duration::from_secs(300);
/// The same where the store failed.
const LATER: Duration = Duration::from_secs(10);

/// A job whose turn it is.
pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) seat: Seat,
    pub(super) place: Place,
}

impl Work {
    /// Claims the job, works it off and says what comes after it. Runs end early with
    /// their own tokens, never by dropping this.
    pub(super) async fn run(self) {
        let Self { shared, seat, place } = self;
        let (job, lease) = match shared.queue.claim(&seat).await {
            Ok(Claimed::Ours(job, lease)) => (job, lease),
            Ok(Claimed::Held(until)) => return shared.queue.delay(&seat, until),
            Ok(Claimed::Gone) => return shared.queue.leave(seat.channel, seat.direction),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a job cannot be claimed");
                let due = shared.clock.now().plus(LATER);
                return shared.queue.delay(&seat, due);
            }
        };
        metrics::late(Duration::from_millis(shared.clock.now().millis_since(seat.rank.since)));
        let span = tracing::info_span!(
            "job", job.id = %job.id, channel.id = %job.channel_id, channel.name = %job.channel
        );
        let after = {
            let turn = Turn::new(shared.turns.clone(), place, seat.rank.urgency, shared.config.turn.0);
            let work = work_off(&shared, &job, &lease, &turn).instrument(span);
            tokio::select! {
                biased;
                after = work => after,
                () = lease::keep(&shared.store, &shared.clock, &lease) => None,
            }
        };
        match after {
            Some(after) => {
                if let Err(error) = shared.queue.settle(&lease, after).await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the end of a job cannot be written"
                    );
                    shared.queue.delay(&seat, shared.clock.now().plus(lease::TERM));
                }
            }
            None => {
                metrics::lease_lost();
                tracing::warn!(job.id = %job.id, "the lease of a job is lost: another host works on it");
                shared.queue.delay(&seat, shared.clock.now().plus(lease::TERM));
            }
        }
        shared.news();
    }
}

/// What comes after the job; none where the lease is lost.
async fn work_off(shared: &Shared, job: &Job, lease: &Lease, turn: &Turn) -> Option<After> {
    match prepare(shared, job, lease).await {
        Ok((ready, runs)) => {
            let offered = |name: &Name| ready.channel_type.connector(name.as_str()).cloned();
            let live = Arc::new(LiveJob::new(job, runs, offered, &shared.stopping));
            let entry = match shared.live.enter(live) {
                Ok(entry) => entry,
                // Somebody is changing the channel.
                Err(_) => return Some(After::at(shared.clock.now().plus(SOON))),
            };
            let bench =
                Bench { shared, lease, turn, ready, job: Arc::clone(&entry.job), paused: OnceLock::new() };
            bench.work_off().await
        }
        Err(Unready::Store(store::Error::Expectation)) => None,
        Err(Unready::Store(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a job cannot be begun");
            Some(After::at(shared.clock.now().plus(LATER)))
        }
        Err(Unready::Channel(failure)) => unopened(shared, job, lease, failure).await,
    }
}

/// Why a job cannot be worked on.
enum Unready {
    Store(store::Error),
    Channel(Failure),
}

impl From<store::Error> for Unready {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// The channel, opened, and the runs of the job, on record.
async fn prepare(shared: &Shared, job: &Job, lease: &Lease) -> Result<(Ready, Vec<Run>), Unready> {
    let opened = shared.opener.reopen(job.channel_id).await;
    let ready = opened.map_err(|error| Unready::Channel(error.into_failure()))?;
    if !job.runs.is_empty() {
        return Ok((ready, shared.store.runs().get_many(job.runs.clone()).await?));
    }
    let plan =
        job::plan(&ready, job.direction, &job.asked).map_err(|error| Unready::Channel(unplanned(error)))?;
    let runs = job::runs(&plan, job);
    shared.queue.plan(lease, &runs).await?;
    Ok((ready, runs))
}

fn unplanned(error: Error) -> Failure {
    let code = match &error {
        Error::Disabled(_) => return disabled(),
        Error::NothingToSync(_) | Error::NothingToExport(_) => "channel.no-connectors",
        Error::NoConnector { .. } => "connector.unknown",
        Error::NotOffered { .. } => "run.connector-gone",
        _ => "connector.no-full",
    };
    Failure::new(Class::Config, code, error.to_string())
}

/// What becomes of the runs of a job whose channel cannot be opened.
async fn unopened(shared: &Shared, job: &Job, lease: &Lease, failure: Failure) -> Option<After> {
    let mut runs = match shared.store.runs().get_many(job.runs.clone()).await {
        Ok(runs) => runs,
        Err(_) => return Some(After::at(shared.clock.now().plus(LATER))),
    };
    let channel = shared.store.channels().get(job.channel_id).await.ok().flatten();
    // Nobody looks for runs of a channel that is gone.
    let Some(channel) = channel else { return Some(After::Done) };
    if runs.is_empty() {
        let is_asked = |name: &&Name| job.asked.connectors.is_empty() || job.asked.connectors.contains(name);
        let asked = channel.connectors.iter().filter(is_asked);
        runs = asked.zip(0..).map(|(name, order)| job::run(name, order, job)).collect();
        if shared.queue.plan(lease, &runs).await.is_err() {
            return None;
        }
    }
    let live = LiveJob::new(job, runs, |_| None, &shared.stopping);
    for run in live.runs.iter().filter(|run| !run.progress.has_ended()) {
        let ending = match shared.judge(&run.progress, &failure, None) {
            _ if failure.code == DISABLED => Some(Ending::Cancelled(failure.clone())),
            verdict => ending(shared, &channel, verdict, &failure).await,
        };
        // Nothing is tried once more here: what cannot be opened now cannot be a moment later.
        let ending = ending.unwrap_or_else(|| Ending::Failed(failure.clone()));
        if !shared.history.close(lease, &run.progress, ending).await {
            return None;
        }
        counted(&channel, &run.progress);
    }
    Some(after(&live, shared, &channel.channel_type))
}

/// How a verdict ends a run; none where the run is to be tried once more.
async fn ending(shared: &Shared, channel: &Channel, verdict: Verdict, failure: &Failure) -> Option<Ending> {
    match verdict {
        Verdict::Retry => None,
        Verdict::Defer(deferred) => Some(Ending::Deferred(deferred)),
        Verdict::Fail => Some(Ending::Failed(failure.clone())),
        Verdict::Pause => {
            shared.opener.pause(channel, Paused::because(failure, shared.clock.now())).await;
            Some(Ending::Failed(failure.clone()))
        }
    }
}

/// Counts how a run ended.
fn counted(channel: &Channel, progress: &Progress) {
    let run = progress.snapshot();
    let class = run.error.map(|error| error.class);
    metrics::run_ended(&channel.channel_type, &run.connector, run.status, class);
}

/// Where one job is worked on.
struct Bench<'a> {
    shared: &'a Shared,
    lease: &'a Lease,
    turn: &'a Turn,
    job: Arc<LiveJob>,
    ready: Ready,
    /// Why the channel was paused during the job.
    paused: OnceLock<Failure>,
}

impl Bench<'_> {
    /// All runs side by side, each waiting for its turn, so that one that is
    /// cancelled early ends at once and not when its turn comes.
    async fn work_off(&self) -> Option<After> {
        let places = Semaphore::new(self.parallel());
        let runs = self.job.runs.iter().enumerate();
        let kept = join_all(runs.map(|(index, run)| self.one(index, run, &places))).await;
        if !kept.into_iter().all(|kept| kept) {
            return None;
        }
        let runs = self.job.snapshot();
        let ended_well = runs.iter().all(|run| history::went_well(run.status));
        if ended_well && self.ready.channel.paused.is_some() {
            self.shared.opener.resume(&self.ready.channel).await;
        }
        // One is enough: it had the new settings.
        if self.ready.channel.migrated.is_some() && runs.iter().any(|run| history::went_well(run.status)) {
            self.shared.opener.prove(&self.ready.channel).await;
        }
        Some(after(&self.job, self.shared, &self.ready.channel.channel_type))
    }

    fn parallel(&self) -> usize {
        self.ready.channel.parallel.get()
    }

    /// A mistake of the host in one run must not take the others along.
    async fn one(&self, index: usize, run: &LiveRun, places: &Semaphore) -> bool {
        if run.progress.has_ended() {
            run.progress.rest();
            return true;
        }
        log::open(self.shared, &run.progress).await;
        let ending = AssertUnwindSafe(self.ending(index, run, places)).catch_unwind().await;
        let ending = ending.unwrap_or_else(|_panic| Ending::Failed(panicked()));
        let kept = self.shared.history.close(self.lease, &run.progress, ending).await;
        if kept {
            counted(&self.ready.channel, &run.progress);
        }
        run.progress.rest();
        kept
    }

    async fn ending(&self, index: usize, run: &LiveRun, places: &Semaphore) -> Ending {
        let _place = tokio::select! {
            biased;
            () = run.progress.token().cancelled() => return told(run),
            place = self.my_turn(index, run, places) => place,
        };
        match self.obstacle(run) {
            Err(ending) => *ending,
            Ok(connector) => self.go(run, connector).await,
        }
    }

    /// Returns when nothing that goes before the run is worked on any more. Where
    /// connectors may go side by side, only what it depends on goes before it.
    async fn my_turn<'p>(
        &self,
        index: usize,
        run: &LiveRun,
        places: &'p Semaphore,
    ) -> tokio::sync::SemaphorePermit<'p> {
        let needs = run.connector.as_ref().map(|connector| &connector.depends_on[..]).unwrap_or_default();
        for earlier in &self.job.runs[..index] {
            if self.parallel() == 1 || needs.contains(earlier.progress.connector()) {
                earlier.progress.rested().await;
            }
        }
        places.acquire().await.expect("nobody closes the semaphore")
    }

    /// What keeps a run from beginning, or else its connector.
    fn obstacle<'r>(&self, run: &'r LiveRun) -> Result<&'r Connector, Box<Ending>> {
        let Some(connector) = &run.connector else {
            return Err(Box::new(Ending::Failed(Failure::new(
                Class::Config,
                "run.connector-gone",
                "the plugin was replaced while this run waited, and the new one does not offer the connector",
            ))));
        };
        if !self.ready.channel.enabled {
            return Err(Box::new(Ending::Cancelled(disabled())));
        }
        if let Some(failure) = self.paused.get() {
            return Err(Box::new(Ending::Skipped(paused(failure))));
        }
        for name in &connector.depends_on {
            let Some(needed) = self.job.run_of(name).map(|run| run.progress.snapshot()) else { continue };
            if !needed.status.has_ended() {
                return Err(Box::new(Ending::Back));
            }
            if !history::went_well(needed.status) {
                return Err(Box::new(Ending::Skipped(dependency(&needed))));
            }
        }
        Ok(connector)
    }

    /// One try.
    async fn once(&self, run: &LiveRun, connector: &Connector) -> Result<(), Stop> {
        let ask = SourceAsk {
            connector: &connector.id,
            run: Some(run.progress.id()),
            read_only: false,
            record: run.progress.snapshot().record,
        };
        let Self { shared, ready, lease, turn, .. } = self;
        let Shared { store, clock, config, subscribers, .. } = &**shared;
        let (channel, progress) = (&ready.channel, &*run.progress);
        match self.job.direction {
            Direction::Import => {
                let (source, channel_type) = (ready.sources.source(ask), &ready.channel_type);
                Import {
                    store,
                    clock,
                    config,
                    channel,
                    channel_type,
                    connector,
                    source,
                    progress,
                    lease,
                    turn,
                    subscribers,
                }
                .run()
                .await
            }
            Direction::Export => {
                let sink = ready.sources.sink(ask);
                Export { store, clock, config, channel, connector, sink, progress, lease, turn, subscribers }
                    .run()
                    .await
            }
        }
    }

    /// Tries until it is done, put off, or hopeless.
    async fn go(&self, run: &LiveRun, connector: &Connector) -> Ending {
        let id = run.progress.id();
        let span = tracing::info_span!("run", run.id = %id, connector = %connector.id);
        loop {
            let failure = match self.once(run, connector).instrument(span.clone()).await {
                Ok(()) => return Ending::Done,
                Err(Stop::Told) => return told(run),
                Err(Stop::Lost) => return Ending::Lost,
                Err(Stop::Failed(failure)) => failure,
            };
            let verdict = self.shared.judge(&run.progress, &failure, self.ready.origin.as_deref());
            if verdict == Verdict::Pause {
                // The first one tells; the others of the job are of the same kind.
                let _ = self.paused.set(failure.clone());
            }
            if let Some(ending) = ending(self.shared, &self.ready.channel, verdict, &failure).await {
                return ending;
            }
            tracing::warn!(run.id = %id, %failure, "a step failed and is tried once more");
        }
    }
}

/// What comes after a job whose runs nobody works on any more.
fn after(job: &LiveJob, shared: &Shared, channel_type: &Name) -> After {
    let runs = job.snapshot();
    if runs.iter().all(|run| run.status.has_ended()) {
        return After::Done;
    }
    let deferred = runs.iter().filter_map(|run| run.deferred.as_ref());
    // Whoever waits for an origin is woken when it is back; the time is for the case that
    // this is missed.
    let due = |deferred: &Deferred| match deferred.origin {
        Some(_) => deferred.until.plus(WAKE_LATEST),
        None => deferred.until,
    };
    match deferred.clone().map(due).min() {
        Some(due) if !shared.stopping.is_cancelled() => {
            let origin = deferred.clone().find_map(|deferred| deferred.origin.clone());
            let lacks_plugin = deferred.clone().any(|deferred| policy::waits_for_plugin(&deferred.reason));
            let plugin = lacks_plugin.then(|| queue::plugin_of(channel_type.as_str()));
            After::Later { due, waits_for: plugin.or(origin) }
        }
        _ => After::Back,
    }
}

/// What ended a run whose token was cancelled.
fn told(run: &LiveRun) -> Ending {
    if run.progress.was_asked() {
        Ending::Cancelled(history::cancelled(&run.progress.snapshot()))
    } else {
        Ending::Back
    }
}

const DISABLED: &str = "run.disabled";

fn disabled() -> Failure {
    Failure::new(Class::Config, DISABLED, "the channel was disabled while this run waited for its turn")
}

fn paused(failure: &Failure) -> Failure {
    let message = format!("the channel is paused: {}", failure.message);
    Failure::new(failure.class, "run.paused", message)
}

fn dependency(needed: &Run) -> Failure {
    let class = needed.error.as_ref().map_or(Class::Transient, |error| error.class);
    let message = format!(
        "connector '{}' ended as {}, and this one needs it to have run well",
        needed.connector, needed.status
    );
    Failure::new(class, "run.dependency", message)
}
