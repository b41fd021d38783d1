//! What is left of a deleted channel: nothing, and everything of the others.

use super::{channel, commit, fill, name, on_both, record, rows};
use crate::model::{Channel, ChannelId, ChannelName};
use crate::store::memory::Memory;
use crate::store::{Batch, Engine, Entry, Error, Range, Result, Store, Want, Watch, keys};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;

#[tokio::test]
async fn deleted_channel_leaves_nothing_and_others_stay_as_they_are() {
    on_both(async |store| {
        // Ids that are neighbours, so that a range that is too wide hits another channel.
        let with_id = |last: u8, text: &str| Channel {
            id: ChannelId::from_bytes([&[0xff; 15][..], &[last]].concat().try_into().expect("16 bytes")),
            ..channel(text)
        };
        let (before, gone, after) = (with_id(0xfd, "before"), with_id(0xfe, "gone"), with_id(0xff, "after"));
        for channel in [&before, &after] {
            store.channels().create(channel).await.expect("new");
            fill(&store, channel, 5).await;
        }
        let others = rows(&store);
        store.channels().create(&gone).await.expect("new");
        fill(&store, &gone, 600).await;
        assert!(rows(&store).len() > others.len() + 2 * 4 * 600);

        assert!(store.channels().delete(gone.id).await.expect("written"));
        assert!(rows(&store) == others, "a row was left, or one of another channel is gone");
        assert!(!store.channels().delete(gone.id).await.expect("written"), "it is gone already");
        store.channels().create(&channel("gone")).await.expect("the name is free");
    })
    .await;
}

#[tokio::test]
async fn killed_delete_can_be_repeated() {
    on_both(async |store| {
        let gone = channel("gone");
        store.channels().create(&gone).await.expect("new");
        fill(&store, &gone, 3).await;
        // What a delete does first, and then no more.
        commit(&store, |batch| batch.remove(keys::open_channel(gone.id))).await;
        assert!(store.channels().by_name("gone").await.expect("read").is_some(), "it still shows");
        let changed = Channel { revision: 2, ..gone.clone() };
        assert!(matches!(store.channels().update(&gone, &changed).await, Err(Error::Expectation)));
        assert!(store.channels().delete(gone.id).await.expect("written"));
        assert!(rows(&store).is_empty());
    })
    .await;
}

/// An engine in which somebody is faster, once, than the next commit.
struct Meddled {
    rows: Arc<Memory>,
    before_commit: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Engine for Meddled {
    fn get(&self, keys: Vec<Vec<u8>>) -> Result<Vec<Option<Bytes>>> {
        self.rows.get(keys)
    }

    fn scan(&self, range: Range, limit: usize, want: Want) -> Result<Vec<Entry>> {
        self.rows.scan(range, limit, want)
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        let meddle = self.before_commit.lock().expect("nobody panics").take();
        meddle.into_iter().for_each(|meddle| meddle());
        self.rows.commit(batch)
    }

    fn flush(&self) -> Result<()> {
        self.rows.flush()
    }

    fn watch(&self, prefix: &[u8]) -> Watch {
        self.rows.watch(prefix)
    }
}

#[tokio::test]
async fn channel_that_is_renamed_while_it_is_deleted_is_gone_under_both_names() {
    let rows_of_both = Arc::new(Memory::default());
    let store = Store::on(rows_of_both.clone()).expect("empty");
    let before = channel("before");
    store.channels().create(&before).await.expect("new");
    let after = Channel { name: ChannelName::try_new("after").expect("a name"), ..before.clone() };

    let (id, other, runtime) = (before.id, store.clone(), Handle::current());
    let rename = move || {
        runtime.block_on(other.channels().update(&before, &after)).expect("not yet deleted");
    };
    let meddled = Meddled { rows: rows_of_both, before_commit: Mutex::new(Some(Box::new(rename))) };
    let slow = Store::on(Arc::new(meddled)).expect("numbered");
    assert!(slow.channels().delete(id).await.expect("written"));
    assert!(rows(&store).is_empty());
}

#[tokio::test]
async fn run_that_goes_on_leaves_nothing_in_a_deleted_channel() {
    on_both(async |store| {
        let gone = channel("gone");
        store.channels().create(&gone).await.expect("new");
        let page = || {
            let mut batch = Batch::new();
            batch.expect_channel(gone.id);
            batch.put_record(gone.id, &name("ticket"), &record("1", "{}"));
            batch
        };
        store.commit(page()).await.expect("the channel is there");
        assert!(store.channels().delete(gone.id).await.expect("written"));
        assert!(matches!(store.commit(page()).await, Err(Error::Expectation)));
        assert!(rows(&store).is_empty());
    })
    .await;
}
