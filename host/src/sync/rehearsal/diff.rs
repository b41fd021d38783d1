//! In which places two versions of a record differ.
//!
//! Pure. It compares the text of the payloads, place by place, and builds no
//! numbers: what the remote system wrote is shown digit by digit. What it shows
//! has bounds, and it says where it left something out.

use super::Field;
use crate::{
    model::{Record, RecordKey},
    sync::import::is_forgotten,
};
use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

/// Places that are shown.
const MOST_FIELDS: usize = 50;
/// Levels that are looked into; what lies deeper is shown as a whole.
const MOST_LEVELS: usize = 10;
/// The longest text of a value, in bytes.
const LONGEST_VALUE: usize = 1_000;
/// The longest pointer, in bytes.
const LONGEST_POINTER: usize = 500;

/// The places, and what they do not show.
pub(super) fn differences(before: Option<&Record>, after: Option<&Record>) -> (Vec<Field>, Option<String>) {
    let mut desk = Desk::default();
    let mut notes = Vec::new();
    match (before, after) {
        (Some(before), _) if is_forgotten(&before.payload) => {
            notes.push("it changes more than once; the version before this one was too much to keep".into());
        }
        (Some(before), Some(after)) => {
            desk.payloads(&before.payload, &after.payload);
            notes.extend(other_differences(before, after, desk.fields.is_empty()));
        }
        (Some(before), None) => desk.only(&before.payload, Side::Before),
        (None, Some(after)) => desk.only(&after.payload, Side::After),
        (None, None) => {}
    }
    notes.extend(desk.note());
    (desk.fields, (!notes.is_empty()).then(|| notes.join("; ")))
}

/// The same for two payloads without their records.
pub(in crate::sync) fn of_payloads(before: &Bytes, after: &Bytes) -> (Vec<Field>, Option<String>) {
    let mut desk = Desk::default();
    desk.payloads(before, after);
    let note = desk.note();
    (desk.fields, note)
}

/// What differs besides the payload's values.
fn other_differences(before: &Record, after: &Record, no_fields: bool) -> Option<String> {
    let shown = |parent: &Option<RecordKey>| parent.as_ref().map_or("none", RecordKey::as_str).to_owned();
    if before.parent != after.parent {
        return Some(format!("its parent: {} -> {}", shown(&before.parent), shown(&after.parent)));
    }
    let same_payload = before.payload == after.payload;
    match no_fields {
        true if same_payload => Some("only the time of its last change differs".into()),
        true => Some("only the way in which the payload is written differs".into()),
        false => None,
    }
}

/// Which of the two sides there is.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// Where the places are collected.
#[derive(Default)]
struct Desk {
    fields: Vec<Field>,
    left_out: usize,
    has_cut: bool,
}

impl Desk {
    /// What is not shown.
    fn note(&self) -> Option<String> {
        let left_out = (self.left_out > 0).then(|| format!("{} more places differ", self.left_out));
        let cut = self.has_cut.then(|| "long values are cut".to_owned());
        match (left_out, cut) {
            (Some(left_out), Some(cut)) => Some(format!("{left_out}; {cut}")),
            (left_out, cut) => left_out.or(cut),
        }
    }

    fn payloads(&mut self, before: &Bytes, after: &Bytes) {
        if before == after {
            return;
        }
        match (json(before), json(after)) {
            (Some(before), Some(after)) => self.compare("", before, after, 0),
            _ => {
                let (before, after) = (self.text(before), self.text(after));
                self.put("", Some(before), Some(after));
            }
        }
    }

    /// A payload that the other side does not have: its members, or the whole.
    fn only(&mut self, payload: &Bytes, side: Side) {
        let members = json(payload).and_then(members);
        let Some(members) = members else {
            let whole = match json(payload) {
                Some(value) => self.cut(value),
                None => self.text(payload),
            };
            return self.one_sided("", whole, side);
        };
        for (name, value) in members {
            let value = self.cut(value);
            self.one_sided(&below("", &name), value, side);
        }
    }

    fn one_sided(&mut self, pointer: &str, value: Box<RawValue>, side: Side) {
        match side {
            Side::Before => self.put(pointer, Some(value), None),
            Side::After => self.put(pointer, None, Some(value)),
        }
    }

