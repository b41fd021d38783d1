//! Plain values that more than one floor speaks of.
//!
//! Nothing here opens, reads or decides anything beyond the bounds of a value.

mod cassette;
mod channel;
mod failure;
mod id;
mod manifest;
mod quantity;
mod record;
mod run;
mod secret;
mod timestamp;
mod usage;

pub use cassette::{
    Cassette, DueDifference, FailureDifference, FieldDifference, Listed, PluginVersion, RecordDifference,
    RecordDifferences, Replay, RequestDifferences, Side, Sides,
};
pub use channel::{Channel, Sealed};
pub use failure::{Class, Failure, Fault, FieldError};
pub use id::{ChannelId, ChannelName, IdError, JobId, Name, RecordKey, RunId};
pub use manifest::{
    Auth, AuthScheme, ChannelType, Choice, Condition, Connector, Direction as Ways, DrivenBy, Field,
    FieldKind, Manifest, Operation, Origin, RateHint, SignatureScheme, Transport, Wanted, Webhook,
};
pub use quantity::{Size, Span};
pub use record::{Due, Envelope, Page, PullRequest, Record, Reject};
pub use run::{Counters, Direction, Run, Status, Trigger};
pub use secret::Secret;
pub use timestamp::Timestamp;
pub use usage::Usage;
