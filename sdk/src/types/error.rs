//! The one form in which anything fails.

use crate::bindings::types as wit;
use std::fmt;

/// What the host does about a failure; nothing else decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The remote system or the network failed for a while; trying later may help.
    Transient,
    /// The remote system asks for fewer requests; see [`Error::retry_after_ms`].
    RateLimited,
    /// The credentials are refused: somebody has to connect the channel again.
    Auth,
    /// The settings are wrong: somebody has to edit the channel.
    Config,
    /// The thing asked for does not exist (any more).
    NotFound,
    /// The thing was changed by somebody else in the meantime.
    Conflict,
    /// The data is not acceptable, here or there.
    InvalidData,
    /// The host's policy forbids it.
    Denied,
    /// A limit of the host was reached.
    Limit,
    /// The other side, or this plugin, cannot do it at all.
    Unsupported,
    /// A defect of the plugin or of the host.
    Internal,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON Pointer (RFC 6901): `/email` for a top-level field, empty for the whole document.
    pub field: String,
    /// What is wrong and how to mend it, in words for an operator.
    pub message: String,
}

impl FieldError {
    /// An error of the top-level field `name`; the whole document where it is empty.
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        let field = match name {
            "" => String::new(),
            name => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        };
        Self { field, message: message.into() }
    }
}

/// How anything fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Decides what the host does.
    pub class: Class,
    /// A stable dotted name for people, logs and metrics; at most 128 bytes.
    pub code: String,
    /// A sentence for an operator, without secrets; at most 4 KiB are kept.
    pub message: String,
    /// The earliest time for another try, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// What is wrong with which field, for `invalid-data` and `config`.
    pub fields: Vec<FieldError>,
}

/// A constructor for each class.
macro_rules! constructors {
    ($($name:ident: $class:ident, $when:literal;)*) => {
        impl Error {
            $(
                #[doc = $when]
                pub fn $name(code: impl Into<String>, message: impl Into<String>) -> Self {
                    Self::new(Class::$class, code, message)
                }
            )*
        }
    };
}

constructors! {
    transient: Transient, "The other side failed for a while; trying later may help.";
    rate_limited: RateLimited, "The other side asks for fewer requests.";
    auth: Auth, "The credentials are refused.";
    config: Config, "The settings are wrong.";
    not_found: NotFound, "The thing asked for does not exist.";
    conflict: Conflict, "Somebody else changed the thing.";
    invalid_data: InvalidData, "The data is not acceptable.";
    denied: Denied, "Policy forbids it.";
    limit: Limit, "A limit was reached.";
    unsupported: Unsupported, "It cannot be done at all.";
    internal: Internal, "A defect of the plugin.";
}

impl Error {
    /// An error without a retry time or fields.
    pub fn new(class: Class, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class, code: code.into(), message: message.into(), retry_after_ms: None, fields: Vec::new() }
    }

    /// The same with the earliest time for another try, in milliseconds from now.
    #[must_use]
    pub fn retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }

    /// The same, blaming the top-level field `name` of the document in question.
    #[must_use]
    pub fn field(mut self, name: &str, message: impl Into<String>) -> Self {
        self.fields.push(FieldError::new(name, message));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Error {}

/// Writes both ways of a plain enum's conversion.
macro_rules! same_names {
    ($ours:ty, $theirs:ty: $($name:ident),* $(,)?) => {
        impl From<$ours> for $theirs {
            fn from(value: $ours) -> Self {
                match value { $(<$ours>::$name => <$theirs>::$name),* }
            }
        }
        impl From<$theirs> for $ours {
            fn from(value: $theirs) -> Self {
                match value { $(<$theirs>::$name => <$ours>::$name),* }
            }
        }
    };
}

same_names!(
    Class, wit::ErrorClass:
    Transient, RateLimited, Auth, Config, NotFound, Conflict, InvalidData, Denied, Limit, Unsupported, Internal,
);

impl From<FieldError> for wit::FieldError {
    fn from(error: FieldError) -> Self {
        Self { field: error.field, message: error.message }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        Self {
            class: error.class.into(),
            code: error.code,
            message: error.message,
            retry_after_ms: error.retry_after_ms,
            fields: error.fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        let fields = error.fields.into_iter();
        Self {
            class: error.class.into(),
            code: error.code,
            message: error.message,
            retry_after_ms: error.retry_after_ms,
            fields: fields.map(|field| FieldError { field: field.field, message: field.message }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_become_pointers() {
        for (name, pointer) in [("email", "/email"), ("a/b~c", "/a~1b~0c"), ("", "")] {
            assert_eq!(FieldError::new(name, "no").field, pointer);
        }
    }

    #[test]
    fn errors_cross_the_contract_unchanged() {
        let error = Error::config("form", "wrong").field("url", "no").retry_after_ms(7);
        assert_eq!(Error::from(wit::Error::from(error.clone())), error);
        assert_eq!(error.to_string(), "wrong (form)");
    }
}
