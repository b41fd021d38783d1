//! The logs of runs, line by line.
//!
//! How much a log may hold is decided above. The rows go with their run.

use super::engine::Want;
use super::keys::{self, Table};
use super::{Batch, Error, Result, Store, Watch, codec, walk};
use crate::model::{RunId, RunLine};
use serde::{Deserialize, Serialize};

const WHAT: &str = "a line of a run's log";

/// Where the log of a run ends, so that a run that goes on later adds to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct LogEnd {
    /// The number that the next line gets; the first one has 0.
    pub next: u64,
    /// Bytes of all lines.
    pub bytes: u64,
    /// Lines that did not fit in.
    pub dropped: u64,
}

/// The logs of runs.
pub struct Logs<'a>(pub(super) &'a Store);

impl Logs<'_> {
    /// Where the log of a run ends; of a run that said nothing, at its beginning.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn end(&self, run: RunId) -> Result<LogEnd> {
        self.0
            .blocking(move |engine| match walk::get(engine, keys::log_end(run))? {
                Some(row) => codec::decode("the end of a run's log", row),
                None => Ok(LogEnd::default()),
            })
            .await
    }

    /// At most `limit` lines of the run in their order, with their numbers; those after
    /// line `after`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(&self, run: RunId, after: Option<u64>, limit: usize) -> Result<Vec<(u64, RunLine)>> {
        let before = after.map_or_else(|| keys::log_end(run), |line| keys::log_line(run, line));
        let range = Table::Log.rows_of_run(run).after(&before);
        self.0
            .blocking(move |engine| {
                let entries = engine.scan(range, limit, Want::Entries)?;
                let line = |entry: super::Entry| {
                    let number = keys::number(&entry.key).ok_or_else(|| Error::Corrupt(WHAT.into()))?;
                    Ok((number, codec::decode(WHAT, entry.value)?))
                };
                entries.into_iter().map(line).collect()
            })
            .await
    }

    /// Tells when lines of the run are stored.
    #[must_use]
    pub fn watch(&self, run: RunId) -> Watch {
        self.0.engine.watch(&keys::log_end(run))
    }
}

impl Batch {
    /// Adds lines to the log of a run, the first one with the number `from`, and where the
    /// log ends with them.
    pub fn put_log_lines<'a>(
        &mut self,
        run: RunId,
        from: u64,
        lines: impl IntoIterator<Item = &'a RunLine>,
        end: LogEnd,
    ) {
        for (number, line) in (from..).zip(lines) {
            self.put(keys::log_line(run, number), codec::encode(line));
        }
        self.put(keys::log_end(run), codec::encode(&end));
    }
}
