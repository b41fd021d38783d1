//! Settings when another version of the plugin takes a channel over.

use super::*;
use crate::model::Migrated;

const OLD_URL: &str = "http://127.0.0.1:8080/api";
const NEW_URL: &str = "http://127.0.0.1:8080/v2";

/// Version 2.0.0, which makes these settings out of all that it is given.
fn next(migrated: Result<Value, &'static str>) -> Guest {
    Guest { migrated: Some(migrated), ..Guest::described(&manifest(&["desk"], "2.0.0")) }
}

fn migrated() -> Value {
    json!({"url": NEW_URL, "token": true, "pages": 9, "unknown": "left out"})
}

/// Version 2.0.0 with another form.
fn changed_form(change: impl FnOnce(&mut Value)) -> Guest {
    let mut document = manifest(&["desk"], "2.0.0");
    change(&mut document["channel-types"][0]["transports"][0]);
    Guest::described(&document)
}

async fn stored(house: &House) -> Channel {
    house.channels.get("one").await.expect("the channel")
}

/// With a channel of version 1.0.0, as it was stored.
async fn house() -> (House, Channel) {
    let house = House::new().await;
    let channel = house.channels.create(good_draft()).await.expect("a channel");
    house.clock.advance(Duration::from_secs(60));
    (house, channel)
}

async fn open(house: &House) -> Opened {
    house.channels.open("one").await.expect("an open channel")
}

#[tokio::test]
async fn settings_are_carried_over_once_and_the_old_ones_kept() {
    let (house, before) = house().await;
    house.replace_plugin(next(Ok(migrated()))).await;
    let opened = open(&house).await;
    let settings: Value = serde_json::from_slice(&opened.settings).expect("JSON");
    assert_eq!(settings, json!({"url": NEW_URL, "way": "key", "token": true, "pages": 9}));
    let after = stored(&house).await;
    assert_eq!(opened.channel, after);
    assert_eq!(Value::Object(after.settings.clone()), json!({"url": NEW_URL, "pages": 9}));
    assert_eq!((after.plugin_version.as_str(), after.revision, after.edited), ("2.0.0", 2, before.edited));
    let old = Migrated {
        from: "1.0.0".into(),
        at: house.clock.now(),
        settings: before.settings.clone(),
        secrets: before.secrets.clone(),
    };
    assert_eq!((after.migrated.as_ref(), &after.secrets), (Some(&old), &before.secrets));
    assert_eq!(open(&house).await.channel, after, "once is enough");
}

#[tokio::test]
async fn the_first_run_that_goes_well_drops_the_old_ones() {
    let (house, _) = house().await;
    house.replace_plugin(next(Ok(migrated()))).await;
    let seen = open(&house).await.channel;
    assert!(house.channels.prove(&seen).await.expect("written"));
    let after = stored(&house).await;
    assert_eq!((after.migrated.is_none(), &after.settings), (true, &seen.settings));
    assert!(!house.channels.prove(&seen).await.expect("read"), "there is nothing to drop");
}

#[tokio::test]
async fn a_run_proves_only_the_settings_that_it_had() {
    let (house, _) = house().await;
    house.replace_plugin(next(Ok(migrated()))).await;
    let seen = open(&house).await.channel;
    let edited = house.channels.edit("one", change(json!({"pages": 1}))).await.expect("an edit");
    assert!(edited.migrated.is_some(), "the old ones stay until the edited ones have proved themselves");
    assert!(!house.channels.prove(&seen).await.expect("read"));
    let reason = crate::model::Paused::because(&Failure::cancelled(), house.clock.now());
    assert!(house.channels.pause(&edited, reason).await.expect("written"));
    assert!(house.channels.prove(&edited).await.expect("written"), "a pause changes no settings");
}

#[tokio::test]
async fn the_old_version_brings_the_old_settings_back() {
    let (house, before) = house().await;
    let guest = changed_form(|transport| {
        // The form has no secret any more.
        transport["form"].as_array_mut().expect("a form").remove(2);
        transport["auth"] = json!([{"scheme": "none"}]);
    });
    house.replace_plugin(guest).await;
    let after = open(&house).await.channel;
    assert!(after.secrets.is_empty(), "the new form has none");
    assert_eq!(after.migrated.as_ref().map(|old| &old.secrets), Some(&before.secrets), "but it is kept");
    house.channels.verify_key().await.expect("the key fits what is put aside, too");

    house.replace_plugin(Guest::offering(&["desk"])).await;
    let back = open(&house).await.channel;
    assert_eq!((&back.settings, &back.secrets), (&before.settings, &before.secrets));
    assert_eq!((back.plugin_version.as_str(), back.migrated), ("1.0.0", None));
}

#[tokio::test]
async fn after_the_first_good_run_an_old_version_gets_what_is_there() {
    let (house, _) = house().await;
    house.replace_plugin(next(Ok(migrated()))).await;
    house.channels.prove(&open(&house).await.channel).await.expect("written");
    house.replace_plugin(Guest::offering(&["desk"])).await;
    let back = open(&house).await.channel;
    assert_eq!(back.settings["url"], NEW_URL, "it takes them over as they are");
    assert_eq!(back.migrated.expect("kept").from, "2.0.0");
}

#[tokio::test]
async fn over_two_upgrades_the_settings_that_were_good_are_kept() {
    let (house, before) = house().await;
    house.replace_plugin(next(Ok(migrated()))).await;
    open(&house).await;
    house.replace_plugin(Guest::described(&manifest(&["desk"], "3.0.0"))).await;
    let after = open(&house).await.channel;
    assert_eq!((after.plugin_version.as_str(), &after.settings["url"]), ("3.0.0", &json!(NEW_URL)));
    let kept = after.migrated.expect("kept");
    assert_eq!((kept.from.as_str(), kept.settings), ("1.0.0", before.settings));
}

