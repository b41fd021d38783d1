//! Records that failed, and another try for them.

use super::support::*;
use crate::{
    model::{Class, Connector, DrivenBy, Envelope, Failure, Name, Page, Reject, RunId, Size},
    store::{Quarantined, Sought, Store},
    sync::{Config, Error, Retried, Selection, Why, opener::Ready},
};
use bytes::Bytes;

const LONG: &str = "a@5=\"much too long for the limit\"";

fn limited(bytes: u64) -> Config {
    Config { record_bytes: Size(bytes), ..Config::default() }
}

/// The channel is in the store as well: whoever asks for another try expects it there.
async fn kept(store: &Store, connectors: Vec<Connector>) -> Ready {
    let channel = ready(connectors);
    store.channels().create(&channel.channel).await.unwrap();
    channel
}

async fn entries(store: &Store, channel: &Ready, connector: &str) -> Vec<Quarantined> {
    store.quarantine().list(channel.channel.id, &name(connector), None, 1_000).await.unwrap()
}

/// `key code #attempts`.
async fn held(store: &Store, channel: &Ready, connector: &str) -> Vec<String> {
    let shown = |entry: &Quarantined| format!("{} {} #{}", entry.key, entry.reason.code, entry.attempts);
    entries(store, channel, connector).await.iter().map(shown).collect()
}

fn one(connector: &str, key: &str) -> Selection {
    Selection::One(name(connector), key.into())
}

fn all() -> Selection {
    Selection::Fitting(Sought::default())
}

/// Asks for another try, and waits for the job where there is one.
async fn retry(host: &Host, channel: &Ready, selection: Selection) -> (Retried, Vec<String>) {
    let retried = host.sync.quarantine().retry(&channel.channel.name, selection).await.unwrap();
    let retried = retried.expect("something is there");
    let runs = match &retried.job {
        Some(job) => host.sync.wait(job.id).await.unwrap(),
        None => Vec::new(),
    };
    let told = runs.iter().map(|run| format!("{} {} {}", run.connector, run.status, counted(run))).collect();
    (retried, told)
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_too_long_comes_good_when_the_limit_is_raised() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket")]).await;
    let pages = vec![page(&["b@1=1"]), page(&[LONG, "c@5={"])];
    let script = Script::stream(pages);
    let host = Host::with(limited(20), store.clone());
    host.offer(&channel, &[("ticket", &script)]).await;
    host.sync(&channel).await;
    assert_eq!(held(&store, &channel, "ticket").await, ["a record.size #1", "c record.json #1"]);

    // Nothing has changed, so nothing comes of it but another attempt.
    let (retried, told) = retry(&host, &channel, one("ticket", "a")).await;
    assert_eq!((retried.asked, retried.judged, retried.cannot), (0, 1, 0));
    assert_eq!(told, ["ticket completed-with-warnings 0a 0u 0s 0d 1q"]);
    assert_eq!(held(&store, &channel, "ticket").await, ["a record.size #2", "c record.json #1"]);
    let first = entries(&store, &channel, "ticket").await.remove(0);
    host.stop().await;

    let host = Host::with(limited(100), store.clone());
    host.clock.advance(std::time::Duration::from_secs(60));
    host.offer(&channel, &[("ticket", &script)]).await;
    assert_eq!(held(&store, &channel, "ticket").await.len(), 2, "nothing is judged that nobody asked for");
    let steps = script.asked().len();
    let (retried, told) = retry(&host, &channel, all()).await;
    assert_eq!((retried.asked, retried.judged, retried.cannot), (0, 2, 0));
    assert_eq!(told, ["ticket completed-with-warnings 1a 0u 0s 0d 1q"]);
    assert_eq!(host.records(&channel, "ticket").await, [LONG, "b@1=1"]);
    assert_eq!(held(&store, &channel, "ticket").await, ["c record.json #2"]);
    assert_eq!(store.quarantine().to_retry(channel.channel.id, &name("ticket"), 9).await.unwrap(), [""; 0]);
    assert_eq!(script.asked().len(), steps + 1, "the connector was asked only for what is new");
    assert_eq!(host.cursor(&channel, "ticket").await.as_deref(), Some("2"));
    let again = entries(&store, &channel, "ticket").await.remove(0);
    assert_eq!(again.first_seen, first.first_seen);
    assert!(again.last_seen > first.last_seen);
}

