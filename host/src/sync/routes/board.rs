//! How it goes with each route, as far as this process knows, and the wish of a person that
//! it be looked at now.
//!
//! What has to survive a restart stands in the store.

use super::{bounce::Bounces, half::Way};
use crate::model::{Failure, RecordKey, RouteState, SubscriberId, Timestamp};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The routes by their ids.
#[derive(Default)]
pub(super) struct Board {
    states: Mutex<HashMap<SubscriberId, RouteState>>,
    bounces: Mutex<Bounces>,
    changed: Notify,
}

impl Board {
    pub(super) fn state(&self, route: SubscriberId) -> RouteState {
        lock(&self.states).get(&route).cloned().unwrap_or_default()
    }

    pub(super) fn written(&self, route: SubscriberId, now: Timestamp) {
        let mut states = lock(&self.states);
        let state = states.entry(route).or_default();
        state.written += 1;
        state.last_written = Some(now);
    }

    pub(super) fn left_out(&self, route: SubscriberId) {
        lock(&self.states).entry(route).or_default().left_out += 1;
    }

    pub(super) fn failed(&self, route: SubscriberId, now: Timestamp, failure: Failure) {
        lock(&self.states).entry(route).or_default().last_failure = Some((now, failure));
    }

    /// Whether a record goes back and forth with nobody changing it.
    pub(super) fn bounces(
        &self,
        route: SubscriberId,
        from: &RecordKey,
        way: Way,
        is_echo: bool,
        now: Timestamp,
    ) -> bool {
        lock(&self.bounces).goes_on(route, from, way, is_echo, now)
    }

    /// Somebody changed a route, or wants it to be looked at now.
    pub(super) fn touch(&self) {
        self.changed.notify_one();
    }

    pub(super) fn forget(&self, route: SubscriberId) {
        lock(&self.states).remove(&route);
        self.touch();
    }

    /// Returns when somebody changed a route. Cancel safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
