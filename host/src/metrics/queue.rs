//! Jobs that wait, leases that got lost, and schedules.

use super::registry::REGISTRY;
use crate::model::Status;
use opentelemetry::KeyValue;
use std::time::Duration;

/// How many jobs there are in each state, and for how long the oldest has waited for its
/// turn. Name every state each time, also those with none: a figure stays until the next.
pub fn queue(depths: &[(Status, u64)], oldest: Duration) {
    for (state, depth) in depths {
        REGISTRY.instruments.queue_depth.record(*depth, &[KeyValue::new("state", state.as_str())]);
    }
    REGISTRY.instruments.queue_oldest_age.record(oldest.as_secs_f64(), &[]);
}

/// A worker found that its lease is another's by now.
pub fn lease_lost() {
    REGISTRY.instruments.leases_lost.add(1, &[]);
}

/// A run that was due began so much later.
pub fn late(by: Duration) {
    REGISTRY.instruments.schedule_late.record(by.as_secs_f64(), &[]);
}

/// The scheduler looked over all channels.
pub fn tick(took: Duration) {
    REGISTRY.instruments.schedule_tick.record(took.as_secs_f64(), &[]);
}
