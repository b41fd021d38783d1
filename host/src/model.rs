//! Plain values that more than one floor speaks of.
//!
//! Nothing here opens, reads or decides anything beyond the bounds of a value.

mod call;
mod cassette;
mod channel;
mod conflict;
mod failure;
mod grant;
mod history;
mod hook;
mod id;
mod job;
mod lifecycle;
mod manifest;
mod mapping;
mod notice;
mod origin;
mod outgoing;
mod plugin;
mod push;
mod quantity;
mod record;
mod route;
mod run;
mod schedule;
mod schema;
mod secret;
mod timestamp;
mod trail;
mod usage;

pub use call::{Call, CallMode, Holder, IdempotencyKey, IdempotencyKeyError, Invocation};
pub use cassette::{
    Cassette, DueDifference, FailureDifference, FieldDifference, Listed, PluginVersion, RecordDifference,
    RecordDifferences, Replay, RequestDifferences, Side, Sides,
};
pub use channel::{Channel, ConflictPolicies, Migrated, Parallel, Paused, Sealed, Vanished};
pub use conflict::{Conflict, ConflictPolicy, FieldConflict, Settlement, Taken};
pub use failure::{Class, Failure, Fault, FieldError};
pub use history::{LineLevel, LineSource, RunLine, RunPage};
pub use hook::{Delivery, Effect, Hook, HookChange, HookCounts, HookFailure, HookSecret};
pub use id::{
    ChannelId, ChannelName, ConflictId, HookId, HostId, IdError, JobId, Name, RecordKey, RunId, SubscriberId,
};
pub use job::{Again, Asked, Job};
pub use lifecycle::{Held, Holdings, LifecycleQuestion, LifecycleStep};
pub use manifest::{
    Auth, AuthScheme, ChannelType, Choice, Condition, Connector, Direction as Ways, DrivenBy, Field,
    FieldKind, Manifest, Operation, Origin, RateHint, Reference, SignatureScheme, Transport, Wanted, Webhook,
    Write,
};
pub use manifest::{HmacScheme, Repeats, TimestampFormat};
pub use mapping::{Mapping, Otherwise, ValueMap};
pub use notice::{Notice, NoticeState};
pub use origin::{BreakerState, KeptBreaker, OriginFailure, OriginState};
pub use outgoing::{Author, Outgoing, Sent, Version};
pub use plugin::{LastTrap, TrappedPlugin};
pub use push::{Acknowledgement, Change, PushRequest, Pushed};
pub use quantity::{Size, Span};
pub use record::{Due, Envelope, Page, PullRequest, Record, Reject};
pub use route::{Route, RouteConflicts, RouteDeletions, RouteEnd, RouteFill, RouteState};
pub use run::{Counters, Deferred, Direction, Run, Status, Trigger};
pub use schedule::{CronText, Interval, Maintenance, Quiet, Rhythm, Schedule, ScheduleError, TimeZoneName};
pub use schema::compile_schema;
pub use secret::Secret;
pub use timestamp::Timestamp;
pub use trail::Step as TrailStep;
pub use usage::Usage;

pub use grant::{Claim, ConnectStage, KeptAttempt, KeptGrant};
pub use manifest::{AnswerFields, ClientAuth, GrantType, OAuth2, TokenRequest};
