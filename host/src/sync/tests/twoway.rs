//! Records that both sides change.

use super::support::{remote::*, *};
use crate::{
    model::{Author, ConflictPolicy, Direction, Run, Status, Write},
    sync::{Edit, Refusal, Request, What, Written, opener::Ready, reconcile::value},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

mod choked;
mod hands;
mod random;
mod waiting;

impl Host {
    /// Somebody writes here.
    async fn write(&self, channel: &Ready, key: &str, what: What) -> Result<Written, Refusal> {
        let author = Author::Person("me".into());
        let channel = channel.channel.name.clone();
        let key = support_key(key);
        self.sync.local().write(Edit { channel, connector: ticket(), key, author, what }).await
    }

    async fn put_record(&self, channel: &Ready, key: &str, payload: Value) -> Written {
        self.write(channel, key, What::Put { payload, parent: None }).await.expect("it fits")
    }

    async fn patch(&self, channel: &Ready, key: &str, patch: Value) -> Written {
        self.write(channel, key, What::Patch(patch)).await.expect("it is there")
    }

    async fn export(&self, channel: &Ready) -> Run {
        let request = Request { direction: Direction::Export, ..all_of(channel) };
        let job = self.sync.request(request).await.unwrap();
        self.sync.wait(job.id).await.unwrap().pop().expect("one connector")
    }

    /// The records here, without their ids.
    async fn here(&self, channel: &Ready) -> BTreeMap<String, Value> {
        let records = self.store.records().list(channel.channel.id, &ticket(), None, 10_000).await.unwrap();
        let count = self.store.records().count(channel.channel.id, &ticket()).await.unwrap();
        assert_eq!(records.len() as u64, count, "the count is that of the records");
        records.into_iter().map(|one| (one.key.to_string(), without_id(value(&one.payload)))).collect()
    }

    /// The changes that wait, by key.
    async fn waiting(&self, channel: &Ready) -> Vec<(String, Write)> {
        let rows = self.store.outbox().list(channel.channel.id, &ticket(), None, 10_000).await.unwrap();
        rows.into_iter().map(|row| (row.key.to_string(), row.kind)).collect()
    }
}

fn support_key(text: &str) -> crate::model::RecordKey {
    key(text)
}

async fn offered(remote: &Remote, policy: ConflictPolicy) -> (Host, Ready) {
    let host = Host::new();
    let mut channel = remote.channel();
    channel.channel.conflicts.set("*".into(), Some(policy));
    host.put(&channel);
    host.store.channels().create(&channel.channel).await.unwrap();
    (host, channel)
}

fn of(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn only_changed_fields_go_out() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    remote.edit("1", json!({"a": 1, "b": {"c": 1, "d": 1}}));
    host.sync(&channel).await;
    host.patch(&channel, "1", json!({"b": {"c": 2}})).await;
    host.patch(&channel, "1", json!({"e": 3})).await;
    let run = host.export(&channel).await;
    assert_eq!((run.status, counted(&run).as_str()), (Status::Completed, "0a 1u 0s 0d 0q"));
    let pushed = remote.pushed();
    assert_eq!(pushed.len(), 1, "two edits of one record are one change");
    assert_eq!(value(&pushed[0].fields), json!({"b": {"c": 2}, "e": 3}));
    assert_eq!(remote.records(), of(&[("1", json!({"a": 1, "b": {"c": 2, "d": 1}, "e": 3}))]));
    assert_eq!(host.waiting(&channel).await, []);
    // Neither does it come back as a change.
    let runs = host.sync(&channel).await;
    assert_eq!(counted(&runs[0]), "0a 0u 1s 0d 0q");
    assert_eq!(remote.pushed(), []);
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_out_by_itself() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    host.put_record(&channel, "new", json!({"a": 1})).await;
    host.finished().await;
    assert_eq!(remote.records().len(), 1);
    assert_eq!(host.waiting(&channel).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_made_here_keeps_its_key_and_is_known_again() {
    for remote in [Remote::new(), Remote::without_origins()] {
        let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
        host.put_record(&channel, "mine", json!({"a": 1})).await;
        host.export(&channel).await;
        assert_eq!(remote.records(), of(&[("101", json!({"a": 1}))]));
        remote.edit("101", json!({"b": 2}));
        host.sync(&channel).await;
        assert_eq!(host.here(&channel).await, of(&[("mine", json!({"a": 1, "b": 2}))]));
        host.patch(&channel, "mine", json!({"a": 3})).await;
        host.export(&channel).await;
        assert_eq!(remote.records(), of(&[("101", json!({"a": 3, "b": 2}))]));
        host.write(&channel, "mine", What::Delete).await.unwrap();
        host.export(&channel).await;
        assert!(remote.records().is_empty() && host.here(&channel).await.is_empty());
        let links = host.store.links().list(channel.channel.id, &ticket(), None, 9).await.unwrap();
        assert_eq!(links, [], "a link goes with its record");
    }
}

#[tokio::test(start_paused = true)]
async fn a_local_key_is_not_taken_for_the_remote_id_of_another() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    host.put_record(&channel, "7", json!({"mine": true})).await;
    remote.edit("7", json!({"theirs": true}));
    host.sync(&channel).await;
    let here = host.here(&channel).await;
    assert_eq!(here, of(&[("7", json!({"mine": true})), ("remote:7", json!({"theirs": true}))]));
    host.export(&channel).await;
    remote.edit("7", json!({"more": 1}));
    remote.edit("101", json!({"more": 2}));
    host.sync(&channel).await;
    let here = host.here(&channel).await;
    assert_eq!(here["7"], json!({"mine": true, "more": 2}));
    assert_eq!(here["remote:7"], json!({"theirs": true, "more": 1}));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_creates_nothing_twice() {
    for mishap in [Mishap::Lost, Mishap::Unanswered, Mishap::Half] {
        for remote in [Remote::new(), Remote::without_origins()] {
            let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
            host.put_record(&channel, "a", json!({"n": 1})).await;
            host.put_record(&channel, "b", json!({"n": 2})).await;
            remote.suffers(mishap);
            let run = host.export(&channel).await;
            assert_eq!(run.status, Status::Completed, "{mishap:?}: it is tried once more");
            host.sync(&channel).await;
            let there = remote.records().into_values().collect::<Vec<_>>();
            assert_eq!(there, [json!({"n": 1}), json!({"n": 2})], "{mishap:?}");
            assert_eq!(host.here(&channel).await, of(&[("a", json!({"n": 1})), ("b", json!({"n": 2}))]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_decided_by_the_policy_and_kept() {
    let check = async |policy, outward_first: bool, expected: Value, held: bool| {
        let remote = Remote::new();
        let (host, channel) = offered(&remote, policy).await;
        remote.edit("1", json!({"a": 1, "b": 1}));
        host.sync(&channel).await;
        host.patch(&channel, "1", json!({"a": 2})).await;
        remote.edit("1", json!({"a": 3, "b": 3}));
        if outward_first {
            host.export(&channel).await;
        }
        host.sync(&channel).await;
        host.export(&channel).await;
        host.sync(&channel).await;
        let words = format!("{policy} {outward_first}");
        assert_eq!(host.here(&channel).await["1"], expected, "{words}");
        if !held {
            assert_eq!(remote.records()["1"], expected, "{words}");
        }
        let conflicts = host.store.conflicts().list(channel.channel.id, &ticket(), None, 9).await.unwrap();
        assert_eq!(conflicts.len(), 1, "{words}");
        assert_eq!((conflicts[0].held, conflicts[0].fields[0].field.as_str()), (held, "/a"));
        assert_eq!(host.waiting(&channel).await.len(), usize::from(held));
    };
    for outward_first in [true, false] {
        check(ConflictPolicy::RemoteWins, outward_first, json!({"a": 3, "b": 3}), false).await;
        check(ConflictPolicy::LocalWins, outward_first, json!({"a": 2, "b": 3}), false).await;
        // The remote clock runs in the year 1970.
        check(ConflictPolicy::NewestWins, outward_first, json!({"a": 2, "b": 3}), false).await;
        check(ConflictPolicy::Manual, outward_first, json!({"a": 2, "b": 3}), true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_remote_system_refuses_waits_for_another_edit() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    remote.refuses("bad", "record.bad");
    host.put_record(&channel, "x", json!({"bad": 1})).await;
    host.put_record(&channel, "y", json!({"good": 1})).await;
    let run = host.export(&channel).await;
    assert_eq!((run.status, counted(&run).as_str()), (Status::CompletedWithWarnings, "1a 0u 0s 0d 1q"));
    let rows = host.store.outbox().list(channel.channel.id, &ticket(), None, 9).await.unwrap();
    assert_eq!(rows[0].failure.as_ref().map(|failure| failure.code.as_str()), Some("record.bad"));
    remote.pushed();
    host.export(&channel).await;
    assert_eq!(remote.pushed(), [], "it is not sent again and again");
    host.patch(&channel, "x", json!({"bad": null, "good": 2})).await;
    host.export(&channel).await;
    assert_eq!(host.waiting(&channel).await, []);
    assert_eq!(remote.records().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_way_channels_take_no_writes() {
    let remote = Remote::new();
    let (host, mut channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    channel.channel.two_way = false;
    host.put(&channel);
    let refused = host.write(&channel, "x", What::Put { payload: json!({}), parent: None }).await;
    let words = refused.expect_err("one way").to_string();
    assert!(words.contains("--two-way"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn what_was_edited_while_it_was_sent_goes_out_next() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    host.put_record(&channel, "x", json!({"a": 1})).await;
    remote.suffers(Mishap::Unanswered);
    host.sync.request(Request { direction: Direction::Export, ..all_of(&channel) }).await.unwrap();
    while remote.pushed().is_empty() {
        tokio::task::yield_now().await;
    }
    host.patch(&channel, "x", json!({"a": 2})).await;
    host.finished().await;
    host.export(&channel).await;
    assert_eq!(remote.records().into_values().collect::<Vec<_>>(), [json!({"a": 2})]);
    assert_eq!(host.here(&channel).await["x"], json!({"a": 2}));
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_record_tells_who_changed_what() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    remote.edit("1", json!({"a": 1}));
    host.sync(&channel).await;
    host.patch(&channel, "1", json!({"a": 2})).await;
    host.export(&channel).await;
    remote.edit("1", json!({"b": 1}));
    host.sync(&channel).await;
    let trail = host.store.trails().get_many(channel.channel.id, &ticket(), vec![key("1")]).await.unwrap();
    let told: Vec<_> =
        trail[0].iter().map(|step| format!("{} {:?} {:?}", step.author, step.kind, step.fields)).collect();
    assert_eq!(told, ["me Update [\"/a\"]", "export Update []", "import Update [\"/b\"]"]);
}
