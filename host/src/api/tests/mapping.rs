//! Mappings, saved and tried.

use super::*;

const PATH: &str = "/api/v1/channels/zen/mappings/ticket";

async fn host() -> Host {
    let host = Host::new();
    let channel = host.channel("zen").await;
    host.records(&channel, 8).await;
    host
}

fn named_by_number() -> Value {
    json!({ "import": "{number: .id}", "values": [{ "field": "/number", "pairs": [[1, "one"], [2, "one"]] }] })
}

#[tokio::test]
async fn a_mapping_is_saved_shown_and_taken_away() {
    let host = host().await;
    assert_eq!(host.get(PATH).await.json(), json!({ "mapping": {}, "lints": [] }));
    let saved = host.with_body("PUT", PATH, &named_by_number()).await.json();
    assert_eq!(saved["mapping"], named_by_number());
    assert_eq!(saved["lints"][0]["code"], "two-to-one", "{saved:#}");
    assert_eq!(host.get(PATH).await.json(), saved);
    assert_eq!(host.with_body("DELETE", PATH, &json!({})).await.json()["mapping"], json!({}));
    assert_eq!(host.get(PATH).await.json()["mapping"], json!({}));
}

#[tokio::test]
async fn a_mapping_that_cannot_be_used_is_not_saved() {
    let host = host().await;
    let refused = host.with_body("PUT", PATH, &json!({ "import": ".a |" })).await;
    refused.is_error(422, "config", "mapping.refused");
    assert!(refused.text().contains("line 1, column 5"), "{}", refused.text());
    host.with_body("PUT", PATH, &json!({ "imports": "." })).await.is_error(
        400,
        "invalid-data",
        "request.body",
    );
    let nowhere = "/api/v1/channels/zen/mappings/tickets";
    host.with_body("PUT", nowhere, &json!({})).await.is_error(404, "not-found", "connector.unknown");
    assert_eq!(host.get(PATH).await.json()["mapping"], json!({}));
}

#[tokio::test]
async fn a_preview_shows_records_and_what_would_come_back() {
    let host = host().await;
    let test = format!("{PATH}/test");
    let preview = host.post(&test, &json!({ "mapping": named_by_number() })).await.json();
    assert_eq!(preview["items"].as_array().map(Vec::len), Some(5), "{preview:#}");
    assert_eq!(preview["items"][0]["local"], json!({ "number": "one" }));
    assert_eq!(preview["items"][0].get("back"), None, "nothing turns it back");

    let both = json!({ "import": "{number: .id, big}", "export": "{id: .number}" });
    let preview = host.post(&test, &json!({ "mapping": both, "key": "0002" })).await.json();
    let back = &preview["items"][0]["back"];
    assert_eq!(
        (&back[0]["pointer"], back[0].get("after"), back.get(1)),
        (&json!("/big"), None, None),
        "{preview:#}"
    );
    assert_eq!(preview["items"][0]["key"], "0002");
    host.post(&test, &json!({ "mapping": both, "key": "none" })).await.is_error(
        404,
        "not-found",
        "record.unknown",
    );

    let odd = host.post(&test, &json!({ "mapping": both, "payload": [1] })).await.json();
    assert_eq!(odd["items"][0]["problem"]["code"], "mapping.filter", "{odd:#}");
}

#[tokio::test]
async fn records_that_are_mapped_already_are_turned_back_first() {
    let host = host().await;
    let test = format!("{PATH}/test");
    // As if they had been kept so: the number goes back to an id.
    let saved = json!({ "import": "{id: (.number - 100)}", "export": "{number: (.id + 100)}" });
    host.with_body("PUT", PATH, &saved).await;
    let preview =
        host.post(&test, &json!({ "mapping": { "import": ".number" }, "key": "0003" })).await.json();
    assert_eq!(preview["items"][0]["local"], 103, "{preview:#}");
    assert!(preview["note"].is_string());

    host.with_body("PUT", PATH, &json!({ "import": "{id: .number}" })).await;
    let preview = host.post(&test, &json!({ "key": "0003" })).await.json();
    assert_eq!(preview["items"], json!([]), "{preview:#}");
    assert!(preview["note"].as_str().is_some_and(|note| note.contains("--payload")), "{preview:#}");
}
