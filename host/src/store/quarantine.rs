//! The records that failed, each with its cause.
//!
//! It keeps them for people and for another try; who goes in and who comes out is
//! decided above. Like due keys it keeps no count.

use super::keys::Table;
use super::walk::count;
use super::{Batch, Error, Result, Store, codec};
use crate::model::{ChannelId, Failure, Name, RunId, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const WHAT: &str = "a record in quarantine";

/// A record that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// The remote id, or something that finds it again; as the guest wrote it.
    pub key: String,
    /// Why it failed the last time.
    pub reason: Failure,
    /// What was delivered, where it helps.
    pub payload: Option<Bytes>,
    /// When it failed first.
    pub first_seen: Timestamp,
    /// When it failed last.
    pub last_seen: Timestamp,
    /// How often it failed.
    pub attempts: u32,
    /// The run in which it failed last.
    pub run: RunId,
}

/// The records that failed.
pub struct Quarantine<'a>(pub(super) &'a Store);

impl Quarantine<'_> {
    /// The entries with these keys, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Quarantined>>> {
        let rows = self.0.rows(Table::Quarantine, channel, connector);
        rows.get(keys, |key| key.as_bytes(), decode).await
    }

    /// At most `limit` entries in the order of the bytes of their keys, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Quarantined>> {
        let rows = self.0.rows(Table::Quarantine, channel, connector);
        rows.list(after.map(str::as_bytes), limit, decode_entry).await
    }

    /// How many there are. Reads all their keys, some microseconds each.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count(&self, channel: ChannelId, connector: &Name) -> Result<u64> {
        let rows = Table::Quarantine.rows_in(channel, connector);
        self.0.blocking(move |engine| count(engine, rows)).await
    }
}

impl Batch {
    /// Adds the entry, or replaces the one with its key.
    pub fn put_quarantined(&mut self, channel: ChannelId, connector: &Name, entry: &Quarantined) {
        self.put(row_key(channel, connector, &entry.key), encode(entry));
    }

    /// Removes the entry with this key, if it is there.
    pub fn remove_quarantined(&mut self, channel: ChannelId, connector: &Name, key: &str) {
        self.remove(row_key(channel, connector, key));
    }
}

/// An entry as it is stored: its key is part of the row's key, its payload follows.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    reason: Failure,
    has_payload: bool,
    first_seen: Timestamp,
    last_seen: Timestamp,
    attempts: u32,
    run: RunId,
}

fn row_key(channel: ChannelId, connector: &Name, key: &str) -> Vec<u8> {
    Table::Quarantine.in_connector(channel, connector, key.as_bytes())
}

fn encode(entry: &Quarantined) -> Vec<u8> {
    let row = Row {
        reason: entry.reason.clone(),
        has_payload: entry.payload.is_some(),
        first_seen: entry.first_seen,
        last_seen: entry.last_seen,
        attempts: entry.attempts,
        run: entry.run,
    };
    codec::encode_with_payload(&row, entry.payload.as_deref().unwrap_or_default())
}

fn decode_entry(key: &[u8], row: Bytes) -> Result<Quarantined> {
    let key = String::from_utf8(key.to_vec());
    decode(key.map_err(|_| Error::Corrupt(WHAT.into()))?, row)
}

fn decode(key: String, row: Bytes) -> Result<Quarantined> {
    let (row, payload): (Row, Bytes) = codec::decode_with_payload(WHAT, row)?;
    Ok(Quarantined {
        key,
        reason: row.reason,
        payload: row.has_payload.then_some(payload),
        first_seen: row.first_seen,
        last_seen: row.last_seen,
        attempts: row.attempts,
        run: row.run,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_of_version_1_is_read() {
        const JSON: &[u8] = b"{\"reason\":{\"class\":\"invalid-data\",\"code\":\"record.json\",\"message\":\"no\"},\
            \"has-payload\":true,\"first-seen\":\"2023-11-14T22:13:20.123Z\",\
            \"last-seen\":\"2023-11-14T22:13:20.124Z\",\"attempts\":2,\"run\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\"}";
        let row = [b"\x01\x00\x00\x00\xd9", JSON, b"{\"id\":"].concat();
        let entry = decode("42".into(), row.clone().into()).expect("an entry");
        assert_eq!(entry.payload.as_deref(), Some(&b"{\"id\":"[..]));
        assert_eq!(entry.reason.code, "record.json");
        assert_eq!(entry.attempts, 2);
        assert_eq!(entry.last_seen.millis_since(entry.first_seen), 1);
        assert_eq!(encode(&entry), row, "the form has not changed");
    }
}
