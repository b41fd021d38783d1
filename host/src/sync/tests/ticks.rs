//! Channels that sync by themselves.

use super::support::*;
use crate::{
    model::{Interval, Maintenance, Schedule, Span, Status, Timestamp, Trigger},
    store::Batch,
    sync::{opener::Ready, schedule},
};
use std::time::Duration;

fn config() -> schedule::Config {
    schedule::Config { every: Interval::USUAL, first_run_after: Span::secs(10), paused: false }
}

/// A channel that was created just now.
async fn fresh(host: &Host, name: &str, script: &std::sync::Arc<Script>) -> Ready {
    let mut channel = ready(vec![connector("ticket")]);
    channel.channel.name = name.parse().unwrap();
    channel.channel.created = host.clock.now();
    host.offer(&channel, &[("ticket", script)]).await
}

async fn runs(host: &Host, channel: &Ready) -> usize {
    host.store.runs().list(Some(channel.channel.id), None, 1_000).await.unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_new_channel_syncs_soon_and_then_every_five_minutes() {
    let mut host = Host::new();
    host.tick(config());
    let script = Script::stream(vec![]);
    let channel = fresh(&host, "one", &script).await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(runs(&host, &channel).await, 0, "a person's own sync comes first");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(runs(&host, &channel).await, 1);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let count = runs(&host, &channel).await;
    assert!((11..=13).contains(&count), "{count}");
    let run = host.store.runs().list(None, None, 1).await.unwrap().remove(0);
    assert_eq!((run.status, run.trigger), (Status::Completed, Trigger::Schedule));
}

#[tokio::test(start_paused = true)]
async fn a_channel_by_hand_or_held_back_does_not_tick() {
    let mut host = Host::new();
    host.tick(config());
    let script = Script::stream(vec![]);
    let channel = fresh(&host, "one", &script).await;
    let before = channel.channel.clone();
    let manual = Schedule { rhythm: crate::model::Rhythm::Manual, ..Schedule::default() };
    let after = crate::model::Channel { schedule: manual, revision: 1, ..before.clone() };
    host.store.channels().update(&before, &after).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(runs(&host, &channel).await, 0);

    let disabled = crate::model::Channel { enabled: false, revision: 2, ..before.clone() };
    host.store.channels().update(&after, &disabled).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(runs(&host, &channel).await, 0);

    let enabled = crate::model::Channel { revision: 3, enabled_since: Some(host.clock.now()), ..before };
    host.store.channels().update(&disabled, &enabled).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(runs(&host, &channel).await, 1, "it syncs when it is enabled");
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_in_a_maintenance_is_one_tick() {
    let mut host = Host::new();
    host.tick(config());
    let script = Script::stream(vec![]);
    let channel = fresh(&host, "one", &script).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(runs(&host, &channel).await, 1);
    let mut batch = Batch::new();
    batch.put_maintenance(&Maintenance::new(Timestamp::from_millis(0), None));
    host.store.commit(batch).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(runs(&host, &channel).await, 1);
    let mut batch = Batch::new();
    batch.drop_maintenance();
    host.store.commit(batch).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(runs(&host, &channel).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_still_at_it_is_not_asked_again() {
    let mut host = Host::new();
    host.tick(config());
    let endless = Script::endless();
    let channel = fresh(&host, "slow", &endless).await;
    tokio::time::sleep(Duration::from_secs(250)).await;
    let job = host.store.jobs().all().await.unwrap().remove(0);
    tokio::time::sleep(Duration::from_secs(280)).await;
    let left = host.store.jobs().all().await.unwrap();
    assert_eq!((left.len(), left[0].id, left[0].again.clone()), (1, job.id, None));
    assert_eq!(runs(&host, &channel).await, 1);
}
