//! What goes out: writing records, what waits, links, and conflicts.

use super::*;
use crate::{
    model::{
        Author, Class, Conflict, ConflictId, Failure, FieldConflict, Outgoing, Taken, TrailStep, Version,
        Write,
    },
    store::Link,
};

const RECORDS: &str = "/api/v1/channels/zen/records/ticket";

fn key(text: &str) -> RecordKey {
    RecordKey::try_new(text).expect("a key")
}

fn waiting(text: &str) -> Outgoing {
    let time = Timestamp::from_millis(NOW);
    Outgoing {
        key: key(text),
        kind: Write::Update,
        base: Some(Version { updated: None, parent: None, payload: Bytes::from_static(b"{\"id\": 0}") }),
        sent: None,
        idempotency_key: "k".into(),
        author: Author::Person("me".into()),
        since: time,
        changed: time,
        tries: 0,
        due: None,
        failure: None,
        refused: false,
        held: None,
    }
}

fn conflict(number: u8, text: &str, held: bool) -> Conflict {
    let field = FieldConflict {
        field: "/subject".into(),
        base: Some(json!("old")),
        local: Some(json!("ours")),
        remote: Some(json!("theirs")),
        taken: if held { Taken::Held } else { Taken::Remote },
    };
    Conflict {
        id: ConflictId::from_bytes([number; 16]),
        key: key(text),
        at: Timestamp::from_millis(NOW),
        run: Some(RunId::from_bytes([1; 16])),
        route: None,
        fields: vec![field],
        held,
        settled: None,
    }
}

/// Two changes that wait, one of them refused, with a history, a link, and two conflicts.
async fn host() -> Host {
    let host = Host::new();
    let channel = host.channel("zen").await;
    host.records(&channel, 3).await;
    let failure = Failure::new(Class::InvalidData, "ticket.closed", "it is closed");
    let refused = Outgoing { refused: true, failure: Some(failure), tries: 1, ..waiting("0002") };
    let step = TrailStep {
        at: Timestamp::from_millis(NOW),
        author: Author::Person("me".into()),
        kind: Write::Update,
        fields: vec!["/id".into()],
        run: None,
    };
    let (id, ticket) = (channel.id, named("ticket"));
    let mut batch = Batch::default();
    batch.put_outgoing(id, &ticket, &waiting("0001"));
    batch.put_outgoing(id, &ticket, &refused);
    batch.extend_trail(id, &ticket, &key("0001"), (Vec::new(), step));
    batch.link(id, &ticket, &Link { local: key("0001"), remote: key("4711") });
    batch.put_conflict(id, &ticket, &conflict(1, "0001", true));
    batch.put_conflict(id, &ticket, &conflict(2, "0003", false));
    host.store.commit(batch).await.expect("committed");
    host
}

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("items").iter().filter_map(|item| item["key"].as_str()).collect()
}

#[tokio::test]
async fn changes_that_wait_are_listed_page_by_page() {
    let host = host().await;
    let check = async |query: &str, expected: &[&str], next: Value| {
        let list = host.get(&format!("/api/v1/channels/zen/outbox{query}")).await.json();
        assert_eq!((keys(&list), &list["next"]), (expected.to_vec(), &next), "{query}");
    };
    check("", &["0001", "0002"], Value::Null).await;
    check("?limit=1", &["0001"], json!("ticket/0001")).await;
    check("?limit=1&after=ticket/0001", &["0002"], json!("ticket/0002")).await;
    check("?after=ticket/0002", &[], Value::Null).await;
    check("?refused=true", &["0002"], Value::Null).await;
    check("?connector=user", &[], Value::Null).await;
    for (query, code) in [
        ("?after=nowhere", "request.after"),
        ("?after=Bad%20Name/1", "request.after"),
        ("?limit=many", "request.query"),
        ("?refused=perhaps", "request.query"),
        ("?colour=red", "request.query"),
        ("?connector=No%20Name", "request.query"),
    ] {
        host.get(&format!("/api/v1/channels/zen/outbox{query}")).await.is_error(400, "invalid-data", code);
    }
    let list = host.get("/api/v1/channels/zen/outbox?refused=true").await.json();
    let row = &list["items"][0];
    let shown = (&row["kind"], &row["author"], &row["refused"], &row["failure"]["code"], &row["connector"]);
    assert_eq!(
        shown,
        (&json!("update"), &json!("me"), &json!(true), &json!("ticket.closed"), &json!("ticket"))
    );
}

