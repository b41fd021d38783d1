//! `[schedule]` of the configuration.

use crate::model::{Channel, Interval, Span, Timestamp};
use serde::{Deserialize, Serialize};

/// `[schedule]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// How often a channel syncs that has no schedule of its own. Default `5m`, from
    /// `10s` to `30d`.
    pub every: Interval,
    /// How long the first sync waits after a channel was created or enabled, so that a
    /// person's own comes first. Default `10s`.
    pub first_run_after: Span,
    /// Whether no channel syncs by itself, whatever its schedule says. Default `false`.
    /// `tidegate schedule pause` does the same without a restart.
    pub paused: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { every: Interval::USUAL, first_run_after: Span::secs(10), paused: false }
    }
}

impl Config {
    /// When the channel is due for the first time since it was created or enabled.
    #[must_use]
    pub fn first(&self, channel: &Channel) -> Timestamp {
        let wait = i64::try_from(self.first_run_after.0.as_millis()).unwrap_or(i64::MAX);
        channel.active_since().plus_millis(wait)
    }
}
