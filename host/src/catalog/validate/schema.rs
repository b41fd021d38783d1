//! The published form of a manifest.

use super::{super::Refusal, faults::Faults};
use jsonschema::Validator;
use serde_json::Value;
use std::sync::LazyLock;

/// The schema as authors get it.
const TEXT: &str = include_str!("../../../../wit/manifest.schema.json");

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(TEXT).expect("the schema is part of the program and is JSON");
    jsonschema::validator_for(&schema).expect("the schema is part of the program and compiles")
});

/// Checks a document against the schema.
///
/// # Errors
/// Each break of the form with its JSON Pointer. The document's own values are
/// not repeated: an icon would fill the screen.
pub(super) fn check(document: &Value) -> Result<(), Refusal> {
    let mut faults = Faults::default();
    for error in SCHEMA.iter_errors(document) {
        faults.add(error.instance_path().as_str(), error.masked_with("the value").to_string());
    }
    faults.told("manifest.schema", "the manifest does not follow its schema at ")
}
