//! One run that carries local changes out: page by page, until none is left that can go.
//!
//! The *reader* takes rows of the outbox and finds out which can go, the *processor* makes
//! them into changes as the remote system is to see them, the *writer* notes the intent,
//! and settles the answers. Nothing here decides who runs when.

mod elsewhere;
mod form;
mod judge;
mod processor;
mod reader;
mod writer;

pub(super) use elsewhere::waits_for_another;

use super::{
    Config, history::store_failure, import::Stop, policy, progress::Progress, subscribers::Subscribers,
    turns::Turn,
};
use crate::{
    clock::Clock,
    metrics,
    model::{Acknowledgement, Change, Channel, Class, Connector, Failure, Status},
    sandbox::Outcome,
    store::{self, Lease, Store},
};
use form::Form;
use futures_util::future::BoxFuture;
use processor::Parcel;
use reader::Reader;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use writer::Writer;

/// The most changes of one step; a promise of the contract.
const PAGE: usize = 100;

/// Where changes go: a plugin, or a script in tests.
pub(in crate::sync) trait Sink: Send + Sync + 'static {
    /// One step. Ends soon after the token; may also be dropped.
    fn push(
        &self,
        changes: Vec<Change>,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Outcome<Vec<Acknowledgement>>>;

    /// Is told when what it answered is in the store.
    fn landed(&self) {}
}

/// What a run needs.
pub(super) struct Export<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) config: &'a Config,
    pub(super) channel: &'a Channel,
    pub(super) connector: &'a Connector,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) progress: &'a Progress,
    /// What every batch expects to be held.
    pub(super) lease: &'a Lease,
    /// The place among the channels that sync.
    pub(super) turn: &'a Turn,
    /// Who wants to know which records change.
    pub(super) subscribers: &'a Subscribers,
}

impl Export<'_> {
    /// Exports all that can go now. To stop it, cancel the run's token: what is under way
    /// is waited for, for as long as a step may take to end.
    ///
    /// # Errors
    /// Why it ended before.
    pub(super) async fn run(&self) -> Result<(), Stop> {
        let _running = metrics::Running::begin();
        self.begin().await.map_err(broken)?;
        let form = Form::of(self.config, self.channel, &self.connector.id).await.map_err(Stop::Failed)?;
        let mut reader = Reader::new(self, form.clone());
        let mut writer = Writer::open(self);
        while let Some(rows) = reader.next().await? {
            let page = processor::pack(rows, self);
            writer.set_aside(page.spoiled).await.map_err(broken)?;
            let parcels = writer.intend(page.parcels).await.map_err(broken)?;
            if !parcels.is_empty() {
                self.send(parcels, &form, &mut writer).await?;
            }
            writer.turn().await.map_err(broken)?;
            self.border().await?;
        }
        Ok(())
    }

    async fn begin(&self) -> store::Result<()> {
        let mut run = self.progress.snapshot();
        run.status = Status::Running;
        let goes_on = run.started.is_some();
        run.started.get_or_insert_with(|| self.clock.now());
        run.begun = true;
        tracing::info!(trigger = ?run.trigger, goes_on, "export started");
        let mut batch = store::Batch::default();
        batch.expect_lease(self.lease);
        batch.put_run(&run);
        self.store.commit(batch).await?;
        self.progress.show(run);
        Ok(())
    }

    /// One step, and what came of each change.
    async fn send(&self, parcels: Vec<Parcel>, form: &Form, writer: &mut Writer<'_>) -> Result<(), Stop> {
        let changes = parcels.iter().map(|parcel| parcel.change.clone()).collect();
        let step = self.sink.push(changes, self.progress.token().clone());
        let Ok(outcome) = tokio::time::timeout(self.config.page_deadline.0, step).await else {
            return Err(Stop::Failed(overdue()));
        };
        self.progress.spend(&outcome.usage);
        match outcome.result {
            Ok(answers) => {
                let answers = form.inward(answers).await.map_err(Stop::Failed)?;
                writer.settle(parcels, answers).await.map_err(broken)?;
                self.sink.landed();
                Ok(())
            }
            Err(failure) => {
                let told = self.progress.token().is_cancelled();
                let blame = (!told && policy::blames_changes(&failure)).then_some(&failure);
                // Where nothing left the host, nothing has to be looked for.
                let was_sent = outcome.usage.sent > 0;
                writer.fail(parcels, was_sent, blame).await.map_err(broken)?;
                Err(if told { Stop::Told } else { Stop::Failed(failure) })
            }
        }
    }

    /// Gives way to other channels, where it is their turn.
    async fn border(&self) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = self.progress.token().cancelled() => Err(Stop::Told),
            () = self.turn.border(self.clock.now()) => Ok(()),
        }
    }
}

/// What a batch expects that is not made anew is the lease.
fn broken(error: store::Error) -> Stop {
    match error {
        store::Error::Expectation => Stop::Lost,
        error => Stop::Failed(store_failure(&error)),
    }
}

fn overdue() -> Failure {
    let message = "a step of the exporter did not come to an end within [sync] page-deadline; what was sent is \
                   looked for before it is sent again";
    Failure::new(Class::Limit, "run.page-deadline", message)
}
