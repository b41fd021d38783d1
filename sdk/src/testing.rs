//! Running a plugin natively, in its unit tests and in benchmarks.
//!
//! [`Script`] stands for the remote system; what the host keeps for a step (log,
//! budget, state) lives in the thread, so tests do not disturb each other.

mod script;
mod step;

pub use script::Script;
pub use step::{Line, cancel, logs, set_budget};
pub(crate) use step::{budget, is_cancelled, keep_line, spend, state_get, state_put};

use crate::{PullRequest, Settings};

/// A request for the first page of `connector`: no settings, no cursor, no keys,
/// and a limit of 100. Change what a test is about.
#[must_use]
pub fn pull_request(connector: &str) -> PullRequest {
    PullRequest {
        connector: connector.to_owned(),
        settings: Settings::from_bytes(b"{}".to_vec()),
        keys: Vec::new(),
        limit: 100,
        position: None,
    }
}
