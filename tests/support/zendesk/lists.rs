//! The plain lists of tickets and users, those of some ids, and the search for users.
//!
//! Facts: `/api-reference/ticketing/tickets/tickets/#show-multiple-tickets` and
//! `/api-reference/ticketing/users/users/#search-users`: new users are found after a while only,
//! because they are indexed first.

use super::{
    account::{Account, State},
    errors, input,
    paging::{self, Listing},
    query::Query,
    seed::time_text,
};
use crate::vendor::Answer;
use serde_json::{Value, json};

/// `GET /api/v2/tickets.json`, all of them or those with an `external_id`.
pub(super) fn tickets(account: &Account, query: &Query<'_>) -> Result<Answer, Answer> {
    let state = account.state();
    let wanted = query.get("external_id").map(|external_id| with_external_id(&state, external_id));
    let count = wanted.as_ref().map_or_else(|| state.tickets.len(), |ids| ids.len() as u64);
    let there = |id: &u64| state.tickets.is_there(*id);
    let ids: Box<dyn DoubleEndedIterator<Item = u64>> = match wanted {
        Some(ids) => Box::new(ids.into_iter()),
        None => Box::new(state.tickets.ids().filter(there)),
    };
    let render = |id| state.tickets.rendered(id);
    // By `updated_at` and `status` the vendor can sort too; nothing here needs it.
    let listing = Listing {
        name: "tickets",
        path: "tickets",
        action: "tickets/index",
        sorts: &["id"],
        ids,
        count,
        render: &render,
    };
    paging::answer(account, query, listing)
}

/// `GET /api/v2/users.json`.
pub(super) fn users(account: &Account, query: &Query<'_>) -> Result<Answer, Answer> {
    let state = account.state();
    let wanted = query.get("external_id").map(|external_id| state.users_by_external_id(external_id));
    let count = wanted.as_ref().map_or_else(|| state.users.len(), |ids| ids.len() as u64);
    let ids: Box<dyn DoubleEndedIterator<Item = u64>> = match wanted {
        Some(ids) => Box::new(ids.into_iter()),
        None => Box::new(state.users.ids().filter(|id| state.users.is_there(*id))),
    };
    let render = |id| state.users.rendered(id);
    let listing = Listing {
        name: "users",
        path: "users",
        action: "users/index",
        sorts: &["id"],
        ids,
        count,
        render: &render,
    };
    paging::answer(account, query, listing)
}

/// External ids need not be unique.
fn with_external_id(state: &State, external_id: &str) -> Vec<u64> {
    let seeded: Option<u64> = external_id.strip_prefix("ext-").and_then(|id| id.parse().ok());
    let touched = state.tickets.entries().map(|(id, _)| id);
    let has_it = |id: &u64| {
        let value = state.tickets.value(*id);
        state.tickets.is_there(*id)
            && value
                .is_some_and(|value| value.get("external_id").and_then(Value::as_str) == Some(external_id))
    };
    let mut ids: Vec<u64> = seeded.into_iter().chain(touched).filter(has_it).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// `GET /api/v2/tickets/show_many.json?ids=1,2`. What is not there is left out.
pub(super) fn some_tickets(account: &Account, query: &Query<'_>) -> Result<Answer, Answer> {
    let ids = wanted_ids(query, "tickets/show_many")?;
    let state = account.state();
    let there = ids.into_iter().filter(|id| state.tickets.is_there(*id));
    Ok(some("tickets", there.filter_map(|id| state.tickets.rendered(id)).collect()))
}

/// `GET /api/v2/users/show_many.json?ids=1,2`. Deleted users are shown, with `active` false.
pub(super) fn some_users(account: &Account, query: &Query<'_>) -> Result<Answer, Answer> {
    let ids = wanted_ids(query, "users/show_many")?;
    let state = account.state();
    Ok(some("users", ids.into_iter().filter_map(|id| state.users.rendered(id)).collect()))
}

/// `GET /api/v2/users/search.json?query=email:a@b.c`, or any part of a name or an address.
pub(super) fn found_users(account: &Account, query: &Query<'_>) -> Result<Answer, Answer> {
    let action = "users/search";
    let query =
        query.get("query").ok_or_else(|| errors::invalid_attribute("query", "is required", action))?;
    let indexed = account.clock.now() - account.lag_seconds();
    let state = account.state();
    let mut ids: Vec<u64> = match query.strip_prefix("email:") {
        Some(email) => state.user_by_email(email.trim_matches('"')).into_iter().collect(),
        None => state.users.ids().filter(|id| contains(&state, *id, query)).collect(),
    };
    let created = |id: u64| Some(state.users.value(id)?.get("created_at")?.as_str()?.to_owned());
    let is_indexed = |id: &u64| created(*id).is_some_and(|at| at <= time_text(indexed));
    ids.retain(|id| state.users.is_there(*id) && is_indexed(id));
    Ok(some("users", ids.into_iter().filter_map(|id| state.users.rendered(id)).collect()))
}

fn contains(state: &State, id: u64, part: &str) -> bool {
    let value = state.users.value(id).unwrap_or_default();
    let part = part.to_lowercase();
    let has = |name: &str| {
        value.get(name).and_then(Value::as_str).is_some_and(|text| text.to_lowercase().contains(&part))
    };
    has("name") || has("email")
}

fn wanted_ids(query: &Query<'_>, action: &str) -> Result<Vec<u64>, Answer> {
    let ids = query.get("ids").ok_or_else(|| errors::invalid_attribute("ids", "is required", action))?;
    input::ids(ids, action)
}

fn some(name: &str, records: Vec<bytes::Bytes>) -> Answer {
    let tail = json!({ "next_page": null, "previous_page": null, "count": records.len() });
    paging::document(name, records, &tail)
}
