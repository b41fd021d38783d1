//! Notes what is about to be sent, and settles what came of it: link, base, record and
//! outbox in one batch a record.
//!
//! People write and imports land at the same time. Every batch says what it was made from,
//! and is made anew where that has changed.

use super::{
    Export,
    judge::{Judge, Settled, Standing, fit, refused, tried},
    processor::{Parcel, Spoiled},
};
use crate::{
    metrics,
    model::{
        Acknowledgement, Author, Counters, Failure, Outgoing, Pushed, Record, RecordKey, Settlement, Write,
    },
    store::{self, Batch, FeedKind},
    sync::{news::Change, overtaken, reconcile::Rules, timeline::Timeline},
};
use std::collections::HashMap;

/// How often a batch is made anew that met somebody else's.
const TRIES: u32 = 50;

/// Writes for one run.
pub(super) struct Writer<'a> {
    export: &'a Export<'a>,
    /// What the page came to so far.
    counters: Counters,
    timeline: Timeline,
}

impl<'a> Writer<'a> {
    pub(super) fn open(export: &'a Export<'a>) -> Self {
        let timeline = Timeline::begin(&export.progress.snapshot(), export.clock.now());
        Self { export, counters: Counters::default(), timeline }
    }

    /// Notes that these are about to be sent. Those that somebody has edited meanwhile are
    /// left out: they come again.
    pub(super) async fn intend(&mut self, parcels: Vec<Parcel>) -> store::Result<Vec<Parcel>> {
        let mut batch = Batch::default();
        batch.expect_lease(self.export.lease);
        parcels.iter().for_each(|parcel| self.swap(&mut batch, &parcel.before, &parcel.row, parcel));
        match self.export.store.commit(batch).await {
            Err(store::Error::Expectation) => self.intend_singly(parcels).await,
            Err(error) => Err(error),
            Ok(()) => Ok(parcels),
        }
    }

