//! How a homeserver says no: an `errcode` for programs and an `error` for people.

use crate::vendor::Answer;
use hyper::StatusCode;
use serde_json::json;

/// A standard error response.
pub(super) fn error(status: StatusCode, errcode: &str, words: &str) -> Answer {
    Answer::json(status, &json!({ "errcode": errcode, "error": words }))
}

/// 401, for a request without a token.
pub(super) fn missing_token() -> Answer {
    error(StatusCode::UNAUTHORIZED, "M_MISSING_TOKEN", "Missing access token")
}

/// 401, for a token that nobody has.
pub(super) fn unknown_token() -> Answer {
    Answer::json(
        StatusCode::UNAUTHORIZED,
        &json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Unrecognised access token.", "soft_logout": false }),
    )
}

/// 404, for an address that means nothing.
pub(super) fn unrecognized() -> Answer {
    error(StatusCode::NOT_FOUND, "M_UNRECOGNIZED", "Unrecognized request")
}

/// 405, for a method that the address does not know.
pub(super) fn wrong_method() -> Answer {
    error(StatusCode::METHOD_NOT_ALLOWED, "M_UNRECOGNIZED", "Unrecognized request")
}

/// 403, for a room that the account is not in, or does not exist: who is not in it is not told.
pub(super) fn not_in_room(room: &str) -> Answer {
    let words = format!("User {} not in room {room}", super::USER);
    error(StatusCode::FORBIDDEN, "M_FORBIDDEN", &words)
}

/// 404, for an event that the account cannot see.
pub(super) fn no_event() -> Answer {
    error(StatusCode::NOT_FOUND, "M_NOT_FOUND", "Event not found.")
}

/// What a homeserver says with a status where a fault script does not say it.
pub(super) fn words_for(status: StatusCode) -> Answer {
    match status.as_u16() {
        401 => unknown_token(),
        404 => unrecognized(),
        405 => wrong_method(),
        429 => Answer::json(
            status,
            &json!({ "errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests", "retry_after_ms": 1_000 }),
        ),
        500.. => Answer::text(status, status.canonical_reason().unwrap_or("Error"))
            .typed("text/html; charset=utf-8"),
        _ => error(status, "M_UNKNOWN", status.canonical_reason().unwrap_or("Error")),
    }
}
