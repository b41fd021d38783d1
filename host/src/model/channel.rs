//! A configured channel, as it is stored.

mod conflicts;
mod migrated;
mod options;
mod paused;

pub use conflicts::ConflictPolicies;
pub use migrated::Migrated;
pub use options::{Parallel, Vanished};
pub use paused::Paused;

use super::{ChannelId, ChannelName, Mapping, Name, Schedule, Timestamp};
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
    /// Whether runs may start: a person's switch.
    pub enabled: bool,
    /// When runs were last allowed to start again: it was enabled, or its pause ended.
    /// None: not since it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_since: Option<Timestamp>,
    /// Why a program holds its runs back. A person's switch is another thing: a channel
    /// can be enabled and paused.
    #[serde(
        default,
        alias = "paused-because",
        deserialize_with = "paused::read",
        skip_serializing_if = "Option::is_none"
    )]
    pub paused: Option<Paused>,
    /// When it syncs by itself.
    #[serde(default, skip_serializing_if = "Schedule::is_default")]
    pub schedule: Schedule,
    /// How many of its connectors may run at the same time.
    #[serde(default, skip_serializing_if = "Parallel::is_default")]
    pub parallel: Parallel,
    /// What a full sync does with records that are gone remotely.
    #[serde(default, skip_serializing_if = "Vanished::is_default")]
    pub vanished: Vanished,
    /// Who is right about what both sides changed.
    #[serde(default, skip_serializing_if = "ConflictPolicies::is_default")]
    pub conflicts: ConflictPolicies,
    /// How records are turned into others, by connector.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mappings: BTreeMap<Name, Mapping>,
    /// The operator's values by field name, secrets left out.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The sealed secrets by field name.
    pub secrets: BTreeMap<String, Sealed>,
    /// Version of the plugin that the settings were saved for.
    pub plugin_version: String,
    /// The settings before a plugin of another version took them over, until a run with the
    /// new ones has gone well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated: Option<Migrated>,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last edited.
    pub edited: Timestamp,
    /// Counts the edits; an edit names the revision that it is based on.
    pub revision: u64,
}

impl Channel {
    /// Whether runs may start by themselves: nobody switched it off, and nothing holds
    /// it back.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.enabled && self.paused.is_none()
    }

    /// Since when its schedule counts: it was created, enabled, or its pause ended.
    #[must_use]
    pub fn active_since(&self) -> Timestamp {
        self.enabled_since.unwrap_or(self.created)
    }
}
