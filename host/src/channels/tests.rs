//! Channels through their face: small plugins, the store in memory, the real
//! broker, and a server on loopback that remembers what it was asked.

mod breakers;
mod lifecycle;
mod oauth;
mod pause;
mod server;
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
        host: HostId::new(),
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

#[tokio::test]
async fn an_opened_channel_reaches_its_system_with_its_secret() {
    let (house, server) = (House::new().await, Server::start().await);
    house.channels.create(draft(json!({"url": server.url()}))).await.expect("a channel");
    let opened = house.channels.open("one").await.expect("an open channel");
    let settings: Value = serde_json::from_slice(&opened.settings).expect("JSON");
    assert_eq!(settings, json!({"url": server.url(), "way": "key", "token": true, "pages": 3}));
    assert_eq!(send(&opened).await, 200);
    let again = house.channels.open("one").await.expect("an open channel");
    assert_eq!(send(&again).await, 200);
    let asked = server.requests();
    assert_eq!(asked.len(), 2);
    assert!(
        asked
            .iter()
            .all(|request| request.to_lowercase().contains(&format!("authorization: bearer {TOKEN}")))
    );
    assert_eq!(server.connections(), 1, "the connection is used again");
    let fresh = Change { secrets: secrets(&[("token", "renewed")]), ..Change::default() };
    house.channels.edit("one", fresh).await.expect("an edit");
    assert_eq!(send(&house.channels.open("one").await.expect("an open channel")).await, 200);
    assert!(server.requests()[2].to_lowercase().contains("authorization: bearer renewed"));
    assert_eq!(server.connections(), 2, "but not beyond an edit");
}

#[tokio::test]
async fn a_channel_without_its_plugin_says_which_file_is_missing() {
    let house = House::new().await;
    house.channels.create(good_draft()).await.expect("a channel");
    house.bench.remove("desk.wasm");
    house.bench.catalog.reload().await;
    let failure = house.channels.open("one").await.err().expect("no plugin").into_failure();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Config, "plugin.missing"));
    assert_eq!(
        failure.message,
        "no plugin offers the channel type 'desk': desk.wasm is gone from the plugins folder"
    );
    house.replace_plugin(Guest { described: b"{".into(), ..Guest::offering(&[]) }).await;
    let words = words(house.channels.open("one")).await;
    assert!(
        words.starts_with(
            "no plugin offers the channel type 'desk': desk.wasm is refused: what `describe` answers"
        ),
        "{words}"
    );
}

#[tokio::test]
async fn an_address_that_the_operator_does_not_allow_is_denied() {
    let house = House::new().await;
    house.channels.create(good_draft()).await.expect("a channel");
    let strict = house.again(KEY, broker::Config::default());
    let failure = strict.open("one").await.err().expect("denied").into_failure();
    assert_eq!(failure.class, Class::Denied);
    let report = strict.check("one").await.expect("a report");
    assert_eq!(report.result.expect_err("denied").class, Class::Denied);
}

#[tokio::test]
async fn another_key_is_told_and_seals_nothing() {
    let house = House::new().await;
    house.channels.create(good_draft()).await.expect("a channel");
    let other = house.again(&KEY.replace("00", "ff"), loopback());
    let expected = "the key does not fit the secrets of this data folder: bring back the key file, or the TIDEGATE_KEY, that they were sealed with";
    assert_eq!(words(other.open("one")).await, expected);
    assert_eq!(words(other.verify_key()).await, expected);
    let two = ChannelName::try_new("two").expect("a name");
    assert_eq!(words(other.create(Draft { name: two, ..good_draft() })).await, expected);
    let report = other.check("one").await.expect("a report").result.expect_err("another key");
    assert_eq!((report.class, report.code.as_str()), (Class::Config, "key.wrong"));
    house.channels.verify_key().await.expect("the right key");
}

#[tokio::test]
async fn a_sealed_secret_of_another_channel_does_not_open() {
    let house = House::new().await;
    let one = house.channels.create(good_draft()).await.expect("a channel");
    let two = ChannelName::try_new("two").expect("a name");
    let two = house.channels.create(Draft { name: two, ..good_draft() }).await.expect("a channel");
    let moved = Channel { secrets: one.secrets.clone(), ..two.clone() };
    house.channels.0.replace(&two, moved).await.expect("the store knows no secrets");
    assert_eq!(
        words(house.channels.open("two")).await,
        "the sealed value of 'token' is damaged: give the secret again"
    );
}

#[tokio::test]
async fn a_check_tells_facts_or_why_there_are_none() {
    let house = House::new().await;
    house.channels.create(good_draft()).await.expect("a channel");
    let report = |house: &House| {
        let channels = house.channels.clone();
        async move { channels.check("one").await.expect("a report").result }
    };
    let failure = report(&house).await.expect_err("no such export");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unsupported, "check.unsupported"));
    house
        .replace_plugin(Guest { check: Some(json!({"account": "Acme"})), ..Guest::offering(&["desk"]) })
        .await;
    disable(&house).await;
    assert_eq!(Value::Object(report(&house).await.expect("facts")), json!({"account": "Acme"}));
    house.replace_plugin(Guest { check: Some(json!(["Acme"])), ..Guest::offering(&["desk"]) }).await;
    assert_eq!(report(&house).await.expect_err("no facts").code, "answer.check");
    assert_eq!(words(house.channels.check("two")).await, "there is no channel 'two'");
}

#[tokio::test]
async fn a_host_makes_its_key_file_and_finds_it_again() {
    let house = House::new().await;
    let file = tempfile::tempdir().expect("a folder");
    let build = |key_file: &Path| {
        let broker = Broker::new(loopback(), Arc::new(NoNames));
        let (store, catalog, clock) = (house.store.clone(), house.bench.catalog.clone(), house.clock.clone());
        Channels::build(Parts {
            store,
            catalog,
            broker,
            clock,
            key_file: key_file.into(),
            key: None,
            host: HostId::new(),
        })
    };
    let key_file = file.path().join("key");
    build(&key_file).expect("a new key").create(good_draft()).await.expect("a channel");
    build(&key_file).expect("the same key").open("one").await.expect("an open channel");
    let error = build(file.path()).err().expect("a folder is no key");
    assert_eq!(error.fault(), Fault::Invalid);
}
