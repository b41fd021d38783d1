//! The record of one update of a ticket, and the list of them.
//!
//! Facts: `/api-reference/ticketing/tickets/ticket_audits/` and
//! `/documentation/ticketing/reference-guides/ticket-audit-events-reference/`: cursor and
//! offset pages, the oldest first, at most 100 a page. The `metadata` of an update comes
//! back as `metadata.custom` (`…/tickets/#setting-metadata`). What made-up tickets went
//! through is not told: their list begins with the first real update.

use super::{
    account::{Account, State},
    changes::Change,
    errors,
    paging::{self, Listing},
    query::Query,
    seed::time_text,
};
use crate::vendor::Answer;
use bytes::Bytes;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// `GET /api/v2/tickets/{id}/audits.json`.
pub(super) fn list(account: &Account, ticket: u64, query: &Query<'_>) -> Result<Answer, Answer> {
    let state = account.state();
    if !state.tickets.is_there(ticket) {
        return Err(errors::not_found());
    }
    let audits = state.audits.get(&ticket).map_or(&[][..], Vec::as_slice);
    let render =
        |id: u64| audits.iter().find(|(other, _)| *other == id).map(|(_, rendered)| rendered.clone());
    let listing = Listing {
        name: "audits",
        path: &format!("tickets/{ticket}/audits"),
        action: "ticket_audits/index",
        sorts: &[],
        ids: Box::new(audits.iter().map(|(id, _)| *id)),
        count: audits.len() as u64,
        render: &render,
    };
    paging::answer(account, query, listing)
}

/// `GET /api/v2/tickets/{id}/audits/{id}.json`.
pub(super) fn show(account: &Account, ticket: u64, id: u64) -> Result<Answer, Answer> {
    let state = account.state();
    let there = state.audits.get(&ticket).filter(|_| state.tickets.is_there(ticket));
    let audit = there.and_then(|audits| audits.iter().find(|(other, _)| *other == id));
    let (_, rendered) = audit.ok_or_else(errors::not_found)?;
    let pieces = vec![Bytes::from_static(b"{\"audit\":"), rendered.clone(), Bytes::from_static(b"}")];
    Ok(Answer::pieces(StatusCode::OK, pieces))
}

/// An audit in the making.
pub(super) struct Audit {
    pub(super) id: u64,
    pub(super) ticket: u64,
    pub(super) author: u64,
    /// What the client wants to be kept with it.
    pub(super) custom: Value,
    pub(super) events: Vec<Value>,
}

impl Audit {
    pub(super) fn new(state: &mut State, ticket: u64, author: u64, custom: Value) -> Self {
        Self { id: state.event_id(), ticket, author, custom, events: Vec::new() }
    }

    /// Notes what the ticket began with.
    pub(super) fn created(&mut self, state: &mut State, value: &Map<String, Value>) {
        for name in ["subject", "type", "priority", "status", "requester_id", "assignee_id"] {
            if let Some(value) = value.get(name).filter(|value| !value.is_null()) {
                self.events.push(
                    json!({ "id": state.event_id(), "type": "Create", "field_name": name, "value": value }),
                );
            }
        }
    }

    /// Notes what has changed.
    pub(super) fn changed(&mut self, state: &mut State, changes: &[Change]) {
        for change in changes {
            self.events.push(json!({
                "id": state.event_id(), "type": "Change", "field_name": change.name,
                "value": change.value, "previous_value": change.previous,
            }));
        }
    }

    /// Notes a comment. It stands first, as with the vendor.
    pub(super) fn commented(&mut self, comment: Value) {
        self.events.insert(0, comment);
    }

    /// Keeps the audit, and answers it as JSON.
    pub(super) fn keep(self, state: &mut State, at: i64) -> Value {
        let (ticket, id) = (self.ticket, self.id);
        let audit = self.into_json(at);
        state.audits.entry(ticket).or_default().push((id, Bytes::from(audit.to_string())));
        audit
    }

    /// The audit as JSON.
    pub(super) fn into_json(self, at: i64) -> Value {
        json!({
            "id": self.id,
            "ticket_id": self.ticket,
            "created_at": time_text(at),
            "author_id": self.author,
            "metadata": { "system": {}, "custom": self.custom },
            "events": self.events,
            "via": { "channel": "api", "source": { "from": {}, "to": {}, "rel": null } },
        })
    }
}
