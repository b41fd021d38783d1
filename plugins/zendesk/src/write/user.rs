//! Users: new ones, and changed properties of known ones.
//!
//! Zendesk knows no safe update of users, so a user is looked at first; between the look and the
//! update somebody may still change it. It remembers no keys of creations, but two users never have
//! the same address or `external_id`: what is there already is found by them, and nobody is made
//! twice. (`create_or_update` would find them too, and write over what stands there.)

use super::{
    Draft, Step, all,
    board::{Board, Came, Unless, not_now, refused},
    fields, one,
    people::by_email,
};
use crate::{
    answer::{is_taken, problem},
    mark, user,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use tidegate_sdk::{
    Envelope, Error, Request, Response,
    exporter::{Change, ChangeKind, Outcome},
    log,
};

const PATH: &str = "/api/v2/users.json";

/// Sends changes of users.
pub(super) fn push(step: &Step<'_>, changes: &[Change], board: &mut Board<'_>) {
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (at, change) in changes.iter().enumerate() {
        match draft(change) {
            Ok((None, record)) => new.push(Draft { at, change, record }),
            Ok((Some(id), record)) => changed.push((id, Draft { at, change, record })),
            Err(error) => board.set(at, refused(error)),
        }
    }
    create(step, &new, board);
    update(step, changed, board);
}

fn draft(change: &Change) -> Result<(Option<u64>, Map<String, Value>), Error> {
    if change.kind == ChangeKind::Delete {
        let words = "Zendesk brings nobody back who was deleted: delete this user there";
        return Err(Error::unsupported("zendesk.user-delete", words));
    }
    let Some(key) = change.remote_key.as_deref() else {
        return Ok((None, of_new(change)?));
    };
    let no_id = || Error::invalid_data("zendesk.user-id", format!("'{key}' is not the id of a user"));
    Ok((Some(mark::id(key).ok_or_else(no_id)?), fields::of_changed(&fields::USER, &change.fields)?))
}

fn of_new(change: &Change) -> Result<Map<String, Value>, Error> {
    let mut record = fields::of_new(&fields::USER, &change.payload)?;
    let payload: Map<String, Value> = change.payload.read()?;
    if let Some(email) = payload.get("email").filter(|email| !email.is_null()) {
        record.insert("email".to_owned(), email.clone());
    }
    if !record.contains_key("external_id") {
        record.insert("external_id".to_owned(), mark::external_id(&change.idempotency_key).into());
    }
    // A sync sends nobody a mail to verify an address.
    record.insert("skip_verify_email".to_owned(), true.into());
    Ok(record)
}

fn create(step: &Step<'_>, drafts: &[Draft<'_>], board: &mut Board<'_>) {
    let (mut asked, mut requests) = (Vec::new(), Vec::new());
    for draft in drafts {
        let found = if draft.change.again { by_external_id(step, draft) } else { Ok(None) };
        match found.and_then(|found| Ok((found, Request::post(PATH).json(&json!({ "user": draft.record }))?)))
        {
            Ok((Some(user), _)) => board.set(draft.at, Ok(Outcome::Done(user))),
            Ok((None, request)) => {
                asked.push(draft);
                requests.push(request);
            }
            Err(error) => board.set(draft.at, Err(error)),
        }
    }
    for (draft, answer) in asked.into_iter().zip(step.transport.send_all(requests)) {
        board.set(draft.at, created(step, draft, answer));
    }
}

fn created(step: &Step<'_>, draft: &Draft<'_>, answer: Result<Response, Error>) -> Came {
    let response = answer?;
    match response.status {
        200..300 => Ok(Outcome::Done(user::record(one(&response, "user")?)?)),
        409 => Err(Error::transient("zendesk.collision", problem(&response).message)),
        _ => match there_already(step, draft, &response)? {
            Some(user) => {
                log::warn(
                    "Zendesk has this user already: it is taken for the record",
                    &[("record", &draft.change.key), ("user", &user.key)],
                );
                Ok(Outcome::Done(user))
            }
            None => refused(problem(&response)),
        },
    }
}

