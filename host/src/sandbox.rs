//! Running one plugin safely; the only place that knows WIT and wasmtime.
//!
//! It decides nothing about channels and keeps nothing: what a step may use
//! comes in with a `Step`, what it did comes out with an `Outcome`.

mod bindings;
mod budget;
mod compile;
mod config;
mod context;
mod convert;
mod engine;
mod error;
mod imports;
mod inspect;
mod instance;
mod journal;
mod limit;
mod limiter;
mod overseer;
mod plugin;
mod seed;
mod step;
mod text;
mod ticker;
mod trap;

#[cfg(test)]
mod tests;

pub use config::{Config, Limits};
pub use error::{CompileError, ContractError, Error, FileError};
pub use journal::{LogLine, LogSink};
pub use overseer::Overseer;
pub use plugin::{Exports, Plugin};
pub use seed::Seed;
pub use step::{Outcome, Step};

use crate::clock::Clock;
use bytes::Bytes;
use compile::{Compiler, Folder};
use context::Context;
use inspect::{Inspection, inspect};
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use ticker::{Ticker, Ticks};
use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{Cache, Engine, component::Linker};

/// What the sandbox is made of.
pub struct Setup {
    /// `[sandbox]` of the configuration.
    pub config: Config,
    /// The guests' time of day.
    pub clock: Clock,
    /// The `tidegate` program, run as `tidegate compile-worker`. None: the host
    /// compiles in its own process, for tests only.
    pub compiler: Option<PathBuf>,
    /// A folder of the host's own for compiled components, made 0700.
    pub cache: PathBuf,
}

/// wasmtime's engine, the compile cache and the epoch ticker; cheap to clone.
#[derive(Clone)]
pub struct Sandbox(Arc<Parts>);

struct Parts {
    engine: Engine,
    linker: Linker<Context>,
    cache: Cache,
    compiler: Compiler,
    config: Config,
    clock: Clock,
    turns: Semaphore,
    ticker: Ticker,
}

impl Sandbox {
    /// Sets the engine up and starts its ticker.
    ///
    /// # Errors
    /// The cache folder is not usable, or the machine cannot run the engine.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        let Setup { config, clock, compiler, cache } = setup;
        let folder = Folder::make(&cache)?;
        let broken = |error: wasmtime::Error| Error::Engine(format!("{error:#}"));
        let (engine, cache) = engine::engine(&folder).map_err(broken)?;
        let mut linker = Linker::new(&engine);
        imports::link(&mut linker).map_err(broken)?;
        let ticker = Ticker::start(&engine).map_err(|error| Error::Engine(error.to_string()))?;
        let folder = Folder::open(folder, &engine, &clock);
        Ok(Self(Arc::new(Parts {
            linker,
            cache,
            compiler: Compiler::new(compiler, folder, config.clone()),
            turns: Semaphore::new(config.steps_at_once.get().min(Semaphore::MAX_PERMITS)),
            ticker,
            engine,
            config,
            clock,
        })))
    }

    /// Inspects, compiles (in the child) and pre-links a component. Runs none
    /// of its code. Cancel safe.
    ///
    /// # Errors
    /// Why the file is not fit to run.
    pub async fn load(&self, bytes: Bytes) -> Result<Plugin, Error> {
        let (sandbox, component) = (self.clone(), bytes.clone());
        let inspection =
            blocking(move || inspect(&component, sandbox.limits(), sandbox.engine().get_wasm_features()))
                .await?;
        self.0.compiler.prepare(&inspection.sha256, bytes.clone()).await?;
        let sandbox = self.clone();
        blocking(move || sandbox.link(&bytes, inspection)).await
    }

    fn link(&self, bytes: &[u8], inspection: Inspection) -> Result<Plugin, Error> {
        let misses = self.0.cache.cache_misses();
        let plugin = Plugin::link(self, bytes, inspection)?;
        if self.0.compiler.is_apart() && self.0.cache.cache_misses() > misses {
            tracing::warn!(plugin.sha256 = plugin.sha256(), "a file of the compile cache was broken");
        }
        Ok(plugin)
    }

    /// What one step may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    fn engine(&self) -> &Engine {
        &self.0.engine
    }

    fn linker(&self) -> &Linker<Context> {
        &self.0.linker
    }

    /// The guests' time of day, which is the host's.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    fn ticks(&self) -> Ticks {
        self.0.ticker.ticks()
    }

    async fn turn(&self) -> SemaphorePermit<'_> {
        self.0.turns.acquire().await.expect("the semaphore is never closed")
    }
}

/// The body of `tidegate compile-worker`: limits itself, reads a component from
/// standard input, compiles it into the cache, and says so. It takes no
/// arguments: what it has to know comes in the first line of its input.
#[must_use]
pub fn compile_worker() -> ExitCode {
    compile::work()
}

/// Work that takes milliseconds to seconds, off the run time's threads. A panic
/// over a hostile file is the file's failure, not the host's.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}
