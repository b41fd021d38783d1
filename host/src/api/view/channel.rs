//! A channel as it is shown.

mod body;

pub use body::{Edit, NewChannel, NewSync};

use super::{Problem, Run, Schedule};
use crate::{
    channels,
    model::{
        self, ChannelId, ChannelName, ConflictPolicies, Interval, Name, Parallel, Paused, Timestamp, Vanished,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Why a program holds its runs back, whatever the person's switch says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// The same as a sentence alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_because: Option<String>,
    /// When it syncs by itself.
    pub schedule: Schedule,
    /// How many of its connectors may run at the same time.
    pub parallel: Parallel,
    /// What a full sync does with records that are gone remotely.
    pub vanished: Vanished,
    /// Who is right about what both sides changed, where it is not the remote system.
    #[serde(default, skip_serializing_if = "ConflictPolicies::is_default")]
    pub conflicts: ConflictPolicies,
    /// The values by field name, secrets left out.
    pub settings: Map<String, Value>,
    /// The names of the secrets that are set.
    pub secrets: Vec<String>,
    /// Version of the plugin that the settings were saved for.
    pub plugin_version: String,
    /// From which version the settings were carried over, while the old ones are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings_migrated: Option<Upgraded>,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last edited.
    pub edited: Timestamp,
    /// Counts the edits.
    pub revision: u64,
}

/// Settings that were carried over to another version of the plugin. The old ones are kept
/// until a run with the new ones goes well, and come back with the old version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Upgraded {
    /// The version that the old settings are of.
    pub from: String,
    /// The version that the present ones are of.
    pub to: String,
    /// When the old ones were put aside.
    pub at: Timestamp,
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
    /// Local changes that wait to be exported, where some do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Waiting>,
    /// Its newest run.
    pub last_run: Option<Run>,
}

/// Local changes that wait to be exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waiting {
    /// All of them.
    pub changes: u64,
    /// Those that the remote system refused.
    pub refused: u64,
    /// Those that a person has to decide on first.
    pub held: u64,
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

impl Channel {
    /// As a host shows it where channels without a schedule of their own sync `every` so often.
    #[must_use]
    pub fn of(channel: model::Channel, every: Interval) -> Self {
        Self {
            id: channel.id,
            name: channel.name,
            channel_type: channel.channel_type,
            transport: channel.transport,
            connectors: channel.connectors,
            two_way: channel.two_way,
            enabled: channel.enabled,
            paused_because: channel.paused.as_ref().map(|paused| paused.message.clone()),
            paused: channel.paused,
            schedule: Schedule::of(&channel.schedule, every),
            parallel: channel.parallel,
            vanished: channel.vanished,
            conflicts: channel.conflicts,
            settings: channel.settings,
            secrets: channel.secrets.into_keys().collect(),
            settings_migrated: channel.migrated.map(|old| Upgraded {
                from: old.from,
                to: channel.plugin_version.clone(),
                at: old.at,
            }),
            plugin_version: channel.plugin_version,
            created: channel.created,
            edited: channel.edited,
            revision: channel.revision,
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
