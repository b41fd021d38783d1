//! Whose turn it is to use one of the places in which channels sync.
//!
//! A fair semaphore: the most urgent goes first, then who has waited longest, so that a
//! channel with a million records does not keep a thousand small ones waiting. It knows
//! nothing of jobs.

use crate::model::{Timestamp, Trigger};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as AsyncMutex, oneshot},
    time::Instant,
};

/// By what one goes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) urgency: Trigger,
    /// Since when it waits.
    pub(super) since: Timestamp,
}

/// The places. Cheap to clone.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<Table>>);

struct Table {
    free: usize,
    next: u64,
    waiting: BTreeMap<(Rank, u64), oneshot::Sender<Place>>,
}

/// One place; dropping it makes it free for the next.
pub(super) struct Place(Option<Turns>);

impl Turns {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Table { free: places, next: 0, waiting: BTreeMap::new() })))
    }

    /// A place, when it is one's turn. Cancel safe: who leaves is forgotten.
    pub(super) async fn acquire(&self, rank: Rank) -> Place {
        let waiter = {
            let mut table = self.table();
            if table.free > 0 && table.waiting.is_empty() {
                table.free -= 1;
                return Place(Some(self.clone()));
            }
            let (tx, rx) = oneshot::channel();
            let number = table.next;
            table.next += 1;
            table.waiting.insert((rank, number), tx);
            Waiter { turns: self, key: (rank, number), turn: rx }
        };
        waiter.wait().await
    }

    /// Whether somebody waits for a place.
    pub(super) fn is_wanted(&self) -> bool {
        !self.table().waiting.is_empty()
    }

    fn give_back(&self) {
        let mut table = self.table();
        table.free += 1;
        while table.free > 0 {
            let Some((_, waiter)) = table.waiting.pop_first() else { return };
            table.free -= 1;
            if let Err(mut place) = waiter.send(Place(Some(self.clone()))) {
                // It left just now. The table is locked here, so that the place cannot give
                // itself back.
                place.0 = None;
                table.free += 1;
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.give_back();
        }
    }
}

struct Waiter<'a> {
    turns: &'a Turns,
    key: (Rank, u64),
    turn: oneshot::Receiver<Place>,
}

impl Waiter<'_> {
    async fn wait(mut self) -> Place {
        (&mut self.turn).await.expect("who takes a waiter off the table sends it a place")
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.turns.table().waiting.remove(&self.key);
        // A place that was sent and not looked at frees itself with the receiver.
    }
}

/// The place of one job, which gives way at page borders.
pub(super) struct Turn {
    turns: Turns,
    urgency: Trigger,
    /// How long it is kept while others wait.
    slice: Duration,
    held: AsyncMutex<Held>,
}

struct Held {
    place: Option<Place>,
    since: Instant,
}

impl Turn {
    pub(super) fn new(turns: Turns, place: Place, urgency: Trigger, slice: Duration) -> Self {
        let held = AsyncMutex::new(Held { place: Some(place), since: Instant::now() });
        Self { turns, urgency, slice, held }
    }

    /// Call it between two pages: returns when the job may go on. Of the runs of one job
    /// that go side by side each waits here while the job has no place. Cancel safe.
    pub(super) async fn border(&self, now: Timestamp) {
        let mut held = self.held.lock().await;
        if held.place.is_some() && held.since.elapsed() >= self.slice && self.turns.is_wanted() {
            held.place = None;
        }
        if held.place.is_none() {
            let rank = Rank { urgency: self.urgency, since: now };
            held.place = Some(self.turns.acquire(rank).await);
            held.since = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, poll};

    fn rank(urgency: Trigger, since: i64) -> Rank {
        Rank { urgency, since: Timestamp::from_millis(since) }
    }

    #[tokio::test]
    async fn the_most_urgent_goes_first_then_who_waited_longest() {
        let turns = Turns::new(1);
        let first = turns.acquire(rank(Trigger::Schedule, 0)).await;
        let mut late = Box::pin(turns.acquire(rank(Trigger::Schedule, 9)));
        let mut early = Box::pin(turns.acquire(rank(Trigger::Schedule, 5)));
        let mut click = Box::pin(turns.acquire(rank(Trigger::Request, 99)));
        assert!(
            poll!(&mut late).is_pending() && poll!(&mut early).is_pending() && poll!(&mut click).is_pending()
        );
        drop(first);
        assert!(poll!(&mut early).is_pending());
        let place = click.now_or_never().expect("a person's click goes first");
        drop(place);
        assert!(poll!(&mut late).is_pending());
        drop(early.now_or_never().expect("it has waited longer"));
        assert!(late.now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_leaves_is_not_waited_for_and_loses_no_place() {
        let turns = Turns::new(1);
        let first = turns.acquire(rank(Trigger::Schedule, 0)).await;
        let mut gone = Box::pin(turns.acquire(rank(Trigger::Schedule, 1)));
        let mut sent = Box::pin(turns.acquire(rank(Trigger::Schedule, 2)));
        assert!(poll!(&mut gone).is_pending() && poll!(&mut sent).is_pending());
        drop(gone);
        drop(first);
        // The place lies ready for one that never looks.
        drop(sent);
        assert!(!turns.is_wanted());
        assert!(turns.acquire(rank(Trigger::Schedule, 3)).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_job_gives_way_at_a_border_and_gets_its_turn_again() {
        let turns = Turns::new(1);
        let place = turns.acquire(rank(Trigger::Schedule, 0)).await;
        let turn = Turn::new(turns.clone(), place, Trigger::Schedule, Duration::from_secs(10));
        let now = Timestamp::from_millis(50);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(turn.border(now).now_or_never().is_some(), "nobody waits");

        let mut other = Box::pin(turns.acquire(rank(Trigger::Schedule, 40)));
        assert!(poll!(&mut other).is_pending());
        let mut border = Box::pin(turn.border(now));
        assert!(poll!(&mut border).is_pending());
        let place = other.now_or_never().expect("the place");
        assert!(poll!(&mut border).is_pending());
        drop(place);
        assert!(border.now_or_never().is_some());

        let mut other = Box::pin(turns.acquire(rank(Trigger::Schedule, 40)));
        assert!(poll!(&mut other).is_pending());
        assert!(turn.border(now).now_or_never().is_some(), "its time is not over");
    }
}
