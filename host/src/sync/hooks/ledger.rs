//! What deliveries leave behind, put into the store: those that come together in one batch,
//! with the job that takes them in.
//!
//! A commit costs about as much for one delivery as for a thousand. So whoever comes while
//! one is under way waits for the next, which one of those who wait makes for all. Nothing
//! of it runs by itself.

use super::{
    effect::{Sorted, replaces},
    registry::{Entry, lock},
    signature::Mark,
};
use crate::{
    model::{
        Asked, ChannelId, Class, Direction, Effect, Envelope, Failure, HookCounts, HookId, Name, RecordKey,
        Timestamp, Trigger,
    },
    store::{self, Batch, DueKey, Inboxed},
    sync::{Error, history::store_failure, opener::Ready, runner::Shared},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};
use tokio::sync::oneshot;

/// Payloads of one batch, about.
const BYTES: usize = 8 << 20;
/// Deliveries of one batch.
const MOST: usize = 2_000;

/// What one delivery leaves behind.
pub(super) struct Landing {
    pub(super) entry: Arc<Entry>,
    pub(super) effect: Effect,
    pub(super) marks: Vec<Mark>,
}

type Answer = Result<(), Failure>;

struct Waiting {
    landing: Arc<Landing>,
    told: oneshot::Sender<Answer>,
}

/// Those of one channel that wait.
#[derive(Default)]
struct Group {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

/// The deliveries that wait to be put into the store.
#[derive(Default)]
pub(super) struct Ledger {
    groups: Mutex<HashMap<ChannelId, Arc<Group>>>,
}

impl Ledger {
    /// Returns when what the delivery leaves behind is durable, with the job that takes it
    /// in, where the channel's runs may start.
    ///
    /// # Errors
    /// When it is not, or nobody knows.
    ///
    /// # Cancel safety
    /// Dropped early, it may be durable or not, but never half.
    pub(super) async fn land(&self, shared: &Shared, landing: Landing) -> Answer {
        let group = self.group(landing.entry.hook.channel_id);
        let landing = Arc::new(landing);
        loop {
            let (told, mut hears) = oneshot::channel();
            lock(&group.waiting).push(Waiting { landing: Arc::clone(&landing), told });
            let _turn = tokio::select! {
                biased;
                answer = &mut hears => match answer {
                    Ok(answer) => return answer,
                    // Whoever was about to put it in was dropped.
                    Err(_) => continue,
                },
                turn = group.turn.lock() => turn,
            };
            match hears.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Closed) => continue,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            // Its own may come after those that fill the batch: then it is for the next.
            loop {
                let some = next_ones(&group);
                let answer = put_in(shared, some.iter().map(|waiting| &*waiting.landing)).await;
                for waiting in some {
                    // Who does not hear it any more has gone.
                    let _ = waiting.told.send(answer.clone());
                }
                if let Ok(answer) = hears.try_recv() {
                    return answer;
                }
            }
        }
    }

    fn group(&self, channel: ChannelId) -> Arc<Group> {
        Arc::clone(lock(&self.groups).entry(channel).or_default())
    }
}

/// Those that came first, as many as one batch takes.
fn next_ones(group: &Group) -> Vec<Waiting> {
    let mut waiting = lock(&group.waiting);
    let (mut bytes, mut count) = (0, 0);
    for one in waiting.iter() {
        if count > 0 && (bytes >= BYTES || count >= MOST) {
            break;
        }
        let payloads = one.landing.effect.changes.iter().map(|change| change.record.payload.len());
        bytes += payloads.sum::<usize>();
        count += 1;
    }
    waiting.drain(..count).collect()
}

/// One batch for all of them, who are of one channel.
async fn put_in(shared: &Shared, landings: impl Iterator<Item = &Landing>) -> Answer {
    let landings: Vec<&Landing> = landings.collect();
    let Some(first) = landings.first() else { return Ok(()) };
    let channel = first.entry.hook.channel_id;
    let ready = shared.opener.reopen(channel).await.map_err(|error| error.into_failure())?;
    if shared.live.is_held(channel) {
        let message = "the channel is being changed or deleted";
        return Err(Failure::new(Class::Transient, "channel.held", message));
    }
    let effects = landings.iter().map(|landing| &landing.effect);
    let sorted = Sorted::of(effects, &ready.channel, &ready.channel_type);
    for (reason, count) in &sorted.dropped {
        tracing::warn!(reason, count, channel.id = %channel, "what a webhook brought was dropped");
    }
    let now = shared.clock.now();
    let connectors = sorted.connectors();
    let notes = Notes {
        channel,
        now,
        changes: newest(shared, channel, sorted.changes).await.map_err(|error| store_failure(&error))?,
        due: due_keys(sorted.due),
        marks: landings
            .iter()
            .flat_map(|one| one.marks.iter().map(|mark| (one.entry.hook.id, *mark)))
            .collect(),
        counts: counted(&landings, now),
    };
    write(shared, &ready, connectors, &notes).await?;
    for landing in landings {
        landing.entry.life.count(|counts| {
            counts.taken += 1;
            counts.last_taken = Some(now);
        });
    }
    Ok(())
}

