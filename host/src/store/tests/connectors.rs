//! What a connector has: records, cursor, due keys, quarantine, state.

use super::{commit, due, key, name, on_both, record};
use crate::model::{ChannelId, Record};
use crate::store::{Batch, DueKey, Error};
use bytes::Bytes;
use std::collections::BTreeMap;

#[tokio::test]
async fn records_come_back_in_the_order_asked_for() {
    on_both(async |store| {
        let (id, ticket, tickets) = (ChannelId::new(), name("ticket"), name("ticket-comment"));
        let (one, two) = (record("1", "{\"a\": 1 }"), Record { updated: None, ..record("2", "") });
        commit(&store, |batch| {
            batch.put_record(id, &ticket, &two);
            batch.put_record(id, &ticket, &one);
            batch.put_record(id, &tickets, &record("3", "{}"));
            batch.put_record(ChannelId::new(), &ticket, &record("3", "{}"));
        })
        .await;
        let records = store.records();
        let found =
            records.get_many(id, &ticket, ["2", "3", "1", "2"].map(key).to_vec()).await.expect("read");
        assert_eq!(found, [Some(two.clone()), None, Some(one.clone()), Some(two.clone())]);
        assert_eq!(records.get(id, &ticket, &key("1")).await.expect("read"), Some(one.clone()));
        assert_eq!(records.list(id, &ticket, None, 10).await.expect("read"), [one.clone(), two.clone()]);
        assert_eq!(records.list(id, &ticket, None, 1).await.expect("read"), [one]);
        assert_eq!(records.list(id, &ticket, Some(&key("1")), 10).await.expect("read"), [two]);
        assert_eq!(records.list(id, &ticket, Some(&key("2")), 10).await.expect("read"), []);

        commit(&store, |batch| batch.delete_record(id, &ticket, &key("1"))).await;
        assert_eq!(records.get(id, &ticket, &key("1")).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn record_count_is_what_the_writer_says() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        assert_eq!(store.records().count(id, &ticket).await.expect("read"), 0);
        commit(&store, |batch| batch.set_record_count(id, &ticket, 7)).await;
        assert_eq!(store.records().count(id, &ticket).await.expect("read"), 7);
        assert_eq!(store.records().count(id, &name("user")).await.expect("read"), 0);
    })
    .await;
}

#[tokio::test]
async fn cursor_is_kept_until_it_is_dropped() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        assert_eq!(store.cursors().get(id, &ticket).await.expect("read"), None);
        commit(&store, |batch| batch.put_cursor(id, &ticket, b"")).await;
        assert_eq!(store.cursors().get(id, &ticket).await.expect("read").as_deref(), Some(&b""[..]));
        commit(&store, |batch| batch.put_cursor(id, &ticket, b"\0next\xff")).await;
        assert_eq!(
            store.cursors().get(id, &ticket).await.expect("read").as_deref(),
            Some(&b"\0next\xff"[..])
        );
        commit(&store, |batch| batch.drop_cursor(id, &ticket)).await;
        assert_eq!(store.cursors().get(id, &ticket).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn due_keys_wait_once_and_in_order() {
    on_both(async |store| {
        let (id, comment) = (ChannelId::new(), name("ticket-comment"));
        commit(&store, |batch| {
            ["3", "1", "2", "1"].iter().for_each(|text| batch.add_due(id, &comment, &due(text, 1)));
        })
        .await;
        let list = async |without: &[&str], limit| {
            let without = without.iter().copied().map(key).collect();
            let due = store.due().list(id, &comment, without, limit).await.expect("read");
            due.iter().map(|due| due.key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(store.due().count(id, &comment).await.expect("read"), 3);
        assert_eq!(list(&[], 10).await, ["1", "2", "3"]);
        assert_eq!(list(&[], 2).await, ["1", "2"]);
        assert_eq!(list(&["1", "3"], 2).await, ["2"]);
        assert_eq!(list(&["1", "7"], 1).await, ["2"]);
        assert_eq!(list(&["1", "2", "3"], 1).await, [""; 0]);
        assert_eq!(list(&[], 0).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn settling_a_key_that_was_asked_for_again_is_refused() {
    on_both(async |store| {
        let (id, comment) = (ChannelId::new(), name("ticket-comment"));
        let settle = |due: &DueKey| {
            let mut batch = Batch::new();
            batch.settle_due(id, &comment, due);
            batch.put_record(id, &comment, &record("of the page", "{}"));
            store.commit(batch)
        };
        commit(&store, |batch| batch.add_due(id, &comment, &due("1", 1))).await;
        commit(&store, |batch| batch.add_due(id, &comment, &due("1", 2))).await;
        assert!(matches!(settle(&due("1", 1)).await, Err(Error::Expectation)));
        assert_eq!(store.due().list(id, &comment, vec![], 9).await.expect("read"), [due("1", 2)]);
        assert_eq!(store.records().get(id, &comment, &key("of the page")).await.expect("read"), None);

        settle(&due("1", 2)).await.expect("this was the last asking");
        assert_eq!(store.due().count(id, &comment).await.expect("read"), 0);
        assert!(matches!(settle(&due("1", 2)).await, Err(Error::Expectation)), "it is settled");
    })
    .await;
}

#[tokio::test]
async fn many_due_keys_are_counted() {
    on_both(async |store| {
        let (id, comment) = (ChannelId::new(), name("ticket-comment"));
        commit(&store, |batch| {
            (0..1_300).for_each(|row| batch.add_due(id, &comment, &due(&row.to_string(), row)))
        })
        .await;
        assert_eq!(store.due().count(id, &comment).await.expect("read"), 1_300);
    })
    .await;
}

#[tokio::test]
async fn state_is_each_connectors_own() {
    on_both(async |store| {
        let (id, ticket, user) = (ChannelId::new(), name("ticket"), name("user"));
        commit(&store, |batch| {
            batch.set_state(id, &ticket, "b", Some(b"2"));
            batch.set_state(id, &ticket, "", Some(b""));
            batch.set_state(id, &user, "b", Some(b"3"));
        })
        .await;
        commit(&store, |batch| batch.set_state(id, &ticket, "b", None)).await;
        commit(&store, |batch| batch.set_state(id, &ticket, "c", Some(b"4"))).await;
        let all = store.state().all(id, &ticket).await.expect("read");
        let expected =
            [("", &b""[..]), ("c", b"4")].map(|(key, value)| (key.to_owned(), Bytes::from_static(value)));
        assert_eq!(all, BTreeMap::from(expected));
    })
    .await;
}
