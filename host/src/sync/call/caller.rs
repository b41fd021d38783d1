//! The task that owns every call: it starts the next one whose turn it is.
//!
//! How one is tried stands in `work`, whom to try next in `index`.

use super::{recovery, work};
use crate::{
    model::{Channel, ChannelId},
    store,
    sync::runner::{Reach, Shared},
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

/// How often the rows are read anew, for what another host on the store left behind.
const LOOK: Duration = Duration::from_secs(60);
/// The longest sleep to the next call: the time of day may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long a stop waits for calls to be answered: most take less, and a stop that takes
/// longer is ended by force.
const PATIENCE: Duration = Duration::from_secs(3);

/// The task that owns the calls.
pub struct Caller {
    shared: Arc<Shared>,
    calls: JoinSet<()>,
}

impl Caller {
    pub(in crate::sync) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, calls: JoinSet::new() }
    }

    /// Tries calls until `stop`: all that are due, or those that this process is asked for.
    /// Then gives those that go on a moment to be answered, and ends the rest: a queued one is
    /// tried again at the next start.
    pub async fn run(mut self, reach: Reach, stop: CancellationToken) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut channels = self.shared.store.channels().watch();
        let mut plugins = self.shared.opener.plugins_changed();
        loop {
            self.start_due();
            let shared = Arc::clone(&self.shared);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.calls.join_next() => note(ended),
                _ = look.tick(), if reach == Reach::All => self.look().await,
                true = channels.changed() => self.wake_held().await,
                // It cannot fail: the catalog lives as long as this.
                Ok(()) = plugins.changed() => self.wake_held().await,
                () = shared.calls.changed() => {}
                () = the_next_is_due(&shared), if self.has_room() => {}
            }
        }
        self.wind_down().await;
    }

    fn has_room(&self) -> bool {
        self.calls.len() < self.shared.config.calls.at_once.get()
    }

    fn start_due(&mut self) {
        while self.has_room() {
            let Some(taken) = self.shared.calls.take_next(self.shared.clock.now()) else { return };
            self.calls.spawn(work::work(Arc::clone(&self.shared), taken));
        }
    }

    /// Takes up what lies in the store.
    async fn look(&mut self) {
        if let Err(error) = self.load().await {
            report(&error, "the calls cannot be read");
        }
    }

    async fn load(&self) -> store::Result<()> {
        recovery::recover(&self.shared).await?;
        for kept in self.shared.store.calls().live().await? {
            // Those that somebody works on are his.
            if kept.call.holder.is_none() {
                self.shared.calls.enter(&kept.call);
            }
        }
        Ok(())
    }

    /// Has those tried that wait for a channel which is well again, and whose plugin is there.
    async fn wake_held(&self) {
        if !self.shared.calls.has_held() {
            return;
        }
        match self.shared.store.channels().list().await {
            Ok(channels) => {
                let is_well = |channel: &&Channel| {
                    let is_offered = || self.shared.opener.is_offered(channel.channel_type.as_str());
                    channel.enabled && channel.paused.is_none() && is_offered()
                };
                let well = channels.iter().filter(is_well);
                let well: HashSet<ChannelId> = well.map(|channel| channel.id).collect();
                self.shared.calls.wake_channels(&well, self.shared.clock.now());
            }
            Err(error) => report(&error, "the channels cannot be read"),
        }
    }

    async fn wind_down(mut self) {
        let answered = async { while self.calls.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, answered).await.is_err() {
            self.shared.calls.stopping.cancel();
            while let Some(ended) = self.calls.join_next().await {
                note(ended);
            }
        }
        self.shared.news();
    }
}

async fn the_next_is_due(shared: &Shared) {
    let Some(due) = shared.calls.next_due() else {
        return std::future::pending().await;
    };
    let left = Duration::from_millis(due.millis_since(shared.clock.now()));
    tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
}

fn report(error: &store::Error, what: &str) {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
}

/// Calls catch their own panics; one outside of them leaves a row whose holder goes.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a call broke off");
    }
}
