//! A record in quarantine as it is shown, and what is asked of it.

use super::{Job, Problem};
use crate::{
    model::{self, ChannelName, Class, Failure, Name, RunId, Span, Timestamp},
    store, sync,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// A record that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Quarantined {
    /// The channel.
    pub channel: ChannelName,
    /// The connector.
    pub connector: Name,
    /// On which way it failed.
    #[serde(default)]
    pub kind: Failed,
    /// The remote id, or something that finds it again; as the plugin wrote it.
    pub key: String,
    /// Why it failed the last time, with the faults of its fields.
    pub reason: Problem,
    /// How often it failed.
    pub attempts: u32,
    /// When it failed first.
    pub first_seen: Timestamp,
    /// When it failed last.
    pub last_seen: Timestamp,
    /// The run in which it failed last, for what was imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Whether another try was asked for that has not been made yet.
    #[serde(default)]
    pub retry: bool,
    /// How much was delivered, in bytes; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_bytes: Option<u64>,
    /// How much of it is kept, in bytes.
    #[serde(default)]
    pub payload_kept: u64,
    /// What is kept. Lists leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
}

/// What is kept of a payload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// A JSON document, byte for byte.
    Json(Box<RawValue>),
    /// Anything else; what is no UTF-8 in it is replaced.
    Text(String),
}

impl Payload {
    /// Kept bytes as what they are.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // Read into values, too: that refuses what is nested deeper than readers bear.
        let is_bearable = serde_json::from_slice::<Value>(bytes).is_ok();
        match serde_json::from_slice(bytes) {
            Ok(json) if is_bearable => Self::Json(json),
            _ => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

impl Quarantined {
    /// An entry of a connector. `retry`: whether another try is under way.
    #[must_use]
    pub fn of(channel: ChannelName, connector: Name, entry: store::Quarantined, retry: bool) -> Self {
        Self {
            channel,
            connector,
            kind: Failed::Import,
            key: entry.key,
            reason: entry.reason.into(),
            attempts: entry.attempts,
            first_seen: entry.first_seen,
            last_seen: entry.last_seen,
            run: Some(entry.run),
            retry,
            payload_bytes: entry.size,
            payload_kept: entry.kept,
            payload: entry.payload.as_deref().map(Payload::of),
        }
    }
}

impl Quarantined {
    /// A local change that the remote system refused; its row in the outbox is the entry.
    #[must_use]
    pub fn refused(
        channel: ChannelName,
        connector: Name,
        row: model::Outgoing,
        record: Option<&[u8]>,
    ) -> Self {
        let unknown = || Failure::new(Class::InvalidData, "export.refused", "the remote system refused it");
        let kept = record.map_or(0, |payload| payload.len() as u64);
        Self {
            channel,
            connector,
            kind: Failed::Export,
            key: row.key.to_string(),
            reason: row.failure.unwrap_or_else(unknown).into(),
            attempts: row.tries,
            first_seen: row.since,
            last_seen: row.changed,
            run: None,
            retry: false,
            payload_bytes: record.map(|_| kept),
            payload_kept: kept,
            payload: record.map(Payload::of),
        }
    }
}

/// On which way a record failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failed {
    /// As it was delivered by the remote system.
    #[default]
    Import,
    /// As it was changed here: the remote system refused that.
    Export,
}

/// Which entries of a channel. One names a connector and a key; else there is something to
/// tell them by, or `all`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Selection {
    /// Of this connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<Name>,
    /// The one with this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whose code begins so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// That failed within the last time of this length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Span>,
    /// All that there are, of the channel or of the connector.
    pub all: bool,
}

/// What came of asking for another try.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Retried {
    /// Keys that are fetched again.
    pub asked: u64,
    /// Records that are judged anew by what was kept of them.
    pub judged: u64,
    /// Local changes that are exported again.
    #[serde(default)]
    pub exported: u64,
    /// Entries that cannot be tried again.
    pub cannot: u64,
    /// The first of those, each with its reason.
    pub reasons: Vec<Hopeless>,
    /// The sync that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// Why no sync was started; the next one does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Problem>,
}

/// An entry that cannot be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hopeless {
    /// The connector.
    pub connector: Name,
    /// The key of the entry.
    pub key: String,
    /// Why not.
    pub why: String,
    /// A command that brings it again, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Hopeless {
    /// With the command that helps.
    #[must_use]
    pub fn of(channel: &ChannelName, hopeless: sync::Hopeless) -> Self {
        let sync::Hopeless { connector, key, why, full_helps } = hopeless;
        let next = full_helps.then(|| format!("tidegate sync {channel} --connector {connector} --full"));
        Self { connector, key, why: why.to_string(), next }
    }
}

/// What was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dropped {
    /// How many entries.
    pub dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_json_where_it_can_be_read_as_such() {
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(serde_json::to_string(&Payload::of(bytes)).expect("JSON"), expected);
        };
        check(b"{\"a\": 1.00}", r#"{"json":{"a": 1.00}}"#);
        check(b"{\"a\":", r#"{"text":"{\"a\":"}"#);
        check(b"<html>\xff", "{\"text\":\"<html>\u{fffd}\"}");
        check(b"", r#"{"text":""}"#);
        // What readers of JSON would refuse is a text.
        let deep = "[".repeat(500) + &"]".repeat(500);
        assert!(matches!(Payload::of(deep.as_bytes()), Payload::Text(_)));
    }
}
