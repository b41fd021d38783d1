//! How much may be asked for, and how it is told.
//!
//! Facts: `/using-the-rest-api/rate-limits-for-the-rest-api`: so many requests an hour,
//! told by headers with every answer; 304 is not counted, for a request with credentials
//! (`/using-the-rest-api/best-practices-for-using-the-rest-api`), nor is `/rate_limit`;
//! a secondary limit holds for what creates content.

use crate::vendor::Answer;

/// The length of the window, in seconds.
const HOUR: i64 = 3_600;
/// The length of the secondary one.
pub(super) const MINUTE: i64 = 60;

/// The counts of the one user.
#[derive(Debug)]
pub(super) struct Limits {
    /// Requests an hour.
    pub(super) most: u64,
    /// New issues and comments a minute.
    pub(super) creates: u64,
    used: u64,
    /// When the window ends; 0 before the first request.
    reset: i64,
    /// When content was created, the oldest first.
    created: Vec<i64>,
}

impl Limits {
    pub(super) fn new(most: u64, creates: u64) -> Self {
        Self { most, creates, used: 0, reset: 0, created: Vec::new() }
    }

    /// Begins a new window where the old one is over.
    pub(super) fn turn(&mut self, now: i64) {
        if now >= self.reset {
            self.used = 0;
            self.reset = now + HOUR;
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.used >= self.most
    }

    /// How many requests are left.
    pub(super) fn left(&self) -> u64 {
        self.most.saturating_sub(self.used)
    }

    pub(super) fn count(&mut self) {
        self.used += 1;
    }

    /// Leaves only so many of the window's requests.
    pub(super) fn leave(&mut self, left: u64) {
        self.used = self.most.saturating_sub(left);
    }

    /// Notes that content is created; how long to wait where it may not be.
    pub(super) fn create(&mut self, now: i64) -> Result<(), i64> {
        self.created.retain(|at| at + MINUTE > now);
        if self.created.len() as u64 >= self.creates {
            return Err(self.created.first().map_or(MINUTE, |first| first + MINUTE - now).max(1));
        }
        self.created.push(now);
        Ok(())
    }

    /// The answer with what is left.
    pub(super) fn told_with(&self, answer: Answer) -> Answer {
        let numbers = [
            ("x-ratelimit-limit", self.most.to_string()),
            ("x-ratelimit-remaining", self.left().to_string()),
            ("x-ratelimit-used", self.used.to_string()),
            ("x-ratelimit-reset", self.reset.to_string()),
            ("x-ratelimit-resource", "core".to_owned()),
        ];
        numbers.iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }
}
