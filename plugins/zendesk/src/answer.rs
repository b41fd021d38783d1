//! What an unwelcome answer of Zendesk's means, in its own words.

use serde_json::Value;
use tidegate_sdk::{Error, Response};

/// The error of an unwelcome status, in Zendesk's own words where it has any.
pub(crate) fn problem(response: &Response) -> Error {
    let mut error = response.error();
    if let Some(words) = words(&response.body) {
        error.message = format!("{} answered {}: {words}", response.place, response.status);
    }
    error
}

/// The words of an error body. Zendesk has several forms:
/// `{"error": "RecordNotFound", "description": "Not found"}`,
/// `{"error": {"title": "Forbidden", "message": "…"}}` and
/// `{"errors": [{"code": "…", "title": "…", "detail": "…"}]}`.
fn words(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error").or_else(|| body.get("errors")?.get(0)).unwrap_or(&body);
    let texts = [
        error.as_str(),
        text(error, "title"),
        text(error, "message"),
        text(error, "detail"),
        text(&body, "description"),
    ];
    let words: Vec<_> = texts.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    if words.is_empty() { None } else { Some(words.join(": ").chars().take(500).collect()) }
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
}
