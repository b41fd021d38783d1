//! Why a cassette could not be read, deleted or replayed.

use crate::model::{Failure, Fault, RunId};
use std::io;

/// Why something could not be done with a cassette.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run was not recorded.
    #[error("there is no cassette of run {0}; record one with: tidegate sync NAME --record")]
    NoCassette(RunId),
    /// The recording holds no step.
    #[error("the cassette of run {0} holds no step: nothing can be replayed")]
    Empty(RunId),
    /// It is of another version, or something of it is gone or broken.
    #[error("the cassette of run {run} cannot be read: {what}")]
    Damaged {
        /// Of which run.
        run: RunId,
        /// What is wrong with it.
        what: String,
    },
    /// The file that was recorded is not there any more.
    #[error(
        "the plugin file that was recorded (sha-256 {0}) was not kept and is not in the plugins folder; name one with --plugin FILE"
    )]
    NoPlugin(String),
    /// The plugin cannot run what was recorded.
    #[error("the plugin cannot replay this: {0}")]
    Unfit(String),
    /// The plugin is refused, or cannot take the settings over.
    #[error("{0}")]
    Plugin(Failure),
    /// The files.
    #[error("the files of the cassettes cannot be used")]
    Files(#[from] io::Error),
}

impl Error {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoCassette(_) | Self::Empty(_) | Self::NoPlugin(_) | Self::Unfit(_) => Fault::Invalid,
            Self::Damaged { .. } | Self::Files(_) => Fault::Bug,
            Self::Plugin(failure) => failure.fault(),
        }
    }
}
