//! The only place that turns an outcome into an exit code.

use crate::{api::view::Run, config, model::Status};
use std::{io, process::ExitCode};

/// How a command ended. `help::TOP_AFTER` documents the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// 0: all of it was done.
    Done,
    /// 1: it failed.
    Failed,
    /// 2: the command line or the configuration makes no sense.
    Usage,
    /// 3: a sync left records in quarantine, or some of its connectors failed; a replay
    /// came to something else.
    Partly,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partly => 3,
        })
    }
}

/// A command line that clap takes but that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

impl Exit {
    /// A reader that went away (`| head`) is no failure.
    pub(super) fn of_error(error: &anyhow::Error) -> Self {
        if is_broken_pipe(error) {
            Self::Done
        } else if error.is::<Usage>() || error.is::<config::Error>() {
            Self::Usage
        } else {
            Self::Failed
        }
    }

    /// How a sync ended, by its runs.
    pub(super) fn of_runs(runs: &[Run]) -> Self {
        let is_whole = |run: &Run| run.status == Status::Completed;
        let is_done = |run: &Run| is_whole(run) || run.status == Status::CompletedWithWarnings;
        if runs.iter().all(is_whole) {
            Self::Done
        } else if runs.iter().any(is_done) {
            Self::Partly
        } else {
            Self::Failed
        }
    }
}

/// Whether whoever reads our output has gone.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::text::samples;
    use anyhow::anyhow;

    #[test]
    fn every_error_has_its_code() {
        let unreadable =
            config::Error::Unreadable { file: "x".into(), source: io::ErrorKind::NotFound.into() };
        for (error, exit) in [
            (anyhow!("anything"), Exit::Failed),
            (Usage("no".into()).into(), Exit::Usage),
            (anyhow::Error::from(unreadable), Exit::Usage),
            (anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("printing"), Exit::Done),
            (anyhow::Error::from(io::Error::from(io::ErrorKind::NotFound)), Exit::Failed),
        ] {
            assert_eq!(Exit::of_error(&error), exit, "{error:?}");
        }
    }

    #[test]
    fn a_sync_ends_as_its_runs_do() {
        use Status::{Cancelled, Completed, CompletedWithWarnings, Deferred, Failed, Skipped};
        for (statuses, exit) in [
            (&[Completed, Completed][..], Exit::Done),
            (&[CompletedWithWarnings], Exit::Partly),
            (&[Completed, CompletedWithWarnings], Exit::Partly),
            (&[Completed, Failed], Exit::Partly),
            (&[CompletedWithWarnings, Skipped], Exit::Partly),
            (&[Failed], Exit::Failed),
            (&[Failed, Skipped], Exit::Failed),
            (&[Deferred], Exit::Failed),
            (&[Cancelled], Exit::Failed),
        ] {
            let runs: Vec<_> = statuses.iter().map(|status| samples::run("ticket", *status)).collect();
            assert_eq!(Exit::of_runs(&runs), exit, "{statuses:?}");
        }
    }
}