#[tokio::test]
async fn settings_that_cannot_be_carried_over_pause_the_channel() {
    let (house, before) = house().await;
    house.replace_plugin(next(Err("pages are counted otherwise now"))).await;
    let expected = "the settings of channel 'one' are of plugin version 1.0.0, and version 2.0.0 cannot take them over: pages are counted otherwise now; edit the channel, or put the old version back";
    let failure = house.channels.open("one").await.err().expect("a failure").into_failure();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Config, "settings.migration"));
    assert_eq!(failure.message, expected);
    let paused = stored(&house).await;
    let reason = paused.paused.clone().expect("paused");
    assert_eq!((reason.class, reason.message.as_str()), (Class::Config, expected));
    assert_eq!((&paused.settings, &paused.migrated), (&before.settings, &None), "nothing else changed");

    let mended = house.channels.edit("one", change(json!({"pages": 2}))).await.expect("an edit");
    assert_eq!((mended.plugin_version.as_str(), &mended.paused), ("2.0.0", &None));
    assert_eq!(mended.migrated.as_ref().map(|old| old.from.as_str()), Some("1.0.0"));
    open(&house).await;
}

#[tokio::test]
async fn settings_that_the_new_form_refuses_name_the_fields() {
    let (house, _) = house().await;
    house.replace_plugin(changed_form(|transport| transport["form"][3]["max"] = json!(4))).await;
    let failure = house.channels.open("one").await.err().expect("a failure").into_failure();
    assert_eq!(
        failure.message,
        "the settings of channel 'one' are of plugin version 1.0.0, and version 2.0.0 cannot take them over: pages must be at most 4; edit the channel, or put the old version back"
    );
    assert_eq!(failure.fields, [FieldError::new("pages", "must be at most 4")]);
    assert!(stored(&house).await.paused.is_some());
}

#[tokio::test]
async fn a_plugin_that_objects_to_what_it_made_of_them_pauses_the_channel() {
    let (house, _) = house().await;
    let objection = Some(("pages", "must not be nine"));
    house.replace_plugin(Guest { objection, ..next(Ok(migrated())) }).await;
    let told = words(house.channels.open("one")).await;
    assert!(told.contains("cannot take them over: pages must not be nine"), "{told}");
}

#[tokio::test]
async fn the_version_that_fits_ends_the_pause_that_the_other_one_brought() {
    let (house, before) = house().await;
    house.replace_plugin(next(Err("no"))).await;
    house.channels.open("one").await.err().expect("a failure");
    house.replace_plugin(Guest::offering(&["desk"])).await;
    let back = open(&house).await.channel;
    assert_eq!((back.paused, &back.settings, back.migrated), (None, &before.settings, None));

    house.replace_plugin(next(Err("no"))).await;
    house.channels.open("one").await.err().expect("a failure");
    house
        .replace_plugin(Guest {
            migrated: Some(Ok(migrated())),
            ..Guest::described(&manifest(&["desk"], "2.0.1"))
        })
        .await;
    assert!(open(&house).await.channel.paused.is_none());
}

#[tokio::test]
async fn many_who_open_at_the_same_time_migrate_once() {
    let (house, _) = house().await;
    let two = ChannelName::try_new("two").expect("a name");
    let beside = good_draft();
    house.replace_plugin(Guest::offering(&["desk"])).await;
    house.channels.create(Draft { name: two, ..beside }).await.expect("a channel");
    house.replace_plugin(next(Ok(migrated()))).await;
    let names = ["one", "two"].repeat(20);
    let opened = futures_util::future::join_all(names.iter().map(|name| house.channels.open(name))).await;
    for opened in opened {
        assert_eq!(opened.expect("an open channel").channel.revision, 2, "one change each");
    }
}

#[tokio::test]
async fn an_edit_after_an_upgrade_starts_from_the_carried_settings() {
    let (house, _) = house().await;
    house.replace_plugin(next(Ok(migrated()))).await;
    let edited = house.channels.edit("one", change(json!({"pages": 1}))).await.expect("an edit");
    assert_eq!(Value::Object(edited.settings), json!({"url": NEW_URL, "pages": 1}));
    assert_eq!(edited.plugin_version, "2.0.0");
    assert_eq!(edited.migrated.expect("kept").settings["url"], OLD_URL);

    house.replace_plugin(Guest::offering(&["desk"])).await;
    let back = house.channels.edit("one", change(json!({"pages": 4}))).await.expect("an edit");
    assert_eq!(Value::Object(back.settings), json!({"url": OLD_URL, "pages": 4}), "from the old ones");
    assert!(back.migrated.is_none());
}

#[tokio::test]
async fn a_stricter_form_of_the_same_version_is_told_without_a_pause() {
    let (house, _) = house().await;
    let mut stricter = manifest(&["desk"], "1.0.0");
    stricter["channel-types"][0]["transports"][0]["form"][3]["max"] = json!(4);
    house.replace_plugin(Guest::described(&stricter)).await;
    let failure = house.channels.open("one").await.err().expect("a failure").into_failure();
    assert_eq!(
        failure.message,
        "the settings of channel 'one' do not fit its plugin: pages must be at most 4; edit the channel"
    );
    assert!(stored(&house).await.paused.is_none());
}
