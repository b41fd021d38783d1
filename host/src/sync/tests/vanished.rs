//! Full syncs: what is not found any more, and what becomes of it.

mod broken_off;

use super::support::{
    engine::{Death, Disk, Mortal},
    *,
};
use crate::{
    model::{Class, Failure, Page, Reject, Run, Status, Vanished},
    store::{Stage, Store},
    sync::{Request, opener::Ready},
};
use bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

fn channel(vanished: Vanished) -> Ready {
    let mut channel = ready(vec![connector("ticket")]);
    channel.channel.vanished = vanished;
    channel
}

async fn full(host: &Host, channel: &Ready) -> Run {
    let job = host.sync.request(Request { full: true, ..all_of(channel) }).await.unwrap();
    host.sync.wait(job.id).await.unwrap().remove(0)
}

/// Keys of marked records with the seconds since which they are gone.
async fn marks(store: &Store, channel: &Ready) -> Vec<String> {
    let marks = store.vanished().list(channel.channel.id, &name("ticket"), None, 10_000).await.unwrap();
    marks.into_iter().map(|(key, since)| format!("{key} {}", since.as_millis() / 1_000)).collect()
}

/// Fails where something of a full reading is left.
async fn is_cleared(store: &Store, channel: &Ready) {
    let (id, ticket) = (channel.channel.id, name("ticket"));
    assert_eq!(store.seen().reading(id, &ticket).await.unwrap(), None);
    assert_eq!(store.seen().pages(id, &ticket, 9).await.unwrap(), []);
}

fn before() -> Vec<Page> {
    vec![page(&["a@1=1", "b@1=1"]), page(&["c@1=1", "d@1=1"])]
}

/// Without `b` and `d`.
fn after() -> Vec<Page> {
    vec![page(&["a@1=1"]), page(&["c@2=2", "e@1=1"])]
}

/// A host on which a channel has `before`, and can read `after`.
async fn host(vanished: Vanished) -> (Host, Ready) {
    let host = Host::new();
    let channel = channel(vanished);
    host.offer(&channel, &[("ticket", &Script::stream(before()))]).await;
    host.sync(&channel).await;
    host.offer(&channel, &[("ticket", &Script::stream(after()))]).await;
    host.clock.advance(std::time::Duration::from_secs(60));
    (host, channel)
}

