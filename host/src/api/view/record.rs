//! A record as it is shown and exported.

use super::Outgoing;
use crate::model::{self, RecordKey, RunId, Timestamp};
use serde::{Deserialize, Serialize, ser::Error as _};
use serde_json::value::RawValue;

/// A record. The payload is the remote object byte for byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// For an imported record the remote id.
    pub key: RecordKey,
    /// The record that this one belongs to, where the connector tells: the ticket
    /// of a comment, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RecordKey>,
    /// When the remote system last changed it, where it tells.
    pub updated: Option<Timestamp>,
    /// When the host last wrote it.
    pub imported: Timestamp,
    /// The run that last wrote it.
    pub run: RunId,
    /// Since when it is gone remotely, as far as a full sync found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vanished: Option<Timestamp>,
    /// Its remote id, where that is another than its key: it was made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<RecordKey>,
    /// The change that waits to be exported, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgoing: Option<Outgoing>,
    /// The remote object.
    pub payload: Box<RawValue>,
}

impl TryFrom<model::Record> for Record {
    type Error = serde_json::Error;

    /// Fails where the store holds a payload that is not JSON.
    fn try_from(record: model::Record) -> Result<Self, serde_json::Error> {
        let payload = serde_json::from_slice(&record.payload)?;
        let model::Record { key, parent, updated, imported, run, .. } = record;
        Ok(Self {
            key,
            parent,
            updated,
            imported,
            run,
            vanished: None,
            remote: None,
            outgoing: None,
            payload,
        })
    }
}

/// One line of an export as JSON lines.
#[derive(Debug, Serialize)]
pub struct ExportLine<'a> {
    /// The record's key.
    pub key: &'a RecordKey,
    /// The record that this one belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<&'a RecordKey>,
    /// When the remote system last changed it.
    pub updated: Option<Timestamp>,
    /// Since when it is gone remotely, where marks were asked for and it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vanished: Option<Timestamp>,
    /// The remote object on one line.
    #[serde(serialize_with = "on_one_line")]
    pub payload: &'a [u8],
}

/// A line break within JSON stands between tokens only, so a space means the same.
fn on_one_line<S: serde::Serializer>(payload: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let text = std::str::from_utf8(payload).map_err(S::Error::custom)?;
    if text.contains(['\n', '\r']) {
        let text = text.replace(['\n', '\r'], " ");
        RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
    } else {
        serde_json::from_str::<&RawValue>(text).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_keeps_every_digit() {
        let key = RecordKey::try_new("7").expect("a key");
        let payload = b"{\n  \"n\": 1.00000000000000000001,\r\n  \"s\": \"a\\nb\"}";
        let updated = Some(Timestamp::from_millis(0));
        let line =
            serde_json::to_string(&ExportLine { key: &key, parent: None, updated, vanished: None, payload })
                .expect("JSON");
        assert_eq!(
            line,
            r#"{"key":"7","updated":"1970-01-01T00:00:00.000Z","payload":{   "n": 1.00000000000000000001,    "s": "a\nb"}}"#
        );
    }
}