#[tokio::test]
async fn nothing_is_given_up_or_tried_again_by_mistake() {
    let host = host().await;
    for what in ["retry", "drop"] {
        let path = format!("/api/v1/channels/zen/outbox/{what}");
        for unclear in [
            json!({}),
            json!({"connector": "ticket"}),
            json!({"key": "0001"}),
            json!({"connector": "ticket", "key": "0001", "all": true}),
        ] {
            host.post(&path, &unclear).await.is_error(400, "invalid-data", "outbox.selection");
        }
        for odd in [json!({"everything": true}), json!({"key": ""}), json!({"connector": 7}), json!([1])] {
            host.post(&path, &odd).await.is_error(400, "invalid-data", "request.body");
        }
    }
    let list = host.get("/api/v1/channels/zen/outbox").await.json();
    assert_eq!(keys(&list), ["0001", "0002"]);
}

#[tokio::test]
async fn a_write_names_its_author_in_visible_characters() {
    let host = host().await;
    for author in ["", "two words", "Jörg", &"x".repeat(65)] {
        for method in ["PUT", "PATCH", "DELETE"] {
            let request =
                request(method, &format!("{RECORDS}/0001")).header("tidegate-author", author.as_bytes());
            let request = request.header(header::CONTENT_TYPE, "application/json");
            let answer = host.send(request.body(Body::from("{}")).expect("a request")).await;
            answer.is_error(400, "invalid-data", "request.author");
        }
    }
}

#[tokio::test]
async fn a_write_that_cannot_be_meant_is_refused_and_changes_nothing() {
    let host = host().await;
    let before = host.get(&format!("{RECORDS}/0001")).await.json();
    for method in ["PUT", "PATCH"] {
        for body in [json!([1]), json!("text"), json!(7), Value::Null] {
            let answer = host.with_body(method, &format!("{RECORDS}/0001"), &body).await;
            answer.is_error(400, "invalid-data", "request.body");
        }
    }
    let parent = host.with_body("PUT", &format!("{RECORDS}/0001?parent="), &json!({})).await;
    parent.is_error(400, "invalid-data", "request.query");
    let odd = host.with_body("PUT", &format!("{RECORDS}/0001?colour=red"), &json!({})).await;
    odd.is_error(400, "invalid-data", "request.query");
    let link = format!("{RECORDS}/0001/link");
    for body in
        [json!({}), json!({"remote": ""}), json!({"remote": 7}), json!({"remote": "1", "colour": "red"})]
    {
        host.with_body("PUT", &link, &body).await.is_error(400, "invalid-data", "request.body");
    }
    // Without its plugin nobody knows what the connector can do.
    for (method, path, body) in [
        ("PUT", format!("{RECORDS}/0001"), json!({"id": 2})),
        ("PATCH", format!("{RECORDS}/0001"), json!({"id": 2})),
        ("DELETE", format!("{RECORDS}/0001"), json!({})),
        ("PUT", link.clone(), json!({"remote": "9"})),
        ("DELETE", link, json!({})),
        ("POST", "/api/v1/channels/zen/outbox/retry".to_owned(), json!({"all": true})),
        ("POST", "/api/v1/channels/zen/outbox/drop".to_owned(), json!({"all": true})),
        ("GET", "/api/v1/channels/zen/outbox/ticket/0001".to_owned(), json!({})),
    ] {
        host.with_body(method, &path, &body).await.is_error(422, "config", "plugin.missing");
    }
    assert_eq!(host.get(&format!("{RECORDS}/0001")).await.json(), before);
    assert_eq!(keys(&host.get("/api/v1/channels/zen/outbox").await.json()), ["0001", "0002"]);
}

