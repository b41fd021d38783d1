//! The mark that tells what this host created itself.
//!
//! GitHub keeps no idempotency keys. So what is created carries its key in a comment of
//! HTML behind the text, which people do not see: `<!-- tidegate:KEY -->`. Whoever has
//! lost the answer finds the record again by it. Records come without the mark, so that
//! they are what was written, and name its key as their origin.

use serde_json::{Map, Value};
use tidegate_sdk::{Envelope, Error};

const BEGIN: &str = "<!-- tidegate:";
const END: &str = " -->";
/// Between text and mark. A blank line, or the mark would be part of a list or a table.
const GAP: &str = "\n\n";

/// The text with the mark behind it.
pub(crate) fn mark(text: Option<&str>, key: &str) -> String {
    let mark = format!("{BEGIN}{}{END}", encode(key));
    match text.filter(|text| !text.is_empty()) {
        Some(text) => format!("{text}{GAP}{mark}"),
        None => mark,
    }
}

/// A text without its mark.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unmarked {
    pub(crate) text: String,
    pub(crate) key: String,
}

/// Takes the mark off a text; none where it has none.
pub(crate) fn unmark(text: &str) -> Option<Unmarked> {
    let at = text.rfind(BEGIN)?;
    let (before, mark) = text.split_at(at);
    let (key, after) = mark.strip_prefix(BEGIN)?.split_once(END)?;
    let key = decode(key)?;
    // It stands alone on its line: what is quoted or talked about is no mark.
    let is_alone = (before.is_empty() || before.ends_with('\n'))
        && (after.trim().is_empty() || after.starts_with(['\n', '\r']));
    // Browsers send `\r\n` where somebody has edited the text.
    let before = before.strip_suffix(GAP).or_else(|| before.strip_suffix("\r\n\r\n")).unwrap_or(before);
    let after = if after.trim().is_empty() { "" } else { after };
    is_alone.then(|| Unmarked { text: format!("{before}{after}"), key })
}

/// The record of an object with a body. Without a mark it is GitHub's, byte for byte.
///
/// # Errors
/// When the object cannot be read a second time.
pub(crate) fn record(key: u64, raw: &str, body: Option<&str>) -> Result<Envelope, Error> {
    let Some(Unmarked { text, key: origin }) = body.and_then(unmark) else {
        return Ok(Envelope::new(key, raw));
    };
    let unlike = |error: serde_json::Error| Error::invalid_data("github.object", error.to_string());
    let mut object: Map<String, Value> = serde_json::from_str(raw).map_err(unlike)?;
    // GitHub says null of what has no text.
    let text = if text.is_empty() { Value::Null } else { text.into() };
    object.insert("body".to_owned(), text);
    let payload = serde_json::to_vec(&object).map_err(unlike)?;
    Ok(Envelope::new(key, payload).origin(Some(origin)))
}

/// Two hyphens would end the comment; letters, digits, `_` and `.` stand for themselves.
fn encode(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    encoded
}

/// None where that is no key: 1 to 255 visible characters of ASCII.
fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut key = parts.next()?.to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok())?;
        key.push(char::from(code));
        key.push_str(&part[2..]);
    }
    let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_found_and_comes_back_as_it_was() {
        for text in ["Hello", "two\nlines\n", "  ", "ä <!-- a comment -->", "- a list\n- of two"] {
            for key in ["01K6Z5F5V0A7Q2XJ8M3R9T4B6C", "a", "x--y>-->", "%2d", "~!@#$%^&*()"] {
                let marked = mark(Some(text), key);
                assert!(!marked[text.len()..].contains("--y"), "{marked}");
                assert_eq!(
                    unmark(&marked),
                    Some(Unmarked { text: text.into(), key: key.into() }),
                    "{marked}"
                );
            }
        }
        for nothing in [None, Some("")] {
            assert_eq!(mark(nothing, "k"), "<!-- tidegate:k -->");
        }
        assert_eq!(unmark("<!-- tidegate:k -->"), Some(Unmarked { text: String::new(), key: "k".into() }));
    }

    #[test]
    fn mark_survives_what_people_do_to_the_text() {
        let check = |text: &str, rest: &str| {
            let unmarked = unmark(text).unwrap_or_else(|| panic!("{text:?}"));
            assert_eq!((unmarked.text.as_str(), unmarked.key.as_str()), (rest, "k.1"), "{text:?}");
        };
        check("Hello\r\n\r\n<!-- tidegate:k.1 -->\r\n", "Hello");
        check("Hello\n\n<!-- tidegate:k.1 -->\n", "Hello");
        check("Hello\n<!-- tidegate:k.1 -->", "Hello\n");
        check("Hello\n\n<!-- tidegate:k.1 -->\nP.S. more", "Hello\nP.S. more");
        check("<!-- tidegate:k.0 -->\n\n<!-- tidegate:k.1 -->", "<!-- tidegate:k.0 -->");
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for text in [
            "",
            "Hello",
            "> <!-- tidegate:k -->",
            "a <!-- tidegate:k -->",
            "<!-- tidegate:k --> b",
            "<!-- tidegate: -->",
            "<!-- tidegate:a b -->",
            "<!-- tidegate:%zz -->",
            "<!-- tidegate:%0a -->",
            "<!-- tidegate:%ä -->",
            "<!-- tidegate:k",
        ] {
            assert_eq!(unmark(text), None, "{text:?}");
        }
    }

    #[test]
    fn records_are_byte_for_byte_unless_they_are_marked() {
        let raw = r#"{"b": 1.0, "body":"x", "a": [ ]}"#;
        let plain = record(7, raw, Some("x")).unwrap();
        assert_eq!((plain.payload.as_slice(), plain.origin), (raw.as_bytes(), None));
        let marked = r#"{"z": 1, "body": "x\n\n<!-- tidegate:k -->", "a": {"n": 9007199254740993}}"#;
        let record = |body: &str| super::record(7, marked, Some(body)).unwrap();
        let kept = record("x\n\n<!-- tidegate:k -->");
        assert_eq!(kept.payload, br#"{"z":1,"body":"x","a":{"n":9007199254740993}}"#);
        assert_eq!((kept.key.as_str(), kept.origin.as_deref()), ("7", Some("k")));
        assert!(record("<!-- tidegate:k -->").payload.starts_with(br#"{"z":1,"body":null,"#));
    }
}
