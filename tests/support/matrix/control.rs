//! The control surface's part about rooms: what other people do there.

use super::homeserver::{Homeserver, State};
use crate::vendor::{Answer, Request};
use anyhow::{Context as _, Result};
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

/// What can be asked for.
pub(super) const HELP: &str =
    "GET    /_fake/messages              all messages of all rooms, as they now stand
POST   /_fake/reactions             react to a message: {\"message-id\": …, \"key\": …, \"sender\": …}
POST   /_fake/edits                 edit a message as its sender: {\"message-id\": …, \"text\": …}
DELETE /_fake/transactions          forget which transactions were done
";

/// Answers a request below `/_fake` that the server does not know.
pub(super) fn answer(server: &Homeserver, path: &str, request: &Request) -> Option<Answer> {
    let body = || {
        serde_json::from_slice::<Map<String, Value>>(&request.body).context("the body must be a JSON object")
    };
    let result = match (&request.method, path) {
        (&Method::GET, "/messages") => Ok(messages(server).into()),
        (&Method::POST, "/reactions") => body().and_then(|body| {
            react(server, text(&body, "message-id")?, text(&body, "key")?, text(&body, "sender")?)
        }),
        (&Method::POST, "/edits") => {
            body().and_then(|body| edit(server, text(&body, "message-id")?, text(&body, "text")?))
        }
        (&Method::DELETE, "/transactions") => {
            server.state().transactions.clear();
            Ok(json!({}))
        }
        _ => return None,
    };
    Some(match result {
        Ok(document) => Answer::json(StatusCode::OK, &document),
        Err(error) => Answer::json(StatusCode::BAD_REQUEST, &json!({ "error": format!("{error:#}") })),
    })
}

/// All messages of all rooms.
pub(super) fn messages(server: &Homeserver) -> Vec<Value> {
    let state = server.state();
    let in_room = |(id, room): (&String, &super::homeserver::Room)| {
        let messages = room.events.iter().filter(|event| event.kind == "m.room.message");
        messages.map(|event| room.shown(id, event)).collect::<Vec<_>>()
    };
    state.rooms.iter().flat_map(in_room).collect()
}

/// Reacts to a message.
pub(super) fn react(server: &Homeserver, message: &str, key: &str, sender: &str) -> Result<Value> {
    let mut state = server.state();
    let (room, _) = find(&state, message)?;
    let content = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": message, "key": key } });
    Ok(json!({ "event-id": state.add(&room, "m.reaction", sender, content) }))
}

/// Edits a message, as its sender would.
pub(super) fn edit(server: &Homeserver, message: &str, words: &str) -> Result<Value> {
    let mut state = server.state();
    let (room, sender) = find(&state, message)?;
    let content = json!({
        "msgtype": "m.text", "body": format!("* {words}"), "m.new_content": { "msgtype": "m.text", "body": words },
        "m.relates_to": { "rel_type": "m.replace", "event_id": message },
    });
    Ok(json!({ "event-id": state.add(&room, "m.room.message", &sender, content) }))
}

/// The room of a message, and who sent it.
fn find(state: &State, message: &str) -> Result<(String, String)> {
    let found =
        state.rooms.iter().find_map(|(id, room)| Some((id.clone(), room.event(message)?.sender.clone())));
    found.with_context(|| format!("there is no message {message}"))
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str> {
    body.get(name).and_then(Value::as_str).with_context(|| format!("'{name}' must be a text"))
}
