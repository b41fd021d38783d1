//! The texts of a manifest: they are shown in terminals and in web pages.

use super::faults::Faults;
use serde_json::Value;

/// The longest text. An icon is the longest that makes sense; it has a bound of its own below this.
const MAX_BYTES: usize = 256 << 10;

/// Refuses control characters, which can rewrite a terminal, in every text and
/// every key of the document, and endless texts.
pub(super) fn check(document: &Value, faults: &mut Faults) {
    walk(String::new(), document, faults);
}

fn walk(place: String, value: &Value, faults: &mut Faults) {
    match value {
        Value::String(text) => check_text(&place, text, faults),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(format!("{place}/{at}"), item, faults);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                check_text(&place, key, faults);
                walk(format!("{place}/{key}"), member, faults);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check_text(place: &str, text: &str, faults: &mut Faults) {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        faults.add(place, "holds control characters");
    }
    if text.len() > MAX_BYTES {
        faults.add(place, format!("has {} bytes, more than the {MAX_BYTES} of a text", text.len()));
    }
}
