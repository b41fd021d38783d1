//! Reading what is sent.
//!
//! Facts: `/using-the-rest-api/troubleshooting-the-rest-api`, "Problems parsing JSON" and
//! what follows. Unknown names are overlooked.

use super::errors::{self, Problems};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use serde_json::{Map, Value};

/// The longest text of an issue or comment, in characters.
const LONGEST_BODY: usize = 65_536;
/// The longest title.
const LONGEST_TITLE: usize = 256;

/// The body, an object.
///
/// # Errors
/// 400 for what is no JSON, or no object.
pub(super) fn object(request: &Request) -> Result<Map<String, Value>, Answer> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(errors::said(StatusCode::BAD_REQUEST, "Body should be a JSON object")),
        Err(_) => Err(errors::said(StatusCode::BAD_REQUEST, "Problems parsing JSON")),
    }
}

/// Checks the types of what is sent.
///
/// # Errors
/// 422 where one is wrong.
pub(super) fn types(wanted: &Map<String, Value>) -> Result<(), Answer> {
    for (name, value) in wanted {
        let (fits, kind) = match name.as_str() {
            "title" => (value.is_string() || value.is_number(), "a string"),
            "body" | "state_reason" | "type" => (value.is_string() || value.is_null(), "a string or null"),
            "state" => (value.is_string(), "a string"),
            "labels" => {
                (is_list(value, |item| item.is_string() || item.get("name").is_some()), "an array of labels")
            }
            "assignees" => (is_list(value, Value::is_string), "an array of strings"),
            "milestone" => (value.is_u64() || value.is_string() || value.is_null(), "an integer or null"),
            _ => continue,
        };
        if !fits {
            let what = format!("For 'properties/{name}', {value} is not {kind}.");
            return Err(errors::invalid_request(&what));
        }
    }
    Ok(())
}

/// Checks the length of title and text.
pub(super) fn lengths(wanted: &Map<String, Value>, problems: &mut Problems) {
    let length = |name: &str| wanted.get(name).and_then(Value::as_str).map_or(0, |text| text.chars().count());
    if length("body") > LONGEST_BODY {
        problems.custom("body", "body is too long (maximum is 65536 characters)");
    }
    if length("title") > LONGEST_TITLE {
        problems.custom("title", "title is too long (maximum is 256 characters)");
    }
}

fn is_list(value: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(fits))
}
