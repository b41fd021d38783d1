//! What plugins have to say before a channel is enabled, disabled or deleted.

use super::*;
use crate::{
    catalog::tests::guest::May,
    model::RecordKey,
    store::{Batch, DueKey},
};

async fn house_with(may: May) -> House {
    let house = House::with(Guest { may: Some(may), ..Guest::offering(&["desk"]) }).await;
    house.channels.create(good_draft()).await.expect("a channel");
    house
}

/// Deletes as the API does: the plugin is heard first.
async fn delete(house: &House, veto: Veto) -> Result<Option<Failure>, Error> {
    let warning = house.channels.hear_before_delete("one", veto).await?;
    house.channels.delete("one").await?;
    Ok(warning)
}

#[tokio::test]
async fn a_plugin_without_objections_is_not_noticed() {
    let house = house_with(May::Yes).await;
    disable(&house).await;
    assert!(house.channels.enable("one").await.expect("a change").enabled);
    assert_eq!(house.channels.deletion("one").await.expect("a look").objection, None);
    assert_eq!(delete(&house, Veto::Heeded).await.expect("deleted"), None);
}

#[tokio::test]
async fn a_refusal_stands_in_the_plugins_words() {
    let house = house_with(May::No("three tickets are still open")).await;
    let before = house.channels.get("one").await.expect("a channel");
    assert_eq!(
        words(house.channels.disable("one", Veto::Heeded)).await,
        "the plugin does not let channel 'one' be disabled: three tickets are still open; --force overrules it"
    );
    assert_eq!(
        words(delete(&house, Veto::Heeded)).await,
        "the plugin does not let channel 'one' be deleted: three tickets are still open; --force overrules it"
    );
    assert_eq!(house.channels.get("one").await.expect("a channel"), before, "nothing was changed");
    let deletion = house.channels.deletion("one").await.expect("a look");
    let Some(Objection::Refusal(said)) = deletion.objection else { panic!("{:?}", deletion.objection) };
    assert_eq!((said.code.as_str(), said.message.as_str()), ("say.no", "three tickets are still open"));
}

#[tokio::test]
async fn a_person_overrules_a_refusal_to_disable_and_delete_but_not_to_enable() {
    let house = house_with(May::No("no")).await;
    let off = house.channels.disable("one", Veto::Overruled).await.expect("a change");
    assert_eq!((off.channel.enabled, off.warning.expect("a warning").message.as_str()), (false, "no"));
    assert_eq!(
        words(house.channels.enable("one")).await,
        "the plugin does not let channel 'one' be enabled: no"
    );
    let warning = delete(&house, Veto::Overruled).await.expect("deleted").expect("a warning");
    assert_eq!(warning.message, "no");
    assert_eq!(words(house.channels.get("one")).await, "there is no channel 'one'");
}

#[tokio::test]
async fn a_plugin_that_gives_no_answer_holds_nobody_hostage() {
    for (may, why) in [(May::Trap, "trap."), (May::Endless, "lifecycle.late")] {
        let house = house_with(may).await;
        let off = house.channels.disable("one", Veto::Heeded).await.expect("a change");
        let warning = off.warning.expect("a warning");
        assert!(warning.code.starts_with(why), "{warning:?}");
        assert!(
            warning.message.starts_with("the plugin has a say in this and gave no answer: "),
            "{warning}"
        );
        let failure = house.channels.enable("one").await.expect_err("it has a say").into_failure();
        assert!(failure.code.starts_with(why), "{failure:?}");
        assert!(delete(&house, Veto::Heeded).await.expect("deleted").is_some(), "{may:?}");
    }
}

#[tokio::test]
async fn a_plugin_is_told_settings_without_secrets_and_what_the_host_holds() {
    let house = house_with(May::NoToSettings).await;
    let told = |error: Error| match error {
        Error::Refused { words, .. } => serde_json::from_str::<Value>(&words.message).expect("JSON"),
        other => panic!("{other:?}"),
    };
    let settings = told(house.channels.disable("one", Veto::Heeded).await.expect_err("a refusal"));
    assert_eq!(
        settings,
        json!({"url": "http://127.0.0.1:8080/api", "way": "key", "token": true, "pages": 5})
    );

    let house = house_with(May::NoToHoldings).await;
    let channel = house.channels.get("one").await.expect("a channel");
    let mut batch = Batch::new();
    batch.set_record_count(channel.id, &name("item"), 7);
    let key = RecordKey::try_new("1").expect("a key");
    batch.add_due(channel.id, &name("gone"), &DueKey { key, stamp: 1 });
    house.store.commit(batch).await.expect("written");
    let holdings = told(delete(&house, Veto::Heeded).await.expect_err("a refusal"));
    let connector = |connector, enabled, records, due| {
        json!({"connector": connector, "enabled": enabled, "records": records, "due": due,
            "quarantined": 0, "unsent": 0})
    };
    let expected = [connector("gone", false, 0, 1), connector("item", true, 7, 0)];
    assert_eq!(holdings, json!({"two-way": false, "connectors": expected}));
}

#[tokio::test]
async fn a_channel_without_its_plugin_is_switched_and_deleted() {
    let house = house_with(May::No("no")).await;
    house.bench.remove("desk.wasm");
    house.bench.catalog.reload().await;
    disable(&house).await;
    house.channels.enable("one").await.expect("a change");
    assert_eq!(delete(&house, Veto::Heeded).await.expect("deleted"), None);
}

#[tokio::test]
async fn what_changes_nothing_asks_nobody() {
    let house = house_with(May::Trap).await;
    house.channels.enable("one").await.expect("it is enabled already");
    house.channels.disable("one", Veto::Heeded).await.expect("a change");
    let again = house.channels.disable("one", Veto::Heeded).await.expect("no change");
    assert_eq!(again.warning, None);
}
