//! The rows of runs: how each of them ended, or why it is put off.
//!
//! It keeps no cursor: nothing of it is needed to go on.

use super::{log::RunLog, progress::Progress};
use crate::{
    clock::Clock,
    model::{Class, Deferred, Direction, Failure, Fault, Run, Status},
    store::{self, Batch, Lease, Store},
};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Tries to write a row that ends a run, and the pause after the first; each
/// further pause is twice as long. Together about 6 s: longer than a hiccup of
/// a disk, short enough for a stop.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// How the work on a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    /// There is nothing more to read now.
    Done,
    /// Taken back.
    Cancelled(Failure),
    /// Not begun because of another run, or of the channel.
    Skipped(Failure),
    /// It cannot go on.
    Failed(Failure),
    /// It goes on later.
    Deferred(Deferred),
    /// It goes on as soon as somebody works on its job again.
    Back,
    /// The lease is somebody else's: so is the run, and nothing of it is written here.
    Lost,
}

/// The way to the table of runs.
pub(super) struct History {
    store: Store,
    clock: Clock,
}

impl History {
    pub(super) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Writes and shows what became of a run, and says so in the log. A run that
    /// has ended already, with its last page, is only logged. False where the lease
    /// is lost.
    pub(super) async fn close(&self, lease: &Lease, progress: &Progress, ending: Ending) -> bool {
        let mut run = progress.snapshot();
        if ending == Ending::Lost {
            return false;
        }
        if !run.status.has_ended() {
            end(&mut run, ending);
            if run.status.has_ended() {
                run.ended = Some(self.clock.now());
            }
            let batch = || {
                let mut batch = Batch::new();
                batch.expect_lease(lease);
                batch.put_run(&run);
                batch
            };
            if run.status.has_ended() {
                progress.log().inspect(|log| log.close(&run));
            }
            if !self.write(&batch, progress.log()).await {
                return false;
            }
            progress.show(run.clone());
        }
        log(&run);
        true
    }

    /// Marks runs that belong to no job: the host that they were left by did not keep
    /// any. Nothing is lost with them: what they committed, and where they stood, is in
    /// the store.
    pub(super) async fn close_orphans(&self) -> store::Result<()> {
        let live = self.store.runs().live().await?;
        if live.is_empty() {
            return Ok(());
        }
        let jobs = self.store.jobs().all().await?;
        let owned: HashSet<_> = jobs.iter().flat_map(|job| &job.runs).collect();
        let mut batch = Batch::new();
        // Calls have no jobs, and are put right by themselves.
        let is_orphan = |run: &Run| !owned.contains(&run.id) && run.direction != Direction::Call;
        for mut run in live.into_iter().filter(is_orphan) {
            let message =
                "the host stopped during this run; the next sync goes on from the last committed page";
            end(&mut run, Ending::Failed(Failure::new(Class::Transient, "run.interrupted", message)));
            run.ended = Some(self.clock.now());
            tracing::warn!(run.id = %run.id, connector = %run.connector, "a run was interrupted");
            batch.put_run(&run);
        }
        if batch.is_empty() { Ok(()) } else { self.store.commit(batch).await }
    }

    /// Writes what must not get lost, with what the log of the run has; the last failure is
    /// logged. False where the lease is lost.
    pub(super) async fn write(&self, batch: &(dyn Fn() -> Batch + Sync), log: Option<&Arc<RunLog>>) -> bool {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            let mut batch = batch();
            let logged = log.map(|log| (log, log.put_into(&mut batch)));
            match self.store.commit(batch).await {
                Ok(()) => {
                    logged.inspect(|(log, next)| log.landed(*next));
                    return true;
                }
                Err(store::Error::Expectation) => return false,
                Err(error) if attempt == TRIES => {
                    tracing::error!(error = chain(&error), "the end of a run cannot be written");
                }
                Err(error) => {
                    tracing::warn!(error = chain(&error), attempt, "the end of a run cannot be written yet");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        true
    }
}

/// Fits a failure of the store into a run's row.
pub(super) fn store_failure(error: &store::Error) -> Failure {
    let class = match error.fault() {
        Fault::Transient => Class::Transient,
        _ => Class::Internal,
    };
    let causes = std::iter::successors(Some(chain(error)), |error| error.source());
    let message = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Failure::new(class, "run.store", message)
}

/// The status of a run that came to its end.
pub(super) fn done(quarantined: u64) -> Status {
    if quarantined > 0 { Status::CompletedWithWarnings } else { Status::Completed }
}

/// Whether what depends on a run with this status may begin.
pub(super) fn went_well(status: Status) -> bool {
    matches!(status, Status::Completed | Status::CompletedWithWarnings)
}

/// What is said of a run that somebody took back.
pub(super) fn cancelled(run: &Run) -> Failure {
    let then = match run.started {
        Some(_) => "; the next sync goes on from the last committed page",
        None => " before it began",
    };
    Failure::new(Class::Transient, "run.cancelled", format!("somebody cancelled this run{then}"))
}

/// Sets what a run's row says of its end.
pub(super) fn end(run: &mut Run, ending: Ending) {
    run.deferred = None;
    (run.status, run.error) = match ending {
        Ending::Done => (done(run.counters.quarantined), None),
        Ending::Cancelled(failure) => (Status::Cancelled, Some(failure)),
        Ending::Skipped(failure) => (Status::Skipped, Some(failure)),
        Ending::Failed(failure) => (Status::Failed, Some(failure)),
        Ending::Deferred(deferred) => {
            run.deferred = Some(deferred);
            (Status::Deferred, None)
        }
        Ending::Back | Ending::Lost => (Status::Queued, None),
    };
}

/// The error with its causes, for a log line.
fn chain(error: &store::Error) -> &(dyn std::error::Error + 'static) {
    error
}

fn log(run: &Run) {
    let counters = &run.counters;
    let error = run.error.as_ref().map(tracing::field::display);
    if let Some(deferred) = &run.deferred {
        tracing::warn!(
            run.id = %run.id,
            connector = %run.connector,
            until = %deferred.until,
            tries = run.tries,
            reason = %deferred.reason,
            "run put off"
        );
        return;
    }
    macro_rules! emit {
        ($level:ident) => {
            tracing::$level!(
                run.id = %run.id,
                connector = %run.connector,
                status = run.status.as_str(),
                error,
                pages = run.pages,
                read = counters.read,
                added = counters.added,
                updated = counters.updated,
                unchanged = counters.unchanged,
                deleted = counters.deleted,
                quarantined = counters.quarantined,
                vanished = counters.vanished,
                "{}",
                if run.status.has_ended() { "run ended" } else { "run waits again" }
            )
        };
    }
    match run.error.as_ref().map(Failure::fault) {
        Some(Fault::Transient) if run.status != Status::Cancelled => emit!(warn),
        Some(_) if run.status == Status::Failed => emit!(error),
        _ => emit!(info),
    }
}
