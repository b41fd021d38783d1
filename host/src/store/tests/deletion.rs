//! What is left of a deleted channel: nothing, and everything of the others.

use super::{channel, commit, fill, name, on_both, record, rows};
use crate::model::{Channel, ChannelId, ChannelName, Held, Run};
use crate::store::keys::Table;
use crate::store::memory::Memory;
use crate::store::{Batch, Engine, Entry, Error, Range, Result, Store, Want, Watch, codec, keys};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;

/// Tables that know no channel, by their bytes: what stands in them is the whole host's. Those
/// of routes (`R`, `V`, `W`) are among them: a route goes as a whole, before its channel does.
const SHARED: &[u8] = b"mbXRVW";

/// Every table, by the byte of it, as the source lists them: none can be forgotten here.
fn tables() -> BTreeMap<u8, &'static str> {
    let source = include_str!("../keys.rs");
    let (_, list) = source.split_once("enum Table {").expect("the list");
    let (list, _) = list.split_once('}').expect("its end");
    let table = |line: &'static str| {
        let (name, byte) = line.trim().strip_suffix("',")?.split_once(" = b'")?;
        Some((*byte.as_bytes().first()?, name))
    };
    list.lines().filter_map(table).collect()
}

/// All that a key can have of a channel: its id, its name, its runs and their jobs.
fn marks(channel: &Channel, runs: &[Run]) -> Vec<Vec<u8>> {
    let of_run = |run: &Run| {
        let id = run.id.to_bytes();
        [id.to_vec(), id.map(|byte| !byte).to_vec(), run.job.to_bytes().to_vec()]
    };
    let own = [channel.id.to_bytes().to_vec(), channel.name.as_str().as_bytes().to_vec()];
    own.into_iter().chain(runs.iter().flat_map(of_run)).collect()
}

/// The tables that have a key with one of the marks in it.
fn marked(store: &Store, marks: &[Vec<u8>]) -> BTreeSet<u8> {
    let has = |key: &[u8], mark: &Vec<u8>| key.windows(mark.len()).any(|part| part == mark);
    let keys = rows(store).into_iter().map(|(key, _)| key);
    keys.filter(|key| marks.iter().any(|mark| has(key, mark))).map(|key| key[0]).collect()
}

/// A row in each table of the lists of `keys`, whatever the table keeps.
async fn fill_lists(store: &Store, channel: &Channel, runs: &[Run]) {
    let (id, row) = (channel.id, codec::encode_bytes(b"a row"));
    commit(store, |batch| {
        for table in Table::OF_CONNECTORS {
            batch.put(table.in_connector(id, &name("ticket"), b"a key"), row.clone());
        }
        for rows in Table::all_of(id) {
            batch.put([&rows.start[..], b"a key"].concat(), row.clone());
        }
        for table in Table::OF_SUBSCRIBERS {
            for subscriber in [[0; 16], [7; 16], [255; 16]] {
                batch.put(table.key(&[&subscriber, &id.to_bytes(), b"a key"]), row.clone());
            }
        }
        for rows in Table::OF_RUNS.iter().flat_map(|table| runs.iter().map(|run| table.rows_of_run(run.id))) {
            batch.put(rows.start, row.clone());
        }
    })
    .await;
}

/// Whoever adds a table puts it into one of the lists of `keys`, or else fills it in
/// [`fill`] and has it emptied by a step of its own.
#[tokio::test]
async fn every_table_is_filled_here_and_emptied_by_a_delete() {
    on_both(async |store| {
        let gone = channel("a-name-that-nothing-else-has");
        store.channels().create(&gone).await.expect("new");
        fill(&store, &gone, 4).await;
        let runs = store.runs().list(Some(gone.id), None, 100).await.expect("read");
        fill_lists(&store, &gone, &runs).await;
        let marks = marks(&gone, &runs);
        let filled = marked(&store, &marks);
        let forgotten: Vec<_> = tables()
            .into_iter()
            .filter(|(byte, _)| !filled.contains(byte) && !SHARED.contains(byte))
            .map(|(_, name)| name)
            .collect();
        assert!(forgotten.is_empty(), "these tables are not filled for this test: {forgotten:?}");

        assert!(store.channels().delete(gone.id).await.expect("written"));
        let left: Vec<_> = marked(&store, &marks).iter().map(|byte| tables()[byte]).collect();
        assert!(left.is_empty(), "a deleted channel leaves rows in: {left:?}");
    })
    .await;
}

#[tokio::test]
async fn what_there_is_of_a_channel_is_counted() {
    on_both(async |store| {
        let (one, other) = (channel("one"), channel("other"));
        for (channel, rows) in [(&one, 3), (&other, 2)] {
            store.channels().create(channel).await.expect("new");
            fill(&store, channel, rows).await;
        }
        commit(&store, |batch| {
            for (connector, key) in [("ticket", "1"), ("user", "1"), ("user", "2")] {
                let key = Table::Outbox.in_connector(one.id, &name(connector), key.as_bytes());
                batch.put(key, codec::encode_bytes(b"a change"));
            }
        })
        .await;
        let holdings = store.channels().holdings(one.id).await.expect("read");
        let held = |unsent| Held { records: 3, due: 3, quarantined: 3, unsent };
        assert_eq!(
            holdings.connectors,
            [("ticket", 1), ("user", 2)].map(|(text, unsent)| (name(text), held(unsent))).into()
        );
        assert_eq!(holdings.runs, 8, "calls are runs, too");
        assert!(store.channels().delete(one.id).await.expect("written"));
        assert_eq!(store.channels().holdings(one.id).await.expect("read"), Default::default());
    })
    .await;
}

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
