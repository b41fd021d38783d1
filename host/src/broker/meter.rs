//! What one step may still use, and what it used.
//!
//! It counts and ends; it never waits and knows nothing of what is counted.

use crate::model::{Class, Failure, Size};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The budget of one step. Cheap to clone; clones share the counts.
#[derive(Clone, Debug)]
pub struct Meter {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
}

/// What a step may use in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests of the guest; retries and redirects are not counted.
    pub requests: u32,
    /// Bytes of response bodies, decompressed.
    pub response_bytes: u64,
}

/// What was used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Requests of the guest; retries and redirects are not counted.
    pub requests: u64,
    /// How often something was sent or tried to be sent, retries and redirects
    /// included.
    pub sent: u64,
    /// Requests that change something and were done, or may have been.
    pub writes: u64,
    /// Those of them that are not safe to repeat.
    pub unkeyed_writes: u64,
    /// Bytes of request bodies, as often as they were sent.
    pub request_bytes: u64,
    /// Bytes of response bodies, decompressed, those of failed attempts included.
    pub response_bytes: u64,
}

/// What a request does to what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// It only reads.
    No,
    /// Done twice it does what it does once.
    Repeatable,
    /// Done twice it does it twice.
    Once,
}

impl Write {
    fn count(self) -> u64 {
        u64::from(self != Self::No)
    }

    fn unkeyed(self) -> u64 {
        u64::from(self == Self::Once)
    }
}

#[derive(Debug)]
struct Shared {
    allowance: Allowance,
    cancel: CancellationToken,
    requests: AtomicU64,
    sent: AtomicU64,
    writes: AtomicU64,
    unkeyed_writes: AtomicU64,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
}

impl Meter {
    /// A meter at zero. `cancel` ends whatever is under way or waits.
    #[must_use]
    pub fn new(allowance: Allowance, cancel: CancellationToken) -> Self {
        let shared = Shared {
            allowance,
            cancel,
            requests: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            unkeyed_writes: AtomicU64::new(0),
            request_bytes: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), deadline: None }
    }

    /// The same meter for a step that ends at `deadline`: no wait before a retry
    /// goes past it, the failure is handed over instead.
    #[must_use]
    pub fn ending_at(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// What was used so far.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            requests: self.shared.requests.load(Relaxed),
            sent: self.shared.sent.load(Relaxed),
            writes: self.shared.writes.load(Relaxed),
            unkeyed_writes: self.shared.unkeyed_writes.load(Relaxed),
            request_bytes: self.shared.request_bytes.load(Relaxed),
            response_bytes: self.shared.response_bytes.load(Relaxed),
        }
    }

    /// What is left.
    #[must_use]
    pub fn remaining(&self) -> Allowance {
        let (allowance, used) = (self.shared.allowance, self.used());
        Allowance {
            requests: allowance.requests.saturating_sub(u32::try_from(used.requests).unwrap_or(u32::MAX)),
            response_bytes: allowance.response_bytes.saturating_sub(used.response_bytes),
        }
    }

    /// What the step was given at its start.
    pub(super) fn allowance(&self) -> Allowance {
        self.shared.allowance
    }

    /// Time until the step ends, where that is known.
    pub(super) fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Counts one request of the guest, where there is one left.
    pub(super) fn admit(&self) -> Result<(), Failure> {
        let most = u64::from(self.shared.allowance.requests);
        let one_more = |count| (count < most).then_some(count + 1);
        self.shared.requests.fetch_update(Relaxed, Relaxed, one_more).map(drop).map_err(|_| {
            let message = format!("the step has sent the {most} requests that it may send");
            Failure::new(Class::Limit, "limit.requests", message)
        })
    }

    /// Counts something that goes out, with so many bytes of body.
    pub(super) fn sent(&self, body: usize) {
        self.shared.sent.fetch_add(1, Relaxed);
        self.shared.request_bytes.fetch_add(body as u64, Relaxed);
    }

    /// Counts a request that may change something there, before it goes out: what is cut
    /// off stays counted.
    pub(super) fn writes(&self, write: Write) {
        self.shared.writes.fetch_add(write.count(), Relaxed);
        self.shared.unkeyed_writes.fetch_add(write.unkeyed(), Relaxed);
    }

    /// Takes it back: it was not done.
    pub(super) fn did_not_write(&self, write: Write) {
        self.shared.writes.fetch_sub(write.count(), Relaxed);
        self.shared.unkeyed_writes.fetch_sub(write.unkeyed(), Relaxed);
    }

    /// Counts bytes that came in; fails when they are more than were left.
    pub(super) fn received(&self, bytes: usize) -> Result<(), Failure> {
        let bytes = bytes as u64;
        let before = self.shared.response_bytes.fetch_add(bytes, Relaxed);
        let most = self.shared.allowance.response_bytes;
        if before.saturating_add(bytes) > most {
            let message = format!("the step has received the {} of answers that it may receive", Size(most));
            return Err(Failure::new(Class::Limit, "limit.response-bytes", message));
        }
        Ok(())
    }

    /// Does `work` until it is done or the step is cancelled. Cancelling drops it.
    pub(super) async fn guard<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.shared.cancel.cancelled() => Err(Failure::cancelled()),
            done = work => Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Meter {
        Meter::new(Allowance { requests: 2, response_bytes: 100 }, CancellationToken::new())
    }

    #[test]
    fn request_beyond_the_budget_is_refused_and_not_counted() {
        let meter = meter();
        assert!(meter.admit().is_ok());
        assert!(meter.clone().admit().is_ok());
        let failure = meter.admit().expect_err("the third of two");
        assert_eq!((failure.class, failure.code.as_str()), (Class::Limit, "limit.requests"));
        assert_eq!(meter.used().requests, 2);
        assert_eq!(meter.remaining().requests, 0);
    }

    #[test]
    fn byte_beyond_the_budget_is_a_limit() {
        let meter = meter();
        assert!(meter.received(100).is_ok());
        assert_eq!(meter.remaining().response_bytes, 0);
        let failure = meter.received(1).expect_err("byte 101 of 100");
        assert_eq!(failure.code, "limit.response-bytes");
        assert_eq!(meter.used().response_bytes, 101);
    }

    #[test]
    fn what_goes_out_is_counted_with_its_body() {
        let meter = meter();
        meter.sent(10);
        meter.sent(0);
        assert_eq!((meter.used().sent, meter.used().request_bytes), (2, 10));
    }

    #[test]
    fn writes_count_until_it_is_known_that_they_were_not_done() {
        let meter = meter();
        for write in [Write::No, Write::Repeatable, Write::Once, Write::Once] {
            meter.writes(write);
        }
        assert_eq!((meter.used().writes, meter.used().unkeyed_writes), (3, 2));
        for write in [Write::No, Write::Repeatable, Write::Once] {
            meter.did_not_write(write);
        }
        assert_eq!((meter.used().writes, meter.used().unkeyed_writes), (1, 1));
    }

    #[tokio::test]
    async fn cancelling_ends_what_would_never_end() {
        let cancel = CancellationToken::new();
        let meter = Meter::new(Allowance { requests: 1, response_bytes: 1 }, cancel.clone());
        let (outcome, ()) =
            tokio::join!(meter.guard(std::future::pending::<()>()), async { cancel.cancel() });
        assert_eq!(outcome.expect_err("cancelled").code, "run.cancelled");
    }

    #[tokio::test(start_paused = true)]
    async fn time_left_runs_out_and_stays_at_zero() {
        let meter = meter().ending_at(Instant::now() + Duration::from_secs(2));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(meter.time_left(), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(meter.time_left(), Some(Duration::ZERO));
    }
}
