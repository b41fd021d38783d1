//! Sets a JSON document for reading without changing a digit of it.
//!
//! Reading it into numbers and writing them again would round what the remote
//! system wrote.

/// The document with one value a line. It must be JSON; what is not comes out odd.
pub(super) fn pretty(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                text.push('"');
                string(&mut rest, &mut text);
            }
            '{' | '[' => {
                text.push(c);
                while rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(end) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => text.push(c),
        }
    }
    text
}

fn line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

fn string(rest: &mut impl Iterator<Item = char>, text: &mut String) {
    while let Some(c) = rest.next() {
        text.push(c);
        match c {
            '"' => return,
            '\\' => text.extend(rest.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn digits_stay_as_they_are() {
        let text = pretty(r#"{"n":1.00000000000000000001,"s":"a\"{,:b","e":[],"o":{ },"l":[1,{"x":null}]}"#);
        insta::assert_snapshot!(text, @r#"
        {
          "n": 1.00000000000000000001,
          "s": "a\"{,:b",
          "e": [],
          "o": {},
          "l": [
            1,
            {
              "x": null
            }
          ]
        }
        "#);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_document_means_the_same(value in any_json()) {
            for json in [serde_json::to_string(&value), serde_json::to_string_pretty(&value)] {
                let text = pretty(&json.expect("JSON"));
                let again: Value = serde_json::from_str(&text).expect(&text);
                prop_assert_eq!(&again, &value);
                prop_assert_eq!(&text, &serde_json::to_string_pretty(&value).expect("JSON"));
            }
        }
    }
}
