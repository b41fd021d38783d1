//! A conflict, as it is kept for people.

use super::FieldConflict;
use crate::model::{Author, ConflictId, Name, RecordKey, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// How a held conflict ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settlement {
    /// When.
    pub at: Timestamp,
    /// Who decided.
    pub by: Author,
}

/// A conflict, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conflict {
    /// Sorts by the time at which it was found.
    pub id: ConflictId,
    /// The local key of the record.
    pub key: RecordKey,
    /// When it was found.
    pub at: Timestamp,
    /// The run that found it; none: a route did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The route that found it. What it brings stands as the remote side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Name>,
    /// What excludes each other.
    pub fields: Vec<FieldConflict>,
    /// Whether it waits for a person.
    pub held: bool,
    /// How it ended, where it was held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settlement>,
}
