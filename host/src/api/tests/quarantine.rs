//! Records in quarantine: lists, one of them, and what is refused.

use super::*;
use crate::{
    model::{Class, Failure, FieldError},
    store::{DueKey, Origin, Quarantined},
};

fn entry(key: &str, code: &str, payload: &'static [u8]) -> Quarantined {
    let mut reason = Failure::new(Class::InvalidData, code, "too long");
    reason.fields = vec![FieldError::new("subject", "has 9,000 characters")];
    Quarantined {
        key: key.into(),
        reason,
        origin: Origin::Record { updated: None, parent: None },
        size: Some(9_000),
        kept: payload.len() as u64,
        payload: Some(Bytes::from_static(payload)),
        first_seen: Timestamp::from_millis(NOW - 7_200_000),
        last_seen: Timestamp::from_millis(NOW - 3_600_000),
        attempts: 3,
        run: RunId::from_bytes([1; 16]),
    }
}

async fn keep(host: &Host, channel: &Channel, connector: &str, entries: &[Quarantined]) {
    let mut batch = Batch::default();
    entries.iter().for_each(|entry| batch.put_quarantined(channel.id, &named(connector), entry));
    host.store.commit(batch).await.expect("committed");
}

/// Three entries of one channel, one of another.
async fn host() -> (Host, Channel) {
    let host = Host::new();
    let (zen, other) = (host.channel("zen").await, host.channel("other").await);
    let tickets = [entry("1", "record.size", b"{\"id\": 1.00}"), entry("a/b?\n", "zendesk.shape", b"<p>")];
    keep(&host, &zen, "ticket", &tickets).await;
    keep(&host, &zen, "user", &[entry("1", "record.json", b"{")]).await;
    keep(&host, &other, "ticket", &[entry("1", "record.size", b"{")]).await;
    (host, zen)
}

fn found(list: &Value) -> Vec<String> {
    let shown = |item: &Value| {
        let text = |field: &str| item[field].as_str().expect("text").to_owned();
        format!("{} {} {}", text("channel"), text("connector"), text("key"))
    };
    list["items"].as_array().expect("items").iter().map(shown).collect()
}

#[tokio::test]
async fn entries_are_listed_by_what_is_said_of_them() {
    let (host, _) = host().await;
    let check = async |query: &str, expected: &[&str]| {
        let list = host.get(&format!("/api/v1/quarantine{query}")).await.json();
        assert_eq!(found(&list), expected, "{query}");
    };
    let all = ["zen ticket 1", "zen ticket a/b?\n", "zen user 1", "other ticket 1"];
    check("", &all).await;
    check("?channel=zen", &all[..3]).await;
    check("?channel=zen&connector=user", &all[2..3]).await;
    check("?code=record.size", &["zen ticket 1", "other ticket 1"]).await;
    check("?class=auth", &[]).await;
    check("?since=30m", &[]).await;
    check("?since=90m", &all).await;
    host.get("/api/v1/quarantine?channel=none").await.is_error(404, "not-found", "channel.unknown");
    host.get("/api/v1/quarantine?class=bad").await.is_error(400, "invalid-data", "request.query");
    host.get("/api/v1/quarantine?after=AAAA").await.is_error(400, "invalid-data", "request.after");
}

