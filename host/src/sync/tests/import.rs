//! What one run leaves behind.

mod keys;

use super::support::*;
use crate::{
    model::{Class, Failure, Page, Reject, Status},
    store::{Batch, DueKey},
    sync::Config,
};
use bytes::Bytes;
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

fn three_pages() -> Vec<Page> {
    vec![page(&["a@1=1", "b@1=1"]), page(&["c@2=1"]), page(&["a@3=2", "d@3=1"])]
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_imported_page_by_page() {
    let host = Host::new();
    let script = Script::stream(three_pages());
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed"]);
    assert_eq!(counted(&runs[0]), "4a 1u 0s 0d 0q");
    assert_eq!(runs[0].pages, 3);
    assert_eq!(host.records(&channel, "ticket").await, ["a@3=2", "b@1=1", "c@2=1", "d@3=1"]);
    assert_eq!(host.cursor(&channel, "ticket").await.as_deref(), Some("3"));
    let cursors: Vec<_> = script.asked().into_iter().map(|asked| asked.cursor).collect();
    assert_eq!(cursors, [None, Some("1".into()), Some("2".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_run_says_when_what_and_how_much() {
    let host = Host::new();
    let mut pages = three_pages();
    pages[1].total = Some(40);
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &Script::stream(pages))]).await;
    let run = host.sync(&channel).await.remove(0);
    assert_eq!(run.channel_id, channel.channel.id);
    assert_eq!(run.started, Some(host.clock.now()));
    assert_eq!(run.ended, Some(host.clock.now()));
    assert_eq!(run.total, Some(40));
    assert_eq!((run.usage.steps, run.usage.requests, run.usage.response_bytes), (3, 6, 30));
    assert_eq!(run.error, None);
    assert_eq!(host.store.runs().get(run.id).await.unwrap(), Some(run));
}

#[tokio::test(start_paused = true)]
async fn the_next_sync_goes_on_from_the_cursor() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let mut pages = three_pages();
    host.offer(&channel, &[("ticket", &Script::stream(pages.clone()))]).await;
    host.sync(&channel).await;
    pages.push(page(&["e@9=1", "b@9!"]));
    let script = Script::stream(pages);
    host.offer(&channel, &[("ticket", &script)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(counted(&runs[0]), "1a 0u 0s 1d 0q");
    assert_eq!(host.records(&channel, "ticket").await, ["a@3=2", "c@2=1", "d@3=1", "e@9=1"]);
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn unchanged_records_are_counted_and_not_rewritten() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let pages = vec![page(&["a@1=1", "b@1=1"]), page(&["c=1"])];
    host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
    let first = host.sync(&channel).await.remove(0);
    host.clock.advance(std::time::Duration::from_secs(60));
    let job = host.sync.request(crate::sync::Request { full: true, ..all_of(&channel) }).await;
    let again = host.sync.wait(job.unwrap().id).await.unwrap().remove(0);
    assert_eq!(counted(&again), "0a 0u 3s 0d 0q");
    let record = host.store.records().get(channel.channel.id, &name("ticket"), &key("a")).await;
    let record = record.unwrap().unwrap();
    assert_eq!(record.run, first.id);
    assert!(Some(record.imported) <= first.ended, "it was not written again");
}

#[tokio::test(start_paused = true)]
async fn a_full_sync_starts_from_the_beginning_and_forgets_the_map() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let pages = Arc::new(vec![page(&["a@1=1"]), page(&["b@1=1"])]);
    let script = {
        let pages = Arc::clone(&pages);
        Script::quick(move |step, ask| {
            let mut outcome = ok(page_of(&pages, &ask));
            outcome.state = BTreeMap::from([("step".into(), Some(Bytes::from(step.to_string())))]);
            outcome
        })
    };
    host.offer(&channel, &[("ticket", &script)]).await;
    host.sync(&channel).await;
    let job = host.sync.request(crate::sync::Request { full: true, ..all_of(&channel) }).await;
    let runs = host.sync.wait(job.unwrap().id).await.unwrap();
    assert!(runs[0].full);
    assert_eq!(counted(&runs[0]), "0a 0u 2s 0d 0q");
    let asked = script.asked();
    assert_eq!(asked[2].cursor, None);
    assert_eq!(asked[2].state, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_full_sync_that_fails_early_stays_a_full_one() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    host.offer(&channel, &[("ticket", &Script::stream(three_pages()))]).await;
    host.sync(&channel).await;
    host.offer(&channel, &[("ticket", &Script::quick(|_, _| fails(Class::NotFound, "http.status.503")))])
        .await;
    let job = host.sync.request(crate::sync::Request { full: true, ..all_of(&channel) }).await;
    host.sync.wait(job.unwrap().id).await.unwrap();
    assert_eq!(host.cursor(&channel, "ticket").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_map_is_handed_on_and_lands_with_the_page() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let script = Script::quick(|step, _| match step {
        0..=2 => {
            let mut outcome = ok(Page { more: true, ..page(&["a@1=1"]) });
            let value = (step < 2).then(|| Bytes::from(step.to_string()));
            outcome.state = BTreeMap::from([("step".into(), value)]);
            outcome
        }
        _ => fails(Class::NotFound, "http.status.503"),
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    host.sync(&channel).await;
    let states: Vec<_> = script.asked().into_iter().map(|asked| asked.state.get("step").cloned()).collect();
    assert_eq!(states, [None, Some(Bytes::from("0")), Some(Bytes::from("1")), None]);
    let stored = host.store.state().all(channel.channel.id, &name("ticket")).await.unwrap();
    assert_eq!(stored, BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn bad_records_go_to_quarantine_and_the_run_goes_on() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let reason = Failure::new(Class::InvalidData, "ticket.shape", "no id");
    let reject = Reject { key: "r".into(), reason, payload: None };
    let bad = Page { rejects: vec![reject], ..page(&["a@1=1", "b@1={", "=1"]) };
    host.offer(&channel, &[("ticket", &Script::stream(vec![bad.clone(), page(&["c@1=1"])]))]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed-with-warnings"]);
    assert_eq!(counted(&runs[0]), "2a 0u 0s 0d 3q");
    assert_eq!(host.records(&channel, "ticket").await, ["a@1=1", "c@1=1"]);
    let codes = || async {
        let (id, ticket) = (channel.channel.id, name("ticket"));
        let entries = host.store.quarantine().list(id, &ticket, None, 10).await.unwrap();
        let mut codes: Vec<_> = entries.into_iter().map(|entry| entry.reason.code).collect();
        codes.sort();
        codes
    };
    assert_eq!(codes().await, ["record.json", "record.key", "ticket.shape"]);

    host.offer(&channel, &[("ticket", &Script::stream(vec![bad, page(&[]), page(&["b@2=1"])]))]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed"]);
    assert_eq!(codes().await, ["record.key", "ticket.shape"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_step_ends_the_run_and_keeps_what_is_committed() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let pages = three_pages();
    let script = Script::quick(move |step, ask| match step {
        2 => fails(Class::NotFound, "http.status.503"),
        _ => ok(page_of(&pages, &ask)),
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket failed http.status.503"]);
    assert_eq!(counted(&runs[0]), "3a 0u 0s 0d 0q");
    assert_eq!(runs[0].usage.steps, 3, "a step that fails counts too");
    assert_eq!(host.cursor(&channel, "ticket").await.as_deref(), Some("2"));
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed"]);
    assert_eq!(counted(&runs[0]), "1a 1u 0s 0d 0q");
}

#[tokio::test(start_paused = true)]
async fn not_before_ends_the_run_as_completed() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let mut pages = three_pages();
    pages[1].not_before_ms = Some(60_000);
    let script = Script::stream(pages);
    host.offer(&channel, &[("ticket", &script)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket completed"]);
    assert_eq!(runs[0].pages, 2);
    assert_eq!(script.asked().len(), 2, "nothing is read ahead of the end");
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_does_not_move_is_ended() {
    let config = Config { pages_without_progress: NonZeroU32::new(3).unwrap(), ..Config::default() };
    let host = Host::with(config, crate::store::Store::in_memory());
    let channel = ready(vec![connector("ticket"), by_keys("comment")]);
    // The same record again and again moves nothing.
    let stuck = Script::quick(|_, _| ok(Page { more: true, ..page(&["a@1=1"]) }));
    let keys = Script::quick(|_, _| ok(Page::default()));
    let mut due = Batch::default();
    let ask = DueKey { key: key("1"), stamp: 1 };
    due.add_due(channel.channel.id, &name("comment"), &ask);
    host.store.commit(due).await.unwrap();
    host.offer(&channel, &[("ticket", &stuck), ("comment", &keys)]).await;
    let runs = host.sync(&channel).await;
    assert_eq!(outcomes(&runs), ["ticket failed run.no-progress", "comment failed run.no-progress"]);
    assert_eq!(runs[0].error.as_ref().map(|error| error.class), Some(Class::Internal));
    assert_eq!(
        (runs[0].pages, runs[1].pages),
        (7, 6),
        "both were tried twice; the first page added a record"
    );
    assert_eq!(host.due(&channel, "comment").await, ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_moves_starts_the_count_again() {
    let config = Config { pages_without_progress: NonZeroU32::new(2).unwrap(), ..Config::default() };
    let host = Host::with(config, crate::store::Store::in_memory());
    let channel = ready(vec![connector("ticket")]);
    let script = Script::quick(|step, _| {
        let next = (step % 2 == 1).then(|| Bytes::from(step.to_string()));
        ok(Page { more: step < 9, next, ..Page::default() })
    });
    host.offer(&channel, &[("ticket", &script)]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_last_page_need_not_move() {
    let config = Config { pages_without_progress: NonZeroU32::MIN, ..Config::default() };
    let host = Host::with(config, crate::store::Store::in_memory());
    let script = Script::quick(|_, _| ok(Page::default()));
    let channel = host.offer(&ready(vec![connector("ticket")]), &[("ticket", &script)]).await;
    assert_eq!(outcomes(&host.sync(&channel).await), ["ticket completed"]);
}

#[tokio::test(start_paused = true)]
async fn the_live_view_shows_every_page() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    let gate = Arc::new(tokio::sync::Semaphore::new(1));
    let script = {
        let (gate, pages) = (Arc::clone(&gate), three_pages());
        Script::new(move |_, ask| {
            let (gate, page) = (Arc::clone(&gate), page_of(&pages, &ask));
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                ok(page)
            })
        })
    };
    host.offer(&channel, &[("ticket", &script)]).await;
    let job = host.sync.request(all_of(&channel)).await.unwrap();
    let run = job.runs[0].id;
    let mut view = host.follow(run).await;
    for pages in 1..=3 {
        let seen = view.wait_for(|run| run.pages == pages).await.unwrap().clone();
        assert_eq!(seen.status.has_ended(), pages == 3);
        assert!(host.sync.run(run).await.unwrap().unwrap().pages >= pages);
        gate.add_permits(1);
    }
    host.sync.wait(job.id).await.unwrap();
    assert_eq!(host.sync.run(run).await.unwrap().unwrap().status, Status::Completed);
}
