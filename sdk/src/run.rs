//! What is left for the step that is running.
//!
//! A connector that looks before it goes on can end a page early, with `more`
//! set, instead of being cut off.

/// What a step may still use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// CPU time of the plugin, in milliseconds.
    pub cpu_ms: u64,
    /// Time on the clock, in milliseconds.
    pub wall_ms: u64,
    /// Requests, retries not counted.
    pub requests: u32,
    /// Bytes of response bodies, decompressed.
    pub response_bytes: u64,
}

/// What this step may still use. Natively what
/// [`testing::set_budget`](crate::testing::set_budget) said, without end before that.
#[must_use]
pub fn remaining() -> Budget {
    #[cfg(target_arch = "wasm32")]
    {
        let left = crate::bindings::run::remaining();
        Budget {
            cpu_ms: left.cpu_ms,
            wall_ms: left.wall_ms,
            requests: left.requests,
            response_bytes: left.response_bytes,
        }
    }
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::budget()
}

/// Whether somebody has asked the run to end. The step should return what it
/// has; it is ended soon after.
#[must_use]
pub fn cancelled() -> bool {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::run::cancelled();
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::is_cancelled()
}

/// Tells whether one more round of requests fits into the step, by what the last
/// round cost. Start it before the first round, which always fits.
#[derive(Debug)]
pub struct Pace {
    before: Budget,
}

impl Pace {
    /// Begins to measure.
    #[must_use]
    pub fn start() -> Self {
        Self { before: remaining() }
    }

    /// How many requests a further round may send: none when twice the time, CPU
    /// time or bytes of the last round are not left, or when somebody asked the run
    /// to end.
    pub fn further(&mut self) -> u32 {
        let left = remaining();
        let before = std::mem::replace(&mut self.before, left);
        let fits = |before: u64, left: u64| left > before.saturating_sub(left).saturating_mul(2);
        let all_fit = fits(before.wall_ms, left.wall_ms)
            && fits(before.cpu_ms, left.cpu_ms)
            && fits(before.response_bytes, left.response_bytes);
        if all_fit && !cancelled() { left.requests } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cancel, set_budget};

    #[test]
    fn further_round_needs_twice_what_the_last_one_took() {
        let budget = |wall_ms, response_bytes| Budget { cpu_ms: 5_000, wall_ms, requests: 9, response_bytes };
        let check = |before: Budget, after: Budget, further: u32| {
            set_budget(before);
            let mut pace = Pace::start();
            set_budget(after);
            assert_eq!(pace.further(), further, "{before:?} {after:?}");
        };
        check(budget(100, 100), budget(100, 100), 9);
        check(budget(100, 100), budget(70, 100), 9);
        check(budget(100, 100), budget(66, 100), 0);
        check(budget(100, 100), budget(100, 60), 0);
        check(budget(100, 100), budget(0, 100), 0);
    }

    #[test]
    fn cancelled_run_has_no_further_round() {
        let mut pace = Pace::start();
        assert!(pace.further() > 0);
        cancel();
        assert_eq!(pace.further(), 0);
    }
}