/// The user who stands in the way of another one with the same `external_id` or address.
fn there_already(step: &Step<'_>, draft: &Draft<'_>, response: &Response) -> Result<Option<Envelope>, Error> {
    if is_taken(response, "external_id")
        && let Some(user) = by_external_id(step, draft)?
    {
        return Ok(Some(user));
    }
    match draft.record.get("email").and_then(Value::as_str) {
        Some(email) if is_taken(response, "email") => {
            by_email(step.transport, email)?.map(|user| user::record(&user)).transpose()
        }
        _ => Ok(None),
    }
}

fn by_external_id(step: &Step<'_>, draft: &Draft<'_>) -> Result<Option<Envelope>, Error> {
    let Some(external_id) = draft.record.get("external_id").and_then(Value::as_str) else {
        return Ok(None);
    };
    let response = step.transport.send(Request::get(PATH).query("external_id", external_id))?;
    if !response.is_success() {
        return Err(problem(&response));
    }
    all(&response, "users")?.first().map(|user| user::record(user)).transpose()
}

fn update(step: &Step<'_>, drafts: Vec<(u64, Draft<'_>)>, board: &mut Board<'_>) {
    if drafts.is_empty() {
        return;
    }
    let known = match show_many(step, &drafts) {
        Ok(known) => known,
        Err(error) => return drafts.iter().for_each(|(_, draft)| board.set(draft.at, Err(error.clone()))),
    };
    let (mut asked, mut requests) = (Vec::new(), Vec::new());
    for (id, draft) in drafts {
        match ready(id, &draft, known.get(&id)) {
            Ok(request) => {
                asked.push((id, draft));
                requests.push(request);
            }
            Err(came) => board.set(draft.at, *came),
        }
    }
    for ((id, draft), answer) in asked.iter().zip(step.transport.send_all(requests)) {
        board.set(draft.at, updated(*id, answer));
    }
}

/// The update, where nobody else has changed the user.
fn ready(id: u64, draft: &Draft<'_>, known: Option<&Envelope>) -> Unless<Request> {
    let Some(known) = known else {
        return Err(Box::new(Ok(Outcome::Conflict(Envelope::deleted(id)))));
    };
    let base = draft.change.base_updated_ms;
    // After a lost answer the user's last change may be our own; the same values do no harm.
    let moved = base.is_some() && base != known.updated_ms && !draft.change.again;
    if moved || known.deleted {
        return Err(Box::new(Ok(Outcome::Conflict(known.clone()))));
    }
    if draft.record.is_empty() {
        return Err(Box::new(Ok(Outcome::Done(known.clone()))));
    }
    Request::put(format!("/api/v2/users/{id}.json")).json(&json!({ "user": draft.record })).map_err(not_now)
}

fn updated(id: u64, answer: Result<Response, Error>) -> Came {
    let response = answer?;
    match response.status {
        200..300 => Ok(Outcome::Done(user::record(one(&response, "user")?)?)),
        404 | 410 => Ok(Outcome::Conflict(Envelope::deleted(id))),
        409 => Err(Error::transient("zendesk.collision", problem(&response).message)),
        _ => refused(problem(&response)),
    }
}

fn show_many(step: &Step<'_>, drafts: &[(u64, Draft<'_>)]) -> Result<HashMap<u64, Envelope>, Error> {
    let ids: Vec<_> = drafts.iter().map(|(id, _)| id.to_string()).collect();
    let request = Request::get("/api/v2/users/show_many.json").query("ids", ids.join(","));
    let response = step.transport.send(request)?;
    if !response.is_success() {
        return Err(problem(&response));
    }
    let read = |raw: &tidegate_sdk::RawValue| {
        let user = user::record(raw)?;
        Ok((user.key.parse().unwrap_or_default(), user))
    };
    all(&response, "users")?.into_iter().map(read).collect()
}
