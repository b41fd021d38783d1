//! What the tables do, seen through the face; on both engines.

use super::engine::{Range, Want};
use super::*;
use crate::model::{
    Channel, ChannelId, ChannelName, Class, Counters, Direction, Failure, JobId, Name, Record, RecordKey,
    Run, RunId, Status, Timestamp, Trigger, Usage,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Runs a test on an empty store of either engine.
async fn on_both(test: impl AsyncFn(Store)) {
    test(Store::in_memory()).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    test(open(folder.path())).await;
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &Config::default()).expect("a folder of our own")
}

async fn commit(store: &Store, fill: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::new();
    fill(&mut batch);
    store.commit(batch).await.expect("nothing stands against it");
}

fn name(text: &str) -> Name {
    Name::try_new(text).expect("a name")
}

fn key(text: &str) -> RecordKey {
    RecordKey::try_new(text).expect("a key")
}

fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millis(milliseconds)
}

fn channel(text: &str) -> Channel {
    Channel {
        id: ChannelId::new(),
        name: ChannelName::try_new(text).expect("a name"),
        channel_type: name("zendesk"),
        transport: name("api"),
        connectors: vec![name("user"), name("ticket")],
        two_way: false,
        enabled: true,
        paused_because: None,
        settings: serde_json::Map::from_iter([("ratio".into(), 0.1.into())]),
        secrets: BTreeMap::new(),
        plugin_version: "0.1.0".into(),
        created: time(1),
        edited: time(1),
        revision: 1,
    }
}

fn record(text: &str, payload: &str) -> Record {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    Record {
        key: key(text),
        parent: None,
        updated: Some(time(2)),
        imported: time(3),
        run: RunId::new(),
        payload,
    }
}

fn quarantined(text: &str, payload: Option<&str>) -> Quarantined {
    Quarantined {
        key: text.into(),
        reason: Failure::new(Class::InvalidData, "record.json", "not JSON"),
        payload: payload.map(|text| Bytes::copy_from_slice(text.as_bytes())),
        first_seen: time(1),
        last_seen: time(2),
        attempts: 2,
        run: RunId::new(),
    }
}

fn run(channel: &Channel, status: Status) -> Run {
    Run {
        id: RunId::new(),
        job: JobId::new(),
        channel_id: channel.id,
        channel: channel.name.clone(),
        connector: name("ticket"),
        direction: Direction::Import,
        trigger: Trigger::Request,
        full: false,
        status,
        requested: time(1),
        started: None,
        ended: None,
        pages: 0,
        counters: Counters::default(),
        total: None,
        error: None,
        usage: Usage::default(),
    }
}

fn due(text: &str, stamp: u64) -> DueKey {
    DueKey { key: key(text), stamp }
}

fn names(channels: &[Channel]) -> Vec<&str> {
    channels.iter().map(|channel| channel.name.as_str()).collect()
}

