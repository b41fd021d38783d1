//! The sandbox through its face, with guests made of a few lines of
//! WebAssembly text: small enough to be exactly as hostile as they look.

mod compiling;
mod files;
mod guest;
mod limits;
mod pages;
mod steps;

use super::*;
use crate::model::{Failure, Size, Timestamp};
use guest::Guest;
use std::{collections::BTreeMap, sync::Mutex};
use tokio_util::sync::CancellationToken;

/// A sandbox in a folder of its own.
struct Bench {
    sandbox: Sandbox,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// With the configuration changed.
    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        change(&mut config);
        let setup = Setup {
            config,
            clock: Clock::manual(Timestamp::from_millis(1_700_000_000_000)),
            compiler: None,
            cache: folder.path().join("cache"),
        };
        Self { sandbox: Sandbox::new(setup).unwrap(), _folder: folder }
    }

    async fn load(&self, guest: &Guest) -> Plugin {
        self.sandbox.load(guest.build()).await.unwrap()
    }

    /// What comes of `describe` of the guest.
    async fn describe(&self, guest: &Guest) -> Outcome<Bytes> {
        self.load(guest).await.describe(step()).await
    }

    /// The failure of `describe` of the guest.
    async fn failure(&self, guest: &Guest) -> Failure {
        self.describe(guest).await.result.unwrap_err()
    }

    /// Whether a harmless guest still gets its answer.
    async fn is_well(&self) {
        assert_eq!(self.describe(&Guest::default()).await.result.unwrap(), "{}");
    }
}

/// Keeps the lines.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LogSink for Lines {
    fn line(&self, line: LogLine<'_>) {
        self.0.lock().unwrap().push(format!("{} {}", line.level, line.message));
    }
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A step with nothing to it.
fn step() -> Step {
    Step {
        gateway: None,
        state: BTreeMap::new(),
        cancel: CancellationToken::new(),
        log: Arc::new(Lines::default()),
        memory: None,
        seed: None,
    }
}
