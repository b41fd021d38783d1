//! The loop that looks at the folder, has files judged, and publishes what
//! came of it.
//!
//! It decides nothing about a file: that is the ledger's and the judge's part.

mod hints;

use self::hints::Hints;
use super::{
    Config, Judge, Standing,
    folder::{self, Look, Sighting},
    judge::Verdict,
    ledger::{Due, Ledger, Open, Ticket},
    registry::Snapshot,
};
use arc_swap::ArcSwap;
use futures_util::FutureExt;
use std::{collections::BTreeMap, io, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::{AbortHandle, JoinError, JoinSet},
    time::{Instant, sleep_until},
};

/// Files judged at the same time. A slow compile holds up no other file until so
/// many are slow; each of them may take a core and the compiler's memory.
const JUDGED_AT_ONCE: usize = 4;
/// The least time between two looks: a copy of a large file gives thousands of hints.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// How long a caller of `reload` waits for a file that never stands still.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the loop works with.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) folder: PathBuf,
    pub(super) judge: Judge,
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) asked: mpsc::Receiver<oneshot::Sender<()>>,
    pub(super) changed: watch::Sender<u64>,
}

/// The loop's state between two drives.
pub(super) struct Worker {
    parts: Parts,
    ledger: Ledger,
    judging: JoinSet<Judgement>,
    running: BTreeMap<String, (Ticket, AbortHandle)>,
    permits: Arc<Semaphore>,
    waiting: Vec<Waiting>,
    hints: Option<Hints>,
    last_look: Option<Instant>,
    next_look: Instant,
    unlisted: bool,
}

/// Somebody who asked for a reload.
struct Waiting {
    since: Instant,
    answer: oneshot::Sender<()>,
}

struct Judgement {
    name: String,
    ticket: Ticket,
    verdict: Verdict,
}

enum Event {
    Asked(oneshot::Sender<()>),
    Judged(Result<Judgement, JoinError>),
    Hint,
    Look,
}

