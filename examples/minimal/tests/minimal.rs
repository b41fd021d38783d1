//! The example does what it says, without a host and without a network.

use minimal::Minimal;
use serde_json::Value;
use tidegate_sdk::{
    Connector, Plugin, PullRequest, Settings, TransportCheck,
    testing::{Script, pull_request},
};

#[test]
fn manifest_keeps_to_its_published_form() {
    let schema: Value = serde_json::from_str(include_str!("../../../wit/manifest.schema.json")).unwrap();
    let manifest: Value = serde_json::from_slice(Minimal::MANIFEST).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let problems: Vec<_> = schema.iter_errors(&manifest).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn check_says_who_we_are() {
    let service = Script::new().on("GET /me", 200, r#"{"name": "Ann"}"#);
    let facts = Minimal::check(&service, &Settings::from_bytes(b"{}".to_vec())).unwrap();
    assert_eq!(facts.get("user").unwrap(), "Ann");
}

#[test]
fn second_page_goes_on_after_the_first() {
    let service = Script::new()
        .on(
            "GET /tasks?after=0&limit=100",
            200,
            r#"{"tasks": [{"id": 5, "updated": "2026-01-31T12:00:00Z"}, {"title": "no id"}], "has_more": true}"#,
        )
        .on("GET /tasks?after=5&limit=100", 200, r#"{"tasks": [], "has_more": false}"#);
    let first = Minimal::pull(&service, &pull_request("task")).unwrap();
    assert_eq!((first.records[0].key.as_str(), first.rejects.len(), first.more), ("5", 1, true));
    let request = PullRequest { position: first.position, ..pull_request("task") };
    assert!(!Minimal::pull(&service, &request).unwrap().more);
}
