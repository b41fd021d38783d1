//! One value against one field of a form.
//!
//! It looks at the field alone: whether the field applies, or must have a
//! value, is for those who know the whole form. Its words never repeat a value,
//! because people put secrets into the wrong field.

use crate::model::{Field, FieldKind};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use url::Url;

/// The most characters of a text, where the field does not say. Far above any
/// account name or URL, far below what would bloat a channel's row.
const MAX_TEXT: i64 = 4_096;
/// The same for a secret: a long token with room to spare.
const MAX_SECRET: i64 = 16_384;
/// The most bytes that a compiled pattern takes. Patterns come from plugins: the
/// library's own bound lets a handful of them cost seconds.
const MAX_PATTERN: usize = 1 << 20;

/// Turns text or JSON into the typed value of the field. Texts lose the blanks at their ends.
///
/// # Errors
/// One sentence a fault.
pub(crate) fn read(field: &Field, value: &Value) -> Result<Value, Vec<String>> {
    let text = value.as_str().map(str::trim);
    let typed = match field.kind {
        FieldKind::Integer => read_integer(value, text).map(Value::from),
        FieldKind::Boolean => read_boolean(value, text).map(Value::from),
        FieldKind::Text | FieldKind::Secret => required_text(text).and_then(one_line),
        FieldKind::Url => required_text(text).and_then(one_line).and_then(is_url),
        FieldKind::Email => required_text(text).and_then(one_line).and_then(is_email),
        FieldKind::Date => required_text(text).and_then(is_date),
        FieldKind::Choice => required_text(text).and_then(|text| is_choice(field, text)),
    };
    let typed = typed.map_err(|fault| vec![fault])?;
    let faults = broken_bounds(field, &typed);
    if faults.is_empty() { Ok(typed) } else { Err(faults) }
}

/// What is wrong with a secret; empty where it fits. The text is taken as it is, blanks included.
pub(crate) fn secret_faults(field: &Field, text: &str) -> Vec<String> {
    if text.chars().any(char::is_control) {
        return vec!["must be one line, without control characters".into()];
    }
    text_faults(field, text, MAX_SECRET)
}

/// A pattern that has to match the whole text.
///
/// # Errors
/// What is wrong with the expression.
pub(crate) fn whole_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    // On its own first: `)(` would become valid inside the brackets.
    regex(pattern)?;
    regex(&format!("^(?:{pattern})$"))
}

fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build()
}

fn required_text(text: Option<&str>) -> Result<&str, String> {
    text.ok_or_else(|| "must be a text".into())
}

fn one_line<T: for<'t> From<&'t str>>(text: &str) -> Result<T, String> {
    if text.chars().any(char::is_control) {
        return Err("must be one line, without control characters".into());
    }
    Ok(T::from(text))
}

fn read_integer(value: &Value, text: Option<&str>) -> Result<i64, String> {
    let number = match text {
        Some(text) => text.parse().ok(),
        None => value.as_i64(),
    };
    number.ok_or_else(|| "must be a whole number, such as 42".into())
}

fn read_boolean(value: &Value, text: Option<&str>) -> Result<bool, String> {
    match (value, text) {
        (Value::Bool(truth), _) => Ok(*truth),
        (_, Some("true")) => Ok(true),
        (_, Some("false")) => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

fn is_url(text: String) -> Result<Value, String> {
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return Err("must be a URL that starts with https:// or http://".into());
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must be a URL without user name and password: they have fields of their own".into());
    }
    Ok(text.into())
}

fn is_email(text: String) -> Result<Value, String> {
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "\"(),:;<>@[\\]".contains(c))
    };
    let fits = text.rsplit_once('@').is_some_and(|(local, domain)| {
        plain(local) && local.len() <= 64 && domain.len() <= 253 && domain.split('.').all(plain)
    });
    if fits { Ok(text.into()) } else { Err("must be an e-mail address, such as name@example.com".into()) }
}

fn is_date(text: &str) -> Result<Value, String> {
    // The parser takes more forms than the one that plugins are promised.
    let shape = text.len() == 10
        && text.bytes().enumerate().all(
            |(at, b)| {
                if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() }
            },
        );
    match text.parse::<jiff::civil::Date>() {
        Ok(_) if shape => Ok(text.into()),
        _ => Err("must be a day, written like 2026-01-31".into()),
    }
}

fn is_choice(field: &Field, text: &str) -> Result<Value, String> {
    if field.choices.iter().any(|choice| choice.value == text) {
        return Ok(text.into());
    }
    let known: Vec<_> = field.choices.iter().map(|choice| format!("'{}'", choice.value)).collect();
    Err(format!("must be one of {}", known.join(", ")))
}

fn broken_bounds(field: &Field, typed: &Value) -> Vec<String> {
    match (field.kind, typed) {
        (FieldKind::Integer, number) => {
            number.as_i64().map(|number| number_faults(field, number)).unwrap_or_default()
        }
        (FieldKind::Text | FieldKind::Url | FieldKind::Email, Value::String(text)) => {
            text_faults(field, text, MAX_TEXT)
        }
        _ => Vec::new(),
    }
}

fn number_faults(field: &Field, number: i64) -> Vec<String> {
    let least = field.min.filter(|min| number < *min).map(|min| format!("must be at least {min}"));
    let most = field.max.filter(|max| number > *max).map(|max| format!("must be at most {max}"));
    least.into_iter().chain(most).collect()
}

