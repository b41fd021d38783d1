//! A small durable map of the connector in its channel, for what does not fit a
//! cursor.
//!
//! Writes land together with the page, and are dropped when the step fails. The
//! whole map holds at most 256 KiB. Natively it lives in the thread.

use crate::{Error, json};
use serde::{Serialize, de::DeserializeOwned};

/// The value under `key`, with this step's own writes applied.
#[must_use]
pub fn get(key: &str) -> Option<Vec<u8>> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::state::get(key);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::state_get(key)
}

/// Sets the entry. Keys are 1 to 256 bytes.
///
/// # Errors
/// `limit` when the map is full.
pub fn set(key: &str, value: &[u8]) -> Result<(), Error> {
    put(key, Some(value))
}

/// Takes the entry away; nothing happens where there is none.
///
/// # Errors
/// As [`set`].
pub fn remove(key: &str) -> Result<(), Error> {
    put(key, None)
}

/// The value under `key`, read as JSON.
///
/// # Errors
/// `internal` when the entry is not of that type.
pub fn read<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(bytes) = get(key) else {
        return Ok(None);
    };
    json::read(&bytes).map(Some).map_err(|error| {
        Error::internal("state.read", format!("the entry '{key}' is not as expected: {error}"))
    })
}

/// Sets the entry to a value written as JSON.
///
/// # Errors
/// As [`set`], and `internal` when the value cannot be written.
pub fn write(key: &str, value: &impl Serialize) -> Result<(), Error> {
    set(key, json::Json::of(value)?.as_bytes())
}

fn put(key: &str, value: Option<&[u8]>) -> Result<(), Error> {
    #[cfg(target_arch = "wasm32")]
    return Ok(crate::bindings::state::set(key, value)?);
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::testing::state_put(key, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_set_read_and_removed() {
        assert_eq!(read::<u32>("seen"), Ok(None));
        write("seen", &7).unwrap();
        assert_eq!(read::<u32>("seen"), Ok(Some(7)));
        assert!(read::<String>("seen").is_err());
        remove("seen").unwrap();
        assert_eq!(get("seen"), None);
    }
}
