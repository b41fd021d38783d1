//! One host under many sequences that are played side by side.
//!
//! What changes something holds the host still until it is answered, so that it is always known
//! whether it was done. What only looks is asked again where the host was killed meanwhile.

use super::api::{self, Answer};
use crate::host::TestHost;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::{
    sync::{PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

/// The host, and how often it was started.
pub(super) struct Stand(RwLock<Servant>);

struct Servant {
    host: TestHost,
    life: u64,
}

impl Stand {
    pub(super) fn new(host: TestHost) -> Self {
        Self(RwLock::new(Servant { host, life: 0 }))
    }

    /// Which life of the host it is.
    pub(super) fn life(&self) -> u64 {
        self.read().life
    }

    /// Runs a command that must succeed.
    pub(super) fn ok(&self, arguments: &[&str]) -> Result<()> {
        self.read().host.ok(arguments).map(|_| ())
    }

    /// Asks the host for what may be asked for again.
    pub(super) fn look(&self, path: &str) -> Result<Answer> {
        loop {
            let (url, life) = {
                let servant = self.read();
                (servant.host.url()?.to_owned(), servant.life)
            };
            match api::ask(&url, "GET", path, None) {
                Err(error) if self.life() == life => return Err(error),
                Err(_) => {}
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// Has the host do something; it is not killed before it has answered.
    pub(super) fn tell(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let servant = self.read();
        api::ask(servant.host.url()?, method, path, body)
    }

    /// Stops the host after so long as a power cut would, and starts it again. Where another
    /// sequence has killed it since that life, that was the kill of this one, too.
    pub(super) fn kill(&self, since: u64, after: Duration) -> Result<()> {
        super::world::pass(after);
        let mut servant = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if servant.life != since {
            return Ok(());
        }
        servant.life += 1;
        servant.host.kill()?;
        servant.host.start().context("start the host again")
    }

    /// Stops it in an orderly way, and starts it again.
    pub(super) fn restart(&self) -> Result<()> {
        let mut servant = self.0.write().unwrap_or_else(PoisonError::into_inner);
        servant.life += 1;
        servant.host.restart()
    }

    fn read(&self) -> RwLockReadGuard<'_, Servant> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
