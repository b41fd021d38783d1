//! Channels that a program holds back, and their options.

use super::*;
use crate::model::{Interval, Parallel, Paused, Rhythm, Schedule, Vanished};

fn refused() -> Paused {
    Paused {
        since: Timestamp::from_millis(1_700_000_000_000),
        class: Class::Auth,
        code: "http.status.401".into(),
        message: "the credentials are refused".into(),
    }
}

async fn stored(house: &House) -> Channel {
    house.channels.get("one").await.expect("the channel")
}

#[tokio::test]
async fn a_paused_channel_stays_enabled_and_says_why() {
    let house = House::new().await;
    let channel = house.channels.create(good_draft()).await.expect("a channel");
    assert!(house.channels.pause(&channel, refused()).await.expect("written"));
    let paused = stored(&house).await;
    assert_eq!((paused.enabled, &paused.paused, paused.is_active()), (true, &Some(refused()), false));
    assert_eq!((paused.edited, paused.revision), (channel.edited, 2), "nobody edited it");
    assert!(!house.channels.pause(&paused, refused()).await.expect("read"), "it is paused already");
    assert_eq!(stored(&house).await, paused);
}

#[tokio::test]
async fn a_pause_never_undoes_what_a_person_did_meanwhile() {
    let house = House::new().await;
    let seen = house.channels.create(good_draft()).await.expect("a channel");
    let edited = house.channels.edit("one", change(json!({"pages": 1}))).await.expect("an edit");
    assert!(!house.channels.pause(&seen, refused()).await.expect("read"));
    assert_eq!(stored(&house).await, edited);
    house.channels.delete("one").await.expect("it was there");
    assert!(!house.channels.pause(&edited, refused()).await.expect("read"), "it is gone");
}

#[tokio::test]
async fn what_may_have_mended_it_ends_a_pause() {
    let house = House::new().await;
    house.channels.create(good_draft()).await.expect("a channel");
    let pause = async || {
        assert!(house.channels.pause(&stored(&house).await, refused()).await.expect("written"));
        house.clock.advance(Duration::from_secs(1));
    };
    pause().await;
    let on = house.channels.enable("one").await.expect("a change");
    assert_eq!((on.paused.is_none(), on.active_since()), (true, house.clock.now()));

    pause().await;
    let mended = house.channels.edit("one", change(json!({"pages": 2}))).await.expect("an edit");
    assert_eq!((mended.paused.is_none(), mended.active_since()), (true, house.clock.now()));

    pause().await;
    let fresh = Change { secrets: secrets(&[("token", "renewed")]), ..Change::default() };
    assert!(house.channels.edit("one", fresh).await.expect("an edit").paused.is_none());

    pause().await;
    let renamed = Change { name: Some(ChannelName::try_new("one").expect("a name")), ..Change::default() };
    assert!(house.channels.edit("one", renamed).await.expect("no change").paused.is_some());
    let off = disable(&house).await;
    assert!(!off.enabled && off.paused.is_some(), "the reason is still to be seen");
}

#[tokio::test]
async fn options_change_one_by_one_and_need_no_plugin() {
    let house = House::new().await;
    let every = |text: &str| Rhythm::Every(text.parse::<Interval>().expect(text));
    let schedule = ScheduleChange {
        rhythm: Some(every("15m")),
        time_zone: Some("Europe/Vienna".parse().expect("a zone")),
        quiet: Some(Some("22:00-06:00".parse().expect("quiet hours"))),
    };
    let options = Options {
        schedule,
        parallel: Some(Parallel::try_new(3).expect("3")),
        vanished: None,
        ..Options::default()
    };
    let channel = house.channels.create(Draft { options, ..good_draft() }).await.expect("a channel");
    let mut expected: Schedule =
        serde_json::from_value(json!({"every": "15m", "time-zone": "Europe/Vienna", "quiet": "22:00-06:00"}))
            .expect("a schedule");
    assert_eq!((&channel.schedule, channel.parallel.get(), channel.vanished), (&expected, 3, Vanished::Mark));

    house.bench.remove("desk.wasm");
    house.bench.catalog.reload().await;
    let change = async |options| {
        house.channels.edit("one", Change { options, ..Change::default() }).await.expect("an edit")
    };
    let schedule = ScheduleChange { rhythm: Some(Rhythm::Manual), ..ScheduleChange::default() };
    let channel = change(Options { schedule, ..Options::default() }).await;
    expected.rhythm = Rhythm::Manual;
    assert_eq!((&channel.schedule, channel.parallel.get()), (&expected, 3));

    let schedule = ScheduleChange { quiet: Some(None), ..ScheduleChange::default() };
    let channel = change(Options { schedule, vanished: Some(Vanished::Keep), ..Options::default() }).await;
    expected.quiet = None;
    assert_eq!((&channel.schedule, channel.vanished), (&expected, Vanished::Keep));
    assert_eq!(change(Options::default()).await, channel, "nothing is named");
}