#[tokio::test(start_paused = true)]
async fn a_kept_record_never_overwrites_a_newer_one() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket")]).await;
    let host = Host::with(limited(20), store.clone());
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(&[LONG]), page(&["a@4=1"])]))]).await;
    host.sync(&channel).await;
    assert_eq!(held(&store, &channel, "ticket").await, ["a record.size #1"], "an older one is no cure");
    host.stop().await;

    // What came since is newer than what is in quarantine, and did not release it, as the
    // entry is put back by hand.
    let entry = store.quarantine().get(channel.channel.id, &name("ticket"), "a").await.unwrap().unwrap();
    let host = Host::with(limited(100), store.clone());
    let pages = vec![page(&[]), page(&[]), page(&["a@9=2"])];
    host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
    host.sync(&channel).await;
    assert_eq!(held(&store, &channel, "ticket").await, [""; 0]);
    let mut batch = crate::store::Batch::default();
    batch.put_quarantined(channel.channel.id, &name("ticket"), &entry);
    store.commit(batch).await.unwrap();
    for full in [false, true] {
        let (_, told) = retry(&host, &channel, one("ticket", "a")).await;
        assert_eq!(told, ["ticket completed 0a 0u 1s 0d 0q"], "{full}");
        assert_eq!(host.records(&channel, "ticket").await, ["a@9=2"]);
        assert_eq!(held(&store, &channel, "ticket").await, [""; 0], "it tells nothing that matters");
        let mut batch = crate::store::Batch::default();
        batch.put_quarantined(channel.channel.id, &name("ticket"), &entry);
        store.commit(batch).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_due_key_is_fetched_again_and_leaves_when_it_comes_good() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket"), by_keys("comment")]).await;
    let host = Host::on(&store);
    let tickets = Script::stream(vec![with_due(page(&["1@1=1", "2@1=1"]), "comment", &["1", "2"])]);
    let broken = Script::quick(|_, ask| {
        let reason = Failure::new(Class::Auth, "remote.forbidden", "no");
        let reject = |key: &String| Reject { key: key.clone(), reason: reason.clone(), payload: None };
        let rejects = ask.keys.iter().map(reject).collect();
        ok(Page { rejects, settled: ask.keys, ..Page::default() })
    });
    host.offer(&channel, &[("ticket", &tickets), ("comment", &broken)]).await;
    host.sync(&channel).await;
    assert_eq!(held(&store, &channel, "comment").await, ["1 remote.forbidden #1", "2 remote.forbidden #1"]);

    let (retried, told) = retry(&host, &channel, one("comment", "1")).await;
    assert_eq!((retried.asked, retried.judged, retried.cannot), (1, 0, 0));
    assert_eq!(told, ["comment completed-with-warnings 0a 0u 0s 0d 1q"], "only its connector is synced");
    assert_eq!(held(&store, &channel, "comment").await, ["1 remote.forbidden #2", "2 remote.forbidden #1"]);

    host.offer(&channel, &[("ticket", &tickets), ("comment", &Script::by_key())]).await;
    let (retried, told) = retry(&host, &channel, all()).await;
    assert_eq!((retried.asked, retried.judged, retried.cannot), (2, 0, 0));
    assert_eq!(told, ["comment completed 2a 0u 0s 0d 0q"]);
    assert_eq!(held(&store, &channel, "comment").await, [""; 0]);
    assert_eq!(host.due(&channel, "comment").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_connector_driven_by_keys_is_judged_and_not_fetched_by_its_own_key() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket"), by_keys("comment")]).await;
    let tickets = Script::stream(vec![with_due(page(&["1@1=1"]), "comment", &["1"])]);
    let comments = Script::quick(|_, ask| {
        let record = Envelope { parent: Some("1".into()), ..envelope("77@1=\"a long comment, too long\"") };
        ok(Page { records: vec![record], settled: ask.keys, ..Page::default() })
    });
    let host = Host::with(limited(20), store.clone());
    host.offer(&channel, &[("ticket", &tickets), ("comment", &comments)]).await;
    host.sync(&channel).await;
    assert_eq!(held(&store, &channel, "comment").await, ["77 record.size #1"]);
    host.stop().await;
    let host = Host::with(limited(100), store.clone());
    host.offer(&channel, &[("ticket", &tickets), ("comment", &comments)]).await;
    let steps = comments.asked().len();
    let (retried, told) = retry(&host, &channel, one("comment", "77")).await;
    assert_eq!((retried.asked, retried.judged), (0, 1));
    assert_eq!(told, ["comment completed 1a 0u 0s 0d 0q"]);
    assert_eq!(comments.asked().len(), steps, "no step was needed");
    let record =
        store.records().get(channel.channel.id, &name("comment"), &key("77")).await.unwrap().unwrap();
    assert_eq!(record.parent, Some(key("1")));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_tried_again_is_told_with_its_reason() {
    let store = Store::in_memory();
    let no_full = Connector { supports_full: false, ..connector("user") };
    let channel = kept(&store, vec![connector("ticket"), no_full, connector("off")]).await;
    let host = Host::with(limited(20), store.clone());
    let reject = Reject {
        key: "item 3 of the page".into(),
        reason: Failure::new(Class::InvalidData, "remote.shape", "no id"),
        payload: Some(Bytes::from_static(b"{}")),
    };
    let bad = Page { rejects: vec![reject], ..page(&["=1"]) };
    let huge = Envelope { payload: Bytes::from(vec![b' '; 5 << 20]), ..envelope("huge=1") };
    let user = Page { records: vec![huge], ..Page::default() };
    let scripts =
        [Script::stream(vec![bad]), Script::stream(vec![user]), Script::stream(vec![page(&[LONG])])];
    host.offer(&channel, &[("ticket", &scripts[0]), ("user", &scripts[1]), ("off", &scripts[2])]).await;
    host.sync(&channel).await;
    let mut without = channel.clone();
    without.channel.connectors.retain(|connector| connector.as_str() != "off");
    host.offer(&without, &[("ticket", &scripts[0]), ("user", &scripts[1])]).await;

    let (retried, told) = retry(&host, &channel, all()).await;
    assert_eq!((retried.asked, retried.judged, retried.cannot), (0, 0, 4));
    assert!(retried.job.is_none() && told.is_empty(), "there is nothing to do");
    let told: Vec<_> = retried
        .told
        .iter()
        .map(|hopeless| (hopeless.connector.as_str(), hopeless.why, hopeless.full_helps))
        .collect();
    let expected = [
        ("off", Why::NoConnector, false),
        ("ticket", Why::Rejected, true),
        ("ticket", Why::Rejected, true),
        ("user", Why::Cut, false),
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_during_a_job_is_kept_for_the_next_run() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket"), connector("slow")]).await;
    let script = Script::stream(vec![page(&[LONG])]);
    let host = Host::with(limited(20), store.clone());
    host.offer(&channel, &[("ticket", &script), ("slow", &Script::stream(vec![]))]).await;
    host.sync(&channel).await;
    host.stop().await;

    let host = Host::with(limited(100), store.clone());
    let endless = Script::endless();
    host.offer(&channel, &[("ticket", &script), ("slow", &endless)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    endless.begun(1).await;
    let retried = host.sync.quarantine().retry(&channel.channel.name, all()).await.unwrap().unwrap();
    assert_eq!(retried.judged, 1);
    // Refused today, or kept as another round of the same job: it is not lost.
    match (&retried.job, &retried.refused) {
        (None, Some(Error::Busy(_, id))) => assert_eq!(*id, job.id),
        (Some(_), None) => {}
        other => panic!("{other:?}"),
    }
    host.sync.cancel(job.runs[1].id).await.unwrap();
    host.sync.wait(job.id).await.unwrap();
    host.offer(&channel, &[("ticket", &script), ("slow", &Script::stream(vec![]))]).await;
    host.sync(&channel).await;
    assert_eq!(host.records(&channel, "ticket").await, [LONG]);
    assert_eq!(held(&store, &channel, "ticket").await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn many_entries_are_judged_in_pages_and_each_counts_once() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket")]).await;
    let texts: Vec<String> =
        (0..1_050).map(|n| format!("{n:04}@1=\"much too long for the limit\"")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let script = Script::stream(vec![page(&texts)]);
    let host = Host::with(limited(20), store.clone());
    host.offer(&channel, &[("ticket", &script)]).await;
    host.sync(&channel).await;
    host.stop().await;
    let host = Host::with(limited(100), store.clone());
    host.offer(&channel, &[("ticket", &script)]).await;
    let (retried, told) = retry(&host, &channel, all()).await;
    assert_eq!(retried.judged, 1_050);
    assert_eq!(told, ["ticket completed 1050a 0u 0s 0d 0q"]);
    assert_eq!(host.records(&channel, "ticket").await.len(), 1_050);
}

#[tokio::test(start_paused = true)]
async fn entries_are_given_up_one_by_one_by_filter_and_all_together() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket")]).await;
    let host = Host::with(limited(20), store.clone());
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(&[LONG, "b={", "c={", "d=[", "e=1"])]))])
        .await;
    host.sync(&channel).await;
    let give_up =
        async |selection| host.sync.quarantine().give_up(channel.channel.id, selection).await.unwrap();
    let sought = |code: &str| Selection::Fitting(Sought { code: Some(code.into()), ..Sought::default() });
    assert_eq!(give_up(one("ticket", "e")).await, 0);
    assert_eq!(give_up(one("ticket", "b")).await, 1);
    assert_eq!(give_up(sought("record.size")).await, 1);
    assert_eq!(held(&store, &channel, "ticket").await.len(), 2);
    assert_eq!(give_up(all()).await, 2);
    assert_eq!(give_up(all()).await, 0);
    assert_eq!(held(&store, &channel, "ticket").await, [""; 0]);
    assert_eq!(host.records(&channel, "ticket").await, ["e=1"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_for_where_no_sync_could_follow() {
    let store = Store::in_memory();
    let channel = kept(&store, vec![connector("ticket")]).await;
    let host = Host::with(limited(20), store.clone());
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(&[LONG])]))]).await;
    host.sync(&channel).await;
    let missing = host.sync.quarantine().retry(&channel.channel.name, one("ticket", "b")).await;
    assert!(missing.unwrap().is_none());
    let mut disabled = channel.clone();
    disabled.channel.enabled = false;
    host.offer(&disabled, &[]).await;
    let refused = host.sync.quarantine().retry(&channel.channel.name, all()).await;
    assert!(matches!(refused, Err(Error::Disabled(_))));
    // A channel that was deleted in the meantime keeps no rows.
    host.offer(&channel, &[]).await;
    store.channels().delete(channel.channel.id).await.unwrap();
    let mut batch = crate::store::Batch::default();
    let entry = Quarantined {
        key: "a".into(),
        reason: Failure::new(Class::InvalidData, "record.size", "no"),
        origin: crate::store::Origin::Record { updated: None, parent: None },
        size: Some(1),
        kept: 1,
        payload: Some(Bytes::from_static(b"1")),
        first_seen: host.clock.now(),
        last_seen: host.clock.now(),
        attempts: 1,
        run: RunId::new(),
    };
    batch.put_quarantined(channel.channel.id, &name("ticket"), &entry);
    store.commit(batch).await.unwrap();
    let refused = host.sync.quarantine().retry(&channel.channel.name, all()).await;
    assert!(matches!(refused, Err(Error::Store(crate::store::Error::Expectation))));
    let ticket: Name = name("ticket");
    assert_eq!(store.quarantine().to_retry(channel.channel.id, &ticket, 9).await.unwrap(), [""; 0]);
    assert_eq!(channel.channel_type.connectors[0].driven_by, DrivenBy::Cursor);
}
