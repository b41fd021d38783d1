//! The API through its router, on floors that lie in memory.

mod cassettes;
mod channels;
mod history;
mod host;
mod mapping;
mod origins;
mod outward;
mod plugins;
mod quarantine;
mod records;
mod requests;
mod routes;
mod runs;
mod schedule;
mod services;

use super::*;
use crate::{
    broker::{Broker, Origins, SystemLookup},
    catalog, channels as channel_floor,
    clock::Clock,
    model::{
        self, Channel, ChannelId, ChannelName, ConflictPolicies, Name, Parallel, Record, RecordKey, RunId,
        Schedule, Timestamp, Vanished,
    },
    sandbox::{self, Sandbox},
    store::Batch,
    sync,
};
use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Mutex};
use tempfile::TempDir;
use tower::ServiceExt;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600_000;

/// A host without plugins, and its API.
struct Host {
    router: Router,
    store: Store,
    clock: Clock,
    origins: Origins,
    stop: CancellationToken,
    /// What keeps it from being ready.
    reasons: Arc<Mutex<Vec<view::Reason>>>,
    catalog: Catalog,
    folder: TempDir,
    _runner: sync::Runner,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// Status, class and code of an error.
    #[track_caller]
    fn is_error(&self, status: u16, class: &str, code: &str) {
        let error = &self.json()["error"];
        assert_eq!(
            (self.status.as_u16(), error["class"].as_str(), error["code"].as_str()),
            (status, Some(class), Some(code)),
            "{error}"
        );
    }
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::manual(Timestamp::from_millis(NOW));
        let store = Store::in_memory();
        let sandbox = Sandbox::new(sandbox::Setup {
            config: sandbox::Config::default(),
            clock: clock.clone(),
            compiler: None,
            cache: folder.path().join("cache"),
        })
        .expect("a sandbox");
        let plugins = folder.path().join("plugins");
        let (catalog, _) = Catalog::build(catalog::Config::default(), plugins, sandbox).expect("a catalog");
        let channels = Channels::build(channel_floor::Parts {
            store: store.clone(),
            catalog: catalog.clone(),
            broker: Broker::new(crate::broker::Config::default(), Arc::new(SystemLookup)),
            clock: clock.clone(),
            key_file: folder.path().join("key"),
            key: None,
            host: crate::model::HostId::new(),
        })
        .expect("channels");
        let cassettes = Cassettes::build(crate::cassettes::Parts {
            config: crate::cassettes::Config::default(),
            folder: folder.path().join("cassettes"),
            catalog: catalog.clone(),
            clock: clock.clone(),
        });
        let (sync, runner) = Sync::build(sync::Parts {
            config: sync::Config::default(),
            store: store.clone(),
            channels: channels.clone(),
            cassettes: cassettes.clone(),
            clock: clock.clone(),
            host: crate::model::HostId::new(),
        });
        let origins = channels.origins();
        let configuration = view::Configuration {
            file: None,
            flags: vec!["--data".into()],
            key: view::KeySource::File,
            config: json!({"data": "/d"}),
        };
        let stop = CancellationToken::new();
        let reasons = Arc::<Mutex<Vec<view::Reason>>>::default();
        let hooks = Hooks::build(&sync, channels.clone());
        let (notices, _) = Notices::build(&sync, channels.clone(), sync::NoticeConfig::default());
        let (routes, _) = sync::Routes::build(&sync);
        let router = router(Parts {
            listening: Arc::new(OnceLock::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)))),
            config: Config { body_bytes: Size::kib(1), ..Config::default() },
            store: store.clone(),
            catalog: catalog.clone(),
            channels,
            sync,
            cassettes,
            timetable: Timetable::new(sync::schedule::Config::default(), store.clone(), clock.clone()),
            hooks,
            notices,
            routes,
            configuration: Arc::new(configuration),
            doctor: Arc::new(|| {
                let checks = vec![view::Check::fail("disk", "full", "make room")];
                Box::pin(async { view::Diagnosis::of(checks) })
            }),
            readiness: {
                let reasons = reasons.clone();
                Arc::new(move || {
                    let reasons = reasons.lock().expect("no panic").clone();
                    Box::pin(async { reasons })
                })
            },
            scratch: folder.path().join("scratch"),
            inspect_bytes: Size::kib(4),
            stop: stop.clone(),
        });
        Self { router, store, clock, origins, stop, reasons, catalog, folder, _runner: runner }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path).body(Body::empty()).expect("a request")).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.with_body("POST", path, body).await
    }

    async fn with_body(&self, method: &str, path: &str, body: &Value) -> Answer {
        let request = request(method, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// A channel of a plugin that is not there, straight into the store.
    async fn channel(&self, name: &str) -> Channel {
        let time = Timestamp::from_millis(NOW);
        let channel = Channel {
            id: ChannelId::new(),
            name: ChannelName::try_new(name).expect("a name"),
            channel_type: named("zendesk"),
            transport: named("rest"),
            connectors: vec![named("ticket")],
            two_way: false,
            enabled: true,
            enabled_since: None,
            migrated: None,
            paused: None,
            schedule: Schedule::default(),
            parallel: Parallel::default(),
            vanished: Vanished::default(),
            conflicts: ConflictPolicies::default(),
            mappings: BTreeMap::new(),
            settings: json!({"subdomain": "acme"}).as_object().cloned().expect("an object"),
            secrets: BTreeMap::from([("token".to_owned(), model::Sealed("c2VhbGVk".into()))]),
            plugin_version: "0.1.0".into(),
            created: time,
            edited: time,
            revision: 1,
        };
        self.store.channels().create(&channel).await.expect("created");
        channel
    }

    /// Records `1..=count` with a payload of their own.
    async fn records(&self, channel: &Channel, count: u64) {
        let mut batch = Batch::default();
        for number in 1..=count {
            let record = Record {
                key: RecordKey::try_new(format!("{number:04}")).expect("a key"),
                parent: None,
                updated: Some(Timestamp::from_millis(NOW)),
                imported: Timestamp::from_millis(NOW),
                run: RunId::from_bytes([1; 16]),
                payload: Bytes::from(format!("{{\"id\": {number}, \"big\": 1.000000000000000000001}}")),
            };
            batch.put_record(channel.id, &named("ticket"), &record);
        }
        batch.set_record_count(channel.id, &named("ticket"), count);
        self.store.commit(batch).await.expect("committed");
    }
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "localhost:7070")
}

fn named(name: &str) -> Name {
    Name::try_new(name).expect("a name")
}
