//! A run as it is shown.

use super::Problem;
use crate::{
    model::{
        self, ChannelId, ChannelName, Counters, Direction, JobId, Name, RunId, Status, Timestamp, Trigger,
        Usage,
    },
    sync::{self, Pace},
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
    /// Until when it is put off, and since when; only while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Deferred>,
    /// Tries in a row that brought no page.
    #[serde(default)]
    pub tries: u32,
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
    /// Records read a second, over about the last ten seconds; only while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// How many milliseconds it takes to read what is left, at that rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<u64>,
    /// What became of the records.
    pub counters: Counters,
    /// Why it failed, was skipped or is put off.
    pub error: Option<Problem>,
    /// What its steps used.
    pub usage: Usage,
}

/// How long a run is put off. Why stands in its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deferred {
    /// When it is tried again, at the latest.
    pub until: Timestamp,
    /// Since when it has been put off without a page in between.
    pub since: Timestamp,
}

/// The runs of one request to sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// The request.
    pub job: JobId,
    /// Whether every run is over.
    pub ended: bool,
    /// The job that is going on and that this one follows; it has no runs before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<JobId>,
    /// The job that carries out what waits to be exported, where that was asked for, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<JobId>,
    /// When it is worked on, where nobody does so now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// In the order in which they go.
    pub runs: Vec<Run>,
}

impl Job {
    /// Whether all that is left of it is put off.
    #[must_use]
    pub fn is_put_off(&self) -> bool {
        self.due.is_some() && self.runs.iter().any(|run| run.status == Status::Deferred)
    }
}

impl From<sync::Job> for Job {
    fn from(job: sync::Job) -> Self {
        Self {
            job: job.id,
            ended: job.is_over,
            after: job.after,
            export: None,
            due: job.due,
            runs: job.runs.into_iter().map(Run::from).collect(),
        }
    }
}

impl Run {
    /// The run with how fast it goes, where that is known.
    #[must_use]
    pub fn at_pace(self, pace: Option<Pace>) -> Self {
        // A tenth of a record is exact enough for people and programs.
        let rate = pace.map(|pace| (pace.rate * 10.0).round() / 10.0);
        Self { rate, left_ms: pace.and_then(|pace| pace.left_ms), ..self }
    }
}

impl From<model::Run> for Run {
    fn from(run: model::Run) -> Self {
        let (deferred, reason) = match run.deferred {
            Some(model::Deferred { until, since, reason, .. }) => {
                (Some(Deferred { until, since }), Some(reason))
            }
            None => (None, None),
        };
        Self {
            id: run.id,
            job: run.job,
            channel: run.channel,
            channel_id: run.channel_id,
            connector: run.connector,
            direction: run.direction,
            status: run.status,
            deferred,
            tries: run.tries,
            trigger: run.trigger,
            full: run.full,
            record: run.record,
            requested: run.requested,
            started: run.started,
            ended: run.ended,
            pages: run.pages,
            total: run.total,
            rate: None,
            left_ms: None,
            counters: run.counters,
            error: run.error.or(reason).map(Problem::from),
            usage: run.usage,
        }
    }
}
