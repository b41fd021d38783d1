//! The task that finds out whether a remote system is back, and wakes those who wait.
//!
//! Whether an origin may be asked stands in its breaker; this asks, by the check of one
//! channel that waits for it, so that no run has to be the one that tries.

use super::runner::Shared;
use crate::model::Timestamp;
use futures_util::future::join_all;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// The longest sleep: jobs may have come to wait for an origin meanwhile.
const LOOK: Duration = Duration::from_secs(5);
/// The shortest one, where an origin is due and nobody waits for it.
const LEAST: Duration = Duration::from_millis(250);

/// An origin whose breaker is not closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ailing {
    pub(super) origin: String,
    /// When it may be asked again.
    pub(super) probe_at: Timestamp,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// It was asked; the breaker knows what came of it.
    Asked,
    /// The channel's plugin has no check: a run has to try.
    NoCheck,
}

/// The task.
pub struct Prober {
    shared: Arc<Shared>,
    /// Those that were ailing at the last look.
    known: BTreeSet<String>,
}

impl Prober {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, known: BTreeSet::new() }
    }

    /// Probes until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut changed = self.shared.opener.origins_changed();
        loop {
            let sleep = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                sleep = self.look() => sleep,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // It cannot fail: the broker lives as long as this.
                _ = changed.changed() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Wakes those whose origin is back, asks the origins that are due, and says how long
    /// none will be.
    async fn look(&mut self) -> Duration {
        let ailing = self.shared.opener.ailing();
        let now_ailing: BTreeSet<String> = ailing.iter().map(|one| one.origin.clone()).collect();
        for origin in self.known.difference(&now_ailing) {
            let woken = self.shared.queue.wake(origin);
            tracing::info!(origin, jobs = woken, "an origin is back; the jobs that waited for it go on");
        }
        self.known = now_ailing;
        let now = self.shared.clock.now();
        let (due, later): (Vec<_>, Vec<_>) = ailing.into_iter().partition(|one| one.probe_at <= now);
        let asked = join_all(due.iter().map(|one| self.probe(&one.origin))).await;
        if asked.contains(&true) {
            // What came of it changes the breaker, which wakes this.
            return LEAST;
        }
        let next = later.iter().map(|one| one.probe_at.millis_since(now)).min();
        next.map_or(LOOK, Duration::from_millis).clamp(LEAST, LOOK)
    }

    /// False where nobody waits for the origin.
    async fn probe(&self, origin: &str) -> bool {
        let Some(seat) = self.shared.queue.waiting_for(origin) else { return false };
        tracing::debug!(origin, channel.id = %seat.channel, "an origin is asked whether it is back");
        if self.shared.opener.probe(seat.channel).await == Probe::NoCheck {
            self.shared.queue.delay(&seat, self.shared.clock.now());
        }
        true
    }
}
