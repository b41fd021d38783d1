//! What the handle, the caller and the calls share.
//!
//! A table in memory; what must survive is in the store.

use super::{
    index::{Index, Seat, WaitsFor},
    schema::Schemas,
};
use crate::{
    model::{Call, ChannelId, Deferred, RunId, Status, Timestamp},
    store::Owner,
    sync::{policy, progress::Progress},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The calls that this process knows of.
pub(in crate::sync) struct Desk {
    pub(super) owner: Owner,
    pub(super) schemas: Schemas,
    /// Ends the tries that are going on when the host stops.
    pub(super) stopping: CancellationToken,
    index: Mutex<Index>,
    going_on: Mutex<HashMap<RunId, Arc<Progress>>>,
    changed: Notify,
}

impl Desk {
    pub(in crate::sync) fn new(owner: Owner) -> Self {
        Self {
            owner,
            schemas: Schemas::default(),
            stopping: CancellationToken::new(),
            index: Mutex::default(),
            going_on: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Has a call tried when its time has come.
    pub(super) fn enter(&self, call: &Call) {
        self.index().enter(call, waits_for(call));
        self.changed.notify_one();
    }

    /// The next one to try, taken; its place is free again when the answer is dropped.
    pub(super) fn take_next(self: &Arc<Self>, now: Timestamp) -> Option<Taken> {
        let mut index = self.index();
        let seat = index.next(now)?;
        index.take(seat);
        Some(Taken { desk: Arc::clone(self), seat })
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.index().next_due()
    }

    /// Forgets one that waits.
    pub(super) fn forget(&self, id: RunId) {
        self.index().forget(id);
    }

    /// Returns when there may be another one to try. Cancel safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn has_held(&self) -> bool {
        self.index().has_held()
    }

    /// Has those tried that wait for one of these channels.
    pub(super) fn wake_channels(&self, channels: &HashSet<ChannelId>, now: Timestamp) {
        if self.index().wake_channels(channels, now) > 0 {
            self.changed.notify_one();
        }
    }

    /// Has those tried that wait for this origin; says how many.
    pub(in crate::sync) fn wake_origin(&self, origin: &str, now: Timestamp) -> usize {
        let woken = self.index().wake_origin(origin, now);
        self.changed.notify_one();
        woken
    }

    /// A channel with a call that waits for this origin.
    pub(in crate::sync) fn waiting_for(&self, origin: &str) -> Option<ChannelId> {
        self.index().waiting_for(origin)
    }

    /// Whether a call of the channel is tried here.
    pub(in crate::sync) fn is_busy_with(&self, channel: ChannelId) -> bool {
        self.index().is_taken(channel)
    }

    /// A call that is tried here.
    pub(super) fn progress(&self, id: RunId) -> Option<Arc<Progress>> {
        self.tried().get(&id).cloned()
    }

    pub(super) fn begins(&self, progress: &Arc<Progress>) {
        self.tried().insert(progress.id(), Arc::clone(progress));
    }

    pub(super) fn ends(&self, id: RunId) {
        self.tried().remove(&id);
    }

    fn tried(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Progress>>> {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call waits for that is put off, as its reason tells.
fn waits_for(call: &Call) -> WaitsFor {
    let deferred = call.deferred.as_ref().filter(|_| call.status == Status::Deferred);
    match deferred {
        Some(Deferred { origin: Some(origin), .. }) => WaitsFor::Origin(origin.clone()),
        Some(deferred) if is_held(deferred) => WaitsFor::Channel,
        _ => WaitsFor::Nothing,
    }
}

/// Whether what it waits for is that somebody mends its channel, or that its plugin is there.
fn is_held(deferred: &Deferred) -> bool {
    use crate::model::Class::{Auth, Config};
    matches!(deferred.reason.class, Auth | Config) || policy::waits_for_plugin(&deferred.reason)
}

/// A call that is tried.
pub(super) struct Taken {
    desk: Arc<Desk>,
    pub(super) seat: Seat,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.desk.index().leave(self.seat);
        self.desk.changed.notify_one();
    }
}
