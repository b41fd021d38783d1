//! The comments of a ticket.
//!
//! Facts: `/api-reference/ticketing/tickets/ticket_comments/`: by creation, oldest
//! first; cursor and offset pages; at most 100 a page; `sort` by `created_at` with
//! cursor pages, `sort_order` with offset pages; at most 5,000 for a ticket.

use super::{
    account::{Account, Added, State},
    errors,
    paging::{self, Listing},
    query::Query,
    seed::{self, EVENTS_PER_TICKET, FIRST_EVENT, Plan, time_text},
};
use crate::vendor::Answer;
use bytes::Bytes;
use serde_json::{Value, json};

/// Comments that a ticket can have.
pub(super) const MOST: u64 = 5_000;

/// `GET /api/v2/tickets/{id}/comments.json`.
pub(super) fn list(account: &Account, ticket: u64, query: &Query<'_>) -> Result<Answer, Answer> {
    let state = account.state();
    if !state.tickets.is_there(ticket) {
        return Err(errors::not_found());
    }
    let seeded = seeded(account, &state, ticket);
    let added = state.added.get(&ticket).map_or(&[][..], Vec::as_slice);
    let ids = (0..seeded)
        .map(move |number| Plan::comment_id(ticket, number))
        .chain(added.iter().map(|comment| comment.id));
    let render = |id: u64| match added.iter().find(|comment| comment.id == id) {
        Some(comment) => Some(comment.rendered.clone()),
        None => Some(seeded_comment(account, ticket, id)),
    };
    let path = format!("tickets/{ticket}/comments");
    let count = seeded + added.len() as u64;
    let action = "ticket_comments/index";
    let listing = Listing {
        name: "comments",
        path: &path,
        action,
        sorts: &["created_at"],
        ids: Box::new(ids),
        count,
        render: &render,
    };
    paging::answer(account, query, listing)
}

/// A comment that is to be added.
pub(super) struct New {
    pub(super) author: u64,
    pub(super) body: String,
    pub(super) html_body: Option<String>,
    pub(super) public: bool,
    pub(super) audit: u64,
    /// What the client wants to be kept with its audit.
    pub(super) custom: Value,
    pub(super) at: i64,
}

/// Adds a comment, and answers it as JSON.
pub(super) fn add(state: &mut State, ticket: u64, new: New) -> Value {
    let id = state.event_id();
    let html = new.html_body.unwrap_or_else(|| seed::body_html(&new.body));
    let comment = json!({
        "id": id,
        "type": "Comment",
        "author_id": new.author,
        "body": new.body,
        "html_body": html,
        "plain_body": new.body,
        "public": new.public,
        "attachments": [],
        "audit_id": new.audit,
        "via": { "channel": "api", "source": { "from": {}, "to": {}, "rel": null } },
        "created_at": time_text(new.at),
        "metadata": { "system": {}, "custom": new.custom },
    });
    let rendered = Bytes::from(comment.to_string());
    state.added.entry(ticket).or_default().push(Added { id, public: new.public, rendered });
    comment
}

/// How many comments a ticket has.
pub(super) fn count(account: &Account, state: &State, ticket: u64) -> u64 {
    seeded(account, state, ticket) + state.added.get(&ticket).map_or(0, |added| added.len() as u64)
}

/// Whether the ticket's first comment is public. A comment that does not say what it
/// is takes after it.
pub(super) fn first_is_public(account: &Account, state: &State, ticket: u64) -> bool {
    seeded(account, state, ticket) > 0
        || state.added.get(&ticket).and_then(|added| added.first()).is_none_or(|first| first.public)
}

/// How many comments a ticket was seeded with.
fn seeded(account: &Account, state: &State, ticket: u64) -> u64 {
    state.tickets.seed_index(ticket).map_or(0, |_| account.plan.comments)
}

fn seeded_comment(account: &Account, ticket: u64, id: u64) -> Bytes {
    let number = (id - FIRST_EVENT) % EVENTS_PER_TICKET / 2;
    let mut out = Vec::with_capacity(1024);
    seed::comment(&account.plan, ticket, number, &mut out);
    out.into()
}
