//! Whether the host does its work.

use serde::{Deserialize, Serialize};

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Readiness {
    /// `ready` or `not-ready`.
    pub status: String,
    /// What is in the way; nothing where it is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// Something that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reason {
    /// For programs: `plugins`, `runs`, `store` or `stopping`.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Readiness {
    /// With what is in the way.
    #[must_use]
    pub fn of(reasons: Vec<Reason>) -> Self {
        let status = if reasons.is_empty() { "ready" } else { "not-ready" };
        Self { status: status.to_owned(), reasons }
    }
}

impl Reason {
    /// A reason with its code.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}
