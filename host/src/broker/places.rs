//! How many requests may be under way at the same time: more while they are
//! answered, half as many as soon as they are too many.
//!
//! It knows neither rates nor blocks; those are `bucket`'s and `throttle`'s.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The number, by additive increase and multiplicative decrease. Pure.
#[derive(Clone, Copy, Debug)]
struct Limit {
    now: usize,
    most: usize,
    successes: usize,
    /// Goes up with every decrease.
    round: u64,
}

impl Limit {
    fn new(most: usize) -> Self {
        Self { now: most, most, successes: 0, round: 0 }
    }

    /// One more after as many successes as there are places.
    fn success(&mut self) {
        self.successes += 1;
        if self.successes >= self.now {
            self.successes = 0;
            self.now = (self.now + 1).min(self.most);
        }
    }

    /// Half as many. Those that were under way at the last decrease know of
    /// nothing new: so that one bad moment counts once.
    fn setback(&mut self, round: u64) {
        if round == self.round {
            self.round += 1;
            self.successes = 0;
            self.now = (self.now / 2).max(1);
        }
    }

    /// Another upper bound; a number that stood at the old one goes with it.
    fn set_most(&mut self, most: usize) {
        self.now = if self.now == self.most { most } else { self.now.min(most) };
        self.most = most;
    }
}

/// The places of one credential at one origin.
pub(super) struct Places {
    semaphore: Arc<Semaphore>,
    inner: Mutex<Inner>,
}

struct Inner {
    limit: Limit,
    /// Places that are to be taken away as soon as they come back.
    owed: usize,
}

/// A place, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    permit: Option<OwnedSemaphorePermit>,
    round: u64,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let inner = Inner { limit: Limit::new(most), owed: 0 };
        Self { semaphore: Arc::new(Semaphore::new(most)), inner: Mutex::new(inner) }
    }

    /// Waits for a place, first come, first served. Cancel safe.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        let permit = self.semaphore.clone().acquire_owned().await.expect("nobody closes the semaphore");
        let round = self.lock().limit.round;
        Place { places: self.clone(), permit: Some(permit), round }
    }

    /// How many there are.
    pub(super) fn limit(&self) -> usize {
        self.lock().limit.now
    }

    /// Another upper bound.
    pub(super) fn set_most(&self, most: usize) {
        self.change(|limit| limit.set_most(most.clamp(1, Semaphore::MAX_PERMITS)));
    }

    fn change(&self, change: impl FnOnce(&mut Limit)) {
        let inner = &mut *self.lock();
        let before = inner.limit.now;
        change(&mut inner.limit);
        let (more, fewer) = (inner.limit.now.saturating_sub(before), before.saturating_sub(inner.limit.now));
        let kept = more.min(inner.owed);
        inner.owed -= kept;
        self.semaphore.add_permits(more - kept);
        inner.owed += fewer - self.semaphore.forget_permits(fewer);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is whole before anything in it can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The request was answered.
    pub(super) fn success(&self) {
        self.places.change(Limit::success);
    }

    /// The remote had too much to do.
    pub(super) fn setback(&self) {
        self.places.change(|limit| limit.setback(self.round));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let inner = &mut *self.places.lock();
        if inner.owed > 0 {
            inner.owed -= 1;
            self.permit.take().into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    #[test]
    fn the_limit_halves_once_a_round_and_grows_by_one_a_round() {
        let mut limit = Limit::new(16);
        limit.setback(0);
        limit.setback(0);
        assert_eq!(limit.now, 8, "all of one round say the same");
        limit.setback(1);
        assert_eq!(limit.now, 4);
        (0..3).for_each(|_| limit.success());
        assert_eq!(limit.now, 4);
        limit.success();
        assert_eq!(limit.now, 5);
        (2..10).for_each(|round| limit.setback(round));
        assert_eq!(limit.now, 1, "one can always go");
        (0..1_000).for_each(|_| limit.success());
        assert_eq!(limit.now, 16, "and never more than the most");
    }

    #[test]
    fn another_bound_holds_at_once() {
        for (most, setbacks, new, expected) in [(4, 0, 8, 8), (4, 0, 2, 2), (8, 1, 16, 4), (8, 1, 2, 2)] {
            let mut limit = Limit::new(most);
            (0..setbacks).for_each(|round| limit.setback(round));
            limit.set_most(new);
            assert_eq!(limit.now, expected, "{most} {setbacks} {new}");
        }
    }

    #[test]
    fn a_place_comes_back_unless_there_are_fewer_now() {
        let places = Arc::new(Places::new(4));
        let held: Vec<_> = (0..4).map(|_| places.take().now_or_never().expect("free")).collect();
        assert!(places.take().now_or_never().is_none());
        held[0].setback();
        drop(held);
        let again: Vec<_> = (0..2).map(|_| places.take().now_or_never().expect("free")).collect();
        assert!(places.take().now_or_never().is_none(), "two of four are gone");
        again[0].success();
        again[0].success();
        assert!(places.take().now_or_never().is_some(), "and one came back");
    }

    proptest! {
        #[test]
        fn no_more_places_are_held_than_there_are(acts in prop::collection::vec((0..5_u8, any::<usize>()), 1..300)) {
            let places = Arc::new(Places::new(8));
            let mut held: Vec<Place> = Vec::new();
            for (act, which) in acts {
                let at = which % held.len().max(1);
                match act {
                    0 | 1 => {
                        let place = places.take().now_or_never();
                        prop_assert_eq!(place.is_some(), held.len() < places.limit());
                        held.extend(place);
                    }
                    2 if !held.is_empty() => drop(held.swap_remove(at)),
                    3 if !held.is_empty() => held[at].success(),
                    4 if !held.is_empty() => held[at].setback(),
                    _ => places.set_most(1 + which % 16),
                }
            }
            held.clear();
            let free = std::iter::from_fn(|| places.take().now_or_never()).take(100).collect::<Vec<_>>();
            prop_assert_eq!(free.len(), places.limit());
        }
    }
}
