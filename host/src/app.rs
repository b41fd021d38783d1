//! The whole host: builds the floors upward, owns their tasks, stops them downward.
//!
//! It decides nothing that a floor decides. `serve` runs all of it; a command
//! that finds no running host builds it, asks its router, and lets it go.

mod doctor;
mod error;
mod floors;
mod folder;
mod gate;
mod presence;
mod readiness;
mod tasks;

pub use doctor::ground;
pub use error::Error;
pub use presence::Presence;
pub use tasks::Ended;

use crate::{
    api::{self, view},
    catalog::{Catalog, Watcher},
    channels::{BreakerKeeper, Channels, TrapKeeper},
    clock::Clock,
    config::{Config, Loaded},
    metrics,
    model::Secret,
    sync::{Caller, Cleaner, NoticeSender, Prober, Reach, RouteWorker, Runner, Scheduler},
    telemetry::otlp::Exporter,
};
use axum::Router;
use floors::Floors;
use futures_util::FutureExt;
use readiness::Readiness;
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};
use tasks::Tasks;
use tokio::{net::TcpListener, time::timeout};
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
    /// The program whose `compile-worker` compiles plugins, and whose `filter-worker` runs
    /// the filters of mappings; none: this process does it itself (tests only).
    pub compiler: Option<PathBuf>,
}

/// A host. Nothing of it runs before it is told to.
pub struct App {
    config: Config,
    router: Router,
    catalog: Catalog,
    channels: Channels,
    tasks: Tasks,
    stop: CancellationToken,
    readiness: Readiness,
    watcher: Option<Watcher>,
    breakers: Option<BreakerKeeper>,
    runner: Option<Runner>,
    scheduler: Option<Scheduler>,
    prober: Option<Prober>,
    caller: Option<Caller>,
    cleaner: Option<Cleaner>,
    notice_sender: Option<NoticeSender>,
    route_worker: Option<RouteWorker>,
    presence: Option<Presence>,
    traps: Option<TrapKeeper>,
    listening: Arc<OnceLock<SocketAddr>>,
}

