//! Requests to remote systems, the circuits of their origins, and waits for a turn.

use super::registry::REGISTRY;
use opentelemetry::{KeyValue, StringValue};
use std::time::Duration;
use tokio::time::Instant;

/// One request on the wire. Dropped before it is told how it ended, it was cut off.
#[must_use]
pub struct Exchange {
    origin: StringValue,
    started: Instant,
    status: StringValue,
}

impl Exchange {
    /// The request leaves now. `origin` is scheme, host and port: no path, no user.
    pub fn begin(origin: String) -> Self {
        Self { origin: origin.into(), started: Instant::now(), status: "cut-off".into() }
    }

    /// The head of the answer is there. Statuses that HTTP has no name for count as one,
    /// so that a remote system cannot make a thousand series.
    pub fn answered(mut self, status: u16) {
        let named =
            http::StatusCode::from_u16(status).ok().filter(|status| status.canonical_reason().is_some());
        self.status = match named {
            Some(_) => status.to_string().into(),
            None => "other".into(),
        };
    }

    /// It broke; `code` is the host's own, such as `net.dns`.
    pub fn failed(mut self, code: &str) {
        self.status = code.to_owned().into();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let origin = KeyValue::new("origin", self.origin.clone());
        let took = self.started.elapsed().as_secs_f64();
        REGISTRY.instruments.request_seconds.record(took, std::slice::from_ref(&origin));
        REGISTRY.instruments.requests.add(1, &[origin, KeyValue::new("status", self.status.clone())]);
    }
}

/// A request is sent again.
pub fn retry(origin: &str) {
    REGISTRY.instruments.request_retries.add(1, &[of(origin)]);
}

/// Where a circuit stands. The figures are those of `tidegate_breaker_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Requests go.
    Closed = 0,
    /// One is let through to see.
    HalfOpen = 1,
    /// None goes.
    Open = 2,
}

/// Shows where an origin's circuit stands without a change of it: after a restart.
pub fn breaker_state(origin: &str, state: Circuit) {
    REGISTRY.instruments.breaker_state.record(state as u64, &[of(origin)]);
}

/// An origin's circuit changed to `state`.
pub fn breaker_moved(origin: &str, state: Circuit) {
    breaker_state(origin, state);
    let name = match state {
        Circuit::Closed => "closed",
        Circuit::HalfOpen => "half-open",
        Circuit::Open => "open",
    };
    REGISTRY.instruments.breaker_transitions.add(1, &[of(origin), KeyValue::new("state", name)]);
}

/// A request waited for its turn under a rate limit.
pub fn throttle_wait(origin: &str, waited: Duration) {
    REGISTRY.instruments.throttle_wait.add(waited.as_secs_f64(), &[of(origin)]);
}

fn of(origin: &str) -> KeyValue {
    KeyValue::new("origin", origin.to_owned())
}
