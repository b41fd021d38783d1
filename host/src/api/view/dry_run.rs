//! A dry run as it is told: one JSON document a line.

use super::Problem;
use crate::{
    model::{Name, Vanished},
    sync,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// Body of a request for a dry run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct NewDryRun {
    /// The connectors; all that are switched on where none are named.
    pub connectors: Vec<Name>,
    /// Whether to start from the beginning.
    pub full: bool,
    /// How many changes of each connector are told; all are counted.
    pub limit: u64,
}

impl Default for NewDryRun {
    fn default() -> Self {
        Self { connectors: Vec::new(), full: false, limit: Self::LIMIT }
    }
}

impl NewDryRun {
    /// Changes of each connector that are told unless somebody wants more or fewer.
    pub const LIMIT: u64 = 1_000;
}

/// One line: `{"change":…}`, `{"progress":…}`, and in the end `{"summary":…}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DryRunLine {
    /// What would become of one record.
    Change(DryRunChange),
    /// How far a connector is, after each of its pages.
    Progress(DryRunOutcome),
    /// The last line. A stream without it has broken off.
    Summary(DryRunSummary),
}

/// What would become of a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryRunChange {
    /// The connector.
    pub connector: Name,
    /// The record's key; for quarantine maybe something else that finds it again.
    pub key: String,
    /// What would happen to it.
    pub kind: DryRunKind,
    /// What the channel does with it, where it has vanished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vanished: Option<Vanished>,
    /// The places in which the payload differs, at most 50.
    #[serde(default)]
    pub fields: Vec<DryRunField>,
    /// What the fields do not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why it would go to quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Problem>,
}

/// What would happen to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DryRunKind {
    /// It is not here yet.
    Added,
    /// It is here in another version.
    Updated,
    /// It is here, and gone remotely.
    Deleted,
    /// It cannot be kept; what is here under its key stays.
    Quarantined,
    /// It is here, and a full sync would not find it any more.
    Vanished,
}

/// A place in which a payload differs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryRunField {
    /// JSON Pointer (RFC 6901) within the payload.
    pub pointer: String,
    /// The value here; absent where there is none. A long one is the beginning of its text.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<RawValue>>,
    /// The remote value, in the same form.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<RawValue>>,
}

/// A value that is there is a value, also where it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// How a connector did, or does.
pub type DryRunOutcome = sync::Outcome<Problem>;

/// The end of a dry run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DryRunSummary {
    /// In the order in which they went.
    pub connectors: Vec<DryRunOutcome>,
}

impl From<sync::Event> for DryRunLine {
    fn from(event: sync::Event) -> Self {
        match event {
            sync::Event::Change(change) => Self::Change(change.into()),
            sync::Event::Progress(outcome) => Self::Progress(outcome.map_error(Problem::from)),
            sync::Event::Summary(outcomes) => {
                let told = |outcome: sync::Outcome| outcome.map_error(Problem::from);
                let connectors = outcomes.into_iter().map(told).collect();
                Self::Summary(DryRunSummary { connectors })
            }
        }
    }
}

impl From<sync::Change> for DryRunChange {
    fn from(change: sync::Change) -> Self {
        let sync::Change { connector, key, kind, fields, note, reason } = change;
        let vanished = match kind {
            sync::Kind::Vanished(policy) => Some(policy),
            _ => None,
        };
        let kind = match kind {
            sync::Kind::Vanished(_) => DryRunKind::Vanished,
            sync::Kind::Added => DryRunKind::Added,
            sync::Kind::Updated => DryRunKind::Updated,
            sync::Kind::Deleted => DryRunKind::Deleted,
            sync::Kind::Quarantined => DryRunKind::Quarantined,
        };
        let fields = fields.into_iter().map(DryRunField::from).collect();
        Self { connector, key, kind, vanished, fields, note, reason: reason.map(Problem::from) }
    }
}

impl From<sync::Field> for DryRunField {
    fn from(field: sync::Field) -> Self {
        let sync::Field { pointer, before, after } = field;
        Self { pointer, before, after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let line = concat!(
            r#"{"change":{"connector":"ticket","key":"13","kind":"updated","#,
            r#""fields":[{"pointer":"/due","before":null,"after":1.00},{"pointer":"/new","after":[ ]}]}}"#
        );
        let read: DryRunLine = serde_json::from_str(line).expect("a line");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), line, "null stays, digits stay");
    }
}
