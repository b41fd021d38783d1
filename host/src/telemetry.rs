//! What the host tells of itself: its log, its traces, its metrics.
//!
//! It counts nothing (`metrics` does), and never sees a secret or a payload: neither is
//! a field.

pub mod log;
pub mod otlp;
mod run_lines;

use serde::{Deserialize, Serialize};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

/// `[telemetry]` of the configuration; counts for `tidegate serve`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// What is sent to an OpenTelemetry collector.
    pub otlp: otlp::Config,
}

/// Sends the log of this process to stderr, and its spans to the exporter where there is
/// one. Only the first call counts.
pub fn start(log: &log::Config, exporter: Option<&otlp::Exporter>) {
    let spans = exporter.and_then(otlp::Exporter::layer);
    // A second subscriber is refused; in tests several hosts share the first one.
    let _ =
        tracing_subscriber::registry().with(log::layer(log)).with(spans).with(run_lines::layer()).try_init();
}
