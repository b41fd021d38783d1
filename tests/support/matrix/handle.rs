//! Starting a fake homeserver, and doing there what other people do.

use super::{control, homeserver::Homeserver};
use crate::vendor::{Options, Script, Vendor};
use anyhow::Result;
use serde_json::Value;
use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

/// What a fake homeserver is to be.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    script: Script,
    options: Options,
}

impl Builder {
    /// The fault script from the start on.
    #[must_use]
    pub fn script(self, script: impl Into<Script>) -> Self {
        Self { script: script.into(), ..self }
    }

    /// Where to listen; a free port of 127.0.0.1 by default.
    #[must_use]
    pub fn listen(self, listen: SocketAddr) -> Self {
        Self { options: Options { listen, ..self.options }, ..self }
    }

    /// How long every answer is held back.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { options: Options { latency, ..self.options }, ..self }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub fn start(self) -> Result<Matrix> {
        let (vendor, server) = Vendor::serving(self.options, self.script, |_| Homeserver::new())?;
        Ok(Matrix { vendor, server })
    }
}

/// A running fake homeserver; what every vendor can do is reached through it as well. It stops
/// when this is dropped.
pub struct Matrix {
    vendor: Vendor,
    server: Arc<Homeserver>,
}

impl Deref for Matrix {
    type Target = Vendor;

    fn deref(&self) -> &Vendor {
        &self.vendor
    }
}

impl Matrix {
    /// What it is to be.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// All messages of all rooms, as a client sees them.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        control::messages(&self.server)
    }

    /// Reacts to a message.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn react(&self, message: &str, key: &str, sender: &str) -> Result<()> {
        control::react(&self.server, message, key, sender).map(|_| ())
    }

    /// Edits a message, as its sender would.
    ///
    /// # Errors
    /// When there is no such message.
    pub fn edit(&self, message: &str, text: &str) -> Result<()> {
        control::edit(&self.server, message, text).map(|_| ())
    }

    /// Forgets which transactions were done, as a homeserver does after a while.
    pub fn forget_transactions(&self) {
        self.server.state().transactions.clear();
    }
}
