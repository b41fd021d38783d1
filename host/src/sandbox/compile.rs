//! Compiling a component: in a child process, into the cache.
//!
//! What came from outside is never compiled in the host's own process first.
//! The child leaves the result in a folder of its own; only when it has ended
//! well is it taken into the cache, where the host then finds it. Only where a
//! file of the cache turns out broken does the host compile, and then a
//! component that a child has compiled within its limits before.

mod cache;
mod child;
mod sweep;
mod worker;

pub(super) use cache::Folder;
pub(super) use worker::work;

use super::{
    Config,
    error::{CompileError, Error},
};
use bytes::Bytes;
use std::path::PathBuf;
use tokio::sync::Mutex;
use worker::Order;

/// Sees to it that components are compiled.
pub(super) struct Compiler {
    /// The program that is run as `PROGRAM compile-worker`. None: the host
    /// compiles itself, when it loads.
    program: Option<PathBuf>,
    folder: Folder,
    config: Config,
    /// One at a time: each may take as much memory as the limit allows.
    turn: Mutex<()>,
}

impl Compiler {
    /// With its cache in `folder`.
    pub(super) fn new(program: Option<PathBuf>, folder: Folder, config: Config) -> Self {
        Self { program, folder, config, turn: Mutex::new(()) }
    }

    /// Whether components are compiled in a process apart.
    pub(super) fn is_apart(&self) -> bool {
        self.program.is_some()
    }

    /// Puts the compiled form of `component` into the cache, where it is not
    /// there yet. Cancel safe: the child is killed, and nothing is left.
    ///
    /// # Errors
    /// The component cannot be compiled within the limits.
    pub(super) async fn prepare(&self, sha256: &str, component: Bytes) -> Result<(), Error> {
        let Some(program) = &self.program else {
            return Ok(());
        };
        if self.folder.holds(sha256) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        if self.folder.holds(sha256) {
            return Ok(()); // Somebody else waited for the same.
        }
        let staging = self.folder.staging()?;
        let order = Order::new(staging.path(), self.folder.engine(), &self.config);
        child::compile(program, order, component, &self.config).await?;
        if !self.folder.adopt(&staging, sha256)? {
            return Err(CompileError::Failed(
                "the compiler left nothing in the cache; is the disk full?".into(),
            )
            .into());
        }
        Ok(())
    }
}
