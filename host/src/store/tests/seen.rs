//! What full readings have seen, and the marks of what they have not.

use super::{commit, key, name, on_both, time};
use crate::model::{ChannelId, Name, RunId};
use crate::store::{Batch, Reading, SeenPage, Stage};

fn page(reading: u8, run: u8, page: u64) -> SeenPage {
    SeenPage { reading: RunId::from_bytes([reading; 16]), run: RunId::from_bytes([run; 16]), page }
}

fn put(batch: &mut Batch, channel: ChannelId, connector: &Name, at: SeenPage, keys: &[&str]) {
    batch.put_seen(channel, connector, at, keys.iter().copied());
}

#[tokio::test]
async fn reading_knows_what_its_pages_showed_and_nothing_else() {
    on_both(async |store| {
        let (id, ticket, tickets) = (ChannelId::new(), name("ticket"), name("tickets"));
        commit(&store, |batch| {
            put(batch, id, &ticket, page(1, 1, 1), &["a", "b"]);
            put(batch, id, &ticket, page(1, 2, 1), &["b", "c"]);
            put(batch, id, &ticket, page(2, 2, 2), &["other reading"]);
            put(batch, id, &tickets, page(1, 1, 1), &["other connector"]);
            put(batch, ChannelId::new(), &ticket, page(1, 1, 1), &["other channel"]);
        })
        .await;
        let seen = store.seen().keys(id, &ticket, page(1, 0, 0).reading).await.expect("read");
        for key in ["a", "b", "c"] {
            assert!(seen.has(key), "{key}");
        }
        for key in ["", "d", "other reading", "other connector", "other channel"] {
            assert!(!seen.has(key), "{key}");
        }
        let nothing = store.seen().keys(id, &ticket, page(3, 0, 0).reading).await.expect("read");
        assert!(nothing.is_empty() && !seen.is_empty());

        let pages = store.seen().pages(id, &ticket, 9).await.expect("read");
        assert_eq!(pages, [page(1, 1, 1), page(1, 2, 1), page(2, 2, 2)]);
        assert_eq!(store.seen().pages(id, &ticket, 1).await.expect("read").len(), 1);
        commit(&store, |batch| pages.iter().for_each(|page| batch.remove_seen(id, &ticket, *page))).await;
        assert_eq!(store.seen().pages(id, &ticket, 9).await.expect("read"), []);
        assert_eq!(store.seen().pages(id, &tickets, 9).await.expect("read").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn how_far_a_reading_is_is_kept_until_it_is_over() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        let stored = async || store.seen().reading(id, &ticket).await.expect("read");
        assert_eq!(stored().await, None);
        for stage in [Stage::Reading, Stage::Sweeping { after: Some(key("7")) }, Stage::Clearing] {
            let reading = Reading { id: RunId::new(), stage, unclear: true };
            commit(&store, |batch| batch.put_reading(id, &ticket, &reading)).await;
            assert_eq!(stored().await, Some(reading));
            assert_eq!(store.seen().pages(id, &ticket, 9).await.expect("read"), [], "it is no page");
        }
        commit(&store, |batch| batch.end_reading(id, &ticket)).await;
        assert_eq!(stored().await, None);
    })
    .await;
}

#[tokio::test]
async fn mark_says_since_when_and_can_be_taken_away() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        commit(&store, |batch| {
            batch.mark_vanished(id, &ticket, &key("a"), time(5));
            batch.mark_vanished(id, &ticket, &key("b"), time(-5));
            batch.mark_vanished(id, &name("user"), &key("c"), time(7));
        })
        .await;
        let marks = store.vanished();
        let found = marks.get_many(id, &ticket, ["b", "c", "a"].map(key).to_vec()).await.expect("read");
        assert_eq!(found, [Some(time(-5)), None, Some(time(5))]);
        let list = marks.list(id, &ticket, None, 9).await.expect("read");
        assert_eq!(list, [(key("a"), time(5)), (key("b"), time(-5))]);
        assert_eq!(marks.list(id, &ticket, Some(&key("a")), 9).await.expect("read").len(), 1);
        commit(&store, |batch| batch.unmark_vanished(id, &ticket, &key("a"))).await;
        assert_eq!(marks.list(id, &ticket, None, 9).await.expect("read"), [(key("b"), time(-5))]);
    })
    .await;
}

#[tokio::test]
async fn keys_of_records_are_listed_without_the_records() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        commit(&store, |batch| {
            ["b", "a", "c"].iter().for_each(|key| batch.put_record(id, &ticket, &super::record(key, "{}")));
        })
        .await;
        let list = async |after: Option<&str>, limit| {
            let after = after.map(key);
            let keys = store.records().keys(id, &ticket, after.as_ref(), limit).await.expect("read");
            keys.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(list(None, 2).await, ["a", "b"]);
        assert_eq!(list(Some("b"), 2).await, ["c"]);
    })
    .await;
}
