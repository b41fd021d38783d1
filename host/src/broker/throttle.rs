//! How hard one credential may drive one origin: its pace, its blocks, its
//! places. All channels that share both share it.
//!
//! It waits for what comes soon and refuses what does not: no worker is held by
//! a long wait.

use super::{
    Meter,
    bucket::{Bucket, Pace},
    places::{Place, Places},
    rate::Told,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// What a scope says of its rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hint {
    pub(super) concurrency: usize,
    pub(super) pace: Option<Pace>,
}

/// One credential at one origin.
pub(super) struct Throttle {
    gauge: Mutex<Gauge>,
    places: Arc<Places>,
    /// The longest block that is waited for.
    patience: Duration,
}

/// A request that may go.
pub(super) struct Turn {
    pub(super) place: Place,
    /// How long it was made to wait; for its place not counted.
    pub(super) waited: Duration,
}

/// A request that may not go for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The remote asked to be left alone.
    Blocked(Duration),
    /// It is not its turn before the step ends.
    OutOfTime(Duration),
}

impl Throttle {
    pub(super) fn new(hint: Hint, patience: Duration) -> Self {
        let gauge = Mutex::new(Gauge::new(hint, Instant::now()));
        Self { gauge, places: Arc::new(Places::new(hint.concurrency)), patience }
    }

    /// The word of another gateway of the same credential: the last one counts.
    pub(super) fn set(&self, hint: Hint) {
        if self.lock().set(hint, Instant::now()) {
            self.places.set_most(hint.concurrency);
        }
    }

    /// Waits for a place and for its turn at the pace.
    ///
    /// Cancel safe: who is dropped while it waits has taken nothing.
    pub(super) async fn admit(&self, meter: &Meter) -> Result<Turn, Refused> {
        self.wait_until(Instant::now())?;
        let place = self.places.take().await;
        let token = Token::take(self);
        let mut waited = Duration::ZERO;
        loop {
            let wait = self.wait_until(token.due)?;
            if wait.is_zero() {
                token.spend();
                return Ok(Turn { place, waited });
            }
            if meter.time_left().is_some_and(|left| wait >= left) {
                return Err(Refused::OutOfTime(wait));
            }
            waited += wait;
            sleep(wait).await;
        }
    }

    /// Takes up what an answer says.
    pub(super) fn heed(&self, told: &Told) {
        self.lock().heed(told, Instant::now());
    }

    /// An operator's reset.
    pub(super) fn unblock(&self) {
        self.lock().blocked_until = None;
    }

    /// How long it is still to be left alone.
    pub(super) fn blocked_for(&self) -> Option<Duration> {
        self.lock().blocked_for(Instant::now())
    }

    /// Whether nothing is lost with it but the number of its places, which is soon
    /// found again.
    pub(super) fn is_at_rest(&self) -> bool {
        let (now, gauge) = (Instant::now(), self.lock());
        gauge.blocked_for(now).is_none() && gauge.bucket.is_none_or(|bucket| bucket.is_full(now))
    }

    /// Requests that may be under way at the same time.
    pub(super) fn concurrency(&self) -> usize {
        self.places.limit()
    }

