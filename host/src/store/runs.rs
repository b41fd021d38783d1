//! The runs and what came of them.
//!
//! It finds them by id, by channel and by whether they go on, and never changes
//! one on its own.

use super::engine::{Engine, Entry, Range, Want};
use super::keys::{self, Table};
use super::{Batch, Error, Result, Store, Watch, codec, walk};
use crate::model::{ChannelId, JobId, Run, RunId};

const WHAT: &str = "a run";

/// The runs and what came of them.
pub struct Runs<'a>(pub(super) &'a Store);

impl Runs<'_> {
    /// The run with this id.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, id: RunId) -> Result<Option<Run>> {
        self.0
            .blocking(move |engine| {
                walk::get(engine, keys::run(id))?.map(|row| codec::decode(WHAT, row)).transpose()
            })
            .await
    }

    /// At most `limit` runs, newest first; of one channel or of all; older than
    /// `before` where given.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn list(
        &self,
        channel: Option<ChannelId>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>> {
        self.0
            .blocking(move |engine| match channel {
                Some(channel) => list_channel(engine, channel, before, limit),
                None => list_all(engine, before, limit),
            })
            .await
    }

    /// Those that have not ended, newest first.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn live(&self) -> Result<Vec<Run>> {
        self.0
            .blocking(|engine| {
                let live = engine.scan(Table::LiveRuns.rows(), usize::MAX, Want::Keys)?;
                get_listed(engine, &live)
            })
            .await
    }

    /// The runs with these ids, in their order; those that are gone are left out.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get_many(&self, ids: Vec<RunId>) -> Result<Vec<Run>> {
        self.0.blocking(move |engine| get_many(engine, ids)).await
    }

    /// Tells when this run is changed or deleted.
    #[must_use]
    pub fn watch_one(&self, id: RunId) -> Watch {
        self.0.engine.watch(&keys::run(id))
    }

    /// Tells of runs that are added, changed or deleted.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.0.engine.watch(&Table::Runs.rows().start)
    }
}

impl Batch {
    /// Adds the run, or replaces the one with its id.
    pub fn put_run(&mut self, run: &Run) {
        self.put(keys::run(run.id), codec::encode(run));
        // Its job stands in the row, so that whoever removes the run by this list finds it.
        let job = codec::encode_bytes(&run.job.to_bytes());
        self.put(keys::run_of_channel(run.channel_id, run.id), job);
        self.put(keys::run_of_job(run.job, run.id), codec::encode_bytes(b""));
        if run.status.has_ended() {
            self.put(keys::ended_run(run), codec::encode_bytes(b""));
            self.remove(keys::live_run(run.id));
        } else {
            self.put(keys::live_run(run.id), codec::encode_bytes(b""));
        }
    }

    /// Removes the run that an entry of its channel's list names, from every table of runs.
    pub(super) fn remove_run(&mut self, of_channel: Entry) {
        if let Some(id) = keys::run_id(&of_channel.key) {
            self.remove(keys::run(id));
            self.remove(keys::live_run(id));
            // Older entries do not tell the job.
            let job = codec::decode_bytes(WHAT, of_channel.value).ok();
            if let Some(job) = job.and_then(|job| job[..].try_into().ok()) {
                self.remove(keys::run_of_job(JobId::from_bytes(job), id));
            }
        }
        self.remove(of_channel.key.into());
    }
}

fn list_all(engine: &dyn Engine, before: Option<RunId>, limit: usize) -> Result<Vec<Run>> {
    let range = older(Table::Runs.rows(), before.map(keys::run));
    let entries = engine.scan(range, limit, Want::Entries)?;
    entries.into_iter().map(|entry| codec::decode(WHAT, entry.value)).collect()
}

fn list_channel(
    engine: &dyn Engine,
    channel: ChannelId,
    before: Option<RunId>,
    limit: usize,
) -> Result<Vec<Run>> {
    let before = before.map(|id| keys::run_of_channel(channel, id));
    let range = older(Table::RunsOfChannel.rows_of(channel), before);
    let listed = engine.scan(range, limit, Want::Keys)?;
    get_listed(engine, &listed)
}

/// The runs that these entries of a list name; without those deleted in the meantime.
fn get_listed(engine: &dyn Engine, listed: &[Entry]) -> Result<Vec<Run>> {
    let id =
        |entry: &Entry| keys::run_id(&entry.key).ok_or_else(|| Error::Corrupt("the key of a run".into()));
    get_many(engine, listed.iter().map(id).collect::<Result<_>>()?)
}

/// Those of the runs that are there.
fn get_many(engine: &dyn Engine, ids: Vec<RunId>) -> Result<Vec<Run>> {
    let rows = engine.get(ids.into_iter().map(keys::run).collect())?;
    rows.into_iter().flatten().map(|row| codec::decode(WHAT, row)).collect()
}

/// Newer runs come first, so older ones come after.
fn older(rows: Range, before: Option<Vec<u8>>) -> Range {
    match before {
        Some(key) => rows.after(&key),
        None => rows,
    }
}
