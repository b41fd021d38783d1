//! A dry run: what a sync would change, told record by record.
//!
//! It writes nothing: no run, no cursor, no due key, no entry in quarantine. It
//! holds no lease and may go beside a run, because it only reads; and it lets no
//! request leave that does more than read. It is pulled: nothing happens while
//! nobody asks for the next event, and dropping it ends the step under way.

mod diff;

pub(super) use diff::of_payloads;

use super::{
    Error, Request, Sync, import,
    import::{Changed, Trial, TrialParts, Tried, Waiting},
    job,
    opener::{Ready, SourceAsk},
    runner::Shared,
};
use crate::model::{Asked, Class, Connector, Counters, Direction, Failure, Name, Status, Usage, Vanished};
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What a dry run tells.
#[derive(Debug)]
pub enum Event {
    /// What would become of one record.
    Change(Change),
    /// How far a connector is, after each of its pages.
    Progress(Outcome),
    /// The end: every connector, in the order in which they went.
    Summary(Vec<Outcome>),
}

/// What would become of a record.
#[derive(Debug)]
pub struct Change {
    /// The connector.
    pub connector: Name,
    /// The record's key; for quarantine maybe something else that finds it again.
    pub key: String,
    /// What would happen to it.
    pub kind: Kind,
    /// What differs in the payload, at most 50 places.
    pub fields: Vec<Field>,
    /// What the fields do not show.
    pub note: Option<String>,
    /// Why it would go to quarantine.
    pub reason: Option<Failure>,
}

/// What would happen to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is not here yet.
    Added,
    /// It is here in another version.
    Updated,
    /// It is here, and gone remotely.
    Deleted,
    /// It cannot be kept; what is here under its key stays.
    Quarantined,
    /// It is here, and a full sync would not find it any more; what the channel does with it.
    Vanished(Vanished),
}

/// A place in which two payloads differ. A long value is the beginning of its text.
#[derive(Debug)]
pub struct Field {
    /// JSON Pointer (RFC 6901); empty for the whole payload.
    pub pointer: String,
    /// The value here; none where there is none.
    pub before: Option<Box<RawValue>>,
    /// The remote value; none where there is none.
    pub after: Option<Box<RawValue>>,
}

/// How a connector did, or does. `E` is how a failure is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome<E = Failure> {
    /// The connector.
    pub connector: Name,
    /// As a run's status: `running`, then how it ended.
    pub status: Status,
    /// Pages that were read.
    pub pages: u64,
    /// What would become of the records; all of them, shown or not.
    pub counters: Counters,
    /// What a sync would do with records that it does not find any more; none where it
    /// would not look for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vanished: Option<Vanished>,
    /// Changes that were told.
    pub shown: u64,
    /// Number of records that the remote system says there are.
    pub total: Option<u64>,
    /// What its steps used.
    pub usage: Usage,
    /// Why it failed or was skipped, or what a sync would remark.
    pub error: Option<E>,
    /// Where the result is less exact than a run's.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl<E> Outcome<E> {
    /// The same with its failure told in another form.
    pub fn map_error<T>(self, tell: impl FnOnce(E) -> T) -> Outcome<T> {
        let Self { connector, status, pages, counters, vanished, shown, total, usage, error, notes } = self;
        let error = error.map(tell);
        Outcome { connector, status, pages, counters, vanished, shown, total, usage, error, notes }
    }
}

/// A dry run under way.
pub struct Rehearsal {
    shared: Arc<Shared>,
    ready: Ready,
    full: bool,
    shown: u64,
    plan: VecDeque<Connector>,
    current: Option<(Trial, Outcome)>,
    done: Vec<Outcome>,
    /// Due keys for connectors that are still to come.
    asked: HashMap<Name, Waiting>,
    pending: VecDeque<Event>,
    is_over: bool,
    stop: CancellationToken,
    /// Ends the step under way when the rehearsal goes.
    _ends: DropGuard,
}

impl Sync {
    /// Begins a dry run of what `request` asks for. Of each connector at most
    /// `shown` changes are told; all are counted. It ends early with `stop`.
    ///
    /// # Errors
    /// As for a request, but that a job that is going on is not in the way.
    pub async fn rehearse(
        &self,
        request: &Request,
        shown: u64,
        stop: &CancellationToken,
    ) -> Result<Rehearsal, Error> {
        let ready = self.shared.opener.open(&request.channel).await?;
        let Request { connectors, full, record, trigger, .. } = request.clone();
        let asked = Asked { connectors, full, record, trigger };
        let plan = job::plan(&ready, Direction::Import, &asked)?;
        let stop = stop.child_token();
        tracing::info!(channel.name = %ready.channel.name, full = request.full, "dry run started");
        Ok(Rehearsal {
            shared: Arc::clone(&self.shared),
            ready,
            full: request.full,
            shown,
            plan: plan.into(),
            current: None,
            done: Vec::new(),
            asked: HashMap::new(),
            pending: VecDeque::new(),
            is_over: false,
            _ends: stop.clone().drop_guard(),
            stop,
        })
    }
}

