//! The words that every other interface uses: errors, records, due keys.

mod envelope;
mod error;

pub use envelope::{Due, Envelope};
pub use error::{Class, Error, FieldError};