    async fn intend_singly(&self, parcels: Vec<Parcel>) -> store::Result<Vec<Parcel>> {
        let mut intended = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            let mut batch = Batch::default();
            batch.expect_lease(self.export.lease);
            self.swap(&mut batch, &parcel.before, &parcel.row, &parcel);
            match self.export.store.commit(batch).await {
                Ok(()) => intended.push(parcel),
                Err(store::Error::Expectation) if self.holds().await? => {}
                Err(error) => return Err(error),
            }
        }
        Ok(intended)
    }

    /// Notes that the step failed with these in it. What did not leave the host was not sent; where
    /// the failure may be a change's own, it counts against each.
    pub(super) async fn fail(
        &mut self,
        parcels: Vec<Parcel>,
        was_sent: bool,
        blame: Option<&Failure>,
    ) -> store::Result<()> {
        for parcel in parcels {
            let row = if was_sent { &parcel.row } else { &parcel.before };
            let after = blame.map_or_else(|| row.clone(), |failure| tried(row, failure));
            if after == parcel.row {
                continue;
            }
            let mut batch = Batch::default();
            batch.expect_lease(self.export.lease);
            self.swap(&mut batch, &parcel.row, &after, &parcel);
            match self.export.store.commit(batch).await {
                // Edited meanwhile: then it is looked for, maybe in vain.
                Err(store::Error::Expectation) if self.holds().await? => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn swap(&self, batch: &mut Batch, before: &Outgoing, after: &Outgoing, parcel: &Parcel) {
        let (channel, connector) = (self.export.channel.id, &self.export.connector.id);
        batch.expect_outgoing(channel, connector, &before.key, Some(before));
        // What is sent is what is on record as sent.
        batch.expect_record(channel, connector, &before.key, parcel.record.as_ref());
        batch.put_outgoing(channel, connector, after);
    }

    /// Rows that are not sent: what asks for nothing goes, what is unfit waits for a person.
    pub(super) async fn set_aside(&mut self, rows: Vec<(Outgoing, Spoiled)>) -> store::Result<()> {
        for (row, why) in rows {
            let (channel, connector) = (self.export.channel.id, &self.export.connector.id);
            let mut batch = Batch::default();
            batch.expect_lease(self.export.lease);
            batch.expect_outgoing(channel, connector, &row.key, Some(&row));
            match why {
                Spoiled::Idle => {
                    self.counters.unchanged += 1;
                    batch.remove_outgoing(channel, connector, &row.key);
                }
                Spoiled::Unfit(failure) => {
                    self.counters.quarantined += 1;
                    batch.put_outgoing(channel, connector, &refused(&row, failure));
                }
            }
            match self.export.store.commit(batch).await {
                Err(store::Error::Expectation) if self.holds().await? => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// Settles what came of each change.
    pub(super) async fn settle(
        &mut self,
        parcels: Vec<Parcel>,
        answers: Vec<Acknowledgement>,
    ) -> store::Result<()> {
        let mut answers: HashMap<_, _> =
            answers.into_iter().map(|answer| (answer.key, answer.outcome)).collect();
        for parcel in parcels {
            if let Some(outcome) = answers.remove(&parcel.change.key) {
                self.counters.read += 1;
                self.one(&parcel, &fit(outcome, &parcel)).await?;
            }
        }
        Ok(())
    }

    async fn one(&mut self, parcel: &Parcel, outcome: &Pushed) -> store::Result<()> {
        for _ in 0..TRIES {
            let standing = self.standing(&parcel.row.key).await?;
            let mut settled = self.judge().judge(parcel, outcome, &standing);
            self.find_twin(parcel, &mut settled).await?;
            match self.export.store.commit(self.batch(parcel, &standing, &settled).await?).await {
                Err(store::Error::Expectation) if self.holds().await? => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.count(parcel.change.kind, outcome, &settled);
                    return Ok(());
                }
            }
        }
        Err(store::Error::Engine(std::io::Error::other("a record is edited without end")))
    }

    async fn standing(&self, key: &RecordKey) -> store::Result<Standing> {
        let (store, channel) = (self.export.store, self.export.channel.id);
        let connector = &self.export.connector.id;
        let epoch = store.outbox().epoch(channel, connector).await?;
        let keys = || vec![key.clone()];
        Ok(Standing {
            epoch,
            record: store.records().get(channel, connector, key).await?,
            row: store.outbox().get(channel, connector, key).await?,
            trail: store.trails().get_many(channel, connector, keys()).await?.pop().unwrap_or_default(),
            remote: store.links().remotes(channel, connector, keys()).await?.pop().flatten(),
        })
    }

    /// An import that could not know may have made a record of its own of what was created
    /// here. It is this one.
    async fn find_twin(&self, parcel: &Parcel, settled: &mut Settled) -> store::Result<()> {
        let (store, channel) = (self.export.store, self.export.channel.id);
        let connector = &self.export.connector.id;
        let Some(link) = settled.link.clone() else { return Ok(()) };
        let linked =
            store.links().locals(channel, connector, vec![link.remote.clone()]).await?.pop().flatten();
        if linked.is_some() {
            // It belongs to another record here, which is what the operator wanted.
            tracing::warn!(record = %parcel.row.key, remote = %link.remote, "a record that was created is linked already");
            settled.link = None;
            return Ok(());
        }
        let twin = store.records().get(channel, connector, &link.remote).await?;
        let waits = store.outbox().get(channel, connector, &link.remote).await?;
        settled.twin = twin.filter(|_| waits.is_none());
        Ok(())
    }

    async fn batch(&self, parcel: &Parcel, standing: &Standing, settled: &Settled) -> store::Result<Batch> {
        let (channel, connector, key) = (self.export.channel.id, &self.export.connector.id, &parcel.row.key);
        let mut batch = Batch::default();
        batch.expect_lease(self.export.lease);
        batch.advance_epoch(channel, connector, standing.epoch);
        batch.expect_record(channel, connector, key, standing.record.as_ref());
        batch.expect_outgoing(channel, connector, key, standing.row.as_ref());
        match &settled.record {
            Some(record) => batch.put_record(channel, connector, record),
            None => batch.delete_record(channel, connector, key),
        }
        match &settled.row {
            Some(row) => batch.put_outgoing(channel, connector, row),
            None => batch.remove_outgoing(channel, connector, key),
        }
        if let Some(twin) = &settled.twin {
            batch.expect_record(channel, connector, &twin.key, Some(twin));
            batch.delete_record(channel, connector, &twin.key);
        }
        settled.link.iter().for_each(|link| batch.link(channel, connector, link));
        settled.unlink.iter().for_each(|link| batch.unlink(channel, connector, link));
        settled.conflict.iter().for_each(|conflict| batch.put_conflict(channel, connector, conflict));
        let rows = (standing.row.as_ref(), settled.row.as_ref());
        let settlement = Settlement { at: self.export.clock.now(), by: Author::Answer };
        let overtaken = overtaken::by(self.export.store, (channel, connector), rows, settlement).await?;
        overtaken.iter().for_each(|conflict| batch.put_conflict(channel, connector, conflict));
        if let Some(step) = &settled.step {
            batch.extend_trail(channel, connector, key, (standing.trail.clone(), step.clone()));
        }
        if let Some(kind) = told(standing.record.as_ref(), settled.record.as_ref()) {
            self.export.subscribers.load(self.export.store).await?;
            let payload = settled.record.as_ref().map(|record| &record.payload[..]);
            let change = std::iter::once(Change { key, kind, payload });
            let news = self.export.subscribers.news(self.export.store, channel, connector, change);
            news.await?.put(&mut batch);
        }
        self.recount(&mut batch, standing, settled).await?;
        Ok(batch)
    }

    async fn recount(&self, batch: &mut Batch, standing: &Standing, settled: &Settled) -> store::Result<()> {
        let one = |record: &Option<Record>| i64::from(record.is_some());
        let growth = one(&settled.record) - one(&standing.record) - one(&settled.twin);
        if growth == 0 {
            return Ok(());
        }
        let (channel, connector) = (self.export.channel.id, &self.export.connector.id);
        let count = self.export.store.records().counted(channel, connector).await?;
        batch.expect_record_count(channel, connector, count);
        batch.set_record_count(channel, connector, count.unwrap_or_default().saturating_add_signed(growth));
        Ok(())
    }

    /// Ends a page: its row, and the run as it stands then.
    pub(super) async fn turn(&mut self) -> store::Result<()> {
        let mut run = self.export.progress.snapshot();
        run.pages += 1;
        run.tries = 0;
        run.deferred = None;
        let counters = std::mem::take(&mut self.counters);
        run.counters.add(&counters);
        let page = self.timeline.page(&run, counters, None, self.export.clock.now());
        let mut batch = Batch::default();
        batch.expect_lease(self.export.lease);
        batch.put_run(&run);
        batch.put_page(run.id, &page);
        let log = self.export.progress.log();
        let logged = log.map(|log| log.put_into(&mut batch));
        self.export.store.commit(batch).await?;
        log.zip(logged).inspect(|(log, logged)| log.landed(*logged));
        self.timeline.turn(&page, &run);
        self.export.progress.show(run);
        Ok(())
    }

    fn count(&mut self, kind: Write, outcome: &Pushed, settled: &Settled) {
        let answer = match outcome {
            Pushed::Done(_) => "done",
            Pushed::Conflict(_) => "conflict",
            Pushed::Rejected(_) => "refused",
            Pushed::Retry(_) => "retry",
        };
        let (channel_type, connector) = (&self.export.channel.channel_type, &self.export.connector.id);
        metrics::exported(channel_type, connector, answer);
        metrics::conflicts(channel_type, connector, u64::from(settled.conflict.is_some()));
        match outcome {
            Pushed::Done(_) => match kind {
                Write::Create => self.counters.added += 1,
                Write::Update => self.counters.updated += 1,
                Write::Delete => self.counters.deleted += 1,
            },
            Pushed::Rejected(failure) => {
                self.counters.quarantined += 1;
                tracing::warn!(%failure, "a change was refused");
            }
            Pushed::Conflict(_) | Pushed::Retry(_) => {
                if settled.row.as_ref().is_some_and(|row| row.refused) {
                    self.counters.quarantined += 1;
                } else {
                    self.counters.unchanged += 1;
                }
            }
        }
    }

    fn judge(&self) -> Judge {
        Judge {
            rules: Rules {
                policy: self.export.channel.conflicts.of(&self.export.connector.id),
                run: self.export.progress.id(),
                now: self.export.clock.now(),
            },
        }
    }

    async fn holds(&self) -> store::Result<bool> {
        self.export.store.leases().holds(self.export.lease).await
    }
}

/// What those are told who want to know which records change.
fn told(before: Option<&Record>, after: Option<&Record>) -> Option<FeedKind> {
    match (before, after) {
        (None, Some(_)) => Some(FeedKind::Added),
        (Some(_), None) => Some(FeedKind::Deleted),
        (Some(before), Some(after)) => (before.payload != after.payload).then_some(FeedKind::Updated),
        (None, None) => None,
    }
}
