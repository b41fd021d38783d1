//! The records that changed, for those who want to know: a notice, or a route.
//!
//! One row for each subscriber and record, written in the same batch as the record's
//! change. A later change of the record replaces the row, so that a subscriber who is
//! slow finds one row, with what came last. Who subscribes to what is decided above.

use super::engine::{Engine, Range, Want};
use super::keys::Table;
use super::records::decode_key;
use super::walk::{count, remove_all};
use super::{Batch, Error, Result, Store, Watch, codec};
use crate::model::{ChannelId, Name, RecordKey, SubscriberId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

const WHAT: &str = "a change of a record";
/// Table and subscriber.
const HEAD: usize = 1 + 16;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedKind {
    /// It is new here.
    Added,
    /// It is another than before.
    Updated,
    /// It is gone.
    Deleted,
}

/// A change of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FeedEntry {
    /// What became of the record, by the last change.
    pub kind: FeedKind,
    /// Which change; a later one has another stamp.
    pub stamp: u64,
    /// The subscriber whose work made the change, so that it does not take it for news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<SubscriberId>,
}

/// Which record changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedKey {
    /// Its channel.
    pub channel: ChannelId,
    /// Its connector.
    pub connector: Name,
    /// Its key.
    pub key: RecordKey,
}

/// A row of a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// Which record changed.
    pub key: FeedKey,
    /// What became of it.
    pub entry: FeedEntry,
    /// Which fields changed since the subscriber was told of it last, as JSON Pointers: of all
    /// changes that the row stands for. None: it is not known.
    pub changed: Option<Vec<String>>,
}

/// What is behind a row's key.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Stored {
    kind: FeedKind,
    stamp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<SubscriberId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<Vec<String>>,
}

impl Stored {
    fn encode(entry: &FeedEntry, changed: Option<&Vec<String>>) -> Vec<u8> {
        let FeedEntry { kind, stamp, origin } = *entry;
        codec::encode(&Self { kind, stamp, origin, changed: changed.cloned() })
    }
}

impl FeedKey {
    /// The key behind the subscriber, in tables that go on with it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { channel, connector, key } = self;
        [&channel.to_bytes()[..], connector.as_str().as_bytes(), &[0], key.as_str().as_bytes()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let corrupt = || Error::Corrupt(WHAT.into());
        let (channel, rest) = bytes.split_first_chunk().ok_or_else(corrupt)?;
        let end = rest.iter().position(|byte| *byte == 0).ok_or_else(corrupt)?;
        let connector = std::str::from_utf8(&rest[..end]).ok().and_then(|name| Name::try_new(name).ok());
        Ok(Self {
            channel: ChannelId::from_bytes(*channel),
            connector: connector.ok_or_else(corrupt)?,
            key: decode_key(&rest[end + 1..])?,
        })
    }
}

/// The records that changed.
pub struct Feed<'a>(pub(super) &'a Store);

impl Feed<'_> {
    /// At most `limit` rows of a subscriber in the order of their keys, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        subscriber: SubscriberId,
        after: Option<&FeedKey>,
        limit: usize,
    ) -> Result<Vec<FeedRow>> {
        let mut rows = Range::prefix(&Table::Feed.key(&[&subscriber.to_bytes()]));
        if let Some(after) = after {
            rows = rows.after(&row_key(subscriber, after));
        }
        self.0
            .blocking(move |engine| {
                let entries = engine.scan(rows, limit, Want::Entries)?;
                entries
                    .into_iter()
                    .map(|entry| decode(FeedKey::from_bytes(&entry.key[HEAD..])?, entry.value))
                    .collect()
            })
            .await
    }

    /// What a subscriber is to be told of a record.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, subscriber: SubscriberId, key: &FeedKey) -> Result<Option<FeedRow>> {
        Ok(self.get_many(vec![(subscriber, key.clone())]).await?.pop().flatten())
    }

    /// The rows that stand for these, in their order.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(&self, wanted: Vec<(SubscriberId, FeedKey)>) -> Result<Vec<Option<FeedRow>>> {
        let rows = wanted.iter().map(|(subscriber, key)| row_key(*subscriber, key)).collect();
        let read = |((_, key), row): ((SubscriberId, FeedKey), Option<Bytes>)| {
            row.map(|row| decode(key, row)).transpose()
        };
        self.0.blocking(move |engine| wanted.into_iter().zip(engine.get(rows)?).map(read).collect()).await
    }

    /// How many rows a subscriber has. Reads all their keys, some microseconds each.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count(&self, subscriber: SubscriberId) -> Result<u64> {
        let rows = Range::prefix(&Table::Feed.key(&[&subscriber.to_bytes()]));
        self.0.blocking(move |engine| count(engine, rows)).await
    }

    /// Tells of every change that a subscriber gets.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.0.engine.watch(&Table::Feed.rows().start)
    }
}

/// Removes the rows of a channel, whoever they are for, from a table whose keys go on with
/// a subscriber. Reads one key a subscriber.
pub(super) fn remove_of(engine: &dyn Engine, table: Table, channel: ChannelId) -> Result<()> {
    let mut rest = table.rows();
    while let Some(entry) = engine.scan(rest.clone(), 1, Want::Keys)?.pop() {
        let head = &entry.key[..HEAD.min(entry.key.len())];
        let rows = Range::prefix(&[head, &channel.to_bytes()[..]].concat());
        remove_all(engine, &rows, Want::Keys, |batch, entry| batch.remove(entry.key.into()))?;
        let Some(next) = Range::prefix(head).end else { break };
        rest.start = next;
    }
    Ok(())
}

