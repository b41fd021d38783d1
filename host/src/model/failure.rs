//! How anything fails, in the one form that crosses floors.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What the host does about a failure. The same closed set as `error-class` of
/// the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The remote system or the network failed for a while.
    Transient,
    /// The remote system asks for fewer requests.
    RateLimited,
    /// The credentials are refused.
    Auth,
    /// The settings are wrong.
    Config,
    /// The thing asked for does not exist.
    NotFound,
    /// Somebody else changed the thing in the meantime.
    Conflict,
    /// The data is not acceptable.
    InvalidData,
    /// The host's policy forbids it.
    Denied,
    /// A limit of the host was reached.
    Limit,
    /// It cannot be done at all.
    Unsupported,
    /// A defect of a plugin or of the host.
    Internal,
}

impl Class {
    /// The name that people, the API and the contract use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::RateLimited => "rate-limited",
            Self::Auth => "auth",
            Self::Config => "config",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::InvalidData => "invalid-data",
            Self::Denied => "denied",
            Self::Limit => "limit",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }

    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self {
            Self::Transient | Self::RateLimited => Fault::Transient,
            Self::Auth => Fault::Auth,
            Self::Denied => Fault::Denied,
            Self::Config | Self::NotFound | Self::Conflict | Self::InvalidData | Self::Unsupported => {
                Fault::Invalid
            }
            Self::Limit | Self::Internal => Fault::Bug,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The one question that every error of the host answers. Retry, blame and
/// HTTP status follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It may work later, unchanged.
    Transient,
    /// Credentials have to be renewed.
    Auth,
    /// Policy forbids it.
    Denied,
    /// The caller, or the data, is wrong.
    Invalid,
    /// The host or a plugin is wrong.
    Bug,
}

/// What is wrong with one field of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901), `/email` for a top-level field.
    pub field: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl FieldError {
    /// An error of the top-level field `name`.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { field: format!("/{name}"), message: message.into() }
    }
}

/// A failure as it is stored, shown and handed to guests. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// Decides what the host does.
    pub class: Class,
    /// Stable dotted name, such as `http.status.503`.
    pub code: String,
    /// A sentence for an operator.
    pub message: String,
    /// The earliest time for another try, in milliseconds from the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What is wrong with which field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
}

impl Failure {
    /// The longest message that is kept, in bytes.
    pub const MAX_MESSAGE: usize = 4 << 10;
    /// The longest code that is kept, in bytes.
    pub const MAX_CODE: usize = 128;

    /// A failure without a retry time or fields. Cuts what is too long.
    pub fn new(class: Class, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: cut(code.into(), Self::MAX_CODE),
            message: cut(message.into(), Self::MAX_MESSAGE),
            retry_after_ms: None,
            fields: Vec::new(),
        }
    }

    /// Of whatever a cancellation of its run ended: a step, a request.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(Class::Transient, "run.cancelled", "the run was cancelled")
    }

    /// The same with the earliest time for another try.
    #[must_use]
    pub fn retry_after_ms(mut self, milliseconds: Option<u64>) -> Self {
        self.retry_after_ms = milliseconds;
        self
    }

    /// The same with errors of single fields.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
    }

    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.class.fault()
    }
}

/// Cuts at a character border, so that a guest's endless text stays harmless.
fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max - '…'.len_utf8()));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_message_is_cut_at_a_character_border() {
        let failure = Failure::new(Class::Internal, "c".repeat(500), "ü".repeat(5_000));
        assert_eq!(failure.code.len(), Failure::MAX_CODE);
        assert!(failure.message.len() <= Failure::MAX_MESSAGE);
        assert!(failure.message.ends_with("ü…"));
    }

    #[test]
    fn class_names_are_those_of_serde() {
        for class in [Class::RateLimited, Class::InvalidData, Class::NotFound, Class::Internal] {
            assert_eq!(serde_json::to_value(class).expect("plain enum"), class.as_str());
        }
    }

    #[test]
    fn field_pointer_is_escaped() {
        assert_eq!(FieldError::new("a/b~c", "no").field, "/a~1b~0c");
    }
}
