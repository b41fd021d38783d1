//! Issues: listing, showing, creating, updating.
//!
//! Facts: `/issues/issues`. `since` is inclusive, as people meet it. A list is made anew for
//! each page: what changes between two pages moves, and what stood behind it moves up.

use super::{
    LOGIN,
    account::{Account, Item, State},
    errors::{self, Problems},
    input, paging,
    query::Query,
    seed, write,
};
use crate::vendor::{Answer, Request};
use hyper::StatusCode;
use serde_json::Value;

/// `GET /repos/{owner}/{repo}/issues`.
pub(super) fn list(account: &Account, query: &Query<'_>) -> Result<Answer, Answer> {
    let wanted = query.choice("state", &["open", "closed", "all"])?;
    let sort = query.choice("sort", &["created", "updated", "comments"])?;
    let is_ascending = query.choice("direction", &["desc", "asc"])? == "asc";
    let since = query.time("since")?;
    let creator = query.get("creator");
    let labels: Vec<_> =
        query.get("labels").unwrap_or_default().split(',').filter(|name| !name.is_empty()).collect();
    let shown = |item: &&Item| {
        (wanted == "all" || item.value["state"] == wanted)
            && since.is_none_or(|since| item.at >= since)
            && creator.is_none_or(|login| item.value["user"]["login"] == login)
            && labels.iter().all(|name| has_label(&item.value, name))
    };
    let state = account.state();
    let mut items: Vec<_> = state.issues.values().filter(shown).collect();
    let rank = |item: &Item| match sort {
        "updated" => item.at,
        "comments" => item.value["comments"].as_i64().unwrap_or(0),
        _ => item.created,
    };
    // They come by number; of those that are alike, the newer ones come first, too.
    items.sort_by_key(|item| rank(item));
    if !is_ascending {
        items.reverse();
    }
    let values: Vec<_> = items.into_iter().map(|item| &item.value).collect();
    Ok(paging::page(account, "/issues", query, &values))
}

/// `GET /repos/{owner}/{repo}/issues/{number}`.
pub(super) fn show(account: &Account, number: u64) -> Result<Answer, Answer> {
    let state = account.state();
    find(&state, number).map(|item| Answer::json(StatusCode::OK, &item.value))
}

/// `POST /repos/{owner}/{repo}/issues`.
pub(super) fn create(account: &Account, request: &Request) -> Result<Answer, Answer> {
    let wanted = input::object(request)?;
    input::types(&wanted)?;
    if !wanted.contains_key("title") {
        return Err(errors::invalid_request("\"title\" wasn't supplied."));
    }
    let mut state = account.state();
    let mut problems = Problems::of("Issue");
    input::lengths(&wanted, &mut problems);
    let now = account.clock.now();
    // Whether it can be is seen before it gets a number.
    let mut draft = seed::new_issue(&account.repository(), 0, now);
    write::apply(account, &mut draft, &wanted, &mut problems);
    problems.into_result()?;
    state.limits.create(now).map_err(errors::secondary_rate_limit)?;
    let number = state.take_number();
    let at = state.stamp(&account.clock, None);
    let mut value = seed::new_issue(&account.repository(), number, at);
    value["user"] = seed::person(&account.plan.url, LOGIN).unwrap_or_default();
    for name in ["title", "body", "labels", "assignee", "assignees", "milestone", "type"] {
        value[name] = draft[name].take();
    }
    let value = state.save_issue(&account.clock, number, value);
    let url = value["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(StatusCode::CREATED, &value).with("location", &url))
}

/// `PATCH /repos/{owner}/{repo}/issues/{number}`.
pub(super) fn update(account: &Account, number: u64, request: &Request) -> Result<Answer, Answer> {
    let wanted = input::object(request)?;
    input::types(&wanted)?;
    let mut state = account.state();
    let before = find(&state, number)?.value.clone();
    let mut problems = Problems::of("Issue");
    input::lengths(&wanted, &mut problems);
    let mut value = before.clone();
    write::apply(account, &mut value, &wanted, &mut problems);
    write::set_state(account, &mut value, &wanted, &mut problems);
    problems.into_result()?;
    // One that does nothing leaves `updated_at` alone.
    let value = if value == before { before } else { state.save_issue(&account.clock, number, value) };
    Ok(Answer::json(StatusCode::OK, &value))
}

/// The issue of that number.
///
/// # Errors
/// 410 where it was deleted, 404 where there never was one.
pub(super) fn find(state: &State, number: u64) -> Result<&Item, Answer> {
    match state.issues.get(&number) {
        Some(item) => Ok(item),
        None if state.deleted.contains(&number) => Err(errors::deleted()),
        None => Err(errors::not_found()),
    }
}

fn has_label(issue: &Value, name: &str) -> bool {
    let labels = issue["labels"].as_array();
    labels.is_some_and(|labels| labels.iter().any(|label| label["name"] == name))
}
