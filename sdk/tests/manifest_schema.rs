//! What the published form of manifests lets pass, and what it does not.

use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../wit/manifest.schema.json")).expect("the schema is JSON")
}

fn smallest() -> Value {
    json!({
        "manifest": 1, "id": "a", "version": "0.1.0",
        "channel-types": [{
            "id": "a", "label": "A",
            "transports": [{
                "id": "rest", "label": "REST", "base-url": ["https://a.test"],
                "form": [{ "name": "key", "label": "Key", "kind": "secret" }],
                "auth": [{ "scheme": "none" }]
            }],
            "connectors": [{ "id": "c", "label": "C", "entity": "c" }],
            "operations": [{ "id": "o", "label": "O", "input": true, "output": {} }],
            "webhooks": [{
                "kind": "w", "label": "W",
                "signature": { "scheme": "hmac-sha256", "header": "h", "encoding": "hex", "secret": "key" }
            }]
        }]
    })
}

const FIELD: &str = "/channel-types/0/transports/0/form/0";
const AUTH: &str = "/channel-types/0/transports/0/auth/0";
const CONNECTOR: &str = "/channel-types/0/connectors/0";

/// Puts `value` at `path` of the smallest manifest, and looks whether it is valid.
fn valid(path: &str, value: Value) -> bool {
    let mut manifest = smallest();
    let (parent, name) = path.rsplit_once('/').expect("a JSON pointer");
    let parent = manifest.pointer_mut(parent).expect("a part of the smallest manifest");
    match parent {
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
        object => object[name] = value,
    }
    jsonschema::draft202012::new(&schema()).expect("a valid schema").is_valid(&manifest)
}

#[test]
fn schema_itself_is_valid_and_takes_the_smallest_manifest() {
    assert!(jsonschema::meta::is_valid(&schema()));
    assert!(valid("/id", json!("a")));
}

#[test]
fn good_manifests_pass() {
    for (path, value) in [
        ("/limits", json!({ "memory": 134_217_728 })),
        ("/version", json!("1.2.3-rc.1+build.5")),
        ("/channel-types/0/owner", json!("business-unit")),
        ("/channel-types/0/icon", json!("<svg xmlns='x'/>")),
        ("/channel-types/0/transports/0/base-url", json!(["{url}", "https://{name}.a.test/v1"])),
        ("/channel-types/0/transports/0/origins", json!([{ "name": "up", "url": "https://up.test" }])),
        ("/channel-types/0/transports/0/rate", json!({ "requests-per-minute": 100, "concurrency": 2 })),
        (
            FIELD,
            json!({ "name": "n", "label": "N", "kind": "integer", "default": 5, "min": 1, "max": 9, "required": true }),
        ),
        (FIELD, json!({ "name": "n", "label": "N", "kind": "boolean", "default": true })),
        (
            FIELD,
            json!({ "name": "n", "label": "N", "kind": "choice", "choices": [{ "value": "a", "label": "A" }] }),
        ),
        (
            FIELD,
            json!({ "name": "n", "label": "N", "kind": "text", "applicable-if": { "field": "m", "in": ["x", 1, true] } }),
        ),
        (AUTH, json!({ "scheme": "basic", "username": "{email}/token", "password": "{token}" })),
        (
            AUTH,
            json!({ "scheme": "bearer", "token": "{token}", "applicable-if": { "field": "m", "in": ["x"] } }),
        ),
        (AUTH, json!({ "scheme": "header", "name": "X-Api-Key", "value": "{key}" })),
        (AUTH, json!({ "scheme": "query", "name": "api_key", "value": "{key}" })),
        (
            AUTH,
            json!({ "scheme": "oauth2", "authorize-url": "https://{s}.a.test/a", "token-url": "https://a.test/t", "scopes": ["read"] }),
        ),
        (
            CONNECTOR,
            json!({ "id": "c", "label": "C", "entity": "c", "direction": "two-way", "driven-by": "keys", "depends-on": ["d"],
            "order": -1, "supports-full": false, "page-size": 1000, "schema": { "type": "object" },
            "references": [{ "field": "/owner/id", "connector": "d" }], "writes": ["create", "delete"] }),
        ),
    ] {
        assert!(valid(path, value.clone()), "{path}: {value}");
    }
}

