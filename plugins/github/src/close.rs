//! The call `close-issue`.
//!
//! It can be sent again at any time: an issue that is closed for that reason stays so.

use crate::{answer::problem, issue::Issue, request, settings::Form};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidegate_sdk::{Error, Json, Method, Transport, operations::Invocation};

pub(crate) const OPERATION: &str = "close-issue";

#[derive(Deserialize)]
struct Input {
    number: u64,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Output {
    number: u64,
    state: String,
    reason: Option<String>,
    #[serde(rename = "updated-at")]
    updated_at: String,
    url: Option<String>,
}

/// Closes an issue.
pub(crate) fn close(transport: &dyn Transport, invocation: &Invocation) -> Result<Json, Error> {
    let form: Form = invocation.settings.read()?;
    let Input { number, reason } = invocation.input.read()?;
    let reason = reason.unwrap_or_else(|| "completed".to_owned()).replace('-', "_");
    let body = json!({ "state": "closed", "state_reason": reason });
    let request = request::within(&form, Method::Patch, &format!("/issues/{number}")).json(&body)?;
    let response = transport.send(request)?;
    if !response.is_success() {
        return Err(problem(&response));
    }
    let issue: Issue = response.json()?;
    if issue.number != number {
        return Err(Error::not_found(
            "github.issue-moved",
            format!("issue {number} was moved to another repository"),
        ));
    }
    Json::of(&Output {
        number,
        state: issue.state.unwrap_or_default(),
        reason: issue.state_reason.map(|reason| reason.replace('_', "-")),
        updated_at: issue.updated_at,
        url: issue.html_url,
    })
}

#[cfg(test)]
mod tests {
    use crate::GitHub;
    use serde_json::{Value, json};
    use tidegate_sdk::{Class, Error, Json, Operations, Settings, operations::Invocation, testing::Script};

    const LINE: &str = "PATCH /repos/acme/widgets/issues/7";

    fn call(script: &Script, input: &Value) -> Result<Value, Error> {
        let settings = br#"{"owner": "acme", "repository": "widgets"}"#;
        let invocation = Invocation {
            operation: "close-issue".into(),
            settings: Settings::from_bytes(settings.to_vec()),
            input: Json::of(input)?,
            idempotency_key: "k".into(),
        };
        GitHub::invoke(script, invocation)?.read()
    }

    #[test]
    fn issue_is_closed_for_its_reason() {
        let check = |input: Value, reason: &str| {
            let body = format!(
                r#"{{"number": 7, "state": "closed", "state_reason": "{reason}", "updated_at": "2023-11-14T22:13:20Z", "html_url": "u"}}"#
            );
            let script = Script::new().on(LINE, 200, body);
            let output = call(&script, &input).unwrap();
            let expected = json!({
                "number": 7, "state": "closed", "reason": reason.replace('_', "-"),
                "updated-at": "2023-11-14T22:13:20Z", "url": "u",
            });
            assert_eq!(output, expected);
            let sent: Value = serde_json::from_slice(script.requests()[0].body.as_ref().unwrap()).unwrap();
            assert_eq!(sent, json!({"state": "closed", "state_reason": reason}));
        };
        check(json!({"number": 7}), "completed");
        check(json!({"number": 7, "reason": "not-planned"}), "not_planned");
        check(json!({"number": 7, "reason": "duplicate"}), "duplicate");
    }

    #[test]
    fn refusals_are_told_in_github_s_words() {
        let check = |status: u16, body: &str, class: Class, words: &str| {
            let error = call(&Script::new().on(LINE, status, body), &json!({"number": 7})).unwrap_err();
            assert_eq!(error.class, class);
            assert!(error.message.contains(words), "{error}");
        };
        check(404, r#"{"message": "Not Found"}"#, Class::NotFound, "Not Found");
        check(410, r#"{"message": "This issue was deleted"}"#, Class::NotFound, "was deleted");
        check(422, r#"{"message": "Validation Failed"}"#, Class::InvalidData, "Validation Failed");
        check(200, r#"{"number": 8, "updated_at": "x"}"#, Class::NotFound, "moved to another repository");
    }
}
