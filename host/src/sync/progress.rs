//! One run as it stands, for everybody who looks on.
//!
//! It shows; what counts after a restart is the row in the store.

use crate::model::{Name, Run, RunId, Usage};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
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
}

impl Progress {
    /// `token` ends the run, also when its parent does.
    pub(super) fn new(run: Run, token: CancellationToken) -> Self {
        let (id, connector) = (run.id, run.connector.clone());
        let (asked, rested) = (AtomicBool::new(false), CancellationToken::new());
        Self { view: watch::Sender::new(run), id, connector, token, asked, rested }
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
        self.view.send_replace(run);
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
