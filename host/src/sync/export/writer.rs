//! Notes what is about to be sent, and settles what came of it: link, base, record and
//! outbox in one batch a record.
//!
//! People write and imports land at the same time. Every batch says what it was made from,
//! and is made anew where that has changed.

use super::{
    Export,
    processor::{Parcel, Spoiled},
};
use crate::{
    metrics,
    model::{
        Acknowledgement, Author, Class, Counters, Envelope, Failure, Outgoing, Pushed, Record, RecordKey,
        Settlement, Timestamp, TrailStep, Version, Write,
    },
    store::{self, Batch, Epoch, Link},
    sync::{
        overtaken,
        reconcile::{self, Reconciled, Remote, Rules},
        timeline::Timeline,
    },
};
use std::{collections::HashMap, time::Duration};

/// How often a batch is made anew that met somebody else's.
const TRIES: u32 = 50;
/// How often a remote system may ask for another try of one change.
const RETRIES: u32 = 5;

/// Writes for one run.
pub(super) struct Writer<'a> {
    export: &'a Export<'a>,
    /// What the page came to so far.
    counters: Counters,
    timeline: Timeline,
}

/// What is on record of a record.
struct Standing {
    epoch: Epoch,
    record: Option<Record>,
    row: Option<Outgoing>,
    trail: Vec<TrailStep>,
    remote: Option<RecordKey>,
}

/// What one answer changes.
struct Settled {
    record: Option<Record>,
    row: Option<Outgoing>,
    conflict: Option<crate::model::Conflict>,
    step: Option<TrailStep>,
    link: Option<Link>,
    unlink: Option<Link>,
    /// A record that an import has made of what is this one.
    twin: Option<Record>,
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

