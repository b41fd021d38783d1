//! How many deliveries a webhook takes. Pure.
//!
//! What is no good costs more than what is, so that who sends garbage is turned away soon,
//! and a burst of good deliveries is not.

use std::time::Duration;
use tokio::time::Instant;

/// Deliveries that may come at once.
const BURST: f64 = 20_000.0;
/// Deliveries that may come in a second, for as long as they like.
const A_SECOND: f64 = 500.0;
/// What one that is no good costs more than one that is.
const BAD: f64 = 199.0;

/// What a webhook may still take.
#[derive(Debug)]
pub(super) struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes one delivery, or says when to come again.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * A_SECOND).min(BURST);
        self.at = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / A_SECOND))
    }

    /// It was no good.
    pub(super) fn was_bad(&mut self) {
        self.left -= BAD;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_turned_away_long_before_a_burst_of_good_deliveries() {
        let now = Instant::now();
        let mut good = Bucket::new(now);
        assert_eq!((0..30_000).filter(|_| good.take(now).is_ok()).count(), 20_000);
        assert!(good.take(now + Duration::from_secs(1)).is_ok());

        let mut bad = Bucket::new(now);
        let taken = (0..30_000)
            .filter(|_| {
                bad.take(now).is_ok_and(|()| {
                    bad.was_bad();
                    true
                })
            })
            .count();
        assert_eq!(taken, 100);
        let wait = bad.take(now).expect_err("nothing is left");
        assert!(bad.take(now + wait + Duration::from_millis(1)).is_ok());
        assert!(bad.take(now + Duration::from_secs(3_600)).is_ok(), "it is filled again");
    }
}
