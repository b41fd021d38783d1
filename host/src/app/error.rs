//! Why a host cannot be built or cannot serve.

use crate::{channels, model::Fault, sandbox, store};
use std::{io, net::SocketAddr, path::PathBuf};

/// Names the floor that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder cannot be made or written.
    #[error("the folder {} cannot be made or written", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(store::Error),
    /// The sandbox cannot be set up.
    #[error("the sandbox cannot be set up")]
    Sandbox(#[source] sandbox::Error),
    /// The key of the secrets cannot be had.
    #[error(transparent)]
    Channels(channels::Error),
    /// The API may not listen there.
    #[error("{0}")]
    Listen(String),
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Store(error) => error.fault(),
            Self::Channels(error) => error.fault(),
            Self::Sandbox(_) => Fault::Bug,
            Self::Listen(_) => Fault::Denied,
            Self::Folder { .. } | Self::Bind { .. } => Fault::Invalid,
        }
    }

    /// Whether another process holds the data folder.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Store(store::Error::Locked(_)))
    }
}