impl App {
    /// Builds every floor: makes the data folder, opens the store, reads the key.
    ///
    /// # Errors
    /// Names the floor that cannot be built.
    pub fn build(setup: Setup) -> Result<Self, Error> {
        metrics::start();
        let places = folder::Places::of(&setup.loaded.config.data);
        places.make()?;
        let Floors {
            store,
            catalog,
            watcher,
            channels,
            breakers,
            cassettes,
            sync,
            timetable,
            runner,
            hooks,
            notices,
            notice_sender,
            routes,
            route_worker,
            traps,
        } = Floors::build(&setup, &places)?;
        let cleaner = Cleaner::new(&sync);
        let (config, stop) = (setup.loaded.config.clone(), CancellationToken::new());
        let listening = Arc::default();
        let (scheduler, prober) = (sync.scheduler(config.schedule.clone()), sync.prober());
        let caller = sync.caller();
        let readiness = Readiness::new(store.clone(), stop.clone());
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
            channels: channels.clone(),
            sync,
            cassettes,
            timetable,
            hooks,
            notices,
            routes,
            configuration: Arc::new(shown(&doctor.loaded, doctor.has_key)),
            doctor: Arc::new(move || doctor.clone().examine().boxed()),
            readiness: {
                let readiness = readiness.clone();
                Arc::new(move || readiness.clone().reasons().boxed())
            },
            scratch: places.scratch,
            inspect_bytes: config.sandbox.limits.component_bytes,
            stop: stop.clone(),
            listening: Arc::clone(&listening),
        });
        Ok(Self {
            config,
            router,
            catalog,
            channels,
            tasks: Tasks::default(),
            stop,
            readiness,
            watcher: Some(watcher),
            breakers: Some(breakers),
            runner: Some(runner),
            scheduler: Some(scheduler),
            prober: Some(prober),
            caller: Some(caller),
            cleaner: Some(cleaner),
            notice_sender: Some(notice_sender),
            route_worker: Some(route_worker),
            presence: None,
            traps: Some(traps),
            listening,
        })
    }

    /// Every route of the API.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns when every file of the plugins folder is judged. Cancel safe.
    pub async fn load_plugins(&self) {
        self.catalog.reload().await;
        self.readiness.plugins_judged();
    }

    /// Sends traces and metrics for as long as the host runs. Call it before `serve`, so
    /// that it stops last and sends what the stop has to tell.
    pub fn export(&mut self, exporter: Exporter) {
        self.tasks.start("telemetry", |stop| exporter.run(stop));
    }

    /// Takes over what was known of remote systems and plugins before the host started. Belongs
    /// before the first request.
    pub async fn restore_breakers(&self) {
        if let Err(error) = self.channels.restore_breakers().await {
            tracing::warn!(%error, "what was known of origins is lost: all of them are tried");
        }
        if let Err(error) = self.channels.restore_traps().await {
            tracing::warn!(%error, "which plugins are in quarantine is lost: all of them may run");
        }
    }

    /// Lets runs go, all of them or those that this process is asked for. Only the first
    /// call counts.
    pub fn start_runs(&mut self, reach: Reach) {
        if let Some(breakers) = self.breakers.take() {
            self.tasks.start("breakers", |stop| breakers.run(stop));
        }
        if let Some(traps) = self.traps.take() {
            self.tasks.start("traps", |stop| traps.run(stop));
        }
        if let Some(runner) = self.runner.take() {
            let running = self.readiness.runs_go();
            self.tasks.start("runs", |stop| async move {
                let _running = running;
                runner.run(reach, stop).await;
            });
        }
        if reach == Reach::All
            && let Some(scheduler) = self.scheduler.take()
        {
            self.tasks.start("schedule", |stop| scheduler.run(stop));
        }
        if reach == Reach::All
            && let Some(prober) = self.prober.take()
        {
            self.tasks.start("probes", |stop| prober.run(stop));
        }
        if let Some(caller) = self.caller.take() {
            self.tasks.start("calls", |stop| caller.run(reach, stop));
        }
    }

    /// Puts right what a killed host left behind, without letting any run go.
    pub async fn recover(&self) {
        if let Some(runner) = &self.runner {
            runner.recover().await;
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
        // The first address stays: it is what providers know.
        let _ = self.listening.set(address);
        let started = CancellationToken::new();
        self.start_api(listener, started.clone());
        self.load_plugins().await;
        if let Some(watcher) = self.watcher.take() {
            self.tasks.start("plugins", |stop| watcher.run(stop));
        }
        self.restore_breakers().await;
        self.start_runs(Reach::All);
        if let Some(cleaner) = self.cleaner.take() {
            self.tasks.start("history", |stop| cleaner.run(stop));
        }
        if let Some(sender) = self.notice_sender.take() {
            self.tasks.start("notices", |stop| sender.run(stop));
        }
        if let Some(worker) = self.route_worker.take() {
            self.tasks.start("routes", |stop| worker.run(stop));
        }
        self.tasks.raise("api");
        started.cancel();
        let presence = Presence::of(address);
        presence
            .write(&self.config.data)
            .map_err(|source| Error::Folder { folder: self.config.data.clone(), source })?;
        self.presence = Some(presence);
        Ok(address)
    }

    /// Probes are answered at once, everything else when the host has started.
    fn start_api(&mut self, listener: TcpListener, started: CancellationToken) {
        let waiting = self.stop.clone();
        let router = gate::before(self.router.clone(), started, waiting.clone());
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
        let mut ended_by_force = self.tasks.stop(self.config.grace.0).await;
        // An answer with a refresh token that is good for one use must not get lost.
        if timeout(self.config.grace.0, self.channels.settle_tokens()).await.is_err() {
            ended_by_force.push("tokens");
        }
        if let Some(breakers) = self.breakers.take() {
            // Nothing ran, but a command may have given an origin free.
            let stopped = CancellationToken::new();
            stopped.cancel();
            breakers.run(stopped).await;
        }
        if let Some(traps) = self.traps.take() {
            // The same of a plugin.
            let stopped = CancellationToken::new();
            stopped.cancel();
            traps.run(stopped).await;
        }
        ended_by_force
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
