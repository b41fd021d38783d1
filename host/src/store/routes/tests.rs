//! Routes, their links and what is set aside, in the store.

use super::*;
use crate::model::{ChannelId, Class, Name, RouteConflicts, RouteDeletions, RouteEnd};
use crate::store::Error;
use serde_json::json;

fn key(text: &str) -> RecordKey {
    RecordKey::try_new(text).expect("a key")
}

fn route(name: &str) -> Route {
    let end = |byte| RouteEnd {
        channel: ChannelId::from_bytes([byte; 16]),
        connector: Name::try_new("ticket").expect("a name"),
    };
    Route {
        id: SubscriberId::new(),
        name: Name::try_new(name).expect("a name"),
        from: end(1),
        to: end(2),
        map: ".".into(),
        back: None,
        deletions: RouteDeletions::Keep,
        conflicts: RouteConflicts::FromWins,
        paused: false,
        fill: None,
        created: Timestamp::from_millis(1_700_000_000_123),
    }
}

#[test]
fn rows_of_version_1_are_read() {
    const ROUTE: &[u8] = b"\x01{\"id\":\"01JZZZZZZZZZZZZZZZZZZZZZZZ\",\"name\":\"a\",\
        \"from\":{\"channel\":\"01041061050R3GG28A1C60T3GF\",\"connector\":\"ticket\"},\
        \"to\":{\"channel\":\"0208210C1060R30G2R41C60T30\",\"connector\":\"ticket\"},\"map\":\".\",\
        \"deletions\":\"keep\",\"conflicts\":\"from-wins\",\"paused\":false,\
        \"created\":\"2023-11-14T22:13:20.123Z\"}";
    let read: Route = codec::decode("a route", Bytes::from_static(ROUTE)).expect("a route");
    assert_eq!(codec::encode(&read), ROUTE, "the form has not changed");
    const LINK: &[u8] = b"\x01{\"to\":\"7\",\"base-to\":{\"a\":1}}";
    let read: RouteLink = codec::decode("a link", Bytes::from_static(LINK)).expect("a link");
    assert_eq!(read, RouteLink { to: key("7"), base_to: Some(json!({"a": 1})), base_from: None });
    assert_eq!(codec::encode(&read), LINK, "the form has not changed");
}

#[tokio::test]
async fn links_are_unique_both_ways_and_belong_to_their_route() {
    let (store, both) = (Store::in_memory(), [route("a"), route("b")]);
    let link = |to: &str| RouteLink { to: key(to), base_to: None, base_from: None };
    let add = async |route: &Route, from: &str, to: &str| {
        let mut batch = Batch::new();
        batch.link_route(route.id, &key(from), &link(to));
        store.commit(batch).await
    };
    for route in &both {
        add(route, "1", "x").await.expect("linked");
    }
    assert!(matches!(add(&both[0], "1", "y").await, Err(Error::Expectation)));
    assert!(matches!(add(&both[0], "2", "x").await, Err(Error::Expectation)));
    let kept = store.routes().link_back(both[0].id, &key("x")).await.expect("read").expect("a link");
    assert_eq!((kept.from.as_str(), kept.link.to.as_str()), ("1", "x"));

    let noted = RouteLink { base_to: Some(json!(1.5)), ..kept.link.clone() };
    let mut batch = Batch::new();
    batch.note_route_link(both[0].id, &kept, &noted);
    store.commit(batch).await.expect("noted");
    let mut late = Batch::new();
    late.unlink_route(both[0].id, &kept);
    assert!(matches!(store.commit(late).await, Err(Error::Expectation)), "it was noted since");
    let kept = store.routes().link(both[0].id, &key("1")).await.expect("read").expect("a link");
    assert_eq!(kept.link, noted);
    let mut batch = Batch::new();
    batch.unlink_route(both[0].id, &kept);
    store.commit(batch).await.expect("unlinked");
    assert_eq!(store.routes().link_back(both[0].id, &key("x")).await.expect("read"), None);
    assert_eq!(store.routes().count_links(both[1].id).await.expect("read"), 1);
}

#[tokio::test]
async fn a_deleted_route_leaves_nothing_and_the_others_alone() {
    let (store, both) = (Store::in_memory(), [route("a"), route("b")]);
    let now = Timestamp::from_millis(5);
    let feed_key =
        FeedKey { channel: both[0].from.channel, connector: both[0].from.connector.clone(), key: key("1") };
    let tries = RouteTries { stamp: 7, tries: 2, waits: 0, next: now };
    let failed = FailedRoute {
        tries: 5,
        reason: Failure::new(Class::InvalidData, "mapping.filter", "no"),
        since: now,
    };
    let mut batch = Batch::new();
    for route in &both {
        batch.put_route(route);
        batch.put_route_tries(route.id, &feed_key, &tries);
        batch.put_failed_route(route.id, &feed_key, &failed);
    }
    store.commit(batch).await.expect("written");
    assert_eq!(store.routes().list().await.expect("read"), both);
    let [first, second] = [both[0].id, both[1].id];
    assert_eq!(store.routes().tries(first).await.expect("read"), [(feed_key.clone(), tries)]);
    assert_eq!(store.routes().failed(first, None, 5).await.expect("read"), [(feed_key.clone(), failed)]);
    assert_eq!(store.routes().failed(first, Some(&feed_key), 5).await.expect("read"), []);
    store.routes().delete(first).await.expect("written");
    assert_eq!(store.routes().list().await.expect("read"), both[1..]);
    assert_eq!(store.routes().count_failed(first).await.expect("read"), 0);
    assert_eq!(store.routes().count_failed(second).await.expect("read"), 1);
}
