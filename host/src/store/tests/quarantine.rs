//! The records that failed: one by one, and those that are sought.

use super::{commit, name, on_both, quarantined, time};
use crate::model::{ChannelId, Class, Failure};
use crate::store::{Place, Quarantined, Sought, Store};

fn without_payload(entry: &Quarantined) -> Quarantined {
    Quarantined { payload: None, ..entry.clone() }
}

#[tokio::test]
async fn quarantined_record_is_kept_with_its_reason() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        // Keys and payloads are a guest's: anything goes.
        let (a, b) = (quarantined("a\0b/ü", Some("not JSON")), quarantined("b", None));
        let empty = quarantined("", Some(""));
        commit(&store, |batch| {
            [&b, &a, &empty].iter().for_each(|entry| batch.put_quarantined(id, &ticket, entry))
        })
        .await;
        let quarantine = store.quarantine();
        let found = quarantine
            .get_many(id, &ticket, vec!["b".into(), "x".into(), a.key.clone()])
            .await
            .expect("read");
        assert_eq!(found, [Some(b.clone()), None, Some(without_payload(&a))]);
        let list = quarantine.list(id, &ticket, None, 2).await.expect("read");
        assert_eq!(list, [without_payload(&empty), without_payload(&a)]);
        assert_eq!(quarantine.list(id, &ticket, Some(&a.key), 2).await.expect("read"), [b]);
        assert_eq!(quarantine.count(id, &ticket).await.expect("read"), 3);
        for entry in [&a, &empty] {
            assert_eq!(quarantine.get(id, &ticket, &entry.key).await.expect("read").as_ref(), Some(entry));
        }
        commit(&store, |batch| batch.remove_quarantined(id, &ticket, &a.key)).await;
        assert_eq!(quarantine.count(id, &ticket).await.expect("read"), 2);
        assert_eq!(quarantine.get(id, &ticket, &a.key).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn entry_that_fails_without_a_payload_loses_the_old_one() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        commit(&store, |batch| batch.put_quarantined(id, &ticket, &quarantined("a", Some("old")))).await;
        let later = quarantined("a", None);
        commit(&store, |batch| batch.put_quarantined(id, &ticket, &later)).await;
        assert_eq!(store.quarantine().get(id, &ticket, "a").await.expect("read"), Some(later));
    })
    .await;
}

#[tokio::test]
async fn asking_for_another_try_is_remembered_until_it_is_made_or_the_entry_goes() {
    on_both(async |store| {
        let (id, ticket) = (ChannelId::new(), name("ticket"));
        let to_retry = async || store.quarantine().to_retry(id, &ticket, 9).await.expect("read");
        commit(&store, |batch| {
            for key in ["a", "b", "c"] {
                batch.put_quarantined(id, &ticket, &quarantined(key, None));
                batch.add_retrial(id, &ticket, key);
                batch.add_retrial(id, &ticket, key);
            }
        })
        .await;
        assert_eq!(to_retry().await, ["a", "b", "c"]);
        commit(&store, |batch| {
            batch.remove_retrial(id, &ticket, "a");
            batch.remove_quarantined(id, &ticket, "b");
        })
        .await;
        assert_eq!(to_retry().await, ["c"]);
        let asked = ["a", "c"].map(str::to_owned).to_vec();
        let asked = store.quarantine().is_to_retry(id, &ticket, asked).await.expect("read");
        assert_eq!(asked, [false, true]);
    })
    .await;
}

/// A search to its end in steps of `limit`; what was found, in its order.
async fn keys(store: &Store, sought: &Sought, limit: usize) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let found = store.quarantine().search(sought.clone(), after, limit).await.expect("read");
        assert!(found.entries.len() <= limit);
        let key = |(place, _): &(Place, Quarantined)| format!("{} {}", place.connector, place.key);
        keys.extend(found.entries.iter().map(key));
        // What is handed around leads to the same place.
        after = found.next.map(|place| Place::from_bytes(&place.to_bytes()).expect("a place"));
        if after.is_none() {
            return keys;
        }
    }
}

