//! A plugin's connector as a source of pages.
//!
//! It puts a step together and passes log lines on; it judges nothing.

use super::{
    export::Sink,
    import::{Ask, Source},
    log::{self, RunLog, Said},
    opener::SourceAsk,
};
use crate::{
    cassettes::Recorder,
    channels::Opened,
    model::{
        Acknowledgement, Change, Failure, LineLevel, LineSource, Name, Page, PullRequest, PushRequest,
        Pushed, RunId,
    },
    sandbox::{LogLine, LogSink, Outcome, Step},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Map;
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};
use tokio_util::sync::CancellationToken;
use tracing::Level;

/// One connector in one run, or in a dry run.
pub(super) struct Guest {
    opened: Opened,
    connector: Name,
    voice: Arc<Voice>,
    recorder: Option<Recorder>,
}

impl Guest {
    pub(super) fn new(opened: &Opened, ask: SourceAsk<'_>) -> Self {
        let opened = if ask.read_only { opened.read_only() } else { opened.clone() };
        let (connector, run) = (ask.connector.clone(), ask.run);
        let log = run.and_then(log::find);
        if let Some(log) = &log {
            let gateway = opened.gateway.clone();
            log.hide(move |text| gateway.redact(text));
        }
        let voice = Arc::new(Voice { run, log, opened: opened.clone() });
        Self { opened, connector, voice, recorder: None }
    }

    /// The same, its steps recorded.
    pub(super) fn recorded_by(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }
}

impl Guest {
    fn step(&self, state: BTreeMap<String, Bytes>, cancel: CancellationToken) -> Step {
        Step {
            gateway: Some(self.opened.gateway.clone()),
            state,
            cancel,
            log: Arc::clone(&self.voice) as Arc<dyn LogSink>,
            memory: self.opened.offer.manifest.limits.memory,
            seed: None,
        }
    }
}

impl Sink for Guest {
    fn push(
        &self,
        changes: Vec<Change>,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Outcome<Vec<Acknowledgement>>> {
        let plugin = self.opened.offer.plugin.clone();
        let step = self.step(BTreeMap::new(), cancel);
        let (connector, settings) = (self.connector.clone(), self.opened.settings.clone());
        let request = PushRequest { connector, settings, changes };
        let voice = Arc::clone(&self.voice);
        Box::pin(async move {
            let mut outcome = plugin.push(step, request).await;
            match &mut outcome.result {
                Ok(answers) => answers.iter_mut().for_each(|answer| {
                    if let Pushed::Rejected(failure) = &mut answer.outcome {
                        voice.redact(failure);
                    }
                }),
                Err(failure) => voice.redact(failure),
            }
            outcome
        })
    }

    fn landed(&self) {
        self.opened.offer.plugin.landed();
    }
}

impl Source for Guest {
    fn pull(&self, ask: Ask) -> BoxFuture<'static, Outcome<Page>> {
        let plugin = self.opened.offer.plugin.clone();
        let step = self.step(ask.state, ask.cancel);
        let request = PullRequest {
            connector: self.connector.clone(),
            settings: self.opened.settings.clone(),
            cursor: ask.cursor,
            keys: ask.keys,
            limit: ask.limit,
        };
        let (voice, recorder) = (Arc::clone(&self.voice), self.recorder.clone());
        Box::pin(async move {
            let mut outcome = match recorder {
                Some(recorder) => recorder.pull(plugin, step, request).await,
                None => plugin.pull(step, request).await,
            };
            match &mut outcome.result {
                Ok(page) => page.rejects.iter_mut().for_each(|reject| voice.redact(&mut reject.reason)),
                Err(failure) => voice.redact(failure),
            }
            outcome
        })
    }

    fn landed(&self) {
        self.opened.offer.plugin.landed();
    }
}

/// What a guest says, passed to the log of its run and to the host's. Levels stay as
/// the guest chose them; in the host's log they have the target `guest`, so that a
/// filter can treat them apart from the host's own lines.
///
/// A remote system may echo the credential to a guest, and a guest may say what it
/// read: it is hidden in everything that passes here.
struct Voice {
    /// None in a dry run.
    run: Option<RunId>,
    log: Option<Arc<RunLog>>,
    opened: Opened,
}

impl Voice {
    fn redact(&self, failure: &mut Failure) {
        let gateway = &self.opened.gateway;
        failure.message = gateway.redact(&failure.message);
        for field in &mut failure.fields {
            field.message = gateway.redact(&field.message);
        }
    }

    fn keep(&self, level: Level, message: &str, fields: &[(String, String)]) {
        let Some(log) = &self.log else {
            return;
        };
        let level = match level {
            Level::ERROR => LineLevel::Error,
            Level::WARN => LineLevel::Warn,
            Level::INFO => LineLevel::Info,
            Level::DEBUG => LineLevel::Debug,
            _ => LineLevel::Trace,
        };
        let fields: Map<_, _> =
            fields.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        log.add(Said { level, source: LineSource::Guest, message: message.to_owned(), fields });
    }
}

impl LogSink for Voice {
    fn line(&self, line: LogLine<'_>) {
        let gateway = &self.opened.gateway;
        let message = gateway.redact(line.message);
        let redacted = |(name, value): &(String, String)| (gateway.redact(name), gateway.redact(value));
        let fields: Vec<_> = line.fields.iter().map(redacted).collect();
        self.keep(line.level, &message, &fields);
        macro_rules! emit {
            ($level:expr) => {
                tracing::event!(
                    target: "guest",
                    $level,
                    run.id = self.run.map(tracing::field::display),
                    guest.message = message,
                    guest.fields = joined(&fields),
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
