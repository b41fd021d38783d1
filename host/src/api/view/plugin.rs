//! A file of the plugins folder.

use crate::{
    catalog::{Entry, Exports, Standing},
    model::{Manifest, Name, Timestamp},
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
    /// Why it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
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

impl From<&Entry> for Inspection {
    fn from(entry: &Entry) -> Self {
        let manifest = match &entry.standing {
            Standing::Ready(manifest, _) => serde_json::to_value(manifest.as_ref()).ok(),
            _ => None,
        };
        Self { plugin: Plugin::from(entry), manifest }
    }
}