    fn compare(&mut self, pointer: &str, before: &RawValue, after: &RawValue, level: usize) {
        if before.get() == after.get() || are_one_text(before, after) {
            return;
        }
        if level < MOST_LEVELS {
            if let (Some(before), Some(after)) = (members(before), members(after)) {
                return self.objects(pointer, before, after, level);
            }
            if let (Some(before), Some(after)) = (elements(before), elements(after))
                && before.len() == after.len()
            {
                for (at, (before, after)) in before.into_iter().zip(after).enumerate() {
                    self.compare(&format!("{pointer}/{at}"), before, after, level + 1);
                }
                return;
            }
        }
        let (before, after) = (self.cut(before), self.cut(after));
        self.put(pointer, Some(before), Some(after));
    }

    fn objects(&mut self, pointer: &str, before: Members<'_>, mut after: Members<'_>, level: usize) {
        for (name, before) in before {
            let pointer = below(pointer, &name);
            match after.remove(&name) {
                Some(after) => self.compare(&pointer, before, after, level + 1),
                None => {
                    let before = self.cut(before);
                    self.put(&pointer, Some(before), None);
                }
            }
        }
        for (name, after) in after {
            let after = self.cut(after);
            self.put(&below(pointer, &name), None, Some(after));
        }
    }

    fn put(&mut self, pointer: &str, before: Option<Box<RawValue>>, after: Option<Box<RawValue>>) {
        if self.fields.len() == MOST_FIELDS {
            self.left_out += 1;
            return;
        }
        let pointer = beginning(pointer, LONGEST_POINTER);
        self.fields.push(Field { pointer, before, after });
    }

    /// The value, or the beginning of its text as a JSON string.
    fn cut(&mut self, value: &RawValue) -> Box<RawValue> {
        if value.get().len() <= LONGEST_VALUE {
            return value.to_owned();
        }
        self.has_cut = true;
        string(&beginning(value.get(), LONGEST_VALUE))
    }

    /// What is no JSON, as a JSON string.
    fn text(&mut self, payload: &[u8]) -> Box<RawValue> {
        self.has_cut |= payload.len() > LONGEST_VALUE;
        string(&beginning(&String::from_utf8_lossy(payload), LONGEST_VALUE))
    }
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

fn json(payload: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(payload).ok()
}

fn members(value: &RawValue) -> Option<Members<'_>> {
    value.get().starts_with('{').then(|| serde_json::from_str(value.get()).ok()).flatten()
}

fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    value.get().starts_with('[').then(|| serde_json::from_str(value.get()).ok()).flatten()
}

/// Whether both are the same string, written in two ways.
fn are_one_text(before: &RawValue, after: &RawValue) -> bool {
    let text = |value: &RawValue| serde_json::from_str::<String>(value.get()).ok();
    let are_strings = before.get().starts_with('"') && after.get().starts_with('"');
    are_strings && text(before) == text(after)
}

fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn string(text: &str) -> Box<RawValue> {
    to_raw_value(text).expect("a text is JSON")
}

