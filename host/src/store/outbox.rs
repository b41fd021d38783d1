//! Local changes that wait to be exported: one row a record, folded as edits are made.
//!
//! It keeps them; what edits amount to and when they are sent is decided above. The row
//! holds the remote state that the local one is compared with, so that a record without a
//! row is what the remote system has.

use super::engine::{Engine, Want};
use super::keys::{self, Table};
use super::records::decode_key;
use super::{Batch, Error, Result, Store, codec, walk};
use crate::model::{
    Author, ChannelId, ConflictId, Failure, Name, Outgoing, RecordKey, Sent, Timestamp, Version, Write,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const WHAT: &str = "a local change";

/// Local changes that wait to be exported.
pub struct Outbox<'a>(pub(super) &'a Store);

impl Outbox<'_> {
    /// The rows of these records, in the order of `keys`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(
        &self,
        channel: ChannelId,
        connector: &Name,
        keys: Vec<RecordKey>,
    ) -> Result<Vec<Option<Outgoing>>> {
        let rows = self.0.rows(Table::Outbox, channel, connector);
        rows.get(keys, |key| key.as_str().as_bytes(), decode).await
    }

    /// The row of one record.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(
        &self,
        channel: ChannelId,
        connector: &Name,
        key: &RecordKey,
    ) -> Result<Option<Outgoing>> {
        Ok(self.get_many(channel, connector, vec![key.clone()]).await?.pop().flatten())
    }

    /// At most `limit` rows in the order of the bytes of their keys, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: ChannelId,
        connector: &Name,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<Vec<Outgoing>> {
        let rows = self.0.rows(Table::Outbox, channel, connector);
        let after = after.map(|key| key.as_str().as_bytes());
        rows.list(after, limit, |key, row| decode(decode_key(key)?, row)).await
    }

    /// The creations that were sent and not answered. They are few: one page's at most,
    /// and what a host left behind that was killed.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn intents(&self, channel: ChannelId, connector: &Name) -> Result<Vec<Intent>> {
        let rows = self.0.rows(Table::Intents, channel, connector);
        let decode = |key: &[u8], row| {
            let text = codec::decode_bytes(WHAT, row)?;
            let idempotency_key = String::from_utf8(text.into()).map_err(|_| Error::Corrupt(WHAT.into()))?;
            Ok(Intent { key: decode_key(key)?, idempotency_key })
        };
        rows.list(None, usize::MAX, decode).await
    }

    /// How many there are. Reads all their keys.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count(&self, channel: ChannelId, connector: &Name) -> Result<u64> {
        let rows = Table::Outbox.rows_in(channel, connector);
        self.0.blocking(move |engine| walk::count(engine, rows)).await
    }

    /// The channels that have any. Reads one key a channel.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn channels(&self) -> Result<Vec<ChannelId>> {
        self.0.blocking(channels).await
    }

    /// How often something else than an import changed records of the connector.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn epoch(&self, channel: ChannelId, connector: &Name) -> Result<Epoch> {
        let key = Table::Epochs.in_connector(channel, connector, b"");
        let row = self.0.blocking(move |engine| walk::get(engine, key)).await?;
        let number = row.map(|row| codec::decode_number("a number of local changes", row)).transpose()?;
        Ok(Epoch(number.unwrap_or_default()))
    }
}

/// A creation that was sent and not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The local key.
    pub key: RecordKey,
    /// Under which it was sent.
    pub idempotency_key: String,
}

/// How often something else than an import changed records of a connector; two that are
/// equal tell that nothing did in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch(u64);

impl Epoch {
    /// Whether anything ever did.
    #[must_use]
    pub fn is_first(self) -> bool {
        self.0 == 0
    }
}

impl Batch {
    /// Adds the row, or replaces the one of its record.
    pub fn put_outgoing(&mut self, channel: ChannelId, connector: &Name, row: &Outgoing) {
        self.put(row_key(channel, connector, &row.key), encode(row));
        let intent = intent_key(channel, connector, &row.key);
        match row.sent.as_ref().is_some_and(|sent| sent.kind == Write::Create) {
            true => self.put(intent, codec::encode_bytes(row.idempotency_key.as_bytes())),
            false => self.remove(intent),
        }
    }

    /// Expects the row just as it was read, or that there is none.
    pub fn expect_outgoing(
        &mut self,
        channel: ChannelId,
        connector: &Name,
        key: &RecordKey,
        row: Option<&Outgoing>,
    ) {
        let key = row_key(channel, connector, key);
        match row {
            Some(row) => self.expect_value(key, encode(row)),
            None => self.expect_absent(key),
        }
    }

    /// Removes the row of the record: it is what the remote system has.
    pub fn remove_outgoing(&mut self, channel: ChannelId, connector: &Name, key: &RecordKey) {
        self.remove(row_key(channel, connector, key));
        self.remove(intent_key(channel, connector, key));
    }

    /// Expects that nothing else than an import has changed records of the connector since.
    pub fn expect_epoch(&mut self, channel: ChannelId, connector: &Name, epoch: Epoch) {
        let key = Table::Epochs.in_connector(channel, connector, b"");
        match epoch.0 {
            0 => self.expect_absent(key),
            number => self.expect_value(key, codec::encode_number(number)),
        }
    }