#[tokio::test]
async fn entries_are_found_by_what_is_said_of_them() {
    on_both(async |store| {
        let (one, two) = (ChannelId::from_bytes([1; 16]), ChannelId::from_bytes([2; 16]));
        let put = async |channel: ChannelId, connector: &str, key: &str, code: &str, class, at: i64| {
            let reason = Failure::new(class, code, "no");
            let entry = Quarantined { reason, last_seen: time(at), ..quarantined(key, Some("{")) };
            commit(&store, |batch| batch.put_quarantined(channel, &name(connector), &entry)).await;
        };
        put(one, "ticket", "a\0\u{1}", "record.size", Class::InvalidData, 10).await;
        put(one, "ticket", "b", "record.json", Class::InvalidData, 20).await;
        put(one, "ticket-comment", "b", "zendesk.forbidden", Class::Auth, 30).await;
        put(two, "ticket", "a", "record.size", Class::InvalidData, 40).await;
        let check = async |sought: Sought, expected: &[&str]| {
            for limit in [1, 2, 100] {
                assert_eq!(keys(&store, &sought, limit).await, expected, "{sought:?} {limit}");
            }
        };
        let any = Sought::default;
        check(any(), &["ticket a\0\u{1}", "ticket b", "ticket-comment b", "ticket a"]).await;
        let in_one = || Sought { channel: Some(one), ..any() };
        check(in_one(), &["ticket a\0\u{1}", "ticket b", "ticket-comment b"]).await;
        check(Sought { connector: Some(name("ticket")), ..in_one() }, &["ticket a\0\u{1}", "ticket b"]).await;
        let of_ticket = Sought { connector: Some(name("ticket")), ..any() };
        check(of_ticket, &["ticket a\0\u{1}", "ticket b", "ticket a"]).await;
        let code = |text: &str| Some(text.to_owned());
        check(Sought { code: code("record.size"), ..any() }, &["ticket a\0\u{1}", "ticket a"]).await;
        check(Sought { code: code("zen"), ..any() }, &["ticket-comment b"]).await;
        check(Sought { code: code("size"), ..any() }, &[]).await;
        check(Sought { class: Some(Class::Auth), ..any() }, &["ticket-comment b"]).await;
        check(Sought { since: Some(time(30)), ..any() }, &["ticket-comment b", "ticket a"]).await;
        check(Sought { channel: Some(ChannelId::from_bytes([3; 16])), ..any() }, &[]).await;
    })
    .await;
}

#[tokio::test]
async fn search_looks_at_a_bounded_number_of_entries_and_goes_on_from_there() {
    let store = Store::in_memory();
    let (id, ticket) = (ChannelId::new(), name("ticket"));
    commit(&store, |batch| {
        for row in 0..12_000 {
            batch.put_quarantined(id, &ticket, &quarantined(&format!("{row:05}"), None));
        }
        let reason = Failure::new(Class::Auth, "last", "no");
        let last = Quarantined { reason, ..quarantined("99999", None) };
        batch.put_quarantined(id, &ticket, &last);
    })
    .await;
    let sought = Sought { class: Some(Class::Auth), ..Sought::default() };
    let first = store.quarantine().search(sought.clone(), None, 10).await.expect("read");
    assert_eq!(first.entries, []);
    assert_eq!(first.next.as_ref().map(|place| place.key.as_str()), Some("04999"));
    assert_eq!(keys(&store, &sought, 10).await, ["ticket 99999"]);
}

#[test]
fn what_is_no_place_is_refused() {
    for bytes in [&b""[..], &[1; 16], &[1; 20], b"0123456789abcdefTicket\0a", b"0123456789abcdefticket\0\xff"]
    {
        assert_eq!(Place::from_bytes(bytes), None, "{bytes:?}");
    }
}
