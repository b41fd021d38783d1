//! What a person does with a channel, and what a plugin is asked before.

use super::Name;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// What a person does with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LifecycleStep {
    /// Lets runs start.
    Enable,
    /// Lets no run start.
    Disable,
    /// Removes it and everything that the host holds of it.
    Delete,
}

impl LifecycleStep {
    /// The word for it, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for LifecycleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a plugin is asked before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleQuestion {
    /// What is to be done.
    pub step: LifecycleStep,
    /// Of which kind the channel is.
    pub channel_type: Name,
    /// A JSON object, `true` in the place of a secret.
    pub settings: Bytes,
    /// What the host holds of the channel, a JSON object.
    pub holdings: Bytes,
}

/// What the host holds of a channel, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// By connector: those that are switched on, and those of which there is still something.
    pub connectors: BTreeMap<Name, Held>,
    /// Runs in the history, ended or not.
    pub runs: u64,
}

/// What the host holds of one connector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Held {
    /// Records.
    pub records: u64,
    /// Keys that wait to be fetched.
    pub due: u64,
    /// Records that were set aside with a reason.
    pub quarantined: u64,
    /// Local changes that the remote system has not got yet.
    pub unsent: u64,
}
