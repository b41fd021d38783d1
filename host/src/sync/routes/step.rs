//! One record on its way through a route: read, decide, write.
//!
//! What is written of it is one commit: the target record with all that a local write
//! brings, the link, and the end of the row that told of the change. Where one of them is
//! not as it was read any more, nothing is written and all is read anew. So a step that was
//! killed was done or not, and one that is done again changes nothing.

use super::{
    board::Board,
    desk::{self, Case, Decision, Plan},
    filters::RouteFilters,
    half::Half,
    parents::{self, Parent},
};
use crate::{
    model::{
        Author, ChannelId, ChannelName, Class, Conflict, ConflictId, Failure, Fault, FieldConflict, Record,
        RecordKey, Route, RouteEnd,
    },
    store::{self, Batch, FeedKey, FeedRow, KeptLink},
    sync::{Edit, Refusal, Sync, What, reconcile::value},
};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// How often a record is read anew that changes while it is looked at.
const TRIES: u32 = 20;

/// A route at work.
pub(super) struct Step {
    pub(super) sync: Sync,
    pub(super) board: Arc<Board>,
    pub(super) route: Route,
    /// All of them: parents may go by another.
    pub(super) routes: Arc<Vec<Route>>,
    /// The channels that are there, by their names of today.
    pub(super) names: Arc<HashMap<ChannelId, ChannelName>>,
    pub(super) filters: RouteFilters,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Its counterpart is new.
    Created,
    /// Its counterpart changed.
    Updated,
    /// Its counterpart was deleted.
    Deleted,
    /// There was nothing to do.
    Unchanged,
    /// The filter gives nothing for it.
    LeftOut,
    /// It waits for another record.
    Waits(Failure),
    /// It cannot be done.
    Failed(Failure),
    /// It is not to be tried again before somebody changes it.
    Held(Failure),
}

/// Why nothing of the route can be done now.
#[derive(Debug)]
pub(super) enum Trouble {
    Store(store::Error),
    Other(Failure),
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// All that is known of a record, and what is to be done about it.
pub(super) struct View {
    pub(super) mapped: Option<Value>,
    pub(super) link: Option<KeptLink>,
    pub(super) target_key: RecordKey,
    pub(super) target: Option<Record>,
    pub(super) parent: Option<RecordKey>,
    pub(super) plan: Plan,
    /// Fields that were changed at both ends.
    pub(super) conflicts: Vec<FieldConflict>,
}

/// Why there is no view of a record.
pub(super) enum Blind {
    Waits(Failure),
    Failed(Failure),
    Trouble(Trouble),
}

impl From<store::Error> for Blind {
    fn from(error: store::Error) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<Failure> for Blind {
    fn from(failure: Failure) -> Self {
        match failure.fault() {
            Fault::Transient => Self::Trouble(Trouble::Other(failure)),
            _ => Self::Failed(failure),
        }
    }
}

impl Step {
    /// Does all that a change asks for. A row whose work is done is gone then; one that
    /// failed or waits is still there.
    pub(super) async fn work(&self, key: &FeedKey) -> Result<Outcome, Trouble> {
        let store = &self.sync.shared.store;
        for _ in 0..TRIES {
            let Some(row) = store.feed().get(self.route.id, key).await? else {
                return Ok(Outcome::Unchanged);
            };
            let done = match Half::of(&self.route, key) {
                Some(half) => self.once(half, &row).await,
                None => self.settled(&row, |_| ()).await.map(|()| Outcome::Unchanged),
            };
            match done {
                Err(Trouble::Store(store::Error::Expectation)) => {}
                Ok(Outcome::Unchanged)
                    if store.feed().get(self.route.id, key).await?.as_ref() == Some(&row) => {}
                done => return done,
            }
        }
        let words = "the record, or its counterpart, changes all the time";
        Ok(Outcome::Failed(Failure::new(Class::Conflict, "route.busy", words)))
    }

    async fn once(&self, half: Half<'_>, row: &FeedRow) -> Result<Outcome, Trouble> {
        let view = match self.view(half, &row.key.key).await {
            Ok(view) => view,
            Err(Blind::Waits(failure)) => return Ok(Outcome::Waits(failure)),
            Err(Blind::Failed(failure)) => return Ok(Outcome::Failed(failure)),
            Err(Blind::Trouble(trouble)) => return Err(trouble),
        };
        self.carry_out(half, row, &view).await
    }

