//! What differs between two payloads, field by field. Pure.

use crate::model::{FieldDifference, Listed};
use serde_json::Value;

/// The most differences of one record that are told.
const MOST: usize = 20;
/// The longest value that is told, in characters.
const LONGEST: usize = 120;

/// The differences of one record, being gathered.
#[derive(Default)]
pub(super) struct Fields(Listed<FieldDifference>);

impl Fields {
    /// A property of the record itself.
    pub(super) fn property(&mut self, name: &str, recorded: Option<String>, replayed: Option<String>) {
        if recorded != replayed {
            let difference = || FieldDifference { field: name.to_owned(), recorded, replayed };
            self.0.add(MOST, difference);
        }
    }

    /// The payloads. What is no JSON is one text.
    pub(super) fn payload(&mut self, recorded: &[u8], replayed: &[u8]) {
        if recorded == replayed {
            return;
        }
        let before = self.0.count;
        match (serde_json::from_slice(recorded), serde_json::from_slice(replayed)) {
            (Ok(recorded), Ok(replayed)) => self.values("", Some(&recorded), Some(&replayed)),
            _ => {
                let text = |bytes| Some(cut(&String::from_utf8_lossy(bytes)));
                self.property("payload", text(recorded), text(replayed));
            }
        }
        if self.0.count == before {
            let told = |bytes: &[u8]| Some(format!("the same values, written in {} bytes", bytes.len()));
            let (recorded, replayed) = (told(recorded), told(replayed));
            self.0.add(MOST, || FieldDifference { field: "payload".to_owned(), recorded, replayed });
        }
    }

    pub(super) fn into_list(self) -> Listed<FieldDifference> {
        self.0
    }

    fn values(&mut self, pointer: &str, recorded: Option<&Value>, replayed: Option<&Value>) {
        match (recorded, replayed) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let only_new = new.keys().filter(|key| !old.contains_key(*key));
                for key in old.keys().chain(only_new) {
                    let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    self.values(&below, old.get(key), new.get(key));
                }
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) => {
                for at in 0..old.len().max(new.len()) {
                    self.values(&format!("{pointer}/{at}"), old.get(at), new.get(at));
                }
            }
            (old, new) if old == new => {}
            (old, new) => {
                let told = |value: Option<&Value>| value.map(|value| cut(&value.to_string()));
                let difference = || FieldDifference {
                    field: pointer.to_owned(),
                    recorded: told(old),
                    replayed: told(new),
                };
                self.0.add(MOST, difference);
            }
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some(_) => text.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(recorded: &str, replayed: &str, expected: &[&str]) {
        let mut fields = Fields::default();
        fields.payload(recorded.as_bytes(), replayed.as_bytes());
        let told = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        let list = fields.into_list().first;
        let list: Vec<_> = list
            .into_iter()
            .map(|f| format!("{}: {} -> {}", f.field, told(f.recorded), told(f.replayed)))
            .collect();
        assert_eq!(list, expected, "{recorded} {replayed}");
    }

    #[test]
    fn every_field_that_differs_has_its_pointer() {
        check(r#"{"a":1}"#, r#"{"a":1}"#, &[]);
        check(
            r#"{"a":1,"b":[1,2]}"#,
            r#"{"b":[1,3,4],"c":null}"#,
            &["/a: 1 -> -", "/b/1: 2 -> 3", "/b/2: - -> 4", "/c: - -> null"],
        );
        check(r#"{"a/b":{"c~d":"x"}}"#, r#"{"a/b":{"c~d":"y"}}"#, &[r#"/a~1b/c~0d: "x" -> "y""#]);
        check(r#"{"a":{}}"#, r#"{"a":[]}"#, &["/a: {} -> []"]);
        check("1", "2", &[": 1 -> 2"]);
    }

    #[test]
    fn what_is_no_json_or_only_written_otherwise_is_told() {
        check("{", "[", &["payload: { -> ["]);
        check(
            r#"{"a":1}"#,
            r#"{"a": 1}"#,
            &["payload: the same values, written in 7 bytes -> the same values, written in 8 bytes"],
        );
    }

    #[test]
    fn lists_and_values_are_cut_and_still_counted() {
        let object = |value: &str| {
            let pairs: Vec<_> = (0..50).map(|n| format!("\"{n}\":\"{}\"", value.repeat(500))).collect();
            format!("{{{}}}", pairs.join(","))
        };
        let mut fields = Fields::default();
        fields.payload(object("a").as_bytes(), object("b").as_bytes());
        let list = fields.into_list();
        assert_eq!((list.count, list.first.len()), (50, MOST));
        assert_eq!(list.first[0].recorded.as_ref().map(|text| text.chars().count()), Some(LONGEST));
    }
}
