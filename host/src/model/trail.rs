//! What became of one record, change by change.

use super::{Author, RunId, Timestamp, Write};
use serde::{Deserialize, Serialize};

/// One change of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Who.
    #[serde(flatten)]
    pub author: Author,
    /// What was done.
    pub kind: Write,
    /// JSON Pointers of the fields that changed; none for a deletion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The run that did it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}
