//! The manifest keeps to its published form.

use serde_json::Value;
use tidegate_sdk::Plugin;

#[test]
fn manifest_is_valid_and_names_what_the_plugin_does() {
    let schema: Value = serde_json::from_str(include_str!("../../../wit/manifest.schema.json")).unwrap();
    let manifest: Value = serde_json::from_slice(github::GitHub::MANIFEST).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let problems: Vec<_> =
        schema.iter_errors(&manifest).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");

    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    let connectors = manifest["channel-types"][0]["connectors"].as_array().unwrap();
    let ids: Vec<_> = connectors.iter().map(|connector| connector["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["issue", "issue-comment"]);
}
