//! What is said of runs that did not begin, or were ended from outside.

use crate::{
    metrics,
    model::{Channel, Class, Failure, Run},
    sync::{
        Error,
        history::{self, Ending},
        live::LiveRun,
        progress::Progress,
    },
};

pub(super) fn unplanned(error: Error) -> Failure {
    let code = match &error {
        Error::Disabled(_) => return disabled(),
        Error::NothingToSync(_) | Error::NothingToExport(_) => "channel.no-connectors",
        Error::NoConnector { .. } => "connector.unknown",
        Error::NotOffered { .. } => "run.connector-gone",
        _ => "connector.no-full",
    };
    Failure::new(Class::Config, code, error.to_string())
}

/// What ended a run whose token was cancelled.
pub(super) fn told(run: &LiveRun) -> Ending {
    if run.progress.was_asked() {
        Ending::Cancelled(history::cancelled(&run.progress.snapshot()))
    } else {
        Ending::Back
    }
}

pub(super) const DISABLED: &str = "run.disabled";

pub(super) fn disabled() -> Failure {
    Failure::new(Class::Config, DISABLED, "the channel was disabled while this run waited for its turn")
}

pub(super) fn paused(failure: &Failure) -> Failure {
    let message = format!("the channel is paused: {}", failure.message);
    Failure::new(failure.class, "run.paused", message)
}

pub(super) fn dependency(needed: &Run) -> Failure {
    let class = needed.error.as_ref().map_or(Class::Transient, |error| error.class);
    let message = format!(
        "connector '{}' ended as {}, and this one needs it to have run well",
        needed.connector, needed.status
    );
    Failure::new(class, "run.dependency", message)
}

/// Counts how a run ended.
pub(super) fn counted(channel: &Channel, progress: &Progress) {
    let run = progress.snapshot();
    let class = run.error.map(|error| error.class);
    metrics::run_ended(&channel.channel_type, &run.connector, run.status, class);
}
