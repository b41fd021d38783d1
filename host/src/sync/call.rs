//! Calls of operations: asking for one, and what became of it.
//!
//! A call is a durable row before anything is sent, whether somebody waits for it or not.
//! The `Caller` owns the task of every call (`caller`, `work`); `policy` says what is done
//! about a failure, and the idempotency key makes one call of several requests and tries
//! (`place`). It knows no HTTP and no WIT.

mod asking;
mod caller;
mod desk;
mod document;
mod guest;
mod index;
mod outcome;
mod place;
mod policy;
mod recovery;
mod schema;
mod work;

pub use asking::{CallSearch, Calls, FoundCalls};
pub use caller::Caller;
pub(super) use desk::Desk;
pub(super) use guest::{CallAsk, invoke};
pub(super) use recovery::{clean, recover};

use crate::model::{Call, ChannelName, IdempotencyKey, Size, Span, Trigger};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// The longest input of a call, and the longest output.
pub const CALL_BYTES: Size = Size::mib(1);

/// `[sync.calls]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Calls that go on at the same time; the others wait for their turn. Default 32, at
    /// least 1.
    pub at_once: NonZeroUsize,
    /// The longest time of one try, where the caller says nothing. Default `1m`; never more
    /// than a step may take (`[sandbox.limits] wall`).
    pub timeout: Span,
    /// How long a call is kept after its end, with its result and its idempotency key.
    /// Default `7d`.
    pub keep: Span,
    /// How long a queued call may wait to be carried out, where the caller says nothing. Default
    /// `7d`.
    pub expires: Span,
    /// The longest time that a step may take. No key of its own: the app takes it from
    /// `[sandbox.limits] wall`. 2 minutes where nobody sets it.
    #[serde(skip)]
    pub wall: Span,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            at_once: NonZeroUsize::new(32).expect("32 is not 0"),
            timeout: Span::secs(60),
            keep: Span::secs(7 * 24 * 60 * 60),
            expires: Span::secs(7 * 24 * 3_600),
            wall: Span::secs(120),
        }
    }
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// Which channel.
    pub channel: ChannelName,
    /// Which operation of its type.
    pub operation: String,
    /// A JSON document of at most [`CALL_BYTES`].
    pub input: Bytes,
    /// What makes one call of several requests; none: the host makes one.
    pub key: Option<IdempotencyKey>,
    /// The longest time of one try; none: as configured.
    pub timeout: Option<Span>,
    /// How long it may wait in the queue; none: as configured.
    pub expires: Option<Span>,
    /// Whether to work it off later, in as many tries as it takes.
    pub queue: bool,
    /// What asks for it.
    pub trigger: Trigger,
}

/// A call that was asked for.
#[derive(Clone, Debug)]
pub struct Called {
    /// As it stands.
    pub call: Call,
    /// Whether it is an earlier one, with the same idempotency key: nothing more is sent.
    pub repeated: bool,
}
