//! What the tables do, seen through the face; on both engines.

mod breakers;
mod channels;
mod connectors;
mod deletion;
mod ended;
mod history;
mod quarantine;
mod runs;
mod seen;
mod ticks;

use super::engine::{Range, Want};
use super::*;
use crate::model::{
    Channel, ChannelId, ChannelName, Class, ConflictPolicies, Counters, Direction, Failure, JobId, LineLevel,
    LineSource, Name, Parallel, Record, RecordKey, Run, RunId, RunLine, RunPage, Schedule, Status, Timestamp,
    Trigger, Usage, Vanished,
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
        enabled_since: None,
        migrated: None,
        paused: None,
        schedule: Schedule::default(),
        parallel: Parallel::default(),
        vanished: Vanished::default(),
        conflicts: ConflictPolicies::default(),
        mappings: BTreeMap::new(),
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
        origin: Origin::Record { updated: Some(time(1)), parent: None },
        size: payload.map(|text| text.len() as u64),
        kept: payload.map_or(0, |text| text.len() as u64),
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
        record: false,
        order: 0,
        deferred: None,
        tries: 0,
        begun: true,
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

/// Two pages and two lines.
fn put_details(batch: &mut Batch, run: RunId) {
    (1..=2).for_each(|page| batch.put_page(run, &page_of_run(page)));
    let end = LogEnd { next: 2, bytes: 20, dropped: 0 };
    batch.put_log_lines(run, 0, &[line("one"), line("two")], end);
}

fn page_of_run(page: u64) -> RunPage {
    let counters = Counters { read: 3, added: 3, ..Counters::default() };
    RunPage { page, at: time(5), took_ms: 40, counters, requests: 1, bytes: 900, cursor_bytes: Some(8) }
}

fn line(message: &str) -> RunLine {
    RunLine {
        at: time(5),
        level: LineLevel::Info,
        source: LineSource::Guest,
        message: message.into(),
        fields: serde_json::Map::from_iter([("page".into(), 1.into())]),
    }
}

fn due(text: &str, stamp: u64) -> DueKey {
    DueKey { key: key(text), stamp }
}

fn names(channels: &[Channel]) -> Vec<&str> {
    channels.iter().map(|channel| channel.name.as_str()).collect()
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
                batch.add_retrial(id, connector, &text);
                batch.mark_vanished(id, connector, &key(&text), time(4));
                let page = SeenPage { reading: RunId::new(), run: RunId::new(), page: row as u64 };
                batch.put_seen(id, connector, page, [text.as_str()].into_iter());
                batch.set_state(id, connector, &text, Some(b"1"));
            }
            batch.set_record_count(id, connector, rows as u64);
            batch.put_cursor(id, connector, b"next");
            let reading = Reading { id: RunId::new(), stage: Stage::Clearing, unclear: false };
            batch.put_reading(id, connector, &reading);
        })
        .await;
    }
    commit(store, |batch| {
        for status in [Status::Completed, Status::Running].repeat(rows.div_ceil(2)) {
            let run = run(channel, status);
            batch.put_run(&run);
            put_details(batch, run.id);
        }
    })
    .await;
    fill_directions(store, channel).await;
}

/// The same for the tables that have one row of a channel, or one a direction.
async fn fill_directions(store: &Store, channel: &Channel) {
    for direction in [Direction::Import, Direction::Export] {
        commit(store, |batch| {
            batch.put(keys::job(channel.id, direction), codec::encode_bytes(b"a job"));
            batch.put(keys::lease(channel.id, direction), codec::encode_bytes(b"a lease"));
            batch.put(keys::lease_end(channel.id, direction), codec::encode_number(9));
        })
        .await;
    }
    commit(store, |batch| batch.put_tick(channel.id, time(7))).await;
}

/// Every row of the store but its layout's number, as it is.
fn rows(store: &Store) -> Vec<(Bytes, Bytes)> {
    let entries = store.engine.scan(Range::all(), usize::MAX, Want::Entries).expect("read");
    let rows = entries.into_iter().filter(|entry| entry.key[..] != keys::format());
    rows.map(|entry| (entry.key, entry.value)).collect()
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