#[tokio::test]
async fn channel_is_found_by_id_and_by_name() {
    on_both(async |store| {
        let channels = store.channels();
        let (b, a) = (channel("b"), channel("a"));
        channels.create(&b).await.expect("new");
        channels.create(&a).await.expect("new");
        assert_eq!(channels.get(a.id).await.expect("read"), Some(a.clone()));
        assert_eq!(channels.by_name("b").await.expect("read"), Some(b));
        assert_eq!(channels.by_name("c").await.expect("read"), None);
        assert_eq!(channels.get(ChannelId::new()).await.expect("read"), None);
        assert_eq!(names(&channels.list().await.expect("read")), ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn name_is_taken_only_once() {
    on_both(async |store| {
        let channels = store.channels();
        let (a, b) = (channel("a"), channel("b"));
        channels.create(&a).await.expect("new");
        channels.create(&b).await.expect("new");

        let second = channel("a");
        let error = channels.create(&second).await.expect_err("taken");
        assert!(matches!(error, Error::NameTaken(taken) if taken == "a"));
        assert_eq!(channels.get(second.id).await.expect("read"), None);

        let renamed = Channel { name: a.name.clone(), ..b.clone() };
        let error = channels.update(&b, &renamed).await.expect_err("taken");
        assert!(matches!(error, Error::NameTaken(taken) if taken == "a"));
        assert_eq!(channels.by_name("b").await.expect("read"), Some(b));

        let same_id = Channel { name: second.name, id: a.id, ..channel("x") };
        let error = channels.create(&same_id).await.expect_err("there already");
        assert!(matches!(error, Error::Expectation), "its own name is not another channel's");
    })
    .await;
}

#[tokio::test]
async fn renamed_channel_leaves_its_name_to_others() {
    on_both(async |store| {
        let channels = store.channels();
        let before = channel("before");
        channels.create(&before).await.expect("new");
        let after =
            Channel { name: ChannelName::try_new("after").expect("a name"), revision: 2, ..before.clone() };
        channels.update(&before, &after).await.expect("nobody else changed it");
        assert_eq!(channels.by_name("before").await.expect("read"), None);
        assert_eq!(channels.by_name("after").await.expect("read"), Some(after));
        channels.create(&channel("before")).await.expect("free again");
    })
    .await;
}

#[tokio::test]
async fn update_of_an_older_state_is_refused() {
    on_both(async |store| {
        let channels = store.channels();
        let first = channel("a");
        channels.create(&first).await.expect("new");
        let second = Channel { enabled: false, revision: 2, ..first.clone() };
        channels.update(&first, &second).await.expect("nobody else changed it");
        let late = Channel { two_way: true, revision: 2, ..first.clone() };
        assert!(matches!(channels.update(&first, &late).await, Err(Error::Expectation)));
        assert_eq!(channels.get(first.id).await.expect("read"), Some(second));
        let unknown = channel("unknown");
        assert!(matches!(channels.update(&unknown, &unknown).await, Err(Error::Expectation)));
    })
    .await;
}

#[tokio::test]
async fn many_channels_are_listed_by_name() {
    let store = Store::in_memory();
    for number in 0..700 {
        let number = number * 557 % 700;
        store.channels().create(&channel(&format!("channel-{number:03}"))).await.expect("new");
    }
    let channels = store.channels().list().await.expect("read");
    assert_eq!(channels.len(), 700);
    assert!(channels.is_sorted_by(|a, b| a.name < b.name));
}

/// Puts something of the channel into every table.
async fn fill(store: &Store, channel: &Channel, rows: usize) {
    for connector in ["ticket", "user"].map(name) {
        let (id, connector) = (channel.id, &connector);
        commit(store, |batch| {
            for row in 0..rows {
                let text = row.to_string();
                batch.put_record(id, connector, &record(&text, &"x".repeat(row * 30)));
                batch.add_due(id, connector, &due(&text, 1));
                batch.put_quarantined(id, connector, &quarantined(&text, Some("{")));
                batch.set_state(id, connector, &text, Some(b"1"));
            }
            batch.set_record_count(id, connector, rows as u64);
            batch.put_cursor(id, connector, b"next");
        })
        .await;
    }
    commit(store, |batch| {
        for status in [Status::Completed, Status::Running].repeat(rows.div_ceil(2)) {
            batch.put_run(&run(channel, status));
        }
    })
    .await;
}

/// Every row of the store but its layout's number, as it is.
fn rows(store: &Store) -> Vec<(Bytes, Bytes)> {
    let entries = store.engine.scan(Range::all(), usize::MAX, Want::Entries).expect("read");
    let rows = entries.into_iter().filter(|entry| entry.key[..] != keys::format());
    rows.map(|entry| (entry.key, entry.value)).collect()
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

#[tokio::test]
async fn records_come_back_in_the_order_asked_for() {
    on_both(async |store| {
        let (id, ticket, tickets) = (ChannelId::new(), name("ticket"), name("ticket-comment"));
        let (one, two) = (record("1", "{\"a\": 1 }"), Record { updated: None, ..record("2", "") });
        commit(&store, |batch| {
            batch.put_record(id, &ticket, &two);
            batch.put_record(id, &ticket, &one);
            batch.put_record(id, &tickets, &record("3", "{}"));
            batch.put_record(ChannelId::new(), &ticket, &record("3", "{}"));
        })
        .await;
        let records = store.records();
        let found =
            records.get_many(id, &ticket, ["2", "3", "1", "2"].map(key).to_vec()).await.expect("read");
        assert_eq!(found, [Some(two.clone()), None, Some(one.clone()), Some(two.clone())]);
        assert_eq!(records.get(id, &ticket, &key("1")).await.expect("read"), Some(one.clone()));
        assert_eq!(records.list(id, &ticket, None, 10).await.expect("read"), [one.clone(), two.clone()]);
        assert_eq!(records.list(id, &ticket, None, 1).await.expect("read"), [one]);
        assert_eq!(records.list(id, &ticket, Some(&key("1")), 10).await.expect("read"), [two]);
        assert_eq!(records.list(id, &ticket, Some(&key("2")), 10).await.expect("read"), []);

        commit(&store, |batch| batch.delete_record(id, &ticket, &key("1"))).await;
        assert_eq!(records.get(id, &ticket, &key("1")).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn record_count_is_what_the_writer_says() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        assert_eq!(store.records().count(id, &ticket).await.expect("read"), 0);
        commit(&store, |batch| batch.set_record_count(id, &ticket, 7)).await;
        assert_eq!(store.records().count(id, &ticket).await.expect("read"), 7);
        assert_eq!(store.records().count(id, &name("user")).await.expect("read"), 0);
    })
    .await;
}

#[tokio::test]
async fn cursor_is_kept_until_it_is_dropped() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        assert_eq!(store.cursors().get(id, &ticket).await.expect("read"), None);
        commit(&store, |batch| batch.put_cursor(id, &ticket, b"")).await;
        assert_eq!(store.cursors().get(id, &ticket).await.expect("read").as_deref(), Some(&b""[..]));
        commit(&store, |batch| batch.put_cursor(id, &ticket, b"\0next\xff")).await;
        assert_eq!(
            store.cursors().get(id, &ticket).await.expect("read").as_deref(),
            Some(&b"\0next\xff"[..])
        );
        commit(&store, |batch| batch.drop_cursor(id, &ticket)).await;
        assert_eq!(store.cursors().get(id, &ticket).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn due_keys_wait_once_and_in_order() {
    on_both(async |store| {
        let (id, comment) = (ChannelId::new(), name("ticket-comment"));
        commit(&store, |batch| {
            ["3", "1", "2", "1"].iter().for_each(|text| batch.add_due(id, &comment, &due(text, 1)));
        })
        .await;
        let list = async |without: &[&str], limit| {
            let without = without.iter().copied().map(key).collect();
            let due = store.due().list(id, &comment, without, limit).await.expect("read");
            due.iter().map(|due| due.key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(store.due().count(id, &comment).await.expect("read"), 3);
        assert_eq!(list(&[], 10).await, ["1", "2", "3"]);
        assert_eq!(list(&[], 2).await, ["1", "2"]);
        assert_eq!(list(&["1", "3"], 2).await, ["2"]);
        assert_eq!(list(&["1", "7"], 1).await, ["2"]);
        assert_eq!(list(&["1", "2", "3"], 1).await, [""; 0]);
        assert_eq!(list(&[], 0).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn settling_a_key_that_was_asked_for_again_is_refused() {
    on_both(async |store| {
        let (id, comment) = (ChannelId::new(), name("ticket-comment"));
        let settle = |due: &DueKey| {
            let mut batch = Batch::new();
            batch.settle_due(id, &comment, due);
            batch.put_record(id, &comment, &record("of the page", "{}"));
            store.commit(batch)
        };
        commit(&store, |batch| batch.add_due(id, &comment, &due("1", 1))).await;
        commit(&store, |batch| batch.add_due(id, &comment, &due("1", 2))).await;
        assert!(matches!(settle(&due("1", 1)).await, Err(Error::Expectation)));
        assert_eq!(store.due().list(id, &comment, vec![], 9).await.expect("read"), [due("1", 2)]);
        assert_eq!(store.records().get(id, &comment, &key("of the page")).await.expect("read"), None);

        settle(&due("1", 2)).await.expect("this was the last asking");
        assert_eq!(store.due().count(id, &comment).await.expect("read"), 0);
        assert!(matches!(settle(&due("1", 2)).await, Err(Error::Expectation)), "it is settled");
    })
    .await;
}

#[tokio::test]
async fn many_due_keys_are_counted() {
    on_both(async |store| {
        let (id, comment) = (ChannelId::new(), name("ticket-comment"));
        commit(&store, |batch| {
            (0..1_300).for_each(|row| batch.add_due(id, &comment, &due(&row.to_string(), row)))
        })
        .await;
        assert_eq!(store.due().count(id, &comment).await.expect("read"), 1_300);
    })
    .await;
}

#[tokio::test]
async fn quarantined_record_is_kept_with_its_reason() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        // Keys and payloads are a guest's: anything goes.
        let (a, b) = (quarantined("a\0b/ü", Some("not JSON")), quarantined("b", None));
        let empty = quarantined("", Some(""));
        commit(&store, |batch| {
            [&b, &a, &empty].iter().for_each(|entry| batch.put_quarantined(id, &ticket, entry))
        })
        .await;
        let quarantine = store.quarantine();
        let found = quarantine
            .get_many(id, &ticket, vec!["b".into(), "x".into(), a.key.clone()])
            .await
            .expect("read");
        assert_eq!(found, [Some(b.clone()), None, Some(a.clone())]);
        assert_eq!(quarantine.list(id, &ticket, None, 2).await.expect("read"), [empty, a.clone()]);
        assert_eq!(quarantine.list(id, &ticket, Some(&a.key), 2).await.expect("read"), [b]);
        assert_eq!(quarantine.count(id, &ticket).await.expect("read"), 3);
        commit(&store, |batch| batch.remove_quarantined(id, &ticket, &a.key)).await;
        assert_eq!(quarantine.count(id, &ticket).await.expect("read"), 2);
    })
    .await;
}

#[tokio::test]
async fn runs_are_listed_newest_first() {
    on_both(async |store| {
        let (a, b) = (channel("a"), channel("b"));
        let runs: Vec<Run> = [&a, &b, &a, &a].map(|channel| run(channel, Status::Completed)).to_vec();
        commit(&store, |batch| runs.iter().for_each(|run| batch.put_run(run))).await;
        let list = async |channel: Option<&Channel>, before: Option<usize>, limit| {
            let before = before.map(|index| runs[index].id);
            let found =
                store.runs().list(channel.map(|channel| channel.id), before, limit).await.expect("read");
            let index = |found: &Run| runs.iter().position(|run| run == found).expect("one of ours");
            found.iter().map(index).collect::<Vec<_>>()
        };
        assert_eq!(list(None, None, 9).await, [3, 2, 1, 0]);
        assert_eq!(list(None, Some(2), 9).await, [1, 0]);
        assert_eq!(list(None, Some(3), 1).await, [2]);
        assert_eq!(list(Some(&a), None, 9).await, [3, 2, 0]);
        assert_eq!(list(Some(&a), Some(2), 9).await, [0]);
        assert_eq!(list(Some(&b), None, 9).await, [1]);
        assert_eq!(list(Some(&b), Some(1), 9).await, [0; 0]);
        assert_eq!(store.runs().get(runs[1].id).await.expect("read").as_ref(), Some(&runs[1]));
        assert_eq!(store.runs().get(RunId::new()).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn run_is_live_until_it_has_ended() {
    on_both(async |store| {
        let a = channel("a");
        let (first, second) = (run(&a, Status::Queued), run(&a, Status::Running));
        commit(&store, |batch| [&first, &second].iter().for_each(|run| batch.put_run(run))).await;
        assert_eq!(store.runs().live().await.expect("read"), [second.clone(), first.clone()]);
        for status in [
            Status::Completed,
            Status::CompletedWithWarnings,
            Status::Failed,
            Status::Deferred,
            Status::Skipped,
            Status::Cancelled,
        ] {
            commit(&store, |batch| batch.put_run(&Run { status: Status::Running, ..second.clone() })).await;
            commit(&store, |batch| batch.put_run(&Run { status, ..second.clone() })).await;
            assert_eq!(store.runs().live().await.expect("read"), std::slice::from_ref(&first), "{status}");
        }
        assert_eq!(store.runs().list(None, None, 9).await.expect("read").len(), 2, "it stays in the history");
    })
    .await;
}

#[tokio::test]
async fn state_is_each_connectors_own() {
    on_both(async |store| {
        let (id, ticket, user) = (ChannelId::new(), name("ticket"), name("user"));
        commit(&store, |batch| {
            batch.set_state(id, &ticket, "b", Some(b"2"));
            batch.set_state(id, &ticket, "", Some(b""));
            batch.set_state(id, &user, "b", Some(b"3"));
        })
        .await;
        commit(&store, |batch| batch.set_state(id, &ticket, "b", None)).await;
        commit(&store, |batch| batch.set_state(id, &ticket, "c", Some(b"4"))).await;
        let all = store.state().all(id, &ticket).await.expect("read");
        let expected =
            [("", &b""[..]), ("c", b"4")].map(|(key, value)| (key.to_owned(), Bytes::from_static(value)));
        assert_eq!(all, BTreeMap::from(expected));
    })
    .await;
}

#[tokio::test]
async fn watchers_hear_of_runs_and_channels() {
    on_both(async |store| {
        let (mut runs, channels) = (store.runs().watch(), store.channels().watch());
        commit(&store, |batch| batch.put_run(&run(&channel("a"), Status::Running))).await;
        assert!(runs.changed().await);
        assert!(!runs.has_changed() && !channels.has_changed());
        store.channels().create(&channel("a")).await.expect("new");
        assert!(channels.has_changed() && !runs.has_changed());
    })
    .await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let a = channel("a");
    let before = {
        let store = open(folder.path());
        store.channels().create(&a).await.expect("new");
        fill(&store, &a, 300).await;
        rows(&store)
    };
    let store = open(folder.path());
    assert!(rows(&store) == before);
    assert_eq!(store.channels().by_name("a").await.expect("read"), Some(a));
}

#[tokio::test]
async fn folder_in_use_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _first = open(folder.path());
    let error = Store::open(folder.path(), &Config::default()).err().expect("it is locked");
    assert_eq!(
        error.to_string(),
        format!("the data folder {} is in use by another tidegate process", folder.path().display())
    );
}

#[tokio::test]
async fn data_of_a_newer_version_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    commit(&open(folder.path()), |batch| batch.put(keys::format(), b"99".to_vec())).await;
    let error = Store::open(folder.path(), &Config::default()).err().expect("it is newer");
    assert!(matches!(error, Error::NewerFormat));
    assert_eq!(
        error.to_string(),
        "the data was written by a newer version of tidegate; run that version or a later one"
    );
}

#[tokio::test]
async fn panic_of_an_engine_is_an_error_of_the_call() {
    let store = Store::in_memory();
    let done = store.blocking(|_| -> Result<()> { panic!("a page that must not be") }).await;
    assert!(matches!(done, Err(Error::Engine(_))));
}

#[test]
fn configuration_is_kebab_case_and_knows_its_keys() {
    let config: Config = toml::from_str("cache = \"32MiB\"\ndurability = \"power-cut\"").expect("known keys");
    assert_eq!(config, Config { cache: Size::mib(32), durability: Durability::PowerCut });
    assert!(toml::from_str::<Config>("cash = \"32MiB\"").is_err());
    assert_eq!(toml::from_str::<Config>("").expect("all have defaults"), Config::default());
}
