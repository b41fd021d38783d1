//! The API's JSON: what goes over the wire, whoever is at its ends.
//!
//! Nothing below the API knows these forms. The command line reads with the
//! same types that the API writes with.

mod cassette;
mod channel;
mod host;
mod list;
mod plugin;
mod problem;
mod record;
mod run;

pub use cassette::{CassetteDetail, Replayed};
pub use channel::{Channel, ChannelDetail, CheckReport, ConnectorState, Edit, NewChannel, NewSync};
pub use host::{Check, Configuration, Diagnosis, Health, KeySource, Level};
pub use list::List;
pub use plugin::{Inspection, Plugin, PluginState, Refusal};
pub use problem::{FieldProblem, Problem, ProblemDocument};
pub use record::{ExportLine, Record};
pub use run::{Job, Run};
