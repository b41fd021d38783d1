//! Channels without a plugin: what can be asked of them all the same.

use super::*;

#[tokio::test]
async fn a_channel_shows_its_settings_and_the_names_of_its_secrets() {
    let host = Host::new();
    let channel = host.channel("zen").await;
    host.records(&channel, 3).await;
    let answer = host.get("/api/v1/channels/zen").await;
    assert_eq!(
        answer.json(),
        json!({
            "id": channel.id.to_string(),
            "name": "zen",
            "type": "zendesk",
            "transport": "rest",
            "connectors": ["ticket"],
            "two-way": false,
            "enabled": true,
            "schedule": {"every": "5m", "default": true},
            "parallel": 1,
            "vanished": "mark",
            "settings": {"subdomain": "acme"},
            "secrets": ["token"],
            "plugin-version": "0.1.0",
            "created": "2026-01-01T00:00:00.000Z",
            "edited": "2026-01-01T00:00:00.000Z",
            "revision": 1,
            "plugin": null,
            "connector-states": [{
                "connector": "ticket", "enabled": true, "records": 3, "due": 0, "quarantined": 0,
                "last-run": null,
            }],
            "last-run": null,
        })
    );
    assert!(!answer.text().contains("c2VhbGVk"), "sealed secrets stay inside, too");
}

#[tokio::test]
async fn channels_are_listed_page_by_page() {
    let host = Host::new();
    for name in ["b", "a", "c"] {
        host.channel(name).await;
    }
    let names = |answer: &Value| {
        answer["items"].as_array().expect("items").iter().map(|item| item["name"].clone()).collect::<Vec<_>>()
    };
    let first = host.get("/api/v1/channels?limit=2").await.json();
    assert_eq!((names(&first), &first["next"]), (vec![json!("a"), json!("b")], &json!("b")));
    let second = host.get("/api/v1/channels?limit=2&after=b").await.json();
    assert_eq!((names(&second), &second["next"]), (vec![json!("c")], &Value::Null));
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let host = Host::new();
    host.get("/api/v1/channels/none").await.is_error(404, "not-found", "channel.unknown");
    for (method, path) in [
        ("PATCH", "/api/v1/channels/none"),
        ("DELETE", "/api/v1/channels/none"),
        ("POST", "/api/v1/channels/none/enable"),
        ("POST", "/api/v1/channels/none/disable"),
        ("POST", "/api/v1/channels/none/check"),
        ("POST", "/api/v1/channels/none/sync"),
        ("POST", "/api/v1/channels/no%20name/sync"),
    ] {
        let answer = host.with_body(method, path, &json!({})).await;
        answer.is_error(404, "not-found", "channel.unknown");
    }
    let answer = host.post("/api/v1/channels", &json!({"name": "a", "type": "none"})).await;
    answer.is_error(422, "config", "plugin.missing");
}

#[tokio::test]
async fn a_channel_is_switched_off_and_deleted() {
    let host = Host::new();
    host.channel("zen").await;
    let off = host.post("/api/v1/channels/zen/disable", &json!({})).await.json();
    assert_eq!((&off["enabled"], &off["revision"]), (&json!(false), &json!(2)));
    assert_eq!(host.with_body("DELETE", "/api/v1/channels/zen", &json!({})).await.status, 204);
    host.get("/api/v1/channels/zen").await.is_error(404, "not-found", "channel.unknown");
}
