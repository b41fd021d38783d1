//! Each stage of the import alone, and the same connector with and without the sandbox.

use crate::{
    host::{self, Floors, Parts},
    measure::{Sample, Stretch},
};
use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};
use tests::zendesk::{EMAIL, TOKEN};
use tidegate::{
    broker::{self, Allowance, Credential, Gateway, Meter, Scope},
    model::{ChannelId, Name, PullRequest, Record, RecordKey, RunId, Secret, Timestamp},
    sandbox::{LogLine, LogSink, Step},
    store::{Batch, Store},
};
use tidegate_sdk::Connector as _;
use tokio_util::sync::CancellationToken;
use zendesk::Zendesk;

/// HTTP alone: every page through the broker, thrown away.
pub(crate) async fn http(vendor: &str, page: u32) -> Result<Sample> {
    let gateway = gateway(vendor)?;
    let mut path = format!("/api/v2/incremental/tickets/cursor.json?start_time=0&per_page={page}");
    let stretch = Stretch::begin();
    let mut records = 0;
    loop {
        let response = gateway.send(get(&path), &meter()).await.map_err(|failure| anyhow!(failure))?;
        // Looks at the end of the body only, where the vendor writes its cursor.
        let tail = &response.body[response.body.len().saturating_sub(400)..];
        let tail = String::from_utf8_lossy(tail);
        records += u64::from(page);
        if tail.contains("\"end_of_stream\":true") {
            return Ok(stretch.end(records));
        }
        let cursor = tail.split("\"after_cursor\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let cursor = cursor.context("the vendor's page has a cursor at its end")?;
        path = format!("/api/v2/incremental/tickets/cursor.json?cursor={cursor}&per_page={page}");
    }
}

/// HTTP and the guest: every page pulled in the sandbox, thrown away.
pub(crate) async fn sandboxed(parts: &Parts<'_>) -> Result<Sample> {
    let floors = Floors::build(parts).await?;
    let plugin = floors.catalog.offer("zendesk").context("the plugin is ready")?.plugin;
    let gateway = gateway(parts.vendor)?;
    let stretch = Stretch::begin();
    let (mut records, mut cursor) = (0, None);
    loop {
        let outcome = plugin.pull(step(gateway.clone()), request(cursor)?).await;
        let page = outcome.result.map_err(|failure| anyhow!(failure))?;
        records += page.records.len() as u64;
        cursor = page.next;
        if !page.more {
            return Ok(stretch.end(records));
        }
    }
}

/// HTTP and the same connector, compiled for this machine.
pub(crate) fn native(vendor: &str) -> Result<Sample> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let transport = Native { gateway: gateway(vendor)?, runtime };
    let stretch = Stretch::begin();
    let (mut records, mut position) = (0, None);
    loop {
        let mut request = tidegate_sdk::testing::pull_request("ticket");
        (request.limit, request.position) = (1_000, position);
        let page = Zendesk::pull(&transport, &request).map_err(|error| anyhow!("{error:?}"))?;
        records += page.records.len() as u64;
        let more = page.more;
        position = page.position;
        if !more {
            return Ok(stretch.end(records));
        }
    }
}

/// The commit alone: pages like those of the import, made in memory.
pub(crate) async fn commit(parts: &Parts<'_>, tickets: u64, page: u32) -> Result<Sample> {
    let store = Store::open(&parts.folder.join("store"), &tidegate::store::Config::default())?;
    let (channel, connector, run) = (ChannelId::new(), Name::try_new("ticket")?, RunId::new());
    let payload = vec![b'x'; 1_000];
    let stretch = Stretch::begin();
    for first in (0..tickets).step_by(page as usize) {
        let mut batch = Batch::default();
        for id in first..(first + u64::from(page)).min(tickets) {
            let record = Record {
                key: RecordKey::try_new(id.to_string())?,
                parent: None,
                updated: Some(Timestamp::from_millis(1)),
                imported: Timestamp::from_millis(2),
                run,
                payload: Bytes::from(payload.clone()),
            };
            batch.put_record(channel, &connector, &record);
        }
        batch.put_cursor(channel, &connector, b"cursor");
        store.commit(batch).await?;
    }
    Ok(stretch.end(tickets))
}

fn gateway(vendor: &str) -> Result<Gateway> {
    let scope = Scope {
        base: vendor.parse()?,
        origins: BTreeMap::new(),
        credential: Credential::Basic {
            username: Secret::new(format!("{EMAIL}/token")),
            password: Secret::new(TOKEN),
        },
        concurrency: 4,
        requests_per_minute: None,
    };
    host::broker()?.gateway(scope).map_err(|failure| anyhow!(failure))
}

fn meter() -> Meter {
    Meter::new(Allowance { requests: 1_000, response_bytes: 64 << 20 }, CancellationToken::new())
}

fn get(path: &str) -> broker::Request {
    broker::Request {
        method: broker::Method::Get,
        origin: None,
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        idempotency_key: None,
        timeout: None,
    }
}

fn request(cursor: Option<Bytes>) -> Result<PullRequest> {
    Ok(PullRequest {
        connector: Name::try_new("ticket")?,
        settings: Bytes::from_static(b"{}"),
        cursor,
        keys: Vec::new(),
        limit: 1_000,
    })
}

fn step(gateway: Gateway) -> Step {
    Step {
        gateway: Some(gateway),
        state: BTreeMap::new(),
        cancel: CancellationToken::new(),
        log: Arc::new(Silent),
        memory: None,
        seed: None,
    }
}

struct Silent;

impl LogSink for Silent {
    fn line(&self, _line: LogLine<'_>) {}
}

/// The connector's way out without a sandbox between: the same gateway.
struct Native {
    gateway: Gateway,
    runtime: tokio::runtime::Runtime,
}

impl tidegate_sdk::Transport for Native {
    fn send(&self, request: tidegate_sdk::Request) -> Result<tidegate_sdk::Response, tidegate_sdk::Error> {
        let place = request.place();
        let mut sent = get(&request.path);
        sent.query = request.query;
        let sent = self.runtime.block_on(self.gateway.send(sent, &meter()));
        let response =
            sent.map_err(|failure| tidegate_sdk::Error::transient(failure.code, failure.message))?;
        Ok(tidegate_sdk::Response::new(place, response.status, response.body))
    }

    fn path_of(&self, link: &str) -> Result<String, tidegate_sdk::Error> {
        Ok(link.to_owned())
    }
}
