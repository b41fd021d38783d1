//! Runs, their pages and their records.

use super::registry::REGISTRY;
use crate::model::{Class, Counters, Name, Status};
use opentelemetry::KeyValue;
use std::time::Duration;

/// A run that is going on, for as long as this lives.
#[must_use]
pub struct Running(());

impl Running {
    /// Counts one more.
    pub fn begin() -> Self {
        REGISTRY.instruments.runs_running.add(1, &[]);
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        REGISTRY.instruments.runs_running.add(-1, &[]);
    }
}

/// A run came to `status`: an end, or `deferred` each time it is put off; with the class
/// of its error where it has one.
pub fn run_ended(channel_type: &Name, connector: &Name, status: Status, class: Option<Class>) {
    let stream = stream(channel_type, connector);
    REGISTRY.instruments.runs.add(1, &with(&stream, "status", status.as_str()));
    if let Some(class) = class {
        REGISTRY.instruments.run_failures.add(1, &with(&stream, "class", class.as_str()));
    }
}

/// A page that was committed.
pub struct Page<'a> {
    /// The channel's type.
    pub channel_type: &'a Name,
    /// The connector.
    pub connector: &'a Name,
    /// What became of its records.
    pub counters: &'a Counters,
    /// Entries that quarantine did not have before.
    pub newly_quarantined: u64,
    /// From the commit before to this one.
    pub took: Duration,
}

/// Counts a page and its records.
pub fn page(page: &Page<'_>) {
    let stream = stream(page.channel_type, page.connector);
    let counters = page.counters;
    let outcomes = [
        ("added", counters.added),
        ("updated", counters.updated),
        ("unchanged", counters.unchanged),
        ("deleted", counters.deleted),
        ("quarantined", counters.quarantined),
    ];
    for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
        REGISTRY.instruments.records.add(count, &with(&stream, "outcome", outcome));
    }
    if page.newly_quarantined > 0 {
        REGISTRY.instruments.quarantined_records.add(page.newly_quarantined, &stream);
    }
    REGISTRY.instruments.pages.add(1, &stream);
    REGISTRY.instruments.page_seconds.record(page.took.as_secs_f64(), &stream);
}

/// A local change was sent, and answered so: `done`, `conflict`, `refused` or `retry`.
pub fn exported(channel_type: &Name, connector: &Name, outcome: &'static str) {
    REGISTRY.instruments.exports.add(1, &with(&stream(channel_type, connector), "outcome", outcome));
}

/// Records were found that both sides had changed, to different ends.
pub fn conflicts(channel_type: &Name, connector: &Name, count: u64) {
    if count > 0 {
        REGISTRY.instruments.conflicts.add(count, &stream(channel_type, connector));
    }
}

/// So many local changes wait to be exported.
pub fn outbox(changes: u64) {
    REGISTRY.instruments.outbox_changes.record(changes, &[]);
}

fn stream(channel_type: &Name, connector: &Name) -> [KeyValue; 2] {
    [
        KeyValue::new("channel_type", channel_type.as_str().to_owned()),
        KeyValue::new("connector", connector.as_str().to_owned()),
    ]
}

fn with(stream: &[KeyValue; 2], key: &'static str, value: &'static str) -> [KeyValue; 3] {
    let [channel_type, connector] = stream.clone();
    [channel_type, connector, KeyValue::new(key, value)]
}
