//! Mappings: what is saved, what it loses, what it makes of records.

use super::{DryRunField, Problem};
use crate::{
    model::{Mapping, RecordKey},
    sync::mapping,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// The mapping of a connector.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MappingState {
    /// What is saved; one without anything where nothing is.
    pub mapping: Mapping,
    /// What it loses, as far as that shows without a record.
    pub lints: Vec<MappingLint>,
}

/// Something about a mapping that its maker should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MappingLint {
    /// Stable name, such as `two-to-one`.
    pub code: String,
    /// `import`, `export`, or the field of a value map.
    pub place: String,
    /// What is lost, and what can be done.
    pub message: String,
}

/// Body of a request for a preview.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NewMappingTest {
    /// The mapping; the saved one where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// The stored record; the first ones where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<RecordKey>,
    /// A record in the form that the remote system gives it, instead of stored ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// How many records at most; 5 where nothing is said, and at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What a mapping makes of records.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MappingPreview {
    /// What it loses, as far as that shows without a record.
    pub lints: Vec<MappingLint>,
    /// The records.
    pub items: Vec<MappedRecord>,
    /// Where the records are not those that the remote system gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a mapping makes of one record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MappedRecord {
    /// Absent: it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RecordKey>,
    /// In which places the mapped payload differs from the remote one, at most 50.
    pub fields: Vec<DryRunField>,
    /// What the fields do not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The mapped payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Box<RawValue>>,
    /// In which places what would go back differs from the remote payload; what has no
    /// value after it does not go back. Absent: nothing turns it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Vec<DryRunField>>,
    /// Why it cannot be mapped, or not be turned back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl From<mapping::Lint> for MappingLint {
    fn from(lint: mapping::Lint) -> Self {
        let mapping::Lint { code, place, message } = lint;
        Self { code: code.into(), place, message }
    }
}

impl From<mapping::Previewed> for MappedRecord {
    fn from(previewed: mapping::Previewed) -> Self {
        let mapping::Previewed { key, fields, note, local, back, problem } = previewed;
        let shown = |fields: Vec<_>| fields.into_iter().map(DryRunField::from).collect();
        Self {
            key,
            fields: shown(fields),
            note,
            local,
            back: back.map(shown),
            problem: problem.map(Problem::from),
        }
    }
}
