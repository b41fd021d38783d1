//! A call of an operation: what is asked, how it stands, and what came of it.
//!
//! Values only. A call is a run of its operation, too: history shows it as one.

use super::{
    ChannelId, ChannelName, Counters, Deferred, Direction, Failure, HostId, JobId, Name, Run, RunId, Span,
    Status, Timestamp, Trigger, Usage,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What one try of a call hands to the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Which operation of the manifest.
    pub operation: Name,
    /// The channel's settings, secrets replaced by `true`.
    pub settings: Bytes,
    /// By the operation's input schema.
    pub input: Bytes,
    /// The same for every try of the call.
    pub idempotency_key: IdempotencyKey,
}

/// What makes of several tries, and of several requests, one call: 1 to 255 visible ASCII
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(String);

/// A text that cannot be such a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is 1 to 255 visible ASCII characters, without spaces")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// Checks the bounds.
    ///
    /// # Errors
    /// It is empty, too long, or has something else in it than visible ASCII characters.
    pub fn try_new(text: impl Into<String>) -> Result<Self, IdempotencyKeyError> {
        let text = text.into();
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(IdempotencyKeyError) }
    }

    /// The key of a call whose caller gave none.
    #[must_use]
    pub fn of(call: RunId) -> Self {
        Self(call.to_string())
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;
    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        Self::try_new(text)
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = IdempotencyKeyError;
    fn try_from(text: String) -> Result<Self, IdempotencyKeyError> {
        Self::try_new(text)
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

/// Whether somebody waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallMode {
    /// The caller waits: one try, and whatever comes of it is the answer.
    Now,
    /// The host has promised to work it off, in as many tries as it takes.
    Queued,
}

/// Who works on a call. Past the time nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    /// The host.
    pub host: HostId,
    /// This start of it.
    pub life: HostId,
    /// Until when.
    pub until: Timestamp,
}

/// One call. Its input and its output are kept beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    /// Sorts by the time at which it was asked for; the id of its run in history, too.
    pub id: RunId,
    /// What history files the run under: a job of its own.
    pub job: JobId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The channel's name when it was asked for.
    pub channel: ChannelName,
    /// The operation.
    pub operation: Name,
    /// The caller's, or made by the host.
    pub key: IdempotencyKey,
    /// Whether somebody waits for it.
    pub mode: CallMode,
    /// What asked for it.
    pub trigger: Trigger,
    /// The longest time of one try.
    pub timeout: Span,
    /// Where it stands, in the words of runs.
    pub status: Status,
    /// Why it is put off; only while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Deferred>,
    /// Tries that failed.
    #[serde(default)]
    pub tries: u32,
    /// Not to be tried before.
    pub due: Timestamp,
    /// Not to be tried from then on; none: it waits without end, as calls of earlier versions do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Who works on it now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// When it was asked for.
    pub requested: Timestamp,
    /// When its first try began.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Whether the last try was cut off by the end of its host, so that nobody knows what
    /// came of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_off: bool,
    /// Whether it did not complete, and may have been done all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outcome_unknown: bool,
    /// What its tries used.
    pub usage: Usage,
}

impl Call {
    /// Whether it has waited for as long as it may. One that somebody waits for has no such end.
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.mode == CallMode::Queued && self.expires.is_some_and(|expires| expires <= now)
    }

    /// The call as history shows it: a run with the operation in the connector's place.
    #[must_use]
    pub fn as_run(&self) -> Run {
        Run {
            id: self.id,
            job: self.job,
            channel_id: self.channel_id,
            channel: self.channel.clone(),
            connector: self.operation.clone(),
            direction: Direction::Call,
            trigger: self.trigger,
            full: false,
            record: false,
            order: 0,
            status: self.status,
            deferred: self.deferred.clone(),
            tries: self.tries,
            begun: self.started.is_some(),
            requested: self.requested,
            started: self.started,
            ended: self.ended,
            pages: 0,
            counters: Counters::default(),
            total: None,
            error: self.error.clone(),
            usage: self.usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_bounds() {
        for good in ["a", "order-42/mail", "~!", &"k".repeat(255)] {
            assert!(IdempotencyKey::try_new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a\n", "ä", &"k".repeat(256)] {
            assert!(IdempotencyKey::try_new(bad).is_err(), "{bad}");
        }
        let made = IdempotencyKey::of(RunId::new());
        assert_eq!(IdempotencyKey::try_new(made.as_str()), Ok(made));
    }
}