    /// What is to be done about a record. Reads only.
    pub(super) async fn view(&self, half: Half<'_>, key: &RecordKey) -> Result<View, Blind> {
        let record = self.record(half.source(), key).await?;
        let link = self.link(half, key).await?;
        let mapped = match &record {
            Some(record) => self.filters.run(half.way, value(&record.payload)).await?,
            None => None,
        };
        let (target_key, target) = self.target(half, key, link.as_ref()).await?;
        let target_changed = half.route.is_two_way() && self.changed(half.target(), &target_key).await?;
        let Decision { plan, conflicts } = desk::decide(&Case {
            half,
            record: record.as_ref(),
            mapped: mapped.as_ref(),
            link: link.as_ref(),
            target: target.as_ref(),
            target_changed,
        });
        let parent = match (&plan, &target, &record) {
            (Plan::Write { .. }, None, Some(record)) => self.parent(half, record).await?,
            _ => None,
        };
        Ok(View { mapped, link, target_key, target, parent, plan, conflicts })
    }

    async fn parent(&self, half: Half<'_>, record: &Record) -> Result<Option<RecordKey>, Blind> {
        match parents::find(&self.sync, &self.routes, half, record).await? {
            Parent::Nobody => Ok(None),
            Parent::Is(key) => Ok(Some(key)),
            Parent::Waits(failure) => Err(Blind::Waits(failure)),
        }
    }

    async fn record(&self, end: &RouteEnd, key: &RecordKey) -> store::Result<Option<Record>> {
        self.sync.shared.store.records().get(end.channel, &end.connector, key).await
    }

    async fn link(&self, half: Half<'_>, key: &RecordKey) -> store::Result<Option<KeptLink>> {
        parents::link(&self.sync.shared.store, half, key).await
    }

    async fn changed(&self, end: &RouteEnd, key: &RecordKey) -> store::Result<bool> {
        let RouteEnd { channel, connector } = end.clone();
        let key = FeedKey { channel, connector, key: key.clone() };
        Ok(self.sync.shared.store.feed().get(self.route.id, &key).await?.is_some())
    }

    /// The counterpart. A record that an earlier route of this name made is found again.
    async fn target(
        &self,
        half: Half<'_>,
        key: &RecordKey,
        link: Option<&KeptLink>,
    ) -> store::Result<(RecordKey, Option<Record>)> {
        if let Some(link) = link {
            let key = half.target_key(link).clone();
            let record = self.record(half.target(), &key).await?;
            return Ok((key, record));
        }
        if let Some(first) = half.unmade_key(key)
            && let Some(record) = self.record(half.target(), &first).await?
        {
            return Ok((first, Some(record)));
        }
        let key = half.made_key(key);
        let record = self.record(half.target(), &key).await?;
        Ok((key, record))
    }

    async fn carry_out(&self, half: Half<'_>, row: &FeedRow, view: &View) -> Result<Outcome, Trouble> {
        let (id, unchanged) = (self.route.id, Outcome::Unchanged);
        match (&view.plan, &view.link) {
            (Plan::Write { payload, fields, .. }, _) => self.write(half, row, view, payload, fields).await,
            (Plan::Delete, Some(link)) => self.delete(half, row, view, link).await,
            (Plan::LeftOut, _) => self.settled(row, |_| ()).await.map(|()| Outcome::LeftOut),
            (Plan::Note(noted), Some(link)) => {
                let with = |batch: &mut Batch| {
                    batch.note_route_link(id, link, noted);
                    self.note_conflict(batch, half, view);
                };
                self.settled(row, with).await.map(|()| unchanged)
            }
            (Plan::Link, _) => {
                let (from, link) = self.linked(half, &row.key.key, view).await?;
                let with = |batch: &mut Batch| {
                    batch.link_route(id, &from, &link);
                    self.note_conflict(batch, half, view);
                };
                self.settled(row, with).await.map(|()| unchanged)
            }
            (Plan::Unlink, Some(link)) => {
                self.settled(row, |batch| batch.unlink_route(id, link)).await.map(|()| unchanged)
            }
            (Plan::Relink, Some(link)) => {
                let mut batch = Batch::new();
                batch.expect_feed(id, row);
                batch.unlink_route(id, link);
                self.sync.shared.store.commit(batch).await?;
                Ok(unchanged)
            }
            _ => self.settled(row, |_| ()).await.map(|()| unchanged),
        }
    }

