//! The record of one update of a ticket.
//!
//! Facts: `/api-reference/ticketing/tickets/ticket_audits/` and
//! `/documentation/ticketing/reference-guides/ticket-audit-events-reference/`.

use super::{account::State, changes::Change, seed::time_text};
use serde_json::{Map, Value, json};

/// An audit in the making.
pub(super) struct Audit {
    pub(super) id: u64,
    pub(super) ticket: u64,
    pub(super) author: u64,
    pub(super) events: Vec<Value>,
}

impl Audit {
    pub(super) fn new(state: &mut State, ticket: u64, author: u64) -> Self {
        Self { id: state.event_id(), ticket, author, events: Vec::new() }
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

    /// The audit as JSON.
    pub(super) fn into_json(self, at: i64) -> Value {
        json!({
            "id": self.id,
            "ticket_id": self.ticket,
            "created_at": time_text(at),
            "author_id": self.author,
            "metadata": { "system": {}, "custom": {} },
            "events": self.events,
            "via": { "channel": "api", "source": { "from": {}, "to": {}, "rel": null } },
        })
    }
}
