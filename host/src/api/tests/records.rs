//! Records, in pages and as streams.

use super::*;

#[tokio::test]
async fn records_come_page_by_page_and_byte_for_byte() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    host.records(&channel, 5).await;
    let path = "/api/v1/channels/zen/records/ticket";
    let first = host.get(&format!("{path}?limit=2")).await;
    assert!(
        first.text().contains(r#""payload":{"id": 1, "big": 1.000000000000000000001}"#),
        "{}",
        first.text()
    );
    assert_eq!(first.json()["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(first.json()["next"], "0002");
    let last = host.get(&format!("{path}?limit=3&after=0002")).await.json();
    assert_eq!((last["items"][2]["key"].as_str(), &last["next"]), (Some("0005"), &Value::Null));
}

#[tokio::test]
async fn a_record_is_found_by_its_key() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    let mut batch = Batch::default();
    let record = Record {
        key: RecordKey::try_new("a/b %2F..").expect("a key"),
        parent: None,
        updated: None,
        imported: Timestamp::from_millis(NOW),
        run: RunId::from_bytes([1; 16]),
        payload: Bytes::from_static(b"[1]"),
    };
    batch.put_record(channel.id, &named("ticket"), &record);
    host.store.commit(batch).await.expect("committed");

    let path = "/api/v1/channels/zen/records/ticket";
    let found = host.get(&format!("{path}/a%2Fb%20%252F%2E%2E")).await.json();
    assert_eq!((&found["key"], &found["updated"]), (&json!("a/b %2F.."), &Value::Null));
    host.get(&format!("{path}/none")).await.is_error(404, "not-found", "record.unknown");
}

#[tokio::test]
async fn a_connector_that_is_not_there_is_told_with_those_that_are() {
    let host = Host::new();
    host.channel("zen").await;
    let answer = host.get("/api/v1/channels/zen/records/tickets").await;
    answer.is_error(404, "not-found", "connector.unknown");
    assert!(answer.text().contains("it has: ticket"), "{}", answer.text());
}

#[tokio::test]
async fn an_export_streams_every_record_in_either_form() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    // More than two reads of the stream.
    host.records(&channel, 250).await;
    let path = "/api/v1/channels/zen/records/ticket";

    let lines = host.get(&format!("{path}?format=jsonl")).await;
    assert_eq!(lines.headers["tidegate-records"], "250");
    assert_eq!(lines.headers[header::CONTENT_TYPE], "application/x-ndjson");
    assert_eq!(lines.text().lines().count(), 250);
    assert_eq!(
        lines.text().lines().next(),
        Some(
            r#"{"key":"0001","updated":"2026-01-01T00:00:00.000Z","payload":{"id": 1, "big": 1.000000000000000000001}}"#
        )
    );

    let table = host.get(&format!("{path}?format=csv")).await;
    assert_eq!(table.text().lines().count(), 251);
    assert_eq!(
        table.text().lines().last(),
        Some("0250,,2026-01-01T00:00:00.000Z,250,1.000000000000000000001")
    );
    host.get(&format!("{path}?format=xml")).await.is_error(400, "invalid-data", "request.query");
}

#[tokio::test]
async fn an_export_of_nothing_is_empty() {
    let host = Host::new();
    host.channel("zen").await;
    let path = "/api/v1/channels/zen/records/ticket";
    assert_eq!(host.get(&format!("{path}?format=jsonl")).await.text(), "");
    assert_eq!(host.get(&format!("{path}?format=csv")).await.text(), "key,parent,updated\n");
}

#[tokio::test]
async fn records_that_are_gone_remotely_say_since_when_and_can_be_listed_alone() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    host.records(&channel, 250).await;
    let mut batch = Batch::default();
    for number in [3, 7, 120, 200] {
        let key = RecordKey::try_new(format!("{number:04}")).expect("a key");
        batch.mark_vanished(channel.id, &named("ticket"), &key, Timestamp::from_millis(NOW));
    }
    host.store.commit(batch).await.expect("committed");

    let path = "/api/v1/channels/zen/records/ticket";
    let shown = host.get(&format!("{path}/0003")).await.json();
    assert_eq!(shown["vanished"], "2026-01-01T00:00:00.000Z");
    assert_eq!(host.get(&format!("{path}/0004")).await.json().get("vanished"), None);
    let all = host.get(&format!("{path}?limit=1000")).await.json();
    let marked = all["items"].as_array().expect("items").iter().filter(|item| item["vanished"].is_string());
    assert_eq!(marked.count(), 4);

    let keys = |list: &Value| {
        list["items"].as_array().expect("items").iter().map(|item| item["key"].clone()).collect::<Vec<_>>()
    };
    let first = host.get(&format!("{path}?vanished=true&limit=3")).await.json();
    assert_eq!(
        (keys(&first), &first["next"]),
        (vec![json!("0003"), json!("0007"), json!("0120")], &json!("0120"))
    );
    let last = host.get(&format!("{path}?vanished=true&limit=3&after=0120")).await.json();
    assert_eq!((keys(&last), &last["next"]), (vec![json!("0200")], &Value::Null));
    let lines = host.get(&format!("{path}?format=jsonl&marks=true")).await;
    let marked: Vec<_> = lines.text().lines().filter(|line| line.contains("\"vanished\":\"")).collect();
    assert!(!marked.is_empty() && marked.len() < lines.text().lines().count(), "{}", lines.text());
    assert!(!host.get(&format!("{path}?format=jsonl")).await.text().contains("vanished"));
    let table = host.get(&format!("{path}?format=csv&marks=true")).await;
    assert!(table.text().starts_with("key,parent,updated,vanished,"), "{}", table.text());
    let odd = host.get(&format!("{path}?marks=true")).await;
    odd.is_error(400, "invalid-data", "request.query");
    let odd = host.get(&format!("{path}?vanished=true&format=csv")).await;
    odd.is_error(400, "invalid-data", "request.query");
}
