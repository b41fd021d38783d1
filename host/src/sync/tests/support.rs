//! A host without plugins.

mod channel;
pub(in crate::sync) mod engine;
pub(in crate::sync) mod remote;
mod script;

pub(in crate::sync) use channel::*;
pub(in crate::sync) use script::*;

use crate::{
    channels,
    clock::Clock,
    model::{
        Channel, ChannelId, ChannelName, Counters, Direction, Failure, HostId, Paused, Run, RunId, Status,
        Timestamp, Trigger,
    },
    store::Store,
    sync::{
        Config, Reach, Request, Sync,
        opener::{Opener, Ready},
        prober::{Ailing, Probe},
        schedule,
    },
};
use futures_util::future::BoxFuture;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// The channels that can be opened, by name.
#[derive(Default)]
pub(in crate::sync) struct Shelf {
    channels: Mutex<HashMap<ChannelName, Ready>>,
    /// Origins that are left alone.
    ailing: watch::Sender<Vec<Ailing>>,
    changes: watch::Sender<u64>,
    /// Changes with every plugin.
    pub(in crate::sync) plugins: watch::Sender<u64>,
    /// Why no channel can be opened, where that is so.
    objection: Mutex<Option<Failure>>,
    pub(in crate::sync) probed: Mutex<Vec<ChannelId>>,
}

impl Opener for Shelf {
    fn open<'a>(&'a self, channel: &'a ChannelName) -> BoxFuture<'a, Result<Ready, channels::Error>> {
        let ready = self.channels.lock().unwrap().get(channel).cloned();
        let ready = ready.ok_or_else(|| channels::Error::NoChannel(channel.to_string()));
        Box::pin(async move { ready })
    }

    fn reopen(&self, channel: ChannelId) -> BoxFuture<'_, Result<Ready, channels::Error>> {
        if let Some(objection) = self.objection.lock().unwrap().clone() {
            return Box::pin(async move { Err(channels::Error::Plugin(objection)) });
        }
        let ready = self.channels.lock().unwrap().values().find(|ready| ready.channel.id == channel).cloned();
        let ready = ready.ok_or_else(|| channels::Error::NoChannel(channel.to_string()));
        Box::pin(async move { ready })
    }

    fn pause<'a>(&'a self, channel: &'a Channel, reason: Paused) -> BoxFuture<'a, ()> {
        self.set_paused(channel, Some(reason));
        Box::pin(async {})
    }

    fn ailing(&self) -> Vec<Ailing> {
        self.ailing.borrow().clone()
    }

    fn origins_changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn probe(&self, channel: ChannelId) -> BoxFuture<'_, Probe> {
        self.probed.lock().unwrap().push(channel);
        Box::pin(async { Probe::Asked })
    }

    fn plugins_changed(&self) -> watch::Receiver<u64> {
        self.plugins.subscribe()
    }

    fn is_offered(&self, _: &str) -> bool {
        self.objection.lock().unwrap().is_none()
    }

    fn resume<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()> {
        self.set_paused(channel, None);
        Box::pin(async {})
    }

    fn prove<'a>(&'a self, channel: &'a Channel) -> BoxFuture<'a, ()> {
        if let Some(ready) = self.channels.lock().unwrap().get_mut(&channel.name) {
            ready.channel.migrated = None;
        }
        Box::pin(async {})
    }
}

impl Shelf {
    fn set_paused(&self, channel: &Channel, because: Option<Paused>) {
        if let Some(ready) = self.channels.lock().unwrap().get_mut(&channel.name) {
            ready.channel.paused = because;
        }
    }

    /// Sets why no channel can be opened.
    pub(in crate::sync) fn object(&self, objection: Option<Failure>) {
        *self.objection.lock().unwrap() = objection;
        self.plugins.send_modify(|count| *count += 1);
    }

    /// Sets which origins are left alone.
    pub(in crate::sync) fn ail(&self, ailing: Vec<Ailing>) {
        self.ailing.send_replace(ailing);
        self.changes.send_modify(|count| *count += 1);
    }

    /// The channel of that name as it stands.
    pub(in crate::sync) fn channel(&self, name: &ChannelName) -> Channel {
        self.channels.lock().unwrap()[name].channel.clone()
    }
}

/// A host with a running runner.
pub(in crate::sync) struct Host {
    pub(in crate::sync) sync: Sync,
    pub(in crate::sync) store: Store,
    pub(in crate::sync) clock: Clock,
    pub(in crate::sync) shelf: Arc<Shelf>,
    pub(in crate::sync) stop: CancellationToken,
    runner: JoinSet<()>,
}

impl Host {
    pub(in crate::sync) fn new() -> Self {
        Self::with(Config::default(), Store::in_memory())
    }

    pub(in crate::sync) fn on(store: &Store) -> Self {
        Self::with(Config::default(), store.clone())
    }

    pub(in crate::sync) fn with(config: Config, store: Store) -> Self {
        Self::of(HostId::from_bytes([1; 16]), config, store)
    }

    /// Another host than the usual one, perhaps on the same store.
    pub(in crate::sync) fn of(id: HostId, config: Config, store: Store) -> Self {
        let clock = Clock::driven(Timestamp::from_millis(1_000_000));
        let shelf = Arc::new(Shelf::default());
        let opener = Arc::clone(&shelf) as Arc<dyn Opener>;
        let (sync, runner) = Sync::assemble(config, store.clone(), opener, clock.clone(), id);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(runner.run(Reach::All, stop.clone()));
        Self { sync, store, clock, shelf, stop, runner: tasks }
    }

