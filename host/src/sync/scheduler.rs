//! The task that ticks: it asks for a sync of every channel that is due.
//!
//! When a channel is due stands in `schedule`, and what becomes of what it asks for in
//! `queue`. It works on nothing itself, and reads no plugin.

mod agenda;

use super::{
    runner::Shared,
    schedule::{Config, Ticks},
};
use crate::{
    metrics,
    model::{Asked, Channel, Direction, Job, Timestamp, Trigger},
    store::{self, Batch, Watch},
};
use agenda::Agenda;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Channels that tick in one commit.
const AT_ONCE: usize = 500;
/// The longest sleep to the next tick: the time of day may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The least time between two readings of all channels: a script that makes a thousand of
/// them changes something a thousand times.
const BETWEEN_READS: Duration = Duration::from_secs(1);
/// When it is tried again to read or write what could not be.
const SOON: Duration = Duration::from_secs(5);

/// The task that ticks.
pub struct Scheduler {
    shared: Arc<Shared>,
    config: Config,
    agenda: Agenda,
    /// The channels are not read before.
    next_read: Instant,
}

impl Scheduler {
    pub(super) fn new(shared: Arc<Shared>, config: Config) -> Self {
        Self { shared, config, agenda: Agenda::default(), next_read: Instant::now() }
    }

    /// Ticks until `stop`. Whatever a channel missed meanwhile is one tick.
    pub async fn run(mut self, stop: CancellationToken) {
        let store = self.shared.store.clone();
        let (mut channels, mut upkeep) = (store.channels().watch(), store.upkeep().watch());
        while !stop.is_cancelled() {
            let sleep = match self.turn().await {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the schedule cannot be kept");
                    SOON
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = changed(&mut channels) => self.agenda.is_stale = true,
                () = changed(&mut upkeep) => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Ticks what is due, and says how long nothing will be.
    async fn turn(&mut self) -> store::Result<Duration> {
        if self.config.paused || self.shared.store.upkeep().get().await?.is_some() {
            // What is missed meanwhile is one tick each, afterwards.
            self.agenda.is_stale = true;
            return Ok(LONGEST_SLEEP);
        }
        if self.agenda.is_stale && Instant::now() >= self.next_read {
            self.read().await?;
            self.next_read = Instant::now() + BETWEEN_READS;
        }
        let now = self.shared.clock.now();
        let due = self.agenda.due(now, AT_ONCE);
        if !due.is_empty() {
            let began = Instant::now();
            self.tick(&due, now).await?;
            metrics::tick(began.elapsed());
            tracing::debug!(channels = due.len(), took_ms = began.elapsed().as_millis(), "ticked");
        }
        let now = self.shared.clock.now();
        let tick = self.agenda.next().map(|next| Duration::from_millis(next.millis_since(now)));
        let read = self.agenda.is_stale.then(|| self.next_read.saturating_duration_since(Instant::now()));
        Ok(tick.into_iter().chain(read).chain([LONGEST_SLEEP]).min().unwrap_or(LONGEST_SLEEP))
    }

    /// Takes notice of channels that came, changed or went. Those that did not keep
    /// the time that was worked out for them.
    async fn read(&mut self) -> store::Result<()> {
        let channels = self.shared.store.channels().list().await?;
        let last = self.shared.store.ticks().all().await?.into_iter().collect();
        let now = self.shared.clock.now();
        let next = |channel: &Channel, last| Ticks::of(&self.config, channel, last).next(now);
        self.agenda.take_in(channels, &last, next);
        Ok(())
    }

    /// Asks for the syncs, and notes the ticks, in one commit.
    async fn tick(&mut self, due: &[Arc<Channel>], now: Timestamp) -> store::Result<()> {
        let jobs: Vec<Job> =
            due.iter().map(|channel| Job::new(channel, Direction::Import, everything(), now)).collect();
        let note = |batch: &mut Batch, job: &Job| batch.put_tick(job.channel_id, now);
        let placed = self.shared.queue.place_many(&jobs, &note).await?;
        if placed < due.len() {
            tracing::debug!(missed = due.len() - placed, "channels are still at what was asked for before");
        }
        for channel in due {
            let next = Ticks::of(&self.config, channel, Some(now)).next(now);
            self.agenda.set(channel.id, next);
        }
        Ok(())
    }
}

async fn changed(watch: &mut Watch) {
    if !watch.changed().await {
        // The store is closed; the stop is on its way.
        std::future::pending::<()>().await;
    }
}

/// All that is switched on; what that is, is looked up when the job begins.
fn everything() -> Asked {
    Asked { connectors: Vec::new(), full: false, record: false, trigger: Trigger::Schedule }
}
