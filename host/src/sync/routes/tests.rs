//! Two remote systems and a route between them.

mod kill;
mod random;
mod stage;
mod upkeep;

use super::*;
use crate::{
    model::{ChannelId, RouteConflicts, RouteDeletions, RouteEnd, SubscriberId, Timestamp},
    sync::tests::support::name,
};
use serde_json::json;
use stage::{MAP, Stage, lossy, route};

/// A route between two channels whose ids and names are letters.
pub(super) fn route_between(from: u8, to: u8, two_way: bool) -> Route {
    let end = |byte| RouteEnd { channel: ChannelId::from_bytes([byte; 16]), connector: name("ticket") };
    Route {
        id: SubscriberId::new(),
        name: name(&format!("{}-{}", char::from(from), char::from(to))),
        from: end(from),
        to: end(to),
        map: ".".into(),
        back: two_way.then(|| ".".into()),
        deletions: RouteDeletions::Keep,
        conflicts: RouteConflicts::FromWins,
        paused: false,
        fill: None,
        created: Timestamp::from_millis(0),
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_are_there_and_new_ones_are_carried_over() {
    let stage = Stage::new().await;
    stage.left.edit("1", json!({"subject": "one"}));
    stage.sync_left().await;
    stage.create(route(false)).await;
    stage.left.edit("2", json!({"subject": "two"}));
    stage.left.edit("3", json!({"subject": "skip"}));
    stage.sync_left().await;
    stage.settled().await;
    assert_eq!(stage.right_titles(), ["one", "two"]);
    let shown = stage.routes.get("r").await.expect("a route");
    assert_eq!((shown.links, shown.waiting, shown.failed), (2, 0, 0));
    assert_eq!((shown.state.written, shown.state.left_out), (2, 1));
    assert_eq!(shown.route.fill, None);
}

#[tokio::test(start_paused = true)]
async fn only_new_leaves_what_is_there_alone() {
    let stage = Stage::new().await;
    stage.left.edit("1", json!({"subject": "one"}));
    stage.sync_left().await;
    stage.create(NewRoute { only_new: true, ..route(false) }).await;
    stage.settled().await;
    assert_eq!(stage.right_titles(), Vec::<String>::new());
    stage.left.edit("1", json!({"subject": "now"}));
    stage.sync_left().await;
    stage.settled().await;
    assert_eq!(stage.right_titles(), ["now"]);
}

#[tokio::test(start_paused = true)]
async fn edits_at_both_ends_arrive_and_what_each_has_of_its_own_stays() {
    let stage = Stage::new().await;
    stage.create(route(true)).await;
    stage.left.edit("1", json!({"subject": "a", "body": "b", "mine": 1}));
    stage.all().await;
    let right = stage.only_right();
    stage.right.edit(&right, json!({"theirs": 2}));
    stage.all().await;
    stage.left.edit("1", json!({"subject": "a2"}));
    stage.right.edit(&right, json!({"text": "b2"}));
    stage.all().await;
    assert_eq!(stage.left.records()["1"], json!({"subject": "a2", "body": "b2", "mine": 1}));
    assert_eq!(stage.right.records()[&right], json!({"title": "a2", "text": "b2", "theirs": 2}));
    // A record that is made at the other end comes over, too.
    stage.right.edit("77", json!({"title": "new", "text": "there"}));
    stage.all().await;
    let made = stage.left.records().into_iter().find(|(key, _)| key != "1").expect("it came over");
    assert_eq!(made.1, json!({"subject": "new", "body": "there"}));
    stage.left.edit(&made.0, json!({"subject": "newer"}));
    stage.all().await;
    assert_eq!(stage.right.records()["77"], json!({"title": "newer", "text": "there"}));
    assert_eq!((stage.left.records().len(), stage.right.records().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_back_as_an_echo() {
    let stage = Stage::new().await;
    stage.create(route(true)).await;
    stage.left.edit("1", json!({"subject": "a", "body": "b"}));
    stage.all().await;
    let right = stage.only_right();
    stage.right.edit(&right, json!({"title": "z"}));
    stage.all().await;
    stage.left.pushed();
    stage.right.pushed();
    stage.all().await;
    stage.all().await;
    assert_eq!((stage.left.pushed(), stage.right.pushed()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn filters_that_lose_something_make_no_ping_pong() {
    for conflicts in [RouteConflicts::FromWins, RouteConflicts::ToWins] {
        let stage = Stage::new().await;
        stage.create(NewRoute { conflicts, ..lossy() }).await;
        stage.left.edit("1", json!({"subject": "Hello There"}));
        stage.all().await;
        stage.left.edit("1", json!({"subject": "Another One"}));
        stage.all().await;
        stage.all().await;
        stage.left.pushed();
        stage.right.pushed();
        stage.all().await;
        assert_eq!((stage.left.pushed(), stage.right.pushed()), (vec![], vec![]), "{conflicts}");
        assert_eq!(stage.right_titles(), ["another one"], "{conflicts}");
        assert_eq!(stage.left.records()["1"]["subject"], "Another One", "{conflicts}");
        assert_eq!(stage.routes.get("r").await.expect("a route").failed, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_policy_decides_about_a_field_that_both_ends_changed() {
    for (conflicts, expected, field, lost) in [
        (RouteConflicts::FromWins, "left", "/title", "right"),
        (RouteConflicts::ToWins, "right", "/subject", "left"),
    ] {
        let stage = Stage::new().await;
        stage.create(NewRoute { conflicts, ..route(true) }).await;
        stage.left.edit("1", json!({"subject": "a", "body": "b"}));
        stage.all().await;
        let right = stage.only_right();
        stage.routes.set_paused("r", true).await.expect("paused");
        stage.left.edit("1", json!({"subject": "left", "body": "b1"}));
        stage.right.edit(&right, json!({"title": "right"}));
        stage.all().await;
        stage.routes.set_paused("r", false).await.expect("resumed");
        stage.all().await;
        assert_eq!(stage.left.records()["1"], json!({"subject": expected, "body": "b1"}), "{conflicts}");
        assert_eq!(stage.right.records()[&right], json!({"title": expected, "text": "b1"}), "{conflicts}");
        // What was written over is kept.
        assert_eq!(stage.conflicts().await, [format!("r {field} {lost} {expected}")], "{conflicts}");
    }
}

#[tokio::test(start_paused = true)]
async fn deletions_follow_or_not() {
    let check = async |deletions, from_left: bool, left: usize, right: usize| {
        let stage = Stage::new().await;
        stage.create(NewRoute { deletions, ..route(true) }).await;
        stage.left.edit("1", json!({"subject": "a", "body": "b"}));
        stage.all().await;
        match from_left {
            true => stage.left.delete("1"),
            false => stage.right.delete(&stage.only_right()),
        }
        stage.all().await;
        let there = (stage.left.records().len(), stage.right.records().len());
        assert_eq!(there, (left, right), "{deletions} {from_left}");
        let shown = stage.routes.get("r").await.expect("a route");
        assert_eq!((shown.links, shown.failed), (0, 0));
    };
    check(RouteDeletions::Follow, true, 0, 0).await;
    check(RouteDeletions::Follow, false, 0, 0).await;
    check(RouteDeletions::Keep, true, 0, 1).await;
    check(RouteDeletions::Keep, false, 1, 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_goes_back_and_forth_is_held_with_its_field() {
    let stage = Stage::new().await;
    stage.left.counts("n");
    stage.right.counts("n");
    let counting = NewRoute { map: "{n: .n}".into(), back: Some("{n: .n}".into()), ..route(true) };
    stage.create(counting).await;
    stage.left.edit("1", json!({"n": 0}));
    stage.all().await;
    stage.left.edit("1", json!({"n": 10}));
    stage.all().await;
    let failed = stage.routes.failed("r", None, 9).await.expect("read");
    assert_eq!(failed.len(), 1);
    let reason = &failed[0].1.reason;
    assert_eq!(reason.code, "route.bouncing");
    assert!(reason.message.starts_with("/n goes back and forth"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_fails_holds_no_other_up() {
    let stage = Stage::new().await;
    let strict = "if .bad then error(\"it is bad\") else {title: .subject} end";
    stage.create(NewRoute { map: strict.into(), ..route(false) }).await;
    stage.left.edit("1", json!({"subject": "a", "bad": true}));
    stage.left.edit("2", json!({"subject": "b"}));
    stage.sync_left().await;
    stage.settled().await;
    assert_eq!(stage.right_titles(), ["b"]);
    let failed = stage.routes.failed("r", None, 9).await.expect("read");
    assert_eq!((failed.len(), failed[0].1.tries, failed[0].1.reason.code.as_str()), (1, 5, "mapping.filter"));
    // Still bad; then mended.
    assert_eq!(stage.routes.retry_failed("r", |_| true).await.expect("retried"), 1);
    stage.settled().await;
    assert_eq!(stage.routes.get("r").await.expect("a route").failed, 1);
    stage.left.edit("1", json!({"bad": null}));
    stage.sync_left().await;
    stage.settled().await;
    assert_eq!(stage.right_titles(), ["a", "b"]);
    assert_eq!(stage.routes.get("r").await.expect("a route").failed, 0);
}

#[tokio::test(start_paused = true)]
async fn a_test_shows_what_would_be_written_and_writes_nothing() {
    let stage = Stage::new().await;
    stage.left.edit("1", json!({"subject": "one"}));
    stage.left.edit("2", json!({"subject": "skip"}));
    stage.sync_left().await;
    let ask = || TrialAsk { new: Some(route(false)), limit: 9, ..TrialAsk::default() };
    let tried = stage.routes.test(ask()).await.expect("tried");
    let shown = |tried: &Tried| (tried.key.to_string(), tried.what, tried.fields.len());
    let told: Vec<_> = tried.iter().map(shown).collect();
    assert_eq!(told, [("1".into(), TriedWhat::Create, 1), ("2".into(), TriedWhat::LeftOut, 0)]);
    assert_eq!(tried[0].counterpart.as_ref().map(ToString::to_string).as_deref(), Some("r:1"));
    assert_eq!(stage.store().routes().list().await.expect("read"), []);
    assert_eq!(stage.right_titles(), Vec::<String>::new());

    stage.create(route(false)).await;
    stage.settled().await;
    let other = TrialAsk { name: Some("r".into()), map: Some("{title: \"x\"}".into()), limit: 1, ..ask() };
    let tried = stage.routes.test(TrialAsk { new: None, ..other }).await.expect("tried");
    assert_eq!((tried[0].what, tried[0].fields.len()), (TriedWhat::Update, 1));
    let wrong = TrialAsk { name: Some("r".into()), map: Some("{".into()), ..TrialAsk::default() };
    let words = stage.routes.test(wrong).await.expect_err("no filter").to_string();
    assert!(words.starts_with("the route's filter 'map' cannot be used"), "{words}");
    assert_eq!(MAP.lines().count(), 1);
}
