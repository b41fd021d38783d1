//! Two edits of one record that exclude each other, and what was made of them.

use super::{Author, ConflictId, RecordKey, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whose value was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taken {
    /// The value that was here.
    Local,
    /// The value of the remote system.
    Remote,
    /// Neither: a person decides.
    Held,
}

/// One field that both sides changed, each to another value. What is absent has no value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldConflict {
    /// JSON Pointer into the payload; empty for the whole record, where one side
    /// deleted it.
    pub field: String,
    /// What both sides had.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub base: Option<Value>,
    /// What is here.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub local: Option<Value>,
    /// What is there.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    pub remote: Option<Value>,
    /// Whose value was taken.
    pub taken: Taken,
}

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
    /// The run that found it.
    pub run: RunId,
    /// What excludes each other.
    pub fields: Vec<FieldConflict>,
    /// Whether it waits for a person.
    pub held: bool,
    /// How it ended, where it was held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settlement>,
}

/// Tells `null` from absent.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    #[expect(clippy::ref_option, reason = "serde hands over the field")]
    pub(super) fn serialize<S: Serializer>(value: &Option<Value>, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
        Value::deserialize(from).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_told_from_absent() {
        let field = FieldConflict {
            field: "/a".into(),
            base: None,
            local: Some(Value::Null),
            remote: Some(1.into()),
            taken: Taken::Held,
        };
        let json = serde_json::to_value(&field).unwrap();
        assert_eq!(json, serde_json::json!({"field": "/a", "local": null, "remote": 1, "taken": "held"}));
        assert_eq!(serde_json::from_value::<FieldConflict>(json).unwrap(), field);
    }
}
