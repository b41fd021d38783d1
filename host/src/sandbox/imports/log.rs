//! `tidegate:connect/log`: lines for the operator's log of the run.

use crate::sandbox::{
    bindings::tidegate::connect::log::{Host, Level},
    context::Context,
};

impl Host for Context {
    fn write(
        &mut self,
        level: Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => tracing::Level::TRACE,
            Level::Debug => tracing::Level::DEBUG,
            Level::Info => tracing::Level::INFO,
            Level::Warn => tracing::Level::WARN,
            Level::Error => tracing::Level::ERROR,
        };
        self.journal.log(level, &message, &fields);
        Ok(())
    }
}
