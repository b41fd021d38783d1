//! The notices that an operator set up, how sending goes, and what is not sent any more.
//!
//! It keeps and finds; when something is tried again, and when it is given up, is decided
//! above.

use super::engine::{Range, Want};
use super::feed::{FeedEntry, FeedKey};
use super::keys::Table;
use super::walk::{count, remove_all, walk};
use super::{Batch, Result, Store, codec};
use crate::model::{Failure, Notice, SubscriberId, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Table and subscriber.
const HEAD: usize = 1 + 16;

/// How sending a change goes that did not arrive at the first try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NoticeTries {
    /// Which change; of another stamp it says nothing.
    pub stamp: u64,
    /// How often it was tried.
    pub tries: u32,
    /// Not to be tried again before.
    pub next: Timestamp,
}

/// A change that is not sent any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeadNotice {
    /// The change.
    pub entry: FeedEntry,
    /// Which fields changed; none: it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Vec<String>>,
    /// How often it was tried.
    pub tries: u32,
    /// Why it did not arrive the last time.
    pub reason: Failure,
    /// When it was given up.
    pub died: Timestamp,
}

/// The notices.
pub struct Notices<'a>(pub(super) &'a Store);

impl Notices<'_> {
    /// All of them, in the order of their making.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self) -> Result<Vec<Notice>> {
        self.0
            .blocking(|engine| {
                let (mut all, mut rows) = (Vec::new(), Table::Notices.rows());
                // Steps over the tries of each.
                while let Some(entry) = engine.scan(rows.clone(), 1, Want::Entries)?.pop() {
                    let head = &entry.key[..HEAD.min(entry.key.len())];
                    if entry.key.len() == HEAD {
                        all.push(codec::decode("a notice", entry.value)?);
                    }
                    rows.start = Range::prefix(head).end.unwrap_or_default();
                }
                Ok(all)
            })
            .await
    }

    /// The tries of a notice, by what is tried.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn tries(&self, notice: SubscriberId) -> Result<Vec<(FeedKey, NoticeTries)>> {
        let rows = Table::Notices.key(&[&notice.to_bytes()]);
        let rows = Range::prefix(&rows).after(&rows);
        self.0
            .blocking(move |engine| {
                let mut all = Vec::new();
                walk(engine, rows, Want::Entries, |entry| {
                    let key = FeedKey::from_bytes(&entry.key[HEAD..])?;
                    all.push((key, codec::decode("the tries of a notice", entry.value)?));
                    Ok(())
                })?;
                Ok(all)
            })
            .await
    }

    /// At most `limit` changes that a notice does not send any more, in the order of their
    /// keys, those after `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn dead(
        &self,
        notice: SubscriberId,
        after: Option<&FeedKey>,
        limit: usize,
    ) -> Result<Vec<(FeedKey, DeadNotice)>> {
        let mut rows = Range::prefix(&Table::Dead.key(&[&notice.to_bytes()]));
        if let Some(after) = after {
            rows = rows.after(&dead_key(notice, after));
        }
        let decode = |key: &[u8], row: Bytes| {
            Ok((FeedKey::from_bytes(&key[HEAD..])?, codec::decode("a dead notice", row)?))
        };
        self.0
            .blocking(move |engine| {
                let entries = engine.scan(rows, limit, Want::Entries)?;
                entries.into_iter().map(|entry| decode(&entry.key, entry.value)).collect()
            })
            .await
    }

    /// What a notice does not send any more of a record.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn dead_of(&self, notice: SubscriberId, key: &FeedKey) -> Result<Option<DeadNotice>> {
        let row = dead_key(notice, key);
        let decode = |row| codec::decode("a dead notice", row);
        self.0.blocking(move |engine| super::walk::get(engine, row)?.map(decode).transpose()).await
    }

    /// How many changes a notice does not send any more.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn count_dead(&self, notice: SubscriberId) -> Result<u64> {
        let rows = Range::prefix(&Table::Dead.key(&[&notice.to_bytes()]));
        self.0.blocking(move |engine| count(engine, rows)).await
    }

    /// Removes a notice with all that it had to tell.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn delete(&self, notice: SubscriberId) -> Result<()> {
        self.0
            .blocking(move |engine| {
                for table in [Table::Notices, Table::Feed, Table::Dead] {
                    let rows = Range::prefix(&table.key(&[&notice.to_bytes()]));
                    remove_all(engine, &rows, Want::Keys, |batch, entry| batch.remove(entry.key.into()))?;
                }
                engine.flush()
            })
            .await
    }
}

