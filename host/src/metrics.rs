//! What the host counts: every instrument, and the plain calls by which the floors move them.
//!
//! It measures nothing by itself and sends nothing: a scrape and a push both ask it. The
//! numbers are those of the process, so that no floor has to be handed a meter.
//!
//! A call costs a look-up by labels and a few atomics, about a microsecond, and a page
//! four of them: fit for a page or a request, too much for a record. Labels have few values each; what goes
//! past [`SERIES`] of one instrument is summed under `otel_metric_overflow="true"`.

mod exposition;
mod guests;
mod hooks;
mod instruments;
mod process;
mod queue;
mod registry;
mod requests;
mod routes;
mod runs;
mod store;

pub use exposition::CONTENT_TYPE;
pub use guests::{Guest, plugin_quarantined};
pub use hooks::{Taken, Told, delivery, delivery_took, notice};
pub use queue::{late, lease_lost, queue, tick};
pub use registry::SERIES;
pub use requests::{Circuit, Exchange, breaker_moved, breaker_state, retry, throttle_wait};
pub use routes::{Routed, route};
pub use runs::{Page, Running, conflicts, exported, outbox, page, run_ended};
pub use store::{Landed, commit};

use opentelemetry_sdk::metrics::data::ResourceMetrics;
use registry::REGISTRY;

/// Takes the start time of the process. Counting begins by itself; call this early.
pub fn start() {
    std::sync::LazyLock::force(&REGISTRY);
}

/// Everything as it stands, for a push.
#[must_use]
pub fn collect() -> ResourceMetrics {
    REGISTRY.collect()
}

/// Everything as it stands, in the text format 0.0.4 of Prometheus.
#[must_use]
pub fn exposition() -> String {
    exposition::text(&collect())
}

/// Spans that were thrown away because the collector did not take them in time.
pub fn spans_dropped(count: u64) {
    REGISTRY.instruments.spans_dropped.add(count, &[]);
}

#[cfg(test)]
mod tests;
