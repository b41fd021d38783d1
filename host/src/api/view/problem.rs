//! The one form of every error.

use crate::model::{Class, Failure, FieldError};
use serde::{Deserialize, Serialize};

/// `{"error": …}`: the whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProblemDocument {
    /// What went wrong.
    pub error: Problem,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// The kind of failure; decides the status.
    pub class: Class,
    /// Stable dotted name for programs, such as `channel.unknown`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// What is wrong with which field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
    /// The earliest time for another try, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The sync that stands in the way, for the code `sync.busy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FieldProblem {
    /// JSON Pointer (RFC 6901) within the settings, or within the request's body.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
    /// Whether the field is a secret of the channel type's form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl Problem {
    /// A problem without fields.
    pub fn new(class: Class, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            fields: Vec::new(),
            retry_after_ms: None,
            job: None,
        }
    }

    /// The same with errors of single fields.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields.into_iter().map(FieldProblem::from).collect();
        self
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self {
            retry_after_ms: failure.retry_after_ms,
            ..Self::new(failure.class, failure.code, failure.message).with_fields(failure.fields)
        }
    }
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self { field: error.field, message: error.message, secret: false }
    }
}
