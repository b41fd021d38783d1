//! A plugin's connector as a source of pages.
//!
//! It puts a step together and passes log lines on; it judges nothing.

use super::import::{Ask, Source};
use crate::{
    cassettes::Recorder,
    channels::Opened,
    model::{Name, Page, PullRequest, RunId},
    sandbox::{LogLine, LogSink, Outcome, Step},
};
use futures_util::future::BoxFuture;
use std::{fmt::Write as _, sync::Arc};
use tracing::Level;

/// One connector in one run.
pub(super) struct Guest {
    opened: Opened,
    connector: Name,
    log: Arc<RunLog>,
    recorder: Option<Recorder>,
}

impl Guest {
    pub(super) fn new(opened: Opened, connector: Name, run: RunId) -> Self {
        Self { opened, connector, log: Arc::new(RunLog(run)), recorder: None }
    }

    /// The same, its steps recorded.
    pub(super) fn recorded_by(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }
}

impl Source for Guest {
    fn pull(&self, ask: Ask) -> BoxFuture<'static, Outcome<Page>> {
        let plugin = self.opened.offer.plugin.clone();
        let step = Step {
            gateway: Some(self.opened.gateway.clone()),
            state: ask.state,
            cancel: ask.cancel,
            log: Arc::clone(&self.log) as Arc<dyn LogSink>,
            memory: self.opened.offer.manifest.limits.memory,
            seed: None,
        };
        let request = PullRequest {
            connector: self.connector.clone(),
            settings: self.opened.settings.clone(),
            cursor: ask.cursor,
            keys: ask.keys,
            limit: ask.limit,
        };
        match &self.recorder {
            Some(recorder) => recorder.pull(plugin, step, request),
            None => Box::pin(async move { plugin.pull(step, request).await }),
        }
    }
}

/// Passes a guest's lines to the host's log, with the run that they belong to.
/// Levels stay as the guest chose them, under the target `guest`, so that a
/// filter can treat them apart from the host's own lines.
struct RunLog(RunId);

impl LogSink for RunLog {
    fn line(&self, line: LogLine<'_>) {
        macro_rules! emit {
            ($level:expr) => {
                tracing::event!(
                    target: "guest",
                    $level,
                    run.id = %self.0,
                    guest.message = line.message,
                    guest.fields = joined(line.fields),
                    "guest"
                )
            };
        }
        match line.level {
            Level::ERROR => emit!(Level::ERROR),
            Level::WARN => emit!(Level::WARN),
            Level::INFO => emit!(Level::INFO),
            Level::DEBUG => emit!(Level::DEBUG),
            _ => emit!(Level::TRACE),
        }
    }
}

fn joined(fields: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        let gap = if text.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{gap}{name}={value:?}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn fields_of_a_guest_stand_in_one_line() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(joined(&[]), "");
        assert_eq!(joined(&[field("a", "1"), field("b", "x y\n")]), r#"a="1" b="x y\n""#);
    }
}