impl Batch {
    /// Keeps a notice, in place of what was kept of it.
    pub fn put_notice(&mut self, notice: &Notice) {
        self.put(Table::Notices.key(&[&notice.id.to_bytes()]), codec::encode(notice));
    }

    /// Expects the notice to be there, and to be this one.
    pub fn expect_notice(&mut self, notice: &Notice) {
        self.expect_value(Table::Notices.key(&[&notice.id.to_bytes()]), codec::encode(notice));
    }

    /// Notes how sending a change goes.
    pub fn put_notice_tries(&mut self, notice: SubscriberId, key: &FeedKey, tries: &NoticeTries) {
        self.put(tries_key(notice, key), codec::encode(tries));
    }

    /// Forgets how sending a change went.
    pub fn remove_notice_tries(&mut self, notice: SubscriberId, key: &FeedKey) {
        self.remove(tries_key(notice, key));
    }

    /// Keeps a change that is not sent any more.
    pub fn put_dead_notice(&mut self, notice: SubscriberId, key: &FeedKey, dead: &DeadNotice) {
        self.put(dead_key(notice, key), codec::encode(dead));
    }

    /// Forgets a change that was not sent.
    pub fn remove_dead_notice(&mut self, notice: SubscriberId, key: &FeedKey) {
        self.remove(dead_key(notice, key));
    }
}

fn tries_key(notice: SubscriberId, key: &FeedKey) -> Vec<u8> {
    Table::Notices.key(&[&notice.to_bytes(), &key.to_bytes()])
}

fn dead_key(notice: SubscriberId, key: &FeedKey) -> Vec<u8> {
    Table::Dead.key(&[&notice.to_bytes(), &key.to_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ChannelId, Class, Name, RecordKey, Sealed};
    use crate::store::FeedKind;

    fn notice(name: &str) -> Notice {
        Notice {
            id: SubscriberId::new(),
            name: Name::try_new(name).expect("a name"),
            url: "https://a.example/in".into(),
            channel: None,
            connectors: Vec::new(),
            with_payload: false,
            paused: false,
            secret: Sealed("s".into()),
            created: Timestamp::from_millis(1_700_000_000_123),
        }
    }

    #[test]
    fn notice_of_version_1_is_read() {
        const ROW: &[u8] = b"\x01{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"name\":\"crm\",\"url\":\"https://a.example/in\",\
            \"with-payload\":false,\"paused\":false,\"secret\":\"s\",\"created\":\"2023-11-14T22:13:20.123Z\"}";
        let read: Notice = codec::decode("a notice", Bytes::from_static(ROW)).expect("a notice");
        assert_eq!(read, Notice { id: read.id, ..notice("crm") });
        assert_eq!(codec::encode(&read), ROW, "the form has not changed");
    }

    #[tokio::test]
    async fn tries_and_the_dead_belong_to_their_notice() {
        let (store, both) = (Store::in_memory(), [notice("a"), notice("b")]);
        let key = FeedKey {
            channel: ChannelId::new(),
            connector: Name::try_new("c").expect("a name"),
            key: RecordKey::try_new("1").expect("a key"),
        };
        let now = Timestamp::from_millis(5);
        let tries = NoticeTries { stamp: 7, tries: 2, next: now };
        let dead = DeadNotice {
            entry: FeedEntry { kind: FeedKind::Added, stamp: 7, origin: None },
            changed: None,
            tries: 3,
            reason: Failure::new(Class::Transient, "http.status.503", "no"),
            died: now,
        };
        let mut batch = Batch::new();
        for notice in &both {
            batch.put_notice(notice);
            batch.put_notice_tries(notice.id, &key, &tries);
            batch.put_dead_notice(notice.id, &key, &dead);
        }
        store.commit(batch).await.expect("written");
        assert_eq!(store.notices().list().await.expect("read"), both);
        let [first, second] = [both[0].id, both[1].id];
        assert_eq!(store.notices().tries(first).await.expect("read"), [(key.clone(), tries)]);
        assert_eq!(store.notices().dead_of(first, &key).await.expect("read"), Some(dead.clone()));
        assert_eq!(store.notices().dead(first, None, 5).await.expect("read"), [(key.clone(), dead)]);
        assert_eq!(store.notices().dead(first, Some(&key), 5).await.expect("read"), []);
        store.notices().delete(first).await.expect("written");
        assert_eq!(store.notices().list().await.expect("read"), both[1..]);
        assert_eq!(store.notices().count_dead(first).await.expect("read"), 0);
        assert_eq!(store.notices().count_dead(second).await.expect("read"), 1);
    }
}
