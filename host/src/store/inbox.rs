//! The records that deliveries of webhooks carried, until a run takes them in.
//!
//! A row for each record, the newest one: who puts a record in has looked at the one that is
//! there. What is fit to be a record is judged by the run.

use super::engine::Want;
use super::keys::Table;
use super::{Batch, Result, Store, codec};
use crate::model::{ChannelId, Envelope, Name, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const WHAT: &str = "a delivered record";
/// The longest key of a record.
const LONGEST: usize = 512;

/// A record that waits, as it was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inboxed {
    /// The record.
    pub envelope: Envelope,
    /// When it came.
    pub received: Timestamp,
    /// The row, which a batch expects that takes it out.
    row: Bytes,
}

/// The records that wait.
pub struct Inbox<'a>(pub(super) &'a Store);

impl Inbox<'_> {
    /// Of these keys those that wait, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Inboxed>>> {
        let keys: Vec<String> = keys.iter().map(|key| short(key)).collect();
        let rows = self.0.rows(Table::Inbox, channel, connector);
        rows.get(keys, |key| key.as_bytes(), |_, row| decode(row)).await
    }

    /// At most `limit` of them in the order of the bytes of their keys, and no more as soon
    /// as their payloads have `bytes`; at least one where there is one.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<Inboxed>> {
        let rows = Table::Inbox.rows_in(channel, connector);
        self.0
            .blocking(move |engine| {
                let (mut found, mut room) = (Vec::new(), bytes);
                for entry in engine.scan(rows, limit, Want::Keys)? {
                    let Some(row) = super::walk::get(engine, entry.key.into())? else { continue };
                    let left = room.checked_sub(row.len());
                    found.push(decode(row)?);
                    match left {
                        Some(left) => room = left,
                        None => break,
                    }
                }
                Ok(found)
            })
            .await
    }

    /// Whether any waits for a connector.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn is_empty(&self, channel: ChannelId, connector: &Name) -> Result<bool> {
        let rows = Table::Inbox.rows_in(channel, connector);
        self.0.blocking(move |engine| Ok(engine.scan(rows, 1, Want::Keys)?.is_empty())).await
    }
}

impl Batch {
    /// Puts a record in, in place of the one with its key.
    pub fn put_inbox(
        &mut self,
        channel: ChannelId,
        connector: &Name,
        envelope: &Envelope,
        received: Timestamp,
    ) {
        let row = Row {
            key: envelope.key.clone(),
            parent: envelope.parent.clone(),
            updated_ms: envelope.updated_ms,
            deleted: envelope.deleted,
            received,
            // Tells two deliveries of the same from each other.
            stamp: fastrand::u64(..),
        };
        let row = codec::encode_with_payload(&row, &envelope.payload);
        self.put(row_key(channel, connector, &envelope.key), row);
    }

    /// Expects the record as it was read, and takes it out. One that was delivered anew in
    /// the meantime so refuses the batch, and stays.
    pub fn settle_inbox(&mut self, channel: ChannelId, connector: &Name, inboxed: &Inboxed) {
        let key = row_key(channel, connector, &inboxed.envelope.key);
        self.expect_value(key.clone(), inboxed.row.to_vec());
        self.remove(key);
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    updated_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    received: Timestamp,
    stamp: u64,
}

fn decode(row: Bytes) -> Result<Inboxed> {
    let (fields, payload): (Row, Bytes) = codec::decode_with_payload(WHAT, row.clone())?;
    let Row { key, parent, updated_ms, deleted, received, .. } = fields;
    Ok(Inboxed {
        envelope: Envelope { key, parent, origin: None, updated_ms, deleted, payload },
        received,
        row,
    })
}

fn row_key(channel: ChannelId, connector: &Name, key: &str) -> Vec<u8> {
    Table::Inbox.in_connector(channel, connector, short(key).as_bytes())
}

/// A guest may write anything for a key; what no record can have as one is kept under its
/// digest, for the run to refuse.
fn short(key: &str) -> String {
    if key.len() <= LONGEST {
        return key.to_owned();
    }
    let mut short = String::from("long:");
    for byte in Sha256::digest(key) {
        // Writing to a string cannot fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Error;

    fn envelope(key: &str, payload: &'static str) -> Envelope {
        Envelope {
            origin: None,
            key: key.into(),
            parent: Some("p".into()),
            updated_ms: Some(5),
            deleted: false,
            payload: payload.into(),
        }
    }

    #[test]
    fn record_of_version_1_is_read() {
        const ROW: &[u8] = b"\x01\x00\x00\x00\x59{\"key\":\"1\",\"updated-ms\":5,\"deleted\":true,\
            \"received\":\"2023-11-14T22:13:20.123Z\",\"stamp\":7}{}";
        let read = decode(Bytes::from_static(ROW)).expect("a record");
        assert_eq!((read.envelope.key.as_str(), read.envelope.updated_ms), ("1", Some(5)));
        assert!(read.envelope.deleted && read.envelope.payload == "{}");
    }

    #[tokio::test]
    async fn what_was_delivered_anew_is_not_taken_out() {
        let (store, channel) = (Store::in_memory(), ChannelId::new());
        let (connector, now) = (Name::try_new("c").expect("a name"), Timestamp::from_millis(9));
        let long = "k".repeat(2_000);
        let mut batch = Batch::new();
        for key in ["1", "2", &long] {
            batch.put_inbox(channel, &connector, &envelope(key, "{}"), now);
        }
        store.commit(batch).await.expect("written");
        let listed =
            async |limit, bytes| store.inbox().list(channel, &connector, limit, bytes).await.expect("read");
        let waiting = listed(10, 1 << 20).await;
        assert_eq!(waiting.len(), 3);
        assert_eq!(waiting[2].envelope.key, long);
        assert_eq!((listed(2, 1 << 20).await.len(), listed(10, 1).await.len()), (2, 1));
        let found = store.inbox().get_many(channel, &connector, vec![long, "7".into()]).await.expect("read");
        assert_eq!((found[0].is_some(), found[1].is_some()), (true, false));

        let mut batch = Batch::new();
        batch.put_inbox(channel, &connector, &envelope("1", "{}"), now);
        store.commit(batch).await.expect("written");
        let mut batch = Batch::new();
        waiting.iter().for_each(|one| batch.settle_inbox(channel, &connector, one));
        assert!(matches!(store.commit(batch).await, Err(Error::Expectation)));
        let mut batch = Batch::new();
        waiting[1..].iter().for_each(|one| batch.settle_inbox(channel, &connector, one));
        store.commit(batch).await.expect("written");
        assert_eq!(listed(10, 1 << 20).await.len(), 1);
    }
}
