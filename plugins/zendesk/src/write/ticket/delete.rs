//! Tickets that are to go.
//!
//! Zendesk has no safe deletion, so the ticket is looked at first; between the look and the
//! deletion somebody may still change it. It keeps deleted tickets for a while to be restored.

use super::show;
use crate::{
    answer::problem,
    write::{
        Step,
        board::{Board, Came, refused},
    },
};
use tidegate_sdk::{
    Envelope, Request,
    exporter::{Change, Outcome},
};

/// Deletes the tickets.
pub(super) fn send(step: &Step<'_>, going: Vec<(usize, &Change, u64)>, board: &mut Board<'_>) {
    for (at, change, id) in going {
        board.set(at, delete(step, change, id));
    }
}

fn delete(step: &Step<'_>, change: &Change, id: u64) -> Came {
    if change.base_updated_ms.is_some() {
        match show(step, id)? {
            None => return Ok(Outcome::Done(Envelope::deleted(id))),
            Some(ticket) if ticket.updated_ms != change.base_updated_ms => {
                return Ok(Outcome::Conflict(ticket));
            }
            Some(_) => {}
        }
    }
    let response = step.transport.send(Request::delete(format!("/api/v2/tickets/{id}.json")))?;
    match response.status {
        200..300 | 404 | 410 => Ok(Outcome::Done(Envelope::deleted(id))),
        _ => refused(problem(&response)),
    }
}