    /// Asks origins that are left alone whether they are back.
    pub(in crate::sync) fn probe(&mut self) {
        self.runner.spawn(self.sync.prober().run(self.stop.clone()));
    }

    /// Lets channels sync by themselves.
    pub(in crate::sync) fn tick(&mut self, config: schedule::Config) {
        self.runner.spawn(self.sync.scheduler(config).run(self.stop.clone()));
    }

    /// Puts a channel on the shelf and into the store, one script for each connector.
    pub(in crate::sync) async fn offer(&self, channel: &Ready, scripts: &[(&str, &Arc<Script>)]) -> Ready {
        let ready = Ready { sources: Arc::new(Scripts::of(scripts)), ..channel.clone() };
        self.put(&ready);
        // It may be there already: from an earlier offer, or an earlier host.
        let _ = self.store.channels().create(&ready.channel).await;
        ready
    }

    /// Puts a channel on the shelf as it is.
    pub(in crate::sync) fn put(&self, ready: &Ready) {
        self.shelf.channels.lock().unwrap().insert(ready.channel.name.clone(), ready.clone());
    }

    pub(in crate::sync) fn take_away(&self, channel: &Ready) {
        self.shelf.channels.lock().unwrap().remove(&channel.channel.name);
    }

    /// Syncs all of the channel to the end.
    pub(in crate::sync) async fn sync(&self, channel: &Ready) -> Vec<Run> {
        let job = self.sync.request(all_of(channel)).await.unwrap();
        self.sync.wait(job.id).await.unwrap()
    }

    /// The live view of a run, as soon as somebody works on it.
    pub(in crate::sync) async fn follow(&self, run: RunId) -> watch::Receiver<Run> {
        loop {
            match self.sync.follow(run) {
                Some(view) => return view,
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// The run as soon as it has that status; it must not end otherwise.
    pub(in crate::sync) async fn reaches(&self, id: RunId, status: Status) -> Run {
        loop {
            let run = self.sync.run(id).await.unwrap().unwrap();
            if run.status == status {
                return run;
            }
            assert!(!run.status.has_ended(), "{:?}", outcomes(&[run]));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns when no job is left.
    pub(in crate::sync) async fn finished(&self) {
        while let Some(job) = self.store.jobs().all().await.unwrap().pop() {
            // It may be over by now.
            let _ = self.sync.wait(job.id).await;
        }
    }

    /// Stops the runner and waits for it.
    pub(in crate::sync) async fn stop(mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(60), self.runner.join_next()).await;
        ended.expect("the runner stops").unwrap().unwrap();
    }

    /// Ends the runner as a killed process does: at once, with nothing written.
    pub(in crate::sync) async fn kill(mut self) {
        self.runner.shutdown().await;
    }

    /// The records of a connector as `key@time=payload`, in key order.
    pub(in crate::sync) async fn records(&self, channel: &Ready, connector: &str) -> Vec<String> {
        records(&self.store, channel, connector).await
    }

    pub(in crate::sync) async fn due(&self, channel: &Ready, connector: &str) -> Vec<String> {
        due(&self.store, channel, connector).await
    }

    pub(in crate::sync) async fn cursor(&self, channel: &Ready, connector: &str) -> Option<String> {
        cursor(&self.store, channel, connector).await
    }
}

pub(in crate::sync) async fn due(store: &Store, channel: &Ready, connector: &str) -> Vec<String> {
    let due = store.due().list(channel.channel.id, &name(connector), Vec::new(), 1_000).await.unwrap();
    due.into_iter().map(|due| due.key.to_string()).collect()
}

pub(in crate::sync) async fn cursor(store: &Store, channel: &Ready, connector: &str) -> Option<String> {
    let cursor = store.cursors().get(channel.channel.id, &name(connector)).await.unwrap();
    cursor.map(|cursor| String::from_utf8(cursor.to_vec()).unwrap())
}

pub(in crate::sync) async fn records(store: &Store, channel: &Ready, connector: &str) -> Vec<String> {
    let (id, connector) = (channel.channel.id, name(connector));
    let records = store.records().list(id, &connector, None, 10_000).await.unwrap();
    let count = store.records().count(id, &connector).await.unwrap();
    assert_eq!(records.len() as u64, count, "the count is that of the records");
    let shown = |record: &crate::model::Record| {
        let at = record.updated.map_or(String::new(), |at| format!("@{}", at.as_millis()));
        format!("{}{at}={}", record.key, String::from_utf8_lossy(&record.payload))
    };
    records.iter().map(shown).collect()
}

pub(in crate::sync) fn all_of(channel: &Ready) -> Request {
    Request {
        channel: channel.channel.name.clone(),
        direction: Direction::Import,
        connectors: Vec::new(),
        full: false,
        record: false,
        trigger: Trigger::Request,
    }
}

/// Status and error code of each run.
pub(in crate::sync) fn outcomes(runs: &[Run]) -> Vec<String> {
    let one = |run: &Run| {
        let code = run.error.as_ref().map_or(String::new(), |error| format!(" {}", error.code));
        format!("{} {}{code}", run.connector, run.status)
    };
    runs.iter().map(one).collect()
}

/// `1a 2u 3s 4d 5q`: added, updated, unchanged (the same), deleted, quarantined.
pub(in crate::sync) fn counted(run: &Run) -> String {
    let Counters { read, added, updated, unchanged, deleted, quarantined, .. } = run.counters;
    assert_eq!(read, added + updated + unchanged + deleted + quarantined);
    format!("{added}a {updated}u {unchanged}s {deleted}d {quarantined}q")
}
