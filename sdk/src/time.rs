//! Times as remote systems write them, and as the contract wants them.
//!
//! It never asks what time it is: a step that depends on the clock cannot be
//! repeated.

use jiff::{Timestamp, civil::Date, tz::Offset};
use serde::{
    Deserializer,
    de::{Error, Visitor},
};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 time such as
/// `2026-01-31T12:00:00Z`; none where the text is not one, or lies before 1970.
#[must_use]
pub fn rfc3339_ms(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

/// The RFC 3339 time in UTC of so many milliseconds since 1970-01-01T00:00:00Z, such as
/// `2026-01-31T12:00:00Z`, with a fraction only where there is one; none where it lies
/// after the year 9999.
#[must_use]
pub fn rfc3339(milliseconds: u64) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()?;
    Some(time.to_string())
}

/// Seconds since 1970-01-01T00:00:00Z of midnight (UTC) of a day such as
/// `2026-01-31`; none where the text is not one, or lies before 1970.
#[must_use]
pub fn date_seconds(text: &str) -> Option<u64> {
    let date: Date = text.parse().ok()?;
    let midnight = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    u64::try_from(midnight.as_second()).ok()
}

/// Reads a time as [`rfc3339_ms`] does, and `null` as none.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Book {
///     #[serde(default, deserialize_with = "tidegate_sdk::time::as_ms")]
///     changed: Option<u64>,
/// }
/// let book: Book = serde_json::from_str(r#"{"changed": "1970-01-01T00:00:01Z"}"#).unwrap();
/// assert_eq!(book.changed, Some(1_000));
/// ```
///
/// # Errors
/// When the value is neither a text nor `null`.
pub fn as_ms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(Time)
}

struct Time;

impl Visitor<'_> for Time {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time, or null")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<u64>, E> {
        Ok(rfc3339_ms(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u64>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_becomes_milliseconds() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20.123Z", Some(1_700_000_000_123)),
            ("2023-11-14T23:13:20+01:00", Some(1_700_000_000_000)),
            ("1969-12-31T23:59:59Z", None),
            ("2023-11-14", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(rfc3339_ms(text), ms, "{text}");
        }
    }

    #[test]
    fn milliseconds_become_rfc_3339() {
        for (ms, text) in [
            (0, Some("1970-01-01T00:00:00Z")),
            (1_700_000_000_000, Some("2023-11-14T22:13:20Z")),
            (1_700_000_000_123, Some("2023-11-14T22:13:20.123Z")),
            (u64::MAX, None),
        ] {
            assert_eq!(rfc3339(ms).as_deref(), text, "{ms}");
        }
    }

    #[test]
    fn days_become_seconds_of_midnight() {
        for (text, seconds) in [
            ("1970-01-02", Some(86_400)),
            ("2023-11-14", Some(1_699_920_000)),
            ("1960-01-01", None),
            ("soon", None),
        ] {
            assert_eq!(date_seconds(text), seconds, "{text}");
        }
    }
}
