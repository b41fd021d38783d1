//! What people do about changes that wait, links, and conflicts that are held.

use super::*;
use crate::{
    model::{Conflict, RecordKey, Write},
    sync::{Decision, Pick, Sieve, Target},
};

fn target(channel: &Ready, key: &str) -> Target {
    Target { channel: channel.channel.name.clone(), connector: ticket(), key: support_key(key) }
}

fn me() -> Author {
    Author::Person("me".into())
}

fn take(pick: Pick) -> Decision {
    Decision { take: Some(pick), ..Decision::default() }
}

impl Host {
    async fn conflicts(&self, channel: &Ready) -> Vec<Conflict> {
        self.store.conflicts().list(channel.channel.id, &ticket(), None, 99).await.unwrap()
    }

    /// The conflict that waits.
    async fn held(&self, channel: &Ready) -> Conflict {
        let all = self.conflicts(channel).await;
        let mut open: Vec<_> =
            all.into_iter().filter(|conflict| conflict.held && conflict.settled.is_none()).collect();
        assert_eq!(open.len(), 1, "one waits: {open:?}");
        open.remove(0)
    }

    async fn resolve(&self, channel: &Ready, key: &str, decision: Decision) -> Result<Written, Refusal> {
        let id = self.held(channel).await.id;
        self.sync.local().resolve(target(channel, key), id, &decision, &me()).await
    }

    async fn links(&self, channel: &Ready) -> Vec<(String, String)> {
        let links = self.store.links().list(channel.channel.id, &ticket(), None, 99).await.unwrap();
        links.into_iter().map(|link| (link.local.to_string(), link.remote.to_string())).collect()
    }
}

/// A record that is in conflict about `/a`: 2 here, 3 there.
async fn in_conflict() -> (Remote, Host, Ready) {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::Manual).await;
    remote.edit("1", json!({"a": 1, "b": 1}));
    host.sync(&channel).await;
    host.patch(&channel, "1", json!({"a": 2})).await;
    remote.edit("1", json!({"a": 3}));
    host.sync(&channel).await;
    (remote, host, channel)
}

#[tokio::test(start_paused = true)]
async fn a_held_conflict_ends_as_a_person_says() {
    let check = async |decision: Decision, expected: Value| {
        let (remote, host, channel) = in_conflict().await;
        let id = host.held(&channel).await.id;
        host.resolve(&channel, "1", decision.clone()).await.expect("decided");
        host.export(&channel).await;
        assert_eq!(remote.records()["1"], expected, "{decision:?}");
        assert_eq!(host.here(&channel).await["1"], expected, "{decision:?}");
        assert_eq!(host.waiting(&channel).await, [], "{decision:?}");
        let settled = host.conflicts(&channel).await.into_iter().find(|one| one.id == id).expect("kept");
        assert_eq!(settled.settled.expect("it is over").by, me());
        // A full reading finds nothing else.
        host.sync(&channel).await;
        assert_eq!(host.here(&channel).await["1"], expected, "{decision:?}");
    };
    check(take(Pick::Local), json!({"a": 2, "b": 1})).await;
    check(take(Pick::Remote), json!({"a": 3, "b": 1})).await;
    let fields = [("/a".to_owned(), Pick::Value(json!(9)))].into();
    check(Decision { take: None, fields }, json!({"a": 9, "b": 1})).await;
}

