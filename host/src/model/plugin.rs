//! How a version of a plugin fares.

use super::{Name, Timestamp};
use serde::{Deserialize, Serialize};

/// A version of a plugin whose last steps ended in a trap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrappedPlugin {
    /// Digest of the file, in lower-case hex.
    pub sha256: String,
    /// The file's name when it trapped last.
    pub file: String,
    /// What it calls itself.
    pub plugin: Name,
    /// Its version.
    pub version: String,
    /// Steps in a row that ended in a trap.
    pub traps: u32,
    /// The last of them.
    pub last: LastTrap,
    /// Since when it is in quarantine; none where it is not, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<Timestamp>,
}

/// How a step trapped. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LastTrap {
    /// When.
    pub at: Timestamp,
    /// Such as `trap.unreachable`.
    pub code: String,
    /// A sentence for an operator, with the last words of the plugin.
    pub message: String,
}