fn beginning(text: &str, most: usize) -> String {
    match text.len() <= most {
        true => text.to_owned(),
        false => format!("{}…", &text[..text.floor_char_boundary(most)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RunId, Timestamp};

    fn record(at: i64, payload: &str) -> Record {
        Record {
            key: RecordKey::try_new("k").unwrap(),
            parent: None,
            updated: Some(Timestamp::from_millis(at)),
            imported: Timestamp::from_millis(0),
            run: RunId::from_bytes([1; 16]),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        }
    }

    fn told(before: Option<&Record>, after: Option<&Record>) -> Vec<String> {
        let (fields, note) = differences(before, after);
        let value = |value: Option<Box<RawValue>>| value.map_or("absent".into(), |v| v.get().to_owned());
        let line =
            |field: Field| format!("{}: {} -> {}", field.pointer, value(field.before), value(field.after));
        fields.into_iter().map(line).chain(note).collect()
    }

    #[track_caller]
    fn check(before: &str, after: &str, expected: &[&str]) {
        assert_eq!(told(Some(&record(1, before)), Some(&record(1, after))), expected, "{before} {after}");
    }

    #[test]
    fn each_place_that_differs_is_named_by_its_pointer() {
        check(r#"{"a":1,"b":2}"#, r#"{"a":1,"b":3}"#, &["/b: 2 -> 3"]);
        check(r#"{"a":{"b":{"c":"x"}}}"#, r#"{"a":{"b":{"c":"y"}}}"#, &[r#"/a/b/c: "x" -> "y""#]);
        check(r#"{"a":null}"#, r#"{"b":null}"#, &["/a: null -> absent", "/b: absent -> null"]);
        check(r#"{"a/b~c":1}"#, r#"{"a/b~c":2}"#, &["/a~1b~0c: 1 -> 2"]);
        check(r#"[{"v":1},{"v":2}]"#, r#"[{"v":1},{"v":3}]"#, &["/1/v: 2 -> 3"]);
        check(r#"{"t":["a"]}"#, r#"{"t":["a","b"]}"#, &[r#"/t: ["a"] -> ["a","b"]"#]);
        check(r#"{"a":[]}"#, r#"{"a":{}}"#, &["/a: [] -> {}"]);
        check("1", "[1]", &[": 1 -> [1]"]);
    }

    #[test]
    fn digits_are_compared_as_they_are_written() {
        check(
            r#"{"n":1.00000000000000000001}"#,
            r#"{"n":1.00000000000000000002}"#,
            &["/n: 1.00000000000000000001 -> 1.00000000000000000002"],
        );
        check(
            r#"{"id":18446744073709551617}"#,
            r#"{"id":18446744073709551616}"#,
            &["/id: 18446744073709551617 -> 18446744073709551616"],
        );
    }

    #[test]
    fn what_means_the_same_is_no_difference_but_is_said() {
        let written = "only the way in which the payload is written differs";
        check(r#"{"a":1,"b":"ü"}"#, r#"{ "b": "\u00fc", "a": 1 }"#, &[written]);
        let (before, after) = (record(1, "{}"), record(2, "{}"));
        assert_eq!(told(Some(&before), Some(&after)), ["only the time of its last change differs"]);
        let moved = Record { parent: Some(RecordKey::try_new("p").unwrap()), ..record(1, "{}") };
        assert_eq!(told(Some(&before), Some(&moved)), ["its parent: none -> p"]);
    }

    #[test]
    fn one_side_alone_shows_its_members() {
        let one = record(1, r#"{"a":1,"b":[]}"#);
        assert_eq!(told(None, Some(&one)), ["/a: absent -> 1", "/b: absent -> []"]);
        assert_eq!(told(Some(&one), None), ["/a: 1 -> absent", "/b: [] -> absent"]);
        assert_eq!(told(None, Some(&record(1, "[1]"))), [": absent -> [1]"]);
        assert_eq!(told(None, None), [""; 0]);
    }

    #[test]
    fn what_is_no_json_is_shown_whole() {
        check("not json", r#"{"a":1}"#, &[r#": "not json" -> "{\"a\":1}""#]);
        let forgotten = record(1, "\0");
        let told = told(Some(&forgotten), Some(&record(1, "{}")));
        assert!(told.len() == 1 && told[0].contains("too much to keep"), "{told:?}");
    }

    #[test]
    fn what_is_shown_has_bounds() {
        let many = |value: u32| {
            let members: Vec<_> = (0..70).map(|at| format!("\"{at:02}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let shown = told(Some(&record(1, &many(1))), Some(&record(1, &many(2))));
        assert_eq!((shown.len(), shown[50].as_str()), (51, "20 more places differ"));

        let long = format!("\"{}\"", "ü".repeat(1_000));
        let shown = told(Some(&record(1, "1")), Some(&record(1, &long)));
        assert!(shown[0].len() < 1_100 && shown[0].ends_with("ü…\""), "{}", shown[0]);
        assert_eq!(shown[1], "long values are cut");

        let deep = |value: u32| format!("{}{value}{}", "[".repeat(50), "]".repeat(50));
        let shown = told(Some(&record(1, &deep(1))), Some(&record(1, &deep(2))));
        assert_eq!(shown.len(), 1);
        assert!(shown[0].starts_with(&format!("{}: [[", "/0".repeat(MOST_LEVELS))), "{}", shown[0]);

        let name = |value: u32| format!("{{\"{}\":{value}}}", "n".repeat(2_000));
        let shown = told(Some(&record(1, &name(1))), Some(&record(1, &name(2))));
        assert!(shown[0].len() < 600, "{}", shown[0]);
    }
}
