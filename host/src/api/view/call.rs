//! A call of an operation as it is shown.

use super::{Problem, run::Deferred};
use crate::model::{
    self, CallMode, ChannelId, ChannelName, IdempotencyKey, Name, RunId, Span, Status, Timestamp, Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    /// Sorts by the time at which it was asked for; the id of its run in history, too.
    pub id: RunId,
    /// The channel's name when it was asked for.
    pub channel: ChannelName,
    /// The channel, whatever its name now.
    pub channel_id: ChannelId,
    /// The operation.
    pub operation: Name,
    /// The caller's, or made by the host.
    pub idempotency_key: IdempotencyKey,
    /// Whether it waits in the queue, or somebody for it.
    pub mode: CallMode,
    /// Whether this is an earlier call with the same key, and nothing was sent. Only in the
    /// answer to a request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// Where it stands, in the words of runs.
    pub status: Status,
    /// Until when it is put off, and since when; only while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Deferred>,
    /// Tries that failed.
    pub tries: u32,
    /// The longest time of one try.
    pub timeout: Span,
    /// When it is given up, if it was not carried out by then; only of queued ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// When it was asked for.
    pub requested: Timestamp,
    /// When its first try began.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// What was asked; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Box<RawValue>>,
    /// What was answered, where it has completed; not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Box<RawValue>>,
    /// Why it failed, was cancelled or is put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// Whether it did not complete, and may have been done all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outcome_unknown: bool,
    /// What its tries used.
    pub usage: Usage,
}

/// What came of a dry run of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallChecked {
    /// The input fits; nothing was sent and nothing is kept.
    pub ok: bool,
}

impl From<model::Call> for Call {
    fn from(call: model::Call) -> Self {
        let (deferred, reason) = match call.deferred {
            Some(model::Deferred { until, since, reason, .. }) => {
                (Some(Deferred { until, since }), Some(reason))
            }
            None => (None, None),
        };
        Self {
            id: call.id,
            channel: call.channel,
            channel_id: call.channel_id,
            operation: call.operation,
            idempotency_key: call.key,
            mode: call.mode,
            repeated: false,
            status: call.status,
            deferred,
            tries: call.tries,
            timeout: call.timeout,
            expires: call.expires,
            requested: call.requested,
            started: call.started,
            ended: call.ended,
            input: None,
            output: None,
            error: call.error.or(reason).map(Problem::from),
            outcome_unknown: call.outcome_unknown,
            usage: call.usage,
        }
    }
}
