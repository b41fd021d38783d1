//! Channels opened: the plugin, the settings as it wants them, the key, and a look there.

use super::*;

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
        Channels::build(Parts { store, catalog, broker, clock, key_file: key_file.into(), key: None })
    };
    let key_file = file.path().join("key");
    build(&key_file).expect("a new key").create(good_draft()).await.expect("a channel");
    build(&key_file).expect("the same key").open("one").await.expect("an open channel");
    let error = build(file.path()).err().expect("a folder is no key");
    assert_eq!(error.fault(), Fault::Invalid);
}
