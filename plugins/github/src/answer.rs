//! What an unwelcome answer of GitHub's means, in its own words.
//!
//! Facts: docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api.

use serde::Deserialize;
use serde_json::Value;
use tidegate_sdk::{Class, Error, FieldError, Response};

/// GitHub asks for so long a pause where a secondary limit names none.
const PAUSE_MS: u64 = 60_000;

/// Words are kept up to so many characters.
const LONGEST: usize = 500;

/// `{"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title",
/// "code": "missing_field"}], "documentation_url": "…"}`; an error can be a text, too.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Value>,
}

/// The error of an unwelcome status, in GitHub's own words where it has any.
pub(crate) fn problem(response: &Response) -> Error {
    let mut error = response.error();
    let refusal = refusal(response);
    if !refusal.message.is_empty() {
        let words: String = words(&refusal).chars().take(LONGEST).collect();
        error.message = format!("{} answered {}: {words}", response.place, response.status);
    }
    let said = refusal.message.to_ascii_lowercase();
    match response.status {
        403 if said.contains("secondary rate limit") || said.contains("abuse detection") => {
            error.class = Class::RateLimited;
            error.retry_after_ms = Some(PAUSE_MS);
        }
        // Not about the token, but about the one record.
        403 if said.contains("is locked") => error.class = Class::InvalidData,
        403 => error.message.push_str(&missing_rights(response)),
        404 => error.message.push_str("; GitHub says so, too, of what the token may not see"),
        410 if said.contains("disabled") => error.class = Class::Config,
        451 => error.class = Class::Config,
        400 | 422 => error.fields = refusal.errors.iter().map(field).collect(),
        _ => {}
    }
    error
}

fn refusal(response: &Response) -> Refusal {
    serde_json::from_slice(&response.body).unwrap_or_default()
}

fn words(refusal: &Refusal) -> String {
    let message = refusal.message.split_whitespace().collect::<Vec<_>>().join(" ");
    let errors: Vec<_> = refusal.errors.iter().map(|error| one_line(&field(error))).collect();
    match errors.is_empty() {
        true => message,
        false => format!("{message}: {}", errors.join("; ")),
    }
}

/// Field and message; GitHub's own messages begin with the field often enough.
fn one_line(error: &FieldError) -> String {
    let name = error.field.trim_start_matches('/');
    let is_named = error.message.to_ascii_lowercase().starts_with(name);
    if is_named { error.message.clone() } else { format!("{name} {}", error.message) }
}

/// One of the errors: which field, and what is wrong with it.
fn field(error: &Value) -> FieldError {
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let name = text("field").unwrap_or_default();
    let value = error.get("value").filter(|value| !value.is_null());
    let said = match (text("message"), text("code")) {
        (Some(message), _) => message.to_owned(),
        (None, Some("missing")) => "does not exist".to_owned(),
        (None, Some("missing_field")) => "is missing".to_owned(),
        (None, Some("invalid")) => "is not valid".to_owned(),
        (None, Some("already_exists")) => "is there already".to_owned(),
        (None, Some(code)) => code.to_owned(),
        (None, None) => error.as_str().map_or_else(|| error.to_string(), str::to_owned),
    };
    let message = match value {
        Some(value) => format!("{said} ({value})"),
        None => said,
    };
    FieldError::new(name, message)
}

/// What the token would have to have.
fn missing_rights(response: &Response) -> String {
    let wanted = response.header("x-accepted-github-permissions").filter(|wanted| !wanted.is_empty());
    match wanted {
        Some(wanted) => format!("; give the token the rights {wanted}"),
        None => "; check the rights of the token and of its owner in this repository".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Error {
        problem(&Response::new("GET /x", status, body))
    }

    #[test]
    fn statuses_have_their_class_and_words() {
        let check = |status: u16, body: &str, class: Class, words: &str| {
            let error = of(status, body);
            assert_eq!((error.class, error.code), (class, format!("http.status.{status}")), "{body}");
            assert!(error.message.contains(words), "'{words}' is missing in: {}", error.message);
        };
        let said = |message: &str| format!(r#"{{"message": "{message}", "documentation_url": "x"}}"#);
        check(
            403,
            &said("Resource not accessible by personal access token"),
            Class::Auth,
            "personal access token; check the rights",
        );
        check(403, &said("Unable to create comment because issue is locked."), Class::InvalidData, "locked");
        check(
            403,
            &said("You have exceeded a secondary rate limit. Please wait"),
            Class::RateLimited,
            "secondary",
        );
        check(404, &said("Not Found"), Class::NotFound, "may not see");
        check(410, &said("This issue was deleted"), Class::NotFound, "was deleted");
        check(410, &said("Issues are disabled for this repo"), Class::Config, "disabled");
        check(451, &said("Repository access blocked"), Class::Config, "access blocked");
        check(400, &said("Problems parsing JSON"), Class::InvalidData, "parsing");
        check(403, "<html>", Class::Auth, "GET /x answered 403");
        check(422, "", Class::InvalidData, "GET /x answered 422");
        assert_eq!(of(403, &said("secondary rate limit")).retry_after_ms, Some(60_000));
    }

    #[test]
    fn missing_rights_are_named_where_github_names_them() {
        let response = Response::new("POST /x", 403, r#"{"message": "Resource not accessible"}"#)
            .with_header("X-Accepted-GitHub-Permissions", "issues=write");
        assert!(problem(&response).message.ends_with("; give the token the rights issues=write"));
    }

    #[test]
    fn validation_errors_become_errors_of_fields() {
        let check = |errors: &str, message: &str, fields: &[(&str, &str)]| {
            let error = of(422, &format!(r#"{{"message": "Validation Failed", "errors": [{errors}]}}"#));
            assert_eq!(error.message, format!("GET /x answered 422: Validation Failed{message}"));
            let found: Vec<_> =
                error.fields.iter().map(|field| (field.field.as_str(), field.message.as_str())).collect();
            assert_eq!(found, fields, "{errors}");
        };
        check("", "", &[]);
        check(
            r#"{"resource": "Issue", "field": "title", "code": "missing_field"}"#,
            ": title is missing",
            &[("/title", "is missing")],
        );
        check(
            r#"{"value": "nobody", "resource": "Issue", "field": "assignees", "code": "invalid"}, {"resource": "Issue", "code": "custom", "field": "body", "message": "body is too long (maximum is 65536 characters)"}"#,
            ": assignees is not valid (\"nobody\"); body is too long (maximum is 65536 characters)",
            &[
                ("/assignees", "is not valid (\"nobody\")"),
                ("/body", "body is too long (maximum is 65536 characters)"),
            ],
        );
        check(r#""Only so many""#, ": Only so many", &[("", "Only so many")]);
        check(
            r#"{"resource": "Label", "code": "unprocessable"}"#,
            ": unprocessable",
            &[("", "unprocessable")],
        );
        check("7", ": 7", &[("", "7")]);
    }
}