#[tokio::test]
async fn a_list_goes_on_where_the_page_before_ended() {
    let (host, _) = host().await;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let list = host.get(&format!("/api/v1/quarantine?limit=1{after}")).await.json();
        seen.extend(found(&list));
        let Some(next) = list["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, ["zen ticket 1", "zen ticket a/b?\n", "zen user 1", "other ticket 1"]);
}

#[tokio::test]
async fn an_entry_is_shown_whole_and_a_list_leaves_payloads_out() {
    let (host, zen) = host().await;
    let shown = host.get("/api/v1/channels/zen/quarantine/ticket/1").await;
    assert!(shown.text().contains(r#""payload":{"json":{"id": 1.00}}"#), "{}", shown.text());
    let shown = shown.json();
    for (field, value) in [
        ("attempts", json!(3)),
        ("first-seen", json!("2025-12-31T22:00:00.000Z")),
        ("last-seen", json!("2025-12-31T23:00:00.000Z")),
        ("payload-bytes", json!(9_000)),
        ("payload-kept", json!(12)),
        ("retry", json!(false)),
        (
            "reason",
            json!({
                "class": "invalid-data", "code": "record.size", "message": "too long",
                "fields": [{"field": "/subject", "message": "has 9,000 characters"}]
            }),
        ),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let odd = host.get("/api/v1/channels/zen/quarantine/ticket/a%2Fb%3F%0A").await.json();
    assert_eq!((&odd["key"], &odd["payload"]), (&json!("a/b?\n"), &json!({"text": "<p>"})));
    let list = host.get("/api/v1/quarantine?channel=zen").await.json();
    assert_eq!(
        (&list["items"][0]["payload"], &list["items"][0]["payload-bytes"]),
        (&Value::Null, &json!(9_000))
    );
    let none = host.get("/api/v1/channels/zen/quarantine/ticket/2").await;
    none.is_error(404, "not-found", "quarantine.unknown");

    let mut batch = Batch::default();
    batch.add_retrial(zen.id, &named("ticket"), "1");
    batch.add_due(zen.id, &named("user"), &DueKey { key: RecordKey::try_new("1").expect("a key"), stamp: 1 });
    host.store.commit(batch).await.expect("committed");
    let list = host.get("/api/v1/quarantine?channel=zen").await.json();
    let retry: Vec<_> = list["items"].as_array().expect("items").iter().map(|item| &item["retry"]).collect();
    assert_eq!(retry, [true, false, true], "to be judged, nothing, due");
}

#[tokio::test]
async fn what_is_dropped_is_counted_and_nothing_is_dropped_by_mistake() {
    let (host, _) = host().await;
    let path = "/api/v1/channels/zen/quarantine/drop";
    for unclear in [
        json!({}),
        json!({"connector": "ticket"}),
        json!({"key": "1"}),
        json!({"all": true, "code": "record."}),
        json!({"connector": "ticket", "key": "1", "all": true}),
        json!({"connector": "ticket", "key": "1", "code": "record."}),
    ] {
        host.post(path, &unclear).await.is_error(400, "invalid-data", "quarantine.selection");
    }
    host.post(path, &json!({"everything": true})).await.is_error(400, "invalid-data", "request.body");
    let left = async || found(&host.get("/api/v1/quarantine").await.json()).len();
    assert_eq!(left().await, 4);
    let check = async |selection: Value, dropped: u64, rest: usize| {
        let answer = host.post(path, &selection).await.json();
        assert_eq!((&answer, left().await), (&json!({"dropped": dropped}), rest), "{selection}");
    };
    check(json!({"code": "none."}), 0, 4).await;
    check(json!({"since": "30m"}), 0, 4).await;
    check(json!({"connector": "ticket", "key": "1"}), 1, 3).await;
    let again = host.post(path, &json!({"connector": "ticket", "key": "1"})).await;
    again.is_error(404, "not-found", "quarantine.unknown");
    check(json!({"code": "zendesk.", "class": "invalid-data"}), 1, 2).await;
    check(json!({"all": true}), 1, 1).await;
    assert_eq!(found(&host.get("/api/v1/quarantine").await.json()), ["other ticket 1"]);
}

#[tokio::test]
async fn a_try_that_no_sync_can_follow_is_refused_and_asks_for_nothing() {
    let (host, zen) = host().await;
    let path = "/api/v1/channels/zen/quarantine/retry";
    host.post(path, &json!({})).await.is_error(400, "invalid-data", "quarantine.selection");
    host.post(path, &json!({"all": true})).await.is_error(422, "config", "plugin.missing");
    let asked = host.store.quarantine().to_retry(zen.id, &named("ticket"), 9).await.expect("read");
    assert_eq!(asked, [""; 0]);
}
