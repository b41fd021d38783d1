//! Working one job off: its runs one after the other.
//!
//! It decides whose turn it is and whether a run may begin; what happens
//! within a run stands in `import`.

use super::{
    Error,
    history::Ending,
    import::{Import, panicked},
    live::{Claim, LiveJob, LiveRun},
    opener::{Errand, Ready},
    runner::Shared,
};
use crate::{
    channels,
    model::{Channel, Class, Failure, Status},
};
use futures_util::{FutureExt, future::join_all};
use std::{panic::AssertUnwindSafe, sync::Arc};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, oneshot};
use tracing::Instrument;

/// A job that was promised a place.
pub(super) struct Work {
    /// Dropped when the job is over.
    pub(super) claim: Claim,
    /// The channel as it was when the job was asked for.
    pub(super) ready: Ready,
    /// Hears whether the job is on record.
    pub(super) reply: oneshot::Sender<Result<(), Error>>,
}

impl Work {
    /// Puts the runs on record, answers, and works them off. Runs end early
    /// with their own tokens, never by dropping this.
    pub(super) async fn run(self, shared: Arc<Shared>) {
        let Self { claim, ready, reply } = self;
        let job = Arc::clone(claim.job());
        if let Err(error) = accept(&shared, &job, &ready.channel).await {
            // A job that was not accepted must not be in the way of the next request.
            drop(claim);
            // A requester who left needs no answer.
            let _ = reply.send(Err(error));
            return;
        }
        let _ = reply.send(Ok(()));
        let span = tracing::info_span!(
            "job", job.id = %job.id, channel.id = %job.channel_id, channel.name = %job.channel
        );
        let bench = Bench { shared, job, as_asked: ready, opened: OnceCell::new() };
        bench.work_off().instrument(span).await;
        drop(claim);
    }
}

async fn accept(shared: &Shared, job: &LiveJob, channel: &Channel) -> Result<(), Error> {
    if shared.stopping.is_cancelled() {
        return Err(Error::Stopping);
    }
    // It may have been deleted while the request was looked at. From the claim on nobody can.
    if !shared.opener.has(channel).await? {
        return Err(channels::Error::NoChannel(channel.name.to_string()).into());
    }
    Ok(shared.history.queue(&job.snapshot()).await?)
}

/// Where one job is worked on.
struct Bench {
    shared: Arc<Shared>,
    job: Arc<LiveJob>,
    /// The channel as it was when the job was asked for.
    as_asked: Ready,
    opened: OnceCell<Opened>,
}

/// The channel as the job uses it, and the place among the channels that sync.
struct Opened {
    ready: Result<Ready, Ending>,
    _slot: OwnedSemaphorePermit,
}

impl Bench {
    /// All runs side by side, each waiting for its turn, so that one that is
    /// cancelled early ends at once and not when its turn comes.
    async fn work_off(&self) {
        join_all(self.job.runs.iter().enumerate().map(|(index, run)| self.one(index, run))).await;
    }

    /// A mistake of the host in one run must not take the others along.
    async fn one(&self, index: usize, run: &LiveRun) {
        let ending = AssertUnwindSafe(self.ending(index, run)).catch_unwind().await;
        let ending = ending.unwrap_or_else(|_panic| Ending::Failed(panicked()));
        self.shared.history.close(&run.progress, ending).await;
    }

    async fn ending(&self, index: usize, run: &LiveRun) -> Ending {
        let opened = tokio::select! {
            biased;
            () = run.progress.token().cancelled() => return Ending::Stopped,
            opened = self.turn(index) => opened,
        };
        match &opened.ready {
            Err(ending) => ending.clone(),
            Ok(ready) => match self.obstacle(run, ready) {
                Some(ending) => ending,
                None => self.import(run, ready).await,
            },
        }
    }

    /// Returns when the earlier runs have ended and the channel is open. The
    /// first run that comes so far opens it; cancelled while it waits for a
    /// slot, it leaves that to the next one.
    async fn turn(&self, index: usize) -> &Opened {
        for earlier in &self.job.runs[..index] {
            earlier.progress.ended().await;
        }
        self.opened.get_or_init(|| self.open()).await
    }

    async fn open(&self) -> Opened {
        let slots = &self.shared.slots;
        if let Ok(slot) = Arc::clone(slots).try_acquire_owned() {
            return Opened { ready: Ok(self.as_asked.clone()), _slot: slot };
        }
        let slot = Arc::clone(slots).acquire_owned().await.expect("nobody closes the semaphore");
        // Whoever edits a channel expects the next run to know of it.
        Opened { ready: self.open_again().await, _slot: slot }
    }

    async fn open_again(&self) -> Result<Ready, Ending> {
        let ready = self.shared.opener.open(&self.job.channel).await.map_err(not_opened)?;
        // The name may belong to another channel by now.
        if ready.channel.id != self.job.channel_id {
            return Err(not_opened(channels::Error::NoChannel(self.job.channel.to_string())));
        }
        if !ready.channel.enabled {
            return Err(Ending::Cancelled(Failure::new(
                Class::Config,
                "run.disabled",
                "the channel was disabled while this run waited for its turn",
            )));
        }
        Ok(ready)
    }

    /// What keeps a run from beginning.
    fn obstacle(&self, run: &LiveRun, ready: &Ready) -> Option<Ending> {
        if ready.channel_type.connector(run.connector.id.as_str()).is_none() {
            return Some(Ending::Failed(Failure::new(
                Class::Config,
                "run.connector-gone",
                "the plugin was replaced while this run waited, and the new one does not offer the connector",
            )));
        }
        run.connector.depends_on.iter().find_map(|name| {
            let needed = self.job.run_of(name)?.progress.snapshot();
            let well = matches!(needed.status, Status::Completed | Status::CompletedWithWarnings);
            if well || !needed.status.has_ended() {
                return None;
            }
            let class = needed.error.map_or(Class::Transient, |error| error.class);
            let message = format!(
                "connector '{name}' ended as {}, and this one needs it to have run well",
                needed.status
            );
            Some(Ending::Skipped(Failure::new(class, "run.dependency", message)))
        })
    }

    async fn import(&self, run: &LiveRun, ready: &Ready) -> Ending {
        let id = run.progress.id();
        let asked = run.progress.snapshot();
        let errand = Errand { connector: &run.connector.id, run: id, record: asked.record };
        let span = tracing::info_span!("run", run.id = %id, connector = %run.connector.id);
        let import = Import {
            store: &self.shared.store,
            clock: &self.shared.clock,
            config: &self.shared.config,
            channel: &ready.channel,
            channel_type: &ready.channel_type,
            connector: &run.connector,
            full: asked.full,
            source: ready.sources.source(errand),
            progress: &run.progress,
        };
        import.run().instrument(span).await
    }
}

fn not_opened(error: channels::Error) -> Ending {
    Ending::Failed(error.into_failure())
}
