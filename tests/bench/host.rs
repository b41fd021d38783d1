//! The host's side: the floors as `tidegate serve` builds them, without the API above.

use crate::measure::{Sample, Stretch};
use anyhow::{Context, Result, ensure};
use std::{path::Path, sync::Arc};
use tests::zendesk::{EMAIL, TOKEN};
use tidegate::{
    broker::{self, Broker, SystemLookup},
    cassettes::{self, Cassettes},
    catalog::{self, Catalog},
    channels::{self, Channels, Draft},
    clock::Clock,
    model::{ChannelName, Direction, HostId, Name, Secret, Status, Trigger},
    sandbox::{self, Sandbox},
    store::{self, Store},
    sync::{self, Reach, Request, Sync},
};
use tokio_util::sync::CancellationToken;

/// The floors up to `channels`, with one channel to the vendor.
pub(crate) struct Floors {
    pub(crate) store: Store,
    pub(crate) channels: Channels,
    pub(crate) catalog: Catalog,
}

/// Where the parts of a host come from.
pub(crate) struct Parts<'a> {
    pub(crate) vendor: &'a str,
    /// An empty folder.
    pub(crate) folder: &'a Path,
    /// The Zendesk plugin.
    pub(crate) plugin: &'a Path,
    /// The program that compiles it.
    pub(crate) program: &'a Path,
}

/// The configuration that lets a vendor on loopback pass.
pub(crate) fn broker() -> Result<Broker> {
    let config = broker::Config {
        allow_addresses: vec!["127.0.0.0/8".parse()?],
        allow_plain_http: true,
        ..broker::Config::default()
    };
    Ok(Broker::new(config, Arc::new(SystemLookup)))
}

impl Floors {
    pub(crate) async fn build(parts: &Parts<'_>) -> Result<Self> {
        let (plugins, clock) = (parts.folder.join("plugins"), Clock::system());
        std::fs::create_dir_all(&plugins)?;
        std::fs::copy(parts.plugin, plugins.join("zendesk.wasm"))?;
        let store = Store::open(&parts.folder.join("store"), &store::Config::default())?;
        let sandbox = Sandbox::new(sandbox::Setup {
            config: sandbox::Config::default(),
            clock: clock.clone(),
            compiler: Some(parts.program.to_owned()),
            cache: parts.folder.join("cache"),
        })?;
        let (catalog, _watcher) = Catalog::build(catalog::Config::default(), plugins, sandbox)?;
        catalog.reload().await;
        let channels = Channels::build(channels::Parts {
            store: store.clone(),
            catalog: catalog.clone(),
            broker: broker()?,
            clock,
            key_file: parts.folder.join("key"),
            key: None,
        })?;
        channels.create(draft(parts.vendor)?).await?;
        Ok(Self { store, channels, catalog })
    }
}

fn draft(vendor: &str) -> Result<Draft> {
    let settings = serde_json::json!({ "url": vendor, "email": EMAIL });
    Ok(Draft {
        name: ChannelName::try_new("bench")?,
        channel_type: Name::try_new("zendesk")?,
        transport: None,
        settings: settings.as_object().cloned().context("an object")?,
        secrets: [("token".to_owned(), Secret::new(TOKEN))].into(),
        connectors: Some(vec![Name::try_new("ticket")?]),
        two_way: false,
        enabled: true,
        options: channels::Options::default(),
    })
}

/// Imports every ticket, from the request to the run's end.
pub(crate) async fn import(parts: &Parts<'_>) -> Result<Sample> {
    let floors = Floors::build(parts).await?;
    let cassettes = Cassettes::build(cassettes::Parts {
        config: cassettes::Config::default(),
        folder: parts.folder.join("cassettes"),
        catalog: floors.catalog.clone(),
        clock: Clock::system(),
    });
    let (sync, runner) = Sync::build(sync::Parts {
        config: sync::Config::default(),
        store: floors.store.clone(),
        channels: floors.channels.clone(),
        cassettes,
        clock: Clock::system(),
        host: HostId::new(),
    });
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(runner.run(Reach::All, stop.clone()));
    let (channel, connector) = (floors.channels.get("bench").await?, Name::try_new("ticket")?);
    let stretch = Stretch::begin();
    let job = sync
        .request(Request {
            channel: channel.name.clone(),
            direction: Direction::Import,
            connectors: Vec::new(),
            full: false,
            record: false,
            trigger: Trigger::Request,
        })
        .await?;
    let runs = sync.wait(job.id).await?;
    let mut sample = stretch.end(1);
    ensure!(runs.iter().all(|run| run.status == Status::Completed), "the run failed: {runs:#?}");
    sample.records = stored(&floors.store, channel.id, &connector).await?;
    stop.cancel();
    tasks.join_all().await;
    Ok(sample)
}

/// Counts the records one by one: a counter could lie.
async fn stored(store: &Store, channel: tidegate::model::ChannelId, connector: &Name) -> Result<u64> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = store.records().list(channel, connector, after.as_ref(), 1_000).await?;
        let Some(last) = page.last() else { return Ok(count) };
        count += page.len() as u64;
        after = Some(last.key.clone());
    }
}
