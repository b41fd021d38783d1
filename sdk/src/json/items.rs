//! Reading a long list out of an answer, in one pass.
//!
//! The list and the object around it are walked here; every value in them is read
//! by `serde_json`, which also says where it ends. So each item is looked at once,
//! and its bytes can be handed on as they came.

use serde::{Deserialize, de::DeserializeOwned, de::IgnoredAny};
use serde_json::Deserializer;

/// One item of a list.
#[derive(Debug)]
pub struct Item<'a, T> {
    /// The fields that matter, or why it has no such fields.
    pub fields: Result<T, crate::Error>,
    /// The item as it came: one JSON value.
    pub raw: &'a str,
}

/// Gives every item of the list `name` of the object `text` to `each`, and reads
/// the object's other members, with the list emptied, as `R`.
pub(super) fn read<'a, T, R>(
    text: &'a str,
    name: &str,
    mut each: impl FnMut(Item<'a, T>),
) -> Result<R, String>
where
    T: Deserialize<'a>,
    R: DeserializeOwned,
{
    let mut walk = Walk { text, at: 0 };
    walk.expect(b'{')?;
    let start = walk.member(name)?;
    walk.expect(b'[')?;
    if !walk.accept(b']') {
        loop {
            each(walk.item()?);
            if walk.accept(b']') {
                break;
            }
            walk.expect(b',')?;
        }
    }
    let rest = format!("{}[]{}", &text[..start], &text[walk.at..]);
    serde_json::from_str(&rest).map_err(|error| error.to_string())
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    /// Goes to the value of the member `name`; where it starts.
    fn member(&mut self, name: &str) -> Result<usize, String> {
        if self.accept(b'}') {
            return Err(format!("there is no `{name}`"));
        }
        loop {
            let key: String = self.value().map_err(|error| self.words(&error))?;
            self.expect(b':')?;
            self.skip_space();
            if key == name {
                return Ok(self.at);
            }
            self.value::<IgnoredAny>().map_err(|error| self.words(&error))?;
            if self.accept(b'}') {
                return Err(format!("there is no `{name}`"));
            }
            self.expect(b',')?;
        }
    }

    /// Reads an item. One of the wrong form is an item all the same; only what is no
    /// JSON is an error.
    fn item<T: Deserialize<'a>>(&mut self) -> Result<Item<'a, T>, String> {
        self.skip_space();
        let start = self.at;
        // A struct could be read from a list of its fields, too.
        let fields = if self.peek() == Some(b'{') {
            match self.value() {
                Ok(fields) => Ok(fields),
                Err(error) if error.is_data() => Err(error.to_string()),
                Err(error) => return Err(self.words(&error)),
            }
        } else {
            Err("not an object".to_owned())
        };
        if fields.is_err() {
            self.value::<IgnoredAny>().map_err(|error| self.words(&error))?;
        }
        let fields = fields.map_err(super::unlike);
        Ok(Item { fields, raw: &self.text[start..self.at] })
    }

    /// Reads one value and goes behind it; stays where it is on an error.
    fn value<T: Deserialize<'a>>(&mut self) -> Result<T, serde_json::Error> {
        let mut values = Deserializer::from_str(&self.text[self.at..]).into_iter();
        let value = values.next().unwrap_or_else(|| Err(serde::de::Error::custom("the end of the text")))?;
        self.at += values.byte_offset();
        Ok(value)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        match self.accept(byte) {
            true => Ok(()),
            false => Err(format!("expected `{}` at byte {}", char::from(byte), self.at)),
        }
    }

    fn words(&self, error: &serde_json::Error) -> String {
        format!("{error}, counted from byte {}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing<'a> {
        id: u64,
        #[serde(default)]
        name: Option<&'a str>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Rest {
        end: bool,
    }

    fn look(text: &str) -> (Vec<String>, Result<Rest, String>) {
        let mut seen = Vec::new();
        let rest = read(text, "things", |item: Item<'_, Thing<'_>>| {
            seen.push(match item.fields {
                Ok(thing) => format!("{}{} {}", thing.id, thing.name.unwrap_or_default(), item.raw),
                Err(error) => format!("{error} {}", item.raw),
            });
        });
        (seen, rest)
    }

    #[test]
    fn items_come_with_their_bytes_and_the_rest_beside() {
        let check = |text: &str, items: &[&str]| {
            let (seen, rest) = look(text);
            assert_eq!(seen, items, "{text}");
            assert_eq!(rest, Ok(Rest { end: true }), "{text}");
        };
        check(r#"{"things":[],"end":true}"#, &[]);
        check(r#" { "end" : true , "things" : [ ] } "#, &[]);
        check(r#"{"things":[{"id":1},{"id":2}],"end":true}"#, &[r#"1 {"id":1}"#, r#"2 {"id":2}"#]);
        check(
            "{\"a\": {\"things\": [1]}, \"b\": 5, \"things\" :\n[ {\"x\": [\"]}\\\"\"], \"id\" : 1 }\t, {\"id\":2, \"name\":\"ä\"} ], \"end\": true}",
            &["1 {\"x\": [\"]}\\\"\"], \"id\" : 1 }", "2ä {\"id\":2, \"name\":\"ä\"}"],
        );
    }

    #[test]
    fn items_of_the_wrong_form_are_items_all_the_same() {
        let (seen, rest) =
            look(r#"{"things":[{"id":1}, 7, null, [2], "x", {}, {"id":"3"}, {"id":4}],"end":true}"#);
        assert_eq!(seen.len(), 8);
        assert_eq!((seen[0].as_str(), seen[7].as_str()), (r#"1 {"id":1}"#, r#"4 {"id":4}"#));
        for (index, raw) in [(1, "7"), (2, "null"), (3, "[2]"), (4, r#""x""#)] {
            assert_eq!(seen[index], format!("not as expected: not an object (json.object) {raw}"));
        }
        assert!(seen[5].contains("missing field `id`") && seen[5].ends_with(" {}"), "{}", seen[5]);
        assert!(
            seen[6].contains("invalid type: string") && seen[6].ends_with(r#"{"id":"3"}"#),
            "{}",
            seen[6]
        );
        assert_eq!(rest, Ok(Rest { end: true }));
    }

    #[test]
    fn what_is_no_such_answer_is_an_error() {
        for (text, words) in [
            ("", "expected `{` at byte 0"),
            ("<html>", "expected `{` at byte 0"),
            ("[]", "expected `{` at byte 0"),
            ("{}", "there is no `things`"),
            (r#"{"end":true}"#, "there is no `things`"),
            (r#"{"end":true,}"#, "counted from byte 12"),
            (r#"{"things":{}}"#, "expected `[` at byte 10"),
            (r#"{"things":null}"#, "expected `[` at byte 10"),
            (r#"{"things":[],"end":1}"#, "invalid type: integer"),
            (r#"{"things":[]}"#, "missing field `end`"),
            (r#"{"things":[]"#, "EOF"),
            (r#"{"things":["#, "the end of the text"),
            (r#"{"things":[{"id":1}"#, "expected `,` at byte 19"),
            (r#"{"things":[{"id":1},]}"#, "expected value"),
            (r#"{"things":[{"id":1} {"id":2}]}"#, "expected `,` at byte 20"),
            (r#"{"things":[{"id":1,"x":tru}],"end":true}"#, "expected ident"),
            (r#"{"things":[{"id":1"#, "EOF"),
            (r#"{"things":[7 7],"end":true}"#, "expected `,`"),
            (r#"{"things":[],"end":true} x"#, "trailing characters"),
        ] {
            let error = look(text).1.unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
