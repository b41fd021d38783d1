//! The token bucket: how fast requests may follow one another. Pure.
//!
//! It does not wait: it says how long to wait, and takes a token back that was
//! not used.

use std::time::Duration;
use tokio::time::Instant;

/// So many requests within a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    pub(super) requests: u32,
    pub(super) within: Duration,
}

/// Tokens that come at a pace and are saved up to a bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pace: Pace,
    /// The least that can be saved up.
    least_burst: f64,
    /// Less than none where some wait for theirs.
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Full. A quarter of what may come within a while may come at once, so that
    /// short runs need not wait, and long ones overdraw the remote's own count by
    /// no more than that, once; but at least `burst`.
    pub(super) fn new(pace: Pace, burst: usize, now: Instant) -> Self {
        let mut bucket = Self { pace, least_burst: burst as f64, tokens: 0.0, at: now };
        bucket.tokens = bucket.most();
        bucket
    }

    /// Takes a token and says how long it is to come.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        self.refill(now);
        self.tokens -= 1.0;
        let missing = (-self.tokens).max(0.0);
        Duration::try_from_secs_f64(missing / self.each_second()).unwrap_or(Duration::MAX)
    }

    /// Puts a token back that was not used.
    pub(super) fn give_back(&mut self) {
        self.tokens = (self.tokens + 1.0).min(self.most());
    }

    /// There are no more than so many: the remote says so.
    pub(super) fn hold_at_most(&mut self, remaining: u64, now: Instant) {
        self.refill(now);
        self.tokens = self.tokens.min(remaining as f64);
    }

    /// Tokens come at another pace from now on.
    pub(super) fn set_pace(&mut self, pace: Pace, now: Instant) {
        self.refill(now);
        self.pace = pace;
        self.tokens = self.tokens.min(self.most());
    }

    /// Whether a new one would be the same.
    pub(super) fn is_full(mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= self.most()
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.each_second()).min(self.most());
    }

    fn each_second(&self) -> f64 {
        let within = self.pace.within.as_secs_f64().max(0.001);
        f64::from(self.pace.requests.max(1)) / within
    }

    fn most(&self) -> f64 {
        let requests = f64::from(self.pace.requests.max(1));
        (requests / 4.0).max(self.least_burst).min(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn minutely(requests: u32) -> Pace {
        Pace { requests, within: MINUTE }
    }

    fn waits(bucket: &mut Bucket, now: Instant, count: usize) -> Vec<u128> {
        (0..count).map(|_| bucket.take(now).as_millis()).collect()
    }

    #[test]
    fn a_few_go_at_once_and_the_rest_at_the_pace() {
        let now = Instant::now();
        for (requests, burst, expected) in [
            (60, 4, vec![0; 15]),
            (8, 1, vec![0, 0, 7_500, 15_000]),
            (10, 4, vec![0, 0, 0, 0, 6_000, 12_000]),
            (2, 4, vec![0, 0, 30_000]),
            (1, 1, vec![0, 60_000, 120_000]),
        ] {
            let mut bucket = Bucket::new(minutely(requests), burst, now);
            assert_eq!(waits(&mut bucket, now, expected.len()), expected, "{requests} {burst}");
        }
    }

    #[test]
    fn tokens_come_back_with_time_and_from_those_who_gave_up() {
        let now = Instant::now();
        let mut bucket = Bucket::new(minutely(60), 1, now);
        assert_eq!(waits(&mut bucket, now, 17)[15..], [1_000, 2_000]);
        bucket.give_back();
        assert_eq!(waits(&mut bucket, now, 1), [2_000]);
        assert_eq!(waits(&mut bucket, now + Duration::from_secs(3), 2), [0, 1_000]);
    }

    #[test]
    fn the_remote_s_word_counts() {
        let now = Instant::now();
        let mut bucket = Bucket::new(minutely(60), 1, now);
        bucket.hold_at_most(100, now);
        bucket.hold_at_most(1, now);
        assert_eq!(waits(&mut bucket, now, 2), [0, 1_000]);
        bucket.set_pace(minutely(600), now);
        assert_eq!(waits(&mut bucket, now, 1), [200]);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sees_more_than_burst_and_pace(
            requests in 1..1_000_u32,
            steps in prop::collection::vec((0..5_000_u64, any::<bool>()), 1..200),
        ) {
            let start = Instant::now();
            let mut bucket = Bucket::new(minutely(requests), 1, start);
            let most = (f64::from(requests) / 4.0).max(1.0);
            let (mut now, mut granted) = (start, Vec::new());
            for (millis, gives_back) in steps {
                now += Duration::from_millis(millis);
                let at = now + bucket.take(now);
                if gives_back { bucket.give_back() } else { granted.push(at) }
            }
            granted.sort();
            for (index, first) in granted.iter().enumerate() {
                for (more, last) in granted[index..].iter().enumerate() {
                    let allowed = most + f64::from(requests) * (*last - *first).as_secs_f64() / 60.0;
                    prop_assert!((more + 1) as f64 <= allowed + 1.01, "{} within {:?}", more + 1, *last - *first);
                }
            }
        }
    }
}
