//! One run of one connector, as history keeps it.

use super::{ChannelId, ChannelName, Failure, JobId, Name, RunId, Timestamp, Usage};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which way records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the remote system into the host.
    Import,
    /// From the host to the remote system.
    Export,
    /// A call of an operation: no records go either way.
    Call,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Waits for its turn, whether it has begun or not.
    Queued,
    /// Going on.
    Running,
    /// Done.
    Completed,
    /// Done, with records in quarantine.
    CompletedWithWarnings,
    /// Ended by a failure; the next run goes on from the last page.
    Failed,
    /// Put off; it goes on by itself, from the last page.
    Deferred,
    /// Not begun because something that it depends on failed.
    Skipped,
    /// Ended by a person.
    Cancelled,
}

impl Status {
    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::CompletedWithWarnings => "completed-with-warnings",
            Self::Failed => "failed",
            Self::Deferred => "deferred",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the run is over. One that is put off is not.
    #[must_use]
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Deferred)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What asked for a run, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A person or a program, through the API or the command line.
    Request,
    /// A delivery from the remote system.
    Webhook,
    /// A local change.
    Change,
    /// The channel's schedule.
    Schedule,
}

/// What became of the records that a run read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Counters {
    /// Records that the connector delivered, rejects included.
    pub read: u64,
    /// Records that were not there before.
    pub added: u64,
    /// Records that were there, with another version or payload.
    pub updated: u64,
    /// Records that were there just so; not written again.
    pub unchanged: u64,
    /// Records that were there and are gone remotely: the remote system said so, or a full
    /// sync did not find them and the channel deletes such records.
    pub deleted: u64,
    /// Records that were set aside with a reason.
    pub quarantined: u64,
    /// Records that a full sync did not find any more, whatever became of them. Nobody
    /// delivered them, so `read` knows nothing of them.
    pub vanished: u64,
}

impl Counters {
    /// Adds another page's counts.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.added += other.added;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.deleted += other.deleted;
        self.quarantined += other.quarantined;
        self.vanished += other.vanished;
    }
}

/// Why a run is put off, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deferred {
    /// When it is tried again, at the latest.
    pub until: Timestamp,
    /// Since when it has been put off without a page in between.
    pub since: Timestamp,
    /// What it waits for the end of.
    pub reason: Failure,
    /// The origin that it waits for, where that is left alone for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// One run of one connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// Sorts by the time at which it was asked for.
    pub id: RunId,
    /// The request that led to it; shared with the other connectors' runs.
    pub job: JobId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The channel's name when the run was asked for.
    pub channel: ChannelName,
    /// The connector.
    pub connector: Name,
    /// Import, export or call; a call has its operation in the connector's place.
    pub direction: Direction,
    /// What asked for it.
    pub trigger: Trigger,
    /// Whether it started without a cursor because somebody asked for all.
    #[serde(default)]
    pub full: bool,
    /// Whether its exchanges are recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub record: bool,
    /// Its place among the runs of its job, from 0.
    #[serde(default)]
    pub order: u32,
    /// Where it stands.
    pub status: Status,
    /// Why it is put off; only while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Deferred>,
    /// Tries in a row that brought no page.
    #[serde(default)]
    pub tries: u32,
    /// Whether its beginning is on record; a run from the beginning has dropped the cursor
    /// by then.
    #[serde(default)]
    pub begun: bool,
    /// When it was asked for.
    pub requested: Timestamp,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Pages committed.
    #[serde(default)]
    pub pages: u64,
    /// What became of the records.
    pub counters: Counters,
    /// Number of records that the remote system says there are, for progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Why it failed or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What its steps used.
    pub usage: Usage,
}
