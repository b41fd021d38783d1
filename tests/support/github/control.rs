//! The control surface's part about the repository: changes as if somebody had made them
//! on the site.
//!
//! They are put in as they are, without the API's checks.

use super::{account::Account, comments, seed};
use crate::vendor::{Answer, Request};
use anyhow::{Context as _, Result, anyhow};
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What can be asked for.
pub(super) const HELP: &str = "POST   /_fake/issues                make an issue with these properties
PATCH  /_fake/issues/NUMBER         set properties of an issue; {\"locked\": true} locks it
DELETE /_fake/issues/NUMBER         delete an issue with its comments
POST   /_fake/issues/NUMBER/comments  add a comment: {\"body\": …, \"login\": …}
PATCH  /_fake/comments/ID           set the body of a comment
DELETE /_fake/comments/ID           delete a comment
POST   /_fake/limit                 leave so many requests of the hour: {\"remaining\": 0}
GET    /_fake/clock                 the vendor's time
POST   /_fake/clock                 set it forward: {\"advance-seconds\": 3600}
";

/// Answers a request below `/_fake` that the server does not know.
pub(super) fn answer(account: &Account, path: &str, request: &Request) -> Option<Answer> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let body = || {
        serde_json::from_slice::<Map<String, Value>>(&request.body).context("the body must be a JSON object")
    };
    let id = |text: &str| text.parse::<u64>().map_err(|_| anyhow!("'{text}' is not a number"));
    let result = match (&request.method, segments.as_slice()) {
        (&Method::POST, ["issues"]) => body().map(|body| create_issue(account, body)),
        (&Method::PATCH, ["issues", text]) => id(text).and_then(|id| change_issue(account, id, body()?)),
        (&Method::DELETE, ["issues", text]) => id(text).and_then(|id| delete_issue(account, id)),
        (&Method::POST, ["issues", text, "comments"]) => {
            id(text).and_then(|id| add_comment(account, id, &body()?))
        }
        (&Method::PATCH, ["comments", text]) => id(text).and_then(|id| change_comment(account, id, &body()?)),
        (&Method::DELETE, ["comments", text]) => id(text).and_then(|id| delete_comment(account, id)),
        (&Method::POST, ["limit"]) => body().and_then(|body| limit(account, &body)),
        (&Method::GET, ["clock"]) => Ok(json!({ "now": account.clock.now() })),
        (&Method::POST, ["clock"]) => body().and_then(|body| advance(account, &body)),
        _ => return None,
    };
    Some(match result {
        Ok(document) => Answer::json(StatusCode::OK, &document),
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({ "error": format!("{error:#}") })),
    })
}

/// Makes an issue with these properties; what is missing is filled in.
pub(super) fn create_issue(account: &Account, properties: Map<String, Value>) -> Value {
    let mut state = account.state();
    let number = state.take_number();
    let at = state.stamp(&account.clock, None);
    let mut value = seed::new_issue(&account.repository(), number, at);
    value["user"] = seed::person(&account.plan.url, "ann").unwrap_or_default();
    value["title"] = "Made by hand".into();
    set(&mut value, properties);
    state.save_issue(&account.clock, number, value)
}

/// Sets these properties of an issue.
pub(super) fn change_issue(account: &Account, number: u64, properties: Map<String, Value>) -> Result<Value> {
    let mut state = account.state();
    let item = state.issues.get(&number).with_context(|| format!("there is no issue {number}"))?;
    let mut value = item.value.clone();
    set(&mut value, properties);
    Ok(state.save_issue(&account.clock, number, value))
}

/// Deletes an issue and its comments; no list tells of it.
pub(super) fn delete_issue(account: &Account, number: u64) -> Result<Value> {
    let mut state = account.state();
    state.issues.remove(&number).with_context(|| format!("there is no issue {number}"))?;
    state.comments.retain(|_, comment| comment.issue != number);
    state.deleted.insert(number);
    Ok(json!({ "deleted": number }))
}

/// Adds a comment (`body`, and `login` where it matters).
pub(super) fn add_comment(account: &Account, number: u64, comment: &Map<String, Value>) -> Result<Value> {
    let mut state = account.state();
    state.issues.get(&number).with_context(|| format!("there is no issue {number}"))?;
    let text = |name: &str| comment.get(name).and_then(Value::as_str);
    let body = text("body").context("a comment needs a body")?;
    Ok(comments::add(account, &mut state, number, text("login").unwrap_or("ann"), body))
}

/// Sets the text of a comment.
pub(super) fn change_comment(account: &Account, id: u64, properties: &Map<String, Value>) -> Result<Value> {
    let body = properties.get("body").and_then(Value::as_str).context("say what: {\"body\": …}")?;
    let mut state = account.state();
    comments::change(account, &mut state, id, body).with_context(|| format!("there is no comment {id}"))
}

/// Deletes a comment.
pub(super) fn delete_comment(account: &Account, id: u64) -> Result<Value> {
    let mut state = account.state();
    comments::remove(account, &mut state, id).with_context(|| format!("there is no comment {id}"))?;
    Ok(json!({ "deleted": id }))
}

fn set(value: &mut Value, properties: Map<String, Value>) {
    for (name, property) in properties {
        value[name.as_str()] = property;
    }
}

fn limit(account: &Account, body: &Map<String, Value>) -> Result<Value> {
    let left = body.get("remaining").and_then(Value::as_u64).context("say how many: {\"remaining\": 0}")?;
    leave(account, left);
    Ok(json!({ "remaining": left }))
}

/// Leaves so many requests of the hour.
pub(super) fn leave(account: &Account, left: u64) {
    let now = account.clock.now();
    let limits = &mut account.state().limits;
    limits.turn(now);
    limits.leave(left);
}

fn advance(account: &Account, body: &Map<String, Value>) -> Result<Value> {
    let seconds = body
        .get("advance-seconds")
        .and_then(Value::as_u64)
        .context("say how far: {\"advance-seconds\": 3600}")?;
    account.clock.advance(Duration::from_secs(seconds));
    Ok(json!({ "now": account.clock.now() }))
}
