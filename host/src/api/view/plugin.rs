//! A file of the plugins folder.

use crate::{
    catalog::{Catalog, Entry, Exports, Standing},
    model::{LastTrap, Manifest, Name, Timestamp, TrappedPlugin},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A file of the plugins folder, fit or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plugin {
    /// The file's name.
    pub file: String,
    /// In bytes.
    pub size: u64,
    /// When the file was last written.
    pub modified: Option<Timestamp>,
    /// Lower-case hex.
    pub sha256: Option<String>,
    /// Whether it is fit to run.
    pub status: PluginState,
    /// Why it is refused, or in quarantine, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
    /// Since when it is in quarantine, and for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<PluginQuarantine>,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Name>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The kinds of integration that it offers.
    pub channel_types: Vec<Name>,
    /// The optional interfaces that it exports.
    pub exports: Vec<String>,
}

/// Whether a file is fit to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// Still being written, or being compiled.
    Settling,
    /// Channels can be made from it.
    Ready,
    /// Not fit to run.
    Refused,
    /// Taken up, but none of its steps runs: too many in a row ended in a trap.
    Quarantined,
}

/// What a version of a plugin is in quarantine for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginQuarantine {
    /// Since when.
    pub since: Timestamp,
    /// Steps in a row that ended in a trap.
    pub traps: u32,
    /// The last of them.
    pub last: LastTrap,
}

/// Body of a request that lets plugins go on that are in quarantine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PluginName {
    /// The plugin's id, the file's name, or the beginning of its digest.
    pub plugin: String,
}

/// A version of a plugin that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleasedPlugin {
    /// What it calls itself.
    pub id: Name,
    /// Its version.
    pub version: String,
    /// The file's name when it trapped last.
    pub file: String,
    /// Lower-case hex.
    pub sha256: String,
    /// What it was in quarantine for.
    pub quarantine: PluginQuarantine,
}

impl From<TrappedPlugin> for PluginQuarantine {
    fn from(plugin: TrappedPlugin) -> Self {
        let TrappedPlugin { traps, last, quarantined, .. } = plugin;
        Self { since: quarantined.unwrap_or(last.at), traps, last }
    }
}

impl From<TrappedPlugin> for ReleasedPlugin {
    fn from(plugin: TrappedPlugin) -> Self {
        Self {
            id: plugin.plugin.clone(),
            version: plugin.version.clone(),
            file: plugin.file.clone(),
            sha256: plugin.sha256.clone(),
            quarantine: plugin.into(),
        }
    }
}

/// Why a file is not fit to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// Stable dotted name.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// A file that was judged without being taken up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// The verdict.
    pub plugin: Plugin,
    /// What the plugin says of itself; none where it is refused.
    pub manifest: Option<Value>,
}

impl From<&Entry> for Plugin {
    fn from(entry: &Entry) -> Self {
        let mut plugin = Self {
            file: entry.file.clone(),
            size: entry.size,
            modified: entry.modified,
            sha256: entry.sha256.clone(),
            status: PluginState::Settling,
            error: None,
            quarantine: None,
            id: None,
            version: None,
            channel_types: Vec::new(),
            exports: Vec::new(),
        };
        match &entry.standing {
            Standing::Settling => {}
            Standing::Ready(manifest, exports) => plugin.is_ready(manifest, *exports),
            Standing::Refused { code, reason } => {
                plugin.status = PluginState::Refused;
                plugin.error = Some(Refusal { code: code.clone(), message: reason.clone() });
            }
        }
        plugin
    }
}

impl Plugin {
    /// A file as the catalog has it at the moment.
    pub(in crate::api) fn of(entry: &Entry, catalog: &Catalog) -> Self {
        let mut plugin = Self::from(entry);
        let objection = plugin.sha256.as_deref().and_then(|sha256| catalog.objection(sha256));
        if let Some((trapped, failure)) = objection.filter(|_| plugin.status == PluginState::Ready) {
            plugin.status = PluginState::Quarantined;
            plugin.error = Some(Refusal { code: failure.code, message: failure.message });
            plugin.quarantine = Some(trapped.into());
        }
        plugin
    }

    fn is_ready(&mut self, manifest: &Manifest, exports: Exports) {
        self.status = PluginState::Ready;
        self.id = Some(manifest.id.clone());
        self.version = Some(manifest.version.clone());
        self.channel_types = manifest.channel_types.iter().map(|offered| offered.id.clone()).collect();
        self.exports = names(exports);
    }
}

fn names(exports: Exports) -> Vec<String> {
    [
        ("transport-check", exports.transport_check),
        ("connector", exports.connector),
        ("exporter", exports.exporter),
        ("operations", exports.operations),
        ("webhook", exports.webhook),
        ("lifecycle", exports.lifecycle),
    ]
    .into_iter()
    .filter(|(_, exported)| *exported)
    .map(|(name, _)| name.to_owned())
    .collect()
}

impl Inspection {
    /// A file that was judged, and whether its version is in quarantine.
    pub(in crate::api) fn of(entry: &Entry, catalog: &Catalog) -> Self {
        let manifest = match &entry.standing {
            Standing::Ready(manifest, _) => serde_json::to_value(manifest.as_ref()).ok(),
            _ => None,
        };
        Self { plugin: Plugin::of(entry, catalog), manifest }
    }
}
