//! Channels through their face: small plugins, the store in memory, the real
//! broker, and a server on loopback that remembers what it was asked.

mod breakers;
mod lifecycle;
mod opening;
mod pause;
mod server;
mod traps;
mod upgrade;

use self::server::Server;
use super::*;
use crate::{
    broker::{self, Allowance, Meter, Method, Request},
    catalog::tests::{
        Bench,
        guest::{Guest, manifest},
    },
    model::{Class, Fault, FieldError, Timestamp},
};
use serde_json::json;
use std::{future::Future, io, net::SocketAddr, path::Path, time::Duration};
use tokio_util::sync::CancellationToken;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const TOKEN: &str = "hunter2-is-secret";

/// Nobody here has a name.
struct NoNames;

impl broker::Lookup for NoNames {
    fn lookup(
        &self,
        _: String,
        _: u16,
    ) -> futures_util::future::BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { Err(io::Error::other("no names in tests")) })
    }
}

struct House {
    bench: Bench,
    store: Store,
    clock: Clock,
    channels: Channels,
}

impl House {
    /// With one plugin, `desk.wasm`, taken up.
    async fn with(guest: Guest) -> Self {
        let bench = Bench::new();
        bench.put("desk.wasm", guest.build());
        bench.catalog.reload().await;
        let (store, clock) = (Store::in_memory(), Clock::manual(Timestamp::from_millis(1_700_000_000_000)));
        let channels = open_up(&bench, &store, &clock, KEY, loopback());
        Self { bench, store, clock, channels }
    }

    async fn new() -> Self {
        Self::with(Guest::offering(&["desk"])).await
    }

    async fn replace_plugin(&self, guest: Guest) {
        self.bench.put("desk.wasm", guest.build());
        self.bench.catalog.reload().await;
    }

    /// The same house with another key, or another configuration of the broker.
    fn again(&self, key: &str, config: broker::Config) -> Channels {
        open_up(&self.bench, &self.store, &self.clock, key, config)
    }
}

fn open_up(bench: &Bench, store: &Store, clock: &Clock, key: &str, config: broker::Config) -> Channels {
    let parts = Parts {
        store: store.clone(),
        catalog: bench.catalog.clone(),
        broker: Broker::new(config, Arc::new(NoNames)),
        clock: clock.clone(),
        key_file: "/nowhere/key".into(),
        key: Some(Secret::new(key)),
    };
    Channels::build(parts).expect("a key")
}

fn loopback() -> broker::Config {
    let allowed = "127.0.0.0/8".parse().expect("a range");
    broker::Config { allow_addresses: vec![allowed], allow_plain_http: true, ..broker::Config::default() }
}

fn name(text: &str) -> Name {
    Name::try_new(text).expect(text)
}

fn draft(settings: Value) -> Draft {
    Draft {
        name: ChannelName::try_new("one").expect("a name"),
        channel_type: name("desk"),
        transport: None,
        settings: settings.as_object().expect("an object").clone(),
        secrets: secrets(&[("token", TOKEN)]),
        connectors: None,
        two_way: false,
        enabled: true,
        options: Options::default(),
    }
}

fn good_draft() -> Draft {
    draft(json!({"url": "http://127.0.0.1:8080/api", "pages": "5"}))
}

fn secrets(given: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    given.iter().map(|(name, text)| ((*name).into(), Secret::new(*text))).collect()
}

fn change(settings: Value) -> Change {
    Change { settings: settings.as_object().expect("an object").clone(), ..Change::default() }
}

async fn disable(house: &House) -> Channel {
    let disabled = house.channels.disable("one", Veto::Heeded).await.expect("a change");
    assert_eq!(disabled.warning, None);
    disabled.channel
}

async fn words<T>(result: impl Future<Output = Result<T, Error>>) -> String {
    match result.await {
        Ok(_) => panic!("it has to fail"),
        Err(Error::Settings(faults)) => {
            let told = faults.iter().map(|FieldError { field, message }| format!("{field} {message}"));
            told.collect::<Vec<_>>().join("; ")
        }
        Err(error) => error.to_string(),
    }
}

fn get() -> Request {
    Request {
        method: Method::Get,
        origin: None,
        path: "/items".into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        idempotency_key: None,
        timeout: None,
    }
}

async fn send(opened: &Opened) -> u16 {
    let allowance = Allowance { requests: 10, response_bytes: 1_000 };
    let meter = Meter::new(allowance, CancellationToken::new());
    opened.gateway.send(get(), &meter).await.expect("an answer").status
}

#[tokio::test]
async fn a_new_channel_has_typed_settings_and_sealed_secrets() {
    let house = House::new().await;
    let channel = house.channels.create(good_draft()).await.expect("a channel");
    assert_eq!(
        Value::Object(channel.settings.clone()),
        json!({"url": "http://127.0.0.1:8080/api", "pages": 5})
    );
    assert_eq!(channel.connectors, [name("item")]);
    assert_eq!((channel.transport.as_str(), channel.plugin_version.as_str()), ("rest", "1.0.0"));
    assert_eq!(
        (channel.revision, channel.created, channel.edited),
        (1, house.clock.now(), house.clock.now())
    );
    assert!(channel.secrets.contains_key("token"));
    for text in [format!("{channel:?}"), serde_json::to_string(&channel).expect("JSON")] {
        assert!(!text.contains(TOKEN), "{text}");
    }
    assert_eq!(house.channels.get("one").await.expect("stored"), channel);
    assert_eq!(house.channels.list().await.expect("stored"), [channel]);
}

