//! Mapping: between the form that a remote system gives its records and the form in
//! which they are kept here.
//!
//! A mapping belongs to a connector of a channel: jq filters for both ways, and value
//! maps (`urgent` here, `high` there). It is compiled once a run and run once a record,
//! on what was delivered; the record keeps what came of it, and one that does not fit
//! goes to quarantine with its reason. Filters run in a process of their own (`worker`),
//! because jq has no bound of its own. A channel without a mapping pays nothing.
//!
//! Nothing here decides whether a record changed, or writes it.

mod answer;
mod filter;
mod frame;
mod jq;
mod line;
mod lint;
mod preview;
mod values;
mod worker;

#[cfg(test)]
mod tests;

pub use filter::{Filter, Filters};
pub use lint::Lint;
pub use preview::{Asked as PreviewAsk, Preview, Previewed, Which as PreviewOf};
pub(super) use worker::work;

use super::{Config, apart::apart};
use crate::model::{Channel, Class, Failure, Fault, Mapping, Name, ValueMap};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use values::Way;

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// A part of it is wrong.
    #[error("the mapping's {place} cannot be used: {cure}")]
    Refused {
        /// `import`, `export`, or the pointer of a value map.
        place: String,
        /// What is wrong, and where.
        cure: String,
    },
    /// Nothing to run filters with.
    #[error("{0}")]
    Worker(Failure),
}

impl MappingError {
    fn refused(place: &str, cure: impl Into<String>) -> Self {
        Self::Refused { place: place.into(), cure: cure.into() }
    }

    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused { .. } => Fault::Invalid,
            Self::Worker(failure) => failure.fault(),
        }
    }

    /// The same as a failure of a run.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Worker(failure) => failure,
            refused => Failure::new(Class::Config, "mapping.refused", refused.to_string()),
        }
    }
}

/// A mapping that is ready to run; cheap to clone.
///
/// All of it blocks, and its filters share a process: one record at a time.
#[derive(Clone)]
pub struct Mapper {
    import: Option<Filter>,
    export: Option<Filter>,
    values: Arc<[ValueMap]>,
}

impl Mapper {
    /// Checks a mapping, and compiles its filters.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub fn compile(filters: &Filters, mapping: &Mapping) -> Result<Self, MappingError> {
        check_values(&mapping.values)?;
        let places = [("import", &mapping.import), ("export", &mapping.export)];
        let texts: Vec<_> =
            places.iter().filter_map(|(place, text)| Some((*place, text.as_deref()?))).collect();
        let mut compiled = match texts.is_empty() {
            true => Vec::new(),
            false => Filter::all(filters, &texts)?,
        }
        .into_iter();
        let import = mapping.import.as_ref().and_then(|_| compiled.next());
        let export = mapping.export.as_ref().and_then(|_| compiled.next());
        Ok(Self { import, export, values: mapping.values.as_slice().into() })
    }

    /// The mapping of a connector, compiled; none: its records are kept as they are.
    ///
    /// # Errors
    /// The mapping cannot be used.
    pub(super) async fn of(
        config: &Config,
        channel: &Channel,
        connector: &Name,
    ) -> Result<Option<Self>, Failure> {
        let Some(mapping) = channel.mappings.get(connector).cloned() else {
            return Ok(None);
        };
        let filters = config.filters();
        let compiled = apart(move || Self::compile(&filters, &mapping)).await;
        compiled.map(Some).map_err(MappingError::into_failure)
    }

    /// From the payload that was delivered to the one that is kept.
    ///
    /// # Errors
    /// Of class `invalid-data` and with a code `mapping.…` where the record cannot be
    /// mapped; of another class where nothing can be mapped now.
    pub fn import(&self, payload: &Bytes) -> Result<Bytes, Failure> {
        let mapped = match &self.import {
            Some(filter) => filter.run_text(payload)?.ok_or_else(nothing)?,
            None => payload.clone(),
        };
        if self.values.is_empty() {
            return Ok(mapped);
        }
        let mut value = serde_json::from_slice(&mapped).map_err(|error| {
            Failure::new(Class::InvalidData, "mapping.input", format!("it cannot be read: {error}"))
        })?;
        values::turn(&self.values, Way::In, &mut value)?;
        Ok(value.to_string().into())
    }

    /// From the payload that is kept to the one that is exported.
    ///
    /// # Errors
    /// As for `import`.
    pub fn export(&self, payload: &Value) -> Result<Value, Failure> {
        let mut value = payload.clone();
        values::turn(&self.values, Way::Out, &mut value)?;
        match &self.export {
            Some(filter) => filter.run(&value)?.ok_or_else(nothing),
            None => Ok(value),
        }
    }
}

fn nothing() -> Failure {
    let words = "the filter gives no value for this record; a mapping cannot leave records out";
    Failure::new(Class::InvalidData, "mapping.nothing", words)
}

fn check_values(maps: &[ValueMap]) -> Result<(), MappingError> {
    if maps.len() > Mapping::MAX_VALUES {
        let cure = format!("there are {} of them; at most {} are allowed", maps.len(), Mapping::MAX_VALUES);
        return Err(MappingError::refused("values", cure));
    }
    for map in maps {
        let is_pointer =
            map.field.starts_with('/') && !map.field.replace("~0", "").replace("~1", "").contains('~');
        if !is_pointer {
            let cure = "a field is a JSON Pointer, such as /priority or /custom/status";
            return Err(MappingError::refused(&format!("value map '{}'", map.field), cure));
        }
        if map.pairs.len() > Mapping::MAX_PAIRS {
            let cure =
                format!("it has {} pairs; at most {} are allowed", map.pairs.len(), Mapping::MAX_PAIRS);
            return Err(MappingError::refused(&format!("value map '{}'", map.field), cure));
        }
    }
    Ok(())
}