#[tokio::test(start_paused = true)]
async fn remote_means_what_is_there_now_and_an_older_conflict_is_over() {
    let (remote, host, channel) = in_conflict().await;
    let first = host.held(&channel).await.id;
    remote.edit("1", json!({"a": 4}));
    host.sync(&channel).await;
    let second = host.held(&channel).await.id;
    assert_ne!(first, second, "it took the place of the first one");
    let refused = host.sync.local().resolve(target(&channel, "1"), first, &take(Pick::Local), &me()).await;
    assert!(matches!(refused, Err(Refusal::NoConflict(_))), "{refused:?}");
    host.resolve(&channel, "1", take(Pick::Remote)).await.expect("decided");
    assert_eq!(host.here(&channel).await["1"], json!({"a": 4, "b": 1}));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_given_up_leaves_what_the_remote_system_has() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    remote.edit("1", json!({"a": 1}));
    remote.edit("2", json!({"a": 1}));
    host.sync(&channel).await;
    host.patch(&channel, "1", json!({"a": 2})).await;
    host.write(&channel, "2", What::Delete).await.unwrap();
    host.put_record(&channel, "new", json!({"a": 1})).await;
    let name = &channel.channel.name;
    let dropped = host.sync.local().give_up(name, &Sieve::default(), &me()).await.unwrap();
    assert_eq!((dropped.dropped, dropped.in_flight), (3, 0));
    assert_eq!(host.here(&channel).await, of(&[("1", json!({"a": 1})), ("2", json!({"a": 1}))]));
    assert_eq!(host.waiting(&channel).await, []);
    host.export(&channel).await;
    assert_eq!(remote.pushed(), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_goes_out_when_somebody_asks_for_it_again() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    remote.refuses("bad", "record.bad");
    host.put_record(&channel, "x", json!({"bad": 1})).await;
    host.export(&channel).await;
    remote.pushed();
    let refused = Sieve { refused: true, ..Sieve::default() };
    let name = &channel.channel.name;
    assert_eq!(host.sync.local().retry(name, &refused).await.unwrap(), 1);
    assert_eq!(host.sync.local().retry(name, &refused).await.unwrap(), 0, "it is not refused any more");
    host.export(&channel).await;
    assert_eq!(remote.pushed().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_stands_for_a_creation_and_is_unique_both_ways() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::LocalWins).await;
    remote.edit("7", json!({"a": 1, "b": 1}));
    host.put_record(&channel, "mine", json!({"a": 2})).await;
    host.put_record(&channel, "other", json!({"c": 2})).await;
    let link = async |key: &str, there: &str| {
        let there = RecordKey::try_new(there).unwrap();
        host.sync.local().link(target(&channel, key), there).await.map_err(|refusal| refusal.to_string())
    };
    link("mine", "7").await.expect("linked");
    let words = link("other", "7").await.expect_err("twice");
    assert!(words.contains("'7' is what 'mine' is linked to already"), "{words}");
    let words = link("mine", "8").await.expect_err("twice");
    assert!(words.contains("'mine' is linked to '7' already"), "{words}");
    assert_eq!(host.waiting(&channel).await[0], ("mine".to_owned(), Write::Update));
    host.export(&channel).await;
    let there = remote.records();
    assert_eq!((there.len(), there["7"]["a"].clone()), (2, json!(2)), "{there:?}");
    assert_eq!(host.links(&channel).await.len(), 2);

    host.sync(&channel).await;
    host.sync.local().unlink(target(&channel, "mine")).await.expect("unlinked");
    assert_eq!(host.links(&channel).await.len(), 1);
    let again = host.sync.local().unlink(target(&channel, "mine")).await;
    assert!(matches!(again, Err(Refusal::NotLinked(_))), "{again:?}");
    host.export(&channel).await;
    assert_eq!(remote.records().len(), 2, "nothing is created that nobody asked for");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_here_already_is_linked_to_nothing() {
    let remote = Remote::new();
    let (host, channel) = offered(&remote, ConflictPolicy::RemoteWins).await;
    remote.edit("7", json!({"a": 1}));
    host.sync(&channel).await;
    host.put_record(&channel, "mine", json!({"a": 2})).await;
    let link = async |key: &str, there: &str| {
        let there = RecordKey::try_new(there).unwrap();
        host.sync.local().link(target(&channel, key), there).await.expect_err("refused").to_string()
    };
    assert!(link("mine", "7").await.contains("'7' is here already"));
    assert!(link("7", "8").await.contains("it was imported"));
    assert!(link("none", "8").await.contains("there is no record 'none'"));
}
