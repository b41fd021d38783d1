//! Deliveries at the desk, with channels that do as they are told.

use super::{
    desk::{Desk, Taken, Turned},
    door::{Doors, Ear, Open},
    registry::digest,
    signature::Posted,
};
use crate::{
    channels,
    model::{
        Class, Due, Effect, Failure, Hook, HookChange, HookCounts, HookId, HookSecret, Sealed, Secret,
        SignatureScheme, Timestamp, Trigger,
    },
    store::Batch,
    sync::{opener::Ready, tests::support::*},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

/// A plugin that takes bodies such as `part: 1 2` or `thing 1@5={}`, a line each.
struct Script {
    /// Deliveries that it has seen.
    seen: AtomicUsize,
    /// Those that it may answer.
    gate: Semaphore,
}

/// The same, as the desk has it.
struct Scripted(Arc<Script>);

impl Doors for Scripted {
    fn open<'a>(&'a self, _hook: &'a Hook) -> BoxFuture<'a, Result<Open, channels::Error>> {
        let signature: SignatureScheme = serde_json::from_str(
            r#"{"scheme": "hmac-sha256", "header": "s", "encoding": "hex", "delivery-header": "id"}"#,
        )
        .unwrap();
        let ear = Box::new(Scripted(Arc::clone(&self.0)));
        Box::pin(async { Ok(Open { signature, key: Some(Secret::new("key")), ear }) })
    }
}

impl Ear for Scripted {
    fn receive(&self, posted: Posted) -> BoxFuture<'_, Result<Effect, Failure>> {
        Box::pin(async move {
            self.0.seen.fetch_add(1, Ordering::SeqCst);
            self.0.gate.acquire().await.unwrap().forget();
            let text = String::from_utf8(posted.body.to_vec()).unwrap();
            match text.as_str() {
                "nonsense" => Err(Failure::new(Class::InvalidData, "script.nonsense", "no")),
                "trap" => Err(Failure::new(Class::Internal, "trap.unreachable", "no")),
                text => Ok(effect(text)),
            }
        })
    }
}

fn effect(text: &str) -> Effect {
    let mut effect = Effect::default();
    for line in text.lines() {
        match line.split_once(": ") {
            Some((connector, keys)) => effect.due.push(Due {
                connector: connector.into(),
                keys: keys.split(' ').map(str::to_owned).collect(),
            }),
            None => {
                let (connector, record) = line.split_once(' ').expect("a record");
                effect.changes.push(HookChange { connector: connector.into(), record: envelope(record) });
            }
        }
    }
    effect
}

struct Stage {
    host: Host,
    desk: Arc<Desk>,
    script: Arc<Script>,
    channel: Ready,
    hook: Hook,
}

impl Stage {
    async fn new(change: impl FnOnce(&mut Ready)) -> Self {
        let host = Host::new();
        let mut channel = ready(vec![connector("thing"), by_keys("part")]);
        change(&mut channel);
        let nothing = crate::sync::tests::support::Script::stream(Vec::new());
        let by_key = crate::sync::tests::support::Script::by_key();
        let channel = host.offer(&channel, &[("thing", &nothing), ("part", &by_key)]).await;
        let hook = Hook {
            id: HookId::new(),
            channel_id: channel.channel.id,
            kind: name("changed"),
            place: "test".into(),
            digest: digest("random"),
            random: Sealed(String::new()),
            secret: Some(HookSecret::Own(Sealed(String::new()))),
            created: Timestamp::from_millis(0),
            rotated: None,
        };
        let mut batch = Batch::new();
        batch.put_hook(&hook);
        host.store.commit(batch).await.unwrap();
        let script = Arc::new(Script { seen: AtomicUsize::new(0), gate: Semaphore::new(1_000) });
        let doors = Arc::new(Scripted(Arc::clone(&script)));
        let desk = Desk::new(Arc::clone(&host.sync.shared), doors);
        Self { host, desk, script, channel, hook }
    }

    async fn deliver(&self, id: &str, body: &str) -> Result<Taken, Turned> {
        self.post(id, body, &sign(body)).await
    }

