//! A configured channel, as it is stored.

use super::{ChannelId, ChannelName, Name, Timestamp, Vanished};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A sealed secret: base64 of a version byte, a mark of the key, nonce and
/// ciphertext. Harmless without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub String);

/// A configured instance of a channel type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Channel {
    /// Stays the same when the name changes.
    pub id: ChannelId,
    /// Unique in the host.
    pub name: ChannelName,
    /// Which kind of integration.
    pub channel_type: Name,
    /// Which transport of the channel type.
    pub transport: Name,
    /// The connectors that are switched on.
    pub connectors: Vec<Name>,
    /// Whether local changes are exported.
    pub two_way: bool,
    /// Whether runs may start.
    pub enabled: bool,
    /// What becomes of records that a full sync does not find any more.
    #[serde(default)]
    pub vanished: Vanished,
    /// Why a program, not a person, switched it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_because: Option<String>,
    /// The operator's values by field name, secrets left out.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The sealed secrets by field name.
    pub secrets: BTreeMap<String, Sealed>,
    /// Version of the plugin that the settings were saved for.
    pub plugin_version: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last edited.
    pub edited: Timestamp,
    /// Counts the edits; an edit names the revision that it is based on.
    pub revision: u64,
}
