//! The floors below the API, built upward.

use super::{Error, Setup, folder::Places};
use crate::{
    broker::{Broker, SystemLookup},
    cassettes::{self, Cassettes},
    catalog::{self, Catalog, Watcher},
    channels::{self, BreakerKeeper, Channels, TrapKeeper},
    sandbox::{self, Sandbox},
    store::Store,
    sync::{self, Hooks, NoticeSender, Notices, RouteWorker, Routes, Runner, Sync, Timetable},
};
use std::sync::Arc;

/// Handles on the floors, and the tasks that have to run for them.
pub(super) struct Floors {
    pub(super) store: Store,
    pub(super) catalog: Catalog,
    pub(super) watcher: Watcher,
    pub(super) channels: Channels,
    pub(super) breakers: BreakerKeeper,
    pub(super) cassettes: Cassettes,
    pub(super) sync: Sync,
    pub(super) timetable: Timetable,
    pub(super) runner: Runner,
    pub(super) traps: TrapKeeper,
    pub(super) hooks: Hooks,
    pub(super) notices: Notices,
    pub(super) notice_sender: NoticeSender,
    pub(super) routes: Routes,
    pub(super) route_worker: RouteWorker,
}

impl Floors {
    /// Opens the store first: whoever else holds it must not be disturbed.
    pub(super) fn build(setup: &Setup, places: &Places) -> Result<Self, Error> {
        let (config, clock) = (&setup.loaded.config, &setup.clock);
        let store = Store::open(&places.store, &config.store).map_err(Error::Store)?;
        let sandbox = Sandbox::new(sandbox::Setup {
            config: config.sandbox.clone(),
            clock: clock.clone(),
            compiler: setup.compiler.clone(),
            cache: places.cache.clone(),
        })
        .map_err(Error::Sandbox)?;
        let folder = config.plugins_folder();
        // This key stands with the others that say what comes of a failure.
        let in_catalog =
            catalog::Config { traps_in_a_row: config.sync.traps_in_a_row, ..config.catalog.clone() };
        let (catalog, watcher) = Catalog::build(in_catalog, folder.clone(), sandbox)
            .map_err(|source| Error::Folder { folder, source })?;
        let host = places.host().map_err(|source| Error::Folder { folder: places.data.clone(), source })?;
        let channels = Channels::build(channels::Parts {
            store: store.clone(),
            catalog: catalog.clone(),
            broker: Broker::new(config.broker.clone(), Arc::new(SystemLookup)),
            clock: clock.clone(),
            key_file: places.key.clone(),
            key: setup.key.clone(),
            host,
        })
        .map_err(Error::Channels)?;
        let (breakers, traps) = (channels.breaker_keeper(), channels.trap_keeper());
        // These keys stand elsewhere: with the other limits of a step, and under `[history]`.
        let sync = sync::Config {
            record_bytes: config.sandbox.limits.record_bytes,
            program: setup.compiler.clone(),
            history: config.history.clone(),
            calls: sync::CallConfig { wall: config.sandbox.limits.wall, ..config.sync.calls.clone() },
            ..config.sync.clone()
        };
        let cassettes = Cassettes::build(cassettes::Parts {
            config: config.cassettes.clone(),
            folder: places.cassettes.clone(),
            catalog: catalog.clone(),
            clock: clock.clone(),
        });
        let (sync, runner) = Sync::build(sync::Parts {
            config: sync,
            store: store.clone(),
            channels: channels.clone(),
            cassettes: cassettes.clone(),
            clock: clock.clone(),
            host,
        });
        let removed = cassettes.clone();
        sync.when_removed(move |runs| removed.forget(runs));
        let timetable = Timetable::new(config.schedule.clone(), store.clone(), clock.clone());
        let hooks = Hooks::build(&sync, channels.clone());
        let (notices, notice_sender) = Notices::build(&sync, channels.clone(), config.notices.clone());
        let (routes, route_worker) = Routes::build(&sync);
        Ok(Self {
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
        })
    }
}
