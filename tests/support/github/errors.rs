//! How the vendor says no.
//!
//! Facts: `/using-the-rest-api/troubleshooting-the-rest-api` and
//! `/using-the-rest-api/rate-limits-for-the-rest-api`. The texts are those that people
//! have met with the vendor.

use crate::vendor::Answer;
use hyper::StatusCode;
use serde_json::{Value, json};

/// Where every error points.
const HELP: &str = "https://docs.github.com/rest";

/// A status with a message.
pub(super) fn said(status: StatusCode, message: &str) -> Answer {
    let body =
        json!({ "message": message, "documentation_url": HELP, "status": status.as_u16().to_string() });
    Answer::json(status, &body)
}

/// 401, for a token that is wrong.
pub(super) fn bad_credentials() -> Answer {
    said(StatusCode::UNAUTHORIZED, "Bad credentials")
}

/// 401, where somebody has to be somebody.
pub(super) fn requires_authentication() -> Answer {
    said(StatusCode::UNAUTHORIZED, "Requires authentication")
}

/// 404, for what is not there and for what one may not see.
pub(super) fn not_found() -> Answer {
    said(StatusCode::NOT_FOUND, "Not Found")
}

/// 410, for an issue that was deleted.
pub(super) fn deleted() -> Answer {
    said(StatusCode::GONE, "This issue was deleted")
}

/// 403, for a client that does not say who it is; as text, and from another server.
pub(super) fn no_user_agent() -> Answer {
    let words = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header \
                 (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check \
                 https://developer.github.com for other possible causes.\n";
    Answer::text(StatusCode::FORBIDDEN, words)
}

/// 415, for a client that wants something else than JSON.
pub(super) fn not_acceptable(accept: &str) -> Answer {
    let message = format!("Unsupported 'Accept' header: '{accept}'. Must accept 'application/json'.");
    said(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message)
}

/// 400, for a version of the API that there is not.
pub(super) fn unknown_version(version: &str) -> Answer {
    let message =
        format!("API version {version} is not supported. Supported versions: 2022-11-28, 2026-03-10");
    said(StatusCode::BAD_REQUEST, &message)
}

/// 422, for a body that is not as the endpoint is described.
pub(super) fn invalid_request(what: &str) -> Answer {
    said(StatusCode::UNPROCESSABLE_ENTITY, &format!("Invalid request.\n\n{what}"))
}

/// 422, for a value that is not valid.
pub(super) fn invalid(resource: &str, field: &str, value: impl Into<Value>) -> Answer {
    let mut problems = Problems::of(resource);
    problems.invalid(field, value);
    problems.into_answer()
}

/// 403, for the comment on an issue that is locked.
pub(super) fn locked() -> Answer {
    said(StatusCode::FORBIDDEN, "Unable to create comment because issue is locked.")
}

/// 403, for somebody who has no request left.
pub(super) fn rate_limit_exceeded() -> Answer {
    said(
        StatusCode::FORBIDDEN,
        "API rate limit exceeded for user ID 1000. If you reach out to GitHub Support for help, please include the request ID.",
    )
}

/// 403, for somebody who writes too much at once.
pub(super) fn secondary_rate_limit(seconds: i64) -> Answer {
    let message = "You have exceeded a secondary rate limit and have been temporarily blocked from content creation. \
                   Please retry your request again later.";
    said(StatusCode::FORBIDDEN, message).with("retry-after", &seconds.to_string())
}

/// What is wrong with which field of a record.
#[derive(Debug)]
pub(super) struct Problems {
    resource: String,
    errors: Vec<Value>,
}

impl Problems {
    pub(super) fn of(resource: &str) -> Self {
        Self { resource: resource.to_owned(), errors: Vec::new() }
    }

    /// Notes a field that has to be there.
    pub(super) fn missing(&mut self, field: &str) {
        self.errors.push(json!({ "resource": self.resource, "code": "missing_field", "field": field }));
    }

    /// Notes a value that is not valid.
    pub(super) fn invalid(&mut self, field: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        self.errors
            .push(json!({ "value": value, "resource": self.resource, "field": field, "code": "invalid" }));
    }

    /// Notes a problem in words.
    pub(super) fn custom(&mut self, field: &str, message: &str) {
        self.errors
            .push(json!({ "resource": self.resource, "code": "custom", "field": field, "message": message }));
    }

    /// 422 where there is a problem.
    pub(super) fn into_result(self) -> Result<(), Answer> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.into_answer()) }
    }

    fn into_answer(self) -> Answer {
        let body = json!({
            "message": "Validation Failed", "errors": self.errors, "documentation_url": HELP, "status": "422",
        });
        Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
    }
}

/// What the vendor says with a status where a fault script does not say it.
pub(super) fn words_for(status: StatusCode) -> Answer {
    match status.as_u16() {
        401 => bad_credentials(),
        403 => said(status, "Resource not accessible by personal access token")
            .with("x-accepted-github-permissions", "issues=write"),
        404 => not_found(),
        410 => said(status, "Issues are disabled for this repo"),
        429 => said(
            status,
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        ),
        451 => said(status, "Repository access blocked"),
        502..=504 => {
            Answer::text(status, format!("<html>{}</html>\n", status.canonical_reason().unwrap_or("Error")))
                .typed("text/html; charset=utf-8")
        }
        500.. => said(status, "Server Error"),
        _ => said(status, status.canonical_reason().unwrap_or("Error")),
    }
}
