//! The control surface's part about the account: changes as if somebody had made them
//! in the agents' window.
//!
//! They are put in as they are, without the API's checks. The vendor's clock is then set
//! forward over the minute that exports hold back, so that they can be seen at once.

use super::{account::Account, comments, oauth, seed::FIRST_USER, tickets};
use crate::vendor::{Answer, Request};
use anyhow::{Context as _, Result, anyhow, ensure};
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::{sync::LazyLock, time::Duration};

/// What can be asked for.
const HELP: &str = "POST   /_fake/tickets               make a ticket with these properties
PATCH  /_fake/tickets/ID            set properties of a ticket
DELETE /_fake/tickets/ID            delete a ticket
POST   /_fake/tickets/ID/purge      take a ticket away without a trace: no export tells of it
POST   /_fake/tickets/ID/comments   add a comment: {\"body\": …, \"public\": …, \"author_id\": …}
PATCH  /_fake/users/ID              set properties of a user; {\"active\": false} deletes him
GET    /_fake/clock                 the vendor's time
POST   /_fake/clock                 set it forward: {\"advance-seconds\": 61}
";

/// What can be asked for, of OAuth as well.
pub(super) fn help() -> &'static str {
    static ALL: LazyLock<String> = LazyLock::new(|| format!("{HELP}{}", oauth::HELP));
    &ALL
}

/// Answers a request below `/_fake` that the server does not know.
pub(super) fn answer(account: &Account, path: &str, request: &Request) -> Option<Answer> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if let ["oauth", rest @ ..] = segments.as_slice() {
        return oauth::control_answer(account, rest, request);
    }
    let body = || {
        serde_json::from_slice::<Map<String, Value>>(&request.body).context("the body must be a JSON object")
    };
    let id = |text: &str| text.parse::<u64>().map_err(|_| anyhow!("'{text}' is not an id"));
    let result = match (&request.method, segments.as_slice()) {
        (&Method::POST, ["tickets"]) => body().and_then(|body| create_ticket(account, body)),
        (&Method::PATCH, ["tickets", text]) => id(text).and_then(|id| change_ticket(account, id, body()?)),
        (&Method::DELETE, ["tickets", text]) => id(text).and_then(|id| delete_ticket(account, id)),
        (&Method::POST, ["tickets", text, "purge"]) => id(text).and_then(|id| purge_ticket(account, id)),
        (&Method::POST, ["tickets", text, "comments"]) => {
            id(text).and_then(|id| add_comment(account, id, &body()?))
        }
        (&Method::PATCH, ["users", text]) => id(text).and_then(|id| change_user(account, id, body()?)),
        (&Method::GET, ["clock"]) => Ok(json!({ "now": account.clock.now() })),
        (&Method::POST, ["clock"]) => body().and_then(|body| advance(account, &body)),
        _ => return None,
    };
    Some(match result {
        Ok(document) => Answer::json(StatusCode::OK, &document),
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({ "error": format!("{error:#}") })),
    })
}

/// Makes a ticket with these properties; what is missing is filled in.
pub(super) fn create_ticket(account: &Account, properties: Map<String, Value>) -> Result<Value> {
    let mut state = account.state();
    let id = state.tickets.take_id();
    let mut value = state.tickets.value(1).unwrap_or_default();
    let set = [
        ("id", id.into()),
        ("url", account.url(&format!("tickets/{id}.json")).into()),
        ("status", "new".into()),
    ];
    value.extend(set.map(|(name, value)| (name.to_owned(), value)));
    value.extend(properties);
    let value = state.save_ticket(&account.clock, id, value);
    drop(state);
    show_at_once(account);
    Ok(value.into())
}

/// Sets these properties of a ticket, deleted or not.
pub(super) fn change_ticket(account: &Account, id: u64, properties: Map<String, Value>) -> Result<Value> {
    let mut state = account.state();
    let mut value = state.tickets.value(id).with_context(|| format!("there is no ticket {id}"))?;
    value.extend(properties);
    let value = state.save_ticket(&account.clock, id, value);
    drop(state);
    show_at_once(account);
    Ok(value.into())
}

/// Deletes a ticket.
pub(super) fn delete_ticket(account: &Account, id: u64) -> Result<Value> {
    let mut state = account.state();
    tickets::remove(account, &mut state, id).with_context(|| format!("there is no ticket {id}"))?;
    drop(state);
    show_at_once(account);
    Ok(json!({ "deleted": id }))
}

/// Takes a ticket away without a trace, as the vendor does with what was deleted long ago.
pub(super) fn purge_ticket(account: &Account, id: u64) -> Result<Value> {
    ensure!(account.state().tickets.purge(id), "there is no ticket {id}");
    Ok(json!({ "purged": id }))
}

/// Adds a comment (`body`, and `public` and `author_id` where they matter) to a ticket,
/// which counts as a change of it.
pub(super) fn add_comment(account: &Account, id: u64, comment: &Map<String, Value>) -> Result<Value> {
    let mut state = account.state();
    let value = state.tickets.value(id).with_context(|| format!("there is no ticket {id}"))?;
    let body = comment.get("body").and_then(Value::as_str).context("a comment needs a body")?.to_owned();
    state.save_ticket(&account.clock, id, value);
    let new = comments::New {
        author: comment.get("author_id").and_then(Value::as_u64).unwrap_or(FIRST_USER),
        body,
        html_body: None,
        public: comment.get("public").and_then(Value::as_bool).unwrap_or(true),
        audit: state.event_id(),
        custom: json!({}),
        at: state.tickets.at(id).unwrap_or_default(),
    };
    let added = comments::add(&mut state, id, new);
    drop(state);
    show_at_once(account);
    Ok(added)
}

/// Sets these properties of a user; `active: false` deletes him.
pub(super) fn change_user(account: &Account, id: u64, properties: Map<String, Value>) -> Result<Value> {
    let mut state = account.state();
    let mut value = state.users.value(id).with_context(|| format!("there is no user {id}"))?;
    value.extend(properties);
    let value = state.save_user(&account.clock, id, value);
    drop(state);
    show_at_once(account);
    Ok(value.into())
}

fn advance(account: &Account, body: &Map<String, Value>) -> Result<Value> {
    let seconds = body
        .get("advance-seconds")
        .and_then(Value::as_u64)
        .context("say how far: {\"advance-seconds\": 61}")?;
    account.clock.advance(Duration::from_secs(seconds));
    Ok(json!({ "now": account.clock.now() }))
}

fn show_at_once(account: &Account) {
    account.clock.advance(account.export_lag + Duration::from_secs(1));
}
