//! Recorded runs, as far as that goes without a plugin.

use super::*;

#[tokio::test]
async fn what_was_not_recorded_is_told() {
    let host = Host::new();
    let list = host.get("/api/v1/cassettes").await;
    assert_eq!((list.status, &list.json()["items"]), (StatusCode::OK, &json!([])));
    let run = RunId::new();
    host.get(&format!("/api/v1/cassettes/{run}")).await.is_error(404, "not-found", "cassette.unknown");
    let replay = format!("/api/v1/runs/{run}/replay");
    host.post(&replay, &json!({})).await.is_error(404, "not-found", "cassette.unknown");
    let delete = request("DELETE", &format!("/api/v1/cassettes/{run}")).body(Body::empty());
    host.send(delete.expect("a request")).await.is_error(404, "not-found", "cassette.unknown");
    host.get("/api/v1/cassettes/first").await.is_error(400, "invalid-data", "request.id");
}

#[tokio::test]
async fn a_plugin_to_replay_with_has_the_limit_of_plugins() {
    let host = Host::new();
    let replay = |size| {
        let path = format!("/api/v1/runs/{}/replay", RunId::new());
        request("POST", &path).body(Body::from(vec![0; size])).expect("a request")
    };
    host.send(replay(2 << 10)).await.is_error(404, "not-found", "cassette.unknown");
    let answer = host.send(replay(5 << 10)).await;
    assert!(
        answer.json()["error"]["message"].as_str().is_some_and(|words| words.contains("component-bytes"))
    );
}
