//! How the origin of a remote system fares: scheme, host and port, whoever uses
//! it.
//!
//! Values only; the broker makes them, the store keeps some, the API shows them.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether requests go to an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// They do.
    Closed,
    /// They do not: it failed too often.
    Open,
    /// One does, to find out whether it works again.
    HalfOpen,
}

impl BreakerState {
    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an origin failed. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OriginFailure {
    /// When.
    pub at: Timestamp,
    /// As in the failure, such as `net.connect`.
    pub code: String,
    /// A sentence for an operator.
    pub message: String,
}

/// What has to survive a restart of a breaker that is not closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeptBreaker {
    /// Such as `https://api.example.com`.
    pub origin: String,
    /// Since when nothing has worked there.
    pub opened: Timestamp,
    /// When it may be tried again.
    pub probe_at: Timestamp,
    /// How long the pause before that is meant to be, without its jitter; the next
    /// one is twice as long.
    pub pause_ms: u64,
    /// Failed attempts in a row.
    pub failures: u32,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<OriginFailure>,
}

/// An origin at one moment. The counts begin with the host, or with the first
/// request after the origin was forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OriginState {
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
    /// Requests that may be under way at the same time; of the credential that
    /// may do least.
    pub concurrency: Option<usize>,
}