/// With a job, where there is something to do and the channel's runs may start. What a
/// channel gets that is switched off or paused waits for its next run.
async fn write(shared: &Shared, ready: &Ready, connectors: Vec<Name>, notes: &Notes) -> Answer {
    if connectors.is_empty() || !ready.channel.is_active() {
        let mut batch = Batch::new();
        batch.expect_channel(notes.channel);
        notes.put(&mut batch);
        return shared.store.commit(batch).await.map_err(|error| store_failure(&error));
    }
    let asked = Asked { connectors, full: false, record: false, trigger: Trigger::Webhook };
    let placed = shared.queue.place_with(ready, Direction::Import, &asked, &|batch| notes.put(batch)).await;
    placed.map(drop).map_err(|error| match error {
        Error::Store(error) => store_failure(&error),
        Error::Channels(error) => error.into_failure(),
        other => Failure::new(Class::Transient, "webhook.sync", other.to_string()),
    })
}

/// What goes into the batch, as often as it has to be made.
struct Notes {
    channel: ChannelId,
    now: Timestamp,
    changes: Vec<(Name, Envelope)>,
    due: Vec<(Name, DueKey)>,
    marks: Vec<(HookId, Mark)>,
    counts: BTreeMap<HookId, HookCounts>,
}

impl Notes {
    fn put(&self, batch: &mut Batch) {
        for (connector, due) in &self.due {
            batch.add_due(self.channel, connector, due);
        }
        for (connector, record) in &self.changes {
            batch.put_inbox(self.channel, connector, record, self.now);
        }
        for (hook, mark) in &self.marks {
            batch.put_seen_delivery(self.channel, *hook, &mark.digest, mark.until);
        }
        for (hook, counts) in &self.counts {
            batch.put_hook_counts(self.channel, *hook, counts);
        }
    }
}

/// A stamp tells one asking from a later one, and means nothing else.
fn due_keys(due: BTreeMap<Name, BTreeSet<RecordKey>>) -> Vec<(Name, DueKey)> {
    let stamp = fastrand::u64(..);
    let of = |(connector, keys): (Name, BTreeSet<_>)| {
        keys.into_iter().map(move |key| (connector.clone(), DueKey { key, stamp }))
    };
    due.into_iter().flat_map(of).collect()
}

/// Those that are not older than what waits already. Only the one whose turn it is puts
/// anything in; a run only takes out.
async fn newest(
    shared: &Shared,
    channel: ChannelId,
    changes: BTreeMap<(Name, String), Envelope>,
) -> store::Result<Vec<(Name, Envelope)>> {
    let mut by_connector: BTreeMap<Name, Vec<Envelope>> = BTreeMap::new();
    for ((connector, _), record) in changes {
        by_connector.entry(connector).or_default().push(record);
    }
    let mut newest = Vec::new();
    for (connector, records) in by_connector {
        let keys = records.iter().map(|record| record.key.clone()).collect();
        let here = shared.store.inbox().get_many(channel, &connector, keys).await?;
        let is_new = |(record, here): &(Envelope, Option<Inboxed>)| {
            here.as_ref().is_none_or(|here| replaces(record, &here.envelope))
        };
        let fresh = records.into_iter().zip(here).filter(is_new);
        newest.extend(fresh.map(|(record, _)| (connector.clone(), record)));
    }
    Ok(newest)
}

/// The counts of each webhook as they are with these.
fn counted(landings: &[&Landing], now: Timestamp) -> BTreeMap<HookId, HookCounts> {
    let mut counts: BTreeMap<HookId, HookCounts> = BTreeMap::new();
    for landing in landings {
        let entry = &landing.entry;
        let counts = counts.entry(entry.hook.id).or_insert_with(|| entry.life.counts());
        counts.taken += 1;
        counts.last_taken = Some(now);
    }
    counts
}
