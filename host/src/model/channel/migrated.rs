//! The settings that a plugin's upgrade has replaced.

use super::Sealed;
use crate::model::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a channel's settings were before a plugin of another version took them over. It is
/// kept until a run with the new ones goes well, and comes back with the old version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Migrated {
    /// Version of the plugin that these settings were saved for.
    pub from: String,
    /// When they were replaced.
    pub at: Timestamp,
    /// The operator's values by field name, secrets left out.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The sealed secrets by field name, those that the new form no longer has among them.
    pub secrets: BTreeMap<String, Sealed>,
}
