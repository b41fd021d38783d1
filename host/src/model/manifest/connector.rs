//! What a manifest says of an entity stream.

use crate::model::Name;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An entity stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Connector {
    /// Unique within the channel type.
    pub id: Name,
    /// What people call it.
    pub label: String,
    /// The remote system's word for a record.
    pub entity: String,
    /// One way or both.
    #[serde(default)]
    pub direction: Direction,
    /// What tells it where to go on.
    #[serde(default)]
    pub driven_by: DrivenBy,
    /// Connectors that must have run well before, in the same sync.
    #[serde(default)]
    pub depends_on: Vec<Name>,
    /// Lower ones run first, where dependencies leave a choice.
    #[serde(default)]
    pub order: i32,
    /// Whether it can start again from the beginning.
    #[serde(default = "yes")]
    pub supports_full: bool,
    /// Records a page, or due keys a step.
    #[serde(default = "hundred")]
    pub page_size: u32,
    /// JSON Schema of the payload.
    #[serde(default)]
    pub schema: Option<Value>,
    /// Where payloads name other records.
    #[serde(default)]
    pub references: Vec<Reference>,
    /// What its exporter can do.
    #[serde(default = "all_writes")]
    pub writes: Vec<Write>,
}

/// A member of payloads that holds keys of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reference {
    /// JSON Pointer to the member: a key as a text or a number, or a list of them.
    pub field: String,
    /// The connector of the records.
    pub connector: Name,
}

/// What can be done to a record remotely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// A new record.
    Create,
    /// Changed fields.
    Update,
    /// The record is to go.
    Delete,
}

fn all_writes() -> Vec<Write> {
    vec![Write::Create, Write::Update, Write::Delete]
}

fn yes() -> bool {
    true
}

fn hundred() -> u32 {
    100
}

/// Which ways a connector goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the remote system only.
    #[default]
    Import,
    /// Both ways.
    TwoWay,
}

/// What tells a connector where to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrivenBy {
    /// The cursor of the last page.
    #[default]
    Cursor,
    /// Due keys that other connectors and webhooks left.
    Keys,
}
