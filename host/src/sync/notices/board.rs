//! How it goes with each notice, as far as this process knows, and the wish of a person that
//! it be looked at now.
//!
//! What has to survive a restart stands in the store.

use crate::model::{Failure, NoticeState, SubscriberId, Timestamp};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

#[derive(Default)]
struct Place {
    state: NoticeState,
    /// Rests in a row.
    rests: u32,
}

/// The notices by their ids.
#[derive(Default)]
pub(super) struct Board {
    places: Mutex<HashMap<SubscriberId, Place>>,
    changed: Notify,
}

impl Board {
    pub(super) fn state(&self, notice: SubscriberId) -> NoticeState {
        self.places().get(&notice).map(|place| place.state.clone()).unwrap_or_default()
    }

    pub(super) fn sent(&self, notice: SubscriberId, now: Timestamp, count: u64) {
        let mut places = self.places();
        let state = &mut places.entry(notice).or_default().state;
        state.sent += count;
        state.last_sent = Some(now);
        state.resting_until = None;
    }

    pub(super) fn failed(&self, notice: SubscriberId, now: Timestamp, failure: Failure) {
        self.places().entry(notice).or_default().state.last_failure = Some((now, failure));
    }

    /// Counts a rest; the first one after something arrived.
    pub(super) fn rests(&self, notice: SubscriberId, arrived: bool) -> u32 {
        let mut places = self.places();
        let rests = &mut places.entry(notice).or_default().rests;
        *rests = if arrived { 1 } else { *rests + 1 };
        *rests
    }

    pub(super) fn resting(&self, notice: SubscriberId, until: Timestamp) {
        self.places().entry(notice).or_default().state.resting_until = Some(until);
    }

    /// Somebody changed a notice, or wants it to be tried now.
    pub(super) fn touch(&self, notice: SubscriberId) {
        if let Some(place) = self.places().get_mut(&notice) {
            place.state.resting_until = None;
            place.rests = 0;
        }
        self.changed.notify_one();
    }

    pub(super) fn forget(&self, notice: SubscriberId) {
        self.places().remove(&notice);
        self.changed.notify_one();
    }

    /// Returns when somebody changed a notice. Cancel safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn places(&self) -> MutexGuard<'_, HashMap<SubscriberId, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
