//! The whole host: builds the floors upward, owns their tasks, stops them downward.
//!
//! It decides nothing that a floor decides. `serve` runs all of it; a command
//! that finds no running host builds it, asks its router, and lets it go.

mod doctor;
mod error;
mod floors;
mod folder;
mod presence;
mod tasks;

pub use doctor::ground;
pub use error::Error;
pub use presence::Presence;
pub use tasks::Ended;

use crate::{
    api::{self, view},
    catalog::{Catalog, Watcher},
    clock::Clock,
    config::{Config, Loaded},
    model::Secret,
    sync::Runner,
};
use axum::Router;
use floors::Floors;
use futures_util::FutureExt;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use tasks::Tasks;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a host is built from beside its configuration.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The configuration and where it came from.
    pub loaded: Loaded,
    /// The key of the secrets, from `TIDEGATE_KEY`; none: the key file.
    pub key: Option<Secret>,
    /// The time.
    pub clock: Clock,
    /// The program whose `compile-worker` compiles plugins; none: this process
    /// does it itself (tests only).
    pub compiler: Option<PathBuf>,
}

/// A host. Nothing of it runs before it is told to.
pub struct App {
    config: Config,
    router: Router,
    catalog: Catalog,
    tasks: Tasks,
    stop: CancellationToken,
    watcher: Option<Watcher>,
    runner: Option<Runner>,
    presence: Option<Presence>,
}

impl App {
    /// Builds every floor: makes the data folder, opens the store, reads the key.
    ///
    /// # Errors
    /// Names the floor that cannot be built.
    pub fn build(setup: Setup) -> Result<Self, Error> {
        let places = folder::Places::of(&setup.loaded.config.data);
        places.make()?;
        let Floors { store, catalog, watcher, channels, cassettes, sync, runner } =
            Floors::build(&setup, &places)?;
        let (config, stop) = (setup.loaded.config.clone(), CancellationToken::new());
        let doctor = doctor::Doctor {
            has_key: setup.key.is_some(),
            store: store.clone(),
            catalog: catalog.clone(),
            channels: channels.clone(),
            clock: setup.clock,
            loaded: Arc::new(setup.loaded),
        };
        let router = api::router(api::Parts {
            config: config.api.clone(),
            store,
            catalog: catalog.clone(),
            channels,
            sync,
            cassettes,
            configuration: Arc::new(shown(&doctor.loaded, doctor.has_key)),
            doctor: Arc::new(move || doctor.clone().examine().boxed()),
            scratch: places.scratch,
            inspect_bytes: config.sandbox.limits.component_bytes,
            stop: stop.clone(),
        });
        Ok(Self {
            config,
            router,
            catalog,
            tasks: Tasks::default(),
            stop,
            watcher: Some(watcher),
            runner: Some(runner),
            presence: None,
        })
    }

    /// Every route of the API.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns when every file of the plugins folder is judged. Cancel safe.
    pub async fn load_plugins(&self) {
        self.catalog.reload().await;
    }

    /// Lets runs go. Only the first call counts.
    pub fn start_runs(&mut self) {
        if let Some(runner) = self.runner.take() {
            self.tasks.start("runs", |stop| runner.run(stop));
        }
    }

    /// Closes the runs that a killed host left open, without letting any go.
    pub async fn close_interrupted_runs(&mut self) {
        if let Some(runner) = self.runner.take() {
            let stopped = CancellationToken::new();
            stopped.cancel();
            runner.run(stopped).await;
        }
    }

    /// Everything that `serve` is: plugins judged and watched, runs let go, the API
    /// on its address. Returns that address when the host answers on it.
    ///
    /// # Errors
    /// When the address is refused or cannot be had, or `host.json` cannot be written.
    pub async fn serve(&mut self) -> Result<SocketAddr, Error> {
        self.config.api.check_listen().map_err(Error::Listen)?;
        let wanted = self.config.api.listen;
        // Early, so that a taken address is told before plugins are compiled.
        let listener =
            TcpListener::bind(wanted).await.map_err(|source| Error::Bind { address: wanted, source })?;
        let address = listener.local_addr().map_err(|source| Error::Bind { address: wanted, source })?;
        self.load_plugins().await;
        if let Some(watcher) = self.watcher.take() {
            self.tasks.start("plugins", |stop| watcher.run(stop));
        }
        self.start_runs();
        self.start_api(listener);
        let presence = Presence::of(address);
        presence
            .write(&self.config.data)
            .map_err(|source| Error::Folder { folder: self.config.data.clone(), source })?;
        self.presence = Some(presence);
        Ok(address)
    }

    fn start_api(&mut self, listener: TcpListener) {
        let (router, waiting) = (self.router.clone(), self.stop.clone());
        self.tasks.start("api", |stop| async move {
            let stopping = async move {
                stop.cancelled().await;
                waiting.cancel();
            };
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopping);
            if let Err(error) = serving.await {
                tracing::error!(%error, "the API ended");
            }
        });
    }

    /// The task that ended though nobody stopped it. Cancel safe.
    pub async fn failed(&mut self) -> Ended {
        self.tasks.first_end().await
    }

    /// Stops from the top: the API, the runs (at a page border), the plugins; the
    /// store closes when the host is dropped. What is not over within the grace
    /// period is ended, and its name returned. The router still answers.
    pub async fn stop(&mut self) -> Vec<&'static str> {
        if let Some(presence) = self.presence.take() {
            presence.remove(&self.config.data);
        }
        self.stop.cancel();
        self.tasks.stop(self.config.grace.0).await
    }
}

/// What `config show` shows.
#[must_use]
pub fn shown(loaded: &Loaded, has_key: bool) -> view::Configuration {
    view::Configuration {
        file: loaded.source.file.clone(),
        flags: loaded.source.flags.clone(),
        key: if has_key { view::KeySource::Environment } else { view::KeySource::File },
        config: serde_json::to_value(&loaded.config).expect("plain values with text keys are JSON"),
    }
}

#[cfg(test)]
mod tests;
