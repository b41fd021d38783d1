//! The way of one notice: it tells what changed, row by row, until nothing is left or its
//! address needs a rest.
//!
//! Of a record only one message is under way: its row stays until the message has arrived,
//! and what changes meanwhile is told after it. It knows no other notice.

use super::{
    backoff::Config,
    board::Board,
    message::{About, Key, Message},
};
use crate::{
    channels::Postman,
    clock::Clock,
    metrics::{self, Told},
    model::{ChannelId, Failure, Fault, Notice, Timestamp},
    store::{self, Batch, DeadNotice, FeedKey, FeedKind, FeedRow, NoticeTries, Store},
    sync::{
        lanes::{kept, sooner},
        news,
    },
};
use futures_util::{StreamExt, stream};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// Rows that are looked at in one go, and settled in one commit.
const ROWS: usize = 64;

/// What one turn of a notice needs.
pub(super) struct Lane {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) config: Config,
    pub(super) board: Arc<Board>,
    pub(super) notice: Notice,
    pub(super) postman: Postman,
    pub(super) key: Key,
    pub(super) cancel: CancellationToken,
}

/// What came of a row.
enum Outcome {
    /// It arrived.
    Arrived,
    /// Its channel is deleted, and its record with it.
    Gone,
    /// It did not arrive.
    Failed(Failure),
    /// It was not sent at all.
    Unsent(Failure),
}

