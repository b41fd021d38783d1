//! Reading what is sent.
//!
//! Facts: `/api-reference/introduction/requests/`: bodies are JSON and say so; names of
//! properties are case sensitive, and unknown ones are overlooked.

use super::errors;
use crate::vendor::{Answer, Request};
use serde_json::{Map, Value};

/// The object under that name in the body.
///
/// # Errors
/// 415 for another content type, 422 for no JSON, 400 where the object is missing.
pub(super) fn object(request: &Request, name: &str, action: &str) -> Result<Map<String, Value>, Answer> {
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        return Err(errors::unsupported_type());
    }
    let mut document: Value = serde_json::from_slice(&request.body).map_err(|_| errors::unreadable())?;
    match document.get_mut(name).map(Value::take) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(errors::invalid_attribute(name, "must be a hash", action)),
    }
}

/// An id in a path.
///
/// # Errors
/// 400 where it is not a number.
pub(super) fn id(text: &str, action: &str) -> Result<u64, Answer> {
    text.parse().map_err(|_| errors::invalid_attribute("id", "must be an integer", action))
}
