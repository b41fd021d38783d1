//! The log lines of a guest that runs outside a sync.

use crate::sandbox::{LogLine, LogSink};
use std::sync::Arc;

/// Hands a guest's lines to the host's own log, under the name of what it runs for.
pub(crate) struct GuestLog(String);

impl GuestLog {
    /// `source` is the file or the channel, for whoever reads the log.
    pub(crate) fn new(source: impl Into<String>) -> Arc<Self> {
        Arc::new(Self(source.into()))
    }
}

impl LogSink for GuestLog {
    fn line(&self, line: LogLine<'_>) {
        // Always `debug`, whatever level the guest chose: a plugin cannot alarm an operator.
        tracing::debug!(source = self.0, level = %line.level, message = line.message, fields = ?line.fields, "plugin says");
    }
}