impl Lane {
    /// Answers when there is something to do again, apart from what changes meanwhile.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub(super) async fn work(&self) -> store::Result<Option<Timestamp>> {
        let tries = self.store.notices().tries(self.notice.id).await?;
        let tries: HashMap<FeedKey, NoticeTries> = tries.into_iter().collect();
        let (mut after, mut wake) = (None, None);
        while !self.cancel.is_cancelled() {
            let rows = self.store.feed().list(self.notice.id, after.as_ref(), ROWS).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key.clone());
            let ready = self.ready(rows, &tries, &mut wake);
            let sent = self.send_all(ready).await?;
            if let Some(rest) = self.settle(sent, &tries, &mut wake).await? {
                return Ok(Some(rest));
            }
        }
        Ok(wake)
    }

    /// Those that may be tried now; `wake` gets the time of the first of the others.
    fn ready(
        &self,
        rows: Vec<FeedRow>,
        tries: &HashMap<FeedKey, NoticeTries>,
        wake: &mut Option<Timestamp>,
    ) -> Vec<FeedRow> {
        let now = self.clock.now();
        let is_ready = |row: &FeedRow| match of(tries, row) {
            Some(tried) if tried.next > now => {
                sooner(wake, tried.next);
                false
            }
            _ => true,
        };
        rows.into_iter().filter(is_ready).collect()
    }

    async fn send_all(&self, rows: Vec<FeedRow>) -> store::Result<Vec<(FeedRow, Outcome)>> {
        let names = self.names(&rows).await?;
        let names = &names;
        let sent = rows.into_iter().map(|row| async move {
            let outcome = match names.get(&row.key.channel) {
                Some(channel) => self.send(&row, channel).await?,
                None => Outcome::Gone,
            };
            Ok((row, outcome))
        });
        let sent: Vec<store::Result<_>> =
            stream::iter(sent).buffer_unordered(Postman::AT_ONCE).collect().await;
        sent.into_iter().collect()
    }

    /// The channels of the rows that are there, by their names of today.
    async fn names(&self, rows: &[FeedRow]) -> store::Result<BTreeMap<ChannelId, String>> {
        let mut names = BTreeMap::new();
        for row in rows {
            let id = row.key.channel;
            if !names.contains_key(&id)
                && let Some(channel) = self.store.channels().get(id).await?
            {
                names.insert(id, channel.name.to_string());
            }
        }
        Ok(names)
    }

    async fn send(&self, row: &FeedRow, channel: &str) -> store::Result<Outcome> {
        let FeedKey { channel: id, connector, key } = &row.key;
        let record = match row.entry.kind {
            FeedKind::Deleted => None,
            _ => self.store.records().get_many(*id, connector, vec![key.clone()]).await?.pop().flatten(),
        };
        let message = Message::about(&About {
            notice: self.notice.id,
            channel,
            key: &row.key,
            entry: &row.entry,
            changed: self.changed(row).await?,
            record: record.as_ref(),
            with_payload: self.notice.with_payload,
        });
        let posting = message.posting(&self.key, self.clock.now());
        Ok(match self.postman.post(posting, self.cancel.clone()).await {
            Ok(()) => Outcome::Arrived,
            Err(failure) if is_unsent(&failure) => Outcome::Unsent(failure),
            Err(failure) => Outcome::Failed(failure),
        })
    }

    /// The fields that changed since the record was told last; what was given up counts as untold.
    async fn changed(&self, row: &FeedRow) -> store::Result<Option<Vec<String>>> {
        if row.changed.is_none() {
            return Ok(None);
        }
        let dead = self.store.notices().dead_of(self.notice.id, &row.key).await?;
        let before = dead.map(|dead| (dead.entry.kind, dead.changed));
        Ok(news::since(before, row.entry.kind, row.changed.clone()))
    }

    /// Writes what came of the rows. Answers until when the address is left alone, where it
    /// seems to be down.
    async fn settle(
        &self,
        sent: Vec<(FeedRow, Outcome)>,
        tries: &HashMap<FeedKey, NoticeTries>,
        wake: &mut Option<Timestamp>,
    ) -> store::Result<Option<Timestamp>> {
        let (mut over, mut arrived, mut down, mut batch) = (Vec::new(), 0, None, Batch::new());
        for (row, outcome) in sent {
            match outcome {
                Outcome::Arrived => {
                    arrived += 1;
                    over.push(row);
                }
                Outcome::Gone => over.push(row),
                Outcome::Unsent(failure) => down = Some(failure),
                Outcome::Failed(failure) => {
                    if failure.fault() == Fault::Transient {
                        down = Some(failure.clone());
                    }
                    let tries = of(tries, &row).map_or(0, |tried| tried.tries) + 1;
                    match self.config.is_over(tries) {
                        true => self.bury(&row, tries, failure).await?,
                        false => sooner(wake, self.put_off(&mut batch, &row, tries, failure)),
                    }
                }
            }
        }
        self.settle_over(&over).await?;
        self.count(arrived);
        if !batch.is_empty() {
            self.store.commit(batch).await?;
        }
        Ok(match down {
            Some(failure) if !self.cancel.is_cancelled() => Some(self.rest(failure, arrived > 0)),
            _ => None,
        })
    }

    /// When it is tried again.
    fn put_off(&self, batch: &mut Batch, row: &FeedRow, tries: u32, reason: Failure) -> Timestamp {
        metrics::notice(Told::Failed);
        let (id, now) = (self.notice.id, self.clock.now());
        let next = now.plus(self.config.wait(tries, reason.retry_after_ms));
        self.board.failed(id, now, reason);
        batch.put_notice_tries(id, &row.key, &NoticeTries { stamp: row.entry.stamp, tries, next });
        next
    }

    /// Gives it up, unless its record changed again meanwhile: then that is told.
    async fn bury(&self, row: &FeedRow, tries: u32, reason: Failure) -> store::Result<()> {
        let (id, now) = (self.notice.id, self.clock.now());
        tracing::warn!(notice = %self.notice.name, %reason, tries, "a notice was given up");
        metrics::notice(Told::Dead);
        self.board.failed(id, now, reason.clone());
        let changed = self.changed(row).await?;
        let mut batch = Batch::new();
        batch.settle_feed(id, row);
        batch.remove_notice_tries(id, &row.key);
        batch.put_dead_notice(
            id,
            &row.key,
            &DeadNotice { entry: row.entry, changed, tries, reason, died: now },
        );
        kept(self.store.commit(batch).await)
    }

    /// Takes rows out. One whose record changed again meanwhile stays, to be told anew.
    async fn settle_over(&self, rows: &[FeedRow]) -> store::Result<()> {
        let settled = |rows: &[FeedRow]| {
            let mut batch = Batch::new();
            for row in rows {
                batch.settle_feed(self.notice.id, row);
                batch.remove_notice_tries(self.notice.id, &row.key);
                // It is known by now.
                batch.remove_dead_notice(self.notice.id, &row.key);
            }
            batch
        };
        if rows.is_empty() {
            return Ok(());
        }
        match self.store.commit(settled(rows)).await {
            Err(store::Error::Expectation) => {
                for row in rows {
                    kept(self.store.commit(settled(std::slice::from_ref(row))).await)?;
                }
                Ok(())
            }
            result => result,
        }
    }

    fn count(&self, arrived: u64) {
        (0..arrived).for_each(|_| metrics::notice(Told::Sent));
        if arrived > 0 {
            self.board.sent(self.notice.id, self.clock.now(), arrived);
        }
    }

    fn rest(&self, failure: Failure, arrived: bool) -> Timestamp {
        let now = self.clock.now();
        let rests = self.board.rests(self.notice.id, arrived);
        let until = now.plus(self.config.wait(rests, failure.retry_after_ms));
        tracing::debug!(notice = %self.notice.name, %failure, %until, "an address is left alone");
        self.board.failed(self.notice.id, now, failure);
        self.board.resting(self.notice.id, until);
        until
    }
}

/// What was tried of this very change.
fn of<'a>(tries: &'a HashMap<FeedKey, NoticeTries>, row: &FeedRow) -> Option<&'a NoticeTries> {
    tries.get(&row.key).filter(|tried| tried.stamp == row.entry.stamp)
}

/// Whether a failure came before anything left.
fn is_unsent(failure: &Failure) -> bool {
    matches!(failure.code.as_str(), "breaker.open" | "throttle.blocked" | "run.cancelled")
}
