//! What became, or would become, of a channel that is disabled or deleted.

use super::{Channel, Problem};
use crate::{
    channels::{self, Objection},
    model::{ChannelName, Held, Name},
};
use serde::{Deserialize, Serialize};

/// A channel that was disabled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Disabled {
    /// The channel.
    #[serde(flatten)]
    pub channel: Channel,
    /// What its plugin had against it, or why it gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Problem>,
}

/// A channel that was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deleted {
    /// Its name.
    pub deleted: String,
    /// What its plugin had against it, or why it gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Problem>,
}

/// What a delete would remove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deletion {
    /// The channel.
    pub channel: ChannelName,
    /// What there is of each connector.
    pub connectors: Vec<ConnectorHoldings>,
    /// Runs in the history.
    pub runs: u64,
    /// Runs that were recorded.
    pub cassettes: u64,
    /// The names of its secrets.
    pub secrets: Vec<String>,
    /// Why the plugin refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Problem>,
    /// Why the plugin, which has a say, gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Problem>,
}

/// What there is of a connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectorHoldings {
    /// Its name.
    pub connector: Name,
    /// In numbers.
    #[serde(flatten)]
    pub held: Held,
}

impl Deletion {
    /// With the number of cassettes, which another floor knows.
    #[must_use]
    pub fn of(deletion: channels::Deletion, cassettes: u64) -> Self {
        let channels::Deletion { channel, holdings, objection } = deletion;
        let (refusal, warning) = match objection {
            None => (None, None),
            Some(Objection::Refusal(words)) => (Some(words.into()), None),
            Some(Objection::NoAnswer(failure)) => (None, Some(failure.into())),
        };
        let holding = |(connector, held)| ConnectorHoldings { connector, held };
        Self {
            channel: channel.name,
            connectors: holdings.connectors.into_iter().map(holding).collect(),
            runs: holdings.runs,
            cassettes,
            secrets: channel.secrets.into_keys().collect(),
            refusal,
            warning,
        }
    }
}
