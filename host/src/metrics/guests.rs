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

    /// A step ended; `trap` is what it ended with, where the guest broke down.
    pub fn step(&self, usage: &Usage, trap: Option<&Failure>) {
        let peak = self.peak.fetch_max(usage.peak_memory, Ordering::Relaxed).max(usage.peak_memory);
        REGISTRY.instruments.guest_memory_peak.record(peak, &self.plugin);
        // Steps are few beside ticks: one that took none still shows the plugin.
        REGISTRY.instruments.guest_cpu.add(usage.cpu_ticks as f64 * TICK, &self.plugin);
        if trap.is_some() {
            REGISTRY.instruments.traps.add(1, &self.plugin);
        }
    }
}

/// So many versions of a plugin are in quarantine now.
pub fn plugin_quarantined(plugin: &str, versions: u64) {
    let labels = [KeyValue::new("plugin", plugin.to_owned())];
    REGISTRY.instruments.plugins_quarantined.record(versions, &labels);
}
