//! What a person sees of the schedules, and the switch that holds all of them back.
//!
//! It reckons from what is stored, like whoever ticks, and starts nothing itself.

use super::schedule::{Config, Ticks};
use crate::{
    clock::Clock,
    model::{Channel, Maintenance, Timestamp},
    store::{self, Batch, Store},
};
use std::collections::HashMap;

/// A handle on what is planned; cheap to clone.
#[derive(Clone)]
pub struct Timetable {
    config: Config,
    store: Store,
    clock: Clock,
}

/// When a channel syncs.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The channel.
    pub channel: Channel,
    /// When it last did by itself.
    pub last: Option<Timestamp>,
    /// When it does next, or why it never does.
    pub next: Result<Vec<Timestamp>, Idle>,
}

/// Why a channel does not sync by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// A person switched it off.
    Disabled,
    /// A program holds it back.
    Paused,
    /// None of its connectors is switched on.
    NoConnectors,
    /// It syncs by hand only.
    Manual,
    /// The schedule of the whole host is held back.
    Maintenance,
}

/// Who holds the schedule of the whole host back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The configuration, until the host starts with another one.
    Configuration,
    /// A person.
    Person(Maintenance),
}

impl Timetable {
    /// Of what lies in the store.
    #[must_use]
    pub fn new(config: Config, store: Store, clock: Clock) -> Self {
        Self { config, store, clock }
    }

    /// `[schedule]` of the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The next time of every channel, the earliest first; then those that have none,
    /// by name.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn all(&self) -> store::Result<Vec<Planned>> {
        let is_held = self.held().await?.is_some();
        let last: HashMap<_, _> = self.store.ticks().all().await?.into_iter().collect();
        let channels = self.store.channels().list().await?;
        let plan = |channel: Channel| {
            let last = last.get(&channel.id).copied();
            self.plan(channel, last, is_held, 1)
        };
        let mut all: Vec<_> = channels.into_iter().map(plan).collect();
        // Stable, so that channels of the same moment stay in the order of their names.
        all.sort_by_key(|planned| match &planned.next {
            Ok(times) => (false, times.first().copied()),
            Err(_) => (true, None),
        });
        Ok(all)
    }

    /// The next times of one channel, at most `count`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn of(&self, channel: Channel, count: usize) -> store::Result<Planned> {
        let is_held = self.held().await?.is_some();
        let last = self.store.ticks().get(channel.id).await?;
        Ok(self.plan(channel, last, is_held, count))
    }

    /// Who holds the whole schedule back; none: nobody.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn held(&self) -> store::Result<Option<Held>> {
        if self.config.paused {
            return Ok(Some(Held::Configuration));
        }
        Ok(self.store.upkeep().get().await?.map(Held::Person))
    }

    /// Holds the whole schedule back, on this and every later host on the store, until
    /// somebody resumes it. A second time only the reason changes.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn pause(&self, reason: Option<&str>) -> store::Result<()> {
        let before = self.store.upkeep().get().await?;
        let since = before.map_or_else(|| self.clock.now(), |before| before.since);
        let mut batch = Batch::new();
        batch.put_maintenance(&Maintenance::new(since, reason));
        self.store.commit(batch).await?;
        tracing::warn!(reason, "the schedule is paused");
        Ok(())
    }

    /// Lets the schedule go on. False where no person held it back.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn resume(&self) -> store::Result<bool> {
        if self.store.upkeep().get().await?.is_none() {
            return Ok(false);
        }
        let mut batch = Batch::new();
        batch.drop_maintenance();
        self.store.commit(batch).await?;
        tracing::info!("the schedule goes on");
        Ok(true)
    }

    fn plan(&self, channel: Channel, last: Option<Timestamp>, is_held: bool, count: usize) -> Planned {
        let next = match idle(&channel, is_held) {
            Some(idle) => Err(idle),
            None => Ok(Ticks::of(&self.config, &channel, last).upcoming(self.clock.now(), count)),
        };
        Planned { channel, last, next }
    }
}

/// What keeps a channel from syncing by itself. `is_held`: the schedule of the whole host
/// is held back.
pub(super) fn idle(channel: &Channel, is_held: bool) -> Option<Idle> {
    let reasons = [
        (!channel.enabled, Idle::Disabled),
        (channel.paused.is_some(), Idle::Paused),
        (channel.connectors.is_empty(), Idle::NoConnectors),
        (channel.schedule.is_manual(), Idle::Manual),
        (is_held, Idle::Maintenance),
    ];
    reasons.into_iter().find_map(|(holds, idle)| holds.then_some(idle))
}
