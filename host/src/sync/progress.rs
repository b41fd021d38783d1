//! One run as it stands, for everybody who looks on.
//!
//! It shows; what counts after a restart is the row in the store.

mod speed;

use super::log::RunLog;
use crate::model::{Name, Run, RunId, Status, Usage};
use speed::Speed;
use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// The live view of a run, and the way to end it.
pub(super) struct Progress {
    view: watch::Sender<Run>,
    id: RunId,
    connector: Name,
    token: CancellationToken,
    asked: AtomicBool,
    /// Nobody works on it any more, whether it has ended or is put off.
    rested: CancellationToken,
    log: OnceLock<Arc<RunLog>>,
    speed: Mutex<Speed>,
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Records read a second, over about the last ten seconds.
    pub rate: f64,
    /// How long it takes to read what is left, at that rate; none where nobody knows how
    /// much there is.
    pub left_ms: Option<u64>,
}

impl Pace {
    fn new(rate: f64, run: &Run) -> Self {
        let left = run.total.and_then(|total| total.checked_sub(run.counters.read)).filter(|left| *left > 0);
        // Less than a record in 20 s is a standstill, and no one can tell how long it takes.
        let left_ms = left.filter(|_| rate >= 0.05).map(|left| (left as f64 * 1_000.0 / rate) as u64);
        Self { rate, left_ms }
    }
}

impl Progress {
    /// `token` ends the run, also when its parent does.
    pub(super) fn new(run: Run, token: CancellationToken) -> Self {
        let (id, connector) = (run.id, run.connector.clone());
        Self {
            view: watch::Sender::new(run),
            id,
            connector,
            token,
            asked: AtomicBool::new(false),
            rested: CancellationToken::new(),
            log: OnceLock::new(),
            speed: Mutex::default(),
        }
    }

    pub(super) fn id(&self) -> RunId {
        self.id
    }

    pub(super) fn connector(&self) -> &Name {
        &self.connector
    }

    /// The run now.
    pub(super) fn snapshot(&self) -> Run {
        self.view.borrow().clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.view.borrow().status.has_ended()
    }

    /// Shows `run`, once it is stored.
    pub(super) fn show(&self, run: Run) {
        if run.status == Status::Running {
            let mut speed = self.speed.lock().unwrap_or_else(PoisonError::into_inner);
            speed.note(Instant::now(), run.counters.read);
        }
        self.view.send_replace(run);
    }

    /// How fast it goes, while it does.
    pub(super) fn pace(&self) -> Option<Pace> {
        let run = self.view.borrow();
        if run.status != Status::Running {
            return None;
        }
        let rate = self.speed.lock().unwrap_or_else(PoisonError::into_inner).rate(Instant::now())?;
        Some(Pace::new(rate, &run))
    }

    /// The run's log, once it is open.
    pub(super) fn log(&self) -> Option<&Arc<RunLog>> {
        self.log.get()
    }

    /// Keeps the log open for as long as the run is shown. Only the first call counts.
    pub(super) fn keep_log(&self, log: Arc<RunLog>) {
        // A run that goes on in the same process goes on with the same log.
        let _ = self.log.set(log);
    }

    /// Adds what a step used, whatever became of its page.
    pub(super) fn spend(&self, usage: &Usage) {
        self.view.send_modify(|run| run.usage.add(usage));
    }

    /// Counts a try that brought no page.
    pub(super) fn count_try(&self) {
        self.view.send_modify(|run| run.tries = run.tries.saturating_add(1));
    }

    /// A view that tells of every change.
    pub(super) fn follow(&self) -> watch::Receiver<Run> {
        self.view.subscribe()
    }

    /// Tells that nobody works on it any more.
    pub(super) fn rest(&self) {
        self.rested.cancel();
    }

    /// Returns when nobody works on it any more. Cancel safe.
    pub(super) async fn rested(&self) {
        self.rested.cancelled().await;
    }

    /// Asks the run to end; false where it has ended.
    pub(super) fn cancel(&self) -> bool {
        if self.has_ended() || self.rested.is_cancelled() {
            return false;
        }
        self.asked.store(true, Ordering::SeqCst);
        self.token.cancel();
        true
    }

    /// What ends the run: somebody asked, or the host is stopping.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Whether somebody asked for the end, rather than the host stopping.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}
