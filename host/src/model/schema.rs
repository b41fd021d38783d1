//! Compiling the JSON Schemas of a manifest.

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The most bytes that a compiled pattern takes: a manifest full of costly ones must not
/// take minutes.
const MAX_PATTERN: usize = 1 << 20;

/// A schema that stands alone, ready to be asked.
///
/// # Errors
/// It is none, refers to another document, or has a pattern that is too costly.
pub fn compile_schema(schema: &Value) -> Result<Validator, ValidationError<'_>> {
    let patterns = PatternOptions::fancy_regex().size_limit(MAX_PATTERN);
    jsonschema::options().with_pattern_options(patterns).build(schema)
}