    async fn write(
        &self,
        half: Half<'_>,
        row: &FeedRow,
        view: &View,
        payload: &Value,
        fields: &[String],
    ) -> Result<Outcome, Trouble> {
        let (id, outcome) = match view.target {
            Some(_) => (self.route.id, Outcome::Updated),
            None => (self.route.id, Outcome::Created),
        };
        if view.target.is_some()
            && let Some(failure) = self.bounces(half, row, view, fields).await?
        {
            return Ok(Outcome::Held(failure));
        }
        let what = What::Put { payload: payload.clone(), parent: view.parent.clone() };
        match (&view.plan, &view.link) {
            (Plan::Write { link: Some(noted), .. }, Some(link)) => {
                let noted = &self.moved(half, noted, view.target.as_ref(), payload).await?;
                let with = |batch: &mut Batch| batch.note_route_link(id, link, noted);
                self.wrote(half, row, view, what, outcome, &with).await
            }
            _ => {
                let (from, link) = self.linked(half, &row.key.key, view).await?;
                let with = |batch: &mut Batch| batch.link_route(id, &from, &link);
                self.wrote(half, row, view, what, outcome, &with).await
            }
        }
    }

    async fn delete(
        &self,
        half: Half<'_>,
        row: &FeedRow,
        view: &View,
        link: &KeptLink,
    ) -> Result<Outcome, Trouble> {
        let with = |batch: &mut Batch| batch.unlink_route(self.route.id, link);
        self.wrote(half, row, view, What::Delete, Outcome::Deleted, &with).await
    }

    /// Writes the target record, and all else in the same commit.
    async fn wrote(
        &self,
        half: Half<'_>,
        row: &FeedRow,
        view: &View,
        what: What,
        outcome: Outcome,
        with: &(dyn Fn(&mut Batch) + Send + std::marker::Sync),
    ) -> Result<Outcome, Trouble> {
        let end = half.target();
        let Some(channel) = self.names.get(&end.channel).cloned() else {
            let words = "the channel that the route goes to is deleted";
            return Ok(Outcome::Failed(Failure::new(Class::Config, "route.channel", words)));
        };
        let edit = Edit {
            channel,
            connector: end.connector.clone(),
            key: view.target_key.clone(),
            author: Author::Route(self.route.name.to_string()),
            what,
        };
        let all = |batch: &mut Batch| {
            batch.expect_record(end.channel, &end.connector, &view.target_key, view.target.as_ref());
            self.settle(batch, row);
            self.note_conflict(batch, half, view);
            with(batch);
        };
        match self.sync.local().write_with(edit, &all).await {
            // It was just so, and the rest was not written with it.
            Ok(written) if written.kind.is_none() => Err(store::Error::Expectation.into()),
            Ok(_) => Ok(outcome),
            Err(Refusal::Store(error)) => Err(error.into()),
            Err(refusal) => refused(&refusal),
        }
    }

    async fn settled(&self, row: &FeedRow, with: impl FnOnce(&mut Batch)) -> Result<(), Trouble> {
        let mut batch = Batch::new();
        self.settle(&mut batch, row);
        with(&mut batch);
        Ok(self.sync.shared.store.commit(batch).await?)
    }

    /// Both values of what was changed at both ends, kept with the target record.
    fn note_conflict(&self, batch: &mut Batch, half: Half<'_>, view: &View) {
        if view.conflicts.is_empty() {
            return;
        }
        let conflict = Conflict {
            id: ConflictId::new(),
            key: view.target_key.clone(),
            at: self.sync.shared.clock.now(),
            run: None,
            route: Some(self.route.name.clone()),
            fields: view.conflicts.clone(),
            held: false,
            settled: None,
        };
        batch.put_conflict(half.target().channel, &half.target().connector, &conflict);
    }

    /// The change is dealt with, and so is what failed of it before.
    fn settle(&self, batch: &mut Batch, row: &FeedRow) {
        batch.settle_feed(self.route.id, row);
        batch.remove_route_tries(self.route.id, &row.key);
        batch.remove_failed_route(self.route.id, &row.key);
    }
}

/// A refusal is about the record, or about the whole channel.
fn refused(refusal: &Refusal) -> Result<Outcome, Trouble> {
    let (class, code) = match refusal {
        Refusal::Channels(_) | Refusal::Sync(_) => {
            let class = if refusal.fault() == Fault::Transient { Class::Transient } else { Class::Config };
            return Err(Trouble::Other(Failure::new(class, "route.channel", refusal.to_string())));
        }
        Refusal::Unfit { .. } | Refusal::TooLong { .. } => (Class::InvalidData, "route.unfit"),
        _ => (Class::Config, "route.not-writable"),
    };
    Ok(Outcome::Failed(Failure::new(class, code, refusal.to_string())))
}
