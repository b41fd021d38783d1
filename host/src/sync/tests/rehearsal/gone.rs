//! Dry runs from the beginning: what they would not find any more, checked against the sync.

use super::*;
use crate::model::{Run, Vanished};

fn full(channel: &Ready) -> Request {
    Request { full: true, ..all_of(channel) }
}

/// What a dry run from the beginning tells of `pages` after a sync has brought `stored`, and
/// the full sync that follows it.
async fn check(policy: Vanished, stored: &[&str], pages: Vec<Page>, changes: &str) -> (Told, Run) {
    let engine = Mortal::on(&Disk::default(), Death::Never);
    let host = Host::on(&engine.store());
    let mut channel = ready(vec![connector("ticket")]);
    channel.channel.vanished = policy;
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(stored)]))]).await;
    host.sync(&channel).await;
    let before = rows(&engine);

    host.offer(&channel, &[("ticket", &Script::stream(pages))]).await;
    let told = rehearse_with(&host, full(&channel), 1_000).await;
    assert_eq!(told.changes(), changes, "{policy:?}");
    assert!(rows(&engine) == before, "a row has changed");

    let job = host.sync.request(full(&channel)).await.unwrap();
    let run = host.sync.wait(job.id).await.unwrap().remove(0);
    assert_eq!(told.outcomes[0].counters, run.counters, "a sync counts the same");
    assert_eq!((told.outcomes[0].pages, told.outcomes[0].status), (run.pages, run.status));
    assert_eq!(told.outcomes[0].error, run.error, "and remarks the same");
    (told, run)
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_told_with_what_the_channel_does_with_it() {
    let stored = &["a@1=1", "b@1=1", "c@1=1", "d@1=1"];
    for policy in [Vanished::Keep, Vanished::Mark, Vanished::Delete] {
        let pages = vec![page(&["a@1=1"]), page(&["c@2=2", "e@1=1", "f@1={"])];
        let (told, run) = check(policy, stored, pages, "~c +e !f ?b ?d").await;
        assert_eq!((run.counters.vanished, told.outcomes[0].vanished), (2, Some(policy)));
        let gone = told.changes.iter().filter_map(|change| match change.kind {
            Kind::Vanished(policy) => Some(policy),
            _ => None,
        });
        assert_eq!(gone.collect::<Vec<_>>(), [policy; 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_there_in_any_way_is_not_gone() {
    let stored = &["a@1=1", "b@1=1", "c@5=1"];
    check(Vanished::Delete, stored, vec![page(&["a@2={", "b@1=1", "c@9!"])], "-c !a").await;
    check(Vanished::Delete, stored, vec![page(&["a@1=1", "b@1=1", "c@5=1"])], "").await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_name_lets_nothing_be_deleted() {
    let reason = Failure::new(Class::InvalidData, "vendor.odd", "too odd");
    let reject = Reject { key: "row 7".into(), reason, payload: None };
    let pages = vec![Page { rejects: vec![reject], ..page(&["a@1=1"]) }];
    let (told, run) = check(Vanished::Delete, &["a@1=1", "b@1=1"], pages, "!row 7 ?b").await;
    assert_eq!(told.outcomes[0].vanished, Some(Vanished::Mark));
    assert_eq!(run.error.map(|error| error.code).as_deref(), Some("sweep.unclear"));
}

#[tokio::test(start_paused = true)]
async fn a_remote_system_that_shows_nothing_empties_nothing() {
    let (_, run) = check(Vanished::Delete, &["a@1=1", "b@1=1"], vec![page(&[])], "").await;
    assert_eq!(run.error.map(|error| error.code).as_deref(), Some("sweep.nothing-read"));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_from_the_beginning_looks_for_nothing() {
    let host = Host::new();
    let channel = ready(vec![connector("ticket")]);
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(&["a@1=1"])]))]).await;
    host.sync(&channel).await;
    host.offer(&channel, &[("ticket", &Script::stream(vec![page(&["a@1=1"]), page(&["b@1=1"])]))]).await;
    let told = rehearse(&host, &channel).await;
    assert_eq!((told.changes().as_str(), told.outcomes[0].vanished), ("+b", None));
    assert_eq!(told.outcomes[0].notes, [""; 0]);
}
