//! How the vendor says no. It has four forms of error bodies, and a client that reads
//! only one of them is wrong.
//!
//! Forms: `/api-reference/introduction/requests/#400-range`. The texts are those that
//! people have met with the vendor.

use crate::vendor::Answer;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// 401, for a token that is wrong or missing.
pub(super) fn unauthenticated() -> Answer {
    Answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "Couldn't authenticate you" }))
        .with("www-authenticate", "Basic realm=\"Web Password\"")
}

/// 404, for a record that is not there.
pub(super) fn not_found() -> Answer {
    Answer::json(StatusCode::NOT_FOUND, &json!({ "error": "RecordNotFound", "description": "Not found" }))
}

/// 404, for an address that means nothing.
pub(super) fn invalid_endpoint() -> Answer {
    Answer::json(StatusCode::NOT_FOUND, &json!({ "error": "InvalidEndpoint", "description": "Not found" }))
}

/// 400, for a parameter of the wrong type. `must` is such as `must be an integer`,
/// `action` such as `tickets/show`.
pub(super) fn invalid_attribute(name: &str, must: &str, action: &str) -> Answer {
    let message = format!(
        "You passed an invalid value for the {name} attribute. Invalid parameter: {name} {must} from api/v2/{action}"
    );
    Answer::json(
        StatusCode::BAD_REQUEST,
        &json!({ "error": { "title": "Invalid attribute", "message": message } }),
    )
}

/// 400, for a way to page that the vendor does not go.
pub(super) fn pagination(code: &str, title: &str) -> Answer {
    Answer::json(
        StatusCode::BAD_REQUEST,
        &json!({ "errors": [{ "code": code, "title": title, "detail": title }] }),
    )
}

/// 422, for a value that cannot be used.
pub(super) fn invalid_value(description: &str) -> Answer {
    Answer::json(
        StatusCode::UNPROCESSABLE_ENTITY,
        &json!({ "error": "InvalidValue", "description": description }),
    )
}

/// 422, for a body that is no JSON.
pub(super) fn unreadable() -> Answer {
    let body = json!({ "error": "Unprocessable Entity", "message": "Server could not parse JSON" });
    Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &body)
}

/// 415, for a body that does not say that it is JSON. That the header is required is
/// documented; what comes without it is not.
pub(super) fn unsupported_type() -> Answer {
    let body =
        json!({ "error": "UnsupportedMediaType", "description": "Content-Type must be application/json" });
    Answer::json(StatusCode::UNSUPPORTED_MEDIA_TYPE, &body)
}

/// 409, for a safe update that comes too late:
/// `/api-reference/ticketing/tickets/tickets/#protecting-against-ticket-update-collisions`.
pub(super) fn update_conflict() -> Answer {
    let description = "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data and try again.";
    Answer::json(StatusCode::CONFLICT, &json!({ "error": "UpdateConflict", "description": description }))
}

/// 400, for an idempotency key that stands for something else:
/// `/api-reference/ticketing/introduction/#idempotency`.
pub(super) fn idempotency_mismatch() -> Answer {
    let description = "Request parameters don't match the given idempotency key";
    Answer::json(
        StatusCode::BAD_REQUEST,
        &json!({ "error": "IdempotentRequestError", "description": description }),
    )
}

/// 429, for a job too many: `/api-reference/introduction/rate-limits/#job-limit`.
pub(super) fn too_many_jobs() -> Answer {
    let description = "Too many jobs are currently queued or running. Try again later.";
    Answer::json(
        StatusCode::TOO_MANY_REQUESTS,
        &json!({ "error": "TooManyJobs", "description": description }),
    )
}

/// The reasons of a refusal in one line, as the results of a job tell them.
pub(super) fn reasons(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.whole()).unwrap_or_default();
    let details = body.get("details").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let problems = details.filter_map(Value::as_array).flatten();
    let reasons: Vec<_> = problems.filter_map(|problem| problem.get("description")?.as_str()).collect();
    match reasons.as_slice() {
        [] => body.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        reasons => reasons.join(" "),
    }
}

/// What is wrong with which property of a record.
#[derive(Debug, Default)]
pub(super) struct Problems(Map<String, Value>);

impl Problems {
    /// Notes a problem. `base` stands for the record as a whole.
    pub(super) fn add(&mut self, property: &str, description: impl Into<String>, code: Option<&str>) {
        let mut problem = json!({ "description": description.into() });
        if let Some(code) = code {
            problem["error"] = code.into();
        }
        match self.0.entry(property).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(list) => list.push(problem),
            _ => unreachable!("only lists are put in"),
        }
    }

    /// 422 where there is a problem.
    pub(super) fn into_result(self) -> Result<(), Answer> {
        if self.0.is_empty() {
            return Ok(());
        }
        let body =
            json!({ "error": "RecordInvalid", "description": "Record validation errors", "details": self.0 });
        Err(Answer::json(StatusCode::UNPROCESSABLE_ENTITY, &body))
    }
}

/// What the vendor says with a status where a fault script does not say it.
pub(super) fn words_for(status: StatusCode) -> Answer {
    match status.as_u16() {
        401 => unauthenticated(),
        403 => Answer::json(
            status,
            &json!({ "error": { "title": "Forbidden", "message": "You do not have access to this page. Please contact the account owner of this help desk for further help." } }),
        ),
        404 => not_found(),
        409 => update_conflict(),
        429 => Answer::json(
            status,
            &json!({ "error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded" }),
        ),
        500.. => Answer::text(status, format!("{}\n", status.canonical_reason().unwrap_or("Error")))
            .typed("text/html; charset=utf-8"),
        _ => Answer::json(status, &json!({ "error": status.canonical_reason().unwrap_or("Error") })),
    }
}
