//! The records that failed, each with its cause.
//!
//! It keeps them for people and for another try; who goes in and who comes out is
//! decided above. Like due keys it keeps no count. What was delivered has a row of its
//! own: it can be long, and pages and lists do without it.

mod search;

pub use search::{Found, Place, Sought};

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
    /// Where it came from.
    pub origin: Origin,
    /// How much was delivered, in bytes; none: nothing.
    pub size: Option<u64>,
    /// How much of it is kept, in bytes.
    pub kept: u64,
    /// What is kept. Only where an entry is written, or read by [`Quarantine::get`].
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

impl Quarantined {
    /// Whether all that was delivered is kept.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.size == Some(self.kept)
    }
}

/// Where an entry came from, which says how it can be tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The connector could not make sense of it, or it has no key that a record can have.
    #[default]
    Reject,
    /// A due key that could not be fetched.
    Key,
    /// A record that the host refused for its payload or its parent.
    #[serde(rename_all = "kebab-case")]
    Record {
        /// When the remote system last changed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        updated: Option<Timestamp>,
        /// The record that it belongs to, as the guest wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
    },
}

impl Origin {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The records that failed.
pub struct Quarantine<'a>(pub(super) &'a Store);

impl Quarantine<'_> {
    /// The entry with this key, with its payload.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, channel: ChannelId, connector: &Name, key: &str) -> Result<Option<Quarantined>> {
        let rows = [Table::Quarantine, Table::Withheld];
        let rows = rows.map(|table| table.in_connector(channel, connector, key.as_bytes())).to_vec();
        let key = key.to_owned();
        self.0
            .blocking(move |engine| {
                let mut found = engine.get(rows)?.into_iter();
                let (Some(row), payload) = (found.next().flatten(), found.next().flatten()) else {
                    return Ok(None);
                };
                let mut entry = decode(key, row)?;
                if let Some(payload) = payload {
                    entry.payload = Some(codec::decode_bytes("a payload in quarantine", payload)?);
                }
                Ok(Some(entry))
            })
            .await
    }

    /// The entries with these keys, in the order of `keys`; without their payloads.
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

    /// At most `limit` entries in the order of the bytes of their keys, those after `after`;
    /// without their payloads.
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

    /// At most `limit` keys of entries that are to be judged anew.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn to_retry(&self, channel: ChannelId, connector: &Name, limit: usize) -> Result<Vec<String>> {
        let rows = self.0.rows(Table::Retrials, channel, connector);
        rows.list(None, limit, |key, _| decode_key(key)).await
    }

    /// Which of these keys are to be judged anew, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn is_to_retry(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<String>,
    ) -> Result<Vec<bool>> {
        let rows = self.0.rows(Table::Retrials, channel, connector);
        let found = rows.get(keys, |key| key.as_bytes(), |_, _| Ok(())).await?;
        Ok(found.into_iter().map(|row| row.is_some()).collect())
    }
}

impl Batch {
    /// Adds the entry, or replaces the one with its key.
    pub fn put_quarantined(&mut self, channel: ChannelId, connector: &Name, entry: &Quarantined) {
        let row = |table: Table| table.in_connector(channel, connector, entry.key.as_bytes());
        self.put(row(Table::Quarantine), encode(entry));
        match &entry.payload {
            Some(payload) => self.put(row(Table::Withheld), codec::encode_bytes(payload)),
            None => self.remove(row(Table::Withheld)),
        }
    }

    /// Removes the entry with this key and all that belongs to it, if it is there.
    pub fn remove_quarantined(&mut self, channel: ChannelId, connector: &Name, key: &str) {
        for table in [Table::Quarantine, Table::Withheld, Table::Retrials] {
            self.remove(table.in_connector(channel, connector, key.as_bytes()));
        }
    }

