//! A jq program that is ready to run: from one payload to another, or to none.

use super::{
    MappingError,
    line::{Broken, Line},
};
use crate::model::{Class, Failure, Mapping};
use bytes::Bytes;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

pub use super::line::Filters;

/// A compiled filter; cheap to clone. It runs in a process apart, within bounds of time,
/// memory and output, and one payload at a time.
///
/// All of it blocks: for the blocking pool, not for a task.
#[derive(Clone)]
pub struct Filter {
    line: Arc<Mutex<Line>>,
    program: u8,
}

impl Filter {
    /// Compiles a program.
    ///
    /// # Errors
    /// The text is no jq program, asks for what filters do not get, or there is no
    /// process to run it.
    pub fn compile(filters: &Filters, text: &str) -> Result<Self, MappingError> {
        Ok(Self::all(filters, &[("filter", text)])?.swap_remove(0))
    }

    /// Several that share a process, each with the name of its place.
    pub(in crate::sync) fn all(filters: &Filters, texts: &[(&str, &str)]) -> Result<Vec<Self>, MappingError> {
        for (place, text) in texts {
            if text.len() > Mapping::MAX_FILTER {
                let cure =
                    format!("it has {} bytes; at most {} are allowed", text.len(), Mapping::MAX_FILTER);
                return Err(MappingError::refused(place, cure));
            }
        }
        let programs = texts.iter().map(|(_, text)| (*text).to_owned()).collect();
        let line = Line::open(filters, programs).map_err(|broken| match broken {
            Broken::Refused { program, message } => {
                MappingError::refused(texts.get(program).map_or("filter", |(place, _)| *place), message)
            }
            broken => MappingError::Worker(broken.into_failure()),
        })?;
        let line = Arc::new(Mutex::new(line));
        let count = u8::try_from(texts.len()).unwrap_or(u8::MAX);
        Ok((0..count).map(|program| Self { line: Arc::clone(&line), program }).collect())
    }

    /// Runs it on a payload; none where it gives nothing, as `select` does.
    ///
    /// # Errors
    /// Of class `invalid-data` and with a code `mapping.…` where payload and filter do
    /// not fit, or a bound is reached; of class `transient` where there is no process to
    /// run it.
    pub fn run(&self, payload: &Value) -> Result<Option<Value>, Failure> {
        let Some(text) = self.run_text(payload.to_string().as_bytes())? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&text).map_err(|error| {
            Failure::new(Class::InvalidData, "mapping.output", format!("the filter gives no JSON: {error}"))
        })?;
        Ok(Some(value))
    }

    /// The same, from text to text.
    pub(super) fn run_text(&self, payload: &[u8]) -> Result<Option<Bytes>, Failure> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(line.ask(self.program, payload)?.map(Bytes::from))
    }
}
