//! How fast a run reads, from what was read when.
//!
//! It keeps a few moments of the last seconds and looks at no clock.

use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// How far back it looks, or one page where that took longer.
const WINDOW: Duration = Duration::from_secs(10);
/// The shortest time between two moments that are kept.
const STEP: Duration = Duration::from_millis(250);
/// A shorter time says nothing yet.
const SHORTEST: Duration = Duration::from_millis(500);

/// What was read at some moments, the newest last; at most `WINDOW / STEP` and a few.
#[derive(Debug, Default)]
pub(super) struct Speed(VecDeque<(Instant, u64)>);

impl Speed {
    /// So much was read by then.
    pub(super) fn note(&mut self, at: Instant, read: u64) {
        let moments = &mut self.0;
        let is_close = moments.len() > 1 && at - moments[moments.len() - 2].0 < STEP;
        if is_close {
            moments.pop_back();
        }
        moments.push_back((at, read));
        // One that is older than the window stays: the window begins after it.
        while moments.len() > 2 && at - moments[1].0 >= WINDOW {
            moments.pop_front();
        }
    }

    /// Records a second.
    pub(super) fn rate(&self, now: Instant) -> Option<f64> {
        let (_, newest) = *self.0.back()?;
        let earlier = self.0.range(..self.0.len() - 1);
        let before_window = earlier.clone().rfind(|(at, _)| now - *at >= WINDOW);
        let (at, read) = *before_window.or_else(|| self.0.front().filter(|_| earlier.len() > 0))?;
        let time = now - at;
        (time >= SHORTEST).then(|| newest.saturating_sub(read) as f64 / time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `moments`: milliseconds and records read; then the rate at `now`.
    fn check(moments: &[(u64, u64)], now: u64, expected: Option<f64>) {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut speed = Speed::default();
        moments.iter().for_each(|(milliseconds, read)| speed.note(at(*milliseconds), *read));
        let rate = speed.rate(at(now)).map(|rate| (rate * 10.0).round() / 10.0);
        assert_eq!(rate, expected, "{moments:?} at {now}");
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        check(&[], 1_000, None);
        check(&[(0, 0)], 5_000, None);
        check(&[(0, 0), (400, 100)], 400, None);
        check(&[(0, 0), (1_000, 100)], 1_000, Some(100.0));
        check(&[(0, 0), (1_000, 100)], 2_000, Some(50.0));
        // Fast at first, slow now: what is older than ten seconds no longer counts.
        check(&[(0, 0), (1_000, 10_000), (6_000, 10_010), (12_000, 10_020)], 12_000, Some(1.8));
    }

    #[test]
    fn a_run_that_went_on_counts_from_there() {
        check(&[(0, 1_000_000), (2_000, 1_000_400)], 2_000, Some(200.0));
    }

    #[test]
    fn pages_longer_than_the_window_have_a_rate_that_fades() {
        check(&[(0, 0), (20_000, 1_000)], 20_000, Some(50.0));
        check(&[(0, 0), (20_000, 1_000)], 35_000, Some(28.6));
        check(&[(0, 0), (20_000, 1_000), (40_000, 2_000)], 45_000, Some(40.0));
    }

    #[test]
    fn quick_pages_are_not_all_kept() {
        let start = Instant::now();
        let mut speed = Speed::default();
        for page in 0..100_000_u64 {
            speed.note(start + Duration::from_millis(page), page * 10);
        }
        assert!(speed.0.len() < 50, "{}", speed.0.len());
        let rate = speed.rate(start + Duration::from_millis(100_000)).unwrap();
        assert!((9_900.0..10_100.0).contains(&rate), "{rate}");
    }
}
