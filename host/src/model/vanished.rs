//! What becomes of records that are gone remotely.

use serde::{Deserialize, Serialize};

/// What becomes of a record that a full sync does not find any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vanished {
    /// It stays as it is, and is counted.
    Keep,
    /// It stays, with a mark that says since when it is gone.
    #[default]
    Mark,
    /// It is deleted.
    Delete,
}
