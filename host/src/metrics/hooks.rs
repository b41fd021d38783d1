//! Deliveries of webhooks, and notices.

use super::registry::REGISTRY;
use opentelemetry::KeyValue;
use std::time::Duration;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Its effect is in the store.
    Taken,
    /// It had been taken before.
    Repeated,
    /// Nothing is known of its address.
    Unknown,
    /// Its signature, timestamp or size does not fit.
    Refused,
    /// The plugin does not understand it.
    NotUnderstood,
    /// The plugin or the host failed over it.
    Failed,
    /// Too many came.
    Limited,
}

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It arrived.
    Sent,
    /// It did not, and is tried again.
    Failed,
    /// It was given up.
    Dead,
}

/// A delivery was dealt with.
pub fn delivery(taken: Taken) {
    let outcome = match taken {
        Taken::Taken => "taken",
        Taken::Repeated => "repeated",
        Taken::Unknown => "unknown",
        Taken::Refused => "refused",
        Taken::NotUnderstood => "not-understood",
        Taken::Failed => "failed",
        Taken::Limited => "limited",
    };
    REGISTRY.instruments.webhook_deliveries.add(1, &[KeyValue::new("outcome", outcome)]);
}

/// How long a delivery to a known address waited for its answer.
pub fn delivery_took(time: Duration) {
    REGISTRY.instruments.webhook_seconds.record(time.as_secs_f64(), &[]);
}

/// A notice was sent, or not.
pub fn notice(told: Told) {
    let outcome = match told {
        Told::Sent => "sent",
        Told::Failed => "failed",
        Told::Dead => "dead",
    };
    REGISTRY.instruments.notices.add(1, &[KeyValue::new("outcome", outcome)]);
}