#[test]
fn typos_and_nonsense_do_not_pass() {
    for (path, value) in [
        ("/manifest", json!(2)),
        ("/id", json!("Zendesk")),
        ("/version", json!("1.0")),
        ("/licence", json!("Apache-2.0")),
        ("/limits", json!({ "cpu": 1 })),
        ("/channel-types", json!([])),
        ("/channel-types/0/conectors", json!([])),
        ("/channel-types/0/transports", json!([])),
        ("/channel-types/0/icon", json!("data:image/png;base64,AAAA")),
        ("/channel-types/0/owner", json!("nobody")),
        ("/channel-types/0/transports/0/base_url", json!([])),
        ("/channel-types/0/transports/0/base-url", json!([])),
        ("/channel-types/0/transports/0/base-url", json!(["ftp://a.test"])),
        (FIELD, json!({ "name": "n", "label": "N" })),
        (FIELD, json!({ "name": "n", "label": "N", "kind": "string" })),
        (FIELD, json!({ "name": "n", "label": "N", "kind": "choice" })),
        (
            FIELD,
            json!({ "name": "n", "label": "N", "kind": "text", "choices": [{ "value": "a", "label": "A" }] }),
        ),
        (FIELD, json!({ "name": "n", "label": "N", "kind": "secret", "default": "hunter2" })),
        (FIELD, json!({ "name": "n", "label": "N", "kind": "integer", "default": "5" })),
        (FIELD, json!({ "name": "n", "label": "N", "kind": "boolean", "default": "yes" })),
        (FIELD, json!({ "name": "n", "label": "N", "kind": "date", "pattern": "x" })),
        (
            FIELD,
            json!({ "name": "n", "label": "N", "kind": "text", "applicable-if": { "field": "m", "in": [] } }),
        ),
        (AUTH, json!({ "scheme": "basic", "username": "a" })),
        (AUTH, json!({ "scheme": "basic", "username": "a", "password": "b", "token": "c" })),
        (AUTH, json!({ "scheme": "none", "token": "c" })),
        (AUTH, json!({ "scheme": "header", "name": "bad name", "value": "b" })),
        (
            AUTH,
            json!({ "scheme": "oauth2", "authorize_url": "https://a.test", "token_url": "https://a.test" }),
        ),
        (AUTH, json!({ "scheme": "digest" })),
        (CONNECTOR, json!({ "id": "c", "label": "C" })),
        (CONNECTOR, json!({ "id": "c", "label": "C", "entity": "c", "driven-by": "webhook" })),
        (CONNECTOR, json!({ "id": "c", "label": "C", "entity": "c", "page-size": 0 })),
        (CONNECTOR, json!({ "id": "c", "label": "C", "entity": "c", "writes": ["upsert"] })),
        (
            CONNECTOR,
            json!({ "id": "c", "label": "C", "entity": "c", "references": [{ "field": "owner", "connector": "d" }] }),
        ),
        ("/channel-types/0/operations/0", json!({ "id": "o", "label": "O", "input": true })),
        ("/channel-types/0/webhooks/0/signature/encoding", json!("ascii")),
    ] {
        assert!(!valid(path, value.clone()), "{path}: {value}");
    }
}

#[test]
fn every_property_is_described() {
    fn look(at: &str, schema: &Value) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let refers = property.get("$ref").and_then(Value::as_str);
                let described =
                    property.get("description").is_some() || refers.is_some() || at.contains("/allOf");
                assert!(described, "{at}/{name}");
            }
        }
        match schema {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| look(&format!("{at}/{name}"), member))
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| look(&format!("{at}/{index}"), item))
            }
            _ => {}
        }
    }
    let schema = schema();
    look("", &schema);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert!(definition.get("description").is_some(), "{name}");
    }
}
