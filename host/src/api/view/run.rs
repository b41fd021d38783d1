//! A run as it is shown.

use super::Problem;
use crate::model::{
    self, ChannelId, ChannelName, Counters, Direction, JobId, Name, RunId, Status, Timestamp, Trigger, Usage,
};
use serde::{Deserialize, Serialize};

/// One run of one connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// Sorts by the time at which it was asked for.
    pub id: RunId,
    /// The request that led to it; shared with the other connectors' runs.
    pub job: JobId,
    /// The channel's name when the run was asked for.
    pub channel: ChannelName,
    /// The channel, whatever its name now.
    pub channel_id: ChannelId,
    /// The connector.
    pub connector: Name,
    /// Import or export.
    pub direction: Direction,
    /// Where it stands.
    pub status: Status,
    /// What asked for it.
    pub trigger: Trigger,
    /// Whether it started from the beginning because somebody asked for all.
    pub full: bool,
    /// Whether its exchanges are recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub record: bool,
    /// When it was asked for.
    pub requested: Timestamp,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Pages committed.
    pub pages: u64,
    /// Number of records that the remote system says there are.
    pub total: Option<u64>,
    /// What became of the records.
    pub counters: Counters,
    /// Why it failed or was skipped.
    pub error: Option<Problem>,
    /// What its steps used.
    pub usage: Usage,
}

/// The runs of one request to sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// The request.
    pub job: JobId,
    /// Whether every run is over.
    pub ended: bool,
    /// In the order in which they go.
    pub runs: Vec<Run>,
}

impl Job {
    /// The runs of `job`.
    #[must_use]
    pub fn of(job: JobId, runs: Vec<model::Run>) -> Self {
        let ended = runs.iter().all(|run| run.status.has_ended());
        Self { job, ended, runs: runs.into_iter().map(Run::from).collect() }
    }
}

impl From<model::Run> for Run {
    fn from(run: model::Run) -> Self {
        Self {
            id: run.id,
            job: run.job,
            channel: run.channel,
            channel_id: run.channel_id,
            connector: run.connector,
            direction: run.direction,
            status: run.status,
            trigger: run.trigger,
            full: run.full,
            record: run.record,
            requested: run.requested,
            started: run.started,
            ended: run.ended,
            pages: run.pages,
            total: run.total,
            counters: run.counters,
            error: run.error.map(Problem::from),
            usage: run.usage,
        }
    }
}
