//! What an unwelcome answer of a homeserver's means, in its own words.

use serde::Deserialize;
use tidegate_sdk::{Class, Error, Response};

/// A standard error response: `{"errcode": "M_FORBIDDEN", "error": "…"}`.
#[derive(Deserialize)]
struct Problem {
    errcode: String,
    #[serde(default)]
    error: String,
}

/// The error of an unwelcome status. What it says of the room or the message is no fault of the
/// account's.
pub(crate) fn problem(response: &Response) -> Error {
    let mut error = response.error();
    let Ok(problem) = response.json::<Problem>() else {
        return error;
    };
    error.message =
        format!("{} answered {}: {}: {}", response.place, response.status, problem.errcode, problem.error);
    let (class, field, words) = match problem.errcode.as_str() {
        "M_FORBIDDEN" | "M_GUEST_ACCESS_FORBIDDEN" => (
            Class::InvalidData,
            "room",
            "the channel's account is not in this room, or may not do this there: invite it, and have it join",
        ),
        "M_TOO_LARGE" => (Class::InvalidData, "text", "the message is too large: send a shorter one"),
        "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_USER_DEACTIVATED" => {
            error.class = Class::Auth;
            return error;
        }
        _ => return error,
    };
    error.class = class;
    error.code = code(&problem.errcode);
    error.field(field, words)
}

/// `M_TOO_LARGE` as `matrix.too-large`.
fn code(errcode: &str) -> String {
    let name = errcode.strip_prefix("M_").unwrap_or(errcode);
    format!("matrix.{}", name.to_ascii_lowercase().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_decide_whose_fault_it_is() {
        let check = |status: u16, errcode: &str, class: Class, code: &str| {
            let body = format!(r#"{{"errcode": "{errcode}", "error": "words"}}"#);
            let error = problem(&Response::new("PUT /x", status, body));
            assert_eq!((error.class, error.code.as_str()), (class, code), "{errcode}");
            assert_eq!(error.message, format!("PUT /x answered {status}: {errcode}: words"));
        };
        check(403, "M_FORBIDDEN", Class::InvalidData, "matrix.forbidden");
        check(413, "M_TOO_LARGE", Class::InvalidData, "matrix.too-large");
        check(404, "M_NOT_FOUND", Class::NotFound, "http.status.404");
        check(403, "M_USER_DEACTIVATED", Class::Auth, "http.status.403");
        check(400, "M_BAD_JSON", Class::InvalidData, "http.status.400");
        assert_eq!(problem(&Response::new("GET /x", 404, "<html>")).message, "GET /x answered 404");
    }
}