    /// Time until both the block and `due` are over.
    fn wait_until(&self, due: Instant) -> Result<Duration, Refused> {
        let now = Instant::now();
        match self.lock().blocked_for(now) {
            Some(block) if block > self.patience => Err(Refused::Blocked(block)),
            block => Ok(block.unwrap_or_default().max(due.saturating_duration_since(now))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gauge> {
        // Every change is whole before anything in it can panic.
        self.gauge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token that goes back where it is not spent.
struct Token<'a> {
    throttle: &'a Throttle,
    due: Instant,
    is_spent: bool,
}

impl<'a> Token<'a> {
    fn take(throttle: &'a Throttle) -> Self {
        let now = Instant::now();
        let wait = throttle.lock().take(now);
        // A wait that no clock can hold is as long as a day for all who wait.
        let due = now.checked_add(wait).unwrap_or(now + Duration::from_secs(24 * 60 * 60));
        Self { throttle, due, is_spent: false }
    }

    fn spend(mut self) {
        self.is_spent = true;
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        if !self.is_spent {
            self.throttle.lock().give_back();
        }
    }
}

/// Pace and block. Pure.
#[derive(Clone, Debug)]
struct Gauge {
    hint: Hint,
    /// None where the manifest hints at no pace: then the remote's word on what
    /// remains is all that slows requests down.
    bucket: Option<Bucket>,
    blocked_until: Option<Instant>,
}

impl Gauge {
    fn new(hint: Hint, now: Instant) -> Self {
        let bucket = hint.pace.map(|pace| Bucket::new(pace, hint.concurrency, now));
        Self { hint, bucket, blocked_until: None }
    }

    /// Whether it is another hint than before.
    fn set(&mut self, hint: Hint, now: Instant) -> bool {
        if self.hint == hint {
            return false;
        }
        if self.hint.pace != hint.pace {
            self.bucket = Self::new(hint, now).bucket;
        }
        self.hint = hint;
        true
    }

    fn take(&mut self, now: Instant) -> Duration {
        self.bucket.as_mut().map_or(Duration::ZERO, |bucket| bucket.take(now))
    }

    fn give_back(&mut self) {
        self.bucket.as_mut().into_iter().for_each(Bucket::give_back);
    }

    /// A block is never shortened: answers come in any order.
    fn heed(&mut self, told: &Told, now: Instant) {
        let until = told.block.map(|block| now + block);
        self.blocked_until = self.blocked_until.max(until);
        let Some(bucket) = &mut self.bucket else {
            return;
        };
        if let Some(pace) = told.pace {
            bucket.set_pace(pace, now);
        }
        if let Some(remaining) = told.remaining {
            bucket.hold_at_most(remaining, now);
        }
    }

    fn blocked_for(&self, now: Instant) -> Option<Duration> {
        let left = self.blocked_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Allowance;
    use futures_util::FutureExt;
    use tokio_util::sync::CancellationToken;

    const SECOND: Duration = Duration::from_secs(1);

    fn throttle(concurrency: usize, per_minute: Option<u32>) -> Throttle {
        let pace = per_minute.map(|requests| Pace { requests, within: 60 * SECOND });
        Throttle::new(Hint { concurrency, pace }, 10 * SECOND)
    }

    fn meter() -> Meter {
        Meter::new(Allowance { requests: 100, response_bytes: 100 }, CancellationToken::new())
    }

    fn block(seconds: u32) -> Told {
        Told { block: Some(SECOND * seconds), ..Told::default() }
    }

    async fn waited(throttle: &Throttle) -> Duration {
        throttle.admit(&meter()).await.map(|turn| turn.waited).expect("its turn comes")
    }

    #[tokio::test(start_paused = true)]
    async fn a_pace_is_waited_for() {
        let throttle = throttle(2, Some(12));
        for expected in [0, 0, 0, 5, 5] {
            assert_eq!(waited(&throttle).await, SECOND * expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_has_taken_nothing() {
        let throttle = throttle(1, Some(4));
        assert_eq!(waited(&throttle).await, Duration::ZERO);
        let meter = meter();
        for _ in 0..5 {
            let mut waiting = Box::pin(throttle.admit(&meter));
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        assert_eq!(waited(&throttle).await, SECOND * 15, "the first in the queue");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pace_that_the_step_cannot_wait_for_is_refused() {
        let (throttle, meter) = (throttle(1, Some(4)), meter().ending_at(Instant::now() + 10 * SECOND));
        throttle.admit(&meter).await.map(drop).expect("at once");
        let refused = throttle.admit(&meter).await.map(drop).expect_err("too late");
        assert_eq!(refused, Refused::OutOfTime(15 * SECOND));
        assert_eq!(waited(&throttle).await, SECOND * 15, "and its token is free");
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_block_is_waited_for_and_a_long_one_is_not() {
        let throttle = throttle(1, None);
        throttle.heed(&block(10));
        throttle.heed(&block(3));
        assert_eq!(waited(&throttle).await, SECOND * 10, "the longer one counts");
        throttle.heed(&block(11));
        let refused = throttle.admit(&meter()).await.map(drop).expect_err("too long");
        assert_eq!(refused, Refused::Blocked(11 * SECOND));
        tokio::time::advance(SECOND).await;
        let short_of_time = meter().ending_at(Instant::now() + 5 * SECOND);
        let refused = throttle.admit(&short_of_time).await.map(drop).expect_err("no time");
        assert_eq!(refused, Refused::OutOfTime(10 * SECOND));
        throttle.unblock();
        assert_eq!(waited(&throttle).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_meets_those_who_wait_already() {
        let throttle = throttle(1, Some(8));
        assert_eq!(waited(&throttle).await, Duration::ZERO);
        assert_eq!(waited(&throttle).await, Duration::ZERO);
        let meter = meter();
        let (refused, ()) = tokio::join!(throttle.admit(&meter), async {
            sleep(SECOND).await;
            throttle.heed(&block(3_600));
        });
        let left = Duration::from_millis(3_600_000 - 6_500);
        assert_eq!(refused.map(drop).expect_err("blocked"), Refused::Blocked(left));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_correct_the_pace() {
        let throttle = throttle(1, Some(60));
        throttle.heed(&Told { remaining: Some(0), ..Told::default() });
        assert_eq!(waited(&throttle).await, SECOND);
        let pace = Some(Pace { requests: 120, within: 60 * SECOND });
        throttle.heed(&Told { pace, remaining: Some(0), ..Told::default() });
        assert_eq!(waited(&throttle).await, SECOND / 2);
        let unpaced = self::throttle(1, None);
        unpaced.heed(&Told { pace, remaining: Some(0), ..Told::default() });
        assert_eq!(waited(&unpaced).await, Duration::ZERO, "no hint, no pace");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_hint_counts() {
        let throttle = throttle(4, None);
        throttle.heed(&block(3_600));
        throttle.set(Hint { concurrency: 2, pace: Some(Pace { requests: 4, within: 60 * SECOND }) });
        assert_eq!(throttle.concurrency(), 2);
        assert_eq!(throttle.blocked_for(), Some(3_600 * SECOND), "a block outlives it");
        throttle.unblock();
        assert_eq!(waited(&throttle).await + waited(&throttle).await, Duration::ZERO);
        assert_eq!(waited(&throttle).await, SECOND * 15);
    }
}
