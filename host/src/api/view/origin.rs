//! The origin of a remote system as it is shown.

use crate::model::{self, BreakerState, Timestamp};
use serde::{Deserialize, Serialize};

/// How an origin fares. The counts begin with the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Origin {
    /// Such as `https://api.example.com`.
    pub origin: String,
    /// Whether requests go there.
    pub breaker: BreakerState,
    /// Since when they do not.
    pub opened: Option<Timestamp>,
    /// When it is tried again, unless requests go there.
    pub probe_at: Option<Timestamp>,
    /// Failed attempts in a row.
    pub failures_in_a_row: u32,
    /// The last failure, also after it has worked again.
    pub last_failure: Option<OriginFailure>,
    /// Requests that were sent, retries not counted.
    pub requests: u64,
    /// Retries that were sent.
    pub retries: u64,
    /// Attempts that found the origin down.
    pub failures: u64,
    /// Requests that the throttle made wait.
    pub throttled: u64,
    /// How long they waited in all.
    pub throttled_ms: u64,
    /// Until when one of its credentials is to be left alone.
    pub blocked_until: Option<Timestamp>,
    /// Requests that may be under way at the same time; of the credential that may
    /// do least.
    pub concurrency: Option<usize>,
}

/// How an origin failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OriginFailure {
    /// When.
    pub at: Timestamp,
    /// Stable dotted name, such as `net.connect`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// Which origin is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OriginName {
    /// Such as `https://api.example.com`.
    pub origin: String,
}

impl From<model::OriginState> for Origin {
    fn from(state: model::OriginState) -> Self {
        Self {
            origin: state.origin,
            breaker: state.breaker,
            opened: state.opened,
            probe_at: state.probe_at,
            failures_in_a_row: state.failures_in_a_row,
            last_failure: state.last_failure.map(OriginFailure::from),
            requests: state.requests,
            retries: state.retries,
            failures: state.failures,
            throttled: state.throttled,
            throttled_ms: state.throttled_ms,
            blocked_until: state.blocked_until,
            concurrency: state.concurrency,
        }
    }
}

impl From<model::OriginFailure> for OriginFailure {
    fn from(failure: model::OriginFailure) -> Self {
        let model::OriginFailure { at, code, message } = failure;
        Self { at, code, message }
    }
}