    /// Asks that the entry be judged anew. It is asked for once, however often this is said.
    pub fn add_retrial(&mut self, channel: ChannelId, connector: &Name, key: &str) {
        let row = Table::Retrials.in_connector(channel, connector, key.as_bytes());
        self.put(row, codec::encode_bytes(b""));
    }

    /// The entry was judged.
    pub fn remove_retrial(&mut self, channel: ChannelId, connector: &Name, key: &str) {
        self.remove(Table::Retrials.in_connector(channel, connector, key.as_bytes()));
    }
}

/// An entry as it is stored: its key is part of the row's key.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    reason: Failure,
    /// The first form had the payload behind the row.
    has_payload: bool,
    #[serde(default, skip_serializing_if = "Origin::is_default")]
    origin: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default)]
    kept: u64,
    first_seen: Timestamp,
    last_seen: Timestamp,
    attempts: u32,
    run: RunId,
}

fn encode(entry: &Quarantined) -> Vec<u8> {
    let row = Row {
        reason: entry.reason.clone(),
        has_payload: false,
        origin: entry.origin.clone(),
        size: entry.size,
        kept: entry.kept,
        first_seen: entry.first_seen,
        last_seen: entry.last_seen,
        attempts: entry.attempts,
        run: entry.run,
    };
    codec::encode_with_payload(&row, b"")
}

fn decode_key(key: &[u8]) -> Result<String> {
    String::from_utf8(key.to_vec()).map_err(|_| Error::Corrupt(WHAT.into()))
}

fn decode_entry(key: &[u8], row: Bytes) -> Result<Quarantined> {
    decode(decode_key(key)?, row)
}

fn decode(key: String, row: Bytes) -> Result<Quarantined> {
    let (row, payload): (Row, Bytes) = codec::decode_with_payload(WHAT, row)?;
    let payload = row.has_payload.then_some(payload);
    let behind = payload.as_ref().map(|payload| payload.len() as u64);
    Ok(Quarantined {
        key,
        reason: row.reason,
        origin: row.origin,
        size: row.size.or(behind),
        kept: behind.unwrap_or(row.kept),
        payload,
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
        let entry = decode("42".into(), row.into()).expect("an entry");
        assert_eq!(entry.payload.as_deref(), Some(&b"{\"id\":"[..]));
        assert_eq!((entry.size, entry.kept, &entry.origin), (Some(6), 6, &Origin::Reject));
        assert_eq!(entry.reason.code, "record.json");
        assert_eq!(entry.attempts, 2);
        assert_eq!(entry.last_seen.millis_since(entry.first_seen), 1);
    }

    #[test]
    fn row_of_an_entry_has_its_form() {
        let run = "01JZZZZZZZZZZZZZZZZZZZZZZZ".parse().expect("an id");
        let time = Timestamp::from_millis(1_700_000_000_123);
        let reason = Failure::new(crate::model::Class::InvalidData, "record.size", "no");
        let origin = Origin::Record { updated: Some(time), parent: Some("7".into()) };
        let entry = Quarantined {
            key: "42".into(),
            reason,
            origin,
            size: Some(9),
            kept: 6,
            payload: None,
            first_seen: time,
            last_seen: time,
            attempts: 1,
            run,
        };
        let row = encode(&entry);
        assert_eq!(
            std::str::from_utf8(&row[5..]).expect("text"),
            "{\"reason\":{\"class\":\"invalid-data\",\"code\":\"record.size\",\"message\":\"no\"},\"has-payload\":false,\
            \"origin\":{\"record\":{\"updated\":\"2023-11-14T22:13:20.123Z\",\"parent\":\"7\"}},\"size\":9,\"kept\":6,\
            \"first-seen\":\"2023-11-14T22:13:20.123Z\",\"last-seen\":\"2023-11-14T22:13:20.123Z\",\"attempts\":1,\
            \"run\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\"}"
        );
        assert_eq!(decode("42".into(), row.into()).expect("an entry"), entry);
    }
}
