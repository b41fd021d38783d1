//! The log of one run: what the plugin says in it, and what the host says of it.
//!
//! It holds lines in memory until somebody stores them: they go into the batch of the
//! next page, into that of the run's end, and in between into one of their own where a
//! page takes long. It writes nothing by itself, never blocks and never fails; what is
//! over its bounds is counted and told at the end.

mod directory;
mod reading;

pub(super) use directory::find;
pub use directory::host_line;
pub use reading::Ear;

use super::{keeping::Config, progress::Progress, runner::Shared};
use crate::{
    clock::Clock,
    model::{Direction, Fault, LineLevel, LineSource, Run, RunId, RunLine, Status},
    store::{Batch, LogEnd},
};
use serde_json::{Map, Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// How long lines may wait for the page with which they are stored.
const FLUSH: Duration = Duration::from_secs(2);

/// The part of a log that is left to warnings and errors.
const RESERVE: u64 = 10;

/// Hides the secrets of a channel in a text.
type Redact = dyn Fn(&str) -> String + Send + std::marker::Sync;

/// Somebody's words, before they have a time and a number.
pub(super) struct Said {
    pub(super) level: LineLevel,
    pub(super) source: LineSource,
    pub(super) message: String,
    pub(super) fields: Map<String, Value>,
}

/// The log of a run that goes on in this process.
pub(super) struct RunLog {
    run: RunId,
    clock: Clock,
    lines: u64,
    bytes: u64,
    redact: OnceLock<Box<Redact>>,
    book: Mutex<Book>,
    /// The number of the next line, for those who read on.
    grown: watch::Sender<u64>,
}

struct Book {
    /// Not yet stored, with their numbers one after the other.
    waiting: VecDeque<RunLine>,
    /// What stands after the last line of `waiting`.
    end: LogEnd,
    /// The last lines of all; shown once they are stored, and after them nothing is taken.
    closing: Vec<RunLine>,
    is_closed: bool,
}

/// Opens the log of a run where its progress is shown. A run that goes on later adds to
/// what is stored. Where that cannot be read, the run goes on without a log.
pub(super) async fn open(shared: &Shared, progress: &Progress) {
    match shared.store.logs().end(progress.id()).await {
        Ok(end) => progress.keep_log(RunLog::new(progress.id(), end, &shared.config.history, &shared.clock)),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(run.id = %progress.id(), error, "the log of a run cannot be read, and is not kept");
        }
    }
}

impl RunLog {
    fn new(run: RunId, end: LogEnd, config: &Config, clock: &Clock) -> Arc<Self> {
        let log = Arc::new(Self {
            run,
            clock: clock.clone(),
            lines: config.log_lines,
            bytes: config.log_bytes.0,
            redact: OnceLock::new(),
            book: Mutex::new(Book { waiting: VecDeque::new(), end, closing: Vec::new(), is_closed: false }),
            grown: watch::Sender::new(end.next),
        });
        directory::enter(run, &log);
        log
    }

    /// Has secrets hidden in every line from here on. Only the first call counts.
    pub(super) fn hide(&self, redact: impl Fn(&str) -> String + Send + std::marker::Sync + 'static) {
        // A run has one channel, whose secrets stay the same until it ends.
        let _ = self.redact.set(Box::new(redact));
    }

    /// Takes a line, or counts it where there is no room.
    pub(super) fn add(&self, said: Said) {
        let line = self.line(said);
        let mut book = self.book();
        if book.is_closed || !book.closing.is_empty() {
            return;
        }
        let bytes = size(&line);
        let share = |most: u64| if line.level <= LineLevel::Warn { most } else { most - most / RESERVE };
        if book.end.next >= share(self.lines) || book.end.bytes + bytes > share(self.bytes) {
            book.end.dropped += 1;
            return;
        }
        book.end.bytes += bytes;
        book.end.next += 1;
        book.waiting.push_back(line);
        self.grown.send_replace(book.end.next);
    }

    /// Ends the log with what became of the run, as soon as that is stored.
    pub(super) fn close(&self, run: &Run) {
        let mut book = self.book();
        let dropped = (book.end.dropped > 0).then(|| self.line(dropped(book.end.dropped)));
        book.closing = dropped.into_iter().chain([self.line(ended(run))]).collect();
    }

