//! Whether a record that is written here fits its connector's schema.
//!
//! The remote system's own records may break the schema of a manifest, and an edit of one
//! field is no place to complain about the others: only faults that the edit brought in
//! count.

use crate::{
    model::{Connector, FieldError, Record, compile_schema},
    sync::reconcile::value,
};
use bytes::Bytes;
use serde_json::Value;

/// More than this are not told.
const MOST: usize = 20;

/// What is wrong with a payload that was not wrong before.
pub(super) fn faults(connector: &Connector, payload: &Bytes, before: Option<&Record>) -> Vec<FieldError> {
    let payload = value(payload);
    let Some(schema) = &connector.schema else {
        return if payload.is_object() { Vec::new() } else { vec![fault("", "is not a JSON object")] };
    };
    // The catalog has compiled it once: a plugin with another one is not let in.
    let Ok(validator) = compile_schema(schema) else { return Vec::new() };
    let of = |payload: &Value| -> Vec<FieldError> {
        let errors = validator.iter_errors(payload).take(MOST);
        errors.map(|error| fault(error.instance_path().as_str(), &error.to_string())).collect()
    };
    let found = of(&payload);
    if found.is_empty() {
        return found;
    }
    let known = before.map(|record| of(&value(&record.payload))).unwrap_or_default();
    found.into_iter().filter(|fault| !known.contains(fault)).collect()
}

fn fault(field: &str, message: &str) -> FieldError {
    FieldError { field: field.to_owned(), message: message.to_owned() }
}
