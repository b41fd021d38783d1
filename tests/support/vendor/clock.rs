//! A vendor's clock: the real one, set forward as far as a test wants.

use jiff::Timestamp;
use std::{
    sync::atomic::{AtomicI64, Ordering::SeqCst},
    time::Duration,
};

/// Seconds since 1970-01-01T00:00:00Z, never going back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: AtomicI64,
}

impl Clock {
    /// Now.
    pub(crate) fn now(&self) -> i64 {
        Timestamp::now().as_second() + self.ahead.load(SeqCst)
    }

    /// Sets it forward; parts of a second count as a whole one.
    pub(crate) fn advance(&self, by: Duration) {
        let seconds = by.as_millis().div_ceil(1000);
        self.ahead.fetch_add(i64::try_from(seconds).unwrap_or(i64::MAX / 2), SeqCst);
    }
}
