//! Tickets: which of them are new, changed, or to go.

mod create;
mod delete;
mod job;
mod update;

pub(super) use self::update::guard;

use super::{
    Draft, Step,
    board::{Board, Unless, refused_early},
    fields, one,
};
use crate::{answer::problem, mark, ticket};
use serde_json::{Map, Value};
use tidegate_sdk::{
    Envelope, Error, Request, Response,
    exporter::{Change, ChangeKind, Outcome},
};

/// So many updates that are to win in any case, and a job does them with fewer requests.
const MANY: usize = 20;

/// What is to be done about a change.
enum Way {
    Create(Map<String, Value>),
    Update(u64, Map<String, Value>),
    Delete(u64),
}

/// An update, and the ticket that it is of.
struct Update<'a> {
    id: u64,
    draft: Draft<'a>,
}

/// Sends changes of tickets.
pub(super) fn push(step: &Step<'_>, changes: &[Change], board: &mut Board<'_>) {
    let (mut new, mut changed, mut going) = (Vec::new(), Vec::new(), Vec::new());
    for (at, change) in changes.iter().enumerate() {
        match way(step, change) {
            Ok(Way::Create(record)) => new.push(Draft { at, change, record }),
            Ok(Way::Update(id, record)) => changed.push(Update { id, draft: Draft { at, change, record } }),
            Ok(Way::Delete(id)) => going.push((at, change, id)),
            Err(came) => board.set(at, *came),
        }
    }
    create::send(step, new, board);
    let wins = |update: &Update<'_>| update.draft.change.base_updated_ms.is_none();
    let (mut wins, mut safe): (Vec<_>, Vec<_>) = changed.into_iter().partition(wins);
    if wins.len() >= MANY {
        job::send(step, wins, board);
    } else {
        safe.append(&mut wins);
    }
    update::send(step, safe, board);
    delete::send(step, going, board);
}

fn way(step: &Step<'_>, change: &Change) -> Unless<Way> {
    let id = match change.remote_key.as_deref() {
        None if change.kind == ChangeKind::Delete => {
            return Err(Box::new(Ok(Outcome::Done(Envelope::deleted(&change.key)))));
        }
        None => return Ok(Way::Create(create::draft(step, change)?)),
        Some(key) => mark::id(key).ok_or_else(|| refused_early(no_id(key)))?,
    };
    if change.kind == ChangeKind::Delete {
        return Ok(Way::Delete(id));
    }
    let mut record = fields::of_changed(&fields::TICKET, &change.fields).map_err(refused_early)?;
    step.people.settle(&mut record, &["requester_id", "assignee_id"])?;
    Ok(Way::Update(id, record))
}

fn no_id(key: &str) -> Error {
    Error::invalid_data("zendesk.ticket-id", format!("'{key}' is not the id of a ticket"))
}

/// The ticket in an answer.
fn record(response: &Response) -> Result<Envelope, Error> {
    ticket::record(one(response, "ticket")?)
}

/// The ticket as it now stands; none where there is none.
fn show(step: &Step<'_>, id: u64) -> Result<Option<Envelope>, Error> {
    let response = step.transport.send(Request::get(format!("/api/v2/tickets/{id}.json")))?;
    match response.status {
        404 | 410 => Ok(None),
        200..300 => record(&response).map(Some),
        _ => Err(problem(&response)),
    }
}

/// A ticket that is there no more, as somebody else's change.
fn gone(id: u64) -> Outcome {
    Outcome::Conflict(Envelope::deleted(id))
}
