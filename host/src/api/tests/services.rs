//! Calls, webhooks, notices and connections, on a host that has no plugin for them.

use super::*;
use crate::{
    model::{Call, CallMode, Class, Failure, IdempotencyKey, JobId, Span, Status, Trigger, Usage},
    store::{DeadNotice, FeedEntry, FeedKey, FeedKind, KeptCall},
};

const NONE: &str = "0000000000000000000000000A";

fn call(channel: &Channel, number: u8, status: Status) -> Call {
    let time = Timestamp::from_millis(NOW);
    let id = RunId::from_bytes([number; 16]);
    Call {
        id,
        job: JobId::from_bytes([number; 16]),
        channel_id: channel.id,
        channel: channel.name.clone(),
        operation: named("send-message"),
        key: IdempotencyKey::of(id),
        mode: CallMode::Queued,
        trigger: Trigger::Request,
        timeout: Span::secs(60),
        status,
        deferred: None,
        tries: 1,
        due: time,
        holder: None,
        requested: time,
        expires: None,
        started: Some(time),
        ended: Some(time),
        error: (status == Status::Failed).then(|| Failure::new(Class::NotFound, "http.status.404", "no")),
        cut_off: false,
        outcome_unknown: false,
        usage: Usage::default(),
    }
}

async fn with_calls() -> Host {
    let host = Host::new();
    let channel = host.channel("chat").await;
    let mut batch = Batch::default();
    for (number, status) in [(1, Status::Completed), (2, Status::Failed)] {
        let call = call(&channel, number, status);
        batch.put_call(&call);
        batch.put_call_input(call.id, br#"{"to": 1.00}"#);
        if status == Status::Completed {
            batch.put_call_output(call.id, br#"{"id": "m-1"}"#);
        }
    }
    host.store.commit(batch).await.expect("committed");
    host
}

#[tokio::test]
async fn calls_are_listed_without_what_was_said_and_shown_with_it() {
    let host = with_calls().await;
    let id = |number: u8| RunId::from_bytes([number; 16]).to_string();
    let check = async |query: &str, expected: &[u8], next: Value| {
        let list = host.get(&format!("/api/v1/calls{query}")).await.json();
        let items = list["items"].as_array().expect("items");
        let found: Vec<_> = items.iter().map(|item| item["id"].clone()).collect();
        let expected: Vec<_> = expected.iter().map(|number| json!(id(*number))).collect();
        assert_eq!((found, &list["next"]), (expected, &next), "{query}");
        assert!(items.iter().all(|item| item.get("input").is_none() && item.get("output").is_none()));
    };
    check("", &[2, 1], Value::Null).await;
    check("?channel=chat&limit=1", &[2], json!(id(2))).await;
    check(&format!("?after={}", id(2)), &[1], Value::Null).await;
    check("?status=failed,deferred", &[2], Value::Null).await;
    check("?status=queued", &[], Value::Null).await;
    let shown = host.get(&format!("/api/v1/calls/{}", id(1))).await;
    assert!(shown.text().contains(r#""input":{"to": 1.00}"#), "as it came: {}", shown.text());
    assert_eq!(shown.json()["output"], json!({"id": "m-1"}));
    let failed = host.get(&format!("/api/v1/calls/{}?wait=5s", id(2))).await.json();
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("http.status.404")));
    assert_eq!(failed.get("output"), None);
}

#[tokio::test]
async fn a_call_that_is_not_there_or_over_is_told() {
    let host = with_calls().await;
    let over = format!("/api/v1/calls/{}", RunId::from_bytes([1; 16]));
    for (path, status, class, code) in [
        ("/api/v1/calls?channel=none", 404, "not-found", "channel.unknown"),
        ("/api/v1/calls?status=odd", 400, "invalid-data", "request.query"),
        ("/api/v1/calls?after=odd", 400, "invalid-data", "request.id"),
        ("/api/v1/calls?colour=red", 400, "invalid-data", "request.query"),
        ("/api/v1/calls/odd", 400, "invalid-data", "request.id"),
        (&format!("/api/v1/calls/{NONE}"), 404, "not-found", "call.unknown"),
        (&format!("{over}?wait=long"), 400, "invalid-data", "request.query"),
    ] {
        host.get(path).await.is_error(status, class, code);
    }
    for (what, status, class, code) in [("cancel", 409, "conflict", "call.over")] {
        host.post(&format!("{over}/{what}"), &json!({})).await.is_error(status, class, code);
    }
    for what in ["cancel", "retry"] {
        let none = host.post(&format!("/api/v1/calls/{NONE}/{what}"), &json!({})).await;
        none.is_error(404, "not-found", "call.unknown");
        let odd = host.post(&format!("/api/v1/calls/odd/{what}"), &json!({})).await;
        odd.is_error(400, "invalid-data", "request.id");
    }
    let kept: KeptCall =
        host.store.calls().get(RunId::from_bytes([1; 16])).await.expect("read").expect("kept");
    assert_eq!(kept.call.status, Status::Completed);
}

#[tokio::test]
async fn a_call_is_refused_before_there_is_one() {
    let host = with_calls().await;
    let path = "/api/v1/channels/chat/operations/send-message";
    let with = |key: &[&str], query: &str| {
        let request =
            request("POST", &format!("{path}{query}")).header(header::CONTENT_TYPE, "application/json");
        let request = key.iter().fold(request, |request, key| request.header("idempotency-key", *key));
        request.body(Body::from("{}")).expect("a request")
    };
    host.send(with(&["two words"], "")).await.is_error(400, "invalid-data", "request.idempotency-key");
    host.send(with(&[""], "")).await.is_error(400, "invalid-data", "request.idempotency-key");
    host.send(with(&["a", "a"], "")).await.is_error(400, "invalid-data", "request.idempotency-key");
    host.send(with(&["a"], "?timeout=long")).await.is_error(400, "invalid-data", "request.query");
    host.send(with(&["a"], "?queue=perhaps")).await.is_error(400, "invalid-data", "request.query");
    for query in ["", "?queue=true", "?dry-run=true"] {
        host.send(with(&["a"], query)).await.is_error(422, "config", "plugin.missing");
    }
    let plain = request("POST", path).body(Body::from("{}")).expect("a request");
    host.send(plain).await.is_error(415, "unsupported", "request.content-type");
    let list = host.get("/api/v1/calls").await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2), "no call came of it");
}

