//! What a write does to an issue.
//!
//! Facts: `/issues/issues#create-an-issue` and `#update-an-issue`. Labels that there are
//! not yet are made; people who are nobody are refused; a reason is heeded only where
//! the state changes.

use super::{account::Account, errors::Problems, seed, time::text};
use serde_json::{Map, Value, json};

/// Puts what is wanted into an issue.
pub(super) fn apply(
    account: &Account,
    issue: &mut Value,
    wanted: &Map<String, Value>,
    problems: &mut Problems,
) {
    let title =
        wanted.get("title").map(|title| title.as_str().map_or_else(|| title.to_string(), str::to_owned));
    match title {
        Some(title) if title.trim().is_empty() => problems.missing("title"),
        Some(title) => issue["title"] = title.into(),
        None => {}
    }
    if let Some(body) = wanted.get("body") {
        issue["body"] = body.clone();
    }
    if let Some(labels) = wanted.get("labels").and_then(Value::as_array) {
        let repository = account.repository();
        let name = |label: &Value| label.as_str().or_else(|| label.get("name")?.as_str()).map(str::to_owned);
        issue["labels"] =
            labels.iter().filter_map(name).map(|name| seed::label(&repository, &name)).collect();
    }
    if let Some(assignees) = wanted.get("assignees").and_then(Value::as_array) {
        assign(account, issue, assignees, problems);
    }
    if let Some(milestone) = wanted.get("milestone") {
        match milestone {
            Value::Null => issue["milestone"] = Value::Null,
            // The repository has one milestone.
            number if number == &json!(1) => {
                issue["milestone"] = json!({ "number": 1, "title": "Next", "state": "open" })
            }
            other => problems.invalid("milestone", other.clone()),
        }
    }
    if let Some(kind) = wanted.get("type") {
        issue["type"] = kind.as_str().map_or(Value::Null, |name| json!({ "name": name }));
    }
}

/// Sets the state, as of now.
pub(super) fn set_state(
    account: &Account,
    issue: &mut Value,
    wanted: &Map<String, Value>,
    problems: &mut Problems,
) {
    let reason = wanted.get("state_reason").and_then(Value::as_str);
    let Some(state) = wanted.get("state").and_then(Value::as_str) else {
        return;
    };
    let reasons: &[&str] = match state {
        "open" => &["reopened"],
        "closed" => &["completed", "not_planned", "duplicate"],
        other => return problems.invalid("state", other),
    };
    if let Some(reason) = reason.filter(|reason| !reasons.contains(reason)) {
        return problems.invalid("state_reason", reason);
    }
    let (was, was_for) = (issue["state"].clone(), issue["state_reason"].clone());
    if was == state && (reason.is_none() || was_for == json!(reason)) {
        return;
    }
    issue["state"] = state.into();
    issue["state_reason"] = reason.or(reasons.first().copied()).into();
    let now = text(account.clock.now());
    issue["closed_at"] = if state == "closed" { now.into() } else { Value::Null };
}

fn assign(account: &Account, issue: &mut Value, logins: &[Value], problems: &mut Problems) {
    let mut people = Vec::new();
    for login in logins.iter().filter_map(Value::as_str) {
        match seed::person(&account.plan.url, login) {
            Some(person) => people.push(person),
            None => problems.invalid("assignees", login),
        }
    }
    issue["assignee"] = people.first().cloned().unwrap_or_default();
    issue["assignees"] = people.into();
}
