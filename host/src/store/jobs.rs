//! The jobs that wait or are worked on: at most one for each channel and direction.
//!
//! It keeps them; whose turn it is and who may work on one is decided above. A job
//! that is over has no row; its runs tell what came of it.

use super::engine::{Engine, Want};
use super::keys::{self, Table};
use super::walk::{self, walk};
use super::{Batch, Error, Result, Store, codec};
use crate::model::{ChannelId, Direction, Job, JobId, RunId};
use bytes::Bytes;

const WHAT: &str = "a job";

/// The jobs that wait or are worked on.
pub struct Jobs<'a>(pub(super) &'a Store);

/// A job as it is stored, so that a batch can expect just this.
#[derive(Clone, Debug)]
pub struct KeptJob {
    /// The job.
    pub job: Job,
    row: Bytes,
}

impl Jobs<'_> {
    /// The job of a channel.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn get(&self, channel: ChannelId, direction: Direction) -> Result<Option<KeptJob>> {
        let key = keys::job(channel, direction);
        self.0.blocking(move |engine| walk::get(engine, key)?.map(kept).transpose()).await
    }

    /// All of them.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn all(&self) -> Result<Vec<Job>> {
        self.0
            .blocking(|engine| {
                let mut jobs = Vec::new();
                walk(engine, Table::Jobs.rows(), Want::Entries, |entry| {
                    jobs.push(codec::decode(WHAT, entry.value)?);
                    Ok(())
                })?;
                Ok(jobs)
            })
            .await
    }

    /// The runs of a job, in the order in which they go, whether it is over or not.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn runs(&self, job: JobId) -> Result<Vec<RunId>> {
        self.0.blocking(move |engine| runs(engine, job)).await
    }
}

impl Batch {
    /// Sets the job of its channel and direction.
    pub fn put_job(&mut self, job: &Job) {
        self.put(keys::job(job.channel_id, job.direction), codec::encode(job));
    }

    /// Removes the job of a channel and direction.
    pub fn remove_job(&mut self, channel: ChannelId, direction: Direction) {
        self.remove(keys::job(channel, direction));
    }

    /// Expects the job to be just as it was read.
    pub fn expect_job(&mut self, kept: &KeptJob) {
        let key = keys::job(kept.job.channel_id, kept.job.direction);
        self.expect_value(key, kept.row.to_vec());
    }

    /// Expects no job for a channel and direction.
    pub fn expect_no_job(&mut self, channel: ChannelId, direction: Direction) {
        self.expect_absent(keys::job(channel, direction));
    }
}

fn kept(row: Bytes) -> Result<KeptJob> {
    Ok(KeptJob { job: codec::decode(WHAT, row.clone())?, row })
}

fn runs(engine: &dyn Engine, job: JobId) -> Result<Vec<RunId>> {
    let mut runs = Vec::new();
    walk(engine, keys::runs_of_job(job), Want::Keys, |entry| {
        let id = entry.key.last_chunk().ok_or_else(|| Error::Corrupt("the key of a job's run".into()))?;
        runs.push(RunId::from_bytes(*id));
        Ok(())
    })?;
    Ok(runs)
}
