//! Changed tickets: only the changed properties go, and only on top of what was known.
//!
//! With `safe_update` Zendesk takes an update only where the ticket's `updated_at` is still the one
//! that the change is based on. An update that was sent twice meets itself there, so a refusal is
//! looked into: the mark in the ticket's audits tells our own update from somebody else's.

use super::{Update, gone, record, show};
use crate::{
    answer::problem,
    mark,
    write::{
        Step,
        board::{Board, Came, refused},
    },
};
use serde_json::{Map, Value, json};
use tidegate_sdk::{Error, Request, Response, exporter::Outcome, time};

/// How long a ticket is left alone after Zendesk's own collision, in milliseconds.
const COLLISION: u64 = 2_000;

/// Sends the updates, many at a time.
pub(super) fn send(step: &Step<'_>, updates: Vec<Update<'_>>, board: &mut Board<'_>) {
    let (mut asked, mut requests) = (Vec::new(), Vec::new());
    for update in updates {
        match request(&update) {
            Ok(Some(request)) => {
                asked.push(update);
                requests.push(request);
            }
            // All that was changed is Zendesk's own.
            Ok(None) => board.set(update.draft.at, as_it_is(step, update.id)),
            Err(error) => board.set(update.draft.at, Err(error)),
        }
    }
    for (update, answer) in asked.iter().zip(step.transport.send_all(requests)) {
        board.set(update.draft.at, judge(step, update, answer));
    }
}

fn request(update: &Update<'_>) -> Result<Option<Request>, Error> {
    if update.draft.record.is_empty() {
        return Ok(None);
    }
    let change = update.draft.change;
    let mut ticket = update.draft.record.clone();
    ticket.insert("metadata".to_owned(), mark::metadata(&change.idempotency_key));
    guard(&mut ticket, change.base_updated_ms.and_then(time::rfc3339));
    let path = format!("/api/v2/tickets/{}.json", update.id);
    Request::put(path).json(&json!({ "ticket": ticket })).map(Some)
}

/// Lets an update pass only where the ticket was last changed at that time.
pub(in crate::write) fn guard(ticket: &mut Map<String, Value>, stamp: Option<String>) {
    if let Some(stamp) = stamp {
        ticket.insert("safe_update".to_owned(), true.into());
        ticket.insert("updated_stamp".to_owned(), stamp.into());
    }
}

fn as_it_is(step: &Step<'_>, id: u64) -> Came {
    Ok(show(step, id)?.map_or_else(|| gone(id), Outcome::Done))
}

fn judge(step: &Step<'_>, update: &Update<'_>, answer: Result<Response, Error>) -> Came {
    let response = answer?;
    match response.status {
        200..300 => Ok(Outcome::Done(record(&response)?)),
        404 | 410 => Ok(gone(update.id)),
        409 => contested(step, update),
        _ => refused(problem(&response)),
    }
}

/// Whose change it was that stood in the way.
fn contested(step: &Step<'_>, update: &Update<'_>) -> Came {
    let change = update.draft.change;
    let Some(ticket) = show(step, update.id)? else {
        return Ok(gone(update.id));
    };
    if mark::update(step.transport, update.id, &change.idempotency_key)?.is_some() {
        return Ok(Outcome::Done(ticket));
    }
    // Zendesk answers 409 for a collision in its database, too.
    if change.base_updated_ms.is_none() || change.base_updated_ms == ticket.updated_ms {
        return Ok(Outcome::Retry(COLLISION));
    }
    Ok(Outcome::Conflict(ticket))
}
