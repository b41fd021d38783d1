//! Lanes: whoever subscribes to changes and has something to do gets a task of its own, one at
//! a time.
//!
//! A lane that fails or waits holds no other up. What is done in it is its subscriber's business.

use crate::{
    model::{SubscriberId, Timestamp},
    store::{self, Watch},
};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::task::{Id, JoinError, JoinSet};

/// The longest sleep: the time of day may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// When it is tried again to do what could not be done.
pub(super) const SOON: Duration = Duration::from_secs(5);

/// The lanes of some subscribers. One comes to its end with a `T`.
pub(super) struct Lanes<T> {
    tasks: JoinSet<T>,
    /// Whose lane a task is.
    of: HashMap<Id, SubscriberId>,
    live: HashSet<SubscriberId>,
    /// When somebody has something to do again.
    wake: HashMap<SubscriberId, Timestamp>,
    /// Those for whom something changed since their lane began.
    news: HashSet<SubscriberId>,
}

impl<T: Send + 'static> Lanes<T> {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            of: HashMap::new(),
            live: HashSet::new(),
            wake: HashMap::new(),
            news: HashSet::new(),
        }
    }

    /// Forgets what those have to do who are not there any more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&SubscriberId) -> bool) {
        self.wake.retain(|id, _| is_there(id));
        self.news.retain(is_there);
    }

    /// Something changed for these.
    pub(super) fn news(&mut self, of: impl Iterator<Item = SubscriberId>) {
        self.news.extend(of);
    }

    /// Whether somebody has something to do, and no lane yet.
    pub(super) fn is_due(&self, id: SubscriberId, now: Timestamp) -> bool {
        let is_awake = || self.wake.get(&id).is_some_and(|wake| *wake <= now);
        !self.live.contains(&id) && (self.news.contains(&id) || is_awake())
    }

    /// Those who have a lane, or will have one at some time.
    pub(super) fn known(&self) -> impl Iterator<Item = SubscriberId> {
        self.live.iter().chain(self.wake.keys()).copied()
    }

    /// Gives somebody a lane.
    pub(super) fn begin(&mut self, id: SubscriberId, work: impl Future<Output = T> + Send + 'static) {
        self.news.remove(&id);
        self.wake.remove(&id);
        let task = self.tasks.spawn(work);
        self.of.insert(task.id(), id);
        self.live.insert(id);
    }

    /// Somebody has something to do at that time, and whatever changed is dealt with then.
    pub(super) fn rest(&mut self, id: SubscriberId, until: Timestamp) {
        self.news.remove(&id);
        self.wake.insert(id, until);
    }

    /// Somebody has something to do again at that time.
    pub(super) fn wake(&mut self, id: SubscriberId, at: Timestamp) {
        self.wake.insert(id, at);
    }

    /// How long nobody will have anything to do, unless something changes.
    pub(super) fn sleep(&self, now: Timestamp) -> Duration {
        let waiting = self.wake.iter().filter(|(id, _)| !self.live.contains(id));
        let next = waiting.map(|(_, wake)| *wake).min();
        next.map_or(LONGEST_SLEEP, |next| {
            // A little later, so that its time has come then.
            Duration::from_millis(next.millis_since(now) + 1).min(LONGEST_SLEEP)
        })
    }

    /// Returns when a lane comes to its end, by itself or by a panic. Cancel safe.
    pub(super) async fn ended(&mut self) -> (SubscriberId, Result<T, JoinError>) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            let (task, result) = match ended {
                Ok((task, done)) => (task, Ok(done)),
                Err(error) => (error.id(), Err(error)),
            };
            if let Some(id) = self.of.remove(&task) {
                self.live.remove(&id);
                return (id, result);
            }
        }
        std::future::pending().await
    }

    /// Ends them all.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

/// Returns when something in the store changed. Cancel safe.
pub(super) async fn changed(watch: &mut Watch) {
    if !watch.changed().await {
        // The store is closed; the stop is on its way.
        std::future::pending::<()>().await;
    }
}

/// What changed again meanwhile is kept as it is.
pub(super) fn kept(result: store::Result<()>) -> store::Result<()> {
    match result {
        Err(store::Error::Expectation) => Ok(()),
        result => result,
    }
}

/// The earlier of both.
pub(super) fn sooner(wake: &mut Option<Timestamp>, time: Timestamp) {
    *wake = Some(wake.map_or(time, |wake| wake.min(time)));
}