#[tokio::test]
async fn a_notice_is_made_held_back_and_taken_away() {
    let host = Host::new();
    let made = host.post("/api/v1/notices", &json!({"name": "crm", "url": "https://crm.example/in"})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let key = made.json()["secret"].as_str().expect("shown once").to_owned();
    let shown = host.get("/api/v1/notices/crm").await;
    assert!(!shown.text().contains(&key), "and never again");
    let shown = shown.json();
    assert_eq!((&shown["name"], &shown["paused"]), (&json!("crm"), &json!(false)));
    assert_eq!(host.get("/api/v1/notices").await.json()["items"], json!([shown]));
    assert_eq!(host.post("/api/v1/notices/crm/pause", &json!({})).await.json()["paused"], true);
    assert_eq!(host.post("/api/v1/notices/crm/resume", &json!({})).await.json()["paused"], false);
    let again = host.post("/api/v1/notices", &json!({"name": "crm", "url": "https://crm.example/in"})).await;
    again.is_error(409, "conflict", "notice.name-taken");
    assert_eq!(host.with_body("DELETE", "/api/v1/notices/crm", &json!({})).await.status, 204);
    host.get("/api/v1/notices/crm").await.is_error(404, "not-found", "notice.unknown");
}

#[tokio::test]
async fn a_notice_that_makes_no_sense_is_not_made() {
    let host = Host::new();
    host.channel("zen").await;
    let url = "https://crm.example/in";
    for (body, status, class, code) in [
        (json!({}), 400, "invalid-data", "request.body"),
        (json!({"name": "crm"}), 400, "invalid-data", "request.body"),
        (json!({"name": "Two Words", "url": url}), 400, "invalid-data", "request.body"),
        (json!({"name": "crm", "url": url, "colour": "red"}), 400, "invalid-data", "request.body"),
        (json!({"name": "crm", "url": url, "channel": "none"}), 404, "not-found", "channel.unknown"),
        (json!({"name": "crm", "url": url, "secret": ""}), 422, "invalid-data", "notice.secret"),
    ] {
        host.post("/api/v1/notices", &body).await.is_error(status, class, code);
    }
    for odd in ["crm.example", "ftp://crm.example/in", "http://crm.example/in"] {
        let answer = host.post("/api/v1/notices", &json!({"name": "crm", "url": odd})).await;
        assert!(answer.status.is_client_error(), "{odd}: {}", answer.text());
    }
    let secret =
        host.post("/api/v1/notices", &json!({"name": "crm", "url": url, "secret": ["hunter2"]})).await;
    assert!(!secret.text().contains("hunter2"), "{}", secret.text());
    assert_eq!(host.get("/api/v1/notices").await.json()["items"], json!([]));
}

#[tokio::test]
async fn what_is_not_told_any_more_is_listed_and_dropped_by_choice() {
    let host = Host::new();
    host.post("/api/v1/notices", &json!({"name": "crm", "url": "https://crm.example/in"})).await;
    let channel = host.channel("zen").await;
    let notice = host.store.notices().list().await.expect("read").pop().expect("one").id;
    let mut batch = Batch::default();
    for (key, connector) in [("1", "ticket"), ("2", "ticket"), ("1", "user")] {
        let key = FeedKey {
            channel: channel.id,
            connector: named(connector),
            key: RecordKey::try_new(key).expect("a key"),
        };
        let entry = FeedEntry { kind: FeedKind::Updated, stamp: 1, origin: None };
        let reason = Failure::new(Class::NotFound, "http.status.410", "gone");
        let dead = DeadNotice { entry, tries: 3, reason, died: Timestamp::from_millis(NOW), changed: None };
        batch.put_dead_notice(notice, &key, &dead);
    }
    host.store.commit(batch).await.expect("committed");

    let first = host.get("/api/v1/notices/crm/dead?limit=2").await.json();
    let item = &first["items"][0];
    assert_eq!(
        (&item["channel"], &item["key"], &item["reason"]["code"]),
        (&json!("zen"), &json!("1"), &json!("http.status.410"))
    );
    let next = first["next"].as_str().expect("it goes on");
    let last = host.get(&format!("/api/v1/notices/crm/dead?after={next}")).await.json();
    assert_eq!((last["items"].as_array().map(Vec::len), &last["next"]), (Some(1), &Value::Null));
    for (query, code) in
        [("?after=odd", "request.after"), ("?limit=many", "request.query"), ("?colour=red", "request.query")]
    {
        host.get(&format!("/api/v1/notices/crm/dead{query}")).await.is_error(400, "invalid-data", code);
    }
    let dead = "/api/v1/notices/crm/dead";
    for what in ["retry", "drop"] {
        host.post(&format!("{dead}/{what}"), &json!({})).await.is_error(
            400,
            "invalid-data",
            "request.selection",
        );
        let none = host.post(&format!("{dead}/{what}"), &json!({"channel": "none"})).await;
        none.is_error(404, "not-found", "channel.unknown");
    }
    let check = async |what: &str, selection: Value, count: u64| {
        let answer = host.post(&format!("{dead}/{what}"), &selection).await.json();
        assert_eq!(answer, json!({ "count": count }), "{what} {selection}");
    };
    check("drop", json!({"connector": "user", "keys": ["2"]}), 0).await;
    check("drop", json!({"connector": "user"}), 1).await;
    check("retry", json!({"channel": "zen", "keys": ["1"]}), 1).await;
    check("drop", json!({"all": true}), 1).await;
    assert_eq!(host.get(dead).await.json()["items"], json!([]));
}

#[tokio::test]
async fn webhooks_without_a_plugin_are_told_and_none_is_made() {
    let host = Host::new();
    host.channel("zen").await;
    assert_eq!(host.get("/api/v1/webhooks").await.json(), json!({"items": []}));
    host.get("/api/v1/webhooks?channel=none").await.is_error(404, "not-found", "channel.unknown");
    host.get("/api/v1/webhooks?colour=red").await.is_error(400, "invalid-data", "request.query");
    for (body, status, class, code) in [
        (json!({}), 400, "invalid-data", "request.body"),
        (json!({"channel": "zen"}), 400, "invalid-data", "request.body"),
        (json!({"channel": "zen", "kind": "No Kind"}), 400, "invalid-data", "request.body"),
        (json!({"channel": "none", "kind": "event"}), 404, "not-found", "channel.unknown"),
        (json!({"channel": "zen", "kind": "event"}), 422, "config", "plugin.missing"),
        (
            json!({"channel": "zen", "kind": "event", "secret": "a", "unsigned": true}),
            422,
            "invalid-data",
            "webhook.secret",
        ),
    ] {
        host.post("/api/v1/webhooks", &body).await.is_error(status, class, code);
    }
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/rotate")] {
        let answer = host.with_body(method, &format!("/api/v1/webhooks/{NONE}{path}"), &json!({})).await;
        answer.is_error(404, "not-found", "webhook.unknown");
    }
    let secret = host
        .post("/api/v1/webhooks", &json!({"channel": "zen", "kind": "event", "secret": ["hunter2"]}))
        .await;
    assert!(!secret.text().contains("hunter2"), "{}", secret.text());
}

