//! Runs the steps of a run and records them.
//!
//! Whatever goes wrong with the recording ends the recording and is told in the log: the
//! run itself goes on as if nobody recorded.

use super::{
    Cassettes, Subject,
    form::{Head, VERSION},
    prepare::{Noted, prepare},
    writer::{Kept, Writer},
};
use crate::{
    catalog::Offer,
    channels::Opened,
    model::{Page, PluginVersion, PullRequest},
    sandbox::{Outcome, Plugin, Seed, Step},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex, PoisonError};

/// Records one run. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Parts>);

struct Parts {
    cassettes: Cassettes,
    opened: Opened,
    subject: Subject,
    stage: Mutex<Stage>,
}

/// How far the recording is. Steps of a run come one after the other.
enum Stage {
    Before,
    Open(Box<Writer>),
    Over,
}

impl Recorder {
    pub(super) fn new(cassettes: Cassettes, opened: &Opened, subject: Subject) -> Self {
        let stage = Mutex::new(Stage::Before);
        Self(Arc::new(Parts { cassettes, opened: opened.clone(), subject, stage }))
    }

    /// Runs one step as `Plugin::pull` does, with time and chance that can be given again,
    /// and records it. A step that was cancelled leaves nothing.
    pub fn pull(
        &self,
        plugin: Plugin,
        step: Step,
        request: PullRequest,
    ) -> BoxFuture<'static, Outcome<Page>> {
        let recorder = self.clone();
        Box::pin(async move { recorder.run(plugin, step, request).await })
    }

    async fn run(&self, plugin: Plugin, mut step: Step, request: PullRequest) -> Outcome<Page> {
        let (Some(gateway), Some(seed)) = (&step.gateway, self.seed()) else {
            return plugin.pull(step, request).await;
        };
        let (gateway, recording) = gateway.recording();
        step.gateway = Some(gateway);
        step.seed = Some(seed);
        let (state, cancel) = (step.state.clone(), step.cancel.clone());
        let (cursor, keys, limit) = (request.cursor.clone(), request.keys.clone(), request.limit);
        let outcome = plugin.pull(step, request).await;
        if !cancel.is_cancelled() {
            let (result, writes) = (outcome.result.clone(), outcome.state.clone());
            self.note(Noted { cursor, state, keys, limit, seed, recording, result, writes }).await;
        }
        outcome
    }

    /// Time and chance for a step; none where nothing is recorded any more.
    fn seed(&self) -> Option<Seed> {
        if matches!(*self.0.stage.lock().unwrap_or_else(PoisonError::into_inner), Stage::Over) {
            return None;
        }
        let mut random = [0; 32];
        // A system without randomness has worse to tell than this.
        getrandom::fill(&mut random).ok()?;
        Some(Seed { now: self.0.cassettes.0.clock.now(), random })
    }

    async fn note(&self, noted: Noted) {
        let plugin = self.plugin_file().await;
        let parts = Arc::clone(&self.0);
        let run = self.0.subject.run;
        let kept = tokio::task::spawn_blocking(move || parts.write(plugin, noted)).await;
        match kept {
            Ok(Ok(Kept::Yes)) => return,
            Ok(Ok(Kept::No(why))) => {
                tracing::warn!(run.id = %run, why, "the recording stopped, the run goes on")
            }
            Ok(Err(error)) => {
                tracing::warn!(run.id = %run, error = %chain(&error), "the run cannot be recorded")
            }
            Err(error) => tracing::error!(run.id = %run, %error, "the recording broke off"),
        }
        *self.0.stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage::Over;
    }

    /// The plugin's file, before the first step is written.
    async fn plugin_file(&self) -> Option<Bytes> {
        let is_first = matches!(*self.0.stage.lock().unwrap_or_else(PoisonError::into_inner), Stage::Before);
        if is_first { self.0.cassettes.0.catalog.file_of(&self.0.opened.offer).await } else { None }
    }
}

impl Parts {
    fn write(&self, plugin: Option<Bytes>, noted: Noted) -> Result<Kept, super::Error> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*stage, Stage::Before) {
            let shelf = Arc::clone(&self.cassettes.0.shelf);
            *stage = match Writer::open(shelf, self.head()?, plugin)? {
                Some(writer) => Stage::Open(Box::new(writer)),
                None => return Ok(Kept::No("its beginning was cut off or is of another plugin".to_owned())),
            };
        }
        match &mut *stage {
            Stage::Open(writer) => Ok(writer.note(&prepare(noted))?),
            Stage::Before | Stage::Over => Ok(Kept::Yes),
        }
    }

    fn head(&self) -> Result<Head, super::Error> {
        let Opened { channel, offer, gateway, settings } = &self.opened;
        // They hold `true` for a secret: what a guest sees of settings is none.
        let settings = String::from_utf8_lossy(settings).into_owned();
        let reach = gateway.reach();
        Ok(Head {
            version: VERSION,
            run: self.subject.run,
            channel_id: channel.id,
            channel: channel.name.clone(),
            channel_type: channel.channel_type.clone(),
            transport: channel.transport.clone(),
            connector: self.subject.connector.clone(),
            plugin: version_of(offer),
            file: offer.file.clone(),
            plugin_kept: false,
            host: env!("CARGO_PKG_VERSION").to_owned(),
            settings: RawValue::from_string(settings).map_err(std::io::Error::from)?,
            base: reach.base.into(),
            parameter: reach.parameter,
            created: self.cassettes.0.clock.now(),
            truncated: None,
        })
    }
}

/// The build of a plugin that an offer is of.
pub(super) fn version_of(offer: &Offer) -> PluginVersion {
    PluginVersion { version: offer.manifest.version.clone(), sha256: offer.plugin.sha256().to_owned() }
}

/// The error with its causes, for a log line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
