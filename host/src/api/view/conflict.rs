//! A conflict as it is shown.

use crate::model::{
    self, ChannelName, ConflictId, FieldConflict, Name, RecordKey, RunId, Settlement, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Fields of a record that both sides changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conflict {
    /// Its id.
    pub id: ConflictId,
    /// The channel.
    pub channel: ChannelName,
    /// The connector.
    pub connector: Name,
    /// The local key of the record.
    pub key: RecordKey,
    /// When it was found.
    pub at: Timestamp,
    /// The run that found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The route that found it; `remote` is what it brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Name>,
    /// Whether it waits for a person.
    pub waits: bool,
    /// How it ended, where it waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settlement>,
    /// What excludes each other.
    pub fields: Vec<FieldConflict>,
}

impl Conflict {
    /// A conflict of a connector.
    #[must_use]
    pub fn of(channel: ChannelName, connector: Name, conflict: model::Conflict) -> Self {
        let model::Conflict { id, key, at, run, route, fields, held, settled } = conflict;
        Self {
            id,
            channel,
            connector,
            key,
            at,
            run,
            route,
            waits: held && settled.is_none(),
            settled,
            fields,
        }
    }
}