#[tokio::test]
async fn a_delivery_to_an_address_that_is_not_there_learns_nothing() {
    let host = Host::new();
    host.channel("zen").await;
    for path in ["/hooks/zen/guess", "/hooks/none/guess", "/hooks/zen/%00"] {
        let answer = host.post(path, &json!({"event": 1})).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (404, ""), "{path}");
    }
    let large = request("POST", "/hooks/zen/guess").header(header::CONTENT_LENGTH, 2 << 20);
    assert_eq!(host.send(large.body(Body::empty()).expect("a request")).await.status, 413);
}

#[tokio::test]
async fn a_channel_that_cannot_be_connected_says_so() {
    let host = Host::new();
    host.channel("zen").await;
    for (method, what) in [("POST", "connect"), ("POST", "disconnect"), ("GET", "connection")] {
        let none = host.with_body(method, &format!("/api/v1/channels/none/{what}"), &json!({})).await;
        none.is_error(404, "not-found", "channel.unknown");
    }
    for what in ["connect", "disconnect"] {
        let answer = host.post(&format!("/api/v1/channels/zen/{what}"), &json!({})).await;
        answer.is_error(422, "config", "plugin.missing");
    }
    for query in ["", "?code=a", "?state=a", "?code=a&state=made-up", "?error=access_denied&state=made-up"] {
        let page = host.get(&format!("/oauth/callback{query}")).await;
        assert_eq!(page.status, 400, "{query}");
        assert!(!page.text().contains("made-up"), "nothing is repeated: {query}");
    }
}

#[tokio::test]
async fn what_a_deletion_would_take_is_counted_first() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    host.records(&channel, 3).await;
    let shown = host.get("/api/v1/channels/zen/deletion").await.json();
    assert_eq!((&shown["channel"], &shown["secrets"]), (&json!("zen"), &json!(["token"])));
    assert_eq!(
        (&shown["connectors"][0]["connector"], &shown["connectors"][0]["records"]),
        (&json!("ticket"), &json!(3))
    );
    assert_eq!((&shown["runs"], &shown["cassettes"]), (&json!(0), &json!(0)));
    host.get("/api/v1/channels/none/deletion").await.is_error(404, "not-found", "channel.unknown");
    let odd = host.with_body("DELETE", "/api/v1/channels/zen?force=perhaps", &json!({})).await;
    odd.is_error(400, "invalid-data", "request.query");
    assert_eq!(host.get("/api/v1/channels/zen").await.status, 200);
}
