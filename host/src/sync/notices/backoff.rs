//! When a message is tried again, and when it is given up. Pure.

use crate::model::Span;
use serde::{Deserialize, Serialize};
use std::{num::NonZeroU32, time::Duration};

/// `[notices]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// How often a message is sent at most before it is given up. Default 12, at least 1:
    /// with the other defaults, some three hours. What is not sent, because the breaker
    /// leaves the address alone, does not count.
    pub attempts: NonZeroU32,
    /// How long a message waits after its first failure; twice as long after each further
    /// one. Default 5s.
    pub backoff_base: Span,
    /// The longest wait. Default 1h.
    pub backoff_max: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::new(12).expect("12 is not 0"),
            backoff_base: Span::secs(5),
            backoff_max: Span::secs(3_600),
        }
    }
}

impl Config {
    /// How long to wait after so many failures in a row, the last one included.
    pub(super) fn wait(&self, failures: u32, asked_for: Option<u64>) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let wait = self.backoff_base.0.saturating_mul(doubled).min(self.backoff_max.0);
        wait.max(Duration::from_millis(asked_for.unwrap_or(0)).min(self.backoff_max.0))
    }

    /// Whether it is given up after so many tries.
    pub(super) fn is_over(&self, tries: u32) -> bool {
        tries >= self.attempts.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        let config = Config::default();
        let check = |failures, asked_for, secs| {
            assert_eq!(config.wait(failures, asked_for), Duration::from_secs(secs), "{failures}");
        };
        check(1, None, 5);
        check(2, None, 10);
        check(5, None, 80);
        check(11, None, 3_600);
        check(4_000, None, 3_600);
        check(1, Some(30_000), 30);
        check(1, Some(u64::MAX), 3_600);
        assert!(config.is_over(12) && !config.is_over(11));
    }
}