    async fn post(&self, id: &str, body: &str, signature: &str) -> Result<Taken, Turned> {
        let header = |name: &str, value: &str| (name.to_owned(), Bytes::copy_from_slice(value.as_bytes()));
        let mut headers = vec![header("s", signature), header("authorization", "hidden")];
        if !id.is_empty() {
            headers.push(header("id", id));
        }
        let admitted = self.desk.admit("test", "random").await?;
        admitted.deliver(Posted { headers, body: Bytes::copy_from_slice(body.as_bytes()) }).await
    }

    async fn counts(&self) -> HookCounts {
        self.desk.registry.get(&self.host.store, self.hook.id).await.unwrap().unwrap().life.counts()
    }

    /// What waits in the inbox.
    async fn inbox(&self) -> Vec<String> {
        let inbox = self.host.store.inbox();
        let waiting = inbox.list(self.channel.channel.id, &name("thing"), 100, 1 << 20).await.unwrap();
        let shown = |one: &crate::store::Inboxed| {
            format!("{}={}", one.envelope.key, String::from_utf8_lossy(&one.envelope.payload))
        };
        waiting.iter().map(shown).collect()
    }
}

fn sign(body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"key");
    ring::hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_delivery_means_is_worked_on_by_one_job() {
    let stage = Stage::new(|_| ()).await;
    assert_eq!(stage.deliver("", "part: 2 1\nthing 1@5={}").await, Ok(Taken::New));
    assert_eq!(stage.deliver("", "part: 2 3\nthing 1@6={\"v\":6}").await, Ok(Taken::New));
    assert_eq!(stage.host.due(&stage.channel, "part").await, ["1", "2", "3"]);
    assert_eq!(stage.inbox().await, ["1={\"v\":6}"]);
    let jobs = stage.host.store.jobs().all().await.unwrap();
    assert_eq!((jobs.len(), jobs[0].asked.trigger), (1, Trigger::Webhook));
    let waits = jobs[0].due.millis_since(stage.host.clock.now());
    assert!((1..=1_000).contains(&waits), "others may follow: {waits} ms");
    stage.host.finished().await;
    assert_eq!(stage.host.records(&stage.channel, "thing").await, ["1@6={\"v\":6}"]);
    assert_eq!(stage.host.records(&stage.channel, "part").await.len(), 3);
    assert_eq!(stage.inbox().await, [""; 0]);
    let runs = stage.host.sync.runs(None, None, 10).await.unwrap();
    assert_eq!(outcomes(&runs).len(), 2, "{:?}", outcomes(&runs));
}

