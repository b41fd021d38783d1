//! How much of a run is kept, and for how long.
//!
//! Values only; `cleaning` decides by them, and `log` keeps to them.

use crate::model::{Size, Span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[history]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// How long a run that completed without warnings is kept after its end. Default
    /// `7d`. The newest run of each connector of a channel stays, however old.
    pub keep_completed: Span,
    /// The same for all other runs: failed, cancelled, skipped, completed with warnings.
    /// Default `30d`.
    pub keep_failed: Span,
    /// How long a conflict is kept that waits for nobody (any more). Default `90d`.
    pub keep_conflicts: Span,
    /// How often old runs and conflicts are removed. Default `1h`, at least `1s`.
    pub clean_every: Span,
    /// Lines that the log of one run holds. A tenth of them is left to warnings and
    /// errors. More are counted, and dropped. Default 10000.
    pub log_lines: u64,
    /// Bytes that the log of one run holds, of messages, names and values. A tenth as
    /// above. Default `1MiB`.
    pub log_bytes: Size,
}

const DAY: u64 = 24 * 60 * 60;

impl Default for Config {
    fn default() -> Self {
        Self {
            keep_completed: Span::secs(7 * DAY),
            keep_failed: Span::secs(30 * DAY),
            keep_conflicts: Span::secs(90 * DAY),
            clean_every: Span::secs(60 * 60),
            log_lines: 10_000,
            log_bytes: Size::mib(1),
        }
    }
}

impl Config {
    /// How long ended runs are kept.
    #[must_use]
    pub fn keep(&self) -> Keep {
        Keep { completed: self.keep_completed.0, failed: self.keep_failed.0 }
    }
}

/// How long ended runs are kept after their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Those that completed without warnings.
    pub completed: Duration,
    /// All others.
    pub failed: Duration,
}
