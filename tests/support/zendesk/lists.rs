//! The plain lists of tickets and users.

use super::{
    account::{Account, State},
    paging::{self, Listing},
    query::Query,
};
use crate::vendor::Answer;
use serde_json::Value;

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
    let ids = Box::new(state.users.ids().filter(|id| state.users.is_there(*id)));
    let render = |id| state.users.rendered(id);
    let count = state.users.len();
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
