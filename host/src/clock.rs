//! The only reader of the time of day.
//!
//! Everything above asks a `Clock`, so that tests set the time. Waiting and
//! time-outs go through `tokio::time`, which tests pause.

use crate::model::Timestamp;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where the time of day comes from. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

/// A clock that is told the time.
#[derive(Debug)]
struct Manual {
    millis: AtomicI64,
    /// Since when it goes with the runtime's clock, where it does.
    since: Option<Instant>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `start` until it is advanced.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(Manual { millis: AtomicI64::new(start.as_millis()), since: None })))
    }

    /// A clock that is at `start` and goes on with the runtime's clock, which tests pause:
    /// whoever waits in such a test finds the time of day moved on by as much. Needs a
    /// runtime.
    #[must_use]
    pub fn driven(start: Timestamp) -> Self {
        let (millis, since) = (AtomicI64::new(start.as_millis()), Some(Instant::now()));
        Self(Some(Arc::new(Manual { millis, since })))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let milliseconds = match &self.0 {
            Some(manual) => manual.now(),
            None => system_millis(),
        };
        Timestamp::from_millis(milliseconds)
    }

    /// Moves a manual clock on; the machine's clock takes no notice.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            manual.millis.fetch_add(by, Ordering::SeqCst);
        }
    }
}

impl Manual {
    fn now(&self) -> i64 {
        let driven = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        let driven = i64::try_from(driven.as_millis()).unwrap_or(i64::MAX);
        self.millis.load(Ordering::SeqCst).saturating_add(driven)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn system_millis() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now().as_millis(), 3_000);
    }
}
