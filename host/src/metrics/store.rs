//! Batches of the store.

use super::registry::REGISTRY;
use opentelemetry::KeyValue;
use std::time::Duration;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// It is durable.
    Whole,
    /// Something was not as it expected; nothing was written.
    Conflict,
    /// The store failed.
    Failed,
}

/// Counts a batch.
pub fn commit(landed: Landed, took: Duration) {
    let outcome = match landed {
        Landed::Whole => "landed",
        Landed::Conflict => "conflict",
        Landed::Failed => "failed",
    };
    REGISTRY.instruments.store_commits.add(1, &[KeyValue::new("outcome", outcome)]);
    REGISTRY.instruments.store_commit_seconds.record(took.as_secs_f64(), &[]);
}