#[tokio::test(start_paused = true)]
async fn what_a_full_sync_does_not_find_is_treated_as_the_channel_says() {
    let check = async |vanished, records: &[&str], marked: &[&str], deleted| {
        let (host, channel) = host(vanished).await;
        let run = full(&host, &channel).await;
        assert_eq!((run.status, &run.error), (Status::Completed, &None), "{vanished:?}");
        let found = (run.counters.added, run.counters.updated, run.counters.unchanged);
        assert_eq!(found, (1, 1, 1), "{vanished:?}");
        assert_eq!((run.counters.vanished, run.counters.deleted), (2, deleted), "{vanished:?}");
        assert_eq!(host.records(&channel, "ticket").await, records, "{vanished:?}");
        assert_eq!(marks(&host.store, &channel).await, marked, "{vanished:?}");
        assert_eq!(host.store.runs().get(run.id).await.unwrap(), Some(run));
        is_cleared(&host.store, &channel).await;
    };
    let all = ["a@1=1", "b@1=1", "c@2=2", "d@1=1", "e@1=1"];
    check(Vanished::Keep, &all, &[], 0).await;
    check(Vanished::Mark, &all, &["b 1060", "d 1060"], 0).await;
    check(Vanished::Delete, &["a@1=1", "c@2=2", "e@1=1"], &[], 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_is_not_full_finds_nothing_gone() {
    let (host, channel) = host(Vanished::Delete).await;
    let run = host.sync(&channel).await.remove(0);
    assert_eq!((run.status, run.counters.vanished), (Status::Completed, 0));
    assert_eq!(host.records(&channel, "ticket").await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_again_loses_its_mark_and_one_that_stays_away_keeps_its_time() {
    let (host, channel) = host(Vanished::Mark).await;
    full(&host, &channel).await;
    host.clock.advance(std::time::Duration::from_secs(60));
    let again = full(&host, &channel).await;
    assert_eq!(again.counters.vanished, 2, "they are still not there");
    assert_eq!(marks(&host.store, &channel).await, ["b 1060", "d 1060"]);

    // The same record, unchanged: no write of it, but the mark goes. A bad one is there, too.
    let pages = [after(), vec![page(&["b@1=1", "d@9={"])]].concat();
    host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
    let run = host.sync(&channel).await.remove(0);
    assert_eq!(counted(&run), "0a 0u 1s 0d 1q");
    assert_eq!(marks(&host.store, &channel).await, [""; 0]);
    let run = full(&host, &channel).await;
    assert_eq!(run.counters.vanished, 0, "a record in quarantine is there remotely");
    assert_eq!(marks(&host.store, &channel).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_deleted_takes_its_mark_and_its_entry_along() {
    let (host, mut channel) = host(Vanished::Mark).await;
    full(&host, &channel).await;
    let pages = [after(), vec![page(&["b@9!"])], vec![page(&["d@9={"])]].concat();
    host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
    host.sync(&channel).await;
    assert_eq!(marks(&host.store, &channel).await, [""; 0]);
    let count = async || host.store.quarantine().count(channel.channel.id, &name("ticket")).await.unwrap();
    assert_eq!(count().await, 1);
    channel.channel.vanished = Vanished::Delete;
    host.offer(&channel, &[("ticket", &Script::stream(after()))]).await;
    let run = full(&host, &channel).await;
    assert_eq!((run.counters.vanished, run.counters.deleted, count().await), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_sync_that_delivers_nothing_takes_nothing_for_gone() {
    for vanished in [Vanished::Keep, Vanished::Mark, Vanished::Delete] {
        let (host, channel) = host(vanished).await;
        host.offer(&channel, &[("ticket", &Script::stream(vec![page(&[]), page(&[])]))]).await;
        let run = full(&host, &channel).await;
        assert_eq!(run.status, Status::CompletedWithWarnings, "{vanished:?}");
        assert_eq!(run.error.as_ref().map(|error| error.code.as_str()), Some("sweep.nothing-read"));
        assert_eq!((run.counters.vanished, run.counters.deleted), (0, 0));
        assert_eq!(host.records(&channel, "ticket").await.len(), 4);
        assert_eq!(marks(&host.store, &channel).await, [""; 0]);
        is_cleared(&host.store, &channel).await;
    }
    // Where there is nothing, nothing is no surprise.
    let host = Host::new();
    let channel = channel(Vanished::Delete);
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(&[])]))]).await;
    assert_eq!(full(&host, &channel).await.status, Status::Completed);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_where_something_came_that_may_be_any_record() {
    let check = async |key: &str, code: Option<&str>, left: usize, marked: usize| {
        let (host, channel) = host(Vanished::Delete).await;
        let reason = Failure::new(Class::InvalidData, "remote.shape", "no id");
        let reject = Reject { key: key.into(), reason, payload: Some(Bytes::from_static(b"{}")) };
        let mut pages = after();
        pages[0].rejects.push(reject);
        host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
        let run = full(&host, &channel).await;
        assert_eq!(run.status, Status::CompletedWithWarnings, "{key}");
        assert_eq!(run.error.as_ref().map(|error| error.code.as_str()), code, "{key}");
        assert_eq!(host.records(&channel, "ticket").await.len(), left, "{key}");
        assert_eq!(marks(&host.store, &channel).await.len(), marked, "{key}");
    };
    check("item 1 of the page", Some("sweep.unclear"), 5, 2).await;
    check("", Some("sweep.unclear"), 5, 2).await;
    // The connector says which record it is: that one is there, and the other one is gone.
    check("b", None, 4, 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_sync_of_a_connector_driven_by_keys_sweeps_nothing() {
    let host = Host::new();
    let mut channel = ready(vec![connector("ticket"), by_keys("comment")]);
    channel.channel.vanished = Vanished::Delete;
    let tickets = Script::stream(vec![with_due(page(&["1@1=1"]), "comment", &["1"])]);
    host.offer(&channel, &[("ticket", &tickets), ("comment", &Script::by_key())]).await;
    host.sync(&channel).await;
    let quiet = Script::stream(vec![page(&["1@1=1"])]);
    host.offer(&channel, &[("ticket", &quiet), ("comment", &Script::by_key())]).await;
    let job = host.sync.request(Request { full: true, ..all_of(&channel) }).await.unwrap();
    let runs = host.sync.wait(job.id).await.unwrap();
    assert_eq!(outcomes(&runs), ["ticket completed", "comment completed"]);
    assert_eq!(host.records(&channel, "comment").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_sync_that_fails_is_finished_by_the_next_sync() {
    let (host, channel) = host(Vanished::Delete).await;
    let pages = after();
    let script = Script::quick(move |step, ask| match step {
        1 => fails(crate::model::Class::NotFound, "http.status.503"),
        _ => ok(page_of(&pages, &ask)),
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    let run = full(&host, &channel).await;
    assert_eq!((run.status, run.counters.vanished), (Status::Failed, 0));
    assert_eq!(host.records(&channel, "ticket").await.len(), 4);
    // It goes on from the second page, and knows what the first one showed.
    let run = host.sync(&channel).await.remove(0);
    assert_eq!((run.status, run.full), (Status::Completed, false));
    assert_eq!((run.counters.vanished, run.counters.deleted), (2, 2));
    assert_eq!(host.records(&channel, "ticket").await, ["a@1=1", "c@2=2", "e@1=1"]);
    is_cleared(&host.store, &channel).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_full_sync_starts_over_and_forgets_what_the_first_one_saw() {
    let (host, channel) = host(Vanished::Delete).await;
    let pages = vec![page(&["a@1=1", "b@1=1"]), page(&["c@2=2"])];
    let script = Script::quick(move |step, ask| match step {
        1 => fails(crate::model::Class::NotFound, "http.status.503"),
        _ => ok(page_of(&pages, &ask)),
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    full(&host, &channel).await;
    let reading = host.store.seen().reading(channel.channel.id, &name("ticket")).await.unwrap();
    assert_eq!(reading.map(|reading| reading.stage), Some(Stage::Reading));
    host.offer(&channel, &[("ticket", &Script::stream(after()))]).await;
    let run = full(&host, &channel).await;
    assert_eq!(run.counters.vanished, 2, "the first one had seen b");
    is_cleared(&host.store, &channel).await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_says_not_before_is_not_the_end_while_there_is_more() {
    let (host, channel) = host(Vanished::Delete).await;
    let mut pages = after();
    pages[0].not_before_ms = Some(1_000);
    host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
    let run = full(&host, &channel).await;
    assert_eq!((run.status, run.counters.vanished), (Status::Completed, 0));
    let run = host.sync(&channel).await.remove(0);
    assert_eq!((run.status, run.counters.vanished), (Status::Completed, 2));
}
