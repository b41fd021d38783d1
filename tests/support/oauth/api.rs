//! What the tokens open: a to-do list that can be read.

use super::provider::{Provider, parameters};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use serde_json::{Value, json};

pub(super) fn answer(provider: &Provider, path: &str, request: &Request) -> Answer {
    let inner = provider.lock();
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if !token.is_some_and(|token| inner.given.is_valid(token)) {
        return Answer::json(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_token" }))
            .with("www-authenticate", "Bearer error=\"invalid_token\"");
    }
    let tasks = inner.rules.tasks;
    match path {
        "/me" => Answer::json(StatusCode::OK, &json!({ "name": "Tessa Test" })),
        "/tasks" => Answer::json(StatusCode::OK, &list(tasks, request.query.as_deref().unwrap_or_default())),
        _ => {
            let id = path.strip_prefix("/tasks/").and_then(|id| id.parse::<u64>().ok());
            match id.filter(|id| (1..=tasks).contains(id)) {
                Some(id) => Answer::json(StatusCode::OK, &task(id)),
                None => Answer::json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" })),
            }
        }
    }
}

fn list(tasks: u64, query: &str) -> Value {
    let asked = parameters(query).unwrap_or_default();
    let number =
        |name: &str, otherwise| asked.get(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (after, limit): (u64, u64) = (number("after", 0), number("limit", 10));
    let last = tasks.min(after.saturating_add(limit));
    let ids: Vec<_> = (after + 1..=last).collect();
    json!({ "ids": ids, "has_more": last < tasks })
}

fn task(id: u64) -> Value {
    json!({ "id": id, "title": format!("Task {id}"), "updated": 1_700_000_000_000_u64 + id })
}