#[tokio::test]
async fn a_draft_that_does_not_fit_is_refused_in_words() {
    let house = House::new().await;
    let create = |draft: Draft| words(house.channels.create(draft));
    let fine = json!({"url": "http://127.0.0.1:8080"});
    for (draft, expected) in [
        (
            Draft { channel_type: name("mail"), ..good_draft() },
            "no plugin offers the channel type 'mail': put its .wasm file into the plugins folder",
        ),
        (
            Draft { transport: Some(name("soap")), ..good_draft() },
            "the channel type 'desk' has no transport 'soap'; it has: rest",
        ),
        (
            Draft { connectors: Some(vec![name("user")]), ..good_draft() },
            "the channel type 'desk' has no connector 'user'; it has: item",
        ),
        (
            Draft { two_way: true, ..good_draft() },
            "the channel type 'desk' has no two-way connector: leave two-way sync off",
        ),
        (
            draft(json!({"url": "nonsense", "page": 1})),
            "/url must be a URL that starts with https:// or http://; /page there is no such setting; did you mean 'pages'?",
        ),
        (
            draft(json!({"url": "https://a.example?x=1"})),
            "/url does not give an address like https://host/path, without user name, '?' and '#'",
        ),
        (Draft { secrets: BTreeMap::new(), ..draft(fine.clone()) }, "/token is required"),
    ] {
        assert_eq!(create(draft).await, expected);
    }
    assert!(house.channels.list().await.expect("the store").is_empty(), "nothing of it is kept");
    house.channels.create(good_draft()).await.expect("a channel");
    assert_eq!(create(good_draft()).await, "another channel has the name 'one'");
}

#[tokio::test]
async fn the_plugin_has_a_say_in_the_settings() {
    let objection = Some(("pages", "must not be five on a Friday"));
    let house = House::with(Guest { objection, ..Guest::offering(&["desk"]) }).await;
    assert_eq!(words(house.channels.create(good_draft())).await, "/pages must not be five on a Friday");
}

#[tokio::test]
async fn an_edit_changes_what_it_names() {
    let house = House::new().await;
    let before = house.channels.create(good_draft()).await.expect("a channel");
    house.clock.advance(Duration::from_secs(1));
    let after = house.channels.edit("one", change(json!({"pages": null}))).await.expect("an edit");
    assert_eq!(Value::Object(after.settings.clone()), json!({"url": "http://127.0.0.1:8080/api"}));
    assert_eq!(after.secrets, before.secrets, "a secret that is not named stays as it is");
    assert_eq!((after.revision, after.created, after.edited), (2, before.created, house.clock.now()));
    assert_eq!(words(house.channels.edit("one", change(json!({"token": null})))).await, "/token is required");
    let without = house.channels.edit("one", change(json!({"way": "none"}))).await.expect("an edit");
    assert!(without.secrets.is_empty(), "a secret without a use is not kept");
    let secret = Change { secrets: secrets(&[("token", "new")]), ..change(json!({"way": "key"})) };
    let with = house.channels.edit("one", secret).await.expect("an edit");
    assert_ne!(with.secrets["token"], before.secrets["token"]);
    let same = house.channels.edit("one", change(json!({"way": "key"}))).await.expect("an edit");
    assert_eq!(same, with, "an edit that changes nothing is none");
    assert_eq!(words(house.channels.edit("two", Change::default())).await, "there is no channel 'two'");
}

#[tokio::test]
async fn a_new_name_needs_no_plugin_but_has_to_be_free() {
    let house = House::new().await;
    house.channels.create(good_draft()).await.expect("a channel");
    let two = ChannelName::try_new("two").expect("a name");
    house.channels.create(Draft { name: two.clone(), ..good_draft() }).await.expect("a channel");
    house.bench.remove("desk.wasm");
    house.bench.catalog.reload().await;
    let rename = |to: &str| Change { name: Some(ChannelName::try_new(to).expect(to)), ..Change::default() };
    assert_eq!(words(house.channels.edit("one", rename("two"))).await, "another channel has the name 'two'");
    let renamed = house.channels.edit("one", rename("three")).await.expect("an edit");
    assert_eq!(house.channels.get("three").await.expect("the channel").id, renamed.id);
    assert_eq!(words(house.channels.get("one")).await, "there is no channel 'one'");
    let settings = words(house.channels.edit("three", change(json!({"pages": 1})))).await;
    assert!(settings.contains("desk.wasm is gone from the plugins folder"), "{settings}");
}

#[tokio::test]
async fn of_two_changes_at_the_same_time_one_is_told() {
    let house = House::new().await;
    let seen = house.channels.create(good_draft()).await.expect("a channel");
    house.channels.edit("one", change(json!({"pages": 1}))).await.expect("the first");
    let late = house.channels.0.replace(&seen, seen.clone()).await.expect_err("the second");
    assert_eq!(
        late.to_string(),
        "channel 'one' was changed by somebody else at the same time; look at it and try again"
    );
    assert_eq!(late.fault(), Fault::Transient);
}

#[tokio::test]
async fn a_channel_is_switched_off_and_on() {
    let house = House::new().await;
    let channel = house.channels.create(good_draft()).await.expect("a channel");
    assert_eq!(house.channels.enable("one").await.expect("no change"), channel);
    assert!(!disable(&house).await.enabled);
    house.clock.advance(Duration::from_secs(60));
    let on = house.channels.enable("one").await.expect("a change");
    assert_eq!((on.enabled, on.active_since()), (true, house.clock.now()));
    assert_eq!(channel.active_since(), channel.created);
}

#[tokio::test]
async fn a_deleted_channel_is_gone() {
    let house = House::new().await;
    house.channels.create(good_draft()).await.expect("a channel");
    house.channels.delete("one").await.expect("it was there");
    assert_eq!(words(house.channels.delete("one")).await, "there is no channel 'one'");
    house.channels.create(good_draft()).await.expect("the name is free again");
}
