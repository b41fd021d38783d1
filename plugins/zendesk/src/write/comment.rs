//! New comments, public and internal. Zendesk takes one as a part of its ticket's update.
//!
//! It adds whatever it is sent, so a comment goes only on top of the ticket's last change as it was
//! just read (`safe_update`): sent a second time it is refused, and the mark in the ticket's audits
//! tells whether that was because of itself. Comments of one ticket go one after the other.

use super::{
    Draft, Step, all,
    board::{Board, Unless, not_now, refused, refused_early},
    ticket::guard,
};
use crate::{
    answer::problem,
    comment::Comment,
    mark::{self, Audit},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use tidegate_sdk::{
    Envelope, Error, RawValue, Request, Response,
    exporter::{Change, ChangeKind, Outcome},
    json, time,
};

/// How often a comment meets other people's changes of its ticket before it is put off.
const TRIES: usize = 3;

/// For how long it is put off, in milliseconds.
const LATER: u64 = 2_000;

/// A comment, and the ticket that it goes to.
struct Reply<'a> {
    ticket: u64,
    draft: Draft<'a>,
    tries: usize,
}

/// A comment that Zendesk has taken: its id, and the event that tells of it.
struct Taken {
    at: usize,
    ticket: u64,
    key: String,
    id: u64,
    event: String,
}

/// Adds the comments.
pub(super) fn push(step: &Step<'_>, changes: &[Change], board: &mut Board<'_>) {
    let mut waiting = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        match reply(step, change) {
            Ok((ticket, record)) => {
                waiting.push(Reply { ticket, draft: Draft { at, change, record }, tries: 0 })
            }
            Err(came) => board.set(at, *came),
        }
    }
    while !waiting.is_empty() {
        let mut seen = HashSet::new();
        let (round, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|reply| seen.insert(reply.ticket));
        waiting = send(step, round, board);
        // A comment that has to try again stays ahead of the later ones of its ticket.
        waiting.extend(rest);
    }
}

/// What Zendesk is to add, and to which ticket.
fn reply(step: &Step<'_>, change: &Change) -> Unless<(u64, Map<String, Value>)> {
    if change.kind != ChangeKind::Create {
        let words = "Zendesk lets nobody change a comment or take it away: add another one";
        return Err(refused_early(Error::unsupported("zendesk.comment-fixed", words)));
    }
    let parent = change.parent.as_deref();
    let ticket = parent.and_then(mark::id).ok_or_else(|| refused_early(no_ticket(parent)))?;
    let payload: Map<String, Value> = change.payload.read().map_err(refused_early)?;
    let has =
        |name: &str| payload.get(name).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
    let text = if has("html_body") { "html_body" } else { "body" };
    if !has(text) {
        let error = Error::invalid_data("zendesk.comment-empty", "a comment without a text");
        return Err(refused_early(error.field("body", "give the text here, or as 'html_body'")));
    }
    let wanted = [text, "public", "author_id", "uploads"];
    let mut record: Map<String, Value> = payload
        .into_iter()
        .filter(|(name, value)| wanted.contains(&name.as_str()) && !value.is_null())
        .collect();
    step.people.settle_or_default(&mut record, "author_id")?;
    Ok((ticket, record))
}

/// One comment a ticket; those that have to try again are answered.
fn send<'a>(step: &Step<'_>, round: Vec<Reply<'a>>, board: &mut Board<'_>) -> Vec<Reply<'a>> {
    let mut taken = Vec::new();
    let round = without_taken(step, round, board, &mut taken);
    let mut again = Vec::new();
    match stamps(step, &round) {
        Err(error) => round.iter().for_each(|reply| board.set(reply.draft.at, Err(error.clone()))),
        Ok(stamps) => {
            for (reply, answer) in ask(step, round, &stamps, board) {
                match judge(step, &reply, answer) {
                    Ok(Verdict::Taken(found)) => taken.push(found),
                    Ok(Verdict::Met) => again.push(Reply { tries: reply.tries + 1, ..reply }),
                    Err(came) => board.set(reply.draft.at, *came),
                }
            }
        }
    }
    show(step, taken, board);
    again.retain(|reply| {
        let may = reply.tries < TRIES;
        if !may {
            board.set(reply.draft.at, Ok(Outcome::Retry(LATER)));
        }
        may
    });
    again
}

/// Leaves out the comments that an earlier try has added.
fn without_taken<'a>(
    step: &Step<'_>,
    round: Vec<Reply<'a>>,
    board: &mut Board<'_>,
    taken: &mut Vec<Taken>,
) -> Vec<Reply<'a>> {
    let mut left = Vec::new();
    for reply in round {
        match reply.draft.change.again.then(|| find(step, &reply)).transpose() {
            Ok(None | Some(None)) => left.push(reply),
            Ok(Some(Some(found))) => taken.push(found),
            Err(error) => board.set(reply.draft.at, Err(error)),
        }
    }
    left
}

/// When each ticket was last changed.
fn stamps(step: &Step<'_>, round: &[Reply<'_>]) -> Result<HashMap<u64, Option<String>>, Error> {
    if round.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<_> = round.iter().map(|reply| reply.ticket.to_string()).collect();
    let request = Request::get("/api/v2/tickets/show_many.json").query("ids", ids.join(","));
    let response = step.transport.send(request)?;
    if !response.is_success() {
        return Err(problem(&response));
    }
    let read = |raw: &RawValue| {
        let ticket = crate::ticket::record(raw)?;
        Ok((ticket.key.parse().unwrap_or_default(), ticket.updated_ms.and_then(time::rfc3339)))
    };
    all(&response, "tickets")?.into_iter().map(read).collect()
}

