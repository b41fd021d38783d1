//! JSON documents that cross the contract as bytes.

mod items;

pub use items::Item;
pub use serde_json::value::RawValue;

use crate::Error;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// One JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(Vec<u8>);

impl Json {
    /// Writes a value.
    ///
    /// # Errors
    /// `internal` when it cannot be written as JSON.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(value).map_err(|error| {
            Error::internal("json.write", format!("a value cannot be written as JSON: {error}"))
        })?;
        Ok(Self(bytes))
    }

    /// A document as it came.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The document's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Reads the document as the author's type.
    ///
    /// # Errors
    /// `invalid-data`, naming the place.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        read(&self.0).map_err(|error| {
            Error::invalid_data("json.read", format!("not the JSON that is expected: {error}"))
        })
    }
}

/// Reads the fields that matter from one object of an answer, and passes over the
/// others.
///
/// # Errors
/// `invalid-data` for anything but an object with such fields; say so of the one
/// record by [`Page::reject`](crate::Page::reject).
pub fn object<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Error> {
    let fields = match raw.get().starts_with('{') {
        true => serde_json::from_str(raw.get()).map_err(|error| error.to_string()),
        // A struct could be read from a list of its fields, too.
        false => Err("not an object".to_owned()),
    };
    fields.map_err(unlike)
}

fn unlike(error: String) -> Error {
    Error::invalid_data("json.object", format!("not as expected: {error}"))
}

/// Reads a list of an object; see [`Response::each`](crate::Response::each).
pub(crate) fn each<'a, T: Deserialize<'a>, R: DeserializeOwned>(
    bytes: &'a [u8],
    name: &str,
    each: impl FnMut(Item<'a, T>),
) -> Result<R, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    items::read(text, name, each)
}

/// Checks UTF-8 once for the whole text, so that no part of it is checked again.
pub(crate) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        id: u64,
    }

    #[test]
    fn only_objects_are_objects() {
        let check = |text: &str, expected: Result<Thing, &str>| {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            assert_eq!(
                object::<Thing>(raw).map_err(|error| error.message),
                expected.map_err(str::to_owned),
                "{text}"
            );
        };
        check(r#"{"more": [], "id": 7}"#, Ok(Thing { id: 7 }));
        check("[7]", Err("not as expected: not an object"));
        check("null", Err("not as expected: not an object"));
        check("{}", Err("not as expected: missing field `id` at line 1 column 2"));
        check(
            r#"{"id": "7"}"#,
            Err("not as expected: invalid type: string \"7\", expected u64 at line 1 column 10"),
        );
    }

    #[test]
    fn documents_are_written_and_read() {
        let json = Json::of(&[1, 2]).unwrap();
        assert_eq!((json.as_bytes(), json.read::<Vec<u8>>()), (&b"[1,2]"[..], Ok(vec![1, 2])));
        assert!(json.read::<String>().is_err());
        assert!(Json::from_bytes(vec![b'"', 0xff, b'"']).read::<String>().is_err());
    }
}
