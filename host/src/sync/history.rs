//! The rows of runs: queued, closed, and closed afterwards for a host that was
//! killed.
//!
//! It keeps no cursor: nothing of it is needed to go on.

use super::{Error, progress::Progress};
use crate::{
    clock::Clock,
    model::{Class, Failure, Fault, JobId, Run, Status},
    store::{self, Batch, Store},
};
use std::time::Duration;

/// Tries to write a row that ends a run, and the pause after the first; each
/// further pause is twice as long. Together about 6 s: longer than a hiccup of
/// a disk, short enough for a stop.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Rows to look at in one go.
const PAGE: usize = 200;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    /// There is nothing more to read now.
    Done,
    /// Its token ended it: somebody asked, or the host is stopping.
    Stopped,
    /// Taken back before it began, for a reason of its own.
    Cancelled(Failure),
    /// Not begun because of another run.
    Skipped(Failure),
    /// It cannot go on.
    Failed(Failure),
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

    /// Puts the runs of a job on record, all or none.
    pub(super) async fn queue(&self, runs: &[Run]) -> store::Result<()> {
        self.store.commit(rows(runs)).await
    }

    /// Writes and shows the end of a run, and says so in the log. A run that
    /// has ended already, with its last page, is only logged.
    pub(super) async fn close(&self, progress: &Progress, ending: Ending) {
        let mut run = progress.snapshot();
        if !run.status.has_ended() {
            end(&mut run, ending, progress.was_asked());
            run.ended = Some(self.clock.now());
            self.write(std::slice::from_ref(&run)).await;
            progress.show(run.clone());
        }
        log(&run);
    }

    /// Marks the runs that a killed host left behind. Nothing is lost with
    /// them: what they committed, and where they stood, is in the store.
    pub(super) async fn close_interrupted(&self) {
        let mut runs = match self.store.runs().live().await {
            Ok(runs) => runs,
            Err(error) => {
                tracing::error!(error = chain(&error), "runs that were left over cannot be read");
                return;
            }
        };
        for run in &mut runs {
            run.status = Status::Failed;
            run.ended = Some(self.clock.now());
            run.error = Some(Failure::new(
                Class::Transient,
                "run.interrupted",
                "the host stopped during this run; the next sync goes on from the last committed page",
            ));
            tracing::warn!(run.id = %run.id, connector = %run.connector, "a run was interrupted");
        }
        if !runs.is_empty() {
            self.write(&runs).await;
        }
    }

    /// The runs of a job, in the order in which they went. A job's id is made
    /// before those of its runs and sorts before them, so that the search ends
    /// at the first run that is older.
    pub(super) async fn of_job(&self, job: JobId) -> Result<Vec<Run>, Error> {
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let page = self.store.runs().list(None, before, PAGE).await?;
            before = page.last().map(|run| run.id);
            let more = page.len() == PAGE;
            let past = before.is_none_or(|id| id.to_bytes() < job.to_bytes());
            found.extend(page.into_iter().filter(|run| run.job == job));
            if past || !more {
                found.reverse();
                return Ok(found);
            }
        }
    }

    /// Writes rows that must not get lost; the last failure is logged.
    async fn write(&self, runs: &[Run]) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            let Err(error) = self.store.commit(rows(runs)).await else {
                return;
            };
            if attempt == TRIES {
                tracing::error!(error = chain(&error), "the end of a run cannot be written");
                return;
            }
            tracing::warn!(error = chain(&error), attempt, "the end of a run cannot be written yet");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
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

fn rows(runs: &[Run]) -> Batch {
    let mut batch = Batch::default();
    for run in runs {
        batch.put_run(run);
    }
    batch
}

fn end(run: &mut Run, ending: Ending, asked: bool) {
    (run.status, run.error) = match ending {
        Ending::Done => (done(run.counters.quarantined), None),
        Ending::Stopped => (Status::Cancelled, Some(stopped(run, asked))),
        Ending::Cancelled(failure) => (Status::Cancelled, Some(failure)),
        Ending::Skipped(failure) => (Status::Skipped, Some(failure)),
        Ending::Failed(failure) => (Status::Failed, Some(failure)),
    };
}

fn stopped(run: &Run, asked: bool) -> Failure {
    let (code, who) = if asked {
        ("run.cancelled", "somebody cancelled this run")
    } else {
        ("run.stopped", "the host was stopped")
    };
    let then = match run.started {
        Some(_) => "; the next sync goes on from the last committed page",
        None => " before it began",
    };
    Failure::new(Class::Transient, code, format!("{who}{then}"))
}

/// The error with its causes, for a log line.
fn chain(error: &store::Error) -> &(dyn std::error::Error + 'static) {
    error
}

fn log(run: &Run) {
    let counters = &run.counters;
    let error = run.error.as_ref().map(tracing::field::display);
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
                "run ended"
            )
        };
    }
    match run.error.as_ref().map(Failure::fault) {
        Some(Fault::Transient) if run.status != Status::Cancelled => emit!(warn),
        Some(_) if run.status == Status::Failed => emit!(error),
        _ => emit!(info),
    }
}
