//! Starting a fake provider, and changing what it does.

use super::{
    control,
    provider::{Counts, Provider, Rules},
};
use crate::vendor::{Options, Script, Vendor};
use anyhow::Result;
use std::{net::SocketAddr, ops::Deref, sync::Arc};

/// What a fake provider is to be: tokens that hold an hour, refresh tokens for one use, 40 tasks
/// behind it.
#[derive(Clone, Debug)]
pub struct Builder {
    rules: Rules,
    script: Script,
    options: Options,
}

impl Default for Builder {
    fn default() -> Self {
        let rules = Rules {
            lifetime: 3_600,
            rotates: true,
            forgives: false,
            denies: false,
            redirect_uris: Vec::new(),
            tasks: 40,
        };
        Self { rules, script: Script::default(), options: Options::default() }
    }
}

impl Builder {
    /// How many seconds an access token holds.
    #[must_use]
    pub fn lifetime(self, seconds: u64) -> Self {
        Self { rules: Rules { lifetime: seconds, ..self.rules }, ..self }
    }

    /// A refresh token is good for ever.
    #[must_use]
    pub fn keeping_refresh_tokens(self) -> Self {
        Self { rules: Rules { rotates: false, ..self.rules }, ..self }
    }

    /// A refresh token may be used again as long as the next one was not.
    #[must_use]
    pub fn forgiving(self) -> Self {
        Self { rules: Rules { forgives: true, ..self.rules }, ..self }
    }

    /// So many tasks, with the ids from 1 on.
    #[must_use]
    pub fn tasks(self, tasks: u64) -> Self {
        Self { rules: Rules { tasks, ..self.rules }, ..self }
    }

    /// A redirect URI that is registered from the start.
    #[must_use]
    pub fn redirect_uri(mut self, uri: &str) -> Self {
        self.rules.redirect_uris.push(uri.to_owned());
        self
    }

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

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub fn start(self) -> Result<OAuth> {
        let (vendor, provider) = Vendor::serving(self.options, self.script, |address| {
            Provider::new(format!("http://{address}"), self.rules)
        })?;
        Ok(OAuth { vendor, provider })
    }
}

/// A running fake provider; what every vendor can do is reached through it as well. It stops
/// when this is dropped.
pub struct OAuth {
    vendor: Vendor,
    provider: Arc<Provider>,
}

impl Deref for OAuth {
    type Target = Vendor;

    fn deref(&self) -> &Vendor {
        &self.vendor
    }
}

impl OAuth {
    /// What it is to be.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Registers a redirect URI, which has to come exactly so.
    pub fn register(&self, uri: &str) {
        control::register(&self.provider, uri);
    }

    /// Refuses all access tokens that there are, though they should hold.
    pub fn expire(&self) {
        control::expire(&self.provider);
    }

    /// Ends all grants.
    pub fn revoke(&self) {
        control::revoke(&self.provider);
    }

    /// From now on the person refuses, or does not.
    pub fn deny(&self, denies: bool) {
        self.provider.lock().rules.denies = denies;
    }

    /// How often what was done.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.provider.lock().counts
    }
}
