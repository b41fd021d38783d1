//! Local changes that wait for other records: what they ask for, and when they go.

use super::*;
use crate::model::{Connector, Reference, Ways};
use std::time::Duration;

/// Tickets that can name one another.
async fn friends(remote: &Remote) -> (Host, Ready) {
    let references = vec![Reference { field: "/friend".into(), connector: ticket() }];
    let connector = Connector { direction: Ways::TwoWay, references, ..connector("ticket") };
    let (host, channel) = (Host::new(), remote.channel_of(connector));
    host.put(&channel);
    host.store.channels().create(&channel.channel).await.unwrap();
    (host, channel)
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_record_starts_no_runs_and_goes_with_it() {
    let remote = Remote::new();
    let (host, channel) = friends(&remote).await;
    remote.refuses("bad", "ticket.bad");
    host.put_record(&channel, "first", json!({"bad": true})).await;
    host.finished().await;
    host.put_record(&channel, "second", json!({"friend": "first"})).await;
    host.finished().await;
    assert_eq!(host.waiting(&channel).await.len(), 2);
    let runs = async || host.store.runs().list(None, None, 1_000).await.unwrap().len();
    let before = runs().await;
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    assert_eq!(runs().await, before, "nothing has changed, so nothing is asked for");

    host.patch(&channel, "first", json!({"bad": null})).await;
    host.finished().await;
    assert_eq!(host.waiting(&channel).await, []);
    assert_eq!(remote.records(), of(&[("101", json!({})), ("102", json!({"friend": "101"}))]));
}

#[tokio::test(start_paused = true)]
async fn what_a_run_left_behind_is_asked_for_again() {
    let remote = Remote::new();
    let (host, channel) = friends(&remote).await;
    host.put_record(&channel, "first", json!({})).await;
    host.put_record(&channel, "second", json!({"friend": "first"})).await;
    // The first export does not get there.
    remote.suffers(Mishap::Lost);
    host.finished().await;
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    assert_eq!(host.waiting(&channel).await, []);
    assert_eq!(remote.records().len(), 2);
}
