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
    match member(request, name)? {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(errors::invalid_attribute(name, "must be a hash", action)),
    }
}

/// The objects of the list under that name in the body.
///
/// # Errors
/// 415 for another content type, 422 for no JSON, 400 where there is no such list.
pub(super) fn objects(
    request: &Request,
    name: &str,
    action: &str,
) -> Result<Vec<Map<String, Value>>, Answer> {
    let object = |value| match value {
        Value::Object(object) => Some(object),
        _ => None,
    };
    match member(request, name)? {
        Some(Value::Array(list)) => list.into_iter().map(object).collect(),
        _ => None,
    }
    .ok_or_else(|| errors::invalid_attribute(name, "must be an array of hashes", action))
}

fn member(request: &Request, name: &str) -> Result<Option<Value>, Answer> {
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.to_ascii_lowercase().starts_with("application/json") {
        return Err(errors::unsupported_type());
    }
    let mut document: Value = serde_json::from_slice(&request.body).map_err(|_| errors::unreadable())?;
    Ok(document.get_mut(name).map(Value::take))
}

/// Ids parted by commas, at most 100: more is refused, which is the strict reading.
///
/// # Errors
/// 400 where one is not a number, or there are too many.
pub(super) fn ids(text: &str, action: &str) -> Result<Vec<u64>, Answer> {
    let ids: Result<Vec<u64>, Answer> = text.split(',').map(|text| id(text.trim(), action)).collect();
    let ids = ids?;
    if ids.len() > 100 {
        Err(errors::invalid_attribute("ids", "must have at most 100 items", action))
    } else {
        Ok(ids)
    }
}

/// An id in a path.
///
/// # Errors
/// 400 where it is not a number.
pub(super) fn id(text: &str, action: &str) -> Result<u64, Answer> {
    text.parse().map_err(|_| errors::invalid_attribute("id", "must be an integer", action))
}