fn ask<'a>(
    step: &Step<'_>,
    round: Vec<Reply<'a>>,
    stamps: &HashMap<u64, Option<String>>,
    board: &mut Board<'_>,
) -> Vec<(Reply<'a>, Result<Response, Error>)> {
    let (mut asked, mut requests) = (Vec::new(), Vec::new());
    for reply in round {
        let Some(stamp) = stamps.get(&reply.ticket) else {
            board.set(reply.draft.at, refused(no_such_ticket(reply.ticket)));
            continue;
        };
        match request(&reply, stamp.clone()) {
            Ok(request) => {
                asked.push(reply);
                requests.push(request);
            }
            Err(error) => board.set(reply.draft.at, Err(error)),
        }
    }
    asked.into_iter().zip(step.transport.send_all(requests)).collect()
}

fn request(reply: &Reply<'_>, stamp: Option<String>) -> Result<Request, Error> {
    let mut ticket = Map::new();
    ticket.insert("comment".to_owned(), reply.draft.record.clone().into());
    ticket.insert("metadata".to_owned(), mark::metadata(&reply.draft.change.idempotency_key));
    guard(&mut ticket, stamp);
    Request::put(format!("/api/v2/tickets/{}.json", reply.ticket)).json(&json!({ "ticket": ticket }))
}

enum Verdict {
    Taken(Taken),
    /// Somebody changed the ticket in between.
    Met,
}

fn judge(step: &Step<'_>, reply: &Reply<'_>, answer: Result<Response, Error>) -> Unless<Verdict> {
    let response = answer.map_err(not_now)?;
    match response.status {
        200..300 => {
            let audit: Answer = response.json().map_err(not_now)?;
            let comment = audit.audit.comment();
            comment
                .map(|found| Verdict::Taken(reply.taken(found)))
                .ok_or_else(|| refused_early(not_added(&response)))
        }
        409 => {
            let found = find(step, reply).map_err(not_now)?;
            Ok(found.map_or(Verdict::Met, Verdict::Taken))
        }
        404 | 410 => Err(refused_early(no_such_ticket(reply.ticket))),
        _ => Err(refused_early(problem(&response))),
    }
}

#[derive(Deserialize)]
struct Answer {
    audit: Audit,
}

impl Reply<'_> {
    fn taken(&self, (id, event): (u64, String)) -> Taken {
        let key = self.draft.change.idempotency_key.clone();
        Taken { at: self.draft.at, ticket: self.ticket, key, id, event }
    }
}

fn find(step: &Step<'_>, reply: &Reply<'_>) -> Result<Option<Taken>, Error> {
    let update = mark::update(step.transport, reply.ticket, &reply.draft.change.idempotency_key)?;
    Ok(update.and_then(|update| update.comment).map(|comment| reply.taken(comment)))
}

/// Acknowledges comments as Zendesk lists them, which is how an import brings them; where the list
/// cannot be had, as the event told of them.
fn show(step: &Step<'_>, taken: Vec<Taken>, board: &mut Board<'_>) {
    let request = |taken: &Taken| {
        let path = format!("/api/v2/tickets/{}/comments.json", taken.ticket);
        Request::get(path).query("page[size]", 100).query("sort", "-created_at")
    };
    let answers = step.transport.send_all(taken.iter().map(request).collect());
    for (taken, answer) in taken.iter().zip(answers) {
        let listed = answer.ok().filter(Response::is_success).and_then(|response| listed(taken, &response));
        let record = listed.map_or_else(|| told(taken), Ok);
        board.set(taken.at, record.map(|record| Outcome::Done(record.origin(Some(taken.key.clone())))));
    }
}

fn listed(taken: &Taken, response: &Response) -> Option<Envelope> {
    let comments = all(response, "comments").ok()?;
    comments.into_iter().find_map(|raw| {
        let comment: Comment<'_> =
            json::object(raw).ok().filter(|comment: &Comment<'_>| comment.id == taken.id)?;
        Some(comment.record(&taken.ticket.to_string(), raw.get()))
    })
}

fn told(taken: &Taken) -> Result<Envelope, Error> {
    let unlike = |error: serde_json::Error| Error::invalid_data("zendesk.answer", error.to_string());
    let raw: &RawValue = serde_json::from_str(&taken.event).map_err(unlike)?;
    Ok(json::object::<Comment<'_>>(raw)?.record(&taken.ticket.to_string(), raw.get()))
}

fn no_ticket(parent: Option<&str>) -> Error {
    let words = match parent {
        Some(other) => format!("'{other}' is not the id of a ticket"),
        None => "a comment belongs to a ticket: say to which one, as its parent".to_owned(),
    };
    Error::invalid_data("zendesk.ticket-id", words)
}

fn no_such_ticket(ticket: u64) -> Error {
    Error::not_found(
        "ticket.gone",
        format!("Zendesk has no ticket {ticket} (any more), so it takes no comment"),
    )
}

fn not_added(response: &Response) -> Error {
    Error::invalid_data("zendesk.comment-empty", format!("{}: Zendesk made no comment of it", response.place))
}
