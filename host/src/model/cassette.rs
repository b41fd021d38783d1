//! A recorded run, and what came of playing it again.

use super::{ChannelName, Failure, Name, RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// What is known of a cassette without playing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cassette {
    /// The run that was recorded.
    pub run: RunId,
    /// The channel's name at that time.
    pub channel: ChannelName,
    /// The kind of integration.
    pub channel_type: Name,
    /// The connector.
    pub connector: Name,
    /// The plugin that ran.
    pub plugin: PluginVersion,
    /// Whether the plugin's file was kept, too.
    pub plugin_kept: bool,
    /// When the recording began.
    pub created: Timestamp,
    /// Steps that were recorded.
    pub steps: u64,
    /// Requests that were recorded.
    pub requests: u64,
    /// What the cassette holds, in bytes; parts that it shares with others included.
    pub bytes: u64,
    /// Why the recording stopped before the run did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
}

/// One build of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginVersion {
    /// What the manifest says.
    pub version: String,
    /// Digest of the file, in lower-case hex.
    pub sha256: String,
}

/// What a plugin made of a cassette, compared with what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replay {
    /// The run that was recorded.
    pub run: RunId,
    /// Its connector.
    pub connector: Name,
    /// The plugin that was recorded.
    pub recorded: PluginVersion,
    /// The plugin that was replayed.
    pub replayed: PluginVersion,
    /// Whether nothing at all differs.
    pub identical: bool,
    /// Steps on either side.
    pub steps: Sides,
    /// Why the recording stopped before the run did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// The records.
    pub records: RecordDifferences,
    /// Keys that other connectors were asked to fetch on one side only.
    pub due: Listed<DueDifference>,
    /// Steps that failed on one side, or otherwise.
    pub failures: Vec<FailureDifference>,
    /// Steps, from 0, that ended elsewhere than they did: another cursor, another map,
    /// another total. Compared for the same file only; a version may have its own cursors.
    pub strayed: Vec<u64>,
    /// The requests.
    pub requests: RequestDifferences,
}

/// A number on either side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// When it was recorded.
    pub recorded: u64,
    /// When it was replayed.
    pub replayed: u64,
}

/// How many there are, and the first of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// All of them.
    pub count: u64,
    /// As many as fit a report.
    pub first: Vec<T>,
}

/// What became of the records, each as its last delivery left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordDifferences {
    /// Records on either side.
    pub count: Sides,
    /// Those that are the same.
    pub same: u64,
    /// Keys of those that the replayed plugin did not deliver.
    pub only_recorded: Listed<String>,
    /// Keys of those that only the replayed plugin delivered.
    pub only_replayed: Listed<String>,
    /// Those that differ.
    pub changed: Listed<RecordDifference>,
}

/// A record that is another one on each side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordDifference {
    /// Its key.
    pub key: String,
    /// What differs.
    pub fields: Listed<FieldDifference>,
}

/// A field of a record that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldDifference {
    /// JSON Pointer into the payload; without a slash: a property of the record itself.
    pub field: String,
    /// As JSON, cut; none: it was not there.
    pub recorded: Option<String>,
    /// The same of the other side.
    pub replayed: Option<String>,
}

/// A key that another connector was asked to fetch on one side only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DueDifference {
    /// The other connector.
    pub connector: String,
    /// What it was to fetch.
    pub key: String,
    /// Which side asked for it.
    pub only: Side,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// As it was.
    Recorded,
    /// As it is now.
    Replayed,
}

/// A step that ended otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureDifference {
    /// Its number, from 0.
    pub step: u64,
    /// None: it went well, or there was none.
    pub recorded: Option<Failure>,
    /// The same of the other side.
    pub replayed: Option<Failure>,
}

/// What became of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RequestDifferences {
    /// All of the cassette.
    pub recorded: u64,
    /// Asked for and not on the cassette, as `GET /path`.
    pub missing: Listed<String>,
    /// On the cassette and not asked for.
    pub unused: Listed<String>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Listed<T> {
    /// All of them counted, the first `most` kept.
    pub fn of(all: impl IntoIterator<Item = T>, most: usize) -> Self {
        let mut listed = Self::default();
        all.into_iter().for_each(|item| listed.add(most, || item));
        listed
    }

    /// Counts one, and makes it only where it is among the first `most`.
    pub fn add(&mut self, most: usize, item: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < most {
            self.first.push(item());
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Replay {
    /// Whether anything but the file of the plugin differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        let Self { records, requests, .. } = self;
        let lists = [
            records.only_recorded.count,
            records.only_replayed.count,
            records.changed.count,
            self.due.count,
            requests.missing.count,
            requests.unused.count,
        ];
        lists.iter().any(|count| *count > 0)
            || !self.failures.is_empty()
            || !self.strayed.is_empty()
            || self.steps.recorded != self.steps.replayed
    }
}
