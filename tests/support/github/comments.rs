//! Comments of issues and of pull requests.
//!
//! Facts: `/issues/comments`. Comments of one issue come by id, those of the repository by
//! id too unless they are sorted. A comment that comes, changes or goes is a change of its
//! issue where it comes or goes.

use super::{
    LOGIN,
    account::{Account, Comment, State},
    errors::{self, Problems},
    input, issues, paging,
    query::Query,
    seed,
};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use serde_json::{Map, Value};

/// `GET /repos/{owner}/{repo}/issues/comments`.
pub(super) fn list(account: &Account, query: &Query<'_>) -> Result<Answer, Answer> {
    let sort = query.choice("sort", &["created", "updated"])?;
    let direction = query.choice("direction", &["asc", "desc"])?;
    let since = query.time("since")?;
    let state = account.state();
    let mut comments: Vec<_> =
        state.comments.values().filter(|comment| since.is_none_or(|since| comment.at >= since)).collect();
    if query.get("sort").is_some() {
        comments.sort_by_key(|comment| if sort == "updated" { comment.at } else { 0 });
        if direction == "desc" {
            comments.reverse();
        }
    }
    let values: Vec<_> = comments.into_iter().map(|comment| &comment.value).collect();
    Ok(paging::page(account, "/issues/comments", query, &values))
}

/// `GET /repos/{owner}/{repo}/issues/{number}/comments`.
pub(super) fn list_of(account: &Account, number: u64, query: &Query<'_>) -> Result<Answer, Answer> {
    let since = query.time("since")?;
    let state = account.state();
    issues::find(&state, number)?;
    let of_it = state.comments.values().filter(|comment| comment.issue == number);
    let values: Vec<_> = of_it
        .filter(|comment| since.is_none_or(|since| comment.at >= since))
        .map(|comment| &comment.value)
        .collect();
    Ok(paging::page(account, &format!("/issues/{number}/comments"), query, &values))
}

/// `GET /repos/{owner}/{repo}/issues/comments/{id}`.
pub(super) fn show(account: &Account, id: u64) -> Result<Answer, Answer> {
    let state = account.state();
    find(&state, id).map(|comment| Answer::json(StatusCode::OK, &comment.value))
}

/// `POST /repos/{owner}/{repo}/issues/{number}/comments`.
pub(super) fn create(account: &Account, number: u64, request: &Request) -> Result<Answer, Answer> {
    let body = body_of(&input::object(request)?)?;
    let mut state = account.state();
    let issue = &issues::find(&state, number)?.value;
    if issue["locked"] == true {
        return Err(errors::locked());
    }
    state.limits.create(account.clock.now()).map_err(errors::secondary_rate_limit)?;
    let value = add(account, &mut state, number, LOGIN, &body);
    let url = value["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(StatusCode::CREATED, &value).with("location", &url))
}

/// Adds a comment of that person, unchecked.
pub(super) fn add(account: &Account, state: &mut State, number: u64, login: &str, body: &str) -> Value {
    let is_pull = state.issues.get(&number).is_some_and(|item| item.value.get("pull_request").is_some());
    let id = state.take_comment_id();
    let at = state.stamp(&account.clock, None);
    let new = seed::New {
        id,
        issue: number,
        kind: if is_pull { "pull" } else { "issues" },
        body,
        user: seed::person(&account.plan.url, login).unwrap_or_default(),
        at,
    };
    let value = new.into_json(&account.repository());
    state.comments.insert(id, Comment { issue: number, value: value.clone(), at });
    state.recount(&account.clock, number);
    value
}

/// `PATCH /repos/{owner}/{repo}/issues/comments/{id}`.
pub(super) fn update(account: &Account, id: u64, request: &Request) -> Result<Answer, Answer> {
    let body = body_of(&input::object(request)?)?;
    let mut state = account.state();
    find(&state, id)?;
    let value = change(account, &mut state, id, &body).ok_or_else(errors::not_found)?;
    Ok(Answer::json(StatusCode::OK, &value))
}

/// Sets the text of a comment; none where there is no such comment.
pub(super) fn change(account: &Account, state: &mut State, id: u64, body: &str) -> Option<Value> {
    let before = state.comments.get(&id)?.at;
    let at = state.stamp(&account.clock, Some(before));
    let comment = state.comments.get_mut(&id)?;
    comment.value["body"] = body.into();
    comment.value["updated_at"] = super::time::text(at).into();
    comment.at = at;
    Some(comment.value.clone())
}

/// `DELETE /repos/{owner}/{repo}/issues/comments/{id}`.
pub(super) fn delete(account: &Account, id: u64) -> Result<Answer, Answer> {
    let mut state = account.state();
    remove(account, &mut state, id).ok_or_else(errors::not_found)?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Takes a comment away; none where there is none.
pub(super) fn remove(account: &Account, state: &mut State, id: u64) -> Option<()> {
    let comment = state.comments.remove(&id)?;
    state.recount(&account.clock, comment.issue);
    Some(())
}

fn find(state: &State, id: u64) -> Result<&Comment, Answer> {
    state.comments.get(&id).ok_or_else(errors::not_found)
}

fn body_of(wanted: &Map<String, Value>) -> Result<String, Answer> {
    input::types(wanted)?;
    let Some(body) = wanted.get("body") else {
        return Err(errors::invalid_request("\"body\" wasn't supplied."));
    };
    let mut problems = Problems::of("IssueComment");
    input::lengths(wanted, &mut problems);
    let body = body.as_str().unwrap_or_default();
    if body.trim().is_empty() {
        problems.custom("body", "Body cannot be blank");
    }
    problems.into_result()?;
    Ok(body.to_owned())
}