impl Batch {
    /// Tells a subscriber that a record changed; of an earlier change that it has not seen
    /// yet only this one is left.
    pub fn feed(
        &mut self,
        subscriber: SubscriberId,
        channel: ChannelId,
        connector: &Name,
        key: &RecordKey,
        entry: &FeedEntry,
    ) {
        let key = FeedKey { channel, connector: connector.clone(), key: key.clone() };
        self.feed_row(subscriber, &FeedRow { key, entry: *entry, changed: None });
    }

    /// The same, with the fields that changed since the subscriber was told of the record.
    pub fn feed_row(&mut self, subscriber: SubscriberId, row: &FeedRow) {
        self.put(row_key(subscriber, &row.key), Stored::encode(&row.entry, row.changed.as_ref()));
    }

    /// Expects the row with its stamp, and leaves it.
    pub fn expect_feed(&mut self, subscriber: SubscriberId, row: &FeedRow) {
        self.expect_value(row_key(subscriber, &row.key), Stored::encode(&row.entry, row.changed.as_ref()));
    }

    /// Expects the row with its stamp, and removes it. A record that changed again in the
    /// meantime so refuses the batch, and its row stays.
    pub fn settle_feed(&mut self, subscriber: SubscriberId, row: &FeedRow) {
        let key = row_key(subscriber, &row.key);
        self.expect_value(key.clone(), Stored::encode(&row.entry, row.changed.as_ref()));
        self.remove(key);
    }
}

fn decode(key: FeedKey, row: Bytes) -> Result<FeedRow> {
    let Stored { kind, stamp, origin, changed } = codec::decode(WHAT, row)?;
    Ok(FeedRow { key, entry: FeedEntry { kind, stamp, origin }, changed })
}

fn row_key(subscriber: SubscriberId, key: &FeedKey) -> Vec<u8> {
    Table::Feed.key(&[&subscriber.to_bytes(), &key.to_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_of_version_1_is_read() {
        const ROW: &[u8] =
            b"\x01{\"kind\":\"updated\",\"stamp\":7,\"origin\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\"}";
        let entry: FeedEntry = codec::decode(WHAT, Bytes::from_static(ROW)).expect("a change");
        assert_eq!((entry.kind, entry.stamp, entry.origin.is_some()), (FeedKind::Updated, 7, true));
        assert_eq!(codec::encode(&entry), ROW, "the form has not changed");
        assert_eq!(Stored::encode(&entry, None), ROW, "a row without fields is one of before");
    }

    #[tokio::test]
    async fn a_row_with_fields_is_read_and_settled_as_it_is() {
        let (store, subscriber) = (Store::in_memory(), SubscriberId::new());
        let key = FeedKey {
            channel: ChannelId::new(),
            connector: Name::try_new("c").expect("a name"),
            key: RecordKey::try_new("1").expect("a key"),
        };
        let entry = FeedEntry { kind: FeedKind::Updated, stamp: 1, origin: None };
        let row = FeedRow { key: key.clone(), entry, changed: Some(vec!["/status".into()]) };
        let mut batch = Batch::new();
        batch.feed_row(subscriber, &row);
        store.commit(batch).await.expect("written");
        assert_eq!(store.feed().list(subscriber, None, 2).await.expect("read"), std::slice::from_ref(&row));
        let other = SubscriberId::from_bytes([0; 16]);
        let found = store.feed().get_many(vec![(other, key.clone()), (subscriber, key)]).await.expect("read");
        assert_eq!(found, [None, Some(row.clone())]);
        let mut batch = Batch::new();
        batch.settle_feed(subscriber, &FeedRow { changed: None, ..row.clone() });
        assert!(matches!(store.commit(batch).await, Err(Error::Expectation)));
        let mut batch = Batch::new();
        batch.settle_feed(subscriber, &row);
        store.commit(batch).await.expect("settled");
    }

    #[tokio::test]
    async fn a_record_that_changed_again_is_not_settled() {
        let (store, subscriber) = (Store::in_memory(), SubscriberId::new());
        let (channel, connector) = (ChannelId::new(), Name::try_new("c").expect("a name"));
        let record = |key: &str| RecordKey::try_new(key).expect("a key");
        let feed = async |key: &str, kind, stamp| {
            let mut batch = Batch::new();
            let entry = FeedEntry { kind, stamp, origin: None };
            batch.feed(subscriber, channel, &connector, &record(key), &entry);
            batch.feed(SubscriberId::from_bytes([0; 16]), channel, &connector, &record(key), &entry);
            store.commit(batch).await.expect("written");
        };
        feed("1", FeedKind::Added, 1).await;
        feed("2", FeedKind::Added, 2).await;
        let before = store.feed().list(subscriber, None, 10).await.expect("read");
        assert_eq!(before.len(), 2);
        feed("1", FeedKind::Deleted, 3).await;

        let settle = async |row: &FeedRow| {
            let mut batch = Batch::new();
            batch.settle_feed(subscriber, row);
            store.commit(batch).await
        };
        assert!(matches!(settle(&before[0]).await, Err(Error::Expectation)));
        settle(&before[1]).await.expect("settled");
        let after = store.feed().list(subscriber, None, 10).await.expect("read");
        assert_eq!((after.len(), after[0].entry.kind), (1, FeedKind::Deleted));
        assert_eq!(store.feed().list(subscriber, Some(&after[0].key), 10).await.expect("read"), []);
        assert_eq!(store.feed().count(subscriber).await.expect("read"), 1);
    }
}
