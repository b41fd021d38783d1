//! `error` of the contract and `Failure` of the host.

use crate::{
    model::{Class, Failure, FieldError},
    sandbox::{
        bindings::tidegate::connect::types::{Error, ErrorClass, FieldError as WitFieldError},
        text::clean_cut,
    },
};

/// The most field errors of one failure, and the longest pointer of one.
const MAX_FIELDS: usize = 100;
const MAX_POINTER: usize = 512;

/// A guest's error. Texts are cleaned of control characters and cut.
pub(in crate::sandbox) fn failure(error: Error) -> Failure {
    let message = clean_cut(&error.message, Failure::MAX_MESSAGE);
    Failure::new(class(error.class), code(&error.code), message)
        .retry_after_ms(error.retry_after_ms)
        .with_fields(field_errors(error.fields))
}

/// Codes that are the host's to give. A guest that uses one is quoted: what it says of
/// itself must not be taken for what the host found.
const OF_THE_HOST: [&str; 3] = ["trap.", "plugin.missing", "plugin.quarantined"];

/// A code fit to be counted by: lower-case letters, digits and `.-_`, with a hyphen in
/// place of anything else.
fn code(text: &str) -> String {
    let fit =
        |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let code: String = clean_cut(text.trim(), Failure::MAX_CODE).chars().map(fit).collect();
    let code = code.trim_matches(['-', '.', '_']);
    if code.is_empty() {
        return "plugin.error".to_owned();
    }
    if OF_THE_HOST.iter().any(|own| code.starts_with(own)) {
        return format!("guest.{code}");
    }
    code.to_owned()
}

/// A guest's field errors: the first hundred, cleaned and cut.
pub(in crate::sandbox) fn field_errors(fields: Vec<WitFieldError>) -> Vec<FieldError> {
    let field_error = |error: WitFieldError| FieldError {
        field: clean_cut(&error.field, MAX_POINTER).into_owned(),
        message: clean_cut(&error.message, Failure::MAX_MESSAGE).into_owned(),
    };
    fields.into_iter().take(MAX_FIELDS).map(field_error).collect()
}

/// A failure of the host as the guest sees it.
pub(in crate::sandbox) fn error(failure: Failure) -> Error {
    let field_error = |error: FieldError| WitFieldError { field: error.field, message: error.message };
    Error {
        class: error_class(failure.class),
        code: failure.code,
        message: failure.message,
        retry_after_ms: failure.retry_after_ms,
        fields: failure.fields.into_iter().map(field_error).collect(),
    }
}

fn class(class: ErrorClass) -> Class {
    match class {
        ErrorClass::Transient => Class::Transient,
        ErrorClass::RateLimited => Class::RateLimited,
        ErrorClass::Auth => Class::Auth,
        ErrorClass::Config => Class::Config,
        ErrorClass::NotFound => Class::NotFound,
        ErrorClass::Conflict => Class::Conflict,
        ErrorClass::InvalidData => Class::InvalidData,
        ErrorClass::Denied => Class::Denied,
        ErrorClass::Limit => Class::Limit,
        ErrorClass::Unsupported => Class::Unsupported,
        ErrorClass::Internal => Class::Internal,
    }
}

fn error_class(class: Class) -> ErrorClass {
    match class {
        Class::Transient => ErrorClass::Transient,
        Class::RateLimited => ErrorClass::RateLimited,
        Class::Auth => ErrorClass::Auth,
        Class::Config => ErrorClass::Config,
        Class::NotFound => ErrorClass::NotFound,
        Class::Conflict => ErrorClass::Conflict,
        Class::InvalidData => ErrorClass::InvalidData,
        Class::Denied => ErrorClass::Denied,
        Class::Limit => ErrorClass::Limit,
        Class::Unsupported => ErrorClass::Unsupported,
        Class::Internal => ErrorClass::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_survives_the_way_there_and_back() {
        for class in [
            Class::Transient,
            Class::RateLimited,
            Class::Auth,
            Class::Config,
            Class::NotFound,
            Class::Conflict,
            Class::InvalidData,
            Class::Denied,
            Class::Limit,
            Class::Unsupported,
            Class::Internal,
        ] {
            let before = Failure::new(class, "a.b", "words")
                .retry_after_ms(Some(7))
                .with_fields(vec![FieldError::new("email", "wrong")]);
            assert_eq!(failure(error(before.clone())), before);
        }
    }

    #[test]
    fn endless_and_hostile_texts_are_cut_and_cleaned() {
        let field = WitFieldError { field: "f".repeat(9_999), message: "\x1b[2J".repeat(9_999) };
        let failure = failure(Error {
            class: ErrorClass::Internal,
            code: format!(" \x07{}", "c".repeat(9_999)),
            message: "m\n".repeat(99_999),
            retry_after_ms: None,
            fields: vec![field; 9_999],
        });
        assert!(failure.code.len() <= Failure::MAX_CODE && failure.code.starts_with('c'));
        assert!(failure.message.len() <= Failure::MAX_MESSAGE && !failure.message.contains('\n'));
        assert_eq!(failure.fields.len(), MAX_FIELDS);
        assert!(failure.fields.iter().all(|field| field.field.len() <= MAX_POINTER));
        assert!(failure.fields.iter().all(|field| !field.message.contains('\x1b')));
    }

    #[test]
    fn an_error_without_a_code_gets_one() {
        let nameless = Error {
            class: ErrorClass::Auth,
            code: "\x00".into(),
            message: String::new(),
            retry_after_ms: None,
            fields: Vec::new(),
        };
        assert_eq!(failure(nameless).code, "plugin.error");
    }

    #[test]
    fn codes_are_made_fit_to_be_counted_by() {
        let check = |text: &str, expected: &str| assert_eq!(code(text), expected, "{text:?}");
        check("zendesk.ticket-closed", "zendesk.ticket-closed");
        check(" Http.Status.422 ", "http.status.422");
        check("not found: 7", "not-found--7");
        check("grün.\u{202e}x", "gr-n.x");
        check("\0", "plugin.error");
        check("", "plugin.error");
        check("…", "plugin.error");
    }

    #[test]
    fn a_guest_cannot_speak_with_the_host_s_codes() {
        let check = |text: &str, expected: &str| assert_eq!(code(text), expected, "{text:?}");
        check("trap.unreachable", "guest.trap.unreachable");
        check(" TRAP.memory", "guest.trap.memory");
        check("plugin.quarantined", "guest.plugin.quarantined");
        check("plugin.missing", "guest.plugin.missing");
        check("plugin.crowded", "plugin.crowded");
        check("mousetrap.full", "mousetrap.full");
    }
}