    /// The same, and counts this batch as such a change.
    pub fn advance_epoch(&mut self, channel: ChannelId, connector: &Name, epoch: Epoch) {
        self.expect_epoch(channel, connector, epoch);
        let key = Table::Epochs.in_connector(channel, connector, b"");
        self.put(key, codec::encode_number(epoch.0 + 1));
    }
}

fn channels(engine: &dyn Engine) -> Result<Vec<ChannelId>> {
    let (mut range, mut found) = (Table::Outbox.rows(), Vec::new());
    while let Some(entry) = engine.scan(range.clone(), 1, Want::Keys)?.pop() {
        let channel = keys::channel_of(&entry.key).ok_or_else(|| Error::Corrupt(WHAT.into()))?;
        found.push(channel);
        match Table::Outbox.rows_of(channel).end {
            Some(end) => range.start = end,
            None => break,
        }
    }
    Ok(found)
}

fn row_key(channel: ChannelId, connector: &Name, key: &RecordKey) -> Vec<u8> {
    Table::Outbox.in_connector(channel, connector, key.as_str().as_bytes())
}

fn intent_key(channel: ChannelId, connector: &Name, key: &RecordKey) -> Vec<u8> {
    Table::Intents.in_connector(channel, connector, key.as_str().as_bytes())
}

/// A row without its payloads, which follow it: the base's, then what was sent.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    kind: Write,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<BaseHead>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<SentHead>,
    idempotency_key: String,
    author: Author,
    since: Timestamp,
    changed: Timestamp,
    #[serde(default)]
    tries: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<ConflictId>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BaseHead {
    updated: Option<Timestamp>,
    parent: Option<RecordKey>,
    bytes: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SentHead {
    kind: Write,
    at: Timestamp,
}

fn encode(row: &Outgoing) -> Vec<u8> {
    let base = row.base.as_ref();
    let head = Head {
        kind: row.kind,
        base: base.map(|base| BaseHead {
            updated: base.updated,
            parent: base.parent.clone(),
            bytes: base.payload.len(),
        }),
        sent: row.sent.as_ref().map(|sent| SentHead { kind: sent.kind, at: sent.at }),
        idempotency_key: row.idempotency_key.clone(),
        author: row.author.clone(),
        since: row.since,
        changed: row.changed,
        tries: row.tries,
        due: row.due,
        failure: row.failure.clone(),
        refused: row.refused,
        held: row.held,
    };
    let base = base.map_or(&[][..], |base| &base.payload[..]);
    let sent = row.sent.as_ref().map_or(&[][..], |sent| &sent.payload[..]);
    codec::encode_with_payload(&head, &[base, sent].concat())
}

fn decode(key: RecordKey, row: Bytes) -> Result<Outgoing> {
    let (head, mut rest): (Head, Bytes) = codec::decode_with_payload(WHAT, row)?;
    let base = match head.base {
        Some(BaseHead { updated, parent, bytes }) if bytes <= rest.len() => {
            Some(Version { updated, parent, payload: rest.split_to(bytes) })
        }
        None => None,
        Some(_) => return Err(Error::Corrupt(WHAT.into())),
    };
    let sent = head.sent.map(|SentHead { kind, at }| Sent { kind, at, payload: rest });
    Ok(Outgoing {
        key,
        kind: head.kind,
        base,
        sent,
        idempotency_key: head.idempotency_key,
        author: head.author,
        since: head.since,
        changed: head.changed,
        tries: head.tries,
        due: head.due,
        failure: head.failure,
        refused: head.refused,
        held: head.held,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A row with everything, for tables that hold rows of all kinds.
    pub(in crate::store) fn row(key: &RecordKey) -> Outgoing {
        Outgoing {
            key: key.clone(),
            kind: Write::Update,
            base: Some(Version { updated: None, parent: None, payload: Bytes::from_static(b"{}") }),
            sent: None,
            idempotency_key: "k".into(),
            author: Author::Remote,
            since: Timestamp::from_millis(1),
            changed: Timestamp::from_millis(2),
            tries: 0,
            due: None,
            failure: None,
            refused: false,
            held: None,
        }
    }

    proptest! {
        #[test]
        fn a_row_comes_back_as_it_was(
            base in prop::option::of(any::<Vec<u8>>()),
            sent in prop::option::of(any::<Vec<u8>>()),
            parent in prop::option::of("[a-z]{1,9}"),
            time in any::<i32>(),
        ) {
            let key = RecordKey::try_new("k").expect("a key");
            let at = Timestamp::from_millis(i64::from(time));
            let row = Outgoing {
                base: base.map(|payload| Version {
                    updated: Some(at),
                    parent: parent.map(|key| RecordKey::try_new(key).expect("a key")),
                    payload: payload.into(),
                }),
                sent: sent.map(|payload| Sent { kind: Write::Create, at, payload: payload.into() }),
                held: Some(ConflictId::new()),
                author: Author::Person("me".into()),
                due: Some(at),
                ..row(&key)
            };
            prop_assert_eq!(decode(key, encode(&row).into()).expect("just written"), row);
        }
    }
}