#[tokio::test(start_paused = true)]
async fn of_what_waits_the_newest_is_taken_in_and_a_newer_record_stays() {
    let stage = Stage::new(|channel| channel.channel.enabled = false).await;
    for (body, expected) in [
        ("thing 1@5={\"v\":5}", "1={\"v\":5}"),
        ("thing 1@4={\"v\":4}", "1={\"v\":5}"),
        ("thing 1@7={\"v\":7}", "1={\"v\":7}"),
    ] {
        assert_eq!(stage.deliver("", body).await, Ok(Taken::New), "{body}");
        assert_eq!(stage.inbox().await, [expected], "{body}");
    }
    assert_eq!(stage.host.store.jobs().all().await.unwrap(), [], "the channel is switched off");
    let mut on = stage.channel.clone();
    on.channel.enabled = true;
    stage.host.put(&on);
    stage.host.sync(&on).await;
    assert_eq!(stage.host.records(&on, "thing").await, ["1@7={\"v\":7}"]);

    assert_eq!(stage.deliver("", "thing 1@6={\"v\":6}\nthing 2@1=broken").await, Ok(Taken::New));
    stage.host.finished().await;
    assert_eq!(stage.host.records(&on, "thing").await, ["1@7={\"v\":7}"]);
    let held = stage.host.store.quarantine().list(on.channel.id, &name("thing"), None, 10).await.unwrap();
    assert_eq!(held.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn what_came_before_is_known_again_also_after_a_restart() {
    let stage = Stage::new(|_| ()).await;
    assert_eq!(stage.deliver("a", "part: 1").await, Ok(Taken::New));
    assert_eq!(stage.deliver("a", "part: 2").await, Ok(Taken::Repeated), "by its id");
    assert_eq!(stage.deliver("b", "part: 1").await, Ok(Taken::Repeated), "by its body");
    let doors = Arc::new(Scripted(Arc::clone(&stage.script)));
    let desk = Desk::new(Arc::clone(&stage.host.sync.shared), doors);
    let stage = Stage { desk, ..stage };
    assert_eq!(stage.deliver("a", "part: 3").await, Ok(Taken::Repeated));
    assert_eq!(stage.deliver("c", "part: 3").await, Ok(Taken::New));
    assert_eq!(stage.script.seen.load(Ordering::SeqCst), 2, "the plugin sees each once");
    let counts = stage.counts().await;
    assert_eq!(counts.taken, 2, "they outlive the restart, too");
    assert!(counts.repeated >= 2, "those of the last seconds may be lost: {counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_failed_is_taken_when_it_comes_again() {
    let stage = Stage::new(|_| ()).await;
    let failed = stage.deliver("a", "trap").await;
    assert!(matches!(failed, Err(Turned::Failed(failure)) if failure.code == "trap.unreachable"));
    let strange = stage.deliver("a", "nonsense").await;
    assert!(matches!(strange, Err(Turned::NotUnderstood(_))));
    assert_eq!(stage.deliver("a", "part: 1").await, Ok(Taken::New));
    assert_eq!(stage.post("b", "part: 2", &sign("part: 3")).await, Err(Turned::Unknown));
    assert!(matches!(stage.desk.admit("test", "Random").await.err(), Some(Turned::Unknown)));
    assert!(matches!(stage.desk.admit("other", "random").await.err(), Some(Turned::Unknown)));
    let counts = stage.counts().await;
    assert_eq!((counts.taken, counts.failed, counts.not_understood, counts.refused), (1, 1, 1, 1));
    assert_eq!(counts.last_failure.map(|failure| failure.code), Some("webhook.signature".into()));
}

#[tokio::test(start_paused = true)]
async fn the_same_delivery_at_the_same_time_is_worked_on_once() {
    let stage = Stage::new(|_| ()).await;
    stage.script.gate.acquire_many(1_000).await.unwrap().forget();
    let first = stage.deliver("a", "part: 1");
    let second = async {
        while stage.script.seen.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let turned = stage.deliver("a", "part: 1").await;
        stage.script.gate.add_permits(1_000);
        turned
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first, Ok(Taken::New));
    assert!(matches!(second, Err(Turned::Busy { .. })), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn garbage_is_turned_away_without_a_look() {
    let stage = Stage::new(|_| ()).await;
    let mut refused = 0;
    while stage.post("", "part: 1", "00").await == Err(Turned::Unknown) {
        refused += 1;
    }
    assert!((90..200).contains(&refused), "{refused}");
    assert!(matches!(stage.desk.admit("test", "random").await.err(), Some(Turned::Busy { .. })));
    assert_eq!(stage.script.seen.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn deliveries_that_come_together_share_a_commit_and_nothing_is_lost() {
    let stage = Stage::new(|channel| channel.channel.enabled = false).await;
    let bodies: Vec<String> =
        (0..200).map(|number| format!("part: {number:03}\nthing 1@{number}={number}")).collect();
    let all = bodies.iter().map(|body| stage.deliver("", body));
    let taken = futures_util::future::join_all(all).await;
    assert!(taken.iter().all(|taken| *taken == Ok(Taken::New)), "{taken:?}");
    assert_eq!(stage.host.due(&stage.channel, "part").await.len(), 200);
    assert_eq!(stage.inbox().await, ["1=199"]);
    assert_eq!(stage.counts().await.taken, 200);
    let stored = stage.host.store.hooks().counts(stage.channel.channel.id, stage.hook.id).await.unwrap();
    assert_eq!(stored.taken, 200);
}