#[tokio::test]
async fn a_record_has_its_remote_id_and_its_history() {
    let host = host().await;
    assert_eq!(host.get(&format!("{RECORDS}/0001")).await.json()["remote"], "4711");
    let history = host.get(&format!("{RECORDS}/0001/history")).await.json();
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1), "{history}");
    assert_eq!(history["items"][0]["fields"], json!(["/id"]));
    assert_eq!(history["items"][0]["by"], "person");
    let none = host.get(&format!("{RECORDS}/0003/history")).await.json();
    assert_eq!(none["items"], json!([]), "it was never changed here");
    host.get(&format!("{RECORDS}/0009/history")).await.is_error(404, "not-found", "record.unknown");
    let elsewhere = host.get("/api/v1/channels/zen/records/tickets/0001/history").await;
    elsewhere.is_error(404, "not-found", "connector.unknown");
}

#[tokio::test]
async fn conflicts_are_listed_and_shown_with_both_values() {
    let host = host().await;
    let held = ConflictId::from_bytes([1; 16]);
    let check = async |query: &str, expected: &[&str], goes_on: bool| {
        let list = host.get(&format!("/api/v1/conflicts{query}")).await.json();
        assert_eq!((keys(&list), list["next"].is_string()), (expected.to_vec(), goes_on), "{query}");
    };
    check("", &["0001", "0003"], false).await;
    check("?channel=zen&connector=ticket", &["0001", "0003"], false).await;
    check("?connector=user", &[], false).await;
    check("?held=true", &["0001"], false).await;
    check("?limit=1", &["0001"], true).await;
    check(&format!("?limit=1&after=zen/ticket/{held}"), &["0003"], true).await;
    host.get("/api/v1/conflicts?channel=none").await.is_error(404, "not-found", "channel.unknown");
    host.get("/api/v1/conflicts?after=zen/ticket").await.is_error(400, "invalid-data", "request.after");
    host.get("/api/v1/conflicts?held=perhaps").await.is_error(400, "invalid-data", "request.query");

    let shown = host.get(&format!("/api/v1/conflicts/{held}")).await.json();
    let field = &shown["fields"][0];
    assert_eq!(
        (&shown["waits"], &shown["channel"], &shown["key"]),
        (&json!(true), &json!("zen"), &json!("0001"))
    );
    assert_eq!(
        (&field["base"], &field["local"], &field["remote"]),
        (&json!("old"), &json!("ours"), &json!("theirs"))
    );
    host.get("/api/v1/conflicts/none").await.is_error(400, "invalid-data", "request.id");
}

#[tokio::test]
async fn a_decision_must_say_what_it_means() {
    let host = host().await;
    let path = format!("/api/v1/conflicts/{}/resolve", ConflictId::from_bytes([1; 16]));
    for odd in [
        json!({"take": "mine"}),
        json!({"fields": {"/subject": "both"}}),
        json!({"fields": {"/subject": {"values": 1}}}),
        json!({"colour": "red"}),
    ] {
        host.post(&path, &odd).await.is_error(400, "invalid-data", "request.body");
    }
    host.post("/api/v1/conflicts/none/resolve", &json!({"take": "local"})).await.is_error(
        400,
        "invalid-data",
        "request.id",
    );
    host.post(&path, &json!({"take": "local"})).await.is_error(422, "config", "plugin.missing");
    let shown = host.get(&format!("/api/v1/conflicts/{}", ConflictId::from_bytes([1; 16]))).await.json();
    assert_eq!(shown["waits"], true);
}
