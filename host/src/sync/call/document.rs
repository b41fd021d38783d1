//! The JSON document that a call takes, or answers.
//!
//! Its bytes are kept as they came: read as numbers and written again, it would be another
//! one.

use super::CALL_BYTES;
use crate::model::{Class, Failure};
use bytes::Bytes;
use serde_json::Value;

/// A document and what it says.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) bytes: Bytes,
    pub(super) value: Value,
}

/// Reads the input of a call.
///
/// # Errors
/// It is too long, or no JSON.
pub(super) fn input(bytes: &Bytes) -> Result<Document, Failure> {
    let bytes = bytes.slice_ref(bytes.trim_ascii());
    if bytes.len() as u64 > CALL_BYTES.0 {
        let message = format!("the input has {} bytes; a call takes at most {CALL_BYTES}", bytes.len());
        return Err(Failure::new(Class::InvalidData, "call.input-size", message));
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Document { bytes, value }),
        Err(error) => {
            let message = format!("the input is not one JSON document: {error}");
            Err(Failure::new(Class::InvalidData, "call.input-json", message))
        }
    }
}

/// Reads the answer of a plugin.
///
/// # Errors
/// It is no JSON.
pub(super) fn output(bytes: Bytes) -> Result<Document, Failure> {
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Document { bytes, value }),
        Err(error) => {
            let message = format!("the plugin's answer is not one JSON document: {error}");
            Err(Failure::new(Class::Internal, "answer.json", message))
        }
    }
}

/// The answer without what `redact` hides, however a string may be written in it. One in
/// which nothing is hidden stays as it is, byte for byte.
pub(super) fn hidden(bytes: Bytes, redact: &dyn Fn(&str) -> String) -> Bytes {
    let Ok(text) = std::str::from_utf8(&bytes) else { return bytes };
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return Bytes::from(redact(text));
    };
    match hide(&mut value, redact) {
        true => Bytes::from(value.to_string()),
        false => bytes,
    }
}

/// Whether there was something to hide.
fn hide(value: &mut Value, redact: &dyn Fn(&str) -> String) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(number) => {
            let text = number.to_string();
            let redacted = redact(&text);
            let found = redacted != text;
            if found {
                *value = Value::String(redacted);
            }
            found
        }
        Value::String(text) => {
            let redacted = redact(text);
            let found = redacted != *text;
            *text = redacted;
            found
        }
        Value::Array(items) => {
            items.iter_mut().map(|item| hide(item, redact)).filter(|hidden| *hidden).count() > 0
        }
        Value::Object(members) => {
            let mut found =
                members.values_mut().map(|member| hide(member, redact)).filter(|hidden| *hidden).count() > 0;
            if members.keys().any(|name| redact(name) != *name) {
                found = true;
                *members =
                    std::mem::take(members).into_iter().map(|(name, value)| (redact(&name), value)).collect();
            }
            found
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_one_document_within_its_bound() {
        let check = |text: &str, code: &str| {
            let found = input(&Bytes::copy_from_slice(text.as_bytes()));
            let found = found
                .map_or_else(|failure| failure.code, |document| format!("{} bytes", document.bytes.len()));
            assert_eq!(found, code, "{}", &text[..text.len().min(40)]);
        };
        check(" {\"a\": 1.000000000000000000001}\n", "30 bytes");
        check("", "call.input-json");
        check("{} {}", "call.input-json");
        check("{\"a\":", "call.input-json");
        check(&format!("\"{}\"", "x".repeat((1 << 20) - 2)), "1048576 bytes");
        check(&format!("\"{}\"", "x".repeat((1 << 20) - 1)), "call.input-size");
    }

    #[test]
    fn a_secret_is_hidden_however_it_is_written_and_nothing_else_is_touched() {
        let redact = |text: &str| text.replace("s3\"cret", "‹secret›").replace("4711", "‹secret›");
        let check = |before: &'static str, after: &str| {
            let found = hidden(Bytes::from_static(before.as_bytes()), &redact);
            assert_eq!(std::str::from_utf8(&found), Ok(after), "{before}");
        };
        check(r#"{ "a": 1.000000000000000000001 }"#, r#"{ "a": 1.000000000000000000001 }"#);
        check(r#"{"a":["x s3\"cret y"]}"#, r#"{"a":["x ‹secret› y"]}"#);
        check(r#"{"a":"\u00733\u0022cret"}"#, r#"{"a":"‹secret›"}"#);
        check(r#"{"s3\"cret":{"b":47110}}"#, r#"{"‹secret›":{"b":"‹secret›0"}}"#);
        check("4711 no JSON", "‹secret› no JSON");
    }
}
