//! The API's JSON: what goes over the wire, whoever is at its ends.
//!
//! Nothing below the API knows these forms. The command line reads with the
//! same types that the API writes with.

mod call;
mod cassette;
mod channel;
mod conflict;
mod connection;
mod dry_run;
mod history;
mod hook;
mod host;
mod lifecycle;
mod list;
mod local;
mod mapping;
mod notice;
mod origin;
mod plugin;
mod problem;
mod quarantine;
mod readiness;
mod record;
mod route;
mod run;
mod schedule;

pub use call::{Call, CallChecked};
pub use cassette::{CassetteDetail, Replayed};
pub use channel::{
    Channel, ChannelDetail, CheckReport, ConnectorState, Edit, NewChannel, NewSync, Upgraded, Waiting,
};
pub use conflict::Conflict;
pub use connection::{Attempt, Connect, Connection, Disconnected};
pub use dry_run::{
    DryRunChange, DryRunField, DryRunKind, DryRunLine, DryRunOutcome, DryRunSummary, NewDryRun,
};
pub use history::{Clean, Cleaned, Log, LogLine, Page};
pub use hook::{Hook, HookRotation, HookSignature, MadeHook, NewHook};
pub use host::{Check, Configuration, Diagnosis, Health, KeySource, Level};
pub use lifecycle::{ConnectorHoldings, Deleted, Deletion, Disabled};
pub use list::List;
pub use local::{
    AskedAgain, Choice, GivenUp, Link, NewLink, Outgoing, OutgoingDetail, OutgoingSelection, Resolution,
    Side, Step, Written,
};
pub use mapping::{MappedRecord, MappingLint, MappingPreview, MappingState, NewMappingTest};
pub use notice::{
    Count, DeadNotice, DeadSelection, MadeNotice, NewNotice, Notice, NoticeFailure, NoticeTest,
};
pub use origin::{Origin, OriginFailure, OriginName};
pub use plugin::{Inspection, Plugin, PluginName, PluginQuarantine, PluginState, Refusal, ReleasedPlugin};
pub use problem::{FieldProblem, Problem, ProblemDocument};
pub use quarantine::{Dropped, Failed, Hopeless, Payload, Quarantined, Retried, Selection};
pub use readiness::{Readiness, Reason};
pub use record::{ExportLine, Record};
pub use route::{FailedRoute, NewRoute, NewRouteTest, Route, RouteEnd, RouteFill, Tried, TriedWhat};
pub use run::{Deferred, Job, Run};
pub use schedule::{HeldBy, Idle, NewPause, Planned, Schedule, ScheduleEdit, ScheduleState};
