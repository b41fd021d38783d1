//! Parents, what is refused, and routes that come and go.

use super::stage::{Stage, channel, route};
use crate::{
    model::{Connector, RecordKey, RouteDeletions, Ways, Write},
    sync::{
        Edit, NewRoute, RouteError, What,
        opener::Ready,
        tests::support::{Host, after, connector, key, name, remote::Remote},
    },
};
use futures_util::FutureExt as _;
use serde_json::json;

/// Records with comments that belong to them, in both channels.
async fn with_comments() -> Stage {
    let (left, right) = (Remote::new(), Remote::new());
    let both = |remote: &Remote, place: &str, parents: &str| {
        let mut ready = channel(remote, place, parents);
        let two_way = |one| Connector { direction: Ways::TwoWay, ..one };
        let connectors = vec![two_way(connector(parents)), two_way(after("comment", parents))];
        let mut kind = (*ready.channel_type).clone();
        kind.connectors = connectors;
        ready.channel.connectors.push(name("comment"));
        Ready { channel_type: kind.into(), ..ready }
    };
    let channels = [both(&left, "left", "ticket"), both(&right, "right", "issue")];
    Stage::on(Host::new(), left, right, channels).await
}

async fn put(stage: &Stage, connector: &str, record: &str, parent: Option<&str>) {
    let edit = Edit {
        channel: stage.channels[0].channel.name.clone(),
        connector: name(connector),
        key: key(record),
        author: crate::model::Author::Person("me".into()),
        what: What::Put { payload: json!({"subject": record}), parent: parent.map(key) },
    };
    stage.host.sync.local().write(edit).await.expect("it fits");
}

async fn parent_of(stage: &Stage, record: &str) -> Option<Option<RecordKey>> {
    let id = stage.channels[1].channel.id;
    let record = stage.store().records().get(id, &name("comment"), &key(record)).await.expect("read");
    record.map(|record| record.parent)
}

#[tokio::test(start_paused = true)]
async fn a_record_waits_for_the_one_that_it_belongs_to() {
    let stage = with_comments().await;
    let comments = NewRoute {
        name: Some(name("comments")),
        from: ("left".into(), name("comment")),
        to: ("right".into(), name("comment")),
        ..route(false)
    };
    stage.create(comments).await;
    put(&stage, "ticket", "t1", None).await;
    put(&stage, "comment", "c1", Some("t1")).await;
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let shown = stage.routes.get("comments").await.expect("a route");
    assert_eq!((shown.waiting, shown.failed), (1, 0), "it waits, however long");
    stage.create(NewRoute { name: Some(name("tickets")), ..route(false) }).await;
    let begun = stage.host.clock.now();
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if parent_of(&stage, "comments:c1").await.is_some() {
            break;
        }
    }
    assert_eq!(parent_of(&stage, "comments:c1").await, Some(Some(key("tickets:t1"))));
    assert!(stage.host.clock.now().millis_since(begun) < 5_000, "it does not wait for its time");
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_in_words() {
    let stage = Stage::new().await;
    let check = async |new: NewRoute, words: &str| {
        let error = stage.routes.create(new).await.expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    let (left, right) = (("left".to_owned(), name("ticket")), ("right".to_owned(), name("issue")));
    check(NewRoute { to: left.clone(), ..route(false) }, "'left/ticket' is both ends").await;
    check(NewRoute { from: ("no".into(), name("a")), ..route(false) }, "no").await;
    check(NewRoute { from: ("left".into(), name("a")), ..route(false) }, "no connector 'a' switched on")
        .await;
    check(NewRoute { map: ".a |".into(), ..route(false) }, "'map' cannot be used: line 1").await;
    check(NewRoute { back: Some("foo".into()), ..route(false) }, "'back' cannot be used").await;
    stage.create(route(false)).await;
    check(NewRoute { from: right.clone(), to: left.clone(), ..route(false) }, "has the name 'r'").await;
    let other = || NewRoute { name: Some(name("s")), ..route(false) };
    check(other(), "route 'r' goes between these two already").await;
    check(NewRoute { back: Some(".".into()), from: right.clone(), to: left.clone(), ..other() }, "already")
        .await;
    check(
        NewRoute { from: right, to: left, ..other() },
        "in a circle: right/issue -> left/ticket -> right/issue",
    )
    .await;

    let with = |change: &dyn Fn(&mut Ready)| {
        let mut ready = stage.channels[1].clone();
        change(&mut ready);
        stage.host.put(&ready);
    };
    stage.routes.delete("r").await.expect("deleted");
    with(&|ready| ready.channel.two_way = false);
    check(route(false), "tidegate channel edit right --two-way").await;
    let connectors = |change: &dyn Fn(&mut Connector)| {
        let mut kind = (*stage.channels[1].channel_type).clone();
        change(&mut kind.connectors[0]);
        with(&|ready| ready.channel_type = kind.clone().into());
    };
    connectors(&|one| one.direction = Ways::Import);
    check(route(false), "only imports these records").await;
    connectors(&|one| one.writes = vec![Write::Update]);
    check(route(false), "nobody create such records").await;
    connectors(&|one| one.writes = vec![Write::Create, Write::Update]);
    check(NewRoute { deletions: RouteDeletions::Follow, ..route(false) }, "leave out --deletions follow")
        .await;
    let made = stage.routes.create(NewRoute { name: None, ..route(false) }).await.expect("it can");
    assert_eq!(made.route.name.as_str(), "left-ticket-to-right-issue");
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_made_again_knows_its_records() {
    let stage = Stage::new().await;
    stage.left.edit("1", json!({"subject": "a", "body": "b"}));
    stage.sync_left().await;
    stage.create(route(true)).await;
    stage.all().await;
    stage.routes.delete("r").await.expect("deleted");
    assert!(matches!(stage.routes.get("r").await, Err(RouteError::NoRoute(_))));
    stage.left.edit("1", json!({"subject": "a2"}));
    stage.all().await;
    assert_eq!(stage.right_titles(), ["a"], "nobody carries it over");
    stage.create(route(true)).await;
    stage.all().await;
    assert_eq!(stage.right_titles(), ["a2"]);
    assert_eq!((stage.left.records().len(), stage.right.records().len()), (1, 1));
    stage.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_routes_use_is_released_by_force_only() {
    let stage = Stage::new().await;
    stage.create(route(false)).await;
    let id = stage.channels[1].channel.id;
    let words = stage.routes.release(id, "right", false).await.expect_err("in use").to_string();
    assert!(words.contains("'right' is used by route 'r'"), "{words}");
    let released = stage.routes.release(id, "right", true).await.expect("by force");
    stage.routes.let_go(&released).await.expect("removed");
    drop(released);
    assert_eq!(stage.store().routes().list().await.expect("read"), []);
    let released = stage.routes.release(id, "right", false).await.expect("nobody uses it");

    // None is made between that and the end of the channel.
    let making = stage.routes.create(route(false));
    tokio::pin!(making);
    assert!(making.as_mut().now_or_never().is_none());
    stage.store().channels().delete(id).await.expect("deleted");
    drop(released);
    making.await.expect_err("the channel is gone");
    assert_eq!(stage.store().routes().list().await.expect("read"), []);
}
