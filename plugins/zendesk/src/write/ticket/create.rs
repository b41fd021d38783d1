//! New tickets, each with its first comment.
//!
//! A ticket carries the change's key three times: as the `Idempotency-Key` of the request, which
//! Zendesk remembers for two hours; as `external_id`, where the record has none of its own; and in
//! the metadata of its first audit. So a creation whose answer was lost is found again.

use super::record;
use crate::{
    answer::{self, problem},
    mark,
    write::{
        Draft, Step, all,
        board::{Board, Came, Unless, refused, refused_early},
        fields,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidegate_sdk::{
    Envelope, Error, Request, Response,
    exporter::{Change, Outcome},
    json,
};

const PATH: &str = "/api/v2/tickets.json";

/// What Zendesk is to make.
pub(super) fn draft(step: &Step<'_>, change: &Change) -> Unless<Map<String, Value>> {
    let mut record = fields::of_new(&fields::TICKET, &change.payload).map_err(refused_early)?;
    let payload: Map<String, Value> = change.payload.read().map_err(refused_early)?;
    if let Some(submitter) = payload.get("submitter_id").filter(|submitter| !submitter.is_null()) {
        record.insert("submitter_id".to_owned(), submitter.clone());
    }
    step.people.settle(&mut record, &["assignee_id", "submitter_id"])?;
    step.people.settle_or_default(&mut record, "requester_id")?;
    if let Some(comment) = first_comment(step, &payload)? {
        record.insert("comment".to_owned(), comment);
    }
    if !record.contains_key("external_id") {
        record.insert("external_id".to_owned(), mark::external_id(&change.idempotency_key).into());
    }
    record.insert("metadata".to_owned(), mark::metadata(&change.idempotency_key));
    Ok(record)
}

/// The record's `comment`, or its description as one.
fn first_comment(step: &Step<'_>, payload: &Map<String, Value>) -> Unless<Option<Value>> {
    match payload.get("comment") {
        Some(Value::Object(comment)) => {
            let mut comment = comment.clone();
            step.people.settle(&mut comment, &["author_id"])?;
            Ok(Some(comment.into()))
        }
        Some(other) if !other.is_null() => Ok(Some(other.clone())),
        _ => {
            let description = payload.get("description").filter(|description| !description.is_null());
            Ok(description.map(|body| json!({ "body": body })))
        }
    }
}

/// Creates the tickets. One that may be there already is looked for first.
pub(super) fn send(step: &Step<'_>, drafts: Vec<Draft<'_>>, board: &mut Board<'_>) {
    let drafts: Vec<_> = drafts.into_iter().filter_map(|draft| unless_there(step, draft, board)).collect();
    let requests: Result<Vec<_>, Error> = drafts.iter().map(request).collect();
    let requests = match requests {
        Ok(requests) => requests,
        Err(error) => return drafts.iter().for_each(|draft| board.set(draft.at, Err(error.clone()))),
    };
    for (draft, answer) in drafts.iter().zip(step.transport.send_all(requests)) {
        board.set(draft.at, judge(step, draft, answer));
    }
}

fn unless_there<'a>(step: &Step<'_>, draft: Draft<'a>, board: &mut Board<'_>) -> Option<Draft<'a>> {
    if !draft.change.again {
        return Some(draft);
    }
    match find(step, &draft) {
        Ok(None) => return Some(draft),
        Ok(Some(ticket)) => board.set(draft.at, Ok(Outcome::Done(ticket))),
        Err(error) => board.set(draft.at, Err(error)),
    }
    None
}

fn request(draft: &Draft<'_>) -> Result<Request, Error> {
    let request = Request::post(PATH).idempotency_key(&draft.change.idempotency_key);
    request.json(&json!({ "ticket": draft.record }))
}

fn judge(step: &Step<'_>, draft: &Draft<'_>, answer: Result<Response, Error>) -> Came {
    let response = answer?;
    if response.is_success() {
        return Ok(Outcome::Done(record(&response)?));
    }
    // The key stands for other words: it was created before the record was changed here again.
    if answer::name(&response).as_deref() == Some("IdempotentRequestError")
        && let Some(ticket) = find(step, draft)?
    {
        return Ok(Outcome::Done(ticket));
    }
    match response.status {
        409 => Err(Error::transient("zendesk.collision", problem(&response).message)),
        _ => refused(problem(&response)),
    }
}

/// The ticket that was created for this change, where there is one.
fn find(step: &Step<'_>, draft: &Draft<'_>) -> Result<Option<Envelope>, Error> {
    #[derive(Deserialize)]
    struct Id {
        id: u64,
    }
    let Some(external_id) = draft.record.get("external_id").and_then(Value::as_str) else {
        return Ok(None);
    };
    let response = step.transport.send(Request::get(PATH).query("external_id", external_id))?;
    if !response.is_success() {
        return Err(problem(&response));
    }
    let ours = external_id == mark::external_id(&draft.change.idempotency_key);
    for raw in all(&response, "tickets")? {
        let Id { id } = json::object(raw)?;
        // Somebody else's tickets may have the record's own one.
        if ours || mark::update(step.transport, id, &draft.change.idempotency_key)?.is_some() {
            return crate::ticket::record(raw).map(Some);
        }
    }
    Ok(None)
}
