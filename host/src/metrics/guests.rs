//! What the steps of a plugin used.

use super::registry::REGISTRY;
use crate::model::{Failure, Usage};
use opentelemetry::KeyValue;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds of one CPU tick of [`Usage`].
const TICK: f64 = 0.01;

/// One loaded version of a plugin.
pub struct Guest {
    plugin: [KeyValue; 1],
    peak: AtomicU64,
}

impl Guest {
    /// `plugin` is the plugin's id.
    #[must_use]
    pub fn new(plugin: &str) -> Self {
        Self { plugin: [KeyValue::new("plugin", plugin.to_owned())], peak: AtomicU64::new(0) }
    }

    /// A step ended; `failure` is what it ended with.
    pub fn step(&self, usage: &Usage, failure: Option<&Failure>) {
        let peak = self.peak.fetch_max(usage.peak_memory, Ordering::Relaxed).max(usage.peak_memory);
        REGISTRY.instruments.guest_memory_peak.record(peak, &self.plugin);
        // Steps are few beside ticks: one that took none still shows the plugin.
        REGISTRY.instruments.guest_cpu.add(usage.cpu_ticks as f64 * TICK, &self.plugin);
        if failure.is_some_and(|failure| failure.code.starts_with("trap.")) {
            REGISTRY.instruments.traps.add(1, &self.plugin);
        }
    }
}
