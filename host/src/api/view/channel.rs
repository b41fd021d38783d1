//! A channel as it is asked for and as it is shown.

use super::{Problem, Run};
use crate::{
    channels,
    model::{self, ChannelId, ChannelName, Name, Secret, Timestamp},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A configured channel. Secrets are named, never shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Channel {
    /// Stays the same when the name changes.
    pub id: ChannelId,
    /// Unique in the host.
    pub name: ChannelName,
    /// The channel type.
    #[serde(rename = "type")]
    pub channel_type: Name,
    /// The transport of the channel type.
    pub transport: Name,
    /// The connectors that are switched on.
    pub connectors: Vec<Name>,
    /// Whether local changes are exported.
    pub two_way: bool,
    /// Whether runs may start.
    pub enabled: bool,
    /// Why a program, not a person, switched it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_because: Option<String>,
    /// The values by field name, secrets left out.
    pub settings: Map<String, Value>,
    /// The names of the secrets that are set.
    pub secrets: Vec<String>,
    /// Version of the plugin that the settings were saved for.
    pub plugin_version: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last edited.
    pub edited: Timestamp,
    /// Counts the edits.
    pub revision: u64,
}

/// A channel with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChannelDetail {
    /// The channel.
    #[serde(flatten)]
    pub channel: Channel,
    /// The file that offers its type now; none: no plugin does.
    pub plugin: Option<String>,
    /// How its connectors stand, switched on or not.
    pub connector_states: Vec<ConnectorState>,
    /// Its newest run.
    pub last_run: Option<Run>,
}

/// How a connector of a channel stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectorState {
    /// Its name.
    pub connector: Name,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Records that the host keeps.
    pub records: u64,
    /// Keys that wait to be fetched.
    pub due: u64,
    /// Records that were set aside with a reason.
    pub quarantined: u64,
    /// Its newest run.
    pub last_run: Option<Run>,
}

/// Body of a request that makes a channel.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewChannel {
    /// Unique in the host.
    pub name: ChannelName,
    /// The channel type.
    #[serde(rename = "type")]
    pub channel_type: Name,
    /// The transport; the type's first one where none is named.
    #[serde(default)]
    pub transport: Option<Name>,
    /// Values by field name, as text or JSON.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Secrets by field name.
    #[serde(default, deserialize_with = "secrets")]
    pub secrets: BTreeMap<String, Secret>,
    /// The connectors to switch on; all where none are named.
    #[serde(default)]
    pub connectors: Option<Vec<Name>>,
    /// Whether local changes are to be exported.
    #[serde(default)]
    pub two_way: bool,
    /// Whether runs may start; they may where nothing is said.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Body of a request that changes a channel. What is absent stays as it was.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Edit {
    /// The new name.
    #[serde(default)]
    pub name: Option<ChannelName>,
    /// Values by field name; `null` takes a value away, a secret too.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Secrets by field name.
    #[serde(default, deserialize_with = "secrets")]
    pub secrets: BTreeMap<String, Secret>,
    /// The connectors to switch on; the others are switched off.
    #[serde(default)]
    pub connectors: Option<Vec<Name>>,
    /// Whether local changes are to be exported.
    #[serde(default)]
    pub two_way: Option<bool>,
}

/// Body of a request to sync a channel.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NewSync {
    /// The connectors to run; all that are switched on where none are named.
    pub connectors: Vec<Name>,
    /// Whether to start from the beginning.
    pub full: bool,
    /// Whether to record the exchanges of the runs.
    pub record: bool,
}

/// What the check of a channel's transport found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckReport {
    /// Whether the remote system let us in.
    pub ok: bool,
    /// What the remote system says of itself and of us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Map<String, Value>>,
    /// Why it did not let us in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// How long it took.
    pub took_ms: u64,
    /// Requests that were sent, retries and redirects included.
    pub requests: u64,
}

fn yes() -> bool {
    true
}

fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Secret>, D::Error> {
    let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(texts.into_iter().map(|(name, text)| (name, Secret::new(text))).collect())
}

impl From<model::Channel> for Channel {
    fn from(channel: model::Channel) -> Self {
        Self {
            id: channel.id,
            name: channel.name,
            channel_type: channel.channel_type,
            transport: channel.transport,
            connectors: channel.connectors,
            two_way: channel.two_way,
            enabled: channel.enabled,
            paused_because: channel.paused_because,
            settings: channel.settings,
            secrets: channel.secrets.into_keys().collect(),
            plugin_version: channel.plugin_version,
            created: channel.created,
            edited: channel.edited,
            revision: channel.revision,
        }
    }
}

impl From<NewChannel> for channels::Draft {
    fn from(new: NewChannel) -> Self {
        Self {
            name: new.name,
            channel_type: new.channel_type,
            transport: new.transport,
            settings: new.settings,
            secrets: new.secrets,
            connectors: new.connectors,
            two_way: new.two_way,
            enabled: new.enabled,
        }
    }
}

impl From<Edit> for channels::Change {
    fn from(edit: Edit) -> Self {
        Self {
            name: edit.name,
            settings: edit.settings,
            secrets: edit.secrets,
            connectors: edit.connectors,
            two_way: edit.two_way,
        }
    }
}

impl From<channels::CheckReport> for CheckReport {
    fn from(report: channels::CheckReport) -> Self {
        let (result, error) = match report.result {
            Ok(result) => (Some(result), None),
            Err(failure) => (None, Some(Problem::from(failure))),
        };
        Self { ok: error.is_none(), result, error, took_ms: report.took_ms, requests: report.usage.sent }
    }
}
