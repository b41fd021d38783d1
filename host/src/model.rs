//! Plain values that more than one floor speaks of.
//!
//! Nothing here opens, reads or decides anything beyond the bounds of a value.

mod cassette;
mod channel;
mod failure;
mod grant;
mod history;
mod id;
mod job;
mod manifest;
mod origin;
mod quantity;
mod record;
mod run;
mod schedule;
mod secret;
mod timestamp;
mod usage;

pub use cassette::{
    Cassette, DueDifference, FailureDifference, FieldDifference, Listed, PluginVersion, RecordDifference,
    RecordDifferences, Replay, RequestDifferences, Side, Sides,
};
pub use channel::{Channel, Parallel, Paused, Sealed, Vanished};
pub use failure::{Class, Failure, Fault, FieldError};
pub use history::{LineLevel, LineSource, RunLine, RunPage};
pub use id::{ChannelId, ChannelName, HostId, IdError, JobId, Name, RecordKey, RunId};
pub use job::{Again, Asked, Job};
pub use manifest::{
    Auth, AuthScheme, ChannelType, Choice, Condition, Connector, Direction as Ways, DrivenBy, Field,
    FieldKind, Manifest, Operation, Origin, RateHint, SignatureScheme, Transport, Wanted, Webhook,
};
pub use origin::{BreakerState, KeptBreaker, OriginFailure, OriginState};
pub use quantity::{Size, Span};
pub use record::{Due, Envelope, Page, PullRequest, Record, Reject};
pub use run::{Counters, Deferred, Direction, Run, Status, Trigger};
pub use schedule::{CronText, Interval, Maintenance, Quiet, Rhythm, Schedule, ScheduleError, TimeZoneName};
pub use secret::Secret;
pub use timestamp::Timestamp;
pub use usage::Usage;

pub use grant::{Claim, ConnectStage, KeptAttempt, KeptGrant};
pub use manifest::{AnswerFields, ClientAuth, GrantType, OAuth2};