impl Rehearsal {
    /// The next event; none after the summary.
    ///
    /// # Cancel safety
    /// Dropped early it loses a page: ask no further then.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            match self.current.take() {
                Some((trial, outcome)) => self.page(trial, outcome).await,
                None => self.begin().await,
            }
        }
    }

    /// Takes up the next connector, or comes to the end.
    async fn begin(&mut self) {
        let Some(connector) = self.plan.pop_front() else {
            self.is_over = true;
            self.pending.push_back(Event::Summary(std::mem::take(&mut self.done)));
            return;
        };
        let outcome = Outcome::of(&connector);
        if self.stop.is_cancelled() {
            return self.end(outcome, Status::Cancelled, Some(Failure::cancelled()));
        }
        if let Some(reason) = self.obstacle(&connector) {
            return self.end(outcome, Status::Skipped, Some(reason));
        }
        match Trial::open(self.parts(connector)).await {
            Ok(trial) => self.current = Some((trial, outcome)),
            Err(failure) => self.end(outcome, Status::Failed, Some(failure)),
        }
    }

    fn parts(&mut self, connector: Connector) -> TrialParts {
        let ask = SourceAsk { connector: &connector.id, run: None, read_only: true, record: false };
        TrialParts {
            store: self.shared.store.clone(),
            config: self.shared.config.clone(),
            channel: self.ready.channel.clone(),
            channel_type: Arc::clone(&self.ready.channel_type),
            full: self.full,
            source: self.ready.sources.source(ask),
            now: self.shared.clock.now(),
            asked: self.asked.remove(&connector.id).unwrap_or_default(),
            cancel: self.stop.clone(),
            connector,
        }
    }

    /// As for runs: what a connector needs must have gone well.
    fn obstacle(&self, connector: &Connector) -> Option<Failure> {
        let needed = |outcome: &&Outcome| connector.depends_on.contains(&outcome.connector);
        let ended_badly =
            |outcome: &&Outcome| !matches!(outcome.status, Status::Completed | Status::CompletedWithWarnings);
        let outcome = self.done.iter().filter(needed).find(ended_badly)?;
        let class = outcome.error.as_ref().map_or(Class::Transient, |error| error.class);
        let message = format!(
            "connector '{}' ended as {}, and this one needs it to have run well",
            outcome.connector, outcome.status
        );
        Some(Failure::new(class, "run.dependency", message))
    }

    async fn page(&mut self, mut trial: Trial, mut outcome: Outcome) {
        let tried = AssertUnwindSafe(trial.page()).catch_unwind().await;
        let tried = tried.unwrap_or_else(|_panic| Err(import::trial_panicked()));
        outcome.usage = trial.usage();
        outcome.notes = trial.shortcomings();
        outcome.vanished = trial.vanished();
        let remark = trial.remark().cloned();
        match tried {
            Ok(Some(tried)) => {
                self.tell(tried, &mut outcome).await;
                self.current = Some((trial, outcome));
            }
            Ok(None) if remark.is_some() || outcome.counters.quarantined > 0 => {
                self.end(outcome, Status::CompletedWithWarnings, remark);
            }
            Ok(None) => self.end(outcome, Status::Completed, None),
            Err(failure) if self.stop.is_cancelled() => self.end(outcome, Status::Cancelled, Some(failure)),
            Err(failure) => self.end(outcome, Status::Failed, Some(failure)),
        }
    }

    async fn tell(&mut self, tried: Tried, outcome: &mut Outcome) {
        let Tried { pages, counters, mut changed, asked, total } = tried;
        for (connector, keys) in asked {
            self.asked.entry(connector).or_default().ask(keys);
        }
        outcome.pages += pages;
        outcome.counters.add(&counters);
        outcome.total = total.or(outcome.total);
        let room = self.shown.saturating_sub(outcome.shown);
        changed.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        outcome.shown += changed.len() as u64;
        let connector = outcome.connector.clone();
        // Comparing a page of large payloads takes a while.
        let work = move || changed.into_iter().map(|one| change(&connector, one)).collect::<Vec<_>>();
        match tokio::task::spawn_blocking(work).await {
            Ok(changes) => self.pending.extend(changes.into_iter().map(Event::Change)),
            Err(error) => tracing::error!(%error, "changes of a dry run cannot be shown"),
        }
        self.pending.push_back(Event::Progress(outcome.clone()));
    }

    fn end(&mut self, mut outcome: Outcome, status: Status, error: Option<Failure>) {
        (outcome.status, outcome.error) = (status, error);
        self.done.push(outcome);
    }
}

impl Outcome {
    fn of(connector: &Connector) -> Self {
        Self {
            connector: connector.id.clone(),
            status: Status::Running,
            pages: 0,
            counters: Counters::default(),
            vanished: None,
            shown: 0,
            total: None,
            usage: Usage::default(),
            error: None,
            notes: Vec::new(),
        }
    }
}

fn change(connector: &Name, changed: Changed) -> Change {
    let Changed { key, before, after, reason, vanished } = changed;
    let kind = match (vanished, &reason, &before, &after) {
        (Some(policy), ..) => Kind::Vanished(policy),
        (None, Some(_), ..) => Kind::Quarantined,
        (None, None, None, _) => Kind::Added,
        (None, None, Some(_), Some(_)) => Kind::Updated,
        (None, None, Some(_), None) => Kind::Deleted,
    };
    let (fields, note) = diff::differences(before.as_ref(), after.as_ref());
    Change { connector: connector.clone(), key, kind, fields, note, reason }
}
