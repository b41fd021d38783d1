//! One change of an issue.

use super::{
    Desk, Stop, fields,
    found::{Found, Issues},
    has_moved, remote_key,
};
use crate::{issue::Issue, marker};
use serde_json::{Map, Value};
use tidegate_sdk::{
    Envelope, Error, Method, Response,
    exporter::{Change, ChangeKind, Outcome},
    time,
};

/// Makes the change.
pub(super) fn push(desk: &Desk<'_>, lost: &mut Issues, change: &Change) -> Result<Outcome, Stop> {
    match change.kind {
        ChangeKind::Create => create(desk, lost, change),
        ChangeKind::Update => update(desk, change),
        ChangeKind::Delete => Err(Stop::Change(Error::unsupported(
            "github.delete",
            "GitHub lets nobody delete an issue by REST: close it instead (`state` closed, or the call `close-issue`)",
        ))),
    }
}

fn create(desk: &Desk<'_>, lost: &mut Issues, change: &Change) -> Result<Outcome, Stop> {
    let mut wanted = fields::of_new(&change.payload.read()?)?;
    // A new issue is open; it is closed in a second request.
    let state: Map<_, _> = ["state", "state_reason"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), wanted.remove(name)?)))
        .collect();
    let found = match change.again {
        true => lost.find(desk, &change.idempotency_key)?,
        false => None,
    };
    let issue = match found {
        Some(found) => found,
        None => post(desk, wanted, &change.idempotency_key)?,
    };
    let is_closed = state.get("state").and_then(Value::as_str) == Some("closed");
    if is_closed && !fields::are_so(&state, &serde_json::from_str(&issue.raw).unwrap_or_default()) {
        return done(&desk.write(patch(desk, issue.number(), &state)?)?);
    }
    envelope(&issue.raw).map(Outcome::Done)
}

fn post(desk: &Desk<'_>, mut wanted: Map<String, Value>, key: &str) -> Result<Found, Stop> {
    let body = marker::mark(wanted.get("body").and_then(Value::as_str), key);
    wanted.insert("body".to_owned(), body.into());
    let response = desk.write(desk.to(Method::Post, "/issues").json(&wanted)?)?;
    let issue: Issue = response.json()?;
    Ok(Found::new(issue.number, text(&response)))
}

fn update(desk: &Desk<'_>, change: &Change) -> Result<Outcome, Stop> {
    let number = remote_key(change)?;
    let mut wanted = fields::of_change(&change.fields.read()?, &change.payload.read()?)?;
    let Some(response) = desk.look(desk.to(Method::Get, &format!("/issues/{number}")))? else {
        return Ok(Outcome::Conflict(Envelope::deleted(number)));
    };
    let now: Issue = response.json()?;
    // The host has followed the way to where the issue was moved.
    if now.number != number {
        return Ok(Outcome::Conflict(Envelope::deleted(number)));
    }
    if now.is_pull_request() {
        return Err(Stop::Change(Error::unsupported(
            "github.pull-request",
            "that is a pull request, not an issue",
        )));
    }
    let mark = now.body.as_deref().and_then(marker::unmark);
    if let (Some(mark), Some(body)) = (mark, wanted.get_mut("body")) {
        *body = marker::mark(body.as_str(), &mark.key).into();
    }
    let is_done = wanted.is_empty() || change.again && fields::are_so(&wanted, &response.json()?);
    if is_done {
        return done(&response);
    }
    if has_moved(change, time::rfc3339_ms(&now.updated_at)) {
        return Ok(Outcome::Conflict(envelope(&text(&response))?));
    }
    done(&desk.write(patch(desk, number, &wanted)?)?)
}

fn patch(desk: &Desk<'_>, number: u64, wanted: &Map<String, Value>) -> Result<tidegate_sdk::Request, Error> {
    desk.to(Method::Patch, &format!("/issues/{number}")).json(wanted)
}

fn done(response: &Response) -> Result<Outcome, Stop> {
    envelope(&text(response)).map(Outcome::Done)
}

fn envelope(raw: &str) -> Result<Envelope, Stop> {
    let unlike = |error: serde_json::Error| {
        Error::invalid_data("github.issue", format!("GitHub's answer is not an issue: {error}"))
    };
    let issue: Issue = serde_json::from_str(raw).map_err(unlike)?;
    Ok(issue.envelope(raw)?)
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}
