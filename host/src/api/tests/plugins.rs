//! Plugins in quarantine, seen and let go.

use super::*;
use crate::{
    catalog::tests::guest::Guest,
    model::{LastTrap, TrappedPlugin},
};
use std::fs;

fn trapped(sha256: &str) -> TrappedPlugin {
    let at = Timestamp::from_millis(NOW);
    let last = LastTrap { at, code: "trap.unreachable".into(), message: "the plugin panicked".into() };
    TrappedPlugin {
        sha256: sha256.into(),
        file: "desk.wasm".into(),
        plugin: named("test"),
        version: "1.0.0".into(),
        traps: 5,
        last,
        quarantined: Some(at),
    }
}

#[tokio::test]
async fn a_plugin_in_quarantine_is_shown_with_why_and_let_go() {
    let host = Host::new();
    let file = host.folder.path().join("plugins").join("desk.wasm");
    fs::write(file, Guest::offering(&["desk"]).build()).expect("a file");
    let listed = host.post("/api/v1/plugins/reload", &json!({})).await.json();
    assert_eq!(listed["items"][0]["status"], "ready", "{listed:#}");
    host.catalog.restore_traps(vec![trapped(listed["items"][0]["sha256"].as_str().expect("a digest"))]);

    let listed = host.get("/api/v1/plugins").await.json();
    let plugin = &listed["items"][0];
    assert_eq!(plugin["status"], "quarantined");
    assert_eq!(
        plugin["quarantine"],
        json!({
            "since": "2026-01-01T00:00:00.000Z",
            "traps": 5,
            "last": {
                "at": "2026-01-01T00:00:00.000Z",
                "code": "trap.unreachable",
                "message": "the plugin panicked"
            }
        })
    );
    assert_eq!(plugin["error"]["code"], "plugin.quarantined");
    let words = plugin["error"]["message"].as_str().expect("words");
    assert!(words.contains("tidegate plugin release test"), "{words}");

    let released = host.post("/api/v1/plugins/release", &json!({"plugin": "test"})).await.json();
    assert_eq!(
        (&released["items"][0]["id"], &released["items"][0]["file"]),
        (&json!("test"), &json!("desk.wasm"))
    );
    assert_eq!(host.get("/api/v1/plugins").await.json()["items"][0]["status"], "ready");
}

#[tokio::test]
async fn what_is_not_in_quarantine_cannot_be_let_go() {
    let host = Host::new();
    let release = async |name: &str| host.post("/api/v1/plugins/release", &json!({ "plugin": name })).await;
    let answer = release("test").await;
    answer.is_error(404, "not-found", "plugin.not-quarantined");
    assert!(answer.text().contains("no plugin is in quarantine"), "{}", answer.text());
    host.catalog.restore_traps(vec![trapped("00ff00ff")]);
    let answer = release("other").await;
    answer.is_error(404, "not-found", "plugin.not-quarantined");
    assert!(answer.text().contains("these are: test 1.0.0 (desk.wasm"), "{}", answer.text());
    assert_eq!(host.post("/api/v1/plugins/release", &json!({})).await.status.as_u16(), 400);
}