    /// Takes the intent back: nothing was sent.
    pub(super) async fn take_back(&mut self, parcels: Vec<Parcel>) -> store::Result<()> {
        for parcel in parcels {
            let mut batch = Batch::default();
            batch.expect_lease(self.export.lease);
            self.swap(&mut batch, &parcel.row, &parcel.before, &parcel);
            match self.export.store.commit(batch).await {
                // Edited meanwhile: then it is looked for, in vain.
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
            let mut settled = self.judge(parcel, outcome, &standing);
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

    fn judge(&self, parcel: &Parcel, outcome: &Pushed, standing: &Standing) -> Settled {
        let unchanged = |row: Option<Outgoing>| Settled {
            record: standing.record.clone(),
            row,
            conflict: None,
            step: None,
            link: None,
            unlink: None,
            twin: None,
        };
        let row = standing.row.as_ref();
        match outcome {
            Pushed::Done(envelope) => self.done(parcel, envelope, standing),
            Pushed::Conflict(envelope) => self.contradicted(parcel, envelope, standing),
            Pushed::Rejected(failure) => unchanged(row.map(|row| refused(row, failure.clone()))),
            Pushed::Retry(after_ms) => unchanged(row.map(|row| self.postponed(row, *after_ms))),
        }
    }

    /// It was done: what was sent is the base, and what the remote system made of it is
    /// merged with what was edited since.
    fn done(&self, parcel: &Parcel, envelope: &Envelope, standing: &Standing) -> Settled {
        if parcel.change.kind == Write::Delete {
            return self.deleted(parcel, standing);
        }
        let link = self.link(parcel, envelope, standing);
        let Some(row) = &standing.row else {
            // An import has seen it already, and left nothing to be done.
            return Settled { link, ..self.as_it_is(standing) };
        };
        if standing.record.is_none() {
            // Deleted meanwhile: now that it is there, it can be.
            let row = Outgoing {
                kind: Write::Delete,
                base: Some(version(envelope)),
                sent: None,
                idempotency_key: reconcile::new_key(),
                ..row.clone()
            };
            let step = Some(self.step(parcel.change.kind, Vec::new()));
            return Settled { row: Some(row), link, step, ..self.as_it_is(standing) };
        }
        let sent = parcel.row.sent.as_ref().filter(|_| row.sent.is_some());
        let base = sent.map(|sent| Version { updated: None, parent: None, payload: sent.payload.clone() });
        let compared = Outgoing { base: base.or_else(|| row.base.clone()), sent: None, ..row.clone() };
        let reconciled = self.reconcile(standing, &compared, Remote::Is(version(envelope)));
        self.settled(standing, reconciled, link, Some(parcel.change.kind))
    }

    fn deleted(&self, parcel: &Parcel, standing: &Standing) -> Settled {
        let local = &parcel.row.key;
        // Written again meanwhile: then it is created anew.
        let left = standing.row.as_ref().filter(|_| standing.record.is_some()).map(|row| {
            let fresh = reconcile::fresh(local.clone(), Write::Create, row.author.clone(), row.changed);
            Outgoing { since: row.since, ..fresh }
        });
        let unlink = standing.remote.clone().map(|remote| Link { local: local.clone(), remote });
        let step = Some(self.step(Write::Delete, Vec::new()));
        Settled { row: left, unlink, step, ..self.as_it_is(standing) }
    }

    /// It was not done, because it was changed there.
    fn contradicted(&self, parcel: &Parcel, envelope: &Envelope, standing: &Standing) -> Settled {
        let Some(row) = &standing.row else { return self.as_it_is(standing) };
        let remote = match envelope.deleted {
            true => Remote::Gone(time(envelope.updated_ms)),
            false => Remote::Is(version(envelope)),
        };
        let link = if envelope.deleted { None } else { self.link(parcel, envelope, standing) };
        // What could not be created was not made by us.
        let sent = row.sent.clone().filter(|sent| sent.kind != Write::Create);
        let reconciled = self.reconcile(standing, &Outgoing { sent, ..row.clone() }, remote);
        self.settled(standing, reconciled, link, None)
    }

    fn reconcile(&self, standing: &Standing, row: &Outgoing, remote: Remote) -> Reconciled {
        let rules = Rules {
            policy: self.export.channel.conflicts.of(&self.export.connector.id),
            run: self.export.progress.id(),
            now: self.export.clock.now(),
        };
        reconcile::reconcile(standing.record.as_ref(), row, remote, &rules)
    }

    fn settled(
        &self,
        standing: &Standing,
        reconciled: Reconciled,
        link: Option<Link>,
        done: Option<Write>,
    ) -> Settled {
        let Reconciled { record, row, conflict, fields } = reconciled;
        // Gone from there: for good, or until it is created anew, as another one.
        let is_gone = match &row {
            Some(row) => row.kind == Write::Create,
            None => record.is_none(),
        };
        let unlink = standing.remote.clone().filter(|_| is_gone).zip(standing.row.as_ref());
        let unlink = unlink.map(|(remote, row)| Link { local: row.key.clone(), remote });
        let kind = if standing.record.is_some() && record.is_none() { Write::Delete } else { Write::Update };
        let told = done.is_some() || !fields.is_empty();
        let step = told.then(|| self.step(done.unwrap_or(kind), fields));
        Settled { record, row, conflict, step, link, unlink, twin: None }
    }

    fn as_it_is(&self, standing: &Standing) -> Settled {
        Settled {
            record: standing.record.clone(),
            row: standing.row.clone(),
            conflict: None,
            step: None,
            link: None,
            unlink: None,
            twin: None,
        }
    }

    /// The link that a creation leads to, where the remote system gave it another id.
    fn link(&self, parcel: &Parcel, envelope: &Envelope, standing: &Standing) -> Option<Link> {
        let local = &parcel.row.key;
        let remote = RecordKey::try_new(envelope.key.as_str()).ok()?;
        let is_new = standing.remote.is_none() && parcel.row.base.is_none() && remote != *local;
        is_new.then(|| Link { local: local.clone(), remote })
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

    /// The intent stays: a change of several may have been made with its answer lost, and is then
    /// looked for before it is sent again.
    fn postponed(&self, row: &Outgoing, after_ms: u64) -> Outgoing {
        let tries = row.tries + 1;
        if tries >= RETRIES {
            let message = format!("the remote system put the change off {tries} times");
            let failure = Failure::new(Class::Transient, "export.put-off", message);
            return Outgoing { sent: row.sent.clone(), ..refused(row, failure) };
        }
        let due = self.export.clock.now().plus(Duration::from_millis(after_ms));
        Outgoing { tries, due: Some(due), ..row.clone() }
    }

    fn step(&self, kind: Write, fields: Vec<String>) -> TrailStep {
        let run = Some(self.export.progress.id());
        TrailStep { at: self.export.clock.now(), author: Author::Answer, kind, fields, run }
    }

    async fn holds(&self) -> store::Result<bool> {
        let lease = self.export.lease;
        let standing = self.export.store.leases().get(lease.channel, lease.direction).await?;
        Ok(standing.owner == Some(lease.owner) && standing.token == lease.token)
    }
}

/// The row of a change that waits for a person, or for another edit.
fn refused(row: &Outgoing, failure: Failure) -> Outgoing {
    Outgoing { sent: None, tries: row.tries + 1, failure: Some(failure), refused: true, ..row.clone() }
}

/// An answer whose record can be kept: where a guest answers no JSON, what was sent stands.
fn fit(outcome: Pushed, parcel: &Parcel) -> Pushed {
    match outcome {
        Pushed::Done(envelope) if !envelope.deleted && !is_json(&envelope) => {
            tracing::warn!(record = %parcel.row.key, "the answer to a change holds no JSON; what was sent is kept");
            let payload = parcel.row.sent.as_ref().map(|sent| sent.payload.clone()).unwrap_or_default();
            Pushed::Done(Envelope { payload, ..envelope })
        }
        Pushed::Conflict(envelope) if !envelope.deleted && !is_json(&envelope) => {
            let message =
                "the plugin told of a conflict with a record that is no JSON; this is a defect of the plugin";
            Pushed::Rejected(Failure::new(Class::Internal, "answer.payload", message))
        }
        outcome => outcome,
    }
}

fn is_json(envelope: &Envelope) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(&envelope.payload).is_ok()
}

fn version(envelope: &Envelope) -> Version {
    Version { updated: time(envelope.updated_ms), parent: None, payload: envelope.payload.clone() }
}

fn time(millis: Option<u64>) -> Option<Timestamp> {
    millis.and_then(|millis| i64::try_from(millis).ok()).map(Timestamp::from_millis)
}
