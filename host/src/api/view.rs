//! The API's JSON: what goes over the wire, whoever is at its ends.
//!
//! Nothing below the API knows these forms. The command line reads with the
//! same types that the API writes with.

mod channel;
mod host;
mod list;
mod plugin;
mod problem;
mod readiness;
mod record;
mod run;

pub use channel::{Channel, ChannelDetail, CheckReport, ConnectorState, Edit, NewChannel, NewSync};
pub use host::{Check, Configuration, Diagnosis, Health, KeySource, Level};
pub use list::List;
pub use plugin::{Inspection, Plugin, PluginState, Refusal};
pub use problem::{FieldProblem, Problem, ProblemDocument};
pub use readiness::{Readiness, Reason};
pub use record::{ExportLine, Record};
pub use run::{Job, Run};