impl Worker {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            ledger: Ledger::default(),
            judging: JoinSet::new(),
            running: BTreeMap::new(),
            permits: Arc::new(Semaphore::new(JUDGED_AT_ONCE)),
            waiting: Vec::new(),
            hints: None,
            last_look: None,
            next_look: Instant::now(),
            unlisted: false,
        }
    }

    /// Drives with the system's hints. Never returns.
    pub(super) async fn watch(&mut self) {
        self.hints = Hints::new(&self.parts.folder)
            .inspect_err(|error| {
                tracing::warn!(%error, "no hints about the plugins folder; it is looked at from time to time");
            })
            .ok();
        self.drive().await;
    }

    /// Works for ever. Cancel safe: what is begun goes on with the next drive.
    pub(super) async fn drive(&mut self) {
        loop {
            match self.event().await {
                Event::Asked(answer) => self.ask(answer),
                Event::Judged(judged) => self.judged(judged),
                Event::Hint => self.hurry(),
                Event::Look => self.look().await,
            }
            self.answer();
        }
    }

    /// Ends the judgements that are going on.
    pub(super) async fn halt(&mut self) {
        self.hints = None;
        self.judging.shutdown().await;
        self.running.clear();
        self.ledger.broken_off(Instant::now());
        self.publish();
    }

    /// Every branch is cancel safe: receivers and join sets keep what was not taken.
    async fn event(&mut self) -> Event {
        let hint = async {
            match &mut self.hints {
                Some(hints) => hints.next().await,
                None => std::future::pending().await,
            }
        };
        let look = match self.ledger.next_settled(self.parts.config.settle.0) {
            Some(settled) => {
                settled.min(self.next_look).max(self.last_look.map_or(settled, |last| last + BETWEEN_LOOKS))
            }
            None => self.next_look,
        };
        tokio::select! {
            Some(answer) = self.parts.asked.recv() => Event::Asked(answer),
            Some(judged) = self.judging.join_next() => Event::Judged(judged),
            Some(()) = hint => Event::Hint,
            () = sleep_until(look) => Event::Look,
        }
    }

    fn ask(&mut self, answer: oneshot::Sender<()>) {
        let now = Instant::now();
        self.waiting.push(Waiting { since: now, answer });
        self.ledger.retry();
        self.next_look = now;
    }

    fn hurry(&mut self) {
        let earliest = self.last_look.map_or_else(Instant::now, |last| last + BETWEEN_LOOKS);
        self.next_look = self.next_look.min(earliest);
    }

    async fn look(&mut self) {
        let now = Instant::now();
        let found = self.scan().await;
        self.last_look = Some(now);
        self.next_look = now + self.parts.config.rescan.0.max(BETWEEN_LOOKS);
        // A folder that cannot be listed for a moment is no reason to drop its plugins.
        let Some(found) = found else { return };
        for stale in self.ledger.look(found, now) {
            if let Some((_, task)) = self.running.remove(&stale) {
                task.abort();
            }
        }
        for due in self.ledger.settled(self.parts.config.settle.0, now) {
            self.start(due);
        }
        self.publish();
    }

    async fn scan(&mut self) -> Option<BTreeMap<String, Sighting>> {
        let (folder, settle) = (self.parts.folder.clone(), self.parts.config.settle.0);
        let largest = self.parts.judge.largest();
        let scan = tokio::task::spawn_blocking(move || {
            let look = Look { folder: &folder, settle, largest };
            folder::scan(look)
        });
        let found = scan.await.unwrap_or_else(|_| Err(io::Error::other("the look at the folder panicked")));
        match found {
            Ok(found) => {
                self.unlisted = false;
                Some(found)
            }
            Err(error) => {
                // Once, and not with every look.
                if !std::mem::replace(&mut self.unlisted, true) {
                    tracing::error!(%error, folder = %self.parts.folder.display(), "the plugins folder cannot be listed");
                }
                None
            }
        }
    }

    fn start(&mut self, due: Due) {
        let Due { name, ticket, known } = due;
        let (judge, permits) = (self.parts.judge.clone(), self.permits.clone());
        let (file, path) = (name.clone(), self.parts.folder.join(&name));
        let task = self.judging.spawn(async move {
            let _permit = permits.acquire().await;
            let verdict = AssertUnwindSafe(judge.judge(&path, known)).catch_unwind().await;
            Judgement { name, ticket, verdict: verdict.unwrap_or_else(|_| Verdict::panicked()) }
        });
        self.running.insert(file, (ticket, task));
    }

    fn judged(&mut self, judged: Result<Judgement, JoinError>) {
        // Panics are caught in the task: what is left are judgements that were out of date.
        let Ok(judgement) = judged else { return };
        let Judgement { name, ticket, verdict } = judgement;
        if self.running.get(&name).is_some_and(|(current, _)| *current == ticket) {
            self.running.remove(&name);
        }
        self.ledger.judged(&name, ticket, verdict, Instant::now());
        self.publish();
        self.tell(&name);
    }

    fn publish(&mut self) {
        if let Some(news) = self.ledger.news() {
            self.parts.snapshot.store(Arc::new(news));
            self.parts.changed.send_modify(|count| *count += 1);
        }
    }

    /// Logs what the listing says of a file that was judged.
    fn tell(&self, file: &str) {
        let snapshot = self.parts.snapshot.load();
        let Some(entry) = snapshot.entries.iter().find(|entry| entry.file == file) else {
            return;
        };
        let sha256 = entry.sha256.as_deref();
        match &entry.standing {
            Standing::Ready(manifest, _) => {
                tracing::info!(file, sha256, plugin.id = %manifest.id, version = manifest.version, "plugin taken up");
            }
            Standing::Refused { code, reason } => {
                tracing::warn!(file, sha256, code, reason, "plugin refused")
            }
            Standing::Settling => {}
        }
    }

    /// Answers those whose reload is done: there was a look since they asked, and
    /// no file is open any more.
    fn answer(&mut self) {
        let Open { settling, judging } = self.ledger.open();
        let (now, last_look) = (Instant::now(), self.last_look);
        let done = |waiting: &mut Waiting| {
            let looked = last_look.is_some_and(|last| last >= waiting.since);
            looked && !judging && (!settling || now >= waiting.since + PATIENCE)
        };
        for waiting in self.waiting.extract_if(.., done) {
            // Whoever asked may have gone away.
            _ = waiting.answer.send(());
        }
    }
}
