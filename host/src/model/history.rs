//! What history keeps of a run beside its row: its pages and its log.

use super::{Counters, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// One page of a run, as it was committed. Its content and its cursor are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunPage {
    /// Which page of the run, from 1.
    pub page: u64,
    /// When it was ready to be committed.
    pub at: Timestamp,
    /// Milliseconds since the page before, or since the run began or went on.
    pub took_ms: u64,
    /// What became of its records.
    #[serde(flatten)]
    pub counters: Counters,
    /// Requests of the guest for it; retries not counted.
    pub requests: u64,
    /// Bytes of the bodies of the answers, decompressed.
    pub bytes: u64,
    /// Length of the cursor that it ended with; none: the cursor stayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor_bytes: Option<u64>,
}

/// How much a line of a log matters, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineLevel {
    /// Somebody has to act.
    Error,
    /// It went on in spite of it.
    Warn,
    /// How it went.
    Info,
    /// For whoever looks for the reason.
    Debug,
    /// Every step.
    Trace,
}

impl LineLevel {
    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LineLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Who says a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineSource {
    /// The plugin.
    Guest,
    /// The host.
    Host,
}

impl LineSource {
    /// The name that people and the API use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for LineSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One line of the log of a run. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunLine {
    /// When it was said.
    pub at: Timestamp,
    /// How much it matters.
    pub level: LineLevel,
    /// Who says it.
    pub source: LineSource,
    /// What is said.
    pub message: String,
    /// Particulars by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}
