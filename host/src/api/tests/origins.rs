//! Origins, seen and given free.

use super::*;
use crate::model::KeptBreaker;

fn open(origin: &str) -> KeptBreaker {
    let failure = model::OriginFailure {
        at: Timestamp::from_millis(NOW),
        code: "net.connect".into(),
        message: "cannot connect".into(),
    };
    KeptBreaker {
        origin: origin.into(),
        opened: Timestamp::from_millis(NOW),
        probe_at: Timestamp::from_millis(NOW + 15_000),
        pause_ms: 15_000,
        failures: 5,
        last_failure: Some(failure),
    }
}

#[tokio::test]
async fn an_origin_is_shown_and_given_free() {
    let host = Host::new();
    assert_eq!(host.get("/api/v1/origins").await.json(), json!({"items": []}));
    host.origins.restore(vec![open("https://b.example"), open("https://a.example")]);
    let list = host.get("/api/v1/origins").await.json();
    assert_eq!(list["items"][1]["origin"], "https://b.example");
    assert_eq!(
        list["items"][0],
        json!({
            "origin": "https://a.example",
            "breaker": "open",
            "opened": "2026-01-01T00:00:00.000Z",
            "probe-at": "2026-01-01T00:00:15.000Z",
            "failures-in-a-row": 5,
            "last-failure": {"at": "2026-01-01T00:00:00.000Z", "code": "net.connect", "message": "cannot connect"},
            "requests": 0,
            "retries": 0,
            "failures": 0,
            "throttled": 0,
            "throttled-ms": 0,
            "blocked-until": null,
            "concurrency": null,
        })
    );
    let closed = host.post("/api/v1/origins/close", &json!({"origin": "https://a.example/"})).await;
    assert_eq!((closed.status.as_u16(), closed.json()["breaker"].as_str()), (200, Some("closed")));
    assert_eq!(host.get("/api/v1/origins").await.json()["items"][0]["breaker"], "closed");
}

#[tokio::test]
async fn an_origin_that_nobody_knows_is_not_given_free() {
    let host = Host::new();
    let answer = host.post("/api/v1/origins/close", &json!({"origin": "https://a.example"})).await;
    answer.is_error(404, "not-found", "origin.unknown");
    let answer = host.post("/api/v1/origins/close", &json!({})).await;
    assert_eq!(answer.status.as_u16(), 400);
}