fn text_faults(field: &Field, text: &str, usual_max: i64) -> Vec<String> {
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let max = field.max.unwrap_or(usual_max);
    let mut faults = Vec::new();
    if let Some(min) = field.min.filter(|min| length < *min) {
        faults.push(format!("must have at least {min} characters"));
    }
    if length > max {
        faults.push(format!("must have at most {max} characters"));
    }
    // The catalog has compiled every pattern before the plugin was taken up.
    if let Some(pattern) = &field.pattern
        && !whole_pattern(pattern).is_ok_and(|regex| regex.is_match(text))
    {
        faults.push(format!("must match the pattern `{pattern}`"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(kind: &str, more: Value) -> Field {
        let mut field = json!({"name": "f", "label": "F", "kind": kind});
        let more = more.as_object().expect("an object").clone();
        field.as_object_mut().expect("an object").extend(more);
        serde_json::from_value(field).expect("a field")
    }

    fn fits(kind: &str, more: Value, value: Value, typed: Value) {
        assert_eq!(read(&field(kind, more), &value), Ok(typed), "{kind} {value}");
    }

    fn faulty(kind: &str, more: Value, value: Value, words: &[&str]) {
        let faults = read(&field(kind, more), &value).expect_err(&format!("{kind} {value}"));
        assert_eq!(faults, words, "{kind} {value}");
    }

    #[test]
    fn values_come_as_text_or_json() {
        fits("text", json!({}), json!("  two words "), json!("two words"));
        fits("integer", json!({}), json!(42), json!(42));
        fits("integer", json!({}), json!(" -42 "), json!(-42));
        fits("boolean", json!({}), json!(true), json!(true));
        fits("boolean", json!({}), json!("false"), json!(false));
        fits("choice", json!({"choices": [{"value": "a", "label": "A"}]}), json!("a"), json!("a"));
        fits("date", json!({}), json!("2024-02-29"), json!("2024-02-29"));
        fits("url", json!({}), json!("https://acme.example/x"), json!("https://acme.example/x"));
        fits("email", json!({}), json!("jo.doe+x@mail.example.com"), json!("jo.doe+x@mail.example.com"));
        fits("email", json!({}), json!("agent@localhost"), json!("agent@localhost"));
    }

    #[test]
    fn wrong_kinds_are_refused() {
        for kind in ["text", "url", "email", "date", "choice"] {
            faulty(kind, json!({}), json!(5), &["must be a text"]);
        }
        for value in
            [json!("4.5"), json!(4.5), json!(true), json!(""), json!("9223372036854775808"), json!([1])]
        {
            faulty("integer", json!({}), value, &["must be a whole number, such as 42"]);
        }
        for value in [json!("yes"), json!(1), json!("TRUE")] {
            faulty("boolean", json!({}), value, &["must be true or false"]);
        }
        for value in ["2023-02-29", "20240229", "2024-2-1", "2024-02-29T00:00", "today", "-024-01-01"] {
            faulty("date", json!({}), json!(value), &["must be a day, written like 2026-01-31"]);
        }
        let choices = json!({"choices": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}]});
        faulty("choice", choices, json!("A"), &["must be one of 'a', 'b'"]);
    }

    #[test]
    fn urls_and_addresses_are_looked_at() {
        for value in
            ["acme.example", "ftp://acme.example", "https://", "file:///etc/passwd", "javascript:alert(1)"]
        {
            faulty("url", json!({}), json!(value), &["must be a URL that starts with https:// or http://"]);
        }
        let words = "must be a URL without user name and password: they have fields of their own";
        faulty("url", json!({}), json!("https://me:pw@acme.example"), &[words]);
        for value in ["a", "@b", "a@", "a b@c.d", "a@b@c", "a@b..c", "<a@b.c>", "a:b@c.d"] {
            faulty(
                "email",
                json!({}),
                json!(value),
                &["must be an e-mail address, such as name@example.com"],
            );
        }
        faulty("text", json!({}), json!("two\nlines"), &["must be one line, without control characters"]);
    }

    #[test]
    fn every_broken_bound_is_named() {
        faulty("integer", json!({"min": 1}), json!(0), &["must be at least 1"]);
        faulty("integer", json!({"max": 1}), json!(2), &["must be at most 1"]);
        fits("text", json!({"min": 3, "max": 3}), json!("äöü"), json!("äöü"));
        faulty("text", json!({"max": 2}), json!("äöü"), &["must have at most 2 characters"]);
        faulty("text", json!({}), json!("x".repeat(4_097)), &["must have at most 4096 characters"]);
        let strict = json!({"min": 3, "pattern": "[a-z]+"});
        faulty(
            "text",
            strict,
            json!("A1"),
            &["must have at least 3 characters", "must match the pattern `[a-z]+`"],
        );
    }

    #[test]
    fn patterns_match_the_whole_text() {
        fits("text", json!({"pattern": "a|bc"}), json!("bc"), json!("bc"));
        faulty("text", json!({"pattern": "a|bc"}), json!("abc"), &["must match the pattern `a|bc`"]);
        for bad in [")(", "(", "(?x) a # comment", "[z-a]"] {
            assert!(whole_pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_are_checked_without_being_repeated() {
        let pin = field("secret", json!({"min": 4, "pattern": "[0-9]*"}));
        assert!(secret_faults(&pin, "1234").is_empty());
        let faults = secret_faults(&pin, "xyz").join("; ");
        assert_eq!(faults, "must have at least 4 characters; must match the pattern `[0-9]*`");
        assert_eq!(secret_faults(&pin, "12\r\n34").len(), 1);
    }
}
