//! One change of a comment.

use super::{Desk, Stop, fields, found, has_moved, remote_key};
use crate::{comment::Comment, marker};
use serde_json::{Map, Value, json};
use tidegate_sdk::{
    Envelope, Error, Method, Response,
    exporter::{Change, ChangeKind, Outcome},
    time,
};

/// Makes the change.
pub(super) fn push(desk: &Desk<'_>, change: &Change) -> Result<Outcome, Stop> {
    match change.kind {
        ChangeKind::Create => create(desk, change),
        ChangeKind::Update => update(desk, change),
        ChangeKind::Delete => delete(desk, change),
    }
}

fn create(desk: &Desk<'_>, change: &Change) -> Result<Outcome, Stop> {
    let issue: u64 = change.parent.as_deref().and_then(|parent| parent.parse().ok()).ok_or_else(|| {
        Error::invalid_data("github.parent", "a comment needs the issue that it belongs to, as its parent")
    })?;
    let payload: Map<String, Value> = change.payload.read()?;
    let named = payload.iter().filter(|(name, value)| !value.is_null() && !fields::is_given(name));
    check(named.map(|(name, _)| name.as_str()))?;
    let body = body_of(&payload)?;
    if change.again
        && let Some(found) = found::comment(desk, issue, &change.idempotency_key)?
    {
        return envelope(&found.raw).map(Outcome::Done);
    }
    let body = json!({ "body": marker::mark(body, &change.idempotency_key) });
    let request = desk.to(Method::Post, &format!("/issues/{issue}/comments")).json(&body)?;
    let response = desk.send(request)?;
    match response.status {
        200..300 => done(&response),
        404 => desk.is_gone(&response).and(Err(no_issue(issue))),
        410 => Err(no_issue(issue)),
        _ => Err(super::refused(&response)),
    }
}

fn update(desk: &Desk<'_>, change: &Change) -> Result<Outcome, Stop> {
    let id = remote_key(change)?;
    let changed: Map<String, Value> = change.fields.read()?;
    check(changed.keys().map(String::as_str))?;
    let payload: Map<String, Value> = change.payload.read()?;
    let Some(response) = desk.look(desk.to(Method::Get, &path(id)))? else {
        return Ok(Outcome::Conflict(Envelope::deleted(id)));
    };
    let now: Comment = response.json()?;
    let mark = now.body.as_deref().and_then(marker::unmark);
    let wanted = match (&mark, body_of(&payload)?) {
        (Some(mark), body) => marker::mark(body, &mark.key),
        (None, body) => body.unwrap_or_default().to_owned(),
    };
    if changed.is_empty() || change.again && now.body.as_ref() == Some(&wanted) {
        return done(&response);
    }
    if has_moved(change, time::rfc3339_ms(&now.updated_at)) {
        return Ok(Outcome::Conflict(envelope(&response.body)?));
    }
    let request = desk.to(Method::Patch, &path(id)).json(&json!({ "body": wanted }))?;
    done(&desk.write(request)?)
}

fn delete(desk: &Desk<'_>, change: &Change) -> Result<Outcome, Stop> {
    let id = remote_key(change)?;
    let gone = Outcome::Done(Envelope::deleted(id));
    let Some(response) = desk.look(desk.to(Method::Get, &path(id)))? else {
        return Ok(gone);
    };
    let now: Comment = response.json()?;
    if has_moved(change, time::rfc3339_ms(&now.updated_at)) {
        return Ok(Outcome::Conflict(envelope(&response.body)?));
    }
    let response = desk.send(desk.to(Method::Delete, &path(id)))?;
    match response.status {
        // Somebody was faster, or we were ourselves.
        200..300 | 404 | 410 => Ok(gone),
        _ => Err(super::refused(&response)),
    }
}

fn path(id: u64) -> String {
    format!("/issues/comments/{id}")
}

/// All that can be written is the text.
fn check<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut error = Error::invalid_data("github.fields", "the record has fields that GitHub cannot be told");
    for name in names.filter(|name| *name != "body") {
        error = error.field(name, "of a comment only the body can be written: leave it as it was");
    }
    if error.fields.is_empty() { Ok(()) } else { Err(error) }
}

/// The text, where it has one; GitHub says what it thinks of one that is empty.
fn body_of(payload: &Map<String, Value>) -> Result<Option<&str>, Error> {
    match payload.get("body") {
        Some(Value::String(body)) => Ok(Some(body)),
        Some(Value::Null) | None => Ok(None),
        Some(_) => {
            Err(Error::invalid_data("github.fields", "the body is not a text").field("body", "a text"))
        }
    }
}

fn no_issue(number: u64) -> Stop {
    Stop::Change(Error::not_found(
        "github.issue-gone",
        format!("issue {number} is gone, and no comment can be added to it"),
    ))
}

fn done(response: &Response) -> Result<Outcome, Stop> {
    envelope(&response.body).map(Outcome::Done)
}

fn envelope(raw: impl AsRef<[u8]>) -> Result<Envelope, Stop> {
    let raw = String::from_utf8_lossy(raw.as_ref());
    let comment: Comment = serde_json::from_str(&raw).map_err(|error| {
        Error::invalid_data("github.comment", format!("GitHub's answer is not a comment: {error}"))
    })?;
    Ok(comment.envelope(&raw)?)
}
