//! What history keeps of a run, as it is shown.

use crate::model::{LineLevel, LineSource, RunLine, RunPage, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One line of the log of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// Its number in the log, from 0.
    pub line: u64,
    /// When it was said.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LineLevel,
    /// Who says it.
    pub source: LineSource,
    /// What is said.
    pub message: String,
    /// Particulars by name.
    pub fields: Map<String, Value>,
}

/// A part of the log of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Log {
    /// The lines in their order.
    pub items: Vec<LogLine>,
    /// What `after` has to be to get what follows, now or later; none: there is no line yet.
    pub next: Option<u64>,
    /// Whether nothing will follow: the run is over, and this was the end of its log.
    pub done: bool,
}

/// One page of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Page(pub RunPage);

/// A wish to clean history. What is not given is taken from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Clean {
    /// Count only, change nothing.
    pub dry_run: bool,
    /// How long ago a run that completed without warnings has to have ended, such as `7d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_older: Option<String>,
    /// The same for all other runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_older: Option<String>,
}

/// What a cleaning removed, or would remove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cleaned {
    /// Whether it only counted.
    pub dry_run: bool,
    /// Runs that had completed without warnings.
    pub completed: u64,
    /// All others.
    pub failed: u64,
    /// Whether there are more than there was time for: ask again.
    pub has_more: bool,
}

impl LogLine {
    /// The line with that number.
    #[must_use]
    pub fn of(number: u64, line: RunLine) -> Self {
        let RunLine { at, level, source, message, fields } = line;
        Self { line: number, at, level, source, message, fields }
    }
}
