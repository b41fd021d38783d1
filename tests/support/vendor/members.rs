//! Members of an object that somebody gives as a value.

use anyhow::{Result, bail};
use serde_json::{Map, Value};

/// The members of an object.
///
/// # Errors
/// It is none.
pub fn members(value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(object) => Ok(object),
        other => bail!("properties must be an object, not {other}"),
    }
}