    /// Adds what is not yet stored to a batch. Answers the number of the line after, for
    /// [`landed`](Self::landed).
    pub(super) fn put_into(&self, batch: &mut Batch) -> u64 {
        let book = self.book();
        let first = book.first();
        let next = book.end.next + book.closing.len() as u64;
        if next > first {
            let bytes = book.end.bytes + book.closing.iter().map(size).sum::<u64>();
            let lines = book.waiting.iter().chain(&book.closing);
            batch.put_log_lines(self.run, first, lines, LogEnd { next, bytes, ..book.end });
        }
        next
    }

    /// Lets go of the lines before `next`: they are stored.
    pub(super) fn landed(&self, next: u64) {
        let mut book = self.book();
        if !book.closing.is_empty() && next > book.end.next {
            book.end.next = next;
            book.waiting.clear();
            book.closing.clear();
            book.is_closed = true;
            self.grown.send_replace(next);
            return;
        }
        while !book.waiting.is_empty() && book.first() < next {
            book.waiting.pop_front();
        }
    }

    /// Returns when a line has waited for long. Cancel safe.
    pub(super) async fn is_due(&self) {
        let mut grown = self.grown.subscribe();
        while self.book().waiting.is_empty() {
            // It cannot fail: the sender lives as long as `self`.
            let _ = grown.changed().await;
        }
        tokio::time::sleep(FLUSH).await;
    }

    /// The lines after `after` that are not yet stored.
    fn waiting(&self, after: Option<u64>) -> Vec<(u64, RunLine)> {
        let book = self.book();
        let numbered = (book.first()..).zip(&book.waiting);
        let wanted = numbered.filter(|(number, _)| after.is_none_or(|after| *number > after));
        wanted.map(|(number, line)| (number, line.clone())).collect()
    }

    fn line(&self, said: Said) -> RunLine {
        let Said { level, source, mut message, mut fields } = said;
        if let Some(redact) = self.redact.get() {
            message = redact(&message);
            for value in fields.values_mut() {
                if let Value::String(text) = value {
                    *text = redact(text);
                }
            }
        }
        RunLine { at: self.clock.now(), level, source, message, fields }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing in here can panic half-way.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunLog {
    fn drop(&mut self) {
        directory::leave(self.run);
    }
}

impl Book {
    /// The number of the first line that is not yet stored.
    fn first(&self) -> u64 {
        self.end.next - self.waiting.len() as u64
    }
}

fn size(line: &RunLine) -> u64 {
    let value = |value: &Value| match value {
        Value::String(text) => text.len(),
        _ => size_of::<u64>(),
    };
    let fields: usize = line.fields.iter().map(|(name, field)| name.len() + value(field)).sum();
    (line.message.len() + fields) as u64
}

fn dropped(count: u64) -> Said {
    Said {
        level: LineLevel::Warn,
        source: LineSource::Host,
        message: "lines were dropped: the log of the run was full (log-lines and log-bytes under [history])"
            .to_owned(),
        fields: Map::from_iter([("dropped".to_owned(), count.into())]),
    }
}

fn ended(run: &Run) -> Said {
    let counters = &run.counters;
    let fields = json!({
        "status": run.status.as_str(),
        "pages": run.pages,
        "read": counters.read,
        "added": counters.added,
        "updated": counters.updated,
        "unchanged": counters.unchanged,
        "deleted": counters.deleted,
        "quarantined": counters.quarantined,
    });
    let Value::Object(mut fields) = fields else { unreachable!("it is written as an object") };
    if run.direction == Direction::Call {
        // It has no pages and no records.
        fields.retain(|name, _| name == "status");
    }
    if let Some(error) = &run.error {
        fields.insert("error".to_owned(), error.to_string().into());
    }
    let level = match (run.status, run.error.as_ref().map(|error| error.fault())) {
        (Status::Failed, Some(Fault::Transient)) | (Status::Skipped, _) => LineLevel::Warn,
        (Status::Failed, _) => LineLevel::Error,
        _ => LineLevel::Info,
    };
    Said { level, source: LineSource::Host, message: "run ended".to_owned(), fields }
}

#[cfg(test)]
mod tests;
