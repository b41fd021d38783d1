//! What can go wrong with channels.

use super::vault::VaultError;
use crate::{
    model::{ChannelName, Class, Failure, Fault, FieldError, LifecycleStep, Name},
    store,
};

/// Why something could not be done with a channel. No text of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has that name.
    #[error("there is no channel '{0}'")]
    NoChannel(String),
    /// Names are unique in the host.
    #[error("another channel has the name '{0}'")]
    NameTaken(String),
    /// The channel type is not on offer; in words that name the file that matters.
    #[error("{0}")]
    NoType(String),
    /// The channel type has no such transport.
    #[error("the channel type '{channel_type}' has no transport '{transport}'; it has: {known}")]
    NoTransport {
        /// What the channel is to be.
        channel_type: Name,
        /// What was asked for.
        transport: Name,
        /// What there is.
        known: String,
    },
    /// The channel type has no such connector.
    #[error("the channel type '{channel_type}' has no connector '{connector}'; it has: {known}")]
    NoConnector {
        /// What the channel is.
        channel_type: Name,
        /// What was asked for.
        connector: Name,
        /// What there is.
        known: String,
    },
    /// Two-way was asked for where nothing can be exported.
    #[error("the channel type '{0}' has no two-way connector: leave two-way sync off")]
    OneWay(Name),
    /// What is wrong with which field.
    #[error("the settings are not valid")]
    Settings(Vec<FieldError>),
    /// The row is not what the change was based on.
    #[error("channel '{0}' was changed by somebody else at the same time; look at it and try again")]
    Stale(String),
    /// The plugin has something against it.
    #[error("the plugin does not let channel '{channel}' be {step}d: {}{}", .words.message, way_out(*.step))]
    Refused {
        /// Which channel.
        channel: ChannelName,
        /// What was to be done.
        step: LifecycleStep,
        /// The plugin's.
        words: Box<Failure>,
    },
    /// The key, or a sealed secret.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The plugin, its absence, or what it makes of the settings.
    #[error("{0}")]
    Plugin(Failure),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoChannel(_)
            | Self::NameTaken(_)
            | Self::NoType(_)
            | Self::NoTransport { .. }
            | Self::NoConnector { .. }
            | Self::OneWay(_)
            | Self::Settings(_)
            | Self::Refused { .. } => Fault::Invalid,
            Self::Stale(_) => Fault::Transient,
            Self::Vault(error) => error.fault(),
            Self::Plugin(failure) => failure.fault(),
            Self::Store(error) => error.fault(),
        }
    }

    /// The same as a failure, for the history of runs.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let class = match self.fault() {
            Fault::Transient => Class::Transient,
            Fault::Auth => Class::Auth,
            Fault::Denied => Class::Denied,
            Fault::Invalid => Class::Config,
            Fault::Bug => Class::Internal,
        };
        match self {
            Self::Plugin(failure) => failure,
            Self::Settings(fields) => {
                Failure::new(class, "channel.settings", "the settings are not valid").with_fields(fields)
            }
            Self::Vault(error) => Failure::new(class, error.code(), error.to_string()),
            Self::NoType(words) => Failure::new(class, "plugin.missing", words),
            Self::Refused { .. } => Failure::new(class, "lifecycle.refused", self.to_string()),
            other => Failure::new(class, "channel.failed", other.to_string()),
        }
    }
}

fn way_out(step: LifecycleStep) -> &'static str {
    match step {
        LifecycleStep::Enable => "",
        LifecycleStep::Disable | LifecycleStep::Delete => "; --force overrules it",
    }
}
