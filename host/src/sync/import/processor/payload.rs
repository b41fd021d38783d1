//! Whether a payload can be kept: one JSON document of bearable size and depth.
//!
//! It looks at the form only, and builds no values.

use crate::model::{Class, Failure, Size};
use serde::de::IgnoredAny;

/// Levels of arrays and objects. Readers commonly stop at 128, and the host
/// shows payloads inside documents of its own.
const MAX_DEPTH: usize = 100;

/// # Errors
/// Of class `invalid-data`, saying what is wrong; nothing of the payload is in it.
pub(super) fn check(payload: &[u8], max_bytes: usize) -> Result<(), Failure> {
    if payload.len() > max_bytes {
        let max = Size(u64::try_from(max_bytes).unwrap_or(u64::MAX));
        let message =
            format!("the payload has {} bytes, more than the {max} that are allowed", payload.len());
        return Err(invalid("record.size", message));
    }
    let text = std::str::from_utf8(payload)
        .map_err(|error| invalid("record.json", format!("the payload is not UTF-8: {error}")))?;
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| invalid("record.json", format!("the payload is not a JSON document: {error}")))?;
    if is_deep(payload) {
        let message = format!("the payload is nested deeper than {MAX_DEPTH} levels");
        return Err(invalid("record.depth", message));
    }
    Ok(())
}

fn invalid(code: &str, message: String) -> Failure {
    Failure::new(Class::InvalidData, code, message)
}

/// Most payloads have fewer brackets than levels allowed, and counting those is
/// all that it costs. `payload` is known to be JSON.
fn is_deep(payload: &[u8]) -> bool {
    let opening = payload.iter().filter(|&&byte| byte == b'[' || byte == b'{').count();
    opening > MAX_DEPTH && depth(payload) > MAX_DEPTH
}

fn depth(payload: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in payload {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_code(payload: &[u8], expected: &str) {
        let code = check(payload, 1_000).map_or_else(|failure| failure.code, |()| "fits".into());
        assert_eq!(code, expected, "{}", String::from_utf8_lossy(payload));
    }

    #[test]
    fn a_payload_is_one_json_document() {
        for good in ["{}", "[1,2]", "\"a\"", "0", " null\n", r#"{"a":{"b":["ü",1.5e3]}}"#] {
            check_code(good.as_bytes(), "fits");
        }
        for bad in ["", " ", "{", "{}{}", "{'a':1}", "{\"a\":1,}", "nul", "01", "\"\t\"", "{} x"] {
            check_code(bad.as_bytes(), "record.json");
        }
        check_code(b"\"\xff\"", "record.json");
        check_code(b"{\"\xc3\":1}", "record.json");
    }

    #[test]
    fn a_payload_has_bounds() {
        let text = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
        check_code(text(1_000).as_bytes(), "fits");
        check_code(text(1_001).as_bytes(), "record.size");
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check_code(nested(100).as_bytes(), "fits");
        check_code(nested(101).as_bytes(), "record.depth");
    }

    #[test]
    fn brackets_in_texts_and_side_by_side_are_not_depth() {
        check_code(format!("\"{}\"", "[".repeat(300)).as_bytes(), "fits");
        check_code(format!("\"\\\"{}\"", "{".repeat(300)).as_bytes(), "fits");
        check_code(format!("[{}[]]", "[],".repeat(150)).as_bytes(), "fits");
    }

    #[test]
    fn a_failure_shows_nothing_of_the_payload() {
        let failure = check(b"{\"password\": hunter2}", 1_000).unwrap_err();
        assert!(!failure.message.contains("hunter2"), "{failure}");
    }
}
