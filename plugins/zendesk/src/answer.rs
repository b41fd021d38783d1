//! What an unwelcome answer of Zendesk's means, in its own words.

use serde_json::Value;
use tidegate_sdk::{Error, FieldError, Response};

/// Properties that Zendesk's problems name without the ending `_id` that they have in a record.
const REFERENCES: [&str; 9] = [
    "assignee",
    "author",
    "brand",
    "group",
    "organization",
    "problem",
    "requester",
    "submitter",
    "ticket_form",
];

/// The error of an unwelcome status, in Zendesk's own words where it has any, and with what it
/// says of single properties.
pub(crate) fn problem(response: &Response) -> Error {
    let mut error = response.error();
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    error.fields = details(&body);
    if let Some(words) = words(&body, &error.fields) {
        error.message = format!("{} answered {}: {words}", response.place, response.status);
    }
    if error.fields.iter().any(is_closed) {
        error.code = "ticket.closed".to_owned();
    }
    error
}

/// Zendesk's name of a problem, such as `RecordInvalid`.
pub(crate) fn name(response: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    text(&body, "error").map(str::to_owned)
}

/// Whether Zendesk says that another record has the value of that property already.
pub(crate) fn is_taken(response: &Response, property: &str) -> bool {
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let problems = body.get("details").and_then(|details| details.get(property)?.as_array());
    problems.is_some_and(|problems| problems.iter().any(|one| text(one, "error") == Some("DuplicateValue")))
}

/// `Status: closed prevents ticket update`: the one problem of a ticket that no other value mends.
fn is_closed(problem: &FieldError) -> bool {
    problem.field == "/status" && problem.message.contains("closed prevents")
}

/// The words of an error body. Zendesk has several forms:
/// `{"error": "RecordNotFound", "description": "Not found"}`,
/// `{"error": {"title": "Forbidden", "message": "…"}}` and
/// `{"errors": [{"code": "…", "title": "…", "detail": "…"}]}`.
fn words(body: &Value, fields: &[FieldError]) -> Option<String> {
    let error = body.get("error").or_else(|| body.get("errors")?.get(0)).unwrap_or(body);
    let texts = [
        error.as_str(),
        text(error, "title"),
        text(error, "message"),
        text(error, "detail"),
        text(body, "description"),
    ];
    let texts = texts.into_iter().flatten();
    let texts = texts.chain(fields.iter().map(|field| field.message.as_str()));
    let words: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    if words.is_empty() { None } else { Some(words.join(": ").chars().take(500).collect()) }
}

/// What is wrong with which property: `{"details": {"status": [{"description": "…"}]}}`.
fn details(body: &Value) -> Vec<FieldError> {
    let Some(details) = body.get("details").and_then(Value::as_object) else {
        return Vec::new();
    };
    let of_property = |(name, problems): (&String, &Value)| {
        let reasons = problems.as_array().map_or(std::slice::from_ref(problems), Vec::as_slice);
        let reasons = reasons.iter().filter_map(|one| one.as_str().or_else(|| text(one, "description")));
        let name = property(name);
        reasons.map(|reason| FieldError::new(&name, reason)).collect::<Vec<_>>()
    };
    details.iter().flat_map(of_property).collect()
}

/// What a record calls the property; `base` stands for the record as a whole.
fn property(name: &str) -> String {
    match name {
        "base" => String::new(),
        name if REFERENCES.contains(&name) => format!("{name}_id"),
        name => name.to_owned(),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_sdk::Class;

    #[test]
    fn error_bodies_are_read_in_all_their_forms() {
        let check = |body: &str, message: &str| {
            let error = problem(&Response::new("GET /x", 403, body));
            assert_eq!(error.message, message);
            assert_eq!((error.class, error.code.as_str()), (Class::Auth, "http.status.403"));
        };
        check(r#"{"error": "Forbidden"}"#, "GET /x answered 403: Forbidden");
        check(r#"{"error": "A", "description": "b"}"#, "GET /x answered 403: A: b");
        check(r#"{"error": {"title": "A", "message": "b"}}"#, "GET /x answered 403: A: b");
        check(r#"{"errors": [{"code": "A", "title": "b", "detail": "c"}]}"#, "GET /x answered 403: b: c");
        check(r#"{"errors": []}"#, "GET /x answered 403");
        check("<html>", "GET /x answered 403");
        check("", "GET /x answered 403");
    }

    #[test]
    fn details_blame_the_properties_that_they_name() {
        let check = |details: &str, code: &str, fields: &[(&str, &str)]| {
            let body = format!(r#"{{"error": "RecordInvalid", "description": "No", "details": {details}}}"#);
            let error = problem(&Response::new("PUT /x", 422, body));
            let found: Vec<_> =
                error.fields.iter().map(|one| (one.field.as_str(), one.message.as_str())).collect();
            assert_eq!((error.class, error.code.as_str()), (Class::InvalidData, code), "{details}");
            assert_eq!(found, fields, "{details}");
            let all_said = fields.iter().all(|(_, words)| error.message.contains(words));
            assert!(all_said, "{error}");
        };
        check(
            r#"{"status": [{"description": "Status: closed prevents ticket update"}]}"#,
            "ticket.closed",
            &[("/status", "Status: closed prevents ticket update")],
        );
        check(
            r#"{"requester": [{"description": "Requester: is suspended"}], "base": [{"description": "a"}, {"description": "b"}]}"#,
            "http.status.422",
            &[("/requester_id", "Requester: is suspended"), ("", "a"), ("", "b")],
        );
        check(
            r#"{"status": [{"description": "Status: is invalid"}]}"#,
            "http.status.422",
            &[("/status", "Status: is invalid")],
        );
        check(r#"{"value": "plain text"}"#, "http.status.422", &[("/value", "plain text")]);
        check("[]", "http.status.422", &[]);
    }

    #[test]
    fn taken_values_are_told_apart() {
        let body = r#"{"error": "RecordInvalid", "details": {"email": [{"description": "x", "error": "DuplicateValue"}]}}"#;
        let response = Response::new("POST /x", 422, body);
        assert!(is_taken(&response, "email") && !is_taken(&response, "external_id"));
        assert_eq!(name(&response).as_deref(), Some("RecordInvalid"));
    }
}
