//! What is changed here: what came of a write, what waits to be exported, what became of a
//! record.

use super::{Problem, Record};
use crate::model::{self, ConflictId, FieldConflict, Name, RecordKey, Timestamp, TrailStep, Write};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What became of a record that was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Written {
    /// What was done; none: it was just so already.
    pub kind: Option<Write>,
    /// JSON Pointers of the fields that changed.
    pub fields: Vec<String>,
    /// The record as it is now; none where it was deleted.
    pub record: Option<Record>,
    /// The change that waits to be exported, if one does.
    pub outgoing: Option<Outgoing>,
}

/// A change that waits to be exported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outgoing {
    /// The connector, in lists of more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<Name>,
    /// The record's key here.
    pub key: RecordKey,
    /// What the edits amount to.
    pub kind: Write,
    /// When the first edit was made.
    pub since: Timestamp,
    /// When the last edit was made.
    pub changed: Timestamp,
    /// Who made the last edit.
    pub author: String,
    /// Tries that ended without an outcome.
    pub tries: u32,
    /// Not to be sent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When it was sent, where the answer is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Timestamp>,
    /// Why it was not done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Problem>,
    /// Whether the remote system refused it: it waits for another edit, or for a person.
    pub refused: bool,
    /// The conflict that a person has to decide first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<ConflictId>,
}

impl From<model::Outgoing> for Outgoing {
    fn from(row: model::Outgoing) -> Self {
        Self {
            connector: None,
            key: row.key,
            kind: row.kind,
            since: row.since,
            changed: row.changed,
            author: row.author.to_string(),
            tries: row.tries,
            due: row.due,
            sent: row.sent.map(|sent| sent.at),
            failure: row.failure.map(Problem::from),
            refused: row.refused,
            held: row.held,
        }
    }
}

/// A change that waits, with what would be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OutgoingDetail {
    /// The change.
    pub change: Outgoing,
    /// The remote id, where it is another than the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RecordKey>,
    /// The record as it is here; none where it was deleted.
    pub record: Option<Record>,
    /// The fields that would be sent: what both sides had, and what is here.
    pub fields: Vec<FieldConflict>,
}

/// Which changes of a channel that wait.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct OutgoingSelection {
    /// Of this connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<Name>,
    /// The one of this record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<RecordKey>,
    /// All that there are, of the channel or of the connector.
    pub all: bool,
}

/// What was asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AskedAgain {
    /// How many changes.
    pub asked: u64,
}

/// What was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GivenUp {
    /// How many changes.
    pub dropped: u64,
    /// Those that were not, because they were sent and are not answered yet.
    pub in_flight: u64,
}

/// Which remote record a local one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewLink {
    /// The remote id.
    pub remote: RecordKey,
}

/// A local record and the remote one that it is, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Link {
    /// The key here.
    pub key: RecordKey,
    /// The remote id.
    pub remote: RecordKey,
}

/// One change of a record.
pub type Step = TrailStep;

/// What a person decides about a conflict.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Resolution {
    /// `local` or `remote`, for the fields that are not named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take: Option<Side>,
    /// By JSON Pointer: `local`, `remote`, or another value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Choice>,
}

/// Whose value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What the record has here.
    Local,
    /// What the remote system has.
    Remote,
}

/// What one field is to have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// What the record has here.
    Local,
    /// What the remote system has.
    Remote,
    /// Something else.
    Value(Value),
}
